/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/dns.h"
#include "meter/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sightings seen;
    static const struct ip client;
    struct name name;
    if (!seen.rows)
        sightings_init(&seen, 64);
    seen.count = 0;
    dns_read(bytes_of(data, size), 1, &client, &seen);
    for (size_t i = 0; i < seen.count; i++)
        if (!name_set(&name, bytes_of(seen.rows[i].name, seen.rows[i].name_len)))
            abort();
    return 0;
}
