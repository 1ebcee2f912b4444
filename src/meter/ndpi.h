/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol in the payload, by nDPI (4.2 or later). Only what the octets say: what nDPI guesses from ports
 * or addresses is left out, also where it mixes such a guess into a finding. One struct dpi serves
 * one thread. nDPI allocates a little for each conversation that it follows (see dpi_flow_end). */
#ifndef TELLTALE_METER_NDPI_H
#define TELLTALE_METER_NDPI_H

#include "meter/name.h"
#include "schema/symbols.h"

struct dpi;
struct dpi_flow;

struct dpi *dpi_new(struct symbols *symbols);
void dpi_free(struct dpi *d);

/* Octets of one conversation's state: the caller keeps it, zeroed before the first packet. */
size_t dpi_flow_octets(void);
/* Gives back what nDPI allocated for it (texts, parts of messages); zero it before using it again.
 */
void dpi_flow_end(struct dpi_flow *f);

/* Looks at one packet, from its IP header on. True when there is nothing more to learn: the answer
 * is dpi_application(). */
bool dpi_packet(struct dpi *d, struct dpi_flow *f, struct bytes l3, uint64_t time_ms);
/* What is known when no more packets will be looked at: a symbols code, 0 when nothing. */
uint32_t dpi_application(struct dpi *d, struct dpi_flow *f);
/* The same while packets are still looked at: what is known so far. */
uint32_t dpi_so_far(struct dpi *d, const struct dpi_flow *f);
/* True when dpi_packet() found QUIC. */
bool dpi_is_quic(const struct dpi_flow *f);

#endif
