/* SPDX-License-Identifier: Apache-2.0 */
/* First `meta` says what is being forgotten, then the derived tables are marked stale; then rows
 * go, then their lines of the ledger, then sources say how many conversations they still have; then
 * the derived tables are made again, and `meta` says that it is done. Each step can be done again.
 */
#include "store/forget.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/zone.h"
#include "store/store_in.h"
#include "store/tables.h"

enum { STATEMENT_MAX = 1 << 20, INTENT_MAX = 128, IN_A_STATEMENT = 40 };

/* "before 17287 flow coverage", "prefix <hex> <hex>", or "" when nothing is under way. */
struct intent {
    char text[INTENT_MAX];
    bool is_prefix, flow, coverage;
    int32_t day;
    char low[33], high[33]; /* hexadecimal */
};

static bool intent_parse(struct intent *i, const char *text)
{
    char what[2][16] = {"", ""};
    int day;
    *i = (struct intent){.day = 0};
    snprintf(i->text, sizeof i->text, "%s", text);
    if (sscanf(text, "before %d %15s %15s", &day, what[0], what[1]) >= 2) {
        for (int n = 0; n < 2; n++) {
            i->flow |= strcmp(what[n], "flow") == 0;
            i->coverage |= strcmp(what[n], "coverage") == 0;
        }
        i->day = day;
        return true;
    }
    i->is_prefix = i->flow = sscanf(text, "prefix %32[0-9a-f] %32[0-9a-f]", i->low, i->high) == 2;
    return i->is_prefix;
}

/* --- questions --- */

static int ask_meta(struct store *s, const char *key, char *ret, size_t size, struct error *err)
{
    char sql[256];
    struct block *b;
    snprintf(sql, sizeof sql, "SELECT argMax(value, version) AS v FROM meta WHERE key = '%s'", key);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    struct bytes text = block_rows(b) ? block_bytes(b, 0, 0) : bytes_of("", 0);
    snprintf(ret, size, "%.*s", (int)text.len, text.len ? (const char *)text.at : "");
    block_free(b);
    return 0;
}

static int ask_count(struct store *s, const char *sql, uint64_t *ret, struct error *err)
{
    struct block *b;
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    *ret = block_rows(b) ? block_u64(b, 0, 0) : 0;
    block_free(b);
    return 0;
}

static void where_prefix(const struct intent *i, char ret[700])
{
    static const char *const columns[] = {"local", "remote", "nat_local", "nat_remote"};
    size_t len = 0;
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        len += (size_t)snprintf(ret + len, 700 - len, "%s(%s >= unhex('%s') AND %s <= unhex('%s'))",
                                c ? " OR " : "", columns[c], i->low, columns[c], i->high);
}

static void where_of(const struct intent *i, char ret[700])
{
    if (i->is_prefix)
        where_prefix(i, ret);
    else
        snprintf(ret, 700, "day < toDate(toUInt16(%" PRId32 "))", i->day);
}

static int count_rows(struct store *s, const struct intent *i, struct store_forgotten *ret,
                      struct error *err)
{
    char where[700], sql[1024];
    int status = 0;
    *ret = (struct store_forgotten){0};
    where_of(i, where);
    snprintf(sql, sizeof sql, "SELECT count() AS n FROM flow WHERE %s", where);
    if (i->flow)
        status = ask_count(s, sql, &ret->conversations, err);
    snprintf(sql, sizeof sql, "SELECT uniqExact(day) AS n FROM flow WHERE %s", where);
    if (status == 0 && i->flow)
        status = ask_count(s, sql, &ret->days, err);
    snprintf(sql, sizeof sql, "SELECT count() AS n FROM coverage WHERE %s", where);
    if (status == 0 && i->coverage)
        status = ask_count(s, sql, &ret->coverage_rows, err);
    return status;
}

/* --- rows --- */

static int drop_days(struct store *s, const char *table, int32_t before, bool touch,
                     struct error *err)
{
    char sql[256], date[TIME_TEXT_MAX];
    struct block *b;
    snprintf(sql, sizeof sql,
             "SELECT DISTINCT toUInt16(day) AS d FROM %s WHERE day < toDate(toUInt16(%" PRId32
             ")) ORDER BY d",
             table, before);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    for (size_t i = 0; i < block_rows(b) && status == 0; i++) {
        int32_t day = (int32_t)block_u64(b, 0, i);
        date_print(day, date);
        snprintf(sql, sizeof sql, "ALTER TABLE %s DROP PARTITION '%s'", table, date);
        if (touch)
            day_set_bit(s->touched, day);
        status = engine_run(s->engine, sql, err);
    }
    block_free(b);
    return status;
}

static int delete_prefix(struct store *s, const struct intent *i, struct error *err)
{
    char where[700], sql[1024];
    struct block *b;
    where_of(i, where);
    snprintf(sql, sizeof sql, "SELECT DISTINCT toUInt16(day) AS d FROM flow WHERE %s", where);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    for (size_t row = 0; row < block_rows(b); row++)
        day_set_bit(s->touched, (int32_t)block_u64(b, 0, row));
    bool any = block_rows(b) > 0;
    block_free(b);
    return any ? store_delete(s, "flow", where, err) : 0;
}

/* Tables that hold what was made of all days at once are made again when a report needs them; until
 * then they hold nothing. So is the second copy of conversations that a new attribution leaves. */
static int empty_summaries(struct store *s, struct error *err)
{
    char sql[128];
    uint64_t is_there = 0;
    int status = store_set_meta(s, "summary", "", err);
    for (int i = 0; i < store_table_count && status == 0; i++) {
        snprintf(sql, sizeof sql, "TRUNCATE TABLE %s", tables[i].name);
        if (tables[i].is_derived && strcmp(tables[i].partition, "tuple()") == 0)
            status = engine_run(s->engine, sql, err);
    }
    if (status == 0)
        status = ask_count(s,
                           "SELECT count() AS n FROM system.tables WHERE database = "
                           "currentDatabase() AND name = 'reattributed'",
                           &is_there, err);
    return status == 0 && is_there ? engine_run(s->engine, "TRUNCATE TABLE reattributed", err)
                                   : status;
}

/* --- the ledger --- */

static bool same_batch(const struct ledger_row *a, const struct ledger_row *b)
{
    return a->source == b->source && a->batch == b->batch;
}

static bool same_sums(const struct ledger_row *a, const struct ledger_row *b)
{
    return a->rows == b->rows && a->octets == b->octets && a->digest == b->digest;
}

static int delete_lines(struct store *s, const struct ledger_row *rows, size_t count,
                        struct error *err)
{
    int status = 0;
    for (size_t at = 0; at < count && status == 0;) {
        struct buf where;
        buf_init(&where, STATEMENT_MAX);
        size_t in = 0;
        for (; at < count && in < IN_A_STATEMENT; at++, in++)
            buf_format(&where, "%s(%" PRIu32 ", %" PRIu32 ")", in ? ", " : "(source, batch) IN (",
                       rows[at].source, rows[at].batch);
        buf_text(&where, ")");
        status = store_delete(s, "ledger", where.at, err);
        buf_done(&where);
    }
    return status;
}

/* A batch holds one day: any of its conversations tells which. */
static int insert_line(struct store *s, const struct ledger_row *row, struct error *err)
{
    char sql[160];
    uint64_t day;
    snprintf(sql, sizeof sql,
             "SELECT toUInt64(any(toUInt16(day))) AS d FROM flow WHERE source = %" PRIu32
             " AND batch = %" PRIu32,
             row->source, row->batch);
    int status = ask_count(s, sql, &day, err);
    if (status)
        return status;
    const uint64_t values[] = {row->source, row->batch, day, row->rows, row->octets, row->digest};
    static const char *const names[] = {"source", "batch", "day", "rows", "octets", "digest"};
    static const char *const types[] = {"UInt32", "UInt32", "Date", "UInt64", "UInt64", "UInt64"};
    struct block *b = block_new();
    for (size_t i = 0; i < 6; i++)
        block_column(b, names[i], types[i]);
    for (size_t i = 0; i < 6; i++)
        block_put_u64(b, values[i]);
    status = store_insert(s, "ledger", b, err);
    block_free(b);
    return status;
}

/* The ledger says of every finished source's batches what is there now. */
static int follow(struct store *s, const struct ledger_row *have, size_t have_count,
                  const struct ledger_row *should, size_t should_count, struct error *err)
{
    struct ledger_row *gone = memory_array(should_count + 1, sizeof *gone),
                      *fresh = memory_array(have_count + 1, sizeof *fresh);
    size_t gone_count = 0, fresh_count = 0, w = 0;
    for (size_t h = 0; h <= have_count; h++) {
        for (; w < should_count &&
               (h == have_count || should[w].source < have[h].source ||
                (should[w].source == have[h].source && should[w].batch < have[h].batch));
             w++)
            gone[gone_count++] = should[w];
        if (h == have_count)
            break;
        bool there = w < should_count && same_batch(&should[w], &have[h]);
        if (there && same_sums(&should[w], &have[h])) {
            w++;
            continue;
        }
        if (there)
            gone[gone_count++] = should[w++];
        fresh[fresh_count++] = have[h];
    }
    int status = delete_lines(s, gone, gone_count, err);
    for (size_t i = 0; i < fresh_count && status == 0; i++)
        status = insert_line(s, &fresh[i], err);
    free(gone);
    free(fresh);
    return status;
}

static int ledger_follow(struct store *s, struct error *err)
{
    struct ledger_row *have = NULL, *should = NULL;
    size_t have_count = 0, should_count = 0;
    int status = ledger_read(s, 0, &should, &should_count, err);
    if (status == 0)
        status = ledger_read_flow(s, 0, true, &have, &have_count, err);
    if (status == 0)
        status = follow(s, have, have_count, should, should_count, err);
    free(have);
    free(should);
    return status;
}

/* A new row of table source like the last one, with what it has now. */
static int set_conversations(struct store *s, struct source_row *row, uint64_t conversations,
                             struct error *err)
{
    struct buf columns, values;
    buf_init(&columns, STATEMENT_MAX);
    buf_init(&values, STATEMENT_MAX);
    for (int i = 0; i < store_table_count; i++) {
        if (strcmp(tables[i].name, "source") != 0)
            continue;
        for (const struct column *c = tables[i].columns; c->name; c++) {
            const char *comma = columns.len ? ", " : "";
            buf_format(&columns, "%s%s", comma, c->name);
            if (strcmp(c->name, "version") == 0)
                buf_format(&values, "%stoUInt32(%" PRIu32 ")", comma, row->version + 1);
            else if (strcmp(c->name, "conversations") == 0)
                buf_format(&values, "%stoUInt64(%" PRIu64 ")", comma, conversations);
            else
                buf_format(&values, "%s%s", comma, c->name);
        }
    }
    struct buf sql;
    buf_init(&sql, STATEMENT_MAX);
    buf_format(&sql,
               "INSERT INTO source (%s) SELECT %s FROM source WHERE id = %" PRIu32
               " AND version = %" PRIu32 " LIMIT 1",
               columns.at, values.at, row->id, row->version);
    int status = engine_run(s->engine, sql.at, err);
    if (status == 0) {
        row->version++;
        row->conversations = conversations;
    }
    buf_done(&sql);
    buf_done(&columns);
    buf_done(&values);
    return status;
}

static int settle_sources(struct store *s, struct error *err)
{
    struct ledger_row *rows = NULL;
    size_t count = 0;
    int status = ledger_read(s, 0, &rows, &count, err);
    uint64_t *sums = memory_array(s->source_count + 1, sizeof *sums);
    for (size_t i = 0; i < count; i++)
        if (rows[i].source <= s->source_count)
            sums[rows[i].source] += rows[i].rows;
    for (uint32_t id = 1; id <= s->source_count && status == 0; id++) {
        struct source_row *row = &s->sources[id - 1];
        if (row->state == SOURCE_DONE && row->conversations != sums[id])
            status = set_conversations(s, row, sums[id], err);
    }
    free(sums);
    free(rows);
    return status;
}

/* --- the whole --- */

static int remove_rows(struct store *s, const struct intent *i, struct error *err)
{
    char where[700];
    int status = i->flow ? derive_mark_stale(s, err) : 0;
    if (status == 0 && i->flow)
        status = i->is_prefix ? delete_prefix(s, i, err) : drop_days(s, "flow", i->day, true, err);
    if (status == 0 && i->coverage)
        status = drop_days(s, "coverage", i->day, false, err);
    if (status || !i->flow)
        return status;
    where_of(i, where);
    status = i->is_prefix ? ledger_follow(s, err) : store_delete(s, "ledger", where, err);
    if (status == 0)
        status = settle_sources(s, err);
    return status ? status : empty_summaries(s, err);
}

/* What stays to be told of what was forgotten: the latest day, and that there were prefixes. */
static int note(struct store *s, const struct intent *i, struct error *err)
{
    char day[32], key[64];
    static const char *const names[] = {"flow", "coverage"};
    const bool is[] = {i->flow && !i->is_prefix, i->coverage};
    int status = 0;
    for (int n = 0; n < 2 && status == 0; n++) {
        if (!is[n])
            continue;
        snprintf(key, sizeof key, "forgotten %s", names[n]);
        status = ask_meta(s, key, day, sizeof day, err);
        if (status == 0 && (!day[0] || strtol(day, NULL, 10) < i->day)) {
            snprintf(day, sizeof day, "%" PRId32, i->day);
            status = store_set_meta(s, key, day, err);
        }
    }
    if (status == 0 && i->is_prefix)
        status = ask_meta(s, "forgotten prefixes", day, sizeof day, err);
    if (status == 0 && i->is_prefix) {
        snprintf(day, sizeof day, "%ld", strtol(day, NULL, 10) + 1);
        status = store_set_meta(s, "forgotten prefixes", day, err);
    }
    return status ? status : store_set_meta(s, "forget", "", err);
}

/* An address that was forgotten shall not stand in old versions of `meta`'s rows. */
static int clean_meta(struct store *s, struct error *err)
{
    return store_delete(s, "meta", "key = 'forget' AND value != ''", err);
}

static int forget(struct store *s, const struct intent *i, struct error *err)
{
    int status = store_settle(s, err);
    if (status == 0)
        status = store_set_meta(s, "forget", i->text, err);
    if (status == 0)
        status = remove_rows(s, i, err);
    if (status == 0)
        status = store_derive(s, false, err);
    if (status == 0)
        status = note(s, i, err);
    return status ? status : clean_meta(s, err);
}

int store_forget_before(struct store *s, int32_t utc_day, bool flow, bool coverage, bool only_count,
                        struct store_forgotten *ret, struct error *err)
{
    struct intent i;
    char text[INTENT_MAX];
    snprintf(text, sizeof text, "before %" PRId32 "%s%s", utc_day, flow ? " flow" : "",
             coverage ? " coverage" : "");
    if (utc_day < 0 || utc_day >= DAYS || !intent_parse(&i, text))
        return error_set(err, ERROR_USAGE, "there is nothing to forget before that day");
    int status = count_rows(s, &i, ret, err);
    if (status || only_count || (!ret->conversations && !ret->coverage_rows))
        return status;
    return forget(s, &i, err);
}

static void hex_of(const struct ip *ip, char ret[33])
{
    for (int i = 0; i < IP_OCTETS; i++)
        snprintf(ret + 2 * i, 3, "%02x", ip->octet[i]);
}

int store_forget_prefix(struct store *s, const struct prefix *prefix, bool only_count,
                        struct store_forgotten *ret, struct error *err)
{
    struct intent i = {.is_prefix = true, .flow = true};
    struct ip low, high;
    prefix_range(prefix, &low, &high);
    hex_of(&low, i.low);
    hex_of(&high, i.high);
    snprintf(i.text, sizeof i.text, "prefix %s %s", i.low, i.high);
    int status = count_rows(s, &i, ret, err);
    if (status || only_count || !ret->conversations)
        return status;
    return forget(s, &i, err);
}

/* The derived tables are stale: what opens the store makes them again after this. */
int forget_recover(struct store *s, struct error *err)
{
    struct intent i;
    char text[INTENT_MAX];
    int status = ask_meta(s, "forget", text, sizeof text, err);
    if (status || !text[0] || !intent_parse(&i, text))
        return status;
    status = remove_rows(s, &i, err);
    if (status == 0)
        status = note(s, &i, err);
    return status ? status : clean_meta(s, err);
}

int store_forgotten(struct store *s, json_t **ret, struct error *err)
{
    static const char *const names[] = {"flow", "coverage", "prefixes"};
    char key[64], value[32], date[TIME_TEXT_MAX];
    json_t *made = json_object();
    int status = 0;
    for (int n = 0; n < 3 && status == 0; n++) {
        snprintf(key, sizeof key, "forgotten %s", names[n]);
        status = ask_meta(s, key, value, sizeof value, err);
        if (status || !value[0])
            continue;
        date_print((int32_t)strtol(value, NULL, 10), date);
        json_object_set_new(made, names[n],
                            n < 2 ? json_string(date) : json_integer(strtol(value, NULL, 10)));
    }
    *ret = status == 0 && json_object_size(made) ? json_incref(made) : NULL;
    json_decref(made);
    return status;
}
