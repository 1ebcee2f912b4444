/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed filter, shared by filter.c and filter_parse.c alone. */
#ifndef TELLTALE_STORE_FILTER_IN_H
#define TELLTALE_STORE_FILTER_IN_H

#include "base/arena.h"
#include "base/ip.h"
#include "store/filter.h"

enum filter_kind {
    NODE_TRUE,
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_ADDRESS, /* ranges */
    NODE_PORT,    /* spans */
    NODE_PROTOCOL,
    NODE_ASN,
    NODE_COUNTRY,
    NODE_ROLE,
    NODE_BASIS,
    NODE_OWNER,
    NODE_SYMBOL, /* texts of one symbol kind */
    NODE_NAME,   /* texts: host names and what is below them */
    NODE_FLAGS,
    NODE_COUNTER,
    NODE_FAMILY, /* spans: 4 or 6 */
    NODE_MARK,   /* spans: a bit of column marks */
    NODE_AMBIGUOUS,
    NODE_PLATFORM,
    NODE_PLATFORM_BASIS,
    NODE_TLS_VERSION,
    NODE_TLS_FAULT, /* spans: bits of column tls_faults */
};

/* SRC is the side that opened the conversation, DST the other. */
enum filter_side { SIDE_ANY, SIDE_LOCAL, SIDE_REMOTE, SIDE_SRC, SIDE_DST };

enum filter_counter {
    COUNTER_PACKETS,
    COUNTER_OCTETS,
    COUNTER_PACKETS_OUT,
    COUNTER_PACKETS_IN,
    COUNTER_OCTETS_OUT,
    COUNTER_OCTETS_IN,
    COUNTER_DURATION,
    COUNTER_SAMPLING,
};

enum filter_compare { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

struct filter_range {
    struct ip first, last;
};

struct filter_span {
    uint64_t low, high;
};

struct filter_word {
    const char *text; /* "" stands for what has none (unknown) */
    size_t len, column;
};

struct filter_node {
    enum filter_kind kind;
    enum filter_side side;
    struct filter_node *left, *right;
    struct filter_range *ranges;
    struct filter_span *spans;
    struct filter_word *words;
    size_t count; /* of ranges, spans or words */
    enum symbol_kind symbol;
    enum filter_counter counter;
    enum filter_compare compare;
    uint64_t value;
    uint8_t flags_mask, flags_set;
};

struct filter {
    struct arena *arena;
    struct filter_node *root;
};

extern const char *const filter_counter_names[];
extern const char *const filter_compare_texts[];

static const struct {
    const char *name;
    unsigned mark;
} filter_marks[] = {{"internal", 1}, {"fragments", 2}, {"quic", 256}, {"pivot", 512}};

#endif
