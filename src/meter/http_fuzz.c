/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name name, again;
    if (http_request(bytes_of(data, size), &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    return 0;
}
