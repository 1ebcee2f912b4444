/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t scratch[ASSEMBLY_OCTETS];
static struct assembly hello;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name name, again;
    if (tls_stream(bytes_of(data, size), scratch, &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    tls_client_hello(bytes_of(data, size), &name);
    assembly_start(&hello, 0);
    dtls_datagram(bytes_of(data, size), &hello, &name);
    dtls_datagram(bytes_of(data, size / 2), &hello, &name);
    return 0;
}
