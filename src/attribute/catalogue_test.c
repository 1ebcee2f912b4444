/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue reads, contradicts itself nowhere, and says FILE:LINE of what is wrong in a
 * study's own file. */
#include "attribute/check.h"
#include "attribute/tables.h"

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

static void say(void *context, const struct check_finding *f)
{
    (void)context;
    print_error("%s:%u: %s\n", f->file, f->line, f->text);
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
    struct check_counts found = catalogue_check(c, say, NULL);
    assert_int_equal(found.contradictions + found.notes, 0);
    assert_int_equal(strlen(catalogue_sha256(c)), 64);
    assert_true(catalogue_day(c) > 20000);
    catalogue_free(c);
}

/* Issue 4's list: what the 2017 study names, today's large services, what the attribution itself
 * names; each with its category and a host that must be found to be its. */
static const struct {
    const char *id, *category, *host;
} WANTED[] = {
    {"facebook", "social", "www.facebook.com"},
    {"instagram", "social", "scontent.cdninstagram.com"},
    {"twitter", "social", "abs.twimg.com"},
    {"youtube", "video-streaming", "r1---sn-a.googlevideo.com"},
    {"google", "search", "www.google.co.in"},
    {"gmail", "mail", "mail.google.com"},
    {"google-cloud", "cloud", "storage.cloud.google.com"},
    {"msn", "news", "www.msn.com"},
    {"outlook", "mail", "outlook.live.com"},
    {"baidu", "search", "tieba.baidu.com"},
    {"alibaba", "shopping", "www.1688.com"},
    {"taobao", "shopping", "item.taobao.com"},
    {"alibaba-cloud", "cloud", "oss-cn-beijing.aliyuncs.com"},
    {"youku", "video-streaming", "v.youku.com"},
    {"tencent", "messaging", "www.tencent.com"},
    {"qq", "messaging", "im.qq.com"},
    {"wechat", "messaging", "long.weixin.qq.com"},
    {"netease", "news", "www.163.com"},
    {"netease-mail", "mail", "mail.163.com"},
    {"apple", "software-updates", "swcdn.apple.com"},
    {"itunes", "music", "itunes.apple.com"},
    {"icloud", "cloud", "gateway.icloud.com"},
    {"amazon", "shopping", "www.amazon.co.jp"},
    {"aws", "cloud", "s3.amazonaws.com"},
    {"aol", "search", "www.aol.com"},
    {"dropbox", "cloud", "client.dropbox.com"},
    {"xinhua", "news", "www.xinhuanet.com"},
    {"peoples-daily", "news", "www.people.com.cn"},
    {"bbc", "news", "www.bbc.co.uk"},
    {"cnn", "news", "edition.cnn.com"},
    {"reuters", "news", "www.reuters.com"},
    {"new-york-times", "news", "www.nytimes.com"},
    {"yonhap", "news", "en.yna.co.kr"},
    {"steam", "gaming", "store.steampowered.com"},
    {"valve", "gaming", "www.valvesoftware.com"},
    {"world-of-tanks", "gaming", "worldoftanks.asia"},
    {"wargaming", "gaming", "eu.wargaming.net"},
    {"bittorrent", "p2p", "router.bittorrent.com"},
    {"p2p-streaming", "p2p", "www.sopcast.com"},
    {"bitcoin", "cryptocurrency", "seed.bitcoin.sipa.be"},
    {"mining-pool", "cryptocurrency", "stratum.antpool.com"},
    {"crypto-exchanges", "cryptocurrency", "api.kraken.com"},
    {"skype", "voip", "api.skype.com"},
    {"viber", "messaging", "www.viber.com"},
    {"sip", "voip", NULL},
    {"kaspersky", "security", "dnl-01.geo.kaspersky.com"},
    {"mcafee", "security", "update.mcafee.com"},
    {"qihoo-360", "security", "www.360.cn"},
    {"symantec", "security", "liveupdate.symantec.com"},
    {"dosarrest", "security", "www.dosarrest.com"},
    {"sharktech", "hosting", "www.sharktech.net"},
    {"iweb", "hosting", "www.iweb.com"},
    {"digitalocean", "hosting", "www.digitalocean.com"},
    {"linode", "hosting", "www.linode.com"},
    {"leaseweb", "hosting", "www.leaseweb.com"},
    {"telemax", "hosting", NULL},
    {"touch-vpn", "vpn", "api.touchvpn.net"},
    {"metasploit", "security", "www.metasploit.com"},
    {"thuraya", "industry", "www.thuraya.com"},
    {"satellite-training", "industry", NULL},
    {"health-beauty", "health", NULL},
    {"adult", "adult", "www.pornhub.com"},
    {"industrial-hardware", "industry", "www.digikey.com"},
    {"sneakers-fashion", "shopping", "www.nike.com"},
    {"retailers", "shopping", "www.ikea.com"},
    {"blackberry", "software-updates", "www.blackberry.com"},
    {"netflix", "video-streaming", "www.netflix.com"},
    {"tiktok", "video-streaming", "www.tiktok.com"},
    {"whatsapp", "messaging", "e1.whatsapp.net"},
    {"telegram", "messaging", "web.telegram.org"},
    {"signal", "messaging", "chat.signal.org"},
    {"zoom", "voip", "us04web.zoom.us"},
    {"discord", "messaging", "gateway.discord.gg"},
    {"spotify", "music", "audio-fa.scdn.co"},
    {"microsoft-365", "productivity", "contoso.sharepoint.com"},
    {"cloudflare", "cdn", "www.cloudflare.com"},
    {"akamai", "cdn", "www.akamai.com"},
    {"fastly", "cdn", "www.fastly.com"},
    {"battle-net", "gaming", "us.battle.net"},
    {"league-of-legends", "gaming", "auth.riotgames.com"},
    {"final-fantasy", "gaming", "frontier.ffxiv.com"},
    {"roblox", "gaming", "c0.rbxcdn.com"},
    {"ea-games", "gaming", "www.ea.com"},
    {"epic-games", "gaming", "www.fortnite.com"},
    {"playstation", "gaming", "store.playstation.com"},
    {"xbox", "gaming", "title.mgt.xboxlive.com"},
    {"nintendo", "gaming", "accounts.nintendo.com"},
    {"minecraft", "gaming", "sessionserver.mojang.com"},
    {"iqiyi", "video-streaming", "www.iqiyi.com"},
    {"bilibili", "video-streaming", "api.bilibili.com"},
    {"douyin", "video-streaming", "www.douyin.com"},
    {"weibo", "social", "weibo.com"},
    {"jd", "shopping", "www.jd.com"},
    {"ctrip", "travel", "www.ctrip.com"},
    {"naver", "search", "www.naver.com"},
    {"kakaotalk", "messaging", "talk.kakao.com"},
    {"coupang", "shopping", "www.coupang.com"},
    {"line", "messaging", "gd2.line.naver.jp"},
    {"yandex", "search", "yastatic.net"},
    {"vk", "social", "sun9-1.userapi.com"},
    {"mail-ru", "search", "www.mail.ru"},
    {"odnoklassniki", "social", "ok.ru"},
    {"rakuten", "shopping", "www.rakuten.co.jp"},
    {"niconico", "video-streaming", "www.nicovideo.jp"},
    {"flipkart", "shopping", "www.flipkart.com"},
    {"indian-news", "news", NULL},
    {"japanese-news", "news", NULL},
    {"russian-news", "news", NULL},
    {"korean-news", "news", NULL},
    {"dailymotion", "video-streaming", "static1.dmcdn.net"},
    {"vimeo", "video-streaming", "player.vimeo.com"},
    {"twitch", "video-streaming", "gql.twitch.tv"},
    {"yahoo", "search", "s.yimg.com"},
    {"linkedin", "social", "static.licdn.com"},
    {"wikipedia", "research", "upload.wikimedia.org"},
    {"microsoft", "software-updates", "www.microsoft.com"},
    {"windows-update", "software-updates", "download.windowsupdate.com"},
    {"google-dns", "dns", "dns.google"},
    {"cloudflare-dns", "dns", "cloudflare-dns.com"},
    {"quad9", "dns", "dns.quad9.net"},
    {"nordvpn", "vpn", "api.nordvpn.com"},
    {"expressvpn", "vpn", "expressapisv2.net"},
    {"protonvpn", "vpn", "api.protonvpn.ch"},
    {"tor", "tor", NULL},
    {"openvpn", "vpn", NULL},
    {"wireguard", "vpn", NULL},
    {"ipsec", "vpn", NULL},
    {"pptp", "vpn", NULL},
    {"l2tp", "vpn", NULL},
    {"ssh", "remote-access", NULL},
    {"dns", "dns", NULL},
    {"ntp", "infrastructure", NULL},
    {"own-web", "infrastructure", NULL},
    {"own-mail", "infrastructure", NULL},
    {"own-dns", "infrastructure", NULL},
    {"own-server", "infrastructure", NULL},
};

static void test_services_that_must_be_there(void **state)
{
    (void)state;
    struct catalogue *c = built_in();
    struct tables *t = tables_new(c);
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        int service = catalogue_find(c, WANTED[i].id, strlen(WANTED[i].id));
        if (service < 0)
            fail_msg("no service %s", WANTED[i].id);
        assert_string_equal(catalogue_service_category(c, (size_t)service), WANTED[i].category);
        const char *host = WANTED[i].host;
        const struct fact *f = host ? tables_name(t, host, strlen(host), 20000) : NULL;
        if (host && (!f || f->subject != (uint32_t)service))
            fail_msg("%s is not %s but %s", host, WANTED[i].id,
                     f ? catalogue_service_id(c, f->subject) : "unknown");
    }
    tables_free(t);
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
        {"- id: -x\n  category: social\n",
         "own.yaml:1: \"-x\" is not an id in lower case and dashes"},
        {"- id: x\n  category: social\n  asns: [{is: 5, from: 2018-01-01, to: 2017-01-01}]\n",
         "own.yaml:3: \"5\" ends before it begins"},
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

struct told {
    char lines[16][256];
    size_t count;
};

static void note_line(void *context, const struct check_finding *f)
{
    struct told *t = context;
    assert_true(t->count < 16);
    snprintf(t->lines[t->count++], sizeof t->lines[0], "%s %s:%u: %s", f->contradiction ? "!" : "-",
             f->file, f->line, f->text);
}

/* A study's own file: what contradicts itself there, and what it should know of. */
static void test_check(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err = {0};
    struct told told = {.count = 0};
    static const char *const LINES[] = {
        "! own.yaml:8: shared.example is other here and mine in own.yaml:3",
        "- own.yaml:9: 64502 is of mine too (own.yaml:4): conversations there are ambiguous",
        "! own.yaml:10: port 6885 of other is mine's in own.yaml:5",
        "- own.yaml:3: chat.friend.example of mine is below friend.example of friend "
        "(base.yaml:5): yours wins there",
        "- own.yaml:8: example of other is a whole top-level domain",
    };
    assert_int_equal(parse("- id: mine\n  category: social\n"
                           "  names: [chat.friend.example, shared.example]\n"
                           "  asns: [64502]\n"
                           "  ports: [tcp/6881-6889]\n"
                           "- id: other\n  category: social\n"
                           "  names: [shared.example, example]\n"
                           "  asns: [64502, {is: 64503, from: 2017-01-01}]\n"
                           "  ports: [tcp/6885-6900]\n",
                           &c, &err),
                     0);
    struct check_counts counts = catalogue_check(c, note_line, &told);
    assert_int_equal(counts.contradictions, 2);
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        bool found = false;
        for (size_t j = 0; j < told.count; j++)
            found |= strcmp(told.lines[j], LINES[i]) == 0;
        if (!found) {
            for (size_t j = 0; j < told.count; j++)
                print_error("%s\n", told.lines[j]);
            fail_msg("not told: %s", LINES[i]);
        }
    }
    assert_int_equal(counts.contradictions + counts.notes, told.count);
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
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_empty_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
