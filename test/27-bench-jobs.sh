#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A run of the bench interrupted and taken up again, and one done by several processes, one of them killed: the same
# measures, byte for byte, as of one process that nobody disturbed. Kills come when a drawn number of jobs is done,
# never after a delay. Results kept in the folder are altered and torn: they are done again. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
started=
end() { for pid in $started; do kill -9 "$pid" 2>/dev/null; done; }
trap 'end; rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/err-*"
made=$dir/made
# verb VERB ARGS...: on the made case (exec: $! is the program's own pid)
verb() {
    verb_=$1
    shift
    exec "$amane" bench "$verb_" --record "$made/version.json" --model "$made/model.json" --data "$made/manifest.json" "$@"
}
# what a run found, without when
found() { jq -S 'del(.bench, .evidence)' "$1/summary.json" && cat "$1/scores.csv" && for f in "$1"/evidence-*.json; do jq -S 'del(.issued_at, .bench.started, .bench.ended)' "$f"; done; }
same() { # same OUT NAME
    found "$dir/$1" >"$dir/found" 2>"$dir/err-found" && cmp "$dir/whole" "$dir/found" >"$dir/err-cmp" 2>&1
    report $? "$2"
}
# kept DIR: results there
kept() { find "$1" -name '*.json' 2>/dev/null | wc -l; }
# kill_at COUNT DIR PID: -9 once so many results are kept, or the process has ended by itself
kill_at() {
    while kill -0 "$3" 2>/dev/null && [ "$(kept "$2")" -lt "$1" ]; do sleep 0.02; done
    kill -9 "$3" 2>/dev/null
    wait "$3" 2>/dev/null
}

/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$made" >"$dir/err-make" 2>&1
(verb run --jobs 1 --out "$dir/one") 2>"$dir/err-one"
report $? 'one process, one thread'
found "$dir/one" >"$dir/whole" 2>"$dir/err-found"
[ ! -e "$dir/one/jobs" ]
report $? 'what would have spared doing it again is gone with it'
(verb run --jobs 3 --out "$dir/three") 2>"$dir/err-three"
same three 'three threads find the same bytes'

seed=20261127
for _ in 1 2 3; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    at=$((seed / 65536 % 20 + 1))
    verb run --jobs 2 --out "$dir/cut" 2>"$dir/err-cut" &
    started="$started $!"
    kill_at "$at" "$dir/cut/jobs" $!
done
[ "$(kept "$dir/cut/jobs")" -ge 1 ] && [ ! -e "$dir/cut/summary.json" ]
report $? 'killed three times, it has results of jobs and no summary'
# one result altered, one torn
f=$(find "$dir/cut/jobs" -name '*.json' | sort | head -n 1)
sed 's/"measures"/"measureS"/' "$f" >"$dir/altered" && cp "$dir/altered" "$f"
f=$(find "$dir/cut/jobs" -name '*.json' | sort | tail -n 1)
head -c 40 "$f" >"$dir/torn" && cp "$dir/torn" "$f"
(verb run --jobs 2 --out "$dir/cut") 2>"$dir/err-cut"
report $? 'it is taken up again'
same cut 'and ends with the same bytes, an altered and a torn result done again'

# a run and workers share a folder; one worker dies midway, another has another seed
q=$dir/queue
verb work --jobs 1 --queue "$q" 2>"$dir/err-dies" &
dies=$!
verb work --jobs 1 --queue "$q" 2>"$dir/err-works" &
works=$!
started="$started $dies $works"
kill_at 3 "$q" $dies
verb run --jobs 1 --queue "$q" --out "$dir/many" 2>"$dir/err-many" &
runs=$!
started="$started $runs"
wait $runs
report $? 'a run with workers beside it, one killed midway'
wait $works
report $? 'the other worker ends when all is done'
same many 'they find the same bytes'
(verb work --seed 2 --jobs 2 --queue "$q") 2>"$dir/err-other"
report $? 'a worker of another seed does jobs of its own'
(verb run --jobs 1 --queue "$q" --out "$dir/again") 2>"$dir/err-again"
same again 'and what it left is nobody else'"'"'s'

LC_ALL=fr_FR.UTF-8 "$amane" bench work --record "$made/version.json" --model "$made/model.json" --data "$made/manifest.json" --queue "$dir/fr" 2>"$dir/err-fr"
grep -q '^bench: lecture des données$' "$dir/err-fr" && grep -q '^bench: .*%.*·.*[A-Za-z]' "$dir/err-fr"
report $? 'how far it is, in the language of LANG'
(verb work --queue "$dir/q2" --jobs 0) 2>"$dir/err-usage"
[ $? = 2 ]
report $? 'no thread at all is a mistake of usage'
report_end
