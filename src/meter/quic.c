/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/quic.h"

#include <assert.h>
#include <gcrypt.h>

#include "base/memory.h"
#include "meter/tls.h"
#include "wire/cursor.h"

enum {
    DATAGRAM_MAX = 65536,
    CID_MAX = 20,
    SAMPLE_OCTETS = 16,
    TAG_OCTETS = 16,
    VERSION_1 = 1,
    VERSION_2 = 0x6b3343cf,
    VERSION_2_DRAFT = 0x709a50c4,
    DIGEST_OCTETS = 32,
    BLOCK_OCTETS = 64,
};

struct quic {
    gcry_cipher_hd_t ecb, gcm;
    gcry_md_hd_t sha256;
    struct bytes agent; /* in `plain` or in the datagram */
    uint8_t header[DATAGRAM_MAX], plain[DATAGRAM_MAX];
};

/* Which salt belongs to which versions: RFC 9001 section 5.2, RFC 9369 section 3.3.1, the same
 * section of draft-ietf-quic-tls-22, -23 and -29, and Google's for Q050, T050 and T051. */
struct salt {
    uint32_t from, to;
    bool hello_in_tags; /* Google's CHLO instead of TLS */
    const char *labels; /* prefix of the HKDF labels */
    uint8_t octets[20];
};

#define SALT_22                                                                                    \
    {                                                                                              \
        0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e,  \
            0xbd, 0x7a, 0x02, 0x64, 0x4a                                                           \
    }
#define SALT_23                                                                                    \
    {                                                                                              \
        0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63,  \
            0x65, 0xbe, 0xf9, 0xf5, 0x02                                                           \
    }
#define SALT_29                                                                                    \
    {                                                                                              \
        0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11,  \
            0xe0, 0x43, 0x90, 0xa8, 0x99                                                           \
    }
#define SALT_V1                                                                                    \
    {                                                                                              \
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,  \
            0xad, 0xcc, 0xbb, 0x7f, 0x0a                                                           \
    }

static const struct salt salts[] = {
    {VERSION_1, VERSION_1, false, "quic", SALT_V1},
    {VERSION_2, VERSION_2, false, "quicv2", {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
                                             0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                                             0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9}},
    {VERSION_2_DRAFT, VERSION_2_DRAFT, false, "quicv2", {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47,
                                                         0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04,
                                                         0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3}},
    {0xff000016, 0xff000016, false, "quic", SALT_22},
    {0xff000017, 0xff00001c, false, "quic", SALT_23},
    {0xff00001d, 0xff000020, false, "quic", SALT_29},
    {0xff000021, 0xff000022, false, "quic", SALT_V1},
    {0xfaceb001, 0xfaceb001, false, "quic", SALT_22},
    {0xfaceb002, 0xfaceb00e, false, "quic", SALT_23},
    {0x51303530,
     0x51303530,
     true,
     "quic", /* Q050 */
     {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
      0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45}},
    {0x54303530,
     0x54303530,
     false,
     "quic", /* T050 */
     {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
      0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10}},
    {0x54303531,
     0x54303531,
     false,
     "quic", /* T051 */
     {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
      0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d}},
};

/* RFC 9000 section 15: made to provoke version negotiation; the keys are of a version that the
 * client speaks in earnest. */
static bool is_reserved(uint32_t version)
{
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* The salt to try for this version, NULL past the last. */
static const struct salt *salt_try(uint32_t version, unsigned attempt)
{
    static const uint32_t earnest[] = {VERSION_1, 0xff00001d, 0xff00001c};
    if (is_reserved(version) && attempt < sizeof earnest / sizeof *earnest)
        version = earnest[attempt];
    else if (attempt)
        return NULL;
    for (size_t i = 0; i < sizeof salts / sizeof *salts; i++)
        if (version >= salts[i].from && version <= salts[i].to)
            return &salts[i];
    return NULL;
}

struct quic *quic_new(void)
{
    /* The program may have done this already; the first call counts. */
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    struct quic *q = memory_alloc(sizeof *q);
    if (gcry_cipher_open(&q->ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) ||
        gcry_cipher_open(&q->gcm, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) ||
        gcry_md_open(&q->sha256, GCRY_MD_SHA256, 0))
        memory_exhausted(sizeof *q);
    return q;
}

void quic_free(struct quic *q)
{
    if (!q)
        return;
    gcry_cipher_close(q->ecb);
    gcry_cipher_close(q->gcm);
    gcry_md_close(q->sha256);
    free(q);
}

static void digest_of(struct quic *q, const uint8_t pad[BLOCK_OCTETS], struct bytes text,
                      uint8_t ret[DIGEST_OCTETS])
{
    gcry_md_reset(q->sha256);
    gcry_md_write(q->sha256, pad, BLOCK_OCTETS);
    gcry_md_write(q->sha256, text.at, text.len);
    memcpy(ret, gcry_md_read(q->sha256, GCRY_MD_SHA256), DIGEST_OCTETS);
}

/* RFC 2104 for keys of at most a block. libgcrypt's own allocates for each key. */
static void hmac(struct quic *q, struct bytes key, struct bytes text, uint8_t ret[DIGEST_OCTETS])
{
    uint8_t inner[BLOCK_OCTETS] = {0}, outer[BLOCK_OCTETS], digest[DIGEST_OCTETS];
    assert(key.len <= BLOCK_OCTETS);
    memcpy(inner, key.at, key.len);
    for (size_t i = 0; i < BLOCK_OCTETS; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    digest_of(q, inner, text, digest);
    digest_of(q, outer, bytes_of(digest, sizeof digest), ret);
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) with an empty context, up to one digest long. */
static void expand(struct quic *q, const uint8_t secret[DIGEST_OCTETS], const char *prefix,
                   const char *label, uint8_t *ret, size_t len)
{
    uint8_t info[64], digest[DIGEST_OCTETS];
    size_t prefix_len = strlen(prefix), label_len = strlen(label), at = 0;
    info[at++] = 0;
    info[at++] = (uint8_t)len;
    info[at++] = (uint8_t)(6 + prefix_len + label_len);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, prefix, prefix_len);
    memcpy(info + at + 6 + prefix_len, label, label_len);
    at += 6 + prefix_len + label_len;
    info[at++] = 0;
    info[at++] = 1; /* T(1) of RFC 5869 section 2.3 */
    hmac(q, bytes_of(secret, DIGEST_OCTETS), bytes_of(info, at), digest);
    memcpy(ret, digest, len);
}

static const struct salt *salt_of(uint32_t version)
{
    return salt_try(version, 0);
}

static void derive(struct quic *q, const struct salt *salt, struct bytes dcid, enum quic_side side,
                   struct quic_keys *ret)
{
    uint8_t initial[DIGEST_OCTETS], secret[DIGEST_OCTETS];
    hmac(q, bytes_of(salt->octets, sizeof salt->octets), dcid, initial);
    expand(q, initial, side == QUIC_CLIENT ? "client in" : "server in", "", secret, sizeof secret);
    expand(q, secret, salt->labels, " key", ret->key, sizeof ret->key);
    expand(q, secret, salt->labels, " iv", ret->iv, sizeof ret->iv);
    expand(q, secret, salt->labels, " hp", ret->hp, sizeof ret->hp);
}

bool quic_initial_keys(struct quic *q, uint32_t version, struct bytes dcid, enum quic_side side,
                       struct quic_keys *ret)
{
    const struct salt *salt = salt_of(version);
    if (!salt)
        return false;
    ret->version = version;
    derive(q, salt, dcid, side, ret);
    return true;
}

/* The header without its protection (RFC 9001 section 5.4), in q->header; its length, 0 on failure.
 * `*number` is the packet number as sent, which is the whole one in a first flight. */
static size_t unmask(struct quic *q, const struct quic_keys *keys, struct bytes packet,
                     size_t number_at, uint32_t *number)
{
    uint8_t mask[SAMPLE_OCTETS];
    if (number_at + 4 + SAMPLE_OCTETS > packet.len || packet.len > DATAGRAM_MAX)
        return 0;
    if (gcry_cipher_setkey(q->ecb, keys->hp, sizeof keys->hp) ||
        gcry_cipher_encrypt(q->ecb, mask, sizeof mask, packet.at + number_at + 4, SAMPLE_OCTETS))
        return 0;
    memcpy(q->header, packet.at, number_at + 4);
    q->header[0] ^= mask[0] & 0x0f;
    size_t number_len = (q->header[0] & 3u) + 1;
    *number = 0;
    for (size_t i = 0; i < number_len; i++) {
        q->header[number_at + i] ^= mask[1 + i];
        *number = *number << 8 | q->header[number_at + i];
    }
    return number_at + number_len;
}

struct bytes quic_open(struct quic *q, const struct quic_keys *keys, struct bytes packet,
                       size_t number_at, size_t len)
{
    const struct bytes none = bytes_of(q->plain, 0);
    uint32_t number;
    size_t header_len = unmask(q, keys, packet, number_at, &number);
    if (header_len == 0 || len > packet.len - number_at ||
        len < header_len - number_at + TAG_OCTETS)
        return none;
    uint8_t nonce[12];
    memcpy(nonce, keys->iv, sizeof nonce);
    for (int i = 0; i < 4; i++)
        nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
    size_t sealed = len - (header_len - number_at) - TAG_OCTETS;
    const uint8_t *at = packet.at + header_len;
    if (gcry_cipher_setkey(q->gcm, keys->key, sizeof keys->key) ||
        gcry_cipher_setiv(q->gcm, nonce, sizeof nonce) ||
        gcry_cipher_authenticate(q->gcm, q->header, header_len) ||
        gcry_cipher_decrypt(q->gcm, q->plain, DATAGRAM_MAX, at, sealed) ||
        gcry_cipher_checktag(q->gcm, at + sealed, TAG_OCTETS))
        return none;
    return bytes_of(q->plain, sealed);
}

/* RFC 9000 section 16. */
static uint64_t varint(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    uint64_t value = first & 0x3f;
    size_t more = ((size_t)1 << (first >> 6)) - 1;
    return more ? value << (8 * more) | cursor_be(c, more) : value;
}

/* Google's handshake message: tags and where their values end. The name, and the user agent. */
static enum look chlo_name(struct bytes plain, struct bytes *agent, struct name *ret)
{
    const uint8_t *at = plain.len ? memmem(plain.at, plain.len, "CHLO", 4) : NULL;
    if (!at)
        return LOOK_NOT;
    struct cursor c = cursor_of(bytes_slice(plain, (size_t)(at - plain.at) + 4, SIZE_MAX));
    unsigned tags = cursor_le16(&c);
    cursor_skip(&c, 2);
    struct cursor values = c;
    cursor_skip(&values, tags * 8u);
    struct bytes all = cursor_rest(&values);
    enum look found = LOOK_NONE;
    uint32_t from = 0;
    for (unsigned i = 0; i < tags && !values.failed; i++) {
        struct bytes tag = cursor_take(&c, 4);
        uint32_t to = cursor_le32(&c);
        if (c.failed || to < from || to > all.len)
            break;
        struct bytes text = bytes_slice(all, from, to - from);
        if (memcmp(tag.at, "SNI\0", 4) == 0 && name_set(ret, text))
            found = LOOK_NAME;
        else if (memcmp(tag.at, "UAID", 4) == 0)
            *agent = text;
        from = to;
    }
    return found;
}

struct bytes quic_agent(const struct quic *q)
{
    return q->agent;
}

/* RFC 9000 section 19.3. */
static void skip_ack(struct cursor *c, bool ecn)
{
    varint(c);
    varint(c);
    uint64_t ranges = varint(c);
    varint(c);
    for (; ranges && !c->failed; ranges--) {
        varint(c);
        varint(c);
    }
    for (int i = 0; ecn && i < 3; i++)
        varint(c);
}

/* The frames that an Initial packet may have (RFC 9000 section 17.2.2) until another one comes. */
static enum look read_frames(struct bytes plain, struct assembly *crypto, struct name *ret)
{
    struct cursor c = cursor_of(plain);
    while (cursor_left(&c)) {
        uint64_t type = varint(&c);
        if (type == 2 || type == 3) {
            skip_ack(&c, type == 3);
        } else if (type == 6 || type == 8) { /* T050 calls CRYPTO 8 */
            uint64_t offset = varint(&c);
            struct bytes part = cursor_take(&c, (size_t)varint(&c));
            if (!c.failed && offset < ASSEMBLY_OCTETS)
                assembly_add(crypto, (uint32_t)offset, part);
        } else if (type > 1) {
            break; /* neither PADDING nor PING */
        }
    }
    enum look look = tls_client_hello(assembly_head(crypto), ret);
    return look == LOOK_NOT ? LOOK_NONE : look;
}

/* Long header, RFC 9000 section 17.2. */
struct header {
    uint32_t version;
    bool initial, retry;
    struct bytes dcid;
    size_t number_at, len; /* of the packet number and what follows it */
};

static bool read_header(struct bytes datagram, struct header *ret)
{
    struct cursor c = cursor_of(datagram);
    uint8_t first = cursor_u8(&c);
    ret->version = cursor_be32(&c);
    ret->dcid = cursor_take(&c, cursor_u8(&c));
    struct bytes scid = cursor_take(&c, cursor_u8(&c));
    if (c.failed || !(first & 0x80) || ret->dcid.len > CID_MAX || scid.len > CID_MAX ||
        !salt_of(ret->version))
        return false;
    bool second = ret->version == VERSION_2 || ret->version == VERSION_2_DRAFT;
    unsigned type = ((first >> 4) + (second ? 3u : 0u)) & 3u; /* RFC 9369 section 3.2 */
    ret->initial = type == 0;
    ret->retry = type == 3;
    ret->len = 0;
    if (ret->retry)
        return true;
    if (ret->initial)
        cursor_skip(&c, (size_t)varint(&c));
    uint64_t len = varint(&c);
    ret->number_at = (size_t)(c.at - datagram.at);
    ret->len = (size_t)len;
    return !c.failed && len <= cursor_left(&c);
}

/* Opens an Initial with the conversation's keys or, at its start and after a Retry, with those of
 * the connection id it carries. */
static struct bytes open_initial(struct quic *q, struct bytes datagram, const struct header *h,
                                 struct quic_keys *keys, struct assembly *crypto)
{
    struct bytes packet = bytes_slice(datagram, 0, h->number_at + h->len), plain = {0};
    if (keys->version == h->version) {
        plain = quic_open(q, keys, packet, h->number_at, h->len);
        if (plain.len)
            return plain;
    }
    const struct salt *salt;
    for (unsigned i = 0; plain.len == 0 && (salt = salt_try(h->version, i)); i++) {
        struct quic_keys fresh = {.version = h->version};
        derive(q, salt, h->dcid, QUIC_CLIENT, &fresh);
        plain = quic_open(q, &fresh, packet, h->number_at, h->len);
        if (plain.len == 0)
            continue;
        if (keys->version && keys->version != h->version)
            assembly_start(crypto, 0);
        *keys = fresh;
    }
    return plain;
}

/* Google QUIC up to Q046 sends its CHLO unencrypted: version as text after the public flags and a
 * connection id of 8 octets (Q043), or in a long header (Q044, Q046). */
static bool is_clear_google(struct bytes d)
{
    size_t at = d.len && (d.at[0] & 0x80) ? 1 : 9;
    if (d.len < at + 4 || (at == 9 && (d.at[0] & 0x09) != 0x09))
        return false;
    const uint8_t *v = d.at + at;
    return v[0] == 'Q' && v[1] == '0' && v[2] >= '2' && v[2] <= '4' && v[3] >= '0' && v[3] <= '9';
}

bool quic_is_long_header(struct bytes datagram)
{
    struct header h;
    return is_clear_google(datagram) || (datagram.len >= 20 && read_header(datagram, &h));
}

enum look quic_datagram(struct quic *q, struct bytes datagram, struct quic_keys *keys,
                        struct assembly *crypto, struct name *ret)
{
    q->agent = bytes_of(datagram.at, 0);
    if (is_clear_google(datagram)) {
        enum look look = chlo_name(datagram, &q->agent, ret);
        return look == LOOK_NOT ? LOOK_MORE : look;
    }
    enum look found = LOOK_NOT;
    struct header h;
    while (datagram.len && read_header(datagram, &h) && !h.retry) {
        struct bytes plain = {0};
        if (h.initial)
            plain = open_initial(q, datagram, &h, keys, crypto);
        if (plain.len) {
            enum look look = salt_of(h.version)->hello_in_tags ? chlo_name(plain, &q->agent, ret)
                                                               : read_frames(plain, crypto, ret);
            bool whole = salt_of(h.version)->hello_in_tags ||
                         tls_hello_in(assembly_head(crypto)).len != 0;
            if (whole && (look == LOOK_NAME || look == LOOK_NONE))
                return look;
            found = look == LOOK_NAME ? LOOK_NAME : LOOK_MORE;
        }
        datagram = bytes_slice(datagram, h.number_at + h.len, SIZE_MAX);
    }
    return found;
}
