/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/http2.h"

#include "wire/cursor.h"

enum {
    FRAME_HEADERS = 1,
    FLAG_PADDED = 8,
    FLAG_PRIORITY = 32,
    INDEX_AUTHORITY = 1, /* RFC 7541 appendix A */
    INDEX_HOST = 38,
    VALUE_MAX = 512,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* RFC 7541 section 5.1, a prefix of `bits`. */
static size_t integer(struct cursor *c, uint8_t first, int bits)
{
    size_t most = (1u << bits) - 1, value = first & most;
    if (value < most)
        return value;
    for (int shift = 0; shift <= 21; shift += 7) {
        uint8_t octet = cursor_u8(c);
        value += (size_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return value;
    }
    cursor_fail(c);
    return 0;
}

/* RFC 7541 appendix B. Its code is canonical: codes of a length follow each other in the order of
 * their octets, so the octets of each length are enough. What a host name may have, and a header's
 * name, has codes of 5 to 8 bits; a longer code ends the text. */
static size_t huffman(struct bytes coded, uint8_t *text, size_t size)
{
    static const char *const by_len[] = {"012aceiost", " %-./3456789=A_bdfghlmnpru",
                                         ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz", "&*,;XZ"};
    size_t len = 0;
    uint32_t code = 0, first = 0, bits = 0;
    for (size_t at = 0; at < coded.len * 8; at++) {
        code = code << 1 | (coded.at[at / 8] >> (7 - at % 8) & 1u);
        first <<= 1;
        bits++;
        if (bits < 5)
            continue;
        if (bits > 8 || len == size)
            break;
        const char *octets = by_len[bits - 5];
        uint32_t count = (uint32_t)strlen(octets);
        if (code - first < count) {
            text[len++] = (uint8_t)octets[code - first];
            code = first = bits = 0;
        } else {
            first += count;
        }
    }
    return len;
}

/* A string literal (section 5.2), decoded into `text`. */
static struct bytes string(struct cursor *c, uint8_t *text)
{
    uint8_t first = cursor_u8(c);
    struct bytes octets = cursor_take(c, integer(c, first, 7));
    if (c->failed || !(first & 0x80))
        return octets;
    return bytes_of(text, huffman(octets, text, VALUE_MAX));
}

/* One literal field; true when it names the host. */
static bool read_field(struct cursor *c, size_t index, struct bytes *value, uint8_t *text)
{
    bool host = index == INDEX_AUTHORITY || index == INDEX_HOST;
    if (index == 0) {
        struct bytes name = string(c, text);
        host = bytes_equal(name, bytes_of_text(":authority")) ||
               bytes_equal(name, bytes_of_text("host"));
    }
    *value = string(c, text);
    return host && !c->failed;
}

enum look http2_header_block(struct bytes block, struct name *ret)
{
    struct cursor c = cursor_of(block);
    uint8_t text[VALUE_MAX];
    while (cursor_left(&c)) {
        uint8_t first = cursor_u8(&c);
        struct bytes value;
        if (first & 0x80) /* an indexed field: the table has no host */
            integer(&c, first, 7);
        else if ((first & 0xe0) == 0x20) /* the table's new size */
            integer(&c, first, 5);
        else if (read_field(&c, integer(&c, first, first & 0x40 ? 6 : 4), &value, text))
            return name_set(ret, value) ? LOOK_NAME : LOOK_NONE;
    }
    return c.failed ? LOOK_MORE : LOOK_NONE;
}

/* RFC 9113 section 6.2. */
static enum look headers_frame(struct cursor frame, uint8_t flags, bool whole, struct name *ret)
{
    if (flags & FLAG_PADDED)
        cursor_skip(&frame, 1);
    if (flags & FLAG_PRIORITY)
        cursor_skip(&frame, 5);
    enum look look = frame.failed ? LOOK_MORE : http2_header_block(cursor_rest(&frame), ret);
    return look == LOOK_NAME ? look : whole ? LOOK_NONE : LOOK_MORE;
}

enum look http2_authority(struct bytes stream, struct name *ret)
{
    size_t known = stream.len < sizeof preface - 1 ? stream.len : sizeof preface - 1;
    if (memcmp(stream.at, preface, known) != 0)
        return LOOK_NOT;
    struct cursor c = cursor_of(bytes_slice(stream, known, SIZE_MAX));
    while (cursor_left(&c) >= 9) {
        size_t len = (size_t)cursor_be(&c, 3);
        uint8_t type = cursor_u8(&c), flags = cursor_u8(&c);
        cursor_skip(&c, 4);
        size_t left = cursor_left(&c);
        struct cursor frame = cursor_sub(&c, len < left ? len : left);
        if (type == FRAME_HEADERS)
            return headers_frame(frame, flags, len <= left, ret);
        if (len > left)
            break;
    }
    return LOOK_MORE;
}
