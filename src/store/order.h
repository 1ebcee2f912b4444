/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which conversations lie in table `flow`. */
#ifndef TELLTALE_STORE_ORDER_H
#define TELLTALE_STORE_ORDER_H

#include "batch/batch.h"

struct order_key;

struct order {
    struct order_key *keys, *spare;
    uint32_t *rows;
    size_t room;
};

void order_done(struct order *o);
/* Puts all rows of the STAGE_FLOW batches (each at most 65,536) into the table's order: remote,
 * local, start_ms; equal ones as they came. `o->rows` has batch * 65,536 + row of each, until the
 * next call; returns how many. `o` starts zeroed and keeps its memory from call to call. */
size_t order_flows(struct order *o, const struct batch *const *batches, size_t count);

#endif
