/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ipfix_file.h"

#include <stdlib.h>

#include "base/memory.h"
#include "wire/cursor.h"

enum { HEADER = 16, VERSION = 10, ZEROS_AT_ONCE = 65536 };

struct ipfix_file {
    struct stream *in;
    bool over;
};

static bool message_begins(struct bytes head)
{
    return head.len >= HEADER && octets_be16(head.at) == VERSION &&
           octets_be16(head.at + 2) >= HEADER;
}

bool ipfix_file_is(struct bytes head)
{
    if (!message_begins(head))
        return false;
    size_t len = octets_be16(head.at + 2);
    if (len == HEADER || head.len < HEADER + 4)
        return len == HEADER;
    uint16_t id = octets_be16(head.at + HEADER), set_len = octets_be16(head.at + HEADER + 2);
    return (id == 2 || id == 3 || id >= 256) && set_len >= 4;
}

int ipfix_file_open(struct stream *in, struct ipfix_file **ret, struct error *err)
{
    if (!message_begins(stream_peek(in, HEADER))) {
        stream_free(in);
        return error_set(err, ERROR_FAILED, "not an IPFIX file");
    }
    struct ipfix_file *f = memory_alloc(sizeof *f);
    f->in = in;
    *ret = f;
    return 0;
}

void ipfix_file_free(struct ipfix_file *f)
{
    if (!f)
        return;
    stream_free(f->in);
    free(f);
}

/* True when only zeros are left, which are then consumed. */
static bool only_zeros(struct stream *in)
{
    for (;;) {
        struct bytes b = stream_peek(in, ZEROS_AT_ONCE);
        for (size_t i = 0; i < b.len; i++)
            if (b.at[i])
                return false;
        if (!b.len)
            return true;
        stream_skip(in, b.len);
    }
}

enum capture_status ipfix_file_next(struct ipfix_file *f, struct bytes *ret)
{
    *ret = bytes_of(NULL, 0);
    if (f->over)
        return CAPTURE_END;
    struct bytes head = stream_peek(f->in, HEADER);
    if (message_begins(head)) {
        size_t len = octets_be16(head.at + 2);
        *ret = stream_read(f->in, len);
        if (ret->len == len)
            return CAPTURE_PACKET;
        f->over = true;
        return stream_damaged(f->in) ? CAPTURE_DAMAGED : CAPTURE_CUT;
    }
    f->over = true;
    if (stream_damaged(f->in))
        return CAPTURE_DAMAGED;
    if (head.len == 0 || (head.at[0] == 0 && only_zeros(f->in)))
        return CAPTURE_END;
    return head.len >= 2 && head.len < HEADER && octets_be16(head.at) == VERSION ? CAPTURE_CUT
                                                                                 : CAPTURE_DAMAGED;
}
