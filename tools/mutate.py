#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutation testing: delete or flip one line of a module, rebuild its tests, expect red.

Works in a copy of the tree, without sanitizers, under resource limits. A mutant that does not compile, or
that compiles to the same object code, is not counted. The pass mark of a module is PASS_PERCENT of at least
five counted mutants killed: below 100 because some mutants change nothing a caller can see (a capacity
hint, the order of clean-up). Survivors are printed so that somebody reads them; most are missing tests.
"""
import argparse
import glob
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PASS_PERCENT = 60
TEST_SECONDS = 60

FLIPS = [
    (r"==", "!="), (r"!=", "=="), (r"(?<![<-])<=(?!=)", "<"), (r"(?<![->])>=(?!=)", ">"),
    (r"(?<=[\w)\]]) < (?=[\w(])", " <= "), (r"(?<=[\w)\]]) > (?=[\w(])", " >= "),
    (r"&&", "||"), (r"\|\|", "&&"), (r"(?<=[\w)\]]) \+ (?=[\w(])", " - "), (r"(?<=[\w)\]]) - (?=[\w(])", " + "),
    (r"\bif \((?=[^;]*\)\s*(\{|$))", "if (!("), (r"\breturn true;", "return false;"),
    (r"\breturn false;", "return true;"), (r"\b0\b(?![.xX])", "1"), (r"\b1\b(?![.])", "2"),
    (r"\+\+", "--"), (r"\+= ", "-= "), (r"\bbreak;", "continue;"),
]
# Lines whose change nobody can be asked to notice: talk, declarations, braces, labels.
SKIP = re.compile(r"^\s*(#|/\*|\*|//|\}|\{|LOG_|am_assert|static_assert|_Static_assert|extern|typedef|case |default:)"
                  r"|^\s*\w+:$|^\s*$")
DECLARATION = re.compile(r"^\s*(const |static |struct |enum |unsigned |int |bool |char |size_t |u?int\d+_t |double |"
                         r"float |void |long |FILE )")


def candidates(path):
    """(line index, new text or None for deletion, what) for every mutation of one file."""
    with open(path, encoding="utf-8") as f:
        lines = f.readlines()
    comment = False
    for i, line in enumerate(lines):
        starts, ends = line.rfind("/*"), line.rfind("*/")
        inside = comment
        comment = comment and ends < 0 or starts > ends
        if inside or SKIP.search(line) or not line.startswith(" "):
            continue
        code = re.sub(r'/\*.*?\*/', "", line.rstrip("\n")).rstrip()
        if '"' in code:
            continue
        if re.fullmatch(r"\s+[^=]*[\w)\]\.>+-]\s*(=|\+=|-=|\|=|\().*;|\s+[\w.>\[\]-]+(\+\+|--);", code) \
                and not DECLARATION.match(code) and not re.match(r"\s+(return|for|while|if|else)\b", code) \
                and code.count("(") == code.count(")") and lines[i - 1].rstrip().endswith((";", "{", "}", "*/")):
            yield i, None, "delete"
        for pattern, new in FLIPS:
            for m in re.finditer(pattern, code):
                text = code[:m.start()] + new + code[m.end():]
                if new == "if (!(":
                    depth, k = 2, m.end() + 2
                    k = m.start() + len(new)
                    while k < len(text) and depth > 1:
                        depth += {"(": 1, ")": -1}.get(text[k], 0)
                        k += 1
                    if depth > 1:
                        continue
                    text = text[:k - 1] + "))" + text[k:]
                yield i, text + "\n", "flip"


def limits():
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(cmd, env=None, cwd=None, timeout=TEST_SECONDS):
    """Exit status of cmd; its whole process group ends with it."""
    p = subprocess.Popen(cmd, cwd=cwd, env=env, preexec_fn=limits, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = p.wait(timeout)
    except subprocess.TimeoutExpired:
        status = -1
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    p.wait()
    return status


class Copy:
    """A copy of the tree with its own build folder."""

    def __init__(self, root):
        self.dir = tempfile.mkdtemp(prefix="amane-mutate-")
        self.src = os.path.join(self.dir, "tree")
        self.build = os.path.join(self.dir, "build")
        shutil.copytree(root, self.src, symlinks=True, ignore=shutil.ignore_patterns(
            ".git", "build", "build-*", ".deps", "node_modules", "output"))
        deps = os.path.join(root, ".deps")
        if os.path.isdir(deps):
            os.symlink(deps, os.path.join(self.src, ".deps"))
        tmp = os.path.join(self.dir, "tmp")
        os.mkdir(tmp)
        self.env = dict(os.environ, AMANE_SOURCE_ROOT=self.src, AMANE_PROGRAM=os.path.join(self.build, "amane"),
                        TMPDIR=tmp, HOME=tmp)
        shared = os.path.join(os.path.dirname(root), "shared")
        if os.path.isdir(os.path.join(shared, "data")):
            self.env.setdefault("AMANE_SHARED", shared)
        subprocess.run(["meson", "setup", self.build, self.src, "-Dwerror=false", "-Doptimization=1"], check=True,
                       stdout=subprocess.DEVNULL)

    def build_tests(self, tests, timeout=600):
        """Builds the program too where a test of the module may start it."""
        module = os.path.dirname(glob.glob(os.path.join(self.src, "src", "*", tests[0] + ".c"))[0])
        starts = False
        for name in glob.glob(os.path.join(module, "*_test*.[ch]")):
            with open(name, encoding="utf-8") as f:
                starts = starts or re.search("AMANE_PROGRAM|worker", f.read()) is not None
        return run(["ninja", "-C", self.build] + ["amane"] * starts + tests, timeout=timeout) == 0

    def red(self, tests):
        """The first test that fails, with its status (-1: out of time); None: all are green."""
        for t in tests:
            status = run([os.path.join(self.build, t)], env=self.env, cwd=self.build)
            if status != 0:
                return "%s: status %d" % (t, status)
        return None

    def digest(self, module):
        """Of the module's machine code, to tell mutants that change nothing."""
        h = hashlib.sha256()
        for o in sorted(glob.glob(os.path.join(self.build, "lib%s.a.p" % module, "*.o"))):
            out = os.path.join(self.dir, "stripped.o")
            subprocess.run(["objcopy", "--strip-debug", o, out], check=True)
            with open(out, "rb") as f:
                h.update(f.read())
        return h.digest()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def tests_of(root, module):
    return sorted(os.path.basename(t)[:-2] for t in glob.glob(os.path.join(root, "src", module, "*_test.c")))


def mutate(copy, module, count, seed):
    """Returns (killed, counted, survivors)."""
    tests = tests_of(copy.src, module)
    red = copy.red(tests) if copy.build_tests(tests, timeout=3600) else "they do not build"
    if red:
        print("%s: its tests are not green before mutation (%s)" % (module, red))
        return 0, 0, []
    every = []
    for path in sorted(glob.glob(os.path.join(copy.src, "src", module, "*.c"))):
        if not path.endswith(("_test.c", "_fuzz.c")):
            every += [(path,) + c for c in candidates(path)]
    random.Random("%s:%s" % (seed, module)).shuffle(every)
    plain = copy.digest(module)
    killed, survivors, touched = 0, [], set()
    for path, i, text, what in every:
        if killed + len(survivors) >= count:
            break
        if (path, i) in touched:
            continue
        touched.add((path, i))
        with open(path, encoding="utf-8") as f:
            lines = f.readlines()
        old = lines[i]
        lines[i] = text or "\n"
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(lines)
        if copy.build_tests(tests) and copy.digest(module) != plain:
            if not copy.red(tests):
                survivors.append("%s:%d: survived %s: %s%s" % (
                    os.path.relpath(path, copy.src), i + 1, what, old.strip(),
                    "" if text is None else "  ->  " + text.strip()))
            else:
                killed += 1
        lines[i] = old
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(lines)
    return killed, killed + len(survivors), survivors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-n", type=int, default=30, help="counted mutants per module")
    parser.add_argument("-s", default=None, help="seed (default: the day)")
    parser.add_argument("modules", nargs="+")
    args = parser.parse_args()
    root = os.getcwd()
    day = int(time.time() // 86400)
    seed = args.s or str(day)
    testable = [m for m in sorted(os.listdir("src")) if tests_of(root, m)]
    modules = args.modules
    if modules == ["all"]:
        modules = testable
    elif modules == ["today"]:
        modules = [testable[day % len(testable)]]
    copy = Copy(root)
    bad = 0
    try:
        for module in modules:
            killed, counted, survivors = mutate(copy, module, args.n, seed)
            score = 100 * killed // counted if counted else 0
            fine = counted >= min(5, args.n) and score >= PASS_PERCENT
            bad += not fine
            for s in survivors:
                print(s)
            print("%s: %d of %d mutants killed (%d %%, pass mark %d %%), seed %s%s" % (
                module, killed, counted, score, PASS_PERCENT, seed, "" if fine else ": TOO FEW"), flush=True)
    finally:
        copy.remove()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
