#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of the FHIR interface says what the tables say, and the tool that writes it finds out when it does not. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out"
export PYTHONDONTWRITEBYTECODE=1
tool="/usr/bin/python3 $root/tools/rest_page.py"
$tool --check >"$dir/out" 2>&1
report $? 'doc/fhir-interface.md is that of the tables'
[ "$(grep -c '^| `\(GET\|POST\|PUT\|PATCH\|DELETE\)' "$root/doc/fhir-interface.md")" -ge 60 ] && grep -q '^| Observation | .*`value-quantity`' "$root/doc/fhir-interface.md"
report $? 'it has the interactions, and the search parameters'
grep -v '/_history/{vid}' "$root/doc/fhir-interface.md" >"$dir/page.md"
! $tool --check "$dir/page.md" >"$dir/out" 2>&1 && grep -q 'is stale' "$dir/out"
report $? 'a page without one of them is stale'
report_end
