/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "wire/link.h"

enum { UDP = 17, SECOND = 1000000000 };

static uint8_t datagram[65536];

/* A UDP datagram of `len` octets, header included, whose octets tell their place. */
static void make_datagram(size_t len)
{
    for (size_t i = 0; i < len; i++)
        datagram[i] = (uint8_t)(i * 7 + i / 251);
    memcpy(datagram, (uint8_t[]){0x13, 0x88, 0x08, 0x07, (uint8_t)(len >> 8), (uint8_t)len, 0, 0},
           8);
}

struct frame {
    uint8_t at[65536];
    size_t len;
};

static void fragment4(struct frame *f, uint16_t id, size_t from, size_t to, bool more)
{
    size_t len = 20 + to - from;
    uint16_t where = (uint16_t)(from / 8 | (more ? 0x2000 : 0));
    const uint8_t header[20] = {0x45,
                                0,
                                (uint8_t)(len >> 8),
                                (uint8_t)len,
                                (uint8_t)(id >> 8),
                                (uint8_t)id,
                                (uint8_t)(where >> 8),
                                (uint8_t)where,
                                64,
                                UDP,
                                0,
                                0,
                                192,
                                0,
                                2,
                                1,
                                198,
                                51,
                                100,
                                2};
    memcpy(f->at, header, 20);
    memcpy(f->at + 20, datagram + from, to - from);
    f->len = len;
}

/* With a destination options header before the fragment header. */
static void fragment6(struct frame *f, uint16_t id, size_t from, size_t to, bool more)
{
    size_t payload = 16 + to - from;
    memset(f->at, 0, 56);
    f->at[0] = 0x60;
    f->at[4] = (uint8_t)(payload >> 8), f->at[5] = (uint8_t)payload;
    f->at[6] = 60, f->at[7] = 64;
    memcpy(f->at + 8, (uint8_t[]){0x20, 1, 0x0d, 0xb8}, 4), f->at[23] = 1;
    memcpy(f->at + 24, (uint8_t[]){0x20, 1, 0x0d, 0xb8}, 4), f->at[39] = 2;
    f->at[40] = 44, f->at[42] = 1, f->at[43] = 4;
    size_t where = from | more;
    f->at[48] = UDP, f->at[50] = (uint8_t)(where >> 8), f->at[51] = (uint8_t)where;
    f->at[54] = (uint8_t)(id >> 8), f->at[55] = (uint8_t)id;
    memcpy(f->at + 56, datagram + from, to - from);
    f->len = 40 + payload;
}

static struct packet last;

static enum reassembly_result take(struct reassembly *r, uint64_t time_ns, const struct frame *f)
{
    assert_int_equal(packet_parse(LINK_RAW, bytes_of(f->at, f->len), (uint32_t)f->len, &last),
                     REASON_COUNT);
    return reassembly_take(r, time_ns, &last);
}

static void assert_whole(size_t len)
{
    assert_int_equal(last.src_port, 5000);
    assert_int_equal(last.dst_port, 2055);
    assert_int_equal(last.payload.len, len - 8);
    assert_memory_equal(last.payload.at, datagram + 8, len - 8);
    assert_false(last.fragment_later);
}

typedef void fragmenter(struct frame *f, uint16_t id, size_t from, size_t to, bool more);

static void in_any_order(void **state)
{
    (void)state;
    static struct frame f;
    static fragmenter *const families[] = {fragment4, fragment6};
    struct random random;
    random_init(&random, 7);
    for (int round = 0; round < 400; round++) {
        struct reassembly *r = reassembly_new();
        size_t len = 9 + random_below(&random, round % 50 ? 4000 : 65526);
        size_t step = 8 * (1 + random_below(&random, 180));
        size_t parts = (len + step - 1) / step;
        if (parts < 2) {
            reassembly_free(r);
            continue;
        }
        size_t *order = calloc(parts, sizeof *order);
        for (size_t i = 0; i < parts; i++) {
            size_t at = random_below(&random, i + 1);
            order[i] = order[at];
            order[at] = i;
        }
        make_datagram(len);
        for (size_t i = 0; i < parts; i++) {
            size_t from = order[i] * step, to = from + step < len ? from + step : len;
            enum reassembly_result want = REASSEMBLY_WAITS;
            for (int copy = 0; copy < (i + 1 < parts ? 2 : 1); copy++) { /* copies do no harm */
                families[round & 1](&f, 77, from, to, to < len);
                want = i + 1 == parts ? REASSEMBLY_WHOLE : REASSEMBLY_WAITS;
                assert_int_equal(take(r, i, &f), want);
            }
        }
        assert_whole(len);
        assert_int_equal(reassembly_finish(r), 0);
        free(order);
        reassembly_free(r);
    }
}

static void what_is_whole_passes(void **state)
{
    (void)state;
    static struct frame f;
    struct reassembly *r = reassembly_new();
    make_datagram(100);
    fragment4(&f, 1, 0, 100, false);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WHOLE);
    assert_whole(100);
    f.at[9] = 6; /* TCP's fragments are none of ours */
    f.at[6] = 0x20;
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WHOLE);
    assert_true(last.fragment);
    reassembly_free(r);
}

static void contradictions_end_a_datagram(void **state)
{
    (void)state;
    static struct frame f;
    struct reassembly *r = reassembly_new();
    make_datagram(400);
    /* Parts that overlap (RFC 5722). */
    fragment4(&f, 1, 0, 160, true);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WAITS);
    fragment4(&f, 1, 152, 400, false);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WAITS);
    assert_int_equal(reassembly_lost(r), 1);
    /* Two ends. */
    fragment4(&f, 2, 200, 400, false);
    take(r, 0, &f);
    fragment4(&f, 2, 160, 168, false);
    take(r, 0, &f);
    assert_int_equal(reassembly_lost(r), 1);
    /* As many blocks as the end says, one of them behind it. */
    fragment4(&f, 6, 0, 8, true);
    take(r, 0, &f);
    fragment4(&f, 6, 40, 48, true);
    take(r, 0, &f);
    fragment4(&f, 6, 16, 24, false);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WAITS);
    assert_int_equal(reassembly_lost(r), 1);
    /* A part behind the end. */
    fragment4(&f, 3, 160, 200, false);
    take(r, 0, &f);
    fragment4(&f, 3, 200, 208, true);
    take(r, 0, &f);
    assert_int_equal(reassembly_lost(r), 1);
    /* Impossible lengths, and a snapped part. */
    fragment4(&f, 4, 0, 161, true);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_DAMAGED);
    fragment4(&f, 4, 65528, 65536, false);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_DAMAGED);
    fragment4(&f, 4, 0, 160, true);
    f.len -= 5;
    assert_int_equal(take(r, 0, &f), REASSEMBLY_DAMAGED);
    /* A UDP length that the datagram does not hold. */
    datagram[4] = 9;
    fragment4(&f, 5, 0, 160, true);
    take(r, 0, &f);
    fragment4(&f, 5, 160, 400, false);
    assert_int_equal(take(r, 0, &f), REASSEMBLY_WAITS);
    assert_int_equal(reassembly_finish(r), 1);
    reassembly_free(r);
}

static void patience_and_room_end(void **state)
{
    (void)state;
    static struct frame f;
    struct reassembly *r = reassembly_new();
    make_datagram(400);
    fragment4(&f, 1, 0, 160, true);
    take(r, SECOND, &f);
    fragment4(&f, 1, 160, 400, false);
    assert_int_equal(take(r, UINT64_C(32) * SECOND, &f), REASSEMBLY_WAITS);
    assert_int_equal(reassembly_lost(r), 1);
    assert_int_equal(reassembly_finish(r), 1);
    /* A flood of first parts: the youngest still become whole, and each other is counted. */
    enum { FLOOD = 50000 };
    for (unsigned i = 0; i < FLOOD; i++) {
        fragment4(&f, (uint16_t)i, 0, 160, true);
        take(r, UINT64_C(40) * SECOND + i, &f);
    }
    fragment4(&f, FLOOD - 1, 160, 400, false);
    assert_int_equal(take(r, UINT64_C(41) * SECOND, &f), REASSEMBLY_WHOLE);
    assert_whole(400);
    assert_int_equal(reassembly_finish(r), FLOOD - 1);
    reassembly_free(r);
}

static void chance(void **state)
{
    (void)state;
    static struct frame f;
    struct reassembly *r = reassembly_new();
    struct random random;
    random_init(&random, 11);
    make_datagram(2000);
    size_t taken = 0, whole = 0, damaged = 0;
    volatile size_t octets = 0;
    for (int i = 0; i < 100000; i++) {
        size_t from = 8 * random_below(&random, 200), len = 1 + random_below(&random, 300);
        bool v6 = random_below(&random, 2);
        (v6 ? fragment6 : fragment4)(&f, (uint16_t)random_below(&random, 300), from, from + len,
                                     random_below(&random, 2));
        f.at[random_below(&random, 64) % f.len] ^= (uint8_t)(1u << random_below(&random, 8));
        struct packet p;
        if (packet_parse(LINK_RAW, bytes_of(f.at, f.len), (uint32_t)f.len, &p) != REASON_COUNT)
            continue;
        enum reassembly_result got = reassembly_take(r, (uint64_t)i * 1000000, &p);
        taken++;
        whole += got == REASSEMBLY_WHOLE;
        damaged += got == REASSEMBLY_DAMAGED;
        for (size_t k = 0; got == REASSEMBLY_WHOLE && k < p.payload.len; k++)
            octets += p.payload.at[k]; /* all of it can be read */
    }
    size_t lost = reassembly_finish(r);
    assert_true(taken > 50000 && lost > 100 && damaged > 100 && whole + damaged + lost <= taken);
    reassembly_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order),
        cmocka_unit_test(what_is_whole_passes),
        cmocka_unit_test(contradictions_end_a_datagram),
        cmocka_unit_test(patience_and_room_end),
        cmocka_unit_test(chance),
    };
    return cmocka_run_group_tests_name("wire/reassembly", tests, NULL, NULL);
}
