/* SPDX-License-Identifier: Apache-2.0 */
/* Host names to values by their longest known suffix of whole labels. Filled, sealed, then read by
 * any number of threads. Names are lower case, without final dot; at most 255 octets. */
#ifndef TELLTALE_ATTRIBUTE_NAMES_H
#define TELLTALE_ATTRIBUTE_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum names_match {
    NAMES_SUFFIX, /* the name and all below it */
    NAMES_EXACT,  /* that name only */
    NAMES_BRAND,  /* the label that is registered under a public suffix: google.com.br; one of six
                     octets or more also with technical words and numbers: tiktokcdn2.com */
    NAMES_FIRST,  /* the first label, without numbers and what follows a hyphen, of names that
                     nothing else matches: speedtest2-ny.isp.example */
};

enum { NAMES_MATCHES_MAX = 8 };

struct names;

struct names *names_new(void);
void names_free(struct names *n);
/* Text is copied. One given twice keeps the later value. Before names_seal() only. */
void names_add(struct names *n, enum names_match match, const char *text, size_t len,
               uint32_t value);
void names_seal(struct names *n);

/* Values that match, best first (exact, longest suffix ... shortest, brand); how many. */
size_t names_find(const struct names *n, const char *host, size_t len,
                  uint32_t values[NAMES_MATCHES_MAX]);

/* The label registered under a public suffix: "google" in www.google.com.br; empty for names of one
 * label. By the habit of registries (com.br, co.uk, or.jp), not by a list. */
void names_registered(const char *host, size_t len, const char **label, size_t *label_len);

/* An IPv4 or IPv6 literal or another thing that no DNS name can be: it names nobody. */
int names_is_literal(const char *host, size_t len);

#endif
