/* SPDX-License-Identifier: Apache-2.0 */
/* The first conversations behind each finding, for a reader who wants to see some: what
 * `telltale flows` would list first. They are looked for in a day from the window's start, then in
 * two, four and so on, since most findings rest on conversations that are there every day; what is
 * rare costs two readings of the flows at most. */
#include <string.h>

#include "analysis/findings.h"
#include "base/memory.h"
#include "base/zone.h"
#include "store/filter.h"

enum { SAMPLE_ROWS = 5, NAME_OCTETS = 120, SQL_OCTETS_MAX = 1 << 20 };
static const uint64_t DAY_MS = 86400000;

struct sample {
    struct analysis *a;
    json_t *rows;
};

static uint64_t cell(const struct block *b, const char *name, size_t row)
{
    int column = block_find(b, name);
    return column < 0 ? 0 : block_u64(b, (size_t)column, row);
}

static json_t *address_json(const struct block *b, const char *name, size_t row)
{
    char text[IP_TEXT_MAX];
    struct ip ip = {0};
    int column = block_find(b, name);
    struct bytes octets = column < 0 ? bytes_of(NULL, 0) : block_bytes(b, (size_t)column, row);
    if (octets.len == sizeof(ip))
        memcpy(&ip, octets.at, sizeof(ip));
    return json_stringn(text, ip_print(&ip, text));
}

/* A server's name as the network had it: its beginning, and what is no ASCII as a question mark. */
static json_t *name_json(const struct block *b, size_t row)
{
    char text[NAME_OCTETS];
    int column = block_find(b, "server_name");
    struct bytes name = column < 0 ? bytes_of(NULL, 0) : block_bytes(b, (size_t)column, row);
    size_t len = name.len < sizeof(text) ? name.len : sizeof(text);
    for (size_t i = 0; i < len; i++)
        text[i] = name.at[i] > 0x20 && name.at[i] < 0x7f ? (char)name.at[i] : '?';
    return json_stringn(text, len);
}

static json_t *row_json(struct analysis *a, const struct block *b, size_t row)
{
    char country[3];
    double rate = (double)cell(b, "sampling", row);
    double octets = (double)(cell(b, "octets_out", row) + cell(b, "octets_in", row));
    country_text((unsigned)cell(b, "country", row), country);
    return json_pack(
        "{s:o, s:o, s:I, s:o, s:I, s:I, s:o, s:s, s:o, s:s}", "start",
        time_json(cell(b, "start_ms", row)), "local", address_json(b, "local", row), "local_port",
        (json_int_t)cell(b, "local_port", row), "remote", address_json(b, "remote", row),
        "remote_port", (json_int_t)cell(b, "remote_port", row), "protocol",
        (json_int_t)cell(b, "protocol", row), "octets", count_json(octets * (rate > 1 ? rate : 1)),
        "service", symbols_text(a->symbols, SYMBOL_SERVICE, (uint32_t)cell(b, "service", row)),
        "name", name_json(b, row), "country", country);
}

static int take(void *ctx, const struct block *b)
{
    struct sample *s = ctx;
    for (size_t row = 0; row < block_rows(b); row++)
        json_array_append_new(s->rows, row_json(s->a, b, row));
    return 0;
}

static int fill(struct sample *s, const char *where, uint64_t from_ms, uint64_t to_ms,
                struct error *err)
{
    uint64_t span = DAY_MS;
    for (;; span *= 2) {
        bool all = to_ms - from_ms <= span;
        struct store_window window = {.from_ms = from_ms, .to_ms = all ? to_ms : from_ms + span};
        json_array_clear(s->rows);
        int status = store_flow_query(s->a->in->store, where, &window, SAMPLE_ROWS, take, s, err);
        if (status < 0 || all || json_array_size(s->rows) >= SAMPLE_ROWS)
            return status;
    }
}

static int add_sample(struct analysis *a, json_t *finding, struct error *err)
{
    const json_t *evidence = json_object_get(finding, "evidence");
    const char *from = string_of(evidence, "from"), *to = string_of(evidence, "to");
    uint64_t from_ms, to_ms;
    struct filter *filter;
    struct buf sql;
    if (!evidence || time_parse_ms(from, strlen(from), NULL, 0, &from_ms) != 0 ||
        time_parse_ms(to, strlen(to), NULL, 0, &to_ms) != 0 || from_ms >= to_ms)
        return 0;
    int status = filter_parse(string_of(evidence, "filter"), &filter, err);
    if (status < 0)
        return status;
    buf_init(&sql, SQL_OCTETS_MAX);
    filter_sql(filter, a->symbols, &sql);
    filter_free(filter);
    struct sample s = {.a = a, .rows = json_array()};
    status = sql.failed ? error_set(err, ERROR_FAILED, "a finding's filter is too long")
                        : fill(&s, sql.at ? sql.at : "", from_ms, to_ms, err);
    buf_done(&sql);
    json_object_set_new(finding, "sample", s.rows);
    return status;
}

int add_samples(struct analysis *a, json_t *findings, struct error *err)
{
    for (size_t i = 0; i < json_array_size(findings); i++)
        if (add_sample(a, json_array_get(findings, i), err) < 0)
            return error_context(err, "conversations behind %s",
                                 string_of(json_array_get(findings, i), "id"));
    return 0;
}
