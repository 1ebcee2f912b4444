/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include <string.h>

/* Length of the sequence at `p` and its code point; 0 when it is none. */
static size_t utf8_next(const uint8_t *p, size_t left, uint32_t *code)
{
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    if (len == 0 || len > left)
        return 0;
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
        (len == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0;
    *code = c;
    return len;
}

static bool is_formatting(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_utf8(struct buf *out, struct bytes in, bool visible)
{
    for (size_t i = 0, len; i < in.len; i += len) {
        uint32_t code;
        len = utf8_next(in.at + i, in.len - i, &code);
        if (len == 0 || (visible && is_formatting(code))) {
            buf_text(out, "\xef\xbf\xbd");
            len = len ? len : 1;
        } else {
            buf_add(out, in.at + i, len);
        }
    }
}

void text_json(struct buf *out, struct bytes in)
{
    buf_u8(out, '"');
    for (size_t i = 0, len; i < in.len; i += len) {
        uint32_t code;
        len = utf8_next(in.at + i, in.len - i, &code);
        if (len == 0) {
            buf_text(out, "\xef\xbf\xbd");
            len = 1;
        } else if (code < 0x20 || code == 0x7f) {
            buf_format(out, "\\u%04x", code);
        } else {
            if (code == '"' || code == '\\')
                buf_u8(out, '\\');
            buf_add(out, in.at + i, len);
        }
    }
    buf_u8(out, '"');
}

void text_csv(struct buf *out, struct bytes in)
{
    bool formula = in.len && strchr("=+-@\t\r", in.at[0]) && in.at[0];
    bool quote = formula;
    for (size_t i = 0; i < in.len && !quote; i++)
        quote = in.at[i] == '"' || in.at[i] == ',' || in.at[i] == '\n' || in.at[i] == '\r';
    if (!quote) {
        text_utf8(out, in, false);
        return;
    }
    buf_u8(out, '"');
    if (formula)
        buf_u8(out, '\'');
    for (size_t i = 0, start = 0; i <= in.len; i++) {
        if (i < in.len && in.at[i] != '"')
            continue;
        text_utf8(out, bytes_of(in.at + start, i - start), false);
        if (i < in.len)
            buf_text(out, "\"\"");
        start = i + 1;
    }
    buf_u8(out, '"');
}
