/* SPDX-License-Identifier: Apache-2.0 */
/* The mark that spares an opening the signatures it has verified before: what is altered
 * in it, or under it, never makes a false entry true. */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}

static void reopen(void)
{
    registry_close(t.r);
    t.r = NULL;
    t_open(&t);
}

static int sql(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, "");
}

static void spoil(const char *text)
{
    char copy[400];
    snprintf(copy, sizeof copy, "%s", text);
    assert_ok(db_write(registry_db(t.r), sql, copy));
}

struct mark {
    uint64_t size;
    struct tlog_hash root;
    struct buf sig;
};

static int put(struct db_conn *c, void *arg)
{
    const struct mark *m = arg;
    int err = db_exec(c, "delete from verified", "");
    return err ? err
               : db_exec(c,
                         "insert into verified (id, size, root, sig)"
                         " values (1, $1, $2, $3)",
                         "ibb", (int64_t)m->size,
                         (struct str){(const char *)m->root.h, sizeof m->root.h},
                         buf_str(&m->sig));
}

/* What is signed, written down here a second time: a change of it must be meant. */
static void put_mark(struct db *db, uint64_t size, const struct tlog_hash *root,
                     const struct crypto_key *key, const char *first_line)
{
    struct mark m = {.size = size, .root = *root};
    char hex[CRYPTO_HEX];
    struct buf text;
    buf_init(&m.sig, 256);
    buf_init(&text, 1024);
    assert_ok(buf_addf(&text, "%s\namane.example.org/log\n%llu\n%s\n", first_line,
                       (unsigned long long)size,
                       crypto_hex(root->h, sizeof root->h, hex)));
    assert_ok(crypto_sign(key, buf_str(&text), &m.sig));
    assert_ok(db_write(db, put, &m));
    buf_release(&text);
    buf_release(&m.sig);
}

#define MARK "amane registry verified v1"

static void a_mark_is_made_of_the_whole_log_and_believed(void **state)
{
    struct tlog_checkpoint head;
    struct tlog_hash root;
    (void)state;
    tlog_head(t.r->log, &head);
    reopen();
    assert_int_equal(registry_mark_get(t.r), head.size);
    assert_ok(tlog_root_at(t.r->log, 2, &root)); /* an older one is good for less */
    put_mark(registry_db(t.r), 2, &root, t.r->key, MARK);
    assert_int_equal(registry_mark_get(t.r), 2);
}

static void an_altered_mark_is_worth_nothing(void **state)
{
    static const char *const alter[] = {
        "update verified set size = size - 1",
        "update verified set size = size + 1",
        "update verified set size = -1",
        "update verified set size = 9007199254740991",
        "update verified set root = sig",
        "update verified set root = (select payload_sha256 from entry where idx = 1)",
        "update verified set sig = root",
        "update verified set sig = (select leaf from entry where idx = 1)",
        "delete from verified",
    };
    struct tlog_checkpoint head;
    (void)state;
    for (size_t i = 0; i < AM_LEN(alter); i++) {
        reopen();
        tlog_head(t.r->log, &head);
        assert_int_equal(registry_mark_get(t.r), head.size);
        spoil(alter[i]);
        if (registry_mark_get(t.r))
            fail_msg("believed after: %s", alter[i]);
    }
    reopen(); /* everything was verified, and marked again */
    assert_int_equal(registry_mark_get(t.r), head.size);
}

static void a_mark_of_another_key_text_or_tree_is_worth_nothing(void **state)
{
    struct crypto_key *other = NULL;
    struct tlog_hash root, foreign;
    (void)state;
    assert_ok(crypto_key_generate(&other, CRYPTO_ED25519));
    assert_ok(tlog_root_at(t.r->log, 2, &root));
    tlog_leaf_hash(STR("another tree"), &foreign);
    put_mark(registry_db(t.r), 2, &root, other, MARK);
    assert_int_equal(registry_mark_get(t.r), 0);
    put_mark(registry_db(t.r), 2, &root, t.r->key, "amane registry verified v2");
    assert_int_equal(registry_mark_get(t.r), 0);
    put_mark(registry_db(t.r), 2, &foreign, t.r->key,
             MARK); /* of a fork: signed, and not of this log */
    assert_int_equal(registry_mark_get(t.r), 0);
    put_mark(registry_db(t.r), 3, &root, t.r->key, MARK);
    assert_int_equal(registry_mark_get(t.r), 0);
    put_mark(registry_db(t.r), 2, &root, t.r->key, MARK);
    assert_int_equal(registry_mark_get(t.r), 2);
    crypto_key_free(other);
}

/* Is the folder refused by `amane log fsck` and by `amane log verify`? */
static bool copy_holds(void)
{
    struct registry_copy *c = NULL;
    struct ledger_verify_report report = {0};
    int err;
    diag_clear(&t.d);
    assert_ok(registry_copy_open(&c, t.data, &t.d));
    err = registry_copy_fsck(c, &t.d);
    if (!err && t.d.errors)
        err = AM_E_INVALID;
    if (!err)
        err = ledger_verify_from(t.data, registry_copy_blobs(c), LEDGER_VERIFY_ALL,
                                 STR_NULL, &report, NULL, &t.d);
    registry_copy_close(c);
    return !err;
}

static void an_entry_altered_under_a_true_mark_is_found(void **state)
{
    static const char *const alter[] = {
        "update entry set payload = payload || ' ' where idx = 1",
        "update entry set payload = (select payload from entry where idx = 2)"
        " where idx = 1",
        "update entry set leaf = (select leaf from entry where idx = 2) where idx = 1",
        "update entry set leaf = leaf || ' ' where idx = 1",
        "update entry set leaf = (select leaf from entry where idx = 2),"
        " payload = (select payload from entry where idx = 2) where idx = 1",
        "delete from entry where idx = 1",
    };
    struct registry_config c = {.dir = t.data};
    char keep[200], path[200], *text;
    size_t n;
    (void)state;
    reopen();
    registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/registry.db", t.data);
    snprintf(keep, sizeof keep, "%s/registry.kept", t.dir);
    assert_ok(am_file_read(path, 64 << 20, &text, &n));
    for (size_t i = 0; i < AM_LEN(alter); i++) {
        struct registry *r = NULL;
        assert_ok(am_file_write(path, (struct str){text, n}, 0600));
        t_open(&t); /* as it was */
        assert_true(registry_mark_get(t.r) > 2);
        spoil(alter[i]);
        registry_close(t.r);
        t.r = NULL;
        diag_clear(&t.d);
        if (registry_open(&r, &c, &t.d) == AM_OK)
            fail_msg("opened after: %s", alter[i]);
        if (copy_holds())
            fail_msg("fsck and verify accept: %s", alter[i]);
    }
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
    t_open(&t);
    assert_true(copy_holds());
    free(text);
}

/* A grant in the ministry's name, signed by a stranger: logged past the door, by somebody
 * inside the machine. */
static void log_a_false_entry(void)
{
    struct ledger_envelope env = {0};
    struct registry_carried with = {0};
    struct buf record, envelope, spki, leaf;
    uint64_t index;
    buf_init(&record, 8192);
    buf_init(&envelope, 1 << 20);
    buf_init(&spki, 512);
    buf_init(&leaf, TLOG_ENTRY_MAX);
    t_grant_record(t.key[T_STRANGER], "has", "HAS", &record);
    t_envelope(&t, LEDGER_EVENT, T_STRANGER, buf_str(&record), &envelope);
    assert_ok(ledger_envelope_open(buf_str(&envelope), &env, NULL));
    assert_ok(crypto_key_spki(t.key[T_MSPS], &spki));
    with.payload = buf_str(&env.payload);
    crypto_sha256(with.payload, with.digest);
    assert_ok(ledger_leaf(with.digest, buf_str(&env.sig), buf_str(&spki), &leaf));
    assert_ok(tlog_append_with(t.r->log, buf_str(&leaf), &with, &index));
    ledger_envelope_release(&env);
    buf_release(&leaf);
    buf_release(&spki);
    buf_release(&envelope);
    buf_release(&record);
}

/* While no server runs, by somebody who has the folder and the key. */
static void mark_with_the_key(struct tlog_checkpoint *head)
{
    struct registry_store store = {0};
    struct tlog_config tc = {.dir = NULL};
    struct crypto_key *key = NULL;
    struct tlog *log = NULL;
    char path[200];
    snprintf(path, sizeof path, "%s/log", t.data);
    tc.dir = path;
    assert_ok(tlog_open(&log, &tc)); /* a reader */
    tlog_head(log, head);
    tlog_close(log);
    snprintf(path, sizeof path, "%s/keys/log.key", t.data);
    assert_ok(crypto_key_load(&key, path, STR_NULL));
    assert_ok(registry_store_open(&store, t.data, &t.d));
    put_mark(store.db, head->size, &head->root, key, MARK);
    registry_store_close(&store);
    crypto_key_free(key);
}

/* What the mark cannot protect against: whoever holds the log's key. Nobody else is
 * deceived by it: an auditor, a mirror and the registry's own second look verify all. */
static void a_false_entry_marked_with_the_log_key_convinces_nobody_else(void **state)
{
    struct registry_config c = {.dir = t.data};
    struct tlog_checkpoint head;
    struct registry *r = NULL;
    char place[40];
    bool named = false;
    (void)state;
    log_a_false_entry();
    assert_int_equal(registry_catch_up(t.r), AM_E_TAMPERED); /* it is looked at */
    registry_close(t.r);
    t.r = NULL;
    diag_clear(&t.d);
    assert_int_equal(registry_open(&r, &c, &t.d), AM_E_TAMPERED);
    assert_false(copy_holds());
    mark_with_the_key(&head); /* the same with a mark over it */
    t_open(&t);               /* its owner has fooled itself */
    assert_int_equal(registry_mark_get(t.r), head.size);
    assert_int_equal(registry_verify_again(t.r), AM_E_TAMPERED);
    assert_false(copy_holds());
    snprintf(place, sizeof place, "log/entry/%llu", (unsigned long long)head.size - 1);
    for (size_t i = 0; i < t.d.n; i++)
        named = named || strcmp(t.d.item[i].path, place) == 0;
    assert_true(named);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_mark_is_made_of_the_whole_log_and_believed),
        T(an_altered_mark_is_worth_nothing),
        T(a_mark_of_another_key_text_or_tree_is_worth_nothing),
        T(an_entry_altered_under_a_true_mark_is_found),
        T(a_false_entry_marked_with_the_log_key_convinces_nobody_else),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
