/* SPDX-License-Identifier: Apache-2.0 */
/* The server name in QUIC: Initial packets are decrypted with keys that anyone who saw the client's
 * first one can derive (RFC 9001 section 5.2; version 2: RFC 9369), and their CRYPTO frames hold
 * the TLS ClientHello. Also the drafts 22 to 34, Facebook's mvfst, and Google's own QUIC, whose
 * CHLO was in the clear up to Q046. One struct quic serves one thread; nothing is allocated after
 * quic_new(). */
#ifndef TELLTALE_METER_QUIC_H
#define TELLTALE_METER_QUIC_H

#include "meter/assembly.h"
#include "meter/name.h"

struct quic;

struct quic *quic_new(void);
void quic_free(struct quic *q);

struct quic_keys {
    uint32_t version; /* 0: none yet */
    uint8_t key[16], iv[12], hp[16];
};

enum quic_side { QUIC_CLIENT, QUIC_SERVER };

/* Keys of Initial packets under the client's Destination Connection ID. False when the version is
 * not known. */
bool quic_initial_keys(struct quic *q, uint32_t version, struct bytes dcid, enum quic_side side,
                       struct quic_keys *ret);

/* Takes one UDP payload sent by (what may be) the client. `keys` and `crypto` belong to the
 * conversation: zero the keys and start the assembly with base 0 before its first datagram, and
 * keep both while the answer is LOOK_MORE, or the hello in `crypto` is wanted and not whole. LOOK_NOT: no QUIC that we know, or nothing could be
 * opened. */
enum look quic_datagram(struct quic *q, struct bytes datagram, struct quic_keys *keys,
                        struct assembly *crypto, struct name *ret);

/* The user agent that the last datagram's CHLO carried (Google's QUIC, tag UAID); empty without
 * one. Borrowed until the next call. */
struct bytes quic_agent(const struct quic *q);

/* A quick test: this UDP payload starts with a long header of a version we know, of either side. */
bool quic_is_long_header(struct bytes datagram);

/* Opens the Initial packet of `packet` (its protected header up to the packet number at
 * `number_at`, `len` octets follow from there). The plain payload, borrowed until the next call;
 * empty when the tag is wrong. For tests and for quic_datagram(). */
struct bytes quic_open(struct quic *q, const struct quic_keys *keys, struct bytes packet,
                       size_t number_at, size_t len);

#endif
