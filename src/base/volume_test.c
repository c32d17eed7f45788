/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/volume.h"

/* A machine: its mounts and its devices, in a folder. */
static char root[] = "/tmp/amane-volume-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[512], *slash;
    snprintf(path, sizeof path, "%s%s", root, name);
    slash = strrchr(path, '/');
    *slash = 0;
    assert_ok(am_dir_make(path, 0700));
    *slash = '/';
    assert_ok(am_file_write(path, str_c(text), 0600));
}

static void make(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, name);
    assert_ok(am_dir_make(path, 0700));
}

static void point(const char *to, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, name);
    *strrchr(path, '/') = 0;
    assert_ok(am_dir_make(path, 0700));
    path[strlen(path)] = '/';
    unlink(path);
    assert_int_equal(symlink(to, path), 0);
}

static bool seen(const char *path)
{
    bool is = false;
    make(path);
    assert_ok(am_volume_encrypted(path, root, &is));
    return is;
}

static int begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    put("/proc/self/mountinfo",
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 253:0 / /srv rw shared:2 master:3 - ext4 /dev/mapper/luks rw\n"
        "31 22 253:2 / /lvm rw - xfs /dev/mapper/vg-lv rw\n"
        "32 22 253:3 / /mixed rw - xfs /dev/mapper/vg-mixed rw\n"
        "41 22 253:4 / /mixed2 rw - xfs /dev/mapper/vg-mixed2 rw\n"
        "33 22 259:1 / /part rw - ext4 /dev/md0p1 rw\n"
        "34 22 7:0 / /loop rw - ext4 /dev/loop0 rw\n"
        "35 22 7:1 / /loop2 rw - ext4 /dev/loop1 rw\n"
        "36 22 0:40 / /zfs rw - zfs tank/data rw\n"
        "37 22 0:41 / /mnt/with\\040blank rw - ecryptfs /home/.p rw\n"
        "38 22 253:0 / /over rw - ext4 /dev/mapper/luks rw\n"
        "39 22 8:1 / /over rw - ext4 /dev/sda1 rw\n"
        "42 22 253:5 / /integrity rw - ext4 /dev/mapper/dif rw\n"
        "43 22 253:6 / /verity rw - ext4 /dev/mapper/verity rw\n"
        "44 22 253:7 / /checked rw - ext4 /dev/mapper/checked rw\n"
        "40 22 253:9 / /turn rw - ext4 /dev/mapper/turn rw\n");
    put("/sys/devices/sda/dev", "8:0\n");
    put("/sys/devices/sda/sda1/partition", "1\n");
    put("/sys/devices/dm-0/dm/uuid", "CRYPT-LUKS2-9f2e-luks\n");
    put("/sys/devices/dm-2/dm/uuid", "LVM-abc\n");
    put("/sys/devices/dm-3/dm/uuid", "LVM-def\n");
    put("/sys/devices/dm-9/dm/uuid", "LVM-turn\n");
    put("/sys/devices/md0/md0p1/partition", "1\n");
    put("/sys/devices/dm-5/dm/uuid", "CRYPT-INTEGRITY-9f2e-dif\n");
    put("/sys/devices/dm-6/dm/uuid", "CRYPT-VERITY-9f2e-verity\n");
    put("/sys/devices/dm-7/dm/uuid", "CRYPT-INTEGRITY-9f2f-checked\n");
    point("../../sda/sda1", "/sys/devices/dm-5/slaves/sda1");
    point("../../sda/sda1", "/sys/devices/dm-6/slaves/sda1");
    point("../../dm-0", "/sys/devices/dm-7/slaves/dm-0");
    point("../../devices/dm-5", "/sys/dev/block/253:5");
    point("../../devices/dm-6", "/sys/dev/block/253:6");
    point("../../devices/dm-7", "/sys/dev/block/253:7");
    point("../../dm-0", "/sys/devices/dm-2/slaves/dm-0");
    point("../../dm-0", "/sys/devices/dm-3/slaves/dm-0");
    point("../../sda/sda1", "/sys/devices/dm-3/slaves/sda1");
    put("/sys/devices/dm-4/dm/uuid", "LVM-ghi\n"); /* read in the other order */
    point("../../dm-0", "/sys/devices/dm-4/slaves/sda1");
    point("../../sda/sda1", "/sys/devices/dm-4/slaves/dm-0");
    point("../../dm-0", "/sys/devices/md0/slaves/dm-0");
    point("../../dm-9", "/sys/devices/dm-9/slaves/dm-9");
    put("/sys/devices/loop0/loop/backing_file", "/srv/disk.img\n");
    put("/sys/devices/loop1/loop/backing_file", "/plain.img\n");
    point("../../devices/sda/sda1", "/sys/dev/block/8:1");
    point("../../devices/dm-0", "/sys/dev/block/253:0");
    point("../../devices/dm-2", "/sys/dev/block/253:2");
    point("../../devices/dm-3", "/sys/dev/block/253:3");
    point("../../devices/dm-4", "/sys/dev/block/253:4");
    point("../../devices/dm-9", "/sys/dev/block/253:9");
    point("../../devices/md0/md0p1", "/sys/dev/block/259:1");
    point("../../devices/loop0", "/sys/dev/block/7:0");
    point("../../devices/loop1", "/sys/dev/block/7:1");
    return 0;
}

static int t_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return nftw(root, t_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void dm_crypt_is_seen_below_a_folder(void **state)
{
    (void)state;
    assert_true(seen("/srv"));
    assert_true(seen("/srv/amane/data"));
    assert_true(seen("/lvm/data"));
    assert_true(seen("/part"));
    assert_true(seen("/loop/data"));
    assert_true(seen("/mnt/with blank/data"));
    assert_true(seen("/checked")); /* dm-integrity above dm-crypt */
}

static void what_is_not_encrypted_throughout_is_not_seen(void **state)
{
    (void)state;
    assert_false(seen("/var/lib/amane"));
    assert_false(seen("/srvother")); /* beside the mount point, not below it */
    assert_false(seen("/mixed"));
    assert_false(seen("/mixed2"));
    assert_false(seen("/loop2"));
    assert_false(seen("/zfs/data"));
    assert_false(seen("/integrity"));
    assert_false(seen("/verity"));
    assert_false(seen("/over/data")); /* the later mount hides the encrypted one */
    assert_false(seen("/turn"));      /* devices that go round in a circle */
}

static void links_are_followed_to_where_the_data_lies(void **state)
{
    bool is = true;
    (void)state;
    make("/srv/a");
    make("/plain");
    point("../srv/a", "/plain/data");
    assert_ok(am_volume_encrypted("/plain/data", root, &is));
    assert_true(is);
    assert_int_equal(am_volume_encrypted("/nowhere", root, &is), AM_E_NOTFOUND);
    assert_false(is);
}

static void this_machine_answers(void **state)
{
    bool is;
    (void)state;
    assert_ok(am_volume_encrypted("/tmp", "", &is));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dm_crypt_is_seen_below_a_folder),
        cmocka_unit_test(what_is_not_encrypted_throughout_is_not_seen),
        cmocka_unit_test(links_are_followed_to_where_the_data_lies),
        cmocka_unit_test(this_machine_answers),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
