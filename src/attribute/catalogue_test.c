/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue reads, contradicts itself nowhere, and says FILE:LINE of what is wrong in a
 * study's own file. */
#include "attribute/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "schema/values.h"

static struct catalogue *built_in(void)
{
    struct catalogue *c = NULL;
    struct error err = {0};
    if (catalogue_load(NULL, 0, &c, &err) != 0)
        fail_msg("%s", err.text);
    return c;
}

static void say(void *context, const char *line)
{
    (void)context;
    print_error("%s\n", line);
}

static void test_built_in_is_consistent(void **state)
{
    (void)state;
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    struct catalogue *c = built_in();
    clock_gettime(CLOCK_MONOTONIC, &to);
    size_t facts, owner_facts;
    catalogue_facts(c, &facts);
    catalogue_owner_facts(c, &owner_facts);
    print_message("# %zu services, %zu facts; %zu owners, %zu facts; read in %.1f ms\n",
                  catalogue_services(c), facts, catalogue_owners(c), owner_facts,
                  (double)(to.tv_sec - from.tv_sec) * 1e3 +
                      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
    assert_true(catalogue_services(c) >= 400);
    assert_int_equal(catalogue_contradictions(c, say, NULL), 0);
    assert_int_equal(strlen(catalogue_sha256(c)), 64);
    assert_true(catalogue_day(c) > 20000);
    catalogue_free(c);
}

/* What the 2017 study names, today's large services, and what the attribution itself names. */
static const char *const IDS[] = {"facebook",
                                  "instagram",
                                  "twitter",
                                  "youtube",
                                  "google",
                                  "gmail",
                                  "google-cloud",
                                  "msn",
                                  "outlook",
                                  "baidu",
                                  "alibaba",
                                  "taobao",
                                  "alibaba-cloud",
                                  "youku",
                                  "tencent",
                                  "qq",
                                  "wechat",
                                  "netease",
                                  "netease-mail",
                                  "apple",
                                  "itunes",
                                  "icloud",
                                  "amazon",
                                  "aws",
                                  "aol",
                                  "dropbox",
                                  "xinhua",
                                  "peoples-daily",
                                  "steam",
                                  "valve",
                                  "world-of-tanks",
                                  "wargaming",
                                  "bittorrent",
                                  "p2p-streaming",
                                  "bitcoin",
                                  "mining-pool",
                                  "crypto-exchanges",
                                  "skype",
                                  "viber",
                                  "sip",
                                  "kaspersky",
                                  "mcafee",
                                  "qihoo-360",
                                  "symantec",
                                  "dosarrest",
                                  "sharktech",
                                  "iweb",
                                  "digitalocean",
                                  "linode",
                                  "leaseweb",
                                  "telemax",
                                  "touch-vpn",
                                  "metasploit",
                                  "thuraya",
                                  "satellite-training",
                                  "health-beauty",
                                  "adult",
                                  "industrial-hardware",
                                  "sneakers-fashion",
                                  "blackberry",
                                  "netflix",
                                  "tiktok",
                                  "whatsapp",
                                  "telegram",
                                  "signal",
                                  "zoom",
                                  "discord",
                                  "spotify",
                                  "microsoft-365",
                                  "cloudflare",
                                  "akamai",
                                  "fastly",
                                  "tor",
                                  "openvpn",
                                  "wireguard",
                                  "ipsec",
                                  "pptp",
                                  "l2tp",
                                  "ssh",
                                  "dns",
                                  "ntp",
                                  "own-web",
                                  "own-mail",
                                  "own-dns",
                                  "own-server",
                                  "battle-net",
                                  "league-of-legends",
                                  "final-fantasy",
                                  "roblox",
                                  "ea-games",
                                  "iqiyi",
                                  "dailymotion",
                                  "vimeo",
                                  "twitch",
                                  "yahoo",
                                  "linkedin",
                                  "vk",
                                  "yandex",
                                  "naver",
                                  "wikipedia",
                                  "bbc",
                                  "microsoft"};

static void test_services_that_must_be_there(void **state)
{
    (void)state;
    struct catalogue *c = built_in();
    for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++)
        if (catalogue_find(c, IDS[i], strlen(IDS[i])) < 0)
            fail_msg("no service %s", IDS[i]);
    static const char *const CATEGORIES[] = {"social",
                                             "messaging",
                                             "video-streaming",
                                             "music",
                                             "gaming",
                                             "search",
                                             "mail",
                                             "news",
                                             "shopping",
                                             "finance",
                                             "cloud",
                                             "cdn",
                                             "p2p",
                                             "voip",
                                             "vpn",
                                             "tor",
                                             "hosting",
                                             "security",
                                             "software-updates",
                                             "advertising",
                                             "adult",
                                             "education",
                                             "research",
                                             "government",
                                             "health",
                                             "travel",
                                             "cryptocurrency",
                                             "remote-access",
                                             "dns",
                                             "infrastructure",
                                             "unknown"};
    for (size_t i = 0; i < sizeof CATEGORIES / sizeof *CATEGORIES; i++)
        assert_true(catalogue_category_find(c, CATEGORIES[i], strlen(CATEGORIES[i])) >= 0);
    catalogue_free(c);
}

static int parse(const char *text, struct catalogue **ret, struct error *err)
{
    static const char BASE[] = "categories:\n  - {id: social, name: Social}\n"
                               "  - {id: cdn, name: CDN}\n"
                               "services:\n"
                               "  - {id: friend, category: social, names: [friend.example],"
                               " source: test}\n"
                               "  - {id: edge, category: cdn, asns: [64500], source: test}\n";
    const struct catalogue_file files[] = {{"base.yaml", BASE, sizeof BASE - 1},
                                           {"own.yaml", text, strlen(text)}};
    return catalogue_parse(files, 2, 1, ret, err);
}

static void test_own_file_wrong_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } CASES[] = {
        {"- id: x\n  category: nonsense\n", "own.yaml:2: unknown category \"nonsense\""},
        {"- id: x\n  category: social\n  names:\n    - Upper.example\n",
         "own.yaml:4: \"Upper.example\" is not a domain in lower case"},
        {"- id: x\n  category: social\n  prefixes: [10.0.0.1/8]\n",
         "own.yaml:3: \"10.0.0.1/8\" is not a prefix"},
        {"- id: x\n  category: social\n  asns: [AS5]\n", "own.yaml:3: \"AS5\" is not a AS number"},
        {"- id: x\n  category: social\n  ports: [tcp/99999]\n",
         "own.yaml:3: \"tcp/99999\" is not a port like tcp/443"},
        {"- id: x\n  colour: red\n", "own.yaml:2: unknown key \"colour\""},
        {"- name: x\n", "own.yaml:1: an entry begins with id"},
        {"- id: x\n", "own.yaml:1: x has no category"},
        {"- id: x y\n  category: social\n",
         "own.yaml:1: \"x y\" is not an id in lower case and dashes"},
        {"- id: x\n  category: social\n  asns: [{is: 5, from: yesterday}]\n",
         "own.yaml:3: \"yesterday\" is not a date like 2017-04-01"},
        {"- id: x\n  category: social\n  \"on\": [friend]\n",
         "own.yaml:3: \"friend\" is no shared provider"},
        {"owners:\n  - {id: o, names: [x.example]}\n", "own.yaml:2: o has no kind"},
        {"- id: [\n", "own.yaml:2: did not find expected node content"},
        {"just a text\n", "own.yaml:1: neither a list of services nor a mapping"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct catalogue *c = NULL;
        struct error err = {0};
        assert_int_equal(parse(CASES[i].text, &c, &err), ERROR_USAGE);
        assert_string_equal(err.text, CASES[i].wanted);
    }
}

static void test_own_file_extends(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err = {0};
    assert_int_equal(parse("- id: friend\n  name: My friend\n  names: [other.example]\n"
                           "- id: mine\n  category: social\n  owner: university\n"
                           "  asns: [{is: 64501, from: 2017-04-01, to: 2017-07-06}]\n"
                           "  ports: [tcp/443, udp/6881-6889, esp]\n",
                           &c, &err),
                     0);
    assert_int_equal(catalogue_services(c), 3);
    int friend = catalogue_find(c, "friend", 6), mine = catalogue_find(c, "mine", 4);
    assert_string_equal(catalogue_service_name(c, (size_t) friend), "My friend");
    assert_string_equal(catalogue_service_category(c, (size_t)mine), "social");
    assert_int_equal(catalogue_service_owner(c, (size_t)mine), OWNER_UNIVERSITY);
    size_t count;
    const struct fact *facts = catalogue_facts(c, &count);
    assert_int_equal(count, 7);
    assert_string_equal(facts[2].source, "own.yaml");
    assert_int_equal(facts[2].line, 3);
    assert_true(facts[2].own && !facts[0].own);
    assert_int_equal(facts[3].from_day, 17257);
    assert_int_equal(facts[5].port_last, 6889);
    assert_int_equal(facts[6].protocol, 50);
    catalogue_free(c);
}

static void test_empty_file(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err = {0};
    assert_int_equal(parse("# nothing yet\n", &c, &err), 0);
    assert_int_equal(catalogue_services(c), 2);
    assert_true(catalogue_service_shared(c, 1) && !catalogue_service_shared(c, 0));
    catalogue_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in_is_consistent),
        cmocka_unit_test(test_services_that_must_be_there),
        cmocka_unit_test(test_own_file_wrong_lines),
        cmocka_unit_test(test_own_file_extends),
        cmocka_unit_test(test_empty_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
