/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/hello.h"

#include <gcrypt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "wire/cursor.h"

enum {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_VERSIONS = 43,
    EXTENSION_QUIC = 57,
    EXTENSION_QUIC_DRAFT = 0xffa5,
    SESSION_ID_MAX = 32,
    HASH_DIGITS = 12,
    LIST_TEXT = (HELLO_CIPHERS_MAX + HELLO_EXTENSIONS_MAX + HELLO_SIGNATURES_MAX) * 5,
};

/* 0x0a0a, 0x1a1a ... 0xfafa. */
static bool is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* A list of 16-bit values that fills `c`. */
static bool read_list(struct cursor c, uint16_t *list, uint16_t *count, size_t count_max)
{
    *count = 0;
    while (cursor_left(&c) >= 2) {
        uint16_t value = cursor_be16(&c);
        if (is_grease(value))
            continue;
        if (*count == count_max)
            return false;
        list[(*count)++] = value;
    }
    return true;
}

/* Later is higher: DTLS counts its versions down from 0xfeff. */
static bool is_higher(uint16_t version, uint16_t than)
{
    if (version >> 8 == 0xfe && than >> 8 == 0xfe)
        return version < than;
    return version > than;
}

static void read_versions(struct cursor c, struct hello *ret)
{
    uint16_t highest = 0;
    struct cursor list = cursor_sub(&c, cursor_u8(&c));
    while (cursor_left(&list) >= 2) {
        uint16_t version = cursor_be16(&list);
        if (!is_grease(version) && (!highest || is_higher(version, highest)))
            highest = version;
    }
    if (highest)
        ret->version = highest;
}

static void read_alpn(struct cursor c, struct hello *ret)
{
    struct cursor list = cursor_sub(&c, cursor_be16(&c));
    struct bytes first = cursor_take(&list, cursor_u8(&list));
    if (!list.failed)
        ret->alpn = first;
}

static bool read_extension(uint16_t type, struct cursor body, struct hello *ret)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        ret->server_name = true;
        return true;
    case EXTENSION_SIGNATURES: {
        struct cursor list = cursor_sub(&body, cursor_be16(&body));
        return read_list(list, ret->signatures, &ret->signature_count, HELLO_SIGNATURES_MAX);
    }
    case EXTENSION_ALPN:
        read_alpn(body, ret);
        return true;
    case EXTENSION_VERSIONS:
        read_versions(body, ret);
        return true;
    case EXTENSION_QUIC:
    case EXTENSION_QUIC_DRAFT:
        ret->parameters = cursor_rest(&body);
        return true;
    default:
        return true;
    }
}

static bool read_extensions(struct cursor *c, struct hello *ret)
{
    if (cursor_left(c) == 0)
        return true; /* optional before TLS 1.3 */
    struct cursor list = cursor_sub(c, cursor_be16(c));
    while (cursor_left(&list)) {
        uint16_t type = cursor_be16(&list);
        struct cursor body = cursor_sub(&list, cursor_be16(&list));
        if (list.failed || body.failed)
            return false;
        if (is_grease(type))
            continue;
        if (ret->extension_count == HELLO_EXTENSIONS_MAX)
            return false;
        ret->extensions[ret->extension_count++] = type;
        if (!read_extension(type, body, ret))
            return false;
    }
    return !list.failed;
}

bool hello_read(struct bytes body, bool dtls, struct hello *ret)
{
    struct cursor c = cursor_of(body);
    ret->server_name = false;
    ret->extension_count = ret->signature_count = 0;
    ret->alpn = ret->parameters = bytes_of(body.at, 0);
    ret->version = cursor_be16(&c);
    cursor_skip(&c, 32);
    size_t session_id_len = cursor_u8(&c);
    cursor_skip(&c, session_id_len);
    if (dtls)
        cursor_skip(&c, cursor_u8(&c)); /* cookie */
    struct cursor ciphers = cursor_sub(&c, cursor_be16(&c));
    cursor_skip(&c, cursor_u8(&c)); /* compression methods */
    if (c.failed || session_id_len > SESSION_ID_MAX)
        return false;
    return read_list(ciphers, ret->ciphers, &ret->cipher_count, HELLO_CIPHERS_MAX) &&
           read_extensions(&c, ret);
}

/* ------------------------------------------------------------------ whose library it is */

static unsigned occurrences(const uint16_t *list, size_t count, uint16_t value)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found += list[i] == value;
    return found;
}

static bool has_run(const struct hello *h, const uint16_t *run, size_t count)
{
    for (size_t i = 0; i + count <= h->signature_count; i++)
        if (memcmp(h->signatures + i, run, count * sizeof *run) == 0)
            return true;
    return false;
}

/* Apple's library names rsa_pss_rsae_sha384 (0x0805) twice among its signature algorithms; it has
 * done so since macOS 10.13 and iOS 11. Microsoft's (Schannel), from Windows 7 to 11, has these in
 * this order, whatever stands before and behind: RSA before ECDSA, SHA-256 and 384 before SHA-1,
 * and then DSA with SHA-1. */
enum platform hello_platform(const struct hello *h)
{
    static const uint16_t schannel[] = {0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202};
    if (occurrences(h->signatures, h->signature_count, 0x0805) == 2)
        return PLATFORM_APPLE;
    if (has_run(h, schannel, sizeof schannel / sizeof *schannel))
        return PLATFORM_WINDOWS;
    return PLATFORM_UNKNOWN;
}

/* ------------------------------------------------------------------ JA4 */

struct ja4 {
    gcry_md_hd_t sha256;
    uint16_t sorted[HELLO_CIPHERS_MAX];
    char list[LIST_TEXT + 2];
};

struct ja4 *ja4_new(void)
{
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    struct ja4 *j = memory_alloc(sizeof *j);
    if (gcry_md_open(&j->sha256, GCRY_MD_SHA256, 0))
        memory_exhausted(sizeof *j);
    return j;
}

void ja4_free(struct ja4 *j)
{
    if (!j)
        return;
    gcry_md_close(j->sha256);
    free(j);
}

static char digit(unsigned value)
{
    return "0123456789abcdef"[value & 15];
}

/* "1301,1302"; returns the length with what was there. */
static size_t add_list(char *text, size_t len, const uint16_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            text[len++] = ',';
        for (int shift = 12; shift >= 0; shift -= 4)
            text[len++] = digit(list[i] >> shift);
    }
    return len;
}

/* Twelve digits of the list's SHA-256, zeros for an empty one. */
static void add_hash(struct ja4 *j, size_t len, char text[HASH_DIGITS])
{
    memset(text, '0', HASH_DIGITS);
    if (len == 0)
        return;
    gcry_md_reset(j->sha256);
    gcry_md_write(j->sha256, j->list, len);
    const uint8_t *digest = gcry_md_read(j->sha256, GCRY_MD_SHA256);
    for (size_t i = 0; i < HASH_DIGITS; i++)
        text[i] = digit(i % 2 ? digest[i / 2] : digest[i / 2] >> 4);
}

/* Few and nearly sorted as often as not. */
static void sort(uint16_t *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint16_t value = list[i];
        size_t at = i;
        for (; at && list[at - 1] > value; at--)
            list[at] = list[at - 1];
        list[at] = value;
    }
}

static const char *version_digits(uint16_t version)
{
    static const struct {
        uint16_t version;
        const char *text;
    } all[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
               {0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].version == version)
            return all[i].text;
    return "00";
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last octet; where one is no letter or digit, first and last of its hexadecimal form. */
static void alpn_digits(struct bytes alpn, char text[2])
{
    text[0] = text[1] = '0';
    if (alpn.len == 0)
        return;
    uint8_t first = alpn.at[0], last = alpn.at[alpn.len - 1];
    bool plain = is_alphanumeric(first) && is_alphanumeric(last);
    text[0] = plain ? (char)first : digit(first >> 4);
    text[1] = plain ? (char)last : digit(last);
}

static unsigned at_most_99(unsigned count)
{
    return count < 99 ? count : 99;
}

void ja4_text(struct ja4 *j, const struct hello *h, char transport, char text[JA4_TEXT + 1])
{
    char alpn[2];
    alpn_digits(h->alpn, alpn);
    snprintf(text, JA4_TEXT + 1, "%c%s%c%02u%02u%c%c_", transport, version_digits(h->version),
             h->server_name ? 'd' : 'i', at_most_99(h->cipher_count),
             at_most_99(h->extension_count), alpn[0], alpn[1]);
    memcpy(j->sorted, h->ciphers, h->cipher_count * sizeof *h->ciphers);
    sort(j->sorted, h->cipher_count);
    add_hash(j, add_list(j->list, 0, j->sorted, h->cipher_count), text + 11);
    text[23] = '_';
    size_t count = 0;
    for (size_t i = 0; i < h->extension_count; i++)
        if (h->extensions[i] != EXTENSION_SERVER_NAME && h->extensions[i] != EXTENSION_ALPN)
            j->sorted[count++] = h->extensions[i];
    sort(j->sorted, count);
    size_t len = add_list(j->list, 0, j->sorted, count);
    if (h->signature_count) {
        j->list[len++] = '_';
        len = add_list(j->list, len, h->signatures, h->signature_count);
    }
    add_hash(j, len, text + 24);
    text[JA4_TEXT] = 0;
}
