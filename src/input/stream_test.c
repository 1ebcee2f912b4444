/* SPDX-License-Identifier: Apache-2.0 */
#include <bzlib.h>
#include <fcntl.h>
#include <lz4frame.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/random.h"
#include "input/stream.h"

enum { PLAIN = 700000, ROOM = 1 << 20 };

struct member {
    uint8_t at[ROOM];
    size_t len;
};

static void pack_gzip(const uint8_t *at, size_t len, struct member *to)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)at;
    z.avail_in = (uInt)len;
    z.next_out = to->at;
    z.avail_out = ROOM;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    to->len = z.total_out;
    deflateEnd(&z);
}

static void pack_zstd(const uint8_t *at, size_t len, struct member *to)
{
    to->len = ZSTD_compress(to->at, ROOM, at, len, 3);
    assert_false(ZSTD_isError(to->len));
}

static void pack_lz4(const uint8_t *at, size_t len, struct member *to)
{
    to->len = LZ4F_compressFrame(to->at, ROOM, at, len, NULL);
    assert_false(LZ4F_isError(to->len));
}

static void pack_bzip2(const uint8_t *at, size_t len, struct member *to)
{
    unsigned out = ROOM;
    assert_int_equal(
        BZ2_bzBuffToBuffCompress((char *)to->at, &out, (char *)at, (unsigned)len, 1, 0, 0), BZ_OK);
    to->len = out;
}

static void pack_xz(const uint8_t *at, size_t len, struct member *to)
{
    size_t out = 0;
    assert_int_equal(
        lzma_easy_buffer_encode(3, LZMA_CHECK_CRC64, NULL, at, len, to->at, &out, ROOM), LZMA_OK);
    to->len = out;
}

static const struct {
    const char *name;
    void (*pack)(const uint8_t *at, size_t len, struct member *to);
} formats[] = {{"gzip", pack_gzip}, {"zstd", pack_zstd}, {"lz4", pack_lz4}, {"bzip2", pack_bzip2}, {"xz", pack_xz}};

static uint8_t *plain_octets(void)
{
    uint8_t *plain = test_malloc(PLAIN);
    struct random r;
    random_init(&r, 3);
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = random_below(&r, 3) ? (uint8_t)(i / 100) : (uint8_t)random_u64(&r);
    return plain;
}

/* Reads to the end in steps of all sizes; returns how many octets came and checks each. */
static size_t read_all(struct stream *s, const uint8_t *plain, size_t max)
{
    struct random r;
    random_init(&r, 4);
    size_t at = 0;
    for (;;) {
        size_t len = (size_t)1 << random_below(&r, 19);
        struct bytes ahead = stream_peek(s, len / 2);
        assert_true(ahead.len >= len / 2 || at + ahead.len == max || stream_damaged(s));
        if (random_below(&r, 4) == 0) {
            size_t skip = len / 3 < ahead.len ? len / 3 : ahead.len;
            stream_skip(s, skip);
            at += skip;
        }
        struct bytes b = stream_read(s, len);
        assert_true(at + b.len <= max);
        assert_memory_equal(b.at, plain + at, b.len);
        at += b.len;
        if (b.len < len)
            return at;
    }
}

static void plain_octets_come_as_they_are(void **state)
{
    (void)state;
    uint8_t *plain = plain_octets();
    struct stream *s = stream_of_bytes(bytes_of(plain, PLAIN));
    assert_string_equal(stream_compression(s), "");
    assert_int_equal(read_all(s, plain, PLAIN), PLAIN);
    assert_false(stream_damaged(s));
    assert_int_equal(stream_file_octets_read(s), PLAIN);
    assert_int_equal(stream_read(s, 1).len, 0);
    stream_free(s);
    s = stream_of_bytes(bytes_of(NULL, 0));
    assert_int_equal(stream_peek(s, 4).len, 0);
    assert_false(stream_damaged(s));
    stream_free(s);
    test_free(plain);
}

static void members_follow_one_another(void **state)
{
    (void)state;
    uint8_t *plain = plain_octets(), *file = test_malloc(2 * ROOM);
    struct member *m = test_malloc(sizeof *m);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        size_t len = 0, cuts[] = {0, 1000, 1000, 400000, PLAIN};
        for (size_t i = 0; i + 1 < 5; i++) {
            formats[f].pack(plain + cuts[i], cuts[i + 1] - cuts[i], m);
            memcpy(file + len, m->at, m->len);
            len += m->len;
        }
        struct stream *s = stream_of_bytes(bytes_of(file, len));
        assert_string_equal(stream_compression(s), formats[f].name);
        assert_int_equal(read_all(s, plain, PLAIN), PLAIN);
        assert_false(stream_damaged(s));
        assert_int_equal(stream_file_octets_read(s), len);
        stream_free(s);
        memset(file + len, 0, 100); /* zeros at the end are tape blocks */
        s = stream_of_bytes(bytes_of(file, len + 100));
        assert_int_equal(read_all(s, plain, PLAIN), PLAIN);
        assert_false(stream_damaged(s));
        stream_free(s);
        memset(file + len, 'x', 100);
        s = stream_of_bytes(bytes_of(file, len + 100));
        assert_int_equal(read_all(s, plain, PLAIN), PLAIN);
        assert_true(stream_damaged(s));
        stream_free(s);
    }
    test_free(m);
    test_free(file);
    test_free(plain);
}

/* What comes before the damage is right, and the damage is said. */
static void cut_and_damaged_members_say_so(void **state)
{
    (void)state;
    uint8_t *plain = plain_octets();
    struct member *m = test_malloc(sizeof *m);
    struct random r;
    random_init(&r, 5);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        formats[f].pack(plain, 30000, m);
        for (size_t cut = 16; cut < m->len; cut += cut < 200 ? 1 : 997) {
            struct stream *s = stream_of_bytes(bytes_of(m->at, cut));
            assert_true(read_all(s, plain, 30000) <= 30000);
            assert_true(stream_damaged(s));
            stream_free(s);
        }
        for (int round = 0; round < 200; round++) {
            size_t at = random_below(&r, m->len);
            uint8_t was = m->at[at];
            m->at[at] ^= (uint8_t)(1u << random_below(&r, 8));
            struct stream *s = stream_of_bytes(bytes_of(m->at, m->len));
            size_t total = 0, got;
            while ((got = stream_read(s, 65536).len) > 0 && total < 100u << 20)
                total += got;
            stream_free(s);
            m->at[at] = was;
        }
    }
    test_free(m);
    test_free(plain);
}

static void files_and_their_digests(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-stream-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct error err;
    uint8_t digest[32];
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(digest_file(path, digest, &err), 0);
    /* FIPS 180-4's example "abc". */
    assert_memory_equal(digest, "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23",
                        16);
    struct stream *s;
    assert_int_equal(stream_open(path, &s, &err), 0);
    assert_memory_equal(stream_read(s, 10).at, "abc", 3);
    stream_free(s);
    close(fd);
    unlink(path);
    assert_int_equal(stream_open(path, &s, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "No such file"));
    assert_int_equal(digest_file(path, digest, &err), ERROR_FAILED);
    assert_int_equal(stream_open("/tmp", &s, &err),
                     ERROR_FAILED); /* a folder opens, but does not read */
    assert_non_null(strstr(err.text, "directory"));
}

static void pipes_are_read_to_their_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    uint8_t *plain = plain_octets();
    struct error err;
    struct stream *s;
    assert_int_equal(write(ends[1], plain, 5), 5);
    assert_int_equal(write(ends[1], plain + 5, 60000), 60000);
    close(ends[1]);
    assert_int_equal(stream_open_fd(ends[0], "pipe", &s, &err), 0);
    assert_int_equal(read_all(s, plain, 60005), 60005);
    stream_free(s);
    test_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_octets_come_as_they_are),
        cmocka_unit_test(members_follow_one_another),
        cmocka_unit_test(cut_and_damaged_members_say_so),
        cmocka_unit_test(files_and_their_digests),
        cmocka_unit_test(pipes_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
