#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exporters that others wrote, told to send what they saw of a generated capture to telltale and to
nfcapd at once: both must have what was in the capture."""
import collections
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import truth
from live import Collector, free_port, nfcapd, nfdump_sums
from tap import Skip, main, test
from truth import flows

DIR = tempfile.mkdtemp(prefix="telltale-exporters-")
POPULATION = "  - {prefix: 175.45.176.0/22}\n  - {prefix: '2001:db8::/48'}"
CAPTURE = os.path.join(DIR, "traffic.pcap")
V4 = os.path.join(DIR, "v4.pcap")
TRAILED = os.path.join(DIR, "trailed.pcap")  # then traffic of others: exporters may keep their last datagram


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def packet(v6, source, target, protocol, payload, number):
    if v6:
        return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, socket.inet_pton(socket.AF_INET6, source),
                           socket.inet_pton(socket.AF_INET6, target)) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def conversation(r, number):
    """Packets (time, IP octets) of one, and what identifies it."""
    v6 = r.random() < 0.2
    local = f"2001:db8::{number % 50 + 1:x}" if v6 else f"175.45.176.{number % 50 + 1}"
    remote = f"2001:db8:1::{r.randrange(99) + 1:x}" if v6 else f"198.51.100.{r.randrange(99) + 1}"
    protocol, port, server = (6 if r.random() < 0.6 else 17), 20000 + number, r.choice((80, 443, 53, 123, 8080))
    at, out = time.time() - 900 + r.random() * 600, []
    for k in range(r.randrange(2, 20)):
        back = k % 2
        ends = ((remote, local), (server, port)) if back else ((local, remote), (port, server))
        data = b"x" * r.randrange(0, 900)
        if protocol == 6:
            segment = struct.pack("!HHIIBBHHH", *ends[1], k, k, 0x50, 2 if k == 0 else 0x12 if k == 1 else 0x10, 1024, 0, 0) + data
        else:
            segment = struct.pack("!HHHH", *ends[1], 8 + len(data), 0) + data
        out.append((at + k * 0.05, packet(v6, *ends[0], protocol, segment, number * 100 + k), v6))
    return (local, port, remote, server, protocol), out


def write(path, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, octets, v6 in sorted(packets):
            frame = b"\0" * 12 + (b"\x86\xdd" if v6 else b"\x08\0") + octets
            f.write(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame)


def traffic():
    """What the captures hold: conversation to (packets, octets) in all; made once."""
    if not os.path.exists(CAPTURE):
        r, everything, only_v4 = random.Random(7), [], []
        truth_of = {}
        for number in range(600):
            key, packets = conversation(r, number)
            truth_of[key] = (len(packets), sum(len(p[1]) for p in packets))
            everything += packets
            only_v4 += [p for p in packets if not p[2]]
        write(CAPTURE, everything)
        write(V4, only_v4)
        others = [packet(False, "203.0.113.1", "198.51.100.1", 17, struct.pack("!HHHH", 1, 2, 8, 0), n) for n in range(300)]
        write(TRAILED, everything + [(time.time() + n * 0.001, octets, False) for n, octets in enumerate(others)])
        with open(os.path.join(DIR, "truth.json"), "w", encoding="utf-8") as f:
            json.dump([[list(k), list(v)] for k, v in truth_of.items()], f)
    with open(os.path.join(DIR, "truth.json"), encoding="utf-8") as f:
        return {tuple(k): tuple(v) for k, v in json.load(f)}


def collected(where):
    """Conversation to (packets, octets), as far as they were stored."""
    out = collections.Counter(), collections.Counter()
    for f in flows(where):
        key = (f["local"], int(f["local_port"]), f["remote"], int(f["remote_port"]), int(f["protocol"]))
        out[0][key] += int(f["packets_out"]) + int(f["packets_in"])
        out[1][key] += int(f["octets_out"]) + int(f["octets_in"])
    return {k: (out[0][k], out[1][k]) for k in out[0]}


def differences(got, want):
    return {k: (got.get(k), want.get(k)) for k in set(got) | set(want) if got.get(k) != want.get(k)}


def run(command, v6, tcp=False, beside=True, settle=1.5):
    """`command(port, other_port)` is started and runs until both have heard all; the sums are compared."""
    want = {k: v for k, v in traffic().items() if v6 or ":" not in k[0]}
    packets = sum(v[0] for v in want.values())
    where = truth.study(tempfile.mkdtemp(dir=DIR), POPULATION)
    c = Collector(where, "--rotate", "5", "--store-every", "60", tcp=tcp)
    port, there = free_port(), tempfile.mkdtemp(dir=DIR)
    other = nfcapd(there, port) if beside else None
    time.sleep(0.5)
    try:
        command(c.port, port)
        end, before = time.time() + 60, -1
        while time.time() < end:  # until nothing more comes
            now = c.status()["datagrams"]
            if now and now == before:
                break
            before = now
            time.sleep(settle)
        c.stop()
    finally:
        if other:
            other.terminate()
            other.wait(timeout=30)
    got = collected(where)
    wrong = differences(got, want)
    assert not wrong, (len(wrong), dict(list(wrong.items())[:4]))
    if other:
        assert nfdump_sums(there)[1:] == (packets, sum(v[1] for v in want.values())), nfdump_sums(there)


def softflowd(*options, v6=True, tcp=False, beside=True):
    if not shutil.which("softflowd"):
        raise Skip("no softflowd here")

    def command(port, other):
        to = f"127.0.0.1:{port}" + (f",127.0.0.1:{other}" if beside else "")
        capture = CAPTURE if v6 else V4
        subprocess.run(["softflowd", "-d", "-r", capture, "-n", to, "-p", DIR + "/softflowd.pid", "-c", "none",
                        *options], check=True, timeout=30, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run(command, v6, tcp, beside)


@test
def softflowd_netflow_5():
    traffic()
    softflowd("-v", "5", v6=False)


@test
def softflowd_netflow_9():
    softflowd("-v", "9")


@test
def softflowd_ipfix_of_each_time():
    for unit in ("sec", "milli", "micro", "nano"):
        softflowd("-v", "10", "-A", unit)


@test
def softflowd_ipfix_of_both_directions():
    softflowd("-v", "10", "-b", beside=False)  # nfdump 1.7.1 leaves the reverse elements out


@test
def softflowd_ipfix_over_tcp():
    softflowd("-v", "10", "-P", "tcp", tcp=True, beside=False)


def pmacct(plugin, settings, capture=CAPTURE, beside=True):
    if not shutil.which("pmacctd"):
        raise Skip("no pmacctd here")

    def command(port, other):
        config = os.path.join(tempfile.mkdtemp(dir=DIR), "pmacctd.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"daemonize: false\npcap_savefile: {capture}\npcap_savefile_wait: 8\n")
            targets = [("a", port)] + ([("b", other)] if beside else [])
            f.write("plugins: " + ", ".join(f"{plugin}[{name}]" for name, _ in targets) + "\n")
            f.write("aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n")
            for name, to in targets:
                f.write(f"{plugin}_receiver[{name}]: 127.0.0.1:{to}\n")
                f.writelines(f"{plugin}_{key}[{name}]: {value}\n" for key, value in settings.items())
        p = subprocess.Popen(["pmacctd", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(6)
        p.terminate()
        p.wait(timeout=30)

    run(command, capture != V4, beside=beside)


@test
def pmacct_netflow_9_and_ipfix():
    for version in (9, 10):
        pmacct("nfprobe", {"version": version, "timeouts": "tcp=2:tcp.rst=2:tcp.fin=2:udp=2:icmp=2:general=2:maxlife=5:expint=1"})


@test
def pmacct_netflow_5():
    pmacct("nfprobe", {"version": 5, "timeouts": "tcp=2:udp=2:general=2:maxlife=5:expint=1"}, V4)


@test
def pmacct_sflow():
    pmacct("sfprobe", {"agentsubid": 1}, TRAILED, beside=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
