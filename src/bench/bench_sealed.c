/* SPDX-License-Identifier: Apache-2.0 */
/* bench_sealed -- a run that reads sealed sets: the use is written down before the first
 * byte is opened, and the declarations are those of the sealing. The inputs of a set may
 * have other names in each record, so they alone may be mapped anew, to columns that were
 * sealed as inputs: never to the label or an identifier. */
#include "bench/bench_answers.h"
#include "bench/bench_vault.h"

enum { SEALED_DOC_MAX = 1 << 20 };

/* ---- the use
 * -------------------------------------------------------------------------------- */
static const char families[] =
#define X(name, rows, fn, needs) name " "
    BENCH_FAMILY_MAP(X)
#undef X
    ;

static int canon_digest(const struct json *v, char hex[CRYPTO_HEX])
{
    uint8_t digest[32];
    struct buf b;
    int err;
    buf_init(&b, 64 << 20);
    err = json_canon(&b, v);
    crypto_sha256(buf_str(&b), digest);
    crypto_hex(digest, 32, hex);
    buf_release(&b);
    return err;
}

/* The sets of a run, each once; *id is the caller's. */
static int sealed_ids(const struct bench_run *r, struct str **out, size_t *n)
{
    struct str *id = *out = am_calloc(r->set.n + 1, sizeof *id);
    *n = 0;
    if (!id)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->set.n; i++) {
        struct str one, member;
        size_t k = 0;
        if (!bench_sealed_path(json_get_str(r->set.v[i].doc, "path"), &one, &member))
            continue;
        while (k < *n && !str_eq(id[k], one))
            k++;
        if (k == *n)
            id[(*n)++] = one;
    }
    return AM_OK;
}

/* A threshold of the future has not been frozen. */
static void check_plan(const struct json *v, const char *member, const char *at,
                       struct diag *d)
{
    int64_t when;
    if (!time_parse(json_get_str(v, member), &when) && when > time_now())
        diag_err(d, at, "bench.sealed_plan",
                 "dated after now: the plan comes before the data are opened");
}

static int use_sets(struct bench_run *r, const struct bench_input *in,
                    const struct str *id, size_t n, struct diag *d)
{
    const struct json *threshold = json_get(r->manifest, "threshold");
    struct bench_vault_use u = {
        .purpose = in->kept    ? BENCH_VAULT_VERIFY
                   : in->again ? BENCH_VAULT_RERUN
                               : BENCH_VAULT_RUN,
        .by = in->by ? str_c(in->by) : json_get_str(r->manifest, "tester_org"),
        .vendor = json_get_str(json_get(r->record, "issuer"), "org_id"),
        .algorithm_id = json_get_str(r->record, "algorithm_id"),
        .model_digest = json_get_str(r->record, "model_digest"),
        .threshold = r->threshold,
        .frozen_at = json_get_str(threshold, "frozen_at"),
        .seed = r->seed,
        .members = json_get(r->manifest, "data"),
        .families = families,
    };
    int err;
    check_plan(threshold, "frozen_at", "/manifest/threshold/frozen_at", d);
    check_plan(r->record, "issued_at", "/record/issued_at", d);
    err = diag_result(d);
    if (!err)
        err = canon_digest(r->record, u.record_sha256);
    if (!err)
        err = canon_digest(json_get(r->record, "evaluation_plan"), u.plan_sha256);
    crypto_hex(r->model_sha256, 32, u.model_sha256);
    bench_answers_digest(r, u.answers_sha256);
    if (!err)
        err = bench_vault_use(in->vault, id, n, &u, &r->opened, d);
    if (!err)
        r->first_use_at = bench_opened_first_at(r->opened);
    return err;
}

int bench_sealed_use(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct str *id;
    size_t n;
    int err = sealed_ids(r, &id, &n);
    if (!err && n && !in->vault) {
        diag_err(d, "/manifest/data", "bench.sealed_store",
                 "sealed sets need their store and its key");
        err = AM_E_INVALID;
    }
    if (!err && n)
        err = use_sets(r, in, id, n, d);
    free(id);
    return err;
}

bool bench_sealed_any(const struct bench_run *r)
{
    struct str id, member;
    for (size_t i = 0; i < r->set.n; i++)
        if (bench_sealed_path(json_get_str(r->set.v[i].doc, "path"), &id, &member))
            return true;
    return false;
}

/* Only a run that is over and whole; what helps one, or verifies one, is none. */
int bench_sealed_result(const struct bench_run *r, const struct bench_input *in,
                        struct diag *d)
{
    char hex[CRYPTO_HEX];
    struct str *id;
    size_t n;
    int err;
    if (in->kept || in->helps || !in->vault)
        return AM_OK;
    err = sealed_ids(r, &id, &n);
    bench_answers_digest(r, hex);
    if (!err && n)
        err = bench_vault_result(in->vault, id, n, hex, d);
    free(id);
    return err;
}

/* ---- declarations
 * ---------------------------------------------------------------------------- */
/* What must be as it was sealed. */
static void declared(struct jw *w, const struct json *v, unsigned depth)
{
    static const char *const own[2][2] = {{"path", "sha256"}, {"inputs", "units"}};
    jw_obj(w);
    for (json_each(it, v)) {
        if (depth < 2 &&
            (str_eqc(it.key, own[depth][0]) || str_eqc(it.key, own[depth][1])))
            continue;
        jw_keyn(w, it.key);
        if (!depth && str_eqc(it.key, "columns")) {
            declared(w, it.val, 1);
        } else if (!depth && str_eqc(it.key, "comorbidities")) {
            jw_arr(w);
            for (json_each(one, it.val)) { /* "input" is a name of the record */
                jw_obj(w);
                jw_kval(w, "code", json_get(one.val, "code"));
                jw_kval(w, "column", json_get(one.val, "column"));
                jw_kval(w, "present", json_get(one.val, "present"));
                jw_obj_end(w);
            }
            jw_arr_end(w);
        } else {
            jw_val(w, it.val);
        }
    }
    jw_obj_end(w);
}

static int same_declared(const struct json *a, const struct json *b, bool *same)
{
    struct json_doc *doc[2] = {NULL, NULL};
    const struct json *v[2] = {a, b};
    struct buf text;
    int err = AM_OK;
    buf_init(&text, SEALED_DOC_MAX);
    for (size_t i = 0; i < 2 && !err; i++) {
        struct jw w;
        buf_clear(&text);
        jw_init(&w, &text);
        declared(&w, v[i], 0);
        err = jw_done(&w);
        if (!err)
            err = json_parse(&doc[i], buf_str(&text), NULL, NULL);
    }
    *same = !err && json_equal(json_root(doc[0]), json_root(doc[1]));
    json_free(doc[0]);
    json_free(doc[1]);
    buf_release(&text);
    return err;
}

/* The name under which a column was sealed as an input; STR_NULL: it was not. */
static struct str sealed_input(const struct json *entry, struct str column)
{
    for (json_each(it, json_get(json_get(entry, "columns"), "inputs")))
        if (str_eq(json_str(it.val), column))
            return it.key;
    return STR_NULL;
}

static void check_inputs(const struct bench_run *r, const struct bench_set *s,
                         const struct json *entry, struct diag *d)
{
    const struct json *columns = json_get(s->doc, "columns"),
                      *units = json_get(json_get(entry, "columns"), "units");
    for (json_each(it, json_get(columns, "inputs"))) {
        struct str name = sealed_input(entry, json_str(it.val)), was, now = STR_NULL;
        char at[BENCH_PATH], more[96];
        snprintf(more, sizeof more, "/columns/inputs/%.*s",
                 (int)AM_MIN(it.key.n, (size_t)60), it.key.p);
        if (!name.n) {
            diag_err(d, bench_at(s, at, more), "bench.sealed_input",
                     "not a column that was sealed as an input");
            continue;
        }
        for (json_each(one, json_get(r->record, "inputs")))
            if (str_eq(json_get_str(one.val, "name"), it.key))
                now = json_get_str(one.val, "unit");
        was = json_str(json_getn(units, name));
        if (was.n && !str_eq(was, now))
            diag_err(d, bench_at(s, at, more), "bench.unit",
                     "\"%.*s\", the record says \"%.*s\"", STR_FMT(was), STR_FMT(now));
    }
}

int bench_sealed_read(const struct bench_run *r, const struct bench_set *s,
                      struct buf *out, struct diag *d)
{
    const struct json *entry = NULL;
    struct str id, member;
    char at[BENCH_PATH];
    bool same;
    int err;
    if (!bench_sealed_path(json_get_str(s->doc, "path"), &id, &member))
        return AM_E_INTERNAL;
    if (!r->opened) { /* what is not of manifest.data is no use of a set */
        diag_err(d, bench_at(s, at, "/path"), "bench.sealed_unknown",
                 "only data sets are read from a sealed set");
        return AM_E_INVALID;
    }
    err = bench_opened_read(r->opened, id, member, out, &entry, d);
    if (!err)
        err = same_declared(entry, s->doc, &same);
    if (err)
        return err;
    if (!same)
        diag_err(d, bench_at(s, at, ""), "bench.sealed_declared",
                 "not what was declared when the set was sealed");
    check_inputs(r, s, entry, d);
    return diag_result(d);
}
