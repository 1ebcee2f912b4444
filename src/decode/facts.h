/* SPDX-License-Identifier: Apache-2.0 */
/* What an exporter's options told by number: intervals of its samplers, names of its applications.
 */
#ifndef TELLTALE_DECODE_FACTS_H
#define TELLTALE_DECODE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fact_kind {
    FACT_SAMPLER = 1,
    FACT_APPLICATION,
    FACT_SOURCE, /* sFlow: the number that a data source's next sample should have; 0 not known */
};

struct fact {
    uint64_t id;
    uint32_t value;
    uint32_t kind; /* 0: the slot is free */
};

/* All zero is empty. */
struct facts {
    struct fact *slots;
    size_t room, count;
};

void facts_done(struct facts *f, size_t *budget);
/* Sets or replaces; true when it is new. A new one takes one from `budget`, which all exporters
 * share; with none left it is not kept. */
bool facts_set(struct facts *f, enum fact_kind kind, uint64_t id, uint32_t value, size_t *budget);
/* Sets all of a kind to `value`. */
void facts_reset(struct facts *f, enum fact_kind kind, uint32_t value);
bool facts_get(const struct facts *f, enum fact_kind kind, uint64_t id, uint32_t *ret);

#endif
