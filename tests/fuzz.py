#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fuzz.py BUILD SECONDS: libFuzzer runs every fuzz target of a -Dfuzz=true build for SECONDS, as many at once
as there are processors, from a copy of its seeds in data/seeds/ (what it finds there never lands in the
repository). Inputs that crash, leak or hang stay in BUILD/fuzz/TARGET/; each is named with how to replay it."""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_LEN = 65535
INPUT_TIMEOUT = 25  # seconds one input may take


def fuzz(build, target, seconds):
    """Runs one target; returns (executions, features covered, the log's last lines if it failed)."""
    stem = os.path.basename(target).split("_", 1)[1]
    home = os.path.join(build, "fuzz", os.path.basename(target))
    corpus = os.path.join(home, "corpus")
    os.makedirs(corpus, exist_ok=True)
    for seed in glob.glob(os.path.join(SOURCE, "data", "seeds", stem, "*")):
        shutil.copy(seed, corpus)
    run = subprocess.run([os.path.abspath(target), f"-max_total_time={seconds}", f"-max_len={MAX_LEN}",
                          f"-timeout={INPUT_TIMEOUT}", "-rss_limit_mb=3072", "-print_final_stats=1",
                          f"-artifact_prefix={os.path.abspath(home)}/", os.path.abspath(corpus)],
                         cwd=home, capture_output=True, text=True, errors="replace",
                         env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                              "TELLTALE_SOURCE": SOURCE})
    count = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    features = re.findall(r" ft: (\d+)", run.stderr)
    return (int(count.group(1)) if count else 0, int(features[-1]) if features else 0,
            None if run.returncode == 0 else "\n".join(run.stderr.splitlines()[-60:]))


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("usage: fuzz.py BUILD SECONDS")
    build, seconds = sys.argv[1], sys.argv[2]
    targets = sorted(t for t in glob.glob(os.path.join(build, "*_fuzz")) if os.access(t, os.X_OK))
    if not targets:
        sys.exit(f"{build} has no fuzz targets")
    failed = 0
    print(f"{'target':24} {'executions':>12} {'features':>9}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for target, (count, features, log) in zip(targets, pool.map(lambda t: fuzz(build, t, seconds), targets)):
            print(f"{os.path.basename(target):24} {count:12,} {features:9,}{'' if log is None else '  FAILED'}",
                  flush=True)
            if log is not None:
                failed += 1
                print(log)
                print(f"replay: {target} {build}/fuzz/{os.path.basename(target)}/FILE", flush=True)
    print(f"{len(targets) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
