/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "embed/embed.h"
#include "embed/embed_priv.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The table is whatever the tree holds, so these are properties over all of it. */

static void paths_are_unique_and_sorted(void **state)
{
    (void)state;
    const struct embed_file *f;
    for (size_t i = 1; (f = embed_at(i)); i++)
        assert_true(strcmp(embed_at(i - 1)->path, f->path) < 0); /* I1 */
    assert_null(embed_at(embed_table_n));
}

static void every_file_is_found_by_its_path(void **state)
{
    (void)state;
    const struct embed_file *f;
    for (size_t i = 0; (f = embed_at(i)); i++) {
        assert_ptr_equal(embed_find(f->path), f);
        assert_int_equal(embed_first(f->path), i);
    }
}

static void unknown_paths_are_not_found(void **state)
{
    (void)state;
    assert_null(embed_find(""));
    assert_null(embed_find("schema"));
    assert_null(embed_find("schema/../schema"));
    assert_null(embed_find("~"));
    assert_int_equal(embed_first(""), 0);
    assert_int_equal(embed_first("~"), embed_table_n);
}

static void text_is_followed_by_a_nul(void **state)
{
    (void)state;
    const struct embed_file *f;
    for (size_t i = 0; (f = embed_at(i)); i++)
        assert_int_equal(f->data[f->size], 0); /* I3 */
}

/* I2: the bytes are those of the tree, and sha256sum agrees with every digest. */
static void bytes_and_digests_are_those_of_the_tree(void **state)
{
    (void)state;
    const char *root = getenv("AMANE_SOURCE_ROOT");
    const struct embed_file *f;
    if (!root || !embed_at(0))
        skip();
    char list[] = "/tmp/embed_test.XXXXXX";
    FILE *out = fdopen(mkstemp(list), "w");
    assert_non_null(out);
    for (size_t i = 0; (f = embed_at(i)); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", root, f->path);
        FILE *in = fopen(path, "rb");
        assert_non_null(in);
        for (size_t k = 0; k < f->size; k++)
            assert_int_equal(getc(in), f->data[k]);
        assert_int_equal(getc(in), EOF);
        fclose(in);
        assert_hex_equal(f->sha256, f->sha256_hex);
        fprintf(out, "%s  %s\n", f->sha256_hex, path);
    }
    fclose(out);
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("sha256sum", "sha256sum", "--status", "-c", list, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink(list);
    assert_int_equal(status, 0);
}

static size_t le32(const uint8_t *p)
{
    return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

/* I4, judged by gzip(1): what it unpacks is the file. */
static void a_packed_file_unpacks_to_itself(void **state)
{
    (void)state;
    const struct embed_file *f;
    size_t n = 0;
    char name[] = "/tmp/embed_test.XXXXXX";
    close(mkstemp(name));
    for (size_t i = 0; (f = embed_at(i)); i++) {
        if (!f->gzip)
            continue;
        assert_true(f->gzip_size < f->size);
        assert_int_equal(le32(f->gzip + f->gzip_size - 4), f->size);
        FILE *out = fopen(name, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(f->gzip, 1, f->gzip_size, out), f->gzip_size);
        fclose(out);
        int end[2], status = -1;
        assert_int_equal(pipe(end), 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(open(name, O_RDONLY), STDIN_FILENO);
            dup2(end[1], STDOUT_FILENO);
            close(end[0]);
            execlp("gzip", "gzip", "-dc", (char *)NULL);
            _exit(127);
        }
        close(end[1]);
        FILE *in = fdopen(end[0], "rb");
        assert_non_null(in);
        for (size_t k = 0; k < f->size; k++)
            assert_int_equal(getc(in), f->data[k]);
        assert_int_equal(getc(in), EOF);
        fclose(in);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        n++;
    }
    unlink(name);
    assert_true(n >= 4 || !embed_at(0));
}

TEST_MAIN(TEST(a_packed_file_unpacks_to_itself), TEST(paths_are_unique_and_sorted),
          TEST(every_file_is_found_by_its_path), TEST(unknown_paths_are_not_found),
          TEST(text_is_followed_by_a_nul), TEST(bytes_and_digests_are_those_of_the_tree))
