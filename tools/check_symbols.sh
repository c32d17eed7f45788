#!/bin/sh
# The symbol guard: check_symbols.sh BUILD. lib<mod>.a exports only <mod>_*; base speaks the common
# vocabulary and json has a writer, so they own a few prefixes.
cd "${1:?build folder}" || exit 3
bad=0
for lib in lib*.a; do
    [ -f "$lib" ] || { echo "no library in $PWD"; exit 1; }
    mod=${lib#lib}
    mod=${mod%.a}
    prefix=$mod
    case $mod in
    base) prefix='(am|str|buf|arena|vec|map|time|clock|file|log|conf|diag)' ;;
    json) prefix='(json|jw)' ;; # jw_: the writer, named in nearly every line that uses it
    esac
    if nm -g --defined-only "$lib" 2>/dev/null |
        awk -v p="^${prefix}_" 'NF == 3 && $3 !~ p && $3 !~ /^_/ {print "  " $3; b = 1} END {exit !b}'; then
        echo "$lib exports the symbols above without the prefix ${prefix}_"
        bad=1
    fi
done
exit $bad
