/* SPDX-License-Identifier: Apache-2.0 */
/* Live collection: sockets -> decoder -> records of the population -> spool -> store.
 * docs/collect.md */
#ifndef TELLTALE_SERVER_COLLECT_H
#define TELLTALE_SERVER_COLLECT_H

#include <stdbool.h>

#include "base/error.h"

enum { COLLECT_SOCKETS_MAX = 32 };

struct collect_setting {
    const char *study;                                               /* folder */
    const char *spool;                                               /* folder */
    const char *udp[COLLECT_SOCKETS_MAX], *tcp[COLLECT_SOCKETS_MAX]; /* listen_open() */
    int udp_count, tcp_count;
    const char *allow;   /* prefixes by comma, or @FILE with one a line; NULL: everybody */
    double rate;         /* datagrams a second from one sender; 0: no limit */
    int buffer_octets;   /* of each UDP socket */
    unsigned rotate_s;   /* a segment is closed after so long */
    unsigned store_s;    /* and brought into the store every so often; 0: never */
    const char *user;    /* to become after binding; NULL: stay */
    const char *metrics; /* metrics_start(); NULL: none */
    unsigned seconds;    /* end after so long; 0: when told to */
    bool quiet;
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the study and the list of senders again. */
int collect_run(const struct collect_setting *setting, struct error *err);

#endif
