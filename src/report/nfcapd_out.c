/* SPDX-License-Identifier: Apache-2.0 */
/* header, blocks, one block of ident and statistics: decode/nfcapd.c has the layout, and
 * decode/nfcapd_records.c that of records. Little-endian, as nearly every machine of a collector
 * is.
 */
#include "report/nfcapd_out.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schema/values.h"

enum {
    BLOCK_OCTETS = 1 << 20,
    RECORD_OCTETS_MAX = 128,
    HEADER_OCTETS = 40,
    BLOCK_HEADER_OCTETS = 12,
    EXPORTERS_MAX = 65535, /* their numbers have 16 bits; 0 is none */
    PACKING_LZ4 = 3,
    CREATOR_NFDUMP = 4,
    TYPE_EXPORTER = 7,
    TYPE_FLOW = 11,
    TYPE_SAMPLER = 15,
    TYPE_IDENT = 0x8001,
    TYPE_STATISTICS = 0x8002,
    BLOCK_OF_RECORDS = 3,
    FLAG_SAMPLED = 2,
    ICMP = 1,
    TCP = 6,
    UDP = 17,
    ICMP6 = 58,
};

/* In the order of the statistics record: all, TCP, UDP, ICMP, others. */
enum { KIND_ALL, KIND_TCP, KIND_UDP, KIND_ICMP, KIND_OTHER, KINDS };

struct exporter {
    uint32_t symbol, sampling;
};

struct nfcapd_out {
    FILE *file;
    const struct symbols *symbols;
    uint8_t *block, *packed;
    size_t len, packed_size;
    uint32_t block_records, blocks;
    struct exporter *exporters; /* index + 1 is the number in the file */
    size_t exporter_count, last_exporter;
    uint64_t flows[KINDS], packets[KINDS], octets[KINDS];
    uint64_t first_ms, last_ms, rows;
};

/* One direction. */
struct direction {
    uint64_t packets, octets;
    const struct ip *src, *dst;
    uint16_t src_port, dst_port;
    uint8_t flags;
};

static void put(struct nfcapd_out *o, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        o->block[o->len++] = (uint8_t)(value >> (8 * i));
}

static void write_le(FILE *file, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        putc((int)(value >> (8 * i) & 0xff), file);
}

static void write_block(struct nfcapd_out *o)
{
    int packed = LZ4_compress_default((const char *)o->block, (char *)o->packed, (int)o->len,
                                      (int)o->packed_size);
    write_le(o->file, o->block_records, 4);
    write_le(o->file, (uint64_t)packed, 4);
    write_le(o->file, BLOCK_OF_RECORDS, 2);
    write_le(o->file, 0, 2);
    fwrite(o->packed, 1, (size_t)packed, o->file);
    o->len = 0;
    o->block_records = 0;
}

static void flush(struct nfcapd_out *o)
{
    if (!o->block_records)
        return;
    write_block(o);
    o->blocks++;
}

static void write_header(struct nfcapd_out *o, uint64_t appendix_at)
{
    write_le(o->file, 0xa50c, 2);
    write_le(o->file, 2, 2);
    write_le(o->file, 0x01070100, 4);        /* nfdump 1.7.1 */
    write_le(o->file, o->last_ms / 1000, 8); /* when made: the same flows give the same file */
    write_le(o->file, PACKING_LZ4, 1);
    write_le(o->file, 0, 1);
    write_le(o->file, appendix_at ? 1 : 0, 2);
    write_le(o->file, CREATOR_NFDUMP, 4);
    write_le(o->file, appendix_at, 8);
    write_le(o->file, BLOCK_OCTETS, 4);
    write_le(o->file, o->blocks, 4);
}

struct nfcapd_out *nfcapd_out_new(FILE *file, const struct symbols *symbols)
{
    struct nfcapd_out *o = memory_alloc(sizeof *o);
    o->file = file;
    o->symbols = symbols;
    o->block = memory_resize(NULL, BLOCK_OCTETS, 1);
    o->packed_size = (size_t)LZ4_compressBound(BLOCK_OCTETS);
    o->packed = memory_resize(NULL, o->packed_size, 1);
    o->exporters = memory_array(EXPORTERS_MAX, sizeof *o->exporters);
    write_header(o, 0);
    return o;
}

static void begin_record(struct nfcapd_out *o)
{
    if (o->len + RECORD_OCTETS_MAX > BLOCK_OCTETS)
        flush(o);
    o->block_records++;
}

/* --- exporters --- */

/* "192.0.2.1" or "192.0.2.1#7", with the observation domain; what has another form is no address.
 */
static bool read_exporter(const char *text, struct ip *ip, uint32_t *domain)
{
    size_t len = strcspn(text, "#");
    *domain = text[len] ? (uint32_t)strtoul(text + len + 1, NULL, 10) : 0;
    return ip_parse(text, len, ip);
}

static void put_ip(struct nfcapd_out *o, const struct ip *ip)
{
    for (int half = 0; half < 2; half++)
        for (int i = 7; i >= 0; i--)
            o->block[o->len++] = ip->octet[8 * half + i];
}

static void put_v4(struct nfcapd_out *o, const struct ip *ip)
{
    for (int i = 15; i >= 12; i--)
        o->block[o->len++] = ip->octet[i];
}

static void put_exporter(struct nfcapd_out *o, const struct exporter *e, uint32_t number)
{
    struct ip ip;
    uint32_t domain;
    if (!read_exporter(symbols_text(o->symbols, SYMBOL_EXPORTER, e->symbol), &ip, &domain))
        memset(&ip, 0, sizeof ip);
    bool v4 = ip_is_v4(&ip);
    begin_record(o);
    put(o, TYPE_EXPORTER, 2);
    put(o, 32, 2);
    put(o, 10, 4); /* IPFIX */
    if (v4) {
        put(o, 0, 8);
        put_v4(o, &ip);
        put(o, 0, 4);
    } else {
        put_ip(o, &ip);
    }
    put(o, v4 ? 2 : 10, 2); /* AF_INET, AF_INET6 as Linux has them */
    put(o, number, 2);
    put(o, domain, 4);
}

/* The exporter's only sampler: one packet taken, the others left out. */
static void put_sampler(struct nfcapd_out *o, const struct exporter *e, uint32_t number)
{
    begin_record(o);
    put(o, TYPE_SAMPLER, 2);
    put(o, 24, 2);
    put(o, number, 2);
    put(o, 0, 2);
    put(o, UINT64_MAX, 8); /* id -1: of the whole exporter */
    put(o, 1, 4);
    put(o, e->sampling - 1, 4);
}

/* An exporter of ours with one sampling is one of the file's. 0: not told. */
static uint32_t exporter_number(struct nfcapd_out *o, uint32_t symbol, uint32_t sampling)
{
    const struct exporter wanted = {symbol, sampling};
    if (!symbol && sampling < 2)
        return 0;
    for (size_t n = 0; n < o->exporter_count; n++) {
        size_t i = (o->last_exporter + n) % o->exporter_count;
        if (memcmp(&o->exporters[i], &wanted, sizeof wanted) == 0) {
            o->last_exporter = i;
            return (uint32_t)i + 1;
        }
    }
    if (o->exporter_count == EXPORTERS_MAX)
        return 0;
    o->last_exporter = o->exporter_count;
    o->exporters[o->exporter_count++] = wanted;
    put_exporter(o, &wanted, (uint32_t)o->exporter_count);
    if (sampling > 1)
        put_sampler(o, &wanted, (uint32_t)o->exporter_count);
    return (uint32_t)o->exporter_count;
}

/* --- flows --- */

static int kind_of(uint8_t protocol)
{
    return protocol == TCP                         ? KIND_TCP
           : protocol == UDP                       ? KIND_UDP
           : protocol == ICMP || protocol == ICMP6 ? KIND_ICMP
                                                   : KIND_OTHER;
}

static void count(struct nfcapd_out *o, uint8_t protocol, uint64_t packets, uint64_t octets)
{
    int kinds[] = {KIND_ALL, kind_of(protocol)};
    for (int i = 0; i < 2; i++) {
        o->flows[kinds[i]]++;
        o->packets[kinds[i]] += packets;
        o->octets[kinds[i]] += octets;
    }
}

static void put_flow(struct nfcapd_out *o, const struct batch *b, size_t row,
                     const struct direction *d)
{
    uint32_t sampling = batch_sampling(b)[row] ? batch_sampling(b)[row] : 1;
    uint32_t number = exporter_number(o, batch_exporter(b)[row], sampling);
    bool v4 = ip_is_v4(d->src) && ip_is_v4(d->dst);
    uint64_t packets = d->packets * sampling, octets = d->octets * sampling;
    begin_record(o);
    put(o, TYPE_FLOW, 2);
    put(o, 12 + 52 + (v4 ? 12 : 36), 2);
    put(o, 2, 2);
    put(o, 0, 2); /* engine */
    put(o, number, 2);
    put(o, sampling > 1 ? FLAG_SAMPLED : 0, 1);
    put(o, 10, 1);
    put(o, 1, 2); /* the element of every flow */
    put(o, 52, 2);
    put(o, batch_start_ms(b)[row], 8);
    put(o, batch_end_ms(b)[row], 8);
    put(o, batch_end_ms(b)[row], 8); /* received */
    put(o, packets, 8);
    put(o, octets, 8);
    put(o, d->src_port, 2);
    put(o, d->dst_port, 2);
    put(o, batch_protocol(b)[row], 1);
    put(o, d->flags, 1);
    put(o, 0, 2); /* forwarding status, type of service */
    put(o, v4 ? 2 : 3, 2);
    put(o, v4 ? 12 : 36, 2);
    (v4 ? put_v4 : put_ip)(o, d->src);
    (v4 ? put_v4 : put_ip)(o, d->dst);
    count(o, batch_protocol(b)[row], packets, octets);
}

/* An echo's answer is another type; the rest of ICMP keeps its own. */
static uint16_t answer_port(uint8_t protocol, uint16_t type_code)
{
    if (protocol == ICMP && type_code == 8 << 8)
        return 0;
    return protocol == ICMP6 && type_code == 128 << 8 ? 129 << 8 : type_code;
}

static void put_row(struct nfcapd_out *o, const struct batch *b, size_t row)
{
    uint8_t protocol = batch_protocol(b)[row];
    bool icmp = protocol == ICMP || protocol == ICMP6;
    uint16_t src_port = batch_src_port(b)[row], dst_port = batch_dst_port(b)[row];
    struct direction to = {batch_packets(b)[row],
                           batch_octets(b)[row],
                           &batch_src_ip(b)[row],
                           &batch_dst_ip(b)[row],
                           src_port,
                           dst_port,
                           batch_tcp_flags(b)[row]};
    struct direction back = {batch_reverse_packets(b)[row],
                             batch_reverse_octets(b)[row],
                             &batch_dst_ip(b)[row],
                             &batch_src_ip(b)[row],
                             icmp ? 0 : dst_port,
                             icmp ? answer_port(protocol, dst_port) : src_port,
                             batch_reverse_tcp_flags(b)[row]};
    bool answered = back.packets || back.octets;
    if (to.packets || to.octets || !answered)
        put_flow(o, b, row, &to);
    if (answered)
        put_flow(o, b, row, &back);
    if (!o->rows || batch_start_ms(b)[row] < o->first_ms)
        o->first_ms = batch_start_ms(b)[row];
    if (batch_end_ms(b)[row] > o->last_ms)
        o->last_ms = batch_end_ms(b)[row];
    o->rows++;
}

void nfcapd_out_rows(struct nfcapd_out *o, const struct batch *records)
{
    for (size_t row = 0; row < records->rows; row++)
        put_row(o, records, row);
}

/* What `nfdump -I` prints. */
static void write_appendix(struct nfcapd_out *o)
{
    static const char ident[] = "telltale";
    o->block_records = 2;
    put(o, TYPE_IDENT, 2);
    put(o, 4 + sizeof ident, 2);
    memcpy(o->block + o->len, ident, sizeof ident);
    o->len += sizeof ident;
    put(o, TYPE_STATISTICS, 2);
    put(o, 4 + 18 * 8, 2);
    put(o, o->flows[KIND_ALL], 8);
    put(o, o->octets[KIND_ALL], 8);
    put(o, o->packets[KIND_ALL], 8);
    const uint64_t *const lists[] = {o->flows, o->octets, o->packets};
    for (int list = 0; list < 3; list++)
        for (int kind = KIND_TCP; kind < KINDS; kind++)
            put(o, lists[list][kind], 8);
    put(o, o->first_ms, 8);
    put(o, o->last_ms, 8);
    put(o, 0, 8); /* sequence failures */
    write_block(o);
}

void nfcapd_out_end(struct nfcapd_out *o, struct nfcapd_out_counts *ret)
{
    flush(o);
    off_t appendix_at = ftello(o->file);
    write_appendix(o);
    if (appendix_at > 0 && fseeko(o->file, 0, SEEK_SET) == 0) {
        write_header(o, (uint64_t)appendix_at);
        fseeko(o->file, 0, SEEK_END);
    }
    if (ret)
        *ret = (struct nfcapd_out_counts){o->rows, o->flows[KIND_ALL], o->packets[KIND_ALL],
                                          o->octets[KIND_ALL]};
    free(o->block);
    free(o->packed);
    free(o->exporters);
    free(o);
}
