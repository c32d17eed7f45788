/* SPDX-License-Identifier: Apache-2.0 */
/* bench_kept -- a run made again from what it left: the answers of the model are played,
 * and without the data the cases come from the score file (I2: they never held more).
 * Problems (codes kept.*) do not end it: a family whose tape is missing, of another run
 * or altered is marked, the others are derived. */
#include "bench/bench_answers.h"

#define SCORES_FILE "scores.csv"

bool bench_told_by_scores(const char *family)
{
    static const char *const told[] = {
#define X(name) name,
        BENCH_TOLD_MAP(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(told); i++)
        if (!strcmp(told[i], family))
            return true;
    return false;
}

/* ---- answers --------------------------------------------------------------------------
 */
static void problem(struct diag *d, const char *family, const char *code,
                    const char *detail)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "answers-%s.bin", family);
    diag_add(d, DIAG_WARNING, path, code, "%s", detail); /* the others go on */
}

static int take_answers(struct bench_run *r, const struct bench_kept_answers *k,
                        bool *known, struct diag *d)
{
    struct bench_answers a;
    int err = bench_answers_read(k->bytes, &a);
    if (err == AM_E_TAMPERED) {
        problem(d, k->family, "kept.answers", "not a file of answers, or not whole");
        return AM_OK;
    }
    if (err)
        return err;
    if (!str_eqc(a.family, k->family) ||
        memcmp(a.config_sha256, r->config_sha256, sizeof a.config_sha256) != 0 ||
        (*known && memcmp(a.model_sha256, r->model_sha256, sizeof a.model_sha256) != 0)) {
        problem(d, k->family, "kept.other_run", "answers of another run or family");
        bench_answers_release(&a);
        return AM_OK;
    }
    memcpy(r->model_sha256, a.model_sha256, sizeof r->model_sha256);
    *known = true;
    for (size_t i = 0; i < a.tape.n && !err; i++)
        err = vec_push(&r->played, a.tape.v[i]);
    bench_answers_release(&a);
    return err;
}

/* r->model_sha256 is that of the file when there is one, else that of the answers; no
 * digest at all: an endpoint gave the scores. */
int bench_kept_open(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    static const uint8_t nobodys[CRYPTO_SHA256];
    bool known = in->model.n > 0;
    int err = AM_OK;
    r->kept = in->kept;
    if (known)
        crypto_sha256(in->model, r->model_sha256);
    for (size_t i = 0; i < in->kept->n && !err; i++)
        err = take_answers(r, &in->kept->answers[i], &known, d);
    r->served = known && !memcmp(r->model_sha256, nobodys, sizeof nobodys);
    for (size_t i = 0; i < r->played.n && !err; i++)
        if (str_eqc(r->played.v[i].name, BENCH_TAPE_SCORES))
            return AM_OK;
    if (err)
        return err;
    diag_err(d, "answers-identity.bin", "kept.answers",
             "the scoring of the rows is not there: nothing can be made again");
    return AM_E_INVALID;
}

/* ---- cases of the score file ----------------------------------------------------------
 */
enum { AT_CASE, AT_SITE, AT_LABEL, AT_SCORE, AT_REJECTED, FIXED };

static enum bench_reject reject_of(struct str name)
{
    for (int k = 0; k < BENCH_REJECTS; k++)
        if (str_eqc(name, bench_reject_name[k]))
            return (enum bench_reject)k;
    return BENCH_REJECTS;
}

static bool take_case(struct bench_run *r, const struct bench_set *s, size_t row)
{
    const struct csv *c = r->kept_csv;
    size_t i = s->first + row;
    struct bench_case *out = &r->cases.v[i];
    struct str score = csv_at(c, i, AT_SCORE), label = csv_at(c, i, AT_LABEL);
    enum bench_reject why = reject_of(csv_at(c, i, AT_REJECTED));
    int64_t place, y = 0;
    *out = (struct bench_case){
        .set = (uint32_t)(s - r->set.v), .row = (uint32_t)row, .score = NAN};
    if (str_int(csv_at(c, i, AT_CASE), 1, UINT32_MAX, &place) ||
        place != (int64_t)row + 1 || why == BENCH_REJECTS ||
        (why == BENCH_LABEL_MISSING ? label.n > 0 : str_int(label, 0, 1, &y) != AM_OK) ||
        (score.n && str_double(score, &out->score)))
        return false;
    out->y = (uint8_t)y;
    out->why = (uint8_t)(why == BENCH_SCORE_NAN ? BENCH_USED : why);
    return true;
}

/* Rows of one site follow each other, in the order of the sites. */
static void count_rows(struct bench_run *r)
{
    size_t i = 0, n = csv_rows(r->kept_csv);
    for (size_t k = 0; k < r->set.n; k++) {
        struct bench_set *s = &r->set.v[k];
        s->first = i;
        while (i < n && str_eq(csv_at(r->kept_csv, i, AT_SITE), s->site))
            i++;
        s->rows = i - s->first;
    }
    r->cases.n = r->cases.cap = i;
}

static int take_cases(struct bench_run *r)
{
    size_t f = r->feature.n, n;
    if (csv_columns(r->kept_csv) < FIXED)
        return AM_E_TAMPERED;
    count_rows(r);
    n = r->cases.n;
    if (n != csv_rows(r->kept_csv) || n > BENCH_CELLS_MAX / (f + 1))
        return AM_E_TAMPERED;
    r->cases.v = am_calloc(n + 1, sizeof *r->cases.v);
    r->x = am_malloc((n * f + 1) * sizeof *r->x);
    if (!r->cases.v || !r->x)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n * f; i++)
        r->x[i] = NAN; /* nobody's: what reads it must not run */
    for (size_t k = 0; k < r->set.n; k++)
        for (size_t i = 0; i < r->set.v[k].rows; i++)
            if (!take_case(r, &r->set.v[k], i))
                return AM_E_TAMPERED;
    return AM_OK;
}

static int take_clusters(struct bench_run *r)
{
    size_t n = r->cases.n, at = 0;
    int err = AM_OK;
    r->clustered = json_str_is(json_get(r->manifest, "cluster"), "obuchowski");
    r->cluster = am_malloc((n + 1) * sizeof *r->cluster);
    if (!r->cluster)
        return AM_E_NOMEM;
    if (r->clustered && csv_find(r->kept_csv, STR("case:cluster"), &at))
        return AM_E_TAMPERED;
    for (size_t i = 0; i < n && !err; i++) {
        int64_t c = (int64_t)i;
        if (r->clustered)
            err = str_int(csv_at(r->kept_csv, i, at), 0, (int64_t)n - 1, &c);
        r->cluster[i] = (uint32_t)c;
        r->clusters = AM_MAX(r->clusters, (size_t)c + 1);
    }
    return err ? AM_E_TAMPERED : AM_OK;
}

/* What the manifest says of the files; a digest it does not give stays zero. */
static void take_declared(struct bench_run *r)
{
    r->leakage = bench_leakage_name(r);
    r->overlap = -1;
    for (size_t i = 0; i < r->set.n; i++)
        if (crypto_unhex(json_get_str(r->set.v[i].doc, "sha256"),
                         r->set.v[i].source.sha256, CRYPTO_SHA256))
            memset(r->set.v[i].source.sha256, 0, CRYPTO_SHA256);
}

int bench_kept_load(struct bench_run *r, struct diag *d)
{
    struct diag own;
    int err;
    diag_init(&own);
    err = csv_parse(&r->kept_csv, r->kept->scores, NULL, &own);
    diag_merge(d, &own, "scores.csv:");
    diag_release(&own);
    if (!err)
        err = take_cases(r);
    if (!err)
        err = take_clusters(r);
    if (!err)
        take_declared(r);
    if (!err)
        err = bench_attributes(r, d);
    if (!err)
        err = bench_extras(r);
    if (!err || err == AM_E_NOMEM)
        return err;
    diag_err(d, SCORES_FILE, "kept.scores", "not the score file of this manifest");
    return AM_E_INVALID;
}

void bench_kept_release(struct bench_run *r)
{
    vec_release(&r->played);
    csv_free(r->kept_csv);
}
