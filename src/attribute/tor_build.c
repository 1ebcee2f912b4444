/* SPDX-License-Identifier: Apache-2.0 */
/* Documents in any order become spans. A span says "in every document from here to there", so a new
 * document between two that are known splits the spans of relays that it does not list. Points
 * (relay, moment) are gathered and worked in when they are many; what is kept is spans alone. */
#include "attribute/tor_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { POINTS_MAX = 4 << 20 };

struct run {
    uint32_t relay, from_s, to_s;
};

struct tor_builder {
    size_t spans_max;
    struct tor_counts counts;
    struct tor_moments times[TOR_DOCUMENTS]; /* worked in */
    struct tor_moments added[TOR_DOCUMENTS]; /* of the points; may repeat */
    struct tor_relay *relays;
    size_t relay_count, relay_room;
    uint32_t *slots; /* relay + 1 */
    size_t mask;
    struct run *runs; /* by relay, then time */
    size_t run_count, run_room;
    struct tor_point *points;
    size_t point_count, point_room;
};

struct tor_counts *tor_builder_count(struct tor_builder *b)
{
    return &b->counts;
}

struct tor_counts tor_builder_counts(const struct tor_builder *b)
{
    return b->counts;
}

static uint64_t relay_hash(const struct tor_relay *r)
{
    uint64_t h = hash_bytes(&r->ip, sizeof r->ip, 3);
    h = hash_mix(h, (uint64_t)r->or_port << 32 | (uint64_t)r->dir_port << 16 |
                        (uint64_t)r->flags << 8 | r->document);
    return hash_mix(h, hash_bytes(r->fingerprint, sizeof r->fingerprint, 5));
}

static void slots_grow(struct tor_builder *b)
{
    size_t slots = (b->mask + 1) * 2;
    free(b->slots);
    b->slots = memory_array(slots, sizeof *b->slots);
    b->mask = slots - 1;
    for (size_t i = 0; i < b->relay_count; i++) {
        size_t at = relay_hash(&b->relays[i]) & b->mask;
        while (b->slots[at])
            at = (at + 1) & b->mask;
        b->slots[at] = (uint32_t)i + 1;
    }
}

static uint32_t relay_number(struct tor_builder *b, const struct tor_relay *r)
{
    size_t at = relay_hash(r) & b->mask;
    for (; b->slots[at]; at = (at + 1) & b->mask)
        if (tor_relay_same(&b->relays[b->slots[at] - 1], r))
            return b->slots[at] - 1;
    if (b->relay_count == b->relay_room) {
        b->relay_room = b->relay_room ? b->relay_room * 2 : 4096;
        b->relays = memory_resize(b->relays, b->relay_room, sizeof *b->relays);
    }
    b->relays[b->relay_count++] = *r;
    b->slots[at] = (uint32_t)b->relay_count;
    if (b->relay_count * 2 > b->mask)
        slots_grow(b);
    return (uint32_t)b->relay_count - 1;
}

static int run_add(struct tor_builder *b, struct run **runs, size_t *count, size_t *room,
                   struct run r, struct error *err)
{
    if (*count == b->spans_max)
        return error_set(err, ERROR_FAILED,
                         "more than %zu entries of relays: give fewer documents (one a day does)",
                         b->spans_max);
    if (*count == *room) {
        *room = *room ? *room * 2 : 4096;
        *runs = memory_resize(*runs, *room, sizeof **runs);
    }
    (*runs)[(*count)++] = r;
    return 0;
}

static int by_relay_and_time(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->relay != y->relay)
        return x->relay < y->relay ? -1 : 1;
    return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

struct tor_builder *tor_builder_new(const struct tor_table *table, size_t spans_max)
{
    struct tor_builder *b = memory_alloc(sizeof *b);
    b->spans_max = spans_max;
    b->mask = 4095;
    b->slots = memory_array(b->mask + 1, sizeof *b->slots);
    for (int d = 0; table && d < TOR_DOCUMENTS; d++)
        for (size_t i = 0; i < table->times[d].count; i++)
            tor_moments_add(&b->times[d], table->times[d].at[i]);
    for (size_t i = 0; table && i < table->count; i++) {
        const struct tor_span *s = &table->spans[i];
        uint32_t relay = relay_number(b, &s->relay);
        run_add(b, &b->runs, &b->run_count, &b->run_room, (struct run){relay, s->from_s, s->to_s},
                NULL);
    }
    if (b->run_count)
        qsort(b->runs, b->run_count, sizeof *b->runs, by_relay_and_time);
    return b;
}

void tor_builder_free(struct tor_builder *b)
{
    if (!b)
        return;
    for (int d = 0; d < TOR_DOCUMENTS; d++) {
        free(b->times[d].at);
        free(b->added[d].at);
    }
    free(b->relays);
    free(b->slots);
    free(b->runs);
    free(b->points);
    free(b);
}

/* ------------------------------------------------------------------ working points in */

static int by_point(const void *a, const void *b)
{
    const struct tor_point *x = a, *y = b;
    if (x->relay != y->relay)
        return x->relay < y->relay ? -1 : 1;
    return (x->time_s > y->time_s) - (x->time_s < y->time_s);
}

/* Of one relay: its old runs and new points, and the moments that are new. */
struct merging {
    struct tor_builder *b;
    const struct tor_moments *all, *added; /* of its kind of document; `all` with the added */
    const struct tor_point *points;
    size_t point_count;
    struct run *pieces; /* room for all that can come */
    size_t piece_count, piece_room;
};

static void piece_add(struct merging *m, uint32_t relay, uint32_t from_s, uint32_t to_s)
{
    if (m->piece_count == m->piece_room) {
        m->piece_room = m->piece_room ? m->piece_room * 2 : 64;
        m->pieces = memory_resize(m->pieces, m->piece_room, sizeof *m->pieces);
    }
    m->pieces[m->piece_count++] = (struct run){relay, from_s, to_s};
}

static bool has_point(const struct merging *m, uint32_t time_s)
{
    size_t low = 0, high = m->point_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m->points[middle].time_s < time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->point_count && m->points[low].time_s == time_s;
}

/* An old run without the new moments that do not list the relay. */
static void split_run(struct merging *m, const struct run *run)
{
    uint32_t from_s = run->from_s;
    size_t next = tor_moments_last(m->added, run->from_s);
    for (next = next == SIZE_MAX ? 0 : next + 1;
         next < m->added->count && m->added->at[next] < run->to_s; next++) {
        uint32_t moment = m->added->at[next];
        if (has_point(m, moment))
            continue;
        size_t at = tor_moments_last(m->all, moment); /* is `moment` itself */
        if (at > 0 && m->all->at[at - 1] >= from_s)
            piece_add(m, run->relay, from_s, m->all->at[at - 1]);
        from_s = at + 1 < m->all->count ? m->all->at[at + 1] : UINT32_MAX;
    }
    if (from_s <= run->to_s)
        piece_add(m, run->relay, from_s, run->to_s);
}

/* Joins pieces that follow each other in the documents known, into `runs`. */
static int join_pieces(struct merging *m, struct run **runs, size_t *count, size_t *room,
                       struct error *err)
{
    qsort(m->pieces, m->piece_count, sizeof *m->pieces, by_relay_and_time);
    struct run open = m->pieces[0];
    int status = 0;
    for (size_t i = 1; i < m->piece_count && status == 0; i++) {
        const struct run *p = &m->pieces[i];
        size_t next = tor_moments_last(m->all, open.to_s) + 1;
        if (next >= m->all->count || p->from_s <= m->all->at[next]) {
            open.to_s = p->to_s > open.to_s ? p->to_s : open.to_s;
        } else {
            status = run_add(m->b, runs, count, room, open, err);
            open = *p;
        }
    }
    return status ? status : run_add(m->b, runs, count, room, open, err);
}

static int merge_all(struct tor_builder *b, struct tor_moments fresh[TOR_DOCUMENTS],
                     struct run **runs, size_t *count, size_t *room, struct error *err)
{
    struct merging m = {.b = b};
    size_t run = 0, point = 0;
    int status = 0;
    for (uint32_t relay = 0; relay < b->relay_count && status == 0; relay++) {
        size_t first_point = point;
        m.all = &b->times[b->relays[relay].document];
        m.added = &fresh[b->relays[relay].document];
        while (point < b->point_count && b->points[point].relay == relay)
            point++;
        m.points = b->points + first_point;
        m.point_count = point - first_point;
        m.piece_count = 0;
        for (; run < b->run_count && b->runs[run].relay == relay; run++)
            split_run(&m, &b->runs[run]);
        for (size_t i = 0; i < m.point_count; i++)
            piece_add(&m, relay, m.points[i].time_s, m.points[i].time_s);
        if (m.piece_count)
            status = join_pieces(&m, runs, count, room, err);
    }
    free(m.pieces);
    return status;
}

static int work_in(struct tor_builder *b, struct error *err)
{
    struct tor_moments fresh[TOR_DOCUMENTS] = {0};
    struct run *runs = NULL;
    size_t count = 0, room = 0;
    for (int d = 0; d < TOR_DOCUMENTS; d++) {
        tor_moments_sort(&b->added[d]);
        for (size_t i = 0; i < b->added[d].count; i++) {
            size_t at = tor_moments_last(&b->times[d], b->added[d].at[i]);
            if (at == SIZE_MAX || b->times[d].at[at] != b->added[d].at[i])
                tor_moments_add(&fresh[d], b->added[d].at[i]);
        }
        for (size_t i = 0; i < fresh[d].count; i++)
            tor_moments_add(&b->times[d], fresh[d].at[i]);
        tor_moments_sort(&b->times[d]);
        b->added[d].count = 0;
    }
    if (b->point_count)
        qsort(b->points, b->point_count, sizeof *b->points, by_point);
    int status = merge_all(b, fresh, &runs, &count, &room, err);
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        free(fresh[d].at);
    free(b->runs);
    b->runs = runs;
    b->run_count = count;
    b->run_room = room;
    b->point_count = 0;
    return status;
}

void tor_builder_moment(struct tor_builder *b, enum tor_document document, uint32_t time_s)
{
    tor_moments_add(&b->added[document], time_s);
}

int tor_builder_point(struct tor_builder *b, const struct tor_relay *relay, uint32_t time_s,
                      struct error *err)
{
    int status = b->point_count >= POINTS_MAX ? work_in(b, err) : 0;
    if (b->point_count == b->point_room) {
        b->point_room = b->point_room ? b->point_room * 2 : 4096;
        b->points = memory_resize(b->points, b->point_room, sizeof *b->points);
    }
    b->points[b->point_count++] = (struct tor_point){relay_number(b, relay), time_s};
    return status;
}

int tor_builder_table(struct tor_builder *b, struct tor_table **ret, struct error *err)
{
    struct tor_moments times[TOR_DOCUMENTS] = {0};
    int status = work_in(b, err);
    if (status)
        return status;
    struct tor_span *spans = memory_array(b->run_count + 1, sizeof *spans);
    for (size_t i = 0; i < b->run_count; i++)
        spans[i] =
            (struct tor_span){b->relays[b->runs[i].relay], b->runs[i].from_s, b->runs[i].to_s};
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        for (size_t i = 0; i < b->times[d].count; i++)
            tor_moments_add(&times[d], b->times[d].at[i]);
    *ret = tor_table_make(spans, b->run_count, times);
    return 0;
}
