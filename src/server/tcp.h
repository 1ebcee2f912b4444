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
    size_t len;
    uint8_t octets[2 * PEER_MESSAGE_MAX];
};

/* Accepts one connection; NULL when there is none. */
struct peer *peer_accept(int listener_fd);
void peer_free(struct peer *p); /* closes it */

typedef void peer_message(void *ctx, struct peer *p, struct bytes message);

/* Reads what is there and gives out each whole message. False when the connection is over: closed
 * by the other side, or not IPFIX (`*nonsense`), after which nothing can be cut out any more. */
bool peer_read(struct peer *p, peer_message *give, void *ctx, bool *nonsense);

#endif
