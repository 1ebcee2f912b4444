/* SPDX-License-Identifier: Apache-2.0 */
/* What a ClientHello says of the client: its lists, and the JA4 fingerprint made of them.
 * JA4 (the TLS client fingerprint alone): FoxIO, "JA4 Network Fingerprinting", technical details of
 * JA4, BSD 3-Clause. Values of RFC 8701 (GREASE) are left out everywhere. One struct ja4 serves
 * one thread; nothing is allocated after ja4_new(). */
#ifndef TELLTALE_METER_HELLO_H
#define TELLTALE_METER_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "schema/values.h"

enum { HELLO_CIPHERS_MAX = 512, HELLO_EXTENSIONS_MAX = 128, HELLO_SIGNATURES_MAX = 128 };

/* Without the values of RFC 8701, in the order of the wire. */
struct hello {
    uint16_t version; /* the highest offered */
    bool server_name; /* the extension is there */
    uint16_t cipher_count, extension_count, signature_count;
    uint16_t ciphers[HELLO_CIPHERS_MAX], extensions[HELLO_EXTENSIONS_MAX],
        signatures[HELLO_SIGNATURES_MAX];
    struct bytes alpn;       /* the first protocol offered, borrowed from the hello */
    struct bytes parameters; /* QUIC transport parameters (RFC 9000 section 18), the same */
};

/* `body` is the whole body of the message (after type and length; for DTLS put together). False
 * when it is damaged or its lists are longer than the limits. */
bool hello_read(struct bytes body, bool dtls, struct hello *ret);

/* The maker of the client's TLS software, where its lists alone give it away: Apple's and
 * Microsoft's own libraries, which nothing else uses. PLATFORM_UNKNOWN for all others. */
enum platform hello_platform(const struct hello *h);

enum { JA4_TEXT = 36 };
struct ja4;
struct ja4 *ja4_new(void);
void ja4_free(struct ja4 *j);
/* `transport`: 't' over TCP, 'q' QUIC, 'd' DTLS. `text` is ended by NUL. */
void ja4_text(struct ja4 *j, const struct hello *h, char transport, char text[JA4_TEXT + 1]);

#endif
