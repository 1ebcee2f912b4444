/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this folder: certificates and a server's first flight made to order. Each
 * function writes to `out`, which is large enough, and returns the length. */
#ifndef TELLTALE_METER_CRAFT_TLS_H
#define TELLTALE_METER_CRAFT_TLS_H

#include "meter/craft.h"

/* One DER element around `body`, which may lie in `out` itself. */
static inline size_t craft_der(uint8_t *out, uint8_t tag, struct bytes body)
{
    size_t head = body.len < 128 ? 2 : body.len < 256 ? 3 : 4;
    memmove(out + head, body.at, body.len);
    out[0] = tag;
    out[1] = (uint8_t)(head == 2 ? body.len : 0x7e + head);
    if (head > 2)
        craft_be(out + 2, body.len, head - 2);
    return head + body.len;
}

static inline size_t craft_der_text(uint8_t *out, uint8_t tag, const char *text)
{
    return craft_der(out, tag, bytes_of_text(text));
}

static inline size_t craft_der_hex(uint8_t *out, uint8_t tag, const char *hex)
{
    uint8_t octets[512];
    return craft_der(out, tag, bytes_of(octets, craft_hex(octets, hex)));
}

/* A Name of one common name; an empty one for "". */
static inline size_t craft_der_name(uint8_t *out, const char *common_name)
{
    uint8_t body[300];
    size_t len = 0;
    if (*common_name) {
        len = craft_der_hex(body, 0x06, "550403");
        len += craft_der_text(body + len, 0x0c, common_name);
        len = craft_der(body, 0x30, bytes_of(body, len));
        len = craft_der(body, 0x31, bytes_of(body, len));
    }
    return craft_der(out, 0x30, bytes_of(body, len));
}

struct craft_certificate {
    const char *issuer, *subject;       /* common names */
    const char *not_before, *not_after; /* UTCTime, or GeneralizedTime when of 15 octets */
    const char *alt_names[4];           /* host names, ended by NULL; none: no extension */
    size_t key_bits;                    /* of RSA; 0: an elliptic key */
    const char *signature;              /* algorithm in hex; NULL: SHA-256 with RSA */
    bool version_1;                     /* no version, no extensions */
};

static inline size_t craft_der_time(uint8_t *out, const char *text)
{
    return craft_der_text(out, strlen(text) == 15 ? 0x18 : 0x17, text);
}

static inline size_t craft_der_key(uint8_t *out, size_t bits)
{
    static uint8_t key[2200];
    size_t len = 0;
    if (bits) {
        static uint8_t modulus[1025];
        size_t octets = (bits + 7) / 8;
        modulus[0] = 0;
        memset(modulus + 1, 0x5b, octets);
        modulus[1] = (uint8_t)(1u << (bits - 1) % 8);
        len = craft_der(key + 1, 0x02, bytes_of(modulus, octets + 1));
        len += craft_der_hex(key + 1 + len, 0x02, "010001");
        len = craft_der(key + 1, 0x30, bytes_of(key + 1, len));
    }
    key[0] = 0; /* unused bits */
    size_t at = craft_der_hex(out, 0x06, bits ? "2a864886f70d010101" : "2a8648ce3d0201");
    at = craft_der(out, 0x30, bytes_of(out, at));
    at += craft_der(out + at, 0x03, bytes_of(key, 1 + len));
    return craft_der(out, 0x30, bytes_of(out, at));
}

static inline size_t craft_der_alt_names(uint8_t *out, const char *const names[4])
{
    uint8_t list[2000];
    size_t len = 0;
    for (size_t i = 0; i < 4 && names[i]; i++)
        len += craft_der_text(list + len, 0x82, names[i]);
    len = craft_der(list, 0x30, bytes_of(list, len));
    size_t at = craft_der_hex(out, 0x06, "551d11");
    at += craft_der(out + at, 0x04, bytes_of(list, len));
    at = craft_der(out, 0x30, bytes_of(out, at));
    at = craft_der(out, 0x30, bytes_of(out, at));
    return craft_der(out, 0xa3, bytes_of(out, at));
}

static inline size_t craft_der_algorithm(uint8_t *out, const struct craft_certificate *c)
{
    size_t at = craft_der_hex(out, 0x06, c->signature ? c->signature : "2a864886f70d01010b");
    return craft_der(out, 0x30, bytes_of(out, at));
}

static inline size_t craft_certificate(uint8_t *out, const struct craft_certificate *c)
{
    size_t at = c->version_1 ? 0 : craft_der_hex(out, 0xa0, "020102");
    at += craft_der_hex(out + at, 0x02, "0badc0de");
    at += craft_der_algorithm(out + at, c);
    at += craft_der_name(out + at, c->issuer);
    size_t from = at;
    at += craft_der_time(out + at, c->not_before);
    at += craft_der_time(out + at, c->not_after);
    at = from + craft_der(out + from, 0x30, bytes_of(out + from, at - from));
    at += craft_der_name(out + at, c->subject);
    at += craft_der_key(out + at, c->key_bits);
    if (c->alt_names[0] && !c->version_1)
        at += craft_der_alt_names(out + at, c->alt_names);
    at = craft_der(out, 0x30, bytes_of(out, at));
    at += craft_der_algorithm(out + at, c);
    at += craft_der_hex(out + at, 0x03, "00112233445566778899");
    return craft_der(out, 0x30, bytes_of(out, at));
}

struct craft_answer {
    uint16_t version, cipher; /* version 0x0304: in the extension */
    struct bytes certificate; /* empty: the session is resumed */
    bool request;             /* TLS 1.2: a CertificateStatus between, as with OCSP stapling */
    size_t padding;           /* octets of a second certificate in the chain */
};

static inline size_t craft_message(uint8_t *out, uint8_t type, struct bytes body)
{
    memmove(out + 4, body.at, body.len);
    out[0] = type;
    craft_be(out + 1, body.len, 3);
    return 4 + body.len;
}

static inline size_t craft_server_hello(uint8_t *out, const struct craft_answer *a)
{
    size_t at = craft_be(out, a->version > 0x0303 ? 0x0303 : a->version, 2);
    memset(out + at, 0x71, 32);
    at += 32;
    out[at++] = 0; /* session id */
    at += craft_be(out + at, a->cipher, 2);
    out[at++] = 0;
    if (a->version > 0x0303) {
        at += craft_be(out + at, 6, 2);
        at += craft_be(out + at, 43, 2);
        at += craft_be(out + at, 2, 2);
        at += craft_be(out + at, a->version, 2);
    }
    return craft_message(out, 2, bytes_of(out, at));
}

/* The handshake messages of the flight, without records. */
static inline size_t craft_answer_messages(uint8_t *out, const struct craft_answer *a)
{
    size_t at = craft_server_hello(out, a), from = at + 4;
    if (a->certificate.len == 0 || a->version > 0x0303)
        return at;
    size_t body = from + 3;
    body += craft_be(out + body, a->certificate.len, 3);
    memcpy(out + body, a->certificate.at, a->certificate.len);
    body += a->certificate.len;
    if (a->padding) {
        body += craft_be(out + body, a->padding, 3);
        memset(out + body, 0x30, a->padding);
        body += a->padding;
    }
    craft_be(out + from, body - from - 3, 3);
    at += craft_message(out + at, 11, bytes_of(out + from, body - from));
    return at + craft_message(out + at, 14, bytes_of("", 0)); /* ServerHelloDone */
}

/* The flight in records of at most `record_len` octets; a resumed session goes on with
 * ChangeCipherSpec. */
static inline size_t craft_answer(uint8_t *out, const struct craft_answer *a, size_t record_len)
{
    static uint8_t messages[65536];
    size_t len = craft_answer_messages(messages, a);
    size_t at = craft_records(out, bytes_of(messages, len), record_len);
    if (a->certificate.len == 0 && a->version <= 0x0303)
        at += craft_hex(out + at, "140303000101");
    return at;
}

#endif
