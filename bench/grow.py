#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grow.py OUT.pcap PACKETS CAPTURE... : one large pcap of Ethernet IPv4 packets out of small ones.

Rounds over the captures until PACKETS are written. In each round every address gets another second
octet and time goes on, so that flows are new and clients and servers still belong together. Payloads
stay as they were; IP checksums are set right.
"""
import struct
import sys


def packets(path):
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) < 24 or head[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
            return
        nano = head[:4] == b"\x4d\x3c\xb2\xa1"
        if struct.unpack("<I", head[20:24])[0] & 0xFFFF != 1:
            return
        while True:
            rec = f.read(16)
            if len(rec) < 16:
                return
            s, frac, cap, orig = struct.unpack("<IIII", rec)
            data = f.read(cap)
            if len(data) < cap:
                return
            if cap >= 34 and data[12:14] == b"\x08\x00" and data[14] >> 4 == 4:
                yield s * 1000000 + (frac // 1000 if nano else frac), orig, data


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main():
    out, want, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    source = []
    for path in paths:
        rows = list(packets(path))
        if rows:
            first = rows[0][0]
            source += [(max(0, t - first), orig, data) for t, orig, data in rows]
    if not source:
        sys.exit("grow.py: no Ethernet IPv4 packets in these captures")
    source.sort(key=lambda r: r[0])
    span = min(source[-1][0], 60_000_000)
    written = rounds = 0
    with open(out, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while written < want:
            base = 1_500_000_000_000_000 + rounds * (span + 1000)
            for t, orig, data in source:
                b = bytearray(data)
                b[27] = (b[27] + rounds) & 0xFF
                b[31] = (b[31] + rounds) & 0xFF
                b[28] = (b[28] + (rounds >> 8)) & 0xFF
                b[32] = (b[32] + (rounds >> 8)) & 0xFF
                ihl = (b[14] & 15) * 4
                if 20 <= ihl and 14 + ihl <= len(b):
                    b[24:26] = b"\0\0"
                    b[24:26] = struct.pack("!H", checksum(bytes(b[14:14 + ihl])))
                at = base + min(t, span)
                f.write(struct.pack("<IIII", at // 1000000, at % 1000000, len(b), orig))
                f.write(b)
                written += 1
            rounds += 1
    print(f"{written} packets in {rounds} rounds")


if __name__ == "__main__":
    main()
