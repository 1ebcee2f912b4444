/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in a pcap file: Ethernet, IPv4, UDP, with right lengths and checksums. */
#include "world/wire_out.h"

enum { ETHERNET = 14, IPV4 = 20, UDP = 8 };

/* One's complement sum of 16-bit words (RFC 1071), not yet folded. */
static uint32_t sum16(const uint8_t *at, size_t len, uint32_t sum)
{
    for (; len > 1; at += 2, len -= 2)
        sum += (uint32_t)(at[0] << 8 | at[1]);
    return len ? sum + (uint32_t)(at[0] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void set16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* pcap's own numbers are in the writer's byte order; this machine's is as good as any. */
static void put_native(struct octets *o, uint32_t value)
{
    put_bytes(o, &value, sizeof value);
}

void pcap_begin(struct wire *w)
{
    struct octets *o = &w->frame;
    o->len = 0;
    put_native(o, 0xa1b2c3d4);
    put_native(o, 4 << 16 | 2); /* version 2.4 */
    put_native(o, 0);
    put_native(o, 0);
    put_native(o, 65535);
    put_native(o, 1); /* LINKTYPE_ETHERNET */
    wire_write(w, o->at, o->len);
}

static void put_headers(struct wire *w, struct octets *o, size_t payload_len)
{
    static const uint8_t ethernet[ETHERNET] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    put_bytes(o, ethernet, ETHERNET);
    put(o, 0x45, 1);
    put(o, 0, 1);
    put(o, IPV4 + UDP + payload_len, 2);
    put(o, w->counts.messages & 0xffff, 2);
    put(o, 0x4000, 2); /* do not fragment */
    put(o, 64, 1);
    put(o, 17, 1);
    put(o, 0, 2);
    put_bytes(o, w->exporter.octet + 12, 4);
    put_bytes(o, w->collector.octet + 12, 4);
    put(o, w->options.exporter_port, 2);
    put(o, w->options.collector_port, 2);
    put(o, UDP + payload_len, 2);
    put(o, 0, 2);
}

void pcap_packet(struct wire *w, const struct octets *payload)
{
    struct octets *o = &w->frame;
    /* Sent when the last record had ended, never two at once. */
    uint64_t us = w->export_ms * 1000;
    w->packet_us = us > w->packet_us ? us : w->packet_us + 1;
    size_t len = ETHERNET + IPV4 + UDP + payload->len;
    o->len = 0;
    put_native(o, (uint32_t)(w->packet_us / 1000000));
    put_native(o, (uint32_t)(w->packet_us % 1000000));
    put_native(o, (uint32_t)len);
    put_native(o, (uint32_t)len);
    uint8_t *ip = o->at + o->len + ETHERNET, *udp = ip + IPV4;
    put_headers(w, o, payload->len);
    put_bytes(o, payload->at, payload->len);
    set16(ip + 10, folded(sum16(ip, IPV4, 0)));
    /* The pseudo header: addresses, protocol, length (RFC 768). */
    uint32_t sum = sum16(ip + 12, 8, 17 + UDP + (uint32_t)payload->len);
    uint16_t checksum = folded(sum16(udp, UDP + payload->len, sum));
    set16(udp + 6, checksum ? checksum : 0xffff);
    wire_write(w, o->at, o->len);
}
