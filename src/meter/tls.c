/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/tls.h"

#include "wire/cursor.h"

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_LEN_MAX = 16384 + 2048, /* RFC 5246 section 6.2.3; TLS 1.3 allows less */
    HANDSHAKE_CLIENT_HELLO = 1,
    HANDSHAKE_HEADER = 4,
    EXTENSION_SERVER_NAME = 0,
    SESSION_ID_MAX = 32,
    DTLS_RECORD_HEADER = 13,
    DTLS_HANDSHAKE_HEADER = 12,
};

/* RFC 6066 section 3: a list of (type, name); only host_name (0) is defined. */
static enum look server_name(struct cursor c, struct name *ret)
{
    size_t list_len = cursor_be16(&c);
    struct cursor list = cursor_sub(&c, list_len);
    while (cursor_left(&list)) {
        uint8_t type = cursor_u8(&list);
        struct bytes text = cursor_take(&list, cursor_be16(&list));
        if (!list.failed && type == 0)
            return name_set(ret, text) ? LOOK_NAME : LOOK_NONE;
    }
    return LOOK_NONE;
}

/* The extensions, as many as are there: the name may stand before a cut. */
static enum look extensions(struct cursor *c, enum look cut, struct name *ret)
{
    size_t len = cursor_be16(c);
    if (c->failed)
        return cut;
    bool whole = cursor_left(c) >= len;
    struct cursor list = cursor_sub(c, whole ? len : cursor_left(c));
    while (cursor_left(&list)) {
        uint16_t type = cursor_be16(&list);
        struct cursor body = cursor_sub(&list, cursor_be16(&list));
        if (list.failed || body.failed)
            return whole ? LOOK_NONE : cut;
        if (type == EXTENSION_SERVER_NAME)
            return server_name(body, ret);
    }
    return whole ? LOOK_NONE : cut;
}

/* The body of a ClientHello; `cut` is the answer where it ends early. */
static enum look hello_body(struct cursor c, bool dtls, enum look cut, struct name *ret)
{
    uint16_t version = cursor_be16(&c);
    if (c.failed)
        return cut;
    if (version >> 8 != (dtls ? 0xfe : 0x03) && !(dtls && version == 0x0100))
        return LOOK_NOT;
    cursor_skip(&c, 32);
    size_t session_id_len = cursor_u8(&c);
    if (session_id_len > SESSION_ID_MAX)
        return LOOK_NOT;
    cursor_skip(&c, session_id_len);
    if (dtls)
        cursor_skip(&c, cursor_u8(&c)); /* cookie */
    cursor_skip(&c, cursor_be16(&c));   /* cipher suites */
    cursor_skip(&c, cursor_u8(&c));     /* compression methods */
    if (c.failed)
        return cut;
    if (cut == LOOK_NONE && cursor_left(&c) == 0)
        return LOOK_NONE; /* extensions are optional before TLS 1.3 */
    return extensions(&c, cut, ret);
}

enum look tls_client_hello(struct bytes message, struct name *ret)
{
    struct cursor c = cursor_of(message);
    uint8_t type = cursor_u8(&c);
    if (!c.failed && type != HANDSHAKE_CLIENT_HELLO)
        return LOOK_NOT;
    size_t len = (size_t)cursor_be(&c, 3);
    if (c.failed)
        return LOOK_MORE;
    if (len > UINT16_MAX * 2)
        return LOOK_NOT;
    bool whole = cursor_left(&c) >= len;
    struct cursor body = cursor_sub(&c, whole ? len : cursor_left(&c));
    return hello_body(body, false, whole ? LOOK_NONE : LOOK_MORE, ret);
}

/* RFC 5246 appendix E.2: two octets of length with the high bit set, type 1, version 3.x. */
static bool is_ssl2_hello(struct bytes b)
{
    return b.len >= 5 && (b.at[0] & 0x80) && b.at[2] == HANDSHAKE_CLIENT_HELLO && b.at[3] == 3 &&
           b.at[4] <= 4;
}

/* Joins the handshake octets of the records from here on into `scratch`. */
static struct bytes join_records(struct cursor c, uint8_t *scratch)
{
    size_t len = 0;
    while (cursor_left(&c) > 5 && cursor_peek_u8(&c) == RECORD_HANDSHAKE) {
        cursor_skip(&c, 3);
        size_t record_len = cursor_be16(&c), left = cursor_left(&c);
        struct bytes part = cursor_take(&c, record_len < left ? record_len : left);
        size_t room = ASSEMBLY_OCTETS - len;
        size_t taken = part.len < room ? part.len : room;
        memcpy(scratch + len, part.at, taken);
        len += taken;
    }
    return bytes_of(scratch, len);
}

enum look tls_stream(struct bytes stream, uint8_t *scratch, struct name *ret)
{
    if (is_ssl2_hello(stream))
        return LOOK_NONE;
    struct cursor c = cursor_of(stream);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c);
    if (stream.len >= 1 && type != RECORD_HANDSHAKE)
        return LOOK_NOT;
    if (stream.len >= 2 && major != 3)
        return LOOK_NOT;
    uint8_t minor = cursor_u8(&c);
    size_t len = cursor_be16(&c);
    if (c.failed)
        return LOOK_MORE;
    if (minor > 4 || len == 0 || len > RECORD_LEN_MAX)
        return LOOK_NOT;
    struct bytes first = bytes_slice(stream, 5, len);
    if (first.len && first.at[0] != HANDSHAKE_CLIENT_HELLO)
        return LOOK_NOT;
    size_t hello = first.len < HANDSHAKE_HEADER
                       ? 0
                       : ((size_t)first.at[1] << 16 | (size_t)first.at[2] << 8 | first.at[3]);
    if (first.len >= HANDSHAKE_HEADER && hello + HANDSHAKE_HEADER <= len)
        return tls_client_hello(first, ret);
    return tls_client_hello(join_records(cursor_of(stream), scratch), ret);
}

/* One handshake fragment (RFC 6347 section 4.2.2). */
static enum look dtls_fragment(struct cursor *c, struct assembly *hello, struct name *ret)
{
    uint8_t type = cursor_u8(c);
    size_t len = (size_t)cursor_be(c, 3);
    cursor_skip(c, 2);
    size_t from = (size_t)cursor_be(c, 3), part_len = (size_t)cursor_be(c, 3);
    size_t left = cursor_left(c);
    struct bytes part = cursor_take(c, part_len < left ? part_len : left);
    if (c->failed || type != HANDSHAKE_CLIENT_HELLO || from + part_len > len)
        return LOOK_NOT;
    if (from >= ASSEMBLY_OCTETS)
        return LOOK_MORE;
    /* A hello with another length is a new one (after a HelloVerifyRequest). */
    assembly_add(hello, (uint32_t)from, part);
    struct bytes head = assembly_head(hello);
    bool whole = head.len >= len;
    return hello_body(cursor_of(bytes_slice(head, 0, len)), true, whole ? LOOK_NONE : LOOK_MORE,
                      ret);
}

enum look dtls_datagram(struct bytes datagram, struct assembly *hello, struct name *ret)
{
    struct cursor c = cursor_of(datagram);
    enum look found = LOOK_NOT;
    while (cursor_left(&c) >= DTLS_RECORD_HEADER + DTLS_HANDSHAKE_HEADER) {
        uint8_t type = cursor_u8(&c);
        uint16_t version = cursor_be16(&c);
        uint16_t epoch = cursor_be16(&c);
        cursor_skip(&c, 6);
        size_t len = cursor_be16(&c), left = cursor_left(&c);
        if (type != RECORD_HANDSHAKE || epoch != 0 || (version >> 8 != 0xfe && version != 0x0100))
            return found;
        struct cursor record = cursor_sub(&c, len < left ? len : left);
        enum look look = dtls_fragment(&record, hello, ret);
        if (look == LOOK_NAME || look == LOOK_NONE)
            return look;
        if (look == LOOK_NOT)
            return found;
        found = look;
    }
    return found;
}
