/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "cmd/carry.h"
#include "cmd/digests.h"
#include "cmd/tables.h"
#include "decode/decode.h"
#include "decode/foreign.h"
#include "decode/ipfix_file.h"
#include "decode/nfcapd.h"
#include "flow/flow.h"
#include "input/capture.h"
#include "input/spool.h"
#include "meter/meter.h"
#include "wire/packet.h"
#include "wire/reassembly.h"

enum {
    RECORDS = 4 * DECODE_ROWS_MAX,
    FLOWS = 65536,
    SIGHTINGS = 16384,
    SIGHTINGS_A_FRAME = 512, /* more answers than one DNS message carries */
    COVERAGE_ROWS = 1 << 20,
    TICK_EVERY = 4096, /* packets or messages between two looks at the clock */
    GUESS_PACKETS = 400,
};

struct pipeline {
    const struct study *study;
    struct store *store;
    struct attribution *attribution;
    struct decoder *decoder; /* kept from file to file: templates stay known */
    struct coverage *coverage;
    struct table_inputs *tables; /* names that logs told stay known from file to file */
    struct batch *records, *flows;
    struct sightings seen;
    struct digests *digests;
    bool carries; /* segments of a spool: what is open waits for the next one */
};

/* One file on its way. */
struct passage {
    struct pipeline *p;
    struct import *import;
    struct pairer *pairer;
    struct tally tally;
    uint64_t first_ms, last_ms; /* of the conversations; 0 when none came yet */
    uint64_t segment;           /* number of a spool's segment; 0: none */
    bool carries;               /* it is to be followed by another */
    uint64_t octets_of;
    uint32_t ticks;
    pipeline_tick *tick;
    void *tick_ctx;
};

static struct decode_setting decode_setting_of(const struct pipeline *p)
{
    return (struct decode_setting){
        .limits = decode_limits_default,
        .population = p->study->kept_lpm,
        .sampling = p->study->sampling,
        .symbols = store_symbols(p->store),
        .coverage = p->coverage,
    };
}

static struct decoder *make_decoder(const struct pipeline *p)
{
    struct decode_setting setting = decode_setting_of(p);
    return decoder_new(&setting);
}

struct pipeline *pipeline_new(const struct study *study, struct store *store,
                              struct attribution *attribution)
{
    struct pipeline *p = memory_alloc(sizeof *p);
    p->study = study;
    p->store = store;
    p->attribution = attribution;
    p->coverage = coverage_new(COVERAGE_ROWS);
    p->records = batch_new(STAGE_RECORD, RECORDS);
    p->flows = batch_new(STAGE_FLOW, FLOWS);
    sightings_init(&p->seen, SIGHTINGS);
    p->decoder = make_decoder(p);
    p->tables = table_inputs_new(study, store, p->coverage);
    p->digests = digests_new();
    return p;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    decoder_free(p->decoder);
    table_inputs_free(p->tables);
    digests_free(p->digests);
    coverage_free(p->coverage);
    batch_free(p->records);
    batch_free(p->flows);
    sightings_done(&p->seen);
    free(p);
}

void pipeline_map(struct pipeline *p, const struct table_map *map)
{
    table_inputs_map(p->tables, map);
}

void pipeline_offer(struct pipeline *p, const char *path)
{
    table_inputs_offer(p->tables, path);
    digests_offer(p->digests, path);
}

static void note_times(struct passage *f, const struct batch *flows)
{
    for (size_t i = 0; i < flows->rows; i++) {
        if (f->last_ms == 0 || batch_start_ms(flows)[i] < f->first_ms)
            f->first_ms = batch_start_ms(flows)[i];
        if (batch_end_ms(flows)[i] > f->last_ms)
            f->last_ms = batch_end_ms(flows)[i];
    }
}

static int flush_flows(struct passage *f, struct error *err)
{
    struct pipeline *p = f->p;
    if (p->flows->rows == 0)
        return 0;
    note_times(f, p->flows);
    attribution_batch(p->attribution, p->flows);
    int status = import_rows(f->import, p->flows, err);
    batch_clear(p->flows);
    return status;
}

/* Everything gathered so far goes on its way: names first, then the records. */
static int drain(struct passage *f, struct error *err)
{
    struct pipeline *p = f->p;
    attribution_learn(p->attribution, &p->seen);
    p->seen.count = 0;
    for (size_t taken = 0; taken < p->records->rows;) {
        taken += pairer_add(f->pairer, p->records, taken, p->flows, &f->tally);
        if (taken < p->records->rows || batch_room(p->flows) < FLOWS / 2)
            if (flush_flows(f, err) < 0)
                return err->code;
    }
    batch_clear(p->records);
    return 0;
}

static int drain_when_full(struct passage *f, size_t rows_to_come, struct error *err)
{
    struct pipeline *p = f->p;
    if (batch_room(p->records) >= rows_to_come &&
        p->records->text_len < p->records->text_size / 2 &&
        p->seen.capacity - p->seen.count >= SIGHTINGS_A_FRAME)
        return 0;
    return drain(f, err);
}

static void tick(struct passage *f, uint64_t octets_done)
{
    if (f->tick && ++f->ticks % TICK_EVERY == 0)
        f->tick(f->tick_ctx, octets_done, f->octets_of, f->tally.records);
}

/* What ended the file early is a record that could not be read. */
static void count_end(struct passage *f, enum capture_status end)
{
    if (end == CAPTURE_CUT)
        tally_reject(&f->tally, REASON_truncated, 1);
    else if (end == CAPTURE_DAMAGED)
        tally_reject(&f->tally, REASON_bad_length, 1);
}

static int meter_capture(struct passage *f, struct capture *in, struct stream *stream,
                         struct error *err)
{
    struct pipeline *p = f->p;
    struct meter_setting setting = meter_setting_default;
    setting.population = p->study->kept_lpm;
    setting.symbols = store_symbols(p->store);
    setting.coverage = p->coverage;
    setting.idle_ms = p->study->idle_ms ? p->study->idle_ms : setting.idle_ms;
    setting.active_ms = p->study->active_ms ? p->study->active_ms : setting.active_ms;
    setting.payload = true;
    struct meter *m = meter_new(&setting);
    struct capture_packet packet;
    enum capture_status got;
    int status = 0;
    while (status == 0 && (got = capture_next(in, &packet)) == CAPTURE_PACKET) {
        meter_frame(m, packet.time_ns, packet.link_type, packet.frame, packet.original_len,
                    p->records, &p->seen, &f->tally);
        tick(f, stream_file_octets_read(stream));
        status = drain_when_full(f, METER_ROWS_MAX, err);
    }
    if (status == 0)
        count_end(f, got);
    while (status == 0 && meter_finish(m, p->records) > 0)
        status = drain_when_full(f, METER_ROWS_MAX, err);
    meter_free(m);
    return status;
}

/* One packet of a capture of exports; those in fragments are put together first. */
static void decode_packet(struct passage *f, struct reassembly *parts,
                          const struct capture_packet *packet)
{
    struct pipeline *p = f->p;
    struct packet ip;
    enum reason why = packet_parse(packet->link_type, packet->frame, packet->original_len, &ip);
    enum reassembly_result got =
        why == REASON_COUNT ? reassembly_take(parts, packet->time_ns, &ip) : REASSEMBLY_DAMAGED;
    if (got == REASSEMBLY_DAMAGED) {
        tally_reject(&f->tally, why == REASON_COUNT ? REASON_truncated : why, 1);
    } else if (got == REASSEMBLY_WHOLE && (ip.protocol != 17 || export_guess(ip.payload) == 0)) {
        tally_reject(&f->tally, REASON_not_export, 1);
    } else if (got == REASSEMBLY_WHOLE) {
        struct datagram d = {.exporter = ip.src,
                             .exporter_port = ip.src_port,
                             .arrival_ms = packet->time_ns / 1000000,
                             .payload = ip.payload};
        decoder_datagram(p->decoder, &d, p->records, &f->tally);
    }
    size_t lost = reassembly_lost(parts);
    if (lost)
        tally_reject(&f->tally, REASON_truncated, lost);
}

static int decode_capture(struct passage *f, struct capture *in, struct stream *stream,
                          struct error *err)
{
    struct pipeline *p = f->p;
    struct reassembly *parts = reassembly_new();
    struct capture_packet packet;
    enum capture_status got;
    int status = 0;
    while (status == 0 && (got = capture_next(in, &packet)) == CAPTURE_PACKET) {
        decode_packet(f, parts, &packet);
        tick(f, stream_file_octets_read(stream));
        status = drain_when_full(f, DECODE_ROWS_MAX, err);
    }
    if (status == 0) {
        size_t lost = reassembly_finish(parts);
        if (lost)
            tally_reject(&f->tally, REASON_truncated, lost);
        count_end(f, got);
        decoder_finish(p->decoder, &f->tally);
    }
    reassembly_free(parts);
    return status;
}

/* Whether a capture holds exports or ordinary traffic: by what its first packets contain. */
static int guess(const char *path, enum pipeline_as *ret, struct error *err)
{
    struct stream *stream;
    struct capture *in;
    struct capture_packet packet;
    unsigned exports = 0, others = 0;
    if (stream_open(path, &stream, err) < 0 || capture_open(stream, &in, err) < 0)
        return err->code;
    struct reassembly *parts = reassembly_new();
    for (int i = 0; i < GUESS_PACKETS && capture_next(in, &packet) == CAPTURE_PACKET; i++) {
        struct packet ip;
        if (packet_parse(packet.link_type, packet.frame, packet.original_len, &ip) !=
                REASON_COUNT ||
            reassembly_take(parts, packet.time_ns, &ip) != REASSEMBLY_WHOLE || ip.fragment_later)
            continue;
        if (ip.protocol == 17 && export_guess(ip.payload) == 2)
            exports++;
        else
            others++;
    }
    reassembly_free(parts);
    capture_free(in);
    *ret = exports > others ? AS_EXPORTS : AS_PACKETS;
    return 0;
}

static int import_capture(struct passage *f, const char *path, enum pipeline_as as,
                          struct error *err)
{
    struct stream *stream;
    struct capture *in;
    if (stream_open(path, &stream, err) < 0 || capture_open(stream, &in, err) < 0)
        return err->code;
    int status =
        as == AS_EXPORTS ? decode_capture(f, in, stream, err) : meter_capture(f, in, stream, err);
    capture_free(in);
    return status;
}

static int import_ipfix_file(struct passage *f, const char *path, struct error *err)
{
    struct pipeline *p = f->p;
    struct stream *stream;
    struct ipfix_file *in;
    if (stream_open(path, &stream, err) < 0 || ipfix_file_open(stream, &in, err) < 0)
        return err->code;
    struct datagram message = {0};
    enum capture_status got;
    int status = 0;
    do {
        /* A message that the file's end cuts is decoded as far as it goes, and counted there. */
        got = ipfix_file_next(in, &message.payload);
        if (got == CAPTURE_PACKET || got == CAPTURE_CUT)
            decoder_datagram(p->decoder, &message, p->records, &f->tally);
        f->ticks += TICK_EVERY / 16 - 1;
        tick(f, stream_file_octets_read(stream));
        status = drain_when_full(f, DECODE_ROWS_MAX, err);
    } while (status == 0 && got == CAPTURE_PACKET);
    if (got == CAPTURE_DAMAGED)
        count_end(f, got);
    if (status == 0)
        decoder_finish(p->decoder, &f->tally);
    ipfix_file_free(in);
    return status;
}

static int import_nfcapd(struct passage *f, const char *path, struct error *err)
{
    struct decode_setting setting = decode_setting_of(f->p);
    struct stream *stream;
    struct nfcapd *in;
    if (stream_open(path, &stream, err) < 0 || nfcapd_open(stream, &setting, &in, err) < 0)
        return err->code;
    int status = 0;
    while (status == 0 && nfcapd_next(in, f->p->records, &f->tally)) {
        f->ticks += TICK_EVERY / 16 - 1;
        tick(f, stream_file_octets_read(stream));
        status = drain_when_full(f, NFCAPD_ROWS_MAX, err);
    }
    nfcapd_free(in);
    return status;
}

/* The account and the coverage as the collector had them. Records of a segment that was never
 * closed may be more than its last account. */
static void take_account(struct passage *f, const struct spool *in, uint64_t records)
{
    size_t rows;
    const struct coverage_row *row = spool_coverage_rows(in, &rows);
    struct tally t = *spool_account(in);
    if (records > t.kept)
        tally_keep(&t, records - t.kept);
    tally_add(&f->tally, &t);
    for (size_t i = 0; i < rows; i++, row++) {
        struct coverage_row *to =
            coverage_at(f->p->coverage, (uint64_t)row->hour_s * 1000, row->exporter);
        to->records += row->records;
        to->lost += row->lost;
        to->rejected += row->rejected;
        if (row->sampling_min && (!to->sampling_min || row->sampling_min < to->sampling_min))
            to->sampling_min = row->sampling_min;
        if (row->sampling_max > to->sampling_max)
            to->sampling_max = row->sampling_max;
    }
}

static int import_spool(struct passage *f, const char *path, struct error *err)
{
    struct pipeline *p = f->p;
    struct stream *stream;
    struct spool *in;
    if (stream_open(path, &stream, err) < 0 || spool_begin(stream, &in, err) < 0)
        return err->code;
    uint64_t records = 0;
    enum spool_block got;
    int status = 0;
    do {
        size_t before = p->records->rows;
        got = spool_next(in, store_symbols(p->store), p->records);
        records += p->records->rows - before;
        f->ticks += TICK_EVERY - 1;
        tick(f, stream_file_octets_read(stream));
        /* Rows count as kept before the pairer may find them to be copies. */
        f->tally.records += p->records->rows - before;
        f->tally.kept += p->records->rows - before;
        status = drain_when_full(f, SPOOL_ROWS_MAX, err);
    } while (status == 0 && (got == SPOOL_RECORDS || got == SPOOL_CARRY));
    f->tally.records -= records;
    f->tally.kept -= records;
    if (status == 0) {
        take_account(f, in, records);
        if (got != SPOOL_END)
            count_end(f, got == SPOOL_CUT ? CAPTURE_CUT : CAPTURE_DAMAGED);
        f->carries = p->carries && !spool_is_last(in);
    }
    spool_free(in);
    return status;
}

static int table_room(void *ctx, uint64_t file_octets_read, struct error *err)
{
    struct passage *f = ctx;
    tick(f, file_octets_read);
    return drain_when_full(f, 1, err);
}

static int import_table(struct passage *f, const char *path, const char *shown, struct error *err)
{
    struct pipeline *p = f->p;
    struct table_sink sink = {
        .records = p->records, .seen = &p->seen, .tally = &f->tally, .room = table_room, .ctx = f};
    return table_inputs_import(p->tables, path, shown, &sink, err);
}

enum file_kind { KIND_CAPTURE, KIND_IPFIX, KIND_NFCAPD, KIND_TABLE, KIND_SPOOL };

/* The format by content, and its name as the report shows it. */
static int find_kind(struct pipeline *p, const char *path, const char *shown, enum pipeline_as *as,
                     enum file_kind *kind, const char **format, struct error *err)
{
    struct stream *stream;
    if (stream_open(path, &stream, err) < 0)
        return err->code;
    struct bytes head = stream_peek(stream, 4096);
    bool capture = capture_is(head), ng = head.len >= 4 && memcmp(head.at, "\n\r\r\n", 4) == 0;
    bool ipfix = ipfix_file_is(head), nfcapd = nfcapd_is(head);
    bool spool = spool_is(head);
    size_t len = head.len;
    bool table = table_inputs_is(head);
    const char *advice = foreign_advice(head);
    stream_free(stream);
    if (capture) {
        *kind = KIND_CAPTURE;
        if (*as == AS_GUESS && guess(path, as, err) < 0)
            return err->code;
        *format = *as == AS_EXPORTS ? (ng ? "exports in pcapng" : "exports in pcap")
                                    : (ng ? "pcapng" : "pcap");
        return 0;
    }
    if (ipfix) {
        *kind = KIND_IPFIX;
        *format = "ipfix";
        return 0;
    }
    if (nfcapd) {
        *kind = KIND_NFCAPD;
        *format = "nfcapd";
        return 0;
    }
    if (spool) {
        *kind = KIND_SPOOL;
        *format = "spool";
        return 0;
    }
    if (advice)
        return error_set(err, ERROR_FAILED, "%s: %s", shown, advice);
    if (table) {
        *kind = KIND_TABLE;
        return table_inputs_format(p->tables, path, shown, format, err);
    }
    return error_set(err, ERROR_FAILED,
                     len ? "%s: the format is not known (telltale import --help lists what is read)"
                         : "%s: the file is empty",
                     shown);
}

static int pass(struct passage *f, const char *path, const char *shown, enum pipeline_as as,
                enum file_kind kind, struct error *err)
{
    int status = kind == KIND_CAPTURE  ? import_capture(f, path, as, err)
                 : kind == KIND_NFCAPD ? import_nfcapd(f, path, err)
                 : kind == KIND_TABLE  ? import_table(f, path, shown, err)
                 : kind == KIND_SPOOL  ? import_spool(f, path, err)
                                       : import_ipfix_file(f, path, err);
    if (status == 0)
        status = drain(f, err);
    if (status == 0)
        status = flush_flows(f, err);
    if (status == 0 && f->carries)
        status = carry_save(path, f->segment, f->pairer, err);
    while (status == 0 && pairer_finish(f->pairer, f->p->flows) > 0)
        status = flush_flows(f, err);
    return status;
}

/* A spool's segment goes on with what the one before left open. */
static int make_pairer(struct passage *f, const char *path, enum file_kind kind, struct error *err)
{
    struct flow_setting setting = flow_setting_default;
    setting.study = f->p->study;
    setting.symbols = store_symbols(f->p->store);
    if (kind == KIND_SPOOL)
        return carry_load(path, f->segment, &setting, &f->pairer, err);
    f->pairer = pairer_new(&setting);
    return 0;
}

static int segment_number(const char *path, uint64_t *ret, struct error *err)
{
    struct stream *stream;
    struct spool *in;
    if (stream_open(path, &stream, err) < 0 || spool_begin(stream, &in, err) < 0)
        return err->code;
    *ret = spool_number(in);
    spool_free(in);
    return 0;
}

void pipeline_carry(struct pipeline *p)
{
    p->carries = true;
}

int pipeline_import(struct pipeline *p, const char *path, const char *shown_path,
                    enum pipeline_as as, pipeline_tick *tick_fn, void *tick_ctx,
                    struct pipeline_result *ret, struct error *err)
{
    struct timespec start, end;
    struct stat st;
    enum file_kind kind;
    struct source *source = &ret->source;
    clock_gettime(CLOCK_MONOTONIC, &start);
    *ret = (struct pipeline_result){0};
    snprintf(source->path, sizeof source->path, "%s", shown_path);
    if (stat(path, &st) < 0)
        return error_errno(err, "%s", shown_path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_FAILED, "%s: not a regular file", shown_path);
    if (find_kind(p, path, shown_path, &as, &kind, &source->format, err) < 0 ||
        digests_of(p->digests, path, source->sha256, err) < 0)
        return err->code;
    struct passage f = {
        .p = p, .octets_of = (uint64_t)st.st_size, .tick = tick_fn, .tick_ctx = tick_ctx};
    if (kind == KIND_SPOOL && segment_number(path, &f.segment, err) < 0)
        return err->code;
    if (import_begin(p->store, source, &f.import, &ret->seen, err) < 0)
        return err->code;
    if (ret->seen == STORE_DONE)
        return kind == KIND_SPOOL ? carry_commit(path, f.segment, err) : 0;
    if (make_pairer(&f, path, kind, err) < 0) {
        import_abandon(f.import);
        return err->code;
    }
    coverage_clear(p->coverage);
    batch_clear(p->records);
    batch_clear(p->flows);
    p->seen.count = 0;
    int status = pass(&f, path, shown_path, as, kind, err);
    source->tally = f.tally;
    source->conversations = pairer_counts(f.pairer).conversations;
    source->first_ms = f.first_ms;
    source->last_ms = f.last_ms;
    pairer_free(f.pairer);
    if (status < 0) {
        import_abandon(f.import);
        return status;
    }
    status = import_end(f.import, source, p->coverage, err);
    if (status == 0 &&
        kind == KIND_SPOOL) /* what was carried goes only when the segment is stored */
        status = store_settle(p->store, err);
    if (status == 0 && kind == KIND_SPOOL)
        status = carry_commit(path, f.segment, err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    ret->seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
    return status;
}
