/* SPDX-License-Identifier: Apache-2.0 */
#include "world/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schema/values.h"
#include "world/wire_out.h"

enum { PROTOCOL_ICMP = 1, PROTOCOL_ICMP6 = 58 };
#define BOOT_BEFORE_MS (UINT64_C(60) * 86400000) /* longer than 2^32 ms */
#define HOLD_MS        UINT64_C(30000) /* a message leaves at the latest so long after its last record */

static const struct {
    const struct wire_writer *writer;
    bool datagrams;
    uint16_t port;
} formats[] = {
    [WIRE_IPFIX_FILE] = {&wire_ipfix, false, 4739},
    [WIRE_IPFIX_PCAP] = {&wire_ipfix, true, 4739},
    [WIRE_NETFLOW9_PCAP] = {&wire_netflow9, true, 2055},
    [WIRE_NETFLOW5_PCAP] = {&wire_netflow5, true, 2055},
    [WIRE_CSV] = {&wire_csv, false, 0},
};

static int address(const char *text, const char *otherwise, struct ip *ret, struct error *err)
{
    text = text ? text : otherwise;
    if (!ip_parse(text, strlen(text), ret) || !ip_is_v4(ret))
        return error_set(err, ERROR_USAGE, "\"%s\" is not an IPv4 address", text);
    return 0;
}

int wire_open(const char *path, enum wire_format format, const struct wire_options *options,
              struct wire **ret, struct error *err)
{
    struct wire *w = memory_alloc(sizeof *w);
    w->writer = formats[format].writer;
    w->datagrams = formats[format].datagrams;
    if (options)
        w->options = *options;
    int failed = address(w->options.exporter, "192.0.2.1", &w->exporter, err);
    if (!failed)
        failed = address(w->options.collector, "198.51.100.1", &w->collector, err);
    if (!w->options.exporter_port)
        w->options.exporter_port = 50000;
    if (!w->options.collector_port)
        w->options.collector_port = formats[format].port;
    w->file = w->options.file;
    if (!failed && !w->file && !(w->file = fopen(path, "wb")))
        failed = error_errno(err, "create %s", path);
    if (failed) {
        free(w);
        return failed;
    }
    if (!w->options.file)
        setvbuf(w->file, NULL, _IOFBF, 1 << 20);
    w->path = memory_text(path, strlen(path));
    if (w->datagrams)
        pcap_begin(w);
    w->writer->begin(w);
    *ret = w;
    return 0;
}

void wire_rows(struct wire *w, const struct batch *b)
{
    for (size_t row = 0; row < b->rows; row++) {
        /* Exporters do not wait for a full message. Without this the sets of one message would
         * hold records that ended hours apart where little happens. */
        if (w->in_message && batch_end_ms(b)[row] > w->export_ms + HOLD_MS)
            w->writer->flush(w);
        w->writer->row(w, b, row);
    }
    w->counts.rows += b->rows;
}

int wire_close(struct wire *w, struct wire_counts *ret, struct error *err)
{
    w->writer->flush(w);
    bool failed = ferror(w->file) != 0;
    failed |= (w->options.file ? fflush(w->file) : fclose(w->file)) != 0;
    int result = failed ? error_errno(err, "write %s", w->path) : 0;
    if (ret)
        *ret = w->counts;
    free(w->path);
    free(w);
    return result;
}

void wire_write(struct wire *w, const void *at, size_t len)
{
    fwrite(at, 1, len, w->file); /* ferror() is asked at the end */
}

void wire_send(struct wire *w)
{
    if (w->datagrams)
        pcap_packet(w, &w->message);
    else
        wire_write(w, w->message.at, w->message.len);
    w->counts.messages++;
    w->in_message = 0;
    w->message.len = 0;
    for (int i = 0; i < WIRE_SETS; i++)
        w->sets[i].len = 0;
}

size_t wire_message_octets(const struct wire *w)
{
    return w->datagrams ? DATAGRAM_OCTETS : FILE_MESSAGE_OCTETS;
}

void wire_cover(struct wire *w, uint64_t end_ms)
{
    uint64_t whole = (end_ms + 999) / 1000 * 1000;
    if (whole > w->export_ms)
        w->export_ms = whole;
}

uint32_t wire_uptime(struct wire *w, uint64_t ms)
{
    if (!w->options.boot_ms)
        w->options.boot_ms = ms > BOOT_BEFORE_MS ? ms - BOOT_BEFORE_MS : 0;
    return (uint32_t)(ms - w->options.boot_ms);
}

struct one_way wire_forward(const struct batch *b, size_t row)
{
    return (struct one_way){.start_ms = batch_start_ms(b)[row],
                            .end_ms = batch_end_ms(b)[row],
                            .packets = batch_packets(b)[row],
                            .octets = batch_octets(b)[row],
                            .src = batch_src_ip(b)[row],
                            .dst = batch_dst_ip(b)[row],
                            .src_port = batch_src_port(b)[row],
                            .dst_port = batch_dst_port(b)[row],
                            .protocol = batch_protocol(b)[row],
                            .flags = batch_tcp_flags(b)[row],
                            .sampling = batch_sampling(b)[row] ? batch_sampling(b)[row] : 1};
}

/* An echo's answer is another type; the rest of ICMP keeps its own. */
static uint16_t icmp_answer(uint8_t protocol, uint16_t type_code)
{
    if (protocol == PROTOCOL_ICMP && type_code == 8 << 8)
        return 0;
    if (protocol == PROTOCOL_ICMP6 && type_code == 128 << 8)
        return 129 << 8;
    return type_code;
}

bool wire_reverse(const struct batch *b, size_t row, struct one_way *ret)
{
    struct one_way f = wire_forward(b, row);
    *ret = f;
    ret->packets = batch_reverse_packets(b)[row];
    ret->octets = batch_reverse_octets(b)[row];
    ret->flags = batch_reverse_tcp_flags(b)[row];
    ret->src = f.dst;
    ret->dst = f.src;
    if (f.protocol == PROTOCOL_ICMP || f.protocol == PROTOCOL_ICMP6) {
        ret->dst_port = icmp_answer(f.protocol, f.dst_port);
    } else {
        ret->src_port = f.dst_port;
        ret->dst_port = f.src_port;
    }
    return ret->packets || ret->octets;
}
