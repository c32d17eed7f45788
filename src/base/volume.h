/* SPDX-License-Identifier: Apache-2.0 */
/* volume -- does a folder lie on an encrypted volume, as far as Linux tells?
 *
 * Yes: its file system is encrypted itself (fscrypt on the folder, eCryptfs, gocryptfs),
 * or its block device is dm-crypt (LUKS: /sys/dev/block/MAJ:MIN/dm/uuid begins with
 * CRYPT-, but neither CRYPT-INTEGRITY- nor CRYPT-VERITY-), or rests on such devices alone
 * (LVM, RAID, partitions, files by loop). Not seen is not the same as not there: of ZFS,
 * btrfs, network file systems, disks that encrypt by themselves and the host of a virtual
 * machine, Linux tells nothing here.
 *
 * Sources: proc(5), mountinfo; the kernel's ABI/stable/sysfs-block, ABI/testing/sysfs-dm;
 * ioctl FS_IOC_GET_ENCRYPTION_POLICY_EX of filesystems/fscrypt.
 *
 * Threads: any. */
#ifndef AM_VOLUME_H
#define AM_VOLUME_H

#include "base/base.h"

/* path: a folder that exists. root: "", or where tests keep a tree with /proc and /sys in
 * it. AM_OK and *seen; AM_E_NOTFOUND: no such folder; other errors of reading /proc. */
AM_CHECK int am_volume_encrypted(const char *path, const char *root, bool *seen);

#endif
