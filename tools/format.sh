#!/bin/sh
# Formats the C sources in place, or with --check only tells which differ (1 if any).
# One version of clang-format everywhere, the one that Debian 12 and 13 both have: two versions disagree.
cd "$(dirname "$0")/.." || exit 3
tool=clang-format-19
command -v $tool >/dev/null 2>&1 || { echo "$tool is missing: run tools/setup.sh" >&2; exit 3; }
files() { find src cmd bench -name '*.[ch]' 2>/dev/null | LC_ALL=C sort; }
if [ "${1:-}" = --check ]; then
    # Many files a process, two processes at a time: one file a process took minutes on a busy machine.
    said=$(files | xargs -P 2 -n 60 $tool --dry-run -Werror --ferror-limit=1 2>&1) && exit 0
    bad=$(echo "$said" | sed -n 's/^\([^:]*\):[0-9].*-Wclang-format-violations.*/\1/p' | sort -u)
    [ -n "$bad" ] || { echo "$said"; exit 1; }
    echo "$bad" | sed 's/$/ is not formatted: make format/'
    exit 1
fi
files | xargs -P 2 -n 60 $tool -i
