/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of organisation holds an address: by the catalogue's owners (prefix, AS, words of the
 * AS's name), and what a host name tells (.ac.in, .gov.np). Read-only once made. */
#ifndef TELLTALE_ATTRIBUTE_OWNERS_H
#define TELLTALE_ATTRIBUTE_OWNERS_H

#include "attribute/facts.h"
#include "base/lpm.h"

struct owners;

struct owners *owners_new(const struct catalogue *c);
void owners_free(struct owners *o);

/* The fact that decides, or NULL; its subject is the owner entry's index. Many addresses at once:
 * numbers for owners_fact(), LPM_NONE where none. */
void owners_by_ip(const struct owners *o, const struct ip *ips, size_t count, uint32_t *facts);
const struct lpm *owners_lpm(const struct owners *o); /* its values are those numbers */
const struct fact *owners_fact(const struct owners *o, uint32_t number);
const struct fact *owners_by_asn(const struct owners *o, uint32_t asn);
const struct fact *owners_by_as_name(const struct owners *o, const char *as_name);
const struct fact *owners_by_host(const struct owners *o, const char *host, size_t len);

#endif
