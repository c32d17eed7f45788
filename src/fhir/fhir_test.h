/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_test -- what the tests of fhir share: real data beside the checkout, packed or
 * not. Only tests include this file. */
#ifndef FHIR_TEST_H
#define FHIR_TEST_H

#include "base/test.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fhir/fhir.h"

extern char **environ;

/* Path of a shared file; skips the test, aloud, when there is no shared data. */
static inline const char *test_path(const char *name)
{
    static char path[4096];
    if (!test_shared()) {
        print_message("AMANE_SHARED is not set: %s not read\n", name);
        skip();
    }
    snprintf(path, sizeof path, "%s/data/%s", test_shared(), name);
    return path;
}

/* Unpacks a .gz file through gzip(1). */
static inline void test_unpack(const char *path, struct buf *out)
{
    char *argv[] = {(char[]){"gzip"}, (char[]){"-dc"}, str_dup(str_c(path)), NULL};
    posix_spawn_file_actions_t a;
    char chunk[65536];
    int fd[2], status;
    ssize_t k;
    pid_t pid;
    assert_int_equal(pipe(fd), 0);
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_adddup2(&a, fd[1], 1);
    posix_spawn_file_actions_addclose(&a, fd[0]);
    posix_spawn_file_actions_addclose(&a, fd[1]);
    assert_int_equal(posix_spawnp(&pid, "gzip", &a, NULL, argv, environ), 0);
    close(fd[1]);
    buf_init(out, (size_t)256 << 20);
    while ((k = read(fd[0], chunk, sizeof chunk)) > 0)
        assert_ok(buf_add(out, (struct str){chunk, (size_t)k}));
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    posix_spawn_file_actions_destroy(&a);
    free(argv[2]);
}

static inline const struct diag_item *test_problem(const struct diag *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->item[i].path, path) == 0)
            return &d->item[i];
    return NULL;
}

#endif
