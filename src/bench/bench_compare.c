/* SPDX-License-Identifier: Apache-2.0 */
/* bench_compare -- what was kept against what the run gives now: every member, to the
 * last bit. Measures are found by row, name and group, so that one that is missing is one
 * difference. Left alone: who issued the evidence and when, the machine, the program. */
#include "bench/bench_priv.h"

enum { COMPARE_DEPTH = 32, COMPARE_SHOWN = 60, COMPARE_MAX = 256 << 20 };

struct compare {
    const struct bench_run *r;
    struct bench_compared *out;
    struct diag *d;
    struct buf path;
    const char *what; /* row, name and group of the measure at hand; row and level */
    bool measure;     /* it differs: counted once */
    bool observed;    /* and looked at anew: other bytes, the same numbers */
};

/* ---- one difference -------------------------------------------------------------------
 */
static void shown(const struct json *v, char text[COMPARE_SHOWN])
{
    struct buf b;
    struct jw w;
    buf_init(&b, COMPARE_MAX);
    jw_init(&w, &b);
    jw_val(&w, v);
    if (!v)
        snprintf(text, COMPARE_SHOWN, "-");
    else if (jw_done(&w))
        snprintf(text, COMPARE_SHOWN, "?");
    else
        snprintf(text, COMPARE_SHOWN, "%s", b.p);
    buf_release(&b);
}

static void differs(struct compare *c, const struct json *was, const struct json *is)
{
    char a[COMPARE_SHOWN], b[COMPARE_SHOWN];
    const char *member = c->path.n ? strrchr(c->path.p, '/') : NULL;
    shown(was, a);
    shown(is, b);
    c->out->differences++;
    c->measure = true;
    diag_err(c->d, c->path.p, "kept.differs", "%s kept %s, made again %s",
             *c->what || !member ? c->what : member + 1, a, b);
}

/* A digest that only the data files have. */
static bool is_untold(const struct compare *c, const struct json *is)
{
    static const char zero[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    return c->r->kept_csv && json_str_is(is, zero);
}

static bool left_alone(const char *path)
{
    static const char *const list[] = {
        "/issued_at",     "/issuer",       "/supersedes",    "/reason",
        "/resources",     "/bench/sha256", "/bench/version", "/bench/hardware",
        "/bench/started", "/bench/ended"};
    for (size_t i = 0; i < AM_LEN(list); i++)
        if (!strcmp(path, list[i]))
            return true;
    return false;
}

/* ---- any value ------------------------------------------------------------------------
 */
static int walk(struct compare *c, const struct json *was, const struct json *is,
                int depth);

static int member(struct compare *c, struct str key, const struct json *was,
                  const struct json *is, int depth)
{
    size_t n = c->path.n;
    int err = json_pointer_add(&c->path, key);
    if (!err && !left_alone(c->path.p) &&
        !(c->observed && !strcmp(c->path.p, "/answers_sha256")))
        err = walk(c, was, is, depth + 1);
    buf_cut(&c->path, n);
    return err;
}

static int walk_object(struct compare *c, const struct json *was, const struct json *is,
                       int depth)
{
    int err = AM_OK;
    for (json_each(it, was))
        if (!err)
            err = member(c, it.key, it.val, json_getn(is, it.key), depth);
    for (json_each(it, is))
        if (!err && !json_getn(was, it.key))
            err = member(c, it.key, NULL, it.val, depth);
    return err;
}

/* A requirement is known by its row and its level. */
static void name_item(struct compare *c, const struct json *v, char text[64])
{
    struct str id = json_get_str(v, "id"), level = json_get_str(v, "level");
    if (!id.n || *c->what)
        return;
    snprintf(text, 64, "%.*s %.*s", (int)AM_MIN(id.n, (size_t)30), id.p,
             (int)AM_MIN(level.n, (size_t)30), level.p ? level.p : "");
    c->what = text;
}

static int walk_array(struct compare *c, const struct json *was, const struct json *is,
                      int depth)
{
    const char *what = c->what;
    char text[64];
    size_t n = AM_MAX(json_size(was), json_size(is));
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        size_t at = c->path.n;
        err = json_pointer_addi(&c->path, i);
        name_item(c, json_at(is, i), text);
        if (!err)
            err = walk(c, json_at(was, i), json_at(is, i), depth + 1);
        c->what = what;
        buf_cut(&c->path, at);
    }
    return err;
}

static bool same(const struct json *was, const struct json *is)
{
    if (json_type(was) == JSON_NUMBER && json_type(is) == JSON_NUMBER) {
        double a = json_num(was, NAN), b = json_num(is, NAN);
        return memcmp(&a, &b, sizeof a) == 0;
    }
    return json_equal(was, is);
}

static int walk(struct compare *c, const struct json *was, const struct json *is,
                int depth)
{
    if (depth > COMPARE_DEPTH)
        return AM_E_TOOBIG;
    if (json_type(was) == JSON_OBJECT && json_type(is) == JSON_OBJECT)
        return walk_object(c, was, is, depth);
    if (json_type(was) == JSON_ARRAY && json_type(is) == JSON_ARRAY)
        return walk_array(c, was, is, depth);
    if (is_untold(c, is))
        c->out->untold_members++;
    else if (!was || !is || !same(was, is))
        differs(c, was, is);
    return AM_OK;
}

/* ---- measures -------------------------------------------------------------------------
 */
/* The same row, name and group twice: the second is another measure. */
static int key_of(const struct json *m, const struct map *seen, struct buf *out)
{
    struct str row = json_get_str(m, "row"), name = json_get_str(m, "name"),
               group = json_get_str(m, "group");
    int err = AM_OK;
    for (size_t k = 0; !err && (!k || map_has(seen, buf_str(out))); k++) {
        buf_clear(out);
        err = buf_addf(out, "%.*s %.*s", STR_FMT(row), STR_FMT(name));
        if (!err && group.n)
            err = buf_addf(out, " %.*s", STR_FMT(group));
        if (!err && k)
            err = buf_addf(out, " (%zu)", k + 1);
    }
    return err;
}

/* Would this run have given it? Without the data some rows are not made again. */
static bool is_told(const struct bench_run *r, const struct json *m)
{
    static const char *const untold[] = {
#define X(start) start,
        BENCH_UNTOLD_MAP(X)
#undef X
    };
    struct str name = json_get_str(m, "name"), row = json_get_str(m, "row");
    if (!r->kept_csv)
        return true;
    if (bench_untold_first_use(r) && str_eqc(name, BENCH_DATED_BEFORE))
        return false;
    for (size_t i = 0; i < AM_LEN(untold); i++)
        if (str_starts(name, str_c(untold[i])))
            return false;
    for (size_t i = 0; i < r->family.n; i++) {
        struct str rest = str_c(r->family.v[i].rows);
        while (rest.n)
            if (str_eq(str_cut(rest, ' ', &rest), row))
                return true;
    }
    return false;
}

static int index_measures(const struct json *list, struct map *out)
{
    struct buf key;
    int err = AM_OK;
    buf_init(&key, 1 << 16);
    for (json_each(it, list)) {
        if (!err)
            err = key_of(it.val, out, &key);
        if (!err)
            err = map_set(out, buf_str(&key), it.i);
    }
    buf_release(&key);
    return err;
}

static int one_measure(struct compare *c, const struct json *was, const struct json *is,
                       size_t i)
{
    size_t at = c->path.n;
    int err = json_pointer_addi(&c->path, i);
    c->out->measures++;
    c->measure = false;
    if (!err && !is && !is_told(c->r, was))
        c->out->untold++;
    else if (!err && !is)
        differs(c, was, is);
    else if (!err)
        err = walk_object(c, was, is, 1);
    c->out->equal += !err && is && !c->measure;
    buf_cut(&c->path, at);
    return err;
}

static int missing_measures(struct compare *c, const struct json *now, struct map *was)
{
    struct map seen;
    struct buf key;
    int err = AM_OK;
    map_init(&seen);
    buf_init(&key, 1 << 16);
    for (json_each(it, now)) {
        if (!err)
            err = key_of(it.val, &seen, &key);
        if (!err)
            err = map_set(&seen, buf_str(&key), it.i);
        c->what = key.p;
        if (!err && !map_has(was, buf_str(&key)))
            differs(c, NULL, it.val);
    }
    map_release(&seen);
    buf_release(&key);
    return err;
}

static int walk_measures(struct compare *c, const struct json *was,
                         const struct json *now)
{
    struct map kept, again;
    struct buf key;
    int err;
    map_init(&kept);
    map_init(&again);
    buf_init(&key, 1 << 16);
    err = buf_adds(&c->path, "/measures");
    if (!err)
        err = index_measures(now, &again);
    for (json_each(it, was)) {
        size_t at;
        if (!err)
            err = key_of(it.val, &kept, &key);
        if (!err)
            err = map_set(&kept, buf_str(&key), it.i);
        c->what = key.p;
        if (!err)
            err = one_measure(
                c, it.val, map_get(&again, buf_str(&key), &at) ? NULL : json_at(now, at),
                it.i);
    }
    if (!err)
        err = missing_measures(c, now, &kept);
    c->what = "";
    buf_clear(&c->path);
    buf_release(&key);
    map_release(&kept);
    map_release(&again);
    return err;
}

/* ---- documents ------------------------------------------------------------------------
 */
bool bench_observed(const struct bench_run *r, const char *family)
{
    return r->served || !strcmp(family, "endpoint");
}

static bool looked_again(const struct bench_run *r, const struct json *evidence)
{
    struct str family = json_get_str(evidence, "family");
    return !r->kept && (r->served || (family.n && str_eqc(family, "endpoint")));
}

/* The numbers follow from the lines that were noted; whether these are what the service
 * did, only who looks again can say. */
static void say_observed(const struct bench_run *r, const struct bench_family *f,
                         struct diag *d)
{
    if (r->kept && f->asked && !strcmp(f->name, "endpoint"))
        diag_add(d, DIAG_WARNING, "", "kept.observed",
                 "what the service did at that time was noted, and is not asked again");
}

/* Measures apart. added: what the run does not give is a difference too. */
static int compare_members(struct compare *c, const struct json *was,
                           const struct json *now, bool added)
{
    int err = AM_OK;
    for (json_each(it, now))
        if (!err && !str_eqc(it.key, "measures"))
            err = member(c, it.key, json_getn(was, it.key), it.val, 0);
    for (json_each(it, was))
        if (!err && added && !json_getn(now, it.key))
            err = member(c, it.key, it.val, NULL, 0);
    return err;
}

static int compare_text(const struct bench_run *r, const struct json *was,
                        struct str text, bool added, struct bench_compared *out,
                        struct diag *d)
{
    struct compare c = {
        .r = r, .out = out, .d = d, .what = "", .observed = looked_again(r, was)};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, NULL, NULL);
    buf_init(&c.path, 1 << 16);
    if (!err)
        err = compare_members(&c, was, json_root(doc), added);
    if (!err && json_get(json_root(doc), "measures"))
        err = walk_measures(&c, json_get(was, "measures"),
                            json_get(json_root(doc), "measures"));
    buf_release(&c.path);
    json_free(doc);
    return err;
}

static bool row_kept(const void *rows, struct str row)
{
    for (json_each(it, (const struct json *)rows))
        if (str_eq(json_str(it.val), row))
            return true;
    return false;
}

int bench_compare(const struct bench_run *r, const struct json *evidence,
                  struct bench_compared *out, struct diag *d)
{
    struct str family = json_get_str(evidence, "family");
    struct buf now;
    size_t i = 0;
    int err;
    *out = (struct bench_compared){.measures = 0};
    while (i < r->family.n && !str_eqc(family, r->family.v[i].name))
        i++;
    if (i == r->family.n || r->family.v[i].bad) {
        out->measures = json_size(json_get(evidence, "measures"));
        if (i == r->family.n && r->kept_csv) {
            out->untold = out->measures;
            return AM_OK;
        }
        diag_err(d, "", i < r->family.n ? "kept.tape" : "kept.family", "%s",
                 i < r->family.n ? "the answers kept are not those of this run"
                                 : "this run gives no such family");
        out->differences++;
        return AM_OK;
    }
    say_observed(r, &r->family.v[i], d);
    buf_init(&now, COMPARE_MAX);
    err = bench_evidence(r, i, row_kept, json_get(evidence, "rows"), STR("x"), 0, &now);
    if (err == AM_E_NOTFOUND) {
        diag_err(d, "/rows", "kept.family", "%s", "this run gives no such family");
        out->differences++;
        err = AM_OK;
    } else if (!err) {
        err = compare_text(r, evidence, buf_str(&now), true, out, d);
    }
    buf_release(&now);
    return err;
}

int bench_compare_summary(const struct bench_run *r, const struct json *summary,
                          struct bench_compared *out, struct diag *d)
{
    char hex[CRYPTO_HEX];
    struct buf now;
    struct jw w;
    int err;
    *out = (struct bench_compared){.measures = 0};
    buf_init(&now, COMPARE_MAX);
    jw_init(&w, &now);
    jw_obj(&w);
    jw_kval(&w, "model_digest", json_get(r->record, "model_digest"));
    jw_kstrz(&w, "scores_sha256", crypto_hex(r->scores_sha256, CRYPTO_SHA256, hex));
    jw_key(&w, "dataset");
    bench_dataset_json(r, &w);
    jw_key(&w, "subgroups");
    err = bench_subgroups_json(r, &w);
    jw_key(&w, "measures");
    jw_arr(&w);
    for (size_t i = 0; i < r->measure.n; i++)
        bench_measure_json(r, &r->measure.v[i], &w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = compare_text(r, summary, buf_str(&now), false, out, d);
    buf_release(&now);
    return err;
}

int bench_compare_members(const struct bench_run *r, const struct json *was,
                          struct str now, struct bench_compared *out, struct diag *d)
{
    *out = (struct bench_compared){.measures = 0};
    return compare_text(r, was, now, false, out, d);
}

void bench_program(const struct bench_run *r, char hex[CRYPTO_HEX])
{
    crypto_hex(r->program_sha256, CRYPTO_SHA256, hex);
}

bool bench_judged(const struct bench_run *r, size_t family, const struct json *summary)
{
    struct str rest = str_c(r->family.v[family].rows);
    while (rest.n) {
        struct str row = str_cut(rest, ' ', &rest);
        for (json_each(it, json_get(summary, "requirements")))
            if (str_eq(json_get_str(it.val, "id"), row))
                return true;
    }
    return false;
}
