#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual is the program: every synopsis under doc/man is what the command prints for -h, byte for byte; every
# setting it documents is one the program has; exit codes are those promised. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
man=$root/doc/man
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/why"
# The first code block below "## SYNOPSIS".
synopsis() { # synopsis PAGE
    awk '/^## /{inside = $0 == "## SYNOPSIS"} inside && /^```/{if (code) exit; code = 1; next} inside && code' "$1"
}
exits() { # exits STATUS NAME ARGS...: the exit status, and talk on stderr only when it is not 0
    want=$1 name=$2
    shift 2
    "$amane" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    echo "exit status $got, expected $want" >"$dir/why"
    if [ "$want" = 0 ]; then
        [ $got = 0 ] && [ -s "$dir/out" ] && [ ! -s "$dir/err" ]
    else
        [ $got = "$want" ] && [ ! -s "$dir/out" ] && [ -s "$dir/err" ]
    fi
    report $? "$name"
}

nouns=$(sed -n 's/^    X(\([a-z]*\), ".*/\1/p' "$root/cmd/cmd_tbl.h")
[ "$(echo "$nouns" | wc -w)" -ge 12 ]
report $? 'the table of commands is read'

exits 0 'amane --help exits 0' --help
cp "$dir/out" "$dir/help"
synopsis "$man/amane.1.md" | diff - "$dir/help" >"$dir/why"
report $? 'the synopsis of amane(1) is amane --help'
exits 0 'amane -h exits 0' -h
cmp -s "$dir/out" "$dir/help"
report $? 'amane -h and amane --help are the same'
for noun in $nouns; do
    grep -q "^  $noun  *[a-z]" "$dir/help"
    report $? "amane --help lists $noun"
    exits 0 "amane $noun -h exits 0" "$noun" -h
    if [ -f "$man/amane-$noun.1.md" ]; then
        synopsis "$man/amane-$noun.1.md" | diff - "$dir/out" >"$dir/why"
    else
        echo "doc/man/amane-$noun.1.md is missing" >"$dir/why"
        false
    fi
    report $? "the synopsis of amane-$noun(1) is amane $noun -h"
    help=$(sed -n "s/^    X($noun, \"\(.*\)\").*/\1/p" "$root/cmd/cmd_tbl.h")
    grep -qxF "amane $noun - $help" "$man/amane-$noun.1.md"
    report $? "amane-$noun(1) gives the line of the table as its name"
    exits 2 "amane $noun --no-such-option is a usage error" "$noun" --no-such-option
done
for page in "$man"/*.md; do
    noun=$(basename "$page" .1.md)
    noun=${noun#amane}
    noun=${noun#-}
    [ -z "$noun" ] || echo "$nouns" | grep -qx "$noun" || echo "$page: no such command" >>"$dir/why"
    for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS'; do
        grep -qx "## $section" "$page" || echo "$page: no section $section" >>"$dir/why"
    done
done
[ ! -s "$dir/why" ]
report $? 'every page is about a command and has its sections'

exits 2 'no argument is a usage error'
exits 2 'an unknown command is a usage error' no-such-command
exits 0 'amane --version exits 0' --version
grep -qx 'amane [0-9][0-9.]*' "$dir/out"
report $? 'amane --version says the version'

exits 0 'amane conf explain --json exits 0' conf explain --json
jq -r '.[] | "- `\(.key)` (\(.server), \(.kind)\(if has("lowest") then ", \(.lowest) to \(.highest)" else "" end), default \(
    if .default == "" then "empty" else "`\(.default)`" end)): \(.help)."' "$dir/out" >"$dir/keys"
grep '^- `' "$man/amane-conf.1.md" | diff - "$dir/keys" >"$dir/why"
report $? 'amane-conf(1) documents exactly the settings there are, with their defaults and bounds'
report_end
