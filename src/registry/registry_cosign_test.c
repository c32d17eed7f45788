/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses over HTTP in this process: cosignatures come, merge, stay fresh, and a
 * witness that knows another history is shouted about. */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

#include <dirent.h>

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_witnesses(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Witnesses learn the log's key when the registry exists. */
static void introduce(int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_ok(tlog_witness_add_log(t.witness[i], tlog_key(registry_log(t.r))));
}

struct seen {
    uint64_t size, cosigned;
    int64_t lease_at;
    uint64_t by;
    int check;
};

static int look(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct seen *s = arg;
    struct buf note;
    s->size = ledger_size(l);
    s->cosigned = cosigned;
    buf_init(&note, TLOG_NOTE_MAX);
    s->check = tlog_note_cosigned(registry_log(t.r), &note);
    if (!s->check)
        s->check = tlog_policy_check(ledger_quorum(l), buf_str(&note), NULL, &s->lease_at,
                                     &s->by);
    buf_release(&note);
    return AM_OK;
}

/* Until the quorum covers everything and the lease is at least that; false after a
 * minute.
 */
static bool until_cosigned(struct seen *s, int64_t lease_at)
{
    for (int i = 0; i < 6000; i++) {
        assert_ok(registry_view(t.r, look, s));
        if (s->cosigned == s->size && s->check == AM_OK && s->lease_at >= lease_at)
            return true;
        usleep(10000);
    }
    return false;
}

static void three_of_four_witnesses_make_a_quorum(void **state)
{
    struct registry_witness w[8];
    struct seen s = {0};
    size_t n = 0;
    (void)state;
    t_registry(&t);
    introduce(0, 2);
    assert_true(until_cosigned(&s, 0));
    assert_int_equal(s.by & 7, 7);
    for (int i = 0; i < 6000; i++) { /* what it cosigned is noted after it counts */
        n = registry_witnesses(t.r, w, AM_LEN(w));
        assert_int_equal(n, 3);
        if (w[0].size == s.size && w[1].size == s.size && w[2].size == s.size)
            break;
        usleep(10000);
    }
    for (size_t i = 0; i < n; i++) {
        assert_false(w[i].refused);
        assert_int_equal(w[i].size, s.size);
    }
    assert_string_equal(w[0].name, "n01");
    assert_int_equal(registry_witnesses(t.r, w, 1), 1);
    /* another statement, another round */
    t_grant(&t, T_STRANGER);
    assert_true(until_cosigned(&s, 0));
}

static void a_quiet_log_is_cosigned_again_so_that_leases_stay_fresh(void **state)
{
    struct seen first = {0}, later = {0};
    (void)state;
    t_registry(&t);
    introduce(0, 2);
    assert_true(until_cosigned(&first, 0));
    assert_true(until_cosigned(&later, first.lease_at + TIME_SECOND)); /* refresh_s: 1 */
    assert_int_equal(first.size, later.size);
}

static void two_witnesses_are_no_quorum(void **state)
{
    struct registry_witness w[8];
    struct seen s = {0};
    (void)state;
    t_registry(&t);
    introduce(0, 1);
    for (int i = 0; i < 6000; i++) { /* both have signed, the third was asked */
        registry_witnesses(t.r, w, AM_LEN(w));
        assert_ok(registry_view(t.r, look, &s));
        if (w[0].size == s.size && w[1].size == s.size && w[2].failures > 0)
            break;
        usleep(10000);
    }
    assert_int_equal(w[0].size, s.size);
    assert_int_equal(w[1].size, s.size);
    assert_true(w[2].failures > 0); /* 404: it does not know us */
    assert_false(w[2].refused);
    assert_int_equal(s.cosigned, 0);
    assert_int_equal(s.check, AM_E_NOTFOUND);
    introduce(2, 2); /* it comes back by itself */
    assert_true(until_cosigned(&s, 0));
}

static void after_a_restart_the_witness_remembers_for_both(void **state)
{
    struct seen s = {0};
    uint64_t before;
    (void)state;
    t_registry(&t);
    introduce(0, 2);
    assert_true(until_cosigned(&s, 0));
    before = s.size;
    registry_close(t.r);
    t.r = NULL;
    t_open(&t); /* we start from "old 0": 409 tells us better */
    assert_ok(registry_view(t.r, look, &s));
    assert_int_equal(s.cosigned, before); /* kept on disk */
    t_grant(&t, T_STRANGER);
    assert_true(until_cosigned(&s, 0));
    assert_int_equal(s.size, before + 1);
}

/* A log with the same name and key but another past: restored from an old copy, or two
 * histories shown to two audiences. */
static void a_witness_that_saw_another_history_is_never_ignored(void **state)
{
    struct tlog_config tc = {.origin = "amane.example.org/log"};
    struct registry_witness w[8];
    char dir[128];
    struct tlog *other = NULL;
    struct buf note, request, reply;
    uint64_t index;
    bool split;
    int status;
    (void)state;
    t_registry(&t);
    introduce(0, 0);
    snprintf(dir, sizeof dir, "%s/other", t.dir);
    tc.dir = dir;
    tc.key = t.r->key;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&request, TLOG_NOTE_MAX);
    buf_init(&reply, 65536);
    assert_ok(tlog_open(&other, &tc));
    for (int i = 0; i < 40; i++) /* longer than ours: entries we have "lost" */
        assert_ok(tlog_append(other, STR("another past"), &index));
    assert_ok(tlog_note(other, &note));
    assert_ok(tlog_witness_request(other, 0, index + 1, buf_str(&note), &request));
    pthread_mutex_lock(&t.lock); /* it hears of the other past first */
    introduce(1, 1);
    assert_ok(tlog_witness_add_checkpoint(t.witness[1], buf_str(&request), time_now(),
                                          &status, &reply, &split));
    pthread_mutex_unlock(&t.lock);
    assert_int_equal(status, 200);
    for (int i = 0; i < 6000; i++) {
        registry_witnesses(t.r, w, AM_LEN(w));
        if (w[1].refused)
            break;
        usleep(10000);
    }
    assert_true(w[1].refused);
    assert_false(w[0].refused);
    tlog_close(other);
    buf_release(&reply);
    buf_release(&request);
    buf_release(&note);
}

/* Whatever a witness answers, only its key counts. */
static int liar(void *cookie, struct http_req *r, struct http_resp *a)
{
    static const char *const text[] = {"", "\xe2\x80\x94 node1.example.org AAAA\n", "12",
                                       "not a number\n"};
    static const int status[] = {200, 200, 409, 409};
    unsigned *n = cookie;
    unsigned k = (*n)++ % 4;
    (void)r;
    a->status = status[k];
    return buf_adds(&a->body, text[k]);
}

static void a_lying_witness_costs_only_its_own_thread(void **state)
{
    struct http_config c = {.listen = "127.0.0.1:0", .handler = liar, .jobs = 1};
    struct registry_witness w[8];
    struct http_server *http = NULL;
    char path[160], line[128];
    unsigned asked = 0;
    struct seen s = {0};
    (void)state;
    t_registry(&t);
    introduce(0, 2);
    assert_true(until_cosigned(&s, 0));
    registry_close(t.r);
    t.r = NULL;
    c.cookie = &asked;
    assert_ok(http_server_start(&http, &c));
    snprintf(path, sizeof path, "%s/witnesses", t.data);
    snprintf(line, sizeof line,
             "# where to ask\n\nn01 http://127.0.0.1:%u/w0\nn02 http://127.0.0.1:1/x\n",
             http_server_port(http));
    assert_ok(am_file_write(path, str_c(line), 0600));
    t_open(&t);
    for (int i = 0; i < 6000; i++) {
        registry_witnesses(t.r, w, AM_LEN(w));
        if (w[0].failures >= 3 && w[1].failures >= 3)
            break;
        usleep(10000);
    }
    assert_true(w[0].failures >= 3 && w[1].failures >= 3);
    assert_true(asked < 40); /* it waits longer and longer: nobody is hammered */
    t_grant(&t, T_STRANGER); /* and the registry goes on */
    http_server_stop(http, 1000);
}

static void a_list_of_witnesses_that_cannot_be_read_is_said_so(void **state)
{
    static const char *const bad[] = {"n01\n", "n01 \n"};
    struct registry_config c = {.dir = t.data};
    char path[160];
    (void)state;
    t_registry(&t);
    registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/witnesses", t.data);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        assert_ok(am_file_write(path, str_c(bad[i]), 0600));
        diag_clear(&t.d);
        assert_int_equal(registry_open(&t.r, &c, &t.d), AM_E_INVALID);
        t_assert_problem(&t, path, "registry.witnesses");
    }
    assert_int_equal(unlink(path), 0); /* none to ask is fine */
    t_open(&t);
}

/* What a refusing witness shows beside its refusal. */
struct shown {
    struct str checkpoint, evidence;
    useconds_t slow; /* before it refuses */
};

static int refusing(void *cookie, struct http_req *r, struct http_resp *a)
{
    const struct shown *s = cookie;
    if (r->method == HTTP_POST) {
        usleep(s->slow);
        a->status = 409;
        return buf_adds(&a->body, "123456789\n");
    }
    return buf_add(&a->body, str_eqc(r->path, "/w/checkpoint") ? s->checkpoint
                             : str_eqc(r->path, "/w/evidence") ? s->evidence
                                                               : STR("?"));
}

/* The registry, opened with one witness that refuses and shows that. */
static struct http_server *open_refused(struct shown *s)
{
    struct http_config c = {
        .listen = "127.0.0.1:0", .handler = refusing, .cookie = s, .jobs = 1};
    struct http_server *http = NULL;
    char path[160], line[128];
    if (t.r)
        registry_close(t.r);
    t.r = NULL;
    assert_ok(http_server_start(&http, &c));
    snprintf(path, sizeof path, "%s/witnesses", t.data);
    snprintf(line, sizeof line, "n01 http://127.0.0.1:%u/w/add-checkpoint\n",
             http_server_port(http));
    assert_ok(am_file_write(path, str_c(line), 0600));
    t_open(&t);
    return http;
}

/* Until it has asked. */
static void refused_with(struct shown *s, bool proved)
{
    struct registry_witness w[8];
    struct http_server *http = open_refused(s);
    for (int i = 0; i < 6000; i++) {
        registry_witnesses(t.r, w, AM_LEN(w));
        if (registry_split_proved(t.r) || (!proved && w[0].failures >= 3))
            break;
        usleep(10000);
    }
    registry_witnesses(t.r, w, AM_LEN(w));
    assert_true(w[0].refused);
    assert_true(registry_split_proved(t.r) == proved);
    http_server_stop(http, 1000);
}

/* A log of that many foreign entries, signed with k. */
static void foreign_note(const char *name, const struct crypto_key *k, int entries,
                         struct buf *note)
{
    struct tlog_config tc = {.origin = "amane.example.org/log", .key = k};
    struct tlog *other = NULL;
    char dir[128];
    uint64_t index;
    snprintf(dir, sizeof dir, "%s/%s", t.dir, name);
    tc.dir = dir;
    assert_ok(tlog_open(&other, &tc));
    for (int i = 0; i < entries; i++)
        assert_ok(tlog_append(other, STR("another past"), &index));
    assert_ok(tlog_note(other, note));
    tlog_close(other);
}

static void a_witness_that_only_claims_stops_nothing(void **state)
{
    struct shown s = {STR(""), STR("{\"items\":[{\"note\":7},3]}"), 0};
    struct crypto_key *stranger = NULL;
    struct buf forged, own;
    (void)state;
    t_registry(&t);
    buf_init(&forged, TLOG_NOTE_MAX);
    buf_init(&own, TLOG_NOTE_MAX);
    assert_ok(tlog_note(registry_log(t.r), &own));
    refused_with(&s, false); /* a huge size, and nothing to show */
    assert_ok(crypto_key_generate(&stranger, CRYPTO_ED25519));
    foreign_note("forged", stranger, 60, &forged);
    s.checkpoint = buf_str(&forged); /* signed, but not by us */
    refused_with(&s, false);
    s.checkpoint = buf_str(&own); /* an older checkpoint of ours */
    t_grant(&t, T_STRANGER);
    refused_with(&s, false);
    crypto_key_free(stranger);
    buf_release(&own);
    buf_release(&forged);
}

/* DIR/split-*.note: how many; moved: out of the folder. */
static unsigned kept_notes(bool move)
{
    char from[512], to[512];
    struct dirent *e;
    unsigned n = 0;
    DIR *d = opendir(t.data);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (!strncmp(e->d_name, "split-", 6)) {
            n++;
            snprintf(from, sizeof from, "%s/%.200s", t.data, e->d_name);
            snprintf(to, sizeof to, "%s/%.200s", t.dir, e->d_name);
            assert_int_equal(move ? rename(from, to) : 0, 0);
        }
    closedir(d);
    return n;
}

static void a_signed_note_that_is_not_of_our_log_stops_admission(void **state)
{
    struct shown s = {STR(""), STR("{}"), 0};
    struct registry_receipt receipt;
    struct buf longer, other, json;
    struct jw w;
    (void)state;
    t_registry(&t);
    buf_init(&longer, TLOG_NOTE_MAX);
    buf_init(&other, TLOG_NOTE_MAX);
    buf_init(&json, TLOG_NOTE_MAX);
    foreign_note("longer", t.r->key, 60, &longer);
    foreign_note("other", t.r->key, 2, &other);
    s.checkpoint = buf_str(&longer); /* entries we have lost */
    refused_with(&s, true);
    diag_clear(&t.d);
    assert_int_equal(registry_submit(t.r, LEDGER_EVENT, STR("{}"), &receipt, &t.d),
                     AM_E_UNAVAILABLE);
    t_assert_problem(&t, "", "registry.split");
    jw_init(&w, &json); /* another root at a size we have, as evidence */
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstr(&w, "note", buf_str(&other));
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    s = (struct shown){STR("x"), buf_str(&json), 0};
    assert_int_equal(kept_notes(true), 1); /* it starts anew */
    refused_with(&s, true);
    buf_release(&json);
    buf_release(&other);
    buf_release(&longer);
}

static void reopen_without_witnesses(void)
{
    char path[160];
    if (t.r)
        registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/witnesses", t.data);
    assert_ok(am_file_write(path, STR(""), 0600));
    t_open(&t);
}

static void assert_halted(void)
{
    struct registry_receipt receipt;
    diag_clear(&t.d);
    assert_true(registry_split_proved(t.r));
    assert_int_equal(registry_submit(t.r, LEDGER_EVENT, STR("{}"), &receipt, &t.d),
                     AM_E_UNAVAILABLE);
    t_assert_problem(&t, "", "registry.split");
}

static void a_halt_outlives_restarts_until_the_note_is_moved_away(void **state)
{
    struct shown s = {STR(""), STR("{}"), 0};
    struct buf other;
    (void)state;
    t_registry(&t);
    buf_init(&other, TLOG_NOTE_MAX);
    foreign_note("other", t.r->key, 2, &other);
    s.checkpoint = buf_str(&other);
    refused_with(&s, true);
    assert_int_equal(kept_notes(false), 1);
    for (int i = 0; i < 2; i++) { /* nobody is there to remind it */
        reopen_without_witnesses();
        assert_halted();
    }
    assert_int_equal(kept_notes(true), 1);
    reopen_without_witnesses();
    assert_false(registry_split_proved(t.r));
    t_grant(&t, T_STRANGER);
    buf_release(&other);
}

static void a_halt_ends_when_the_lost_entries_are_back(void **state)
{
    char path[160], copy[160];
    struct buf note;
    (void)state;
    t_registry(&t);
    buf_init(&note, TLOG_NOTE_MAX);
    t_grant(&t, T_STRANGER);
    assert_ok(tlog_note(registry_log(t.r), &note)); /* of the complete log */
    snprintf(path, sizeof path, "%s/split-0.note", t.data);
    assert_ok(am_file_write(path, buf_str(&note), 0600));
    reopen_without_witnesses(); /* as after putting the complete copy back */
    assert_false(registry_split_proved(t.r));
    assert_int_equal(kept_notes(false), 1); /* it stays as a record */
    assert_ok(am_file_write(path, STR("torn"), 0600));
    reopen_without_witnesses();
    assert_halted(); /* what cannot be judged halts */
    assert_int_equal(unlink(path), 0);
    snprintf(copy, sizeof copy, "%s/split-dir.note", t.data);
    assert_int_equal(mkdir(copy, 0700), 0); /* nor can this */
    reopen_without_witnesses();
    assert_halted();
    buf_release(&note);
}

/* Restored from an old copy: the first statement that comes must not become another
 * history while the witness is still being asked. */
static void nothing_is_admitted_before_the_witnesses_were_asked(void **state)
{
    struct shown s = {STR(""), STR("{}"), 300000};
    struct registry_receipt receipt;
    struct http_server *http;
    struct seen seen = {0};
    struct buf longer;
    uint64_t before;
    (void)state;
    t_registry(&t);
    assert_ok(registry_view(t.r, look, &seen));
    before = seen.size;
    buf_init(&longer, TLOG_NOTE_MAX);
    foreign_note("longer", t.r->key, 60, &longer);
    s.checkpoint = buf_str(&longer);
    http = open_refused(&s);
    diag_clear(&t.d);
    assert_int_equal(registry_submit(t.r, LEDGER_EVENT, STR("{}"), &receipt, &t.d),
                     AM_E_UNAVAILABLE);
    t_assert_problem(&t, "", "registry.split");
    assert_ok(registry_view(t.r, look, &seen));
    assert_int_equal(seen.size, before);
    http_server_stop(http, 1000);
    buf_release(&longer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(three_of_four_witnesses_make_a_quorum),
        T(a_quiet_log_is_cosigned_again_so_that_leases_stay_fresh),
        T(two_witnesses_are_no_quorum),
        T(after_a_restart_the_witness_remembers_for_both),
        T(a_witness_that_saw_another_history_is_never_ignored),
        T(a_lying_witness_costs_only_its_own_thread),
        T(a_list_of_witnesses_that_cannot_be_read_is_said_so),
        T(a_witness_that_only_claims_stops_nothing),
        T(a_signed_note_that_is_not_of_our_log_stops_admission),
        T(a_halt_outlives_restarts_until_the_note_is_moved_away),
        T(a_halt_ends_when_the_lost_entries_are_back),
        T(nothing_is_admitted_before_the_witnesses_were_asked),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
