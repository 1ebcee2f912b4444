/* SPDX-License-Identifier: Apache-2.0 */
/* Ports for the later fragments of a datagram, which carry none themselves (RFC 791, RFC 8200):
 * the first fragment's ports are remembered by (source, destination, identification, protocol).
 *
 * A table of fixed size, allocated at creation: a new datagram takes the place of the one whose
 * first fragment was seen longest ago among the few it may lie beside, so a flood costs other
 * fragments their ports and nothing else. Later fragments that overtake the first one find nothing
 * and keep ports 0. Not shared by threads. */
#ifndef TELLTALE_WIRE_FRAGMENTS_H
#define TELLTALE_WIRE_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/packet.h"

struct fragments;

/* Remembers at least `count_max` datagrams' ports. An entry is believed for 30 s (RFC 791's bound
 * is 15 s, RFC 8200's 60 s; identifications of busy senders come round sooner than that). */
struct fragments *fragments_new(size_t count_max);
void fragments_free(struct fragments *f);

/* Call for each packet that is a fragment (others are left alone). A first fragment is remembered;
 * a later one gets src_port and dst_port, and true is returned when they were known. */
bool fragments_apply(struct fragments *f, uint64_t time_ns, struct packet *p);

#endif
