/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tlog_test.h"

#include "base/clock.h"

/* Known answers from Go's golang.org/x/mod 0.7.0 sumdb/note: seeds 0..31 (log) and
 * 100..131 (witness), note.Sign() and ed25519.Sign() over the C2SP texts. */
#define LOG_VKEY                                                                         \
    "registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define WIT_VKEY                                                                         \
    "witness.example/w1+09dcf0bd+BAu8NGpXZnw4ASC9nH/X5R0sX9/qN80vW/QFssa/by14"
#define BODY "registry.example/log\n257\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define LOG_SIG                                                                          \
    "\xe2\x80\x94 registry.example/log lSvF5wd+z1JtIYlhyUNYhbmc1gPx9uaoS9dvDxJJmtPQ69QY" \
    "mu1+leGVl6pBte3U4FU7MZOOgJH5YzDHRi1+UAkF7gI=\n"
#define WIT_SIG                                                                          \
    "\xe2\x80\x94 witness.example/w1 CdzwvQAAAABkGFDL1dgN7XX4hKfvreL6EaKdd7kR49BCh23RfJ" \
    "+I4oeITuy0ZD8rG9a4qxY216i3QVnav9k+hR+7VG/HDn3YZ1EOAw==\n"
#define NOTE BODY "\n" LOG_SIG WIT_SIG

static const int64_t signed_at = INT64_C(1679315147) * TIME_SECOND;

static struct tlog_vkey vkey(const char *text)
{
    struct tlog_vkey k;
    assert_ok(tlog_vkey_parse(str_c(text), &k));
    return k;
}

static void verifier_keys_match_gos(void **state)
{
    (void)state;
    struct crypto_key *log = seeded_key(0), *wit = seeded_key(100);
    struct tlog_vkey k;
    struct buf b;
    buf_init(&b, 500);
    assert_ok(tlog_vkey_make(STR("registry.example/log"), TLOG_SIG_ED25519, log, &k));
    assert_ok(tlog_vkey_format(&k, &b));
    assert_string_equal(b.p, LOG_VKEY);
    buf_clear(&b);
    assert_ok(tlog_vkey_make(STR("witness.example/w1"), TLOG_SIG_COSIGNATURE, wit, &k));
    assert_ok(tlog_vkey_format(&k, &b));
    assert_string_equal(b.p, WIT_VKEY);
    buf_clear(&b);
    k = vkey(WIT_VKEY);
    assert_int_equal(k.type, TLOG_SIG_COSIGNATURE);
    assert_int_equal(k.id, 0x09dcf0bd);
    assert_ok(tlog_vkey_format(&k, &b));
    assert_string_equal(b.p, WIT_VKEY);
    assert_int_equal(tlog_vkey_make(STR("a b"), TLOG_SIG_ED25519, log, &k), AM_E_INVALID);
    assert_int_equal(tlog_vkey_make(STR("a+b"), TLOG_SIG_ED25519, log, &k), AM_E_INVALID);
    assert_int_equal(tlog_vkey_make(STR("a\xc2\xa0"
                                        "b"),
                                    TLOG_SIG_ED25519, log, &k),
                     AM_E_INVALID);
    assert_ok(tlog_vkey_make(STR("t\xc3\xa9moin"), TLOG_SIG_ED25519, log, &k));
    buf_release(&b);
    crypto_key_free(log);
    crypto_key_free(wit);
}

static void damaged_verifier_keys_are_refused(void **state)
{
    (void)state;
    struct tlog_vkey k;
    char text[] = LOG_VKEY;
    size_t n = sizeof text - 1;
    for (size_t i = 0; i < n; i++) {
        assert_int_not_equal(tlog_vkey_parse((struct str){text, i}, &k), AM_OK);
        text[i] ^= 2;
        assert_int_not_equal(tlog_vkey_parse((struct str){text, n}, &k), AM_OK);
        text[i] ^= 2;
    }
    /* type 6 is ML-DSA: known to C2SP, not to us */
    assert_int_equal(tlog_vkey_parse(STR("a+00000000+Bg=="), &k), AM_E_UNSUPPORTED);
}

static void signatures_match_gos_byte_for_byte(void **state)
{
    (void)state;
    struct crypto_key *log = seeded_key(0), *wit = seeded_key(100);
    struct tlog_vkey lk = vkey(LOG_VKEY), wk = vkey(WIT_VKEY);
    struct tlog_checkpoint c = {.origin = "registry.example/log", .size = 257};
    struct buf b;
    buf_init(&b, 2000);
    assert_ok(tlog_checkpoint_format(&c, &b));
    assert_string_equal(b.p, BODY);
    buf_clear(&b);
    assert_ok(tlog_note_sign(&lk, log, STR(BODY), &b));
    assert_string_equal(b.p, LOG_SIG);
    buf_clear(&b);
    assert_ok(
        tlog_cosign(&wk, wit, STR(BODY), signed_at + 999999, &b)); /* whole seconds */
    assert_string_equal(b.p, WIT_SIG);
    assert_int_equal(tlog_note_sign(&lk, wit, STR(BODY), &b), AM_E_INVALID);
    assert_int_equal(tlog_note_sign(&wk, wit, STR(BODY), &b), AM_E_INVALID);
    assert_int_equal(tlog_cosign(&lk, log, STR(BODY), signed_at, &b), AM_E_INVALID);
    assert_string_equal(b.p, WIT_SIG);
    buf_release(&b);
    crypto_key_free(log);
    crypto_key_free(wit);
}

static void a_signed_checkpoint_opens_and_no_altered_one(void **state)
{
    (void)state;
    struct tlog_vkey lk = vkey(LOG_VKEY), wk = vkey(WIT_VKEY), other = lk;
    struct tlog_checkpoint c;
    char note[] = NOTE;
    size_t n = sizeof note - 1, body = strlen(BODY);
    int64_t at;
    assert_ok(tlog_checkpoint_open(STR(NOTE), &lk, &c));
    assert_int_equal(c.size, 257);
    assert_ok(tlog_cosignature_find(STR(NOTE), &wk, &at));
    assert_int_equal(at, signed_at);
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit++) {
            note[i] ^= (char)(1 << bit);
            int a = tlog_checkpoint_open((struct str){note, n}, &lk, &c);
            int b = tlog_cosignature_find((struct str){note, n}, &wk, &at);
            if (i < body) /* both sign the body */
                assert_true(a != AM_OK && b != AM_OK);
            else if (i <= body + strlen(LOG_SIG))
                assert_true(a != AM_OK);
            else
                assert_true(b != AM_OK);
            note[i] ^= (char)(1 << bit);
        }
    snprintf(other.name, sizeof other.name, "elsewhere");
    assert_int_equal(tlog_checkpoint_open(STR(NOTE), &other, &c), AM_E_CONFLICT);
    other = lk;
    other.id ^= 1; /* a signature by a key we do not have is ignored: none is left */
    assert_int_equal(tlog_checkpoint_open(STR(NOTE), &other, &c), AM_E_TAMPERED);
    other = lk;
    other.pub[0] ^= 1;
    assert_int_equal(tlog_checkpoint_open(STR(NOTE), &other, &c), AM_E_TAMPERED);
    assert_int_equal(tlog_cosignature_find(STR(BODY "\n" LOG_SIG), &wk, &at),
                     AM_E_NOTFOUND);
}

static void malformed_checkpoints_are_refused(void **state)
{
    (void)state;
    const char *root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const char *bad[] = {"o\n1\n%s",
                         "o\n01\n%s\n",
                         "o\n\n%s\n",
                         "o\n-1\n%s\n",
                         "o\n+1\n%s\n",
                         "o\n1 \n%s\n",
                         "\n1\n%s\n",
                         "o\n99999999999999999999\n%s\n",
                         "o\n9007199254740993\n%s\n",
                         "o\n1\n%sA\n",
                         "o\n1\n%s\next\n",
                         "o\n1\n%s\n\n",
                         "o\n1\n",
                         "o\n1\nAAAA\n",
                         "",
                         "o\x01\n1\n%s\n"};
    struct tlog_checkpoint c;
    struct buf b;
    buf_init(&b, 500);
    assert_ok(buf_addf(&b, "o\n9007199254740992\n%s\n", root));
    assert_ok(tlog_checkpoint_parse(buf_str(&b), &c));
    assert_int_equal(c.size, UINT64_C(1) << 53);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        const char *s = strstr(bad[i], "%s");
        buf_clear(&b);
        assert_ok(
            buf_add(&b, (struct str){bad[i], s ? (size_t)(s - bad[i]) : strlen(bad[i])}));
        if (s)
            assert_ok(buf_addf(&b, "%s%s", root, s + 2));
        assert_int_equal(tlog_checkpoint_parse(buf_str(&b), &c), AM_E_SYNTAX);
    }
    buf_release(&b);
}

static void notes_split_at_the_last_empty_line(void **state)
{
    (void)state;
    struct str body, sigs;
    struct buf b;
    const char *bad[] = {"",
                         "\n\n",
                         "a\n",
                         "a\n\n",
                         "a\n\nb\n",
                         "a\n\n\xe2\x80\x94 n",
                         "a\n\n\xe2\x80\x94 n \n",
                         "a\n\n\xe2\x80\x94 n AAAA\n",
                         "a\r\n\n\xe2\x80\x94 n AAAAAAA=\n",
                         "a\xff\n\n\xe2\x80\x94 n AAAAAAA=\n",
                         "a\n\n\xe2\x80\x94 n AAAAAAA=\nx\n",
                         "a\n\n\xe2\x80\x94 n AAAAAAA"};
    assert_ok(tlog_note_split(STR("a\n\nb\n\n\xe2\x80\x94 n AAAAAAA=\n"), &body, &sigs));
    assert_str_equal(body, "a\n\nb\n");
    assert_str_equal(sigs, "\xe2\x80\x94 n AAAAAAA=\n");
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(tlog_note_split(str_c(bad[i]), &body, &sigs), AM_E_SYNTAX);
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "a\n\n"));
    for (int i = 0; i < 64; i++)
        assert_ok(buf_adds(&b, "\xe2\x80\x94 n AAAAAAA=\n"));
    assert_ok(tlog_note_split(buf_str(&b), &body, &sigs));
    assert_ok(buf_adds(&b, "\xe2\x80\x94 n AAAAAAA=\n"));
    assert_int_equal(tlog_note_split(buf_str(&b), &body, &sigs), AM_E_SYNTAX);
    buf_release(&b);
}

static void unknown_signatures_are_ignored_however_long(void **state)
{
    (void)state;
    struct tlog_vkey lk = vkey(LOG_VKEY);
    struct tlog_checkpoint c;
    struct buf b;
    buf_init(&b, 20000);
    assert_ok(buf_adds(&b, BODY "\n\xe2\x80\x94 other AAAAAAA=\n\xe2\x80\x94 mldsa "));
    for (int i = 0; i < 1200; i++) /* an ML-DSA-44 cosignature has 2,432 bytes */
        assert_ok(buf_adds(&b, "AAAA"));
    assert_ok(buf_adds(&b, "\n" LOG_SIG));
    assert_ok(tlog_checkpoint_open(buf_str(&b), &lk, &c));
    buf_release(&b);
}

/* -- policy ----------------------------------------------------------------------------
 */

struct cast { /* one log, 15 witnesses */
    struct crypto_key *log, *wit[15];
    struct tlog_vkey lk, wk[15];
    struct buf policy, note;
};

static void cast_init(struct cast *c)
{
    struct tlog_checkpoint cp = {.origin = "log", .size = 3};
    struct buf body;
    buf_init(&c->policy, 1 << 16);
    buf_init(&c->note, 1 << 16);
    buf_init(&body, 1000);
    c->log = seeded_key(0);
    assert_ok(tlog_vkey_make(STR("log"), TLOG_SIG_ED25519, c->log, &c->lk));
    assert_ok(buf_adds(&c->policy, "# registry.md, section 8\nlog "));
    assert_ok(tlog_vkey_format(&c->lk, &c->policy));
    assert_ok(buf_adds(&c->policy, "\n\n"));
    for (int i = 0; i < 15; i++) {
        char name[32];
        snprintf(name, sizeof name, i < 12 ? "n%02d" : "o%d", i < 12 ? i + 1 : i - 11);
        c->wit[i] = seeded_key((uint8_t)(i + 10));
        assert_ok(
            tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, c->wit[i], &c->wk[i]));
        assert_ok(buf_addf(&c->policy, "\twitness %s ", name));
        assert_ok(tlog_vkey_format(&c->wk[i], &c->policy));
        assert_ok(buf_addf(&c->policy, " https://%s.example/ \n", name));
    }
    assert_ok(buf_adds(&c->policy,
                       "group nodes 8 n01 n02 n03 n04 n05 n06 n07 n08 n09 n10 n11 n12\n"
                       "group outsiders 2 o1 o2 o3\ngroup both all nodes outsiders\n"
                       "quorum both\n"));
    assert_ok(tlog_checkpoint_format(&cp, &body));
    assert_ok(buf_addf(&c->note, "%s\n", body.p));
    assert_ok(tlog_note_sign(&c->lk, c->log, buf_str(&body), &c->note));
    buf_release(&body);
}

static void cast_release(struct cast *c)
{
    crypto_key_free(c->log);
    for (int i = 0; i < 15; i++)
        crypto_key_free(c->wit[i]);
    buf_release(&c->policy);
    buf_release(&c->note);
}

static void cosign(struct cast *c, int i, int64_t second)
{
    struct str body, sigs;
    struct buf copy;
    buf_init(&copy, 1 << 16);
    assert_ok(buf_add(&copy, buf_str(&c->note)));
    assert_ok(tlog_note_split(buf_str(&copy), &body, &sigs));
    assert_ok(tlog_cosign(&c->wk[i], c->wit[i], body, second * TIME_SECOND, &c->note));
    buf_release(&copy);
}

static void quorum_needs_eight_nodes_and_two_outsiders(void **state)
{
    (void)state;
    struct cast c;
    struct tlog_policy *p;
    struct tlog_checkpoint cp;
    int64_t lease = -1;
    uint64_t by = 0;
    cast_init(&c);
    assert_ok(tlog_policy_parse(&p, buf_str(&c.policy), NULL));
    assert_int_equal(tlog_policy_witnesses(p), 15);
    assert_string_equal(tlog_policy_witness(p, 12)->url, "https://o1.example/");
    assert_string_equal(tlog_policy_log(p)->name, "log");
    for (int i = 0; i < 12; i++)
        cosign(&c, i, 1000 + i);
    cosign(&c, 12, 5000);
    assert_int_equal(tlog_policy_check(p, buf_str(&c.note), &cp, &lease, &by),
                     AM_E_PRECONDITION);
    assert_int_equal(cp.size, 3);
    assert_int_equal(by, 0x1fff);
    cosign(&c, 14, 4000);
    assert_ok(
        tlog_policy_check(p, buf_str(&c.note), &cp, &lease, &by)); /* 15 signatures */
    assert_int_equal(by, 0x5fff);
    /* Eight nodes: those of 1004 to 1011; the two outsiders are later. */
    assert_int_equal(lease, 1004 * TIME_SECOND);
    cosign(&c, 13, 6000); /* the 16th: every note verifier must take that many */
    assert_ok(tlog_policy_check(p, buf_str(&c.note), NULL, &lease, NULL));
    tlog_policy_free(p);
    cast_release(&c);
}

static void one_fast_clock_cannot_stretch_the_lease(void **state)
{
    (void)state;
    struct cast c;
    struct tlog_policy *p;
    int64_t lease, before;
    cast_init(&c);
    assert_ok(tlog_policy_parse(&p, buf_str(&c.policy), NULL));
    for (int i = 0; i < 15; i++)
        cosign(&c, i, 1000);
    assert_ok(tlog_policy_check(p, buf_str(&c.note), NULL, &before, NULL));
    assert_int_equal(before, 1000 * TIME_SECOND);
    for (int i = 0; i < 7; i++) /* seven of eight in the future */
        cosign(&c, i, 99000);
    cosign(&c, 12, 99000);
    cosign(&c, 13, 99000);
    assert_ok(tlog_policy_check(p, buf_str(&c.note), NULL, &lease, NULL));
    assert_int_equal(lease, before);
    cosign(&c, 7, 98000);
    assert_ok(tlog_policy_check(p, buf_str(&c.note), NULL, &lease, NULL));
    assert_int_equal(lease, 98000 * TIME_SECOND);
    tlog_policy_free(p);
    cast_release(&c);
}

static void a_forged_cosignature_condemns_the_note(void **state)
{
    (void)state;
    struct cast c;
    struct tlog_policy *p;
    cast_init(&c);
    assert_ok(tlog_policy_parse(&p, buf_str(&c.policy), NULL));
    for (int i = 0; i < 15; i++)
        cosign(&c, i, 1000);
    /* a line of witness 0 signed by another key, or taken from another note */
    c.wk[0].pub[0] ^= 1;
    crypto_key_free(c.wit[0]);
    c.wit[0] = seeded_key(200);
    assert_ok(crypto_key_raw_ed25519(c.wit[0], c.wk[0].pub));
    cosign(&c, 0, 2000);
    assert_int_equal(tlog_policy_check(p, buf_str(&c.note), NULL, NULL, NULL),
                     AM_E_TAMPERED);
    tlog_policy_free(p);
    cast_release(&c);
}

static void the_same_witness_counts_once(void **state)
{
    (void)state;
    struct cast c;
    struct tlog_policy *p;
    uint64_t by;
    cast_init(&c);
    assert_ok(tlog_policy_parse(&p, buf_str(&c.policy), NULL));
    for (int i = 0; i < 12; i++)
        cosign(&c, 0, 1000 + i);
    cosign(&c, 12, 1);
    cosign(&c, 13, 1);
    assert_int_equal(tlog_policy_check(p, buf_str(&c.note), NULL, NULL, &by),
                     AM_E_PRECONDITION);
    assert_int_equal(by, 0x3001);
    tlog_policy_free(p);
    cast_release(&c);
}

static void no_quorum_gives_no_lease(void **state)
{
    (void)state;
    struct cast c;
    struct tlog_policy *p;
    int64_t lease = 7;
    cast_init(&c);
    buf_cut(&c.policy, c.policy.n - strlen("quorum both\n"));
    assert_ok(buf_adds(&c.policy, "quorum none\n"));
    assert_ok(tlog_policy_parse(&p, buf_str(&c.policy), NULL));
    assert_ok(tlog_policy_check(p, buf_str(&c.note), NULL, &lease, NULL));
    assert_int_equal(lease, 0);
    tlog_policy_free(p);
    cast_release(&c);
}

static void every_wrong_line_of_a_policy_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code, *line;
    } bad[] = {
        {"log " LOG_VKEY "\n", "policy.no_quorum", "1"},
        {"quorum none\n", "policy.no_log", "1"},
        {"log " WIT_VKEY "\nquorum none\n", "policy.key_type", "1"},
        {"log x\nquorum none\n", "policy.vkey", "1"},
        {"log " LOG_VKEY "\nlog " LOG_VKEY "\nquorum none\n", "policy.duplicate_key",
         "2"},
        {"log " LOG_VKEY "\nwitness w " LOG_VKEY "\nquorum w\n", "policy.key_type", "2"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\nwitness v " WIT_VKEY "\nquorum w\n",
         "policy.duplicate_key", "3"},
        {"log " LOG_VKEY "\nwitness none " WIT_VKEY "\nquorum none\n", "policy.name",
         "2"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\ngroup w 1 w\nquorum w\n",
         "policy.duplicate_name", "3"},
        {"log " LOG_VKEY "\ngroup g any g\nquorum g\n", "policy.unknown_name", "2"},
        {"log " LOG_VKEY "\nquorum g\n", "policy.unknown_name", "2"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\ngroup g 2 w\nquorum g\n",
         "policy.threshold", "3"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\ngroup g 0 w\nquorum g\n",
         "policy.threshold", "3"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\ngroup g 01 w\nquorum g\n",
         "policy.threshold", "3"},
        {"log " LOG_VKEY "\ngroup g all\nquorum g\n", "policy.threshold", "2"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY
         "\ngroup g any w\ngroup h any w\nquorum g\n",
         "policy.member_twice", "4"},
        {"log " LOG_VKEY "\nwitness w " WIT_VKEY "\ngroup g any w w\nquorum g\n",
         "policy.member_twice", "3"},
        {"log " LOG_VKEY "\nquorum none\nquorum none\n", "policy.quorum_twice", "3"},
        {"log " LOG_VKEY "\nquorum none none\n", "policy.extra", "2"},
        {"log " LOG_VKEY "\nquorum none\r\n", "policy.control", "2"},
        {"log " LOG_VKEY "\nfoo\nquorum none\n", "policy.keyword", "2"},
    };
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct tlog_policy *p = NULL;
        struct diag d;
        diag_init(&d);
        assert_int_equal(tlog_policy_parse(&p, str_c(bad[i].text), &d), AM_E_INVALID);
        assert_null(p);
        assert_true(d.n >= 1);
        assert_string_equal(d.item[0].code, bad[i].code);
        assert_string_equal(d.item[0].path, bad[i].line);
        diag_release(&d);
    }
    tlog_policy_free(NULL);
}

static void notes_and_policies_survive_no_memory(void **state)
{
    (void)state;
    struct cast c;
    cast_init(&c);
    for (int i = 0; i < 15; i++)
        cosign(&c, i, 1000);
    for (long n = 1;; n++) {
        struct tlog_policy *p = NULL;
        am_oom_at(n);
        int err = tlog_policy_parse(&p, buf_str(&c.policy), NULL);
        if (!err)
            err = tlog_policy_check(p, buf_str(&c.note), NULL, NULL, NULL);
        bool hit = am_oom_at(0);
        /* A failed allocation of the diag is not an error of the policy. */
        assert_true(hit ? err == AM_E_NOMEM || err == AM_OK : err == AM_OK);
        tlog_policy_free(p);
        if (!hit)
            break;
    }
    cast_release(&c);
}

TEST_MAIN(TEST(verifier_keys_match_gos), TEST(damaged_verifier_keys_are_refused),
          TEST(signatures_match_gos_byte_for_byte),
          TEST(a_signed_checkpoint_opens_and_no_altered_one),
          TEST(malformed_checkpoints_are_refused),
          TEST(notes_split_at_the_last_empty_line),
          TEST(unknown_signatures_are_ignored_however_long),
          TEST(quorum_needs_eight_nodes_and_two_outsiders),
          TEST(one_fast_clock_cannot_stretch_the_lease),
          TEST(a_forged_cosignature_condemns_the_note),
          TEST(the_same_witness_counts_once), TEST(no_quorum_gives_no_lease),
          TEST(every_wrong_line_of_a_policy_is_named),
          TEST(notes_and_policies_survive_no_memory))
