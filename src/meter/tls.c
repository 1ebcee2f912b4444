/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/tls.h"

#include "wire/cursor.h"

enum {
    RECORD_HANDSHAKE = 22,
    RECORD_LEN_MAX = 16384 + 2048, /* RFC 5246 section 6.2.3; TLS 1.3 allows less */
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    ALERT_WARNING = 1,
    HANDSHAKE_CLIENT_HELLO = 1,
    HANDSHAKE_SERVER_HELLO = 2,
    HANDSHAKE_HELLO_VERIFY = 3,
    HANDSHAKE_TICKET = 4,
    HANDSHAKE_CERTIFICATE = 11,
    EXTENSION_VERSIONS = 43,
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

/* Joins the handshake octets of the records from here on into `scratch`; `next` is the type of the
 * record after them, 0 when there is none yet. */
static struct bytes join_records(struct cursor c, uint8_t *scratch, uint8_t *next)
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
    *next = cursor_peek_u8(&c);
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
    uint8_t next;
    return tls_client_hello(join_records(cursor_of(stream), scratch, &next), ret);
}

/* The body of the message at the start, empty while it is not whole or another one. */
static struct bytes whole_message(struct bytes messages, uint8_t type)
{
    struct cursor c = cursor_of(messages);
    bool right = cursor_u8(&c) == type;
    struct bytes body = cursor_take(&c, (size_t)cursor_be(&c, 3));
    return right && !c.failed ? body : bytes_of(messages.at, 0);
}

struct bytes tls_hello_in(struct bytes messages)
{
    return whole_message(messages, HANDSHAKE_CLIENT_HELLO);
}

struct bytes tls_hello_body(struct bytes stream, uint8_t *scratch)
{
    if (!tls_is_client_hello(stream))
        return bytes_of(stream.at, 0);
    size_t record_len = (size_t)stream.at[3] << 8 | stream.at[4];
    struct bytes first = bytes_slice(stream, 5, record_len);
    struct bytes body = whole_message(first, HANDSHAKE_CLIENT_HELLO);
    uint8_t next;
    if (body.len || first.len < record_len)
        return body;
    return whole_message(join_records(cursor_of(stream), scratch, &next), HANDSHAKE_CLIENT_HELLO);
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

struct bytes dtls_hello_body(struct bytes datagram, const struct assembly *hello)
{
    struct cursor c = cursor_of(bytes_slice(datagram, DTLS_RECORD_HEADER, DTLS_HANDSHAKE_HEADER));
    uint8_t type = cursor_u8(&c);
    size_t len = (size_t)cursor_be(&c, 3);
    struct bytes head = assembly_head(hello);
    if (c.failed || type != HANDSHAKE_CLIENT_HELLO || head.len < len)
        return bytes_of(datagram.at, 0);
    return bytes_slice(head, 0, len);
}

/* ------------------------------------------------------------------ the server's side */

/* A ServerHello's body: in TLS 1.3 the version stands in an extension (RFC 8446 section 4.2.1). */
static bool server_hello(struct bytes body, bool dtls, struct tls_answer *ret)
{
    struct cursor c = cursor_of(body);
    uint16_t version = cursor_be16(&c);
    if (c.failed || version >> 8 != (dtls ? 0xfe : 0x03))
        return false;
    cursor_skip(&c, 32);
    size_t session_id_len = cursor_u8(&c);
    cursor_skip(&c, session_id_len);
    uint16_t cipher = cursor_be16(&c);
    cursor_skip(&c, 1);
    if (c.failed || session_id_len > SESSION_ID_MAX)
        return false;
    struct cursor list = cursor_sub(&c, cursor_be16(&c));
    while (cursor_left(&list)) {
        uint16_t type = cursor_be16(&list);
        struct cursor extension = cursor_sub(&list, cursor_be16(&list));
        if (type != EXTENSION_VERSIONS || cursor_left(&extension) != 2)
            continue;
        uint16_t chosen = cursor_be16(&extension);
        if (chosen >> 8 == version >> 8)
            version = chosen;
    }
    ret->version = version;
    ret->cipher = cipher;
    return true;
}

/* The first certificate of a Certificate message, which is the server's own (RFC 5246 section
 * 7.4.2); the rest of the list need not be there yet. */
static enum tls_look first_certificate(struct bytes message, struct tls_answer *ret)
{
    struct cursor c = cursor_of(message);
    size_t list_len = (size_t)cursor_be(&c, 3);
    if (!c.failed && list_len == 0)
        return TLS_DONE;
    struct bytes certificate = cursor_take(&c, (size_t)cursor_be(&c, 3));
    if (c.failed)
        return TLS_MORE;
    ret->certificate = certificate;
    return TLS_DONE;
}

/* The messages after the ServerHello. `next` is the type of record that follows them. */
static enum tls_look after_hello(struct cursor c, uint8_t next, struct tls_answer *ret)
{
    while (cursor_left(&c) >= HANDSHAKE_HEADER) {
        uint8_t type = cursor_u8(&c);
        size_t len = (size_t)cursor_be(&c, 3), left = cursor_left(&c);
        struct bytes body = cursor_take(&c, len < left ? len : left);
        if (type == HANDSHAKE_CERTIFICATE) {
            enum tls_look look = first_certificate(body, ret);
            return look == TLS_MORE && left >= len ? TLS_DONE : look;
        }
        if (left < len)
            return TLS_MORE;
        if (type != HANDSHAKE_TICKET)
            return TLS_DONE; /* keys or the end without certificate: PSK or anonymous */
    }
    ret->resumed = next == RECORD_CHANGE_CIPHER_SPEC;
    return next ? TLS_DONE : TLS_MORE;
}

static enum tls_look server_messages(struct bytes messages, uint8_t next, struct tls_answer *ret)
{
    struct cursor c = cursor_of(messages);
    uint8_t type = cursor_u8(&c);
    size_t len = (size_t)cursor_be(&c, 3);
    if (c.failed)
        return next ? TLS_NOT : TLS_MORE;
    if (type != HANDSHAKE_SERVER_HELLO || len > UINT16_MAX)
        return TLS_NOT;
    if (cursor_left(&c) < len)
        return next ? TLS_NOT : TLS_MORE;
    if (!server_hello(cursor_take(&c, len), false, ret))
        return TLS_NOT;
    return ret->version >= 0x0304 ? TLS_DONE : after_hello(c, next, ret);
}

/* Without warnings (unrecognized_name, RFC 6066 section 3) in front of the hello. */
static struct bytes after_alerts(struct bytes stream)
{
    while (stream.len >= 7 && stream.at[0] == RECORD_ALERT && stream.at[1] == 3 &&
           stream.at[3] == 0 && stream.at[4] == 2 && stream.at[5] == ALERT_WARNING)
        stream = bytes_slice(stream, 7, SIZE_MAX);
    return stream;
}

enum tls_look tls_server_stream(struct bytes stream, uint8_t *scratch, struct tls_answer *ret)
{
    bool warned = stream.len && stream.at[0] == RECORD_ALERT;
    stream = after_alerts(stream);
    *ret = (struct tls_answer){.certificate = bytes_of(stream.at, 0)};
    struct cursor c = cursor_of(stream);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c), minor = cursor_u8(&c);
    size_t len = cursor_be16(&c);
    if ((stream.len >= 1 && type != RECORD_HANDSHAKE) || (stream.len >= 2 && major != 3) ||
        (stream.len >= 3 && minor > 4) || (!c.failed && (len == 0 || len > RECORD_LEN_MAX)))
        return TLS_NOT;
    if (c.failed)
        return stream.len || warned ? TLS_MORE : TLS_NOT;
    uint8_t next;
    struct bytes messages = join_records(cursor_of(stream), scratch, &next);
    if (next == RECORD_HANDSHAKE)
        next = 0; /* of which the header is not whole yet */
    return server_messages(messages, next, ret);
}

enum tls_look dtls_server_datagram(struct bytes datagram, struct tls_answer *ret)
{
    *ret = (struct tls_answer){.certificate = bytes_of(datagram.at, 0)};
    struct cursor c = cursor_of(datagram);
    uint8_t type = cursor_u8(&c);
    uint16_t version = cursor_be16(&c);
    cursor_skip(&c, 8);
    struct cursor record = cursor_sub(&c, cursor_be16(&c));
    uint8_t message = cursor_u8(&record);
    size_t len = (size_t)cursor_be(&record, 3);
    cursor_skip(&record, 2);
    size_t from = (size_t)cursor_be(&record, 3), part_len = (size_t)cursor_be(&record, 3);
    struct bytes body = cursor_take(&record, part_len);
    if (record.failed || type != RECORD_HANDSHAKE || version >> 8 != 0xfe)
        return TLS_NOT;
    if (message == HANDSHAKE_HELLO_VERIFY)
        return TLS_MORE;
    bool whole = message == HANDSHAKE_SERVER_HELLO && from == 0 && part_len == len;
    return whole && server_hello(body, true, ret) ? TLS_DONE : TLS_NOT;
}

/* https://www.iana.org/assignments/tls-parameters, by what the names say. */
bool tls_is_weak_cipher(uint16_t cipher)
{
    static const uint16_t spans[][2] = {
        {0x0000, 0x002e}, /* SSL 3's own: NULL, RC4, export, IDEA, DES, 3DES, anonymous, KRB5 */
        {0x0034, 0x0034}, {0x003a, 0x003b}, {0x0046, 0x0046}, {0x0060, 0x0066}, {0x006c, 0x006d},
        {0x0072, 0x0072}, {0x0077, 0x0077}, {0x007c, 0x007c}, {0x0082, 0x0083}, {0x0089, 0x008b},
        {0x008e, 0x008f}, {0x0092, 0x0093}, {0x009b, 0x009b}, {0x00a6, 0x00a7}, {0x00b0, 0x00b1},
        {0x00b4, 0x00b5}, {0x00b8, 0x00b9}, {0x00bf, 0x00bf}, {0x00c5, 0x00c5}, {0xc001, 0xc003},
        {0xc006, 0xc008}, {0xc00b, 0xc00d}, {0xc010, 0xc012}, {0xc015, 0xc01c}, {0xc033, 0xc034},
        {0xc039, 0xc03b}, {0xc046, 0xc047}, {0xc05a, 0xc05b}, {0xc084, 0xc085}, {0xc0b4, 0xc0b5},
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        if (cipher >= spans[i][0] && cipher <= spans[i][1])
            return true;
    return false;
}
