# SPDX-License-Identifier: Apache-2.0
"""What an independent tool (tshark 4.0) saw in the shared captures, and our own flows in the same form."""
import collections
import csv
import functools
import json
import os

from tap import captures, telltale

STUDY = """name: captures
timezone: UTC
period: {{from: 1970-01-01, to: 2030-12-31}}
population:
{population}
"""
KP = "  - {prefix: 175.45.176.0/22, label: Star JV}"
EVERYWHERE = "  - {prefix: 0.0.0.0/0}\n  - {prefix: '::/0'}"
PROTOCOL = {"ICMP": 1, "IGMP": 2, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "AH": 51, "ICMPV6": 58, "OSPF": 89,
            "SCTP": 132}
ICMP = (1, 58)


def study(folder, population):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "study.yaml"), "w") as f:
        f.write(STUDY.format(population=population))
    return folder


def import_json(where, *args, **kwargs):
    return json.loads(telltale("import", "-q", "-C", where, "--json", *args, **kwargs).stdout)["files"]


def balanced(f):
    return (f["records"] == f["kept"] + f["outside"] + f["duplicates"] + f["rejected"]
            and sum(f["reasons"].values()) == f["rejected"])


def flows(where, *args):
    return json.loads(telltale("flows", "-C", where, "--format", "json", *args).stdout)


def by_tuple(rows):
    """Both ends in a fixed order -> packets and octets each way, summed over conversations. ICMP has no ports."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for protocol, a, a_port, b, b_port, counts in rows:
        x, y = ((a, 0), (b, 0)) if protocol in ICMP else ((a, int(a_port)), (b, int(b_port)))
        if x > y:
            x, y = y, x
            counts = [counts[1], counts[0], counts[3], counts[2]]
        key = (protocol, x, y)
        sums[key] = [s + int(c) for s, c in zip(sums[key], counts)]
    return dict(sums)


def by_pair(tuples):
    """The same, summed over the protocols and ports of two addresses."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for (_, (a, _), (b, _)), counts in tuples.items():
        if a == b:
            counts = [counts[0] + counts[1], 0, counts[2] + counts[3], 0]
        sums[a, b] = [s + c for s, c in zip(sums[a, b], counts)]
    return dict(sums)


def flow_tuples(rows):
    return by_tuple((r["protocol"], r["local"], r["local_port"], r["remote"], r["remote_port"],
                     [r["packets_out"], r["packets_in"], r["octets_out"], r["octets_in"]]) for r in rows)


def tables(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return list(csv.DictReader((line for line in f if not line.startswith("#")), delimiter="\t",
                                   quoting=csv.QUOTE_NONE))


@functools.cache
def outermost():
    rows = collections.defaultdict(list)
    for row in tables(captures("truth", "outermost_flows.tsv")):
        rows[row["capture"]].append(row)
    return rows


def capture_name(pcap):
    return "/".join(pcap.split(os.sep)[-2:])


def tshark_rows(pcap):
    return tables(captures("truth", "tshark_flows", capture_name(pcap) + ".tsv"))


def tuples(pcap, keep=lambda row: True):
    """tshark's flows of one capture: keyed by the outermost header alone where the truth has that."""
    rows = outermost().get(capture_name(pcap)) or tshark_rows(pcap)
    return by_tuple((PROTOCOL.get(r["l4"]) or int(r["l4"]) if r["l4"] != "ext" else -1, r["a_ip"], r["a_port"],
                     r["b_ip"], r["b_port"], [r["a2b_pkts"], r["b2a_pkts"], r["a2b_ipbytes"], r["b2a_ipbytes"]])
                    for r in rows if keep(r))


def in_kp(row):
    return any(row[end].startswith(("175.45.176.", "175.45.177.", "175.45.178.", "175.45.179."))
               for end in ("a_ip", "b_ip"))
