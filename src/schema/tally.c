/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/tally.h"

static const struct {
    const char *name, *text;
} reasons[REASON_COUNT] = {
#define REASON(name, text) [REASON_##name] = {#name, text},
#include "schema/reasons.def"
#undef REASON
};

const char *reason_name(enum reason r)
{
    return reasons[r].name;
}

const char *reason_text(enum reason r)
{
    return reasons[r].text;
}

void tally_add(struct tally *into, const struct tally *from)
{
    into->records += from->records;
    into->kept += from->kept;
    into->outside += from->outside;
    into->duplicates += from->duplicates;
    into->rejected += from->rejected;
    for (int i = 0; i < REASON_COUNT; i++)
        into->reasons[i] += from->reasons[i];
}

bool tally_balanced(const struct tally *t)
{
    uint64_t sum = 0;
    for (int i = 0; i < REASON_COUNT; i++)
        sum += t->reasons[i];
    return sum == t->rejected &&
           t->records == t->kept + t->outside + t->duplicates + t->rejected;
}
