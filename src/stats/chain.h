/* SPDX-License-Identifier: Apache-2.0 */
/* Does what leaves a relay answer to what entered it? Conversations from one host into a relay and
 * from the relay to one far end are matched by time and volume, against the same with all of the
 * far end's shifted a little in time: that keeps hours, bursts and volumes, and breaks only the
 * moment. docs/methods.md, Chains. Any thread. */
#ifndef TELLTALE_STATS_CHAIN_H
#define TELLTALE_STATS_CHAIN_H

#include <stddef.h>

#include "base/random.h"

struct leg {
    double start_s, octets; /* both directions */
};

struct chain_setting {
    double follow_s;                 /* an outgoing leg starts this soon after its incoming one */
    double factor;                   /* and has between 1/factor and factor times its octets */
    double shift_min_s, shift_max_s; /* of the null, either way */
    size_t draws;
};
extern const struct chain_setting chain_setting_default; /* 5 s, 2, 60 s to 1 h, 999 */

struct chain_test {
    size_t matched; /* pairs, each leg in one */
    double octets;  /* of the matched outgoing legs */
    double null_mean, null_variance;
    double p; /* of as many or more: negative binomial with the null's moments */
};

/* Both ascending by start. */
size_t chain_match(const struct leg *in, size_t n, const struct leg *out, size_t m, double shift_s,
                   const struct chain_setting *s, double *ret_octets);
struct chain_test chain_test(const struct leg *in, size_t n, const struct leg *out, size_t m,
                             const struct chain_setting *s, struct random *random);

#endif
