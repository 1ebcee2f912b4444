/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX files: where messages begin and end, and real files against what tshark counted in them. */
#include "decode/fixture.h"

#include <stdio.h>

#include "decode/ipfix_file.h"

#define END_FIELDS                                                                                 \
    {                                                                                              \
        0, 0                                                                                       \
    }

static const uint64_t basic[][2] = {{8, 4}, {12, 4}, {2, 4}, {1, 4}, END_FIELDS};

static void two_messages(struct build *b)
{
    b->len = 0;
    begin_ipfix(b, 0, 0);
    put_template_set(b, 2, 256, basic);
    end_ipfix(b);
    begin_ipfix(b, 0, 0);
    begin_set(b, 256);
    put(b, 1, 4), put(b, 2, 4), put(b, 3, 4), put(b, 4, 4);
    end_set(b);
    end_ipfix(b);
}

/* Reads all; `len[i]` are the lengths of the messages. */
static enum capture_status read_all(const struct build *b, size_t len[8], size_t *count)
{
    struct ipfix_file *f;
    struct bytes message;
    enum capture_status status;
    *count = 0;
    assert_int_equal(ipfix_file_open(stream_of_bytes(bytes_of(b->at, b->len)), &f, NULL), 0);
    while ((status = ipfix_file_next(f, &message)) == CAPTURE_PACKET)
        len[(*count)++] = message.len;
    len[*count] = message.len;
    struct bytes after;
    assert_int_equal(ipfix_file_next(f, &after), CAPTURE_END);
    ipfix_file_free(f);
    return status;
}

static void messages_by_their_length(void **state)
{
    (void)state;
    struct build b;
    size_t len[8], count;
    two_messages(&b);
    assert_true(ipfix_file_is(bytes_of(b.at, b.len)));
    assert_int_equal(read_all(&b, len, &count), CAPTURE_END);
    assert_int_equal(count, 2);
    assert_int_equal(len[0] + len[1], b.len);
    size_t whole = b.len;
    put(&b, 0, 100); /* zeros at the end */
    assert_int_equal(read_all(&b, len, &count), CAPTURE_END);
    b.at[b.len - 1] = 1; /* something at the end */
    assert_int_equal(read_all(&b, len, &count), CAPTURE_DAMAGED);
    assert_int_equal(count, 2);
    for (size_t cut = 60; cut < whole; cut++) { /* the first message has 44 octets */
        b.len = cut;
        assert_int_equal(read_all(&b, len, &count), CAPTURE_CUT);
        assert_int_equal(count, 1);
        assert_int_equal(len[0] + len[1], cut);
    }
}

static void what_is_none(void **state)
{
    (void)state;
    struct error err;
    struct ipfix_file *f;
    assert_false(ipfix_file_is(bytes_of_text("")));
    assert_false(ipfix_file_is(bytes_of_text("start,end,src_ip,dst_ip,src_port\n")));
    assert_int_equal(ipfix_file_open(stream_of_bytes(bytes_of_text("no")), &f, &err), ERROR_FAILED);
}

/* ---- real files (CESNET's), records of flows as tshark counts them ---- */

static const struct {
    const char *name;
    uint64_t records, kept; /* tshark finds as many flows as are kept */
    enum reason reason;     /* of the rest */
    enum capture_status end;
} files[] = {
    {"01-odid0.ipfix", 4251, 4251, REASON_COUNT, CAPTURE_END},
    {"02-odid0.ipfix", 121, 121, REASON_COUNT, CAPTURE_END},
    {"03-odid0-a.ipfix", 151, 151, REASON_COUNT, CAPTURE_END},
    {"bad-length-in-set.ipfix", 2, 0, REASON_bad_template, CAPTURE_CUT},
    {"header-and-zeros.ipfix", 0, 0, REASON_COUNT, CAPTURE_END},
    {"missing-template-258.ipfix", 5, 4, REASON_no_template, CAPTURE_END},
};

static void real_files(void **state)
{
    (void)state;
    const char *source = getenv("TELLTALE_SOURCE");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[1024];
        struct stream *in;
        struct ipfix_file *file;
        struct fixture f;
        enum capture_status status;
        snprintf(path, sizeof path, "%s/../shared/data/captures/ipfix/%s",
                 source ? source : "/nonexistent", files[i].name);
        if (stream_open(path, &in, NULL) != 0)
            skip();
        fixture_open(&f, NULL);
        assert_int_equal(ipfix_file_open(in, &file, NULL), 0);
        do {
            status = ipfix_file_next(file, &f.in.payload);
            batch_clear(f.out);
            if (status == CAPTURE_PACKET || status == CAPTURE_CUT)
                decoder_datagram(f.d, &f.in, f.out, &f.tally);
        } while (status == CAPTURE_PACKET);
        decoder_finish(f.d, &f.tally);
        assert_int_equal(status, files[i].end);
        assert_int_equal(f.tally.records, files[i].records);
        assert_int_equal(f.tally.kept, files[i].kept);
        if (files[i].reason != REASON_COUNT)
            assert_int_equal(f.tally.reasons[files[i].reason], 1);
        ipfix_file_free(file);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_by_their_length),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(real_files),
    };
    return cmocka_run_group_tests_name("decode/ipfix_file", tests, NULL, NULL);
}
