/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror under a registry that is away, lies, forgets or serves another log; the
 * lease under clocks that jump. */
#include "node/node_testkit.h"

/* ---- first contact -------------------------------------------------------------- */
static void before_the_first_contact_a_node_serves_and_refuses(void **state)
{
    struct nt *w = *state;
    struct buf b;
    int status = 0;
    nt_away(w, true);
    assert_ok(nt_open(w));
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE);
    assert_refuses(w, "refusal.mirror_incomplete");
    buf_init(&b, 1 << 20);
    assert_ok(node_witness(w->n, STR("old 0\n\nx"), &status, &b));
    assert_int_equal(status, 503);
    assert_ok(node_predictions(w->n, STR(""), STR(""), 0, 10, &b));
    buf_clear(&b);
    assert_ok(node_deployments(w->n, &b));
    assert_int_equal(nt_stop(w), AM_E_UNAVAILABLE);
    assert_int_equal(nt_state(w).size, 0);
    nt_away(w, false);
    assert_ok(node_sync(w->n));
    assert_predicts(w);
    buf_release(&b);
}

static void another_genesis_is_never_taken(void **state)
{
    struct nt *w = *state;
    char right[CRYPTO_HEX];
    memcpy(right, w->genesis, sizeof right);
    w->genesis[0] = w->genesis[0] == '0' ? '1' : '0';
    assert_ok(nt_open(w));
    assert_int_equal(node_sync(w->n), AM_E_TAMPERED);
    assert_int_equal(nt_state(w).size, 0);
    nt_close(w);
    memcpy(w->genesis, right, sizeof right);
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    nt_close(w);
    w->genesis[0] = w->genesis[0] == '0' ? '1' : '0';
    assert_int_equal(nt_open(w), AM_E_TAMPERED); /* and not after the first contact */
    assert_true(nt_said(w, "node.genesis"));
    memcpy(w->genesis, "xyz", 4);
    assert_int_equal(nt_open(w), AM_E_INVALID);
}

/* ---- hostile answers ------------------------------------------------------------ */
static void lies_change_nothing_and_the_truth_is_taken_afterwards(void **state)
{
    struct nt *w = *state;
    static char huge[TLOG_NOTE_MAX + 2];
    const struct {
        enum nt_lie lie;
        const char *where;
        int status;
        struct str what;
    } lies[] = {
        {NT_CUT, "/log/checkpoint", 0, STR("")},
        {NT_FLIP, "/log/checkpoint", 0, STR("")},
        {NT_INSTEAD, "/log/checkpoint", 0, STR("<html>please log in</html>")},
        {NT_INSTEAD, "/log/checkpoint", 0, STR("")},
        {NT_INSTEAD, "/log/checkpoint", 0, {huge, sizeof huge}},
        {NT_STATUS, "/log/checkpoint", 302, STR("")},
        {NT_STATUS, "/log/checkpoint", 500, STR("")},
        {NT_CUT, "/log/tile", 0, STR("")},
        {NT_FLIP, "/log/tile", 0, STR("")},
        {NT_INSTEAD, "/log/tile", 0, STR("")},
        {NT_INSTEAD, "/log/tile", 0, STR("\xff\xff")},
        {NT_STATUS, "/log/tile", 404, STR("")},
        {NT_CUT, "/blobs/", 0, STR("")},
        {NT_FLIP, "/blobs/", 0, STR("")},
        {NT_INSTEAD, "/blobs/", 0, STR("{}")},
        {NT_STATUS, "/blobs/", 404, STR("")},
        {NT_STATUS, "/blobs/", 200, STR("")},
    };
    uint64_t size;
    memset(huge, 'a', sizeof huge);
    size = nt_state(w).size;
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w);
    for (size_t i = 0; i < AM_LEN(lies); i++) {
        nt_lie(w, lies[i].lie, lies[i].where, lies[i].status, lies[i].what);
        if (node_sync(w->n) == AM_OK)
            fail_msg("lie %zu was believed", i);
        assert_int_equal(nt_state(w).size, size);
        assert_predicts(w); /* the lease holds: the stop is not known here yet */
    }
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).size, size + 1);
    assert_refuses(w, "refusal.stopped");
    assert_false(nt_state(w).split_view);
}

static void lies_at_the_first_contact_change_nothing(void **state)
{
    struct nt *w = *state;
    static const struct {
        enum nt_lie lie;
        const char *where;
        const char *what;
    } lies[] = {
        {NT_INSTEAD, "/statements/0", "{\"leaf\":\"{}\"}"},
        {NT_INSTEAD, "/statements/0", "{\"leaf\":7}"},
        {NT_INSTEAD, "/statements/0", "[[[["},
        {NT_FLIP, "/statements/0", ""},
        {NT_FLIP, "/blobs/", ""},
    };
    nt_away(w, true); /* the round at start has nobody to believe */
    assert_ok(nt_open(w));
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE);
    for (size_t i = 0; i < AM_LEN(lies); i++) {
        nt_lie(w, lies[i].lie, lies[i].where, 0, str_c(lies[i].what));
        nt_away(w, false);
        if (node_sync(w->n) == AM_OK)
            fail_msg("lie %zu was believed", i);
        assert_int_equal(nt_state(w).size, 0);
    }
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    assert_ok(node_sync(w->n));
    assert_predicts(w);
}

static void nothing_moves_without_the_quorum(void **state)
{
    struct nt *w = *state;
    struct buf note;
    uint64_t size = nt_state(w).size, index;
    buf_init(&note, TLOG_NOTE_MAX);
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    assert_ok(tlog_append(w->log, (struct str){w->tk.leaf.v[size], w->tk.leaf_n.v[size]},
                          &index));
    assert_ok(tlog_note(w->log, &note)); /* signed by the log, by no witness */
    nt_lie(w, NT_INSTEAD, "/log/checkpoint", 0, buf_str(&note));
    assert_int_equal(node_sync(w->n), AM_E_PRECONDITION);
    assert_int_equal(nt_state(w).size, size);
    buf_release(&note);
}

static void an_old_checkpoint_renews_nothing(void **state)
{
    struct nt *w = *state;
    struct buf old;
    buf_init(&old, TLOG_NOTE_MAX);
    assert_ok(tlog_note_cosigned(w->log, &old));
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_pass(w, TIME_SECOND);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    nt_lie(w, NT_INSTEAD, "/log/checkpoint", 0, buf_str(&old));
    assert_int_equal(node_sync(w->n), AM_E_CONFLICT);
    assert_true(nt_state(w).rolled_back);
    assert_false(nt_state(w).split_view); /* the same past, less of it */
    assert_refuses(w, "refusal.stopped");
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    assert_ok(node_sync(w->n));
    assert_false(nt_state(w).rolled_back);
    buf_release(&old);
}

/* ---- the lease ------------------------------------------------------------------ */
/* As if the lease had been accepted so much earlier; the wall clock stands still. */
static void boot_clock_goes(struct nt *w, int64_t us)
{
    pthread_mutex_lock(&w->n->state);
    w->n->lease.mono_at -= us;
    w->n->lease.wall_at -= us;
    pthread_mutex_unlock(&w->n->state);
}

static void a_lease_ends_by_the_boot_clock(void **state)
{
    struct nt *w = *state;
    nt_publish_at(w, NT_NOW - TIME_DAY + 2 * TIME_SECOND);
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    /* set up at NT_NOW, cosigned then: the older line does not count */
    assert_predicts(w);
    nt_away(w, true);
    boot_clock_goes(w, TIME_DAY - 600 * TIME_SECOND);
    assert_predicts(w);
    assert_false(node_lease_age(w->n) >= TIME_DAY);
    boot_clock_goes(w, 600 * TIME_SECOND);
    assert_refuses(w, "refusal.lease");
    assert_false(nt_state(w).lease_fresh);
    assert_true(nt_state(w).lease_warn);
    nt_away(w, false);
    assert_ok(node_sync(w->n)); /* the same note again renews nothing */
    assert_refuses(w, "refusal.lease");
    nt_pass(w, 60 * TIME_SECOND);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_predicts(w);
}

/* A policy of an hour, and nobody who cosigns. */
static void a_short_lease_of_the_policy_is_kept_to(void **state)
{
    struct nt *w;
    nt_setup_with(state, "PT1H");
    w = *state;
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    boot_clock_goes(w, 3000 * TIME_SECOND);
    assert_predicts(w);
    boot_clock_goes(w, 600 * TIME_SECOND);
    assert_refuses(w, "refusal.lease");
}

static void a_wall_clock_that_falls_back_ends_the_lease(void **state)
{
    struct nt *w = *state;
    time_fake(NT_NOW - 3600 * TIME_SECOND);
    assert_refuses(w, "refusal.lease");
    assert_int_equal(node_sync(w->n), AM_E_PRECONDITION);
    assert_refuses(w, "refusal.lease"); /* cosigned in what is now the future */
    time_fake(NT_NOW + 60 * TIME_SECOND);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_predicts(w);
}

/* The clock was wrong for a moment only: the next checkpoint is cosigned in the very
 * second of the one that was judged two days old. */
static void a_larger_tree_of_the_same_second_renews(void **state)
{
    struct nt *w = *state;
    int64_t at = NT_NOW + 60 * TIME_SECOND;
    time_fake(at + 2 * TIME_DAY);
    nt_publish_at(w, at);
    assert_ok(node_sync(w->n));
    assert_refuses(w, "refusal.lease"); /* two days old, it seems */
    time_fake(at);
    assert_ok(node_sync(w->n));
    assert_refuses(w, "refusal.lease"); /* the same note again renews nothing */
    assert_string_equal(tk_stop(&w->tk, TK_LEAD2, "service",
                                "\"gst\":\"GST-CS\",\"establishment\":\"CHU-CASA\","
                                "\"service\":\"CARDIO\","),
                        "ok"); /* a statement of no concern here */
    nt_publish_at(w, at);
    assert_ok(node_sync(w->n));
    assert_predicts(w);
}

static void a_restart_keeps_the_age_of_a_lease(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    nt_close(w);
    nt_pass(w, TIME_DAY - 60 * TIME_SECOND);
    assert_ok(nt_open(w));
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE); /* notes the wall clock */
    assert_predicts(w);
    nt_close(w);
    time_fake(NT_NOW); /* set back by a day: it was seen later than that */
    assert_ok(nt_open(w));
    assert_refuses(w, "refusal.lease");
    nt_close(w);
    time_fake(NT_NOW + TIME_DAY + TIME_SECOND);
    assert_ok(nt_open(w));
    assert_refuses(w, "refusal.lease");
}

/* ---- damage on our own disk ----------------------------------------------------- */
static void spoil(struct nt *w, const uint8_t digest[32], bool gone)
{
    char path[4096], *text;
    size_t n;
    blob_path(w->n->blobs, digest, path, sizeof path);
    assert_ok(am_file_read(path, 1 << 24, &text, &n));
    text[n / 2] ^= 1;
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
    if (gone)
        assert_int_equal(unlink(path), 0);
    free(text);
}

static void damaged_payloads_shut_the_gate_until_healed(void **state)
{
    struct nt *w = *state;
    uint8_t payload[32];
    const char *key;
    for (int gone = 0; gone < 2; gone++) {
        assert_ok(ledger_entry_of(w->n->ledger, 20, payload, &key));
        spoil(w, payload, gone);
        nt_close(w);
        nt_away(w, true);
        assert_ok(nt_open(w)); /* lists, pages and stops are served */
        assert_int_equal(nt_state(w).size, 20);
        assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
        nt_away(w, false);
        assert_ok(node_sync(w->n));
        assert_predicts(w);
    }
}

static void weights_lost_on_disk_are_fetched_again(void **state)
{
    struct nt *w = *state;
    uint8_t file[32];
    char hex[CRYPTO_HEX];
    crypto_sha256(buf_str(&w->weights), file);
    spoil(w, file, true);
    nt_lie(w, NT_STATUS, crypto_hex(file, 32, hex), 403, STR(""));
    assert_refuses(w, "refusal.weights_missing");
    assert_ok(node_sync(w->n)); /* the rest of the round goes on */
    assert_refuses(w, "refusal.weights_missing");
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    w->n->weights_after = 0;
    assert_ok(node_sync(w->n));
    assert_predicts(w);
}

static void a_second_process_is_told_the_folder_is_taken(void **state)
{
    struct nt *w = *state;
    struct node *first = w->n;
    assert_int_equal(nt_open(w), AM_E_CONFLICT);
    assert_true(nt_said(w, "node.busy"));
    w->n = first;
}

NT_MAIN(NT_ALONE(before_the_first_contact_a_node_serves_and_refuses),
        NT_ALONE(another_genesis_is_never_taken),
        NT(lies_change_nothing_and_the_truth_is_taken_afterwards),
        NT_ALONE(lies_at_the_first_contact_change_nothing),
        NT(nothing_moves_without_the_quorum), NT(an_old_checkpoint_renews_nothing),
        NT_ALONE(a_lease_ends_by_the_boot_clock),
        cmocka_unit_test_teardown(a_short_lease_of_the_policy_is_kept_to, nt_teardown),
        NT(a_wall_clock_that_falls_back_ends_the_lease),
        NT(a_larger_tree_of_the_same_second_renews),
        NT(a_restart_keeps_the_age_of_a_lease),
        NT(damaged_payloads_shut_the_gate_until_healed),
        NT(weights_lost_on_disk_are_fetched_again),
        NT(a_second_process_is_told_the_folder_is_taken))
