/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/certificate.h"

#include <string.h>

#include "wire/cursor.h"

enum {
    TAG_INTEGER = 0x02,
    TAG_BITS = 0x03,
    TAG_OCTETS = 0x04,
    TAG_OID = 0x06,
    TAG_UTC_TIME = 0x17,
    TAG_TIME = 0x18,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,
    TAG_EXTENSIONS = 0xa3,
    TAG_DNS_NAME = 0x82, /* GeneralName [2] */
    RSA_BITS_MIN = 2048, /* NIST SP 800-131A; CA/Browser Forum since 2014 */
    DAY_S = 86400,
};

/* One element: its tag and what it holds; `whole` takes the header along. X.690 section 10.1:
 * lengths are definite and in the shortest form. */
struct element {
    uint8_t tag;
    struct bytes body, whole;
};

static bool read_length(struct cursor *c, size_t *ret)
{
    uint8_t first = cursor_u8(c);
    *ret = first;
    if (first < 0x80)
        return !c->failed;
    size_t octets = first & 0x7f;
    if (octets == 0 || octets > 3)
        return false;
    *ret = (size_t)cursor_be(c, octets);
    return !c->failed && *ret >= 0x80 && *ret >> (8 * (octets - 1));
}

static bool next_element(struct cursor *c, struct element *ret)
{
    const uint8_t *from = c->at;
    size_t len;
    ret->tag = cursor_u8(c);
    if (c->failed || (ret->tag & 0x1f) == 0x1f || !read_length(c, &len))
        return false;
    ret->body = cursor_take(c, len);
    ret->whole = bytes_of(from, (size_t)(c->at - from));
    return !c->failed;
}

/* The next element, which must be of this kind. */
static bool expect(struct cursor *c, uint8_t tag, struct bytes *ret)
{
    struct element e;
    if (!next_element(c, &e) || e.tag != tag)
        return false;
    *ret = e.body;
    return true;
}

/* ------------------------------------------------------------------ times */

static int two_digits(const uint8_t *at)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return -1;
    return (at[0] - '0') * 10 + at[1] - '0';
}

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* the year begins in March */
    int64_t m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* Section 4.1.2.5: YYMMDDHHMMSSZ from 1950 to 2049, YYYYMMDDHHMMSSZ. Old ones leave the seconds
 * out or have an offset (+0100); both occur. */
static bool read_time(struct cursor *c, int64_t *ret)
{
    struct element e;
    int field[7] = {0}, count = 0;
    if (!next_element(c, &e) || (e.tag != TAG_UTC_TIME && e.tag != TAG_TIME))
        return false;
    size_t at = 0, len = e.body.len;
    if (e.tag == TAG_UTC_TIME)
        count = 1; /* the century */
    while (count < 7 && at + 2 <= len && two_digits(e.body.at + at) >= 0) {
        field[count++] = two_digits(e.body.at + at);
        at += 2;
    }
    if (count < 6)
        return false;
    if (e.tag == TAG_UTC_TIME)
        field[0] = field[1] < 50 ? 20 : 19;
    int64_t offset_s = 0;
    struct bytes rest = bytes_slice(e.body, at, SIZE_MAX);
    if (rest.len == 5 && (rest.at[0] == '+' || rest.at[0] == '-') && two_digits(rest.at + 1) >= 0 &&
        two_digits(rest.at + 3) >= 0) {
        offset_s = two_digits(rest.at + 1) * 3600 + two_digits(rest.at + 3) * 60;
        offset_s = rest.at[0] == '+' ? offset_s : -offset_s;
    } else if (rest.len != 1 || rest.at[0] != 'Z') {
        return false;
    }
    if (field[2] < 1 || field[2] > 12 || field[3] < 1 || field[3] > 31 || field[4] > 23 ||
        field[5] > 59 || field[6] > 60)
        return false;
    int64_t days = days_of(field[0] * 100 + field[1], field[2], field[3]);
    *ret = days * DAY_S + field[4] * 3600 + field[5] * 60 + field[6] - offset_s;
    return true;
}

static bool read_validity(struct cursor *c, struct certificate *ret)
{
    struct bytes body;
    if (!expect(c, TAG_SEQUENCE, &body))
        return false;
    struct cursor v = cursor_of(body);
    return read_time(&v, &ret->not_before_s) && read_time(&v, &ret->not_after_s);
}

/* ------------------------------------------------------------------ names */

/* The value of the last attribute commonName (2.5.4.3) of a Name. */
static bool read_common_name(struct bytes name, struct bytes *ret)
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};
    struct cursor rdns = cursor_of(name);
    while (cursor_left(&rdns)) {
        struct bytes set, pair, oid;
        if (!expect(&rdns, TAG_SET, &set))
            return false;
        struct cursor attributes = cursor_of(set);
        while (cursor_left(&attributes)) {
            struct element value;
            if (!expect(&attributes, TAG_SEQUENCE, &pair))
                return false;
            struct cursor parts = cursor_of(pair);
            if (!expect(&parts, TAG_OID, &oid) || !next_element(&parts, &value))
                return false;
            if (bytes_equal(oid, bytes_of(common_name, sizeof common_name)))
                *ret = value.body;
        }
    }
    return true;
}

static bool read_name(struct cursor *c, struct bytes *whole, struct bytes *body)
{
    struct element e;
    if (!next_element(c, &e) || e.tag != TAG_SEQUENCE)
        return false;
    *whole = e.whole;
    *body = e.body;
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool same_text(struct bytes pattern, struct bytes host)
{
    if (pattern.len != host.len)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (lower(pattern.at[i]) != host.at[i])
            return false;
    return true;
}

static size_t first_label(struct bytes name)
{
    const uint8_t *dot = name.len ? memchr(name.at, '.', name.len) : NULL;
    return dot ? (size_t)(dot - name.at) : name.len;
}

static bool name_fits(struct bytes pattern, struct bytes host)
{
    if (pattern.len && pattern.at[pattern.len - 1] == '.')
        pattern.len--;
    if (pattern.len > 2 && pattern.at[0] == '*' && pattern.at[1] == '.') {
        size_t label = first_label(host);
        pattern = bytes_slice(pattern, 1, SIZE_MAX);
        host = bytes_slice(host, label, SIZE_MAX);
        if (label == 0)
            return false;
    }
    return pattern.len && same_text(pattern, host);
}

bool certificate_is_for(const struct certificate *c, struct bytes host)
{
    struct cursor names = cursor_of(c->alt_names);
    struct element e;
    bool any = false;
    while (cursor_left(&names) && next_element(&names, &e)) {
        if (e.tag != TAG_DNS_NAME)
            continue;
        any = true;
        if (name_fits(e.body, host))
            return true;
    }
    return !any && name_fits(c->common_name, host);
}

/* ------------------------------------------------------------------ strength */

/* md2, md4, md5 and sha1WithRSAEncryption (RFC 3279 section 2.2.1), and the one of OIW. */
static bool is_weak_signature(struct bytes oid)
{
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};
    static const uint8_t oiw[] = {0x2b, 0x0e, 0x03, 0x02, 0x1d};
    static const uint8_t dsa_sha1[] = {0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03};
    static const uint8_t ecdsa_sha1[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
    if (oid.len == sizeof rsa + 1 && memcmp(oid.at, rsa, sizeof rsa) == 0)
        return oid.at[sizeof rsa] >= 2 && oid.at[sizeof rsa] <= 5;
    return bytes_equal(oid, bytes_of(oiw, sizeof oiw)) ||
           bytes_equal(oid, bytes_of(dsa_sha1, sizeof dsa_sha1)) ||
           bytes_equal(oid, bytes_of(ecdsa_sha1, sizeof ecdsa_sha1));
}

/* Bits of an RSA key's modulus (RFC 3279 section 2.3.1); 0 for keys of other kinds. */
static size_t rsa_bits(struct bytes key_info)
{
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    struct cursor c = cursor_of(key_info);
    struct bytes algorithm, oid, bits, key, modulus;
    if (!expect(&c, TAG_SEQUENCE, &algorithm) || !expect(&c, TAG_BITS, &bits))
        return 0;
    struct cursor a = cursor_of(algorithm), k = cursor_of(bytes_slice(bits, 1, SIZE_MAX));
    if (!expect(&a, TAG_OID, &oid) || !bytes_equal(oid, bytes_of(rsa, sizeof rsa)) ||
        !expect(&k, TAG_SEQUENCE, &key))
        return 0;
    struct cursor n = cursor_of(key);
    if (!expect(&n, TAG_INTEGER, &modulus))
        return 0;
    while (modulus.len && modulus.at[0] == 0)
        modulus = bytes_slice(modulus, 1, SIZE_MAX);
    if (modulus.len == 0)
        return 1;
    size_t bits_of_first = 0;
    for (uint8_t first = modulus.at[0]; first; first >>= 1)
        bits_of_first++;
    return (modulus.len - 1) * 8 + bits_of_first;
}

/* ------------------------------------------------------------------ the certificate */

/* subjectAltName (2.5.29.17) among the extensions, the last fields of a TBSCertificate. */
static bool read_extensions(struct cursor *c, struct certificate *ret)
{
    static const uint8_t alt_name[] = {0x55, 0x1d, 0x11};
    while (cursor_left(c)) {
        struct element e;
        struct bytes list, extension, oid, value;
        if (!next_element(c, &e))
            return false;
        if (e.tag != TAG_EXTENSIONS)
            continue; /* issuerUniqueID, subjectUniqueID */
        struct cursor outer = cursor_of(e.body);
        if (!expect(&outer, TAG_SEQUENCE, &list))
            return false;
        struct cursor all = cursor_of(list);
        while (cursor_left(&all)) {
            if (!expect(&all, TAG_SEQUENCE, &extension))
                return false;
            struct cursor x = cursor_of(extension);
            if (!expect(&x, TAG_OID, &oid))
                return false;
            if (!bytes_equal(oid, bytes_of(alt_name, sizeof alt_name)))
                continue;
            struct element part = {0};
            while (part.tag != TAG_OCTETS) /* past `critical` */
                if (!next_element(&x, &part))
                    return false;
            struct cursor names = cursor_of(part.body);
            if (!expect(&names, TAG_SEQUENCE, &value))
                return false;
            ret->alt_names = value;
        }
    }
    return true;
}

static bool read_body(struct cursor t, struct certificate *ret)
{
    struct element e;
    struct bytes serial, algorithm, oid, issuer, subject, key;
    if (!next_element(&t, &e))
        return false;
    if (e.tag == TAG_VERSION && !expect(&t, TAG_INTEGER, &serial))
        return false;
    if (e.tag != TAG_VERSION && e.tag != TAG_INTEGER)
        return false;
    if (!expect(&t, TAG_SEQUENCE, &algorithm) || !read_name(&t, &ret->issuer, &issuer) ||
        !read_validity(&t, ret) || !read_name(&t, &ret->subject, &subject) ||
        !expect(&t, TAG_SEQUENCE, &key) || !read_common_name(subject, &ret->common_name))
        return false;
    struct cursor a = cursor_of(algorithm);
    if (!expect(&a, TAG_OID, &oid))
        return false;
    ret->self_issued = issuer.len && bytes_equal(ret->issuer, ret->subject);
    size_t bits = rsa_bits(key);
    ret->weak = (!ret->self_issued && is_weak_signature(oid)) || (bits && bits < RSA_BITS_MIN);
    return read_extensions(&t, ret);
}

bool certificate_read(struct bytes der, struct certificate *ret)
{
    struct cursor c = cursor_of(der);
    struct bytes certificate, body;
    *ret =
        (struct certificate){.common_name = bytes_of(der.at, 0), .alt_names = bytes_of(der.at, 0)};
    if (!expect(&c, TAG_SEQUENCE, &certificate))
        return false;
    struct cursor inner = cursor_of(certificate);
    return expect(&inner, TAG_SEQUENCE, &body) && read_body(cursor_of(body), ret);
}
