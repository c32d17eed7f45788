/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: kill -9 inside bundles, a disk that fills, damaged pages, no memory; and two
 * clients who ask the same thing at once. AMANE_KILLS: how many kills (1,000 by hand and
 * in the soak; 12 here). */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"

enum { KILLS = 12, KILLS_PG = 4, THREADS = 3, GROUP = 12 };

static const struct str obs = STR_INIT("Observation");

/* ---- a group that touches everything ---- */
/* Creates under one code, an update of a resource all threads share, a deletion and a
 * creation that take turns. */
static int write_group(struct eds *e, int64_t number)
{
    struct eds_ask a = {.type = obs};
    struct eds_group *g = NULL;
    char body[200], id[40];
    int err = eds_group_new(&g, e);
    for (int i = 0; i < GROUP && !err; i++) {
        struct json_doc *doc = NULL;
        snprintf(body, sizeof body,
                 "{\"resourceType\":\"Observation\",\"code\":\"g%lld\",\"at\":%d,"
                 "\"value\":%d,\"family\":\"n%d\"}",
                 (long long)number, i, i, i);
        snprintf(id, sizeof id, "g%lld-%d", (long long)number, i);
        a.verb = i ? EDS_CREATE : EDS_UPDATE;
        a.id = str_c(i ? id : "shared");
        err = json_parse(&doc, str_c(body), NULL, NULL);
        a.body = json_root(doc);
        if (!err)
            err = eds_put(g, &a, NULL);
        json_free(doc);
    }
    a.verb = EDS_DELETE;
    snprintf(id, sizeof id, "g%lld-1", (long long)number - THREADS);
    a.id = str_c(id);
    if (!err)
        err = eds_put(g, &a, NULL);
    if (!err)
        err = eds_write(g);
    eds_group_free(g);
    return err;
}

/* ---- kill -9 ---- */
struct child {
    struct eds *e;
    int pipe;
    int64_t first;
};

/* Acknowledged = the number is in the pipe, after eds_write() said so. */
static void *child_writes(void *arg)
{
    struct child *w = arg;
    for (int64_t n = w->first;; n += THREADS)
        if (write_group(w->e, n) || write(w->pipe, &n, sizeof n) != sizeof n)
            _exit(3);
}

static void child_main(int pipe, int64_t first)
{
    struct eds *e = NULL;
    struct eds_config c = t_config();
    static struct child w[THREADS];
    pthread_t t;
    if (eds_open(&e, &c))
        _exit(2);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct child){e, pipe, first + i};
        if (pthread_create(&t, NULL, child_writes, &w[i]))
            _exit(2);
    }
    while (!eds_merge(e, 20, 1)) /* inside merges, too */
        sched_yield();
    _exit(4);
}

struct presence {
    int64_t number, rows;
    bool newest; /* of its thread: nothing of it is deleted yet */
};

static int presence_fn(struct eds_view *v, void *arg)
{
    struct presence *p = arg;
    char code[32];
    snprintf(code, sizeof code, "g%lld", (long long)p->number);
    return eds_tok_count(v, t_term(eds_row_key(eds_of(v)), "code", code), &p->rows);
}

/* What a group leaves: its creates, less the one the next of its thread deletes; `shared`
 * is its own only until the next group of anybody. */
static bool whole_or_not(struct eds *e, int64_t number, bool must)
{
    struct presence p = {.number = number};
    assert_ok(eds_view(e, presence_fn, &p));
    if (p.rows == 0)
        return !must;
    return p.rows >= GROUP - 2 && p.rows <= GROUP;
}

static void name_it(void *arg, const struct eds_problem *p)
{
    (void)arg;
    print_message("%s at %lld\n", p->code, (long long)p->where.rid);
}

static int check_all(struct eds *e)
{
    struct eds_check c = {.problem = name_it};
    return eds_check(e, &c);
}

static void killed_inside_bundles_nothing_is_lost_or_halved(void **state)
{
    (void)state;
    const char *asked = getenv("AMANE_KILLS");
    int64_t acknowledged = 0, kills = t_pg ? KILLS_PG : KILLS;
    unsigned seed = 7;
    if (asked)
        assert_ok(str_int(str_c(asked), 1, 1000000, &kills));
    for (int64_t k = 0; k < kills; k++) {
        int p[2], status;
        int64_t first = 10 + k * INT64_C(1000000), n = 0;
        struct eds *e;
        pid_t pid;
        assert_int_equal(pipe(p), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_main(p[1], first);
        close(p[1]);
        assert_int_equal(read(p[0], &n, sizeof n), sizeof n);
        seed = seed * 1103515245u + 12345u;
        usleep(seed / 65536u % 15000u); /* up to 15 ms into the work */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        e = t_open();
        do {
            assert_true(whole_or_not(e, n, true));
            acknowledged++;
            for (int i = 1; i <= THREADS; i++)
                assert_true(whole_or_not(e, n + i, false));
        } while (read(p[0], &n, sizeof n) == sizeof n);
        close(p[0]);
        if (k % 4 == 3 || k == kills - 1)
            assert_ok(check_all(e)); /* index = bodies, the chain holds */
        eds_close(e);
    }
    print_message("%lld kills, %lld acknowledged groups, all whole\n", (long long)kills,
                  (long long)acknowledged);
}

/* ---- at once ---- */
enum { RIVALS = 8 };
struct rival {
    struct eds *e;
    pthread_barrier_t *start;
    int err;
    enum eds_did did;
    char id[EDS_ID_MAX + 1];
};

static void *rival_main(void *arg)
{
    struct rival *r = arg;
    struct json_doc *doc =
        t_json("{\"resourceType\":\"Observation\",\"identifier\":\"one\"}");
    uint64_t term = t_term(eds_row_key(r->e), "identifier", "one");
    struct eds_ask a = {.verb = EDS_CREATE,
                        .type = obs,
                        .body = json_root(doc),
                        .conditional = true,
                        .term = &term,
                        .n_terms = 1};
    struct eds_group *g = NULL;
    r->err = eds_group_new(&g, r->e);
    if (!r->err)
        r->err = eds_put(g, &a, NULL);
    pthread_barrier_wait(r->start);
    if (!r->err)
        r->err = eds_write(g);
    if (!r->err) {
        r->did = eds_done(g, 0)->did;
        snprintf(r->id, sizeof r->id, "%.*s", STR_FMT(eds_done(g, 0)->id));
    }
    eds_group_free(g);
    json_free(doc);
    return NULL;
}

static void rivals_with_one_condition_make_exactly_one(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct rival r[RIVALS] = {0};
    pthread_barrier_t start;
    pthread_t t[RIVALS];
    int created = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, RIVALS), 0);
    for (int i = 0; i < RIVALS; i++) {
        r[i] = (struct rival){.e = e, .start = &start};
        assert_int_equal(pthread_create(&t[i], NULL, rival_main, &r[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < RIVALS; i++) {
        assert_ok(r[i].err);
        created += r[i].did == EDS_CREATED;
        assert_string_equal(r[i].id, r[0].id);
    }
    assert_int_equal(created, 1);
    pthread_barrier_destroy(&start);
    assert_ok(check_all(e));
    eds_close(e);
}

/* ---- a full disk ---- */
static void full_disk_child(void)
{
    struct rlimit small, old;
    struct eds *e = t_open();
    int64_t n = 100;
    int err = AM_OK;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (; n < 100000 && !err; n++)
        err = write_group(e, n);
    assert_int_equal(err, AM_E_NOSPACE);
    assert_true(n > 102);
    assert_true(whole_or_not(e, n - 2, true));
    assert_true(whole_or_not(e, n - 1, false));
    assert_int_equal(write_group(e, n), AM_E_NOSPACE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0); /* somebody made room */
    assert_ok(write_group(e, n));
    assert_true(whole_or_not(e, n, true));
    assert_ok(check_all(e)); /* the chain goes on from what is there */
    eds_close(e);
}

static void a_full_disk_refuses_and_the_store_goes_on(void **state)
{
    (void)state;
    test_in_child(full_disk_child);
}

/* ---- a damaged page ---- */
static void count_pages(void *arg, const struct eds_problem *p)
{
    *(int *)arg += strcmp(p->code, "eds.page") == 0;
}

static void a_damaged_page_is_named(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_check c = {.problem = count_pages};
    struct eds_config conf = t_config();
    char junk[2048];
    int fd, pages = 0, err;
    off_t end;
    for (int64_t n = 100; n < 160; n++)
        assert_ok(write_group(e, n));
    assert_ok(check_all(e));
    eds_close(e);
    memset(junk, 0xa5, sizeof junk);
    fd = open(t_path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    end = lseek(fd, 0, SEEK_END);
    for (off_t at = 30 * 4096; at + 4096 < end; at += 11 * 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    close(fd);
    c.arg = &pages;
    err = eds_open(&e, &conf);
    if (!err) {
        assert_int_equal(eds_check(e, &c), AM_E_TAMPERED);
        assert_int_equal(pages, 1);
        eds_close(e);
    } else {
        assert_int_equal(err, AM_E_TAMPERED);
    }
}

/* ---- no memory ---- */
static int version_fn(void *arg, const struct eds_meta *m, struct str body)
{
    (void)arg, (void)m, (void)body;
    return AM_OK;
}

static int row_fn(void *arg, const struct fhir_row *row, int64_t rid)
{
    (void)arg, (void)row, (void)rid;
    return AM_OK;
}

static int look_around(struct eds_view *v, void *arg)
{
    struct eds_past p = {.type = obs, .bodies = true};
    const struct eds_span span = {.param = 13};
    int64_t n;
    int err = eds_history(v, &p, version_fn, NULL);
    if (!err)
        err = eds_tok_count(v, t_term(eds_row_key(eds_of(v)), "code", "g1"), &n);
    if (!err)
        err = eds_str(v, &span, row_fn, NULL);
    return err ? err : eds_get(v, obs, STR("shared"), 0, arg, NULL);
}

static int64_t next_number = 100;

static int all_calls(void)
{
    struct eds_config c = t_config();
    struct eds_check check = {0};
    struct eds *e = NULL;
    struct buf b;
    char id[40];
    int64_t rid = 0;
    int err = eds_open(&e, &c);
    next_number += 10;
    snprintf(id, sizeof id, "g%lld-2", (long long)next_number);
    buf_init(&b, 1 << 20);
    if (!err)
        err = write_group(e, next_number);
    if (!err)
        err = eds_read(e, obs, str_c(id), 0, &b, NULL);
    if (!err)
        err = eds_view(e, look_around, &b);
    if (!err)
        err = eds_merge(e, 8, 1);
    if (!err)
        err = eds_view(e, look_around, &b);
    if (!err)
        err = eds_rotate(e);
    if (!err)
        err = eds_reseal(e, &rid, 5);
    if (!err)
        err = eds_check(e, &check);
    buf_release(&b);
    eds_close(e);
    return err;
}

/* A sample not kept is no failure: then the calls succeed. */
static void survives_no_memory(void **state)
{
    (void)state;
    struct eds *e;
    long refused = 0, n;
    for (n = 1;; n += 1 + n / 12) {
        int err;
        am_oom_at(n);
        err = all_calls();
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        if (err && err != AM_E_NOMEM)
            print_message("allocation %ld: %s\n", n, am_err_text(err));
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        refused += err == AM_E_NOMEM;
    }
    print_message("%ld allocations, %ld refusals\n", n, refused);
    assert_true(refused > 20);
    e = t_open();
    assert_ok(check_all(e));
    eds_close(e);
}

int main(void)
{
    const struct CMUnitTest both[] = {T(killed_inside_bundles_nothing_is_lost_or_halved),
                                      T(rivals_with_one_condition_make_exactly_one),
                                      T(survives_no_memory)};
    const struct CMUnitTest file[] = {T(a_full_disk_refuses_and_the_store_goes_on),
                                      T(a_damaged_page_is_named)};
    int bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    return bad + t_run_both(both, AM_LEN(both));
}
