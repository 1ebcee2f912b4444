#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices and faults of TLS, from packets made here to the report: every number against what was sent, every evidence
against `telltale flows`."""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-devices-")
DAY0 = 1491004800  # 2017-04-01 UTC
DAYS = 10
state = {}

STUDY = """name: devices
timezone: UTC
period: {from: 2017-04-01, to: 2017-04-10}
population:
  - {prefix: 175.45.176.0/22}
store: store/
"""


# --- certificates ---

def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + struct.pack(">H", n)
    return bytes([tag]) + head + body


def name(common_name):
    return der(0x30, der(0x31, der(0x30, der(6, b"\x55\x04\x03"), der(12, common_name.encode()))))


def certificate(host="www.example.org", issuer="Example CA", until="171231235959Z", bits=2048, sha=0x0b):
    algorithm = der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x01" + bytes([sha])), der(5))
    modulus = b"\x00" + b"\x80" + b"\x5b" * (bits // 8 - 1)
    key = der(0x30, der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), der(5)),
              der(3, b"\x00", der(0x30, der(2, modulus), der(2, b"\x01\x00\x01"))))
    names = der(0xa3, der(0x30, der(0x30, der(6, b"\x55\x1d\x11"), der(4, der(0x30, der(0x82, host.encode()))))))
    body = der(0x30, der(0xa0, der(2, b"\x02")), der(2, b"\x01"), algorithm, name(issuer),
               der(0x30, der(23, b"170101000000Z"), der(23, until.encode())), name(host), key, names)
    return der(0x30, body, algorithm, der(3, b"\x00" * 9))


# --- TLS ---

def message(kind, body):
    return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


def record(body, kind=22, version=0x0301):
    return struct.pack(">BHH", kind, version, len(body)) + body


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def hello(host, signatures=(0x0403, 0x0804, 0x0401)):
    sni = struct.pack(">HBH", len(host) + 3, 0, len(host)) + host.encode()
    listed = b"".join(struct.pack(">H", s) for s in signatures)
    extensions = extension(0, sni) + extension(13, struct.pack(">H", len(listed)) + listed)
    body = struct.pack(">H", 0x0303) + b"\x5a" * 32 + b"\x00" + struct.pack(">HHH", 4, 0xc02f, 0x002f) + b"\x01\x00"
    return record(message(1, body + struct.pack(">H", len(extensions)) + extensions))


def answer(cert=None, version=0x0303, cipher=0xc02f):
    extensions = extension(43, b"\x03\x04") if version == 0x0304 else b""
    body = struct.pack(">H", min(version, 0x0303)) + b"\x71" * 32 + b"\x00" + struct.pack(">HB", cipher, 0)
    out = message(2, body + (struct.pack(">H", len(extensions)) + extensions if extensions else b""))
    if version == 0x0304:
        return record(out)
    if cert is None:
        return record(out) + record(b"\x01", 20)  # resumed
    listed = struct.pack(">I", len(cert))[1:] + cert
    return record(out + message(11, struct.pack(">I", len(listed))[1:] + listed) + message(14, b""))


# --- packets ---

class Capture:
    def __init__(self):
        self.packets = []
        self.port = 20000

    def packet(self, at, src, sport, dst, dport, flags, seq, payload):
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, 1, 0x50, flags, 65535, 0, 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                         bytes(map(int, src.split("."))), bytes(map(int, dst.split("."))))
        self.packets.append((at, ip + tcp))

    def talk(self, day, client, server, port, says, replies=b""):
        """A whole conversation; the reply comes in segments."""
        self.port += 1
        at, c, s = DAY0 + day * 86400 + 3600 + self.port % 20000, self.port, port
        self.packet(at, client, c, server, s, 0x02, 100, b"")
        self.packet(at, server, s, client, c, 0x12, 900, b"")
        self.packet(at, client, c, server, s, 0x18, 101, says)
        for i in range(0, len(replies), 1200):
            self.packet(at, server, s, client, c, 0x10, 901 + i, replies[i:i + 1200])
        self.packet(at, client, c, server, s, 0x11, 101 + len(says), b"")
        self.packet(at, server, s, client, c, 0x11, 901 + len(replies), b"")

    def web(self, day, client, agent):
        self.talk(day, client, "198.51.100.80", 80,
                  f"GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: {agent}\r\n\r\n".encode(),
                  b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n")

    def write(self, path):
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
            for at, data in sorted(self.packets, key=lambda p: p[0]):
                f.write(struct.pack("<IIII", at, 0, len(data), len(data)) + data)


WINDOWS = "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:52.0) Gecko/20100101 Firefox/52.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_1 like Mac OS X) AppleWebKit/603.1.30 (KHTML, like Gecko) Mobile/14E304"
APPLE = (0x0403, 0x0804, 0x0401, 0x0503, 0x0203, 0x0805, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201)


def host(n):
    return f"175.45.176.{n}"


def fill(c):
    """Seven Windows hosts, each on more days than the one before; two iPhones; one that Apple's library gives away; one
    server that says Ubuntu; one that only asks Windows Update, one that asks for nothing of its own."""
    for n in range(1, 8):
        for day in range(n):
            c.web(day, host(n), WINDOWS)
    for n in (11, 12):
        for day in (0, 3):
            c.web(day, host(n), IPHONE)
    c.talk(1, host(11), "198.51.100.81", 443, hello("www.example.org", APPLE))  # the iPhone's own: no second device
    c.talk(2, host(13), "198.51.100.82", 443, hello("www.example.org", APPLE))
    for day in range(4):
        c.talk(day, "203.0.113.9", host(20), 22, b"SSH-2.0-Go\r\n", b"SSH-2.0-OpenSSH_7.2p2 Ubuntu-4ubuntu2.2\r\n")
    c.web(5, host(21), "curl/7.52.1")
    c.talk(5, host(22), "198.51.100.83", 443, hello("sls.update.microsoft.com"))
    c.talk(5, host(23), "198.51.100.84", 443, hello("www.example.org"))


def faults(c):
    """Each fault so many times, on so many servers."""
    good = certificate()
    for i in range(6):
        c.talk(6, host(30), "198.51.100.90", 443, hello("www.example.org"), answer(good))
    for i in range(3):
        c.talk(6, host(30 + i), f"198.51.100.{91 + i % 2}", 443, hello("www.example.org"),
               answer(certificate(until="170301000000Z")))
    for i in range(2):
        c.talk(7, host(30), "198.51.100.93", 443, hello("www.example.org"), answer(certificate(issuer="www.example.org")))
    for i in range(4):
        c.talk(7, host(31), "198.51.100.94", 443, hello("www.example.com"), answer(good))
    for i in range(5):
        c.talk(7, host(32), "198.51.100.95", 443, hello("www.example.org"), answer(good, 0x0301))
    c.talk(8, host(33), "198.51.100.96", 443, hello("www.example.org"), answer(good, 0x0303, 0x0005))
    c.talk(8, host(33), "198.51.100.97", 443, hello("www.example.org"), answer(certificate(bits=1024)))
    for i in range(7):
        c.talk(8, host(34), "198.51.100.98", 443, hello("www.example.org"), answer(None, 0x0304, 0x1301))
    for i in range(2):
        c.talk(8, host(34), "198.51.100.99", 443, hello("www.example.org"), answer())


def report(folder, *captures):
    path = os.path.join(DIR, folder)
    os.makedirs(path)
    with open(os.path.join(path, "study.yaml"), "w") as f:
        f.write(STUDY)
    telltale("import", "-q", "-C", path, *captures)
    telltale("report", "-q", "-C", path, "--json", os.path.join(path, "report.json"), "-o", os.path.join(path, "r.html"))
    with open(os.path.join(path, "report.json"), encoding="utf-8") as f:
        return path, json.load(f)


def made():
    if not state:
        capture = Capture()
        fill(capture)
        faults(capture)
        capture.write(os.path.join(DIR, "all.pcap"))
        state["folder"], state["model"] = report("study", os.path.join(DIR, "all.pcap"))
    return state["folder"], state["model"]


def flows(folder, evidence):
    run = telltale("flows", "-C", folder, evidence["filter"], "--from", evidence["from"], "--to", evidence["to"],
                   "--format", "json")
    return json.loads(run.stdout)


@test
def hosts_are_counted_by_what_they_said():
    _, model = made()
    rows = {r["platform"]: r for r in model["devices"]}
    want = {"windows": (8, 29, {"user-agent": 28, "service": 1}), "ios": (2, 4, {"user-agent": 4}),
            "apple": (2, 2, {"tls": 2}), "linux": (1, 4, {"banner": 4}), "tool": (1, 1, {"user-agent": 1})}
    assert {p: (r["hosts_seen"], r["flows"], r["basis"]) for p, r in rows.items()} == want, rows
    assert rows["windows"]["hosts_own_words"] == 7, rows["windows"]
    assert model["devices"][-1]["platform"] == "tool"


@test
def hosts_that_showed_themselves_once_stand_for_others():
    """Windows: two hosts on one day alone, one on two days."""
    _, model = made()
    e = next(r for r in model["devices"] if r["platform"] == "windows")["local_hosts"]
    assert abs(e["value"] - (8 + 0.9 * 2 * 1 / (2 * 2))) < 1e-6, e
    assert 8 <= e["low"] <= e["value"] < e["high"], e
    e = next(r for r in model["devices"] if r["platform"] == "linux")["local_hosts"]
    assert e["low"] == e["high"] == 1, e


@test
def each_fault_is_counted_where_it_was():
    _, model = made()
    tls = model["concealment"]["tls"]
    assert tls["seen"] == {"hello": 31, "certificate": 22, "resumed": 2, "encrypted": 7}, tls["seen"]
    got = {f["fault"]: (f["flows"], f["local_hosts"], f["servers"], f["of"]) for f in tls["faults"]}
    assert got == {"expired": (3, 3, 2, 22), "self-signed": (2, 1, 1, 22), "name-mismatch": (4, 1, 1, 22),
                   "obsolete-version": (5, 1, 1, 31), "weak-cipher": (1, 1, 1, 31), "weak-certificate": (1, 1, 1, 22),
                   "not-yet-valid": (0, 0, 0, 22), "malformed-certificate": (0, 0, 0, 22)}, got


@test
def evidence_returns_exactly_those_flows():
    folder, model = made()
    for row in model["devices"]:
        got = flows(folder, row["evidence"])
        assert len(got) == row["flows"] == row["evidence"]["flows"], row
        assert all(f["platform"] == row["platform"] for f in got), row
    for row in model["concealment"]["tls"]["faults"]:
        got = flows(folder, row["evidence"])
        assert len(got) == row["flows"], row
        assert all(row["fault"] in f["tls_faults"].split("|") for f in got), row
    prints = {f["fingerprint"] for f in flows(folder, model["devices"][0]["evidence"] | {"filter": "not fingerprint unknown"})}
    assert len(prints) == 2 and all(p.startswith("t12d0202") for p in prints), prints
    for p in prints:
        assert flows(folder, model["devices"][0]["evidence"] | {"filter": f"fingerprint {p}"})


@test
def the_report_follows_its_schema_and_speaks_of_both():
    folder, model = made()
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), os.path.join(folder, "report.json")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    found = {f["id"]: f for f in model["findings"]}
    assert "Windows at 8 addresses" in found["devices"]["statement"], found["devices"]
    assert "Windows" in found["devices"]["text"]["ja"]["statement"]
    assert "an obsolete version in 5 conversations" in found["tls-faults"]["statement"], found["tls-faults"]


@test
def what_could_not_be_seen_is_said():
    """Only TLS 1.3 and headers: no certificate, no device; and no payload at all."""
    c = Capture()
    for i in range(20):
        c.talk(i % DAYS, host(i), "198.51.100.98", 443, hello("www.example.org"), answer(None, 0x0304, 0x1301))
    c.write(os.path.join(DIR, "modern.pcap"))
    _, model = report("modern", os.path.join(DIR, "modern.pcap"))
    tls = model["concealment"]["tls"]
    assert {f["fault"] for f in tls["faults"]} == {"obsolete-version", "weak-cipher"}, tls
    assert "unsupported" in tls["certificate_faults"], tls
    assert "no sign" in model["devices"]["unsupported"], model["devices"]
    with open(os.path.join(DIR, "flows.csv"), "w") as f:
        f.write("start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,octets\n")
        for i in range(50):
            f.write(f"{DAY0 + i * 9000},{DAY0 + i * 9000 + 9},{host(i)},198.51.100.1,{40000 + i},443,6,9,900\n")
    _, model = report("flowonly", os.path.join(DIR, "flows.csv"))
    assert "No TLS handshake" in model["concealment"]["tls"]["unsupported"], model["concealment"]["tls"]
    assert "No payload" in model["devices"]["unsupported"], model["devices"]


sys.exit(main())
