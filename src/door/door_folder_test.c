/* SPDX-License-Identifier: Apache-2.0 */
/* What root opens in a folder of the service, which the service may have made a trap. */
#include "door/door_trail_test.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "door/door.h"
#include "door/trail.h"

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

enum { SERVICE = 12345 };

static const char *in(const char *dir, const char *name)
{
    static char path[4][PATH_MAX + 64];
    static size_t i;
    char *own = path[i++ % 4];
    snprintf(own, sizeof path[0], "%s/%s", dir, name);
    return own;
}

/* The service's folder of the record, and beside it what is root's. */
static void folders(void)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(t_dir, SERVICE, SERVICE), 0);
    assert_int_equal(mkdir(t_sub, 0700), 0);
    assert_int_equal(chown(t_sub, SERVICE, SERVICE), 0);
}

static unsigned owner(const char *path)
{
    struct stat s;
    assert_int_equal(lstat(path, &s), 0);
    return s.st_uid;
}

static int try_trail(void)
{
    struct door_trail_config c = {.dir = t_sub, .wait_ms = 30};
    struct door_trail *t = NULL;
    int err = door_trail_open(&t, &c);
    door_trail_close(t);
    return err;
}

static int try_door(void)
{
    struct door *d = NULL;
    int err = door_new(&d, &(struct door_config){.dir = t_dir});
    door_free(d);
    return err;
}

static void what_is_roots_stays_roots(void **state)
{
    char victim[] = "/tmp/amane-root-XXXXXX";
    int fd = mkstemp(victim);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    folders();
    assert_int_equal(symlink(victim, in(t_sub, "lock")), 0);
    assert_int_equal(try_trail(), AM_E_FORBIDDEN);
    assert_int_equal(try_door(), AM_E_FORBIDDEN);
    assert_int_equal(owner(victim), 0);
    assert_int_equal(unlink(in(t_sub, "lock")), 0);
    if (!link(victim, in(t_sub, "lock"))) { /* the same disk */
        assert_int_equal(try_trail(), AM_E_FORBIDDEN);
        assert_int_equal(try_door(), AM_E_FORBIDDEN);
        assert_int_equal(owner(victim), 0);
        assert_int_equal(unlink(in(t_sub, "lock")), 0);
    }
    /* moved there: it holds something */
    assert_ok(am_file_write(in(t_sub, "lock"), STR("secret"), 0600));
    assert_ok(try_trail());
    assert_int_equal(owner(in(t_sub, "lock")), 0);
    unlink(victim);
}

static void nor_does_root_write_behind_a_link(void **state)
{
    char away[] = "/tmp/amane-root-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(away));
    folders();
    assert_int_equal(symlink(away, in(t_dir, "keys")), 0);
    assert_int_equal(try_door(), AM_E_FORBIDDEN);
    assert_int_equal(rmdir(away), 0); /* nothing was made there */
    assert_int_equal(mkdir(away, 0700), 0);
    assert_int_equal(unlink(in(t_dir, "keys")), 0);
    assert_int_equal(unlink(in(t_sub, "lock")), 0);
    assert_int_equal(rmdir(t_sub), 0);
    assert_int_equal(symlink(away, t_sub), 0);
    assert_int_equal(try_door(), AM_E_FORBIDDEN);
    assert_int_equal(try_trail(), AM_E_FORBIDDEN);
    assert_int_equal(owner(away), 0);
    assert_int_equal(rmdir(away), 0);
    assert_int_equal(unlink(t_sub), 0);
}

static void what_root_makes_for_the_service_is_its_own(void **state)
{
    char name[DOOR_TRAIL_NAME];
    (void)state;
    folders();
    assert_int_equal(rmdir(t_sub), 0);
    assert_ok(try_door());
    door_trail_name(1, name);
    assert_int_equal(owner(t_sub), SERVICE);
    assert_int_equal(owner(in(t_sub, "lock")), SERVICE);
    assert_int_equal(owner(in(t_sub, name)), SERVICE);
    assert_int_equal(owner(in(t_dir, "keys")), SERVICE);
    assert_int_equal(owner(in(t_dir, "keys/access.key")), SERVICE);
    assert_ok(try_door()); /* with that key */
    /* root died before it gave it */
    assert_int_equal(chown(in(t_sub, "lock"), 0, 0), 0);
    assert_ok(try_trail());
    assert_int_equal(owner(in(t_sub, "lock")), SERVICE);
    assert_int_equal(unlink(in(t_dir, "keys/access.key")), 0);
    assert_int_equal(rmdir(in(t_dir, "keys")), 0);
}

/* Who holds a lock that nobody finds any more holds nothing. */
static void a_lock_that_was_replaced_is_opened_anew(void **state)
{
    struct door_trail_config c = {.dir = t_sub, .wait_ms = 30};
    struct door_trail *t = NULL;
    int other;
    (void)state;
    assert_ok(door_trail_open(&t, &c));
    assert_ok(door_trail_add(t, 1, STR("{}")));
    assert_int_equal(unlink(in(t_sub, "lock")), 0);
    other = open(in(t_sub, "lock"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(other, LOCK_EX), 0); /* another writer */
    assert_int_equal(door_trail_add(t, 2, STR("{}")), AM_E_UNAVAILABLE);
    close(other);
    assert_ok(door_trail_add(t, 3, STR("{}")));
    assert_int_equal(unlink(in(t_sub, "lock")), 0);
    assert_ok(door_trail_add(t, 4, STR("{}"))); /* and made when it is not there */
    assert_int_equal(access(in(t_sub, "lock"), F_OK), 0);
    door_trail_close(t);
}

static void a_stopped_holder_is_waited_for_no_longer_than_asked(void **state)
{
    int folder = -1, lock = -1, other;
    (void)state;
    assert_ok(door_folder_open(t_sub, &folder));
    other = open(in(t_sub, "lock"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_int_equal(door_folder_lock(folder, 30, &lock), AM_E_UNAVAILABLE);
    close(other);
    assert_ok(door_folder_lock(folder, 30, &lock));
    close(lock);
    close(folder);
}

TEST_MAIN(T(what_is_roots_stays_roots), T(nor_does_root_write_behind_a_link),
          T(what_root_makes_for_the_service_is_its_own),
          T(a_lock_that_was_replaced_is_opened_anew),
          T(a_stopped_holder_is_waited_for_no_longer_than_asked))
