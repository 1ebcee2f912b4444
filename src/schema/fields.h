/* SPDX-License-Identifier: Apache-2.0 */
/* What fields.def makes: numbers, types and names of the columns. */
#ifndef TELLTALE_SCHEMA_FIELDS_H
#define TELLTALE_SCHEMA_FIELDS_H

#include <stddef.h>
#include <stdint.h>

enum field {
#define FIELD(name, type, stages, shown, doc) FIELD_##name,
#include "schema/fields.def"
#undef FIELD
    FIELD_COUNT
};

enum field_type { TYPE_U8, TYPE_U16, TYPE_U32, TYPE_U64, TYPE_IP, TYPE_STR, TYPE_DAY };

enum field_stage { STAGE_RECORD = 1, STAGE_FLOW = 2 };

enum field_shown {
    SHOWN_HIDDEN, SHOWN_NUMBER, SHOWN_TIME, SHOWN_ADDRESS, SHOWN_TEXT, SHOWN_FLAGS, SHOWN_ROLE,
    SHOWN_SERVICE, SHOWN_CATEGORY, SHOWN_BASIS, SHOWN_CANDIDATES, SHOWN_NAME_KIND,
    SHOWN_APPLICATION, SHOWN_COUNTRY, SHOWN_OWNER, SHOWN_EXPORTER, SHOWN_SOURCE,
    SHOWN_ADDRESS_IF, SHOWN_PLATFORM, SHOWN_PLATFORM_BASIS, SHOWN_FINGERPRINT, SHOWN_TLS_VERSION,
    SHOWN_TLS_FAULTS,
};

struct field_info {
    const char *name;
    enum field_type type;
    unsigned stages; /* enum field_stage, or-ed */
    enum field_shown shown;
    const char *doc;
};

extern const struct field_info field_infos[FIELD_COUNT];

/* Octets of one value in a column; a STR column holds struct text_ref (batch/batch.h). */
size_t field_type_octets(enum field_type type);
/* ClickHouse's name of the type, portable to 18.16: UInt8 ... FixedString(16), String, Date. */
const char *field_type_clickhouse(enum field_type type);
/* -1 when there is no field of that name. */
int field_find(const char *name, size_t len);

#endif
