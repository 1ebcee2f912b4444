/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/fields.h"

#include <string.h>

#define R STAGE_RECORD
#define F STAGE_FLOW
const struct field_info field_infos[FIELD_COUNT] = {
#define FIELD(name, type, stages, shown, doc)                                                      \
    [FIELD_##name] = {#name, TYPE_##type, stages, SHOWN_##shown, doc},
#include "schema/fields.def"
#undef FIELD
};

static const struct {
    size_t octets;
    const char *clickhouse;
} types[] = {
    [TYPE_U8] = {1, "UInt8"},   [TYPE_U16] = {2, "UInt16"},          [TYPE_U32] = {4, "UInt32"},
    [TYPE_U64] = {8, "UInt64"}, [TYPE_IP] = {16, "FixedString(16)"}, [TYPE_STR] = {8, "String"},
    [TYPE_DAY] = {2, "Date"},
};

size_t field_type_octets(enum field_type type)
{
    return types[type].octets;
}

const char *field_type_clickhouse(enum field_type type)
{
    return types[type].clickhouse;
}

int field_find(const char *name, size_t len)
{
    for (int i = 0; i < FIELD_COUNT; i++)
        if (strlen(field_infos[i].name) == len && memcmp(field_infos[i].name, name, len) == 0)
            return i;
    return -1;
}
