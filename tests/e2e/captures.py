#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every capture of pcap/ndpi and pcap/kp by the whole road (one import of all files, one `flows`), against tshark
4.0: 5-tuples, packets and octets, server names. The population is everyone, so nothing may be missing."""
import collections
import glob
import ipaddress
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import truth
from tap import captures, main, test

FOLDERS = ("ndpi", "kp")
state = {}


def imported():
    """(files as import tells them, rows of flows by the file they came from); made once."""
    if not state:
        where = truth.study(tempfile.mkdtemp(prefix="telltale-captures-"), truth.EVERYWHERE)
        paths = [p for f in FOLDERS for p in sorted(glob.glob(captures("pcap", f) + "/*")) if os.path.isfile(p)]
        state["files"] = truth.import_json(where, "--as", "packets", *paths)
        assert [f["path"] for f in state["files"]] == paths
        state["rows"] = collections.defaultdict(list)
        for row in truth.flows(where):
            state["rows"][row["source"]].append(row)
    return state["files"], state["rows"]


def names_of(cell):
    """Host names in a cell of tshark's: lower case, without port and final dot; addresses are no names."""
    for name in cell.replace(",", ";").split(";"):
        name = name.strip().lower()
        if name.rpartition(":")[2].isdigit():
            name = name.rpartition(":")[0]
        name = name.strip("[]").rstrip(".")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            if re.fullmatch(r"[\w.-]+", name):
                yield name


@test
def every_packet_of_every_file_is_accounted_for():
    files, rows = imported()
    wrong = [f for f in files if not truth.balanced(f) or "error" in f]
    assert not wrong, wrong
    assert sum(f["duplicates"] for f in files) == 0, "one capture's packets are no other's duplicates"
    for f in files:
        got = sum(r["packets_out"] + r["packets_in"] for r in rows[f["path"]])
        assert got == f["kept"], (f["path"], got, f["kept"])
    print(f"# {len(files)} files, {sum(f['records'] for f in files):,} packets, "
          f"{sum(f['conversations'] for f in files):,} conversations")


@test
def conversations_equal_tsharks():
    """By 5-tuple, packets and octets each way. Fragments have other ports there (docs/formats.md, Fragments): where a
    key differs, the sums over the pair of addresses must agree."""
    files, rows = imported()
    total = equal = by_ports = more = 0
    wrong = []
    for f in files:
        want, got = truth.tuples(f["path"]), truth.flow_tuples(rows[f["path"]])
        want_pairs, got_pairs = truth.by_pair(want), truth.by_pair(got)
        total += len(want)
        for key, counts in want.items():
            pair = key[1][0], key[2][0]
            if got.get(key) == counts:
                equal += 1
            elif want_pairs[pair] == got_pairs.get(pair):
                by_ports += 1
            else:
                wrong.append((truth.capture_name(f["path"]), key, counts, got.get(key)))
        more += sum(pair not in want_pairs for pair in got_pairs)
    for line in wrong:
        print("# differs:", *line)
    print(f"# {total:,} flows of tshark's: {equal:,} equal, {by_ports:,} equal but for the ports of fragments, "
          f"{len(wrong)} differ; {more} pairs of addresses only here")
    assert total and equal + by_ports >= 0.999 * total and equal >= 0.95 * total and more == 0


@test
def names_equal_tsharks():
    """Of the names on the wire; those inside a tunnel belong to conversations that nobody outside it can tell."""
    files, rows = imported()
    found, missed, tunnelled = collections.Counter(), collections.defaultdict(list), 0
    for f in files:
        outer = truth.tuples(f["path"])
        ours = collections.defaultdict(set)
        for r in rows[f["path"]]:
            key, = truth.by_tuple([(r["protocol"], r["local"], r["local_port"], r["remote"], r["remote_port"],
                                    [0, 0, 0, 0])])
            ours[key].add(r["server_name"])
        for row in truth.tshark_rows(f["path"]):
            want = {kind: set(names_of(row[kind] or "")) for kind in ("sni", "http_host")}
            if row["l4"] not in ("TCP", "UDP") or not any(want.values()):
                continue
            key, = truth.by_tuple([(truth.PROTOCOL[row["l4"]], row["a_ip"], row["a_port"], row["b_ip"], row["b_port"],
                                    [0, 0, 0, 0])])
            if key not in outer:
                tunnelled += 1
                continue
            kind = "http_host" if not want["sni"] else "quic" if row["quic"] else "sni"
            if (want["sni"] | want["http_host"]) & ours[key]:
                found[kind] += 1
            else:
                missed[kind].append((truth.capture_name(f["path"]), key, want, ours[key]))
    print(f"# {tunnelled} inside tunnels")
    for kind in ("sni", "quic", "http_host"):
        print(f"# {kind}: {found[kind]:,} found, {len(missed[kind])} not")
        for line in missed[kind]:
            print("# not found:", *line)
    for kind in ("sni", "quic", "http_host"):
        total = found[kind] + len(missed[kind])
        assert total and found[kind] >= 0.99 * total, (kind, found[kind], total)


if __name__ == "__main__":
    sys.exit(main())
