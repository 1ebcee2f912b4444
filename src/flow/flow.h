/* SPDX-License-Identifier: Apache-2.0 */
/* Records to conversations of the population: keep, orient, pair, continue, drop copies, role.
 * docs/methods.md, Accounting. Memory is fixed at creation; one pairer serves one thread; the same
 * records in the same order give the same conversations.
 *
 * Conversation: everything between two ends (address and port each, ICMP: the kind of request)
 * under one protocol, with no pause longer than wait_ms and of at most longest_ms; a TCP handshake
 * after a FIN or RST begins a new one. Both directions may come in one record (RFC 5103) or in
 * opposite ones; slices cut by an active timeout are joined.
 *
 * Copies, counted as duplicates and never added:
 *  - of another exporter: within a conversation each direction is counted from the exporter whose
 *    record of it came first. Times and counters are not compared, because exporters on one path
 * cut and sample differently and the first one reports the rest itself; where it falls silent for
 *    wait_ms (the route changed), the others' records begin a new conversation. (Exporters among
 *    which a direction's packets are shared out one by one would be undercounted; that is rare.)
 *  - of the same exporter: a record equal to the direction's last one in start, end, packets,
 * octets and flags, if it has more than one packet. Sampled packets (sFlow) are records of one
 * packet each, and equal ones are different packets. A record of both directions of which one is a
 * copy keeps the other. */
#ifndef TELLTALE_FLOW_FLOW_H
#define TELLTALE_FLOW_FLOW_H

#include "base/buf.h"
#include "base/error.h"
#include "batch/batch.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "study/study.h"

struct flow_setting {
    const struct study *study;
    size_t open_max;     /* conversations held open; the one quiet longest goes when it is full */
    uint32_t wait_ms;    /* how long after its last packet a conversation waits for its other half
                            or its next slice; default 300,000 */
    uint32_t late_ms;    /* how much later than its start a record may come (the exporters' active
                            timeout); 0: study->active_ms, or 1,800,000 */
    uint64_t longest_ms; /* a conversation this long ends and its next slice begins another;
                            0: 86,400,000, so that what lasts is seen on each of its days */
    const struct symbols *symbols; /* names of applications, to know file sharing; may be NULL */
};
extern const struct flow_setting flow_setting_default;

/* Conversations given out: in all, joined from opposite records, joined from slices, with both ends
 * in the population, ended early because open_max was reached. Then what copies would have added.
 */
struct flow_counts {
    uint64_t conversations, paired, continued, internal, evicted;
    uint64_t copied_packets, copied_octets;
};

struct pairer;

struct pairer *pairer_new(const struct flow_setting *setting);
void pairer_free(struct pairer *p);

/* Takes records (STAGE_RECORD); each was counted as kept by its decoder. Those outside after all
 * (a pivot's dates) or seen twice are moved in `tally`. Conversations that are complete are
 * appended to `out` (STAGE_FLOW, everything but attribution, source, batch) up to its room; returns
 * how many of the records were taken: call again with the rest after emptying `out`. */
size_t pairer_add(struct pairer *p, const struct batch *records, size_t from, struct batch *out,
                  struct tally *tally);
/* Ends open conversations into `out`; call until it adds none. */
size_t pairer_finish(struct pairer *p, struct batch *out);
struct flow_counts pairer_counts(const struct pairer *p);

/* Everything still open, the clock, and what is known of who serves, moved to `out` instead of
 * being ended: loaded into a new pairer it goes on as if nothing had happened. For input that comes
 * in segments (input/spool.h). Exporters and applications stay codes of the same store. Loading
 * fails where another layout of the program saved or part of it is missing: free the pairer then. */
void pairer_save(struct pairer *p, struct buf *out);
int pairer_load(struct pairer *p, struct bytes in, struct error *err);

#endif
