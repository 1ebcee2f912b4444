/* SPDX-License-Identifier: Apache-2.0 */
/* What the study's lists say of a flow, for attribute.c and look.c. */
#ifndef TELLTALE_ATTRIBUTE_DATED_FLOW_H
#define TELLTALE_ATTRIBUTE_DATED_FLOW_H

#include "attribute/inside.h"

/* Services of lists that the catalogue does not know have numbers from catalogue_services() on. */
int listed_open(struct attribution *a, const struct study *study, struct error *err);
void listed_done(struct attribution *a);
size_t listed_services(const struct attribution *a);
const char *listed_service_id(const struct attribution *a, size_t service);
/* Index of the category "vpn". */
size_t listed_category(const struct attribution *a);

struct listed {
    bool any;
    int service;       /* NO_SERVICE: none */
    bool shared;       /* `service` is a provider of many parties: a candidate only */
    bool address_only; /* Tor by an address whose port is not known */
    unsigned owner;    /* enum owner; OWNER_UNKNOWN: no list says */
};

struct listed listed_find(struct attribution *a, const struct ip *remote, uint8_t protocol,
                          uint16_t port, uint64_t start_ms);
/* Adds `lists` and `tor` to what is known of an address, and their facts. */
void listed_look(struct attribution *a, json_t *look, const struct ip *ip, uint64_t at_ms);
/* The same as text. */
void listed_look_print(const json_t *look, FILE *out);
/* {"from", "to", ...} of the documents of Tor, or null; and [{kind, label, editions}]. */
json_t *listed_tor_provenance(const struct attribution *a);
json_t *listed_provenance(const struct attribution *a);

#endif
