/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/memory.h"
#include "decode/decoder.h"
#include "decode/times.h"
#include "wire/cursor.h"

enum {
    FACTS_MAX = 131072,
    /* A gap of more records or datagrams than this is a restart, not a loss. */
    GAP_MAX = 1 << 24,
    LATE_MAX = 1 << 16, /* what comes this much too late was re-ordered; more is a restart */
    UPTIME_BACK_MS = 60000,
    SOURCES_MAX =
        1024, /* sFlow's data sources (ports) of one agent; losses of others are not seen */
};

/* In all below 64 MiB: 16,384 * 200 + 65,536 * 384 + 8 MiB + 131,072 * 48 octets. */
const struct decode_limits decode_limits_default = {
    .exporters = 16384, .templates = 65536, .templates_an_exporter = 2048, .held_octets = 8 << 20};

static void on_gone(void *ctx, struct exporter *e)
{
    struct decoder *d = ctx;
    d->dropped_sets += held_forget(d->held, e);
    templates_forget(d->templates, e);
    facts_done(&e->facts, &d->facts_left);
}

struct decoder *decoder_new(const struct decode_setting *setting)
{
    struct decoder *d = memory_alloc(sizeof *d);
    d->setting = *setting;
    const struct decode_limits *limits = &d->setting.limits;
    if (!limits->exporters)
        d->setting.limits = decode_limits_default;
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = (uint64_t)(uintptr_t)d;
    d->facts_left = FACTS_MAX;
    d->held = held_new(limits->held_octets);
    d->templates = templates_new(limits->templates, limits->templates_an_exporter, seed);
    d->exporters = exporters_new(limits->exporters, seed, on_gone, d);
    d->records = records_new();
    netflow5_prepare(d);
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    exporters_free(d->exporters);
    templates_free(d->templates);
    held_free(d->held);
    records_free(d->records);
    for (int i = 0; i < LEGACY_COUNT; i++)
        free(d->legacy[i]);
    free(d);
}

bool time_is_sane(uint64_t ms)
{
    return ms >= TIME_LEAST_MS && ms <= TIME_MOST_MS;
}

void message_time(struct message *m, uint64_t header_ms)
{
    m->export_ms = time_is_sane(header_ms) ? header_ms : m->arrival_ms;
}

static struct coverage_row *coverage_of(const struct message *m)
{
    struct coverage *c = m->d->setting.coverage;
    return c ? coverage_at(c, m->export_ms, m->e ? m->e->symbol : 0) : NULL;
}

void message_reject(const struct message *m, enum reason reason, uint64_t count)
{
    tally_reject(m->tally, reason, count);
    struct coverage_row *row = coverage_of(m);
    if (row)
        row->rejected += count;
}

void message_records(const struct message *m, uint64_t count)
{
    struct coverage_row *row = coverage_of(m);
    if (row)
        row->records += count;
}

void message_sampling(const struct message *m, uint32_t interval)
{
    struct coverage_row *row = coverage_of(m);
    if (!row)
        return;
    if (row->sampling_min == 0 || interval < row->sampling_min)
        row->sampling_min = interval;
    if (interval > row->sampling_max)
        row->sampling_max = interval;
}

/* The symbol is given only to those whose data can be read: forged addresses get none. */
void message_good(const struct message *m)
{
    struct exporter *e = m->e;
    exporter_good(m->d->exporters, e);
    if (e->symbol)
        return;
    char text[IP_TEXT_MAX + 16];
    size_t len = ip_print(&e->key.ip, text);
    if (e->key.domain)
        len += (size_t)snprintf(text + len, 16, "#%u", e->key.domain);
    e->symbol = symbols_code(m->d->setting.symbols, SYMBOL_EXPORTER, text, len);
}

static bool uptime_went_back(const struct message *m, const struct sequence *s)
{
    /* Modulo 2^32: a wrap is a small step forward. */
    int32_t step = (int32_t)(m->uptime_ms - s->uptime_ms);
    return m->has_uptime && step < -UPTIME_BACK_MS;
}

/* Only what can be read is judged: garbage with a version number says nothing about losses. */
void message_sequence(const struct message *m, uint32_t number, uint32_t step, bool known)
{
    struct sequence *s = &m->e->sequence;
    if (!m->e->symbol)
        return;
    int32_t gap = (int32_t)(number - s->expected);
    bool restart = !s->known || uptime_went_back(m, s) || gap > GAP_MAX || gap < -LATE_MAX;
    struct coverage_row *row = coverage_of(m);
    if (!restart && gap < 0) {
        /* Late: what was counted as lost is here after all. */
        uint64_t back = step < s->missing ? step : s->missing;
        s->missing -= back;
        if (row)
            row->lost -= back < row->lost ? back : row->lost;
        return;
    }
    if (!restart && gap > 0) {
        s->missing = (uint64_t)gap;
        if (row)
            row->lost += (uint64_t)gap;
    }
    if (restart || gap == 0)
        s->missing = restart ? 0 : s->missing;
    s->known = known;
    s->expected = number + step;
    s->uptime_ms = m->uptime_ms;
}

void message_uptime(const struct message *m)
{
    struct sequence *s = &m->e->sequence;
    if (s->known && uptime_went_back(m, s)) {
        facts_reset(&m->e->facts, FACT_SOURCE, 0);
        s->missing = 0;
    }
    s->known = true;
    s->uptime_ms = m->uptime_ms;
}

void message_sample(const struct message *m, uint64_t source, uint32_t number)
{
    struct exporter *e = m->e;
    uint32_t expected = 0;
    bool known = facts_get(&e->facts, FACT_SOURCE, source, &expected);
    if (!known && e->source_count == SOURCES_MAX)
        return;
    int32_t gap = (int32_t)(number - expected);
    struct coverage_row *row = coverage_of(m);
    if (known && expected && gap < 0 && gap >= -LATE_MAX) {
        uint64_t back = e->sequence.missing > 0; /* late: it was counted as lost */
        e->sequence.missing -= back;
        if (row)
            row->lost -= row->lost > 0 ? back : 0;
        return;
    }
    if (known && expected && gap > 0 && gap <= GAP_MAX) {
        e->sequence.missing += (uint32_t)gap;
        if (row)
            row->lost += (uint32_t)gap;
    }
    if (facts_set(&e->facts, FACT_SOURCE, source, number + 1, &m->d->facts_left))
        e->source_count++;
}

/* A header of about the same time as the message before it. */
static bool header_begins(const struct message *m, struct bytes rest)
{
    if (rest.len < 16)
        return false;
    unsigned version = octets_be16(rest.at);
    if (version != 1 && version != 5 && version != 7 && version != 9 && version != 10)
        return false;
    uint64_t ms = (uint64_t)octets_be32(rest.at + (version == 10 ? 4 : 8)) * 1000;
    uint64_t apart = ms > m->export_ms ? ms - m->export_ms : m->export_ms - ms;
    return apart <= DAY_MS;
}

/* What follows a whole message in a datagram: zeros, another message (some exporters and relays put
 * several into one), or damage. */
static bool another(const struct message *m, struct bytes rest)
{
    if (rest.len == 0)
        return false;
    bool zero = true;
    for (size_t i = 0; i < rest.len && zero; i++)
        zero = rest.at[i] == 0;
    if (zero)
        return false;
    if (header_begins(m, rest))
        return true;
    message_reject(m, REASON_bad_length, 1);
    return false;
}

static struct bytes one_message(struct message *m, struct bytes in)
{
    m->key.version = in.len >= 2 ? octets_be16(in.at) : 0;
    m->has_uptime = false;
    m->uptime_ms = m->sampling = 0;
    m->export_ms = m->arrival_ms;
    switch (m->key.version) {
    case 1:
    case 5:
    case 7:
        return netflow5_decode(m, in);
    case 9:
    case 10:
        return flowset_decode(m, in);
    case 0: /* sFlow's version has 32 bits */
        if (in.len >= 4 && octets_be32(in.at) == SFLOW_VERSION)
            return sflow_decode(m, in);
        __attribute__((fallthrough));
    default:
        message_reject(m, in.len < 2 ? REASON_truncated : REASON_bad_version, 1);
        return bytes_of(in.at, 0);
    }
}

size_t decoder_datagram(struct decoder *d, const struct datagram *in, struct batch *out,
                        struct tally *tally)
{
    struct message m = {.d = d, .out = out, .tally = tally, .arrival_ms = in->arrival_ms};
    m.key.ip = in->exporter;
    m.key.port = in->exporter_port;
    size_t before = out->rows;
    struct bytes rest = in->payload;
    do
        rest = one_message(&m, rest);
    while (another(&m, rest));
    if (d->dropped_sets) { /* state of other exporters made room; their data goes with it */
        tally_reject(tally, REASON_no_template, d->dropped_sets);
        d->dropped_sets = 0;
    }
    return out->rows - before;
}

void decoder_population(struct decoder *d, const struct lpm *population, uint32_t sampling)
{
    d->setting.population = population;
    d->setting.sampling = sampling;
}

void decoder_finish(struct decoder *d, struct tally *tally)
{
    uint64_t sets = d->dropped_sets + held_forget(d->held, NULL);
    d->dropped_sets = 0;
    if (sets)
        tally_reject(tally, REASON_no_template, sets);
}
