#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A report that is held against its store, data that are forgotten, and the log of who did what."""
import csv
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, TELLTALE, Skip, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-verify-")
STUDY = os.path.join(DIR, "study")
FEED = os.path.join(DIR, "feed", "flows.ipfix")
REPORT = os.path.join(DIR, "report.json")
KEY = os.path.join(DIR, "key")
state = {}


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def made():
    if not state:
        shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), STUDY,
                        ignore=shutil.ignore_patterns("store", "feed", "audit.log", "report.*"))
        telltale("simulate", os.path.join(STUDY, "world.yaml"), "-o", os.path.dirname(FEED), "--scale", "0.02", "-q")
        telltale("import", "-q", "-C", STUDY, FEED)
        telltale("report", "-q", "-C", STUDY, "--json", REPORT)
        state["model"] = load(REPORT)
    return state["model"]


def verify(report=REPORT, status=1, study=STUDY, more=()):
    run = telltale("verify", "-q", "-C", study, "--json", *more, report, status=status)
    return json.loads(run.stdout) if run.stdout else run.stderr


def changed(edit, name="changed.json"):
    model = json.loads(json.dumps(made()))
    edit(model)
    path = os.path.join(DIR, name)
    with open(path, "w") as f:
        json.dump(model, f)
    return path


@test
def an_untouched_report_is_equal():
    made()
    found = verify(status=0)
    assert found == {"equal": True, "digest": True, "inputs": [], "numbers": []}, found
    assert "every number" in telltale("verify", "-C", STUDY, REPORT).stderr


@test
def each_changed_number_is_named_by_its_pointer():
    made()

    def edit(m):
        m["services"][0]["flows"] += 1
        m["totals"]["usage"]["per_day"]["low"] *= 1.001
        m["findings"][0]["statement"] += " Not so."
        del m["presence"]["countries"][1]
        m["a/b~c"] = 1
    found = verify(changed(edit))
    assert not found["equal"] and not found["digest"]
    by = {n["pointer"]: n for n in found["numbers"]}
    assert by["/services/0/flows"]["report"] == by["/services/0/flows"]["store"] + 1
    assert "/totals/usage/per_day/low" in by and "/findings/0/statement" in by and "/a~1b~0c" in by
    assert by["/a~1b~0c"]["store"] is None
    assert any(p.startswith("/presence/countries/") and n["report"] is None for p, n in by.items())
    assert not [p for p in by if not p.startswith(("/services/0/flows", "/totals/usage", "/findings/0", "/presence/countries", "/a~"))]
    run = telltale("verify", "-q", "-C", STUDY, changed(edit), status=1)
    assert f"/services/0/flows: {by['/services/0/flows']['report']} in the report, " in run.stdout


@test
def each_changed_or_missing_input_is_named():
    made()
    events = os.path.join(STUDY, "events")
    name = sorted(f for f in os.listdir(events) if f.endswith(".csv"))[0]
    with open(FEED, "ab") as f:
        f.write(b"\0")
    try:
        found = verify()
        assert found["inputs"] == [{"path": FEED, "state": "changed"}] and found["numbers"] == [] and found["digest"], found
        assert verify(status=0, more=("--no-inputs",))["equal"]
        os.rename(FEED, FEED + ".away")
        assert verify()["inputs"] == [{"path": FEED, "state": "not there"}]
        os.rename(FEED + ".away", FEED)
    finally:
        with open(FEED, "r+b") as f:
            f.truncate(os.path.getsize(FEED) - 1)
    with open(os.path.join(events, name), "r+", encoding="utf-8") as f:
        text = f.read()
        f.write("# a word\n")
    found = verify()
    assert found["inputs"] == [{"path": f"events/{name}", "state": "changed"}], found
    assert [n["pointer"] for n in found["numbers"]] == [n["pointer"] for n in found["numbers"] if n["pointer"].startswith("/provenance/inputs/")]
    with open(os.path.join(events, name), "w", encoding="utf-8") as f:
        f.write(text)
    assert verify(status=0)["equal"]


@test
def a_report_with_pseudonyms_is_verified_with_its_key():
    made()
    with open(KEY, "wb") as f:
        f.write(bytes(range(32)))
    hidden = os.path.join(DIR, "hidden.json")
    telltale("report", "-q", "-C", STUDY, "--pseudonyms", KEY, "--json", hidden)
    assert "--pseudonyms" in verify(hidden, status=2)
    assert verify(hidden, status=0, more=("--pseudonyms", KEY))["equal"]
    with open(KEY, "wb") as f:
        f.write(bytes(range(1, 33)))
    found = verify(hidden, more=("--pseudonyms", KEY))
    assert not found["equal"] and found["digest"] and found["numbers"]


@test
def what_is_no_report_is_said():
    made()
    assert "no report" in verify(changed(lambda m: m.update(schema="other/1")))
    assert "no JSON" in verify(FEED)


def copy_study(name):
    to = os.path.join(DIR, name)
    shutil.copytree(STUDY, to, symlinks=True)
    return to


def parts(study, rows_at_least=1):
    """Folders of the engine's parts of partition 2017..., largest first."""
    found = []
    for root, dirs, files in os.walk(os.path.join(study, "store")):
        if "columns.txt" in files and os.path.basename(root).startswith("2017") and "local" in open(os.path.join(root, "columns.txt")).read():
            found.append((sum(os.path.getsize(os.path.join(root, f)) for f in files), root))
    return [p for _, p in sorted(found, reverse=True)]


@test
def a_partition_of_the_flows_that_went_away_is_damage():
    made()
    study = copy_study("damaged")
    flow = [p for p in parts(study) if "server_name" in open(os.path.join(p, "columns.txt")).read()]
    assert flow
    shutil.rmtree(flow[0])
    said = verify(study=study, status=5)
    assert "differs from its ledger" in said or "part" in said, said


# --- forgetting ---


def flows(study, *more):
    return list(csv.DictReader(io.StringIO(telltale("flows", "-q", "-C", study, "--format", "csv", *more).stdout)))


def days(list_of_flows):
    return sorted({f["start"][:10] for f in list_of_flows})


@test
def days_are_forgotten_with_all_that_was_made_of_them():
    made()
    study = copy_study("older")
    before = flows(study)
    dry = telltale("forget", "-C", study, "--before", "2017-05-01", "--dry-run").stderr
    gone = sum(1 for f in before if f["start"] < "2017-05-01")
    assert f"{gone} conversations" in dry and "would" in dry and len(flows(study)) == len(before), dry
    telltale("forget", "-q", "-C", study, "--before", "2017-05-01")
    left = flows(study)
    assert left == [f for f in before if f["start"] >= "2017-05-01"], (len(left), len(before))
    telltale("report", "-q", "-C", study, "--json", os.path.join(DIR, "left.json"))
    model = load(os.path.join(DIR, "left.json"))
    assert model["provenance"]["forgotten"] == {"flow": "2017-05-01", "coverage": "2017-05-01"}
    in_study = [f for f in left if f["start"] < model["study"]["to_time"]]
    assert model["totals"]["flows"] == len(in_study), (model["totals"]["flows"], len(in_study))
    assert [s["conversations"] for s in model["provenance"]["sources"]] == [len(left)]
    assert verify(os.path.join(DIR, "left.json"), status=0, study=study, more=("--no-inputs",))["equal"]
    found = verify(study=study, more=("--no-inputs",))
    assert "/totals/flows" in {n["pointer"] for n in found["numbers"]}
    again = telltale("forget", "-C", study, "--before", "2017-05-01").stderr
    assert " 0 conversations" in again, again
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), os.path.join(DIR, "left.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:]


@test
def retention_is_the_studys():
    made()
    study = copy_study("retention")
    assert "retention" in telltale("forget", "-C", study, status=2).stderr
    path = os.path.join(study, "study.yaml")
    text = open(path).read()
    today = time.time() // 86400
    age = int(today - 17287)  # 2017-05-01 is day 17287
    with open(path, "w") as f:
        f.write(text + f"\nretention: {{flow: {age}d}}\n")
    telltale("forget", "-q", "-C", study)
    assert days(flows(study))[0] in ("2017-05-01", "2017-05-02"), days(flows(study))[0]
    with open(path, "w") as f:
        f.write(text + "\nretention: {flow: soon}\n")
    assert "retention" in telltale("forget", "-C", study, status=2).stderr


@test
def an_address_is_forgotten_everywhere():
    made()
    study = copy_study("address")
    before = flows(study)
    address = state["model"]["contacts"][0]["local"]
    telltale("forget", "-q", "-C", study, "--address", address)
    assert flows(study) == [f for f in before if address not in (f["local"], f["remote"])]
    telltale("report", "-q", "-C", study, "--json", os.path.join(DIR, "without.json"))
    text = open(os.path.join(DIR, "without.json")).read()
    assert f'"{address}"' not in text and f" {address} " not in text
    assert verify(os.path.join(DIR, "without.json"), status=0, study=study, more=("--no-inputs",))["equal"]
    assert "no address" in telltale("forget", "-C", study, "--address", "1.2.3", status=2).stderr


@test
def killed_at_any_moment_it_is_finished_by_the_next_opening():
    made()
    rng = random.Random(5)
    before = flows(STUDY)
    want = [f for f in before if f["start"] >= "2017-06-01"]
    address = state["model"]["contacts"][0]["local"]
    without = [f for f in before if address not in (f["local"], f["remote"])]
    killed = 0
    for i in range(4):
        study = copy_study(f"kill{i}")
        args, kept = (["--before", "2017-06-01"], want) if i % 2 else (["--address", address], without)
        process = subprocess.Popen([TELLTALE, "forget", "-q", "-C", study, *args], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 4))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        for _ in range(20):  # the dead process's memory may still hold the lock
            run = subprocess.run([TELLTALE, "flows", "-q", "-C", study, "--format", "csv"], capture_output=True, text=True)
            if run.returncode != 4:
                break
            time.sleep(0.5)
        assert run.returncode == 0, run.stderr
        left = list(csv.DictReader(io.StringIO(run.stdout)))
        assert left in (before, kept), (args, len(left), len(before), len(kept))
        telltale("forget", "-q", "-C", study, *args)
        assert flows(study) == kept
        telltale("report", "-q", "-C", study, "--json", os.path.join(DIR, "killed.json"))
        assert load(os.path.join(DIR, "killed.json"))["provenance"]["sources"][0]["conversations"] == len(kept)
        shutil.rmtree(study)
    assert killed >= 1


# --- the audit log ---


@test
def each_reading_and_changing_verb_is_in_the_log_and_the_chain_holds():
    made()
    study = copy_study("audit")
    telltale("flows", "-q", "-C", study, "--limit", "1", "port 443")
    telltale("report", "-q", "-C", study, "--json", os.path.join(DIR, "x.json"))
    lines = open(os.path.join(study, "audit.log")).read().splitlines()
    previous = "0" * 64
    for line in lines:
        row = json.loads(line)
        assert row["previous"] == previous and row["user"] and row["time"].endswith("Z"), row
        previous = hashlib.sha256(line.encode()).hexdigest()
    verbs = [json.loads(line)["verb"] for line in lines]
    assert verbs[:2] == ["import", "report"] and verbs[-2:] == ["flows", "report"], verbs
    assert json.loads(lines[-2])["arguments"] == ["--limit=1", "port 443"]
    run = telltale("audit", "-C", study)
    assert previous in run.stderr and run.stdout.count("\n") == len(lines)


@test
def a_changed_or_missing_line_is_seen():
    made()
    study = copy_study("tampered")
    for port in (80, 443):
        telltale("flows", "-q", "-C", study, "--limit", "1", f"port {port}")
    path = os.path.join(study, "audit.log")
    lines = open(path).read().splitlines()
    for broken in (lines[:1] + [lines[1].replace("report", "flows")] + lines[2:], lines[:1] + lines[2:], ["x"] + lines):
        with open(path, "w") as f:
            f.write("\n".join(broken) + "\n")
        assert "audit.log:" in telltale("audit", "-C", study, status=5).stderr
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n{cut")
    telltale("flows", "-q", "-C", study, "--limit", "1")
    assert "no line" in telltale("audit", "-C", study, status=5).stderr


@test
def two_at_once_do_not_break_the_chain():
    made()
    study = os.path.join(DIR, "many")
    os.makedirs(study)
    shutil.copy(os.path.join(STUDY, "study.yaml"), study)
    processes = [subprocess.Popen([TELLTALE, "flows", "-q", "-C", study, f"port {i}"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(20)]
    for p in processes:
        p.wait()
    assert telltale("audit", "-C", study).stdout.count("\n") == 20


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
