/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/http.h"

enum { METHOD_MAX = 24, LINE_MAX = 8192, VERSION_LEN = 8 /* HTTP/1.1 */ };

static bool method_octet(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Length of the method; 0 when these octets start none. Methods are case-sensitive tokens and all
 * registered ones are capital letters and hyphens. */
static size_t method_len(struct bytes stream)
{
    size_t len = 0;
    while (len < stream.len && len <= METHOD_MAX && method_octet(stream.at[len]))
        len++;
    if (len == 0 || len > METHOD_MAX || stream.at[0] == '-')
        return 0;
    return len;
}

bool http_may_be_request(struct bytes stream)
{
    size_t len = method_len(stream);
    return len && (len == stream.len || (len >= 3 && stream.at[len] == ' '));
}

/* The line at `from` without its end; `*next` is where the following one starts, 0 when the line is
 * not whole. */
static struct bytes line_at(struct bytes stream, size_t from, size_t *next)
{
    struct bytes rest = bytes_slice(stream, from, SIZE_MAX);
    const uint8_t *end = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
    *next = end ? from + (size_t)(end - rest.at) + 1 : 0;
    size_t len = end ? (size_t)(end - rest.at) : rest.len;
    while (len && rest.at[len - 1] == '\r')
        len--;
    return bytes_of(rest.at, len);
}

static struct bytes trimmed(struct bytes b)
{
    while (b.len && (b.at[0] == ' ' || b.at[0] == '\t'))
        b = bytes_slice(b, 1, SIZE_MAX);
    while (b.len && (b.at[b.len - 1] == ' ' || b.at[b.len - 1] == '\t'))
        b.len--;
    return b;
}

static bool starts_with(struct bytes b, const char *lower)
{
    size_t i = 0;
    for (; lower[i]; i++) {
        uint8_t c = i < b.len ? b.at[i] : 0;
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c != (uint8_t)lower[i])
            return false;
    }
    return true;
}

/* host of "user@host:port/path". */
static struct bytes authority_host(struct bytes rest)
{
    size_t len = 0;
    while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?' && rest.at[len] != '#')
        len++;
    rest.len = len;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '@')
            return bytes_slice(rest, i + 1, SIZE_MAX);
    return rest;
}

static bool target_host(struct bytes method, struct bytes target, struct name *ret)
{
    if (starts_with(method, "connect"))
        return name_set(ret, authority_host(target));
    for (size_t i = 0; i + 3 < target.len && i < 8; i++)
        if (target.at[i] == ':' && target.at[i + 1] == '/' && target.at[i + 2] == '/')
            return name_set(ret, authority_host(bytes_slice(target, i + 3, SIZE_MAX)));
    return false;
}

static enum look host_field(struct bytes stream, size_t from, struct name *ret)
{
    for (;;) {
        size_t next;
        struct bytes line = line_at(stream, from, &next);
        if (next == 0)
            return LOOK_MORE;
        if (line.len == 0)
            return LOOK_NONE;
        if (starts_with(line, "host:"))
            return name_set(ret, trimmed(bytes_slice(line, 5, SIZE_MAX))) ? LOOK_NAME : LOOK_NONE;
        from = next;
    }
}

/* Where the version starts at the line's end, 0 without one. "GET /HTTP/1.1" without the space and
 * "GET / HTTP/1." are in use too. */
static size_t version_at(struct bytes line, size_t from)
{
    for (size_t len = VERSION_LEN; len + 1 >= VERSION_LEN; len--)
        if (line.len >= from + len &&
            starts_with(bytes_slice(line, line.len - len, len), "http/1."))
            return line.len - len;
    return 0;
}

enum look http_request(struct bytes stream, struct name *ret)
{
    if (!http_may_be_request(stream))
        return LOOK_NOT;
    size_t next, method = method_len(stream);
    if (method == stream.len)
        return LOOK_MORE;
    struct bytes line = line_at(stream, 0, &next);
    if (next == 0)
        return stream.len < LINE_MAX ? LOOK_MORE : LOOK_NOT;
    line = trimmed(line);
    size_t version = version_at(line, method);
    if (version == 0)
        return LOOK_NOT;
    struct bytes target = trimmed(bytes_slice(line, method, version - method));
    if (target_host(bytes_slice(line, 0, method), target, ret))
        return LOOK_NAME;
    return host_field(stream, next, ret);
}

enum look http_field(struct bytes stream, const char *field, struct bytes *ret)
{
    size_t next;
    line_at(stream, 0, &next);
    while (next) {
        struct bytes line = line_at(stream, next, &next);
        if (next == 0)
            return LOOK_MORE;
        if (line.len == 0)
            return LOOK_NONE;
        if (starts_with(line, field)) {
            *ret = trimmed(bytes_slice(line, strlen(field), SIZE_MAX));
            return LOOK_NAME;
        }
    }
    return LOOK_MORE;
}
