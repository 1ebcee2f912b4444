/* SPDX-License-Identifier: Apache-2.0 */
/* The tiers, one sentence of docs/catalogue.md a test; and look. Needs libloc's database. */
#include "attribute/attribute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/values.h"

enum { T0_S = 1491004800, ROWS = 4 }; /* 2017-04-01 */
#define T0 (T0_S * 1000ull)

struct fixture {
    struct symbols *symbols;
    struct attribution *a;
    struct batch *b;
    struct sightings seen;
};

static int setup_with(void **state, const char *const *files, size_t count)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct study study = {.catalogue_files = (const char **)files, .catalogue_file_count = count};
    struct error err = {0};
    *state = f;
    f->symbols = symbols_new(65535);
    f->b = batch_new(STAGE_FLOW, ROWS);
    sightings_init(&f->seen, 64);
    if (access("/var/lib/location/database.db", R_OK) == 0 &&
        attribution_open(&study, f->symbols, &f->a, &err) != 0)
        fail_msg("%s", err.text);
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL, 0);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    attribution_free(f->a);
    batch_free(f->b);
    symbols_free(f->symbols);
    sightings_done(&f->seen);
    free(f);
    return 0;
}

static struct fixture *fixture(void **state)
{
    struct fixture *f = *state;
    if (!f->a)
        skip();
    return f;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

struct flow {
    const char *remote, *name, *application;
    uint16_t port, local_port;
    uint8_t protocol, role;
    const char *local;
    uint64_t start_ms;
};

static void attribute(struct fixture *f, struct flow flow)
{
    batch_clear(f->b);
    size_t i = batch_add(f->b);
    batch_start_ms(f->b)[i] = flow.start_ms ? flow.start_ms : T0;
    batch_end_ms(f->b)[i] = batch_start_ms(f->b)[i] + 1000;
    batch_local(f->b)[i] = ip_of(flow.local ? flow.local : "175.45.176.81");
    batch_remote(f->b)[i] = ip_of(flow.remote);
    batch_remote_port(f->b)[i] = flow.port ? flow.port : 443;
    batch_local_port(f->b)[i] = flow.local_port ? flow.local_port : 50000;
    batch_protocol(f->b)[i] = flow.protocol ? flow.protocol : 6;
    batch_role(f->b)[i] = flow.role ? flow.role : ROLE_CONSUMED;
    if (flow.application)
        batch_application(f->b)[i] = symbols_code(f->symbols, SYMBOL_APPLICATION, flow.application,
                                                  strlen(flow.application));
    if (flow.name) {
        batch_set_text(f->b, FIELD_server_name, i, flow.name, strlen(flow.name));
        batch_name_kind(f->b)[i] = NAME_SNI;
    }
    attribution_batch(f->a, f->b);
}

/* "service/category basis candidates" */
static const char *result(struct fixture *f)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s/%s %s %s",
             symbols_text(f->symbols, SYMBOL_SERVICE, batch_service(f->b)[0]),
             symbols_text(f->symbols, SYMBOL_CATEGORY, batch_category(f->b)[0]),
             basis_text(batch_basis(f->b)[0]),
             symbols_text(f->symbols, SYMBOL_CANDIDATES, batch_candidates(f->b)[0]));
    return text;
}

#define FLOW(...) attribute(f, (struct flow){__VA_ARGS__})

static void learn(struct fixture *f, const char *client, const char *at, uint64_t ms,
                  const char *name)
{
    struct ip c = ip_of(client), a = ip_of(at);
    f->seen.count = 0;
    sightings_add(&f->seen, ms, &c, &a, 300, name, strlen(name));
    attribution_learn(f->a, &f->seen);
}

static void test_names_come_first(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "157.240.7.35", .name = "www.facebook.com", .application = "TLS");
    assert_string_equal(result(f), "facebook/social name ");
    FLOW(.remote = "157.240.7.35", .name = "scontent.cdninstagram.com", .application = "Facebook");
    assert_string_equal(result(f), "instagram/social name ");
    FLOW(.remote = "104.16.1.1", .name = "discord.com:443");
    assert_string_equal(result(f), "discord/messaging name ");
    FLOW(.remote = "172.217.24.3", .name = "www.google.co.in");
    assert_string_equal(result(f), "google/search name ");
}

static void test_customers_in_names_of_shared_hosts(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "104.16.1.1", .name = "www.apple.com.edgekey.net");
    assert_string_equal(result(f), "apple/software-updates name ");
    FLOW(.remote = "104.16.1.1", .name = "e1234.dscb.akamaiedge.net");
    assert_string_equal(result(f), "akamai/cdn name ");
}

/* "facebook-stories.example" may be Facebook's or an imitation: a candidate, never more. */
static void test_similar_names_are_candidates(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "192.0.2.1", .name = "www.facebook-stories.example");
    assert_string_equal(result(f), "/social name facebook");
    FLOW(.remote = "192.0.2.1", .name = "thebayshop.example");
    assert_string_equal(result(f), "/  ");
}

static void test_payload_comes_second(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "192.0.2.1", .application = "BitTorrent", .port = 40000);
    assert_string_equal(result(f), "bittorrent/p2p dpi ");
    FLOW(.remote = "157.240.7.53", .application = "STUN.WhatsAppCall", .port = 3478,
         .protocol = 17);
    assert_string_equal(result(f), "whatsapp/messaging dpi ");
    FLOW(.remote = "8.8.8.8", .application = "DNS", .port = 53, .protocol = 17);
    assert_string_equal(result(f), "google-dns/dns prefix ");
    FLOW(.remote = "192.0.2.53", .application = "DNS", .port = 53, .protocol = 17);
    assert_string_equal(result(f), "dns/dns dpi ");
}

static void test_shared_addresses_are_ambiguous(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "157.240.7.35");
    assert_string_equal(result(f), "/ asn facebook|instagram|messenger|whatsapp");
    FLOW(.remote = "157.240.7.53", .port = 5222);
    assert_string_equal(result(f), "whatsapp/messaging asn ");
    FLOW(.remote = "104.16.1.1");
    assert_int_equal(batch_service(f->b)[0], 0);
    assert_int_equal(batch_basis(f->b)[0], BASIS_ASN);
    const char *who = symbols_text(f->symbols, SYMBOL_CANDIDATES, batch_candidates(f->b)[0]);
    assert_non_null(strstr(who, "cloudflare|"));
    assert_non_null(strstr(who, "|discord|"));
}

static void test_exclusive_addresses_name_the_service(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "149.154.167.91");
    assert_string_equal(result(f), "telegram/messaging prefix ");
    FLOW(.remote = "155.133.246.10", .port = 27017);
    assert_string_equal(result(f), "steam/gaming asn ");
    FLOW(.remote = "155.133.246.10", .name = "unheard.example");
    assert_string_equal(result(f), "steam/gaming asn ");
}

static void test_an_unknown_name_is_never_overridden_where_many_share(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "104.16.1.1", .name = "unheard.example");
    assert_string_equal(result(f), "/  ");
    FLOW(.remote = "157.240.7.35", .name = "unheard.example");
    assert_string_equal(result(f), "/  ");
    FLOW(.remote = "52.84.1.1", .name = "unheard.example", .application = "AmazonAWS");
    assert_string_equal(result(f), "/  ");
    FLOW(.remote = "192.0.2.1", .name = "192.0.2.1", .port = 22);
    assert_string_equal(result(f), "ssh/remote-access port ");
}

static void test_dns_labels_only_its_client(void **state)
{
    struct fixture *f = fixture(state);
    learn(f, "175.45.176.81", "104.16.9.9", T0 - 1000, "discord.com");
    FLOW(.remote = "104.16.9.9");
    assert_string_equal(result(f), "discord/messaging dns ");
    struct bytes name = batch_text(f->b, FIELD_server_name, 0);
    assert_int_equal(name.len, 11);
    assert_int_equal(batch_name_kind(f->b)[0], NAME_DNS);
    FLOW(.remote = "104.16.9.9", .local = "175.45.176.99");
    assert_int_equal(batch_service(f->b)[0], 0);
    FLOW(.remote = "104.16.9.9", .start_ms = T0 + 400000);
    assert_int_equal(batch_service(f->b)[0], 0);
    /* Two names for one address at about the same time: either. */
    learn(f, "175.45.176.81", "104.16.9.9", T0 + 500, "www.quora.com");
    FLOW(.remote = "104.16.9.9", .start_ms = T0 + 1000);
    assert_string_equal(result(f), "/ dns discord|quora");
}

static void test_feed_wide_names_where_one_party_is(void **state)
{
    struct fixture *f = fixture(state);
    learn(f, "175.45.176.5", "192.0.2.77", T0, "www.bbc.co.uk");
    FLOW(.remote = "192.0.2.77");
    assert_string_equal(result(f), "bbc/news dns ");
    learn(f, "175.45.176.6", "192.0.2.77", T0 + 1000, "www.cnn.com");
    FLOW(.remote = "192.0.2.77", .start_ms = T0 + 2000);
    assert_string_equal(result(f), "/  ");
}

static void test_ports_come_last(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "192.0.2.1", .port = 8333);
    assert_string_equal(result(f), "bitcoin/cryptocurrency port ");
    FLOW(.remote = "192.0.2.1", .port = 6881, .protocol = 17, .role = ROLE_PEER);
    assert_string_equal(result(f), "bittorrent/p2p port ");
    FLOW(.remote = "192.0.2.1", .port = 1194, .protocol = 17);
    assert_string_equal(result(f), "openvpn/vpn port ");
    FLOW(.remote = "192.0.2.1", .port = 443);
    assert_string_equal(result(f), "/  ");
    FLOW(.remote = "192.0.2.1", .port = 0, .protocol = 50);
    assert_string_equal(result(f), "ipsec/vpn port ");
}

static void test_visitors_are_not_users(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "157.240.7.35", .role = ROLE_SERVED, .local_port = 80, .port = 40000);
    assert_string_equal(result(f), "own-web/infrastructure port ");
    FLOW(.remote = "66.249.64.1", .role = ROLE_SERVED, .local_port = 80, .name = "www.kcna.kp");
    assert_string_equal(result(f), "north-korean-sites/news name ");
    FLOW(.remote = "157.240.7.35", .role = ROLE_UNANSWERED, .local_port = 23, .port = 40000);
    assert_string_equal(result(f), "/  ");
    assert_int_equal(batch_asn(f->b)[0], 32934);
}

static void test_visiting_a_vpn_site_is_not_using_it(void **state)
{
    struct fixture *f = fixture(state);
    FLOW(.remote = "104.16.1.1", .name = "www.nordvpn.com");
    assert_string_equal(result(f), "vpn-website/security name ");
    FLOW(.remote = "192.0.2.1", .name = "us1234.nordvpn.com");
    assert_string_equal(result(f), "nordvpn/vpn name ");
}

static unsigned owner(struct fixture *f, const char *remote, const char *name)
{
    FLOW(.remote = remote, .name = name);
    return batch_owner(f->b)[0];
}

static void test_owners(void **state)
{
    struct fixture *f = fixture(state);
    assert_int_equal(owner(f, "164.100.58.1", NULL), OWNER_GOVERNMENT);
    assert_int_equal(owner(f, "14.139.34.1", NULL), OWNER_EDUCATION);
    assert_int_equal(owner(f, "14.139.34.1", "www.du.ac.in"), OWNER_UNIVERSITY);
    assert_int_equal(owner(f, "103.27.9.1", NULL), OWNER_UNIVERSITY);
    assert_int_equal(owner(f, "117.239.1.1", NULL), OWNER_CARRIER);
    assert_int_equal(owner(f, "157.240.7.35", NULL), OWNER_CONSUMER_SERVICE);
    assert_int_equal(owner(f, "104.16.1.1", NULL), OWNER_CDN);
    assert_int_equal(owner(f, "104.16.1.1", "www.x.ac.in"), OWNER_CDN);
    assert_int_equal(owner(f, "95.211.1.1", NULL), OWNER_HOSTING);
    assert_int_equal(owner(f, "77.94.35.1", NULL), OWNER_SATELLITE);
    assert_int_equal(owner(f, "18.9.22.69", NULL), OWNER_UNIVERSITY); /* MIT */
}

/* The same rows twice, and with the name that DNS told before: the same answers. */
static void test_attributing_again_changes_nothing(void **state)
{
    struct fixture *f = fixture(state);
    learn(f, "175.45.176.81", "104.16.8.8", T0 - 1000, "discord.com");
    FLOW(.remote = "104.16.8.8");
    attribution_batch(f->a, f->b);
    assert_string_equal(result(f), "discord/messaging dns ");
    assert_int_equal(batch_name_kind(f->b)[0], NAME_DNS);
}

static void test_provenance(void **state)
{
    struct fixture *f = fixture(state);
    json_t *p = attribution_provenance(f->a);
    const char *sha = json_string_value(json_object_get(json_object_get(p, "catalogue"), "sha256"));
    assert_int_equal(strlen(sha), 64);
    assert_non_null(json_object_get(json_object_get(p, "geo"), "date"));
    json_decref(p);
}

static const char *look_text(struct fixture *f, const char *subject)
{
    static char text[8192];
    struct error err = {0};
    json_t *look = attribution_look(f->a, subject, T0, &err);
    assert_non_null(look);
    FILE *out = fmemopen(text, sizeof text, "w");
    attribution_look_print(look, out);
    fclose(out);
    json_decref(look);
    return text;
}

static void test_look(void **state)
{
    struct fixture *f = fixture(state);
    struct error err = {0};
    const char *text = look_text(f, "175.45.176.81");
    assert_non_null(strstr(text, "AS131279"));
    assert_non_null(strstr(text, "country: KP (Korea (North))"));
    text = look_text(f, "Facebook.com.");
    assert_non_null(strstr(text, "Service: Facebook (facebook), category social."));
    assert_non_null(strstr(text, "counts as Facebook"));
    assert_non_null(strstr(text, "AS32934"));
    text = look_text(f, "77.94.35.1");
    assert_non_null(strstr(text, "satellite provider (SatGate)"));
    assert_non_null(strstr(text, "the terminal may be anywhere"));
    text = look_text(f, "facbeok-login.com");
    assert_non_null(strstr(text, "Service: perhaps Facebook"));
    assert_non_null(strstr(text, "an imitation"));
    text = look_text(f, "nrsc.gov.in");
    assert_non_null(strstr(text, "laboratory (National Remote Sensing Centre (ISRO))"));
    text = look_text(f, "157.240.7.35");
    assert_non_null(strstr(text, "ambiguous"));
    assert_null(attribution_look(f->a, "not a name", T0, &err));
    assert_int_equal(err.code, ERROR_USAGE);
    assert_null(attribution_look(f->a, "", T0, &err));
}

/* Addresses that are nobody's are said to be so, and no database is asked. */
static void test_look_at_special_addresses(void **state)
{
    static const struct {
        const char *subject, *wanted;
    } CASES[] = {
        {"10.1.2.3", "is a private address (10.0.0.0/8)"},
        {"127.0.0.1", "is a loopback address"},
        {"224.0.0.251", "is a multicast address (224.0.0.251/32): names of the local network"},
        {"239.1.2.3", "is a multicast address (239.0.0.0/8)"},
        {"203.0.113.9", "is a documentation address"},
        {"2001:db8::1", "is a documentation address (2001:db8::/32)"},
        {"100.64.0.1", "is a carrier NAT address"},
        {"0.0.0.0", "is an unspecified address"},
        {"255.255.255.255", "is a broadcast address"},
        {"::1", "is a loopback address"},
        {"fe80::1", "is a link-local address"},
        {"fd00::1", "is a private address"},
    };
    struct fixture *f = fixture(state);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *text = look_text(f, CASES[i].subject);
        if (!strstr(text, CASES[i].wanted))
            fail_msg("%s: %s", CASES[i].subject, text);
        assert_null(strstr(text, "announced"));
        assert_null(strstr(text, "libloc"));
    }
    assert_non_null(strstr(look_text(f, "8.8.8.8"), "announced"));
}

static void test_own_entries_win(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-own-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    fputs("- id: our-mirror\n  category: education\n  names: [facebook.com]\n"
          "  prefixes: [157.240.0.0/16]\n",
          out);
    fclose(out);
    const char *files[] = {path};
    void *own = NULL;
    setup_with(&own, files, 1);
    unlink(path);
    struct fixture *f = own;
    if (f->a) {
        FLOW(.remote = "192.0.2.1", .name = "www.facebook.com");
        assert_string_equal(result(f), "our-mirror/education name ");
        FLOW(.remote = "157.240.7.35");
        assert_string_equal(result(f), "our-mirror/education prefix ");
        FLOW(.remote = "192.0.2.1", .name = "www.instagram.com");
        assert_string_equal(result(f), "instagram/social name ");
    }
    teardown(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_customers_in_names_of_shared_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_similar_names_are_candidates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payload_comes_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_addresses_are_ambiguous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exclusive_addresses_name_the_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_name_is_never_overridden_where_many_share,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_dns_labels_only_its_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feed_wide_names_where_one_party_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports_come_last, setup, teardown),
        cmocka_unit_test_setup_teardown(test_visitors_are_not_users, setup, teardown),
        cmocka_unit_test_setup_teardown(test_visiting_a_vpn_site_is_not_using_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributing_again_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_provenance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_look, setup, teardown),
        cmocka_unit_test_setup_teardown(test_look_at_special_addresses, setup, teardown),
        cmocka_unit_test(test_own_entries_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
