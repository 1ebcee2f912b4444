/* SPDX-License-Identifier: Apache-2.0 */
/* What the payload of a conversation told of its ends' devices and of its TLS handshake, and the
 * hands that write it down. One struct teller serves one thread; nothing is allocated after
 * teller_new(). */
#ifndef TELLTALE_METER_TOLD_H
#define TELLTALE_METER_TOLD_H

#include "meter/name.h"
#include "meter/tls.h"
#include "schema/symbols.h"
#include "schema/values.h"

/* Beside each conversation in the cache; zero until something was told. */
struct told {
    uint32_t fingerprint; /* symbols code of the JA4 */
    uint16_t tls_version, tls_faults;
    uint8_t platform[2], platform_basis[2]; /* of the end that sent the first packet, the other */
};

struct teller;

struct teller *teller_new(struct symbols *symbols);
void teller_free(struct teller *t);

/* A whole ClientHello's body that `end` sent; `transport` as JA4 has it: 't', 'q', 'd'. The first
 * one counts. */
void tell_hello(struct teller *t, struct told *ret, unsigned end, struct bytes body,
                char transport);
/* A User-Agent that `end` sent. */
void tell_agent(struct teller *t, struct told *ret, unsigned end, struct bytes text,
                enum platform_basis basis);
/* What a server says of itself. */
void tell_banner(struct told *ret, unsigned end, struct bytes text, enum platform_basis basis);
/* The server's answer at `time_ms` to a client that asked for `host` (NULL: not known). */
void tell_answer(struct told *ret, const struct tls_answer *answer, const struct name *host,
                 uint64_t time_ms);
/* A platform from evidence of another kind. */
void tell_platform(struct told *ret, unsigned end, enum platform platform,
                   enum platform_basis basis);

#endif
