/* SPDX-License-Identifier: Apache-2.0 */
/* For tests only: Debian's clickhouse-server as a child on loopback, with its own configuration,
 * data and free ports, gone when it is stopped or the test ends. */
#ifndef TELLTALE_ENGINE_CLICKHOUSE_FIXTURE_H
#define TELLTALE_ENGINE_CLICKHOUSE_FIXTURE_H

#include "base/error.h"

struct clickhouse;

/* Starts a server and waits until it answers. ERROR_FAILED where there is none to start. */
int clickhouse_start(struct clickhouse **ret, struct error *err);
/* Kills it (NULL is fine) and removes its folder. */
void clickhouse_stop(struct clickhouse *c);
/* Of HTTP; user "default" has no password, user "keeper" has the password "p@ss:w/rd". */
unsigned clickhouse_port(const struct clickhouse *c);
/* Kills it at once and starts it again on the same data and ports. */
int clickhouse_restart(struct clickhouse *c, struct error *err);

#endif
