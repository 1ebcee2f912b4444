/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <math.h>

#include "base/hash.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_init(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

void random_init_named(struct random *r, uint64_t seed, const char *name)
{
    /* FNV-1a: stable, so a stream's numbers do not change when hash.h does. */
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    random_init(r, seed ^ h);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t bound)
{
    /* Lemire 2019: multiply, and reject the few values that would bias. */
    __uint128_t m = (__uint128_t)random_u64(r) * bound;
    if ((uint64_t)m < bound) {
        uint64_t threshold = -bound % bound;
        while ((uint64_t)m < threshold)
            m = (__uint128_t)random_u64(r) * bound;
    }
    return (uint64_t)(m >> 64);
}

double random_unit(struct random *r)
{
    return (double)(random_u64(r) >> 11) * 0x1.0p-53;
}

double random_normal(struct random *r)
{
    double u = 1 - random_unit(r), v = random_unit(r);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

double random_exponential(struct random *r, double mean)
{
    return -mean * log(1 - random_unit(r));
}

/* Marsaglia and Tsang 2000. */
double random_gamma(struct random *r, double shape, double scale)
{
    if (shape < 1)
        return random_gamma(r, shape + 1, scale) * pow(1 - random_unit(r), 1 / shape);
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = random_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = 1 - random_unit(r);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v * scale;
    }
}

uint64_t random_poisson(struct random *r, double mean)
{
    uint64_t count = 0;
    /* Poisson(a + b) is Poisson(a) + Poisson(b): halve large means through a gamma (Ahrens and
     * Dieter 1974) until Knuth's product method is cheap. */
    while (mean > 30) {
        double m = mean * 7 / 8, x = random_gamma(r, floor(m), 1);
        if (x > mean) {
            double p = mean / x;
            uint64_t n = (uint64_t)floor(m) - 1;
            for (uint64_t i = 0; i < n; i++)
                count += random_unit(r) < p;
            return count;
        }
        count += (uint64_t)floor(m);
        mean -= x;
    }
    double limit = exp(-mean), product = random_unit(r);
    while (product > limit) {
        count++;
        product *= random_unit(r);
    }
    return count;
}
