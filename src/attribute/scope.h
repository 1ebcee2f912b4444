/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that belong to nobody on the internet: private, loopback, multicast, documentation ...
 */
#ifndef TELLTALE_ATTRIBUTE_SCOPE_H
#define TELLTALE_ATTRIBUTE_SCOPE_H

#include "base/ip.h"

struct scope {
    const char *kind;   /* one word or two: "private", "multicast" */
    const char *prefix; /* as written in the registry: "10.0.0.0/8" */
    const char *means;  /* what such an address is for, a clause */
    const char *source; /* the RFC */
};

/* The narrowest special range that holds the address, or NULL: an ordinary one. */
const struct scope *scope_of(const struct ip *ip);

#endif
