/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tcp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/listen.h"
#include "wire/cursor.h"

enum {
    IPFIX_VERSION = 10,
    IPFIX_HEADER = 16,
    READS = 16, /* of one peer before the others have their turn */
};

struct peer *peer_accept(int listener_fd)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    int fd = accept4(listener_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int one = 1;
    if (fd < 0)
        return NULL;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one); /* an exporter may just vanish */
    struct peer *p = memory_alloc(sizeof *p);
    p->fd = fd;
    address_of(&from, &p->ip, &p->port);
    return p;
}

void peer_free(struct peer *p)
{
    close(p->fd);
    free(p);
}

/* False when the octets cannot be IPFIX. */
static bool cut(struct peer *p, peer_message *give, void *ctx)
{
    size_t at = 0;
    while (p->len - at >= 4) {
        size_t len = octets_be16(p->octets + at + 2);
        if (octets_be16(p->octets + at) != IPFIX_VERSION || len < IPFIX_HEADER)
            return false;
        if (p->len - at < len)
            break;
        give(ctx, p, bytes_of(p->octets + at, len));
        p->messages++;
        at += len;
    }
    memmove(p->octets, p->octets + at, p->len - at);
    p->len -= at;
    return true;
}

enum peer_look peer_read(struct peer *p, peer_message *give, void *ctx)
{
    for (int i = 0; i < READS; i++) {
        ssize_t got = recv(p->fd, p->octets + p->len, sizeof p->octets - p->len, 0);
        if (got < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? PEER_WAITS
                                                                             : PEER_CLOSED;
        p->len += (size_t)got;
        if (!cut(p, give, ctx))
            return PEER_NONSENSE;
        if (got == 0)
            return PEER_CLOSED;
    }
    return PEER_GOES_ON;
}
