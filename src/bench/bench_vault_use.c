/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- a use: counted, written down, then the sets are open. */
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench_vault_priv.h"

struct bench_opened {
    VEC(struct vault_set) set;
    int64_t first_at;
};

static void step(enum vault_step s)
{
    if (bench_vault_step)
        bench_vault_step(s);
}

/* ---- budgets
 * -------------------------------------------------------------------------------- */
bool bench_vault_costs(const struct json *line)
{
    return !json_get(line, "answers_sha256"); /* neither a result nor a verification */
}

static int64_t runs_of(const struct vault_set *s, const char *member, struct str v)
{
    int64_t n = 0;
    for (size_t i = 0; i < s->use.n; i++) {
        const struct json *line = json_root(s->use.v[i]);
        n += bench_vault_costs(line) && str_eq(json_get_str(line, member), v);
    }
    return n;
}

/* Did a run of the log leave these answers? */
static void check_answers(const struct vault_set *s, const struct bench_vault_use *u,
                          struct diag *d)
{
    for (size_t i = 0; i < s->use.n; i++) {
        const struct json *line = json_root(s->use.v[i]);
        if (json_str_is(json_get(line, "purpose"), "result") &&
            json_str_is(json_get(line, "answers_sha256"), u->answers_sha256))
            return;
    }
    (void)bench_vault_problem(d, s->id, AM_E_REFUSED, "bench.sealed_answers",
                              "the log knows no run that left these answers");
}

static void check_budget(const struct vault_set *s, const struct bench_vault_use *u,
                         struct diag *d)
{
    const struct json *budget = json_get(s->head, "budget");
    const struct {
        const char *member;
        int64_t used;
    } all[] = {{"set", runs_of(s, "set", str_c(s->id))},
               {"vendor", runs_of(s, "vendor", u->vendor)},
               {"algorithm", runs_of(s, "algorithm_id", u->algorithm_id)}};
    if (u->purpose == BENCH_VAULT_VERIFY) {
        check_answers(s, u, d);
        return;
    }
    for (size_t i = 0; i < AM_LEN(all); i++) {
        int64_t most = json_int(json_get(budget, all[i].member), 0);
        char at[160];
        snprintf(at, sizeof at, "sealed:%s/budget/%s", s->id, all[i].member);
        if (all[i].used >= most)
            diag_err(d, at, "bench.sealed_budget", "%lld of %lld runs are used",
                     (long long)all[i].used, (long long)most);
    }
}

/* ---- the line
 * ------------------------------------------------------------------------------- */
static void members_json(const struct vault_set *s, const struct bench_vault_use *u,
                         struct jw *w)
{
    jw_key(w, "members");
    jw_arr(w);
    for (json_each(it, u->members)) {
        struct str id, member;
        if (bench_sealed_path(json_get_str(it.val, "path"), &id, &member) &&
            str_eqc(id, s->id))
            jw_val(w, json_get(it.val, "site"));
    }
    jw_arr_end(w);
}

static void line_begin(const struct vault_set *s, int64_t at, const char *purpose,
                       struct jw *w)
{
    char when[TIME_TEXT];
    jw_obj(w);
    jw_kint(w, "seq", (int64_t)s->use.n + 1);
    jw_kstrz(w, "set", s->id);
    jw_kstrz(w, "at", time_format(at, when));
    jw_kstrz(w, "purpose", purpose);
}

static int line_json(const struct vault_set *s, const struct bench_vault_use *u,
                     int64_t at, struct buf *out)
{
    static const char *const purpose[] = {[BENCH_VAULT_RUN] = "run",
                                          [BENCH_VAULT_RERUN] = "rerun",
                                          [BENCH_VAULT_VERIFY] = "verify"};
    struct jw w;
    jw_init(&w, out);
    line_begin(s, at, purpose[u->purpose], &w);
    if (u->purpose == BENCH_VAULT_VERIFY)
        jw_kstrz(&w, "answers_sha256", u->answers_sha256);
    jw_kstr(&w, "by", u->by);
    jw_kint(&w, "uid", (int64_t)getuid());
    jw_kstr(&w, "vendor", u->vendor);
    jw_kstr(&w, "algorithm_id", u->algorithm_id);
    jw_kstr(&w, "model_digest", u->model_digest);
    jw_kstrz(&w, "model_sha256", u->model_sha256);
    jw_kstrz(&w, "record_sha256", u->record_sha256);
    jw_kstrz(&w, "plan_sha256", u->plan_sha256);
    jw_knum(&w, "threshold", u->threshold);
    jw_kstr(&w, "frozen_at", u->frozen_at);
    jw_key(&w, "seed");
    jw_strf(&w, "%llu", (unsigned long long)u->seed);
    members_json(s, u, &w);
    jw_kstrz(&w, "families", u->families);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int log_line(struct vault_set *s, struct str line)
{
    int err = bench_vault_log_add(s, line);
    if (err)
        return err;
    step(VAULT_LOGGED);
    err = bench_vault_log_count(s);
    if (!err)
        step(VAULT_COUNTED);
    return err;
}

static int log_use(struct vault_set *s, const struct bench_vault_use *u, int64_t at)
{
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = line_json(s, u, at, &b);
    if (!err)
        err = log_line(s, buf_str(&b));
    buf_release(&b);
    return err;
}

/* A crash between log and head left the head one behind. */
static int catch_up(struct vault_set *s)
{
    return (int64_t)s->use.n > json_int(json_get(s->head, "uses"), 0)
               ? bench_vault_log_count(s)
               : AM_OK;
}

static int log_result(struct bench_vault *v, struct str id, const char *answers,
                      struct diag *d)
{
    struct vault_set s;
    struct buf b;
    struct jw w;
    int err = bench_vault_load(v, id, &s, d);
    if (err)
        return err;
    buf_init(&b, 1 << 12);
    jw_init(&w, &b);
    line_begin(&s, time_now(), "result", &w);
    jw_kstrz(&w, "answers_sha256", answers);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = catch_up(&s);
    if (!err)
        err = log_line(&s, buf_str(&b));
    buf_release(&b);
    bench_vault_set_release(&s);
    return err;
}

int bench_vault_result(struct bench_vault *v, const struct str *id, size_t n,
                       const char answers_sha256[CRYPTO_HEX], struct diag *d)
{
    int fd, err = bench_vault_lock(v, &fd);
    if (err)
        return err;
    for (size_t i = 0; i < n && !err; i++)
        err = log_result(v, id[i], answers_sha256, d);
    bench_vault_unlock(fd);
    return err;
}

static int64_t first_of(const struct bench_opened *o, struct str model, int64_t now)
{
    int64_t first = now, at;
    for (size_t i = 0; i < o->set.n; i++)
        for (size_t k = 0; k < o->set.v[i].use.n; k++) {
            const struct json *u = json_root(o->set.v[i].use.v[k]);
            if (str_eq(json_get_str(u, "model_digest"), model) &&
                !time_parse(json_get_str(u, "at"), &at))
                first = AM_MIN(first, at);
        }
    return first;
}

static int use_all(struct bench_vault *v, const struct str *id, size_t n,
                   const struct bench_vault_use *u, struct bench_opened *o,
                   struct diag *d)
{
    int64_t now = time_now();
    size_t before = d->errors;
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        struct vault_set s;
        err = bench_vault_load(v, id[i], &s, d);
        if (!err && vec_push(&o->set, s)) {
            bench_vault_set_release(&s);
            err = AM_E_NOMEM;
        }
    }
    for (size_t i = 0; i < o->set.n && !err; i++) {
        err = catch_up(&o->set.v[i]);
        if (!err)
            check_budget(&o->set.v[i], u, d);
    }
    if (!err && d->errors > before)
        err = AM_E_REFUSED;
    o->first_at = first_of(o, u->model_digest, now);
    for (size_t i = 0; i < o->set.n && !err; i++)
        err = log_use(&o->set.v[i], u, now);
    return err;
}

int bench_vault_use(struct bench_vault *v, const struct str *id, size_t n,
                    const struct bench_vault_use *u, struct bench_opened **out,
                    struct diag *d)
{
    struct bench_opened *o = am_calloc(1, sizeof *o);
    struct rlimit no_core = {0, 0};
    int fd, err;
    if (!o)
        return AM_E_NOMEM;
    err = setrlimit(RLIMIT_CORE, &no_core) ? AM_E_IO : AM_OK; /* clear text in a file */
    if (!err)
        err = bench_vault_lock(v, &fd);
    if (!err) {
        step(VAULT_LOCKED);
        err = use_all(v, id, n, u, o, d);
        bench_vault_unlock(fd);
    }
    if (err) {
        bench_opened_free(o);
        return err;
    }
    step(VAULT_OPENED);
    *out = o;
    return AM_OK;
}

/* ---- reading
 * -------------------------------------------------------------------------------- */
/* part: {size, sha256} of what the file holds, sealed as number `place` of the set. */
static int read_part(const struct vault_set *s, const char *name, uint32_t place,
                     const struct json *part, struct buf *out)
{
    char path[VAULT_PATH], hex[CRYPTO_HEX], *sealed = NULL;
    uint8_t digest[32];
    size_t n = 0, before = out->n;
    int err;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    err = am_file_read(path, VAULT_FILE_MAX + (1 << 20), &sealed, &n);
    if (!err)
        err = bench_vault_unseal(s, place, (struct str){sealed, n},
                                 (uint64_t)json_int(json_get(part, "size"), 0), out);
    free(sealed);
    if (err == AM_E_NOTFOUND || err == AM_E_TOOBIG)
        err = AM_E_TAMPERED;
    if (err)
        return err;
    crypto_sha256(str_sub(buf_str(out), before, out->n), digest);
    return json_str_is(json_get(part, "sha256"), crypto_hex(digest, 32, hex))
               ? AM_OK
               : AM_E_TAMPERED;
}

static const struct json *find_member(const struct bench_opened *o, struct str id,
                                      struct str member, const struct vault_set **set,
                                      size_t *index)
{
    for (size_t i = 0; i < o->set.n; i++) {
        const struct vault_set *s = *set = &o->set.v[i];
        const struct json *list = json_get(s->head, "members");
        if (!str_eqc(id, s->id))
            continue;
        for (json_each(it, list)) {
            *index = it.i;
            if (member.n ? str_eq(member, json_get_str(it.val, "site"))
                         : json_size(list) == 1)
                return it.val;
        }
    }
    return NULL;
}

static int read_opened(const struct bench_opened *o, struct str id, struct str member,
                       bool images, struct buf *out, const struct json **found,
                       struct diag *d)
{
    const struct vault_set *s;
    char text[64], name[32];
    size_t index;
    int err;
    snprintf(text, sizeof text, "%.*s", (int)AM_MIN(id.n, (size_t)63), id.p);
    *found = find_member(o, id, member, &s, &index);
    if (!*found || (images && !json_get(*found, "images")))
        return bench_vault_problem(d, text, AM_E_NOTFOUND, "bench.sealed_unknown",
                                   "no such site in the set, or several and none named");
    snprintf(name, sizeof name, images ? VAULT_IMAGES : VAULT_TABLE, index);
    err = read_part(s, name, (uint32_t)index | (images ? VAULT_IMAGES_PLACE : 0),
                    images ? json_get(*found, "images") : *found, out);
    if (err != AM_E_TAMPERED)
        return err;
    return bench_vault_problem(d, text, err, VAULT_TAMPERED,
                               "the sealed bytes are altered");
}

int bench_opened_read(const struct bench_opened *o, struct str id, struct str member,
                      struct buf *out, const struct json **entry, struct diag *d)
{
    const struct json *found;
    int err = read_opened(o, id, member, false, out, &found, d);
    *entry = json_get(found, "entry");
    return err;
}

int bench_opened_images(const struct bench_opened *o, struct str id, struct str member,
                        struct buf *out, struct diag *d)
{
    const struct json *found;
    return read_opened(o, id, member, true, out, &found, d);
}

int64_t bench_opened_first_at(const struct bench_opened *o)
{
    return o->first_at;
}

void bench_opened_free(struct bench_opened *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->set.n; i++)
        bench_vault_set_release(&o->set.v[i]);
    vec_release(&o->set);
    free(o);
}
