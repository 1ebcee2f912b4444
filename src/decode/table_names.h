/* SPDX-License-Identifier: Apache-2.0 */
/* Names that one log tells about a conversation that another log, or a later line, counts: by the
 * conversation's id (Zeek's uid, Suricata's flow_id) or a certificate's. Memory is fixed: when it
 * is full, the older half is forgotten and counted. One thread. */
#ifndef TELLTALE_DECODE_TABLE_NAMES_H
#define TELLTALE_DECODE_TABLE_NAMES_H

#include <stdbool.h>

#include "base/bytes.h"
#include "schema/values.h"

struct table_names;

/* Room for `count` names of 32 octets on the average. Memory is used as it is filled. */
struct table_names *table_names_new(size_t count);
void table_names_free(struct table_names *n);
void table_names_clear(struct table_names *n);
/* A kind nearer to the wire replaces another: sni, quic, http, exporter; else the first stays. */
void table_names_set(struct table_names *n, struct bytes key, struct bytes name,
                     enum name_kind kind);
/* The name is valid until the next call that changes anything. */
bool table_names_get(const struct table_names *n, struct bytes key, struct bytes *ret_name,
                     enum name_kind *ret_kind);
uint64_t table_names_forgotten(const struct table_names *n);

#endif
