/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that columns hold as numbers: exporters, applications, services, categories. Codes start
 * at 1 in each kind, are given in order of first use, and never change within a store: the store
 * loads them when it opens (symbols_restore) and writes the new ones before the rows that use them.
 * Code 0 is "". Full kinds (limit) answer 0. Not shared by threads. */
#ifndef TELLTALE_SCHEMA_SYMBOLS_H
#define TELLTALE_SCHEMA_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

enum symbol_kind {
    SYMBOL_EXPORTER = 1,
    SYMBOL_APPLICATION,
    SYMBOL_SERVICE,
    SYMBOL_CATEGORY,
    SYMBOL_CANDIDATES, /* service ids joined by '|' in ascending order */
    SYMBOL_SOURCE,     /* the source's SHA-256 in hex; its row is in table source */
    SYMBOL_FINGERPRINT, /* JA4 of a client's hello */
    SYMBOL_KINDS
};

struct symbols;

/* `limit` codes a kind. */
struct symbols *symbols_new(size_t limit);
void symbols_free(struct symbols *s);
/* The text's code, a new one if it is new; 0 for "" and when the kind is full. */
uint32_t symbols_code(struct symbols *s, enum symbol_kind kind, const char *text, size_t len);
/* The text's code if it has one, else 0. */
uint32_t symbols_find(const struct symbols *s, enum symbol_kind kind, const char *text, size_t len);
/* Valid until symbols_free(); "" for 0 and for codes that were not given. */
const char *symbols_text(const struct symbols *s, enum symbol_kind kind, uint32_t code);
/* Highest code given. */
uint32_t symbols_count(const struct symbols *s, enum symbol_kind kind);
/* Puts back a stored pair; codes must come in ascending order. 0, or -1 when it contradicts. */
int symbols_restore(struct symbols *s, enum symbol_kind kind, uint32_t code, const char *text,
                    size_t len);

#endif
