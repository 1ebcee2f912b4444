/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/order.h"
#include "store/tables.h"

enum {
    WAITING_ROWS = BATCH_ROWS, /* with so many, who puts more waits */
    GROUP_ITEMS = 4096,        /* so many are written together at most */
    DUE_ITEMS = 1024,          /* ... and so many are worth writing though their rows are few */
    SPARE_CHUNKS = 2048,       /* empty ones kept */
    COVERAGE_DAYS = 64,        /* an INSERT may go to 100 partitions */
    GROUP_CHUNKS = 65536,      /* what a row's place can name (batch/block.h) */
};

struct outbox {
    struct store *store;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t put, taken;
    /* under the mutex */
    struct item *first, **last;
    size_t items, rows, ends; /* ends: also those being written */
    bool busy, wanted, stop;
    struct error error;
    struct batch **spare;
    size_t spare_count;
    /* the writer's */
    struct order order;
    struct buf native, columns;
    struct address_hashes *hashes;
};

/* --- items --- */

static void earlier_free(struct earlier *e)
{
    if (!e)
        return;
    free(e->ledger);
    free(e->have);
    free(e);
}

static void piece_done(struct outbox *o, struct piece *p)
{
    for (size_t c = 0; c < p->chunk_count; c++)
        outbox_keep(o, p->chunks[c]);
    free(p->chunks);
    p->chunks = NULL;
    p->chunk_count = 0;
}

static void item_free(struct outbox *o, struct item *item)
{
    block_free(item->symbols);
    block_free(item->source);
    block_free(item->coverage);
    piece_done(o, &item->piece);
    if (item->kind == ITEM_END || item->kind == ITEM_GIVEN_UP)
        earlier_free(item->earlier);
    free(item);
}

struct batch *outbox_chunk(struct outbox *o)
{
    struct batch *chunk = NULL;
    pthread_mutex_lock(&o->mutex);
    if (o->spare_count)
        chunk = o->spare[--o->spare_count];
    pthread_mutex_unlock(&o->mutex);
    return chunk ? chunk : batch_new(STAGE_FLOW, CHUNK_ROWS);
}

void outbox_keep(struct outbox *o, struct batch *chunk)
{
    batch_clear(chunk);
    pthread_mutex_lock(&o->mutex);
    if (o->spare_count < SPARE_CHUNKS) {
        o->spare[o->spare_count++] = chunk;
        chunk = NULL;
    }
    pthread_mutex_unlock(&o->mutex);
    batch_free(chunk);
}

/* --- writing a group --- */

/* Rows of the blocks of all items of the kind as one INSERT. */
static int insert_blocks(struct store *s, const char *table, struct item *first,
                         enum item_kind kind, struct block *(*of)(const struct item *),
                         struct error *err)
{
    struct block *all = NULL;
    for (struct item *i = first; i; i = i->next) {
        struct block *b = i->kind == kind || kind == ITEM_ANY ? of(i) : NULL;
        if (b && !all)
            all = block_like(b);
        if (b)
            block_append(all, b);
    }
    int status = all ? store_insert(s, table, all, err) : 0;
    block_free(all);
    return status;
}

static struct block *symbols_of(const struct item *i)
{
    return i->symbols;
}

static struct block *source_of(const struct item *i)
{
    return i->source;
}

static struct block *ledger_block(void)
{
    struct block *b = block_new();
    block_column(b, "source", "UInt32");
    block_column(b, "batch", "UInt32");
    block_column(b, "day", "Date");
    block_column(b, "rows", "UInt64");
    block_column(b, "octets", "UInt64");
    block_column(b, "digest", "UInt64");
    return b;
}

static void put_ledger(struct block *b, const struct piece *p)
{
    block_put_u64(b, p->row.source);
    block_put_u64(b, p->row.batch);
    block_put_u64(b, p->day);
    block_put_u64(b, p->row.rows);
    block_put_u64(b, p->row.octets);
    block_put_u64(b, p->row.digest);
}

/* --- what an earlier try left --- */

static const struct ledger_row *find_batch(const struct ledger_row *rows, size_t count,
                                           uint32_t batch)
{
    for (size_t n = 0; n < count; n++)
        if (rows[n].batch == batch)
            return &rows[n];
    return NULL;
}

static bool is_same(const struct ledger_row *a, const struct ledger_row *b)
{
    return a->rows == b->rows && a->octets == b->octets && a->digest == b->digest;
}

/* Takes out the batches from number `from` on that an earlier try left. */
static int drop_from(struct store *s, struct earlier *e, uint32_t from, struct error *err)
{
    char where[128];
    int status = 0;
    bool in_flow = false, in_ledger = false;
    for (size_t n = 0; n < e->have_count; n++)
        in_flow |= e->have[n].batch >= from;
    for (size_t n = 0; n < e->ledger_count; n++)
        in_ledger |= e->ledger[n].batch >= from;
    snprintf(where, sizeof where, "source = %" PRIu32 " AND batch >= %" PRIu32, e->source, from);
    if (in_ledger)
        status = store_delete(s, "ledger", where, err);
    if (status == 0 && in_flow)
        status = store_delete(s, "flow", where, err);
    e->resumes = false;
    if (in_flow)
        s->has_dropped = true; /* of days that this try need not touch */
    return status;
}

/* 1: the batch is in the table already; 0: it is not, and nothing of it. `is_told`: the ledger has
 * it. */
static int find_earlier(struct store *s, struct earlier *e, const struct ledger_row *row,
                        bool *is_told, struct error *err)
{
    const struct ledger_row *told = find_batch(e->ledger, e->ledger_count, row->batch);
    const struct ledger_row *have = find_batch(e->have, e->have_count, row->batch);
    *is_told = false;
    if (have && is_same(have, row) && (!told || is_same(told, row))) {
        *is_told = told != NULL;
        return 1;
    }
    return drop_from(s, e, row->batch, err);
}

/* --- batches of `flow` --- */

static void count_piece(struct outbox *o, struct piece *p)
{
    for (size_t c = 0; c < p->chunk_count; c++) {
        struct batch *b = p->chunks[c];
        for (size_t n = 0; n < b->rows; n++) {
            batch_source(b)[n] = p->row.source;
            batch_batch(b)[n] = p->row.batch;
            batch_day(b)[n] = p->day;
        }
        ledger_count(&p->row, b, o->hashes);
    }
    assert(p->row.rows == p->rows);
}

/* The chunks' rows as one INSERT. */
static int insert_flows(struct outbox *o, struct batch **chunks, size_t count, struct error *err)
{
    const struct batch *const *batches = (const struct batch *const *)chunks;
    size_t rows = order_flows(&o->order, batches, count);
    buf_clear(&o->native);
    buf_clear(&o->columns);
    flow_encode(&o->native, &o->columns, chunks, count, o->order.rows, rows);
    if (o->native.failed)
        return error_set(err, ERROR_FAILED, "a batch is larger than %zu MB", o->native.limit >> 20);
    return engine_insert(o->store->engine, "flow", o->columns.at,
                         bytes_of(o->native.at, o->native.len), err);
}

/* The group's pieces of one day from `first` on, as many as go into one INSERT. They have no chunks
 * when this is done. */
static int write_day(struct outbox *o, struct item *first, struct error *err)
{
    size_t rows = 0, room = 0, count = 0;
    struct batch **chunks = NULL;
    for (struct item *i = first; i; i = i->next) {
        struct piece *p = &i->piece;
        if (p->chunk_count == 0 || p->day != first->piece.day)
            continue;
        if (count && (rows + p->rows > BATCH_ROWS || count + p->chunk_count > GROUP_CHUNKS))
            continue;
        if (count + p->chunk_count > room) {
            room = (count + p->chunk_count) * 2;
            chunks = memory_resize(chunks, room, sizeof(struct batch *));
        }
        memcpy(chunks + count, p->chunks, p->chunk_count * sizeof *chunks);
        count += p->chunk_count;
        rows += p->rows;
        free(p->chunks);
        p->chunks = NULL;
        p->chunk_count = 0;
    }
    int status = insert_flows(o, chunks, count, err);
    for (size_t c = 0; c < count; c++)
        outbox_keep(o, chunks[c]);
    free(chunks);
    return status;
}

/* Counts the pieces and takes away those that an earlier try wrote. */
static int count_pieces(struct outbox *o, struct item *first, struct block *ledger,
                        struct error *err)
{
    for (struct item *i = first; i; i = i->next) {
        bool is_told = false;
        int found = 0;
        if (i->kind != ITEM_PIECE)
            continue;
        count_piece(o, &i->piece);
        if (i->earlier && i->earlier->resumes)
            found = find_earlier(o->store, i->earlier, &i->piece.row, &is_told, err);
        if (found < 0)
            return found;
        if (found)
            piece_done(o, &i->piece);
        if (!is_told)
            put_ledger(ledger, &i->piece);
    }
    return 0;
}

static int write_pieces(struct outbox *o, struct item *first, struct error *err)
{
    struct block *ledger = ledger_block();
    int status = count_pieces(o, first, ledger, err);
    for (struct item *i = first; i && status == 0; i = i->next)
        while (i->piece.chunk_count && status == 0)
            status = write_day(o, i, err);
    if (status == 0)
        status = store_insert(o->store, "ledger", ledger, err);
    block_free(ledger);
    return status;
}

/* --- the ends of sources --- */

/* Of a try that was killed after its coverage and before its end. */
static int drop_coverage(struct store *s, uint32_t source, struct error *err)
{
    char text[128];
    struct block *b;
    snprintf(text, sizeof text, "SELECT count() AS n FROM coverage WHERE source = %" PRIu32,
             source);
    int status = engine_query(s->engine, text, &b, err);
    if (status)
        return status;
    bool has = block_rows(b) && block_u64(b, 0, 0) > 0;
    block_free(b);
    snprintf(text, sizeof text, "source = %" PRIu32, source);
    return has ? store_delete(s, "coverage", text, err) : 0;
}

static int drop_rest(struct store *s, struct item *first, struct error *err)
{
    int status = 0;
    for (struct item *i = first; i && status == 0; i = i->next) {
        if (i->kind != ITEM_END || !i->earlier)
            continue;
        if (i->earlier->resumes)
            status = drop_from(s, i->earlier, i->earlier->last_batch + 1, err);
        if (status == 0)
            status = drop_coverage(s, i->earlier->source, err);
    }
    return status;
}

/* Column 0 is the day. A block of all, begun anew where the days get too many. */
static int write_coverage(struct store *s, struct item *first, struct error *err)
{
    struct block *all = NULL;
    uint64_t low = 0, high = 0;
    int status = 0;
    for (struct item *i = first; i && status == 0; i = i->next) {
        size_t rows = i->coverage ? block_rows(i->coverage) : 0;
        for (size_t row = 0; row < rows && status == 0; row++) {
            uint64_t day = block_u64(i->coverage, 0, row);
            uint64_t from = all && low < day ? low : day, to = all && high > day ? high : day;
            if (all && to - from >= COVERAGE_DAYS) {
                status = store_insert(s, "coverage", all, err);
                block_free(all);
                all = NULL;
                from = to = day;
            }
            if (!all)
                all = block_like(i->coverage);
            low = from;
            high = to;
            block_append_row(all, i->coverage, row);
        }
    }
    if (status == 0 && all)
        status = store_insert(s, "coverage", all, err);
    block_free(all);
    return status;
}

static int write_group(struct outbox *o, struct item *first, struct error *err)
{
    struct store *s = o->store;
    int status = insert_blocks(s, "symbol", first, ITEM_ANY, symbols_of, err);
    if (status == 0)
        status = insert_blocks(s, "source", first, ITEM_BEGIN, source_of, err);
    if (status == 0)
        status = write_pieces(o, first, err);
    if (status == 0)
        status = drop_rest(s, first, err);
    if (status == 0)
        status = write_coverage(s, first, err);
    if (status == 0)
        status = insert_blocks(s, "source", first, ITEM_END, source_of, err);
    return status;
}

/* --- the writer --- */

/* Cuts the group off the queue. */
static struct item *take_group(struct outbox *o)
{
    struct item *first = o->first, **at = &o->first;
    size_t rows = 0;
    for (size_t n = 0; *at && n < GROUP_ITEMS && rows < BATCH_ROWS; n++) {
        rows += (*at)->piece.rows;
        at = &(*at)->next;
        o->items--;
    }
    o->first = *at;
    *at = NULL;
    if (!o->first)
        o->last = &o->first;
    o->rows -= rows;
    return first;
}

static void free_items(struct outbox *o, struct item *first, size_t *ends)
{
    *ends = 0;
    for (struct item *i = first, *next; i; i = next) {
        next = i->next;
        *ends += i->kind == ITEM_END;
        item_free(o, i);
    }
}

static bool is_due(const struct outbox *o)
{
    return o->first && !o->error.code &&
           (o->rows >= WAITING_ROWS || o->items >= DUE_ITEMS || o->wanted);
}

static void *write_on(void *at)
{
    struct outbox *o = at;
    pthread_setname_np(pthread_self(), "store");
    pthread_mutex_lock(&o->mutex);
    while (!o->stop) {
        if (!is_due(o)) {
            pthread_cond_wait(&o->put, &o->mutex);
            continue;
        }
        struct item *group = take_group(o);
        struct error err = {0};
        size_t ends;
        o->busy = true;
        pthread_cond_broadcast(&o->taken);
        pthread_mutex_unlock(&o->mutex);
        int status = write_group(o, group, &err);
        free_items(o, group, &ends);
        pthread_mutex_lock(&o->mutex);
        o->busy = false;
        if (status == 0)
            o->ends -= ends;
        else
            o->error = err;
        pthread_cond_broadcast(&o->taken);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

/* --- */

struct outbox *outbox_new(struct store *s)
{
    struct outbox *o = memory_alloc(sizeof *o);
    o->store = s;
    o->last = &o->first;
    o->spare = memory_array(SPARE_CHUNKS, sizeof *o->spare);
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->put, NULL);
    pthread_cond_init(&o->taken, NULL);
    buf_init(&o->native, (size_t)1 << 30);
    buf_init(&o->columns, 65536);
    o->hashes = address_hashes_new();
    return o;
}

void outbox_free(struct outbox *o)
{
    size_t ends;
    if (!o)
        return;
    pthread_mutex_lock(&o->mutex);
    o->stop = true;
    pthread_cond_broadcast(&o->put);
    pthread_mutex_unlock(&o->mutex);
    if (o->has_thread)
        pthread_join(o->thread, NULL);
    free_items(o, o->first, &ends);
    for (size_t c = 0; c < o->spare_count; c++)
        batch_free(o->spare[c]);
    free(o->spare);
    order_done(&o->order);
    buf_done(&o->native);
    buf_done(&o->columns);
    free(o->hashes);
    pthread_mutex_destroy(&o->mutex);
    pthread_cond_destroy(&o->put);
    pthread_cond_destroy(&o->taken);
    free(o);
}

static int failed(struct outbox *o, struct error *err)
{
    if (o->error.code && err)
        *err = o->error;
    return o->error.code;
}

int outbox_put(struct outbox *o, struct item *item, struct error *err)
{
    pthread_mutex_lock(&o->mutex);
    if (!o->has_thread && pthread_create(&o->thread, NULL, write_on, o) != 0)
        error_set(&o->error, ERROR_FAILED, "no thread can be had");
    else
        o->has_thread = true;
    while (o->rows && o->rows + item->piece.rows > WAITING_ROWS && !o->error.code) {
        o->wanted = true;
        pthread_cond_signal(&o->put);
        pthread_cond_wait(&o->taken, &o->mutex);
    }
    int status = failed(o, err);
    if (status == 0) {
        o->wanted = false;
        *o->last = item;
        o->last = &item->next;
        o->items++;
        o->rows += item->piece.rows;
        o->ends += item->kind == ITEM_END;
        if (is_due(o))
            pthread_cond_signal(&o->put);
    }
    pthread_mutex_unlock(&o->mutex);
    if (status)
        item_free(o, item);
    return status;
}

int outbox_settle(struct outbox *o, struct error *err)
{
    pthread_mutex_lock(&o->mutex);
    while ((o->first || o->busy) && !o->error.code) {
        o->wanted = true;
        pthread_cond_signal(&o->put);
        pthread_cond_wait(&o->taken, &o->mutex);
    }
    while (o->busy) /* after a failure: the engine must be free */
        pthread_cond_wait(&o->taken, &o->mutex);
    o->wanted = false;
    int status = failed(o, err);
    pthread_mutex_unlock(&o->mutex);
    return status;
}

bool outbox_failed(struct outbox *o)
{
    pthread_mutex_lock(&o->mutex);
    bool has = o->error.code != 0;
    pthread_mutex_unlock(&o->mutex);
    return has;
}

size_t outbox_unfinished(struct outbox *o)
{
    pthread_mutex_lock(&o->mutex);
    size_t ends = o->ends;
    pthread_mutex_unlock(&o->mutex);
    return ends;
}
