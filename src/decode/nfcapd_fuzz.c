/* SPDX-License-Identifier: Apache-2.0 */
/* nfcapd files: whatever the octets are, reading ends and every record is accounted for. */
#include <stdlib.h>

#include "decode/nfcapd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbols *symbols = symbols_new(1000);
    struct coverage *coverage = coverage_new(1000);
    struct decode_setting setting = {.symbols = symbols, .coverage = coverage, .sampling = 10};
    struct nfcapd *f;
    if (nfcapd_open(stream_of_bytes(bytes_of(data, size)), &setting, &f, NULL) == 0) {
        struct batch *out = batch_new(STAGE_RECORD, NFCAPD_ROWS_MAX);
        struct tally tally = {0};
        while (nfcapd_next(f, out, &tally)) {
            for (size_t i = 0; i < out->rows; i++)
                if (batch_start_ms(out)[i] > batch_end_ms(out)[i] || !batch_sampling(out)[i])
                    abort();
            batch_clear(out);
        }
        if (!tally_balanced(&tally))
            abort();
        batch_free(out);
        nfcapd_free(f);
    }
    coverage_free(coverage);
    symbols_free(symbols);
    return 0;
}
