#!/bin/sh
# The slow analysers, some 20 minutes: gcc -fanalyzer over all that is shipped (tests dereference what they
# have just asserted), then clang-tidy (.clang-tidy).
cd "$(dirname "$0")/.." || exit 3
bad=0
# Silenced: checkers of gcc 12 that do not follow ownership through out-parameters and arenas. -O1 because
# without inlining the analyser cannot see that an error means an untouched result.
quiet='-Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak -Wno-analyzer-fd-use-without-check -Wno-analyzer-use-of-uninitialized-value'
if [ ! -f build-lint/build.ninja ]; then
    meson setup build-lint . -Doptimization=1 "-Dc_args=-fanalyzer -Wlogical-op $quiet" >/dev/null || exit 3
fi
echo 'lint: gcc -fanalyzer' >&2
tools/configure.sh build-lint >/dev/null || exit 3
ninja -C build-lint -k 0 amane || bad=1
echo 'lint: clang-tidy' >&2
tools/configure.sh build >/dev/null || exit 3
ninja -C build -k 0 >/dev/null || bad=1 # the generated sources
find src cmd -name '*.c' ! -name '*_test.c' 2>/dev/null | LC_ALL=C sort |
    xargs -P 2 -n 4 clang-tidy --quiet -p build --warnings-as-errors='*' 2>/dev/null || bad=1
exit $bad
