/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "schema/values.h"
#include "store/filter.h"

static struct symbols *symbols;
static struct batch *rows;

static void set_ip(struct ip *ip, const char *text)
{
    assert_true(ip_parse(text, strlen(text), ip));
}

static uint32_t code(enum symbol_kind kind, const char *text)
{
    return symbols_code(symbols, kind, text, strlen(text));
}

/* Row 0: a local host opens HTTPS to Facebook in India. Row 1: a remote host visits a web server of
 * the population. Row 2: a scan. Row 3: IPv6, ambiguous. */
static int make_rows(void **state)
{
    (void)state;
    symbols = symbols_new(1000);
    rows = batch_new(STAGE_FLOW, 8);
    for (int i = 0; i < 4; i++)
        batch_add(rows);
    struct ip *local = batch_local(rows), *remote = batch_remote(rows);
    set_ip(&local[0], "175.45.178.19");
    set_ip(&remote[0], "157.240.7.35");
    set_ip(&local[1], "175.45.176.71");
    set_ip(&remote[1], "210.140.1.9");
    set_ip(&local[2], "175.45.179.200");
    set_ip(&remote[2], "222.255.27.4");
    set_ip(&local[3], "2001:db8::7");
    set_ip(&remote[3], "2a03:2880::1");
    static const uint16_t local_ports[] = {50000, 80, 23, 50001},
                          remote_ports[] = {443, 40000, 41000, 443};
    static const uint8_t out[] = {0x1b, 0x1b, 0, 0}, in[] = {0x1b, 0x1b, 0x02, 0};
    static const uint8_t openers[] = {1, 2, 4, 0}, protocols[] = {6, 6, 6, 17};
    static const uint8_t roles[] = {ROLE_CONSUMED, ROLE_SERVED, ROLE_UNANSWERED, ROLE_CONSUMED};
    static const char countries[] = "INJPVN";
    for (int i = 0; i < 4; i++) {
        batch_start_ms(rows)[i] = 1491004800000u + (uint64_t)i;
        batch_end_ms(rows)[i] = batch_start_ms(rows)[i] + (uint64_t)i * 60000;
        batch_local_port(rows)[i] = local_ports[i];
        batch_remote_port(rows)[i] = remote_ports[i];
        batch_protocol(rows)[i] = protocols[i];
        batch_packets_out(rows)[i] = (uint64_t)(10 * i + 1);
        batch_packets_in(rows)[i] = (uint64_t)(20 * i);
        batch_octets_out(rows)[i] = (uint64_t)(1000 * i + 40);
        batch_octets_in(rows)[i] = (uint64_t)(2000000 * i);
        batch_tcp_flags_out(rows)[i] = out[i];
        batch_tcp_flags_in(rows)[i] = in[i];
        batch_opener(rows)[i] = openers[i];
        batch_role(rows)[i] = roles[i];
        batch_country(rows)[i] = i < 3 ? country_code(countries + 2 * i) : 0;
        batch_asn(rows)[i] = (uint32_t)(100 * i);
        batch_sampling(rows)[i] = 1;
    }
    batch_service(rows)[0] = (uint16_t)code(SYMBOL_SERVICE, "facebook");
    batch_category(rows)[0] = (uint16_t)code(SYMBOL_CATEGORY, "social");
    batch_application(rows)[0] = code(SYMBOL_APPLICATION, "TLS.Facebook");
    batch_exporter(rows)[0] = code(SYMBOL_EXPORTER, "router 1");
    batch_basis(rows)[0] = BASIS_NAME;
    batch_platform(rows)[0] = PLATFORM_IOS;
    batch_platform(rows)[3] = PLATFORM_WINDOWS_PHONE;
    batch_platform_basis(rows)[0] = PLATFORM_BASIS_USER_AGENT;
    batch_platform_basis(rows)[3] = PLATFORM_BASIS_QUIC;
    batch_fingerprint(rows)[0] = code(SYMBOL_FINGERPRINT, "t13d1516h2_8daaf6152771_02713d6af862");
    batch_tls_version(rows)[0] = 0x0304;
    batch_tls_version(rows)[1] = 0x0301;
    batch_tls_faults(rows)[0] = TLS_HELLO | TLS_ENCRYPTED;
    batch_tls_faults(rows)[1] = TLS_HELLO | TLS_CERTIFICATE | TLS_EXPIRED | TLS_OBSOLETE;
    batch_owner(rows)[2] = OWNER_VPN;
    batch_candidates(rows)[3] = code(SYMBOL_CANDIDATES, "facebook|instagram");
    batch_marks(rows)[1] = MARK_INTERNAL;
    batch_set_text(rows, FIELD_server_name, 0, "www.facebook.com", 16);
    batch_set_text(rows, FIELD_server_name, 1, "facebook.com", 12);
    batch_set_text(rows, FIELD_server_name, 2, "notfacebook.com", 15);
    return 0;
}

static int drop_rows(void **state)
{
    (void)state;
    batch_free(rows);
    symbols_free(symbols);
    return 0;
}

static struct filter *parse(const char *text)
{
    struct filter *f = NULL;
    struct error err = {0};
    if (filter_parse(text, &f, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return f;
}

/* Which of the four rows match: "1..4" as a string of 0 and 1; canonical text and its text again.
 */
static const struct {
    const char *text, *rows, *printed;
} cases[] = {
    {"", "1111", "any"},
    {"any", "1111", "any"},
    {"not any", "0000", "not any"},
    {"net 175.45.176.0/22", "1110", "net 175.45.176.0/22"},
    {"175.45.176.71", "0100", "net 175.45.176.71"},
    {"host 157.240.7.35", "1000", "net 157.240.7.35"},
    {"ip in [175.45.178.19, 222.255.27.4 2001:db8::7]", "1011",
     "net in [175.45.178.19, 222.255.27.4, 2001:db8::7]"},
    {"src net 175.45.176.0/22", "1000", "src net 175.45.176.0/22"},
    {"dst net 175.45.176.0/22", "0110", "dst net 175.45.176.0/22"},
    {"local net 175.45.176.0/22", "1110", "local net 175.45.176.0/22"},
    {"remote net 175.45.176.0/22", "0000", "remote net 175.45.176.0/22"},
    {"src 2001:db8::/32", "0001", "src net 2001:db8::/32"},
    {"net 175.45.176.0 255.255.252.0", "1110", "net 175.45.176.0/22"},
    {"net in [175.45.176.0/23 175.45.178.0/23]", "1110", "net 175.45.176.0/22"},
    {"net 0.0.0.0/0", "1110", "net 0.0.0.0/0"},
    {"net ::/0", "1111", "net ::/0"},
    {"ipv4", "1110", "ipv4"},
    {"inet6", "0001", "ipv6"},
    {"port 443", "1001", "port 443"},
    {"dst port 80", "0100", "dst port 80"},
    {"src port 80", "0000", "src port 80"},
    {"port in [80, 23, 24-30]", "0110", "port in [23-30, 80]"},
    {"port > 49999", "1001", "port 50000-65535"},
    {"local port < 1024", "0110", "local port 0-1023"},
    {"port != 443", "1111", "port in [0-442, 444-65535]"},
    {"not port == 443", "0110", "not port 443"},
    {"port > 65535", "0000", "port < 0"},
    {"proto tcp", "1110", "proto tcp"},
    {"proto 17", "0001", "proto udp"},
    {"udp or icmp", "0001", "proto udp or proto icmp"},
    {"proto in [tcp udp]", "1111", "proto in [tcp, udp]"},
    {"service facebook", "1000", "service facebook"},
    {"service unknown", "0111", "service unknown"},
    {"service nosuch", "0000", "service nosuch"},
    {"service in [facebook, unknown]", "1111", "service in [unknown, facebook]"},
    {"category Social", "1000", "category social"},
    {"application tls", "1000", "application tls"},
    {"application facebook", "1000", "application facebook"},
    {"exporter \"router 1\"", "1000", "exporter \"router 1\""},
    {"country IN", "1000", "country IN"},
    {"country in", "1000", "country IN"},
    {"country in [in, jp]", "1100", "country in [IN, JP]"},
    {"country unknown", "0001", "country unknown"},
    {"src country vn", "0010", "src country VN"},
    {"dst country VN", "0000", "dst country VN"},
    {"dst country IN", "1000", "dst country IN"},
    {"asn 100", "0100", "asn 100"},
    {"as AS100", "0100", "asn 100"},
    {"asn > 100", "0011", "asn 101-4294967295"},
    {"src asn in [100-200]", "0110", "src asn 100-200"},
    {"role served", "0100", "role served"},
    {"role in [served consumed]", "1101", "role in [consumed, served]"},
    {"not role served", "1011", "not role served"},
    {"basis name", "1000", "basis name"},
    {"owner \"vpn provider\"", "0010", "owner \"vpn provider\""},
    {"platform ios", "1000", "platform ios"},
    {"platform in [ios, Windows-Phone]", "1001", "platform in [ios, windows-phone]"},
    {"platform unknown", "0110", "platform unknown"},
    {"platform basis quic", "0001", "platform basis quic"},
    {"not platform basis unknown", "1001", "not platform basis unknown"},
    {"fingerprint t13d1516h2_8daaf6152771_02713d6af862", "1000",
     "fingerprint t13d1516h2_8daaf6152771_02713d6af862"},
    {"fingerprint unknown", "0111", "fingerprint unknown"},
    {"tls version tls1.0", "0100", "tls version TLS1.0"},
    {"tls version in [TLS1.0 TLS1.3]", "1100", "tls version in [TLS1.0, TLS1.3]"},
    {"tls fault expired", "0100", "tls fault expired"},
    {"tls fault hello", "1100", "tls fault hello"},
    {"tls fault in [encrypted, self-signed]", "1000", "tls fault in [encrypted, self-signed]"},
    {"tls fault in [certificate hello expired]", "1100",
     "tls fault in [hello, certificate, expired]"},
    {"name facebook.com", "1100", "name facebook.com"},
    {"name *.Facebook.COM.", "1100", "name facebook.com"},
    {"name www.facebook.com", "1000", "name www.facebook.com"},
    {"name unknown", "0001", "name unknown"},
    {"flags S", "1110", "flags S"},
    {"flags S and not flags A", "0010", "flags S and not flags A"},
    {"flags S/SA", "0010", "flags S/SA"},
    {"src flags S", "1110", "src flags S"},
    {"dst flags S", "1100", "dst flags S"},
    {"flags 0x", "", NULL},
    {"packets > 20", "0111", "packets > 20"},
    {"bytes > 2m", "0111", "octets > 2000000"},
    {"octets_out = 40", "1000", "octets_out = 40"},
    {"packets_in 0", "1000", "packets_in = 0"},
    {"duration >= 2m", "0011", "duration >= 120000"},
    {"duration < 60000", "1000", "duration < 60000"},
    {"internal", "0100", "internal"},
    {"ambiguous", "0001", "ambiguous"},
    {"net 175.45.176.0/22 and dst port 443 and service facebook and country IN and not role served",
     "1000",
     "net 175.45.176.0/22 and dst port 443 and service facebook and country IN and not role "
     "served"},
    {"(port 443 || port 80) && tcp", "1100", "(port 443 or port 80) and proto tcp"},
    {"port 443 or port 80 and udp", "1001", "port 443 or port 80 and proto udp"},
    {"! ( port 443 or port 80 )", "0010", "not (port 443 or port 80)"},
    {"not not udp", "0001", "proto udp"},
};

static void filters_match_and_print(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        if (!cases[c].printed)
            continue;
        struct filter *f = parse(cases[c].text), *again;
        struct buf text, second;
        buf_init(&text, 1 << 16);
        buf_init(&second, 1 << 16);
        for (size_t i = 0; i < 4; i++)
            if (filter_match(f, symbols, rows, i) != (cases[c].rows[i] == '1'))
                fail_msg("%s: row %zu", cases[c].text, i);
        filter_print(f, &text);
        assert_string_equal(text.at, cases[c].printed);
        again = parse(text.at);
        filter_print(again, &second);
        assert_string_equal(second.at, text.at);
        buf_done(&text);
        buf_done(&second);
        filter_free(f);
        filter_free(again);
    }
}

static void errors_name_the_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"proto tcp and port x", "filter:20: expected a port number, not 'x'"},
        {"port 70000", "filter:6: expected a port number"},
        {"port 90-80", "filter:6: expected a port number"},
        {"dst port", "filter:9: expected a port number, the text ends here"},
        {"net 1.2.3", "filter:5: expected an address or a prefix"},
        {"host www.x.com", "filter:6: expected an address"},
        {"port 80 port 90", "filter:9: expected and, or, or the end"},
        {"(port 80", "filter:9: expected and, or, or a closing parenthesis"},
        {"port 80)", "filter:8: expected and, or, or the end"},
        {"port in []", "filter:10: expected a value in the list"},
        {"port in [80", "filter:12: expected a port number, the text ends here"},
        {"src proto tcp", "filter:5: expected host, net, port"},
        {"local country IN", "filter:7: asn and country are the remote side's"},
        {"country India", "filter:9: expected a country of two letters"},
        {"role admin", "filter:6: expected a role"},
        {"flags Q", "filter:7: expected TCP flags"},
        {"packets > many", "filter:11: expected a number"},
        {"duration > 3y", "filter:12: expected a duration"},
        {"exporter \"x", "filter:10: the quotes are not closed"},
        {"and", "filter:1: expected a condition"},
        {"port 80 and", "filter:12: expected a condition"},
        {"port 80 ; drop", "filter:9: expected and, or, or the end, not ';'"},
        {"name a*b.com", "filter:6: expected a host name without a *"},
        {"net in @/nonexistent/list", "filter:8: open /nonexistent/list: No such file"},
        {"packets > 99999999999999999999999", "filter:11: expected a number"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct filter *f = NULL;
        struct error err = {0};
        assert_int_equal(filter_parse(wrong[i].text, &f, &err), ERROR_USAGE);
        assert_null(f);
        if (strncmp(err.text, wrong[i].message, strlen(wrong[i].message)) != 0)
            fail_msg("%s: %s", wrong[i].text, err.text);
    }
}

static void lists_come_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-filter-XXXXXX", text[64];
    struct filter *f = NULL;
    struct error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char list[] = "# hosts\n175.45.178.19\n\n  222.255.27.0/24 # a network\r\n";
    assert_int_equal(write(fd, list, sizeof list - 1), sizeof list - 1);
    snprintf(text, sizeof text, "host in @%s and tcp", path);
    f = parse(text);
    static const char expected[] = "1010";
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(filter_match(f, symbols, rows, i), expected[i] == '1');
    filter_free(f);
    f = NULL;
    /* What came over the network names no files. */
    assert_int_equal(filter_parse_text(text, strlen(text), false, &f, &err), ERROR_USAGE);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(filter_parse(text, &f, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, "there is no address in"));
    assert_int_equal(pwrite(fd, "1.2.3.4\n1.2.3\n", 14, 0), 14);
    assert_int_equal(filter_parse(text, &f, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, ":2: '1.2.3' is neither"));
    close(fd);
    unlink(path);
}

static void sql_holds_no_text(void **state)
{
    (void)state;
    struct buf sql;
    buf_init(&sql, 1 << 16);
    struct filter *f = parse("net 175.45.176.0/22 and name facebook.com and service facebook");
    filter_sql(f, symbols, &sql);
    assert_string_equal(sql.at,
                        "((((local >= unhex('00000000000000000000ffffaf2db000') AND local <= "
                        "unhex('00000000000000000000ffffaf2db3ff'))) OR ((remote >= "
                        "unhex('00000000000000000000ffffaf2db000') AND remote <= "
                        "unhex('00000000000000000000ffffaf2db3ff')))) AND (server_name = "
                        "unhex('66616365626f6f6b2e636f6d') OR endsWith(server_name, "
                        "unhex('2e66616365626f6f6b2e636f6d'))) AND (service IN (1)))");
    filter_free(f);
    buf_clear(&sql);
    f = parse("service nosuch or exporter \"x'); DROP TABLE flow; --\"");
    filter_sql(f, symbols, &sql);
    assert_string_equal(sql.at, "(0 OR 0)");
    filter_free(f);
    buf_done(&sql);
}

static bool known(void *ctx, enum symbol_kind kind, const char *text, size_t len)
{
    (void)ctx;
    return kind == SYMBOL_SERVICE && len == 8 && memcmp(text, "facebook", 8) == 0;
}

static void unknown_services_are_named(void **state)
{
    (void)state;
    struct error err = {0};
    struct filter *f = parse("service facebook and not (port 80 or service facebok)");
    assert_int_equal(filter_check(f, known, NULL, &err), ERROR_USAGE);
    assert_string_equal(err.text, "filter:46: there is no service 'facebok'");
    filter_free(f);
    f = parse("service in [facebook, unknown]");
    assert_int_equal(filter_check(f, known, NULL, &err), 0);
    filter_free(f);
}

static void limits_are_stated(void **state)
{
    (void)state;
    struct filter *f = NULL;
    struct error err = {0};
    char deep[1000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(filter_parse(deep, &f, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, "nested deeper than 200"));
    /* A long flat chain is no nesting, and its SQL is one level. */
    struct buf text, sql;
    buf_init(&text, 1 << 20);
    buf_init(&sql, 1 << 20);
    buf_text(&text, "port 1");
    for (int i = 2; i <= 4000; i++)
        buf_format(&text, " or port %d", i);
    f = parse(text.at);
    filter_sql(f, symbols, &sql);
    unsigned depth = 0, deepest = 0;
    for (size_t i = 0; i < sql.len; i++) {
        depth += sql.at[i] == '(';
        depth -= sql.at[i] == ')';
        deepest = depth > deepest ? depth : deepest;
    }
    assert_int_equal(depth, 0);
    assert_true(deepest < 6);
    filter_free(f);
    for (int i = 0; i < 10000; i++)
        buf_text(&text, " or any");
    f = NULL;
    assert_int_equal(filter_parse(text.at, &f, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, "more than 10000 conditions"));
    buf_done(&text);
    buf_done(&sql);
}

/* Ranges against the plain way: every address one by one. */
static void large_lists_equal_the_plain_way(void **state)
{
    (void)state;
    struct random r;
    struct buf text;
    enum { PREFIXES = 300, PROBES = 3000 };
    struct prefix all[PREFIXES];
    random_init(&r, 7);
    buf_init(&text, 1 << 20);
    buf_text(&text, "remote net in [");
    for (int i = 0; i < PREFIXES; i++) {
        char one[PREFIX_TEXT_MAX];
        int len = snprintf(one, sizeof one, "10.0.%u.%u/%u", (unsigned)random_below(&r, 8),
                           (unsigned)random_below(&r, 256), (unsigned)(22 + random_below(&r, 11)));
        assert_true(prefix_parse(one, (size_t)len, false, &all[i]));
        buf_format(&text, " %s", one);
    }
    buf_text(&text, "]");
    struct filter *f = parse(text.at), *again;
    buf_clear(&text);
    filter_print(f, &text);
    again = parse(text.at);
    for (int i = 0; i < PROBES; i++) {
        uint8_t octets[4] = {10, 0, (uint8_t)random_below(&r, 9), (uint8_t)random_below(&r, 256)};
        struct ip ip = ip_from_v4(octets), saved = batch_remote(rows)[0];
        bool plain = false;
        for (int p = 0; p < PREFIXES; p++)
            plain |= prefix_contains(&all[p], &ip);
        batch_remote(rows)[0] = ip;
        assert_int_equal(filter_match(f, symbols, rows, 0), plain);
        assert_int_equal(filter_match(again, symbols, rows, 0), plain);
        batch_remote(rows)[0] = saved;
    }
    filter_free(f);
    filter_free(again);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_match_and_print),         cmocka_unit_test(errors_name_the_column),
        cmocka_unit_test(lists_come_from_files),           cmocka_unit_test(sql_holds_no_text),
        cmocka_unit_test(unknown_services_are_named),      cmocka_unit_test(limits_are_stated),
        cmocka_unit_test(large_lists_equal_the_plain_way),
    };
    return cmocka_run_group_tests(tests, make_rows, drop_rows);
}
