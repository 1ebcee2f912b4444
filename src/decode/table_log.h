/* SPDX-License-Identifier: Apache-2.0 */
/* A text table or log, line by line, to records, with the names that the same log or its companions
 * tell: Zeek's ssl, quic, http (by uid) and x509 (by the certificate), Suricata's tls, quic and
 * http events (by flow_id), and DNS answers of both as sightings. */
#ifndef TELLTALE_DECODE_TABLE_LOG_H
#define TELLTALE_DECODE_TABLE_LOG_H

#include "batch/sightings.h"
#include "decode/table_names.h"
#include "decode/table_text.h"

struct table_log_setting {
    struct table_setting row; /* kind, has and exporter are filled from the file */
    const struct table_map *map;
    struct table_names *names, *certificates;
};

struct table_log;

/* Takes `stream` in any case. `setting` is copied; what it points to outlives the log. */
int table_log_open(struct stream *stream, const struct table_log_setting *setting,
                   const char *shown, struct table_log **ret, struct error *err);
void table_log_free(struct table_log *l);
const char *table_log_format(const struct table_log *l);
const char *table_log_path(const struct table_log *l); /* of Zeek's: "conn", "ssl", ... */

/* One line: false at the end. Rows go to `out`, answers to `seen`, both may be given at most one
 * line's; each line is accounted for. A damaged file is one more rejected record. */
bool table_log_line(struct table_log *l, struct batch *out, struct sightings *seen,
                    struct tally *tally);
/* The same for a companion: only names and answers are taken, nothing is counted. `*ret_ms` is the
 * time of the line, 0 where it has none. */
bool table_log_learn(struct table_log *l, struct sightings *seen, uint64_t *ret_ms);

#endif
