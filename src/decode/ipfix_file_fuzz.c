/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX files: whatever the octets are, reading ends. */
#include <stdlib.h>

#include "decode/ipfix_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ipfix_file *f;
    struct bytes message;
    if (ipfix_file_open(stream_of_bytes(bytes_of(data, size)), &f, NULL) != 0)
        return 0;
    while (ipfix_file_next(f, &message) == CAPTURE_PACKET)
        if (message.len < 16)
            abort();
    if (ipfix_file_next(f, &message) != CAPTURE_END)
        abort();
    ipfix_file_free(f);
    return 0;
}
