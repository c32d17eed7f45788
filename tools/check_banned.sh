#!/bin/sh
# Calls nobody may make: check_banned.sh BUILD. base/banned.h makes most of them compile errors; this looks
# at what the compiled objects really call, so that a file that forgot the header is seen too.
#   cheap hashes of passwords (a seam of tests), unbounded copies, hidden state, silent failure, shells, predictable randomness, predictable names
build=${1:?build folder}
banned='strcpy|strcat|stpcpy|sprintf|vsprintf|strtok|gets|gmtime|localtime|asctime|ctime|atoi|atol|atoll|atof'
banned="$banned|auth_cheap_passwords|system|popen|rand|srand|random|tmpnam|tempnam|mktemp"
bad=0
set -- "$build"/lib*.a "$build"/amane.p/*.o
for object in "$@"; do
    [ -f "$object" ] || continue
    if nm -A --undefined-only "$object" 2>/dev/null | grep -E " U (__)?($banned)(_chk)?(@.*)?$"; then
        bad=1
    fi
done
[ $bad = 0 ] || echo "the calls above are banned: see src/base/banned.h"
exit $bad
