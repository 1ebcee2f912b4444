/* SPDX-License-Identifier: Apache-2.0 */
/* Tor's relays by date: which address was listed in which role, in which consensus. Made from what
 * CollecTor archives: consensus documents (Tor directory protocol, version 3, section 3.4.1: "r",
 * "a" and "s" lines; the microdescriptor flavour too) and exit lists (TorDNSEL). Kept in one file
 * of the study, zstd over lines of text; a line is a relay with what it was listed as, and the
 * first and last of the successive documents that say so. docs/lists.md.
 *
 * Looking up never uses a document that is newer than the moment asked about. */
#ifndef TELLTALE_ATTRIBUTE_TOR_H
#define TELLTALE_ATTRIBUTE_TOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip.h"

enum tor_flag { TOR_GUARD = 1, TOR_EXIT = 2, TOR_V2DIR = 4, TOR_AUTHORITY = 8, TOR_BAD_EXIT = 16 };
enum tor_document { TOR_CONSENSUS, TOR_EXIT_LIST, TOR_DOCUMENTS };

struct tor_relay {
    struct ip ip;
    uint16_t or_port, dir_port; /* 0: not known (exit lists), or none */
    uint8_t flags;              /* enum tor_flag, or-ed */
    uint8_t document;           /* enum tor_document */
    uint8_t fingerprint[20];
    uint16_t zero; /* to a multiple of what a span needs: spans are compared whole */
};

/* A relay as it was listed in every document from `from_s` to `to_s`, both included. */
struct tor_span {
    struct tor_relay relay;
    uint32_t from_s, to_s; /* valid-after of a consensus, download of an exit list; s since 1970 */
};

struct tor_table;

/* ------------------------------------------------------------------ reading documents */

struct tor_counts {
    uint64_t files, documents[TOR_DOCUMENTS];
    uint64_t others;      /* documents of other kinds: descriptors, votes, bridges */
    uint64_t cut;         /* documents without their end: nothing of them is taken */
    uint64_t no_time;     /* documents that do not say when they are of */
    uint64_t relays;      /* entries taken */
    uint64_t not_running; /* entries without the flag Running: no client is sent there */
    uint64_t bad_lines;   /* entries that cannot be read */
};
struct tor_builder;

/* Starts from `table` (may be NULL), whose rows are copied. Spans are limited to `spans_max`. */
struct tor_builder *tor_builder_new(const struct tor_table *table, size_t spans_max);
void tor_builder_free(struct tor_builder *b);
/* A file as it lies: documents one after the other, or a tar archive of them; compressed or not.
 * An error only where it cannot be read or the limit is reached. */
int tor_builder_file(struct tor_builder *b, const char *path, struct error *err);
/* The same from memory: for tests and fuzzing. */
int tor_builder_octets(struct tor_builder *b, struct bytes octets, struct error *err);
struct tor_counts tor_builder_counts(const struct tor_builder *b);
/* The whole table; the builder can go on. */
int tor_builder_table(struct tor_builder *b, struct tor_table **ret, struct error *err);

/* ------------------------------------------------------------------ the table */

/* An absent file gives an empty table. */
int tor_load(const char *path, struct tor_table **ret, struct error *err);
/* By way of a temporary file beside it. */
int tor_save(const struct tor_table *t, const char *path, struct error *err);
void tor_free(struct tor_table *t);

size_t tor_spans(const struct tor_table *t,
                 const struct tor_span **ret); /* by address, then time */
/* Times of the documents of a kind, ascending. */
size_t tor_times(const struct tor_table *t, enum tor_document document, const uint32_t **ret);
bool tor_has_address(const struct tor_table *t, const struct ip *ip);

/* What the documents say of an address at a moment. */
enum tor_state {
    TOR_NEVER,  /* no document up to then lists it */
    TOR_LISTED, /* the latest document does, or one that a client could still hold */
    TOR_STALE,  /* the latest document before lists it, and is older than the limit */
    TOR_LEFT,   /* earlier ones did, the latest does not */
};
enum tor_match { TOR_BY_ADDRESS, TOR_BY_DIR_PORT, TOR_BY_OR_PORT };

struct tor_answer {
    enum tor_state state;
    enum tor_match match;      /* how much of the end fits: with its port, or the address alone */
    const struct tor_span *at; /* the best that fits; NULL with TOR_NEVER */
    uint32_t document_s;       /* of the document that this rests on */
};

enum { TOR_AGE_DEFAULT_S = 86400, TOR_HELD_S = 3 * 3600 };

/* `port` 0: any. `age_max_s`: how much older than the moment the latest document may be. A client
 * uses a consensus until the one after it is due, at most TOR_HELD_S (valid-until), so a relay of
 * any consensus of that time counts as listed. */
struct tor_answer tor_find(const struct tor_table *t, const struct ip *ip, uint16_t port,
                           uint64_t time_ms, uint32_t age_max_s);

/* "guard", "exit", "guard and exit", "middle", "directory"; "unknown" where the documents do not
 * say, as for TOR_STALE and TOR_LEFT. */
const char *tor_role_text(const struct tor_answer *a);

#endif
