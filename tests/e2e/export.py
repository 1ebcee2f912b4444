#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leaves the study: flow files that other tools and we ourselves read back to the same sums, a
report as STIX, MISP and tables, and pseudonyms behind which no address is left."""
import collections
import csv
import io
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, TELLTALE, Skip, captures, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-export-")
STUDY = os.path.join(DIR, "study")
KEY = os.path.join(DIR, "key")
STUDY_FILE = """name: {name}
timezone: Asia/Pyongyang
period: {{from: 2017-04-01, to: 2017-07-06}}
population:
  - {{prefix: 175.45.176.0/22, label: Star JV}}
  - {{prefix: 210.52.109.0/24, label: KPTC through China Netcom}}
  - {{prefix: 77.94.35.0/24, label: SatGate}}
pivots:
  - {{prefix: 95.211.2.0/29, from: 2017-05-08, to: 2017-05-28, label: a VPN's exit in the Netherlands}}
"""
state = {}


def path(*below):
    return os.path.join(DIR, *below)


def load(name):
    with open(path(name), encoding="utf-8") as f:
        return json.load(f)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def flows(study, *more):
    return rows(telltale("flows", "-q", "-C", study, "--format", "csv", *more).stdout)


def new_study(name):
    os.makedirs(path(name))
    with open(path(name, "study.yaml"), "w") as f:
        f.write(STUDY_FILE.format(name=name))
    return path(name)


def made():
    if not state:
        shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), STUDY,
                        ignore=shutil.ignore_patterns("store", "feed", "audit.log", "report.*"))
        telltale("simulate", path("study", "world.yaml"), "-o", path("feed"), "--scale", "0.02", "-q")
        telltale("import", "-q", "-C", STUDY, path("feed", "flows.ipfix"))
        telltale("report", "-q", "-C", STUDY, "--json", path("report.json"), "-o", path("report.html"))
        with open(KEY, "w") as f:
            f.write("33322d636861722d7374722d666f722d4145532d6b65792d616e642d7061642e\n")
        state["flows"] = flows(STUDY)
        state["report"] = load("report.json")
    return state["flows"]


def sums(list_of_flows):
    scale = [int(f["sampling"]) for f in list_of_flows]
    return (len(list_of_flows),
            sum(n * (int(f["packets_out"]) + int(f["packets_in"])) for n, f in zip(scale, list_of_flows)),
            sum(n * (int(f["octets_out"]) + int(f["octets_in"])) for n, f in zip(scale, list_of_flows)))


def exported(what):
    made()
    file = path("all." + what)
    if not os.path.exists(file):
        telltale("export", "-q", "-C", STUDY, what, "-o", file)
    return file


def come_back(what, without=()):
    """Imports an export into a study of its own: every column of every conversation, as a multiset."""
    study = new_study("back-" + what)
    run = json.loads(telltale("import", "-q", "--json", "-C", study, exported(what)).stdout)["files"][0]
    assert run["rejected"] == run["duplicates"] == run["outside"] == 0, run
    skip = {"source", "exporter", *without}
    strip = lambda fs: collections.Counter(tuple(v for k, v in f.items() if k not in skip) for f in fs)
    back, there = strip(flows(study)), strip(made())
    assert back == there, (len(made()), list((there - back).items())[:2], list((back - there).items())[:2])


@test
def ipfix_comes_back_as_the_same_conversations():
    come_back("ipfix")


@test
def csv_comes_back_as_the_same_conversations():
    come_back("csv")


@test
def parquet_comes_back_as_the_same_conversations():
    come_back("parquet")


@test
def nfcapd_comes_back_as_the_same_conversations_without_names():
    come_back("nfcapd", ("server_name", "name_kind", "application", "service", "category", "basis", "candidates",
                         "platform", "platform_basis"))


@test
def nfdump_counts_the_same():
    if not shutil.which("nfdump"):
        raise Skip("nfdump is not installed")
    run = subprocess.run(["nfdump", "-r", exported("nfcapd"), "-I"], capture_output=True, text=True)
    said = dict(line.split(": ") for line in run.stdout.splitlines() if ": " in line)
    conversations, packets, octets = sums(made())
    answered = sum(1 for f in made() if int(f["packets_in"]) and int(f["packets_out"]))
    assert run.stderr == "" and said["Ident"] == "telltale", run
    assert int(said["Flows"]) == conversations + answered, (said, conversations, answered)
    assert (int(said["Packets"]), int(said["Bytes"])) == (packets, octets), (said, packets, octets)
    run = subprocess.run(["nfdump", "-r", exported("nfcapd"), "-o", "csv", "-q", "-N"], capture_output=True, text=True)
    seen = collections.Counter()
    for line in run.stdout.splitlines():
        c = line.split(",")
        if len(c) > 12 and re.match(r"\d{4}-", c[0]):
            seen[c[3], c[4], c[5], c[6], c[11], c[12]] += 1
    ours = collections.Counter()
    for f in made():
        for a, b, n in (("local", "remote", "out"), ("remote", "local", "in")):
            if int(f["packets_" + n]):
                ours[f[a], f[b], f[a + "_port"], f[b + "_port"], f["packets_" + n], f["octets_" + n]] += 1
    assert seen == ours, (list((seen - ours).items())[:2], list((ours - seen).items())[:2])


@test
def tshark_reads_our_ipfix_to_the_same_sums():
    if not shutil.which("tshark"):
        raise Skip("tshark is not installed")
    run = subprocess.run(["tshark", "-r", exported("ipfix"), "-T", "fields", "-e", "cflow.packets", "-e", "cflow.octets",
                          "-E", "aggregator=;"], capture_output=True, text=True)
    packets = octets = 0
    for line in run.stdout.splitlines():
        p, o = (line + "\t").split("\t")[:2]
        packets += sum(map(int, filter(None, p.split(";"))))
        octets += sum(map(int, filter(None, o.split(";"))))
    assert (packets, octets) == sums(made())[1:], (packets, octets, sums(made()))


@test
def libfixbuf_reads_our_ipfix():
    if not shutil.which("ipfixDump"):
        raise Skip("libfixbuf-tools is not installed")
    run = subprocess.run(["ipfixDump", "--in", exported("ipfix"), "--stats"], capture_output=True, text=True)
    assert f" {len(made())} Data Records" in run.stdout, run.stdout[-500:] + run.stderr[-500:]


@test
def one_way_ipfix_has_a_record_a_direction():
    telltale("export", "-q", "-C", STUDY, "ipfix", "--one-way", "-o", path("oneway.ipfix"))
    study = new_study("oneway")
    run = json.loads(telltale("import", "-q", "--json", "-C", study, path("oneway.ipfix")).stdout)["files"][0]
    assert run["records"] > len(made()) == run["conversations"], run
    assert sums(flows(study)) == sums(made())


@test
def a_filter_and_a_window_choose_what_is_exported():
    args = ["--from", "2017-05-01", "--to", "2017-05-08", "proto udp"]
    want = flows(STUDY, *args)
    got = rows(telltale("export", "-q", "-C", STUDY, "csv", *args).stdout)
    assert len(got) == len(want) > 0
    assert [g["community_id"] for g in got] == [w["community_id"] for w in want]
    telltale("export", "-q", "-C", STUDY, "nfcapd", "host 192.0.2.1", "-o", path("none.nfcapd"))
    assert json.loads(telltale("import", "-q", "--json", "-C", new_study("none"), path("none.nfcapd")).stdout)["files"][0]["records"] == 0


@test
def nfcapd_goes_through_a_pipe_too():
    made()
    with open(path("piped.nfcapd"), "wb") as f:
        process = subprocess.Popen([TELLTALE, "export", "-q", "-C", STUDY,
                                    "nfcapd"], stdout=subprocess.PIPE)
        f.write(process.stdout.read())
        assert process.wait() == 0
    with open(path("piped.nfcapd"), "rb") as a, open(exported("nfcapd"), "rb") as b:
        assert a.read() == b.read()


@test
def community_ids_are_what_wireshark_computes():
    if not shutil.which("tshark"):
        raise Skip("tshark is not installed")
    capture = captures("pcap", "ndpi")
    files = sorted(f for f in os.listdir(capture) if re.search(r"icmp|6in|ipv6|sctp|dns", f, re.I) and "pcap" in f)[:6]
    checked = 0
    for i, name in enumerate(files):
        study = new_study(f"ids{i}")
        with open(os.path.join(study, "study.yaml"), "w") as f:
            f.write("name: ids\ntimezone: UTC\nperiod: {from: 2000-01-01, to: 2030-01-01}\n"
                    "population:\n  - {prefix: 0.0.0.0/0}\n  - {prefix: '::/0'}\n")
        telltale("import", "-q", "-C", study, os.path.join(capture, name), "--max-rejects", "100")
        run = subprocess.run(["tshark", "-r", os.path.join(capture, name), "--enable-protocol", "communityid", "-T", "fields",
                              "-e", "communityid"], capture_output=True, text=True)
        theirs = set(filter(None, re.split(r"[,\n]", run.stdout)))
        for f in flows(study):
            if f["protocol"] in ("1", "6", "17", "58", "132") and f["server_name"] is not None:
                checked += 1
                assert f["community_id"] in theirs, (name, f)
    if not checked:
        raise Skip("no capture to check with")


# --- the report as STIX, MISP, tables ---

SCO = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
CONTRIBUTING = {"ipv4-addr": ["value"], "ipv6-addr": ["value"], "autonomous-system": ["number"],
                "network-traffic": ["start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"]}
TLP = {"clear": "94868c89-83c2-464b-929b-a1a8aa3c8487", "green": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
       "amber": "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003",
       "red": "e828b379-4e03-4974-9ac4-e53a884c97c1"}
COMMON = {"type", "spec_version", "id", "created_by_ref", "created", "modified", "revoked", "labels", "confidence", "lang",
          "external_references", "object_marking_refs", "granular_markings", "extensions", "defanged"}
# STIX 2.1: what each type must have, and may have besides.
TYPES = {
    "identity": ({"name"}, {"description", "identity_class", "roles", "sectors", "contact_information"}),
    "infrastructure": ({"name"}, {"description", "infrastructure_types", "aliases", "first_seen", "last_seen"}),
    "observed-data": ({"first_observed", "last_observed", "number_observed", "object_refs"}, set()),
    "report": ({"name", "published", "object_refs"}, {"description", "report_types"}),
    "note": ({"content", "object_refs"}, {"abstract", "authors"}),
    "relationship": ({"relationship_type", "source_ref", "target_ref"}, {"description", "start_time", "stop_time"}),
    "marking-definition": (set(), {"name", "definition_type", "definition"}),
    "extension-definition": ({"name", "schema", "version", "extension_types"}, {"description", "extension_properties"}),
    "ipv4-addr": ({"value"}, set()), "ipv6-addr": ({"value"}, set()), "autonomous-system": ({"number"}, {"name", "rir"}),
    "network-traffic": ({"protocols"}, {"start", "end", "is_active", "src_ref", "dst_ref", "src_port", "dst_port",
                                        "src_byte_count", "dst_byte_count", "src_packets", "dst_packets"}),
}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
ID = re.compile(r"^([a-z][a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def check_references(o, ids):
    for key, value in o.items():
        if key.endswith("_ref") or key.endswith("_refs"):
            for ref in value if key.endswith("_refs") else [value]:
                assert ref in ids, (o["id"], key, ref)


def check_object(o, ids):
    """The sentences of the standard that a JSON schema of it says, and the ids' rule."""
    kind = o["type"]
    must, may = TYPES[kind]
    assert ID.match(o["id"]) and o["id"].startswith(kind + "--"), o["id"]
    assert must <= set(o) <= must | may | COMMON, (kind, set(o) - must - may - COMMON, must - set(o))
    assert o["spec_version"] == "2.1"
    if kind in CONTRIBUTING:
        parts = {k: o[k] for k in CONTRIBUTING[kind] if k in o}
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert o["id"] == f"{kind}--{uuid.uuid5(SCO, text)}", (o, text)
        assert "created" not in o
    else:
        assert TIME.match(o["created"]) and (kind == "marking-definition" or TIME.match(o["modified"])), o
    for key, value in o.items():
        assert value not in (None, "", []) or key in ("content",), (o["id"], key)
        if key in ("start", "end", "published", "first_observed", "last_observed"):
            assert TIME.match(value), (key, value)
        if key.endswith(("_count", "_packets")):
            assert isinstance(value, int) and value >= 0
    if kind == "network-traffic":
        assert ("src_ref" in o or "dst_ref" in o) and o["start"] <= o["end"] and not o.get("is_active"), o
        assert all(re.match(r"^[a-z0-9-]+$", p) for p in o["protocols"]) and o["protocols"]
    if kind == "observed-data":
        assert 1 <= o["number_observed"] <= 999999999 and o["first_observed"] <= o["last_observed"], o
    check_references(o, ids)


@test
def the_stix_bundle_keeps_the_standards_rules():
    made()
    telltale("export", "-q", "-C", STUDY, "stix", path("report.json"), "-o", path("bundle.json"), "--tlp", "amber+strict")
    bundle = load("bundle.json")
    assert set(bundle) == {"type", "id", "objects"} and bundle["type"] == "bundle" and ID.match(bundle["id"])
    ids = [o["id"] for o in bundle["objects"]]
    assert len(ids) == len(set(ids))
    for o in bundle["objects"]:
        check_object(o, set(ids))
        if o["type"] not in ("marking-definition", "identity", "extension-definition"):
            assert o["object_marking_refs"] == ["marking-definition--" + TLP["amber+strict"]], o
    kinds = collections.Counter(o["type"] for o in bundle["objects"])
    model = state["report"]
    assert kinds["report"] == 1 and kinds["note"] == len(model["findings"])
    assert kinds["infrastructure"] >= 1 and kinds["relationship"] >= 1 and kinds["autonomous-system"] >= 1, kinds
    pairs = {(c["local"], c["remote"]) for c in model["contacts"]} | {(t["local"], t["relay"]) for t in model["concealment"]["tor"]}
    values = {o["id"]: o["value"] for o in bundle["objects"] if "value" in o}
    traffic = [o for o in bundle["objects"] if o["type"] == "network-traffic"]
    assert pairs <= {(values[t["src_ref"]], values[t["dst_ref"]]) for t in traffic}
    known = {f["community_id"] for f in made()}
    extended = [e["community_id"] for t in traffic for e in t.get("extensions", {}).values()]
    assert extended and set(extended) <= known
    marking = next(o for o in bundle["objects"] if o["type"] == "marking-definition")
    assert marking["extensions"] == {"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":
                                     {"extension_type": "property-extension", "tlp_2_0": "amber+strict"}}


@test
def the_same_report_gives_the_same_bundle_and_ids_without_the_study_too():
    made()
    telltale("export", "-q", "-C", STUDY, "stix", path("report.json"), "-o", path("again.json"), "--tlp", "amber+strict")
    assert load("again.json") == load("bundle.json")
    telltale("export", "-q", "-C", DIR, "stix", path("report.json"), "-o", path("bare.json"))
    bare = load("bare.json")
    values = lambda b: {o["id"] for o in b["objects"] if o["type"] in ("ipv4-addr", "ipv6-addr", "infrastructure", "report")}
    assert values(bare) == values(load("bundle.json"))
    for o in bare["objects"]:
        check_object(o, {o["id"] for o in bare["objects"]})
    assert "TLP" in telltale("export", "-C", STUDY, "stix", path("report.json"), "--tlp", "pink", status=2).stderr


TEMPLATES = {"network-connection": ("af16764b-f8e5-4603-9de1-de34d272f80b", {"ip-src", "ip-dst", "first-packet-seen", "layer3-protocol"}),
             "netflow": ("bf148c58-3e7e-414e-8de8-5d96379ca77e", {"ip-dst", "ip-src", "dst-port", "src-port", "tcp-flags", "icmp-type",
                         "ip-protocol-number", "protocol", "src-as", "dst-as", "ip_version", "direction", "flow-count", "packet-count",
                         "byte-count", "first-packet-seen", "last-packet-seen", "community-id"}),
             "tor-node": ("a5fde1c8-318e-4658-a3ea-85ea000bdd33", {"text", "address", "last-seen", "first-seen"})}


@test
def the_misp_event_has_the_templates_objects():
    made()
    telltale("export", "-q", "-C", STUDY, "misp", path("report.json"), "-o", path("event.json"), "--tlp", "green")
    event = load("event.json")["Event"]
    assert {"uuid", "info", "date", "threat_level_id", "analysis", "distribution", "published", "timestamp", "Orgc"} <= set(event)
    assert event["Tag"] == [{"name": "tlp:green"}] and re.match(r"^\d{4}-\d\d-\d\d$", event["date"])
    uuids, names = [event["uuid"]], collections.Counter()
    for o in event["Object"]:
        template, relations = TEMPLATES[o["name"]]
        names[o["name"]] += 1
        assert o["template_uuid"] == template and o["template_version"].isdigit() and o["first_seen"] <= o["last_seen"], o
        assert o["Attribute"]
        for a in o["Attribute"]:
            assert a["object_relation"] in relations and isinstance(a["value"], str) and a["value"] and a["to_ids"] is False, a
            if a["type"] in ("ip-src", "ip-dst"):
                ipaddress.ip_address(a["value"])
            uuids.append(a["uuid"])
        uuids.append(o["uuid"])
    uuids += [a["uuid"] for a in event["Attribute"]]
    assert len(uuids) == len(set(uuids)) and all(uuid.UUID(u).version == 5 for u in uuids)
    assert set(names) == set(TEMPLATES) and names["tor-node"] == len(state["report"]["concealment"]["tor"]), names
    telltale("export", "-q", "-C", STUDY, "misp", path("report.json"), "-o", path("event2.json"), "--tlp", "green")
    assert load("event2.json")["Event"] == event


def numbers(value):
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


@test
def every_table_of_the_report_is_a_file():
    made()
    telltale("export", "-q", "tables", path("report.json"), "-o", path("tables"))
    tables = {f[:-4]: rows(open(path("tables", f), newline="", encoding="utf-8").read()) for f in os.listdir(path("tables"))}
    model = state["report"]
    assert len(tables["services"]) == len(model["services"]) and len(tables["findings"]) == len(model["findings"])
    for got, want in zip(tables["services"], model["services"]):
        assert got["id"] == want["id"] and int(got["flows"]) == want["flows"] and float(got["share_low"]) == want["share"]["low"]
    assert len(tables["activity_hourly"]) == len(model["activity"]["hourly"])
    assert {"values", "contacts", "presence_countries", "fidelity_days", "rhythm_matrix"} <= set(tables)
    # Every number of the model stands in some cell, as often as it does in the model.
    cells = collections.Counter()
    for t in tables.values():
        for r in t:
            for k, v in r.items():
                for part in (v or "").split(";"):
                    try:
                        cells[float(part)] += 1
                    except ValueError:
                        pass
    missing = [n for n, c in collections.Counter(map(float, numbers(model))).items() if cells[n] < c]
    assert not missing, missing[:5]


@test
def tables_as_parquet_have_the_same_rows():
    made()
    telltale("export", "-q", "tables", path("report.json"), "-o", path("parquet"), "--format", "parquet")
    names = {f[:-8] for f in os.listdir(path("parquet"))}
    assert {"services", "contacts", "values"} <= names
    for f in os.listdir(path("parquet")):
        with open(path("parquet", f), "rb") as file:
            octets = file.read()
        assert octets[:4] == octets[-4:] == b"PAR1", f
    library = os.path.join(SOURCE, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")
    if not os.path.exists(library):
        raise Skip("the embedded engine is not installed")
    for name in ("services", "contacts", "values", "activity_hourly"):
        run = subprocess.run([sys.executable, "-c", READ_PARQUET, library, path("parquet", name + ".parquet")],
                             capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stderr[-500:]
        theirs, ours = rows(run.stdout), rows(open(path("tables", name + ".csv"), newline="", encoding="utf-8").read())
        assert len(theirs) == len(ours) > 0 and list(theirs[0]) == list(ours[0]), name
        for a, b in zip(theirs, ours):
            for key, value in b.items():
                other = "" if a[key] == "\\N" else a[key]
                logical = {"true": "1", "false": "0"}.get(value, value)
                assert other in (value, logical) or float(other) == float(value), (name, key, other, value)


# The engine's own reader, in a process of its own.
READ_PARQUET = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
lib.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
lib.chdb_query_n.restype = ctypes.c_void_p
lib.chdb_query_n.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
for f, kind in (("buffer", ctypes.POINTER(ctypes.c_char)), ("length", ctypes.c_size_t), ("error", ctypes.c_char_p)):
    g = getattr(lib, "chdb_result_" + f)
    g.restype, g.argtypes = kind, [ctypes.c_void_p]
handle = lib.chdb_connect(1, (ctypes.c_char_p * 1)(b"clickhouse"))
sql = ("SELECT * FROM file('" + sys.argv[2] + "', 'Parquet')").encode()
result = lib.chdb_query_n(handle[0], sql, len(sql), b"CSVWithNames", 12)
if lib.chdb_result_error(result):
    sys.exit(lib.chdb_result_error(result).decode())
sys.stdout.buffer.write(ctypes.string_at(lib.chdb_result_buffer(result), lib.chdb_result_length(result)))
sys.stdout.flush()
import os
os._exit(0)
"""


HOSTILE = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\u202egnp.exe", "a\x07b", "<script>alert(1)</script>"]


@test
def hostile_texts_are_inert_in_every_table():
    made()
    model = json.loads(json.dumps(state["report"]))
    for i, text in enumerate(HOSTILE):
        model["services"][i]["name"] = text
    model["services"][7]["=HYPERLINK(\"http://x\")"] = 1
    model["contacts"][0]["service"] = "\t=1"
    with open(path("hostile.json"), "w") as f:
        json.dump(model, f)
    telltale("export", "-q", "tables", path("hostile.json"), "-o", path("hostile"))
    for f in os.listdir(path("hostile")):
        assert re.match(r"^[A-Za-z0-9_]+\.csv$", f), f
        text = open(path("hostile", f), newline="", encoding="utf-8").read()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b\x0c\x0e-\x1f]", text), f
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
                    float(cell)  # a number, or it should not begin so
    for what in ("stix", "misp"):
        telltale("export", "-q", "-C", DIR, what, path("hostile.json"), "-o", path("hostile.out"))
        load("hostile.out")


# --- pseudonyms ---

def forms(address):
    """Every textual form of an address that someone might write."""
    a = ipaddress.ip_address(address)
    texts = {str(a), a.exploded, str(a).upper()}
    if a.version == 4:
        texts |= {"::ffff:" + str(a), a.packed.hex()} - {"00000000", "ffffffff"}
    else:
        texts |= {a.packed.hex()}
    return texts


def originals():
    addresses, names = set(), set()
    for f in made():
        for column in ("local", "remote"):
            addresses |= forms(f[column])
        if f["server_name"]:
            names.add(f["server_name"])
    return addresses, names


def scan(text, what):
    addresses, names = originals()
    words = set(re.findall(r"[0-9A-Fa-f:.]{7,}", text))
    words |= {w.strip(".:") for w in words} | {w.lower() for w in words}
    left = addresses & words
    assert not left, (what, list(left)[:5])
    left = names & set(w.strip(".").lower() for w in re.findall(r"[A-Za-z0-9._-]+", text))
    assert not left, (what, list(left)[:5])


@test
def a_pseudonymous_report_has_the_same_counts_and_no_address():
    made()
    telltale("report", "-q", "-C", STUDY, "--pseudonyms", KEY, "--json", path("hidden.json"), "-o", path("hidden.html"))
    plain, hidden = state["report"], load("hidden.json")
    assert numbers(plain) == numbers(hidden)
    assert hidden["provenance"]["pseudonyms"] == "crypto-pan/1"
    text = open(path("hidden.json"), encoding="utf-8").read()
    html = open(path("hidden.html"), encoding="utf-8").read()
    scan(text, "report.json")
    page = html[html.index('{"schema"'):] if '{"schema"' in html else html
    scan(page, "report.html")
    for word in ("Star JV", "KPTC", "SatGate", "flows.ipfix", DIR):
        assert word not in text and word not in page, word
    for c, h in zip(plain["contacts"], hidden["contacts"]):
        assert c["local"] != h["local"] and c["flows"] == h["flows"] and h["local"] in h["evidence"]["filter"]
        assert (c["local"] == plain["contacts"][0]["local"]) == (h["local"] == hidden["contacts"][0]["local"])
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), path("hidden.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


@test
def pseudonymous_flows_and_exports_have_the_same_sums_and_no_address():
    plain = made()
    text = telltale("flows", "-q", "-C", STUDY, "--format", "csv", "--pseudonyms", KEY).stdout
    hidden = rows(text)
    scan(text, "flows")
    assert sums(hidden) == sums(plain)
    for column in ("local", "remote", "server_name", "community_id"):
        pairs = {(p[column], h[column]) for p, h in zip(plain, hidden)}
        assert len(pairs) == len({p for p, _ in pairs}) == len({h for _, h in pairs}), column
    same = lambda a, b: next((n for n in range(32) if (int(ipaddress.ip_address(a)) ^ int(ipaddress.ip_address(b))) >> (31 - n)), 32)
    for i in range(0, len(plain) - 1, 97):
        a, b = plain[i]["remote"], plain[i + 1]["remote"]
        assert same(a, b) == same(hidden[i]["remote"], hidden[i + 1]["remote"]), (a, b)
    for what in ("ipfix", "nfcapd", "csv"):
        telltale("export", "-q", "-C", STUDY, what, "--pseudonyms", KEY, "-o", path("hidden." + what))
    scan(open(path("hidden.csv")).read(), "csv")
    for what in ("ipfix", "nfcapd"):
        octets = open(path("hidden." + what), "rb").read()
        assert b"facebook" not in octets, what
    for what in ("stix", "misp"):
        telltale("export", "-q", "-C", STUDY, what, path("report.json"), "--pseudonyms", KEY, "-o", path("hidden." + what))
        scan(open(path("hidden." + what)).read(), what)
    telltale("export", "-q", "-C", STUDY, "tables", path("report.json"), "--pseudonyms", KEY, "-o", path("hiddentables"))
    scan("".join(open(path("hiddentables", f)).read() for f in os.listdir(path("hiddentables"))), "tables")


@test
def parquet_with_pseudonyms_is_what_csv_is():
    made()
    with open(path("hidden.parquet"), "wb") as f:
        subprocess.run([TELLTALE, "flows", "-q", "-C", STUDY, "--format", "parquet",
                        "--pseudonyms", KEY], stdout=f, check=True)
    study = path("hiddenback")
    os.makedirs(study)
    with open(os.path.join(study, "study.yaml"), "w") as f:
        f.write(STUDY_FILE.format(name="hidden").replace("175.45.176.0/22", "0.0.0.0/1").replace("210.52.109.0/24", "128.0.0.0/1"))
    telltale("import", "-q", "-C", study, path("hidden.parquet"))
    assert sums(flows(study)) == sums(made())


@test
def a_wrong_key_or_kind_is_named():
    made()
    with open(path("short"), "w") as f:
        f.write("abc\n")
    assert "64 hexadecimal" in telltale("flows", "-C", STUDY, "--pseudonyms", path("short"), status=2).stderr
    assert "frob" in telltale("export", "frob", status=2).stderr
    assert "-o DIR" in telltale("export", "tables", path("report.json"), status=2).stderr
    with open(path("other.json"), "w") as f:
        f.write("{}")
    assert "no report" in telltale("export", "stix", path("other.json"), status=1).stderr


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
