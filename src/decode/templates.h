/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of NetFlow 9 and IPFIX, compiled when they arrive.
 *
 * A compiled template is a list of steps: where a value stands and what it says. Positions are
 * (base, offset): base 0 is the record's start, base k the end of its k-th variable-length value;
 * so a record of a fixed layout needs no walk at all. Elements that nobody reads leave no step. */
#ifndef TELLTALE_DECODE_TEMPLATES_H
#define TELLTALE_DECODE_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/exporters.h"
#include "decode/ie.h"
#include "decode/queue.h"
#include "schema/tally.h"

struct step {
    uint8_t target, form;
    uint8_t width; /* octets; 0: a variable-length value, whose length stands there first */
    uint8_t rank;
    uint16_t text_width; /* of a text; 0: variable */
    uint16_t base, offset;
};

struct template
{
    struct queue_link age;
    struct template *bucket_next, *owner_next, **owner_at;
    struct exporter *owner;
    uint64_t definition; /* hash of the octets that defined it */
    uint32_t octets;     /* of memory */
    uint16_t id;
    bool options, used;
    bool ip6_last;      /* has both families' addresses, IPv6's after IPv4's */
    uint8_t reverse;    /* enum reverse_kind */
    uint8_t verdict;    /* REASON_COUNT, or why none of its records can be a conversation */
    uint16_t least;     /* octets of the shortest record */
    uint16_t variables; /* number of variable-length values; then gaps[] follow the steps */
    uint16_t step_count;
    uint16_t gaps_at;
    uint8_t step_of[IE_TARGETS]; /* 1 + its index; 0: none. The first of several flags. */
    struct step steps[];
};

enum reverse_kind {
    REVERSE_NONE,
    REVERSE_POST,      /* 23 and 24 of NetFlow 9 beside 1 and 2 */
    REVERSE_BIFLOW,    /* RFC 5103 */
    REVERSE_INITIATOR, /* Cisco: the source opened it */
};

static inline const struct step *template_step(const struct template *t, enum ie_target target)
{
    return t->step_of[target] ? &t->steps[t->step_of[target] - 1] : NULL;
}

/* Octets of fixed values before the k-th variable-length value, counted from the one before it;
 * the last of `variables + 1` is what follows the last one. */
static inline const uint16_t *template_gaps(const struct template *t)
{
    return (const uint16_t *)(const void *)&t->steps[t->step_count];
}

/* Compiles `fields` (all field specifiers of one template) for the caller to free. `scope` fields
 * come first. NULL when the layout is impossible. */
struct template *template_compile(struct bytes fields, size_t count, size_t scope, bool options,
                                  bool netflow9);

struct templates;

/* Besides the counts, all templates together take at most TEMPLATE_OCTETS * limit of memory. */
enum { TEMPLATE_OCTETS = 384 };
struct templates *templates_new(size_t limit, size_t limit_an_exporter, uint64_t seed);
void templates_free(struct templates *s);
/* Takes a template or options template set's content (RFC 7011 section 3.4, RFC 3954 section 5.2
 * and 6.1): defines, redefines, refreshes, withdraws. `defined` is called for every new or changed
 * template. Returns REASON_COUNT, or what was wrong with the rest of the set. */
enum reason templates_read(struct templates *s, struct exporters *x, struct exporter *e,
                           struct bytes set, bool options,
                           void (*defined)(void *ctx, struct template *t), void *ctx);
/* The exporter's own template, or NULL. */
struct template *templates_find(struct templates *s, struct exporter *e, uint16_t id);
/* Data came for it: keeps it longest when others must go. */
void templates_used(struct templates *s, struct template *t);
/* Drops all of an exporter's. */
void templates_forget(struct templates *s, struct exporter *e);
size_t templates_count(const struct templates *s);

#endif
