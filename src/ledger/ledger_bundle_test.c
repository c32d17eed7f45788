/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: what they hold verifies; what they cannot hold is an error. Sigstore's own
 * verifier reads them in test/53-sigstore.sh. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_testkit.h"

static struct tk tk;
static struct tlog *t;
static struct buf note;
static char dir[64];

static int build(void **state)
{
    struct tlog_config c = {.origin = TK_ORIGIN, .dir = dir, .delay_ms = 1};
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    snprintf(dir, sizeof dir, "%s", "/tmp/amane-bundle-XXXXXX");
    assert_non_null(mkdtemp(dir));
    c.key = tk.log_key;
    assert_ok(tlog_open(&t, &c));
    for (size_t i = 0; i < tk.leaf.n; i++) {
        uint64_t index;
        assert_ok(tlog_queue(t, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}, &index));
        if (i + 1 == tk.leaf.n)
            assert_ok(tlog_wait(t, index));
    }
    buf_init(&note, TLOG_NOTE_MAX);
    assert_ok(tlog_note(t, &note));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    tlog_close(t);
    buf_release(&note);
    tk_close(&tk);
    return nftw(dir, tk_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static int make(uint64_t index, struct ledger_bundle_from from, struct buf *out)
{
    struct jw w;
    int err;
    jw_init(&w, out);
    err = ledger_bundle(&from, index, &w);
    return err ? err : jw_done(&w);
}

static struct ledger_bundle_from from(void)
{
    return (struct ledger_bundle_from){t, tk.blobs, buf_str(&note), tlog_key(t)};
}

static void unbase64(const struct json *v, struct buf *out)
{
    buf_clear(out);
    assert_ok(crypto_unbase64(out, json_str(v)));
}

/* Inclusion by the bundle's own bytes. */
static void check_inclusion(const struct json *root, uint64_t index)
{
    const struct json *e = json_pointer(root, STR("/verificationMaterial/tlogEntries/0"));
    const struct json *p = json_get(e, "inclusionProof");
    struct tlog_proof proof = {0};
    struct tlog_checkpoint cp;
    struct tlog_hash leaf;
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(tlog_checkpoint_open(json_str(json_pointer(p, STR("/checkpoint/envelope"))),
                                   tlog_key(t), &cp));
    unbase64(json_get(p, "rootHash"), &b);
    assert_memory_equal(b.p, cp.root.h, TLOG_HASH);
    for (json_each(it, json_get(p, "hashes"))) {
        unbase64(it.val, &b);
        assert_int_equal(b.n, TLOG_HASH);
        memcpy(proof.node[proof.n++].h, b.p, TLOG_HASH);
    }
    unbase64(json_get(e, "canonicalizedBody"), &b);
    assert_true(str_eq(buf_str(&b), (struct str){tk.leaf.v[index], tk.leaf_n.v[index]}));
    tlog_leaf_hash(buf_str(&b), &leaf);
    assert_ok(tlog_verify_inclusion(&proof, index, &leaf, cp.size, &cp.root));
    buf_release(&b);
}

static void every_entry_has_a_bundle_that_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < tk.leaf.n; i++) {
        struct json_doc *doc;
        struct buf b, envelope;
        struct ledger_envelope e;
        struct jw w;
        char text[24];
        buf_init(&b, 1 << 20);
        buf_init(&envelope, 1 << 20);
        assert_ok(make(i, from(), &b));
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        check_inclusion(json_root(doc), i);
        snprintf(text, sizeof text, "%zu", i);
        assert_true(json_str_is(
            json_pointer(json_root(doc), STR("/verificationMaterial/tlogEntries/0/"
                                             "logIndex")),
            text));
        jw_init(&w, &envelope);
        jw_val(&w, json_get(json_root(doc), "dsseEnvelope"));
        assert_ok(jw_done(&w));
        assert_ok(ledger_envelope_open(buf_str(&envelope), &e, NULL));
        ledger_envelope_release(&e);
        json_free(doc);
        buf_release(&envelope);
        buf_release(&b);
    }
}

static void an_entry_beyond_the_checkpoint_waits(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(make(tk.leaf.n, from(), &b), AM_E_UNAVAILABLE);
    assert_int_equal(make(UINT64_MAX, from(), &b), AM_E_UNAVAILABLE);
    buf_release(&b);
}

static void a_checkpoint_of_another_key_is_refused(void **state)
{
    struct ledger_bundle_from f = from();
    struct tlog_vkey other;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(tlog_vkey_make(STR(TK_ORIGIN), TLOG_SIG_ED25519, tk.witness[0], &other));
    f.log_key = &other;
    assert_int_equal(make(0, f, &b), AM_E_TAMPERED);
    f = from();
    f.note = STR("nothing like a note\n");
    assert_int_equal(make(0, f, &b), AM_E_SYNTAX);
    buf_release(&b);
}

static void a_payload_that_is_not_there_is_not_found(void **state)
{
    struct ledger_bundle_from f = from();
    struct blob_store *empty;
    char path[80];
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    snprintf(path, sizeof path, "%s/none", dir);
    assert_ok(blob_open(&empty, path));
    f.blobs = empty;
    assert_int_equal(make(1, f, &b), AM_E_NOTFOUND);
    blob_close(empty);
    buf_release(&b);
}

/* sha256("amane.example.org/log\n" + 01 + 32 bytes 00..1f), by
 *   (printf 'amane.example.org/log\n\001'; printf "$(printf '\\%03o' $(seq 0 31))") |
 *   sha256sum */
static void the_log_is_named_as_signed_notes_name_keys(void **state)
{
    struct tlog_vkey k = {.name = "amane.example.org/log", .type = TLOG_SIG_ED25519};
    uint8_t id[32];
    (void)state;
    for (uint8_t i = 0; i < 32; i++)
        k.pub[i] = i;
    assert_ok(ledger_log_id(&k, id));
    assert_hex_equal(id,
                     "2691d31701b8ce7554d8ce3d64beec97febd1202f3519951435064a7979befe0");
}

static void running_out_of_memory_is_an_error(void **state)
{
    struct buf b;
    int err = AM_E_NOMEM;
    (void)state;
    buf_init(&b, 1 << 20);
    for (long i = 1; err; i++) {
        buf_clear(&b);
        am_oom_at(i);
        err = make(1, from(), &b);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_entry_has_a_bundle_that_holds),
        TEST(an_entry_beyond_the_checkpoint_waits),
        TEST(a_checkpoint_of_another_key_is_refused),
        TEST(a_payload_that_is_not_there_is_not_found),
        TEST(the_log_is_named_as_signed_notes_name_keys),
        TEST(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, build, drop);
}
