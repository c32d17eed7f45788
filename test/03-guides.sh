#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The guides of doc/en and doc/fr, done: every ```sh block, in the order a reader meets them, in one shell, with
# real servers on free ports. And the documents name only what exists. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
guides='registry vendor bench node faults auditor eds hl7'
dir=$(mktemp -d) || exit 3
. "$root/test/support/tap.sh"
shown="$dir/why"
finish() {
    for pid in "$dir"/trial/*.pid; do
        [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
    done
    [ -n "${KEEP:-}" ] && echo "# kept: $dir" || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 3' INT TERM
blocks() { awk '/^```sh$/{code = 1; next} /^```/{code = 0} code' "$1"; }

for guide in $guides; do
    blocks "$root/doc/en/$guide.md" >"$dir/en.sh"
    blocks "$root/doc/fr/$guide.md" >"$dir/fr.sh"
    diff "$dir/en.sh" "$dir/fr.sh" >"$dir/why" 2>&1 && [ -s "$dir/en.sh" ]
    report $? "$guide: both languages give the same commands"
    [ "$(wc -l <"$root/doc/en/$guide.md")" -le 120 ] && [ "$(wc -l <"$root/doc/fr/$guide.md")" -le 120 ]
    report $? "$guide: at most 120 lines"
done

ports=$(/usr/bin/python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in held))') || exit 3
# shellcheck disable=SC2086 # two numbers
set -- $ports
mkdir "$dir/bin" "$dir/trial"
ln -s "$amane" "$dir/bin/amane"
{
    echo 'set -eu'
    for guide in $guides; do
        blocks "$root/doc/en/$guide.md" | sed -e "s/127\.0\.0\.1:8080/127.0.0.1:$1/g" -e "s/127\.0\.0\.1:8081/127.0.0.1:$2/g"
        echo "echo $guide >>done"
    done
} >"$dir/all.sh"
: >"$dir/trial/done"
(cd "$dir/trial" && SRC=$root PATH=$dir/bin:$PATH timeout 400 sh -x "$dir/all.sh" >"$dir/out" 2>"$dir/err" </dev/null)
{
    tail -n 12 "$dir/err"
    tail -n 4 "$dir"/trial/*.log
    tail -n 4 "$dir/out"
} >"$dir/why" 2>&1
for guide in $guides; do
    grep -qx $guide "$dir/trial/done"
    report $? "$guide: every command of the guide works"
done

cat >"$dir/check.py" <<'END'
"""Relative links lead somewhere; files and functions named in `code` exist; decisions are short."""
import os, re, subprocess, sys
root = sys.argv[1]
os.chdir(root)
listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True).stdout.split("\n")
if len(listed) < 2:
    listed = [os.path.relpath(os.path.join(d, f), ".") for d, _, fs in os.walk(".") if "/build" not in d for f in fs]
names = {os.path.basename(f) for f in listed}
sources = "".join(open(f, errors="ignore").read() for f in listed if f.endswith((".c", ".h")) and os.path.exists(f))
bad = []
pages = ["README.md", "LISEZMOI.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
pages += [f for f in listed if f.startswith("doc/") and f.endswith(".md") and os.path.exists(f)]
for page in pages:
    text = open(page).read()
    for link in re.findall(r"\]\(([^)#]+)", text):
        if ":" not in link and not os.path.exists(os.path.join(os.path.dirname(page), link)):
            bad.append("%s: link to %s" % (page, link))
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    for code in re.findall(r"`([^`\n]+)`", plain):
        for f in re.findall(r"(?<![\w./*<>-])((?:src|cmd|test|tools|schema|policy|doc|web|deploy|demo|bench|fuzz)/[\w./-]*\w)(?![\w*<{-])", code):
            if not os.path.exists(f):
                bad.append("%s: %s" % (page, f))
        for f in re.findall(r"(?<![\w./*<>-])(\w+\.[ch])\b", code):
            if f not in names and "<%s>" % f not in sources: # the system's headers
                bad.append("%s: %s" % (page, f))
        for f in re.findall(r"\b([a-z]\w+_\w+)\(\)", code):
            if not re.search(r"\b%s\s*\(" % f, sources):
                bad.append("%s: %s()" % (page, f))
    for fn, f in re.findall(r"`(\w+)\(\)`\s*\(`([\w/]+\.c)`\)", text): # "`function()` (`file.c`)" tells where it lives
        homes = [g for g in listed if os.path.basename(g) == os.path.basename(f) and os.path.exists(g)]
        if not any(re.search(r"^\w[^\n;]*\b%s\(" % fn, open(g).read(), re.M) for g in homes):
            bad.append("%s: %s() is not in %s" % (page, fn, f))
    if re.match(r"doc/adr/\d", page) and text.count("\n") > 40:
        bad.append("%s: more than 40 lines" % page)
print("\n".join(bad))
sys.exit(bool(bad))
END
/usr/bin/python3 "$dir/check.py" "$root" >"$dir/why" 2>&1
report $? 'documents name only files, links and functions that exist'
report_end
