#!/bin/sh
# A guard that cannot fail guards nothing: each is run on a copy of the tree with one violation planted, and
# must turn red there; and must be green on the copy before. Prints TAP.
cd "$(dirname "$0")/.." || exit 3
top=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
n=0
bad=0
report() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}
fresh() {
    rm -rf "${copy:?}"/* "$copy"/.[a-z]*
    mkdir -p "$copy/src"
    cp -r meson.build tools "$copy/"
    cp -r src/base src/json src/tlog src/embed "$copy/src/" 2>/dev/null
    cp .clang-format "$copy/"
}
# red NAME GUARD... : the guard must complain about what was planted since fresh()
red() {
    name=$1
    shift
    if "$@" >"$copy/.out" 2>&1; then report 1 "$name"; else report 0 "$name"; fi
}
green() {
    name=$1
    shift
    if "$@" >"$copy/.out" 2>&1; then report 0 "$name"; else cat "$copy/.out"; report 1 "$name"; fi
}

fresh
green 'layer guard is green on a clean copy' tools/check_layers.sh "$copy"
echo '#include "json/json.h"' >>"$copy/src/base/base.h"
red 'layer guard sees an include of a higher module' tools/check_layers.sh "$copy"
fresh
echo '#include "embed/embed_priv.h"' >"$copy/src/json/x.c"
red 'layer guard sees a foreign private header' tools/check_layers.sh "$copy"
fresh
echo '#include "json.h"' >"$copy/src/json/x.c"
red 'layer guard sees an include without its folder' tools/check_layers.sh "$copy"
fresh
echo '#include <sqlite3.h>' >"$copy/src/json/x.c"
red 'layer guard sees a third-party header outside its wrapper' tools/check_layers.sh "$copy"
fresh
echo '#include <dlfcn.h>' >"$copy/src/json/x.c"
red 'layer guard sees a module that would load libraries' tools/check_layers.sh "$copy"
fresh
echo '#include <p11-kit/pkcs11.h>' >"$copy/src/tlog/x.c"
red 'layer guard sees PKCS#11 outside crypto' tools/check_layers.sh "$copy"
fresh
mkdir -p "$copy/src/crypto"
printf '#include <dlfcn.h>\n#include <p11-kit/pkcs11.h>\n' >"$copy/src/crypto/x.c"
green 'layer guard lets crypto load a PKCS#11 module' tools/check_layers.sh "$copy"
fresh
mkdir "$copy/src/helpers"
red 'layer guard sees a folder that is not in the table' tools/check_layers.sh "$copy"
fresh
sed -i "s/^  'json': {'use': \['base'\]/  'json': {'use': ['base', 'web']/" "$copy/meson.build"
red 'layer guard sees a use of a later module' tools/check_layers.sh "$copy"

# object guards need objects, not the whole tree
lib() { # NAME SOURCE : lib<NAME>.a in the copy
    echo "$2" >"$copy/x.c"
    gcc -w -O0 -c "$copy/x.c" -o "$copy/x.o" && ar rc "$copy/lib$1.a" "$copy/x.o"
}
fresh
lib tlog 'int tlog_open(void) { return 0; }'
green 'symbol guard is green on a clean library' tools/check_symbols.sh "$copy"
lib tlog 'int tlog_open(void) { return 0; } int open_quickly(void) { return 1; }'
red 'symbol guard sees an export without the prefix' tools/check_symbols.sh "$copy"
fresh
lib tlog 'unsigned long strlen(const char *); int tlog_open(char *a) { return (int)strlen(a); }'
green 'banned-call guard is green on a clean library' tools/check_banned.sh "$copy"
lib tlog 'char *strcpy(char *, const char *); char *tlog_copy(char *a, char *b) { return strcpy(a, b); }'
red 'banned-call guard sees strcpy' tools/check_banned.sh "$copy"
lib tlog 'int system(const char *); int tlog_run(char *a) { return system(a); }'
red 'banned-call guard sees system' tools/check_banned.sh "$copy"

fresh
green 'host guard is green on a clean copy' tools/check_hosts.sh "$copy"
printf 'see https://%s.%s.org/\n' registry npm"js" >"$copy/src/json/README.md"
red 'host guard sees a package registry' tools/check_hosts.sh "$copy"

# alone FILE-TEXT : a tree with one module and one source
alone() {
    rm -rf "$copy/src"
    mkdir -p "$copy/src/json"
    printf '# json\n' >"$copy/src/json/README.md"
    printf '/* SPDX-License-Identifier: Apache-2.0 */\n%s' "$1" >"$copy/src/json/x.c"
}
alone 'int json_x(void);
'
green 'style guard is green on a clean copy' tools/check_style.sh "$copy"
sed -i 1d "$copy/src/json/x.c"
red 'style guard sees a missing licence line' tools/check_style.sh "$copy"
alone "$(yes '/* */' | head -n 1200)
"
red 'style guard sees a file too long' tools/check_style.sh "$copy"
alone 'int json_x(void);
'
rm "$copy/src/json/README.md"
red 'style guard sees a module without README' tools/check_style.sh "$copy"
if command -v clang-format-19 >/dev/null 2>&1; then
    alone 'int json_x(void);
'
    green 'format check is green on a formatted file' "$copy/tools/format.sh" --check
    alone 'int  json_x( void ) ;
'
    red 'format check sees a badly formatted file' "$copy/tools/format.sh" --check
else
    n=$((n + 1)); echo "ok $n - format check sees a badly formatted file # SKIP clang-format-19 is missing"
fi
echo "1..$n"
cd "$top" || exit 3
exit $bad
