#!/bin/sh
# A registry that shows two histories, of one size and of two, to two halves of a country: peers prove it, the proof is
# published and checked by a program of others (Go's sumdb packages), the registry halts and stays so over kill -9
# until an operator has looked into it. On one made world.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 1 >"$work/demo.out" 2>&1; then
    echo "not ok 1 - the demo builds the world to split"
    sed 's/^/# /' "$work/demo.out"
    echo "1..1"
    exit 1
fi
checker=
if command -v go >/dev/null 2>&1 && [ -d /usr/share/gocode/src/golang.org/x/mod ]; then
    (
        export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE="${GOCACHE:-$HOME/.cache/go-build}"
        cd "$root/test/go/split" && go build -o "$work/split" .
    ) >"$work/go" 2>&1 || sed 's/^/# /' "$work/go"
    checker=$work/split
fi
/usr/bin/python3 "$root/test/support/split_views.py" "$work/world" $checker
