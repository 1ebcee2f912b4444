# SPDX-License-Identifier: Apache-2.0
"""A few lines of TAP for the tests that drive whole programs: @test functions run in order; one that
raises fails with its message, one that raises Skip is skipped."""
import os
import subprocess
import sys
import traceback

SOURCE = os.environ.get("TELLTALE_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("TELLTALE_BUILD") or os.path.join(SOURCE, "build")
TELLTALE = os.path.join(BUILD, "telltale")
CAPTURES = os.path.join(os.path.dirname(SOURCE), "shared", "data", "captures")

_tests = []


class Skip(Exception):
    pass


def test(f):
    _tests.append(f)
    return f


def telltale(*args, status=0, **kwargs):
    """Runs the program; checks its exit status; returns the finished process (text)."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    run = subprocess.run([TELLTALE, *map(str, args)], capture_output=True, text=True, timeout=600, **kwargs)
    if run.returncode != status:
        raise AssertionError(f"telltale {' '.join(map(str, args))}: exit {run.returncode}, not {status}\n"
                             f"{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run


def captures(*below):
    path = os.path.join(CAPTURES, *below)
    if not os.path.exists(path):
        raise Skip("the shared captures are not here")
    return path


def main():
    failed = 0
    print(f"1..{len(_tests)}")
    for i, f in enumerate(_tests, 1):
        name = f.__name__.replace("_", " ")
        try:
            f()
            print(f"ok {i} - {name}", flush=True)
        except Skip as why:
            print(f"ok {i} - {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} - {name}")
            for line in traceback.format_exc().splitlines():
                print("#", line)
            sys.stdout.flush()
    return 1 if failed else 0
