/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "meter/certificate.h"
#include "meter/hello.h"
#include "meter/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t scratch[ASSEMBLY_OCTETS];
static struct assembly hello;

static void client(struct bytes input)
{
    static struct hello lists;
    struct name name, again;
    if (tls_stream(input, scratch, &name) == LOOK_NAME &&
        !name_set(&again, bytes_of(name.text, name.len)))
        abort();
    tls_client_hello(input, &name);
    hello_read(input, false, &lists);
    if (hello_read(tls_hello_body(input, scratch), false, &lists))
        hello_platform(&lists);
    assembly_start(&hello, 0);
    dtls_datagram(input, &hello, &name);
    hello_read(dtls_hello_body(input, &hello), true, &lists);
    dtls_datagram(bytes_slice(input, 0, input.len / 2), &hello, &name);
}

static void server(struct bytes input)
{
    struct tls_answer answer;
    struct certificate c;
    tls_server_stream(input, scratch, &answer);
    if (certificate_read(answer.certificate, &c))
        certificate_is_for(&c, bytes_of("www.example.org", 15));
    if (certificate_read(input, &c) && c.issuer.at < input.at)
        abort();
    dtls_server_datagram(input, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    client(bytes_of(data, size));
    server(bytes_of(data, size));
    return 0;
}
