/* SPDX-License-Identifier: Apache-2.0 */
/* When the machine misbehaves: models that crash, hang or give no number, weights altered
 * under a running node, disks that are full. The worker here is one of our own: what it
 * does depends on the marker it is asked about. */
#include "node/node_testkit.h"

#include <math.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { GIVES_NAN = 901, CRASHES = 902, HANGS = 903, SLOW = 904 };

/* ---- a worker that obeys the model protocol, and the marker --------------------- */
/* Between the test and its workers, in a file both map: how many came to SLOW, and
 * whether they may go on. */
static struct gate {
    atomic_int in, open;
} *gate;

static char gate_path[64];

/* The test makes it and a worker finds it; NULL where there is none. */
static struct gate *gate_map(pid_t test, int flags)
{
    struct gate *g = MAP_FAILED;
    int fd;
    snprintf(gate_path, sizeof gate_path, "/tmp/amane-fault-%d", (int)test);
    fd = open(gate_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0)
        return NULL;
    if (ftruncate(fd, sizeof *g) == 0)
        g = mmap(NULL, sizeof *g, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return g == MAP_FAILED ? NULL : g;
}

static void gate_unlink(void)
{
    unlink(gate_path);
}

struct bad {
    struct model *m;
    struct worker_shm file, shm;
};

static void misbehave(double marker)
{
    if (marker == CRASHES)
        abort();
    while (marker == HANGS)
        ;
    if (marker == SLOW && gate) {
        atomic_fetch_add(&gate->in, 1);
        while (!atomic_load(&gate->open))
            ;
    }
}

static int bad_do(struct bad *b, const struct json *req, int fd, struct jw *w)
{
    struct str op = json_get_str(req, "op"), bytes;
    double *x = b->shm.p;
    struct buf text;
    int err;
    if (str_eqc(op, "lock"))
        return worker_enter();
    if (str_eqc(op, "shm"))
        return worker_shm_map(&b->shm, fd);
    if (str_eqc(op, "load")) {
        err = worker_shm_map(&b->file, fd);
        bytes = (struct str){b->file.p, b->file.size_b};
        buf_init(&text, 1 << 20);
        if (!err)
            err = model_load(&b->m, bytes, NULL);
        if (!err)
            err = model_describe(b->m, bytes, &text);
        if (!err) {
            jw_kint(w, "features", 2);
            jw_key(w, "describe");
            jw_raw(w, buf_str(&text));
        }
        buf_release(&text);
        return err;
    }
    if (str_eqc(op, "contributions"))
        return model_contributions(b->m, x, 1, NULL, x + 2);
    misbehave(x[1]);
    err = model_score(b->m, x, 1, x + 2);
    if (x[1] == GIVES_NAN)
        x[2] = NAN;
    return err;
}

static int bad_worker(void)
{
    struct bad b = {.file.fd = -1, .shm.fd = -1};
    struct buf in, out;
    int err = AM_OK;
    gate = gate_map(getppid(), 0);
    buf_init(&in, 1 << 16);
    buf_init(&out, 1 << 20);
    while (!err) {
        struct json_doc *doc = NULL;
        struct jw w;
        int fd = -1;
        size_t n = 1;
        buf_clear(&in);
        buf_clear(&out);
        err = worker_recv(&in, &fd, &n);
        if (!err)
            err = json_parse(&doc, buf_str(&in), NULL, NULL);
        if (err)
            break;
        jw_init(&w, &out);
        jw_obj(&w);
        jw_kint(&w, "err", bad_do(&b, json_root(doc), n ? fd : -1, &w));
        jw_obj_end(&w);
        json_free(doc);
        err = jw_done(&w);
        if (!err)
            err = worker_send(buf_str(&out));
    }
    return 0;
}

/* ---- models --------------------------------------------------------------------- */
static void no_number_is_no_answer(void **state)
{
    struct nt *w = *state;
    assert_int_equal(nt_predict(w, 60, GIVES_NAN), AM_E_REFUSED);
    assert_true(nt_said(w, "model.output"));
    assert_int_equal(nt_state(w).trace_size, 0);
    assert_predicts(w);
}

static void a_model_that_dies_is_started_again(void **state)
{
    struct nt *w = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(nt_predict(w, 60, CRASHES), AM_E_REFUSED);
        assert_true(nt_said(w, "model.crashed"));
        assert_predicts(w);
    }
    assert_int_equal(nt_state(w).trace_size, 3);
}

static void a_model_that_hangs_is_ended_in_time(void **state)
{
    struct nt *w = *state;
    w->n->model_ms = 800; /* else it hangs for ever */
    assert_int_equal(nt_predict(w, 60, HANGS), AM_E_REFUSED);
    assert_true(nt_said(w, "model.timeout"));
    assert_predicts(w);
}

struct asker {
    struct nt *w;
    pthread_t thread;
    double marker;
    int err;
    char code[64]; /* of the first problem */
    atomic_bool back;
};

static void *ask_main(void *arg)
{
    struct asker *a = arg;
    struct json_doc *request = NULL;
    struct buf b, reply;
    struct diag d;
    diag_init(&d);
    buf_init(&b, 65536);
    buf_init(&reply, 1 << 20);
    nt_request(a->w, "CARDIO", 60, a->marker, &b);
    a->err = json_parse(&request, buf_str(&b), NULL, NULL);
    if (!a->err)
        a->err = node_predict(a->w->n, &a->w->doctor, json_root(request), &reply, &d);
    snprintf(a->code, sizeof a->code, "%s", d.n ? d.item[0].code : "");
    json_free(request);
    buf_release(&reply);
    buf_release(&b);
    diag_release(&d);
    atomic_store(&a->back, true);
    return NULL;
}

static void ask_start(struct asker *a, struct nt *w, double marker)
{
    *a = (struct asker){.w = w, .marker = marker};
    assert_int_equal(pthread_create(&a->thread, NULL, ask_main, a), 0);
}

/* From here on a model asked about SLOW answers only when the test says so. */
static void gate_shut(struct nt *w)
{
    if (!gate) { /* before the first worker */
        gate = gate_map(getpid(), O_CREAT);
        assert_non_null(gate);
        atexit(gate_unlink);
    }
    atomic_store(&gate->in, 0);
    atomic_store(&gate->open, 0);
    w->n->model_ms = 60000;
}

static unsigned backs(const struct asker *a, size_t n)
{
    unsigned k = 0;
    for (size_t i = 0; i < n; i++)
        k += atomic_load(&a[i].back);
    return k;
}

/* Twelve at a hung model: most are sent away, and a stop goes through meanwhile. */
static void a_hung_model_does_not_hold_everybody(void **state)
{
    struct nt *w = *state;
    struct asker a[12];
    unsigned away = 0;
    gate_shut(w);
    for (size_t i = 0; i < AM_LEN(a); i++)
        ask_start(&a[i], w, SLOW);
    assert_eventually(backs(a, AM_LEN(a)) >= 6 && atomic_load(&gate->in) == 1);
    assert_ok(nt_stop(w));
    atomic_store(&gate->open, 1);
    for (size_t i = 0; i < AM_LEN(a); i++) {
        assert_int_equal(pthread_join(a[i].thread, NULL), 0);
        assert_true(a[i].err == AM_E_UNAVAILABLE || a[i].err == AM_E_REFUSED);
        away += strcmp(a[i].code, "model.busy") == 0;
    }
    assert_true(away >= 6);
    assert_int_equal(nt_state(w).pending, 0);
}

/* The gate said yes, the model runs, then the permission ends: the answer is not kept. */
static void asked_while(struct nt *w, void (*happen)(struct nt *), const char *code)
{
    uint64_t size = nt_state(w).trace_size;
    struct asker a;
    gate_shut(w);
    ask_start(&a, w, SLOW);
    assert_eventually(atomic_load(&gate->in) == 1);
    happen(w);
    atomic_store(&gate->open, 1);
    assert_int_equal(pthread_join(a.thread, NULL), 0);
    assert_int_equal(a.err, AM_E_REFUSED);
    assert_string_equal(a.code, code);
    assert_int_equal(nt_state(w).trace_size, size);
    assert_int_equal(nt_state(w).pending, 0);
}

static void stop_here(struct nt *w)
{
    assert_ok(nt_stop(w));
}

static void stop_in_the_log(struct nt *w)
{
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
}

static void retire(struct nt *w)
{
    static const enum tk_actor by[] = {TK_DIRECTOR};
    assert_string_equal(tk_deploy(&w->tk, "P10", "retired", NULL, by, 1), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
}

static void what_ran_while_a_stop_came_is_never_kept(void **state)
{
    struct nt *w = *state;
    asked_while(w, stop_here, "refusal.stopped");
    w->n->stops.n = 0; /* as if it had been lifted */
    assert_int_equal(nt_predict(w, 60, 200), AM_OK);
    assert_ok(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}"));
    asked_while(w, stop_in_the_log, "refusal.stopped");
}

static void what_ran_while_the_model_was_retired_is_never_kept(void **state)
{
    asked_while(*state, retire, "refusal.state");
}

/* A fast model turns nobody away, and every output has its own place in the trace. Where
 * others have the processors for a quarter of a second it is not fast: then a crowd is
 * told to come again (node_pool_wait()), but not always. */
static void many_at_once_are_all_answered(void **state)
{
    struct nt *w = *state;
    struct asker a[12];
    int clean = 0, answered = 0;
    for (int round = 0; round < 4; round++) {
        int away = 0;
        for (size_t i = 0; i < AM_LEN(a); i++)
            ask_start(&a[i], w, 200 + (double)i);
        for (size_t i = 0; i < AM_LEN(a); i++) {
            assert_int_equal(pthread_join(a[i].thread, NULL), 0);
            if (a[i].err && strcmp(a[i].code, "model.busy") != 0)
                fail_msg("%s %s", am_err_text(a[i].err), a[i].code);
            away += a[i].err != AM_OK;
        }
        answered += (int)AM_LEN(a) - away;
        clean += away == 0;
    }
    assert_true(clean > 0);
    assert_int_equal(nt_state(w).pending, answered);
    assert_int_equal(nt_state(w).trace_size, answered);
}

/* ---- weights -------------------------------------------------------------------- */
static void altered_weights_are_refused_and_restored_ones_work(void **state)
{
    struct nt *w = *state;
    uint8_t file[32];
    char path[4096];
    struct buf bad;
    crypto_sha256(buf_str(&w->weights), file);
    blob_path(w->n->blobs, file, path, sizeof path);
    buf_init(&bad, 1 << 20);
    assert_ok(buf_add(&bad, buf_str(&w->weights)));
    bad.p[bad.n / 2] ^= 1;
    assert_predicts(w);
    assert_ok(am_file_write(path, buf_str(&bad), 0600));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
        assert_true(nt_said(w, "refusal.digest_mismatch"));
    }
    assert_ok(am_file_write(path, buf_str(&w->weights), 0600));
    assert_predicts(w);
    assert_int_equal(nt_state(w).trace_size, 2);
    buf_release(&bad);
}

/* ---- a trace that cannot be written --------------------------------------------- */
static void no_output_leaves_without_its_place_in_the_trace(void **state)
{
    struct nt *w = *state;
    char tile[160], away[160];
    struct buf b;
    int err;
    assert_predicts(w);
    snprintf(tile, sizeof tile, "%s/trace/tile", w->node_dir);
    snprintf(away, sizeof away, "%s/trace/away", w->node_dir);
    assert_int_equal(rename(tile, away), 0);
    assert_ok(am_file_write(tile, STR("in the way"), 0600));
    for (int i = 0; i < 2; i++)
        assert_true(nt_predict(w, 60, 200) != AM_OK);
    buf_init(&b, 1 << 20);
    assert_ok(node_predictions(w->n, STR(""), STR(""), 0, 50, &b));
    nt_take_reply(w, &b, AM_OK);
    assert_int_equal(json_size(nt_get(w, "/items")), 1); /* the other is not shown */
    err = nt_stop(w);
    assert_ok(err); /* stops need no trace */
    assert_int_equal(unlink(tile), 0);
    assert_int_equal(rename(away, tile), 0);
    assert_ok(node_trace_feed(w->n));
    /* two predictions, two withdrawals: the row that had failed was withdrawn as well */
    assert_int_equal(nt_state(w).trace_size, 4);
    assert_int_equal(nt_state(w).pending, 0);
}

/* ---- no memory ------------------------------------------------------------------ */
static void an_allocation_that_fails_leaves_nothing_half_done(void **state)
{
    struct nt *w = *state;
    struct json_doc *request = NULL;
    struct buf text, reply;
    struct node_state s;
    unsigned given = 0, failed = 0;
    bool hit = true;
    buf_init(&text, 65536);
    buf_init(&reply, 1 << 20);
    nt_request(w, "CARDIO", 60, 200, &text);
    assert_ok(json_parse(&request, buf_str(&text), NULL, NULL));
    assert_predicts(w); /* the model is up */
    for (long at = 1; hit && at < 20000; at += 1 + at / 40) {
        int err;
        buf_clear(&reply);
        diag_clear(&w->d);
        am_oom_at(at);
        err = node_predict(w->n, &w->doctor, json_root(request), &reply, &w->d);
        hit = am_oom_at(0);
        given += !err;
        failed += err != 0;
    }
    assert_false(hit);
    assert_true(failed > 20);
    assert_ok(node_trace_feed(w->n));
    s = nt_state(w);
    assert_int_equal(s.trace_size, s.pending); /* rows and commitments, one to one */
    assert_true(s.pending >= given + 1);
    assert_predicts(w);
    json_free(request);
    buf_release(&text);
    buf_release(&reply);
}

/* ---- a full disk ---------------------------------------------------------------- */
#define NEED(e)                                                                          \
    do {                                                                                 \
        if (!(e)) {                                                                      \
            fprintf(stderr, "full disk: line %d: %s\n", __LINE__, #e);                   \
            _exit(1);                                                                    \
        }                                                                                \
    } while (0)

/* RLIM_INFINITY: as much as the caller's own limit allows. */
static void limit_files(rlim_t size)
{
    struct rlimit r;
    NEED(getrlimit(RLIMIT_FSIZE, &r) == 0);
    r.rlim_cur = AM_MIN(size, r.rlim_max);
    NEED(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

static int count_stops(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT count(*) FROM local_stop", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(int64_t *)arg = db_int(s, 0);
    return err;
}

static int full_disk(struct nt *w)
{
    struct buf b;
    int64_t stops = -1;
    int err;
    signal(SIGXFSZ, SIG_IGN); /* as a full disk: write() fails */
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:1"); /* the parent's threads are
                                                              not here */
    NEED(nt_open(w) == AM_OK);
    NEED(nt_predict(w, 60, 200) == AM_OK);
    NEED(!nt_state(w).storage);
    limit_files(4096);
    err = nt_predict(w, 60, 200);
    NEED(err == AM_E_NOSPACE || err == AM_E_IO);
    NEED(nt_said(w, "store.write"));
    NEED(nt_state(w).storage);
    NEED(node_sync(w->n) == AM_E_UNAVAILABLE && nt_state(w).storage); /* tried in vain */
    buf_init(&b, 1 << 20);
    NEED(node_predictions(w->n, STR(""), STR(""), 0, 50, &b) == AM_OK);
    nt_take_reply(w, &b, AM_OK);
    NEED(json_size(nt_get(w, "/items")) == 1);
    NEED(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}") != AM_OK);
    err = nt_stop(w);
    NEED(err == AM_E_NOSPACE || err == AM_E_IO);
    NEED(nt_said(w, "stop.not_kept"));
    NEED(nt_predict(w, 60, 200) == AM_E_REFUSED && nt_said(w, "refusal.stopped"));
    NEED(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}") ==
         AM_E_CONFLICT);
    NEED(nt_said(w, "validation.stopped"));
    limit_files(RLIM_INFINITY); /* somebody made room */
    NEED(node_sync(w->n) == AM_E_UNAVAILABLE);
    NEED(!nt_state(w).storage);
    NEED(db_read(w->n->db, count_stops, &stops) == AM_OK && stops == 1);
    NEED(nt_state(w).outbox == 1 && nt_state(w).pending == 0);
    NEED(strcmp(nt_status(w, w->last), "withdrawn") == 0);
    nt_close(w);
    NEED(nt_open(w) == AM_OK);
    NEED(nt_predict(w, 60, 200) == AM_E_REFUSED && nt_said(w, "refusal.stopped"));
    nt_close(w);
    return 0;
}

static void a_full_disk_refuses_clearly_and_stops_still_work(void **state)
{
    struct nt *w = *state;
    int status = 0;
    pid_t child;
    if (TEST_TSAN)
        skip(); /* it does not follow the threads of a forked child */
    nt_close(w);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        full_disk(w);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

NT_MAIN_WITH(bad_worker, NT(no_number_is_no_answer),
             NT(a_model_that_dies_is_started_again),
             NT(a_model_that_hangs_is_ended_in_time),
             NT(a_hung_model_does_not_hold_everybody),
             NT(what_ran_while_a_stop_came_is_never_kept),
             NT(what_ran_while_the_model_was_retired_is_never_kept),
             NT(many_at_once_are_all_answered),
             NT(altered_weights_are_refused_and_restored_ones_work),
             NT(no_output_leaves_without_its_place_in_the_trace),
             NT(an_allocation_that_fails_leaves_nothing_half_done),
             NT(a_full_disk_refuses_clearly_and_stops_still_work))
