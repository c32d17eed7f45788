/* SPDX-License-Identifier: Apache-2.0 */
/* What FHIRPath costs: the invariants of R4 on real resources, one thread, CPU seconds.
 *
 *     bench-fhir_path BUNDLE.json
 *
 * Every invariant on the root of a resource's type is evaluated on every resource of the
 * Bundle, by fhir_path_true(), then some expressions as clients write them, by
 * fhir_path_eval(). fhirpath.js 5.2.2 compiled: 108,000 evaluations/s (design/fhir.md).
 */
#include <time.h>

#include "fhir/def.h"
#include "fhir/path.h"

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void one(const char *name, const char *text, const struct json *resource,
                struct arena *arena)
{
    struct fhir_path *p = NULL;
    struct fhir_path_env env = {.root = resource, .arena = arena};
    struct fhir_path_result r;
    size_t n = 0, items = 0;
    double start, spent;
    if (fhir_path_compile(&p, str_c(text), 0, NULL))
        return;
    start = cpu();
    do {
        for (int i = 0; i < 1000; i++, n++) {
            arena_release(arena);
            if (fhir_path_eval(p, &env, NULL, &r, NULL))
                break;
            items += r.n;
        }
        spent = cpu() - start;
    } while (spent < 0.3);
    printf("%-22s %9.0f evaluations/s  (%zu items)  %s\n", name, (double)n / spent,
           items / n, text);
    fhir_path_free(p);
}

struct rules {
    struct fhir_path *p[64];
    size_t n;
};

/* The invariants a type and its bases have on the root. */
static void rules_of(const struct fhir_type *t, struct rules *out)
{
    for (; t; t = t->base == FHIR_NONE ? NULL : &fhir_def_type[t->base])
        for (uint16_t i = 0; i < t->rules && out->n < AM_LEN(out->p); i++)
            if (!fhir_path_compile(&out->p[out->n],
                                   fhir_text(fhir_def_rule[t->rule + i].expression),
                                   FHIR_PATH_INVARIANT, NULL))
                out->n++;
}

static void invariants(const struct json *bundle, struct arena *arena)
{
    static struct rules rules[2048];
    static bool known[2048];
    size_t done = 0, resources = 0, broken = 0, errors = 0;
    double start = cpu(), spent;
    for (int round = 0; round < 2; round++) { /* the first compiles */
        start = cpu();
        done = resources = broken = errors = 0;
        do {
            for (json_each(it, json_get(bundle, "entry"))) {
                const struct json *v = json_get(it.val, "resource");
                const struct fhir_type *t =
                    fhir_type_find(json_get_str(v, "resourceType"));
                struct fhir_path_env env = {.root = v, .arena = arena};
                struct fhir_path_item focus;
                size_t i;
                if (!t || (i = fhir_type_index(t)) >= AM_LEN(rules))
                    continue;
                if (!known[i])
                    rules_of(t, &rules[i]);
                known[i] = true;
                if (arena->used > 1 << 20)
                    arena_release(arena);
                focus = fhir_path_node(v, NULL, STR_NULL);
                for (size_t k = 0; k < rules[i].n; k++, done++) {
                    int r = fhir_path_true(rules[i].p[k], &env, &focus);
                    broken += r == 0 || r == FHIR_PATH_EMPTY;
                    errors += r < 0;
                }
                resources++;
            }
            spent = cpu() - start;
        } while (spent < 0.5);
    }
    printf(
        "invariants of the root %9.0f evaluations/s, %.2f us a resource (%zu resources, "
        "%zu not true, %zu errors)\n",
        (double)done / spent, spent / (double)resources * 1e6, resources, broken, errors);
}

int main(int argc, char **argv)
{
    const char *file = argc > 1 ? argv[1] : "/dev/null";
    struct json_doc *doc = NULL;
    struct json_limits limits = {.size_b = 64 << 20};
    struct arena arena;
    const struct json *patient = NULL;
    arena_init(&arena, 16 << 20);
    if (json_parse_file(&doc, file, &limits, NULL)) {
        fprintf(stderr, "bench-fhir_path: a Bundle in JSON is expected\n");
        return 2;
    }
    for (json_each(it, json_get(json_root(doc), "entry")))
        if (json_str_is(json_get(json_get(it.val, "resource"), "resourceType"),
                        "Patient"))
            patient = json_get(it.val, "resource");
    invariants(json_root(doc), &arena);
    one("members", "name.given", patient, &arena);
    one("members, typed", "Patient.name.where(use = 'official').given.first()", patient,
        &arena);
    one("truth", "name.exists() and birthDate < @2020-01-01", patient, &arena);
    one("choice", "Patient.deceased.exists() implies (Patient.deceased is dateTime)",
        patient, &arena);
    one("extension", "extension.where(url.contains('us-core-race')).exists()", patient,
        &arena);
    one("arithmetic", "0.1 + 0.2 = 0.3", patient, &arena);
    one("descendants", "descendants().count()", patient, &arena);
    json_free(doc);
    arena_release(&arena);
    return 0;
}
