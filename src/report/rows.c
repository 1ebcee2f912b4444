/* SPDX-License-Identifier: Apache-2.0 */
#include "report/rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/memory.h"
#include "base/zone.h"
#include "report/community.h"
#include "report/text.h"
#include "schema/fields.h"
#include "schema/values.h"

struct rows_writer {
    struct rows_setting setting;
    FILE *out;
    struct buf line, cell;
    uint64_t count;
};

enum { LINE_LIMIT = 16 << 20, CELL_MAX = TLS_FAULTS_TEXT_MAX };

struct rows_writer *rows_new(const struct rows_setting *setting, FILE *out)
{
    struct rows_writer *w = memory_alloc(sizeof *w);
    w->setting = *setting;
    w->out = out;
    buf_init(&w->line, LINE_LIMIT);
    buf_init(&w->cell, LINE_LIMIT);
    return w;
}

void rows_free(struct rows_writer *w)
{
    if (!w)
        return;
    buf_done(&w->line);
    buf_done(&w->cell);
    free(w);
}

const char *rows_column_name(int field)
{
    return field == FIELD_start_ms ? "start" : field == FIELD_end_ms ? "end"
                                                                     : field_infos[field].name;
}

static bool is_number(const struct rows_writer *w, int field)
{
    enum field_shown shown = field_infos[field].shown;
    if (w->setting.format == ROWS_TABLE && field == FIELD_protocol)
        return false;
    return shown == SHOWN_NUMBER || (shown == SHOWN_SOURCE && !w->setting.source_path);
}

static const char *symbol(const struct rows_writer *w, enum field_shown shown, uint32_t code)
{
    static const enum symbol_kind kinds[] = {
        [SHOWN_SERVICE] = SYMBOL_SERVICE,         [SHOWN_CATEGORY] = SYMBOL_CATEGORY,
        [SHOWN_CANDIDATES] = SYMBOL_CANDIDATES,   [SHOWN_APPLICATION] = SYMBOL_APPLICATION,
        [SHOWN_EXPORTER] = SYMBOL_EXPORTER,       [SHOWN_FINGERPRINT] = SYMBOL_FINGERPRINT,
    };
    return symbols_text(w->setting.symbols, kinds[shown], code);
}

/* The text of a number that stands for something; `room` holds what has no text of its own. */
static const char *value_text(const struct rows_writer *w, int field, uint64_t value,
                              char room[CELL_MAX])
{
    enum field_shown shown = field_infos[field].shown;
    const char *text;
    switch (shown) {
    case SHOWN_TIME:
        time_print_ms(value, room);
        return room;
    case SHOWN_FLAGS:
        tcp_flags_text((unsigned)value, room);
        return room;
    case SHOWN_COUNTRY:
        country_text((unsigned)value, room);
        return room;
    case SHOWN_ROLE:
        return role_text((unsigned)value);
    case SHOWN_BASIS:
        return basis_text((unsigned)value);
    case SHOWN_NAME_KIND:
        return name_kind_text((unsigned)value);
    case SHOWN_OWNER:
        return owner_text((unsigned)value);
    case SHOWN_PLATFORM:
        return platform_text((unsigned)value);
    case SHOWN_PLATFORM_BASIS:
        return platform_basis_text((unsigned)value);
    case SHOWN_TLS_VERSION:
        return tls_version_text((unsigned)value);
    case SHOWN_TLS_FAULTS:
        tls_faults_text((unsigned)value, room);
        return room;
    case SHOWN_SOURCE:
        text = w->setting.source_path(w->setting.source_ctx, (uint32_t)value);
        return text ? text : "";
    case SHOWN_SERVICE:
    case SHOWN_CATEGORY:
    case SHOWN_CANDIDATES:
    case SHOWN_APPLICATION:
    case SHOWN_EXPORTER:
    case SHOWN_FINGERPRINT:
        return symbol(w, shown, (uint32_t)value);
    default:
        text = is_number(w, field) ? NULL : protocol_text((unsigned)value);
        if (!text)
            snprintf(room, CELL_MAX, "%" PRIu64, value);
        return text ? text : room;
    }
}

/* Exporters are called by their address; what else they and sources are called is a name. */
static struct bytes hidden_text(const struct rows_writer *w, enum field_shown shown,
                                struct bytes text, char room[CELL_MAX])
{
    struct prefix address;
    struct pseudonyms *p = w->setting.pseudonyms;
    if (shown == SHOWN_EXPORTER && prefix_parse((const char *)text.at, text.len, false, &address)) {
        struct ip ip = pseudonym_ip(p, &address.ip);
        return bytes_of(room, ip_print(&ip, room));
    }
    const char *kind = shown == SHOWN_EXPORTER ? "exporter" : shown == SHOWN_SOURCE ? "source" : NULL;
    return bytes_of(room, pseudonym_name(p, text, kind, room));
}

/* What is printed of one cell, before the format's own quoting. */
static struct bytes cell_text(const struct rows_writer *w, const struct block *b, size_t column,
                              int field, size_t row, char room[CELL_MAX])
{
    enum field_shown shown = field_infos[field].shown;
    struct bytes text;
    if (field_infos[field].type == TYPE_IP) {
        struct ip ip;
        memcpy(ip.octet, block_bytes(b, column, row).at, IP_OCTETS);
        if (shown == SHOWN_ADDRESS_IF && ip_equal(&ip, &(struct ip){0}))
            return bytes_of("", 0);
        if (w->setting.pseudonyms)
            ip = pseudonym_ip(w->setting.pseudonyms, &ip);
        return bytes_of(room, ip_print(&ip, room));
    }
    if (field_infos[field].type == TYPE_STR)
        text = block_bytes(b, column, row);
    else
        text = bytes_of_text(value_text(w, field, block_u64(b, column, row), room));
    bool hides = shown == SHOWN_TEXT || shown == SHOWN_EXPORTER || shown == SHOWN_SOURCE;
    return hides && w->setting.pseudonyms ? hidden_text(w, shown, text, room) : text;
}

/* The fields of a block that are shown, in the order of fields.def, and their columns. */
struct shown {
    int field[FIELD_COUNT];
    size_t column[FIELD_COUNT];
    int count;
};

static struct shown shown_columns(const struct block *b)
{
    struct shown s = {.count = 0};
    for (int f = 0; f < FIELD_COUNT; f++) {
        int column = block_find(b, field_infos[f].name);
        if (column < 0 || field_infos[f].shown == SHOWN_HIDDEN)
            continue;
        s.field[s.count] = f;
        s.column[s.count++] = (size_t)column;
    }
    return s;
}

static struct ip block_ip(const struct rows_writer *w, const struct block *b, int column, size_t row)
{
    struct ip ip;
    memcpy(ip.octet, block_bytes(b, (size_t)column, row).at, IP_OCTETS);
    return w->setting.pseudonyms ? pseudonym_ip(w->setting.pseudonyms, &ip) : ip;
}

/* Of what is printed: a hash of the true addresses would tell them to who tries them all. */
static struct bytes community_text(const struct rows_writer *w, const struct block *b, size_t row,
                                   char room[CELL_MAX])
{
    static const int fields[] = {FIELD_local,    FIELD_remote, FIELD_local_port, FIELD_remote_port,
                                 FIELD_protocol, FIELD_opener, FIELD_role};
    enum { COUNT = sizeof fields / sizeof *fields };
    int at[COUNT];
    for (int i = 0; i < COUNT; i++)
        if ((at[i] = block_find(b, field_infos[fields[i]].name)) < 0)
            return bytes_of("", 0);
    uint64_t v[COUNT];
    for (int i = 2; i < COUNT; i++)
        v[i] = block_u64(b, (size_t)at[i], row);
    struct community_ends ends =
        community_ends(block_ip(w, b, at[0], row), block_ip(w, b, at[1], row), (uint16_t)v[2],
                       (uint16_t)v[3], (uint8_t)v[4], (uint8_t)v[5], (uint8_t)v[6]);
    return bytes_of(room, community_id(w->setting.community_seed, &ends, room));
}

static void json_row(struct rows_writer *w, const struct block *b, const struct shown *s, size_t row)
{
    buf_text(&w->line, w->count ? ",\n{" : "[\n{");
    for (int i = 0; i < s->count; i++) {
        char room[CELL_MAX];
        buf_format(&w->line, "%s\"%s\":", i ? "," : "", rows_column_name(s->field[i]));
        if (is_number(w, s->field[i]))
            buf_format(&w->line, "%" PRIu64, block_u64(b, s->column[i], row));
        else
            text_json(&w->line, cell_text(w, b, s->column[i], s->field[i], row, room));
    }
    if (w->setting.community) {
        char room[CELL_MAX];
        buf_text(&w->line, ",\"community_id\":");
        text_json(&w->line, community_text(w, b, row, room));
    }
    buf_u8(&w->line, '}');
}

static void csv_header(struct rows_writer *w, const struct shown *s)
{
    for (int i = 0; i < s->count; i++)
        buf_format(&w->line, "%s%s", i ? "," : "", rows_column_name(s->field[i]));
    buf_text(&w->line, w->setting.community ? ",community_id\r\n" : "\r\n");
}

static void csv_row(struct rows_writer *w, const struct block *b, const struct shown *s, size_t row)
{
    if (w->count == 0)
        csv_header(w, s);
    for (int i = 0; i < s->count; i++) {
        char room[CELL_MAX];
        if (i)
            buf_u8(&w->line, ',');
        text_csv(&w->line, cell_text(w, b, s->column[i], s->field[i], row, room));
    }
    if (w->setting.community) {
        char room[CELL_MAX];
        buf_u8(&w->line, ',');
        text_csv(&w->line, community_text(w, b, row, room));
    }
    buf_text(&w->line, "\r\n");
}

/* A table is for eyes: what answers who, when, what and how much, in one line of a terminal. */
static const struct table_column {
    int field;
    int width; /* negative: right-aligned */
} table_columns[] = {
    {FIELD_start_ms, 24},    {FIELD_local, 16},       {FIELD_local_port, -5}, {FIELD_remote, 16},
    {FIELD_remote_port, -5}, {FIELD_protocol, 5},     {FIELD_role, 10},       {FIELD_service, 16},
    {FIELD_country, 2},      {FIELD_packets_out, -8}, {FIELD_packets_in, -8}, {FIELD_octets_out, -10},
    {FIELD_octets_in, -10},  {FIELD_tcp_flags_out, 6}, {FIELD_tcp_flags_in, 6}, {FIELD_server_name, 30},
};
enum { TABLE_COLUMNS = sizeof table_columns / sizeof *table_columns };

static size_t utf8_width(const struct buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += ((unsigned char)text->at[i] & 0xc0) != 0x80;
    return n;
}

static void table_cell(struct rows_writer *w, struct bytes text, int width, bool last)
{
    size_t room = (size_t)(width < 0 ? -width : width);
    buf_clear(&w->cell);
    text_utf8(&w->cell, text, true);
    size_t len = utf8_width(&w->cell), pad = len < room ? room - len : 0;
    for (size_t i = 0; width < 0 && i < pad; i++)
        buf_u8(&w->line, ' ');
    buf_add(&w->line, w->cell.at, w->cell.len);
    for (size_t i = 0; width > 0 && i < pad && !last; i++)
        buf_u8(&w->line, ' ');
    buf_u8(&w->line, last ? '\n' : ' ');
}

static void table_row(struct rows_writer *w, const struct block *b, size_t row)
{
    for (int i = 0; i < TABLE_COLUMNS && w->count == 0; i++)
        table_cell(w, bytes_of_text(rows_column_name(table_columns[i].field)),
                   table_columns[i].width, i == TABLE_COLUMNS - 1);
    for (int i = 0; i < TABLE_COLUMNS; i++) {
        char room[CELL_MAX];
        int column = block_find(b, field_infos[table_columns[i].field].name);
        struct bytes text = bytes_of("", 0);
        if (column >= 0)
            text = cell_text(w, b, (size_t)column, table_columns[i].field, row, room);
        table_cell(w, text, table_columns[i].width, i == TABLE_COLUMNS - 1);
    }
}

void rows_block(struct rows_writer *w, const struct block *b)
{
    struct shown s = shown_columns(b);
    for (size_t row = 0; row < block_rows(b); row++) {
        if (w->setting.format == ROWS_JSON)
            json_row(w, b, &s, row);
        else if (w->setting.format == ROWS_CSV)
            csv_row(w, b, &s, row);
        else
            table_row(w, b, row);
        w->count++;
        if (w->line.len > 1 << 16) {
            fwrite(w->line.at, 1, w->line.len, w->out);
            buf_clear(&w->line);
        }
    }
}

uint64_t rows_end(struct rows_writer *w)
{
    if (w->setting.format == ROWS_JSON)
        buf_text(&w->line, w->count ? "\n]\n" : "[]\n");
    if (w->setting.format == ROWS_CSV && w->count == 0) {
        struct shown all = {.count = 0};
        for (int f = 0; f < FIELD_COUNT; f++)
            if ((field_infos[f].stages & STAGE_FLOW) && field_infos[f].shown != SHOWN_HIDDEN)
                all.field[all.count++] = f;
        csv_header(w, &all);
    }
    if (w->line.len)
        fwrite(w->line.at, 1, w->line.len, w->out);
    buf_clear(&w->line);
    return w->count;
}

void rows_structure(struct buf *out)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        const struct field_info *info = &field_infos[f];
        if (!(info->stages & STAGE_FLOW) || info->shown == SHOWN_HIDDEN)
            continue;
        const char *type = info->shown == SHOWN_TIME     ? "DateTime64(3, 'UTC')"
                           : info->shown == SHOWN_NUMBER ? field_type_clickhouse(info->type)
                                                         : "String";
        buf_format(out, "`%s` %s, ", rows_column_name(f), type);
    }
    buf_text(out, "`community_id` String");
}
