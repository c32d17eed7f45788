#!/bin/sh
# No package registry is named in a tracked file: apt, npm and go know theirs. check_hosts.sh [ROOT]
# The patterns are put together here so that this file does not name one either.
cd "${1:-$(dirname "$0")/..}" || exit 3
dot='\.'
pattern="(registry|www)${dot}np[m]js${dot}|registry${dot}yarn[p]kg|[n]pmmirror${dot}"
pattern="$pattern|de[b]${dot}debian${dot}|(security|snapshot|ftp[.a-z]*)${dot}de[b]ian${dot}org"
pattern="$pattern|py[p]i${dot}(org|python)|file[s]${dot}pythonhosted|prox[y]${dot}golang|su[m]${dot}golang"
pattern="$pattern|(static|index)?${dot}?crate[s]${dot}io|de[b]${dot}nodesource|rubygem[s]${dot}org|[r]epo1?${dot}maven"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    files=$(git ls-files)
else
    files=$(find . -type f -not -path './build*' -not -path './.deps/*' -not -path './.git/*')
fi
# shellcheck disable=SC2086 # file names of this tree have no spaces
found=$(grep -nIE "$pattern" $files 2>/dev/null)
[ -z "$found" ] || { echo "$found"; echo "a package registry is named above"; exit 1; }
