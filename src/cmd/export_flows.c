/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations back to records, block by block: the store's rows, who opened as the source, then a
 * writer. Memory does not grow with what is exported. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/export.h"
#include "cmd/parquet.h"
#include "cmd/select.h"
#include "report/flow_table.h"
#include "report/nfcapd_out.h"
#include "report/output.h"
#include "store/store.h"
#include "world/wire.h"

enum {
    ROWS = 4096,
    POOL_ROWS = 8 * ROWS, /* room for text: names of 253 octets and their pseudonyms in every row */
    SQL_LIMIT = 64 << 20,
    SYMBOLS_MAX = 1 << 20,
};

struct sender {
    const struct export_options *options;
    const struct symbols *symbols; /* of the store, or with exporters' pseudonyms */
    struct symbols *hidden;        /* owned; NULL where nothing is hidden */
    struct batch *flows, *records;
    FILE *file; /* rows go here */
    struct wire *wire;
    struct nfcapd_out *nfcapd;
    struct flow_table *table;
    bool is_cut;
    uint64_t conversations, written; /* written: records, where that is another number */
    struct error *err;
};

/* --- pseudonyms --- */

/* The same codes: only the texts of exporters are others. */
static struct symbols *hide_exporters(const struct symbols *from, struct pseudonyms *p)
{
    struct symbols *to = symbols_new(SYMBOLS_MAX);
    for (int kind = 1; kind < SYMBOL_KINDS; kind++) {
        uint32_t count = symbols_count(from, (enum symbol_kind)kind);
        for (uint32_t code = 1; code <= count; code++) {
            const char *text = symbols_text(from, (enum symbol_kind)kind, code);
            struct buf made;
            buf_init(&made, 1 << 20);
            struct ip ip;
            char name[PSEUDONYM_NAME_MAX];
            size_t address = strcspn(text, "#");
            if (kind != SYMBOL_EXPORTER)
                buf_text(&made, text);
            else if (ip_parse(text, address, &ip))
                pseudonym_text(p, bytes_of_text(text), &made);
            else
                buf_add(&made, name, pseudonym_name(p, bytes_of_text(text), "exporter", name));
            symbols_restore(to, (enum symbol_kind)kind, code, made.at, made.len);
            buf_done(&made);
        }
    }
    return to;
}

static void hide_rows(struct batch *flows, struct pseudonyms *p)
{
    for (size_t i = 0; i < flows->rows; i++) {
        char name[PSEUDONYM_NAME_MAX];
        batch_local(flows)[i] = pseudonym_ip(p, &batch_local(flows)[i]);
        batch_remote(flows)[i] = pseudonym_ip(p, &batch_remote(flows)[i]);
        size_t len = pseudonym_name(p, batch_text(flows, FIELD_server_name, i), NULL, name);
        batch_set_text(flows, FIELD_server_name, i, name, len);
    }
}

/* --- rows --- */

static void write_rows(struct sender *s)
{
    if (s->wire)
        wire_rows(s->wire, s->records);
    else if (s->nfcapd)
        nfcapd_out_rows(s->nfcapd, s->records);
    else
        flow_table_rows(s->table, s->flows, s->records);
}

static int take_block(void *ctx, const struct block *b)
{
    struct sender *s = ctx;
    for (size_t at = 0; at < block_rows(b);) {
        batch_clear(s->flows);
        batch_clear(s->records);
        int got = block_to_batch(b, at, s->flows, s->err);
        if (got < 0)
            return got;
        if (s->options->pseudonyms)
            hide_rows(s->flows, s->options->pseudonyms);
        flow_to_records(s->flows, s->records);
        if (s->flows->text_lost || s->records->text_lost)
            return error_set(s->err, ERROR_FAILED, "names of conversations are too long to export");
        write_rows(s);
        s->conversations += s->flows->rows;
        at += (size_t)got;
        if (ferror(s->file)) {
            s->is_cut = errno == EPIPE; /* who reads has enough (`| head`): no failure */
            return s->is_cut ? 1 : error_errno(s->err, "export");
        }
    }
    return 0;
}

static int open_writer(struct sender *s, const char *what, struct error *err)
{
    const struct export_options *o = s->options;
    struct wire_options wire = {.file = s->file, .symbols = s->symbols, .one_way = o->one_way};
    if (strcmp(what, "ipfix") == 0)
        return wire_open("export", WIRE_IPFIX_FILE, &wire, &s->wire, err);
    if (strcmp(what, "nfcapd") == 0)
        s->nfcapd = nfcapd_out_new(s->file, s->symbols);
    else
        s->table =
            flow_table_new(s->file, strcmp(what, "parquet") == 0, s->symbols, o->community_seed);
    return 0;
}

/* Frees the writer also when `status` says that it is in vain. */
static int close_writer(struct sender *s, int status, struct error *err)
{
    struct error ignored;
    if (s->wire) {
        struct wire_counts counts;
        int ended = wire_close(s->wire, &counts, status ? &ignored : err);
        s->written = counts.records;
        return status ? status : ended;
    }
    if (s->nfcapd) {
        struct nfcapd_out_counts counts;
        nfcapd_out_end(s->nfcapd, &counts);
        s->written = counts.records;
    }
    if (s->table)
        s->written = flow_table_end(s->table);
    if (status == 0 && (fflush(s->file) || ferror(s->file)))
        return error_errno(err, "export");
    return status;
}

/* --- the whole --- */

static int send_rows(struct sender *s, struct store *store, const struct store_window *window,
                     const char *where, struct error *err)
{
    struct error first = {0};
    s->err = &first;
    s->flows = batch_new(STAGE_FLOW, POOL_ROWS);
    s->records = batch_new(STAGE_RECORD, POOL_ROWS);
    s->flows->capacity = ROWS;
    if (s->options->pseudonyms)
        s->hidden = hide_exporters(store_symbols(store), s->options->pseudonyms);
    s->symbols = s->hidden ? s->hidden : store_symbols(store);
    int status = open_writer(s, s->options->what, err);
    if (status == 0)
        status = store_flow_query(store, where, window, 0, take_block, s, err);
    if (status && first.text[0])
        *err = first;
    status = close_writer(s, status, err);
    if (s->is_cut)
        status = 0;
    s->flows->capacity = POOL_ROWS;
    batch_free(s->flows);
    batch_free(s->records);
    symbols_free(s->hidden);
    return status;
}

static int copy_file(FILE *from, FILE *to, struct error *err)
{
    char part[65536];
    size_t got;
    rewind(from);
    while ((got = fread(part, 1, sizeof part, from)) > 0)
        fwrite(part, 1, got, to);
    return ferror(from) ? error_errno(err, "export") : 0;
}

static int send_parquet(struct sender *s, const struct study *study, FILE *out, struct error *err)
{
    struct parquet *parquet = NULL;
    int status = parquet_open(study->store_is_server ? NULL : study->store, &parquet, err);
    if (status == 0)
        status = parquet_write(parquet, s->file, flow_table_structure, fileno(out), err);
    parquet_close(parquet);
    return status;
}

/* nfcapd's header is written last, so a pipe gets the finished file; Parquet is the engine's. */
static int send_all(struct sender *s, const struct study *study, struct store *store,
                    const struct store_window *window, const char *where, FILE *out,
                    struct error *err)
{
    bool parquet = strcmp(s->options->what, "parquet") == 0;
    bool spools =
        parquet || (strcmp(s->options->what, "nfcapd") == 0 && lseek(fileno(out), 0, SEEK_CUR) < 0);
    s->file = spools ? spool_open(err) : out;
    if (!s->file)
        return err->code;
    int status = send_rows(s, store, window, where, err);
    if (status == 0 && parquet)
        status = send_parquet(s, study, out, err);
    else if (status == 0 && spools)
        status = copy_file(s->file, out, err);
    if (spools)
        fclose(s->file);
    return status;
}

static void tell(const struct invocation *in, const struct sender *s, const char *path)
{
    if (in->quiet)
        return;
    fprintf(stderr, "telltale: %" PRIu64 " conversations", s->conversations);
    if (s->written != s->conversations)
        fprintf(stderr, " in %" PRIu64 " records", s->written);
    fprintf(stderr, " to %s\n", strcmp(path, "-") == 0 ? "standard output" : path);
}

static int run_in_store(const struct invocation *in, const struct export_options *o,
                        const struct study *study, struct store *store, struct error *err)
{
    struct store_window window = {.to_ms = UINT64_MAX};
    struct sender sender = {.options = o};
    struct output out;
    struct buf where;
    const char *path = o->output ? o->output : "-";
    buf_init(&where, SQL_LIMIT);
    int status = select_time("export", o->from, study, &window.from_ms, err);
    if (status == 0)
        status = select_time("export", o->to, study, &window.to_ms, err);
    if (status == 0)
        status = select_filter(o->arguments, o->argument_count, study, store, &where, err);
    if (status == 0 && !o->output && isatty(STDOUT_FILENO) && strcmp(o->what, "csv") != 0)
        status = error_set(err, ERROR_USAGE,
                           "export: -o FILE is missing (%s is not for a terminal)", o->what);
    if (status == 0)
        status = output_open(&out, path, err);
    if (status == 0) {
        status = send_all(&sender, study, store, &window, where.at, out.file, err);
        if (sender.is_cut)
            clearerr(stdout);
        if (status == 0 && !sender.is_cut)
            status = output_commit(&out, err);
        else
            output_abort(&out);
    }
    if (status == 0 && !sender.is_cut)
        tell(in, &sender, path);
    buf_done(&where);
    return status;
}

int export_flows(const struct invocation *in, const struct export_options *o, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    if (o->format || o->tlp)
        return error_set(err, ERROR_USAGE, "export: --%s is not for %s",
                         o->format ? "format" : "tlp", o->what);
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0)
        status = run_in_store(in, o, study, store, err);
    store_close(store);
    study_free(study);
    return status;
}
