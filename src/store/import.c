/* SPDX-License-Identifier: Apache-2.0 */
/* One source into the store, exactly once.
 *
 * What is ready goes to the outbox, whose thread writes it (store/outbox.h). Conversations wait in
 * buffers by UTC day and go in as batches of one day, numbered from 1. Which rows a batch holds
 * depends on the rows and their order alone, so the same file makes the same batches again. The
 * order of writes: that derived tables get older; symbols; the source as begun; a batch; its line
 * in the ledger; ...; coverage; the source as done; derived tables; that they are fresh. Killed
 * between any two, the next import of the file compares each batch it makes with what is there: the
 * same is passed over, what differs (another version of this program, half a batch) is removed with
 * all that follows it and written again. */
#include "store/store_in.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "store/outbox.h"

#define DAY_MS UINT64_C(86400000)

enum {
    OPEN_ROWS = 1 << 20, /* with so many waiting, the largest day is written */
    OPEN_DAYS = 1024,    /* days waiting at once, for the memory of chunks hardly filled */
};

struct day {
    uint16_t day;
    size_t rows, text_octets;
    struct batch **chunks;
    size_t chunk_count, chunk_room;
};

struct import {
    struct store *store;
    uint32_t source, version, batch;
    struct earlier *earlier; /* NULL: there was no earlier try */
    struct day *days;        /* unordered */
    size_t day_count, day_room, rows;
    uint64_t written;
    uint8_t touched[DAYS / 8]; /* UTC days */
};

/* --- the source's row --- */

static json_t *reasons_json(const struct tally *t)
{
    json_t *o = json_object();
    for (int r = 0; r < REASON_COUNT; r++)
        if (t->reasons[r])
            json_object_set_new(o, reason_name((enum reason)r),
                                json_integer((json_int_t)t->reasons[r]));
    return o;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct block *source_block(const struct import *i, const struct source *source,
                                  unsigned state)
{
    static const char *const names[] = {"first_ms", "last_ms",    "records",  "kept",
                                        "outside",  "duplicates", "rejected", "conversations"};
    const struct tally *t = &source->tally;
    uint64_t values[] = {source->first_ms, source->last_ms, t->records,  t->kept,
                         t->outside,       t->duplicates,   t->rejected, i->written};
    struct block *b = block_new();
    char *reasons = NULL;
    json_t *json = reasons_json(t);
    reasons = json_dumps(json, JSON_COMPACT);
    block_column(b, "id", "UInt32");
    block_column(b, "version", "UInt32");
    block_column(b, "sha256", "FixedString(32)");
    block_column(b, "path", "String");
    block_column(b, "format", "String");
    block_column(b, "state", "UInt8");
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        block_column(b, names[n], "UInt64");
    block_column(b, "reasons", "String");
    block_column(b, "imported_ms", "UInt64");
    block_put_u64(b, i->source);
    block_put_u64(b, i->version);
    block_put_bytes(b, source->sha256, 32);
    block_put_bytes(b, source->path, strlen(source->path));
    block_put_bytes(b, source->format ? source->format : "",
                    source->format ? strlen(source->format) : 0);
    block_put_u64(b, state);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        block_put_u64(b, state == SOURCE_DONE ? values[n] : 0);
    block_put_bytes(b, reasons ? reasons : "{}", reasons ? strlen(reasons) : 2);
    block_put_u64(b, now_ms());
    free(reasons);
    json_decref(json);
    return b;
}

static struct item *item_new(struct import *i, enum item_kind kind)
{
    struct item *item = memory_alloc(sizeof *item);
    item->kind = kind;
    item->symbols = store_new_symbols(i->store);
    item->earlier = i->earlier;
    return item;
}

static int put_source(struct import *i, enum item_kind kind, const struct source *source,
                      struct block *coverage, struct error *err)
{
    unsigned state = kind == ITEM_BEGIN ? SOURCE_BEGUN : SOURCE_DONE;
    struct item *item = item_new(i, kind);
    i->version++;
    item->source = source_block(i, source, state);
    item->coverage = coverage;
    *store_source(i->store, i->source) = (struct source_row){.id = i->source,
                                                             .version = i->version,
                                                             .state = (uint8_t)state,
                                                             .conversations = i->written};
    if (kind == ITEM_END) {
        if (i->earlier)
            i->earlier->last_batch = i->batch;
        i->earlier = NULL;
    }
    return outbox_put(i->store->outbox, item, err);
}

static void read_reasons(struct tally *t, struct bytes text)
{
    json_t *json = json_loadb((const char *)text.at, text.len, 0, NULL);
    for (int r = 0; r < REASON_COUNT; r++)
        t->reasons[r] =
            (uint64_t)json_integer_value(json_object_get(json, reason_name((enum reason)r)));
    json_decref(json);
}

/* What the table says of a source that is done. */
static int read_done(struct store *s, uint32_t id, struct source *ret, struct error *err)
{
    char sql[512];
    struct block *b;
    snprintf(
        sql, sizeof sql,
        "SELECT path, format, first_ms, last_ms, records, kept, outside, duplicates, rejected, "
        "conversations, reasons FROM source WHERE id = %" PRIu32 " ORDER BY version DESC LIMIT 1",
        id);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    if (block_rows(b) == 1) {
        struct bytes path = block_bytes(b, 0, 0), format = block_bytes(b, 1, 0);
        struct tally *t = &ret->tally;
        snprintf(ret->path, sizeof ret->path, "%.*s", (int)path.len, (const char *)path.at);
        ret->format = arena_text(s->arena, (const char *)format.at, format.len);
        ret->first_ms = block_u64(b, 2, 0);
        ret->last_ms = block_u64(b, 3, 0);
        *t = (struct tally){.records = block_u64(b, 4, 0),
                            .kept = block_u64(b, 5, 0),
                            .outside = block_u64(b, 6, 0),
                            .duplicates = block_u64(b, 7, 0),
                            .rejected = block_u64(b, 8, 0)};
        ret->conversations = block_u64(b, 9, 0);
        read_reasons(t, block_bytes(b, 10, 0));
    }
    block_free(b);
    return 0;
}

/* --- beginning --- */

static void hex_text(const uint8_t sha256[32], char text[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", sha256[i]);
}

static void import_free(struct import *i)
{
    if (!i)
        return;
    for (size_t d = 0; d < i->day_count; d++) {
        for (size_t c = 0; c < i->days[d].chunk_count; c++)
            outbox_keep(i->store->outbox, i->days[d].chunks[c]);
        free(i->days[d].chunks);
    }
    free(i->days);
    free(i);
}

/* The days with batches of this import join those that wait to be derived. */
static void touch_days(struct import *i)
{
    for (size_t d = 0; d < sizeof i->touched; d++)
        i->store->touched[d] |= i->touched[d];
}

static struct import *import_new(struct store *s, uint32_t source)
{
    struct import *i = memory_alloc(sizeof *i);
    if (!s->outbox)
        s->outbox = outbox_new(s);
    i->store = s;
    i->source = source;
    return i;
}

/* Reads what an earlier try left; coverage goes in last and as a whole, so what is there is taken
 * out. */
static int take_up(struct import *i, struct error *err)
{
    struct earlier *e = i->earlier = memory_alloc(sizeof *e);
    e->source = i->source;
    e->resumes = true;
    int status = ledger_read(i->store, i->source, &e->ledger, &e->ledger_count, err);
    return status ? status
                  : ledger_read_flow(i->store, i->source, true, &e->have, &e->have_count, err);
}

int import_begin(struct store *s, struct source *source, struct import **ret, enum store_seen *seen,
                 struct error *err)
{
    char hex[65];
    hex_text(source->sha256, hex);
    uint32_t id = symbols_code(s->symbols, SYMBOL_SOURCE, hex, 64);
    if (id == 0)
        return error_set(err, ERROR_FAILED, "the store holds as many sources as it can");
    struct source_row *row = store_source(s, id);
    int status = 0;
    *ret = NULL;
    if (row->state || !s->is_stale) /* the engine is used here */
        status = store_settle(s, err);
    if (status)
        return status;
    if (row->state == SOURCE_DONE) {
        *seen = STORE_DONE;
        return read_done(s, id, source, err);
    }
    struct import *i = import_new(s, id);
    i->version = row->version;
    *seen = row->state == SOURCE_BEGUN ? STORE_RESUME : STORE_NEW;
    status = derive_mark_stale(s, err);
    if (status == 0 && *seen == STORE_RESUME)
        status = take_up(i, err);
    if (status == 0)
        status = put_source(i, ITEM_BEGIN, source, NULL, err);
    if (status) {
        import_abandon(i);
        return status;
    }
    *ret = i;
    return 0;
}

void import_abandon(struct import *i)
{
    if (!i)
        return;
    touch_days(i);
    if (i->earlier)
        outbox_put(i->store->outbox, item_new(i, ITEM_GIVEN_UP), NULL);
    import_free(i);
}

/* --- a batch --- */

/* The day's rows go to the outbox as the next batch; the day is no longer open. */
static int write_day(struct import *i, size_t at, struct error *err)
{
    struct day *d = &i->days[at];
    struct item *item = item_new(i, ITEM_PIECE);
    item->piece = (struct piece){.day = d->day,
                                 .row = {.source = i->source, .batch = ++i->batch},
                                 .chunks = d->chunks,
                                 .chunk_count = d->chunk_count,
                                 .rows = d->rows};
    i->touched[d->day / 8] |= (uint8_t)(1 << (d->day % 8));
    i->written += d->rows;
    i->rows -= d->rows;
    *d = i->days[--i->day_count];
    return outbox_put(i->store->outbox, item, err);
}

/* --- buffering --- */

static uint16_t day_of(uint64_t start_ms)
{
    uint64_t day = start_ms / DAY_MS;
    return (uint16_t)(day < DAYS ? day : DAYS - 1);
}

/* Ties go to the earlier day: batches must not depend on the order of the array. */
static size_t largest_day(const struct import *i)
{
    size_t best = 0;
    for (size_t d = 1; d < i->day_count; d++)
        if (i->days[d].rows > i->days[best].rows ||
            (i->days[d].rows == i->days[best].rows && i->days[d].day < i->days[best].day))
            best = d;
    return best;
}

static int make_room(struct import *i, size_t rows, bool needs_day, struct error *err)
{
    while (i->day_count &&
           (i->rows + rows > OPEN_ROWS || (needs_day && i->day_count == OPEN_DAYS))) {
        int status = write_day(i, largest_day(i), err);
        if (status)
            return status;
    }
    return 0;
}

static size_t find_day(const struct import *i, uint16_t day)
{
    for (size_t d = i->day_count; d > 0; d--)
        if (i->days[d - 1].day == day)
            return d - 1;
    return i->day_count;
}

/* The day's chunk with room for a row with so much text. */
static struct batch *chunk_for(struct import *i, struct day *d, size_t text)
{
    struct batch *last = d->chunk_count ? d->chunks[d->chunk_count - 1] : NULL;
    if (last && batch_room(last) > 0 && last->text_size - last->text_len >= text)
        return last;
    if (d->chunk_count == d->chunk_room) {
        d->chunk_room = d->chunk_room ? d->chunk_room * 2 : 16;
        d->chunks = memory_resize(d->chunks, d->chunk_room, sizeof *d->chunks);
    }
    return d->chunks[d->chunk_count++] = outbox_chunk(i->store->outbox);
}

static size_t text_octets(const struct batch *b, size_t row)
{
#define FIELD(name, type, stages, shown, doc) +TEXT_OF_##type(name)
#define TEXT_OF_STR(name)                     batch_##name(b)[row].len
#define TEXT_OF_U8(name)                      0
#define TEXT_OF_U16(name)                     0
#define TEXT_OF_U32(name)                     0
#define TEXT_OF_U64(name)                     0
#define TEXT_OF_IP(name)                      0
#define TEXT_OF_DAY(name)                     0
    return 0
#include "schema/fields.def"
        ;
#undef FIELD
}

/* How many rows from `at` on have the same day and fit the chunk, with the text of those in `text`.
 */
static size_t run_length(const struct batch *flows, size_t at, uint16_t day, size_t rows_max,
                         size_t text_max, size_t *text)
{
    size_t count = 0, left = flows->rows - at;
    uint64_t begin_ms = (uint64_t)day * DAY_MS;
    uint64_t end_ms = day == DAYS - 1 ? UINT64_MAX : begin_ms + DAY_MS;
    *text = 0;
    for (rows_max = rows_max < left ? rows_max : left; count < rows_max; count++) {
        uint64_t start_ms = batch_start_ms(flows)[at + count];
        size_t more = text_octets(flows, at + count);
        if (start_ms < begin_ms || start_ms >= end_ms || (count && *text + more > text_max))
            break;
        *text += more;
    }
    return count;
}

/* A row's texts are far smaller than a chunk's pool; the limit says so. */
static int check_text(const struct batch *flows, size_t at, struct error *err)
{
    if (text_octets(flows, at) <= CHUNK_ROWS * TEXT_OCTETS_A_ROW)
        return 0;
    return error_set(err, ERROR_FAILED, "a conversation's texts are longer than %d octets",
                     CHUNK_ROWS * TEXT_OCTETS_A_ROW);
}

/* Takes the rows from `at` on that go to one chunk; how many in `ret`. */
static int take_run(struct import *i, const struct batch *flows, size_t at, size_t *ret,
                    struct error *err)
{
    uint16_t day = day_of(batch_start_ms(flows)[at]);
    size_t index = find_day(i, day), text;
    int status = check_text(flows, at, err);
    if (status == 0)
        status = make_room(i, 1, index == i->day_count, err);
    if (status)
        return status;
    index = find_day(i, day);
    if (index == i->day_count) {
        if (i->day_count == i->day_room) {
            i->day_room = i->day_room ? i->day_room * 2 : 16;
            i->days = memory_resize(i->days, i->day_room, sizeof *i->days);
        }
        i->days[i->day_count++] = (struct day){.day = day};
    }
    struct day *d = &i->days[index];
    struct batch *chunk = chunk_for(i, d, text_octets(flows, at));
    size_t room = batch_room(chunk), open = OPEN_ROWS - i->rows, full = BATCH_ROWS - d->rows;
    room = room < open ? room : open;
    size_t count = run_length(flows, at, day, room < full ? room : full,
                              chunk->text_size - chunk->text_len, &text);
    batch_copy_rows(chunk, flows, at, count);
    d->rows += count;
    d->text_octets += text;
    i->rows += count;
    *ret = count;
    bool is_full = d->rows == BATCH_ROWS ||
                   d->text_octets > (BATCH_ROWS - CHUNK_ROWS) * (size_t)TEXT_OCTETS_A_ROW;
    return is_full ? write_day(i, index, err) : 0;
}

int import_rows(struct import *i, struct batch *flows, struct error *err)
{
    assert(flows->stage == STAGE_FLOW);
    for (size_t at = 0, count = 0; at < flows->rows; at += count) {
        int status = take_run(i, flows, at, &count, err);
        if (status)
            return status;
    }
    return 0;
}

/* --- ending --- */

static int write_rest(struct import *i, struct error *err)
{
    int status = 0;
    while (i->day_count && status == 0) {
        size_t first = 0;
        for (size_t d = 1; d < i->day_count; d++)
            if (i->days[d].day < i->days[first].day)
                first = d;
        status = write_day(i, first, err);
    }
    return status;
}

static struct block *coverage_block(const struct import *i, struct coverage *coverage)
{
    static const char *const names[] = {"hour", "exporter", "source",       "records",
                                        "lost", "rejected", "sampling_min", "sampling_max"};
    static const char *const types[] = {"UInt32", "UInt32", "UInt32", "UInt64",
                                        "UInt64", "UInt64", "UInt32", "UInt32"};
    size_t count = coverage ? coverage_count(coverage) : 0;
    const struct coverage_row *rows = count ? coverage_rows(coverage) : NULL;
    if (count == 0)
        return NULL;
    struct block *b = block_new();
    block_column(b, "day", "Date");
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        block_column(b, names[n], types[n]);
    for (size_t at = 0; at < count; at++) {
        const struct coverage_row *r = &rows[at];
        uint64_t values[] = {r->hour_s / 86400, r->hour_s,       r->exporter,
                             i->source,         r->records,      r->lost,
                             r->rejected,       r->sampling_min, r->sampling_max};
        for (size_t n = 0; n < sizeof values / sizeof *values; n++)
            block_put_u64(b, values[n]);
    }
    return b;
}

int import_end(struct import *i, const struct source *source, struct coverage *coverage,
               struct error *err)
{
    struct store *store = i->store;
    int status = write_rest(i, err);
    if (status == 0)
        status = put_source(i, ITEM_END, source, coverage_block(i, coverage), err);
    import_abandon(i);
    if (status == 0 && !store->derive_later)
        status = store_derive(store, false, err);
    return status;
}
