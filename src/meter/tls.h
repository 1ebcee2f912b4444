/* SPDX-License-Identifier: Apache-2.0 */
/* The server name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246, RFC 6066 section 3) and
 * in a DTLS one (RFC 6347, RFC 9147). Pure functions of their octets; any thread. */
#ifndef TELLTALE_METER_TLS_H
#define TELLTALE_METER_TLS_H

#include "meter/assembly.h"
#include "meter/name.h"

/* `message` starts at the handshake message's type; it may end early. */
enum look tls_client_hello(struct bytes message, struct name *ret);

/* `stream` starts at a TLS record; the hello may be spread over records. `scratch` holds at least
 * ASSEMBLY_OCTETS. An SSL 2 compatible hello is LOOK_NONE: it has no extensions. */
enum look tls_stream(struct bytes stream, uint8_t *scratch, struct name *ret);

/* One datagram of DTLS records. Fragments of a ClientHello are gathered in `hello`, which the
 * caller has started with base 0 and keeps while this answers LOOK_MORE. */
enum look dtls_datagram(struct bytes datagram, struct assembly *hello, struct name *ret);

/* The whole body of the ClientHello at the start of these handshake octets; empty while it is not
 * whole. */
struct bytes tls_hello_in(struct bytes messages);
/* The whole body of the ClientHello that such a stream begins with, borrowed from it or from
 * `scratch`; empty while it is not whole. */
struct bytes tls_hello_body(struct bytes stream, uint8_t *scratch);
/* The same of what dtls_datagram() gathered in `hello`, given the datagram it was last called with:
 * empty while it is not whole. */
struct bytes dtls_hello_body(struct bytes datagram, const struct assembly *hello);

/* The server's first flight up to its own certificate (RFC 5246 section 7.4, RFC 8446 section
 * 4.1.3). Nothing but the version is in the clear in TLS 1.3. */
struct tls_answer {
    uint16_t version, cipher; /* 0: the ServerHello was not read */
    bool resumed;             /* it goes on without certificate: an earlier session */
    struct bytes certificate; /* DER, borrowed as above; empty without one */
};

enum tls_look {
    TLS_NOT,  /* no such flight */
    TLS_MORE, /* later octets may tell more; what is known is filled */
    TLS_DONE,
};

/* `stream` starts at a TLS record of the server. */
enum tls_look tls_server_stream(struct bytes stream, uint8_t *scratch, struct tls_answer *ret);
/* A ServerHello in a datagram of DTLS: the version and cipher. What follows is not looked at. */
enum tls_look dtls_server_datagram(struct bytes datagram, struct tls_answer *ret);

/* NULL, export, anonymous and RC4 suites and those of less than 128 bits or 64-bit blocks (DES,
 * 3DES, IDEA, RC2): RFC 9325 section 4.1. */
bool tls_is_weak_cipher(uint16_t cipher);

/* True when these octets can only be the start of a TLS record with a ClientHello. At least 6. */
static inline bool tls_is_client_hello(struct bytes b)
{
    return b.len >= 6 && b.at[0] == 22 && b.at[1] == 3 && b.at[2] <= 4 && b.at[5] == 1 &&
           (b.at[3] << 8 | b.at[4]) >= 4 && (b.at[3] << 8 | b.at[4]) <= 16384 + 2048;
}

/* The same with a ServerHello. */
static inline bool tls_is_server_hello(struct bytes b)
{
    return b.len >= 11 && b.at[0] == 22 && b.at[1] == 3 && b.at[2] <= 4 && b.at[5] == 2 &&
           b.at[6] == 0 && b.at[9] == 3 && b.at[10] <= 4;
}

#endif
