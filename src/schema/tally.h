/* SPDX-License-Identifier: Apache-2.0 */
/* Where every record read went: records = kept + outside + duplicates + rejected, exactly, and
 * the reasons of the rejected add up to `rejected`.
 *
 * What a record is depends on the input: a packet when packets are metered, a flow record when
 * exports are decoded, a line of a table. A part of an export that cannot be told apart into records
 * (data without template, a cut datagram) counts as one. Not shared by threads; add with tally_add(). */
#ifndef TELLTALE_SCHEMA_TALLY_H
#define TELLTALE_SCHEMA_TALLY_H

#include <stdbool.h>
#include <stdint.h>

enum reason {
#define REASON(name, text) REASON_##name,
#include "schema/reasons.def"
#undef REASON
    REASON_COUNT
};

struct tally {
    uint64_t records, kept, outside, duplicates, rejected;
    uint64_t reasons[REASON_COUNT];
};

const char *reason_name(enum reason r);
const char *reason_text(enum reason r);

static inline void tally_reject(struct tally *t, enum reason r, uint64_t count)
{
    t->records += count;
    t->rejected += count;
    t->reasons[r] += count;
}

static inline void tally_outside(struct tally *t, uint64_t count)
{
    t->records += count;
    t->outside += count;
}

static inline void tally_keep(struct tally *t, uint64_t count)
{
    t->records += count;
    t->kept += count;
}

/* A record counted as kept turns out to be another exporter's copy. */
static inline void tally_duplicate(struct tally *t, uint64_t count)
{
    t->kept -= count;
    t->duplicates += count;
}

void tally_add(struct tally *into, const struct tally *from);
bool tally_balanced(const struct tally *t);

#endif
