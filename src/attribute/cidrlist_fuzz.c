/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a file holds, what is taken of it is prefixes that a sorted list can hold, and every
 * line is counted once. */
#include <stdlib.h>

#include "attribute/cidrlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cidrlist l;
    struct cidr_counts c = {0};
    cidrlist_init(&l);
    if (cidrlist_read(&l, bytes_of(data, size), &c, NULL) == 0) {
        if (c.lines != c.taken + c.headers + c.no_address + c.bad_address + c.too_long)
            abort();
        cidrlist_sort(&l, &c);
        for (size_t i = 0; i < l.count; i++)
            if (l.at[i].prefix.len_bits == 0 || l.at[i].prefix.len_bits > 128 ||
                l.at[i].tag >= l.tag_count)
                abort();
    }
    cidrlist_done(&l);
    return 0;
}
