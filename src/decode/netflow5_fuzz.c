/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed layouts (NetFlow 1, 5, 7): streams of datagrams, each with two octets of length before
 * it; the version is forced to one of the three, so that every input is about them. */
#include <stdlib.h>

#include "base/memory.h"
#include "decode/decode.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_datagram(struct decoder *d, struct batch *out, struct tally *tally,
                         struct bytes octets)
{
    static const uint8_t versions[] = {5, 1, 7, 5};
    uint8_t *copy = memory_alloc(octets.len ? octets.len : 1);
    if (octets.len)
        memcpy(copy, octets.at, octets.len);
    if (octets.len >= 2) {
        copy[1] = versions[copy[0] & 3];
        copy[0] = 0;
    }
    struct datagram in = {.exporter = ip_from_v4((const uint8_t[]){192, 0, 2, 1}),
                          .arrival_ms = UINT64_C(1491004800000),
                          .payload = bytes_of(copy, octets.len)};
    batch_clear(out);
    size_t rows = decoder_datagram(d, &in, out, tally);
    (void)export_guess(in.payload);
    free(copy);
    if (rows != out->rows || !tally_balanced(tally))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct batch *out;
    if (!out)
        out = batch_new(STAGE_RECORD, DECODE_ROWS_MAX);
    struct symbols *symbols = symbols_new(64);
    struct decode_setting setting = {.limits = decode_limits_default, .symbols = symbols};
    setting.limits.exporters = 16;
    setting.limits.templates = 16;
    struct decoder *d = decoder_new(&setting);
    struct tally tally = {0};
    struct cursor c = cursor_of(bytes_of(data, size));
    while (cursor_left(&c) >= 2) {
        size_t len = cursor_be16(&c);
        one_datagram(d, out, &tally,
                     cursor_take(&c, len < cursor_left(&c) ? len : cursor_left(&c)));
    }
    decoder_finish(d, &tally);
    decoder_free(d);
    symbols_free(symbols);
    return 0;
}
