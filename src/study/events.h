/* SPDX-License-Identifier: Apache-2.0 */
/* Event lists: CSV (RFC 4180) with the header time,zone,uncertainty,label,kind,source. */
#ifndef TELLTALE_STUDY_EVENTS_H
#define TELLTALE_STUDY_EVENTS_H

#include "base/arena.h"
#include "study/study.h"

struct event_list {
    struct study_event *rows;
    size_t count, room;
};

/* Appends the events of one list; texts go to `arena`. Times without an offset are of the row's
 * zone, or of `zone` where the row has none. Every problem is one line "FILE:LINE: what". */
int events_parse(const char *file, const char *text, size_t len, const struct zone *zone,
                 struct arena *arena, struct event_list *list, struct error *err);
void event_list_sort(struct event_list *list);
void event_list_done(struct event_list *list);

#endif
