/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/told.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "meter/certificate.h"
#include "meter/hello.h"
#include "schema/platform.h"
#include "wire/cursor.h"

enum {
    AGENTS = 1024,     /* texts whose platform is remembered */
    PRINTS = 4096,     /* hellos whose fingerprint is */
    USER_AGENT = 12585 /* transport parameter of Google's QUIC: 0x3129 */
};

struct teller {
    struct symbols *symbols;
    struct ja4 *ja4;
    struct hello hello;
    uint64_t seed;
    /* The same few programs speak again and again. */
    struct {
        uint64_t hash;
        uint8_t platform;
    } agents[AGENTS];
    struct {
        uint64_t hash;
        uint32_t code;
    } prints[PRINTS];
};

struct teller *teller_new(struct symbols *symbols)
{
    struct teller *t = memory_alloc(sizeof *t);
    t->symbols = symbols;
    t->ja4 = ja4_new();
    t->seed = hash_mix((uintptr_t)t, (uintptr_t)symbols);
    return t;
}

void teller_free(struct teller *t)
{
    if (!t)
        return;
    ja4_free(t->ja4);
    free(t);
}

void tell_platform(struct told *ret, unsigned end, enum platform platform,
                   enum platform_basis basis)
{
    if (!platform_goes_before(platform, basis, ret->platform[end], ret->platform_basis[end]))
        return;
    ret->platform[end] = (uint8_t)platform;
    ret->platform_basis[end] = (uint8_t)basis;
}

void tell_agent(struct teller *t, struct told *ret, unsigned end, struct bytes text,
                enum platform_basis basis)
{
    if (text.len == 0)
        return;
    uint64_t hash = hash_bytes(text.at, text.len, t->seed) | 1;
    size_t at = (size_t)(hash >> 32) % AGENTS;
    if (t->agents[at].hash != hash) {
        t->agents[at].hash = hash;
        t->agents[at].platform = (uint8_t)platform_of_user_agent((const char *)text.at, text.len);
    }
    tell_platform(ret, end, t->agents[at].platform, basis);
}

void tell_banner(struct told *ret, unsigned end, struct bytes text, enum platform_basis basis)
{
    tell_platform(ret, end, platform_of_banner((const char *)text.at, text.len), basis);
}

/* ------------------------------------------------------------------ the client's hello */

/* RFC 9000 section 16. */
static uint64_t varint(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    size_t more = ((size_t)1 << (first >> 6)) - 1;
    return more ? (uint64_t)(first & 0x3f) << (8 * more) | cursor_be(c, more) : first & 0x3f;
}

/* Chrome up to 2021 wrote its user agent into its transport parameters. */
static struct bytes agent_of(struct bytes parameters)
{
    struct cursor c = cursor_of(parameters);
    while (cursor_left(&c)) {
        uint64_t id = varint(&c);
        struct bytes value = cursor_take(&c, varint(&c));
        if (id == USER_AGENT && !c.failed)
            return value;
    }
    return bytes_of(parameters.at, 0);
}

/* What JA4 depends on: two hellos that agree in it have one fingerprint. */
static uint64_t hello_hash(const struct teller *t, const struct hello *h, char transport)
{
    uint64_t hash =
        hash_mix(t->seed ^ (uint8_t)transport, (uint64_t)h->version << 1 | h->server_name);
    hash = hash_bytes(h->ciphers, h->cipher_count * sizeof *h->ciphers, hash);
    hash = hash_bytes(h->extensions, h->extension_count * sizeof *h->extensions, hash);
    hash = hash_bytes(h->signatures, h->signature_count * sizeof *h->signatures, hash);
    return hash_bytes(h->alpn.at, h->alpn.len, hash) | 1;
}

static uint32_t fingerprint_of(struct teller *t, const struct hello *h, char transport)
{
    uint64_t hash = hello_hash(t, h, transport);
    size_t at = (size_t)(hash >> 32) % PRINTS;
    if (t->prints[at].hash != hash) {
        char text[JA4_TEXT + 1];
        ja4_text(t->ja4, h, transport, text);
        uint32_t code = symbols_code(t->symbols, SYMBOL_FINGERPRINT, text, JA4_TEXT);
        t->prints[at].hash = hash;
        t->prints[at].code = code;
    }
    return t->prints[at].code;
}

void tell_hello(struct teller *t, struct told *ret, unsigned end, struct bytes body, char transport)
{
    struct hello *h = &t->hello;
    if (ret->fingerprint || !hello_read(body, transport == 'd', h))
        return;
    ret->fingerprint = fingerprint_of(t, h, transport);
    if (transport == 'q')
        tell_agent(t, ret, end, agent_of(h->parameters), PLATFORM_BASIS_QUIC);
    tell_platform(ret, end, hello_platform(h),
                  transport == 'q' ? PLATFORM_BASIS_QUIC : PLATFORM_BASIS_TLS);
}

/* ------------------------------------------------------------------ the server's answer */

static bool is_obsolete(uint16_t version)
{
    return version <= 0x0302 || version == 0xfeff;
}

static uint16_t certificate_faults(struct bytes der, const struct name *host, uint64_t time_ms)
{
    struct certificate c;
    int64_t time_s = (int64_t)(time_ms / 1000);
    uint16_t faults = TLS_CERTIFICATE;
    if (!certificate_read(der, &c))
        return (uint16_t)(faults | TLS_MALFORMED);
    faults |= time_s > c.not_after_s ? TLS_EXPIRED : 0;
    faults |= time_s < c.not_before_s ? TLS_NOT_YET_VALID : 0;
    faults |= c.self_issued ? TLS_SELF_SIGNED : 0;
    faults |= c.weak ? TLS_WEAK_CERTIFICATE : 0;
    if (host && !certificate_is_for(&c, bytes_of(host->text, host->len)))
        faults |= TLS_NAME_MISMATCH;
    return faults;
}

void tell_answer(struct told *ret, const struct tls_answer *answer, const struct name *host,
                 uint64_t time_ms)
{
    if (answer->version == 0)
        return;
    uint16_t faults = TLS_HELLO;
    ret->tls_version = answer->version;
    if (is_obsolete(answer->version))
        faults |= TLS_OBSOLETE;
    if (tls_is_weak_cipher(answer->cipher))
        faults |= TLS_WEAK_CIPHER;
    if (answer->version == 0x0304 || answer->version == 0xfefc)
        faults |= TLS_ENCRYPTED;
    if (answer->resumed)
        faults |= TLS_RESUMED;
    if (answer->certificate.len)
        faults |= certificate_faults(answer->certificate, host, time_ms);
    ret->tls_faults |= faults;
}
