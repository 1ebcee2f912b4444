/* SPDX-License-Identifier: Apache-2.0 */
/* Registered labels that look like a service's mark without being known as its: "facebook-stories",
 * "ipodaustralia", "facbeok". Such a domain is the operator's own or an imitation; the name alone
 * cannot tell, so it makes a candidate and no more. Read-only once made. */
#ifndef TELLTALE_ATTRIBUTE_SIMILAR_H
#define TELLTALE_ATTRIBUTE_SIMILAR_H

#include "attribute/facts.h"

struct similar;

/* Of the facts FACT_WORD (anywhere in the label, "ebay*" at its beginning), FACT_MARK (with neutral
 * words around it) and FACT_MISSPELT (one edit away, two from eight letters on). */
struct similar *similar_new(const struct fact *facts, size_t count);
void similar_free(struct similar *s);

/* The fact that fits the label on that day, or NULL. A study's own come first, then words, marks
 * and misspellings; the longest of each. */
const struct fact *similar_find(const struct similar *s, const char *label, size_t len,
                                int32_t day);

/* Edits (insert, delete, replace, swap neighbours) between two texts, or `limit` + 1 when there are
 * more: optimal string alignment. Texts of at most 63 octets, `limit` of at most 2. */
unsigned similar_distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned limit);

#endif
