/* SPDX-License-Identifier: Apache-2.0 */
#include "report/flow_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/zone.h"
#include "report/community.h"
#include "report/text.h"
#include "schema/values.h"

/* COLUMN(name, ClickHouse type, quoted): in this order. */
#define COLUMNS(COLUMN)                                                                            \
    COLUMN(start, "DateTime64(3, 'UTC')", 1)                                                       \
    COLUMN(end, "DateTime64(3, 'UTC')", 1)                                                         \
    COLUMN(src_ip, "String", 1)                                                                    \
    COLUMN(dst_ip, "String", 1)                                                                    \
    COLUMN(src_port, "UInt16", 0)                                                                  \
    COLUMN(dst_port, "UInt16", 0)                                                                  \
    COLUMN(protocol, "UInt8", 0)                                                                   \
    COLUMN(packets, "UInt64", 0)                                                                   \
    COLUMN(octets, "UInt64", 0)                                                                    \
    COLUMN(reverse_packets, "UInt64", 0)                                                           \
    COLUMN(reverse_octets, "UInt64", 0)                                                            \
    COLUMN(tcp_flags, "UInt8", 0)                                                                  \
    COLUMN(reverse_tcp_flags, "UInt8", 0)                                                          \
    COLUMN(sampling, "UInt32", 0)                                                                  \
    COLUMN(exporter, "String", 1)                                                                  \
    COLUMN(server_name, "String", 1)                                                               \
    COLUMN(name_kind, "String", 1)                                                                 \
    COLUMN(application, "String", 1)                                                               \
    COLUMN(community_id, "String", 1)                                                              \
    COLUMN(population_side, "String", 1)                                                           \
    COLUMN(role, "String", 1)                                                                      \
    COLUMN(service_id, "String", 1)                                                                \
    COLUMN(category, "String", 1)                                                                  \
    COLUMN(country, "String", 1)                                                                   \
    COLUMN(asn, "UInt32", 0)

#define STRUCTURE(name, type, quoted) "`" #name "` " type ","

const char flow_table_structure[] = COLUMNS(STRUCTURE);

enum {
#define NUMBER(name, type, quoted) COLUMN_##name,
    COLUMNS(NUMBER)
#undef NUMBER
        COLUMN_COUNT
};

static const struct {
    const char *name;
    bool quoted;
} columns[] = {
#define INFO(name, type, quoted) {#name, quoted},
    COLUMNS(INFO)
#undef INFO
};

struct flow_table {
    FILE *out;
    bool json;
    const struct symbols *symbols;
    uint16_t seed;
    struct buf line;
    uint64_t count;
};

enum { LINE_LIMIT = 16 << 20, CELL_ROOM = 64, WRITE_AT = 1 << 16 };

struct flow_table *flow_table_new(FILE *out, bool json, const struct symbols *symbols,
                                  uint16_t community_seed)
{
    struct flow_table *t = memory_alloc(sizeof *t);
    *t = (struct flow_table){.out = out, .json = json, .symbols = symbols, .seed = community_seed};
    buf_init(&t->line, LINE_LIMIT);
    if (json)
        buf_u8(&t->line, '[');
    for (int c = 0; c < COLUMN_COUNT && !json; c++)
        buf_format(&t->line, "%s%s", c ? "," : "", columns[c].name);
    buf_text(&t->line, json ? "" : "\r\n");
    return t;
}

/* --- records --- */

static void orient(const struct batch *f, size_t i, struct batch *r, size_t row, bool local_opened)
{
    const struct ip *ips[] = {&batch_local(f)[i], &batch_remote(f)[i]};
    uint16_t ports[] = {batch_local_port(f)[i], batch_remote_port(f)[i]};
    uint64_t packets[] = {batch_packets_out(f)[i], batch_packets_in(f)[i]};
    uint64_t octets[] = {batch_octets_out(f)[i], batch_octets_in(f)[i]};
    uint8_t flags[] = {batch_tcp_flags_out(f)[i], batch_tcp_flags_in(f)[i]};
    int src = local_opened ? 0 : 1, dst = !src;
    batch_src_ip(r)[row] = *ips[src];
    batch_dst_ip(r)[row] = *ips[dst];
    batch_src_port(r)[row] = ports[src];
    batch_dst_port(r)[row] = ports[dst];
    batch_packets(r)[row] = packets[src];
    batch_reverse_packets(r)[row] = packets[dst];
    batch_octets(r)[row] = octets[src];
    batch_reverse_octets(r)[row] = octets[dst];
    batch_tcp_flags(r)[row] = flags[src];
    batch_reverse_tcp_flags(r)[row] = flags[dst];
}

void flow_to_records(const struct batch *flows, struct batch *records)
{
    for (size_t i = 0; i < flows->rows; i++) {
        size_t row = batch_add(records);
        bool local_opened = community_local_opened(
            batch_opener(flows)[i], batch_role(flows)[i], batch_protocol(flows)[i],
            batch_local_port(flows)[i], batch_remote_port(flows)[i]);
        batch_start_ms(records)[row] = batch_start_ms(flows)[i];
        batch_end_ms(records)[row] = batch_end_ms(flows)[i];
        batch_protocol(records)[row] = batch_protocol(flows)[i];
        orient(flows, i, records, row, local_opened);
        batch_opener(records)[row] =
            batch_role(flows)[i] == ROLE_PEER ? OPENER_UNKNOWN : OPENER_SOURCE;
        batch_marks(records)[row] = batch_marks(flows)[i];
        batch_exporter(records)[row] = batch_exporter(flows)[i];
        batch_sampling(records)[row] = batch_sampling(flows)[i];
        batch_application(records)[row] = batch_application(flows)[i];
        batch_name_kind(records)[row] = batch_name_kind(flows)[i];
        struct bytes name = batch_text(flows, FIELD_server_name, i);
        batch_set_text(records, FIELD_server_name, row, (const char *)name.at, name.len);
    }
}

/* --- rows --- */

static struct bytes number(uint64_t value, char room[CELL_ROOM])
{
    return bytes_of(room, (size_t)snprintf(room, CELL_ROOM, "%" PRIu64, value));
}

static struct bytes community(const struct flow_table *t, const struct batch *r, size_t i,
                              char room[CELL_ROOM])
{
    struct community_ends ends = {batch_src_ip(r)[i], batch_dst_ip(r)[i], batch_src_port(r)[i],
                                  batch_dst_port(r)[i], batch_protocol(r)[i]};
    return bytes_of(room, community_id(t->seed, &ends, room));
}

static struct bytes symbol(const struct flow_table *t, enum symbol_kind kind, uint32_t code)
{
    return bytes_of_text(symbols_text(t->symbols, kind, code));
}

/* What the record says. */
static struct bytes record_cell(const struct flow_table *t, const struct batch *r, size_t i,
                                int column, char room[CELL_ROOM])
{
    switch (column) {
    case COLUMN_start:
        return bytes_of(room, time_print_ms(batch_start_ms(r)[i], room));
    case COLUMN_end:
        return bytes_of(room, time_print_ms(batch_end_ms(r)[i], room));
    case COLUMN_src_ip:
        return bytes_of(room, ip_print(&batch_src_ip(r)[i], room));
    case COLUMN_dst_ip:
        return bytes_of(room, ip_print(&batch_dst_ip(r)[i], room));
    case COLUMN_src_port:
        return number(batch_src_port(r)[i], room);
    case COLUMN_dst_port:
        return number(batch_dst_port(r)[i], room);
    case COLUMN_protocol:
        return number(batch_protocol(r)[i], room);
    case COLUMN_packets:
        return number(batch_packets(r)[i], room);
    case COLUMN_octets:
        return number(batch_octets(r)[i], room);
    case COLUMN_reverse_packets:
        return number(batch_reverse_packets(r)[i], room);
    case COLUMN_reverse_octets:
        return number(batch_reverse_octets(r)[i], room);
    case COLUMN_tcp_flags:
        return number(batch_tcp_flags(r)[i], room);
    case COLUMN_reverse_tcp_flags:
        return number(batch_reverse_tcp_flags(r)[i], room);
    case COLUMN_sampling:
        return number(batch_sampling(r)[i] ? batch_sampling(r)[i] : 1, room);
    case COLUMN_exporter:
        return symbol(t, SYMBOL_EXPORTER, batch_exporter(r)[i]);
    case COLUMN_server_name:
        return batch_text(r, FIELD_server_name, i);
    case COLUMN_name_kind:
        return bytes_of_text(name_kind_text(batch_name_kind(r)[i]));
    case COLUMN_application:
        return symbol(t, SYMBOL_APPLICATION, batch_application(r)[i]);
    default:
        return community(t, r, i, room);
    }
}

/* What the study adds. */
static struct bytes flow_cell(const struct flow_table *t, const struct batch *f,
                              const struct batch *r, size_t i, int column, char room[CELL_ROOM])
{
    switch (column) {
    case COLUMN_population_side:
        return bytes_of_text(ip_equal(&batch_local(f)[i], &batch_src_ip(r)[i]) ? "src" : "dst");
    case COLUMN_role:
        return bytes_of_text(role_text(batch_role(f)[i]));
    case COLUMN_service_id:
        return symbol(t, SYMBOL_SERVICE, batch_service(f)[i]);
    case COLUMN_category:
        return symbol(t, SYMBOL_CATEGORY, batch_category(f)[i]);
    case COLUMN_country:
        country_text(batch_country(f)[i], room);
        return bytes_of_text(room);
    case COLUMN_asn:
        return number(batch_asn(f)[i], room);
    default:
        return record_cell(t, r, i, column, room);
    }
}

static void add_row(struct flow_table *t, const struct batch *flows, const struct batch *records,
                    size_t i)
{
    char room[CELL_ROOM];
    if (t->json)
        buf_text(&t->line, t->count ? ",\n{" : "\n{");
    for (int c = 0; c < COLUMN_COUNT; c++) {
        struct bytes cell = flow_cell(t, flows, records, i, c, room);
        buf_text(&t->line, c ? "," : "");
        if (t->json)
            buf_format(&t->line, "\"%s\":", columns[c].name);
        if (!columns[c].quoted)
            buf_add(&t->line, cell.at, cell.len);
        else if (t->json)
            text_json(&t->line, cell);
        else
            text_csv(&t->line, cell);
    }
    buf_text(&t->line, t->json ? "}" : "\r\n");
    t->count++;
}

static void write_out(struct flow_table *t)
{
    fwrite(t->line.at, 1, t->line.len, t->out); /* the caller asks ferror() */
    buf_clear(&t->line);
}

void flow_table_rows(struct flow_table *t, const struct batch *flows, const struct batch *records)
{
    for (size_t i = 0; i < flows->rows; i++) {
        add_row(t, flows, records, i);
        if (t->line.len > WRITE_AT)
            write_out(t);
    }
}

uint64_t flow_table_end(struct flow_table *t)
{
    uint64_t count = t->count;
    if (t->json)
        buf_text(&t->line, "\n]\n");
    write_out(t);
    buf_done(&t->line);
    free(t);
    return count;
}
