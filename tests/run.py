#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `meson test` in a build folder and closes with one line: N passed, N failed, N skipped.

Counts the single tests inside each TAP program; a program that crashed, timed out or printed fewer
results than it planned counts as one more failure. Extra arguments go to meson test.
"""
import json
import os
import re
import subprocess
import sys

RESULT = re.compile(r"^(not )?ok\b(.*)$")


def count(test):
    passed = failed = skipped = 0
    out = test.get("stdout", "")
    for line in out.splitlines():
        m = RESULT.match(line)
        if not m:
            continue
        if re.search(r"#\s*skip", m.group(2), re.I):
            skipped += 1
        elif m.group(1):
            failed += 1
        else:
            passed += 1
    if test["result"] in ("OK", "EXPECTEDFAIL"):
        if passed + failed + skipped == 0:
            passed = 1
    elif test["result"] == "SKIP":
        if skipped == 0:
            skipped = 1
    elif failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    build, extra = sys.argv[1], sys.argv[2:]
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    run = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--num-processes", "2", *extra])
    total = [0, 0, 0]
    bad = []
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                test = json.loads(line)
                numbers = count(test)
                total = [a + b for a, b in zip(total, numbers)]
                if numbers[1]:
                    bad.append(test)
    for test in bad:
        print(f"\n--- {test['name']}: {test['result']} ---")
        text = test.get("stdout", "")[-6000:] + test.get("stderr", "")[-6000:]
        print(text)
    if run.returncode and not bad:
        total[1] += 1
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or total[0] == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
