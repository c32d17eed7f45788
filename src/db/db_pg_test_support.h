/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL cluster of one's own, for tests that kill it: pg_group() once, then
 * pg_tool("kill", ...). Without server programs every test of the group says so. */
#ifndef DB_PG_TEST_SUPPORT_H
#define DB_PG_TEST_SUPPORT_H

#include "db/db_test_support.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;
static char pg_top[40], pg_dir[PATH_MAX], pg_uri[256];

/* tools/postgres.sh VERB A B; its exit status. */
static inline int pg_tool(const char *verb, const char *a, const char *b)
{
    const char *root = getenv("AMANE_SOURCE_ROOT");
    char script[PATH_MAX], owner[16];
    char *argv[] = {script, (char *)(uintptr_t)verb, (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b, NULL};
    pid_t pid;
    int status;
    snprintf(script, sizeof script, "%s/tools/postgres.sh", root ? root : ".");
    snprintf(owner, sizeof owner, "%d", (int)getpid());
    setenv("AMANE_PG_OWNER", owner, 1);
    if (posix_spawn(&pid, script, NULL, NULL, argv, environ) ||
        waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void pg_read_uri(const char *dir, char out[256])
{
    char path[PATH_MAX + 8], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/uri", dir);
    assert_ok(am_file_read(path, 255, &text, &n));
    snprintf(out, 256, "%.*s", (int)n, text);
    free(text);
}

static inline int pg_up(void **state)
{
    (void)state;
    snprintf(pg_top, sizeof pg_top, "%s/amane-pgt-XXXXXX", test_top());
    if (!mkdtemp(pg_top) || chmod(pg_top, 0711))
        return -1;
    snprintf(pg_dir, sizeof pg_dir, "%s/c", pg_top);
    if (pg_tool("init", pg_dir, NULL) || pg_tool("start", pg_dir, NULL))
        return -1;
    pg_read_uri(pg_dir, pg_uri);
    setenv("AMANE_PG_URI", pg_uri, 1);
    t_pg = true;
    return 0;
}

static inline int pg_down(void **state)
{
    char *argv[] = {(char *)(uintptr_t)"rm", (char *)(uintptr_t)"-rf", pg_top, NULL};
    pid_t pid;
    (void)state;
    (void)pg_tool("stop", pg_dir, "immediate");
    return posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) ||
           waitpid(pid, NULL, 0) != pid;
}

static inline bool pg_have(void)
{
    return pg_tool("have", NULL, NULL) == 0;
}

static inline void no_programs(void **state)
{
    (void)state;
    print_message("no PostgreSQL server programs: nothing was run on PostgreSQL\n");
    skip();
}

#define pg_group(tests)                                                                  \
    (pg_have() ? cmocka_run_group_tests_name("postgresql", tests, pg_up, pg_down)        \
               : cmocka_run_group_tests_name(                                            \
                     "postgresql",                                                       \
                     ((const struct CMUnitTest[1]){cmocka_unit_test(no_programs)}),      \
                     NULL, NULL))

#endif
