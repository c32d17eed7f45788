/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed sets: what is altered is found, a use is never lost, budgets hold, and a run on
 * a sealed set gives the figures of the same files in clear. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "bench/bench_testkit.h"
#include "bench/bench_vault_priv.h"

struct safe { /* a store beside the kit's files, its set "s" of both sites */
    struct kit k;
    char key[128], store[128];
    struct bench_vault *v;
};

static void safe_open(struct safe *s, struct bench_vault_budget budget)
{
    struct bench_vault_import in = {.id = "s", .budget = budget};
    kit_open(&s->k, "");
    snprintf(s->key, sizeof s->key, "%s/bench.key", s->k.dir);
    snprintf(s->store, sizeof s->store, "%s/store", s->k.dir);
    assert_ok(bench_vault_key_new(s->key, STR_NULL, NULL));
    assert_ok(bench_vault_open(&s->v, s->store, s->key, STR_NULL, &s->k.d));
    in.manifest = s->k.in.manifest;
    in.manifest_dir = s->k.dir;
    if (bench_vault_import(s->v, &in, &s->k.d))
        fail_msg("%s %s", s->k.d.item[0].path, s->k.d.item[0].detail);
}

static void path_of(const struct safe *s, const char *name, char out[300])
{
    snprintf(out, 300, "%s/s/%s", s->store, name);
}

static void safe_close(struct safe *s)
{
    static const char *const name[] = {"head.json", "uses.ndjson", "0.sealed", "1.sealed",
                                       "../lock"};
    char path[300];
    for (size_t i = 0; i < AM_LEN(name); i++) {
        path_of(s, name[i], path);
        unlink(path);
    }
    path_of(s, "", path);
    rmdir(path);
    rmdir(s->store);
    bench_vault_free(s->v);
    kit_close(&s->k);
}

static const struct bench_vault_budget plenty = {100, 100, 100};

static int use(struct safe *s, const char *vendor, const char *algorithm,
               struct bench_opened **o)
{
    const struct str id = STR_INIT("s");
    struct bench_vault_use u = {.by = STR("LAB"),
                                .vendor = str_c(vendor),
                                .algorithm_id = str_c(algorithm),
                                .model_digest = STR("m"),
                                .threshold = 0.5,
                                .frozen_at = STR("2026-01-01T00:00:00Z"),
                                .members = s->k.in.manifest,
                                .families = "a b"};
    return bench_vault_use(s->v, &id, 1, &u, o, &s->k.d);
}

static int lines(struct safe *s, bool all)
{
    struct vault_set set;
    int n = 0, err = bench_vault_load(s->v, STR("s"), &set, &s->k.d);
    if (err)
        return err;
    for (size_t i = 0; i < set.use.n; i++)
        n += all || bench_vault_costs(json_root(set.use.v[i]));
    bench_vault_set_release(&set);
    return n;
}

static int uses(struct safe *s) /* that cost a run */
{
    return lines(s, false);
}

static void slurp(const struct safe *s, const char *name, char **text, size_t *n)
{
    char path[300];
    path_of(s, name, path);
    assert_ok(am_file_read(path, 1 << 26, text, n));
}

static void put(const struct safe *s, const char *name, struct str text)
{
    char path[300];
    path_of(s, name, path);
    assert_ok(am_file_write(path, text, 0600));
}

/* ---- bytes
 * --------------------------------------------------------------------------------- */
static void a_member_opens_to_its_bytes_after_a_use(void **state)
{
    struct safe s;
    struct bench_opened *o;
    const struct json *entry;
    struct buf b;
    char path[200], *text;
    size_t n;
    (void)state;
    safe_open(&s, plenty);
    assert_ok(use(&s, "V", "A", &o));
    buf_init(&b, 1 << 20);
    assert_ok(bench_opened_read(o, STR("s"), STR("east"), &b, &entry, &s.k.d));
    snprintf(path, sizeof path, "%s/east.csv", s.k.dir);
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    assert_string_equal(b.p, text);
    assert_true(json_str_is(json_get(entry, "site"), "east"));
    free(text);
    slurp(&s, "1.sealed", &text, &n); /* the clear text is nowhere in it */
    assert_null(memmem(text, n, "p1,", 3));
    free(text);
    buf_clear(&b);
    assert_int_equal(bench_opened_read(o, STR("s"), STR("north"), &b, &entry, &s.k.d),
                     AM_E_NOTFOUND);
    assert_int_equal(bench_opened_read(o, STR("s"), STR_NULL, &b, &entry, &s.k.d),
                     AM_E_NOTFOUND);
    bench_opened_free(o);
    buf_release(&b);
    safe_close(&s);
}

static void chunks_cut_swapped_repeated_or_foreign_are_found(void **state)
{
    enum { CHUNK = (1 << 20) + 28, HEAD = 8 };
    struct vault_set a = {.salt = {1}, .data = {9}}, b = {.salt = {2}, .data = {9}};
    struct buf plain, sealed, out;
    char *p;
    (void)state;
    buf_init(&plain, 1 << 24);
    buf_init(&sealed, 1 << 24);
    buf_init(&out, 1 << 24);
    assert_ok(buf_reserve(&plain, 3 << 20));
    memset(plain.p, 'x', 3 << 20);
    plain.n = 3 << 20;
    assert_ok(bench_vault_seal(&a, 4, buf_str(&plain), &sealed));
    assert_int_equal(sealed.n, HEAD + 3 * CHUNK);
    assert_ok(bench_vault_unseal(&a, 4, buf_str(&sealed), plain.n, &out));
    assert_true(str_eq(buf_str(&out), buf_str(&plain)));
    buf_clear(&out);
    /* another member, another set, another size, a cut */
    assert_int_equal(bench_vault_unseal(&a, 5, buf_str(&sealed), plain.n, &out),
                     AM_E_TAMPERED);
    assert_int_equal(bench_vault_unseal(&b, 4, buf_str(&sealed), plain.n, &out),
                     AM_E_TAMPERED);
    assert_int_equal(bench_vault_unseal(&a, 4,
                                        str_sub(buf_str(&sealed), 0, HEAD + 2 * CHUNK),
                                        2 << 20, &out),
                     AM_E_TAMPERED);
    assert_int_equal(bench_vault_unseal(&a, 4, str_sub(buf_str(&sealed), 0, sealed.n - 1),
                                        plain.n, &out),
                     AM_E_TAMPERED);
    p = am_malloc(CHUNK);
    assert_non_null(p);
    memcpy(p, sealed.p + HEAD, CHUNK); /* the first two change places */
    memcpy(sealed.p + HEAD, sealed.p + HEAD + CHUNK, CHUNK);
    assert_int_equal(bench_vault_unseal(&a, 4, buf_str(&sealed), plain.n, &out),
                     AM_E_TAMPERED); /* the second twice */
    memcpy(sealed.p + HEAD + CHUNK, p, CHUNK);
    assert_int_equal(bench_vault_unseal(&a, 4, buf_str(&sealed), plain.n, &out),
                     AM_E_TAMPERED);
    assert_int_equal(out.n, 0);
    free(p);
    buf_release(&plain);
    buf_release(&sealed);
    buf_release(&out);
}

static void any_byte_altered_in_a_file_is_found(void **state)
{
    static const char *const name[] = {"head.json", "uses.ndjson", "1.sealed"};
    struct safe s;
    struct bench_opened *o;
    const struct json *entry;
    (void)state;
    safe_open(&s, plenty);
    for (int i = 0; i < 3; i++) {
        assert_ok(use(&s, "V", "A", &o));
        bench_opened_free(o);
    }
    for (size_t f = 0; f < AM_LEN(name); f++) {
        char *text;
        size_t n;
        slurp(&s, name[f], &text, &n);
        for (size_t i = 0; i + 1 < n; i += f < 2 ? 37 : n / 8) { /* not the last '\n' */
            text[i] ^= 1;
            put(&s, name[f], (struct str){text, n});
            if (f < 2) {
                int got = uses(&s);
                assert_true(got == AM_E_TAMPERED || got == AM_E_UNAUTHORIZED);
            } else {
                struct buf b;
                buf_init(&b, 1 << 20);
                assert_ok(use(&s, "V", "A", &o));
                assert_int_equal(
                    bench_opened_read(o, STR("s"), STR("east"), &b, &entry, &s.k.d),
                    AM_E_TAMPERED);
                assert_int_equal(b.n, 0);
                bench_opened_free(o);
                buf_release(&b);
            }
            text[i] ^= 1;
        }
        put(&s, name[f], (struct str){text, n});
        free(text);
        assert_true(uses(&s) >= 3);
    }
    safe_close(&s);
}

static void a_log_taken_back_is_found(void **state)
{
    struct safe s;
    struct bench_opened *o;
    char *log[4], *head[4];
    size_t n[4], m[4];
    (void)state;
    safe_open(&s, plenty);
    for (int i = 0; i < 4; i++) {
        slurp(&s, "uses.ndjson", &log[i], &n[i]);
        slurp(&s, "head.json", &head[i], &m[i]);
        assert_ok(use(&s, "V", "A", &o));
        bench_opened_free(o);
    }
    put(&s, "uses.ndjson", (struct str){log[3], n[3]}); /* the head counts 4 */
    assert_int_equal(uses(&s), AM_E_TAMPERED);
    put(&s, "head.json", (struct str){head[1], m[1]}); /* the log has 3, the head 1 */
    assert_int_equal(uses(&s), AM_E_TAMPERED);
    put(&s, "uses.ndjson", STR(""));
    assert_int_equal(uses(&s), AM_E_TAMPERED);
    /* both taken back: only what left the machine tells */
    put(&s, "uses.ndjson", (struct str){log[2], n[2]});
    put(&s, "head.json", (struct str){head[2], m[2]});
    assert_int_equal(uses(&s), 2);
    {
        struct json_doc *doc;
        struct str known, last = str_sub((struct str){log[3], n[3]}, n[2], n[3] - 1);
        char hex[CRYPTO_HEX];
        struct buf b;
        struct jw w;
        assert_ok(json_parse(&doc, last, NULL, &s.k.d));
        known = json_get_str(json_root(doc), "mac");
        snprintf(hex, sizeof hex, "%.*s", STR_FMT(known));
        buf_init(&b, 1 << 20);
        jw_init(&w, &b);
        assert_int_equal(bench_vault_log(s.v, "s", hex, &w, &s.k.d), AM_E_TAMPERED);
        put(&s, "uses.ndjson", (struct str){log[3], n[3]});
        put(&s, "head.json", (struct str){head[3], m[3]});
        buf_clear(&b);
        jw_init(&w, &b);
        assert_ok(bench_vault_log(s.v, "s", hex, &w, &s.k.d));
        buf_release(&b);
        json_free(doc);
    }
    for (int i = 0; i < 4; i++) {
        free(log[i]);
        free(head[i]);
    }
    safe_close(&s);
}

static void another_key_or_passphrase_opens_nothing(void **state)
{
    static const struct crypto_argon2 cheap = {1024, 1, 1};
    struct safe s;
    struct bench_vault *v;
    char other[200];
    (void)state;
    safe_open(&s, plenty);
    snprintf(other, sizeof other, "%s/other.key", s.k.dir);
    assert_ok(bench_vault_key_new(other, STR("a phrase"), &cheap));
    assert_int_equal(bench_vault_key_new(other, STR("x"), &cheap), AM_E_EXISTS);
    assert_int_equal(bench_vault_open(&v, s.store, other, STR("a phrasf"), &s.k.d),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(bench_vault_open(&v, s.store, other, STR_NULL, &s.k.d),
                     AM_E_UNAUTHORIZED);
    assert_ok(bench_vault_open(&v, s.store, other, STR("a phrase"), &s.k.d));
    bench_vault_free(s.v);
    s.v = v;
    assert_int_equal(uses(&s), AM_E_UNAUTHORIZED);
    assert_true(warned(&s.k, "bench.sealed_key"));
    safe_close(&s);
}

/* ---- budgets
 * -------------------------------------------------------------------------------- */
static void a_budget_used_up_is_refused_and_costs_nothing(void **state)
{
    struct safe s;
    struct bench_opened *o;
    (void)state;
    safe_open(&s, (struct bench_vault_budget){4, 3, 2});
    for (int i = 0; i < 2; i++) {
        assert_ok(use(&s, "V", "A", &o));
        bench_opened_free(o);
    }
    assert_int_equal(use(&s, "V", "A", &o), AM_E_REFUSED); /* of the algorithm */
    assert_string_equal(s.k.d.item[s.k.d.n - 1].path, "sealed:s/budget/algorithm");
    assert_ok(use(&s, "V", "B", &o));
    bench_opened_free(o);
    assert_int_equal(use(&s, "V", "C", &o), AM_E_REFUSED); /* of the vendor */
    assert_ok(use(&s, "W", "D", &o));
    bench_opened_free(o);
    assert_int_equal(use(&s, "X", "E", &o), AM_E_REFUSED); /* of the set */
    assert_int_equal(uses(&s), 4);
    safe_close(&s);
}

static void runs_at_once_never_share_the_last_use(void **state)
{
    struct safe s;
    int done = 0, refused = 0;
    (void)state;
    safe_open(&s, (struct bench_vault_budget){3, 100, 100});
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
            struct bench_opened *o;
            int err = use(&s, "V", "A", &o);
            _exit(!err ? 0 : err == AM_E_REFUSED ? 1 : 2);
        }
    }
    for (int i = 0; i < 8; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        done += WEXITSTATUS(status) == 0;
        refused += WEXITSTATUS(status) == 1;
    }
    assert_int_equal(done, 3);
    assert_int_equal(refused, 5);
    assert_int_equal(uses(&s), 3);
    safe_close(&s);
}

/* ---- faults
 * --------------------------------------------------------------------------------- */
static enum vault_step last_step;
static void killed_at(enum vault_step step)
{
    if (step == last_step)
        raise(SIGKILL);
}

static void killed_at_any_step_no_use_is_lost(void **state)
{
    struct safe s;
    struct bench_opened *o;
    int before = 0;
    (void)state;
    safe_open(&s, plenty);
    for (int step = VAULT_LOCKED; step <= VAULT_OPENED; step++)
        for (int again = 0; again < 2; again++) {
            int status;
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (!pid) {
                last_step = (enum vault_step)step;
                bench_vault_step = killed_at;
                _exit(use(&s, "V", "A", &o) ? 3 : 4);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            before += step >= VAULT_LOGGED; /* the data open after the last step only */
            assert_int_equal(uses(&s), before);
        }
    assert_ok(use(&s, "V", "A", &o)); /* and the store goes on */
    bench_opened_free(o);
    assert_int_equal(uses(&s), before + 1);
    safe_close(&s);
}

static void a_full_disk_opens_nothing_and_leaves_the_log_whole(void **state)
{
    struct safe s;
    int status;
    pid_t pid;
    (void)state;
    safe_open(&s, plenty);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct rlimit small = {100, 100}; /* bytes a file: half a line */
        struct bench_opened *o = NULL;
        int err;
        signal(SIGXFSZ, SIG_IGN);
        err = setrlimit(RLIMIT_FSIZE, &small) ? 0 : use(&s, "V", "A", &o);
        _exit(err && err != AM_E_TAMPERED && !o ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(uses(&s), 0);
    safe_close(&s);
}

static void an_import_that_fails_leaves_no_set(void **state)
{
    struct safe s;
    struct bench_vault_import in = {.id = "t", .budget = plenty};
    char path[300];
    (void)state;
    safe_open(&s, plenty);
    in.manifest = s.k.in.manifest;
    in.manifest_dir = s.k.dir;
    write_data(&s.k, "west", "id,x,y\n1,2\n");
    assert_int_equal(bench_vault_import(s.v, &in, &s.k.d), AM_E_INVALID);
    assert_true(warned(&s.k, "csv.ragged"));
    snprintf(path, sizeof path, "%s/t", s.store);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/.t.new", s.store);
    assert_int_equal(access(path, F_OK), -1);
    in.id = "s";
    assert_int_equal(bench_vault_import(s.v, &in, &s.k.d), AM_E_EXISTS);
    in.id = "../t";
    assert_int_equal(bench_vault_import(s.v, &in, &s.k.d), AM_E_INVALID);
    safe_close(&s);
}

static void every_failed_allocation_of_a_use_is_an_error(void **state)
{
    struct safe s;
    int err = AM_E_NOMEM;
    char *head;
    size_t m;
    (void)state;
    safe_open(&s, plenty);
    slurp(&s, "head.json", &head, &m);
    for (long n = 1; err; n++) {
        struct bench_opened *o = NULL;
        put(&s, "uses.ndjson", STR("")); /* else each round has a longer log to read */
        put(&s, "head.json", (struct str){head, m});
        am_oom_at(n);
        err = use(&s, "V", "A", &o);
        if (!am_oom_at(0))
            assert_ok(err);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        if (err)
            assert_null(o);
        assert_in_range(uses(&s), 0, 1);
        bench_opened_free(o);
    }
    free(head);
    safe_close(&s);
}

/* ---- runs
 * ----------------------------------------------------------------------------------- */
static void seal_manifest(struct safe *s)
{
    static const char *const site[] = {"east", "west"};
    struct buf b;
    for (size_t i = 0; i < 2; i++) {
        char was[40], *found;
        snprintf(was, sizeof was, "\"%s.csv\"", site[i]);
        found = strstr(s->k.manifest.p, was);
        assert_non_null(found);
        buf_init(&b, 1 << 20);
        assert_ok(buf_addf(&b, "%.*s\"sealed:s/%s\"%s", (int)(found - s->k.manifest.p),
                           s->k.manifest.p, site[i], found + strlen(was)));
        buf_clear(&s->k.manifest);
        assert_ok(buf_add(&s->k.manifest, buf_str(&b)));
        buf_release(&b);
    }
    json_free(s->k.manifest_doc);
    assert_ok(json_parse(&s->k.manifest_doc, buf_str(&s->k.manifest), NULL, &s->k.d));
    s->k.in.manifest = json_root(s->k.manifest_doc);
    s->k.in.vault = s->v;
}

static void a_sealed_set_gives_the_figures_of_its_files(void **state)
{
    struct safe s;
    struct kit clear;
    (void)state;
    kit_open(&clear, "");
    kit_run(&clear);
    safe_open(&s, plenty);
    seal_manifest(&s);
    kit_run(&s.k);
    assert_true(str_eq(bench_scores(clear.run), bench_scores(s.k.run)));
    assert_int_equal(bench_measures(clear.run), bench_measures(s.k.run));
    for (size_t i = 0; i < bench_measures(clear.run); i++) {
        const struct bench_measure *a = bench_measure_at(clear.run, i),
                                   *b = bench_measure_at(s.k.run, i);
        assert_string_equal(a->name, b->name);
        assert_memory_equal(&a->estimate, &b->estimate, sizeof a->estimate);
    }
    assert_int_equal(uses(&s), 1);
    kit_close(&clear);
    safe_close(&s);
}

static void without_the_store_a_sealed_set_is_refused(void **state)
{
    struct safe s;
    (void)state;
    safe_open(&s, plenty);
    seal_manifest(&s);
    s.k.in.vault = NULL;
    assert_int_equal(bench_run(&s.k.run, &s.k.in, &s.k.d), AM_E_INVALID);
    assert_true(warned(&s.k, "bench.sealed_store"));
    assert_int_equal(uses(&s), 0);
    safe_close(&s);
}

static void edit_manifest(struct safe *s, const char *was, const char *now)
{
    char *found = strstr(s->k.manifest.p, was);
    struct buf b;
    assert_non_null(found);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s%s%s", (int)(found - s->k.manifest.p), s->k.manifest.p,
                       now, found + strlen(was)));
    buf_clear(&s->k.manifest);
    assert_ok(buf_add(&s->k.manifest, buf_str(&b)));
    buf_release(&b);
    seal_manifest(s);
}

static void refused_run(const char *was, const char *now, const char *code, int used)
{
    struct safe s;
    safe_open(&s, plenty);
    edit_manifest(&s, was, now);
    assert_int_equal(bench_run(&s.k.run, &s.k.in, &s.k.d), AM_E_INVALID);
    if (!warned(&s.k, code))
        fail_msg("%s: %s", code, s.k.d.n ? s.k.d.item[s.k.d.n - 1].code : "nothing");
    assert_int_equal(uses(&s), used);
    safe_close(&s);
}

static void declarations_are_those_of_the_sealing(void **state)
{
    (void)state;
    refused_run("\"positive_label\":\"yes\"", "\"positive_label\":\"no\"",
                "bench.sealed_declared", 1);
    refused_run("\"inputs\":{\"x\":\"x\"}", "\"inputs\":{\"x\":\"a\"}",
                "bench.sealed_input", 1);
    refused_run("2026-09-01T00:00:00Z", "2126-09-01T00:00:00Z", "bench.sealed_plan", 0);
}

static void a_threshold_frozen_after_the_first_use_fails(void **state)
{
    struct safe s;
    struct bench_opened *o;
    int64_t frozen;
    (void)state;
    safe_open(&s, plenty);
    seal_manifest(&s);
    kit_run(&s.k);
    assert_true(value(&s.k, "ID-4", "plan_dated_before_unsealing", "") == 1);
    bench_run_free(s.k.run);
    s.k.run = NULL;
    safe_close(&s);
    /* the same model met the set before the threshold was frozen */
    assert_ok(time_parse(STR("2026-08-01T00:00:00Z"), &frozen));
    safe_open(&s, plenty);
    seal_manifest(&s);
    time_fake(frozen);
    {
        const struct str id = STR_INIT("s");
        struct bench_vault_use u = {
            .model_digest = json_get_str(s.k.in.record, "model_digest"), .families = ""};
        assert_ok(bench_vault_use(s.v, &id, 1, &u, &o, &s.k.d));
        bench_opened_free(o);
    }
    time_fake(0);
    kit_run(&s.k);
    assert_true(value(&s.k, "ID-4", "plan_dated_before_unsealing", "") == 0);
    safe_close(&s);
}

/* ---- runs made again ------------------------------------------------------------------
 */
/* A store of one run, made; what it left; the input to verify it. */
struct left {
    struct safe s;
    struct kit_kept kept;
    struct bench_input in;
    struct bench_run *now;
};

static void left_open(struct left *l)
{
    safe_open(&l->s, (struct bench_vault_budget){1, 1, 1});
    seal_manifest(&l->s);
    kit_run(&l->s.k);
    kit_keep(&l->s.k, &l->kept);
    l->in = l->s.k.in;
    l->in.model = STR_NULL;
    l->in.kept = &l->kept.kept;
    l->now = NULL;
    assert_int_equal(lines(&l->s, true), 2); /* the run, and that it is over */
}

static int left_run(struct left *l)
{
    bench_run_free(l->now);
    l->now = NULL;
    diag_release(&l->s.k.d);
    diag_init(&l->s.k.d);
    return bench_run(&l->now, &l->in, &l->s.k.d);
}

static void left_close(struct left *l)
{
    bench_run_free(l->now);
    kit_kept_release(&l->kept);
    safe_close(&l->s);
}

static void a_verification_is_logged_and_costs_no_run(void **state)
{
    static struct left l;
    (void)state;
    left_open(&l);
    for (int i = 3; i < 5; i++) {
        struct bench_compared c;
        assert_ok(left_run(&l));
        c = kit_compare(&l.s.k, l.now, &l.s.k.d);
        assert_int_equal(c.differences, 0);
        assert_int_equal(c.untold, 0);
        assert_int_equal(lines(&l.s, true), i);
        assert_int_equal(uses(&l.s), 1);
    }
    l.in = l.s.k.in;
    l.in.again = true; /* the model is asked: the budget is used up */
    assert_int_equal(left_run(&l), AM_E_REFUSED);
    assert_true(warned(&l.s.k, "bench.sealed_budget"));
    left_close(&l);
}

static void answers_that_no_run_left_open_no_set(void **state)
{
    static struct left l;
    (void)state;
    left_open(&l);
    l.kept.answers[1].p[l.kept.answers[1].n - 1] ^= 1; /* scores would tell labels */
    assert_int_equal(left_run(&l), AM_E_REFUSED);
    l.kept.answers[1].p[l.kept.answers[1].n - 1] ^= 1;
    l.kept.kept.n--;
    assert_int_equal(left_run(&l), AM_E_REFUSED);
    assert_true(warned(&l.s.k, "bench.sealed_answers"));
    assert_int_equal(lines(&l.s, true), 2);
    left_close(&l);
}

static void without_the_store_the_first_use_is_not_made_again(void **state)
{
    static struct left l;
    struct bench_compared c;
    (void)state;
    left_open(&l);
    l.in.vault = NULL;
    l.kept.kept.data = false;
    assert_ok(left_run(&l));
    for (size_t i = 0; i < bench_measures(l.now); i++)
        assert_string_not_equal(bench_measure_at(l.now, i)->name,
                                "plan_dated_before_unsealing");
    c = kit_compare(&l.s.k, l.now, &l.s.k.d);
    assert_int_equal(c.differences, 0);
    assert_true(c.untold > 0);
    assert_int_equal(lines(&l.s, true), 2);
    left_close(&l);
}

static void a_training_set_is_not_a_sealed_one(void **state)
{
    struct safe s;
    (void)state;
    safe_open(&s, plenty);
    edit_manifest(
        &s, "\"external\":true",
        "\"external\":true,\"training\":{\"path\":\"sealed:s/"
        "east\",\"sha256\":\"0000000000000000000000000000000000000000000000000000000"
        "000000000\",\"columns\":{"
        "\"label\":\"y\",\"inputs\":{\"x\":\"x\"}},\"positive_label\":\"yes\"}");
    assert_int_equal(bench_run(&s.k.run, &s.k.in, &s.k.d), AM_E_INVALID);
    assert_true(warned(&s.k, "bench.sealed_unknown"));
    safe_close(&s);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_member_opens_to_its_bytes_after_a_use),
        TEST(chunks_cut_swapped_repeated_or_foreign_are_found),
        TEST(any_byte_altered_in_a_file_is_found),
        TEST(a_log_taken_back_is_found),
        TEST(another_key_or_passphrase_opens_nothing),
        TEST(a_budget_used_up_is_refused_and_costs_nothing),
        TEST(runs_at_once_never_share_the_last_use),
        TEST(killed_at_any_step_no_use_is_lost),
        TEST(a_full_disk_opens_nothing_and_leaves_the_log_whole),
        TEST(an_import_that_fails_leaves_no_set),
        TEST(every_failed_allocation_of_a_use_is_an_error),
        TEST(a_sealed_set_gives_the_figures_of_its_files),
        TEST(without_the_store_a_sealed_set_is_refused),
        TEST(declarations_are_those_of_the_sealing),
        TEST(a_threshold_frozen_after_the_first_use_fails),
        TEST(a_verification_is_logged_and_costs_no_run),
        TEST(answers_that_no_run_left_open_no_set),
        TEST(without_the_store_the_first_use_is_not_made_again),
        TEST(a_training_set_is_not_a_sealed_one),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
