/* SPDX-License-Identifier: Apache-2.0 */
/* What a report tells to other organisations' systems: pairs of addresses with when and why. STIX
 * and MISP are made from this and from the model, and from nothing else. */
#ifndef TELLTALE_REPORT_EXCHANGE_H
#define TELLTALE_REPORT_EXCHANGE_H

#include <jansson.h>

#include "base/error.h"

/* The pairs that the model's contacts, Tor relays and scanners name, as an array of {kind:
 * "contact", "tor" or "scanner", local, remote: one of them may lack, text, flows, first, last:
 * UTC, evidence}. Dates become the first and last millisecond of the zone's day. */
int exchange_pairs(const json_t *model, json_t **ret, struct error *err);
/* A conversation for a pair's list "conversations", as JSON: {start, end, src_ip, dst_ip, src_port,
 * dst_port, protocol, packets, octets, reverse_packets, reverse_octets, sampling, community_id}. */

/* TLP 2.0 levels by name: "clear", "green", "amber", "amber+strict", "red". NULL when it is none.
 */
const char *exchange_tlp(const char *name);
/* `given`, else the model's study.tlp, else amber; NULL with `err` when it is no level. */
const char *exchange_tlp_of(const json_t *model, const char *given, struct error *err);

/* Text at a path of keys, "" where there is none. */
const char *exchange_text(const json_t *model, const char *section, const char *key);

/* A STIX 2.1 bundle, with ids that the same report always gives. `pairs` as above. */
int stix_bundle(const json_t *model, const json_t *pairs, const char *tlp, json_t **ret,
                struct error *err);
/* A MISP event, likewise. */
int misp_event(const json_t *model, const json_t *pairs, const char *tlp, json_t **ret,
               struct error *err);

#endif
