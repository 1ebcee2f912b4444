/* SPDX-License-Identifier: Apache-2.0 */
/* Times of records: whatever an exporter gives, as ms since 1970 UTC. */
#ifndef TELLTALE_DECODE_TIMES_H
#define TELLTALE_DECODE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/ie.h"
#include "decode/records.h"

enum { DAY_MS = 86400000 };
#define TIME_LEAST_MS UINT64_C(631152000000)  /* 1990-01-01 */
#define TIME_MOST_MS  UINT64_C(4291747200000) /* 2106-01-01: 32-bit seconds end then */

/* Columns of the records at hand; 0 is a time that is not there. */
struct times {
    uint64_t start_ms[RECORDS_AT_ONCE], end_ms[RECORDS_AT_ONCE], init_ms[RECORDS_AT_ONCE];
    uint16_t marks[RECORDS_AT_ONCE];
    bool has_init; /* init_ms is filled */
};

struct time_base {
    uint64_t export_ms;
    uint32_t uptime_ms; /* the exporter's, at export_ms */
    bool has_uptime;
    uint64_t init_ms; /* when its uptime was 0, where it told that; else 0 */
};

/* In place, from values as they lie in the record; enum ie_form each, -1 where there is none. */
void times_convert(struct times *t, size_t count, int start_form, int end_form,
                   const struct time_base *base);
/* Ends from durations. */
void times_add(struct times *t, const uint64_t *durations, size_t count, enum ie_form form);
/* Fills the missing from the other or from the export time (marked), orders start and end, and
 * packs those that can be right, whose indices go to `pick`. Returns how many. A time can be right
 * from 1990 to a day after the export. */
size_t times_settle(struct times *t, size_t count, const struct time_base *base, uint16_t *pick);

#endif
