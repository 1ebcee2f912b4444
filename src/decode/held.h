/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets whose template has not come yet, kept back for a bounded while (RFC 7011 section 8
 * allows it): by octets in all, by octets for one template, and by age. */
#ifndef TELLTALE_DECODE_HELD_H
#define TELLTALE_DECODE_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { HELD_AN_EXPORTER_OCTETS = 256 * 1024, HELD_AGE_MS = 30 * 60 * 1000 };

struct exporter;

struct held_set {
    uint64_t arrival_ms, export_ms;
    uint32_t uptime_ms;
    bool has_uptime;
    uint16_t id;
    struct bytes data; /* valid until held_drop() */
};

struct held;
struct held_entry;

struct held *held_new(size_t limit_octets);
void held_free(struct held *h);
/* Keeps a copy; older ones make room and are counted in the result (as sets). 1 + that when this
 * one cannot be kept. */
size_t held_add(struct held *h, struct exporter *e, const struct held_set *set);
/* The oldest set for that exporter and template, NULL when there is none. */
struct held_entry *held_find(struct held *h, const struct exporter *e, uint16_t id,
                             struct held_set *ret);
void held_drop(struct held *h, struct held_entry *entry);
/* Drops all of an exporter's (NULL: everything); returns how many. */
size_t held_forget(struct held *h, const struct exporter *e);
size_t held_octets(const struct held *h);

#endif
