/* SPDX-License-Identifier: Apache-2.0 */
/* A capture file, compressed or not. */
#include "input/capture.h"
#include "wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture *c;
    if (capture_open(stream_of_bytes(bytes_of(data, size)), &c, NULL))
        return 0;
    struct capture_packet p;
    /* A small compressed file may hold many packets: enough is enough. */
    for (int i = 0; i < 10000 && capture_next(c, &p) == CAPTURE_PACKET; i++) {
        struct packet parsed;
        packet_parse(p.link_type, p.frame, p.original_len, &parsed);
    }
    capture_free(c);
    return 0;
}
