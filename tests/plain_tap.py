#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plain_tap.py PROGRAM [ARG...]: runs a test and makes its output TAP as Meson reads it. cmocka writes a skipped test as
`not ok N # SKIP`, which Meson takes for a failure; and a line that is no TAP becomes a comment."""
import os
import re
import signal
import subprocess
import sys

TAP = re.compile(r"(?:not )?ok\b|\d+\.\.\d+|#|Bail out!|TAP version|pragma|\s*$")


def plain(line):
    line = re.sub(r"^not (ok \d+(?: -)?\s*# SKIP)", r"\1", line)
    return line if TAP.match(line) else "# " + line


def main():
    run = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True, errors="replace")
    for line in run.stdout:
        sys.stdout.write(plain(line))
        sys.stdout.flush()
    status = run.wait()
    if status < 0:  # Meson shows the signal that ended the program
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main())
