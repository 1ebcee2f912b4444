#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was done behind a pivot is told apart from the population's own, and chains through it are
found where they were planted and nowhere else."""
import csv
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-pivots-")
T0 = 1490972400  # 2017-04-01 00:00 in Seoul
DAYS, BEHIND = 56, 48  # days, and those of the pivot
POPULATION, PIVOT = "175.45.176.", "203.0.113.7"
STUDY = """name: pivots
timezone: Asia/Seoul
period: {from: 2017-04-01, to: 2017-05-26}
population:
  - {prefix: 175.45.176.0/24}
pivots:
  - {prefix: 203.0.113.7, from: 2017-04-03, to: 2017-05-20, label: rented server}
events: [events.csv]
event_series:
  - {hosts: [203.0.113.7], label: abroad}
"""
state = {}


def evening(r, day):
    while True:  # not clipped: nobody's clock strikes eleven
        hour = 19 + 2 * r.gauss(0, 1)
        if 1 < hour < 23:
            return T0 + day * 86400 + int(hour * 3600)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, start, source, target, port, octets, name="", length=2.0):
        self.rows.append({"start": f"{start:.3f}", "end": f"{start + length:.3f}", "src_ip": source, "dst_ip": target,
                          "src_port": 30000 + len(self.rows) % 30000, "dst_port": port, "protocol": 6,
                          "packets": 10, "octets": int(octets * 0.2) + 40, "reverse_packets": 10,
                          "reverse_octets": int(octets * 0.8) + 40, "tcp_flags": 27, "server_name": name})

    def write(self, path):
        with open(path, "w", newline="", encoding="utf-8") as f:
            out = csv.DictWriter(f, list(self.rows[0]))
            out.writeheader()
            out.writerows(sorted(self.rows, key=lambda x: float(x["start"])))


def world():
    """Two hosts use the pivot. What the first asks goes on to a shop and a mail host, at once; what the second does ends there.
    The pivot has users of its own, at the same hours."""
    r, t = random.Random(5), Table()
    behind = {"facebook": 0, "gmail": 0}
    for day in range(DAYS):
        for _ in range(60):  # their own browsing
            at = evening(r, day)
            t.add(at, POPULATION + str(r.randrange(10, 14)), "157.240.1.35", 443, math.exp(8 + r.gauss(0, 1)), "www.facebook.com")
        if not 2 <= day < 2 + BEHIND:
            continue
        for _ in range(12):
            at, octets = evening(r, day), math.exp(9 + 1.2 * r.gauss(0, 1))
            t.add(at, POPULATION + "10", PIVOT, 1080, octets)
            name, target = r.choice((("mail.google.com", "216.58.200.5"), ("www.facebook.com", "157.240.1.35")))
            t.add(at + r.random(), PIVOT, target, 443, octets * 0.9, name)
            behind["gmail" if "google" in name else "facebook"] += 1
        for _ in range(12):
            t.add(evening(r, day), POPULATION + "11", PIVOT, 22, math.exp(9 + 1.2 * r.gauss(0, 1)))
        for _ in range(20):  # strangers
            t.add(evening(r, day), PIVOT, "151.101.1.140", 443, math.exp(9 + 1.2 * r.gauss(0, 1)), "www.reddit.com")
    t.add(T0 + 52 * 86400, PIVOT, "157.240.1.35", 443, 1e6, "www.facebook.com")  # after its dates
    return t, behind


def made():
    if not state:
        t, state["behind"] = world()
        t.write(os.path.join(DIR, "flows.csv"))
        with open(os.path.join(DIR, "study.yaml"), "w", encoding="utf-8") as f:
            f.write(STUDY)
        with open(os.path.join(DIR, "events.csv"), "w", encoding="utf-8") as f:
            f.write("time,zone,uncertainty,label,kind,source\n")
            f.writelines(f"2017-04-{d:02d},Asia/Seoul,1d,launch {d},launch,made up\n" for d in (6, 11, 16, 21))
        state["import"] = json.loads(telltale("import", "-q", "-C", DIR, "--json", os.path.join(DIR, "flows.csv")).stdout)["files"][0]
        telltale("report", "-q", "-C", DIR, "-o", os.path.join(DIR, "report.html"), "--json", os.path.join(DIR, "report.json"))
        with open(os.path.join(DIR, "report.json"), encoding="utf-8") as f:
            state["model"] = json.load(f)
    return state["model"]


def count(evidence):
    rows = telltale("flows", "-C", DIR, "--format", "csv", "--from", evidence["from"], "--to", evidence["to"],
                    "--time-basis", "start", evidence["filter"]).stdout
    return max(0, rows.count("\n") - 1)


@test
def the_pivots_conversations_are_not_the_populations():
    m = made()
    assert state["import"]["outside"] == 1, state["import"]
    assert sum(s["flows"] for s in m["services"]) <= m["totals"]["flows"] - m["totals"]["pivots"]["flows"]
    assert m["totals"]["pivots"]["flows"] == BEHIND * 32, m["totals"]["pivots"]
    assert not any(s["id"] in ("gmail", "reddit") for s in m["services"]), [s["id"] for s in m["services"]]
    facebook = next(s for s in m["services"] if s["id"] == "facebook")
    assert facebook["flows"] == 60 * DAYS, facebook


@test
def what_was_done_behind_it_is_ranked():
    p, = made()["pivots"]
    assert p["label"] == "rented server" and p["prefix"] == PIVOT + "/32" and p["flows"] == BEHIND * 32, p
    assert (p["from_date"], p["to_date"]) == ("2017-04-03", "2017-05-20"), p
    assert p["from"] == "2017-04-02T15:00:00.000Z" and p["to"] == "2017-05-20T15:00:00.000Z", (p["from"], p["to"])
    got = {s["id"]: s["flows"] for s in p["services"]}
    assert got == {"reddit": BEHIND * 20, **state["behind"]}, got
    assert [s["rank"] for s in p["services"]] == [1, 2, 3]
    for s in p["services"]:
        e = s["share"]
        assert e["low"] <= s["flows"] / p["flows"] <= e["high"], s
    assert p["reached_by"]["local_hosts"] == 2 and p["reached_by"]["flows"] == BEHIND * 24, p["reached_by"]
    assert "unsupported" in p["devices"], p["devices"]  # nothing told what spoke


@test
def every_row_has_its_flows():
    p, = made()["pivots"]
    for row in [p, p["reached_by"], *p["services"], *p["categories"]]:
        assert count(row["evidence"]) == row["evidence"]["flows"] == row["flows"], row["evidence"]


@test
def chains_are_found_where_they_are():
    chains = made()["concealment"]["chains"]
    got = {(c["local"], *c["hops"]) for c in chains}
    want = {(POPULATION + "10", PIVOT, "216.58.200.5"), (POPULATION + "10", PIVOT, "157.240.1.35")}
    assert got == want, chains
    for c in chains:
        assert c["test"]["q"] <= 0.05 and c["matched"] > 10 * max(c["test"]["expected"], 0.1), c
        assert count(c["evidence"]) == c["evidence"]["flows"] == c["flows_out"], c
    finding = [f for f in made()["findings"] if f["section"] == "pivots"]
    assert len(finding) == 1 and finding[0]["text"]["ja"]["headline"], finding


@test
def events_are_held_against_what_was_done_abroad():
    abroad, = made()["events"]["by_subject"]
    assert "abroad" in json.dumps(abroad["subject"]) and abroad["tests"][0]["n"] == 4, abroad
    e = abroad["evidence"]
    assert "pivot" in e["filter"] and "not pivot" not in e["filter"], e
    assert count(e) == e["flows"] == BEHIND * 32, e


@test
def the_report_follows_its_schema():
    made()
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), os.path.join(DIR, "report.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        if not os.environ.get("TELLTALE_KEEP"):
            shutil.rmtree(DIR, ignore_errors=True)
