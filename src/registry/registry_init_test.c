/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry_test_support.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

#include <dirent.h>

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

static size_t files_in(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

struct facts {
    uint64_t size, cosigned;
    uint8_t genesis[32], policy[32];
    size_t keys;
    bool desk, commissioner;
};

static int facts(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct facts *f = arg;
    const struct ledger_key *k;
    f->size = ledger_size(l);
    f->cosigned = cosigned;
    f->keys = ledger_keys(l);
    ledger_policy_digest(l, f->policy);
    k = ledger_key_find(l, t.id[T_DESK]);
    f->desk = k && k->role == LEDGER_MSPS && !strcmp(k->function, "registry_desk");
    k = ledger_key_find(l, t.id[T_HAS2]);
    f->commissioner = k && k->role == LEDGER_HAS && !strcmp(k->function, "commissioner");
    return ledger_genesis_digest(l, f->genesis);
}

static void a_registry_begins_with_its_genesis_and_can_be_reopened(void **state)
{
    struct facts f = {0};
    struct auth_account who;
    struct stat st;
    char path[160];
    (void)state;
    t_registry(&t);
    assert_ok(registry_view(t.r, facts, &f));
    assert_int_equal(f.size, 1 + T_STRANGER - T_FOUNDERS);
    assert_int_equal(f.keys, T_STRANGER + 1); /* and the service key */
    assert_true(f.desk && f.commissioner);
    assert_memory_equal(f.genesis, t.genesis, 32);
    assert_int_equal(registry_blob_class(t.r, t.genesis), REGISTRY_BLOB_PUBLIC);
    assert_int_equal(registry_blob_class(t.r, f.policy), REGISTRY_BLOB_PUBLIC);
    /* the desk enters by its token */
    assert_ok(
        auth_token_check(registry_auth(t.r), str_c(t.admin_token), time_now(), &who));
    assert_int_equal(who.role, LEDGER_MSPS);
    assert_string_equal(who.function, "registry_desk");
    assert_true(auth_may(&who, AUTH_ACCOUNT_CREATE));
    snprintf(path, sizeof path, "%s/keys/log.key", t.data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    registry_close(t.r);
    t.r = NULL;
    t_open(&t);
    memset(&f, 0, sizeof f);
    assert_ok(registry_view(t.r, facts, &f));
    assert_int_equal(f.size, 1 + T_STRANGER - T_FOUNDERS);
    assert_memory_equal(f.genesis, t.genesis, 32);
}

static int service_grant(void *arg, const struct ledger *l, uint64_t cosigned)
{
    const struct ledger_key *k = ledger_key_find(l, arg);
    (void)cosigned;
    assert_non_null(k);
    assert_int_equal(k->role, LEDGER_SYSTEM);
    assert_string_equal(k->function, "registry");
    assert_string_equal(k->org_id, "MSPS");
    assert_int_equal(k->granted, 0);
    return AM_OK;
}

static void the_automaton_has_a_key_of_its_own_granted_by_the_genesis(void **state)
{
    char path[160], id[CRYPTO_HEX];
    struct stat st;
    (void)state;
    t_registry(&t);
    assert_non_null(registry_service_key(t.r));
    assert_int_equal(crypto_key_alg(registry_service_key(t.r)), CRYPTO_P256);
    assert_ok(crypto_key_id(registry_service_key(t.r), id));
    assert_ok(registry_view(t.r, service_grant, id));
    snprintf(path, sizeof path, "%s/keys/service.key", t.data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_registry_without_a_service_key_opens_and_has_no_automaton(void **state)
{
    char path[160];
    (void)state;
    t_registry(&t);
    registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/keys/service.key", t.data);
    assert_int_equal(unlink(path), 0);
    t_open(&t);
    assert_null(registry_service_key(t.r));
}

static void a_service_key_that_is_no_p256_key_is_refused(void **state)
{
    struct registry_config c = {.dir = t.data};
    struct registry *r = NULL;
    struct crypto_key *wrong = NULL;
    char path[160];
    (void)state;
    t_registry(&t);
    registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/keys/service.key", t.data);
    assert_int_equal(unlink(path), 0);
    assert_ok(crypto_key_generate(&wrong, CRYPTO_ED25519));
    assert_ok(crypto_key_save(wrong, path, STR_NULL));
    crypto_key_free(wrong);
    diag_clear(&t.d);
    assert_int_equal(registry_open(&r, &c, &t.d), AM_E_INVALID);
    t_assert_problem(&t, path, "registry.key");
    assert_null(r);
}

static void a_folder_serves_one_process_at_a_time(void **state)
{
    struct registry_config c = {.dir = t.data};
    struct registry *second = NULL;
    (void)state;
    t_registry(&t);
    diag_clear(&t.d);
    assert_int_equal(registry_open(&second, &c, &t.d), AM_E_CONFLICT);
    assert_string_equal(t.d.item[0].code, "registry.busy");
    assert_null(second);
}

static void a_folder_that_is_no_registry_is_said_so(void **state)
{
    struct registry_config c = {.dir = t.data};
    struct registry *r = NULL;
    (void)state;
    diag_clear(&t.d);
    assert_int_equal(registry_open(&r, &c, &t.d), AM_E_NOTFOUND);
    assert_string_equal(t.d.item[0].code, "registry.key");
    assert_null(r);
}

/* Replaces `from` by `to` once; the caller releases. */
static void replaced(struct str text, const char *from, const char *to, struct buf *out)
{
    const char *at = memmem(text.p, text.n, from, strlen(from));
    assert_non_null(at);
    buf_init(out, 8 << 20);
    assert_ok(buf_add(out, str_sub(text, 0, (size_t)(at - text.p))));
    assert_ok(buf_adds(out, to));
    assert_ok(buf_add(out, str_sub(text, (size_t)(at - text.p) + strlen(from), text.n)));
}

static void a_specification_that_cannot_work_is_refused_and_leaves_nothing(void **state)
{
    static const struct {
        const char *from, *to, *path;
    } k[] = {
        {"\"origin\":\"amane.example.org/log\"", "\"origin\":\"a.*\"", "/origin"},
        {"\"origin\":\"amane.example.org/log\"", "\"origin\":\"Amane\"", "/origin"},
        {"\"origin\":\"amane.example.org/log\",", "", "/origin"},
        {"\"type_base\":\"" T_BASE "\"", "\"type_base\":7", "/type_base"},
        {"\"role\":\"has\"", "\"role\":\"king\"", "/authorities/2/role"},
        {"\"name\":\"n01\"", "\"name\":\"\"", "/witnesses/0/name"},
        {"\"vkey\":\"node1", "\"vkey\":\"node1+x", "/witnesses/0/vkey"},
        {"\"national\": false", "\"national\": \"no\"", "/policy/national"},
        {"\"policy\":{", "\"polic\":{", "/policy"},
        {"\"authorities\":[", "\"authority\":[", "/authorities"},
    };
    struct buf spec, bad;
    (void)state;
    buf_init(&spec, 8 << 20);
    t_spec(&t, &spec);
    for (size_t i = 0; i < AM_LEN(k); i++) {
        int err;
        replaced(buf_str(&spec), k[i].from, k[i].to, &bad);
        err = t_init_text(&t, buf_str(&bad), T_MSPS);
        if (err != AM_E_INVALID || !t.d.errors)
            fail_msg("case %zu: %s", i, am_err_text(err));
        if (!t_problem(&t, k[i].path))
            fail_msg("case %zu: %s %s", i, t.d.item[0].path, t.d.item[0].code);
        if (files_in(t.data))
            fail_msg("case %zu leaves files", i);
        buf_release(&bad);
    }
    buf_release(&spec);
}

/* Fails in psql, and so in the test, unless the condition holds in the database. */
static void holds_there(const char *condition)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "do $$ begin if not (%s) then raise exception 'left'; end if; end $$",
             condition);
    t_psql(t_pg_uri, sql);
}

static void a_beginning_that_fails_leaves_nothing_on_the_server(void **state)
{
#define TABLES "select count(*) from pg_tables where schemaname in ('registry', 'auth')"
    static const struct {
        const char *before, *after;
    } k[] = {
        {"select", "not exists (select from pg_namespace where nspname in"
                   " ('registry', 'auth'))"},
        {"create schema registry", /* somebody's, empty: it stays so */
         "(" TABLES ") = 0 and exists (select from pg_namespace where nspname ="
         " 'registry')"},
        {"create table registry.other as select 1 as n",
         "(select count(*) from registry.other) = 1"},
    };
    char again[96];
    struct buf spec, bad;
    (void)state;
    buf_init(&spec, 8 << 20);
    t_spec(&t, &spec);
    replaced(buf_str(&spec), "\"role\":\"has\"", "\"role\":\"king\"", &bad);
    for (size_t i = 0; i < AM_LEN(k); i++) {
        t_psql(t_pg_uri, k[i].before);
        assert_int_equal(t_init_text(&t, buf_str(&bad), T_MSPS), AM_E_INVALID);
        assert_int_equal(files_in(t.data), 0);
        holds_there(k[i].after);
    }
    t_psql(t_pg_uri, "drop schema registry cascade");
    assert_ok(t_init_text(&t, buf_str(&spec), T_MSPS));
    /* A second one, elsewhere, into the same tables: refused, the first is as it was. */
    snprintf(again, sizeof again, "%s", t.data);
    snprintf(t.data, sizeof t.data, "%s/second", t.dir);
    assert_ok(am_dir_make(t.data, 0700));
    assert_int_equal(t_init_text(&t, buf_str(&spec), T_MSPS), AM_E_EXISTS);
    t_assert_problem(&t, "database", "registry.not_empty");
    assert_int_equal(files_in(t.data), 0);
    snprintf(t.data, sizeof t.data, "%s", again);
    t_open(&t);
    buf_release(&bad);
    buf_release(&spec);
}

static void only_an_authority_of_the_genesis_signs_it(void **state)
{
    struct buf spec;
    (void)state;
    buf_init(&spec, 8 << 20);
    t_spec(&t, &spec);
    assert_int_equal(t_init_text(&t, buf_str(&spec), T_STRANGER), AM_E_INVALID);
    t_assert_problem(&t, "/authorities", "registry.signer");
    assert_int_equal(files_in(t.data), 0);
    assert_ok(t_init_text(&t, buf_str(&spec), T_HAS1));
    /* and a folder that holds something is left alone */
    assert_int_equal(t_init_text(&t, buf_str(&spec), T_MSPS), AM_E_EXISTS);
    t_assert_problem(&t, t.data, "registry.not_empty");
    assert_true(files_in(t.data) > 3);
    t_open(&t);
    buf_release(&spec);
}

static int spoil(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, "");
}

static void open_is_refused(int wanted, const char *code)
{
    struct registry_config c = {.dir = t.data};
    struct registry *r = NULL;
    registry_close(t.r);
    t.r = NULL;
    diag_clear(&t.d);
    assert_int_equal(registry_open(&r, &c, &t.d), wanted);
    assert_null(r);
    if (code)
        assert_string_equal(t.d.item[0].code, code);
}

static void a_changed_statement_of_the_past_stops_the_opening(void **state)
{
    (void)state;
    t_registry(&t);
    assert_ok(db_write(registry_db(t.r), spoil,
                       (char[]){"update entry set payload = payload || ' '"
                                " where idx = 1"}));
    open_is_refused(AM_E_TAMPERED, NULL);
}

static bool fsck_says(const char *code)
{
    struct registry_copy *c = NULL;
    bool said = !code;
    diag_clear(&t.d);
    assert_ok(registry_copy_open(&c, t.data, &t.d));
    assert_ok(registry_copy_fsck(c, &t.d));
    registry_copy_close(c);
    for (size_t i = 0; i < t.d.n; i++)
        said = code ? said || strcmp(t.d.item[i].code, code) == 0 : false;
    return said;
}

static void fsck_names_what_does_not_agree(void **state)
{
    (void)state;
    t_registry(&t);
    assert_true(fsck_says(NULL)); /* beside the running server */
    assert_ok(db_write(registry_db(t.r), spoil,
                       (char[]){"update entry set leaf = payload_sha256 where idx = 2"}));
    assert_true(fsck_says("fsck.row"));
    assert_ok(
        db_write(registry_db(t.r), spoil, (char[]){"delete from entry where idx = 2"}));
    assert_true(fsck_says("registry.db_holes"));
}

static void an_older_copy_of_the_database_is_refused(void **state)
{
    (void)state;
    t_registry(&t);
    assert_ok(
        db_write(registry_db(t.r), spoil,
                 (char[]){"delete from entry where idx = (select max(idx) from entry)"}));
    open_is_refused(AM_E_TAMPERED, "registry.db_behind");
}

static int run_shell(char *cmd)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, cmd, NULL};
    int status = -1;
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void grant_somebody(void)
{
    struct crypto_key *key = NULL;
    struct buf b;
    buf_init(&b, 8192);
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    t_grant_record(key, "vendor", "ORG1", &b);
    t_submitted(&t, LEDGER_EVENT, T_MSPS, buf_str(&b));
    crypto_key_free(key);
    buf_release(&b);
}

/* A crash between the two commits leaves rows the checkpoint does not cover; a log folder
 * put back from an older copy looks the same. Nothing is lost either way. */
static void rows_beyond_the_log_are_appended_again(void **state)
{
    struct tlog_checkpoint before, after;
    char cmd[9000];
    (void)state;
    t_registry(&t);
    registry_close(t.r);
    snprintf(cmd, sizeof cmd, "cp -a '%s/log' '%s/older'", t.data, t.data);
    assert_int_equal(run_shell(cmd), 0);
    t_open(&t);
    for (int i = 0; i < 3; i++)
        grant_somebody();
    tlog_head(registry_log(t.r), &before);
    registry_close(t.r);
    snprintf(cmd, sizeof cmd, "rm -r '%s/log' && mv '%s/older' '%s/log'", t.data, t.data,
             t.data);
    assert_int_equal(run_shell(cmd), 0);
    t_open(&t);
    tlog_head(registry_log(t.r), &after);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(&after.root, &before.root, sizeof after.root);
}

static void a_database_with_a_hole_is_refused(void **state)
{
    (void)state;
    t_registry(&t);
    assert_ok(
        db_write(registry_db(t.r), spoil, (char[]){"delete from entry where idx = 1"}));
    open_is_refused(AM_E_TAMPERED, "registry.db_holes");
}

static void identifiers_are_new_and_valid(void **state)
{
    char a[64], b[64];
    (void)state;
    t_registry(&t);
    assert_ok(registry_algorithm_id(t.r, STR("CHUR01"), a));
    assert_ok(registry_algorithm_id(t.r, STR("CHUR01"), b));
    assert_true(registry_algorithm_id_valid(str_c(a)));
    assert_true(str_starts(str_c(a), STR("MA-IA-CHUR01-")));
    assert_string_not_equal(a, b);
    assert_int_equal(registry_algorithm_id(t.r, STR("chur01"), a), AM_E_INVALID);
    assert_int_equal(registry_algorithm_id(t.r, STR("CHUR1"), a), AM_E_INVALID);
    assert_int_equal(registry_algorithm_id(t.r, STR("CHUR-1"), a), AM_E_INVALID);
    assert_int_equal(registry_algorithm_id(t.r, STR_NULL, a), AM_E_INVALID);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_registry_begins_with_its_genesis_and_can_be_reopened),
        T(the_automaton_has_a_key_of_its_own_granted_by_the_genesis),
        T(a_registry_without_a_service_key_opens_and_has_no_automaton),
        T(a_service_key_that_is_no_p256_key_is_refused),
        T(a_folder_serves_one_process_at_a_time),
        T(a_folder_that_is_no_registry_is_said_so),
        T(a_specification_that_cannot_work_is_refused_and_leaves_nothing),
        T(only_an_authority_of_the_genesis_signs_it),
        T(a_changed_statement_of_the_past_stops_the_opening),
        T(fsck_names_what_does_not_agree),
        T(an_older_copy_of_the_database_is_refused),
        T(rows_beyond_the_log_are_appended_again),
        T(a_database_with_a_hole_is_refused),
        T(identifiers_are_new_and_valid),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest server[] = {
        T(a_beginning_that_fails_leaves_nothing_on_the_server),
        T(a_registry_begins_with_its_genesis_and_can_be_reopened)};
    int bad = cmocka_run_group_tests_name("files", tests, NULL, NULL);
    t_pg = getenv("AMANE_PG_URI") != NULL;
    return t_pg ? bad + cmocka_run_group_tests_name("server", server, NULL, NULL) : bad;
}
