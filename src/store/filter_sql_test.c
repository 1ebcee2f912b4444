/* SPDX-License-Identifier: Apache-2.0 */
/* A filter's SQL finds the rows that filter_match() finds: random filters over random rows, on chDB
 * in this process and on Debian's ClickHouse 18.16. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "engine/clickhouse_fixture.h"
#include "engine/engine.h"
#include "schema/values.h"
#include "store/filter.h"
#include "store/tables.h"

enum { ROWS = 500, FILTERS = 400, LONG_LIST = 9000 };

static char folder[] = "/tmp/telltale-filter-XXXXXX";
static struct symbols *symbols;
static struct batch *rows;

static uint64_t pick(struct random *r, size_t count)
{
    return random_below(r, count);
}

static struct ip random_ip(struct random *r)
{
    struct ip ip;
    char text[64];
    int len = pick(r, 4)
                  ? snprintf(text, sizeof text, "10.0.%d.%d", (int)pick(r, 4), (int)pick(r, 256))
                  : snprintf(text, sizeof text, "2001:db8::%d", (int)pick(r, 16));
    assert_true(ip_parse(text, (size_t)len, &ip));
    return ip;
}

static void make_rows(struct random *r)
{
    static const char *const services[] = {"", "facebook", "google", "baidu"};
    static const char *const applications[] = {"", "TLS", "TLS.Facebook", "QUIC.Google"};
    static const char *const names[] = {
        "", "facebook.com", "www.facebook.com", "notfacebook.com", "a.b.example", "example"};
    static const char *const countries[] = {"IN", "CN", "US"};
    symbols = symbols_new(100);
    rows = batch_new(STAGE_FLOW, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        batch_add(rows);
        const char *service = services[pick(r, 4)], *application = applications[pick(r, 4)],
                   *name = names[pick(r, 6)];
        batch_start_ms(rows)[i] = 1491004800000u + i; /* tells the rows apart */
        batch_end_ms(rows)[i] = batch_start_ms(rows)[i] + pick(r, 200000);
        batch_local(rows)[i] = random_ip(r);
        batch_remote(rows)[i] = random_ip(r);
        batch_local_port(rows)[i] = (uint16_t)(pick(r, 2) ? 80 : 50000 + pick(r, 10));
        batch_remote_port(rows)[i] = (uint16_t)(pick(r, 2) ? 443 : pick(r, 65536));
        batch_protocol(rows)[i] = pick(r, 3) ? 6 : 17;
        batch_packets_out(rows)[i] = pick(r, 20);
        batch_packets_in(rows)[i] = pick(r, 20);
        batch_octets_out(rows)[i] = pick(r, 20000);
        batch_octets_in(rows)[i] = pick(r, 5) ? pick(r, 20000) : UINT64_C(1) << 40;
        batch_tcp_flags_out(rows)[i] = (uint8_t)pick(r, 256);
        batch_tcp_flags_in(rows)[i] = (uint8_t)pick(r, 256);
        batch_opener(rows)[i] = (uint8_t)pick(r, 5);
        batch_marks(rows)[i] = (uint16_t)pick(r, 1024);
        batch_role(rows)[i] = (uint8_t)pick(r, 5);
        batch_basis(rows)[i] = (uint8_t)pick(r, 7);
        batch_owner(rows)[i] = (uint8_t)pick(r, 15);
        batch_service(rows)[i] =
            (uint16_t)symbols_code(symbols, SYMBOL_SERVICE, service, strlen(service));
        batch_application(rows)[i] =
            symbols_code(symbols, SYMBOL_APPLICATION, application, strlen(application));
        batch_candidates(rows)[i] = (uint32_t)(pick(r, 4) == 0);
        batch_country(rows)[i] = pick(r, 4) ? country_code(countries[pick(r, 3)]) : 0;
        batch_asn(rows)[i] = (uint32_t)(pick(r, 2) ? pick(r, 5) : 4200000000u);
        batch_sampling(rows)[i] = 1;
        batch_platform(rows)[i] = (uint8_t)pick(r, 18);
        batch_platform_basis(rows)[i] = (uint8_t)pick(r, 8);
        batch_tls_faults(rows)[i] = (uint16_t)pick(r, 4096);
        batch_tls_version(rows)[i] = pick(r, 2) ? 0x0303 : 0;
        batch_fingerprint(rows)[i] =
            pick(r, 2) ? symbols_code(symbols, SYMBOL_FINGERPRINT, "t12i0", 5) : 0;
        batch_day(rows)[i] = 17257;
        batch_set_text(rows, FIELD_server_name, i, name, strlen(name));
    }
}

/* One condition of every sort. */
static void random_condition(struct random *r, struct buf *out)
{
    static const char *const sides[] = {"", "src ", "dst ", "local ", "remote "};
    static const char *const fixed[] = {"service facebook",
                                        "service unknown",
                                        "service in [google, baidu, nosuch]",
                                        "service nosuch",
                                        "application tls",
                                        "application google",
                                        "application unknown",
                                        "name facebook.com",
                                        "name example",
                                        "name unknown",
                                        "proto udp",
                                        "proto in [tcp, 47]",
                                        "role served",
                                        "role in [unknown, peer]",
                                        "basis dns",
                                        "owner hosting",
                                        "platform ios",
                                        "platform in [windows, unknown]",
                                        "platform basis tls",
                                        "tls version TLS1.2",
                                        "tls fault in [expired, self-signed]",
                                        "fingerprint t12i0",
                                        "ipv4",
                                        "ipv6",
                                        "internal",
                                        "quic",
                                        "pivot",
                                        "fragments",
                                        "ambiguous",
                                        "any",
                                        "packets > 20",
                                        "octets >= 1000000000",
                                        "octets_in < 10k",
                                        "duration > 90s",
                                        "packets_out = 3",
                                        "packets != 20",
                                        "sampling > 1",
                                        "category unknown",
                                        "exporter x"};
    static const char *const sided[] = {"net 10.0.1.0/24",
                                        "host 2001:db8::3",
                                        "net 2001:db8::/32",
                                        "port 443",
                                        "port > 60000",
                                        "port in [80, 50000-50004]",
                                        "flags S",
                                        "flags S/SA",
                                        "flags 0",
                                        "net 0.0.0.0/0",
                                        "net in [10.0.0.0/25, 10.0.0.200, 10.0.2.0/23 2001:db8::1]",
                                        "port != 80"};
    static const char *const of_remote[] = {"country IN", "country in [cn, unknown]", "asn 4",
                                            "asn > 1000", "asn in [0, 2-3]"};
    if (pick(r, 3) == 0)
        buf_format(out, "%s%s", sides[pick(r, 5)], sided[pick(r, 12)]);
    else if (pick(r, 4) == 0)
        buf_format(out, "%s%s", (const char *[]){"", "src ", "dst ", "remote "}[pick(r, 4)],
                   of_remote[pick(r, 5)]);
    else
        buf_text(out, fixed[pick(r, sizeof fixed / sizeof *fixed)]);
}

static void random_filter(struct random *r, struct buf *out, int depth)
{
    uint64_t form = depth > 3 ? 0 : pick(r, 5);
    if (form <= 1) {
        random_condition(r, out);
    } else if (form == 2) {
        buf_text(out, "not (");
        random_filter(r, out, depth + 1);
        buf_text(out, ")");
    } else {
        buf_text(out, "(");
        random_filter(r, out, depth + 1);
        buf_text(out, form == 3 ? " and " : " or ");
        random_filter(r, out, depth + 1);
        buf_text(out, ")");
    }
}

static void fill_table(struct engine *e)
{
    struct buf sql, columns, native;
    struct error err;
    buf_init(&sql, 1 << 20);
    buf_init(&columns, 1 << 16);
    buf_init(&native, 1 << 26);
    if (engine_run(e, "DROP TABLE IF EXISTS flow", &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < store_table_count; i++)
        if (strcmp(tables[i].name, "flow") == 0)
            store_table_ddl(&sql, &tables[i], engine_is_modern(e));
    if (engine_run(e, sql.at, &err))
        fail_msg("%s", err.text);
    struct batch *copy = batch_new(STAGE_FLOW, ROWS);
    uint32_t order[ROWS];
    batch_copy_rows(copy, rows, 0, ROWS);
    for (uint32_t i = 0; i < ROWS; i++)
        order[i] = i;
    flow_encode(&native, &columns, &copy, 1, order, ROWS);
    batch_free(copy);
    if (engine_insert(e, "flow", columns.at, bytes_of(native.at, native.len), &err))
        fail_msg("%s", err.text);
    buf_done(&sql);
    buf_done(&columns);
    buf_done(&native);
}

static void compare(struct engine *e, const char *text)
{
    struct filter *f = NULL;
    struct buf sql;
    struct error err;
    struct block *found;
    if (filter_parse(text, &f, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    buf_init(&sql, 64 << 20);
    buf_text(&sql, "SELECT start_ms FROM flow WHERE ");
    filter_sql(f, symbols, &sql);
    buf_text(&sql, " ORDER BY start_ms");
    if (engine_query(e, sql.at, &found, &err) != 0)
        fail_msg("%.300s: %s", text, err.text);
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!filter_match(f, symbols, rows, i))
            continue;
        if (n == block_rows(found) || block_u64(found, 0, n) != batch_start_ms(rows)[i])
            fail_msg("%.300s: row %zu is not in what the engine found", text, i);
        n++;
    }
    if (n != block_rows(found))
        fail_msg("%.300s: the engine found %zu rows, not %zu", text, block_rows(found), n);
    block_free(found);
    buf_done(&sql);
    filter_free(f);
}

static void compare_all(struct engine *e)
{
    struct random r;
    struct buf text;
    random_init(&r, 5);
    buf_init(&text, 16 << 20);
    fill_table(e);
    compare(e, "");
    for (int i = 0; i < FILTERS; i++) {
        buf_clear(&text);
        random_filter(&r, &text, 0);
        compare(e, text.at);
    }
    /* "lists of thousands of addresses": IPv4, and IPv6, for which the statement is longer than the
     * engines' own limit. */
    buf_clear(&text);
    buf_text(&text, "net in [10.0.1.7 10.0.2.64/26 10.0.0.0/30 10.0.3.128/25");
    for (int i = 0; i < LONG_LIST; i++)
        buf_format(&text, " 10.%d.%d.%d%s", 1 + i / 2500, i / 10 % 250, i % 10 * 20,
                   i % 2 ? "/30" : "");
    buf_text(&text, "]");
    compare(e, text.at);
    buf_clear(&text);
    buf_text(&text, "remote net in [2001:db8::4/126 2001:db8::9 10.0.1.0/24 2001:db9::/32");
    for (int i = 0; i < LONG_LIST / 2; i++)
        buf_format(&text, " 2001:db8:%x::%x%s", 1 + i, 2 * i, i % 3 ? "" : "/127");
    for (int i = 0; i < LONG_LIST / 2; i++)
        buf_format(&text, " 2001:dba:%x::/48", 2 * i);
    buf_text(&text, "]");
    compare(e, text.at);
    buf_done(&text);
    engine_close(e);
}

static void same_rows_on_chdb(void **state)
{
    (void)state;
    struct engine *e;
    struct error err;
    if (engine_open_chdb(folder, &engine_limits_default, &e, &err) != 0) {
        print_message("skipped, no chDB: %s\n", err.text);
        skip();
    }
    compare_all(e);
}

static void same_rows_on_clickhouse(void **state)
{
    (void)state;
    struct clickhouse *server;
    struct engine *e;
    struct error err;
    char url[128];
    if (clickhouse_start(&server, &err) != 0) {
        print_message("skipped, no clickhouse-server: %s\n", err.text);
        skip();
    }
    snprintf(url, sizeof url, "clickhouse://default@127.0.0.1:%u/filters", clickhouse_port(server));
    if (engine_open_http(url, &engine_limits_default, &e, &err) != 0)
        fail_msg("%s", err.text);
    compare_all(e);
    clickhouse_stop(server);
}

static int begin(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 3);
    make_rows(&r);
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    batch_free(rows);
    symbols_free(symbols);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_rows_on_chdb),
        cmocka_unit_test(same_rows_on_clickhouse),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
