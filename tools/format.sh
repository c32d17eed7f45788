#!/bin/sh
# Formats the C sources in place, or with --check only tells which differ (1 if any).
# One version of clang-format everywhere, the one that Debian 12 and 13 both have: two versions disagree.
cd "$(dirname "$0")/.." || exit 3
tool=clang-format-19
command -v $tool >/dev/null 2>&1 || { echo "$tool is missing: run tools/setup.sh" >&2; exit 3; }
files=$(find src cmd bench -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
bad=0
for f in $files; do
    if [ "${1:-}" = --check ]; then
        $tool "$f" | cmp -s - "$f" || { echo "$f is not formatted: make format"; bad=1; }
    else
        $tool -i "$f"
    fi
done
exit $bad
