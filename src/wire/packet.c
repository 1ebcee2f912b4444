/* SPDX-License-Identifier: Apache-2.0 */
/* A frame is peeled one layer at a time: each layer's function reads its header from the cursor,
 * says what comes next, and never looks back. So any stack of tags that the wire shows (VLAN in
 * MPLS in PPPoE in VLAN) needs no case of its own, and a hostile stack ends at LAYERS_MAX.
 *
 * Link types: https://www.tcpdump.org/linktypes.html. Ethertypes: IANA's IEEE 802 numbers. */
#include "wire/packet.h"

#include "wire/cursor.h"
#include "wire/link.h"

enum layer {
    LAYER_ETHERNET,
    LAYER_ETHERTYPE, /* f->type says which */
    LAYER_LLC,
    LAYER_PPP,
    LAYER_MPLS,
    LAYER_WIFI,
    LAYER_LINK, /* f->type is a link type: a header that wraps another link */
    LAYER_IP,
    LAYER_NOT_IP,
    LAYER_UNKNOWN_LINK,
};

enum { LAYERS_MAX = 32 };

struct frame {
    struct cursor c;
    uint32_t type;
    uint8_t version; /* of IP, where a header outside it says which; else 0 */
    bool padded;     /* radiotap: the 802.11 body begins at a multiple of 4 */
};

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_VLAN = 0x8100,
    TYPE_TRANSPARENT_BRIDGING = 0x6558,
    TYPE_IPV6 = 0x86dd,
    TYPE_PPP = 0x880b,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_UPSTREAM = 0x8848,
    TYPE_PPPOE_SESSION = 0x8864,
    TYPE_QINQ = 0x88a8,
    TYPE_PBB = 0x88e7,
    TYPE_FABRICPATH = 0x8903,
    TYPE_CISCO_METADATA = 0x8909,
    TYPE_VNTAG = 0x8926,
    TYPE_NSH = 0x894f,
    TYPE_QINQ_OLD = 0x9100,
    TYPE_QINQ_OLDER = 0x9200,
    TYPE_QINQ_OLDEST = 0x9300,
    TYPE_LENGTH_MAX = 1500, /* at most this, it is 802.3's length and LLC follows */
};

static enum layer peel_ethernet(struct frame *f)
{
    cursor_skip(&f->c, 12);
    f->type = cursor_be16(&f->c);
    return LAYER_ETHERTYPE;
}

/* RFC 2516: 1 octet version and type, code 0, session, length. */
static enum layer peel_pppoe(struct frame *f)
{
    uint8_t version_type = cursor_u8(&f->c), code = cursor_u8(&f->c);
    cursor_skip(&f->c, 4);
    return version_type == 0x11 && code == 0 ? LAYER_PPP : LAYER_NOT_IP;
}

/* Cisco MetaData: version, number of 4-octet options (never less than one), the options, the real
 * type. */
static enum layer peel_cisco_metadata(struct frame *f)
{
    cursor_skip(&f->c, 1);
    size_t options = cursor_u8(&f->c);
    cursor_skip(&f->c, options ? options * 4 : 4);
    f->type = cursor_be16(&f->c);
    return LAYER_ETHERTYPE;
}

/* RFC 8300 section 2.2: length in 4-octet words, the next protocol in the fourth octet. */
static enum layer peel_nsh(struct frame *f)
{
    uint16_t head = cursor_be16(&f->c);
    cursor_skip(&f->c, 1);
    uint8_t next = cursor_u8(&f->c);
    size_t words = head & 0x3f;
    if (words < 2)
        return LAYER_NOT_IP;
    cursor_skip(&f->c, words * 4 - 4);
    return next == 1 || next == 2 ? LAYER_IP : next == 3 ? LAYER_ETHERNET : LAYER_NOT_IP;
}

static enum layer peel_ethertype(struct frame *f)
{
    switch (f->type) {
    case TYPE_IPV4:
    case TYPE_IPV6:
        f->version = f->type == TYPE_IPV4 ? 4 : 6;
        return LAYER_IP;
    case TYPE_VLAN:
    case TYPE_QINQ:
    case TYPE_QINQ_OLD:
    case TYPE_QINQ_OLDER:
    case TYPE_QINQ_OLDEST:
        cursor_skip(&f->c, 2);
        f->type = cursor_be16(&f->c);
        return LAYER_ETHERTYPE;
    case TYPE_VNTAG:
        cursor_skip(&f->c, 4);
        f->type = cursor_be16(&f->c);
        return LAYER_ETHERTYPE;
    case TYPE_MPLS:
    case TYPE_MPLS_UPSTREAM:
        return LAYER_MPLS;
    case TYPE_PPPOE_SESSION:
        return peel_pppoe(f);
    case TYPE_PPP:
        return LAYER_PPP;
    case TYPE_PBB:
        cursor_skip(&f->c, 4);
        return LAYER_ETHERNET;
    case TYPE_FABRICPATH:
        cursor_skip(&f->c, 2);
        return LAYER_ETHERNET;
    case TYPE_TRANSPARENT_BRIDGING:
        return LAYER_ETHERNET;
    case TYPE_CISCO_METADATA:
        return peel_cisco_metadata(f);
    case TYPE_NSH:
        return peel_nsh(f);
    default:
        return f->type <= TYPE_LENGTH_MAX ? LAYER_LLC : LAYER_NOT_IP;
    }
}

/* IEEE 802.2; SNAP (RFC 1042) for all but IP's own service access point. */
static enum layer peel_llc(struct frame *f)
{
    uint8_t dsap = cursor_u8(&f->c), ssap = cursor_u8(&f->c), control = cursor_u8(&f->c);
    if (dsap == 0x06 && ssap == 0x06 && control == 0x03)
        return LAYER_IP;
    if (dsap == 0xfe && ssap == 0xfe && control == 0x03) { /* ISO: an NLPID (RFC 2684) */
        uint8_t nlpid = cursor_u8(&f->c);
        return nlpid == 0xcc || nlpid == 0x8e ? LAYER_IP : LAYER_NOT_IP;
    }
    if ((dsap & 0xfe) != 0xaa || (ssap & 0xfe) != 0xaa || control != 0x03)
        return LAYER_NOT_IP;
    uint32_t organisation = (uint32_t)cursor_be(&f->c, 3);
    uint16_t type = cursor_be16(&f->c);
    if (organisation ==
        0x0080c2) { /* bridged: RFC 2684 section 5.2, Ethernet with and without FCS */
        bool padded = type == 0x0001 || type == 0x0007;
        cursor_skip(&f->c, padded ? 2 : 0);
        return padded ? LAYER_ETHERNET : LAYER_NOT_IP;
    }
    f->type = type;
    bool ethertype = organisation == 0 || organisation == 0x0000f8;
    return ethertype && type > TYPE_LENGTH_MAX ? LAYER_ETHERTYPE : LAYER_NOT_IP;
}

/* RFC 1661 and 1662: address and control may be left out, the protocol may be one octet. */
static enum layer peel_ppp(struct frame *f)
{
    if (cursor_left(&f->c) >= 2 && f->c.at[0] == 0xff && f->c.at[1] == 0x03)
        cursor_skip(&f->c, 2);
    uint32_t protocol = cursor_u8(&f->c);
    if ((protocol & 1) == 0)
        protocol = protocol << 8 | cursor_u8(&f->c);
    switch (protocol) {
    case 0x0021:
    case 0x0057:
        return LAYER_IP;
    case 0x0281:
    case 0x0283:
        return LAYER_MPLS;
    case 0x0031: /* bridging control: flags, MAC type, Ethernet (RFC 3518) */
        cursor_skip(&f->c, 2);
        return LAYER_ETHERNET;
    default:
        return LAYER_NOT_IP;
    }
}

/* RFC 3032. What lies under the bottom label is not told: IP begins with its version; a
 * pseudo-wire's control word begins with 0 and Ethernet follows (RFC 4385, 4448), 1 is its
 * management channel; else it is Ethernet without a control word. */
static enum layer peel_mpls(struct frame *f)
{
    uint32_t label;
    do
        label = cursor_be32(&f->c);
    while (!f->c.failed && (label & 0x100) == 0);
    uint8_t nibble = cursor_peek_u8(&f->c) >> 4;
    if (nibble == 4 || nibble == 6)
        return LAYER_IP;
    if (nibble == 1)
        return LAYER_NOT_IP;
    cursor_skip(&f->c, nibble == 0 ? 4 : 0);
    return LAYER_ETHERNET;
}

/* IEEE 802.11-2020 section 9.2.3: data frames that are not encrypted; of an aggregate (A-MSDU)
 * the first part. */
static enum layer peel_wifi(struct frame *f)
{
    uint16_t control = cursor_le16(&f->c);
    unsigned type = control >> 2 & 3, subtype = control >> 4 & 15;
    bool qos_data = subtype & 8, no_data = subtype & 4, protected = control & 0x4000;
    if (type != 2 || no_data || protected)
        return LAYER_NOT_IP;
    cursor_skip(&f->c, 22);
    if ((control & 0x0300) == 0x0300)
        cursor_skip(&f->c, 6);
    bool aggregate = false;
    if (qos_data) {
        aggregate = cursor_le16(&f->c) & 0x80;
        cursor_skip(&f->c, control & 0x8000 ? 4 : 0);
    }
    cursor_skip(&f->c, f->padded && qos_data ? 2 : 0);
    cursor_skip(&f->c, aggregate ? 14 : 0);
    return LAYER_LLC;
}

/* ------------------------------------------------------------------ link types */

static enum layer peel_ip_link(struct frame *f)
{
    (void)f;
    return LAYER_IP;
}

/* The BSD family number of the machine that captured, in its byte order. */
static enum layer of_family(uint32_t family)
{
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2: /* AF_INET everywhere; AF_INET6 of Linux, OpenBSD and NetBSD, IPX.., FreeBSD, macOS */
    case 10:
    case 23:
    case 24:
    case 26:
    case 28:
    case 30:
        return LAYER_IP;
    default:
        return LAYER_NOT_IP;
    }
}

static enum layer peel_null(struct frame *f)
{
    return of_family(cursor_le32(&f->c));
}

static enum layer peel_enc(struct frame *f)
{
    uint32_t family = cursor_le32(&f->c);
    cursor_skip(&f->c, 8);
    return of_family(family);
}

/* Length without padding, address family, then as long as it says up to a multiple of 4. */
static enum layer peel_pflog(struct frame *f)
{
    size_t len = cursor_u8(&f->c);
    uint8_t family = cursor_u8(&f->c);
    if (len < 2) {
        cursor_fail(&f->c);
        return LAYER_NOT_IP;
    }
    cursor_skip(&f->c, ((len + 3) & ~(size_t)3) - 2);
    return of_family(family);
}

static enum layer of_arphrd(struct frame *f, uint16_t hardware, uint16_t protocol)
{
    if (hardware == 824) /* netlink */
        return LAYER_NOT_IP;
    if (hardware == 801 || hardware == 802 || hardware == 803) {
        f->type = hardware == 801 ? LINK_WIFI : hardware == 802 ? LINK_PRISM : LINK_RADIOTAP;
        return LAYER_LINK;
    }
    if (protocol == 0x0001)
        return LAYER_ETHERNET;
    f->type = protocol;
    return protocol == 0x0004 ? LAYER_LLC : LAYER_ETHERTYPE;
}

static enum layer peel_sll(struct frame *f)
{
    cursor_skip(&f->c, 2);
    uint16_t hardware = cursor_be16(&f->c);
    cursor_skip(&f->c, 10);
    return of_arphrd(f, hardware, cursor_be16(&f->c));
}

static enum layer peel_sll2(struct frame *f)
{
    uint16_t protocol = cursor_be16(&f->c);
    cursor_skip(&f->c, 6);
    uint16_t hardware = cursor_be16(&f->c);
    cursor_skip(&f->c, 10);
    return of_arphrd(f, hardware, protocol);
}

/* Address, control, ethertype. PPP_HDLC files hold Cisco's HDLC as well as PPP. */
static enum layer peel_chdlc(struct frame *f)
{
    cursor_skip(&f->c, 2);
    f->type = cursor_be16(&f->c);
    return f->type > TYPE_LENGTH_MAX ? LAYER_ETHERTYPE : LAYER_NOT_IP;
}

static enum layer peel_ppp_hdlc(struct frame *f)
{
    uint8_t address = cursor_peek_u8(&f->c);
    return address == 0x0f || address == 0x8f ? peel_chdlc(f) : LAYER_PPP;
}

/* A direction octet stands before the frame, or in the place of its address octet. */
static enum layer peel_ppp_direction(struct frame *f)
{
    cursor_skip(&f->c, 1);
    if (cursor_peek_u8(&f->c) == 0x03)
        cursor_skip(&f->c, 1);
    return LAYER_PPP;
}

/* Q.922 address up to its last octet, then RFC 2427 or Cisco's ethertype. */
static enum layer peel_frame_relay(struct frame *f)
{
    while (!f->c.failed && (cursor_u8(&f->c) & 1) == 0)
        ;
    if (cursor_peek_u8(&f->c) != 0x03) {
        f->type = cursor_be16(&f->c);
        return f->type > TYPE_LENGTH_MAX ? LAYER_ETHERTYPE : LAYER_NOT_IP;
    }
    cursor_skip(&f->c, 1);
    uint8_t nlpid = cursor_u8(&f->c);
    if (nlpid == 0)
        nlpid = cursor_u8(&f->c);
    if (nlpid == 0xcc || nlpid == 0x8e)
        return LAYER_IP;
    if (nlpid == 0xcf)
        return LAYER_PPP;
    if (nlpid != 0x80 || cursor_be(&f->c, 3) != 0)
        return LAYER_NOT_IP;
    f->type = cursor_be16(&f->c);
    return LAYER_ETHERTYPE;
}

static enum layer peel_fddi(struct frame *f)
{
    uint8_t control = cursor_u8(&f->c);
    cursor_skip(&f->c, 12);
    return (control & 0xf0) == 0x50 || (control & 0xf0) == 0xd0 ? LAYER_LLC : LAYER_NOT_IP;
}

static enum layer peel_token_ring(struct frame *f)
{
    cursor_skip(&f->c, 1);
    uint8_t control = cursor_u8(&f->c);
    cursor_skip(&f->c, 6);
    bool routed = cursor_peek_u8(&f->c) & 0x80;
    cursor_skip(&f->c, 6);
    if (routed) { /* the route's length counts its own two octets */
        size_t len = cursor_peek_u8(&f->c) & 0x1f;
        cursor_skip(&f->c, len);
    }
    return (control & 0xc0) == 0x40 ? LAYER_LLC : LAYER_NOT_IP;
}

/* https://www.radiotap.org: the flags field tells whether the 802.11 body is padded. */
static enum layer peel_radiotap(struct frame *f)
{
    struct bytes all = cursor_rest(&f->c);
    cursor_skip(&f->c, 2);
    size_t len = cursor_le16(&f->c);
    uint32_t present = cursor_le32(&f->c);
    uint32_t more = present;
    while (!f->c.failed && more >> 31)
        more = cursor_le32(&f->c);
    size_t at = all.len - cursor_left(&f->c);
    if (present & 1) /* the timer: 8 octets, aligned */
        at = ((at + 7) & ~(size_t)7) + 8;
    bool padded = present & 2 && at < all.len && all.at[at] & 0x20;
    f->c = cursor_of(bytes_slice(all, len, all.len));
    f->padded = padded;
    if (len < 8 || len > all.len)
        cursor_fail(&f->c);
    return LAYER_WIFI;
}

/* Prism's header is 144 octets and says so; the AVS header begins with its magic and length. */
static enum layer peel_prism(struct frame *f)
{
    struct cursor ahead = f->c;
    uint32_t magic = cursor_be32(&ahead), second = cursor_be32(&ahead);
    size_t len = magic >> 8 == 0x802110 ? second : 144;
    cursor_skip(&f->c, len);
    return LAYER_WIFI;
}

static enum layer peel_ppi(struct frame *f)
{
    struct bytes all = cursor_rest(&f->c);
    cursor_skip(&f->c, 2);
    size_t len = cursor_le16(&f->c);
    f->type = cursor_le32(&f->c);
    if (len < 8 || f->c.failed) {
        cursor_fail(&f->c);
        return LAYER_NOT_IP;
    }
    f->c = cursor_of(all);
    cursor_skip(&f->c, len);
    return LAYER_LINK;
}

static enum layer peel_pktap(struct frame *f)
{
    struct bytes all = cursor_rest(&f->c);
    uint32_t len = cursor_le32(&f->c);
    cursor_skip(&f->c, 4);
    f->type = cursor_le32(&f->c);
    if (len < 12 || f->c.failed) {
        cursor_fail(&f->c);
        return LAYER_NOT_IP;
    }
    f->c = cursor_of(all);
    cursor_skip(&f->c, len);
    return LAYER_LINK;
}

static enum layer peel_ipnet(struct frame *f)
{
    cursor_skip(&f->c, 1);
    uint8_t family = cursor_u8(&f->c);
    cursor_skip(&f->c, 22);
    return family == 2 || family == 26 ? LAYER_IP : LAYER_NOT_IP;
}

/* Family, version, resource id, then attributes in the host's byte order; the packet is number 9.
 * A length counts its own header of 4 octets and is padded to a multiple of 4. */
static enum layer peel_nflog(struct frame *f)
{
    cursor_skip(&f->c, 4);
    while (!f->c.failed && cursor_left(&f->c) > 0) {
        size_t len = cursor_le16(&f->c);
        uint16_t type = cursor_le16(&f->c);
        if (type & 0xff00 && (type & 0xff) == 0) { /* the other byte order */
            type = __builtin_bswap16(type);
            len = __builtin_bswap16((uint16_t)len);
        }
        if (len < 4)
            break;
        if ((type & 0x7fff) == 9)
            return LAYER_IP;
        cursor_skip(&f->c, ((len + 3) & ~(size_t)3) - 4);
    }
    return LAYER_NOT_IP;
}

static enum layer peel_netanalyzer(struct frame *f)
{
    cursor_skip(&f->c, 4);
    return LAYER_ETHERNET;
}

static enum layer peel_llc_link(struct frame *f)
{
    (void)f;
    return LAYER_LLC;
}

static enum layer peel_ethernet_link(struct frame *f)
{
    (void)f;
    return LAYER_ETHERNET;
}

static enum layer peel_wifi_link(struct frame *f)
{
    (void)f;
    return LAYER_WIFI;
}

static enum layer peel_sunatm(struct frame *f)
{
    uint8_t traffic = cursor_u8(&f->c) & 0x0f;
    cursor_skip(&f->c, 3);
    return traffic == 2 ? LAYER_LLC : LAYER_NOT_IP;
}

static enum layer peel_slip(struct frame *f)
{
    cursor_skip(&f->c, 16);
    return LAYER_IP;
}

/* Juniper: "MGC", flags, extensions of a stated length; then what the kind of interface adds.
 * `cookie` is the length of that where the second layer is there. Without it (flag 2) a protocol
 * number of 4 octets precedes the packet: the network layer's is found by its version nibble. */
static enum layer peel_juniper(struct frame *f, size_t cookie, enum layer next)
{
    if (cursor_be(&f->c, 3) != 0x4d4743)
        return LAYER_NOT_IP;
    uint8_t flags = cursor_u8(&f->c);
    if (flags & 0x80)
        cursor_skip(&f->c, cursor_be16(&f->c));
    if (flags & 0x02) {
        cursor_skip(&f->c, 4);
        return LAYER_IP;
    }
    cursor_skip(&f->c, cookie);
    return next;
}

static enum layer peel_juniper_ether(struct frame *f)
{
    return peel_juniper(f, 0, LAYER_ETHERNET);
}

static enum layer peel_juniper_ppp(struct frame *f)
{
    return peel_juniper(f, 0, LAYER_PPP);
}

static enum layer peel_juniper_chdlc(struct frame *f)
{
    enum layer next = peel_juniper(f, 0, LAYER_ETHERTYPE);
    return next == LAYER_ETHERTYPE ? peel_chdlc(f) : next;
}

/* ATM1 has a cookie of 4 octets, ATM2 of 8; then LLC, PPP (RFC 2364) or IP as it is. */
static enum layer peel_juniper_atm(struct frame *f, size_t cookie)
{
    enum layer next = peel_juniper(f, cookie, LAYER_LLC);
    if (next != LAYER_LLC)
        return next;
    struct cursor ahead = f->c;
    uint32_t head = (uint32_t)cursor_be(&ahead, 3);
    if (head == 0xfefe03 || head == 0xaaaa03)
        return LAYER_LLC;
    if (head == 0x80c200) { /* bridged with the LLC left out (VC multiplexed) */
        cursor_skip(&f->c, 3 + 3);
        return LAYER_ETHERNET;
    }
    uint8_t nibble = cursor_peek_u8(&f->c) >> 4;
    return nibble == 4 || nibble == 6 ? LAYER_IP : LAYER_PPP;
}

static enum layer peel_juniper_atm1(struct frame *f)
{
    return peel_juniper_atm(f, 4);
}

static enum layer peel_juniper_atm2(struct frame *f)
{
    return peel_juniper_atm(f, 8);
}

static const struct {
    uint16_t link_type;
    enum layer (*peel)(struct frame *f);
} links[] = {
    {LINK_NULL, peel_null},
    {LINK_ETHERNET, peel_ethernet_link},
    {LINK_TOKEN_RING, peel_token_ring},
    {LINK_SLIP, peel_slip},
    {LINK_PPP, peel_ppp_hdlc},
    {LINK_FDDI, peel_fddi},
    {LINK_ATM_RFC1483_BSD, peel_llc_link},
    {LINK_RAW_BSD, peel_ip_link},
    {LINK_RAW_OPENBSD, peel_ip_link},
    {LINK_PPP_HDLC, peel_ppp_hdlc},
    {LINK_PPP_ETHER, peel_pppoe},
    {LINK_ATM_RFC1483, peel_llc_link},
    {LINK_RAW, peel_ip_link},
    {LINK_C_HDLC, peel_chdlc},
    {LINK_WIFI, peel_wifi_link},
    {LINK_ATM_CLIP, peel_llc_link},
    {LINK_FRAME_RELAY, peel_frame_relay},
    {LINK_LOOP, peel_null},
    {LINK_ENC, peel_enc},
    {LINK_LINUX_SLL, peel_sll},
    {LINK_PFLOG, peel_pflog},
    {LINK_PRISM, peel_prism},
    {LINK_SUNATM, peel_sunatm},
    {LINK_RADIOTAP, peel_radiotap},
    {LINK_JUNIPER_ATM2, peel_juniper_atm2},
    {LINK_JUNIPER_ATM1, peel_juniper_atm1},
    {LINK_AVS, peel_prism},
    {LINK_PPP_PPPD, peel_ppp_direction},
    {LINK_JUNIPER_ETHER, peel_juniper_ether},
    {LINK_JUNIPER_PPP, peel_juniper_ppp},
    {LINK_JUNIPER_CHDLC, peel_juniper_chdlc},
    {LINK_PPI, peel_ppi},
    {LINK_PPP_WITH_DIR, peel_ppp_direction},
    {LINK_IPNET, peel_ipnet},
    {LINK_IPV4, peel_ip_link},
    {LINK_IPV6, peel_ip_link},
    {LINK_NFLOG, peel_nflog},
    {LINK_NETANALYZER, peel_netanalyzer},
    {LINK_PKTAP, peel_pktap},
    {LINK_LINUX_SLL2, peel_sll2},
};

static enum layer peel_link(struct frame *f)
{
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (links[i].link_type == f->type)
            return links[i].peel(f);
    return LAYER_UNKNOWN_LINK;
}

/* ------------------------------------------------------------------ IP and what it carries */

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NO_NEXT = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_IPIP = 94,
    PROTOCOL_ETHERIP = 97,
    PROTOCOL_L2TP = 115,
    PROTOCOL_SCTP = 132,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_UDPLITE = 136,
    PROTOCOL_MPLS_IN_IP = 137,
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140,
};

static bool is_tunnel(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_IPV4:
    case PROTOCOL_IPV6:
    case PROTOCOL_GRE:
    case PROTOCOL_ESP:
    case PROTOCOL_IPIP:
    case PROTOCOL_ETHERIP:
    case PROTOCOL_L2TP:
    case PROTOCOL_MPLS_IN_IP:
        return true;
    default:
        return false;
    }
}

/* Length of the transport header; 0 for protocols that have no ports. */
static size_t transport_octets(uint8_t protocol, struct bytes at)
{
    switch (protocol) {
    case PROTOCOL_TCP:
        return at.len > 12 && at.at[12] >> 4 >= 5 ? (size_t)(at.at[12] >> 4) * 4 : 20;
    case PROTOCOL_UDP:
    case PROTOCOL_UDPLITE:
        return 8;
    case PROTOCOL_SCTP:
        return 12;
    case PROTOCOL_DCCP:
        return at.len > 4 && at.at[4] >= 3 ? (size_t)at.at[4] * 4 : 12;
    default:
        return 0;
    }
}

/* Ports are read where the 4 octets are there, whatever else of the header is missing. */
static void read_transport(struct packet *p, struct bytes at)
{
    p->tunnelled = is_tunnel(p->protocol);
    p->payload = at;
    if (p->fragment_later)
        return;
    if (p->protocol == PROTOCOL_ICMP || p->protocol == PROTOCOL_ICMPV6) {
        if (at.len >= 2)
            p->dst_port = (uint16_t)(at.at[0] << 8 | at.at[1]);
        p->payload = bytes_slice(at, 8, at.len);
        return;
    }
    size_t len = transport_octets(p->protocol, at);
    if (len == 0)
        return;
    if (at.len >= 4) {
        p->src_port = octets_be16(at.at);
        p->dst_port = octets_be16(at.at + 2);
    }
    if (p->protocol == PROTOCOL_TCP && at.len >= 14) {
        p->tcp_seq = octets_be32(at.at + 4);
        p->tcp_flags = at.at[13];
    }
    p->payload = bytes_slice(at, len, at.len);
}

/* What the header states, against what was captured; `whole` is the packet's length on the wire
 * when the header states none (offloaded segmentation writes 0). */
static void set_length(struct packet *p, struct bytes captured, uint32_t octets, uint32_t whole)
{
    p->octets = octets ? octets : whole;
    p->snapped = captured.len < p->octets;
    p->l3 = bytes_slice(captured, 0, p->octets);
}

/* RFC 791. */
static enum reason read_ipv4(struct packet *p, struct bytes at, uint32_t whole)
{
    if (at.len < 20)
        return REASON_truncated;
    size_t header = (size_t)(at.at[0] & 15) * 4;
    uint32_t total = octets_be16(at.at + 2);
    if (header < 20)
        return REASON_bad_ip_header;
    if (total && total < header)
        return REASON_bad_length;
    set_length(p, at, total, whole);
    p->ip_id = octets_be16(at.at + 4);
    uint16_t fragment = octets_be16(at.at + 6);
    p->fragment_later = fragment & 0x1fff;
    p->fragment = fragment & 0x3fff;
    p->protocol = at.at[9];
    p->src = ip_from_v4(at.at + 12);
    p->dst = ip_from_v4(at.at + 16);
    read_transport(p, bytes_slice(p->l3, header, p->l3.len));
    return REASON_COUNT;
}

/* One extension header (RFC 8200 section 4, RFC 4302): false at the transport, or where the rest
 * was not captured or makes no sense. */
static bool skip_extension(struct packet *p, struct cursor *c)
{
    size_t len;
    if (cursor_left(c) < 8)
        return false;
    switch (p->protocol) {
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_HIP:
    case PROTOCOL_SHIM6:
        len = (size_t)(c->at[1] + 1) * 8;
        break;
    case PROTOCOL_AH:
        len = (size_t)(c->at[1] + 2) * 4;
        break;
    case PROTOCOL_FRAGMENT:
        len = 8;
        uint16_t offset = octets_be16(c->at + 2);
        p->fragment_later = offset & 0xfff8;
        p->fragment = offset & 0xfff9; /* neither: an atomic fragment (RFC 6946), which is whole */
        p->ip_id = octets_be32(c->at + 4);
        break;
    default:
        return false;
    }
    uint8_t next = c->at[0];
    bool own = p->protocol >= PROTOCOL_MOBILITY; /* a message of its own, nothing follows it */
    if (cursor_left(c) < len || (own && next == PROTOCOL_NO_NEXT))
        return false;
    cursor_skip(c, len);
    p->protocol = next;
    return !p->fragment_later;
}

/* A payload length of 0 that does not mean 40 octets: a jumbogram (RFC 2675 asks for hop-by-hop
 * options) or offloaded segmentation. */
static bool has_no_length(uint32_t payload, uint8_t next)
{
    return payload == 0 &&
           (next == PROTOCOL_HOP_BY_HOP || next == PROTOCOL_TCP || next == PROTOCOL_UDP);
}

/* RFC 8200. */
static enum reason read_ipv6(struct packet *p, struct bytes at, uint32_t whole)
{
    if (at.len < 40)
        return REASON_truncated;
    uint32_t payload = octets_be16(at.at + 4);
    p->protocol = at.at[6];
    set_length(p, at, has_no_length(payload, p->protocol) ? 0 : payload + 40, whole);
    memcpy(p->src.octet, at.at + 8, IP_OCTETS);
    memcpy(p->dst.octet, at.at + 24, IP_OCTETS);
    struct cursor c = cursor_of(bytes_slice(p->l3, 40, p->l3.len));
    while (skip_extension(p, &c))
        ;
    read_transport(p, cursor_rest(&c));
    return REASON_COUNT;
}

static enum reason read_ip(struct packet *p, struct bytes at, uint8_t version, uint32_t whole)
{
    if (at.len == 0)
        return REASON_truncated;
    uint8_t nibble = at.at[0] >> 4;
    if (version && version != nibble)
        return REASON_bad_ip_header;
    switch (nibble) {
    case 4:
        return read_ipv4(p, at, whole);
    case 6:
        return read_ipv6(p, at, whole);
    default:
        return REASON_bad_ip_header;
    }
}

static enum layer peel(struct frame *f, enum layer layer)
{
    switch (layer) {
    case LAYER_ETHERNET:
        return peel_ethernet(f);
    case LAYER_ETHERTYPE:
        return peel_ethertype(f);
    case LAYER_LLC:
        return peel_llc(f);
    case LAYER_PPP:
        return peel_ppp(f);
    case LAYER_MPLS:
        return peel_mpls(f);
    case LAYER_WIFI:
        return peel_wifi(f);
    case LAYER_LINK:
        return peel_link(f);
    default:
        return LAYER_NOT_IP;
    }
}

enum reason packet_parse(uint32_t link_type, struct bytes frame, uint32_t original_len,
                         struct packet *ret)
{
    struct frame f = {.c = cursor_of(frame), .type = link_type};
    enum layer layer = link_type == LINK_ETHERNET ? LAYER_ETHERNET : LAYER_LINK;
    for (int depth = 0; layer != LAYER_IP; depth++) {
        if (layer == LAYER_UNKNOWN_LINK)
            return REASON_link_type;
        if (layer == LAYER_NOT_IP || depth == LAYERS_MAX)
            return REASON_not_ip;
        layer = peel(&f, layer);
        if (f.c.failed)
            return REASON_truncated;
    }
    struct bytes at = cursor_rest(&f.c);
    size_t before = frame.len - at.len;
    uint32_t whole = original_len > before ? original_len - (uint32_t)before : (uint32_t)at.len;
    memset(ret, 0, sizeof *ret);
    return read_ip(ret, at, f.version, whole);
}
