/* SPDX-License-Identifier: Apache-2.0 */
/* For tests only: messages put together by hand, and a decoder with all it needs. */
#ifndef TELLTALE_DECODE_FIXTURE_H
#define TELLTALE_DECODE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decode.h"
#include "schema/values.h"

#define NOW_S  1491004800u /* 2017-04-01T00:00:00Z */
#define NOW_MS (NOW_S * UINT64_C(1000))

struct fixture {
    struct symbols *symbols;
    struct coverage *coverage;
    struct decode_setting setting;
    struct decoder *d;
    struct batch *out;
    struct tally tally;
    struct datagram in;
};

/* Octets of a message under construction. `len_at` of sets and messages is filled when they end. */
struct build {
    uint8_t at[65536];
    size_t len, set, message;
};

static inline void fixture_open(struct fixture *f, const struct decode_limits *limits)
{
    memset(f, 0, sizeof *f);
    f->symbols = symbols_new(1000);
    f->coverage = coverage_new(1000);
    f->setting = (struct decode_setting){.limits = limits ? *limits : decode_limits_default,
                                         .symbols = f->symbols,
                                         .coverage = f->coverage};
    f->d = decoder_new(&f->setting);
    f->out = batch_new(STAGE_RECORD, 2 * DECODE_ROWS_MAX);
    f->in = (struct datagram){.exporter = ip_from_v4((const uint8_t[]){192, 0, 2, 1}),
                              .exporter_port = 4000,
                              .arrival_ms = NOW_MS};
}

static inline void fixture_close(struct fixture *f)
{
    assert_true(tally_balanced(&f->tally));
    decoder_free(f->d);
    batch_free(f->out);
    coverage_free(f->coverage);
    symbols_free(f->symbols);
}

static inline void put(struct build *b, uint64_t value, size_t width)
{
    for (size_t i = width; i-- > 0;)
        b->at[b->len++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
}

static inline void put_text(struct build *b, const char *text, size_t width)
{
    memset(b->at + b->len, 0, width);
    memcpy(b->at + b->len, text, strlen(text) < width ? strlen(text) : width);
    b->len += width;
}

static inline void set_at(struct build *b, size_t at, uint16_t value)
{
    b->at[at] = (uint8_t)(value >> 8);
    b->at[at + 1] = (uint8_t)value;
}

static inline void begin_ipfix(struct build *b, uint32_t sequence, uint32_t domain)
{
    b->message = b->len;
    put(b, 10, 2);
    put(b, 0, 2);
    put(b, NOW_S, 4);
    put(b, sequence, 4);
    put(b, domain, 4);
}

static inline void begin_netflow9(struct build *b, uint32_t uptime_ms, uint32_t sequence,
                                  uint32_t domain)
{
    b->message = b->len;
    put(b, 9, 2);
    put(b, 1, 2);
    put(b, uptime_ms, 4);
    put(b, NOW_S, 4);
    put(b, sequence, 4);
    put(b, domain, 4);
}

static inline void begin_set(struct build *b, uint16_t id)
{
    b->set = b->len;
    put(b, id, 2);
    put(b, 0, 2);
}

static inline void end_set(struct build *b)
{
    set_at(b, b->set + 2, (uint16_t)(b->len - b->set));
}

static inline void end_ipfix(struct build *b)
{
    set_at(b, b->message + 2, (uint16_t)(b->len - b->message));
}

/* Pairs of id and width, ended by a pair of zeros; an id over 65535 is pen << 16 | id. */
static inline void put_fields(struct build *b, const uint64_t (*fields)[2])
{
    for (size_t i = 0; fields[i][0] || fields[i][1]; i++) {
        uint64_t pen = fields[i][0] >> 16;
        put(b, (fields[i][0] & 0xffff) | (pen ? 0x8000 : 0), 2);
        put(b, fields[i][1], 2);
        if (pen)
            put(b, pen, 4);
    }
}

static inline size_t fields_count(const uint64_t (*fields)[2])
{
    size_t n = 0;
    while (fields[n][0] || fields[n][1])
        n++;
    return n;
}

static inline void put_template_set(struct build *b, uint16_t set, uint16_t id,
                                    const uint64_t (*fields)[2])
{
    begin_set(b, set);
    put(b, id, 2);
    put(b, fields_count(fields), 2);
    put_fields(b, fields);
    end_set(b);
}

/* An IPFIX options template with `scope` scope fields. */
static inline void put_options_set(struct build *b, uint16_t id, size_t scope,
                                   const uint64_t (*fields)[2])
{
    begin_set(b, 3);
    put(b, id, 2);
    put(b, fields_count(fields), 2);
    put(b, scope, 2);
    put_fields(b, fields);
    end_set(b);
}

static inline size_t feed(struct fixture *f, const struct build *b)
{
    f->in.payload = bytes_of(b->at, b->len);
    batch_clear(f->out);
    size_t rows = decoder_datagram(f->d, &f->in, f->out, &f->tally);
    assert_true(tally_balanced(&f->tally));
    return rows;
}

static inline const char *exporter_text(const struct fixture *f, size_t row)
{
    return symbols_text(f->symbols, SYMBOL_EXPORTER, batch_exporter(f->out)[row]);
}

static inline uint64_t lost_records(const struct fixture *f)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < coverage_count(f->coverage); i++)
        lost += coverage_rows(f->coverage)[i].lost;
    return lost;
}

#endif
