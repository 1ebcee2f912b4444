/* SPDX-License-Identifier: Apache-2.0 */
/* Files of nfdump's collectors: layout 1 (nfdump 1.6) and 2 (1.7), whose blocks are plain or in
 * LZO, LZ4, bzip2 or zstd. Read block by block; memory does not grow with the file.
 *
 * A record is a flow record; what describes exporters, samplers, extension maps and the like is not
 * one. A block that cannot be read counts with the number of records its header states. One reader
 * serves one thread. */
#ifndef TELLTALE_DECODE_NFCAPD_H
#define TELLTALE_DECODE_NFCAPD_H

#include <stdbool.h>

#include "decode/decode.h"
#include "input/stream.h"

struct nfcapd;

/* Most rows that one nfcapd_next() adds; have so much room in `out`. */
enum { NFCAPD_ROWS_MAX = 4096 };

/* True when these first octets (12 are enough) begin a file of either layout. */
bool nfcapd_is(struct bytes head);

/* Takes ownership of `in` also when it fails: no such file, an encrypted one, or one of a machine
 * of the other byte order. Of `setting` the population, sampling, symbols and coverage are used,
 * and must outlive the reader. */
int nfcapd_open(struct stream *in, const struct decode_setting *setting, struct nfcapd **ret,
                struct error *err);
void nfcapd_free(struct nfcapd *f);

/* Decodes up to NFCAPD_ROWS_MAX more records into `out` (STAGE_RECORD), each accounted for in
 * `tally`; those whose neither end is in the population are not written. False at the end, when
 * also what is missing there has been counted. */
bool nfcapd_next(struct nfcapd *f, struct batch *out, struct tally *tally);

#endif
