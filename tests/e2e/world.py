#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked example, smaller: a world with known truth goes the whole road, and the report is held
against the truth, its own schema, its own evidence, and a real browser."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, Skip, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-world-")
STUDY = os.path.join(DIR, "study")
SCALE = "0.25"
state = {}


def load(name):
    with open(os.path.join(DIR, name), encoding="utf-8") as f:
        return json.load(f)


def made():
    """Simulates, imports and reports once; every test asks for it."""
    if not state:
        shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), STUDY,
                        ignore=shutil.ignore_patterns("store", "feed"))
        telltale("simulate", os.path.join(STUDY, "world.yaml"), "-o", os.path.join(DIR, "feed"), "--scale", SCALE, "-q")
        state["import"] = json.loads(telltale("import", "-q", "-C", STUDY, "--json",
                                              os.path.join(DIR, "feed", "flows.ipfix")).stdout)["files"][0]
        telltale("report", "-q", "-C", STUDY, "-o", os.path.join(DIR, "report.html"),
                 "--json", os.path.join(DIR, "report.json"))
        state["model"] = load("report.json")
        state["truth"] = load("feed/truth.json")
    return state["model"], state["truth"]


def inside(estimate, value):
    return estimate["low"] <= value <= estimate["high"]


@test
def every_record_is_accounted_for_and_totals_are_exact():
    model, truth = made()
    f = state["import"]
    assert f["records"] == f["kept"] + f["outside"] + f["duplicates"] + f["rejected"], f
    assert f["rejected"] == 0, f
    for what in ("octets", "packets"):
        assert model["totals"][what] == truth["totals"][what], (what, model["totals"], truth["totals"])
    assert model["totals"]["flows"] == truth["totals"]["flows"], (model["totals"], truth["totals"])


@test
def the_report_follows_its_schema():
    made()
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), os.path.join(DIR, "report.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


@test
def the_first_eight_services_are_in_the_right_order():
    model, truth = made()
    want = [s["id"] for s in sorted(truth["services"], key=lambda s: s["rank"])][:8]
    got = [s["id"] for s in model["services"]][:8]
    assert got == want, (got, want)


@test
def the_intervals_of_shares_contain_the_truth():
    """One study is one draw: of n intervals at 95%, all but a few hold."""
    model, truth = made()
    for section, key in (("services", "id"), ("categories", "id")):
        true = {s[key]: s["share"] for s in truth[section]}
        pairs = [(s[key], s["share"], true[s[key]]) for s in model[section] if s[key] in true]
        missed = [(k, e, t) for k, e, t in pairs if not inside(e, t)]
        assert len(pairs) >= 8, section
        assert len(missed) <= max(2, len(pairs) // 8), (section, missed)
    true = {c["country"]: c["share"] for c in truth["presence"]["countries"]}
    pairs = [(c["country"], c["share"], true[c["country"]]) for c in model["presence"]["countries"] if c["country"] in true]
    missed = [p for p in pairs if not inside(p[1], p[2])]
    assert len(pairs) >= 5 and len(missed) <= max(2, len(pairs) // 8), missed


@test
def the_busy_hours_and_the_busiest_weekdays_are_right():
    model, truth = made()
    busy, want = model["rhythm"]["busy"], truth["rhythm"]["busy"]
    assert abs(busy["from_hour"] - want["from_hour"]) <= 0.5, (busy, want)
    assert abs(busy["to_hour"] - want["to_hour"]) <= 0.5, (busy, want)
    ranks = sorted(model["rhythm"]["weekdays"], key=lambda d: d["rank"])
    true = sorted(truth["rhythm"]["weekdays"], key=lambda d: d["rank"])
    assert {d["day"] for d in ranks[:2]} == {d["day"] for d in true[:2]}, (ranks, true)


@test
def the_concealed_share_and_the_tor_user_are_right():
    model, truth = made()
    c, want = model["concealment"], truth["concealment"]
    assert inside(c["share"], want["share"]), (c["share"], want["share"])
    assert c["flows"] == sum(t["flows"] for t in want["techniques"]) == c["evidence"]["flows"], c["flows"]
    by = {t["technique"]: t for t in c["techniques"]}
    assert set(by) == {"tor", "vpn-protocol"}, by.keys()
    assert inside(by["tor"]["share"], want["techniques"][0]["share"]), (by["tor"], want["techniques"][0])
    for key in ("local", "relay", "days_seen", "first", "last", "longest_run"):
        assert c["tor"][0][key] == want["tor"][0][key], (key, c["tor"][0], want["tor"][0])
    assert c["tor"][0]["guard_policy"]["normal"], "one relay for 97 days is what guards are for"
    assert "concealment" in [f["id"] for f in model["findings"]]


@test
def telltale_flows_returns_exactly_the_evidence():
    model, _ = made()
    checked = 0
    evidence = [f["evidence"] for f in model["findings"]] + [s["evidence"] for s in model["services"][:5]]
    evidence += [c["evidence"] for c in model["presence"]["countries"][:3]] + [c["evidence"] for c in model["categories"][:3]]
    for e in evidence:
        if not e or e["flows"] > 400000:
            continue
        out = telltale("flows", "-q", "-C", STUDY, e["filter"], "--from", e["from"], "--to", e["to"], "--format", "csv").stdout
        assert out.count("\n") - 1 == e["flows"], e
        checked += 1
    assert checked >= 8, checked


@test
def the_same_store_gives_the_same_report():
    made()
    telltale("report", "-q", "-C", STUDY, "--json", os.path.join(DIR, "again.json"))
    a, b = load("report.json"), load("again.json")
    for model in (a, b):
        model["provenance"].pop("generated")
    assert a == b


@test
def the_html_report_is_drawn_in_a_browser_with_the_same_numbers():
    made()
    script = os.path.join(SOURCE, "tests", "browser", "report.test.mjs")
    if not shutil.which("chromium"):
        raise Skip("chromium is not installed")
    run = subprocess.run(["node", script, os.path.join(DIR, "report.html"), os.path.join(DIR, "report.json")],
                         capture_output=True, text=True, timeout=600)
    assert run.returncode == 0 and "not ok" not in run.stdout, run.stdout[-4000:] + run.stderr[-2000:]


TINY = """name: Tiny
timezone: America/New_York
period: {from: 2017-03-01, to: 2017-03-21}
population:
  - {prefix: 192.0.2.0/24}
  - {prefix: "2001:db8:1::/48"}
"""


def sums(rows):
    return (len(rows), sum(r["octets_out"] + r["octets_in"] for r in rows),
            sum(r["packets_out"] + r["packets_in"] for r in rows))


@test
def every_wire_format_carries_the_same_world():
    """NetFlow 5 has no IPv6: its rows are held against IPFIX's IPv4 ones."""
    feed = os.path.join(DIR, "tiny")
    telltale("simulate", "-q", os.path.join(SOURCE, "tests", "worlds", "tiny.yaml"), "-o", feed,
             "--format", "ipfix,ipfix-pcap,netflow9,netflow5,csv")
    with open(os.path.join(feed, "truth.json")) as f:
        truth = json.load(f)["totals"]
    whole = (truth["flows"], truth["octets"], truth["packets"])
    v4 = None
    for name in ("flows.ipfix", "ipfix.pcap", "netflow9.pcap", "netflow5.pcap"):
        study = tempfile.mkdtemp(dir=DIR)
        with open(os.path.join(study, "study.yaml"), "w") as f:
            f.write(TINY)
        f = json.loads(telltale("import", "-q", "-C", study, "--json", os.path.join(feed, name)).stdout)["files"][0]
        assert f["rejected"] == 0 or set(f["reasons"]) == {"not_a_flow"}, (name, f)
        rows = json.loads(telltale("flows", "-q", "-C", study, "--format", "json").stdout)
        v4 = v4 or sums([r for r in rows if ":" not in r["local"]])
        want = v4 if name == "netflow5.pcap" else whole
        assert sums(rows) == want, (name, sums(rows), want)


if __name__ == "__main__":
    sys.exit(main())
