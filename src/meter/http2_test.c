/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "meter/craft.h"
#include "meter/http2.h"

static bool is(const struct name *n, const char *text)
{
    return n->len == strlen(text) && memcmp(n->text, text, n->len) == 0;
}

/* RFC 7541 appendix C.3.1 (plain) and C.4.1 (Huffman): the first request of each. */
static const char *const blocks[] = {"828684410f7777772e6578616d706c652e636f6d",
                                     "828684418cf1e3c2e5f23a6ba0ab90f4ff"};

static void test_rfc_blocks(void **state)
{
    (void)state;
    uint8_t block[64];
    for (size_t i = 0; i < 2; i++) {
        struct name n = {0};
        size_t len = craft_hex(block, blocks[i]);
        assert_int_equal(http2_header_block(bytes_of(block, len), &n), LOOK_NAME);
        assert_true(is(&n, "www.example.com"));
    }
    /* C.2.1: a literal name and value, no host there. */
    struct name n = {0};
    size_t len = craft_hex(block, "400a637573746f6d2d6b65790d637573746f6d2d686561646572");
    assert_int_equal(http2_header_block(bytes_of(block, len), &n), LOOK_NONE);
    /* "host" as a literal name without indexing. */
    len = craft_hex(block, "0004686f737403612e62");
    assert_int_equal(http2_header_block(bytes_of(block, len), &n), LOOK_NAME);
    assert_true(is(&n, "a.b"));
}

/* Preface, SETTINGS, then HEADERS with padding and priority; every truncation waits. */
static void test_stream(void **state)
{
    (void)state;
    uint8_t stream[200];
    for (size_t i = 0; i < 2; i++) {
        memcpy(stream, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        size_t at = 24 + craft_hex(stream + 24, "000000040000000000");
        size_t block_len = strlen(blocks[i]) / 2;
        at += craft_be(stream + at, block_len + 6 + 2, 3);
        at += craft_be(stream + at, 0x012c00000001, 6); /* HEADERS, padded, priority, stream 1 */
        at += craft_be(stream + at, 2, 1);
        at += craft_be(stream + at, 0, 5);
        at += craft_hex(stream + at, blocks[i]);
        at += craft_be(stream + at, 0, 2);
        for (size_t len = 0; len <= at; len++) {
            struct name n = {0};
            uint8_t *exact = memory_alloc(len ? len : 1);
            memcpy(exact, stream, len);
            enum look look = http2_authority(bytes_of(exact, len), &n);
            assert_int_equal(look, len + 2 >= at ? LOOK_NAME : LOOK_MORE);
            assert_true(look == LOOK_MORE || is(&n, "www.example.com"));
            free(exact);
        }
    }
    struct name n = {0};
    assert_int_equal(http2_authority(bytes_of_text("PRI * HTTP/1.1"), &n), LOOK_NOT);
}

static void test_changed_octets(void **state)
{
    (void)state;
    uint8_t block[64], *changed;
    for (size_t i = 0; i < 2; i++) {
        size_t len = craft_hex(block, blocks[i]);
        for (size_t at = 0; at < len; at++)
            for (unsigned value = 0; value < 256; value++) {
                struct name n = {0}, again;
                changed = memory_alloc(len);
                memcpy(changed, block, len);
                changed[at] = (uint8_t)value;
                if (http2_header_block(bytes_of(changed, len), &n) == LOOK_NAME)
                    assert_true(name_set(&again, bytes_of(n.text, n.len)));
                free(changed);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_blocks),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_changed_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
