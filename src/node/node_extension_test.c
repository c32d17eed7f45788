/* SPDX-License-Identifier: Apache-2.0 */
/* The lease and what extends it: by the log, by a stick; hostile files, ends, clocks. */
#include "node/node_testkit.h"

static const enum tk_actor ALL[] = {TK_MSPS1, TK_MSPS2, TK_HAS1, TK_HAS2, TK_HAS3};
#define HOUR (3600 * TIME_SECOND)

static void assert_no_lease(struct nt *w)
{
    assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.lease"));
}

/* The lease grows older by that much, on the wall and on the boot clock. */
static void older(struct nt *w, int64_t us)
{
    pthread_mutex_lock(&w->n->state);
    w->n->lease.mono_at -= us;
    pthread_mutex_unlock(&w->n->state);
    nt_pass(w, us);
}

static void statement(struct nt *w, const char *type, int64_t issued_at, int64_t until)
{
    char at[TIME_TEXT];
    struct buf r;
    buf_init(&r, 65536);
    w->tk.now = issued_at - TIME_SECOND; /* tk_head() moves it by one */
    tk_addf(&r, "{");
    tk_head(&w->tk, &r, TK_MSPS1);
    tk_addf(&r, ",\"type\":\"%s\",\"until\":\"%s\",\"reason\":\"cable cut\"}", type,
            time_format(until, at));
    tk_make(&w->tk, LEDGER_EVENT, buf_str(&r));
    buf_release(&r);
}

static void stick(struct nt *w, const enum tk_actor *by, size_t n, struct buf *file)
{
    buf_init(file, 1 << 20);
    tk_addf(file, "{\"envelopes\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            tk_addf(file, ",");
        assert_ok(ledger_sign(buf_str(&w->tk.payload), w->tk.key[by[i]], file));
    }
    tk_addf(file, "]}");
}

static int bring(struct nt *w, const struct buf *file)
{
    struct buf reply;
    int err;
    buf_init(&reply, 65536);
    diag_clear(&w->d);
    err = node_lease_extend(w->n, buf_str(file), &reply, &w->d);
    nt_take_reply(w, &reply, err);
    return err;
}

static int bring_all(struct nt *w, int64_t issued_at, int64_t until)
{
    struct buf file;
    int err;
    statement(w, "lease_extension", issued_at, until);
    stick(w, ALL, AM_LEN(ALL), &file);
    err = bring(w, &file);
    buf_release(&file);
    return err;
}

static int bring_by(struct nt *w, const enum tk_actor *by, size_t n)
{
    struct buf file;
    int err;
    stick(w, by, n, &file);
    err = bring(w, &file);
    buf_release(&file);
    return err;
}

static void a_signed_extension_carries_a_lease_further_and_no_more(void **state)
{
    struct nt *w = *state;
    int64_t end = nt_state(w).lease_end_at, until = NT_NOW + 40 * HOUR;
    nt_away(w, true);
    older(w, 23 * HOUR);
    assert_ok(bring_all(w, time_now(), until));
    assert_true(json_bool(nt_get(w, "/lease_fresh"), false));
    assert_int_equal(nt_state(w).lease_extended_until, until);
    assert_int_equal(nt_state(w).lease_end_at, until);
    assert_true(until > end);
    older(w, 2 * HOUR); /* 25 h after the last cosigned time */
    assert_predicts(w);
    assert_true(nt_state(w).lease_warn);
    older(w, 15 * HOUR - TIME_SECOND);
    assert_predicts(w);
    older(w, TIME_SECOND);
    assert_no_lease(w);
    assert_false(nt_state(w).lease_fresh);
}

static void it_revives_a_lease_that_has_just_ended(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    older(w, 30 * HOUR);
    assert_no_lease(w);
    assert_ok(bring_all(w, time_now(), time_now() + 48 * HOUR));
    assert_predicts(w);
    /* The policy's 24 h and its 48 h: no stick after stick beyond that. */
    assert_int_equal(nt_state(w).lease_end_at, nt_state(w).lease_at + 72 * HOUR);
    older(w, 41 * HOUR);
    assert_predicts(w);
    assert_ok(bring_all(w, time_now(), time_now() + 48 * HOUR));
    older(w, 2 * HOUR);
    assert_no_lease(w);
    assert_int_equal(nt_state(w).lease_end_at, nt_state(w).lease_at + 72 * HOUR);
}

static void a_node_cut_off_for_longer_has_no_lease_to_extend(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    older(w, 30 * TIME_DAY);
    assert_ok(bring_all(w, time_now(), time_now() + 48 * HOUR));
    assert_false(json_bool(nt_get(w, "/lease_fresh"), true));
    assert_no_lease(w);
}

static void the_log_hears_of_it_and_then_speaks_for_it(void **state)
{
    struct nt *w = *state;
    char hex[CRYPTO_HEX];
    nt_away(w, true);
    older(w, 25 * HOUR);
    assert_ok(bring_all(w, time_now(), time_now() + 24 * HOUR));
    assert_int_equal(nt_state(w).outbox, 5);
    assert_ok(bring_all(w, w->tk.now, time_now() + 24 * HOUR)); /* twice is once */
    assert_int_equal(nt_state(w).outbox, 5);
    crypto_hex(w->tk.record_sha256, 32, hex);
    nt_away(w, false);
    (void)!node_sync(w->n);
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_lease_extension(w->tk.l), time_now() + 24 * HOUR);
    pthread_mutex_unlock(&w->mu);
    nt_publish_at(w, NT_NOW + TIME_SECOND); /* witnesses that last looked long ago */
    assert_ok(node_sync(w->n));
    assert_int_equal(w->n->extensions.n, 0);
    assert_predicts(w);
    assert_int_equal(nt_state(w).lease_extended_until, time_now() + 24 * HOUR);
    /* Taken back in the log, it is over here, and cannot be brought again. */
    w->tk.now = time_now();
    assert_string_equal(tk_say(&w->tk, LEDGER_EVENT, TK_MSPS1,
                               "\"type\":\"correction\",\"corrects\":\"%s\","
                               "\"reason\":\"mistake\"",
                               hex),
                        "ok");
    nt_publish_at(w, NT_NOW + 2 * TIME_SECOND);
    assert_ok(node_sync(w->n));
    assert_no_lease(w);
}

static void only_those_who_must_sign_can_extend(void **state)
{
    struct nt *w = *state;
    static const enum tk_actor few[] = {TK_MSPS1, TK_MSPS2, TK_HAS1, TK_HAS2},
                               twice[] = {TK_MSPS1, TK_MSPS1, TK_HAS1, TK_HAS2, TK_HAS3},
                               vendor[] = {TK_MSPS1, TK_MSPS2, TK_HAS1,
                                           TK_HAS2,  TK_HAS3,  TK_VENDOR},
                               stranger[] = {TK_MSPS1, TK_MSPS2, TK_HAS1, TK_HAS2,
                                             TK_STRANGER};
    nt_away(w, true);
    older(w, 25 * HOUR);
    statement(w, "lease_extension", time_now(), time_now() + 24 * HOUR);
    assert_int_equal(bring_by(w, few, AM_LEN(few)), AM_E_FORBIDDEN);
    assert_true(nt_said(w, "extension.waiting_signers"));
    assert_int_equal(bring_by(w, twice, AM_LEN(twice)), AM_E_FORBIDDEN);
    assert_int_equal(bring_by(w, vendor, AM_LEN(vendor)), AM_E_FORBIDDEN);
    assert_true(nt_said(w, "wrong_role"));
    assert_int_equal(bring_by(w, stranger, AM_LEN(stranger)), AM_E_FORBIDDEN);
    assert_true(nt_said(w, "unknown_key"));
    assert_int_equal(nt_state(w).outbox, 0);
    assert_no_lease(w);
    assert_ok(bring_by(w, ALL, AM_LEN(ALL)));
    assert_predicts(w);
}

static void hostile_files_change_nothing(void **state)
{
    struct nt *w = *state;
    static const char *const file[] = {"",
                                       "[]",
                                       "{}",
                                       "{\"envelopes\":[]}",
                                       "{\"envelopes\":{}}",
                                       "{\"envelopes\":[1]}",
                                       "{\"envelopes\":[null,{}]}",
                                       "{\"envelopes\":[{\"payload\":\"\"}]}",
                                       "{\"envelopes\":[],\"more\":1}",
                                       "{\"envelopes\":[{}"};
    struct buf good, b, other;
    nt_away(w, true);
    older(w, 25 * HOUR);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < AM_LEN(file); i++) {
        buf_clear(&b);
        tk_addf(&b, "%s", file[i]);
        assert_true(bring(w, &b) != AM_OK);
        assert_true(w->d.n > 0);
    }
    statement(w, "lease_extension", time_now(), time_now() + 24 * HOUR);
    stick(w, ALL, AM_LEN(ALL), &good);
    for (size_t i = 7; i < good.n; i += good.n / 97) { /* one bit wrong anywhere */
        good.p[i] ^= 1;
        assert_true(bring(w, &good) != AM_OK);
        good.p[i] ^= 1;
    }
    for (size_t n = 0; n < good.n; n += 211) { /* cut short */
        buf_clear(&b);
        assert_ok(buf_add(&b, str_sub(buf_str(&good), 0, n)));
        assert_true(bring(w, &b) != AM_OK);
    }
    statement(w, "lease_extension", time_now(), time_now() + 23 * HOUR);
    stick(w, ALL, 1, &other); /* one of them signs something else */
    buf_clear(&b);
    tk_addf(&b, "%.*s,%s", (int)good.n - 2, good.p, other.p + strlen("{\"envelopes\":["));
    assert_int_equal(bring(w, &b), AM_E_INVALID);
    assert_true(nt_said(w, "extension.payload"));
    statement(w, "sandbox_open", time_now(), time_now() + 24 * HOUR);
    assert_int_equal(bring_by(w, ALL, AM_LEN(ALL)), AM_E_INVALID);
    assert_true(nt_said(w, "extension.type"));
    assert_no_lease(w);
    assert_int_equal(nt_state(w).outbox, 0);
    assert_int_equal(w->n->extensions.n, 0);
    buf_release(&other);
    buf_release(&good);
    buf_release(&b);
}

static void one_longer_than_the_policy_or_over_or_of_tomorrow_is_refused(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    older(w, 25 * HOUR);
    assert_int_equal(bring_all(w, time_now(), time_now() + 48 * HOUR + TIME_SECOND),
                     AM_E_INVALID);
    assert_true(nt_said(w, "guard.term"));
    assert_int_equal(bring_all(w, time_now() - 10 * HOUR, time_now()), AM_E_INVALID);
    assert_true(nt_said(w, "extension.over"));
    assert_int_equal(bring_all(w, time_now() + HOUR, time_now() + 24 * HOUR),
                     AM_E_PRECONDITION);
    assert_true(nt_said(w, "extension.future"));
    assert_no_lease(w);
}

static void a_clock_set_back_brings_no_extension_again(void **state)
{
    struct nt *w = *state;
    int64_t until;
    nt_away(w, true);
    older(w, 25 * HOUR);
    until = time_now() + 10 * HOUR;
    assert_ok(bring_all(w, time_now(), until));
    older(w, 10 * HOUR);
    assert_no_lease(w);
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE); /* notes the wall clock */
    nt_pass(w, -5 * HOUR); /* the wall says that there are five hours left */
    assert_no_lease(w);
    assert_int_equal(bring_all(w, time_now(), time_now() + HOUR), AM_E_INVALID);
    nt_close(w);
    assert_ok(nt_open(w)); /* and says so after a restart too */
    assert_no_lease(w);
    nt_pass(w, 5 * HOUR);
    assert_no_lease(w);
}

static int rewrite(struct db_conn *c, void *arg)
{
    return db_exec(c, "UPDATE lease_extension SET body=$1", "s", buf_str(arg));
}

static void a_restart_keeps_it_and_checks_it_again(void **state)
{
    struct nt *w = *state;
    struct buf b;
    nt_away(w, true);
    older(w, 25 * HOUR);
    assert_ok(bring_all(w, time_now(), time_now() + 24 * HOUR));
    nt_close(w);
    assert_ok(nt_open(w));
    assert_predicts(w);
    nt_close(w); /* with a clock that is wrong for a while, it is not lost */
    nt_pass(w, -20 * HOUR);
    assert_ok(nt_open(w));
    assert_no_lease(w);
    nt_close(w);
    nt_pass(w, 20 * HOUR);
    assert_ok(nt_open(w));
    assert_predicts(w);
    /* A row that somebody else wrote is worth what its signatures are. */
    buf_init(&b, 1 << 20);
    statement(w, "lease_extension", time_now(), time_now() + 47 * HOUR);
    stick(w, ALL, 4, &b);
    assert_ok(db_write(w->n->db, rewrite, &b));
    nt_close(w);
    assert_ok(nt_open(w));
    assert_no_lease(w);
    assert_int_equal(w->n->extensions.n, 0);
    buf_release(&b);
}

static void a_key_revoked_in_the_mirror_ends_it(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    older(w, 25 * HOUR);
    assert_ok(bring_all(w, time_now(), time_now() + 24 * HOUR));
    assert_predicts(w);
    w->tk.now = time_now();
    assert_string_equal(tk_say(&w->tk, LEDGER_EVENT, TK_DESK,
                               "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":"
                               "\"lost\"",
                               w->tk.id[TK_HAS2]),
                        "ok");
    nt_publish_at(w, NT_NOW + TIME_SECOND);
    nt_away(w, false);
    nt_lie(w, NT_STATUS, "/api/v1/events", 503, STR("{}"));
    (void)!node_sync(w->n);
    assert_int_equal(w->n->extensions.n, 0);
    assert_no_lease(w);
}

static void the_log_extends_without_a_stick(void **state)
{
    struct nt *w = *state;
    older(w, 25 * HOUR);
    statement(w, "lease_extension", time_now(), time_now() + 24 * HOUR);
    for (size_t i = 0; i < AM_LEN(ALL); i++)
        (void)tk_co(&w->tk, ALL[i]);
    nt_publish_at(w, NT_NOW + TIME_SECOND);
    assert_no_lease(w);
    assert_ok(node_sync(w->n));
    assert_predicts(w);
    assert_int_equal(nt_state(w).lease_extended_until, time_now() + 24 * HOUR);
}

static void after_proof_of_two_histories_nothing_extends(void **state)
{
    struct nt *w = *state;
    nt_away(w, true);
    older(w, 25 * HOUR);
    assert_ok(bring_all(w, time_now(), time_now() + 24 * HOUR));
    assert_predicts(w);
    pthread_mutex_lock(&w->n->state);
    w->n->split_view = true;
    pthread_mutex_unlock(&w->n->state);
    assert_no_lease(w);
    assert_int_equal(bring_all(w, time_now(), time_now() + 25 * HOUR), AM_E_CONFLICT);
    assert_true(nt_said(w, "extension.split"));
}

/* The property: whatever is brought, whenever, an output is shown only while the lease is
 * younger than the policy's length, or an extension signed by all, of at most 48 h from
 * its signature, has not ended -- and never beyond the two together. */
static void no_sequence_of_sticks_outlives_policy_and_extension(void **state)
{
    struct nt *w = *state;
    uint32_t seed = 20261126;
    int64_t lease, best = 0;
    unsigned shown = 0, hidden = 0;
    nt_away(w, true);
    lease = nt_state(w).lease_at;
    for (int i = 0; i < 60; i++) {
        int64_t now = time_now(), issued, until, plain = lease + 24 * HOUR;
        bool may;
        seed = seed * 1664525 + 1013904223;
        issued = now - (int64_t)(seed >> 8) % (30 * HOUR);
        issued -= issued % TIME_SECOND;
        until = issued + (int64_t)(1 + (seed >> 16) % 60) * HOUR;
        if ((seed >> 28) < 5 && bring_all(w, issued, until) == AM_OK) {
            assert_true(until - issued <= 48 * HOUR && until > now);
            best = AM_MAX(best, until);
        }
        may = now < plain || (now < best && now < plain + 48 * HOUR);
        shown += nt_state(w).lease_fresh;
        hidden += !nt_state(w).lease_fresh;
        assert_int_equal(nt_state(w).lease_fresh, may);
        older(w, (int64_t)(seed >> 20) % 600 * 60 * TIME_SECOND);
        if (i % 16 ==
            15) { /* the registry for a moment: a lease, and the log knows all */
            nt_away(w, false);
            (void)!node_sync(w->n);
            nt_publish(w);
            assert_ok(node_sync(w->n));
            nt_away(w, true);
            lease = nt_state(w).lease_at;
            assert_int_equal(lease, time_now());
        }
    }
    assert_true(shown > 5 && hidden > 5);
}

static void it_survives_every_failed_allocation(void **state)
{
    struct nt *w = *state;
    struct buf file;
    bool hit = true;
    nt_away(w, true);
    older(w, 25 * HOUR);
    statement(w, "lease_extension", time_now(), time_now() + 24 * HOUR);
    stick(w, ALL, AM_LEN(ALL), &file);
    for (unsigned i = 1; hit; i += 1 + i / 16) {
        struct buf reply;
        int err;
        buf_init(&reply, 65536);
        am_oom_at(i);
        err = node_lease_extend(w->n, buf_str(&file), &reply, &w->d);
        hit = am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM || err == AM_E_FORBIDDEN ||
                    err == AM_E_IO || err == AM_E_CRYPTO);
        if (!err)
            assert_true(nt_state(w).lease_fresh);
        buf_release(&reply);
    }
    assert_ok(bring(w, &file));
    assert_int_equal(nt_state(w).outbox, 5);
    assert_predicts(w);
    buf_release(&file);
}

NT_MAIN(NT(a_signed_extension_carries_a_lease_further_and_no_more),
        NT(it_revives_a_lease_that_has_just_ended),
        NT(a_node_cut_off_for_longer_has_no_lease_to_extend),
        NT(the_log_hears_of_it_and_then_speaks_for_it),
        NT(only_those_who_must_sign_can_extend), NT(hostile_files_change_nothing),
        NT(one_longer_than_the_policy_or_over_or_of_tomorrow_is_refused),
        NT(a_clock_set_back_brings_no_extension_again),
        NT(a_restart_keeps_it_and_checks_it_again),
        NT(a_key_revoked_in_the_mirror_ends_it), NT(the_log_extends_without_a_stick),
        NT(after_proof_of_two_histories_nothing_extends),
        NT(no_sequence_of_sticks_outlives_policy_and_extension),
        NT(it_survives_every_failed_allocation))
