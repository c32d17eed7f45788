/* SPDX-License-Identifier: Apache-2.0 */
/* bench_output -- evidence records, the sealed score file, curves, tables. Nothing here
 * names a patient: a case is its place in its site's file. */
#include <sys/utsname.h>

#include "bench/bench_priv.h"

/* ---- evidence
 * --------------------------------------------------------------------------------- */
static void hex_of(struct jw *w, const char *key, const uint8_t digest[32])
{
    char hex[CRYPTO_HEX];
    jw_kstrz(w, key, crypto_hex(digest, 32, hex));
}

static void time_of(struct jw *w, const char *key, int64_t at)
{
    char text[TIME_TEXT];
    jw_kstrz(w, key, time_format(at, text));
}

/* From the first day of any site to the last; ISO dates sort as text. */
static void period_json(const struct bench_run *r, struct jw *w)
{
    struct str from = STR_NULL, to = STR_NULL;
    for (size_t i = 0; i < r->set.n; i++) {
        const struct json *p = json_get(r->set.v[i].doc, "period");
        struct str f = json_get_str(p, "from"), t = json_get_str(p, "to");
        from = !i || str_cmp(f, from) < 0 ? f : from;
        to = !i || str_cmp(t, to) > 0 ? t : to;
    }
    jw_key(w, "period");
    jw_obj(w);
    jw_kstr(w, "from", from);
    jw_kstr(w, "to", to);
    jw_obj_end(w);
}

static int64_t positives(const struct bench_run *r)
{
    int64_t m = 0;
    for (size_t i = 0; i < r->set.n; i++)
        m += r->set.v[i].positives;
    return m;
}

static void dataset_json(const struct bench_run *r, struct jw *w)
{
    jw_obj(w);
    jw_kval(w, "id", json_get(r->manifest, "id"));
    hex_of(w, "sha256", r->manifest_sha256);
    jw_kint(w, "n", (int64_t)r->used);
    jw_kint(w, "positives", positives(r));
    period_json(r, w);
    jw_kval(w, "external", json_get(r->manifest, "external"));
    jw_kval(w, "tester_org", json_get(r->manifest, "tester_org"));
    jw_kstrz(w, "leakage_test", r->leakage);
    jw_key(w, "sites");
    jw_arr(w);
    for (size_t i = 0; i < r->set.n; i++) {
        const struct bench_set *s = &r->set.v[i];
        jw_obj(w);
        jw_kstr(w, "site", s->site);
        jw_kstr(w, "gst", s->gst);
        jw_kint(w, "n", s->n);
        jw_kint(w, "positives", s->positives);
        hex_of(w, "sha256", s->source.sha256);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

void bench_measure_json(const struct bench_run *r, const struct bench_measure *m,
                        struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "row", m->row);
    jw_kstrz(w, "name", m->name);
    jw_kstrz(w, "group", m->group);
    jw_knum(w, "threshold", m->threshold);
    jw_knum(w, "estimate", m->estimate);
    jw_knum(w, "ci95_low", m->ci95[0]);
    jw_knum(w, "ci95_high", m->ci95[1]);
    jw_kstrz(w, "ci_method", m->ci_method);
    jw_kint(w, "n", m->n);
    jw_kint(w, "positives", m->positives);
    jw_key(w, "seed");
    jw_strf(w, "%llu", (unsigned long long)r->seed);
    jw_obj_end(w);
}

static void bench_json(const struct bench_run *r, struct jw *w)
{
    struct utsname u;
    jw_obj(w);
    jw_kstrz(w, "version", AMANE_VERSION);
    hex_of(w, "sha256", r->program_sha256);
    hex_of(w, "config_sha256", r->config_sha256);
    jw_key(w, "hardware");
    if (uname(&u))
        jw_strz(w, "unknown");
    else
        jw_strf(w, "%.60s %.60s %.60s", u.sysname, u.release, u.machine);
    time_of(w, "started", r->started_at);
    time_of(w, "ended", r->ended_at);
    jw_obj_end(w);
}

/* What evidence of a family speaks for. */
struct spoken {
    const struct bench_family *f;
    bench_row_fn *wanted;
    const void *cookie;
};

static bool speaks(const struct spoken *s, struct str row)
{
    struct str rest = str_c(s->f->rows);
    bool feeds = false;
    while (rest.n)
        feeds |= str_eq(str_cut(rest, ' ', &rest), row);
    return feeds && (!s->wanted || s->wanted(s->cookie, row));
}

static size_t rows_json(const struct spoken *s, struct jw *w)
{
    struct str rest = str_c(s->f->rows);
    size_t n = 0;
    jw_key(w, "rows");
    jw_arr(w);
    while (rest.n) {
        struct str row = str_cut(rest, ' ', &rest);
        if (!speaks(s, row))
            continue;
        jw_str(w, row);
        n++;
    }
    jw_arr_end(w);
    return n;
}

/* The one verdict the bench itself gives: that a row cannot apply, at any level. */
static void na_json(const struct bench_run *r, const struct spoken *s, struct jw *w)
{
    static const char *const level[] = {"base", "intermediate", "advanced"};
    size_t n = 0;
    for (size_t i = 0; i < r->na.n; i++)
        n += speaks(s, str_c(r->na.v[i].row));
    if (!n)
        return;
    jw_key(w, "row_results");
    jw_arr(w);
    for (size_t i = 0; i < r->na.n; i++)
        for (size_t k = 0; k < AM_LEN(level) && speaks(s, str_c(r->na.v[i].row)); k++) {
            jw_obj(w);
            jw_kstrz(w, "row", r->na.v[i].row);
            jw_kstrz(w, "level", level[k]);
            jw_kstrz(w, "verdict", "not_applicable");
            jw_kstrz(w, "reason", r->na.v[i].reason);
            jw_obj_end(w);
        }
    jw_arr_end(w);
}

static void head_json(const struct bench_run *r, const struct bench_family *f,
                      struct str org_id, int64_t at, struct jw *w)
{
    time_of(w, "issued_at", at);
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", "bench_operator");
    jw_kstr(w, "org_id", org_id);
    jw_obj_end(w);
    jw_kval(w, "model_digest", json_get(r->record, "model_digest"));
    jw_kstrz(w, "family", f->name);
}

int bench_evidence(const struct bench_run *r, size_t family, bench_row_fn *wanted,
                   const void *cookie, struct str org_id, int64_t at,
                   struct buf *record_json)
{
    const struct bench_family *f = &r->family.v[family];
    struct spoken s = {f, wanted, cookie};
    size_t rows;
    struct jw w;
    am_assert(family < r->family.n);
    jw_init(&w, record_json);
    jw_pretty(&w);
    jw_obj(&w);
    head_json(r, f, org_id, at, &w);
    rows = rows_json(&s, &w);
    jw_key(&w, "dataset");
    dataset_json(r, &w);
    jw_key(&w, "measures");
    jw_arr(&w);
    for (size_t i = 0; i < f->n; i++)
        if (speaks(&s, str_c(r->measure.v[f->first + i].row)))
            bench_measure_json(r, &r->measure.v[f->first + i], &w);
    jw_arr_end(&w);
    na_json(r, &s, &w);
    jw_key(&w, "bench");
    bench_json(r, &w);
    hex_of(&w, "scores_sha256", r->scores_sha256);
    if (f->asked)
        hex_of(&w, "answers_sha256", f->answers_sha256);
    jw_obj_end(&w);
    return rows ? jw_done(&w) : AM_E_NOTFOUND;
}

/* ---- the score file
 * ------------------------------------------------------------------------------ */
static int add_field(struct buf *b, const char *z)
{
    int err = AM_OK;
    if (!strpbrk(z, ",\"\r\n"))
        return buf_adds(b, z);
    err = buf_addc(b, '"');
    for (; *z && !err; z++)
        err = *z == '"' ? buf_adds(b, "\"\"") : buf_addc(b, *z);
    return err ? err : buf_addc(b, '"');
}

static int add_case(const struct bench_run *r, size_t i, struct buf *b)
{
    const struct bench_case *c = &r->cases.v[i];
    char score[JSON_NUM + 1] = "";
    int err;
    if (!isnan(c->score))
        score[json_num_format(c->score, score)] = 0;
    err = buf_addf(b, "%u,%.*s,", c->row + 1, STR_FMT(r->set.v[c->set].site));
    if (!err && c->why != BENCH_LABEL_MISSING)
        err = buf_addf(b, "%d", c->y);
    if (!err)
        err = buf_addf(b, ",%s,%s", score, bench_reject_name[c->why]);
    for (size_t a = 0; a < r->attribute.n && !err; a++) {
        uint16_t id = r->attribute.v[a].id[i];
        err = buf_addc(b, ',');
        if (!err && id != BENCH_NO_GROUP)
            err = add_field(b, r->attribute.v[a].value.v[id]);
    }
    for (size_t k = 0; k < r->extra.n && !err; k++) {
        double v = r->extra.v[k].v[i];
        score[isnan(v) ? 0 : json_num_format(v, score)] = 0;
        err = buf_addf(b, ",%s", score);
    }
    return err ? err : buf_addc(b, '\n');
}

int bench_write_scores(struct bench_run *r)
{
    struct buf *b = &r->scores;
    int err = buf_adds(b, "case,site,label,score,rejected");
    for (size_t a = 0; a < r->attribute.n && !err; a++) {
        err = buf_addc(b, ',');
        if (!err)
            err = add_field(b, r->attribute.v[a].name);
    }
    for (size_t k = 0; k < r->extra.n && !err; k++) {
        err = buf_addc(b, ',');
        if (!err)
            err = add_field(b, r->extra.v[k].name);
    }
    if (!err)
        err = buf_addc(b, '\n');
    for (size_t i = 0; i < r->cases.n && !err; i++)
        err = add_case(r, i, b);
    if (!err)
        crypto_sha256(buf_str(b), r->scores_sha256);
    return err;
}

/* ---- tables of the summary
 * -------------------------------------------------------------------------- */
void bench_dataset_json(const struct bench_run *r, struct jw *w)
{
    int64_t by_reason[BENCH_REJECTS] = {0}, rejected = 0;
    jw_obj(w);
    jw_kval(w, "id", json_get(r->manifest, "id"));
    hex_of(w, "sha256", r->manifest_sha256);
    jw_kint(w, "rows", (int64_t)r->cases.n);
    jw_kint(w, "n", (int64_t)r->used);
    jw_kint(w, "positives", positives(r));
    for (size_t i = 0; i < r->set.n; i++)
        for (size_t k = BENCH_USED + 1; k < BENCH_REJECTS; k++) {
            by_reason[k] += r->set.v[i].rejected[k];
            rejected += r->set.v[i].rejected[k];
        }
    jw_kint(w, "rejected", rejected);
    jw_key(w, "rejected_reasons");
    jw_obj(w);
    for (size_t k = BENCH_USED + 1; k < BENCH_REJECTS; k++)
        jw_kint(w, bench_reject_name[k], by_reason[k]);
    jw_obj_end(w);
    jw_key(w, "sites");
    jw_arr(w);
    for (size_t i = 0; i < r->set.n; i++) {
        const struct bench_set *s = &r->set.v[i];
        jw_obj(w);
        jw_kstr(w, "site", s->site);
        jw_kstr(w, "gst", s->gst);
        jw_kint(w, "rows", (int64_t)s->rows);
        jw_kint(w, "n", s->n);
        jw_kint(w, "positives", s->positives);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static void ci_json(struct jw *w, const char *key, struct stat_ci ci)
{
    jw_key(w, key);
    if (stat_absent(ci.lo)) {
        jw_null(w);
        return;
    }
    jw_arr(w);
    jw_num(w, ci.lo);
    jw_num(w, ci.hi);
    jw_arr_end(w);
}

static void subgroup_json(struct jw *w, const char *group, const struct bench_slice *p)
{
    int64_t n = p->auc.n, m = p->auc.n_pos;
    jw_obj(w);
    jw_kstrz(w, "group", group);
    jw_kint(w, "n", n);
    jw_kint(w, "positives", m);
    jw_knum(w, "prevalence", stat_proportion(m, n));
    jw_knum(w, "auc", p->auc.auc);
    ci_json(w, "auc_ci95", p->gate);
    jw_knum(w, "sensitivity", p->b.sensitivity.value);
    ci_json(w, "sensitivity_ci95", p->b.sensitivity.wilson);
    jw_knum(w, "specificity", p->b.specificity.value);
    ci_json(w, "specificity_ci95", p->b.specificity.wilson);
    jw_knum(w, "ppv", p->b.ppv.value);
    jw_knum(w, "npv", p->b.npv.value);
    jw_knum(w, "brier", p->b.brier);
    jw_obj_end(w);
}

int bench_subgroups_json(const struct bench_run *r, struct jw *w)
{
    struct bench_slice p;
    char group[160];
    int err = bench_slice(r, BENCH_ALL, 0, 0, &p);
    jw_arr(w);
    if (!err)
        subgroup_json(w, "", &p);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[i].site));
        err = bench_slice(r, BENCH_SITE, i, 0, &p);
        if (!err)
            subgroup_json(w, group, &p);
    }
    for (size_t a = 0; a < r->attribute.n; a++)
        for (size_t v = 0; v < r->attribute.v[a].value.n && !err; v++) {
            snprintf(group, sizeof group, "%s=%s", r->attribute.v[a].name,
                     r->attribute.v[a].value.v[v]);
            err = bench_slice(r, BENCH_GROUP, a, v, &p);
            if (!err && p.auc.n >= BENCH_SHOWN_MIN)
                subgroup_json(w, group, &p);
        }
    jw_arr_end(w);
    return err;
}

void bench_meta_json(const struct bench_run *r, struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "version", AMANE_VERSION);
    hex_of(w, "sha256", r->program_sha256);
    jw_key(w, "seed");
    jw_strf(w, "%llu", (unsigned long long)r->seed);
    time_of(w, "started", r->started_at);
    time_of(w, "ended", r->ended_at);
    jw_obj_end(w);
}
