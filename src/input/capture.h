/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: pcap (micro- and nanosecond, both byte orders, modified and Kuznetzov's variants)
 * and pcapng (draft-ietf-opsawg-pcapng: several sections and interfaces, resolutions), plain or in
 * gzip, zstd, lz4 or bzip2, found by content. Constant memory whatever the file's size. */
#ifndef TELLTALE_INPUT_CAPTURE_H
#define TELLTALE_INPUT_CAPTURE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "input/stream.h"

struct capture_packet {
    uint64_t time_ns;      /* ns since 1970 UTC; 0 where the file tells none (simple packet blocks) */
    uint32_t link_type;    /* LINKTYPE_ value of tcpdump.org */
    uint32_t original_len; /* on the wire; frame.len is what was captured */
    struct bytes frame;    /* valid until the next call */
};

struct capture;

/* True when these first octets (at least 4) are a pcap's or pcapng's. */
bool capture_is(struct bytes head);

/* Takes ownership of `in` also when it fails. An error when the header is not a capture's. */
int capture_open(struct stream *in, struct capture **ret, struct error *err);
void capture_free(struct capture *c);

enum capture_status {
    CAPTURE_PACKET,  /* `ret` is filled */
    CAPTURE_END,     /* the file ended where a packet may end */
    CAPTURE_CUT,     /* it ended inside a packet or block: count one truncated record */
    CAPTURE_DAMAGED, /* an impossible length or unreadable compression: the rest cannot be read */
};
enum capture_status capture_next(struct capture *c, struct capture_packet *ret);
const char *capture_format(const struct capture *c); /* "pcap", "pcapng" */

#endif
