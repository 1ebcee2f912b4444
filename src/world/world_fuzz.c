/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a world: refused with a reason, or a world whose shares add up. */
#include <stdint.h>
#include <stdlib.h>

#include "world/world_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = NULL;
    struct error err = {0};
    if (world_parse("w.yaml", (const char *)data, size, 0, 1, &w, &err) != 0) {
        if (err.text[0] == 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < w->traffic_count; i++) {
        const struct world_traffic *t = &w->traffic[i];
        if (t->host_count == 0 || t->server_count == 0 ||
            t->server_until[t->server_count - 1] != 1 || t->host_until[t->host_count - 1] != 1)
            abort();
        if (!(world_expected(w, t, w->from_day, 20) >= 0))
            abort();
    }
    world_free(w);
    return 0;
}
