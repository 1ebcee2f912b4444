/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of datagrams: each with two octets of length before it, whose top bits choose the
 * exporter, so that templates and data of several come in one input. Sums must be exact afterwards.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "decode/decode.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct decode_limits limits = {
    .exporters = 8, .templates = 32, .templates_an_exporter = 8, .held_octets = 16384};

static void one_datagram(struct decoder *d, struct batch *out, struct tally *tally, uint16_t head,
                         struct bytes octets)
{
    struct datagram in = {.exporter = ip_from_v4((const uint8_t[]){192, 0, 2, 1}),
                          .exporter_port = (uint16_t)(head >> 14 & 1),
                          .arrival_ms = UINT64_C(1491004800000)};
    in.exporter.octet[15] = (uint8_t)(1 + (head >> 15));
    /* Exactly as long as it is, so that a sanitizer sees a read behind it. */
    uint8_t *copy = memory_alloc(octets.len ? octets.len : 1);
    if (octets.len)
        memcpy(copy, octets.at, octets.len);
    in.payload = bytes_of(copy, octets.len);
    batch_clear(out);
    size_t rows = decoder_datagram(d, &in, out, tally);
    (void)export_guess(in.payload);
    free(copy);
    if (rows != out->rows || !tally_balanced(tally))
        abort();
    for (size_t i = 0; i < rows; i++)
        if (batch_end_ms(out)[i] < batch_start_ms(out)[i] || batch_sampling(out)[i] == 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct batch *out;
    if (!out)
        out = batch_new(STAGE_RECORD, DECODE_ROWS_MAX);
    struct symbols *symbols = symbols_new(64);
    struct coverage *coverage = coverage_new(64);
    struct lpm *population = NULL;
    if (size % 2) { /* half of the inputs with a population */
        struct prefix p = {.len_bits = 97};
        memcpy(p.ip.octet, IP_V4_MAPPED, sizeof IP_V4_MAPPED);
        population = lpm_new();
        lpm_add(population, &p, 1);
        lpm_seal(population);
    }
    struct decode_setting setting = {
        .limits = limits, .population = population, .symbols = symbols, .coverage = coverage};
    struct decoder *d = decoder_new(&setting);
    struct tally tally = {0};
    struct cursor c = cursor_of(bytes_of(data, size));
    while (cursor_left(&c) >= 2) {
        uint16_t head = cursor_be16(&c);
        size_t len = head & 0x3fff;
        one_datagram(d, out, &tally, head,
                     cursor_take(&c, len < cursor_left(&c) ? len : cursor_left(&c)));
    }
    decoder_finish(d, &tally);
    if (!tally_balanced(&tally))
        abort();
    decoder_free(d);
    lpm_free(population);
    coverage_free(coverage);
    symbols_free(symbols);
    return 0;
}
