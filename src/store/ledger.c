/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: what every acknowledged batch held. An engine that lost a part does not say so (a
 * truncated part just disappears from the counts), so the store keeps its own book and compares. */
#include "store/store_in.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* The digest of a batch is the sum of its rows' digests, so that the order of rows does not matter;
 * SQL computes the same (sipHash64 is SipHash-2-4 with a key of zeros). */
#define M1 UINT64_C(11400714819323198485)
#define M2 UINT64_C(14029467366897019727)
#define M3 UINT64_C(1609587929392839161)
#define M4 UINT64_C(9650029242287828579)
#define M5 UINT64_C(2870177450012600261)
#define M6 UINT64_C(13787848793156543929)
#define M7 UINT64_C(10723151780598845931)
#define M8 UINT64_C(6364136223846793005)

/* SipHash of addresses met lately: the same ones come again and again. */
enum { HASHES = 4096 };
struct address_hashes {
    struct ip ip[HASHES];
    uint64_t hash[HASHES];
};

static uint64_t sip_hash(const struct ip *ip)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t value;
    crypto_shorthash(out, ip->octet, IP_OCTETS, key);
    memcpy(&value, out, sizeof value);
    return value;
}

struct address_hashes *address_hashes_new(void)
{
    struct address_hashes *h = memory_alloc(sizeof *h);
    uint64_t of_zero = sip_hash(&h->ip[0]);
    for (size_t i = 0; i < HASHES; i++)
        h->hash[i] = of_zero;
    return h;
}

static uint64_t address_hash(struct address_hashes *h, const struct ip *ip)
{
    size_t at = hash_bytes(ip, sizeof *ip, 0) % HASHES;
    if (!ip_equal(&h->ip[at], ip)) {
        h->ip[at] = *ip;
        h->hash[at] = sip_hash(ip);
    }
    return h->hash[at];
}

void ledger_count(struct ledger_row *row, const struct batch *b, struct address_hashes *h)
{
    uint64_t octets = 0, digest = 0;
    for (size_t at = 0; at < b->rows; at++) {
        octets += batch_octets_out(b)[at] + batch_octets_in(b)[at];
        digest += address_hash(h, &batch_local(b)[at]) ^
                  (address_hash(h, &batch_remote(b)[at]) * M1) ^ (batch_start_ms(b)[at] * M2) ^
                  (batch_end_ms(b)[at] * M3) ^ (batch_octets_out(b)[at] * M4) ^
                  (batch_octets_in(b)[at] * M5) ^ (batch_packets_out(b)[at] * M6) ^
                  (batch_packets_in(b)[at] * M7) ^
                  ((((uint64_t)batch_local_port(b)[at] << 24) +
                    ((uint64_t)batch_remote_port(b)[at] << 8) + batch_protocol(b)[at]) *
                   M8);
    }
    row->rows += b->rows;
    row->octets += octets;
    row->digest += digest;
}

static void digest_sql(struct buf *out)
{
    buf_format(
        out,
        "sum(bitXor(bitXor(bitXor(sipHash64(local), sipHash64(remote) * %" PRIu64 "), "
        "bitXor(start_ms * %" PRIu64 ", end_ms * %" PRIu64 ")), "
        "bitXor(bitXor(bitXor(octets_out * %" PRIu64 ", octets_in * %" PRIu64 "), "
        "bitXor(packets_out * %" PRIu64 ", packets_in * %" PRIu64 ")), "
        "(toUInt64(local_port) * 16777216 + toUInt64(remote_port) * 256 + toUInt64(protocol)) "
        "* %" PRIu64 ")))",
        M1, M2, M3, M4, M5, M6, M7, M8);
}

static int read_rows(struct store *s, const char *sql, struct ledger_row **ret, size_t *ret_count,
                     struct error *err)
{
    struct block *b;
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    size_t count = block_rows(b);
    struct ledger_row *rows = memory_array(count ? count : 1, sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct ledger_row){.source = (uint32_t)block_u64(b, 0, i),
                                      .batch = (uint32_t)block_u64(b, 1, i),
                                      .rows = block_u64(b, 2, i),
                                      .octets = block_u64(b, 3, i),
                                      .digest = block_u64(b, 4, i)};
    block_free(b);
    *ret = rows;
    *ret_count = count;
    return 0;
}

static void add_where(struct buf *sql, uint32_t source)
{
    if (source)
        buf_format(sql, " WHERE source = %" PRIu32, source);
    buf_text(sql, " GROUP BY source, batch ORDER BY source, batch");
}

int ledger_read(struct store *s, uint32_t source, struct ledger_row **ret, size_t *ret_count,
                struct error *err)
{
    struct buf sql;
    buf_init(&sql, 4096);
    buf_text(&sql, "SELECT source, batch, any(rows) AS r, any(octets) AS o, any(digest) AS d "
                   "FROM ledger");
    add_where(&sql, source);
    int status = read_rows(s, sql.at, ret, ret_count, err);
    buf_done(&sql);
    return status;
}

int ledger_read_flow(struct store *s, uint32_t source, bool with_digest, struct ledger_row **ret,
                     size_t *ret_count, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 4096);
    buf_text(&sql, "SELECT source, batch, count() AS r, sum(octets_out + octets_in) AS o, ");
    if (with_digest)
        digest_sql(&sql);
    else
        buf_text(&sql, "toUInt64(0)");
    buf_text(&sql, " AS d FROM flow");
    add_where(&sql, source);
    int status = read_rows(s, sql.at, ret, ret_count, err);
    buf_done(&sql);
    return status;
}

/* --- comparing --- */

static bool is_before(const struct ledger_row *a, const struct ledger_row *b)
{
    return a->source != b->source ? a->source < b->source : a->batch < b->batch;
}

static uint8_t state_of(const struct store *s, uint32_t source)
{
    return source && source <= s->source_count ? s->sources[source - 1].state : 0;
}

static int damaged(struct store *s, uint32_t source, const char *what, uint64_t have,
                   uint64_t should, struct error *err)
{
    return error_set(err, ERROR_DAMAGED,
                     "the store differs from its ledger: source %" PRIu32
                     " (SHA-256 %.12s...) has %" PRIu64 " %s where %" PRIu64 " were acknowledged",
                     source, symbols_text(s->symbols, SYMBOL_SOURCE, source), have, what, should);
}

static int compare_pair(struct store *s, const struct ledger_row *have,
                        const struct ledger_row *should, bool with_digest, struct error *err)
{
    const struct ledger_row none = {.rows = 0};
    uint32_t source = have ? have->source : should->source;
    /* An interrupted import is no damage: it is compared batch by batch when it is taken up again.
     */
    if (state_of(s, source) == SOURCE_BEGUN)
        return 0;
    have = have ? have : &none;
    should = should ? should : &none;
    if (have->rows != should->rows)
        return damaged(s, source, "conversations in a batch", have->rows, should->rows, err);
    if (have->octets != should->octets)
        return damaged(s, source, "octets in a batch", have->octets, should->octets, err);
    if (with_digest && have->digest != should->digest)
        return error_set(err, ERROR_DAMAGED,
                         "the store differs from its ledger: conversations of source %" PRIu32
                         " are not what was acknowledged",
                         source);
    return 0;
}

/* The ledger itself may have lost rows: a finished source says how many conversations it had. */
static int compare_totals(struct store *s, const struct ledger_row *should, size_t count,
                          struct error *err)
{
    uint64_t *sums = memory_array(s->source_count + 1, sizeof *sums);
    int status = 0;
    for (size_t i = 0; i < count; i++)
        if (should[i].source <= s->source_count)
            sums[should[i].source] += should[i].rows;
    for (uint32_t id = 1; id <= s->source_count && status == 0; id++)
        if (s->sources[id - 1].state == SOURCE_DONE && sums[id] != s->sources[id - 1].conversations)
            status = damaged(s, id, "conversations in the ledger", sums[id],
                             s->sources[id - 1].conversations, err);
    free(sums);
    return status;
}

static int unreadable(struct error *err)
{
    error_context(err, "the store cannot be read");
    if (err)
        err->code = ERROR_DAMAGED;
    return ERROR_DAMAGED;
}

static int compare_batches(struct store *s, bool with_digest, struct error *err)
{
    struct ledger_row *have = NULL, *should = NULL;
    size_t have_count = 0, should_count = 0;
    int status = ledger_read(s, 0, &should, &should_count, err);
    if (status == 0)
        status = ledger_read_flow(s, 0, with_digest, &have, &have_count, err);
    if (status) {
        free(should);
        return unreadable(err);
    }
    for (size_t h = 0, w = 0; status == 0 && (h < have_count || w < should_count);) {
        bool has = h < have_count && (w == should_count || !is_before(&should[w], &have[h]));
        bool wants = w < should_count && (h == have_count || !is_before(&have[h], &should[w]));
        status =
            compare_pair(s, has ? &have[h] : NULL, wants ? &should[w] : NULL, with_digest, err);
        h += has;
        w += wants;
    }
    if (status == 0)
        status = compare_totals(s, should, should_count, err);
    free(have);
    free(should);
    return status;
}

static int days_of(struct store *s, const char *sql, uint64_t *counts, struct error *err)
{
    struct block *b;
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return unreadable(err);
    for (size_t i = 0; i < block_rows(b); i++)
        counts[block_u64(b, 0, i)] = block_u64(b, 1, i);
    block_free(b);
    return 0;
}

/* Rows of each day: the engine knows them without reading, so that opening does not take the longer
 * the more is stored. */
static int compare_days(struct store *s, bool *ret_same, struct error *err)
{
    uint64_t *have = memory_array(DAYS, sizeof *have), *should = memory_array(DAYS, sizeof *should);
    int status = days_of(
        s, "SELECT toUInt16(day) AS d, count() AS n FROM flow GROUP BY d ORDER BY d", have, err);
    if (status == 0)
        status = days_of(s,
                         "SELECT toUInt16(day) AS d, sum(r) AS n FROM (SELECT source, batch, "
                         "any(day) AS day, any(rows) AS r FROM ledger GROUP BY source, batch) AS b "
                         "GROUP BY d ORDER BY d",
                         should, err);
    *ret_same = memcmp(have, should, DAYS * sizeof *have) == 0;
    free(have);
    free(should);
    return status;
}

static bool all_done(const struct store *s)
{
    for (uint32_t i = 0; i < s->source_count; i++)
        if (s->sources[i].state == SOURCE_BEGUN)
            return false;
    return true;
}

int ledger_compare(struct store *s, bool thorough, struct error *err)
{
    bool is_same = false;
    int status = 0;
    if (!thorough && all_done(s))
        status = compare_days(s, &is_same, err);
    if (status || !is_same)
        return status ? status : compare_batches(s, thorough, err);
    struct ledger_row *rows;
    size_t count;
    status = ledger_read(s, 0, &rows, &count, err);
    if (status)
        return unreadable(err);
    status = compare_totals(s, rows, count, err);
    free(rows);
    return status;
}
