/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/coverage.h"
#include "schema/fields.h"
#include "schema/symbols.h"
#include "schema/tally.h"
#include "schema/values.h"

static void symbols_keep_their_codes(void **state)
{
    (void)state;
    struct symbols *s = symbols_new(1000), *t = symbols_new(1000);
    char text[16];
    for (uint32_t i = 1; i <= 1000; i++) {
        int len = snprintf(text, sizeof text, "s%u", i);
        assert_int_equal(symbols_code(s, SYMBOL_SERVICE, text, (size_t)len), i);
        assert_int_equal(symbols_restore(t, SYMBOL_SERVICE, i, text, (size_t)len), 0);
    }
    assert_int_equal(symbols_code(s, SYMBOL_SERVICE, "s77", 3), 77);
    assert_int_equal(symbols_code(s, SYMBOL_SERVICE, "one more", 8), 0);
    assert_int_equal(symbols_find(s, SYMBOL_CATEGORY, "s77", 3), 0);
    assert_string_equal(symbols_text(t, SYMBOL_SERVICE, 1000), "s1000");
    assert_string_equal(symbols_text(t, SYMBOL_SERVICE, 1001), "");
    assert_int_equal(symbols_restore(t, SYMBOL_SERVICE, 5, "other", 5), -1);
    symbols_free(s);
    symbols_free(t);
}

static void tallies_balance(void **state)
{
    (void)state;
    struct tally a = {0}, b = {0};
    tally_keep(&a, 5);
    tally_outside(&a, 7);
    tally_reject(&a, REASON_bad_time, 2);
    tally_duplicate(&a, 1);
    tally_add(&b, &a);
    assert_true(tally_balanced(&b));
    assert_int_equal(b.records, 14);
    assert_int_equal(b.kept, 4);
    b.records++;
    assert_false(tally_balanced(&b));
    assert_string_equal(reason_name(REASON_bad_time), "bad_time");
}

static void coverage_is_sorted_and_bounded(void **state)
{
    (void)state;
    struct coverage *c = coverage_new(4);
    coverage_at(c, 7200000, 2)->records += 1;
    coverage_at(c, 3600000, 9)->records += 2;
    coverage_at(c, 7200001, 1)->records += 3;
    coverage_at(c, 7200001, 1)->records += 3;
    coverage_at(c, 0, 1)->records += 4;
    assert_int_equal(coverage_count(c), 4);
    coverage_at(c, 99 * 3600000ul, 1)->records += 5;
    assert_int_equal(coverage_count(c), 4);
    const struct coverage_row *rows = coverage_rows(c);
    uint64_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        sum += rows[i].records;
        if (i)
            assert_true(
                rows[i].hour_s > rows[i - 1].hour_s ||
                (rows[i].hour_s == rows[i - 1].hour_s && rows[i].exporter > rows[i - 1].exporter));
    }
    assert_int_equal(sum, 18);
    coverage_free(c);
}

static void values_and_fields_are_named(void **state)
{
    (void)state;
    char text[9];
    tcp_flags_text(0x12, text);
    assert_string_equal(text, "SA");
    assert_string_equal(role_text(ROLE_SERVED), "served");
    assert_int_equal(role_value("PEER", 4), ROLE_PEER);
    assert_int_equal(protocol_value("tcp", 3), 6);
    assert_int_equal(protocol_value("132", 3), 132);
    assert_int_equal(protocol_value("256", 3), -1);
    assert_int_equal(field_find("octets_in", 9), FIELD_octets_in);
    assert_int_equal(field_find("octets_", 7), -1);
    char country[3];
    country_text(country_code("IN"), country);
    assert_string_equal(country, "IN");
}

static void tls_faults_are_named(void **state)
{
    (void)state;
    char text[TLS_FAULTS_TEXT_MAX];
    tls_faults_text(TLS_HELLO | TLS_CERTIFICATE | TLS_EXPIRED, text);
    assert_string_equal(text, "hello|certificate|expired");
    tls_faults_text(0, text);
    assert_string_equal(text, "");
    tls_faults_text(0xffff, text);
    assert_true(strlen(text) < sizeof text);
    for (int bit = 1; bit < 0x10000; bit <<= 1)
        if (tls_fault_text((unsigned)bit)[0])
            assert_int_equal(tls_fault_value(tls_fault_text((unsigned)bit),
                                             strlen(tls_fault_text((unsigned)bit))),
                             bit);
    assert_int_equal(tls_fault_value("expire", 6), -1);
    assert_string_equal(tls_version_text(0x0303), "TLS1.2");
    assert_string_equal(tls_version_text(0x0305), "");
    assert_int_equal(platform_value("ios", 3), PLATFORM_IOS);
    assert_string_equal(platform_basis_text(PLATFORM_BASIS_TLS), "tls");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_keep_their_codes),
        cmocka_unit_test(tallies_balance),
        cmocka_unit_test(coverage_is_sorted_and_bounded),
        cmocka_unit_test(values_and_fields_are_named),
        cmocka_unit_test(tls_faults_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
