#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live collection on loopback: the same datagrams as a capture of them, whatever is killed meanwhile;
and beside nfcapd, which hears them too."""
import csv
import glob
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from live import Collector, free_port, nfcapd, nfdump_sums, send
from tap import SOURCE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-collect-")
FEED = os.path.join(DIR, "feed")
state = {}


def feed():
    """The worked example's world, small, as datagrams of three protocols."""
    if not os.path.exists(FEED):
        telltale("simulate", os.path.join(SOURCE, "examples", "dprk-2017", "world.yaml"), "-o", FEED, "-q",
                 "--scale", "0.003", "--format", "ipfix,ipfix-pcap,netflow9,netflow5")
    return FEED


def datagrams(pcap):
    """UDP payloads of an Ethernet or raw pcap, in order."""
    with open(pcap, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        link = struct.unpack(order + "I", head[20:])[0]
        skip = {1: 14, 101: 0, 228: 0}[link]
        while True:
            packet = f.read(16)
            if len(packet) < 16:
                return
            frame = f.read(struct.unpack(order + "IIII", packet)[2])
            ip = frame[skip:]
            header = (ip[0] & 15) * 4 if ip[0] >> 4 == 4 else 40
            yield ip[header + 8:header + struct.unpack("!H", ip[header + 4:header + 6])[0]]


def study(name):
    where = os.path.join(DIR, name)
    shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), where,
                    ignore=shutil.ignore_patterns("store", "feed", "spool"))
    return where


def flows(where):
    """All conversations as a sorted list, without what tells the road they came by."""
    text = telltale("flows", "-C", where, "--format", "csv", "").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        for key in ("exporter", "source"):
            row.pop(key, None)
    return sorted(tuple(sorted(r.items())) for r in rows)


def imported(name):
    """What an import of the same datagrams gives: the reference."""
    if name not in state:
        where = study("reference-" + name)
        telltale("import", "-q", "-C", where, "--as", "exports", os.path.join(feed(), name))
        state[name] = flows(where)
        assert len(state[name]) > 2000, len(state[name])
    return state[name]


def same(where, name, what):
    got, want = flows(where), imported(name)
    if got != want:
        extra, missing = list(set(got) - set(want))[:3], list(set(want) - set(got))[:3]
        raise AssertionError(f"{what}: {len(got)} conversations, not {len(want)}; not expected {extra}; missing {missing}")


def pcaps():
    return [os.path.basename(p) for p in sorted(glob.glob(feed() + "/*.pcap"))]


@test
def what_is_collected_equals_what_is_imported():
    """In segments of a second: conversations cross them and count once all the same."""
    for name in pcaps():
        where = study("live-" + name)
        c = Collector(where, "--rotate", "1", "--store-every", "4")
        sent = send(c.port, datagrams(os.path.join(feed(), name)))
        c.until(lambda s, sent=sent: s["datagrams"] == sent)
        said = c.stop()
        assert f"{sent} datagrams" in said, said
        same(where, name, name)
        assert not glob.glob(where + "/spool/*.spool") and not os.path.exists(where + "/spool/carry"), os.listdir(where + "/spool")


@test
def ipfix_over_tcp_reads_the_same():
    name = next(n for n in pcaps() if "ipfix" in n)
    where = study("tcp")
    c = Collector(where, "--rotate", "1", "--store-every", "4", tcp=True)
    with socket.create_connection(("127.0.0.1", c.port)) as s:
        octets = b"".join(datagrams(os.path.join(feed(), name)))
        for at in range(0, len(octets), 7777):  # messages are cut anywhere
            s.sendall(octets[at:at + 7777])
    c.until(lambda s: s["tcp_open"] == 0 and s["datagrams"] > 0)
    c.stop()
    same(where, name, "TCP")


@test
def nonsense_over_tcp_is_counted_and_closed():
    where = study("nonsense")
    c = Collector(where, "--no-store", tcp=True)
    with socket.create_connection(("127.0.0.1", c.port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        s.settimeout(10)
        assert s.recv(1) == b""
    c.until(lambda s: s["records"]["rejected"] == 1)
    c.stop()


@test
def a_killed_collector_loses_nothing_that_was_a_second_old():
    name = next(n for n in pcaps() if "netflow9" in n)
    where = study("killed")
    payloads = list(datagrams(os.path.join(feed(), name)))
    parts = 5
    for i in range(parts):
        c = Collector(where, "--rotate", "2", "--store-every", "1")
        some = payloads[i * len(payloads) // parts:(i + 1) * len(payloads) // parts]
        if i:  # templates are the exporter's to repeat; here they came before the kill
            some = [p for p in payloads[:i * len(payloads) // parts] if templates_in(p)][:20] + some
        sent = send(c.port, some)
        c.until(lambda s, sent=sent: s["datagrams"] == sent)
        if i == parts - 1:
            c.stop()
            break
        spooled = c.status()["spool"]["records"]
        c.until(lambda s, spooled=spooled: s["now_ms"] and time.sleep(1.5) is None)
        c.process.kill()
        c.process.wait()
    got, want = flows(where), imported(name)
    assert counted(got) == counted(want), (counted(got), counted(want))


def templates_in(payload):
    """Whether a NetFlow 9 datagram has a template set."""
    at = 20
    while at + 4 <= len(payload):
        number, length = struct.unpack("!HH", payload[at:at + 4])
        if number < 2:
            return True
        at += max(length, 4)
    return False


def counted(rows):
    """Octets and packets of all, and how many distinct ends there are."""
    rows = [dict(r) for r in rows]
    return (sum(int(r["octets_out"]) + int(r["octets_in"]) for r in rows),
            sum(int(r["packets_out"]) + int(r["packets_in"]) for r in rows),
            len({(r["local"], r["local_port"], r["remote"], r["remote_port"], r["protocol"]) for r in rows}))


@test
def a_killed_import_is_tried_again_and_counts_once():
    name = next(n for n in pcaps() if "netflow5" in n)
    where = study("engine")
    c = Collector(where, "--rotate", "1", "--store-every", "1")
    payloads, killed = list(datagrams(os.path.join(feed(), name))), 0
    for i in range(8):
        some = payloads[i * len(payloads) // 8:(i + 1) * len(payloads) // 8]
        send(c.port, some)
        until = time.time() + 3
        while time.time() < until and killed < 6:
            children = subprocess.run(["pgrep", "-P", str(c.process.pid)], capture_output=True, text=True).stdout.split()
            if children:
                time.sleep(0.05 * (i + 1))
                subprocess.run(["kill", "-9", *children], stderr=subprocess.DEVNULL)
                killed += 1
                break
            time.sleep(0.02)
    c.until(lambda s: s["datagrams"] == len(payloads))
    c.stop()
    assert killed >= 3, killed
    if glob.glob(where + "/spool/*.spool"):  # the last import was the one that was killed
        telltale("import", "-q", "-C", where, "--remove-spool", *sorted(glob.glob(where + "/spool/*.spool")))
    same(where, name, f"after {killed} kills")


@test
def senders_are_held_to_the_list_and_the_rate():
    name = next(n for n in pcaps() if "netflow5" in n)
    payloads = list(datagrams(os.path.join(feed(), name)))[:200]
    c = Collector(study("list"), "--no-store", "--allow", "10.0.0.0/8,192.0.2.1")
    send(c.port, payloads)
    c.until(lambda s: s["strangers"] == 200)
    assert c.status()["datagrams"] == 0
    assert "200 of senders not allowed" in c.stop()
    c = Collector(study("rate"), "--no-store", "--rate", "50")
    send(c.port, payloads, pace=1000)
    c.until(lambda s: s["datagrams"] + s["limited"] == 200)
    assert 50 <= c.status()["datagrams"] < 150, c.status()
    c.stop()


@test
def a_hangup_reads_the_study_again():
    name = next(n for n in pcaps() if "netflow5" in n)
    where = study("reload")
    payloads = list(datagrams(os.path.join(feed(), name)))
    path = os.path.join(where, "study.yaml")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("175.45.176.0/22", "198.51.100.0/24").replace("210.52.109.0/24", "198.51.101.0/24")
                .replace("77.94.35.0/24", "198.51.102.0/24"))
    c = Collector(where, "--no-store")
    send(c.port, payloads[:100])
    c.until(lambda s: s["datagrams"] == 100)
    assert c.status()["records"]["kept"] == 0
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    c.process.send_signal(signal.SIGHUP)
    c.wait("the study was read again")
    send(c.port, payloads[100:200])
    c.until(lambda s: s["records"]["kept"] > 100)
    with open(path, "w", encoding="utf-8") as f:
        f.write("nonsense: true\n")
    c.process.send_signal(signal.SIGHUP)
    assert "study.yaml" in c.wait("not read again: ")
    c.stop()


@test
def metrics_and_the_doctor_tell_what_is_so():
    name = next(n for n in pcaps() if "netflow9" in n)
    where = study("doctor")
    run = telltale("doctor", "-C", where, status=1)
    assert "does not run" in run.stdout, run.stdout
    port = free_port(socket.SOCK_STREAM)
    c = Collector(where, "--no-store", "--metrics", port)
    run = telltale("doctor", "-C", where, status=1)
    assert "none has arrived" in run.stdout and "listening on udp 127.0.0.1" in run.stdout, run.stdout
    payloads = list(datagrams(os.path.join(feed(), name)))
    sent = send(c.port, [p for p in payloads if not templates_in(p)][:30])
    c.until(lambda s: s["datagrams"] == sent)
    run = telltale("doctor", "-C", where, status=1)
    assert "its template has not come yet" in run.stdout, run.stdout
    sent += send(c.port, payloads)
    c.until(lambda s: s["datagrams"] == sent)
    checks = {(x["check"], x["grade"]): x["text"] for x in json.loads(telltale("doctor", "-C", where, "--json", status=1).stdout)}
    assert "127.0.0.1: its clock is" in checks["clock", "wrong"], checks  # the world is of 2017
    assert ("exporter", "ok") in checks and ("population", "ok") in checks, checks
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    s = c.status()
    assert int(values["telltale_datagrams_total"]) == sent
    assert int(values['telltale_records_total{outcome="kept"}']) == s["records"]["kept"] > 0
    assert int(values['telltale_exporter_datagrams_total{exporter="127.0.0.1"}']) == sent
    c.stop()


@test
def wrong_options_are_one_clear_line():
    where = study("wrong")
    for args, words in ((("--listen", "localhost:1"), "is not an address to listen on"),
                        (("--listen", "70000"), "is not an address to listen on"),
                        (("--allow", "10.0.0.0/99"), "is not an address or prefix"),
                        (("--rate", "fast"), "--rate takes a number"),
                        (("--user", "nobody-of-that-name", "--listen", "127.0.0.1:0"), "there is no user")):
        run = telltale("collect", "-C", where, *args, status=2)
        assert words in run.stderr and run.stderr.count("\n") == 1, run.stderr
    c = Collector(where, "--no-store")
    run = telltale("collect", "-C", where, "--listen", "127.0.0.1:0", status=4)
    assert "another collector" in run.stderr, run.stderr
    c.stop()


@test
def nfcapd_hears_the_same():
    for name in [n for n in pcaps() if "netflow" in n]:
        where = study("beside-" + name)
        there = tempfile.mkdtemp(dir=DIR)
        port = free_port()
        other = nfcapd(there, port)
        c = Collector(where, "--rotate", "1", "--store-every", "4")
        time.sleep(1)
        payloads = list(datagrams(os.path.join(feed(), name)))
        sent = send(c.port, payloads)
        send(port, payloads)
        c.until(lambda s, sent=sent: s["datagrams"] == sent)
        records = c.status()["records"]
        c.stop()
        time.sleep(1)
        other.terminate()
        other.wait(timeout=30)
        count, packets, octets = nfdump_sums(there)
        assert records["rejected"] == 0 and records["kept"] == count, (name, records, count)
        got = [dict(r) for r in flows(where)]
        assert sum(int(r["packets_out"]) + int(r["packets_in"]) for r in got) == packets, name
        assert sum(int(r["octets_out"]) + int(r["octets_in"]) for r in got) == octets, name


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(DIR, ignore_errors=True)
