#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/quiet: a world in which nothing is to be found. The report claims none of it, and says what it would
have found."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-quiet-")
state = {}


def model():
    if not state:
        study = os.path.join(DIR, "study")
        shutil.copytree(os.path.join(SOURCE, "examples", "quiet"), study, ignore=shutil.ignore_patterns("store", "feed"))
        telltale("simulate", "-q", os.path.join(study, "world.yaml"), "-o", os.path.join(DIR, "feed"))
        telltale("import", "-q", "-C", study, os.path.join(DIR, "feed", "flows.ipfix"))
        telltale("report", "-q", "-C", study, "--json", os.path.join(DIR, "report.json"))
        with open(os.path.join(DIR, "report.json"), encoding="utf-8") as f:
            state["model"] = json.load(f)
    return state["model"]


def findings():
    return {f["id"]: f for f in model()["findings"]}


@test
def the_report_follows_its_schema_and_its_words_their_rules():
    model()
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), os.path.join(DIR, "report.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


@test
def nothing_began_and_what_would_have_been_found_is_said():
    assert model()["onsets"] == [], model()["onsets"]
    watch = model()["onsets_watch"]
    assert watch["series_in_all"] > 20, watch
    assert 0 < watch["detectable"]["onset_a_day"] <= 20, watch
    assert "onsets-none" in findings(), findings().keys()
    assert not [f for f in findings() if f.startswith(("onset-", "stop-", "shift-"))]


@test
def no_country_stands_out():
    flagged = [c["country"] for c in model()["presence"]["countries"] if c["flagged"]]
    assert flagged == [], flagged
    assert "presence-none" in findings(), findings().keys()


@test
def activity_does_not_tell_the_events_and_the_detectable_effect_is_said():
    t = model()["events"]["tests"][0]
    assert t["n"] == 7 and not t["moves"], t
    assert 0 < t["detectable"]["effect"] < 1 and t["equivalence"] > 0, t
    assert "80%" in json.dumps(findings()["events"]["statement"])


@test
def nothing_is_hidden_and_nobody_scans():
    concealment = model()["concealment"]
    assert concealment["flows"] == 0 and concealment["share"]["high"] > 0, concealment
    assert "concealment" not in findings()
    recon = model()["recon"]
    assert recon["scanners"] == [] and recon["sensitive"] == [], recon
    assert recon["outward"]["least_targets"] > 0 and recon["outward"]["share"]["high"] > 0, recon["outward"]
    assert not [f for f in findings() if f.startswith(("scan", "sensitive")) and not f.endswith("none")], findings().keys()


@test
def no_chain_through_a_pivot_is_claimed():
    chains = model()["concealment"].get("chains")
    assert not chains or "unsupported" in chains, chains
    assert not [f for f in findings() if "chain" in f and not f.endswith("none")], findings().keys()


@test
def what_is_ordinary_is_told_all_the_same():
    busy = model()["rhythm"]["busy"]
    assert (busy["from_hour"], busy["to_hour"]) == (9, 17.5), busy
    offset = model()["rhythm"]["utc_offset"]
    assert abs(offset["minutes"] - 120) <= 60, offset  # the clocks go back by an hour in it
    assert model()["services"][0]["id"] == "google"


if __name__ == "__main__":
    sys.exit(main())
