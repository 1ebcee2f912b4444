/* SPDX-License-Identifier: Apache-2.0 */
/* Record batches written in real wire formats: what exporters would have sent or archives hold.
 *
 *   wire_open(path, WIRE_NETFLOW9_PCAP, &options, &w, err);
 *   wire_rows(w, batch);            as often as there are rows
 *   wire_close(w, &counts, err);    the first failed write is reported here
 *
 * Rows are STAGE_RECORD. Where the format has one direction a record, a row with a reverse
 * direction becomes two opposite records. NetFlow 5 has no IPv6: such rows are counted in
 * `skipped`. Rows should come in about the order of their end: a message's export time is the
 * latest end in it. One thread. */
#ifndef TELLTALE_WORLD_WIRE_H
#define TELLTALE_WORLD_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/ip.h"
#include "batch/batch.h"
#include "schema/symbols.h"

enum wire_format {
    WIRE_IPFIX_FILE, /* messages one after the other (RFC 5655) */
    WIRE_IPFIX_PCAP, /* the same as datagrams */
    WIRE_NETFLOW9_PCAP,
    WIRE_NETFLOW5_PCAP,
    WIRE_CSV, /* the columns that anyone can bring */
};

struct wire_options {
    const char *exporter;                   /* IPv4 address of the exporter; NULL: 192.0.2.1 */
    const char *collector;                  /* NULL: 198.51.100.1 */
    uint16_t exporter_port, collector_port; /* 0: 50000, and the protocol's own */
    uint32_t domain;                        /* observation domain, source id, engine */
    uint32_t sampling; /* 1 in so many, of NetFlow 5's header; the others take the rows' own */
    uint64_t boot_ms;  /* when the exporter started: the origin of NetFlow's relative times;
                          0: 60 days before the first row, so that the uptime has wrapped */
    bool one_way;      /* IPFIX: no reverse elements, two records instead */
    bool no_names;     /* IPFIX, CSV: without server names */
    FILE *file;        /* borrowed: written to in place of a file at the path, not closed */
    const struct symbols *symbols; /* IPFIX: applications by name (element 96); NULL: without */
};

struct wire_counts {
    uint64_t rows, records, messages, skipped;
};

struct wire;

int wire_open(const char *path, enum wire_format format, const struct wire_options *options,
              struct wire **ret, struct error *err);
void wire_rows(struct wire *w, const struct batch *b);
/* Ends the last message, closes the file and frees `w`. `ret` may be NULL. */
int wire_close(struct wire *w, struct wire_counts *ret, struct error *err);

#endif
