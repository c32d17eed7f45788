/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of auth share: a folder of their own, a store, accounts. */
#ifndef AUTH_TEST_SUPPORT_H
#define AUTH_TEST_SUPPORT_H

#include "base/test.h"

#include <ftw.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"

static char t_dir[64];
static struct auth *t_auth;
static const int64_t t_now = INT64_C(1793491200) * TIME_SECOND; /* 2026-11-01 */
#define T_MINUTE (60 * TIME_SECOND)

/* The real cost is 64 MiB and 3 passes; the logic is the same at 64 KiB and one. */
static const struct crypto_argon2 t_cost = {.memory_kib = 64, .passes = 1, .lanes = 1};
/* On PostgreSQL: a database for each test, on the server of AMANE_PG_URI. */
extern char **environ;
static bool t_pg;
static char t_pg_uri[512], t_pg_name[32];

static inline void t_psql(const char *verb)
{
    char sql[128];
    char *argv[] = {(char[]){"psql"}, getenv("AMANE_PG_URI"), (char[]){"-qc"}, sql, NULL};
    pid_t pid;
    int status;
    snprintf(sql, sizeof sql, "%s database %s", verb, t_pg_name);
    assert_int_equal(posix_spawnp(&pid, "psql", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static inline void t_pg_database(void)
{
    static int number;
    const char *uri = getenv("AMANE_PG_URI"), *end = strrchr(uri, '/');
    snprintf(t_pg_name, sizeof t_pg_name, "a%d_%d", (int)getpid(), ++number);
    snprintf(t_pg_uri, sizeof t_pg_uri, "%.*s/%s", (int)(end - uri), uri, t_pg_name);
    t_psql("create");
}

static inline struct auth *t_open(void)
{
    struct auth *a = NULL;
    if (t_pg)
        assert_ok(auth_open_path(&a, t_dir, t_pg_uri, &t_cost));
    else
        assert_ok(auth_open_at(&a, t_dir, &t_cost));
    return a;
}

static inline int t_run_both(const struct CMUnitTest *tests, size_t n)
{
    return test_both_stores(tests, n, n, &t_pg);
}

/* These suites run on both stores. */
#undef TEST_MAIN
#define TEST_MAIN(...)                                                                   \
    int main(void)                                                                       \
    {                                                                                    \
        const struct CMUnitTest t_tests[] = {__VA_ARGS__};                               \
        return t_run_both(t_tests, AM_LEN(t_tests));                                     \
    }

static inline int t_setup(void **state)
{
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    snprintf(t_dir, sizeof t_dir, "%s/amane-auth-XXXXXX", test_top());
    if (!mkdtemp(t_dir))
        return -1;
    if (t_pg)
        t_pg_database();
    t_auth = t_open();
    return 0;
}

static inline int t_remove(const char *path, const struct stat *st, int type,
                           struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

static inline int t_teardown(void **state)
{
    (void)state;
    auth_close(t_auth);
    t_auth = NULL;
    if (t_pg)
        t_psql("drop");
    return nftw(t_dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct auth_account t_spec(const char *login, enum ledger_role role)
{
    struct auth_account a = {.role = role, .org_id = "CHU-RABAT"};
    snprintf(a.login, sizeof a.login, "%s", login);
    return a;
}

#define T_PASSWORD STR("correct horse battery")

static inline int64_t t_account(const char *login, enum ledger_role role)
{
    struct auth_account spec = t_spec(login, role);
    int64_t id = 0;
    assert_ok(auth_account_create(t_auth, &spec, T_PASSWORD, &id, NULL));
    assert_true(id > 0);
    return id;
}

static inline int t_login(const char *login, const char *password, const char *peer,
                          int64_t now, char token[AUTH_TOKEN])
{
    return auth_login(t_auth, str_c(login), str_c(password), str_c(peer), now, token);
}

static inline const struct diag_item *t_problem(const struct diag *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->item[i].path, path) == 0)
            return &d->item[i];
    return NULL;
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

/* How often the mark stands in the newest rows of that event. */
static inline size_t t_audited(const char *event, const char *mark)
{
    struct buf b;
    struct jw w;
    size_t n = 0;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    assert_ok(auth_audit_list(
        t_auth, &(struct auth_audit_filter){.event = str_c(event), .limit = 100}, &w));
    assert_ok(jw_done(&w));
    for (const char *p = b.p; p && (p = strstr(p, mark)); p++)
        n++;
    buf_release(&b);
    return n;
}

#endif
