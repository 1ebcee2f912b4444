/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX over TCP (RFC 7011, section 10.4): messages cut out of a stream by their own length. */
#ifndef TELLTALE_SERVER_TCP_H
#define TELLTALE_SERVER_TCP_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/ip.h"

enum { PEERS_MAX = 1024, PEER_MESSAGE_MAX = 65535 };

struct peer {
    int fd;
    struct ip ip;
    uint16_t port;
    uint64_t messages; /* given out so far */
    size_t len;
    uint8_t octets[2 * PEER_MESSAGE_MAX];
};

/* Accepts one connection; NULL when there is none. */
struct peer *peer_accept(int listener_fd);
void peer_free(struct peer *p); /* closes it */

typedef void peer_message(void *ctx, struct peer *p, struct bytes message);

enum peer_look {
    PEER_WAITS,   /* all that is there was read */
    PEER_GOES_ON, /* more may be there: others have their turn first */
    PEER_CLOSED,  /* by the other side; p->len octets are left that are no whole message */
    PEER_NONSENSE /* not IPFIX: nothing can be cut out any more */
};

/* Reads what is there, but no more than some megabyte, and gives out each whole message. */
enum peer_look peer_read(struct peer *p, peer_message *give, void *ctx);

#endif
