/* SPDX-License-Identifier: Apache-2.0 */
/* Longest-prefix match: addresses to 32-bit values. Filled, sealed, then read by any number of
 * threads. Values are the caller's; LPM_NONE means that no prefix contains the address. */
#ifndef TELLTALE_BASE_LPM_H
#define TELLTALE_BASE_LPM_H

#include "base/ip.h"

#define LPM_NONE UINT32_MAX
enum { LPM_MARK_WORDS = 65536 / 64 };

struct lpm;

struct lpm *lpm_new(void);
void lpm_free(struct lpm *l);
/* Adds or replaces (a prefix given twice keeps the later value). Before lpm_seal() only.
 * `value` is not LPM_NONE. */
void lpm_add(struct lpm *l, const struct prefix *p, uint32_t value);
void lpm_seal(struct lpm *l);
size_t lpm_count(const struct lpm *l); /* prefixes added */
size_t lpm_memory_octets(const struct lpm *l);

/* One sealed table for several: where they answer values[0], values[1] ... it answers
 * combine(context, values), which is called once for every range in which none of them changes.
 * lpm_find() and lpm_mark_v4() are not for it: it has no prefixes. */
enum { LPM_COMBINE_MAX = 8 };
struct lpm *lpm_combine(const struct lpm *const *tables, size_t count,
                        uint32_t (*combine)(void *context, const uint32_t *values), void *context);

/* Sealed tables only. lpm_lookup_many() is the fast road for whole columns (`ips` is an array of
 * 16-octet addresses): it hides memory latency by working on several addresses at once. */
uint32_t lpm_lookup(const struct lpm *l, const struct ip *ip);
void lpm_lookup_many(const struct lpm *l, const struct ip *ips, size_t count, uint32_t *values);
/* Sets bit `a >> 16` for every IPv4 address `a` that some prefix contains: 8 KiB that tell for most
 * addresses that none does, before they are looked up. Nothing is cleared. */
void lpm_mark_v4(const struct lpm *l, uint64_t map[LPM_MARK_WORDS]);
/* The matched prefix beside the value; false when nothing matches. */
bool lpm_find(const struct lpm *l, const struct ip *ip, struct prefix *ret, uint32_t *value);

#endif
