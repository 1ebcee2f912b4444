/* SPDX-License-Identifier: Apache-2.0 */
/* How a collector does: taken once a second, shown as Prometheus text and as the JSON file that
 * `telltale doctor` reads. */
#ifndef TELLTALE_SERVER_STATUS_H
#define TELLTALE_SERVER_STATUS_H

#include <jansson.h>

#include "base/buf.h"
#include "schema/tally.h"
#include "server/gate.h"
#include "server/listen.h"
#include "server/spooler.h"
#include "server/storer.h"

enum { STATUS_SENDERS_MAX = 1000 };

struct status {
    uint64_t started_ms, now_ms;
    int pid;
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    uint64_t datagrams, octets;
    uint64_t stalls; /* times the receiver waited for the spool */
    uint64_t tcp_open, tcp_refused;
    struct tally tally;
    struct gate_counts gate;
    struct sender senders[STATUS_SENDERS_MAX]; /* those with the most datagrams, in order */
    size_t sender_count;                       /* of all; may be more than are shown */
    struct spooler_state spool;
    bool stores;
    struct storer_state store;
};

/* In the text format of Prometheus, version 0.0.4. */
void status_prometheus(const struct status *s, struct buf *out);
json_t *status_json(const struct status *s);
/* Writes the JSON beside `path` and renames it there. */
int status_write(const struct status *s, const char *path, struct error *err);

#endif
