/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/http.h"
#include "meter/http2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name name, again;
    if (http_request(bytes_of(data, size), &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    http2_header_block(bytes_of(data, size), &name);
    if (http2_authority(bytes_of(data, size), &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    return 0;
}
