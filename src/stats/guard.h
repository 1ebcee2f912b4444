/* SPDX-License-Identifier: Apache-2.0 */
/* Does a host's use of Tor relays look like a client that follows Tor's rules for entry guards
 * (https://spec.torproject.org/guard-spec)? Any thread; nothing is kept. */
#ifndef TELLTALE_STATS_GUARD_H
#define TELLTALE_STATS_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guard_use {
    size_t span_days; /* first to last day with this relay, both included; at least 1 */
    size_t relays;    /* entry relays of the host in all; at least 1 */
    size_t host_days; /* first to last day with any relay, both included */
};

struct guard_verdict {
    double p_span;   /* chance that a guard may be kept for so long */
    double p_relays; /* chance of so many relays or more */
    double p;        /* of both together (Bonferroni) */
    bool normal;     /* p over 0.05 */
};

struct guard_verdict guard_judge(const struct guard_use *use);

#endif
