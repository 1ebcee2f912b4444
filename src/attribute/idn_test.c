/* SPDX-License-Identifier: Apache-2.0 */
/* Punycode by RFC 3492's samples and by labels in use; damage of all kinds; letters that look like
 * others. */
#include "attribute/idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *label, *text, *skeleton;
    } CASES[] = {
        {"xn--bcher-kva", "bücher", "bucher"},
        {"xn--mnchen-3ya", "münchen", "munchen"},
        {"xn--gtvz22d", "苹果", ""},
        {"xn--ggle-55da", "gооgle", "google"},
        {"xn--pple-43d", "аpple", "apple"},
        {"xn--80ak6aa92e", "аррӏе", "apple"},
        {"xn--flw351e", "谷歌", ""},
        /* RFC 3492 section 7.1 (B) and (H), in lower case */
        {"xn--ihqwcrb4cv8a8dqg056pqjye", "他们为什么不说中文", ""},
        {"xn--b1abfaaepdrnnbgefbadotcwatmq2g4l", "почемужеонинеговорятпорусски", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[IDN_TEXT_MAX], skeleton[IDN_TEXT_MAX];
        size_t len = idn_decode(CASES[i].label, strlen(CASES[i].label), text);
        assert_string_equal(text, CASES[i].text);
        assert_int_equal(len, strlen(CASES[i].text));
        size_t looks = idn_skeleton(text, len, skeleton);
        assert_int_equal(looks, strlen(CASES[i].skeleton));
        if (looks)
            assert_string_equal(skeleton, CASES[i].skeleton);
    }
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const CASES[] = {"",        "xn--",     "apple",          "xn--99999999",
                                        "xn--a_b", "xn--abc-", "xn--zzzzzzzzzz", "xn---",
                                        "xn--9999"};
    struct random r;
    char text[IDN_TEXT_MAX];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_true(idn_decode(CASES[i], strlen(CASES[i]), text) < IDN_TEXT_MAX);
    assert_int_equal(idn_decode("xn--99999999", 12, text), 0);
    assert_int_equal(idn_decode("xn--a_b", 7, text), 0);
    random_init(&r, 8);
    for (int i = 0; i < 200000; i++) {
        static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        char label[64] = "xn--", skeleton[IDN_TEXT_MAX];
        size_t len = 4 + random_below(&r, 60);
        for (size_t at = 4; at < len; at++)
            label[at] = LETTERS[random_below(&r, sizeof LETTERS - 1)];
        size_t got = idn_decode(label, len, text);
        assert_true(got < IDN_TEXT_MAX && idn_skeleton(text, got, skeleton) < IDN_TEXT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
