/* SPDX-License-Identifier: Apache-2.0 */
/* UDP datagrams put together from IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * At most 126 datagrams are being put together at a time, of 65 KiB each: 8 MiB in all, taken when
 * first needed; another one takes the place of the oldest. One that is not whole 30 s after its
 * first part came is given up, and so is one whose parts overlap without being copies (RFC 5722).
 * Not shared by threads. */
#ifndef TELLTALE_WIRE_REASSEMBLY_H
#define TELLTALE_WIRE_REASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

#include "wire/packet.h"

struct reassembly;

enum reassembly_result {
    REASSEMBLY_WHOLE,   /* `p` is a whole packet: it was one, or became one */
    REASSEMBLY_WAITS,   /* more parts are needed */
    REASSEMBLY_DAMAGED, /* a fragment that cannot be used: snapped, or of an impossible length */
};

struct reassembly *reassembly_new(void);
void reassembly_free(struct reassembly *r);

/* Takes one packet. Of a fragmented UDP datagram that this part makes whole, `p` gets ports,
 * payload and the length of one packet; the payload is valid until the next call. Other packets are
 * left as they are. */
enum reassembly_result reassembly_take(struct reassembly *r, uint64_t time_ns, struct packet *p);
/* How many datagrams were given up since the last call. */
size_t reassembly_lost(struct reassembly *r);
/* Gives up all; returns how many datagrams those and the ones before are. */
size_t reassembly_finish(struct reassembly *r);

#endif
