#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables and logs through the whole road: each line accounted for, and what is stored equal to what a
plain reading of the same file adds up to."""
import collections
import csv
import glob
import gzip
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, captures, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-tables-")
STUDY = """name: tables
timezone: UTC
period: {{from: 1970-01-01, to: 2030-12-31}}
population:
{population}
"""
EVERYWHERE = "  - {prefix: 0.0.0.0/0}\n  - {prefix: '::/0'}"
TEN = "  - {prefix: 10.0.0.0/8}"
HEADER = "start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,octets,tcp_flags,reverse_packets,reverse_octets"
COUNTS = ("packets_out", "packets_in", "octets_out", "octets_in")


def study(population=EVERYWHERE):
    path = tempfile.mkdtemp(dir=DIR)
    with open(os.path.join(path, "study.yaml"), "w") as f:
        f.write(STUDY.format(population=population))
    return path


def write(name, text, packed=False):
    path = os.path.join(tempfile.mkdtemp(dir=DIR), name)
    with (gzip.open if packed else open)(path, "wt") as f:
        f.write(text)
    return path


def run(where, *args):
    files = json.loads(telltale("import", "-q", "-C", where, "--json", *args).stdout)["files"]
    for f in files:
        assert "error" not in f, f
        assert f["records"] == f["kept"] + f["outside"] + f["duplicates"] + f["rejected"], f
        assert sum(f["reasons"].values()) == f["rejected"], f
    return files


def flows(where):
    rows = json.loads(telltale("flows", "-C", where, "--format", "json").stdout)
    return [{k: v for k, v in r.items() if k != "source"} for r in rows]


def sums(rows):
    """(protocol, ends in a fixed order) -> packets and octets each way."""
    out = collections.defaultdict(lambda: [0, 0, 0, 0])
    for protocol, a, b, counts in rows:
        if a > b:
            a, b = b, a
            counts = [counts[1], counts[0], counts[3], counts[2]]
        out[(int(protocol), a, b)] = [x + int(y) for x, y in zip(out[(int(protocol), a, b)], counts)]
    return {k: v for k, v in out.items()}


def stored(rows):
    return sums((r["protocol"], (r["local"], int(r["local_port"])), (r["remote"], int(r["remote_port"])),
                 [r[c] for c in COUNTS]) for r in rows)


def difference(got, want):
    return {k: (got.get(k), want.get(k)) for k in set(got) | set(want) if got.get(k) != want.get(k)}


PROTOCOL = {"tcp": 6, "udp": 17, "icmp": 1, "igmp": 2, "ipv6-icmp": 58}


@test
def one_table_reads_the_same_in_every_writing():
    rows = [["2017-05-01T10:00:00.250Z", "2017-05-01T10:00:09.5Z", "10.0.0.1", "192.0.2.7", "40000", "443", "6",
             "12", "3400", "27", "10", "90000"],
            ["2017-05-01T10:01:00Z", "2017-05-01T10:01:00Z", "10.0.0.2", "192.0.2.53", "5353", "53", "17",
             "1", "70", "0", "1", "130"],
            ["2017-05-01T10:02:00Z", "2017-05-01T10:02:01Z", "2001:db8::1", "2001:db8::2", "0", "32768", "58",
             "3", "300", "0", "3", "300"]]
    names = HEADER.split(",")
    epoch = {"2017-05-01T10:00:00.250Z": 1493632800250, "2017-05-01T10:00:09.5Z": 1493632809500,
             "2017-05-01T10:01:00Z": 1493632860000, "2017-05-01T10:02:00Z": 1493632920000,
             "2017-05-01T10:02:01Z": 1493632921000}
    word = {"6": "TCP", "17": "udp", "58": "ipv6-icmp"}

    def table(separator, change=lambda row: row, header=names):
        return "\n".join(separator.join(r) for r in [header, *map(change, rows)]) + "\n"

    writings = {
        "a.csv": table(","),
        "a.tsv": table("\t"),
        "semicolon.csv": table(";"),
        "crlf.csv": "\ufeff" + table(",").replace("\n", "\r\n"),
        "quoted.csv": table(",", lambda r: [f'"{c}"' for c in r], [f'"{n}"' for n in names]),
        "ms.csv": table(",", lambda r: [str(epoch[r[0]]), str(epoch[r[1]]), *r[2:]]),
        "us.csv": table(",", lambda r: [str(epoch[r[0]]) + "000", str(epoch[r[1]]) + "000", *r[2:]]),
        "ns.csv": table(",", lambda r: [str(epoch[r[0]]) + "000000", str(epoch[r[1]]) + "000000", *r[2:]]),
        "s.csv": table(",", lambda r: [f"{epoch[r[0]] / 1000:.3f}", f"{epoch[r[1]] / 1000:.3f}", *r[2:]]),
        "zone.csv": table(",", lambda r: [r[0].replace("T10", "T19").replace("Z", "+09:00"),
                                          r[1].replace("T10", "T19").replace("Z", "+0900"), *r[2:]]),
        "letters.csv": table(",", lambda r: [*r[:6], word[r[6]], *r[7:9], "FSPA" if r[9] == "27" else "....", *r[10:]]),
        "a.jsonl": "".join(json.dumps(dict(zip(names, r))) + "\n" for r in rows),
        "numbers.jsonl": "".join(json.dumps({n: (int(c) if c.isdigit() else c) for n, c in zip(names, r)}) + "\n"
                                 for r in rows),
    }
    want = None
    for name, text in writings.items():
        for packed in (False, True):
            where = study()
            f, = run(where, write(name + (".gz" if packed else ""), text, packed))
            assert (f["records"], f["kept"]) == (3, 3), (name, f)
            assert f["format"] == {"tsv": "tsv", "jsonl": "jsonl"}.get(name.split(".")[1], "csv"), f
            got = [{k: v for k, v in r.items() if k != "exporter"} for r in flows(where)]
            want = want or got
            assert got == want, (name, got, want)
            if packed:
                break
    assert [r["start"] for r in want] == ["2017-05-01T10:00:00.250Z", "2017-05-01T10:01:00.000Z",
                                         "2017-05-01T10:02:00.000Z"], want
    assert want[0]["tcp_flags_out"] == "FSPA" and want[0]["octets_in"] == 90000


@test
def columns_called_otherwise_are_mapped():
    text = "t0,a,b,x,y,p,n,bytes_sent,host\n1493632800,10.0.0.1,192.0.2.7,40000,443,tcp,3,400,WWW.Example.org.\n"
    path = write("odd.csv", text)
    where = study(TEN)
    missing = telltale("import", "-C", where, path, status=1)
    assert "no table of flows" in missing.stderr or "column start" in missing.stderr, missing.stderr
    f, = run(where, "--map", "start=t0,src_ip=a,dst_ip=b,src_port=x,dst_port=y,protocol=p,packets=n,octets=bytes_sent,"
             "server_name=host", path)
    row, = flows(where)
    assert (row["octets_out"], row["server_name"], row["name_kind"]) == (400, "www.example.org", "exporter"), row
    wrong = telltale("import", "-C", where, "--map", "begin=t0", path, status=2)
    assert "begin" in wrong.stderr


@test
def every_bad_line_is_counted_by_its_reason():
    good = "2017-05-01T10:00:00Z,2017-05-01T10:00:01Z,10.0.0.1,192.0.2.7,40000,443,6,1,40,2,0,0"
    lines = {
        "bad_time": ["yesterday,2017-05-01T10:00:01Z,10.0.0.1,192.0.2.7,1,443,6,1,40,2,0,0",
                     ",,10.0.0.1,192.0.2.7,1,443,6,1,40,2,0,0",
                     "2017-02-30T10:00:00Z,,10.0.0.1,192.0.2.7,1,443,6,1,40,2,0,0"],
        "no_address": ["2017-05-01T10:00:00Z,,,192.0.2.7,1,443,6,1,40,2,0,0"],
        "no_counter": ["2017-05-01T10:00:00Z,,10.0.0.1,192.0.2.7,1,443,6,,,2,,"],
        "bad_field": ["2017-05-01T10:00:00Z,,10.0.0.300,192.0.2.7,1,443,6,1,40,2,0,0",
                      "2017-05-01T10:00:00Z,,10.0.0.1,192.0.2.7,1,70000,6,1,40,2,0,0",
                      "2017-05-01T10:00:00Z,,10.0.0.1,192.0.2.7,1,443,6,-1,40,2,0,0",
                      good + ",one more", '2017-05-01T10:00:00Z,"x"y,10.0.0.1', "nonsense" * 2],
        "over_limit": ["x" * (1 << 20) + "yy"],
    }
    # A line with no readable protocol is a bad field before it is anything else.
    text = "\n".join([HEADER, good, "", *(x for xs in lines.values() for x in xs),
                      good.replace("10.0.0.1", "198.51.100.1")]) + "\n"
    f, = run(study(TEN), write("bad.csv", text))
    assert f["reasons"] == {k: len(v) for k, v in lines.items()}, f
    assert (f["kept"], f["outside"], f["records"]) == (1, 1, 2 + sum(map(len, lines.values()))), f


@test
def a_table_given_twice_counts_once():
    path = write("a.csv", HEADER + "\n2017-05-01T10:00:00Z,,10.0.0.1,192.0.2.7,4,443,6,1,40,2,0,0\n")
    where = study(TEN)
    first, again = run(where, path, path)
    assert (first["status"], again["status"]) == ("imported", "already imported")
    assert len(flows(where)) == 1


@test
def what_is_no_table_of_flows_is_said():
    for name, text in (("a.json", '{"a": 1}\n'), ("a.txt", "hello world\n"), ("list.json", "[1, 2]\n"),
                       ("pretty.json", '{\n "start": 1\n}\n'), ("a.csv", "start,src_ip,dst_ip\n1,::1,::2\n")):
        said = telltale("import", "-C", study(), write(name, text), status=1).stderr
        assert name in said and ("no table" in said or "without column protocol" in said), said


@test
def our_worlds_table_equals_its_ipfix():
    feed = os.path.join(DIR, "feed")
    telltale("simulate", os.path.join(SOURCE, "tests", "worlds", "tiny.yaml"), "-o", feed, "-q", "--format", "csv,ipfix")
    got = {}
    for kind in ("csv", "ipfix"):
        where = study()
        f, = run(where, os.path.join(feed, "flows." + kind))
        assert f["format"] == kind and f["rejected"] == 0
        # The table has no flags of the other direction.
        got[kind] = [{k: v for k, v in r.items() if not k.startswith("tcp_flags") and k != "exporter"}
                     for r in flows(where)]
    assert got["csv"] == got["ipfix"] and len(got["csv"]) > 1000


@test
def argus_tables_add_up():
    for path in sorted(glob.glob(captures("csv") + "/*.binetflow") + glob.glob(captures("truth", "argus") + "/*.csv")):
        with open(path) as f:
            text = f.read()
        rows = list(csv.DictReader(text.splitlines(), delimiter="\t" if "\t" in text.splitlines()[0] else ","))
        where = study()
        f, = run(where, path)
        assert (f["format"], f["records"]) == ("argus binetflow", len(rows)), f
        ip = [r for r in rows if r["Proto"] in PROTOCOL]
        assert f["kept"] == len(ip), (path, f)
        got = flows(where)
        packets = sum(int(r["TotPkts"]) if "TotPkts" in r else int(r["SrcPkts"]) + int(r["DstPkts"]) for r in ip)
        octets = sum(int(r["TotBytes"]) if "TotBytes" in r else int(r["SrcBytes"]) + int(r["DstBytes"]) for r in ip)
        assert sum(r["packets_out"] + r["packets_in"] for r in got) == packets, path
        assert sum(r["octets_out"] + r["octets_in"] for r in got) == octets, path
        ports = [r for r in ip if r["Proto"] in ("tcp", "udp") and "SrcPkts" in r]
        want = sums((PROTOCOL[r["Proto"]], (r["SrcAddr"], int(r["Sport"])), (r["DstAddr"], int(r["Dport"])),
                     [int(r["SrcPkts"]), int(r.get("DstPkts") or int(r["TotPkts"]) - int(r["SrcPkts"])),
                      int(r["SrcBytes"]), int(r.get("DstBytes") or int(r["TotBytes"]) - int(r["SrcBytes"]))])
                    for r in ports)
        have = stored(r for r in got if int(r["protocol"]) in (6, 17))
        assert have == want, (path, list(difference(have, want).items())[:5])


@test
def parquet_equals_the_text_that_it_was_made_from():
    pairs = [("argus-iphone.zstd.parquet", ("truth", "argus", "iphone.ra.csv")),
             ("slips-test3.snappy.parquet", ("csv", "slips-test3-mixed.binetflow")),
             ("slips-test5.uncompressed.parquet", ("csv", "slips-test5-mixed.binetflow")),
             ("vpc-v2.gzip.parquet", ("vpcflow", "otel-v2-multi.log"))]
    a, b = study(), study()
    # All in one run: the columns of one file must not be taken for those of the next.
    parquet = run(a, *[captures("parquet", p) for p, _ in pairs])
    text = run(b, *[captures(*t) for _, t in pairs])
    for p, t in zip(parquet, text):
        assert p["format"] == "parquet"
        with open(captures("truth", "parquet", os.path.basename(p["path"]) + ".meta.json")) as f:
            assert p["records"] == int(json.load(f)["rows"]), p
        assert [p[k] for k in ("records", "kept", "reasons", "first", "last")] == \
            [t[k] for k in ("records", "kept", "reasons", "first", "last")], (p, t)
    same = [[{k: v for k, v in r.items() if k != "exporter"} for r in flows(where)] for where in (a, b)]
    assert same[0] == same[1] and len(same[0]) > 400
    # A name that the engine would take for a pattern, or for the end of a text.
    odd = os.path.join(tempfile.mkdtemp(dir=DIR), "a*'{1,2}.parquet")
    shutil.copy(captures("parquet", pairs[3][0]), odd)
    assert run(study(), odd)[0]["kept"] == 2
    cut = write("cut.parquet", "PAR1 and no more")
    assert "cut.parquet" in telltale("import", "-C", study(), cut, status=1).stderr


@test
def vpc_flow_logs_in_any_order_of_fields():
    where = study()
    v2, = run(where, captures("vpcflow", "flowlogs-reader-v2.log"))
    assert (v2["format"], v2["records"], v2["reasons"]) == ("vpc flow log", 5, {"not_a_flow": 2}), v2
    row, = flows(where) # one direction was seen at two interfaces: the first one counts
    assert sorted([(row["packets_out"], row["octets_out"]), (row["packets_in"], row["octets_in"])]) == \
        [(10, 840), (20, 1680)] and v2["duplicates"] == 1, row
    where = study()
    v3, = run(where, captures("vpcflow", "flowlogs-reader-v3-custom-order.log.gz"))
    got = flows(where)
    assert v3["kept"] == 2 and {r["exporter"] for r in got} == {"vpc"}, (v3, got)
    assert {frozenset((r["local"], r["remote"])) for r in got} == \
        {frozenset(("192.168.0.1", "172.18.160.93")), frozenset(("192.168.0.1", "172.18.160.9"))}, got
    assert {r["tcp_flags_out"] + r["tcp_flags_in"] for r in got} == {"FSA", "FS"}, got
    none, = run(study(), captures("vpcflow", "otel-v2-nodata.log"))
    assert none["reasons"] == {"not_a_flow": 1}


def zeek_rows(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt") as f:
        lines = f.read().splitlines()
    if lines[0].startswith("{"):
        return [json.loads(x) for x in lines]
    fields = next(x for x in lines if x.strip().startswith("#fields")).strip().split("\t")[1:]
    return [dict(zip(fields, x.split("\t"))) for x in lines if x.strip() and not x.strip().startswith("#")]


def number(value):
    return 0 if value in (None, "-", "") else int(value)


@test
def zeek_conn_logs_equal_their_own_sums():
    for path in sorted(glob.glob(captures("zeek") + "/**/conn*", recursive=True)):
        rows = zeek_rows(path)
        where = study()
        f, = run(where, path)
        assert (f["format"], f["records"]) == ("zeek conn", len(rows)), (f, len(rows))
        assert f["rejected"] == 0, f
        want = sums((PROTOCOL[r["proto"]], (r["id.orig_h"], number(r["id.orig_p"])),
                     (r["id.resp_h"], number(r["id.resp_p"])),
                     [number(r[k]) for k in ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")])
                    for r in rows if r["proto"] in ("tcp", "udp"))
        if f["duplicates"]:
            continue
        got = stored(r for r in flows(where) if int(r["protocol"]) in (6, 17))
        assert got == want, (path, list(difference(got, want).items())[:5])


@test
def zeeks_other_logs_name_the_connections():
    folder = captures("zeek", "slips-test10")
    names = {r["uid"]: r["server_name"] for r in zeek_rows(folder + "/ssl.log") if r["server_name"] != "-"}
    want = {(r["id.orig_h"], int(r["id.orig_p"])): names[r["uid"]]
            for r in zeek_rows(folder + "/conn.log") if r["uid"] in names}
    where = study()
    run(where, folder + "/conn.log")
    alone = flows(where)
    have = {(r["local"], int(r["local_port"])): r["server_name"] for r in alone if r["name_kind"] == "sni"}
    have.update({(r["remote"], int(r["remote_port"])): r["server_name"] for r in alone if r["name_kind"] == "sni"})
    assert want and all(have.get(k) == v.lower() for k, v in want.items()), (want, have)
    assert any(r["name_kind"] == "dns" or r["basis"] == "dns" for r in alone), "no DNS answer was used"
    # The same where the logs lie elsewhere and are given, and where the whole folder is given.
    elsewhere = tempfile.mkdtemp(dir=DIR)
    shutil.copy(folder + "/conn.log", elsewhere)
    given = study()
    run(given, elsewhere + "/conn.log", *[f"{folder}/{n}.log" for n in ("ssl", "dns", "x509")])
    assert flows(given) == alone
    whole = study()
    files = run(whole, folder)
    assert flows(whole) == alone
    assert {f["format"] for f in files} == {"zeek conn", "zeek dns", "zeek ssl", "zeek x509", "zeek log"}
    assert all(f["reasons"] == {"not_a_flow": f["records"]} for f in files if f["format"] != "zeek conn")
    nothing = study()
    run(nothing, elsewhere + "/conn.log")
    assert not any(r["server_name"] for r in flows(nothing))


@test
def suricatas_events_count_flows_and_name_them():
    path = captures("suricata", "slips-test6-part1.eve.json")
    with open(path) as f:
        lines = [json.loads(x) for x in f]
    events = [x for x in lines if x["event_type"] == "flow"]
    where = study()
    f, = run(where, path)
    assert (f["format"], f["records"], f["kept"] + f["duplicates"]) == ("suricata eve", len(lines), len(events)), f
    assert f["reasons"] == {"not_a_flow": len(lines) - len(events)}
    want = sums((PROTOCOL[x["proto"].lower()], (x["src_ip"], x["src_port"]), (x["dest_ip"], x["dest_port"]),
                 [x["flow"][k] for k in ("pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient")])
                for x in events if x["proto"] in ("TCP", "UDP"))
    got = stored(r for r in flows(where) if int(r["protocol"]) in (6, 17))
    assert got == want, list(difference(got, want).items())[:5]


@test
def suricatas_names_and_netflow_events():
    base = {"flow_id": 7, "src_ip": "10.0.0.1", "src_port": 40000, "dest_ip": "192.0.2.7", "dest_port": 443,
            "proto": "TCP"}
    flow = {"pkts_toserver": 4, "pkts_toclient": 3, "bytes_toserver": 500, "bytes_toclient": 4000,
            "start": "2021-06-06T10:00:00.000000+0200", "end": "2021-06-06T10:00:05.000000+0200"}
    t = {"timestamp": "2021-06-06T10:00:00.100000+0200"}
    events = [
        dict(base, **t, event_type="tls", tls={"sni": "Www.Example.com"}),
        dict(base, **t, event_type="flow", flow=flow, app_proto="tls",
             tcp={"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1a"}),
        dict(base, **t, event_type="netflow", netflow={"pkts": 4, "bytes": 500, "start": flow["start"],
                                                       "end": flow["end"]}),
        dict(base, **t, event_type="stats"),
    ]
    where = study(TEN)
    f, = run(where, write("eve.json", "".join(json.dumps(e) + "\n" for e in events)))
    assert (f["kept"], f["duplicates"], f["reasons"]) == (1, 1, {"not_a_flow": 2}), f
    row, = flows(where)
    assert (row["server_name"], row["name_kind"], row["application"]) == ("www.example.com", "sni", "TLS"), row
    assert (row["tcp_flags_out"], row["tcp_flags_in"], row["start"]) == ("FSPA", "SPA", "2021-06-06T08:00:00.000Z"), row


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
