/* SPDX-License-Identifier: Apache-2.0 */
#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* Most datagrams fit the first part of their slot, so that those of one call lie close together;
 * only longer ones reach into the second. */
enum { FIRST_OCTETS = 2048, SLOT_OCTETS = 65536, BACKLOG = 64, SYSTEMD_FIRST_FD = 3 };

struct receiver {
    uint8_t *first, *slots;
    struct mmsghdr headers[RECEIVE_MANY];
    struct iovec parts[RECEIVE_MANY][2];
    struct sockaddr_storage from[RECEIVE_MANY];
    char control[RECEIVE_MANY][64];
};

void address_of(const struct sockaddr_storage *from, struct ip *ip, uint16_t *port)
{
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        memcpy(ip->octet, &v6->sin6_addr, IP_OCTETS);
        *port = ntohs(v6->sin6_port);
        return;
    }
    const struct sockaddr_in *v4 = (const void *)from;
    *ip = ip_from_v4((const uint8_t *)&v4->sin_addr);
    *port = ntohs(v4->sin_port);
}

/* "[host]:port", "host:port", "*:port" or "port" into its parts; an empty host is every address. */
static bool split(const char *where, char host[64], char port[16])
{
    const char *colon = strrchr(where, ':'), *end = colon;
    const char *from = where;
    if (!colon) {
        host[0] = 0;
        return snprintf(port, 16, "%s", where) < 16;
    }
    if (*from == '[') {
        from++;
        if (end == from || *--end != ']')
            return false;
    }
    if (end - from >= 64 || (*where != '[' && memchr(from, ':', (size_t)(end - from))))
        return false;
    snprintf(host, 64, "%.*s", (int)(end - from), from);
    if (strcmp(host, "*") == 0)
        host[0] = 0;
    return snprintf(port, 16, "%s", colon + 1) < 16;
}

static int set_up(struct listener *l, int buffer_octets)
{
    int one = 1;
    socklen_t len = sizeof l->buffer_octets;
    fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
    fcntl(l->fd, F_SETFD, FD_CLOEXEC);
    if (l->tcp)
        return 0;
    setsockopt(l->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
    /* The first goes past the system's limit and needs privileges; the second does what it can. */
    if (buffer_octets &&
        setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_octets, sizeof buffer_octets) < 0)
        setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &buffer_octets, sizeof buffer_octets);
    getsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &l->buffer_octets, &len);
    l->buffer_octets /= 2; /* the kernel doubles it for its own use (socket(7)) */
    return 0;
}

static void name(struct listener *l)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    char text[IP_TEXT_MAX];
    struct ip ip;
    uint16_t port;
    getsockname(l->fd, (struct sockaddr *)&at, &len);
    address_of(&at, &ip, &port);
    ip_print(&ip, text);
    bool v6 = strchr(text, ':') != NULL;
    snprintf(l->text, sizeof l->text, "%s %s%s%s:%u", l->tcp ? "tcp" : "udp", v6 ? "[" : "", text,
             v6 ? "]" : "", port);
}

static int bind_one(const struct addrinfo *at, bool tcp, bool everywhere)
{
    int one = 1, zero = 0;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0)
        return -1;
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, everywhere ? &zero : &one, sizeof one);
    if (tcp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || (tcp && listen(fd, BACKLOG) < 0)) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

int listen_open(const char *where, bool tcp, int buffer_octets, struct listener *ret,
                struct error *err)
{
    char host[64], port[16], *end;
    struct addrinfo *found;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = tcp ? SOCK_STREAM : SOCK_DGRAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    if (!split(where, host, port) || strtoul(port, &end, 10) > 65535 || *end || !port[0])
        return error_set(err, ERROR_USAGE,
                         "'%s' is not an address to listen on (HOST:PORT or PORT)", where);
    bool everywhere = host[0] == 0;
    int why = getaddrinfo(everywhere ? "::" : host, port, &hints, &found);
    if (why != 0)
        return error_set(err, ERROR_USAGE, "'%s' is not an address to listen on: %s", where,
                         gai_strerror(why));
    *ret = (struct listener){.tcp = tcp};
    ret->fd = bind_one(found, tcp, everywhere);
    freeaddrinfo(found);
    if (ret->fd < 0 && everywhere && errno == EAFNOSUPPORT && /* a system without IPv6 */
        getaddrinfo("0.0.0.0", port, &hints, &found) == 0) {
        ret->fd = bind_one(found, tcp, true);
        freeaddrinfo(found);
    }
    if (ret->fd < 0)
        return error_errno(err, "%s %s", tcp ? "tcp" : "udp", where);
    set_up(ret, buffer_octets);
    name(ret);
    return 0;
}

int listen_inherited(struct listener *ret, int room, int buffer_octets)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    int n = (int)strtol(count, NULL, 10);
    n = n < 0 ? 0 : n > room ? room : n;
    for (int i = 0; i < n; i++) {
        int type = 0;
        socklen_t len = sizeof type;
        ret[i] = (struct listener){.fd = SYSTEMD_FIRST_FD + i};
        getsockopt(ret[i].fd, SOL_SOCKET, SO_TYPE, &type, &len);
        ret[i].tcp = type == SOCK_STREAM;
        set_up(&ret[i], buffer_octets);
        name(&ret[i]);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    return n;
}

struct receiver *receiver_new(void)
{
    struct receiver *r = memory_alloc(sizeof *r);
    r->first = memory_array(RECEIVE_MANY, FIRST_OCTETS);
    r->slots = memory_array(RECEIVE_MANY, SLOT_OCTETS);
    for (int i = 0; i < RECEIVE_MANY; i++) {
        r->parts[i][0] = (struct iovec){r->first + (size_t)i * FIRST_OCTETS, FIRST_OCTETS};
        r->parts[i][1] = (struct iovec){r->slots + (size_t)i * SLOT_OCTETS + FIRST_OCTETS,
                                        SLOT_OCTETS - FIRST_OCTETS};
        r->headers[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
                                                .msg_iov = r->parts[i],
                                                .msg_iovlen = 2,
                                                .msg_control = r->control[i]};
    }
    return r;
}

void receiver_free(struct receiver *r)
{
    if (!r)
        return;
    free(r->first);
    free(r->slots);
    free(r);
}

static void note_drops(struct listener *l, struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
            memcpy(&l->dropped, CMSG_DATA(c), sizeof l->dropped);
}

/* A long datagram in one piece. */
static struct bytes payload_of(struct receiver *r, int i)
{
    size_t len = r->headers[i].msg_len;
    uint8_t *first = r->first + (size_t)i * FIRST_OCTETS;
    if (len <= FIRST_OCTETS)
        return bytes_of(first, len);
    uint8_t *slot = r->slots + (size_t)i * SLOT_OCTETS;
    memcpy(slot, first, FIRST_OCTETS);
    return bytes_of(slot, len);
}

size_t receiver_take(struct receiver *r, struct listener *from, struct received ret[RECEIVE_MANY])
{
    for (int i = 0; i < RECEIVE_MANY; i++) {
        r->headers[i].msg_hdr.msg_namelen = sizeof r->from[i];
        r->headers[i].msg_hdr.msg_controllen = sizeof r->control[i];
    }
    int count = recvmmsg(from->fd, r->headers, RECEIVE_MANY, MSG_DONTWAIT, NULL);
    if (count <= 0)
        return 0;
    for (int i = 0; i < count; i++) {
        address_of(&r->from[i], &ret[i].from, &ret[i].port);
        ret[i].payload = payload_of(r, i);
    }
    note_drops(from, &r->headers[count - 1].msg_hdr);
    return (size_t)count;
}
