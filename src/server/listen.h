/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that exports come in by: UDP, and TCP for IPFIX (RFC 7011, section 10.4). */
#ifndef TELLTALE_SERVER_LISTEN_H
#define TELLTALE_SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip.h"

enum { LISTENERS_MAX = 64, LISTEN_TEXT_MAX = 72 };

struct listener {
    int fd;
    bool tcp;
    char text[LISTEN_TEXT_MAX]; /* "udp 0.0.0.0:2055" */
    uint32_t dropped;           /* datagrams that the kernel had no room for, since it was opened */
    int buffer_octets;          /* what the kernel granted */
};

/* "2055", "*:2055", "10.0.0.1:2055", "[2001:db8::1]:2055": opens and binds. `*` hears IPv4 and
 * IPv6. `buffer_octets` is asked for as the receive buffer (UDP). */
int listen_open(const char *where, bool tcp, int buffer_octets, struct listener *ret,
                struct error *err);
/* Sockets that systemd opened (LISTEN_FDS, sd_listen_fds(3)); returns how many, 0 without any. */
int listen_inherited(struct listener *ret, int room, int buffer_octets);

/* Datagrams taken many at once. Payloads lie in the receiver until its next call. */
enum { RECEIVE_MANY = 256 };

struct received {
    struct ip from;
    uint16_t port;
    struct bytes payload;
};

struct receiver;

struct receiver *receiver_new(void);
void receiver_free(struct receiver *r);
/* Never waits. Returns how many of `ret` were filled; 0 when nothing is there. Updates dropped. */
size_t receiver_take(struct receiver *r, struct listener *from, struct received ret[RECEIVE_MANY]);

struct sockaddr_storage;
void address_of(const struct sockaddr_storage *from, struct ip *ip, uint16_t *port);

#endif
