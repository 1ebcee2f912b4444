/* SPDX-License-Identifier: Apache-2.0 */
#include "study/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "study/value.h"

enum { EVENTS_MAX = 100000, CELL_MAX = 4096, COLUMNS_MAX = 6 };

enum column {
    COLUMN_TIME,
    COLUMN_ZONE,
    COLUMN_UNCERTAINTY,
    COLUMN_LABEL,
    COLUMN_KIND,
    COLUMN_SOURCE
};
static const char *const column_names[COLUMNS_MAX] = {"time",  "zone", "uncertainty",
                                                      "label", "kind", "source"};

struct csv {
    const char *file, *at, *end;
    size_t line; /* where the current row began */
    size_t next_line;
    char cells[COLUMNS_MAX + 1][CELL_MAX];
    size_t count;
};

/* One cell; false when it is longer than a cell may be or its quotes are not closed. */
static bool read_cell(struct csv *c, char cell[CELL_MAX])
{
    size_t len = 0;
    bool quoted = c->at < c->end && *c->at == '"';
    c->at += quoted;
    while (c->at < c->end) {
        char ch = *c->at;
        if (quoted && ch == '"') {
            if (c->at + 1 < c->end && c->at[1] == '"') {
                c->at++;
            } else {
                c->at++;
                quoted = false;
                break;
            }
        } else if (!quoted && (ch == ',' || ch == '\n' || ch == '\r')) {
            break;
        }
        c->next_line += ch == '\n';
        if (len + 1 >= CELL_MAX || ch == 0)
            return false;
        cell[len++] = ch;
        c->at++;
    }
    cell[len] = 0;
    return !quoted;
}

/* The next row that is neither empty nor a comment: 1, 0 at the end, negative with an error. */
static int read_row(struct csv *c, struct error *err)
{
    for (; c->at < c->end; c->line = c->next_line) {
        if (*c->at == '#')
            while (c->at < c->end && *c->at != '\n')
                c->at++;
        else if (*c->at != '\n' && *c->at != '\r')
            break;
        if (c->at < c->end)
            c->next_line += *c->at++ == '\n';
    }
    c->line = c->next_line;
    if (c->at >= c->end)
        return 0;
    for (c->count = 0;; c->at++) {
        if (c->count > COLUMNS_MAX)
            return error_set(err, ERROR_USAGE, "%s:%zu: more than %d columns", c->file, c->line,
                             COLUMNS_MAX);
        if (!read_cell(c, c->cells[c->count++]))
            return error_set(err, ERROR_USAGE,
                             "%s:%zu: column %zu is too long or its quotes are not closed", c->file,
                             c->line, c->count);
        if (c->at >= c->end || *c->at != ',')
            break;
    }
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at != '\n')
        return error_set(err, ERROR_USAGE, "%s:%zu: text after the closing quote of column %zu",
                         c->file, c->line, c->count);
    if (c->at < c->end) {
        c->at++;
        c->next_line++;
    }
    return 1;
}

/* Which cell holds which column; -1 for one that the file does not have. */
static int read_header(const struct csv *c, int where[COLUMNS_MAX], struct error *err)
{
    for (int i = 0; i < COLUMNS_MAX; i++)
        where[i] = -1;
    for (size_t n = 0; n < c->count; n++) {
        int column = 0;
        while (column < COLUMNS_MAX && strcmp(c->cells[n], column_names[column]) != 0)
            column++;
        if (column == COLUMNS_MAX || where[column] >= 0)
            return error_set(err, ERROR_USAGE,
                             "%s:%zu: the header is time,zone,uncertainty,label,kind,source, not "
                             "'%.40s' in column %zu",
                             c->file, c->line, c->cells[n], n + 1);
        where[column] = (int)n;
    }
    if (where[COLUMN_TIME] < 0 || where[COLUMN_LABEL] < 0)
        return error_set(err, ERROR_USAGE, "%s:%zu: the header needs at least time and label",
                         c->file, c->line);
    return 0;
}

/* The zone of the row before is kept open: lists mostly name one zone all through. */
struct row_zone {
    struct zone *zone;
};

static int zone_for(struct row_zone *last, const char *name, const struct zone *study_zone,
                    const struct zone **ret, struct error *err)
{
    *ret = study_zone;
    if (!*name)
        return 0;
    if (!last->zone || strcmp(zone_name(last->zone), name) != 0) {
        zone_free(last->zone);
        last->zone = NULL;
        if (zone_open(name, &last->zone, err) != 0)
            return -1;
    }
    *ret = last->zone;
    return 0;
}

static int read_event(const struct csv *c, const int where[COLUMNS_MAX], struct row_zone *last,
                      const struct zone *study_zone, struct arena *arena, struct study_event *e,
                      struct error *err)
{
    const char *cells[COLUMNS_MAX];
    const struct zone *zone;
    for (int i = 0; i < COLUMNS_MAX; i++)
        cells[i] = where[i] >= 0 && (size_t)where[i] < c->count ? c->cells[where[i]] : "";
    if (zone_for(last, cells[COLUMN_ZONE], study_zone, &zone, err) != 0) {
        error_context(err, "%s:%zu", c->file, c->line);
        if (err)
            err->code = ERROR_USAGE;
        return ERROR_USAGE;
    }
    if (value_time(cells[COLUMN_TIME], zone, &e->time_ms, &e->date_only) != 0)
        return error_set(err, ERROR_USAGE,
                         "%s:%zu: '%.40s' is not a time (2017-05-14T05:28 or 2017-05-14 would be)",
                         c->file, c->line, cells[COLUMN_TIME]);
    const char *uncertainty = cells[COLUMN_UNCERTAINTY];
    e->uncertainty_ms = 0;
    if (*uncertainty &&
        duration_parse_ms(uncertainty, strlen(uncertainty), &e->uncertainty_ms) != 0)
        return error_set(err, ERROR_USAGE, "%s:%zu: uncertainty '%.40s' is not a duration (1h, 1d)",
                         c->file, c->line, uncertainty);
    if (!*cells[COLUMN_LABEL])
        return error_set(err, ERROR_USAGE, "%s:%zu: the event has no label", c->file, c->line);
    e->label = arena_text(arena, cells[COLUMN_LABEL], strlen(cells[COLUMN_LABEL]));
    e->kind = arena_text(arena, cells[COLUMN_KIND], strlen(cells[COLUMN_KIND]));
    e->source = arena_text(arena, cells[COLUMN_SOURCE], strlen(cells[COLUMN_SOURCE]));
    return 0;
}

static int append_rows(struct csv *c, const struct zone *zone, struct arena *arena,
                       struct event_list *list, struct row_zone *last, struct error *err)
{
    int where[COLUMNS_MAX];
    int got = read_row(c, err);
    if (got == 0)
        return error_set(
            err, ERROR_USAGE,
            "%s:1: the file is empty (a header time,zone,uncertainty,label,kind,source is "
            "needed)",
            c->file);
    if (got < 0 || read_header(c, where, err) != 0)
        return ERROR_USAGE;
    while ((got = read_row(c, err)) > 0) {
        if (list->count == EVENTS_MAX)
            return error_set(err, ERROR_USAGE, "%s:%zu: more than %d events", c->file, c->line,
                             EVENTS_MAX);
        if (list->count == list->room) {
            list->room = list->room ? list->room * 2 : 64;
            list->rows = memory_resize(list->rows, list->room, sizeof *list->rows);
        }
        if (read_event(c, where, last, zone, arena, &list->rows[list->count], err) != 0)
            return ERROR_USAGE;
        list->count++;
    }
    return got;
}

int events_parse(const char *file, const char *text, size_t len, const struct zone *zone,
                 struct arena *arena, struct event_list *list, struct error *err)
{
    struct csv *c = memory_alloc(sizeof *c);
    struct row_zone last = {NULL};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* spreadsheets write a mark first */
        text += 3;
        len -= 3;
    }
    c->file = file;
    c->at = text;
    c->end = text + len;
    c->line = c->next_line = 1;
    int status = append_rows(c, zone, arena, list, &last, err);
    zone_free(last.zone);
    free(c);
    return status;
}

static int by_time(const void *a, const void *b)
{
    const struct study_event *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return strcmp(x->label, y->label);
}

void event_list_sort(struct event_list *list)
{
    if (list->count > 1)
        qsort(list->rows, list->count, sizeof *list->rows, by_time);
}

void event_list_done(struct event_list *list)
{
    free(list->rows);
    *list = (struct event_list){NULL, 0, 0};
}
