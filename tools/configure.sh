#!/bin/sh
# Makes a build folder ready: configure.sh FOLDER [san|tsan|fuzz]. Configures it once, and again only when a
# source came or went, which Meson cannot see by itself.
cd "$(dirname "$0")/.." || exit 3
folder=${1:?build folder}
case ${2:-} in
'') set -- ;;
san) set -- -Dsan=true -Doptimization=1 -Dwerror=false ;; # gcc warns falsely under ASan; other builds judge
tsan) set -- -Dtsan=true -Doptimization=1 -Dwerror=false ;;
fuzz) set -- -Dfuzz=true -Doptimization=1; export CC=clang ;;
*) echo "usage: tools/configure.sh FOLDER [san|tsan|fuzz]" >&2; exit 2 ;;
esac
if [ $# -gt 0 ] && [ -z "${CC_LD:-}" ]; then # the quickest linker there is, for what is never shipped
    for ld in mold lld gold; do
        command -v "ld.$ld" >/dev/null 2>&1 && export CC_LD=$ld && break
    done
fi
list=$folder/sources.list
if [ ! -f "$folder/build.ninja" ]; then
    meson setup "$folder" . "$@" || exit 3
elif ! tools/sources.sh | cmp -s - "$list"; then
    meson setup --reconfigure "$folder" . "$@" || exit 3
fi
tools/sources.sh >"$list"
