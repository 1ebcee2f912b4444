/* SPDX-License-Identifier: Apache-2.0 */
/* DNS answers (RFC 1035, RFC 3596): which address a client was given for the name it asked. */
#ifndef TELLTALE_METER_DNS_H
#define TELLTALE_METER_DNS_H

#include "base/bytes.h"
#include "base/ip.h"
#include "batch/sightings.h"

/* Reads one message and adds a sighting for each A and AAAA record that answers its question,
 * through CNAMEs too (in any order, DNS_ALIASES_MAX of them); the time to live is the least of the
 * chain. Returns how many. Queries, errors and damaged parts add nothing. */
enum { DNS_ALIASES_MAX = 16 };
size_t dns_read(struct bytes message, uint64_t time_ms, const struct ip *client,
                struct sightings *seen);

#endif
