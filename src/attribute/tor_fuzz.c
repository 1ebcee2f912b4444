/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a file holds, its documents are read within bounds, and what they make can be asked. */
#include <stdlib.h>

#include "attribute/tor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tor_builder *b = tor_builder_new(NULL, 100000);
    struct tor_table *first = NULL, *second = NULL;
    struct error err;
    const struct tor_span *spans;
    if (tor_builder_octets(b, bytes_of(data, size), &err) == 0 &&
        tor_builder_table(b, &first, &err) == 0) {
        /* Given twice, the same documents change nothing. */
        tor_builder_free(b);
        b = tor_builder_new(first, 100000);
        if (tor_builder_octets(b, bytes_of(data, size), &err) < 0 ||
            tor_builder_table(b, &second, &err) < 0 ||
            tor_spans(first, &spans) != tor_spans(second, &spans))
            abort();
        for (size_t i = 0; i < tor_spans(first, &spans); i++) {
            tor_spans(first, &spans);
            if (spans[i].from_s > spans[i].to_s ||
                tor_find(first, &spans[i].relay.ip, spans[i].relay.or_port,
                         (uint64_t)spans[i].to_s * 1000, 0)
                        .state != TOR_LISTED)
                abort();
        }
    }
    tor_free(first);
    tor_free(second);
    tor_builder_free(b);
    return 0;
}
