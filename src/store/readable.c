/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readable.h"

#include <string.h>

#include "schema/fields.h"
#include "schema/values.h"
#include "store/community_sql.h"

/* Texts go in as unhex('..'): nothing from the network is ever part of a statement. */
static void add_hex(struct buf *out, const char *text)
{
    buf_text(out, "unhex('");
    for (; *text; text++)
        buf_format(out, "%02X", (unsigned char)*text);
    buf_text(out, "')");
}

typedef const char *text_of(void *ctx, uint32_t code);

/* transform(toUInt32(column), [1, 2, ..], [text, text, ..], '') */
static void add_transform(struct buf *out, const char *column, uint32_t first, uint32_t last,
                          text_of *text, void *ctx)
{
    if (last < first) {
        buf_text(out, "''");
        return;
    }
    buf_format(out, "transform(toUInt32(%s), [", column);
    for (uint32_t code = first; code <= last; code++)
        buf_format(out, "%stoUInt32(%u)", code > first ? "," : "", code);
    buf_text(out, "], [");
    for (uint32_t code = first; code <= last; code++) {
        buf_text(out, code > first ? "," : "");
        add_hex(out, text(ctx, code));
    }
    buf_text(out, "], '')");
}

struct symbol_ctx {
    const struct symbols *symbols;
    enum symbol_kind kind;
};

static const char *symbol_text(void *ctx, uint32_t code)
{
    struct symbol_ctx *s = ctx;
    return symbols_text(s->symbols, s->kind, code);
}

static void add_symbol(struct buf *out, const char *column, const struct symbols *symbols,
                       enum symbol_kind kind)
{
    struct symbol_ctx ctx = {symbols, kind};
    add_transform(out, column, 1, symbols_count(symbols, kind), symbol_text, &ctx);
}

struct value_ctx {
    const char *(*text)(unsigned value);
};

static const char *value_text(void *ctx, uint32_t code)
{
    return ((struct value_ctx *)ctx)->text(code);
}

static void add_value(struct buf *out, const char *column, const char *(*text)(unsigned))
{
    struct value_ctx ctx = {text};
    uint32_t last = 0;
    while (text(last + 1)[0])
        last++;
    add_transform(out, column, 1, last, value_text, &ctx);
}

static void add_ip(struct buf *out, const char *column)
{
    buf_format(out,
               "if(substring(%s, 1, 12) = unhex('00000000000000000000FFFF'), "
               "IPv4NumToString(reinterpretAsUInt32(reverse(substring(%s, 13, 4)))), "
               "IPv6NumToString(%s))",
               column, column, column);
}

static void add_flags(struct buf *out, const char *column)
{
    static const char letters[] = "FSRPAUEC";
    buf_text(out, "concat(");
    for (int i = 0; letters[i]; i++)
        buf_format(out, "%sif(bitAnd(%s, %d) != 0, '%c', '')", i ? ", " : "", column, 1 << i,
                   letters[i]);
    buf_text(out, ")");
}

/* Nothing where there is no address. */
static void add_ip_if(struct buf *out, const char *column)
{
    buf_format(out, "if(%s = toFixedString('', 16), '', ", column);
    add_ip(out, column);
    buf_text(out, ")");
}

static void add_tls_version(struct buf *out, const char *column)
{
    buf_format(out, "transform(toUInt32(%s), [", column);
    for (unsigned i = 0; tls_version_at(i); i++)
        buf_format(out, "%stoUInt32(%u)", i ? "," : "", tls_version_at(i));
    buf_text(out, "], [");
    for (unsigned i = 0; tls_version_at(i); i++)
        buf_format(out, "%s'%s'", i ? "," : "", tls_version_text(tls_version_at(i)));
    buf_text(out, "], '')");
}

static void add_tls_faults(struct buf *out, const char *column)
{
    buf_text(out, "arrayStringConcat(arrayFilter(x -> x != '', [");
    for (unsigned bit = 1; tls_fault_text(bit)[0]; bit <<= 1)
        buf_format(out, "%sif(bitAnd(%s, %u) != 0, '%s', '')", bit > 1 ? ", " : "", column, bit,
                   tls_fault_text(bit));
    buf_text(out, "]), '|')");
}

static void add_field(struct buf *out, const struct field_info *f, const struct symbols *symbols,
                      text_of *source_path, void *ctx)
{
    uint32_t sources = 0;
    switch (f->shown) {
    case SHOWN_TIME:
        buf_format(out, "toDateTime64(%s / 1000, 3, 'UTC')", f->name);
        break;
    case SHOWN_ADDRESS:
        add_ip(out, f->name);
        break;
    case SHOWN_ADDRESS_IF:
        add_ip_if(out, f->name);
        break;
    case SHOWN_PLATFORM:
        add_value(out, f->name, platform_text);
        break;
    case SHOWN_PLATFORM_BASIS:
        add_value(out, f->name, platform_basis_text);
        break;
    case SHOWN_FINGERPRINT:
        add_symbol(out, f->name, symbols, SYMBOL_FINGERPRINT);
        break;
    case SHOWN_TLS_VERSION:
        add_tls_version(out, f->name);
        break;
    case SHOWN_TLS_FAULTS:
        add_tls_faults(out, f->name);
        break;
    case SHOWN_FLAGS:
        add_flags(out, f->name);
        break;
    case SHOWN_ROLE:
        add_value(out, f->name, role_text);
        break;
    case SHOWN_BASIS:
        add_value(out, f->name, basis_text);
        break;
    case SHOWN_NAME_KIND:
        add_value(out, f->name, name_kind_text);
        break;
    case SHOWN_OWNER:
        add_value(out, f->name, owner_text);
        break;
    case SHOWN_SERVICE:
        add_symbol(out, f->name, symbols, SYMBOL_SERVICE);
        break;
    case SHOWN_CATEGORY:
        add_symbol(out, f->name, symbols, SYMBOL_CATEGORY);
        break;
    case SHOWN_CANDIDATES:
        add_symbol(out, f->name, symbols, SYMBOL_CANDIDATES);
        break;
    case SHOWN_APPLICATION:
        add_symbol(out, f->name, symbols, SYMBOL_APPLICATION);
        break;
    case SHOWN_EXPORTER:
        add_symbol(out, f->name, symbols, SYMBOL_EXPORTER);
        break;
    case SHOWN_COUNTRY:
        buf_format(out, "if(%s = 0, '', concat(char(intDiv(%s, 256)), char(%s %% 256)))", f->name,
                   f->name, f->name);
        break;
    case SHOWN_SOURCE:
        while (source_path(ctx, sources + 1))
            sources++;
        add_transform(out, f->name, 1, sources, source_path, ctx);
        break;
    default:
        buf_text(out, f->name);
    }
}

void readable_columns(struct buf *out, const struct symbols *symbols,
                      const char *(*source_path)(void *ctx, uint32_t id), void *ctx)
{
    bool first = true;
    for (int i = 0; i < FIELD_COUNT; i++) {
        const struct field_info *f = &field_infos[i];
        if (!(f->stages & STAGE_FLOW) || f->shown == SHOWN_HIDDEN)
            continue;
        buf_text(out, first ? "" : ", ");
        add_field(out, f, symbols, source_path, ctx);
        buf_format(out, " AS %s", i == FIELD_start_ms ? "start" : i == FIELD_end_ms ? "end"
                                                                  : f->name);
        first = false;
    }
}

void readable_community(struct buf *out, uint16_t seed)
{
    buf_text(out, ", ");
    community_sql(out, seed);
    buf_text(out, " AS community_id");
}
