/* SPDX-License-Identifier: Apache-2.0 */
/* Open conversations: found by their ends, kept in the order of their last record. Everything is
 * allocated at creation; memory that was never used is never touched. */
#ifndef TELLTALE_FLOW_TABLE_H
#define TELLTALE_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"

/* The ends in ascending order of address, then port: both directions have the same key. */
struct ends {
    struct ip ip[2];
    uint16_t port[2];
    uint8_t protocol;
    uint8_t zero[3]; /* compared and hashed with the rest */
};

struct half {
    uint64_t packets, octets;
    uint64_t first_ms;
    uint32_t exporter;    /* the one that this direction is counted from */
    uint32_t last_digest; /* of its last record; 0: there was none */
    uint8_t flags;
    uint8_t platform, platform_basis; /* of who sends here */
};

/* An end after translation; zero where it was not told. */
struct translated {
    struct ip ip[2];
    uint16_t port[2];
};

struct conversation {
    struct ends ends;
    uint32_t name;  /* first chunk of the server name; 0 none */
    uint8_t inside; /* bit i: end i is in the population */
    uint8_t pivot;  /* bit i: end i is a pivot (and not in the population) */
    uint8_t name_kind;
    int8_t certain, guess, first_record; /* who opened: 1 end 0, -1 end 1 */
    uint16_t marks;
    uint32_t translated; /* chunk of its translated ends; 0 none */
    uint64_t start_ms, end_ms;
    uint64_t touched_ms; /* by the pairer's clock, when it last became the last in order */
    uint32_t exporter, sampling, application;
    uint32_t tag;
    struct half half[2]; /* half[i]: what end i sent */
    uint64_t place;      /* in the order */
    uint32_t fingerprint;
    uint16_t tls_version, tls_faults;
};

struct table;

/* `open_max` conversations at most; names of 60 octets each on average fit. */
struct table *table_new(size_t open_max);
void table_free(struct table *t);

uint32_t ends_tag(const struct ends *e);
/* Brings near what table_find() and what follows it will read. */
void table_fetch_slot(const struct table *t, uint32_t tag);
void table_fetch(const struct table *t, uint32_t tag);
struct conversation *table_find(struct table *t, const struct ends *e, uint32_t tag);
/* No place for another conversation or for a name of the longest kind. */
bool table_full(const struct table *t);
/* A new one, zero but for its ends, last in order. The table is not full. */
struct conversation *table_add(struct table *t, const struct ends *e, uint32_t tag);
void table_remove(struct table *t, struct conversation *c);
/* Makes it the last in order. */
void table_touch(struct table *t, struct conversation *c);
/* The first in order, NULL when there is none. */
struct conversation *table_first(struct table *t);
size_t table_count(const struct table *t);

enum { TABLE_NAME_MAX = 255 };
/* Gives a server name of at most TABLE_NAME_MAX octets to a conversation that has none. There is
 * room when the table was not full before the conversation was added. */
void table_set_name(struct table *t, struct conversation *c, struct bytes name);
/* The translated ends of a conversation, made (zero) when it has none yet: there is room under the
 * same condition. NULL where `make` is false and there are none. Valid until table_remove(). */
struct translated *table_translated(struct table *t, struct conversation *c, bool make);
size_t table_name(const struct table *t, const struct conversation *c, char name[TABLE_NAME_MAX]);

#endif
