/* SPDX-License-Identifier: Apache-2.0 */
/* What a study's folder of lists says of an address on a date: editions of lists of prefixes
 * (cidrlist.h) and Tor's relays (tor.h). Of each list the latest edition not newer than the date is
 * asked; before the first one the list says nothing, unless it was given a `since`. Read-only once
 * opened. docs/lists.md. */
#ifndef TELLTALE_ATTRIBUTE_DATED_H
#define TELLTALE_ATTRIBUTE_DATED_H

#include "attribute/cidrlist.h"
#include "attribute/tor.h"

/* A list is its kind and label; its editions are ascending in date. */
struct dated_list {
    enum list_kind kind;
    const char *label, *slug;
    const struct cidrlist *editions;
    size_t edition_count;
};

struct dated;

/* `folder` NULL or missing: nothing is listed. */
int dated_open(const char *folder, uint32_t tor_age_max_s, struct dated **ret, struct error *err);
void dated_free(struct dated *d);

size_t dated_lists(const struct dated *d, const struct dated_list **ret);
const struct tor_table *dated_tor(const struct dated *d);
uint32_t dated_tor_age_s(const struct dated *d);
/* SHA-256 in hex over what the files say: "" where there are none. */
const char *dated_digest(const struct dated *d);

/* Whether any edition or document has the address: for nearly all the answer is no. */
bool dated_has(const struct dated *d, const struct ip *ip);

enum { DATED_HITS_MAX = 16 };
struct dated_hit {
    const struct dated_list *list;
    const struct cidrlist *edition;
    struct prefix prefix;
    const char *tag;
};
/* Lists that have the address on that day (UTC), in the order of enum list_kind, then longest
 * prefix first, then by label. */
size_t dated_find(const struct dated *d, const struct ip *ip, int32_t day,
                  struct dated_hit ret[DATED_HITS_MAX]);

/* Where `telltale list add` puts an edition, and `telltale tor add` its table; in `folder`. */
void dated_list_path(const char *folder, const struct cidrlist *l, char *path, size_t size);
void dated_tor_path(const char *folder, char *path, size_t size);

#endif
