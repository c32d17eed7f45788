#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What intervals promise, by simulation: 200 runs here (the unit test does 2,000), AMANE_TEST_COVERAGE=20000 in make soak. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
program=$(dirname "${AMANE:-$root/build/amane}")/stat_coverage_test
log=$(mktemp) || exit 3
trap 'rm -f "$log"' EXIT
AMANE_TEST_COVERAGE=${AMANE_TEST_COVERAGE:-200} CMOCKA_MESSAGE_OUTPUT=STDOUT "$program" >"$log" 2>&1
code=$?
sed -n 's/^coverage /# /p' "$log"
if [ $code = 0 ] && [ "$(grep -c '^coverage ' "$log")" = 16 ]; then
    echo 'ok 1 - sixteen intervals hold what they promise'
else
    sed 's/^/# /' "$log" | tail -n 20
    echo 'not ok 1 - sixteen intervals hold what they promise'
fi
echo 1..1
exit $code
