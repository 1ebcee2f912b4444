/* SPDX-License-Identifier: Apache-2.0 */
/* What attribute.c and look.c share. */
#ifndef TELLTALE_ATTRIBUTE_INSIDE_H
#define TELLTALE_ATTRIBUTE_INSIDE_H

#include "attribute/attribute.h"
#include "attribute/geo.h"
#include "attribute/learned.h"
#include "attribute/owners.h"
#include "attribute/tables.h"

/* What is known of an AS, found once. */
struct as_info {
    uint32_t asn;   /* 0: free slot */
    uint32_t group; /* of services that claim it */
    uint8_t owner;
};

/* What is known of an address, kept in a small cache: flows come back to the same remotes. */
struct address {
    struct ip ip;
    struct place place;
    uint32_t prefix_own, prefix_built_in, asn_group;
    uint8_t owner;
    bool known;  /* the slot is in use */
    bool listed; /* some list or document of the study has it (dated_flow.h) */
};

struct group_answer {
    uint64_t key;        /* hash of the services it is of; 0: none yet */
    uint32_t candidates; /* symbols code */
    uint16_t category;   /* symbols code, when all candidates are of one */
};

struct attribution {
    struct symbols *symbols;
    struct catalogue *catalogue;
    struct geo *geo;
    struct listed_state *listed;
    struct tables *tables;
    struct owners *owners;
    struct learned *learned;
    struct devices *devices;
    struct address *addresses;
    uint64_t address_misses;
    struct lpm *classes; /* once many addresses missed: address to a number in `by_class` */
    struct address *by_class;
    size_t class_count, class_room;
    uint32_t *class_slots; /* by what a class is of, number + 1; while they are made */
    size_t class_mask;
    bool compile_tried;
    struct as_info *ases;
    size_t as_count, as_mask;
    uint8_t *group_owners;                    /* by group of services that claim a prefix or AS */
    uint16_t *service_codes, *category_codes; /* symbols codes by index; 0: not asked yet */
    int32_t *labels;                          /* by application code: attribute.c */
    size_t label_room;
    struct group_answer *group_answers;
    int proxy_service; /* SOCKS and HTTP proxies; -1: not in the catalogue */
};

/* Whether some edition of a list of the study, or a document of Tor's, has the address. */
bool listed_has(const struct attribution *a, const struct ip *ip);

void addresses_init(struct attribution *a);
void addresses_done(struct attribution *a);
/* At most 512 at a time. */
void addresses_find(struct attribution *a, const struct ip *ips, size_t count, struct address *ret);
/* Kind of owner of an address, and the fact that says so (NULL: its service, or no fact). */
unsigned attribution_owner(struct attribution *a, const struct ip *ip, const struct fact **why);

#endif
