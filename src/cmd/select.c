/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/select.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attribute/catalogue.h"
#include "base/zone.h"

int select_time(const char *verb, const char *text, const struct study *study, uint64_t *ret,
                struct error *err)
{
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    if (text && time_parse_ms(text, strlen(text), study->zone, now_ms, ret) < 0)
        return error_set(err, ERROR_USAGE,
                         "%s: '%s' is no time (2017-04-01, 2017-04-01T12:00:00Z, now-24h)", verb,
                         text);
    return 0;
}

struct knowing {
    struct catalogue *catalogue;
    const struct symbols *symbols;
};

/* A service or category that neither the catalogue nor the store knows is a typing mistake. */
static bool is_known(void *ctx, enum symbol_kind kind, const char *text, size_t len)
{
    const struct knowing *k = ctx;
    if (symbols_find(k->symbols, kind, text, len))
        return true; /* also what only a list of the study names */
    return kind == SYMBOL_SERVICE ? catalogue_find(k->catalogue, text, len) >= 0
                                  : catalogue_category_find(k->catalogue, text, len) >= 0;
}

static int check_words(const struct study *study, const struct symbols *symbols,
                       const struct filter *filter, struct error *err)
{
    struct knowing k = {.symbols = symbols};
    if (catalogue_load(study->catalogue_files, study->catalogue_file_count, &k.catalogue, err) < 0)
        return err->code;
    int status = filter_check(filter, is_known, &k, err);
    catalogue_free(k.catalogue);
    return status;
}

int select_filter(char **arguments, int count, const struct study *study, struct store *store,
                  struct buf *where, struct error *err)
{
    struct buf text;
    struct filter *filter = NULL;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < count; i++)
        buf_format(&text, "%s%s", i ? " " : "", arguments[i]);
    int status = filter_parse(text.at ? text.at : "", &filter, err);
    if (status == 0)
        status = check_words(study, store_symbols(store), filter, err);
    if (status == 0)
        filter_sql(filter, store_symbols(store), where);
    filter_free(filter);
    buf_done(&text);
    return status;
}

int select_seed(const char *verb, const char *text, uint16_t *ret, struct error *err)
{
    char *end;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (text && (*end || !isdigit((unsigned char)text[0]) || value > UINT16_MAX))
        return error_set(err, ERROR_USAGE, "%s: a seed is a number from 0 to 65535, not '%s'", verb,
                         text);
    *ret = (uint16_t)value;
    return 0;
}
