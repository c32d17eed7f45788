#!/bin/sh
# The layer guard: check_layers.sh [ROOT]
#   - a module includes only itself and the modules of its 'use' list in meson.build;
#   - never another module's *_priv.h;
#   - quoted includes name the folder ("tlog/tlog.h"), so that this guard sees them all;
#   - a 'use' list names only modules written above it (no cycles);
#   - a folder without a line in the table is refused;
#   - a third-party header is included only by the module that wraps it.
cd "${1:-$(dirname "$0")/..}" || exit 3
bad=0
complain() { echo "$*"; bad=1; }

table=$(sed -n "s/^  '\([a-z0-9_]*\)': *{'use': \[\([^]]*\)\].*/\1 \2/p" meson.build | tr -d "',")
seen=' '
echo "$table" | {
    while read -r mod uses; do
        for u in $uses; do
            case "$seen" in *" $u "*) ;; *) echo "meson.build: $mod uses $u, which is not above it" ;; esac
        done
        seen="$seen$mod "
    done
} | grep . && bad=1

for dir in src/*/; do
    mod=$(basename "$dir")
    if ! echo "$table" | grep -q "^$mod\( \|$\)"; then
        complain "$dir has no line in the module table of meson.build"
        continue
    fi
    uses=" $mod $(echo "$table" | sed -n "s/^$mod //p") "
    # shellcheck disable=SC2013 # one include a line, without spaces
    for inc in $(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$dir"*.[ch] 2>/dev/null | sort -u); do
        case "$inc" in
        */*) ;;
        *) complain "$mod includes \"$inc\" without its folder"; continue ;;
        esac
        other=${inc%%/*}
        case "$uses" in *" $other "*) ;; *) complain "$mod must not include $inc" ;; esac
        case "$inc" in *_priv.h) [ "$other" = "$mod" ] || complain "$mod includes the private header $inc" ;; esac
    done
done
for dir in cmd bench; do
    [ -d "$dir" ] && grep -n '^ *# *include *"[^"]*_priv\.h"' "$dir"/*.c && complain "$dir includes a private header"
done

# header pattern, then the folders that may include it
while read -r header owners; do
    for f in $(grep -lE "^ *# *include *<($header)>" src/*/*.[ch] cmd/*.[ch] 2>/dev/null); do
        folder=$(basename "$(dirname "$f")")
        case " $owners " in *" $folder "*) ;; *) complain "$f includes <$header>, which only $owners may" ;; esac
    done
done <<'TABLE'
yyjson\.h json
openssl/.* crypto
argon2\.h crypto
p11-kit/.* crypto
sodium.* crypto
sqlite3\.h db
(zstd|zdict|zstd_errors)\.h pack
libpq.* db
microhttpd\.h http
curl/.* http
seccomp\.h worker
linux/seccomp\.h worker
dlfcn\.h model crypto
xgboost/.* model
onnxruntime.* model
cmocka\.h base
TABLE
exit $bad
