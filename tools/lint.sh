#!/bin/sh
# The slow analysers, a few minutes: gcc -fanalyzer, clang-tidy (.clang-tidy), pmccabe-like sizes are in check.
cd "$(dirname "$0")/.." || exit 3
bad=0
build=build-lint
if [ ! -f $build/build.ninja ]; then
    meson setup $build . -Doptimization=1 >/dev/null || exit 3
fi
tools/sources.sh | cmp -s - $build/sources.list || meson setup --reconfigure $build . >/dev/null || exit 3
tools/sources.sh >$build/sources.list
ninja -C $build >/dev/null || exit 3 # generated sources
files=$(find src cmd -name '*.c' ! -name '*_fuzz.c' ! -name '*_test.c' 2>/dev/null | LC_ALL=C sort)
flags="-std=c17 -D_GNU_SOURCE -DAMANE_VERSION=\"0\" -DAMANE_ORT_PATH=\"\" -Isrc -Icmd -O1"
flags="$flags $(pkg-config --cflags yyjson libcrypto sqlite3 libmicrohttpd libcurl libseccomp libargon2)"
echo "lint: gcc -fanalyzer" >&2
for f in $files; do
    # the two silenced checkers are known to raise false alarms on arenas and on fd ownership in gcc 12
    # shellcheck disable=SC2086 # flags are words
    echo "$f"
done | xargs -P 2 -n 4 sh -c 'f="'"$(echo "$flags" | sed 's/"/\\"/g')"'"; for s in "$@"; do
    gcc $f -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak -Wno-analyzer-use-of-uninitialized-value -Werror -c "$s" -o /dev/null || exit 1; done' _ || bad=1
echo "lint: clang-tidy" >&2
# shellcheck disable=SC2086 # names without spaces
echo $files | xargs -P 2 -n 4 clang-tidy --quiet -p $build --warnings-as-errors='*' 2>/dev/null || bad=1
exit $bad
