/* SPDX-License-Identifier: Apache-2.0 */
/* A registry moved between stores, copied while it runs, put back; and one whose server
 * is killed and replaced while statements come in. */
#include "registry/registry_test_support.h"

#include <stdatomic.h>

#include "registry/registry_tables_priv.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void stop(void)
{
    registry_close(t.r);
    t.r = NULL;
}

static void more(int n)
{
    for (int i = 0; i < n; i++) {
        struct crypto_key *key = NULL;
        struct buf b;
        buf_init(&b, 8192);
        assert_ok(crypto_key_generate(&key, CRYPTO_P256));
        t_grant_record(key, "vendor", "ORG1", &b);
        t_submitted(&t, LEDGER_EVENT, T_MSPS, buf_str(&b));
        crypto_key_free(key);
        buf_release(&b);
    }
}

static struct tlog_checkpoint head(void)
{
    struct tlog_checkpoint c;
    tlog_head(registry_log(t.r), &c);
    return c;
}

static void desk_still_enters(void)
{
    struct auth_account who;
    assert_ok(
        auth_token_check(registry_auth(t.r), str_c(t.admin_token), time_now(), &who));
    assert_string_equal(who.login, "registry-desk");
}

static bool t_has(const struct t *x, const char *code)
{
    for (size_t i = 0; i < x->d.n; i++)
        if (strcmp(x->d.item[i].code, code) == 0)
            return true;
    return false;
}

static void settle_in(const char *dir)
{
    assert_true(snprintf(t.data, sizeof t.data, "%.90s", dir) < (int)sizeof t.data);
}

static bool has(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", t.data, name);
    return access(path, F_OK) == 0;
}

/* ---- moving ---- */
static void moved_there_and_back_it_is_the_same_registry(void **state)
{
    struct registry_moved m;
    struct tlog_checkpoint a, b;
    (void)state;
    t_registry(&t);
    t_declared(&t);
    a = head();
    stop();
    t_pg_database();
    assert_ok(registry_move(t.data, t_pg_uri, &m, &t.d));
    assert_int_equal(m.size, a.size);
    assert_memory_equal(m.root_rows, a.root.h, 32);
    assert_memory_equal(m.root_log, a.root.h, 32);
    assert_true(m.tables >= 10 && m.rows > m.size);
    assert_false(has("registry.db") || has("auth.db"));
    assert_true(has("registry.db.moved"));
    t_open(&t);
    b = head();
    assert_memory_equal(&a.root, &b.root, sizeof a.root);
    desk_still_enters();
    more(700); /* more than a page */
    a = head();
    assert_int_equal(registry_move(t.data, "", &m, &t.d), AM_E_CONFLICT); /* it runs */
    assert_true(t_has(&t, "registry.busy"));
    stop();
    assert_ok(registry_move(t.data, "", &m, &t.d));
    assert_int_equal(m.size, a.size);
    assert_memory_equal(m.root_rows, a.root.h, 32);
    t_open(&t);
    desk_still_enters();
    more(1);
    assert_int_equal(head().size, a.size + 1);
    stop();
    t_pg_drop();
}

static void what_is_there_already_or_unlike_is_refused(void **state)
{
    struct registry_moved m;
    char conf[160];
    (void)state;
    t_registry(&t);
    stop();
    assert_int_equal(registry_move(t.data, "", &m, &t.d), AM_E_CONFLICT);
    assert_true(registry_move(t.data, "postgresql://127.0.0.1:1/x", &m, &t.d) < 0);
    t_pg_database();
    assert_ok(registry_move(t.data, t_pg_uri, &m, &t.d));
    assert_int_equal(registry_move(t.data, t_pg_uri, &m, &t.d), AM_E_CONFLICT);
    /* Another registry must not end up in the same tables. */
    snprintf(conf, sizeof conf, "%s/second", t.dir);
    settle_in(conf);
    assert_int_equal(mkdir(t.data, 0700), 0);
    t_registry(&t);
    stop();
    diag_clear(&t.d);
    assert_true(registry_move(t.data, t_pg_uri, &m, &t.d) < 0);
    assert_true(t_has(&t, "registry.other_rows"));
    assert_true(has("registry.db")); /* and it is as it was */
    t_open(&t);
    desk_still_enters();
    stop();
    /* Nor does a registry start on another's tables. */
    assert_ok(registry_place_set(t.data, t_pg_uri));
    diag_clear(&t.d);
    assert_int_equal(registry_open(&t.r, &(struct registry_config){.dir = t.data}, &t.d),
                     AM_E_TAMPERED);
    t_pg_drop();
}

static void a_move_broken_off_is_begun_again(void **state)
{
    struct registry_moved m;
    char from[160], to[200];
    static const char *const file[] = {"registry.db", "auth.db"};
    (void)state;
    t_registry(&t);
    stop();
    t_pg_database();
    assert_ok(registry_move(t.data, t_pg_uri, &m, &t.d));
    /* As a crash between the two databases leaves it: accounts there, setting old. */
    for (int i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "%s/%s", t.data, file[i]);
        snprintf(from, sizeof from, "%s/%s.moved", t.data, file[i]);
        assert_int_equal(rename(from, to), 0);
    }
    assert_ok(registry_place_set(t.data, ""));
    t_psql(t_pg_uri, "truncate registry.entry, registry.verified");
    assert_ok(registry_move(t.data, t_pg_uri, &m, &t.d));
    assert_memory_equal(m.root_rows, m.root_log, 32);
    t_open(&t);
    stop();
    t_pg_drop();
}

static int drop_last(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "delete from entry where idx = (select max(idx) from entry)", NULL);
}

/* As a standby that took over without the last statement: no hole is written over. */
static void a_database_that_went_back_is_not_written_on(void **state)
{
    uint64_t size;
    struct buf b;
    (void)state;
    t_registry(&t);
    size = head().size;
    assert_ok(db_write(registry_db(t.r), drop_last, NULL));
    buf_init(&b, 8192);
    t_grant_record(t.key[T_STRANGER], "vendor", "NOBODY", &b);
    for (int i = 0; i < 3; i++)
        assert_int_equal(t_submit(&t, LEDGER_EVENT, T_MSPS, buf_str(&b)), AM_E_TAMPERED);
    assert_int_equal(head().size, size);
    buf_release(&b);
    stop();
    diag_clear(&t.d);
    assert_int_equal(registry_open(&t.r, &(struct registry_config){.dir = t.data}, &t.d),
                     AM_E_TAMPERED);
    assert_true(t_has(&t, "registry.db_behind"));
}

/* ---- a copy, and back ---- */
static int sha256sum(const char *dir)
{
    char cmd[200];
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, cmd, NULL};
    pid_t pid;
    int status = -1;
    snprintf(cmd, sizeof cmd, "cd %s && sha256sum --quiet -c MANIFEST", dir);
    assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void restored_from_a_copy_of_a_running_registry(bool keys)
{
    struct registry_backed k, back;
    struct tlog_checkpoint a;
    char copy[160], again[160];
    t_registry(&t);
    t_declared(&t);
    a = head();
    snprintf(copy, sizeof copy, "%s/copy", t.dir);
    snprintf(again, sizeof again, "%s/again", t.dir);
    assert_ok(registry_backup(t.data, copy, keys, &k, &t.d));
    assert_int_equal(k.size, a.size);
    assert_memory_equal(k.root, a.root.h, 32);
    assert_int_equal(sha256sum(copy), 0);
    assert_true(registry_backup(t.data, copy, keys, &k, &t.d) < 0); /* never over one */
    more(3);
    stop();
    unsetenv("AMANE_DATABASE");
    assert_ok(registry_restore(copy, again, &back, &t.d));
    assert_int_equal(back.size, a.size);
    assert_memory_equal(back.root, a.root.h, 32);
    assert_int_equal(back.keys, keys);
    assert_true(registry_restore(copy, again, &back, &t.d) < 0);
    if (!keys)
        return;
    settle_in(again);
    t_open(&t);
    desk_still_enters();
    more(1);
    stop();
}

static void a_copy_gives_the_original_root(void **state)
{
    (void)state;
    restored_from_a_copy_of_a_running_registry(true);
}

static void a_copy_without_keys_is_proved_but_cannot_sign(void **state)
{
    char copy[160];
    (void)state;
    restored_from_a_copy_of_a_running_registry(false);
    snprintf(copy, sizeof copy, "%s/copy/keys", t.dir);
    assert_int_not_equal(access(copy, F_OK), 0);
    snprintf(copy, sizeof copy, "%s/copy/auth.key", t.dir);
    assert_int_not_equal(access(copy, F_OK), 0);
}

static void a_copy_with_one_byte_changed_is_refused(void **state)
{
    struct registry_backed k;
    char copy[160], again[160], file[200];
    FILE *f;
    (void)state;
    t_registry(&t);
    snprintf(copy, sizeof copy, "%s/copy", t.dir);
    snprintf(again, sizeof again, "%s/again", t.dir);
    assert_true(registry_restore(t.data, again, &k, &t.d) < 0); /* no MANIFEST */
    assert_int_equal(rmdir(again), 0);
    assert_ok(registry_backup(t.data, copy, true, &k, &t.d));
    snprintf(file, sizeof file, "%s/origin", copy);
    f = fopen(file, "r+");
    fputc('X', f);
    fclose(f);
    diag_clear(&t.d);
    assert_int_equal(registry_restore(copy, again, &k, &t.d), AM_E_TAMPERED);
    assert_true(t_has(&t, "registry.backup_file"));
    snprintf(file, sizeof file, "%s/MANIFEST", copy);
    assert_ok(am_file_write(file,
                            STR("00000000000000000000000000000000000000000000000000000000"
                                "00000000  ../../etc/passwd\n"),
                            0600));
    snprintf(again, sizeof again, "%s/third", t.dir);
    diag_clear(&t.d);
    assert_int_equal(registry_restore(copy, again, &k, &t.d), AM_E_TAMPERED);
    assert_true(t_has(&t, "registry.manifest"));
}

static void introduce(int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_ok(tlog_witness_add_log(t.witness[i], tlog_key(registry_log(t.r))));
}

/* Whoever puts an old copy back has a second truth: who saw the first refuses it. */
static void an_older_copy_put_back_is_refused_by_the_witnesses(void **state)
{
    struct registry_backed k;
    struct registry_witness w[8];
    char copy[160], again[160];
    uint64_t size;
    (void)state;
    t_witnesses(&t);
    t_registry(&t);
    introduce(0, 2);
    snprintf(copy, sizeof copy, "%s/copy", t.dir);
    snprintf(again, sizeof again, "%s/again", t.dir);
    assert_ok(registry_backup(t.data, copy, true, &k, &t.d));
    more(5);
    size = head().size;
    for (int i = 0; i < 6000; i++) { /* the witnesses have seen them */
        registry_witnesses(t.r, w, AM_LEN(w));
        if (w[0].size == size && w[1].size == size)
            break;
        usleep(10000);
    }
    assert_int_equal(w[0].size, size);
    stop();
    assert_ok(registry_restore(copy, again, &k, &t.d));
    settle_in(again);
    t_open(&t);
    more(2); /* another history */
    for (int i = 0; i < 6000; i++) {
        registry_witnesses(t.r, w, AM_LEN(w));
        if (w[0].refused && w[1].refused)
            break;
        usleep(10000);
    }
    assert_true(w[0].refused && w[1].refused);
    stop();
}

/* ---- the server is killed, and replaced by its standby, under load ---- */
enum { SENDERS = 6, EACH = 2000 };
struct sender {
    pthread_t thread;
    uint64_t index[EACH];
    uint8_t payload[EACH][32];
    int n, failed, unsure;
};
static atomic_bool halt;
static atomic_int accepted;

static void *send_on(void *arg)
{
    struct sender *s = arg;
    while (!atomic_load(&halt) && s->n < EACH) {
        struct registry_receipt got;
        struct crypto_key *key = NULL;
        struct buf b, envelope;
        int err;
        buf_init(&b, 8192);
        buf_init(&envelope, 65536);
        assert_ok(crypto_key_generate(&key, CRYPTO_P256));
        t_grant_record(key, "vendor", "ORG1", &b);
        t_envelope(&t, LEDGER_EVENT, T_MSPS, buf_str(&b), &envelope);
        err = registry_submit(t.r, LEDGER_EVENT, buf_str(&envelope), &got, NULL);
        if (!err) {
            s->index[s->n] = got.index;
            memcpy(s->payload[s->n++], got.payload, 32);
            atomic_fetch_add(&accepted, 1);
        } else {
            s->unsure += err == AM_E_UNSURE;
            s->failed++;
            usleep(20000);
        }
        crypto_key_free(key);
        buf_release(&b);
        buf_release(&envelope);
    }
    return NULL;
}

static int all_there(void *arg, const struct ledger *l, uint64_t cosigned)
{
    const struct sender *all = arg;
    (void)cosigned;
    for (const struct sender *s = all; s < all + SENDERS; s++)
        for (int i = 0; i < s->n; i++) {
            const char *key;
            uint8_t payload[32];
            assert_ok(ledger_entry_of(l, s->index[i], payload, &key));
            assert_memory_equal(payload, s->payload[i], 32);
        }
    return AM_OK;
}

static int tool(const char *verb, const char *a, const char *b)
{
    char script[512];
    char *argv[] = {script, (char *)(uintptr_t)verb, (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b, NULL};
    pid_t pid;
    int status = -1;
    snprintf(script, sizeof script, "%s/tools/postgres.sh", getenv("AMANE_SOURCE_ROOT"));
    snprintf(t_pg_name, sizeof t_pg_name, "%d", (int)getpid());
    setenv("AMANE_PG_OWNER", t_pg_name, 1);
    assert_int_equal(posix_spawn(&pid, script, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static char *uri_of(const char *dir)
{
    char path[160], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/uri", dir);
    assert_ok(am_file_read(path, 400, &text, &n));
    return text;
}

static void await(int n)
{
    int before = atomic_load(&accepted);
    for (int i = 0; i < 60000 && atomic_load(&accepted) < before + n; i++)
        usleep(1000);
    assert_true(atomic_load(&accepted) >= before + n);
}

static void killed_and_replaced_under_load_nothing_acknowledged_is_lost(void **state)
{
    static struct sender s[SENDERS];
    char top[64], one[72], two[72], uri[600], *u1, *u2;
    const char *h1, *h2;
    struct tlog_checkpoint last;
    int failed = 0, unsure = 0, n = 0;
    (void)state;
    snprintf(top, sizeof top, "%s/amane-pgr-XXXXXX", test_top());
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0711), 0);
    snprintf(one, sizeof one, "%s/1", top);
    snprintf(two, sizeof two, "%s/2", top);
    assert_int_equal(tool("init", one, NULL), 0);
    assert_int_equal(tool("start", one, NULL), 0);
    assert_int_equal(tool("standby", two, one), 0);
    u1 = uri_of(one);
    u2 = uri_of(two);
    h1 = strstr(u1, "127.0.0.1:");
    h2 = strstr(u2, "127.0.0.1:");
    snprintf(uri, sizeof uri, "%.*s%.*s,%s?target_session_attrs=read-write",
             (int)(h1 - u1), u1, (int)strcspn(h1, "/"), h1, h2);
    setenv("AMANE_DATABASE", uri, 1);
    t_registry(&t);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&s[i].thread, NULL, send_on, &s[i]), 0);
    await(30);
    assert_int_equal(tool("kill", one, NULL), 0);
    assert_int_equal(tool("start", one, NULL), 0); /* the same server, again */
    await(30);
    assert_int_equal(tool("kill", one, NULL), 0);
    assert_int_equal(tool("promote", two, NULL), 0); /* now the other one */
    await(30);
    atomic_store(&halt, true);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(s[i].thread, NULL), 0);
        failed += s[i].failed;
        unsure += s[i].unsure;
        n += s[i].n;
    }
    last = head();
    stop();
    t_open(&t); /* log and database of the standby are one */
    assert_ok(registry_view(t.r, all_there, s));
    assert_true(head().size >= last.size);
    print_message("%d acknowledged, all at their place; %d failed, %d of them unsure\n",
                  n, failed, unsure);
    stop();
    unsetenv("AMANE_DATABASE");
    assert_int_equal(tool("stop", two, "immediate"), 0);
    nftw(top, t_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(u1);
    free(u2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest both[] = {T(a_copy_gives_the_original_root),
                                      T(a_database_that_went_back_is_not_written_on),
                                      T(a_copy_without_keys_is_proved_but_cannot_sign)};
    const struct CMUnitTest file[] = {
        T(a_copy_with_one_byte_changed_is_refused),
        T(an_older_copy_put_back_is_refused_by_the_witnesses)};
    const struct CMUnitTest moves[] = {
        T(moved_there_and_back_it_is_the_same_registry),
        T(what_is_there_already_or_unlike_is_refused),
        T(a_move_broken_off_is_begun_again),
        T(killed_and_replaced_under_load_nothing_acknowledged_is_lost)};
    int bad, code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    bad += t_run_both(both, AM_LEN(both), AM_LEN(both));
    t_pg = false; /* these set up what they need */
    return getenv("AMANE_PG_URI")
               ? bad + cmocka_run_group_tests_name("moves", moves, NULL, NULL)
               : bad;
}
