# SPDX-License-Identifier: Apache-2.0
"""unit_filter.py UNIT PROGRAM ARGUMENT...: runs the program under the unit's SystemCallFilter, without systemd.

The groups are systemd's own lists (systemd-analyze syscall-filter); the filter is put on by libseccomp, with the
unit's SystemCallErrorNumber (EPERM) and without new privileges, as systemd does."""
import ctypes
import os
import subprocess
import sys


def group(name):
    """The calls of @name, nested groups expanded."""
    calls = set()
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    for word in (line.strip() for line in text.split("\n")[1:]):
        if word.startswith("@"):
            calls |= group(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


allowed = set()
for line in open(sys.argv[1], encoding="utf-8"):
    if not line.startswith("SystemCallFilter="):
        continue
    words = line.strip().split("=", 1)[1]
    deny = words.startswith("~")
    for one in words.lstrip("~").split():
        calls = group(one) if one.startswith("@") else {one}
        allowed = allowed - calls if deny else allowed | calls
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
lib.seccomp_load.argtypes = [ctypes.c_void_p]
context = lib.seccomp_init(0x00050001)  # SCMP_ACT_ERRNO(EPERM)
for call in sorted(allowed):
    number = lib.seccomp_syscall_resolve_name(call.encode())
    if number >= 0:
        lib.seccomp_rule_add_array(context, 0x7FFF0000, number, 0, None)  # SCMP_ACT_ALLOW
if lib.seccomp_load(context) != 0:  # sets no_new_privs, too
    sys.exit(99)
os.execvp(sys.argv[2], sys.argv[2:])
