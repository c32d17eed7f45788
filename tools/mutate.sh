#!/bin/sh
# Breaks the code on purpose and expects the tests to notice: mutate.sh [-n MUTANTS] [-s SEED] MODULE...|all|today
# 'today' is one module, another one each day. What it does and the pass mark: tools/mutate.py.
cd "$(dirname "$0")/.." || exit 3
exec /usr/bin/python3 tools/mutate.py "$@"
