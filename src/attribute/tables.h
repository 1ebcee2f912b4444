/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's facts compiled for look-up. Read-only once made, but for the cache of labels. */
#ifndef TELLTALE_ATTRIBUTE_TABLES_H
#define TELLTALE_ATTRIBUTE_TABLES_H

#include "attribute/facts.h"
#include "attribute/names.h"
#include "base/lpm.h"

enum { GROUP_NONE = UINT32_MAX, GROUP_SERVICES_MAX = 1024, NO_SERVICE = -1 };

struct tables;

struct tables *tables_new(const struct catalogue *c);
void tables_free(struct tables *t);

/* The fact by which a host name is a service's, or NULL. */
const struct fact *tables_name(const struct tables *t, const char *host, size_t len, int32_t day);
/* The fact that the registered label of a host is like ("facebook-stories.net", "facbeok.com"), or
 * NULL: perhaps the service's own, perhaps an imitation. */
const struct fact *tables_similar(const struct tables *t, const char *host, size_t len,
                                  int32_t day);
/* The service that nDPI or an exporter means by `label` ("Facebook", "TLS.Facebook"). */
int tables_label(const struct tables *t, const char *label);
/* The service bound to a port; `port` 0 for protocols without. */
int tables_port(const struct tables *t, uint8_t protocol, uint16_t port);

/* Prefixes and ASes are claimed by groups of facts. A study's own are asked first. */
void tables_prefixes(const struct tables *t, const struct ip *ips, size_t count, uint32_t *own,
                     uint32_t *built_in); /* groups; GROUP_NONE: no prefix */
/* The two tables themselves; their values are groups. */
const struct lpm *tables_lpm(const struct tables *t, bool own);
uint32_t tables_asn(const struct tables *t, uint32_t asn);

/* Who may be meant by a group at a date and port. */
struct claim {
    size_t count;
    const uint16_t *services; /* ascending by id */
    const struct fact *fact;  /* one of those that claim */
    bool shared;              /* a provider of many parties is among them */
    bool conditional;         /* depends on date or port: not to be cached by group */
};
struct claim_room {
    struct claim claim;
    uint16_t services[GROUP_SERVICES_MAX];
};
/* Valid until the next call with that room, or until the tables are freed. */
const struct claim *tables_claim(const struct tables *t, uint32_t group, uint8_t protocol,
                                 uint16_t port, int32_t day, struct claim_room *room);
size_t tables_groups(const struct tables *t);
const struct fact *const *tables_group(const struct tables *t, uint32_t group, size_t *count);

/* Services that are served from the shared provider; their count. */
size_t tables_tenants(const struct tables *t, uint16_t provider, const uint16_t **ret);

#endif
