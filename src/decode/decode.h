/* SPDX-License-Identifier: Apache-2.0 */
/* Export datagrams to records: NetFlow 5 (and 1, 7), NetFlow 9 (RFC 3954), IPFIX (RFC 7011),
 * sFlow 5. One decoder holds the templates, sampling and sequence state of all exporters it hears;
 * it serves one thread. */
#ifndef TELLTALE_DECODE_DECODE_H
#define TELLTALE_DECODE_DECODE_H

#include "base/bytes.h"
#include "base/ip.h"
#include "base/lpm.h"
#include "batch/batch.h"
#include "batch/sightings.h"
#include "schema/coverage.h"
#include "schema/symbols.h"
#include "schema/tally.h"

/* No message can hold more records than this; have so much room in `out` before each call. */
enum { DECODE_ROWS_MAX = 65536 };

struct decode_limits {
    size_t exporters; /* exporter and domain pairs with state */
    size_t templates; /* in all */
    size_t templates_an_exporter;
    size_t held_octets; /* data kept back until its template comes */
};
extern const struct decode_limits decode_limits_default;

struct decode_setting {
    struct decode_limits limits;
    const struct lpm *population; /* rows outside are counted and not written; NULL keeps all */
    uint32_t sampling;            /* of exporters that do not tell; 0 or 1: none */
    struct symbols *symbols;      /* exporters and applications get their codes here */
    struct coverage *coverage;    /* may be NULL */
};

struct datagram {
    struct ip exporter;
    uint16_t exporter_port;
    uint64_t arrival_ms; /* since 1970 UTC */
    struct bytes payload;
};

struct decoder;

struct decoder *decoder_new(const struct decode_setting *setting);
void decoder_free(struct decoder *d);

/* Appends the records of one datagram to `out` (STAGE_RECORD) and accounts for each in `tally`.
 * Records whose neither end is in the population are counted outside and not written. Nothing of
 * the datagram is kept by reference. Returns rows added; 0 is normal. */
size_t decoder_datagram(struct decoder *d, const struct datagram *in, struct batch *out,
                        struct tally *tally);
/* From here on another population and study-wide sampling, for a collector that reads its study
 * again. The old population may be freed after it. */
void decoder_population(struct decoder *d, const struct lpm *population, uint32_t sampling);
/* Accounts for data that is still kept back for want of a template (rejected: no_template). */
void decoder_finish(struct decoder *d, struct tally *tally);

/* How sure it is that a UDP payload is an export datagram, from its own structure (version, counts
 * and lengths that agree), never from the port alone: 0 no, 1 possible, 2 certain. */
int export_guess(struct bytes payload);

#endif
