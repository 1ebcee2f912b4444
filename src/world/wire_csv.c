/* SPDX-License-Identifier: Apache-2.0 */
/* The table that anyone can bring: see "Tables" in docs/formats.md. */
#include <inttypes.h>

#include "base/zone.h"
#include "world/wire_out.h"

static void begin(struct wire *w)
{
    fputs("start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,octets,tcp_flags,"
          "reverse_packets,reverse_octets,sampling,exporter,server_name\n",
          w->file);
}

static void row(struct wire *w, const struct batch *b, size_t i)
{
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    char exporter[IP_TEXT_MAX];
    time_print_ms(batch_start_ms(b)[i], start);
    time_print_ms(batch_end_ms(b)[i], end);
    ip_print(&batch_src_ip(b)[i], src);
    ip_print(&batch_dst_ip(b)[i], dst);
    ip_print(&w->exporter, exporter);
    struct one_way r = wire_forward(b, i);
    struct bytes name = batch_text(b, FIELD_server_name, i);
    if (w->options.no_names)
        name.len = 0;
    fprintf(w->file,
            "%s,%s,%s,%s,%u,%u,%u,%" PRIu64 ",%" PRIu64 ",%u,%" PRIu64 ",%" PRIu64 ",%u,%s,%.*s\n",
            start, end, src, dst, r.src_port, r.dst_port, r.protocol, r.packets, r.octets, r.flags,
            batch_reverse_packets(b)[i], batch_reverse_octets(b)[i], r.sampling, exporter,
            (int)name.len, (const char *)name.at);
    w->counts.records++;
}

static void flush(struct wire *w)
{
    (void)w;
}

const struct wire_writer wire_csv = {begin, row, flush};
