/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing for tables in memory. Not stable across versions, not for anything stored; content
 * digests are SHA-256 (input/digest.h). Seeded, so that crafted input cannot choose its bucket. */
#ifndef TELLTALE_BASE_HASH_H
#define TELLTALE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_bytes(const void *at, size_t len, uint64_t seed)
{
    const uint8_t *p = at;
    uint64_t h = hash_mix(seed, len), word;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        h = hash_mix(h, word);
    }
    word = 0;
    memcpy(&word, p, len);
    return hash_mix(h, word);
}

#endif
