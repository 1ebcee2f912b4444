#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person meets first: help, versions, wrong words, and a study file with a mistake in it."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import TELLTALE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-cli-")


def one_line(run):
    lines = run.stderr.strip().split("\n")
    assert len(lines) == 1, run.stderr
    return lines[0]


@test
def help_goes_to_stdout_and_is_instant():
    out = telltale("--help").stdout
    for verb in ("init", "import", "report", "flows", "look", "simulate"):
        assert f"\n  {verb} " in out, out
        assert "Usage: telltale " + verb in telltale(verb, "--help").stdout
    assert telltale("--version").stdout.startswith("telltale ")


@test
def a_wrong_word_is_named_in_one_line_with_status_2():
    assert "frobnicate" in one_line(telltale("frobnicate", status=2))
    assert "--frob" in one_line(telltale("import", "--frob", "x", status=2))
    assert "-C" in one_line(telltale("report", "-C", status=2))
    assert "usage" in one_line(telltale("init", status=2))
    assert "maybe" in one_line(telltale("import", "--as", "maybe", "x", status=2))
    one_line(telltale(status=2))


@test
def init_makes_a_study_that_loads_and_never_overwrites():
    study = os.path.join(DIR, "mystudy")
    telltale("init", study)
    assert os.path.exists(os.path.join(study, "study.yaml"))
    assert study in one_line(telltale("init", study, status=1))


def study_with(text):
    path = tempfile.mkdtemp(dir=DIR)
    with open(os.path.join(path, "study.yaml"), "w") as f:
        f.write(text)
    return path


GOOD = """name: test
timezone: Asia/Pyongyang
period: {from: 2017-04-01, to: 2017-07-06}
population:
  - {prefix: 175.45.176.0/22, label: a}
"""


@test
def a_mistake_in_the_study_is_one_line_with_file_and_line():
    cases = [
        (GOOD + "colour: red\n", "study.yaml:6"),
        (GOOD.replace("175.45.176.0/22", "175.45.176.0/40"), "study.yaml:5"),
        (GOOD.replace("Asia/Pyongyang", "Asia/Nowhere"), "study.yaml:2"),
        (GOOD.replace("2017-04-01", "2017-02-30"), "study.yaml:3"),
        (GOOD.replace("2017-04-01", "2018-04-01"), "study.yaml:3"),
        ("name: [\n", "study.yaml:"),
    ]
    for text, where in cases:
        line = one_line(telltale("report", "-C", study_with(text), status=2))
        assert where in line, (text, line)


@test
def a_missing_study_or_file_is_named():
    assert "nowhere" in one_line(telltale("report", "-C", os.path.join(DIR, "nowhere"), status=2))


@test
def output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w") as full:
        run = subprocess.run([TELLTALE, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1, run
    assert "No space" in run.stderr


if __name__ == "__main__":
    sys.exit(main())
