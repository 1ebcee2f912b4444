/* SPDX-License-Identifier: Apache-2.0 */
/* Two octets of link type, then a frame. */
#include <stdlib.h>

#include "wire/cursor.h"
#include "wire/fragments.h"
#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fragments *fragments;
    if (!fragments)
        fragments = fragments_new(64);
    struct cursor c = cursor_of(bytes_of(data, size));
    uint16_t link_type = cursor_be16(&c);
    struct bytes frame = cursor_rest(&c);
    struct packet p;
    if (packet_parse(link_type, frame, (uint32_t)frame.len, &p) != REASON_COUNT)
        return 0;
    if (p.l3.at < frame.at || p.l3.at + p.l3.len > frame.at + frame.len ||
        p.payload.at < frame.at || p.payload.at + p.payload.len > frame.at + frame.len)
        abort();
    fragments_apply(fragments, size, &p);
    return 0;
}
