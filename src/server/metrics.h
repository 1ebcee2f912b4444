/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics in Prometheus' text format, and GET /health; on a thread of its own. */
#ifndef TELLTALE_SERVER_METRICS_H
#define TELLTALE_SERVER_METRICS_H

#include "base/error.h"
#include "server/status.h"

struct metrics;

/* `where` is HOST:PORT, or a port on 127.0.0.1. */
int metrics_start(const char *where, struct metrics **ret, struct error *err);
/* Shows this from now on. */
void metrics_set(struct metrics *m, const struct status *s);
void metrics_stop(struct metrics *m);

#endif
