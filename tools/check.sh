#!/bin/sh
# Everything that must hold before a change is kept: what `make check` runs. Stages that wait run beside stages that compute.
# Each stage prints its result and time; the last line is "N passed, N failed"; the exit status is 1 if
# any failed. AMANE_FUZZ_SECONDS (4) and AMANE_MUTANTS (8) trade time for depth.
cd "$(dirname "$0")/.." || exit 3
passed=0
failed=0
skipped=0
stage=0
logs=$PWD/build/check
rm -rf "$logs"
mkdir -p "$logs"
start=$(date +%s)
export LC_ALL=C.UTF-8

result() { # PASSED FAILED SKIPPED NAME LOG
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    mark=ok
    [ "$2" = 0 ] || mark=FAILED
    line="$1 passed"
    [ "$2" = 0 ] || line="$line, $2 failed"
    [ "$3" = 0 ] || line="$line, $3 SKIPPED"
    printf '%-6s %-58s %s (%d s)\n' "$mark" "$4" "$line" $(($(date +%s) - t0))
}

# once NAME COMMAND... : one check, passed when the command succeeds
once() {
    name=$1
    shift
    stage=$((stage + 1))
    log=$logs/$stage.log
    t0=$(date +%s)
    if "$@" >"$log" 2>&1; then
        result 1 0 0 "$name"
    else
        tail -n 60 "$log"
        result 0 1 0 "$name"
    fi
}

# tap NAME COMMAND... : as many checks as the command prints lines of TAP; an exit status without a "not ok",
# or no line at all, is one more failure
tap() {
    name=$1
    shift
    stage=$((stage + 1))
    log=$logs/$stage.log
    t0=$(date +%s)
    "$@" >"$log" 2>"$log.err"
    judge "$name" "$log" $?
}

# judge NAME LOG STATUS : counts the lines of TAP in LOG
judge() {
    log=$2
    status=$3
    not_ok=$(grep -c '^not ok' "$log")
    skips=$(grep -ciE '^ok\b.*# *skip|^1\.\.0 *# *skip' "$log")
    oks=$(($(grep -cE '^ok\b' "$log") - $(grep -ciE '^ok\b.*# *skip' "$log")))
    plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
    if [ -n "$plan" ] && [ "$plan" != 0 ] && [ "$plan" != "$(grep -cE '^(ok|not ok)\b' "$log")" ]; then
        echo "planned $plan, saw $(grep -cE '^(ok|not ok)\b' "$log")"
        status=1
        [ "$not_ok" != 0 ] || not_ok=1
    fi
    if { [ "$status" != 0 ] || [ $((oks + skips)) = 0 ]; } && [ "$not_ok" = 0 ]; then
        echo "exit status $status"
        not_ok=1
    fi
    [ "$skips" = 0 ] || grep -iE '^ok\b.*# *skip|^1\.\.0 *# *skip' "$log" | sed 's/^/SKIP   /'
    if [ "$not_ok" != 0 ]; then
        awk '/^(ok|not ok|1\.\.)/ {show = /^not ok/} show' "$log" | head -n 100
        tail -n 40 "$log.err"
    fi
    result "$oks" "$not_ok" "$skips" "$1"
}

# Scenarios mostly wait, for servers, witnesses, browsers: one lane of them runs beside the build and the tests under ASan,
# from then on AMANE_LANES (2) at a time, each scenario with its own ports, folders and /tmp. The longest begin first, so
# that no lane ends alone on one of them. Their results are printed in the order of their names.
long="45-pages 24-verify 24-bench-report 20-bench 25-endpoint 47-regulator" # two with a browser, not at once
long_first() { # SCENARIO...: a name may come twice, a lane takes it once
    for name in $long; do
        [ ! -f "test/$name.sh" ] || echo "test/$name.sh"
    done
    printf '%s\n' "$@"
}
lane() { # SCENARIO... : takes what no other lane has; leaves NAME.log, NAME.log.err and, last, NAME.end: status, seconds
    for scenario in "$@"; do
        name=$(basename "$scenario" .sh)
        [ "$name" != 40-gallery ] || [ -f "$logs/san" ] || continue # drawn by a program of the build under ASan
        mkdir "$logs/$name.taken" 2>/dev/null || continue
        began=$(date +%s)
        AMANE="$PWD/build/amane" AMANE_SAN="$PWD/build-san/amane" \
            tools/in_memory.sh timeout --kill-after=10 "${AMANE_SCENARIO_SECONDS:-1800}" sh "$scenario" >"$logs/$name.log" 2>"$logs/$name.log.err"
        echo "$? $(($(date +%s) - began))" >"$logs/$name.new"
        mv "$logs/$name.new" "$logs/$name.end"
    done
}
lanes() { # FROM SCENARIO... : lanes FROM to AMANE_LANES; lane 1 alone begins early
    number=$1
    shift
    while [ "$number" -le "${AMANE_LANES:-2}" ]; do
        lane "$@" &
        number=$((number + 1))
    done
    wait
}
scenario_results() { # LANES' PID SCENARIO...
    lanes=$1
    shift
    for scenario in "$@"; do
        name=$(basename "$scenario" .sh)
        until [ -f "$logs/$name.end" ] || ! kill -0 "$lanes" 2>/dev/null; do sleep 0.2; done
        [ -f "$logs/$name.end" ] || sleep 1
        read -r status seconds <"$logs/$name.end" || { status=1 seconds=0; }
        t0=$(($(date +%s) - seconds))
        judge "scenario $name" "$logs/$name.log" "$status"
    done
}

# finish : the summary, also in build/check/summary
finish() {
    echo "logs in build/check; $skipped skipped; $(($(date +%s) - start)) s"
    echo "$passed passed, $failed failed" | tee "$logs/summary"
    [ "$failed" = 0 ]
    exit $?
}

build() { # FOLDER [KIND]
    tools/configure.sh "$@" >/dev/null && ninja --quiet -C "$1"
}
# The program, and every other source compiled: of three hundred test programs scenarios run two, so the rest is linked once, under ASan.
build_program() {
    tools/configure.sh build >/dev/null || return 1
    ninja -C build -t targets rule c_COMPILER | grep -v '^bench-' >"$logs/objects"
    [ -s "$logs/objects" ] && xargs ninja --quiet -C build amane http_echo stat_coverage_test ledger_sequence_test <"$logs/objects"
}
codespell_tree() {
    # shellcheck disable=SC2046 # file names of this tree have no spaces
    codespell --config .codespellrc $(git ls-files 2>/dev/null | grep -vE '^(web/i18n|fuzz/corpus|.*_test\.c$|.*_test_support\.h$|cmd/demo_report_data|src/json/json_meta|src/fhir/fhir_ucum_tbl|LICENSE|LISEZMOI|doc/fr/|doc/glossary|.*\.(ar|fr)\.)|\.(json|woff2|png|po)$')
}
# Tests are left out: they do odd things on purpose. Silenced: what cppcheck 2.10 gets wrong about hexadecimal
# doubles, out-arrays in compound literals, linked lists by pointer to pointer, and readdir on an own DIR.
cppcheck_tree() {
    tools/sources.sh | grep -E '^(src|cmd)/.*\.c$' | grep -vE '_(test|fuzz)\.c$' >"$logs/sources"
    cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j 2 --library=posix \
        --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=nullPointerRedundantCheck \
        --suppress=normalCheckLevelMaxBranches --suppress=incorrectLogicOperator --suppress=autoVariables \
        --suppress=legacyUninitvar --suppress=readdirCalled --suppress=uninitvar \
        -D_GNU_SOURCE '-DAMANE_VERSION="0"' '-DAMANE_ORT_PATH=""' -I src -I cmd --file-list="$logs/sources"
}
# In a copy of the tree, beside the scenarios: those leave the processors idle half of the time.
mutants() {
    tools/mutate.sh -n "${AMANE_MUTANTS:-8}" today >"$logs/mutants.log" 2>&1
}
mutant_result() { # PID
    wait "$1"
    status=$?
    cat "$logs/mutants.log"
    return $status
}
# One PostgreSQL cluster for the whole stage.
# Without server programs the tests say what they skip.
units() {
    rm -f build-san/meson-logs/testlog.json
    CMOCKA_MESSAGE_OUTPUT=TAP tools/in_memory.sh tools/postgres.sh with meson test -C build-san --no-rebuild --suite unit --num-processes 2 -t 3 >/dev/null
    /usr/bin/python3 tools/unit_tap.py build-san/meson-logs/testlog.json
}

once 'the program builds (gcc)' build_program
[ "$failed" = 0 ] || finish
once 'layers: includes follow the module table' tools/check_layers.sh
once 'symbols: libraries export only their prefix' tools/check_symbols.sh build
once 'banned functions are not called' tools/check_banned.sh build
once 'no package registry is named' tools/check_hosts.sh
once 'style: licence lines, sizes, READMEs' tools/check_style.sh
if command -v clang-format-19 >/dev/null 2>&1; then
    once 'clang-format' tools/format.sh --check
else
    skipped=$((skipped + 1))
    echo 'SKIP   clang-format: clang-format-19 is missing (tools/setup.sh installs it)'
fi
once 'codespell' codespell_tree
once 'cppcheck' cppcheck_tree
tap 'the guards turn red on planted violations' tools/check_guards.sh
# shellcheck disable=SC2046 # names without spaces
set -- $(long_first test/[0-9]*.sh)
lane "$@" &
early=$!
once 'everything builds under ASan and UBSan' build build-san san
: >"$logs/san"
tap 'unit tests under ASan and UBSan' units
tap 'fuzzers on their corpus' tools/fuzz.sh -t "${AMANE_FUZZ_SECONDS:-4}"
mutants &
mutants=$!
{ lanes 2 "$@"; while kill -0 $early 2>/dev/null; do sleep 1; done; lane "$@"; } & # the last: if no lane was left for one
scenario_results $! test/[0-9]*.sh
once "mutants of today's module die" mutant_result $mutants
[ -d ../shared/data ] || echo 'SKIP   ../shared/data is not there: NOTHING WAS RUN ON REAL DATA'
finish
