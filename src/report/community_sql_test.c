/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's Community IDs are those of report/community.c: random conversations of every
 * protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "engine/engine.h"
#include "report/community.h"
#include "store/community_sql.h"
#include "store/tables.h"

enum { ROWS = 4000, SEED = 513 };

static char folder[] = "/tmp/telltale-community-XXXXXX";

static struct ip random_ip(struct random *r)
{
    struct ip ip;
    char text[64];
    int len = random_below(r, 2)
                  ? snprintf(text, sizeof text, "10.0.0.%d", (int)random_below(r, 4))
                  : snprintf(text, sizeof text, "2001:db8::%d", (int)random_below(r, 4));
    assert_true(ip_parse(text, (size_t)len, &ip));
    return ip;
}

static struct batch *make_rows(void)
{
    static const uint8_t protocols[] = {1, 1, 6, 17, 58, 58, 132, 47};
    struct random r;
    struct batch *b = batch_new(STAGE_FLOW, ROWS);
    random_init(&r, 11);
    for (size_t i = 0; i < ROWS; i++) {
        batch_add(b);
        uint8_t protocol = protocols[random_below(&r, sizeof protocols)];
        bool icmp = protocol == 1 || protocol == 58, side = random_below(&r, 2);
        uint16_t type = (uint16_t)((protocol == 58 ? 126 : 0) + random_below(&r, 22));
        uint64_t any = icmp ? (uint64_t)type << 8 | random_below(&r, 3) : random_below(&r, 65536);
        uint16_t port = (uint16_t)any;
        batch_start_ms(b)[i] = i;
        batch_local(b)[i] = random_ip(&r);
        batch_remote(b)[i] = random_ip(&r);
        batch_protocol(b)[i] = protocol;
        batch_local_port(b)[i] = icmp && side ? 0 : port;
        batch_remote_port(b)[i] = icmp && !side ? 0 : icmp ? port : (uint16_t)random_below(&r, 3);
        batch_opener(b)[i] = (uint8_t)random_below(&r, 5);
        batch_role(b)[i] = (uint8_t)random_below(&r, 5);
    }
    return b;
}

static void fill_table(struct engine *e, const struct batch *rows)
{
    struct buf sql, columns, native;
    struct error err;
    buf_init(&sql, 1 << 20);
    buf_init(&columns, 1 << 16);
    buf_init(&native, 1 << 26);
    store_table_ddl(&sql, &tables[0], engine_is_modern(e));
    if (engine_run(e, sql.at, &err))
        fail_msg("%s", err.text);
    uint32_t order[ROWS];
    struct batch *all =
        batch_new(STAGE_FLOW, ROWS); /* the lengths that it makes of the ends stay here */
    for (uint32_t i = 0; i < ROWS; i++)
        order[i] = (uint32_t)batch_copy_row(all, rows, i);
    flow_encode(&native, &columns, &all, 1, order, ROWS);
    batch_free(all);
    if (engine_insert(e, "flow", columns.at, bytes_of(native.at, native.len), &err))
        fail_msg("%s", err.text);
    buf_done(&sql);
    buf_done(&columns);
    buf_done(&native);
}

static void engine_and_program_agree(void **state)
{
    (void)state;
    struct engine *e;
    struct error err;
    struct block *found;
    struct buf sql;
    if (engine_open_chdb(folder, &engine_limits_default, &e, &err) != 0) {
        print_message("skipped, no chDB: %s\n", err.text);
        skip();
    }
    struct batch *b = make_rows();
    fill_table(e, b);
    buf_init(&sql, 1 << 20);
    buf_text(&sql, "SELECT ");
    community_sql(&sql, SEED);
    buf_text(&sql, " AS id, start_ms AS local FROM (SELECT * FROM flow) AS f ORDER BY f.start_ms");
    if (engine_query(e, sql.at, &found, &err))
        fail_msg("%s\n%s", err.text, sql.at);
    assert_int_equal(block_rows(found), ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        char id[COMMUNITY_ID_MAX];
        struct community_ends ends = community_ends(
            batch_local(b)[i], batch_remote(b)[i], batch_local_port(b)[i], batch_remote_port(b)[i],
            batch_protocol(b)[i], batch_opener(b)[i], batch_role(b)[i]);
        community_id(SEED, &ends, id);
        struct bytes got = block_bytes(found, 0, i);
        if (!bytes_equal(got, bytes_of_text(id)))
            fail_msg("row %zu, protocol %u, ports %u %u: %.*s, not %s", i, batch_protocol(b)[i],
                     batch_local_port(b)[i], batch_remote_port(b)[i], (int)got.len,
                     (const char *)got.at, id);
    }
    block_free(found);
    buf_done(&sql);
    batch_free(b);
    engine_close(e);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engine_and_program_agree)};
    return cmocka_run_group_tests(tests, begin, end);
}
