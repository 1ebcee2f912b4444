/* SPDX-License-Identifier: Apache-2.0 */
/* Records to conversations of the population: keep, orient, pair, continue, drop copies, role.
 * docs/methods.md, Accounting. Bounded memory; one pairer serves one thread; the same records in
 * the same order give the same conversations. */
#ifndef TELLTALE_FLOW_FLOW_H
#define TELLTALE_FLOW_FLOW_H

#include "batch/batch.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "study/study.h"

struct flow_setting {
    const struct study *study;
    size_t open_max;      /* conversations held open; the one quiet longest goes when it is full */
    uint32_t wait_ms;     /* how long after its last packet a conversation waits for its other half
                             or its next slice; default 300,000 */
};
extern const struct flow_setting flow_setting_default;

struct flow_counts {
    uint64_t conversations, paired, continued, internal, evicted;
};

struct pairer;

struct pairer *pairer_new(const struct flow_setting *setting);
void pairer_free(struct pairer *p);

/* Takes records (STAGE_RECORD); each was counted as kept by its decoder. Those outside after all
 * (a pivot's dates) or seen twice are moved in `tally`. Conversations that are complete are appended
 * to `out` (STAGE_FLOW, everything but attribution, source, batch) up to its room; returns how many
 * of the records were taken: call again with the rest after emptying `out`. */
size_t pairer_add(struct pairer *p, const struct batch *records, size_t from, struct batch *out,
                  struct tally *tally);
/* Ends open conversations into `out`; call until it adds none. */
size_t pairer_finish(struct pairer *p, struct batch *out);
struct flow_counts pairer_counts(const struct pairer *p);

#endif
