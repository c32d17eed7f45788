/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of FHIR R4 resources per second of CPU of one core: the entries of Synthea's
 * bundles (AMANE_SHARED, else ../shared), each a text of its own as a server receives it;
 * parsed and judged, and judged alone. Prints how many bundles are refused, which should
 * be none. Peers, measured in design/fhir.md 4E on 312 such resources: @medplum/core
 * 5.2.13 validateResource 9,295/s (parsed before), npm fhir 4.12.0 7,039/s. */
#include <dirent.h>
#include <time.h>

#include "fhir/fhir_test.h"
#include "fhir/valid.h"

enum { BUNDLES = 60, ROUNDS = 3, TEXT_MAX = 64 << 20 };

struct all {
    VEC(struct buf) text; /* of one resource each */
    size_t bytes, bundles, refused;
    struct fhir_valid *valid;
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct json_limits limits = {.size_b = TEXT_MAX, .raw_numbers = true};

static int take(struct all *a, const struct json *resource)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, TEXT_MAX);
    jw_init(&w, &b);
    jw_val(&w, resource);
    err = jw_done(&w);
    a->bytes += b.n;
    return err ? err : vec_push(&a->text, b);
}

static int bundle(struct all *a, const char *path)
{
    struct json_doc *doc = NULL;
    struct buf text;
    struct diag d;
    int err;
    test_unpack(path, &text);
    diag_init(&d);
    err = json_parse(&doc, buf_str(&text), &limits, NULL);
    if (!err) {
        a->bundles++;
        a->refused += fhir_valid_check(a->valid, json_root(doc), 0, &d) != AM_OK;
    }
    for (json_each(it, json_get(json_root(doc), "entry")))
        if (!err && a->bundles <= BUNDLES)
            err = take(a, json_get(it.val, "resource"));
    json_free(doc);
    diag_release(&d);
    buf_release(&text);
    return err;
}

static int folder(struct all *a)
{
    const char *shared = getenv("AMANE_SHARED");
    char at[3000], path[4000];
    struct dirent *e;
    DIR *dir;
    int err = AM_OK;
    snprintf(at, sizeof at, "%s/data/fhir-synthea-r4/bundles",
             shared ? shared : "../shared");
    dir = opendir(at);
    if (!dir)
        return AM_E_NOTFOUND;
    while (!err && (e = readdir(dir)))
        if (str_ends(str_c(e->d_name), STR(".gz"))) {
            snprintf(path, sizeof path, "%s/%s", at, e->d_name);
            err = bundle(a, path);
        }
    closedir(dir);
    return err;
}

/* Resources per CPU second, the best of a few rounds. */
static int rate(struct all *a, bool parse_too, double *best)
{
    struct diag d;
    int err = AM_OK;
    diag_init(&d);
    *best = 0;
    for (int r = 0; r < ROUNDS && !err; r++) {
        double spent = 0;
        for (size_t i = 0; i < a->text.n && !err; i++) {
            struct json_doc *doc = NULL;
            double from = cpu_s(), mid;
            err = json_parse(&doc, buf_str(&a->text.v[i]), &limits, NULL);
            mid = cpu_s();
            if (!err && fhir_valid_check(a->valid, json_root(doc), 0, &d) == AM_E_NOMEM)
                err = AM_E_NOMEM;
            diag_clear(&d);
            spent += cpu_s() - (parse_too ? from : mid);
            json_free(doc);
        }
        *best = AM_MAX(*best, (double)a->text.n / spent);
    }
    diag_release(&d);
    return err;
}

static void line(const char *figure, double value, const char *unit, double target,
                 const char *better, const struct all *a)
{
    printf(
        "{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"%s\",\"target\":%.0f,\"better\":"
        "\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%zu resources of "
        "Synthea, %.0f bytes on average; CPU time, one thread; the clock is read twice "
        "for each\"}\n",
        figure, value, unit, target, better, a->text.n,
        (double)a->bytes / (double)AM_MAX(a->text.n, (size_t)1));
}

int main(void)
{
    struct all a = {0};
    double both, alone;
    int err = fhir_valid_new(&a.valid);
    if (!err)
        err = folder(&a);
    if (err == AM_E_NOTFOUND) {
        fputs("bench fhir: no Synthea bundles here: nothing measured\n", stderr);
        fhir_valid_free(a.valid);
        return 0;
    }
    if (!err)
        err = rate(&a, true, &both);
    if (!err)
        err = rate(&a, false, &alone);
    if (!err) {
        line("FHIR validation, parsing included", both, "resources/s", 100000, "higher",
             &a);
        line("FHIR validation alone", alone, "resources/s", 100000, "higher", &a);
        line("Synthea bundles refused", (double)a.refused, "bundles", 0, "lower", &a);
    }
    for (size_t i = 0; i < a.text.n; i++)
        buf_release(&a.text.v[i]);
    vec_release(&a.text);
    fhir_valid_free(a.valid);
    return err ? 1 : 0;
}
