/* SPDX-License-Identifier: Apache-2.0 */
/* Brings closed segments of the spool into the store, now and then, in a process of its own
 * (`telltale import --remove-spool`): whatever becomes of the engine, the collector goes on. A
 * segment stays until the store has it; the store counts it once however often it is given. */
#ifndef TELLTALE_SERVER_STORER_H
#define TELLTALE_SERVER_STORER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct storer;

struct storer_state {
    uint64_t runs, failures;
    uint64_t last_ok_ms;       /* end of the last run that succeeded; 0: none yet */
    char error[256];           /* what the last one said, "" when it succeeded */
    uint64_t segments, octets; /* waiting now */
};

/* `study` and `spool` are folders; a run every `every_s` seconds when there is something. */
int storer_start(const char *study, const char *spool, unsigned every_s, struct storer **ret,
                 struct error *err);
struct storer_state storer_state(struct storer *s);
/* A last run for what is there, then the thread ends. */
void storer_stop(struct storer *s);

#endif
