/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as tables and logs of any kind: each line must be accounted for. */
#include <stdlib.h>

#include "decode/table_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbols *symbols = symbols_new(64);
    struct batch *out = batch_new(STAGE_RECORD, 256);
    struct table_names *names = table_names_new(32), *certificates = table_names_new(32);
    struct sightings seen;
    struct tally tally = {0};
    struct table_log *log;
    sightings_init(&seen, 16);
    struct table_log_setting setting = {
        .row = {.symbols = symbols}, .names = names, .certificates = certificates};
    if (table_log_open(stream_of_bytes(bytes_of(data, size)), &setting, "fuzz", &log, NULL) == 0) {
        while (batch_room(out) && table_log_line(log, out, &seen, &tally))
            ;
        table_log_free(log);
    }
    if (!tally_balanced(&tally) || tally.kept != out->rows)
        abort();
    for (size_t i = 0; i < out->rows; i++)
        if (batch_end_ms(out)[i] < batch_start_ms(out)[i] || batch_sampling(out)[i] == 0)
            abort();
    sightings_done(&seen);
    table_names_free(names);
    table_names_free(certificates);
    batch_free(out);
    symbols_free(symbols);
    return 0;
}
