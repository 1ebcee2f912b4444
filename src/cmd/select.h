/* SPDX-License-Identifier: Apache-2.0 */
/* Which conversations: what the verbs that take a filter and a window share. */
#ifndef TELLTALE_CMD_SELECT_H
#define TELLTALE_CMD_SELECT_H

#include "base/buf.h"
#include "cmd/verb.h"
#include "store/filter.h"
#include "store/store.h"
#include "study/study.h"

/* A point in time as people write it, in the study's zone; `ret` is left alone where text is NULL.
 */
int select_time(const char *verb, const char *text, const struct study *study, uint64_t *ret,
                struct error *err);
/* `count` arguments are one filter, quoted or not: `flows net 10.0.0.0/8 and port 53` works too.
 * Appends its condition to `where`. A service or category that neither catalogue nor store knows is
 * a mistake. */
int select_filter(char **arguments, int count, const struct study *study, struct store *store,
                  struct buf *where, struct error *err);
/* The seed of Community IDs: 0 to 65535; NULL is 0. */
int select_seed(const char *verb, const char *text, uint16_t *ret, struct error *err);

#endif
