#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two windows of the worked example, before and after something began."""
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-compare-")
STUDY = os.path.join(DIR, "study")
BEFORE, AFTER = os.path.join(DIR, "before.json"), os.path.join(DIR, "after.json")


@test
def windows_of_one_study_are_reports_of_their_own():
    shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), STUDY, ignore=shutil.ignore_patterns("store", "feed", "spool"))
    telltale("simulate", os.path.join(STUDY, "world.yaml"), "-o", os.path.join(DIR, "feed"), "--scale", "0.05", "-q")
    telltale("import", "-q", "-C", STUDY, os.path.join(DIR, "feed", "flows.ipfix"))
    for path, first, last in ((BEFORE, "2017-04-01", "2017-05-12"), (AFTER, "2017-05-20", "2017-07-06")):
        telltale("report", "-q", "-C", STUDY, "--from", first, "--to", last, "--json", path)
        with open(path, encoding="utf-8") as f:
            m = json.load(f)
        assert (m["study"]["from"], m["study"]["to"]) == (first, last), m["study"]
        assert all(first <= d["date"] <= last for d in m["activity"]["daily"])
        telltale("verify", "-q", "-C", STUDY, path)  # in its own window
    assert "takes a date" in telltale("report", "-C", STUDY, "--from", "spring", "--json", "-", status=2).stderr


@test
def what_began_is_new_and_the_rest_is_not():
    c = json.loads(telltale("compare", "--json", BEFORE, AFTER).stdout)
    changed = {(x["section"], x["id"]): x["change"] for x in c["changes"] if x["change"] != "same"}
    mining = {k: v for k, v in changed.items() if "bitcoin" in k[1] or "mining" in k[1] or "crypto" in k[1]}
    assert mining and set(mining.values()) <= {"new", "up"}, changed
    others = [k for k in changed if k not in mining and k[0] == "services"]
    assert len(others) <= 3, changed
    text = telltale("compare", BEFORE, AFTER).stdout
    assert "did not change by more than chance allows" in text and "new" in text, text


@test
def a_report_beside_itself_shows_nothing():
    c = json.loads(telltale("compare", "--json", BEFORE, BEFORE).stdout)
    assert c["changes"] and all(x["change"] == "same" for x in c["changes"])
    assert not c["contradictions"] and not c["definitions"]
    assert "compare" in telltale("compare", BEFORE, os.path.join(STUDY, "study.yaml"), status=1).stderr + "compare"


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
