/* SPDX-License-Identifier: Apache-2.0 */
/* A finished report as a STIX bundle, a MISP event, or its tables. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "cmd/export.h"
#include "cmd/parquet.h"
#include "report/community.h"
#include "report/exchange.h"
#include "report/flow_table.h"
#include "report/output.h"
#include "report/report.h"
#include "report/table_files.h"
#include "report/verify.h"
#include "store/filter.h"
#include "store/store.h"

enum { CONVERSATIONS = 5, SQL_LIMIT = 1 << 20 };

/* --- the conversations behind a pair --- */

struct behind {
    struct batch *flows, *records;
    const struct symbols *symbols;
    uint16_t seed;
    struct pseudonyms *pseudonyms;
    json_t *list;
};

static struct ip shown_ip(const struct behind *b, const struct ip *ip)
{
    return b->pseudonyms ? pseudonym_ip(b->pseudonyms, ip) : *ip;
}

static json_t *conversation(const struct behind *b, size_t i)
{
    const struct batch *r = b->records;
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    char id[COMMUNITY_ID_MAX];
    struct community_ends ends = {shown_ip(b, &batch_src_ip(r)[i]),
                                  shown_ip(b, &batch_dst_ip(r)[i]), batch_src_port(r)[i],
                                  batch_dst_port(r)[i], batch_protocol(r)[i]};
    time_print_ms(batch_start_ms(r)[i], start);
    time_print_ms(batch_end_ms(r)[i], end);
    ip_print(&ends.src, src);
    ip_print(&ends.dst, dst);
    community_id(b->seed, &ends, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:s}", "start",
                     start, "end", end, "src_ip", src, "dst_ip", dst, "src_port",
                     (int)ends.src_port, "dst_port", (int)ends.dst_port, "protocol",
                     (int)ends.protocol, "packets", (json_int_t)batch_packets(r)[i], "octets",
                     (json_int_t)batch_octets(r)[i], "reverse_packets",
                     (json_int_t)batch_reverse_packets(r)[i], "reverse_octets",
                     (json_int_t)batch_reverse_octets(r)[i], "sampling",
                     (json_int_t)batch_sampling(r)[i], "community_id", id);
}

static int take_block(void *ctx, const struct block *block)
{
    struct behind *b = ctx;
    struct error ignored;
    for (size_t at = 0; at < block_rows(block);) {
        batch_clear(b->flows);
        batch_clear(b->records);
        int got = block_to_batch(block, at, b->flows, &ignored);
        if (got <= 0)
            return got;
        flow_to_records(b->flows, b->records);
        for (size_t i = 0; i < b->records->rows; i++)
            json_array_append_new(b->list, conversation(b, i));
        at += (size_t)got;
    }
    return 0;
}

/* The first conversations that the pair's evidence names. */
static int add_conversations(struct store *store, struct behind *b, json_t *pair, struct error *err)
{
    const json_t *evidence = json_object_get(pair, "evidence");
    const char *text = json_string_value(json_object_get(evidence, "filter"));
    struct store_window window = {.to_ms = UINT64_MAX};
    const char *from = json_string_value(json_object_get(evidence, "from")),
               *to = json_string_value(json_object_get(evidence, "to"));
    struct filter *filter = NULL;
    struct buf where;
    if (!text || !from || !to || time_parse_ms(from, strlen(from), NULL, 0, &window.from_ms) < 0 ||
        time_parse_ms(to, strlen(to), NULL, 0, &window.to_ms) < 0)
        return 0;
    int status = filter_parse_text(text, strlen(text), false, &filter, err);
    if (status < 0)
        return status;
    buf_init(&where, SQL_LIMIT);
    filter_sql(filter, store_symbols(store), &where);
    b->list = json_array();
    status = store_flow_query(store, where.at, &window, CONVERSATIONS, take_block, b, err);
    json_object_set_new(pair, "conversations", b->list);
    filter_free(filter);
    buf_done(&where);
    return status;
}

static int add_all_conversations(struct store *store, const struct export_options *o, json_t *pairs,
                                 struct error *err)
{
    struct behind b = {.flows = batch_new(STAGE_FLOW, 64 * CONVERSATIONS),
                       .records = batch_new(STAGE_RECORD, 64 * CONVERSATIONS),
                       .symbols = store_symbols(store),
                       .seed = o->community_seed,
                       .pseudonyms = o->pseudonyms};
    size_t i;
    json_t *pair;
    int status = 0;
    json_array_foreach(pairs, i, pair)
    {
        if (status == 0)
            status = add_conversations(store, &b, pair, err);
    }
    batch_free(b.flows);
    batch_free(b.records);
    return status;
}

/* --- writing --- */

static int write_exchange(const json_t *model, json_t *pairs, const struct export_options *o,
                          struct error *err)
{
    json_t *made = NULL;
    const char *tlp = exchange_tlp_of(model, o->tlp, err);
    if (!tlp)
        return ERROR_USAGE;
    int status = strcmp(o->what, "stix") == 0 ? stix_bundle(model, pairs, tlp, &made, err)
                                              : misp_event(model, pairs, tlp, &made, err);
    if (status == 0)
        status = report_write_json(made, o->output ? o->output : "-", err);
    json_decref(made);
    return status;
}

static int write_table(struct parquet *parquet, const char *dir, const char *name,
                       const json_t *rows, struct error *err)
{
    char path[4096];
    struct output out;
    snprintf(path, sizeof path, "%s/%s.%s", dir, name, parquet ? "parquet" : "csv");
    if (output_open(&out, path, err) < 0)
        return err->code;
    int status = 0;
    if (parquet) {
        struct buf structure;
        FILE *spool = spool_open(err);
        buf_init(&structure, 1 << 20);
        report_table_structure(rows, &structure);
        if (spool)
            report_table_json(rows, spool);
        status =
            spool ? parquet_write(parquet, spool, structure.at, fileno(out.file), err) : err->code;
        if (spool)
            fclose(spool);
        buf_done(&structure);
    } else {
        report_table_csv(rows, out.file);
    }
    if (status < 0)
        output_abort(&out);
    return status < 0 ? status : output_commit(&out, err);
}

static int write_tables(const struct invocation *in, const json_t *model,
                        const struct export_options *o, struct error *err)
{
    struct parquet *parquet = NULL;
    const char *name, *format = o->format ? o->format : "csv";
    if (!o->output)
        return error_set(err, ERROR_USAGE, "export: tables go to a folder: -o DIR is missing");
    if (strcmp(format, "csv") != 0 && strcmp(format, "parquet") != 0)
        return error_set(err, ERROR_USAGE, "export: --format takes csv or parquet, not '%s'",
                         format);
    if (mkdir(o->output, 0777) < 0 && errno != EEXIST)
        return error_errno(err, "%s", o->output);
    int status = format[0] == 'p' ? parquet_open(NULL, &parquet, err) : 0;
    json_t *tables = report_tables(model), *rows;
    size_t written = 0;
    json_object_foreach(tables, name, rows)
    {
        /* Parquet has no file without columns. */
        if (status < 0 || (parquet && json_array_size(rows) == 0))
            continue;
        status = write_table(parquet, o->output, name, rows, err);
        written++;
    }
    json_decref(tables);
    parquet_close(parquet);
    if (status == 0 && !in->quiet)
        fprintf(stderr, "telltale: %zu tables to %s\n", written, o->output);
    return status;
}

/* --- pseudonyms --- */

struct words {
    json_t *set;
};

static void note_word(void *ctx, const char *word, size_t len)
{
    struct words *w = ctx;
    json_object_setn_new(w->set, word, len, json_false());
}

static int take_name(void *ctx, const struct block *b)
{
    struct words *w = ctx;
    for (size_t i = 0; i < block_rows(b); i++) {
        struct bytes name = block_bytes(b, 0, i);
        json_object_setn_new(w->set, (const char *)name.at, name.len, json_true());
    }
    return 0;
}

static bool is_server_name(void *ctx, const char *word, size_t len)
{
    struct words *w = ctx;
    return json_is_true(json_object_getn(w->set, word, len));
}

/* Which of the words are server names of the store, a few hundred a query. */
static int find_names(struct store *store, struct words *w, struct error *err)
{
    enum { AT_ONCE = 500 };
    struct buf sql;
    json_t *all = json_deep_copy(w->set), *value;
    const char *word;
    size_t in_query = 0, left = json_object_size(all);
    int status = 0;
    buf_init(&sql, SQL_LIMIT);
    json_object_foreach(all, word, value)
    {
        if (status < 0)
            break;
        buf_text(&sql, in_query
                           ? ", unhex('"
                           : "SELECT DISTINCT server_name FROM flow WHERE server_name IN (unhex('");
        for (const char *at = word; *at; at++)
            buf_format(&sql, "%02X", (unsigned char)*at);
        buf_text(&sql, "')");
        in_query++;
        if (--left == 0 || in_query == AT_ONCE) {
            buf_text(&sql, ")");
            status = engine_query_each(store_engine(store), sql.at, take_name, w, err);
            buf_clear(&sql);
            in_query = 0;
        }
    }
    buf_done(&sql);
    json_decref(all);
    return status;
}

int export_hide_model(struct store *store, struct pseudonyms *p, const json_t *model, json_t **ret,
                      struct error *err)
{
    struct words w = {.set = json_object()};
    pseudonym_words(model, note_word, &w);
    int status = find_names(store, &w, err);
    if (status == 0)
        *ret = pseudonym_model(p, model, is_server_name, &w);
    json_decref(w.set);
    return status;
}

/* --- the whole --- */

/* The same pairs as the hidden model has them, with the conversations that were found by the true
 * ones. */
static int hide_pairs(const json_t *hidden, json_t **pairs, struct error *err)
{
    json_t *shown = NULL, *pair;
    size_t i;
    if (exchange_pairs(hidden, &shown, err) < 0)
        return err->code;
    json_array_foreach(shown, i, pair)
    {
        json_object_set(pair, "conversations",
                        json_object_get(json_array_get(*pairs, i), "conversations"));
    }
    json_decref(*pairs);
    *pairs = shown;
    return 0;
}

static int run(const struct invocation *in, const struct export_options *o, struct store *store,
               const json_t *model, struct error *err)
{
    json_t *pairs = NULL, *hidden = NULL;
    int status = exchange_pairs(model, &pairs, err);
    if (status == 0 && store && strcmp(o->what, "tables") != 0)
        status = add_all_conversations(store, o, pairs, err);
    if (status == 0 && o->pseudonyms)
        status = export_hide_model(store, o->pseudonyms, model, &hidden, err);
    if (status == 0 && hidden)
        status = hide_pairs(hidden, &pairs, err);
    const json_t *shown = hidden ? hidden : model;
    if (status == 0)
        status = strcmp(o->what, "tables") == 0 ? write_tables(in, shown, o, err)
                                                : write_exchange(shown, pairs, o, err);
    json_decref(hidden);
    json_decref(pairs);
    return status;
}

/* The study, for conversations behind the pairs and for the names that pseudonyms need; a report
 * that has pseudonyms already must not be looked up: another address may have that number. */
static int open_study(const struct invocation *in, const struct export_options *o,
                      const json_t *model, struct study **study, struct store **store,
                      struct error *err)
{
    struct error why;
    if (json_object_get(json_object_get(model, "provenance"), "pseudonyms"))
        return o->pseudonyms
                   ? error_set(err, ERROR_USAGE, "%s has pseudonyms already", o->arguments[0])
                   : 0;
    if (strcmp(o->what, "tables") == 0 && !o->pseudonyms)
        return 0;
    int status = study_load(in->directory, study, &why);
    if (status == 0)
        status = store_open(*study, STORE_READ, store, &why);
    if (status < 0 && o->pseudonyms)
        return error_set(err, why.code, "pseudonyms need the study (-C DIR): %s", why.text);
    if (status < 0 && !in->quiet)
        fprintf(stderr, "telltale: without conversations and their Community IDs: %s\n", why.text);
    return 0;
}

int export_report(const struct invocation *in, const struct export_options *o, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    json_t *model = NULL;
    if (o->from || o->to || o->one_way || o->argument_count != 1)
        return error_set(err, ERROR_USAGE, "export: usage: telltale export %s REPORT.json -o %s",
                         o->what, o->what[0] == 't' ? "DIR" : "FILE");
    if (o->format && o->what[0] != 't')
        return error_set(err, ERROR_USAGE, "export: --format is not for %s", o->what);
    int status = report_read(o->arguments[0], &model, err);
    if (status == 0)
        status = open_study(in, o, model, &study, &store, err);
    if (status == 0)
        status = run(in, o, store, model, err);
    json_decref(model);
    store_close(store);
    study_free(study);
    return status;
}
