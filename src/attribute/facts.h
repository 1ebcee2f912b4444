/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalogue says, fact by fact, for the matchers of this folder. Services and owners are
 * both made of facts; a fact is never without a source. */
#ifndef TELLTALE_ATTRIBUTE_FACTS_H
#define TELLTALE_ATTRIBUTE_FACTS_H

#include <stdbool.h>

#include "attribute/catalogue.h"
#include "base/ip.h"

enum fact_kind {
    FACT_NAME,  /* a domain and all below it */
    FACT_EXACT, /* that host name only */
    FACT_BRAND, /* the label registered under any public suffix: google.* */
    FACT_HOST, /* the first label of hosts that nothing else is known of: ocsp.*, speedtest3-ny.* */
    FACT_PREFIX,
    FACT_ASN,
    FACT_PORT,  /* a port that is strongly bound to the service */
    FACT_LABEL, /* what nDPI or an exporter calls it */
    FACT_ON,    /* the service uses hosts of that provider (text: its id) */
    FACT_WORD,  /* part of a registered label; of owners: a word or phrase of an AS's name */
    FACT_MARK,  /* a registered label that is it with neutral words around: applestore, my-ebay */
    FACT_MISSPELT, /* a registered label one edit away from it, two from eight letters on */
    FACT_KINDS
};

enum { FACT_DAY_MIN = INT32_MIN, FACT_DAY_MAX = INT32_MAX };

struct fact {
    enum fact_kind kind;
    bool own;         /* from a study's own file: wins */
    uint32_t subject; /* index of the service, or of the owner entry */
    const char *text; /* as written */
    struct prefix prefix;
    uint32_t asn;
    /* FACT_PORT, or the condition of a prefix or AS. protocol 0: none; port_last 0: any port. */
    uint8_t protocol;
    uint16_t port_first, port_last;
    int32_t from_day, to_day; /* days since 1970-01-01, both included */
    const char *source;
    const char *file;
    unsigned line;
};

/* Facts of services, and of owners; in the order of the files, a study's own last. */
const struct fact *catalogue_facts(const struct catalogue *c, size_t *count);
const struct fact *catalogue_owner_facts(const struct catalogue *c, size_t *count);

/* A provider whose hosts serve many parties (CDN, cloud, hosting): its address names nobody. */
bool catalogue_service_shared(const struct catalogue *c, size_t index);
/* A protocol rather than a party: dns, ssh, bittorrent. */
bool catalogue_service_is_protocol(const struct catalogue *c, size_t index);
unsigned catalogue_service_owner(const struct catalogue *c, size_t index); /* enum owner */
size_t catalogue_service_category_index(const struct catalogue *c, size_t index);

size_t catalogue_owners(const struct catalogue *c);
const char *catalogue_owner_name(const struct catalogue *c, size_t index);
/* What the entry says of itself, a sentence; empty when nothing. */
const char *catalogue_service_note(const struct catalogue *c, size_t index);
const char *catalogue_owner_note(const struct catalogue *c, size_t index);
unsigned catalogue_owner_kind(const struct catalogue *c, size_t index); /* enum owner */

/* SHA-256 in hex of the files in order, and the latest date that they give (0: none). */
const char *catalogue_sha256(const struct catalogue *c);
int32_t catalogue_day(const struct catalogue *c);

struct catalogue_file {
    const char *name;
    const char *text;
    size_t len;
};
/* catalogue/ of the source tree, made by embed.py. */
extern const struct catalogue_file catalogue_embedded[];
extern const size_t catalogue_embedded_count;
/* catalogue/devices.yaml alone, for devices.c. */
extern const struct catalogue_file devices_embedded[];

/* From texts in memory; the first `own_from` files are the program's, the others the study's. */
int catalogue_parse(const struct catalogue_file *files, size_t count, size_t own_from,
                    struct catalogue **ret, struct error *err);

#endif
