/* SPDX-License-Identifier: Apache-2.0 */
/* What tor.c and tor_read.c share. */
#ifndef TELLTALE_ATTRIBUTE_TOR_IN_H
#define TELLTALE_ATTRIBUTE_TOR_IN_H

#include "attribute/tor.h"

/* Ascending, without repeats. */
struct tor_moments {
    uint32_t *at;
    size_t count, room;
};

struct tor_table {
    struct tor_moments times[TOR_DOCUMENTS];
    struct tor_span *spans; /* by address, ports, fingerprint, flags, time */
    size_t count;
    uint32_t *slots; /* of the first span of an address, + 1; 0 free */
    size_t mask;
};

/* A whole document's relay at one moment. */
struct tor_point {
    uint32_t relay; /* number in the builder */
    uint32_t time_s;
};

/* Takes a relay that a document of `time_s` lists; 0, or the error that the limit is reached. */
int tor_builder_point(struct tor_builder *b, const struct tor_relay *relay, uint32_t time_s,
                      struct error *err);
/* That there is a document of that moment. */
void tor_builder_moment(struct tor_builder *b, enum tor_document document, uint32_t time_s);

struct tor_counts *tor_builder_count(struct tor_builder *b);

/* Sorts the spans and makes the index; takes ownership of all. */
struct tor_table *tor_table_make(struct tor_span *spans, size_t count,
                                 struct tor_moments times[TOR_DOCUMENTS]);
bool tor_relay_same(const struct tor_relay *a, const struct tor_relay *b);
void tor_moments_add(struct tor_moments *m, uint32_t time_s); /* unordered */
void tor_moments_sort(struct tor_moments *m);
/* Index of the last moment not after `time_s`, SIZE_MAX when there is none. */
size_t tor_moments_last(const struct tor_moments *m, uint32_t time_s);

#endif
