/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as people publish them, each edition on its date; and what they do to a flow. */
#include "attribute/dated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attribute/attribute.h"
#include "base/buf.h"
#include "base/zone.h"
#include "schema/values.h"

static struct cidr_counts read_text(const char *text, struct cidrlist *l)
{
    struct cidr_counts c = {0};
    struct error err;
    cidrlist_init(l);
    assert_int_equal(cidrlist_read(l, bytes_of_text(text), &c, &err), 0);
    cidrlist_sort(l, &c);
    return c;
}

static const char *prefix_at(const struct cidrlist *l, size_t i)
{
    static char text[PREFIX_TEXT_MAX];
    assert_true(i < l->count);
    prefix_print(&l->at[i].prefix, text);
    return text;
}

static void lines_of_all_kinds(void **state)
{
    (void)state;
    struct cidrlist l;
    struct cidr_counts c = read_text("# comment\n"
                                     "\n"
                                     "192.0.2.0/24\n"
                                     "192.0.2.0/24   # again\n"
                                     "198.51.100.7\n"
                                     "203.0.113.9/24 ; host bits\n"
                                     "2001:db8::/32\r\n"
                                     "add set 10.1.0.0/16 timeout 0\n"
                                     "10.2.0.0 - 10.2.0.255\n"
                                     "10.3.0.0-10.3.1.127\n"
                                     "300.1.2.3/24\n"
                                     "nothing here\n"
                                     "0.0.0.0/0\n",
                                     &l);
    assert_int_equal(c.lines, 11);
    assert_int_equal(c.comments, 1);
    assert_int_equal(c.taken, 9);
    assert_int_equal(c.bad_address, 1);
    assert_int_equal(c.no_address, 1);
    assert_int_equal(c.whole_internet, 1);
    assert_int_equal(c.host_bits, 1);
    assert_int_equal(c.repeated, 1);
    assert_string_equal(c.format, "text");
    assert_int_equal(l.count, 8);
    static const char *const all[] = {"10.1.0.0/16",    "10.2.0.0/24",  "10.3.0.0/24",
                                      "10.3.1.0/25",    "192.0.2.0/24", "198.51.100.7/32",
                                      "203.0.113.0/24", "2001:db8::/32"};
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(prefix_at(&l, i), all[i]);
    cidrlist_done(&l);
}

static void tables_with_a_header(void **state)
{
    (void)state;
    struct cidrlist l;
    struct cidr_counts c = read_text("network,provider,country\n"
                                     "192.0.2.0/25,\"Some VPN\",SE\n"
                                     "\"198.51.100.0/24\",Other,NL\n",
                                     &l);
    assert_int_equal(c.headers, 1);
    assert_int_equal(l.count, 2);
    cidrlist_done(&l);
    c = read_text("first;last;name\n192.0.2.0;192.0.2.127;x\n192.0.2.128;192.0.2.255;y\n", &l);
    assert_int_equal(c.taken, 2);
    assert_string_equal(prefix_at(&l, 0), "192.0.2.0/25");
    cidrlist_done(&l);
}

/* The shapes of the documents that the four clouds publish, with addresses of our own. */
static void ranges_of_clouds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *format, *date, *tag;
        size_t prefixes;
    } cases[] = {
        {"{\"syncToken\":\"1493660000\",\"createDate\":\"2017-05-01-17-33-20\",\"prefixes\":[{"
         "\"ip_prefix\":\"192.0.2.0/24\",\"region\":\"us-east-1\",\"service\":\"AMAZON\"},{"
         "\"ip_prefix\":\"192.0.2.0/24\",\"region\":\"us-east-1\",\"service\":\"EC2\"}],\"ipv6_"
         "prefixes\":[{\"ipv6_prefix\":\"2001:db8::/32\",\"service\":\"CLOUDFRONT\"}]}",
         "aws", "2017-05-01", "EC2", 2},
        {"{\"syncToken\":\"1\",\"creationTime\":\"2021-03-04T05:06:07.12\",\"prefixes\":[{"
         "\"ipv4Prefix\":\"192.0.2.0/24\",\"service\":\"Google Cloud\",\"scope\":\"asia-east1\"},{"
         "\"ipv6Prefix\":\"2001:db8:1::/48\"}]}",
         "google", "2021-03-04", "Google Cloud", 2},
        {"{\"changeNumber\":1,\"cloud\":\"Public\",\"values\":[{\"name\":\"AzureCloud.westeurope\","
         "\"id\":\"x\",\"properties\":{\"region\":\"westeurope\",\"addressPrefixes\":[\"192.0.2.0/"
         "24\",\"2001:db8::/40\"]}}]}",
         "azure", NULL, "AzureCloud.westeurope", 2},
        {"{\"last_updated_timestamp\":\"2022-01-02T03:04:05.6\",\"regions\":[{\"region\":\"us-"
         "phoenix-1\",\"cidrs\":[{\"cidr\":\"192.0.2.0/25\",\"tags\":[\"OCI\"]},{\"cidr\":\"bad\"}]"
         "}]}",
         "oracle", "2022-01-02", "us-phoenix-1", 1},
        {"{\"addresses\":[\"192.0.2.0/24\"],\"ipv6_addresses\":[\"2001:db8::/32\"]}", "json", NULL,
         "", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cidrlist l;
        char date[TIME_TEXT_MAX] = "";
        struct cidr_counts c = read_text(cases[i].text, &l);
        assert_string_equal(c.format, cases[i].format);
        if (c.day != CIDR_NO_DAY)
            date_print(c.day, date);
        assert_string_equal(date, cases[i].date ? cases[i].date : "");
        assert_int_equal(l.count, cases[i].prefixes);
        assert_string_equal(l.tags[l.at[0].tag], cases[i].tag);
        assert_int_equal(c.no_address, strcmp(c.format, "oracle") == 0);
        cidrlist_done(&l);
    }
    struct cidrlist l;
    struct cidr_counts c = {0};
    struct error err;
    cidrlist_init(&l);
    assert_int_equal(cidrlist_read(&l, bytes_of_text("{\"prefixes\": ["), &c, &err), ERROR_FAILED);
    cidrlist_done(&l);
}

/* Ranges against counting addresses one by one. */
static void ranges_are_exact(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int trial = 0; trial < 300; trial++) {
        char text[64];
        struct cidrlist l;
        random = random * 1664525 + 1013904223;
        unsigned a = random >> 16 & 1023, b = random >> 6 & 1023;
        if (a > b)
            a ^= b, b ^= a, a ^= b;
        snprintf(text, sizeof text, "10.0.%u.%u-10.0.%u.%u", a >> 8, a & 255, b >> 8, b & 255);
        read_text(text, &l);
        unsigned sum = 0;
        for (size_t i = 0; i < l.count; i++)
            sum += 1u << (128 - l.at[i].prefix.len_bits);
        assert_int_equal(sum, b - a + 1);
        struct ip first;
        snprintf(text, sizeof text, "10.0.%u.%u", a >> 8, a & 255);
        assert_true(ip_parse(text, strlen(text), &first));
        assert_true(ip_equal(&first, &l.at[0].prefix.ip));
        cidrlist_done(&l);
    }
}

/* ------------------------------------------------------------------ editions */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/telltale-lists-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static int32_t day_of(const char *text)
{
    int32_t day;
    assert_int_equal(date_parse(text, strlen(text), &day), 0);
    return day;
}

static void put_edition(enum list_kind kind, const char *label, const char *date, const char *since,
                        const char *text)
{
    struct cidrlist l;
    char path[512];
    struct error err;
    read_text(text, &l);
    l.kind = kind;
    l.owner = kind == LIST_OWNER ? OWNER_LABORATORY : OWNER_UNKNOWN;
    l.label = strdup(label);
    l.from = strdup("test");
    l.day = day_of(date);
    l.since = since ? day_of(since) : CIDR_NO_DAY;
    dated_list_path(folder, &l, path, sizeof path);
    assert_int_equal(cidrlist_save(&l, path, &err), 0);
    cidrlist_done(&l);
}

static const char *found(const struct dated *d, const char *address, const char *date, size_t n)
{
    static char text[256];
    struct dated_hit hits[DATED_HITS_MAX];
    struct ip ip;
    assert_true(ip_parse(address, strlen(address), &ip));
    size_t count = dated_find(d, &ip, day_of(date), hits);
    if (n >= count)
        return "";
    assert_true(dated_has(d, &ip));
    char day[TIME_TEXT_MAX];
    date_print(hits[n].edition->day, day);
    snprintf(text, sizeof text, "%s %s %s", list_kind_text(hits[n].list->kind), hits[n].list->label,
             day);
    return text;
}

static void the_edition_not_newer_than_the_date_is_asked(void **state)
{
    (void)state;
    struct dated *d;
    struct error err;
    put_edition(LIST_VPN, "Some VPN", "2017-04-10", NULL, "192.0.2.0/24");
    put_edition(LIST_VPN, "Some VPN", "2017-05-10", NULL, "198.51.100.0/24");
    put_edition(LIST_HOSTING, "Rent", "2017-05-01", "2017-01-01", "192.0.0.0/16");
    put_edition(LIST_TOR, "Exits", "2017-05-01", NULL, "203.0.113.4");
    assert_int_equal(dated_open(folder, 0, &d, &err), 0);
    assert_int_equal(strlen(dated_digest(d)), 64);
    assert_string_equal(found(d, "192.0.2.1", "2016-12-31", 0), "");
    assert_string_equal(found(d, "192.0.2.1", "2017-01-01", 0), "hosting Rent 2017-05-01");
    assert_string_equal(found(d, "192.0.2.1", "2017-04-09", 0), "hosting Rent 2017-05-01");
    assert_string_equal(found(d, "192.0.2.1", "2017-04-10", 0), "vpn Some VPN 2017-04-10");
    assert_string_equal(found(d, "192.0.2.1", "2017-05-09", 1), "hosting Rent 2017-05-01");
    assert_string_equal(found(d, "192.0.2.1", "2017-05-10", 0), "hosting Rent 2017-05-01");
    assert_string_equal(found(d, "198.51.100.9", "2017-05-09", 0), "");
    assert_string_equal(found(d, "198.51.100.9", "2020-01-01", 0), "vpn Some VPN 2017-05-10");
    /* Relays come and go: a list of them is good for a day. */
    assert_string_equal(found(d, "203.0.113.4", "2017-05-02", 0), "tor Exits 2017-05-01");
    assert_string_equal(found(d, "203.0.113.4", "2017-05-03", 0), "");
    dated_free(d);
}

static void a_file_that_is_cut_is_no_list(void **state)
{
    (void)state;
    struct dated *d;
    struct error err;
    char path[512], text[4096];
    put_edition(LIST_VPN, "Some VPN", "2017-04-10", NULL, "192.0.2.0/24\n198.51.100.0/24\n");
    snprintf(path, sizeof path, "%s/vpn.some-vpn.2017-04-10.cidr", folder);
    FILE *f = fopen(path, "rb");
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t cut = 0; cut + 1 < len; cut++) { /* the last newline is not missed */
        assert_int_equal(truncate(path, 0), 0);
        f = fopen(path, "wb");
        fwrite(text, 1, cut, f);
        fclose(f);
        assert_int_equal(dated_open(folder, 0, &d, &err), ERROR_DAMAGED);
    }
}

/* ------------------------------------------------------------------ flows */

struct flow {
    const char *remote, *name, *application;
    uint16_t port;
    const char *date; /* of its start, noon */
};

struct world {
    struct symbols *symbols;
    struct attribution *a;
    struct batch *b;
};

static struct world world_open(void)
{
    struct world w = {.symbols = symbols_new(65535), .b = batch_new(STAGE_FLOW, 1)};
    struct study study = {.lists = folder};
    struct error err;
    if (attribution_open(&study, w.symbols, &w.a, &err) != 0)
        fail_msg("%s", err.text);
    return w;
}

static void world_close(struct world *w)
{
    attribution_free(w->a);
    batch_free(w->b);
    symbols_free(w->symbols);
}

/* "service category basis owner" */
static const char *attribute(struct world *w, struct flow flow)
{
    static char text[512];
    batch_clear(w->b);
    batch_add(w->b);
    batch_start_ms(w->b)[0] = (uint64_t)day_of(flow.date) * 86400000 + 43200000;
    batch_end_ms(w->b)[0] = batch_start_ms(w->b)[0] + 1000;
    ip_parse("175.45.176.81", 13, &batch_local(w->b)[0]);
    assert_true(ip_parse(flow.remote, strlen(flow.remote), &batch_remote(w->b)[0]));
    batch_remote_port(w->b)[0] = flow.port;
    batch_local_port(w->b)[0] = 50000;
    batch_protocol(w->b)[0] = 6;
    batch_role(w->b)[0] = ROLE_CONSUMED;
    if (flow.name) {
        batch_set_text(w->b, FIELD_server_name, 0, flow.name, strlen(flow.name));
        batch_name_kind(w->b)[0] = NAME_SNI;
    }
    if (flow.application)
        batch_application(w->b)[0] = symbols_code(w->symbols, SYMBOL_APPLICATION, flow.application,
                                                  strlen(flow.application));
    attribution_batch(w->a, w->b);
    const char *candidates = symbols_text(w->symbols, SYMBOL_CANDIDATES, batch_candidates(w->b)[0]);
    snprintf(text, sizeof text, "%s%.40s %s %s %s",
             symbols_text(w->symbols, SYMBOL_SERVICE, batch_service(w->b)[0]),
             candidates[0] ? "?" : "",
             symbols_text(w->symbols, SYMBOL_CATEGORY, batch_category(w->b)[0]),
             basis_text(batch_basis(w->b)[0]), owner_text(batch_owner(w->b)[0]));
    return text;
}

static bool have_geo(void)
{
    return access("/var/lib/location/database.db", R_OK) == 0;
}

static void a_users_list_wins_over_the_catalogue(void **state)
{
    (void)state;
    if (!have_geo())
        skip();
    /* An address of Netflix's prefixes in the catalogue, and of nobody's. */
    put_edition(LIST_VPN, "Some VPN", "2017-05-01", NULL, "203.0.113.0/24\n23.246.0.0/24\n");
    put_edition(LIST_OWNER, "Institutes", "2017-05-01", NULL, "203.0.113.128/25");
    put_edition(LIST_CLOUD, "AWS", "2017-05-01", NULL, "198.51.100.0/24");
    struct world w = world_open();
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.9", NULL, NULL, 1194, "2017-05-01"}),
                        "some-vpn vpn prefix vpn provider");
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.9", NULL, NULL, 7777, "2017-04-30"}),
                        "   ");
    assert_string_equal(
        attribute(&w, (struct flow){"203.0.113.200", NULL, NULL, 443, "2017-05-01"}),
        "some-vpn vpn prefix laboratory");
    assert_string_equal(attribute(&w, (struct flow){"23.246.0.7", NULL, NULL, 443, "2017-05-02"}),
                        "some-vpn vpn prefix vpn provider");
    /* A name on the wire beats any list; the provider beats the mere protocol. */
    assert_string_equal(
        attribute(&w, (struct flow){"203.0.113.9", "www.facebook.com", NULL, 443, "2017-05-01"}),
        "facebook social name vpn provider");
    assert_string_equal(
        attribute(&w, (struct flow){"203.0.113.9", NULL, "OpenVPN", 1194, "2017-05-01"}),
        "some-vpn vpn prefix vpn provider");
    assert_string_equal(attribute(&w, (struct flow){"198.51.100.1", NULL, NULL, 443, "2017-05-01"}),
                        "?  prefix hosting");
    json_t *provenance = attribution_provenance(w.a);
    assert_int_equal(json_array_size(json_object_get(provenance, "lists")), 3);
    assert_true(json_is_null(json_object_get(provenance, "tor")));
    json_decref(provenance);
    world_close(&w);
}

static void put_relays(void)
{
    static const char text[] =
        "network-status-version 3\nvote-status consensus\nconsensus-method 25\n"
        "valid-after 2017-05-01 06:00:00\n"
        "r a AAECAwQFBgcICQoLDA0ODxAREhM 8mCr8Sl7RF4ENU4jb0FZFA/3do8 2017-04-30 18:00:00 "
        "203.0.113.4 9001 9030\ns Guard Running V2Dir Valid\ndirectory-footer\n"
        "@type tordnsel 1.0\nDownloaded 2017-05-01 07:02:00\n"
        "ExitNode 000102030405060708090A0B0C0D0E0F10111213\nExitAddress 203.0.113.5 2017-05-01 "
        "06:08:13\n";
    struct tor_builder *b = tor_builder_new(NULL, 100);
    struct tor_table *t;
    struct error err;
    char path[512];
    assert_int_equal(tor_builder_octets(b, bytes_of_text(text), &err), 0);
    assert_int_equal(tor_builder_table(b, &t, &err), 0);
    dated_tor_path(folder, path, sizeof path);
    assert_int_equal(tor_save(t, path, &err), 0);
    tor_free(t);
    tor_builder_free(b);
}

static void tor_is_the_relays_address_and_port_on_that_date(void **state)
{
    (void)state;
    if (!have_geo())
        skip();
    put_relays();
    struct world w = world_open();
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.4", NULL, NULL, 9001, "2017-05-01"}),
                        "tor tor prefix ");
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.4",
                                                    "www.axqzx4s6s54s32yentfqojs3x5i7faxza6xo3ehd4b"
                                                    ".com",
                                                    "TLS", 9001, "2017-05-01"}),
                        "tor tor prefix ");
    /* Not its port, not its date. */
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.4", NULL, NULL, 7777, "2017-05-01"}),
                        "   ");
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.4", NULL, NULL, 9030, "2017-05-01"}),
                        "tor tor prefix ");
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.4", NULL, NULL, 9030, "2017-05-03"}),
                        "   ");
    /* An exit list has no ports: a name that the catalogue does not know says more. */
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.5", NULL, NULL, 443, "2017-05-01"}),
                        "tor tor prefix ");
    assert_string_equal(
        attribute(&w, (struct flow){"203.0.113.5", "example.org", NULL, 443, "2017-05-01"}), "   ");
    assert_string_equal(attribute(&w, (struct flow){"203.0.113.5", NULL, NULL, 22, "2017-05-01"}),
                        "ssh remote-access port ");
    struct error err;
    json_t *look = attribution_look(w.a, "203.0.113.4",
                                    (uint64_t)day_of("2017-05-01") * 86400000 + 43200000, &err);
    assert_string_equal(json_string_value(json_object_get(json_object_get(look, "tor"), "role")),
                        "guard");
    json_decref(look);
    look = attribution_look(w.a, "203.0.113.4", (uint64_t)day_of("2017-06-01") * 86400000, &err);
    assert_string_equal(json_string_value(json_object_get(json_object_get(look, "tor"), "state")),
                        "stale");
    json_decref(look);
    json_t *provenance = attribution_provenance(w.a);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(provenance, "tor"), "from")),
        "2017-05-01T06:00:00.000Z");
    json_decref(provenance);
    world_close(&w);
}

static void the_captures_vpn_list(void **state)
{
    (void)state;
    char path[4096];
    struct stat st;
    struct cidrlist l;
    struct cidr_counts c = {0};
    struct error err;
    const char *source = getenv("TELLTALE_SOURCE");
    snprintf(path, sizeof path, "%s/../shared/data/captures/lists/x4bnet-vpn-ipv4.txt",
             source ? source : ".");
    if (stat(path, &st) != 0)
        skip();
    cidrlist_init(&l);
    assert_int_equal(cidrlist_read_file(&l, path, &c, &err), 0);
    cidrlist_sort(&l, &c);
    print_message("# %zu prefixes of %zu lines\n", l.count, (size_t)c.lines);
    assert_int_equal(c.taken, c.lines);
    assert_true(l.count > 1000);
    cidrlist_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_all_kinds),
        cmocka_unit_test(tables_with_a_header),
        cmocka_unit_test(ranges_of_clouds),
        cmocka_unit_test(ranges_are_exact),
        cmocka_unit_test_setup_teardown(the_edition_not_newer_than_the_date_is_asked, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_is_no_list, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_users_list_wins_over_the_catalogue, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(tor_is_the_relays_address_and_port_on_that_date,
                                        make_folder, remove_folder),
        cmocka_unit_test(the_captures_vpn_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
