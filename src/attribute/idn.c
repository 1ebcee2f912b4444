/* SPDX-License-Identifier: Apache-2.0 */
/* Punycode as RFC 3492 section 6.2 decodes it; and the letters that imitations use, a small part of
 * Unicode's list of confusables (UTS 39): Latin with marks, Cyrillic, Greek, and a few others. */
#include "attribute/idn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_MAX = 63,
    BASE = 36,
    T_MIN = 1,
    T_MAX = 26,
    SKEW = 38,
    DAMP = 700,
    BIAS = 72,
    FIRST = 128
};

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static int digit_of(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' : c >= '0' && c <= '9' ? c - '0' + 26 : -1;
}

/* One number of variable length; false at the end of the text or past 32 bits. */
static bool read_number(const char **at, const char *end, uint32_t bias, uint32_t *ret)
{
    uint64_t value = 0, weight = 1;
    for (uint32_t k = BASE;; k += BASE) {
        int digit = *at < end ? digit_of(*(*at)++) : -1;
        if (digit < 0)
            return false;
        value += (uint64_t)digit * weight;
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        if (value > UINT32_MAX / 2)
            return false;
        if ((uint32_t)digit < t)
            break;
        weight *= BASE - t;
        if (weight > UINT32_MAX)
            return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t LEAD[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(LEAD[more] | point >> 6 * more);
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (point >> 6 * (more - i) & 0x3f));
    return more + 1;
}

size_t idn_decode(const char *label, size_t len, char text[IDN_TEXT_MAX])
{
    uint32_t points[POINTS_MAX], n = FIRST, i = 0, bias = BIAS;
    size_t count = 0, basic = 0;
    if (len <= 4 || len > 63 || memcmp(label, "xn--", 4) != 0)
        return 0;
    for (size_t at = 4; at < len; at++)
        if (label[at] == '-')
            basic = at;
    for (size_t at = 4; at < basic; at++)
        points[count++] = (unsigned char)label[at];
    const char *at = label + (basic ? basic + 1 : 4), *end = label + len;
    while (at < end) {
        uint32_t delta;
        if (count == POINTS_MAX || !read_number(&at, end, bias, &delta) || i > UINT32_MAX - delta)
            return 0;
        i += delta;
        uint32_t room = (uint32_t)count + 1;
        bias = adapt(delta, room, n == FIRST && count == (basic ? basic - 4 : 0));
        n += i / room;
        i %= room;
        if (n > 0x10ffff || (n >= 0xd800 && n < 0xe000))
            return 0;
        memmove(points + i + 1, points + i, (count - i) * sizeof *points);
        points[i++] = n;
        count++;
    }
    size_t out = 0;
    for (size_t p = 0; p < count; p++)
        out += put_utf8(text + out, points[p]);
    text[out] = 0;
    return out;
}

static const struct {
    uint16_t point;
    char like;
} LIKE[] = {
    {0xe0, 'a'},   {0xe1, 'a'},   {0xe2, 'a'},   {0xe3, 'a'},   {0xe4, 'a'},   {0xe5, 'a'},
    {0xe7, 'c'},   {0xe8, 'e'},   {0xe9, 'e'},   {0xea, 'e'},   {0xeb, 'e'},   {0xec, 'i'},
    {0xed, 'i'},   {0xee, 'i'},   {0xef, 'i'},   {0xf1, 'n'},   {0xf2, 'o'},   {0xf3, 'o'},
    {0xf4, 'o'},   {0xf5, 'o'},   {0xf6, 'o'},   {0xf8, 'o'},   {0xf9, 'u'},   {0xfa, 'u'},
    {0xfb, 'u'},   {0xfc, 'u'},   {0xfd, 'y'},   {0xff, 'y'},   {0x101, 'a'},  {0x103, 'a'},
    {0x105, 'a'},  {0x107, 'c'},  {0x109, 'c'},  {0x10b, 'c'},  {0x10d, 'c'},  {0x10f, 'd'},
    {0x111, 'd'},  {0x113, 'e'},  {0x115, 'e'},  {0x117, 'e'},  {0x119, 'e'},  {0x11b, 'e'},
    {0x11d, 'g'},  {0x11f, 'g'},  {0x121, 'g'},  {0x123, 'g'},  {0x125, 'h'},  {0x127, 'h'},
    {0x129, 'i'},  {0x12b, 'i'},  {0x12d, 'i'},  {0x12f, 'i'},  {0x131, 'i'},  {0x135, 'j'},
    {0x137, 'k'},  {0x13a, 'l'},  {0x13c, 'l'},  {0x13e, 'l'},  {0x140, 'l'},  {0x142, 'l'},
    {0x144, 'n'},  {0x146, 'n'},  {0x148, 'n'},  {0x14d, 'o'},  {0x14f, 'o'},  {0x151, 'o'},
    {0x155, 'r'},  {0x157, 'r'},  {0x159, 'r'},  {0x15b, 's'},  {0x15d, 's'},  {0x15f, 's'},
    {0x161, 's'},  {0x163, 't'},  {0x165, 't'},  {0x167, 't'},  {0x169, 'u'},  {0x16b, 'u'},
    {0x16d, 'u'},  {0x16f, 'u'},  {0x171, 'u'},  {0x173, 'u'},  {0x175, 'w'},  {0x177, 'y'},
    {0x17a, 'z'},  {0x17c, 'z'},  {0x17e, 'z'},  {0x1a1, 'o'},  {0x1b0, 'u'},  {0x1ce, 'a'},
    {0x1d0, 'i'},  {0x1d2, 'o'},  {0x1d4, 'u'},  {0x219, 's'},  {0x21b, 't'},  {0x251, 'a'},
    {0x261, 'g'},  {0x269, 'i'},  {0x26a, 'i'},  {0x280, 'r'},  {0x28b, 'u'},  {0x29f, 'l'},
    {0x3b1, 'a'},  {0x3b5, 'e'},  {0x3b9, 'i'},  {0x3ba, 'k'},  {0x3bd, 'v'},  {0x3bf, 'o'},
    {0x3c1, 'p'},  {0x3c3, 'o'},  {0x3c4, 't'},  {0x3c5, 'u'},  {0x3c7, 'x'},  {0x3c9, 'w'},
    {0x3ac, 'a'},  {0x430, 'a'},  {0x432, 'b'},  {0x433, 'r'},  {0x435, 'e'},  {0x43a, 'k'},
    {0x43c, 'm'},  {0x43d, 'h'},  {0x43e, 'o'},  {0x43f, 'n'},  {0x440, 'p'},  {0x441, 'c'},
    {0x442, 't'},  {0x443, 'y'},  {0x445, 'x'},  {0x44a, 'b'},  {0x44c, 'b'},  {0x451, 'e'},
    {0x455, 's'},  {0x456, 'i'},  {0x457, 'i'},  {0x458, 'j'},  {0x4bb, 'h'},  {0x4cf, 'l'},
    {0x501, 'd'},  {0x51b, 'q'},  {0x51d, 'w'},  {0x561, 'w'},  {0x566, 'q'},  {0x570, 'h'},
    {0x578, 'n'},  {0x57d, 'u'},  {0x581, 'g'},  {0x585, 'o'},  {0x1e63, 's'}, {0x1e6d, 't'},
    {0x1ea1, 'a'}, {0x1eb9, 'e'}, {0x1ecb, 'i'}, {0x1ecd, 'o'}, {0x1ee5, 'u'},
};

static char look_alike(uint32_t point)
{
    for (size_t i = 0; i < sizeof LIKE / sizeof *LIKE; i++)
        if (LIKE[i].point == point)
            return LIKE[i].like;
    return 0;
}

/* The next code point; the text is idn_decode()'s, so it is well formed. */
static uint32_t next_point(const char *text, size_t *at)
{
    unsigned char lead = (unsigned char)text[(*at)++];
    if (lead < 0x80)
        return lead;
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t point = lead & (0x3f >> more);
    while (more-- > 0)
        point = point << 6 | ((unsigned char)text[(*at)++] & 0x3f);
    return point;
}

size_t idn_skeleton(const char *text, size_t len, char skeleton[IDN_TEXT_MAX])
{
    size_t out = 0;
    for (size_t at = 0; at < len;) {
        uint32_t point = next_point(text, &at);
        char c = point < 0x80 ? (char)point : look_alike(point);
        if (!c)
            return 0;
        skeleton[out++] = c;
    }
    skeleton[out] = 0;
    return out;
}
