/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/http.h"
#include "meter/http2.h"
#include "schema/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name name, again;
    if (http_request(bytes_of(data, size), &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    struct bytes field;
    if (http_field(bytes_of(data, size), "user-agent:", &field) == LOOK_NAME) {
        platform_of_user_agent((const char *)field.at, field.len);
        platform_of_banner((const char *)field.at, field.len);
    }
    http2_header_block(bytes_of(data, size), &name);
    if (http2_authority(bytes_of(data, size), &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    return 0;
}
