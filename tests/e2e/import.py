#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real captures through the whole road: every packet accounted for, 5-tuples and counts equal to what
an independent tool saw, the same file once however often it is given."""
import glob
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import truth
from tap import TELLTALE, main, captures, telltale, test
from truth import EVERYWHERE, KP, balanced, flow_tuples, flows, import_json

DIR = tempfile.mkdtemp(prefix="telltale-import-")


def study(population):
    return truth.study(tempfile.mkdtemp(dir=DIR), population)


@test
def the_populations_conversations_equal_tsharks():
    for pcap in sorted(glob.glob(captures("pcap", "kp") + "/*.pcap")):
        where = study(KP)
        result, = import_json(where, pcap)
        assert balanced(result), result
        want = truth.tuples(pcap, truth.in_kp)
        got = flow_tuples(flows(where))
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
