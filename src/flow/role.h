/* SPDX-License-Identifier: Apache-2.0 */
/* Who opened a conversation, and what the population's side was in it. No piece of evidence decides
 * alone: each adds to a score, heavier the less it can be wrong. */
#ifndef TELLTALE_FLOW_ROLE_H
#define TELLTALE_FLOW_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/values.h"

/* The two ends are 0 and 1; index 0 of a pair of counters is what end 0 sent. */
struct role_evidence {
    uint8_t protocol;
    uint8_t flags[2]; /* TCP, or-ed; 0 where the source does not tell */
    uint16_t port[2]; /* ICMP: type * 256 + code at the end that did not send it */
    uint64_t packets[2], octets[2];
    uint64_t first_ms[2]; /* of each direction; only where it has packets */
    bool biflow;          /* directions came together: first_ms says nothing about their order */
    bool one_clock;       /* both directions were timed by the same exporter */
    int8_t certain;       /* the source knows: 1 end 0 opened, -1 end 1 did, 0 it does not know */
    int8_t guess;         /* the same, as far as the source saw */
    int8_t first_record;  /* whose record came first: 1 end 0's, -1 end 1's */
    uint8_t asked[2]; /* other conversations whose first record came to this address and port, */
    uint8_t begun[2]; /* and whose first record it sent, to ports that serve nothing known;
                         halved together when one grows past 255 */
    bool peer_application; /* the payload is a file sharing protocol's */
    bool sampled;          /* not every packet was looked at: silence says nothing */
    bool group;            /* end 1 or 0 is a multicast or broadcast address */
};

struct ports;

/* Classes of all ports, from the table in role.c. */
struct ports *ports_new(void);
void ports_free(struct ports *p);
/* True for the ports of services that clients open conversations to. */
bool ports_serve(const struct ports *p, uint16_t port);

/* Whether what the two ends did in other conversations (asked, begun) may matter; where the ports
 * tell client from server plainly it does not, and is better not counted. */
bool role_wants_contacts(const struct ports *p, uint8_t protocol, const uint16_t port[2]);

/* The end that opened (0 or 1); `ret_sure` whether a handshake or the source says so. */
int role_opener(const struct ports *p, const struct role_evidence *e, bool *ret_sure);
enum role role_of(const struct ports *p, const struct role_evidence *e, int local, int opener);

#endif
