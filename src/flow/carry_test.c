/* SPDX-License-Identifier: Apache-2.0 */
/* Input in segments, with what is open carried from one to the next, against input in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "flow/flow.h"
#include "schema/values.h"

enum { RECORDS = 20000, T0_S = 1491004800 };

static struct study *study_of(const char *population)
{
    struct study *s = memory_alloc(sizeof *s);
    struct prefix p;
    assert_true(prefix_parse(population, strlen(population), true, &p));
    s->population_lpm = lpm_new();
    lpm_add(s->population_lpm, &p, 0);
    lpm_seal(s->population_lpm);
    return s;
}

static void study_done(struct study *s)
{
    lpm_free(s->population_lpm);
    free(s);
}

static struct ip address(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_from_v4(octets);
}

/* Records of both directions in slices, some named, some translated. */
static struct batch *some_records(uint64_t seed)
{
    struct batch *b = batch_new(STAGE_RECORD, RECORDS);
    struct random r;
    random_init(&r, seed);
    for (size_t i = 0; i < RECORDS; i++) {
        size_t row = batch_add(b);
        unsigned client = (unsigned)random_below(&r, 40), port = (unsigned)random_below(&r, 300);
        struct ip local = address(10, 0, 0, client), remote = address(198, 51, 100, port % 7);
        bool back = random_below(&r, 2);
        batch_start_ms(b)[row] = (uint64_t)T0_S * 1000 + i * 700 + random_below(&r, 5000);
        batch_end_ms(b)[row] = batch_start_ms(b)[row] + random_below(&r, 60000);
        batch_src_ip(b)[row] = back ? remote : local;
        batch_dst_ip(b)[row] = back ? local : remote;
        batch_src_port(b)[row] = (uint16_t)(back ? 443 : 40000 + port);
        batch_dst_port(b)[row] = (uint16_t)(back ? 40000 + port : 443);
        batch_protocol(b)[row] = random_below(&r, 3) ? 6 : 17;
        batch_packets(b)[row] = 1 + random_below(&r, 50);
        batch_octets(b)[row] = batch_packets(b)[row] * (40 + random_below(&r, 1000));
        batch_tcp_flags(b)[row] = (uint8_t)random_below(&r, 32);
        batch_exporter(b)[row] = 1 + (uint32_t)random_below(&r, 2);
        batch_sampling(b)[row] = 1;
        if (random_below(&r, 4) == 0) {
            char name[300];
            int len = snprintf(name, sizeof name, "h%u.%0*u.example", port,
                               (int)random_below(&r, 200) + 1, client);
            batch_set_text(b, FIELD_server_name, row, name, (size_t)len);
            batch_name_kind(b)[row] = NAME_SNI;
        }
        if (random_below(&r, 5) == 0) {
            batch_nat_src_ip(b)[row] = address(203, 0, 113, client);
            batch_nat_src_port(b)[row] = (uint16_t)port;
        }
    }
    return b;
}

static void move(struct batch *part, struct batch *all)
{
    for (size_t i = 0; i < part->rows; i++)
        batch_copy_row(all, part, i);
    batch_clear(part);
}

/* All records, in segments of `segment` records each (the last may be shorter). */
static struct batch *run(const struct study *study, const struct batch *records, size_t segment)
{
    struct flow_setting setting = flow_setting_default;
    struct batch *all = batch_new(STAGE_FLOW, RECORDS), *part = batch_new(STAGE_FLOW, 64);
    struct tally tally = {0};
    struct buf carry;
    struct error err;
    setting.study = study;
    setting.open_max = 100000;
    setting.wait_ms = 60000;
    setting.late_ms = 60000;
    tally_keep(&tally, records->rows);
    buf_init(&carry, 64 << 20);
    for (size_t from = 0; from < records->rows; from += segment) {
        size_t count = records->rows - from < segment ? records->rows - from : segment;
        struct batch *some = batch_new(STAGE_RECORD, count);
        struct pairer *p = pairer_new(&setting);
        for (size_t i = 0; i < count; i++)
            batch_copy_row(some, records, from + i);
        if (carry.len)
            assert_int_equal(pairer_load(p, bytes_of(carry.at, carry.len), &err), 0);
        for (size_t at = 0; at < count; move(part, all))
            at += pairer_add(p, some, at, part, &tally);
        buf_clear(&carry);
        if (from + count < records->rows)
            pairer_save(p, &carry);
        assert_false(carry.failed);
        while (pairer_finish(p, part))
            move(part, all);
        pairer_free(p);
        batch_free(some);
    }
    buf_done(&carry);
    batch_free(part);
    return all;
}

static void segments_give_the_same_conversations(void **state)
{
    (void)state;
    struct study *study = study_of("10.0.0.0/24");
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct batch *records = some_records(seed), *whole = run(study, records, RECORDS);
        static const size_t segments[] = {1000, 77, 9999};
        assert_true(whole->rows > 1000 && whole->rows < RECORDS);
        for (size_t k = 0; k < 3; k++) {
            struct batch *parts = run(study, records, segments[k]);
            assert_int_equal(parts->rows, whole->rows);
            for (int f = 0; f < FIELD_COUNT; f++) {
                size_t size = field_type_octets(field_infos[f].type);
                if (whole->columns[f] && field_infos[f].type != TYPE_STR)
                    assert_memory_equal(parts->columns[f], whole->columns[f], size * whole->rows);
                for (size_t i = 0;
                     whole->columns[f] && field_infos[f].type == TYPE_STR && i < whole->rows; i++)
                    assert_true(bytes_equal(batch_text(parts, (enum field)f, i),
                                            batch_text(whole, (enum field)f, i)));
            }
            batch_free(parts);
        }
        batch_free(records);
        batch_free(whole);
    }
    study_done(study);
}

static void what_is_cut_or_of_another_version_is_refused(void **state)
{
    (void)state;
    struct study *study = study_of("10.0.0.0/24");
    struct batch *records = some_records(4), *out = batch_new(STAGE_FLOW, RECORDS);
    struct flow_setting setting = flow_setting_default;
    struct tally tally = {0};
    struct buf carry;
    struct error err;
    setting.study = study;
    setting.open_max = 1000;
    struct pairer *p = pairer_new(&setting);
    records->rows = 40;
    tally_keep(&tally, records->rows);
    assert_int_equal(pairer_add(p, records, 0, out, &tally), 40);
    buf_init(&carry, 64 << 20);
    pairer_save(p, &carry);
    pairer_free(p);
    for (size_t cut = 0; cut < carry.len; cut++) {
        p = pairer_new(&setting);
        assert_true(pairer_load(p, bytes_of(carry.at, cut), &err) < 0);
        pairer_free(p);
    }
    carry.at[0]++;
    p = pairer_new(&setting);
    assert_true(pairer_load(p, bytes_of(carry.at, carry.len), &err) < 0);
    assert_non_null(strstr(err.text, "another version"));
    pairer_free(p);
    buf_done(&carry);
    batch_free(records);
    batch_free(out);
    study_done(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_give_the_same_conversations),
        cmocka_unit_test(what_is_cut_or_of_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
