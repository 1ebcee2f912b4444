#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person meets first: help, versions, wrong words, and a study file with a mistake in it."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, TELLTALE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-cli-")
FEED = os.path.join(DIR, "feed", "flows.ipfix")
state = {}


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


def make_feed():
    telltale("simulate", os.path.join(SOURCE, "examples", "dprk-2017", "world.yaml"), "-o", os.path.dirname(FEED),
             "--scale", "0.01", "--format", "ipfix", "-q")


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
def what_would_leave_the_report_empty_is_said_at_import():
    if not os.path.exists(FEED):
        make_feed()
    def said(population, period):
        study = study_with(GOOD.replace("175.45.176.0/22", population).replace("2017-04-01, to: 2017-07-06", period))
        return study, telltale("import", "-C", study, FEED).stderr
    study, text = said("203.0.113.0/24", "2017-04-01, to: 2017-07-06")
    assert "none of it is of the population" in text and "study.yaml" in text, text
    study, text = said("0.0.0.0/0", "2001-01-01, to: 2001-01-02")
    assert "outside the study's period" in text and "2017-" in text, text
    study, text = said("0.0.0.0/0", "2017-04-01, to: 2017-07-06")
    assert "outside the study's" not in text and "none of it" not in text, text
    state["study"] = study


@test
def a_reader_that_has_enough_is_no_failure_and_a_full_disk_is():
    rows = [TELLTALE, "flows", "-C", state["study"], "--format", "csv"]
    head = subprocess.Popen(rows, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    head.stdout.readline()
    head.stdout.close()
    said = head.stderr.read(), head.wait()
    assert said == ("", 0), said
    with open("/dev/full", "w") as full:
        run = subprocess.run(rows, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and "No space left" in one_line(run), run


@test
def a_limit_is_a_number():
    for limit in ("-1", "+1", "1x", ""):
        assert "number of rows" in one_line(telltale("flows", "-C", state["study"], "--limit", limit, status=2))


@test
def every_format_of_flows_has_the_same_columns():
    rows = ["flows", "-C", state["study"], "--limit", "3", "--format"]
    names = telltale(*rows, "csv").stdout.splitlines()[0].split(",")
    assert list(json.loads(telltale(*rows, "json").stdout)[0]) == names
    parquet = subprocess.run([TELLTALE, *rows, "parquet"], capture_output=True).stdout
    assert parquet[:4] == parquet[-4:] == b"PAR1"
    footer = parquet[-8 - int.from_bytes(parquet[-8:-4], "little"):-8]
    for name in names:  # thrift's compact protocol: a text is its length, then its octets
        assert bytes([len(name)]) + name.encode() in footer, name


@test
def look_works_in_any_folder():
    for folder in (SOURCE, DIR, "/"):
        assert "facebook" in telltale("look", "facebook.com", cwd=folder).stdout, folder


@test
def look_refuses_what_can_be_neither_address_nor_name():
    for what in ("999.1.1.1", "8.8.8.8/24", "x y", "", "1234"):
        assert "neither an address nor a name" in one_line(telltale("look", what, status=2)), what


@test
def a_folder_whose_links_run_in_a_circle_ends():
    folder = os.path.join(DIR, "circle")
    os.makedirs(folder)
    os.symlink(folder, os.path.join(folder, "again"))
    os.symlink(FEED, os.path.join(folder, "feed.ipfix"))
    files = json.loads(telltale("import", "-q", "--json", "-C", state["study"], folder).stdout)["files"]
    assert [f["status"] for f in files] == ["already imported"], files


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
