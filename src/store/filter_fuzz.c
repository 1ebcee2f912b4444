/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: refused with a column, or the text it prints parses to what prints the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct symbols *symbols;
    struct filter *f = NULL, *again = NULL;
    struct error err = {0};
    struct buf first, second;
    if (!symbols) {
        symbols = symbols_new(10);
        symbols_code(symbols, SYMBOL_SERVICE, "facebook", 8);
    }
    if (filter_parse_text((const char *)data, size, false, &f, &err) != 0) {
        if (strncmp(err.text, "filter:", 7) != 0)
            abort();
        return 0;
    }
    buf_init(&first, 16 << 20);
    buf_init(&second, 16 << 20);
    filter_sql(f, symbols, &first);
    buf_clear(&first);
    filter_print(f, &first);
    if (filter_parse_text(first.at, first.len, false, &again, &err) != 0)
        abort();
    filter_print(again, &second);
    if (first.len != second.len || memcmp(first.at, second.at, first.len) != 0)
        abort();
    filter_free(f);
    filter_free(again);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
