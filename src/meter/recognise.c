/* SPDX-License-Identifier: Apache-2.0 */
/* Each test is of one protocol's own framing: a magic number, or a length in the header that equals
 * the octets that follow, or both. What rests on less than some thirty bits asks for the protocol's
 * port too. The cheap reading of the first octet comes first: most payload leaves there. */
#include "meter/recognise.h"

#include <string.h>

enum { TCP = 6, UDP = 17 };

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
    return be16(at) << 16 | be16(at + 2);
}

static uint32_t le16(const uint8_t *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static uint32_t le32(const uint8_t *at)
{
    return le16(at + 2) << 16 | le16(at);
}

static bool starts(struct bytes b, const void *magic, size_t len)
{
    return b.len >= len && memcmp(b.at, magic, len) == 0;
}

static bool text(struct bytes b, const char *magic)
{
    return starts(b, magic, strlen(magic));
}

static bool port(const struct packet *p, uint16_t wanted)
{
    return p->src_port == wanted || p->dst_port == wanted;
}

/* --- datagrams --- */

/* RFC 2608 section 8: version, function, length of 24 bits. */
static bool is_slp(struct bytes b)
{
    return b.len >= 14 && b.at[0] == 2 && b.at[1] >= 1 && b.at[1] <= 11 &&
           ((uint32_t)b.at[2] << 16 | be16(b.at + 3)) == b.len;
}

/* Gtk-gnutella's and others' datagrams in parts: "GND", flags, sequence, part, count. */
static bool is_gnutella_part(struct bytes b)
{
    return b.len >= 8 && memcmp(b.at, "GND", 3) == 0 && b.at[3] < 0x20 && b.at[6] <= b.at[7] + 1;
}

/* Ethereum's node discovery, version 4: hash, signature with its recovery id, type, an RLP list. */
static bool is_ethereum_discovery(struct bytes b)
{
    if (b.len < 102 || b.len > 1280 || b.at[96] > 1 || b.at[97] < 1 || b.at[97] > 6)
        return false;
    const uint8_t *list = b.at + 98;
    size_t rest = b.len - 99;
    return list[0] == 0xf8   ? list[1] + 1u == rest
           : list[0] == 0xf9 ? be16(list + 1) + 2 == rest
                             : list[0] >= 0xc0 && list[0] <= 0xf7 && list[0] - 0xc0u == rest;
}

/* RakNet's acknowledgement: a count of records that fill the rest. */
static bool is_raknet_ack(struct bytes b)
{
    if (b.len < 7 || (b.at[0] != 0xc0 && b.at[0] != 0xa0))
        return false;
    size_t at = 3, records = be16(b.at + 1);
    for (; records > 0 && at < b.len && b.at[at] <= 1; records--)
        at += b.at[at] ? 4 : 7;
    return records == 0 && at == b.len && at > 3;
}

/* "Open connection request" and "unconnected ping", and their answers. */
static bool is_raknet_offline(struct bytes b)
{
    static const uint8_t MAGIC[] = {0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe,
                                    0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};
    static const uint8_t AT[] = {1, 9, 17};
    for (size_t i = 0; i < sizeof AT; i++)
        if (b.len >= AT[i] + sizeof MAGIC && memcmp(b.at + AT[i], MAGIC, sizeof MAGIC) == 0)
            return true;
    return false;
}

/* OpenVPN's first packet of a client (opcode 7, key 0), without or with tls-auth's HMAC of 16, 20,
 * 32 or 64 octets: nothing acknowledged, packet 0. */
static bool is_openvpn_reset(struct bytes b)
{
    static const uint8_t ZERO[5] = {0};
    bool size = b.len == 14 || b.len == 38 || b.len == 42 || b.len == 54 || b.len == 86;
    return size && b.at[0] == 0x38 && memcmp(b.at + b.len - 5, ZERO, 5) == 0 &&
           (b.len == 14 || be32(b.at + b.len - 13) == 1);
}

/* MS-ICE2: the attribute of the implementation's version, in a STUN message (RFC 8489). */
static bool is_microsoft_stun(struct bytes b)
{
    if (b.len < 28 || b.at[0] > 1 || be16(b.at + 2) + 20 != b.len || be32(b.at + 4) != 0x2112a442)
        return false;
    for (size_t at = 20; at + 4 <= b.len; at += 4 + ((be16(b.at + at + 2) + 3) & ~3u))
        if (be16(b.at + at) == 0x8070 && be16(b.at + at + 2) == 4)
            return true;
    return false;
}

/* Photon's connect command: no peer yet, one command of 44 octets. */
static bool is_photon(struct bytes b)
{
    return b.len == 56 && be32(b.at) == 0xffff0001 && b.at[12] == 2 && b.at[13] == 0xff &&
           be32(b.at + 16) == 44;
}

static bool is_roughtime(struct bytes b)
{
    return text(b, "ROUGHTIM") ||
           (b.len >= 1000 && le32(b.at) >= 1 && le32(b.at) <= 8 && memmem(b.at, 64, "NONC", 4));
}

static const char *datagram(const struct packet *p)
{
    struct bytes b = p->payload;
    static const uint8_t TUYA[] = {0, 0, 0x55, 0xaa}, DISCORD[] = {0x13, 0x37, 0xca, 0xfe};
    static const uint8_t ZOOM[] = {0x1f, 0x02, 0x01, 0x00}, KNX[] = {0x06, 0x10};
    static const uint8_t STEAM[] = {0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0};
    if (starts(b, DISCORD, 4) && b.len == 8)
        return "Discord";
    if (starts(b, TUYA, 4) && b.len >= 24 && be32(b.at + b.len - 4) == 0xaa55)
        return "TuyaLP";
    if (text(b, "\xff\xff\xff\xffTSource Engine Query"))
        return "Source_Engine";
    if (starts(b, STEAM, 8))
        return "Steam";
    if (text(b, "TS\xf0\x9f\x92\xac"))
        return "Tailscale";
    if (text(b, "IP=") && b.len < 64 && memmem(b.at, b.len, ",PORT=", 6))
        return "Softether";
    if (starts(b, ZOOM, 4) && b.len > 40 && be32(b.at + 5) == 0x00010004)
        return "Zoom";
    if (starts(b, KNX, 2) && b.len >= 6 && be16(b.at + 4) == b.len)
        return "KNXnet_IP";
    if (port(p, 427) && is_slp(b))
        return "Service_Location_Protocol";
    if (is_gnutella_part(b))
        return "Gnutella";
    if (is_openvpn_reset(b))
        return "OpenVPN";
    if (is_raknet_offline(b) || is_raknet_ack(b))
        return "RakNet";
    if (is_microsoft_stun(b))
        return "Skype_TeamsCall";
    if (is_photon(b))
        return "Photon";
    if (port(p, 5094) && b.len >= 8 && b.at[0] == 1 && b.at[1] <= 4 && be16(b.at + 6) == b.len)
        return "HART-IP";
    if (is_ethereum_discovery(b))
        return "ETHEREUM";
    return is_roughtime(b) ? "Roughtime" : NULL;
}

/* --- segments --- */

/* RLPx: the first message, an ECIES public key (uncompressed) before what it encrypts; with its
 * size in front since EIP-8. */
static bool is_rlpx(const struct packet *p)
{
    struct bytes b = p->payload;
    if (b.len == 307 || b.len == 210)
        return b.at[0] == 0x04 && port(p, 30303);
    return b.len >= 200 && b.len < 1200 && be16(b.at) + 2 == b.len && b.at[2] == 0x04;
}

/* RFC 1928 section 3: what clients offer; and SOCKS 4's request to connect. */
static bool is_socks(const struct packet *p)
{
    struct bytes b = p->payload;
    static const char *const OFFERS[] = {"\1\0",   "\1\2",     "\2\0\2",
                                         "\2\0\1", "\3\0\1\2", "\4\0\1\2\3"};
    for (size_t i = 0; i < sizeof OFFERS / sizeof *OFFERS; i++)
        if (b.at[0] == 5 && b.len == (size_t)OFFERS[i][0] + 2 &&
            memcmp(b.at + 1, OFFERS[i], b.len - 1) == 0)
            return true;
    return p->dst_port == 1080 && b.len >= 9 && b.at[0] == 4 && (b.at[1] == 1 || b.at[1] == 2) &&
           b.at[b.len - 1] == 0;
}

static bool is_opc_ua(struct bytes b)
{
    return (text(b, "HELF") || text(b, "ACKF") || text(b, "OPNF") || text(b, "MSGF")) &&
           b.len >= 8 && le32(b.at + 4) == b.len;
}

/* Skinny: length, version, message; on its port. */
static bool is_skinny(const struct packet *p)
{
    struct bytes b = p->payload;
    return port(p, 2000) && b.len >= 12 && le32(b.at) + 8 == b.len && le32(b.at + 4) <= 0x20 &&
           le32(b.at + 8) < 0x200;
}

static const char *segment(const struct packet *p)
{
    struct bytes b = p->payload;
    static const uint8_t RADMIN[] = {1, 0, 0, 0, 1, 0, 0, 0, 8, 8}, XIAOMI[] = {0xc2, 0xfe, 0, 5};
    if (text(b, "<stream:stream") ||
        (text(b, "<?xml") && memmem(b.at, b.len, "<stream:stream", 14)))
        return "Jabber";
    if (text(b, "GNUTELLA CONNECT/") || text(b, "GNUTELLA/0."))
        return "Gnutella";
    if (b.len >= 10 && be16(b.at) == 0x0300 && be16(b.at + 2) == b.len && b.at[4] == 8 &&
        b.at[5] == 2)
        return "H323"; /* Q.931 in TPKT (H.225.0) */
    if (b.len == sizeof RADMIN && starts(b, RADMIN, sizeof RADMIN))
        return "Radmin";
    if (starts(b, XIAOMI, 4) && b.len >= 12 && be32(b.at + 4) + 16 >= b.len)
        return "Xiaomi";
    if (text(b, "STOMP\n") || text(b, "CONNECT\naccept-version:"))
        return "STOMP";
    if (b.len > 16 && be16(b.at) + 2 == b.len && is_openvpn_reset(bytes_slice(b, 2, SIZE_MAX)))
        return "OpenVPN";
    if (b.at[0] == 0xaa && b.len >= 16 && be16(b.at + 2) == b.len && port(p, 4712))
        return "IEEE-C37118";
    if (port(p, 4059) && b.len >= 8 && be16(b.at) == 1 && be16(b.at + 6) + 8 == b.len)
        return "IEC62056"; /* DLMS' wrapper */
    if (port(p, 5094) && b.len >= 8 && b.at[0] == 1 && b.at[1] <= 4 && be16(b.at + 6) == b.len)
        return "HART-IP";
    if (is_opc_ua(b))
        return "OPC-UA";
    if (is_socks(p))
        return "SOCKS";
    if (is_skinny(p))
        return "CiscoSkinny";
    return is_rlpx(p) ? "ETHEREUM" : NULL;
}

const char *recognise(const struct packet *p)
{
    if (p->payload.len < 3 || p->snapped)
        return NULL;
    return p->protocol == UDP ? datagram(p) : p->protocol == TCP ? segment(p) : NULL;
}
