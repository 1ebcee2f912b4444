/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of prefixes as people publish them, and the form in which a study keeps one edition of one.
 * Read by content: a JSON document (the ranges that AWS, Google, Azure and Oracle publish, or any
 * other whose texts are prefixes), or lines (a prefix, an address or a range "first-last" each,
 * with comments, other columns of a CSV, or words of an ipset). docs/lists.md. */
#ifndef TELLTALE_ATTRIBUTE_CIDRLIST_H
#define TELLTALE_ATTRIBUTE_CIDRLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip.h"

enum list_kind {
    LIST_VPN,
    LIST_PROXY,
    LIST_TOR,
    LIST_CDN,
    LIST_CLOUD,
    LIST_HOSTING,
    LIST_OWNER, /* says only what kind of organisation holds the addresses */
    LIST_KINDS
};
const char *list_kind_text(enum list_kind kind);
int list_kind_value(const char *text); /* -1 for none of them */

enum { CIDR_NO_DAY = INT32_MIN };

struct cidr {
    struct prefix prefix;
    uint32_t tag; /* of cidrlist.tags; 0: none */
};

struct cidrlist {
    enum list_kind kind;
    unsigned owner; /* enum owner; of LIST_OWNER */
    char *label;    /* as the user calls it: "Mullvad" */
    char *from;     /* names of the files it was made of */
    int32_t day;    /* edition: days since 1970-01-01 */
    int32_t since;  /* the first edition holds from here on; CIDR_NO_DAY: from its own date */
    struct cidr *at;
    size_t count, room;
    char **tags; /* [0] is "" */
    size_t tag_count;
};

/* What was read, and what could not be. */
struct cidr_counts {
    uint64_t lines; /* of text, or texts of a JSON document that should be prefixes */
    uint64_t taken;
    uint64_t comments, headers;
    uint64_t no_address;     /* lines without anything like one */
    uint64_t bad_address;    /* 300.1.2.3/24 */
    uint64_t whole_internet; /* a /0 is no list */
    uint64_t too_long;       /* lines of more than 64 kB */
    uint64_t host_bits;      /* taken, as the network: 192.0.2.7/24 */
    uint64_t repeated;       /* said again: kept once */
    int32_t day;             /* that the document gives itself; CIDR_NO_DAY for none */
    const char *format;      /* "aws", "google", "azure", "oracle", "json", "text" */
};

void cidrlist_init(struct cidrlist *l);
void cidrlist_done(struct cidrlist *l);
/* Adds what the octets say; the counts are added to. An error where it is JSON that cannot be read.
 */
int cidrlist_read(struct cidrlist *l, struct bytes octets, struct cidr_counts *counts,
                  struct error *err);
/* The same of a file, compressed or not, of at most 256 MB unpacked. */
int cidrlist_read_file(struct cidrlist *l, const char *path, struct cidr_counts *counts,
                       struct error *err);
/* Ascending, repeats gone (counted). */
void cidrlist_sort(struct cidrlist *l, struct cidr_counts *counts);

/* "mullvad-vpn" from "Mullvad VPN": how services are called. `text` holds 64 octets. */
enum { LIST_SLUG_MAX = 64 };
void list_slug(const char *label, char text[LIST_SLUG_MAX]);

/* The study's form, by way of a temporary file. */
int cidrlist_save(const struct cidrlist *l, const char *path, struct error *err);
int cidrlist_load(const char *path, struct cidrlist *ret, struct error *err);

#endif
