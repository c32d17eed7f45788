#!/bin/sh
# Lists what the build is made of, one path a line, sorted: C sources of the modules, the program and the
# benches; files embedded in the program; message catalogues. Meson reads it when it configures; the
# Makefile compares it with the last list and configures again when a file came or went.
cd "$(dirname "$0")/.." || exit 3
{
    for dir in src cmd bench; do
        [ -d "$dir" ] && find "$dir" -maxdepth 2 -name '*.c'
    done
    for dir in web/assets web/templates schema policy demo mapping ews; do
        [ -d "$dir" ] && find "$dir" -type f ! -name '.*' ! -name '*~' ! -name '*.md'
    done
    for po in web/i18n/*.po; do
        [ -f "$po" ] && echo "$po"
    done
    true
} | LC_ALL=C sort
