/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudonyms for addresses and names: the same key gives the same pseudonym everywhere, so counts
 * and comparisons stay true; without the key there is no way back.
 *
 * Addresses by Crypto-PAn (Xu, Fan, Ammar, Moon 2002), IPv4 and IPv6 each in their own space: two
 * addresses that share n leading bits share n leading bits as pseudonyms, and so do prefixes. Names
 * by a keyed hash. Output is pseudonymised, not anonymous: see docs/privacy.md. */
#ifndef TELLTALE_REPORT_PSEUDONYM_H
#define TELLTALE_REPORT_PSEUDONYM_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ip.h"

enum { PSEUDONYM_KEY_OCTETS = 32, PSEUDONYM_NAME_MAX = 40 };

struct pseudonyms;

struct pseudonyms *pseudonyms_new(const uint8_t key[PSEUDONYM_KEY_OCTETS]);
void pseudonyms_free(struct pseudonyms *p);
/* A key file: 32 octets, or 64 hexadecimal digits, either followed by at most one line break. */
int pseudonyms_open(const char *path, struct pseudonyms **ret, struct error *err);

/* One thread: what was asked before is remembered. */
struct ip pseudonym_ip(struct pseudonyms *p, const struct ip *ip);
struct prefix pseudonym_prefix(struct pseudonyms *p, const struct prefix *prefix);
/* "n-" and 24 hexadecimal digits and ".invalid" (RFC 2606), or `kind` and 24 digits where kind is
 * not NULL; nothing for nothing. Returns the length. */
size_t pseudonym_name(struct pseudonyms *p, struct bytes name, const char *kind,
                      char ret[PSEUDONYM_NAME_MAX]);
/* Appends `text` with every address and prefix in it, in any textual form, as its pseudonym. */
void pseudonym_text(struct pseudonyms *p, struct bytes text, struct buf *out);

/* Is this word a name that may not stand? (a server's, as the store has it) */
typedef bool pseudonym_is_name(void *ctx, const char *word, size_t len);

/* A copy of a report's model in which every address, prefix, label of a prefix, path of a source
 * and server name is a pseudonym, in every text of it, and the digest is the copy's own. `is_name`
 * may be NULL. */
json_t *pseudonym_model(struct pseudonyms *p, const json_t *model, pseudonym_is_name *is_name,
                        void *ctx);
/* Every word of the model's texts that has the form of a host name, in lower case, as often as it
 * stands there. */
void pseudonym_words(const json_t *model, void (*each)(void *ctx, const char *word, size_t len),
                     void *ctx);

#endif
