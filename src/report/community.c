/* SPDX-License-Identifier: Apache-2.0 */
#include "report/community.h"

#include <assert.h>
#include <gcrypt.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "schema/values.h"

enum {
    ICMP = 1,
    TCP = 6,
    UDP = 17,
    ICMP6 = 58,
    SCTP = 132,
    SHA1_OCTETS = 20,
    NONE = -1,
};

/* Types of ICMP and the type that answers them; the others have no counterpart and are kept
 * one-way.
 */
static const struct {
    uint8_t protocol, type, answer;
} answers[] = {
    {ICMP, 8, 0},      {ICMP, 0, 8},      {ICMP, 13, 14},    {ICMP, 14, 13},    {ICMP, 15, 16},
    {ICMP, 16, 15},    {ICMP, 10, 9},     {ICMP, 9, 10},     {ICMP, 17, 18},    {ICMP, 18, 17},
    {ICMP6, 128, 129}, {ICMP6, 129, 128}, {ICMP6, 133, 134}, {ICMP6, 134, 133}, {ICMP6, 135, 136},
    {ICMP6, 136, 135}, {ICMP6, 130, 131}, {ICMP6, 131, 130}, {ICMP6, 139, 140}, {ICMP6, 140, 139},
    {ICMP6, 144, 145}, {ICMP6, 145, 144},
};

static void gcrypt_ready(void)
{
    gcry_check_version(NULL);
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
}

static void sha1(const void *at, size_t len, uint8_t ret[SHA1_OCTETS])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, gcrypt_ready);
    gcry_md_hash_buffer(GCRY_MD_SHA1, ret, at, len);
}

static bool is_icmp(uint8_t protocol)
{
    return protocol == ICMP || protocol == ICMP6;
}

static int answer_of(uint8_t protocol, unsigned type)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answers[i].protocol == protocol && answers[i].type == type)
            return answers[i].answer;
    return NONE;
}

/* ICMP's stand-ins for ports; true when the message has no counterpart. */
static bool icmp_ports(struct community_ends *e)
{
    unsigned type = e->dst_port >> 8, code = e->dst_port & 0xff;
    int answer = answer_of(e->protocol, type);
    e->src_port = (uint16_t)type;
    e->dst_port = (uint16_t)(answer == NONE ? (int)code : answer);
    return answer == NONE;
}

static size_t put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return 2;
}

static size_t put_ip(uint8_t *at, const struct ip *ip)
{
    size_t from = ip_is_v4(ip) ? 12 : 0;
    memcpy(at, ip->octet + from, IP_OCTETS - from);
    return IP_OCTETS - from;
}

size_t community_id(uint16_t seed, const struct community_ends *ends, char ret[COMMUNITY_ID_MAX])
{
    struct community_ends e = *ends;
    bool one_way = is_icmp(e.protocol) && icmp_ports(&e);
    bool ports =
        is_icmp(e.protocol) || e.protocol == TCP || e.protocol == UDP || e.protocol == SCTP;
    int order = memcmp(e.src.octet, e.dst.octet, IP_OCTETS);
    if (!one_way && (order > 0 || (order == 0 && e.src_port > e.dst_port)))
        e = (struct community_ends){e.dst, e.src, e.dst_port, e.src_port, e.protocol};
    uint8_t in[2 + 2 * IP_OCTETS + 2 + 4], digest[SHA1_OCTETS];
    size_t len = put_u16(in, seed);
    len += put_ip(in + len, &e.src);
    len += put_ip(in + len, &e.dst);
    in[len++] = e.protocol;
    in[len++] = 0;
    if (ports) {
        len += put_u16(in + len, e.src_port);
        len += put_u16(in + len, e.dst_port);
    }
    sha1(in, len, digest);
    memcpy(ret, "1:", 2);
    sodium_bin2base64(ret + 2, COMMUNITY_ID_MAX - 2, digest, sizeof digest,
                      sodium_base64_VARIANT_ORIGINAL);
    return strlen(ret);
}

bool community_local_opened(uint8_t opener, uint8_t role, uint8_t protocol, uint16_t local_port,
                            uint16_t remote_port)
{
    if (is_icmp(protocol) && local_port != remote_port)
        return local_port == 0;
    if (opener == OPENER_SOURCE || opener == OPENER_SOURCE_GUESS)
        return true;
    if (opener == OPENER_DESTINATION || opener == OPENER_DESTINATION_GUESS)
        return false;
    return role != ROLE_SERVED && role != ROLE_UNANSWERED;
}

struct community_ends community_ends(struct ip local, struct ip remote, uint16_t local_port,
                                     uint16_t remote_port, uint8_t protocol, uint8_t opener,
                                     uint8_t role)
{
    struct community_ends e = {local, remote, local_port, remote_port, protocol};
    if (!community_local_opened(opener, role, protocol, local_port, remote_port))
        e = (struct community_ends){remote, local, remote_port, local_port, protocol};
    return e;
}

void uuid5(const char *name_space, const char *name, size_t len, char ret[UUID_TEXT_MAX])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, gcrypt_ready);
    uint8_t octets[16], digest[SHA1_OCTETS];
    size_t got = 0;
    int bad =
        sodium_hex2bin(octets, sizeof octets, name_space, strlen(name_space), "-", &got, NULL);
    assert(bad == 0 && got == sizeof octets);
    (void)bad;
    gcry_buffer_t parts[2] = {{.data = octets, .len = sizeof octets},
                              {.data = (void *)(uintptr_t)name, .len = len}};
    gcry_md_hash_buffers(GCRY_MD_SHA1, 0, digest, parts, 2);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    for (size_t i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret[at++] = '-';
        at += (size_t)snprintf(ret + at, 3, "%02x", digest[i]);
    }
}
