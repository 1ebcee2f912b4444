/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers: the same seed gives the same numbers on every machine.
 * xoshiro256** seeded by splitmix64 (Blackman and Vigna 2018). Not for keys. */
#ifndef TELLTALE_BASE_RANDOM_H
#define TELLTALE_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_init(struct random *r, uint64_t seed);
/* An independent stream for `name` under the same seed. */
void random_init_named(struct random *r, uint64_t seed, const char *name);
uint64_t random_u64(struct random *r);
uint64_t random_below(struct random *r, uint64_t bound); /* uniform in [0, bound), bound > 0 */
double random_unit(struct random *r);                    /* uniform in [0, 1) */
double random_normal(struct random *r);                  /* mean 0, variance 1 */
double random_exponential(struct random *r, double mean);
double random_gamma(struct random *r, double shape, double scale);
uint64_t random_poisson(struct random *r, double mean);

#endif
