/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/community.h"
#include "schema/values.h"

static struct ip address(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

/* What the specification's own implementation gives (its baseline, and its README). ICMP: type and
 * code where the baseline has type and answering type. */
static const struct vector {
    uint8_t protocol;
    const char *src, *dst;
    uint16_t src_port, dst_port;
    const char *id;
} vectors[] = {
    {6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
    {46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
    {1, "192.168.0.89", "192.168.0.1", 0, 8 << 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {1, "10.0.0.1", "10.0.0.2", 0, 11 << 8, "1:YHxtAirCG//0OzkcVAukqKQN9xM="},
    {58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 0, 135 << 8,
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 0, 136 << 8,
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 0, 135 << 8,
     "1:zavyT/cezQr1fmImYCwYnMXbgck="},
    {58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 0, 128 << 8,
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
    {58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 0, 3 << 8,
     "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
    {58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 0, (1 << 8) + 4,
     "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
    {58, "fe80::200:86ff:fe05:80da", "ff02::2", 0, 133 << 8, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
    {58, "fe80::260:97ff:fe07:69ea", "ff02::1", 0, 134 << 8, "1:pkvHqCL88/tg1k4cPigmZXUtL00="},
};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        struct community_ends e = {address(v->src), address(v->dst), v->src_port, v->dst_port,
                                   v->protocol};
        char id[COMMUNITY_ID_MAX];
        assert_int_equal(community_id(0, &e, id), strlen(v->id));
        assert_string_equal(id, v->id);
        if (v->protocol == 1 || v->protocol == 58)
            continue;
        struct community_ends back = {e.dst, e.src, e.dst_port, e.src_port, e.protocol};
        community_id(0, &back, id);
        assert_string_equal(id, v->id);
        community_id(1, &e, id);
        assert_string_not_equal(id, v->id);
    }
}

/* The specification's baseline with seed 1. */
static void a_seed_changes_the_id(void **state)
{
    (void)state;
    char id[COMMUNITY_ID_MAX];
    struct community_ends e = {address("128.232.110.120"), address("66.35.250.204"), 34855, 80, 6};
    community_id(1, &e, id);
    assert_string_equal(id, "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
}

/* A conversation has one id whichever side is the population's, echo replies (type 0) included. */
static void a_conversation_has_one_id(void **state)
{
    (void)state;
    char out[COMMUNITY_ID_MAX], in[COMMUNITY_ID_MAX];
    struct ip a = address("192.168.0.89"), b = address("192.168.0.1");
    struct community_ends of_a = community_ends(a, b, 0, 8 << 8, 1, OPENER_UNKNOWN, ROLE_CONSUMED);
    struct community_ends of_b = community_ends(b, a, 8 << 8, 0, 1, OPENER_UNKNOWN, ROLE_SERVED);
    community_id(0, &of_a, out);
    community_id(0, &of_b, in);
    assert_string_equal(out, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    assert_string_equal(in, out);
    /* An unasked reply: ports say nothing, who opened does. */
    of_a = community_ends(a, b, 0, 0, 1, OPENER_DESTINATION, ROLE_UNANSWERED);
    community_id(0, &of_a, out);
    assert_string_equal(out, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

/* RFC 9562 appendix A.4, and STIX 2.1's deterministic id of an ipv4-addr. */
static void uuid_version_5(void **state)
{
    (void)state;
    char text[UUID_TEXT_MAX];
    uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", 15, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    const char *contributing = "{\"value\":\"198.51.100.2\"}";
    uuid5("00abedb4-aa42-466c-9c01-fed23315a9b7", contributing, strlen(contributing), text);
    assert_string_equal(text, "9cf4a8ec-7640-5f40-a006-79942896168b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(a_seed_changes_the_id),
        cmocka_unit_test(a_conversation_has_one_id),
        cmocka_unit_test(uuid_version_5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
