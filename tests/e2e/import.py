#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real captures through the whole road: every packet accounted for, 5-tuples and counts equal to what
an independent tool saw, the same file once however often it is given."""
import collections
import csv
import glob
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import TELLTALE, main, captures, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-import-")
STUDY = """name: captures
timezone: UTC
period: {{from: 1970-01-01, to: 2030-12-31}}
population:
{population}
"""
KP = "  - {prefix: 175.45.176.0/22, label: Star JV}"
EVERYWHERE = "  - {prefix: 0.0.0.0/0}\n  - {prefix: '::/0'}"
PROTOCOL = {"TCP": "6", "UDP": "17"}


def study(population):
    path = tempfile.mkdtemp(dir=DIR)
    with open(os.path.join(path, "study.yaml"), "w") as f:
        f.write(STUDY.format(population=population))
    return path


def import_json(where, *args, **kwargs):
    return json.loads(telltale("import", "-q", "-C", where, "--json", *args, **kwargs).stdout)["files"]


def balanced(f):
    return (f["records"] == f["kept"] + f["outside"] + f["duplicates"] + f["rejected"]
            and sum(f["reasons"].values()) == f["rejected"])


def by_tuple(rows):
    """Both ends in a fixed order -> packets and octets each way, summed over conversations."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for protocol, a, a_port, b, b_port, counts in rows:
        x, y = (a, int(a_port)), (b, int(b_port))
        if x > y:
            x, y = y, x
            counts = [counts[1], counts[0], counts[3], counts[2]]
        key = (protocol, x, y)
        sums[key] = [s + int(c) for s, c in zip(sums[key], counts)]
    return dict(sums)


def flows(where, *args):
    return json.loads(telltale("flows", "-C", where, "--format", "json", *args).stdout)


def flow_tuples(rows):
    return by_tuple((str(r["protocol"]), r["local"], r["local_port"], r["remote"], r["remote_port"],
                     [r["packets_out"], r["packets_in"], r["octets_out"], r["octets_in"]]) for r in rows)


def truth_tuples(pcap, keep=lambda row: True):
    """tshark's flows of one capture: keyed by the outermost header alone where the truth has that."""
    folder, name = os.path.split(pcap)
    key = os.path.basename(folder) + "/" + name
    with open(captures("truth", "outermost_flows.tsv")) as f:
        rows = [r for r in csv.DictReader(f, delimiter="\t") if r["capture"] == key]
    if not rows:
        with open(captures("truth", "tshark_flows", key + ".tsv")) as f:
            rows = list(csv.DictReader((x for x in f if not x.startswith("#")), delimiter="\t"))
    rows = [r for r in rows if keep(r)]
    return by_tuple((PROTOCOL.get(r["l4"], r["l4"]), r["a_ip"], r["a_port"], r["b_ip"], r["b_port"],
                     [r["a2b_pkts"], r["b2a_pkts"], r["a2b_ipbytes"], r["b2a_ipbytes"]]) for r in rows)


def in_kp(row):
    return any(ip.startswith(("175.45.176.", "175.45.177.", "175.45.178.", "175.45.179."))
               for ip in (row["a_ip"], row["b_ip"]))


@test
def the_populations_conversations_equal_tsharks():
    for pcap in sorted(glob.glob(captures("pcap", "kp") + "/*.pcap")):
        where = study(KP)
        result, = import_json(where, pcap)
        assert balanced(result), result
        want = truth_tuples(pcap, in_kp)
        got = flow_tuples(flows(where))
        want = {k: v for k, v in want.items() if k[0] in ("6", "17")}
        got = {k: v for k, v in got.items() if k[0] in ("6", "17")}
        assert got == want, (pcap, {k: (got.get(k), want.get(k)) for k in set(got) | set(want)
                                    if got.get(k) != want.get(k)})


@test
def a_file_given_twice_counts_once_under_any_name():
    pcap = captures("pcap", "kp", "kp-weibo.pcap")
    where = study(KP)
    first, = import_json(where, pcap)
    copy = os.path.join(DIR, "other-name.pcap")
    shutil.copy(pcap, copy)
    before = flows(where)
    again, stdin = import_json(where, pcap, copy)
    assert again["status"] == stdin["status"] == "already imported"
    assert again["records"] == first["records"]
    assert flows(where) == before and len(before) == first["conversations"]


@test
def stdin_globs_folders_and_compression_read_the_same():
    pcap = captures("pcap", "kp", "kp-facebook.pcap")
    want = None
    packed = tempfile.mkdtemp(dir=DIR)
    with open(pcap, "rb") as f, gzip.open(packed + "/a.pcap.gz", "wb") as g:
        shutil.copyfileobj(f, g)
    for tool, name in (("zstd", "b.pcap.zst"), ("lz4", "c.pcap.lz4"), ("bzip2", "d.pcap.bz2")):
        if shutil.which(tool):
            with open(os.path.join(packed, name), "wb") as out:
                subprocess.run([tool, "-c", pcap], stdout=out, check=True, stderr=subprocess.DEVNULL)
    ways = [[pcap], [packed + "/a.pcap.gz"], [packed + "/?.pcap.gz"], ["-"]]
    ways += [[p] for p in sorted(glob.glob(packed + "/*"))]
    for args in ways:
        where = study(KP)
        with open(pcap, "rb") as f:
            import_json(where, *args, stdin=f if args == ["-"] else subprocess.DEVNULL)
        got = [{k: v for k, v in r.items() if k != "source"} for r in flows(where)]
        want = want or got
        assert got == want and got, args
    where = study(KP)
    results = import_json(where, packed)
    assert len(results) == len(os.listdir(packed)) and all(balanced(r) for r in results)


@test
def every_capture_imports_and_accounts_for_every_packet():
    paths = [p for p in sorted(glob.glob(captures("pcap") + "/**/*", recursive=True)) +
             sorted(glob.glob(captures("export") + "/**/*.pcap", recursive=True)) if os.path.isfile(p)]
    where = study(EVERYWHERE)
    run = subprocess.run([TELLTALE, "import", "-q", "-C", where, "--json", *paths], capture_output=True,
                         text=True, timeout=1200)
    assert run.returncode in (0, 1), run.stderr[-2000:]
    results = json.loads(run.stdout)["files"]
    assert len(results) == len(paths)
    errors = [r for r in results if "error" in r]
    assert not errors, errors
    assert all(balanced(r) for r in results), [r for r in results if not balanced(r)]


@test
def what_is_not_a_capture_is_named_and_keeps_no_other_file_out():
    where = study(KP)
    bad = os.path.join(DIR, "noise.bin")
    with open(bad, "wb") as f:
        f.write(b"certainly not a capture" * 10)
    run = telltale("import", "-q", "-C", where, "--json", bad, captures("pcap", "kp", "kp-wow.pcap"), status=1)
    files = json.loads(run.stdout)["files"]
    assert "error" in files[0] and files[1]["kept"] > 0
    assert "noise.bin" in run.stderr


@test
def export_captures_are_decoded_not_metered():
    where = study(EVERYWHERE)
    pcap = captures("export", "logstash-codec-netflow", "netflow-9-cisco-asr-9000-series-template-260",
                    "netflow-9-cisco-asr-9000-series-template-260.pcap")
    result, = import_json(where, pcap)
    assert result["format"].startswith("exports"), result
    assert result["conversations"] > 0
    metered, = import_json(study(EVERYWHERE), "--as", "packets", pcap)
    assert metered["format"] == "pcap"


if __name__ == "__main__":
    sys.exit(main())
