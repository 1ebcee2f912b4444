/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this folder: packets made to order. Each function writes to `out`, which is
 * large enough, and returns the length. */
#ifndef TELLTALE_METER_CRAFT_H
#define TELLTALE_METER_CRAFT_H

#include <gcrypt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "meter/quic.h"

enum {
    CRAFT_RAW = 101,
    CRAFT_FIN = 1,
    CRAFT_SYN = 2,
    CRAFT_RST = 4,
    CRAFT_PSH = 8,
    CRAFT_ACK = 16
};

static inline size_t craft_be(uint8_t *out, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return len;
}

/* "0a 1b..." without spaces, into octets. */
static inline size_t craft_hex(uint8_t *out, const char *hex)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

/* A ClientHello message with a padding extension (RFC 7685) before the server name; without the
 * extension where `name` is NULL. */
static inline size_t craft_hello(uint8_t *out, const char *name, size_t padding, bool dtls)
{
    size_t at = 4;
    at += craft_be(out + at, dtls ? 0xfefd : 0x0303, 2);
    memset(out + at, 0x5a, 32);
    at += 32;
    out[at++] = 0; /* session id */
    if (dtls)
        out[at++] = 0; /* cookie */
    at += craft_be(out + at, 2, 2);
    at += craft_be(out + at, 0x1301, 2);
    at += craft_be(out + at, 0x0100, 2); /* one compression method: none */
    size_t extensions = at;
    at += 2;
    at += craft_be(out + at, 21, 2);
    at += craft_be(out + at, padding, 2);
    memset(out + at, 0, padding);
    at += padding;
    if (name) {
        size_t len = strlen(name);
        at += craft_be(out + at, 0, 2);
        at += craft_be(out + at, len + 5, 2);
        at += craft_be(out + at, len + 3, 2);
        out[at++] = 0;
        at += craft_be(out + at, len, 2);
        memcpy(out + at, name, len);
        at += len;
    }
    at += craft_be(out + at, 43, 2); /* supported_versions, so that something follows the name */
    at += craft_be(out + at, 3, 2);
    at += craft_be(out + at, 0x020304, 3);
    craft_be(out + extensions, at - extensions - 2, 2);
    out[0] = 1;
    craft_be(out + 1, at - 4, 3);
    return at;
}

/* TLS records of at most `record_len` octets each around a message. */
static inline size_t craft_records(uint8_t *out, struct bytes message, size_t record_len)
{
    size_t at = 0;
    for (size_t from = 0; from < message.len; from += record_len) {
        struct bytes part = bytes_slice(message, from, record_len);
        at += craft_be(out + at, 0x160301, 3);
        at += craft_be(out + at, part.len, 2);
        memcpy(out + at, part.at, part.len);
        at += part.len;
    }
    return at;
}

/* A TLS stream that starts with a ClientHello. */
static inline size_t craft_tls(uint8_t *out, const char *name, size_t padding, size_t record_len)
{
    static uint8_t hello[65536];
    return craft_records(out, bytes_of(hello, craft_hello(hello, name, padding, false)),
                         record_len);
}

/* IPv4 header for `len` octets of payload, from 10.0.0.a to 10.0.0.b. */
static inline size_t craft_ip(uint8_t *out, uint8_t a, uint8_t b, uint8_t protocol, size_t len)
{
    memset(out, 0, 20);
    out[0] = 0x45;
    craft_be(out + 2, 20 + len, 2);
    out[8] = 64;
    out[9] = protocol;
    const uint8_t src[4] = {10, 0, 0, a}, dst[4] = {10, 0, 0, b};
    memcpy(out + 12, src, 4);
    memcpy(out + 16, dst, 4);
    return 20;
}

struct craft_ends {
    uint8_t a, b; /* last octets of the addresses */
    uint16_t a_port, b_port;
};

static inline struct craft_ends craft_back(struct craft_ends e)
{
    return (struct craft_ends){e.b, e.a, e.b_port, e.a_port};
}

static inline size_t craft_tcp(uint8_t *out, struct craft_ends e, uint8_t flags, uint32_t seq,
                               struct bytes payload)
{
    size_t at = craft_ip(out, e.a, e.b, 6, 20 + payload.len);
    craft_be(out + at, e.a_port, 2);
    craft_be(out + at + 2, e.b_port, 2);
    craft_be(out + at + 4, seq, 4);
    craft_be(out + at + 8, 1, 4);
    out[at + 12] = 0x50;
    out[at + 13] = flags;
    craft_be(out + at + 14, 65535, 2);
    memset(out + at + 16, 0, 4);
    if (payload.len)
        memcpy(out + at + 20, payload.at, payload.len);
    return at + 20 + payload.len;
}

static inline size_t craft_udp(uint8_t *out, struct craft_ends e, struct bytes payload)
{
    size_t at = craft_ip(out, e.a, e.b, 17, 8 + payload.len);
    craft_be(out + at, e.a_port, 2);
    craft_be(out + at + 2, e.b_port, 2);
    craft_be(out + at + 4, 8 + payload.len, 2);
    craft_be(out + at + 6, 0, 2);
    if (payload.len)
        memcpy(out + at + 8, payload.at, payload.len);
    return at + 8 + payload.len;
}

/* A CRYPTO frame with two-octet varints. */
static inline size_t craft_crypto(uint8_t *out, size_t offset, struct bytes part)
{
    out[0] = 6;
    craft_be(out + 1, 0x4000 | offset, 2);
    craft_be(out + 3, 0x4000 | part.len, 2);
    memcpy(out + 5, part.at, part.len);
    return 5 + part.len;
}

/* Protects `plain` (at least 4 octets) as an Initial packet with a packet number of four octets:
 * the writer's side of RFC 9001 section 5, apart from the reader under test. */
static inline size_t craft_initial(uint8_t *out, const struct quic_keys *keys, struct bytes dcid,
                                   uint32_t number, struct bytes plain)
{
    bool second = keys->version == 0x6b3343cf;
    size_t at = craft_be(out, second ? 0xd3 : 0xc3, 1);
    at += craft_be(out + at, keys->version, 4);
    at += craft_be(out + at, dcid.len, 1);
    memcpy(out + at, dcid.at, dcid.len);
    at += dcid.len;
    at += craft_be(out + at, 0, 2); /* no source connection id, no token */
    at += craft_be(out + at, 0x4000 | (4 + plain.len + 16), 2);
    size_t number_at = at;
    at += craft_be(out + at, number, 4);
    uint8_t nonce[12], mask[16];
    memcpy(nonce, keys->iv, sizeof nonce);
    for (int i = 0; i < 4; i++)
        nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
    gcry_cipher_hd_t gcm, ecb;
    gcry_cipher_open(&gcm, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0);
    gcry_cipher_setkey(gcm, keys->key, 16);
    gcry_cipher_setiv(gcm, nonce, sizeof nonce);
    gcry_cipher_authenticate(gcm, out, at);
    gcry_cipher_encrypt(gcm, out + at, plain.len, plain.at, plain.len);
    gcry_cipher_gettag(gcm, out + at + plain.len, 16);
    gcry_cipher_close(gcm);
    gcry_cipher_open(&ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0);
    gcry_cipher_setkey(ecb, keys->hp, 16);
    gcry_cipher_encrypt(ecb, mask, 16, out + number_at + 4, 16);
    gcry_cipher_close(ecb);
    out[0] ^= mask[0] & 0x0f;
    for (int i = 0; i < 4; i++)
        out[number_at + i] ^= mask[1 + i];
    return at + plain.len + 16;
}

#endif
