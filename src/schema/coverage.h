/* SPDX-License-Identifier: Apache-2.0 */
/* What the telemetry itself was like, by UTC hour and exporter: rows of table `coverage`.
 * Filled by the meter and the decoders while they read, written by the store with the source. */
#ifndef TELLTALE_SCHEMA_COVERAGE_H
#define TELLTALE_SCHEMA_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

struct coverage_row {
    uint32_t hour_s;   /* start of the hour, s since 1970 UTC */
    uint32_t exporter; /* symbols code */
    uint64_t records;  /* flow records (or packets, when metered) that came, the population's or not */
    uint64_t lost;     /* records, or datagrams where only those are counted, missing by sequence */
    uint64_t rejected;
    uint32_t sampling_min, sampling_max; /* 0 where none was seen */
};

struct coverage;

/* At most `limit` rows; past it, rows are counted into the last one of the exporter. */
struct coverage *coverage_new(size_t limit);
void coverage_free(struct coverage *c);
/* The row to count into. Valid until the next call. Never NULL. */
struct coverage_row *coverage_at(struct coverage *c, uint64_t time_ms, uint32_t exporter);
size_t coverage_count(const struct coverage *c);
/* Rows in ascending order of hour and exporter; valid until the next change. */
const struct coverage_row *coverage_rows(struct coverage *c);
void coverage_clear(struct coverage *c);

#endif
