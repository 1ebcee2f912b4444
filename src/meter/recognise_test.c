/* SPDX-License-Identifier: Apache-2.0 */
/* One packet of each protocol, written from its description; every cut of it must be refused or
 * still be of the same protocol; random payload is nobody's. */
#include "meter/recognise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { TCP = 6, UDP = 17, PAYLOAD_MAX = 1400 };

struct sample {
    const char *label;
    uint8_t protocol;
    uint16_t port;
    const char *octets; /* hex; "*NNN" is 11 NNN times */
};

#define TLS_AUTH                                                                                   \
    "01020304050607080910111213141516171819200000000100000000"                                     \
    "00"                                                                                           \
    "00000000"
static const struct sample SAMPLES[] = {
    {"Service_Location_Protocol", UDP, 427, "0209000012000000000000010002656e0000"},
    {"Gnutella", UDP, 5000, "474e44010001000178"},
    {"ETHEREUM", UDP, 30303, "*0960001c701020304050607"},
    {"RakNet", UDP, 9000, "c000020100000001020000"},
    {"RakNet", UDP, 9000, "0500ffff00fefefefefdfdfdfd1234567806"},
    {"OpenVPN", UDP, 443,
     "381122334455667788"
     "0000000000"},
    {"OpenVPN", UDP, 443, "381122334455667788" TLS_AUTH},
    {"OpenVPN", TCP, 443, "002a381122334455667788" TLS_AUTH},
    {"Skype_TeamsCall", UDP, 3478, "000100082112a442*0128070000400000007"},
    {"Photon", UDP, 5055, "ffff000100000004*00402ff01040000002c*036"},
    {"Discord", UDP, 50004, "1337cafe0a000000"},
    {"TuyaLP", UDP, 6667, "000055aa00000000000000130000000c*0080000aa55"},
    {"Source_Engine", UDP, 27015, "ffffffff54536f7572636520456e67696e6520517565727900"},
    {"Tailscale", UDP, 41641, "5453f09f92ac0102"},
    {"KNXnet_IP", UDP, 3671, "06100201000e0801c0a80101dead"},
    {"HART-IP", UDP, 5094, "010000000002000d0100007530"},
    {"Jabber", TCP, 5222, "3c73747265616d3a73747265616d20746f3d"},
    {"Gnutella", TCP, 5000, "474e5554454c4c4120434f4e4e4543542f302e36"},
    {"H323", TCP, 1720, "0300000c0802000104038090"},
    {"Radmin", TCP, 4899, "01000000010000000808"},
    {"OPC-UA", TCP, 4840, "48454c460c00000000000000"},
    {"SOCKS", TCP, 4444, "050100"},
    {"SOCKS", TCP, 1080, "040100505db8d87700"},
    {"CiscoSkinny", TCP, 2000,
     "0400000000000000"
     "81000000"},
    {"ETHEREUM", TCP, 30303, "012c04*299"},
};

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static size_t octets_of(const char *text, uint8_t *out)
{
    size_t len = 0;
    while (*text) {
        if (*text == '*') {
            size_t count = (size_t)((text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0');
            memset(out + len, 0x11, count);
            len += count;
            text += 4;
        } else {
            out[len++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
            text += 2;
        }
    }
    return len;
}

static const char *told(const struct sample *s, const uint8_t *octets, size_t len)
{
    struct packet p = {.protocol = s->protocol,
                       .src_port = 40000,
                       .dst_port = s->port,
                       .payload = bytes_of(octets, len)};
    return recognise(&p);
}

static void test_samples_and_their_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) {
        uint8_t octets[PAYLOAD_MAX];
        size_t len = octets_of(SAMPLES[i].octets, octets);
        const char *label = told(&SAMPLES[i], octets, len);
        if (!label || strcmp(label, SAMPLES[i].label) != 0)
            fail_msg("%s (%zu): %s", SAMPLES[i].label, i, label ? label : "nothing");
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t exact[PAYLOAD_MAX]; /* what lies behind a cut must not matter */
            memset(exact, 0xee, sizeof exact);
            memcpy(exact, octets, cut);
            const char *of_cut = told(&SAMPLES[i], exact, cut);
            if (of_cut && strcmp(of_cut, SAMPLES[i].label) != 0)
                fail_msg("%s cut at %zu: %s", SAMPLES[i].label, cut, of_cut);
        }
    }
}

static void test_random_is_nobodys(void **state)
{
    (void)state;
    struct random r;
    unsigned wrong = 0, rounds = 2000000;
    random_init(&r, 4);
    for (unsigned i = 0; i < rounds; i++) {
        uint8_t octets[128];
        size_t len = random_below(&r, sizeof octets);
        for (size_t at = 0; at < len; at += 8) {
            uint64_t eight = random_u64(&r);
            memcpy(octets + at, &eight, len - at < 8 ? len - at : 8);
        }
        struct sample s = {.protocol = i & 1 ? TCP : UDP, .port = 443};
        wrong += told(&s, octets, len) != NULL;
    }
    print_message("# %u of %u random payloads recognised\n", wrong, rounds);
    assert_true(wrong * 50000 < rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_and_their_cuts),
        cmocka_unit_test(test_random_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
