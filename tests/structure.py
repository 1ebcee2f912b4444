#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The structure stays easy to see: includes point one way, every file has its licence line, nothing
names the machine it was written on, no function outgrows its screen without saying why."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SOURCE, Skip, main, test

ORDER = ("base schema batch wire input decode meter study flow attribute engine store stats analysis "
         "report world server cmd").split()


def files():
    try:
        out = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise Skip("not a git checkout")
    return [f for f in out.decode().split("\0") if f and os.path.exists(os.path.join(SOURCE, f))]


def text(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8", errors="replace") as f:
        return f.read()


@test
def a_folder_includes_only_itself_and_those_above_it():
    wrong = []
    for name in files():
        m = re.match(r"src/(\w+)/[^/]+\.[ch]$", name)
        if not m or name.endswith("_test.c"):
            continue
        for included in re.findall(r'#include "(\w+)/', text(name)):
            if included in ORDER and ORDER.index(included) > ORDER.index(m.group(1)):
                wrong.append(f"{name} includes {included}/")
    assert not wrong, wrong


@test
def every_source_file_has_its_licence_line():
    wrong = [n for n in files()
             if re.search(r"\.(c|h|def|ts|tsx|mjs|py|css)$", n) and "SPDX-License-Identifier: Apache-2.0" not in text(n)[:300]]
    assert not wrong, wrong


@test
def no_file_names_the_machine_it_was_written_on():
    root = os.path.dirname(SOURCE)
    if root in ("/", "/tmp", "/root", "/home"):
        raise Skip("the checkout lies in a common place")
    wrong = [n for n in files() if not n.startswith("data/") and (root + "/") in text(n)]
    assert not wrong, wrong


@test
def only_verbs_and_the_server_print():
    wrong = []
    for name in files():
        m = re.match(r"src/(\w+)/(\w+)\.c$", name)
        if not m or m.group(1) in ("cmd", "server") or m.group(2).endswith(("_test", "_fuzz", "_fixture")):
            continue
        if name == "src/base/memory.c":  # ends the program when there is no memory
            continue
        if re.search(r"\b(printf|puts|perror|exit)\s*\(|fprintf\(std", text(name)):
            wrong.append(name)
    assert not wrong, wrong


@test
def long_functions_say_why():
    wrong = []
    for name in files():
        if not re.match(r"src/\w+/\w+\.c$", name):
            continue
        lines = text(name).split("\n")
        start = None
        for i, line in enumerate(lines):
            if line == "{":
                start = i
            elif line == "}" and start is not None:
                if i - start > 100 and "/*" not in "".join(lines[max(0, start - 12):start + 2]):
                    wrong.append(f"{name}:{start} ({i - start} lines)")
                start = None
    assert not wrong, wrong


if __name__ == "__main__":
    sys.exit(main())
