/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to records: a flow cache with idle and active timeouts (as RFC 7011's metering process),
 * server names from TLS, QUIC and HTTP, DNS answers, and the payload protocol by nDPI, looked at
 * only while a conversation is still unnamed. Records are biflows (RFC 5103): src sent the first
 * packet seen. Memory is fixed by the limits. One meter serves one thread. */
#ifndef TELLTALE_METER_METER_H
#define TELLTALE_METER_METER_H

#include "base/lpm.h"
#include "batch/batch.h"
#include "batch/sightings.h"
#include "schema/coverage.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "wire/packet.h"

/* Most rows that one call adds. */
enum { METER_ROWS_MAX = 4096 };

struct meter_setting {
    size_t flows_max;   /* entries of the flow cache; the one idle longest goes when it is full */
    uint32_t idle_ms;   /* no packet for so long ends a flow; default 60,000 */
    uint32_t active_ms; /* a flow is cut (and marked continued later) after; default 1,800,000 */
    size_t inspect_packets; /* payload packets looked at per conversation at most; default 24 */
    bool payload;           /* false: headers only, no names, no nDPI */
    const struct lpm *population; /* packets outside are counted and dropped; NULL keeps all */
    struct symbols *symbols;
    struct coverage *coverage; /* may be NULL */
};
extern const struct meter_setting meter_setting_default;

struct meter;

struct meter *meter_new(const struct meter_setting *setting);
void meter_free(struct meter *m);

/* Takes one frame. May append up to METER_ROWS_MAX records whose flows ended to `out`. Each frame
 * is one record of `tally`: kept, outside or rejected. Returns rows added. */
size_t meter_frame(struct meter *m, uint64_t time_ns, uint32_t link_type, struct bytes frame,
                   uint32_t original_len, struct batch *out, struct sightings *seen,
                   struct tally *tally);
/* The same for a frame that is already parsed. */
size_t meter_packet(struct meter *m, uint64_t time_ns, const struct packet *p, struct batch *out,
                    struct sightings *seen, struct tally *tally);

/* What the limits cost so far, and the flows now in the cache. */
struct meter_counts {
    uint64_t packets;     /* taken, the population's or not */
    uint64_t looked;      /* packets whose payload was looked at */
    uint64_t flows_cut;   /* ended before their time because the cache was full */
    uint64_t probes_cut;  /* conversations no longer looked at because too many others were */
    uint64_t buffers_cut; /* names spread over packets that were given up for others */
    uint64_t flows;       /* in the cache */
};
void meter_count(const struct meter *m, struct meter_counts *ret);

/* Ends flows, up to METER_ROWS_MAX a call; call until it returns 0. */
size_t meter_finish(struct meter *m, struct batch *out);

#endif
