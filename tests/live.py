# SPDX-License-Identifier: Apache-2.0
"""A running collector, and nfcapd beside it, on loopback."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from tap import TELLTALE, Skip


class Collector:
    """A running one; `port` is its UDP port."""

    def __init__(self, where, *options, listen="127.0.0.1:0", tcp=False):
        self.where = where
        self.log = os.path.join(where, "collect.log")
        args = [TELLTALE, "collect", "-C", where, "--tcp" if tcp else "--listen", listen, *map(str, options)]
        self.out = open(self.log, "ab")
        self.begin = self.out.tell()
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)
        self.port = int(self.wait("listening on ").split("\n")[0].rsplit(":", 1)[1])

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(self.begin)
            return f.read()

    def wait(self, words, seconds=30):
        until = time.time() + seconds
        while time.time() < until:
            said = self.said()
            if words in said and "\n" in said[said.index(words):]:
                return said[said.index(words) + len(words):]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the collector did not say '{words}': {self.said()}")

    def status(self):
        with open(os.path.join(self.where, "spool", "status.json"), encoding="utf-8") as f:
            return json.load(f)

    def until(self, good, seconds=60):
        end = time.time() + seconds
        while not good(self.status()):
            assert self.process.poll() is None, self.said()
            assert time.time() < end, self.status()
            time.sleep(0.1)

    def stop(self, status=0):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=120) == status, self.said()
        return self.said()


def send(port, payloads, pace=40):
    """Paced by what loopback's buffers hold; returns how many were sent."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind(("127.0.0.1", 0))
    count = 0
    for payload in payloads:
        out.sendto(payload, ("127.0.0.1", port))
        count += 1
        if count % pace == 0:
            time.sleep(0.004)
    out.close()
    return count


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nfcapd(folder, port):
    """nfdump's collector, writing into `folder`."""
    if not shutil.which("nfcapd"):
        raise Skip("no nfcapd here")
    return subprocess.Popen(["nfcapd", "-w", folder, "-l", folder, "-b", "127.0.0.1", "-p", str(port), "-B", "4000000", "-t", "3600"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def nfdump_sums(folder):
    """Records, packets and octets of what it wrote."""
    out = subprocess.run(["nfdump", "-R", folder, "-q", "-o", "fmt:%pkt,%byt", "-N"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(",") for line in out.splitlines() if line.count(",") == 1]
    return len(rows), sum(int(p) for p, _ in rows), sum(int(b) for _, b in rows)
