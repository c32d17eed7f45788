#!/bin/sh
# A demo's log, checked by tools that share no code with it: Go's sumdb packages (checkpoint, cosignatures,
# quorum, root from tiles and from entries, inclusion, consistency) and openssl (every statement's signature).
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
"$AMANE" demo --data "$work/demo" --made >"$work/out" 2>&1
report $? "a demo leaves its log"
genesis=$(sed -n 's/.*"genesis": *"\([0-9a-f]*\)".*/\1/p' "$work/demo/world.json")
copy=$work/demo/copy
/usr/bin/python3 "$root/test/support/stranger.py" "$copy" "$genesis" policy >"$work/policy"
report $? "the quorum is read from the pinned genesis alone"
/usr/bin/python3 "$root/test/support/stranger.py" "$copy" "$genesis" signatures >"$work/signatures" 2>&1
report $? "openssl accepts every statement: $(cat "$work/signatures")"
# The log as a portable folder, from the registry's own and from a node's.
for from in registry n01; do
    "$AMANE" log export "$work/demo/$from" "$work/out-$from" --genesis "$genesis" >"$work/said" 2>&1 &&
        "$AMANE" log verify "$work/out-$from" --genesis "$genesis" >/dev/null 2>&1 &&
        [ "$(cat "$work/out-$from/genesis")" = "$genesis" ]
    report $? "log export of $from, and log verify accepts it: $(head -n 1 "$work/said")"
done
/usr/bin/python3 "$root/test/support/stranger.py" "$work/out-registry" "$genesis" policy | cmp -s - "$work/out-registry/keys/quorum"
report $? "its quorum file is the one a stranger reads from the genesis"
/usr/bin/python3 "$root/test/peers/fold.py" "$work/out-registry" "$AMANE" >"$work/fold" 2>&1
report $? "$(sed -n 's/^[a-z ]*ok 1 - //p' "$work/fold")"
# Two entries change places in the bundle of the newest size: what follows is another country.
cp -r "$work/out-registry" "$work/swapped"
/usr/bin/python3 - "$work/swapped/log" <<'PY'
import glob, struct, sys
for p in glob.glob(sys.argv[1] + "/tile/entries/**", recursive=True):
    try:
        data = open(p, "rb").read()
    except IsADirectoryError:
        continue
    parts, at = [], 0
    while at < len(data):
        n = 2 + struct.unpack(">H", data[at:at + 2])[0]
        parts.append(data[at:at + n])
        at += n
    parts[-1], parts[-2] = parts[-2], parts[-1]
    open(p, "wb").write(b"".join(parts))
PY
/usr/bin/python3 "$root/test/peers/fold.py" "$work/swapped" "$AMANE" >"$work/fold" 2>&1
[ $? = 1 ] && grep -q "do not give the root" "$work/fold"
report $? "the second fold refuses a log with two entries swapped"
"$AMANE" log state "$work/swapped" >"$work/fold" 2>&1
[ $? = 1 ]
report $? "and log state tells no state of it: $(head -n 1 "$work/fold")"
"$AMANE" log export "$work/demo/registry" "$work/out-public" --public >"$work/said" 2>&1 &&
    "$AMANE" log verify "$work/out-public" --public >/dev/null 2>&1
report $? "without what is not for everybody: $(head -n 1 "$work/said")"
"$AMANE" log export "$work/demo/registry" "$work/out-public" >/dev/null 2>&1
[ $? != 0 ]
report $? "a folder that is there is not written into"
"$AMANE" log export "$work/demo/registry" "$work/out-other" --genesis "$(printf '%064d' 0)" >/dev/null 2>&1
[ $? = 1 ] && [ ! -e "$work/out-other" ]
report $? "another genesis: nothing is exported"
cp -r "$work/out-registry" "$work/spoilt"
f=$(ls "$work/spoilt/log/tile/entries/"* -d | head -n 1)
[ -d "$f" ] && f=$f/$(ls "$f" | head -n 1)
/usr/bin/python3 -c 'import sys; p = sys.argv[1]; b = bytearray(open(p, "rb").read()); b[700] ^= 1; open(p, "wb").write(b)' "$f"
"$AMANE" log export "$work/spoilt" "$work/out-spoilt" >/dev/null 2>&1
[ $? = 1 ] && [ ! -e "$work/out-spoilt" ]
report $? "a log that does not hold is not passed on"
if command -v go >/dev/null 2>&1 && [ -d /usr/share/gocode/src/golang.org/x/mod ]; then
    export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE="${GOCACHE:-$HOME/.cache/go-build}"
    (cd "$root/test/go/verify" && go build -o "$work/verify" .) >"$work/go" 2>&1
    report $? "the Go verifier builds"
    "$work/verify" "$copy/log" "$work/policy" >"$work/go" 2>&1
    report $? "Go accepts the log: $(tail -n 1 "$work/go")"
    "$work/verify" "$work/out-registry/log" "$work/out-registry/keys/quorum" >"$work/go" 2>&1
    report $? "and the exported folder, with the quorum file in it: $(tail -n 1 "$work/go")"
    cp -r "$copy" "$work/bad"
    # The bundle the checkpoint covers: the copy was taken from a live mirror and may hold a newer one.
    size=$(sed -n 2p "$work/bad/log/checkpoint")
    f=$work/bad/log/tile/entries/000.p/$size
    /usr/bin/python3 -c 'import sys; p = sys.argv[1]; b = bytearray(open(p, "rb").read()); b[700] ^= 1; open(p, "wb").write(b)' "$f"
    report $? "a byte is flipped in the bundle of $size entries"
    "$work/verify" "$work/bad/log" "$work/policy" >"$work/go" 2>&1
    [ $? = 1 ]
    report $? "Go refuses an altered copy: $(tail -n 1 "$work/go")"
    sed 's/^group nodes 3/group nodes 4/' "$work/policy" >"$work/four"
    if [ "$(grep -c '^— n' "$copy/log/checkpoint.cosigned")" = 3 ]; then
        "$work/verify" "$copy/log" "$work/four" >"$work/go" 2>&1
        [ $? = 1 ]
        report $? "Go refuses it under a quorum it does not have"
    fi
else
    skipped "the log read in Go" "go or golang-golang-x-mod-dev is not installed"
fi
report_end
