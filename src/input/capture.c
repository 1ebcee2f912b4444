/* SPDX-License-Identifier: Apache-2.0 */
/* pcap: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html
 * pcapng: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
 * The variants with longer packet headers and older versions: as Wireshark's and libpcap's
 * documentation of the formats describes them. */
#include "input/capture.h"

#include "base/memory.h"
#include "wire/cursor.h"

enum {
    PCAP_MICRO = 0xa1b2c3d4,
    PCAP_NANO = 0xa1b23c4d,
    PCAP_MODIFIED = 0xa1b2cd34, /* Kuznetzov's: 8 more octets before each packet */
    NG_SECTION = 0x0a0d0d0a,
    NG_BYTE_ORDER = 0x1a2b3c4d,
    NG_INTERFACE = 1,
    NG_PACKET_OBSOLETE = 2,
    NG_PACKET_SIMPLE = 3,
    NG_PACKET_ENHANCED = 6,
    NG_OPTION_END = 0,
    NG_OPTION_TSRESOL = 9,
    NG_OPTION_TSOFFSET = 14,
    FRAME_MAX = 262144,     /* longer ones are a damaged length: no tool writes them */
    INTERFACES_MAX = 65536, /* a section */
};

struct interface {
    uint64_t units_a_second;
    int64_t offset_s;
    uint32_t link_type;
    uint32_t snap_len; /* 0: no limit */
};

struct capture {
    struct stream *in;
    bool ng, big_endian;
    enum capture_status last; /* an end stays an end */
    /* pcap */
    bool nano, modified;
    uint16_t version_minor;
    uint32_t link_type, snap_len;
    /* pcapng: the interfaces of this section */
    struct interface *interfaces;
    size_t interface_count, interface_size;
};

static uint16_t get16(const struct capture *c, struct cursor *at)
{
    return c->big_endian ? cursor_be16(at) : cursor_le16(at);
}

static uint32_t get32(const struct capture *c, struct cursor *at)
{
    return c->big_endian ? cursor_be32(at) : cursor_le32(at);
}

static bool is_pcap(uint32_t magic)
{
    return magic == PCAP_MICRO || magic == PCAP_NANO || magic == PCAP_MODIFIED;
}

bool capture_is(struct bytes head)
{
    if (head.len < 4)
        return false;
    uint32_t magic = octets_be32(head.at);
    return is_pcap(magic) || is_pcap(__builtin_bswap32(magic)) || magic == NG_SECTION;
}

/* ------------------------------------------------------------------ pcap */

static int open_pcap(struct capture *c, struct error *err)
{
    struct cursor at = cursor_of(stream_read(c->in, 24));
    uint32_t magic = cursor_be32(&at);
    c->big_endian = is_pcap(magic);
    if (!c->big_endian)
        magic = __builtin_bswap32(magic);
    c->nano = magic == PCAP_NANO;
    c->modified = magic == PCAP_MODIFIED;
    uint16_t major = get16(c, &at);
    c->version_minor = get16(c, &at);
    cursor_skip(&at, 8);
    c->snap_len = get32(c, &at);
    c->link_type = get32(c, &at) & 0x03ffffff; /* above: the length of a frame check sequence */
    if (at.failed)
        return error_set(err, ERROR_FAILED, "the pcap file ends within its header");
    if (major != 2)
        return error_set(err, ERROR_FAILED, "pcap version %u is not known", (unsigned)major);
    return 0;
}

/* The end of the input, `there` of `wanted` octets on. */
static enum capture_status ended(const struct capture *c, size_t there)
{
    if (stream_damaged(c->in))
        return CAPTURE_DAMAGED;
    return there == 0 ? CAPTURE_END : CAPTURE_CUT;
}

static enum capture_status next_pcap(struct capture *c, struct capture_packet *ret)
{
    size_t header = c->modified ? 24 : 16;
    struct bytes head = stream_read(c->in, header);
    if (head.len < header)
        return ended(c, head.len);
    struct cursor at = cursor_of(head);
    uint64_t seconds = get32(c, &at), fraction = get32(c, &at);
    uint32_t captured = get32(c, &at), original = get32(c, &at);
    /* Before version 2.3 the two lengths stood the other way round, in 2.3 either way. */
    if (c->version_minor < 3 || (c->version_minor == 3 && captured > original)) {
        uint32_t swap = captured;
        captured = original;
        original = swap;
    }
    if (captured > FRAME_MAX)
        return CAPTURE_DAMAGED;
    ret->time_ns = seconds * 1000000000 + fraction * (c->nano ? 1 : 1000);
    ret->link_type = c->link_type;
    ret->original_len = original;
    ret->frame = stream_read(c->in, captured);
    return ret->frame.len < captured ? ended(c, 1) : CAPTURE_PACKET;
}

/* ------------------------------------------------------------------ pcapng */

/* A section's byte order is known only from its header's third word. Later sections forget the
 * interfaces of those before. */
static bool open_section(struct capture *c, struct bytes head)
{
    if (octets_be32(head.at + 8) == NG_BYTE_ORDER)
        c->big_endian = true;
    else if (octets_le32(head.at + 8) == NG_BYTE_ORDER)
        c->big_endian = false;
    else
        return false;
    c->interface_count = 0;
    return true;
}

static uint64_t units_of(uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    if (resolution & 0x80)
        return exponent < 64 ? UINT64_C(1) << exponent : 0;
    uint64_t units = 1;
    for (unsigned i = 0; i < exponent; i++)
        units = units <= UINT64_MAX / 10 ? units * 10 : 0;
    return units;
}

static void read_interface_options(const struct capture *c, struct cursor at, struct interface *to)
{
    while (cursor_left(&at) >= 4) {
        uint16_t code = get16(c, &at), len = get16(c, &at);
        struct cursor value = cursor_sub(&at, len);
        cursor_skip(&at, (size_t)(-len & 3));
        if (code == NG_OPTION_END || value.failed)
            return;
        if (code == NG_OPTION_TSRESOL && len == 1)
            to->units_a_second = units_of(cursor_u8(&value));
        if (code == NG_OPTION_TSOFFSET && len == 8)
            to->offset_s = (int64_t)(c->big_endian ? cursor_be64(&value) : cursor_le64(&value));
    }
}

static bool add_interface(struct capture *c, struct cursor at)
{
    struct interface i = {.units_a_second = 1000000};
    i.link_type = get16(c, &at);
    cursor_skip(&at, 2);
    i.snap_len = get32(c, &at);
    if (at.failed || c->interface_count == INTERFACES_MAX)
        return false;
    read_interface_options(c, at, &i);
    if (i.units_a_second == 0)
        return false;
    if (c->interface_count == c->interface_size) {
        c->interface_size = c->interface_size ? c->interface_size * 2 : 4;
        c->interfaces = memory_resize(c->interfaces, c->interface_size, sizeof *c->interfaces);
    }
    c->interfaces[c->interface_count++] = i;
    return true;
}

/* Saturates at both ends of what 64 bits of ns hold (1970 to 2554). */
static uint64_t to_ns(const struct interface *i, uint64_t time)
{
    __int128 ns = (__int128)(time / i->units_a_second) * 1000000000 +
                  (__int128)(time % i->units_a_second) * 1000000000 / i->units_a_second +
                  (__int128)i->offset_s * 1000000000;
    if (ns < 0)
        return 0;
    return ns > (__int128)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static bool read_packet(const struct capture *c, uint32_t type, struct cursor at,
                        struct capture_packet *ret)
{
    uint32_t number = 0, captured;
    uint64_t time = 0;
    if (type == NG_PACKET_ENHANCED)
        number = get32(c, &at);
    if (type == NG_PACKET_OBSOLETE) {
        number = get16(c, &at);
        cursor_skip(&at, 2);
    }
    if (type != NG_PACKET_SIMPLE) {
        time = (uint64_t)get32(c, &at) << 32;
        time |= get32(c, &at);
    }
    if (number >= c->interface_count)
        return false;
    const struct interface *i = &c->interfaces[number];
    if (type == NG_PACKET_SIMPLE) {
        ret->original_len = captured = get32(c, &at);
        if (i->snap_len && captured > i->snap_len)
            captured = i->snap_len;
        if (captured > cursor_left(&at)) /* some writers snap without saying so */
            captured = (uint32_t)cursor_left(&at);
    } else {
        captured = get32(c, &at);
        ret->original_len = get32(c, &at);
    }
    ret->time_ns = type == NG_PACKET_SIMPLE ? 0 : to_ns(i, time);
    ret->link_type = i->link_type;
    ret->frame = cursor_take(&at, captured);
    return !at.failed;
}

static bool has_rows(uint32_t type)
{
    return type == NG_PACKET_ENHANCED || type == NG_PACKET_SIMPLE || type == NG_PACKET_OBSOLETE ||
           type == NG_INTERFACE;
}

/* A block that says nothing of packets (names, statistics, secrets, any length) goes by. */
static enum capture_status skip_block(struct capture *c, uint32_t len)
{
    stream_skip(c->in, len - 4);
    struct bytes tail = stream_read(c->in, 4);
    if (tail.len < 4)
        return ended(c, 1);
    struct cursor at = cursor_of(tail);
    return get32(c, &at) == len ? CAPTURE_PACKET : CAPTURE_DAMAGED;
}

/* One block; CAPTURE_PACKET means that it went well, `*is_packet` whether it held one. */
static enum capture_status next_block(struct capture *c, struct capture_packet *ret,
                                      bool *is_packet)
{
    struct bytes head = stream_peek(c->in, 12);
    if (head.len < 12)
        return ended(c, head.len);
    struct cursor at = cursor_of(head);
    uint32_t type = get32(c, &at);
    if (type == NG_SECTION && !open_section(c, head))
        return CAPTURE_DAMAGED;
    uint32_t len = get32(c, &at);
    if (type == NG_SECTION) { /* read again in the order that it has just told */
        at = cursor_of(bytes_slice(head, 4, 4));
        len = get32(c, &at);
    }
    if (len < 12 || len % 4)
        return CAPTURE_DAMAGED;
    if (!has_rows(type))
        return skip_block(c, len);
    if (len > STREAM_VIEW_MAX)
        return CAPTURE_DAMAGED;
    struct bytes block = stream_read(c->in, len);
    if (block.len < len)
        return ended(c, 1);
    at = cursor_of(bytes_slice(block, len - 4, 4));
    if (get32(c, &at) != len)
        return CAPTURE_DAMAGED;
    at = cursor_of(bytes_slice(block, 8, len - 12));
    *is_packet = type != NG_INTERFACE;
    bool good = *is_packet ? read_packet(c, type, at, ret) : add_interface(c, at);
    return good ? CAPTURE_PACKET : CAPTURE_DAMAGED;
}

static enum capture_status next_ng(struct capture *c, struct capture_packet *ret)
{
    bool is_packet = false;
    enum capture_status status = CAPTURE_PACKET;
    while (status == CAPTURE_PACKET && !is_packet)
        status = next_block(c, ret, &is_packet);
    return status;
}

/* ------------------------------------------------------------------ both */

int capture_open(struct stream *in, struct capture **ret, struct error *err)
{
    struct capture *c = memory_alloc(sizeof *c);
    c->in = in;
    struct bytes head = stream_peek(in, 12);
    int status = 0;
    if (!capture_is(head))
        status = error_set(err, ERROR_FAILED, "not a pcap or pcapng file");
    else if (octets_be32(head.at) != NG_SECTION)
        status = open_pcap(c, err);
    else if (head.len < 12 || !open_section(c, head))
        status = error_set(err, ERROR_FAILED, "the pcapng file's section header is damaged");
    else
        c->ng = true;
    if (status) {
        capture_free(c);
        return status;
    }
    *ret = c;
    return 0;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    stream_free(c->in);
    free(c->interfaces);
    free(c);
}

enum capture_status capture_next(struct capture *c, struct capture_packet *ret)
{
    if (c->last == CAPTURE_PACKET)
        c->last = c->ng ? next_ng(c, ret) : next_pcap(c, ret);
    return c->last;
}

const char *capture_format(const struct capture *c)
{
    return c->ng ? "pcapng" : "pcap";
}
