/* SPDX-License-Identifier: Apache-2.0 */
/* The first octet tells how to use the rest: as a datagram, or as the plain frames of an Initial
 * packet, which a fuzzer could not encrypt. */
#include <stdint.h>
#include <stdlib.h>

#include "meter/craft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct assembly crypto;
static uint8_t packet[70000];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct quic *q;
    struct quic_keys seen = {0}, keys;
    struct name name;
    if (!q)
        q = quic_new();
    if (size < 6)
        return 0;
    assembly_start(&crypto, 0);
    if (data[0] & 1) {
        quic_datagram(q, bytes_of(data + 1, size - 1), &seen, &crypto, &name);
        return 0;
    }
    const struct bytes dcid = bytes_of("fuzzfuzz", 8);
    const uint32_t versions[] = {1, 0x6b3343cf, 0x51303530, 0x54303530};
    quic_initial_keys(q, versions[data[0] >> 1 & 3], dcid, QUIC_CLIENT, &keys);
    struct bytes plain = bytes_of(data + 1, size - 1 < 16000 ? size - 1 : 16000);
    size_t len = craft_initial(packet, &keys, dcid, 1, plain);
    quic_datagram(q, bytes_of(packet, len), &seen, &crypto, &name);
    return 0;
}
