/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/random.h"
#include "input/spool.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/spool-test-%d", (int)getpid());
    unlink(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* More conversations are left open than one block holds. */
static void a_long_carry_is_read_whole(void **state)
{
    (void)state;
    struct error err;
    struct spool_writer *w;
    struct stream *in;
    struct spool *s;
    size_t len = 2 * (size_t)SPOOL_BLOCK_MAX + 7, at = 0;
    uint8_t *carry = memory_alloc(len);
    for (size_t i = 0; i < len; i++)
        carry[i] = (uint8_t)(i >> 20);
    assert_int_equal(spool_create(path, 8, &w, &err), 0);
    assert_int_equal(spool_carry(w, bytes_of(carry, len), &err), 0);
    assert_int_equal(spool_close(w, true, false, &err), 0);
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(spool_begin(in, &s, &err), 0);
    while (at < len) {
        assert_int_equal(spool_next(s, NULL, NULL), SPOOL_CARRY);
        struct bytes part = spool_carried(s);
        assert_true(part.len && part.len <= len - at);
        assert_memory_equal(part.at, carry + at, part.len);
        at += part.len;
    }
    assert_int_equal(spool_next(s, NULL, NULL), SPOOL_END);
    spool_free(s);
    free(carry);
}

/* Rows with every form of column: constants, times, addresses of both families, texts. */
static struct batch *some_records(struct symbols *symbols, size_t rows, uint64_t seed, bool v6)
{
    struct batch *b = batch_new(STAGE_RECORD, rows);
    for (size_t i = 0; i < rows; i++) {
        size_t row = batch_add(b);
        uint64_t x = seed * 1000003 + i * 2654435761u;
        char name[64];
        batch_start_ms(b)[row] = 1490000000000 + x % 100000;
        batch_end_ms(b)[row] = batch_start_ms(b)[row] + (i % 7 == 0 ? UINT64_C(1) << 40 : x % 77);
        uint8_t v4[4] = {10, 0, (uint8_t)(x >> 8), (uint8_t)x};
        batch_src_ip(b)[row] = ip_from_v4(v4);
        batch_dst_ip(b)[row] = ip_from_v4(v4);
        if (v6 && i % 3 == 0)
            memset(batch_dst_ip(b)[row].octet, (int)(x % 251), IP_OCTETS);
        batch_src_port(b)[row] = (uint16_t)x;
        batch_protocol(b)[row] = 6;
        batch_octets(b)[row] = x;
        batch_exporter(b)[row] = symbols_code(symbols, SYMBOL_EXPORTER, i % 2 ? "a" : "b", 1);
        int len = snprintf(name, sizeof name, "host-%zu.example", i);
        batch_application(b)[row] = symbols_code(symbols, SYMBOL_APPLICATION, name, (size_t)len);
        if (v6)
            batch_set_text(b, FIELD_server_name, row, name, (size_t)len);
    }
    return b;
}

static void assert_same(const struct batch *a, size_t from, const struct symbols *of_a,
                        const struct batch *b, const struct symbols *of_b)
{
    for (size_t i = 0; i < b->rows; i++) {
        for (int f = 0; f < FIELD_COUNT; f++) {
            size_t size = field_type_octets(field_infos[f].type);
            if (!a->columns[f] || f == FIELD_exporter || f == FIELD_application)
                continue;
            if (field_infos[f].type == TYPE_STR)
                assert_true(bytes_equal(batch_text(a, (enum field)f, from + i),
                                        batch_text(b, (enum field)f, i)));
            else
                assert_memory_equal((char *)a->columns[f] + (from + i) * size,
                                    (char *)b->columns[f] + i * size, size);
        }
        assert_string_equal(symbols_text(of_a, SYMBOL_EXPORTER, batch_exporter(a)[from + i]),
                            symbols_text(of_b, SYMBOL_EXPORTER, batch_exporter(b)[i]));
        assert_string_equal(symbols_text(of_a, SYMBOL_APPLICATION, batch_application(a)[from + i]),
                            symbols_text(of_b, SYMBOL_APPLICATION, batch_application(b)[i]));
    }
}

static struct spool *open_again(void)
{
    struct stream *in;
    struct spool *s;
    struct error err;
    assert_int_equal(stream_open(path, &in, &err), 0);
    assert_int_equal(spool_begin(in, &s, &err), 0);
    return s;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct error err;
    struct symbols *mine = symbols_new(1 << 16), *theirs = symbols_new(1 << 16);
    struct batch *a = some_records(mine, 3000, 1, true), *b = some_records(mine, 500, 2, false);
    struct spool_writer *w;
    struct tally t = {.records = 4000, .kept = 3500, .outside = 400, .rejected = 100};
    t.reasons[REASON_truncated] = 100;
    struct coverage_row row = {.hour_s = 3600, .exporter = 1, .records = 4000, .lost = 3};
    symbols_code(theirs, SYMBOL_EXPORTER, "other", 5); /* so that the codes differ */
    assert_int_equal(spool_create(path, 77, &w, &err), 0);
    assert_int_equal(spool_records(w, a, 0, 1000, mine, &err), 0);
    assert_int_equal(spool_records(w, a, 1000, 2000, mine, &err), 0);
    assert_int_equal(spool_records(w, b, 0, 500, mine, &err), 0);
    assert_int_equal(spool_coverage(w, &row, 1, mine, &err), 0);
    assert_int_equal(spool_tally(w, &t, &err), 0);
    assert_int_equal(spool_carry(w, bytes_of_text("carried"), &err), 0);
    assert_int_equal(spool_close(w, true, true, &err), 0);

    struct spool *s = open_again();
    struct batch *got = batch_new(STAGE_RECORD, SPOOL_ROWS_MAX);
    const size_t from[] = {0, 1000, 0};
    for (int i = 0; i < 3; i++) {
        batch_clear(got);
        assert_int_equal(spool_next(s, theirs, got), SPOOL_RECORDS);
        assert_int_equal(got->rows, i == 0 ? 1000 : i == 1 ? 2000 : 500);
        assert_same(i < 2 ? a : b, from[i], mine, got, theirs);
    }
    assert_int_equal(spool_next(s, theirs, got), SPOOL_CARRY);
    assert_true(bytes_equal(spool_carried(s), bytes_of_text("carried")));
    assert_int_equal(spool_next(s, theirs, got), SPOOL_END);
    assert_true(spool_is_last(s));
    assert_int_equal(spool_number(s), 77);
    assert_memory_equal(spool_account(s), &t, sizeof t);
    size_t rows;
    const struct coverage_row *back = spool_coverage_rows(s, &rows);
    assert_int_equal(rows, 1);
    assert_int_equal(back->lost, 3);
    assert_string_equal(symbols_text(theirs, SYMBOL_EXPORTER, back->exporter), "b");
    spool_free(s);
    batch_free(a);
    batch_free(b);
    batch_free(got);
    symbols_free(mine);
    symbols_free(theirs);
}

/* Two groups; how long the file was after the first. */
static uint64_t two_groups(void)
{
    struct error err;
    struct symbols *symbols = symbols_new(1 << 16);
    struct batch *b = some_records(symbols, 200, 3, true);
    struct spool_writer *w;
    struct tally t = {.records = 120, .kept = 100, .outside = 20};
    unlink(path);
    assert_int_equal(spool_create(path, 5, &w, &err), 0);
    assert_int_equal(spool_records(w, b, 0, 100, symbols, &err), 0);
    assert_int_equal(spool_tally(w, &t, &err), 0);
    uint64_t first = spool_octets(w);
    assert_int_equal(spool_records(w, b, 100, 100, symbols, &err), 0);
    t = (struct tally){.records = 240, .kept = 200, .outside = 40};
    assert_int_equal(spool_tally(w, &t, &err), 0);
    assert_int_equal(spool_close(w, false, false, &err), 0);
    batch_free(b);
    symbols_free(symbols);
    return first;
}

/* Rows of a file that must be whole and closed. */
static size_t rows_of_closed(struct tally *account)
{
    struct symbols *symbols = symbols_new(1 << 16);
    struct batch *got = batch_new(STAGE_RECORD, 4 * SPOOL_ROWS_MAX);
    struct spool *s = open_again();
    enum spool_block kind;
    while ((kind = spool_next(s, symbols, got)) == SPOOL_RECORDS)
        ;
    assert_int_equal(kind, SPOOL_END);
    assert_false(spool_is_last(s));
    *account = *spool_account(s);
    size_t rows = got->rows;
    spool_free(s);
    batch_free(got);
    symbols_free(symbols);
    return rows;
}

static void every_cut_is_recovered_to_its_last_whole_group(void **state)
{
    (void)state;
    struct error err;
    struct stat st;
    uint64_t first = two_groups();
    assert_int_equal(stat(path, &st), 0);
    size_t len = (size_t)st.st_size;
    char *octets = memory_alloc(len);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, octets, len), (ssize_t)len);
    close(fd);
    for (size_t cut = 0; cut <= len; cut += cut < 64 || cut > len - 64 ? 1 : 17) {
        bool kept;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, octets, cut), (ssize_t)cut);
        close(fd);
        assert_int_equal(spool_recover(path, &kept, &err), 0);
        assert_int_equal(kept, cut >= first);
        if (!kept) {
            assert_int_equal(access(path, F_OK), -1);
            continue;
        }
        struct tally t;
        size_t rows = rows_of_closed(&t);
        assert_int_equal(rows, cut == len ? 200 : 100);
        assert_int_equal(t.kept, rows);
        /* A second time changes nothing. */
        assert_int_equal(spool_recover(path, &kept, &err), 0);
        assert_int_equal(rows_of_closed(&t), rows);
    }
    free(octets);
}

static void a_flipped_octet_is_seen(void **state)
{
    (void)state;
    struct stat st;
    struct symbols *symbols = symbols_new(1 << 16);
    struct batch *got = batch_new(STAGE_RECORD, 4 * SPOOL_ROWS_MAX);
    struct random r;
    random_init(&r, 11);
    two_groups();
    assert_int_equal(stat(path, &st), 0);
    for (int i = 0; i < 200; i++) {
        off_t at = 16 + (off_t)(random_u64(&r) % (uint64_t)(st.st_size - 16));
        uint8_t octet, other;
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &octet, 1, at), 1);
        other = (uint8_t)(octet ^ (1 + random_u64(&r) % 255));
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        struct spool *s = open_again();
        enum spool_block kind;
        batch_clear(got);
        while ((kind = spool_next(s, symbols, got)) == SPOOL_RECORDS)
            ;
        assert_true(kind == SPOOL_DAMAGED || (kind == SPOOL_CUT && spool_account(s)->kept < 200));
        spool_free(s);
        assert_int_equal(pwrite(fd, &octet, 1, at), 1);
        close(fd);
    }
    batch_free(got);
    symbols_free(symbols);
}

/* A full disk takes nothing in part, and writing goes on when there is room again. */
static void a_full_disk_leaves_whole_blocks(void **state)
{
    (void)state;
    struct error err;
    struct symbols *symbols = symbols_new(1 << 16);
    struct batch *b = some_records(symbols, 5000, 4, true);
    struct spool_writer *w;
    struct rlimit old, small;
    struct tally t = {.records = 5000, .kept = 5000};
    unlink(path);
    assert_int_equal(spool_create(path, 5, &w, &err), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = spool_octets(w) + 30000; /* some of the rows' octets, not all */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint64_t before = spool_octets(w);
    int failed = spool_records(w, b, 0, 5000, symbols, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(failed < 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal((uint64_t)st.st_size, spool_octets(w));
    assert_true(spool_octets(w) >= before);
    assert_int_equal(spool_records(w, b, 0, 5000, symbols, &err), 0);
    assert_int_equal(spool_tally(w, &t, &err), 0);
    assert_int_equal(spool_close(w, true, false, &err), 0);
    assert_int_equal(rows_of_closed(&t), 5000);
    batch_free(b);
    symbols_free(symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_is_recovered_to_its_last_whole_group, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_carry_is_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_octet_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_whole_blocks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
