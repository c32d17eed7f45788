#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The catalogue compiler refuses what it must: each defect is planted in a copy. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
compile() { /usr/bin/python3 "$root/tools/po2c.py" "$dir/out.c" "$dir"/*.po >"$dir/log" 2>&1; }
fresh() { cp "$root"/web/i18n/*.po "$dir/"; }
# plant NAME FILE SED-SCRIPT WORDS: after the edit the compiler fails and says WORDS
plant() {
    fresh
    sed -i "$3" "$dir/$2"
    if cmp -s "$dir/$2" "$root/web/i18n/$2"; then
        report 1 "$1 (the defect could not be planted)"
    elif compile; then
        report 1 "$1 (accepted)"
    else
        grep -q "$4" "$dir/log"
        report $? "$1"
        grep -q "$4" "$dir/log" || sed 's/^/# /' "$dir/log"
    fi
}
fresh
compile
report $? 'the catalogues as they are compile'
plant 'an id missing in one language' site.ar.po '/^msgid "nav.home"$/,+1d' 'site.ar.po: nav.home is missing'
plant 'an empty message' site.en.po '/^msgid "nav.home"$/,+1s/^msgstr .*/msgstr ""/' 'empty message'
plant 'a placeholder lost in translation' site.en.po '/^msgid "model.decided"$/,+1s/{level}/level/' 'placeholders'
plant 'a placeholder that French lacks' site.ar.po '/^msgid "nav.home"$/,+1s/^msgstr "/&{who}/' 'placeholders'
plant 'a plural form too few' facts.ar.po '/^msgid "metric.n"$/,+7{/msgstr\[5\]/d}' 'has 5 forms, ar needs 6'
plant 'a message twice' site.fr.po '$a\\nmsgid "nav.home"\nmsgstr "x"' 'is there twice'
plant 'a message of another area' facts.fr.po '$a\\nmsgid "nav.home"\nmsgstr "x"' 'nav.home'
plant 'an unbalanced brace' site.fr.po '/^msgid "nav.home"$/,+1s/^msgstr "/&{/' 'unbalanced brace'
plant 'an unquoted string' site.fr.po '/^msgid "nav.home"$/,+1s/"$//' 'not a quoted string'
plant 'a plural in one language only' facts.en.po '/^msgid "metric.n"$/,+3{/plural/d;s/msgstr\[0\]/msgstr/;/msgstr\[1\]/d}' 'plural in one language only'
plant 'a malformed id' site.fr.po 's/^msgid "nav.home"$/msgid "Nav home"/' 'not lower-case dotted'
report_end
