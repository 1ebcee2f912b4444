/* SPDX-License-Identifier: Apache-2.0 */
/* Writes records as a file of nfdump's collector (layout 2, nfdump 1.7; blocks in LZ4).
 *
 * The format has one direction a record: a row of both becomes two records, the opener's first. As
 * nfdump's collectors do, counters are multiplied by the row's sampling, and the exporter's sampler
 * stands in the file. Names and applications have no place in the format. Memory is fixed. */
#ifndef TELLTALE_REPORT_NFCAPD_OUT_H
#define TELLTALE_REPORT_NFCAPD_OUT_H

#include <stdio.h>

#include "base/error.h"
#include "batch/batch.h"
#include "schema/symbols.h"

struct nfcapd_out;

struct nfcapd_out_counts {
    uint64_t rows, records, packets, octets; /* packets and octets as written: scaled */
};

/* `file` is borrowed and must be able to seek; `symbols` names exporters. */
struct nfcapd_out *nfcapd_out_new(FILE *file, const struct symbols *symbols);
/* STAGE_RECORD. */
void nfcapd_out_rows(struct nfcapd_out *o, const struct batch *records);
/* Writes what is left and the header, and frees `o`. Failed writes show in ferror(file). */
void nfcapd_out_end(struct nfcapd_out *o, struct nfcapd_out_counts *ret);

#endif
