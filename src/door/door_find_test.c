/* SPDX-License-Identifier: Apache-2.0 */
/* Finding records by what they name: exactly those that a walk of all would tell,
 * whatever became of the indexes; and what was changed in the files is told by nobody. */
#include "door/door_trail_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "door/door_trail_find_priv.h"

enum { RECORDS = 600, NAMES = 13 };

static uint64_t seed = 3;
static unsigned pick(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

/* A record is a row of letters, its keys: "ab" names a and b. */
static struct {
    int64_t at;
    char text[24];
} wrote[RECORDS + 1];
static size_t records;

static void write_some(struct door_trail *t, size_t n)
{
    while (n--) {
        size_t len = 1 + pick(3);
        records++;
        for (size_t i = 0; i < len; i++)
            wrote[records].text[i] = (char)('a' + pick(NAMES));
        wrote[records].text[len] = 0;
        wrote[records].at = (int64_t)(records + pick(20)); /* a clock that lies */
        assert_ok(door_trail_add(t, wrote[records].at, str_c(wrote[records].text)));
    }
}

static size_t opened;
static int keys(struct door_index_keys *k, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        door_index_key(k, STR("letter"), str_sub(text, i, i + 1));
    opened++;
    return AM_OK;
}

struct told {
    uint64_t seq[RECORDS];
    size_t n, stop;
};

static int tell(void *arg, const struct door_trail_item *x)
{
    struct told *t = arg;
    assert_in_range(x->seq, 1, records);
    assert_str_equal(x->text, wrote[x->seq].text);
    assert_int_equal(x->at, wrote[x->seq].at);
    t->seq[t->n++] = x->seq;
    return t->n == t->stop;
}

struct asked {
    const char *letters;
    int64_t lo, hi;
    uint64_t below;
    size_t most;
};

static int find(const struct asked *a, struct told *t, struct door_trail_read *r)
{
    struct door_find f = {.dir = t_sub,
                          .key = t_key,
                          .keys = keys,
                          .lo = a->lo,
                          .hi = a->hi,
                          .most = a->most,
                          .fn = tell,
                          .arg = t};
    for (const char *p = a->letters; *p; p++)
        f.wanted[f.n_wanted++] = door_index_hash(STR("letter"), (struct str){p, 1});
    *r = (struct door_trail_read){.dir = t_sub, .key = t_key, .below = a->below};
    return door_trail_find(r, &f);
}

/* Those told may be more than asked for where several letters are: of the rarest. */
static bool has(uint64_t seq, const char *letters, bool all)
{
    bool each = true, one = !*letters;
    for (const char *p = letters; *p; p++) {
        bool here = strchr(wrote[seq].text, *p) != NULL;
        each = each && here;
        one = one || here;
    }
    return all ? each : one;
}

static void same(const struct asked *a)
{
    static struct told t;
    struct door_trail_read r;
    size_t i = 0;
    t = (struct told){.n = 0};
    assert_ok(find(a, &t, &r));
    for (uint64_t s = records; s > 0; s--) {
        bool there =
            wrote[s].at >= a->lo && wrote[s].at <= a->hi && (!a->below || s < a->below);
        if (i < t.n && t.seq[i] == s) {
            assert_true(there && has(s, a->letters, false));
            i++;
        } else {
            assert_false(there && has(s, a->letters, true));
        }
    }
    assert_int_equal(i, t.n);
}

static void same_at_random(int times)
{
    while (times--) {
        char letters[4] = "";
        struct asked a = {letters, INT64_MIN, INT64_MAX, 0, 0};
        for (unsigned i = 0, n = pick(3); i < n; i++)
            letters[i] = (char)('a' + pick(NAMES + 1));
        if (pick(2))
            a.lo = (int64_t)pick((unsigned)records);
        if (pick(2))
            a.hi = a.lo > 0 ? a.lo + pick(100) : (int64_t)pick((unsigned)records);
        if (pick(2))
            a.below = 1 + pick((unsigned)records);
        same(&a);
    }
}

static const struct asked any = {"", INT64_MIN, INT64_MAX, 0, 0};

static void what_is_found_is_what_is_there(void **state)
{
    struct door_trail *t;
    (void)state;
    records = 0;
    t = t_open(3000);
    same(&any); /* nothing at all */
    for (int i = 0; i < 10; i++) {
        write_some(t, 1 + pick(50));
        same_at_random(12);
        if (i == 5) {
            door_trail_close(t);
            t = t_open(3000);
        }
    }
    door_trail_close(t);
    same(&any);
}

/* ---- indexes that were damaged ---- */
static void index_name(uint64_t first, char path[PATH_MAX + 64])
{
    snprintf(path, PATH_MAX + 64, "%s/%016llx.index", t_sub, (unsigned long long)first);
}

static struct door_trail_files files_now(void)
{
    struct door_trail_files f;
    assert_ok(door_trail_list(t_sub, &f));
    return f;
}

static void change(const char *path, off_t at, int how)
{
    uint8_t c;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= (uint8_t)how;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void an_index_can_go_or_be_changed_in_any_byte(void **state)
{
    struct door_trail *t;
    struct door_trail_files f;
    char path[PATH_MAX + 64], other[PATH_MAX + 64];
    struct stat s;
    (void)state;
    records = 0;
    t = t_open(3000);
    write_some(t, 200);
    door_trail_close(t);
    same(&any);
    f = files_now();
    assert_true(f.first.n > 3);
    index_name(f.first.v[1], path);
    index_name(f.first.v[2], other);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    opened = 0;
    same(&any);
    assert_true(opened < 60); /* of the newest file alone */
    for (off_t at = 0; at < s.st_size; at += 41) {
        opened = 0;
        change(path, at, 0x10);
        same(&any);
        assert_true(opened > 20); /* it was made anew */
    }
    assert_int_equal(unlink(path), 0);
    same_at_random(5);
    assert_int_equal(truncate(path, 100), 0);
    same_at_random(5);
    assert_int_equal(rename(other, path), 0); /* another's */
    same_at_random(5);
    vec_release(&f.first);
}

/* An index of the first n records of a file, as one that was made when it had no more. */
static void index_of_first(uint64_t first, size_t n)
{
    const struct door_find f = {.dir = t_sub, .key = t_key, .keys = keys};
    struct door_index x = {.first = first};
    char path[PATH_MAX + 64], name[DOOR_TRAIL_NAME], *text = NULL;
    struct door_trail_raw raw;
    struct door_chain c, whole;
    struct str left;
    size_t size;
    door_trail_name(first, name);
    snprintf(path, sizeof path, "%s/%s", t_sub, name);
    assert_ok(am_file_read(path, 1 << 20, &text, &size));
    assert_ok(door_trail_head_read((struct str){text, size}, &c));
    left = str_sub((struct str){text, size}, DOOR_TRAIL_HEAD, size);
    whole = c;
    for (size_t i = 0; i < n; i++)
        assert_ok(door_trail_next(&left, &whole, &raw));
    door_index_clear(&x);
    assert_ok(door_index_grow(
        &x, &f, str_sub((struct str){text, size}, DOOR_TRAIL_HEAD, size - left.n), &c));
    assert_int_equal(x.place.n, n);
    door_index_keep(t_sub, t_key, &x);
    door_index_release(&x);
    free(text);
}

static void an_old_index_is_brought_up(void **state)
{
    struct door_trail *t;
    struct door_trail_files f;
    (void)state;
    records = 0;
    t = t_open(3000);
    write_some(t, 100);
    door_trail_close(t);
    f = files_now();
    for (size_t i = 0; i < f.first.n; i++)
        index_of_first(f.first.v[i], 1 + i % 3);
    same(&any);
    same_at_random(30);
    opened = 0;
    same(&any);
    assert_true(opened < 30); /* and kept so, but that of the newest file */
    vec_release(&f.first);
}

/* Records that were taken back before anybody was told of them, and others in their
 * place: the index is of the file as it was. */
static void an_index_of_what_is_no_more_is_not_used(void **state)
{
    struct door_trail *t;
    struct door_trail_files f;
    (void)state;
    records = 0;
    t = t_open(3000);
    write_some(t, 100);
    door_trail_close(t);
    same(&any);
    f = files_now();
    for (size_t i = 0; i < f.first.n; i++) {
        char path[PATH_MAX + 64], name[DOOR_TRAIL_NAME];
        door_trail_name(f.first.v[i], name);
        snprintf(path, sizeof path, "%s/%s", t_sub, name);
        assert_int_equal(unlink(path), 0);
    }
    records = 0;
    t = t_open(1 << 20); /* one file, larger than the first was */
    write_some(t, 100);
    door_trail_close(t);
    same(&any);
    same_at_random(5);
    vec_release(&f.first);
}

/* ---- records that were changed ---- */
static void a_changed_record_is_told_by_nobody(void **state)
{
    struct door_trail *t;
    struct door_trail_files f;
    struct told told = {.n = 0};
    struct door_trail_read r;
    char path[PATH_MAX + 64], name[DOOR_TRAIL_NAME], index[PATH_MAX + 64];
    struct stat s;
    (void)state;
    records = 0;
    t = t_open(1500);
    write_some(t, 60);
    door_trail_close(t);
    same(&any);
    f = files_now();
    door_trail_name(f.first.v[1], name);
    snprintf(path, sizeof path, "%s/%s", t_sub, name);
    index_name(f.first.v[1], index);
    assert_int_equal(stat(path, &s), 0);
    for (off_t at = 0; at < s.st_size; at += 7) {
        change(path, at, 1);
        told.n = 0;
        /* the zeros of the head say nothing */
        if (at < 14 || (at >= 16 && at < 56) || at >= DOOR_TRAIL_HEAD)
            assert_int_equal(find(&any, &told, &r), AM_E_TAMPERED);
        if (pick(2))
            unlink(index); /* nor does another index help */
        told.n = 0;
        if (at >= DOOR_TRAIL_HEAD)
            assert_int_equal(find(&any, &told, &r), AM_E_TAMPERED);
        change(path, at, 1);
        told.n = 0;
        assert_ok(find(&any, &told, &r)); /* its index is there again */
    }
    same(&any);
    assert_int_equal(unlink(path), 0); /* a file that is missing */
    told.n = 0;
    assert_int_equal(find(&any, &told, &r), AM_E_TAMPERED);
    vec_release(&f.first);
}

static void a_page_ends_where_its_work_does(void **state)
{
    struct door_trail *t;
    struct told told = {.n = 0};
    struct door_trail_read r;
    struct asked some = {"", INT64_MIN, INT64_MAX, 0, 3};
    size_t all = 0;
    int pages = 0;
    (void)state;
    records = 0;
    t = t_open(1000);
    write_some(t, 150);
    door_trail_close(t);
    same(&any);
    do {
        told = (struct told){.n = 0};
        assert_ok(find(&some, &told, &r));
        for (size_t i = 0; i < told.n; i++)
            assert_int_equal(told.seq[i], records - all - i);
        all += told.n;
        some.below = r.more ? r.first : 0;
        pages++;
    } while (r.more);
    assert_int_equal(all, records);
    assert_true(pages > 2);
    told = (struct told){.stop = 4};
    assert_ok(find(&any, &told, &r));
    assert_int_equal(told.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_found_is_what_is_there, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(an_index_can_go_or_be_changed_in_any_byte,
                                        t_setup, t_teardown),
        cmocka_unit_test_setup_teardown(an_old_index_is_brought_up, t_setup, t_teardown),
        cmocka_unit_test_setup_teardown(an_index_of_what_is_no_more_is_not_used, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(a_changed_record_is_told_by_nobody, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(a_page_ends_where_its_work_does, t_setup,
                                        t_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
