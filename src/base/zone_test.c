/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/zone.h"

static struct zone *open_zone(const char *name)
{
    struct zone *z = NULL;
    struct error err = {0};
    if (zone_open(name, &z, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(zone_name(z), name);
    return z;
}

static int64_t utc(const char *text)
{
    uint64_t ms = 0;
    assert_int_equal(time_parse_ms(text, strlen(text), NULL, 0, &ms), 0);
    return (int64_t)(ms / 1000);
}

static int32_t day(const char *text)
{
    int32_t d = 0;
    assert_int_equal(date_parse(text, strlen(text), &d), 0);
    return d;
}

/* "Asia/Pyongyang was UTC+08:30 from 2015-08-15 to 2018-05-04, so 2017-04-01T00:00Z is 08:30
 * there, and 2018-05-04T15:00Z is 00:00 on 5 May (+09:00)." */
static void pyongyang_has_its_own_history(void **state)
{
    (void)state;
    struct zone *z = open_zone("Asia/Pyongyang");
    const int32_t half = 8 * 3600 + 1800, nine = 9 * 3600;
    assert_int_equal(zone_offset_s(z, utc("2015-08-14T14:59:59Z")), nine);
    assert_int_equal(zone_offset_s(z, utc("2015-08-14T15:00:00Z")), half);
    assert_int_equal(zone_offset_s(z, utc("2017-04-01T00:00:00Z")), half);
    assert_int_equal(zone_offset_s(z, utc("2018-05-04T14:59:59Z")), half);
    assert_int_equal(zone_offset_s(z, utc("2018-05-04T15:00:00Z")), nine);
    assert_int_equal(zone_day(z, utc("2018-05-04T15:00:00Z")), day("2018-05-05"));
    assert_int_equal(zone_day(z, utc("2018-05-04T14:59:59Z")), day("2018-05-04"));
    assert_int_equal(zone_day_start_s(z, day("2017-04-01")), utc("2017-03-31T15:30:00Z"));
    /* 23:30 to midnight did not exist: 5 May began at the jump. */
    assert_int_equal(zone_day_start_s(z, day("2018-05-05")), utc("2018-05-04T15:00:00Z"));
    zone_free(z);
}

static void gaps_and_doubles(void **state)
{
    (void)state;
    struct zone *z = open_zone("America/New_York");
    /* 2017-03-12 02:00 to 03:00 is missing; 2017-11-05 01:00 to 02:00 comes twice. */
    assert_int_equal(zone_to_utc_s(z, utc("2017-03-12T01:59:59Z")), utc("2017-03-12T06:59:59Z"));
    assert_int_equal(zone_to_utc_s(z, utc("2017-03-12T02:00:00Z")), utc("2017-03-12T07:00:00Z"));
    assert_int_equal(zone_to_utc_s(z, utc("2017-03-12T02:30:00Z")), utc("2017-03-12T07:00:00Z"));
    assert_int_equal(zone_to_utc_s(z, utc("2017-03-12T03:00:00Z")), utc("2017-03-12T07:00:00Z"));
    assert_int_equal(zone_to_utc_s(z, utc("2017-11-05T01:30:00Z")), utc("2017-11-05T05:30:00Z"));
    assert_int_equal(zone_to_utc_s(z, utc("2017-11-05T02:00:00Z")), utc("2017-11-05T07:00:00Z"));
    /* Past the file's last transition the footer's rule holds. */
    assert_int_equal(zone_offset_s(z, utc("2090-07-01T00:00:00Z")), -4 * 3600);
    assert_int_equal(zone_offset_s(z, utc("2090-12-01T00:00:00Z")), -5 * 3600);
    zone_free(z);

    z = open_zone("America/Sao_Paulo"); /* clocks went forward at midnight */
    assert_int_equal(zone_day_start_s(z, day("2017-10-15")), utc("2017-10-15T03:00:00Z"));
    assert_int_equal(zone_day(z, utc("2017-10-15T03:00:00Z")), day("2017-10-15"));
    assert_int_equal(zone_day(z, utc("2017-10-15T02:59:59Z")), day("2017-10-14"));
    zone_free(z);
}

/* Europe/London put its clocks on at 01:00 UTC on 26 March 2017. */
static void the_second_of_a_change(void **state)
{
    (void)state;
    struct zone *z = open_zone("Europe/London");
    int64_t at = utc("2017-03-26T01:00:00Z");
    assert_int_equal(zone_change_s(z, utc("2017-03-01T00:00:00Z"), utc("2017-04-01T00:00:00Z")),
                     at);
    assert_int_equal(zone_change_s(z, at - 1, at), at);
    assert_int_equal(zone_change_s(z, at - 3600, at), at);
    zone_free(z);
}

static void odd_offsets(void **state)
{
    (void)state;
    struct zone *z = open_zone("Asia/Kathmandu");
    assert_int_equal(zone_offset_s(z, utc("2017-04-01T00:00:00Z")), 5 * 3600 + 45 * 60);
    assert_int_equal(zone_offset_s(z, utc("1980-04-01T00:00:00Z")), 5 * 3600 + 30 * 60);
    zone_free(z);
    z = open_zone("Pacific/Chatham");
    assert_int_equal(zone_offset_s(z, utc("2017-01-01T00:00:00Z")), 13 * 3600 + 45 * 60);
    assert_int_equal(zone_offset_s(z, utc("2017-07-01T00:00:00Z")), 12 * 3600 + 45 * 60);
    zone_free(z);
    z = open_zone("Europe/Dublin"); /* a footer whose summer time is the standard one */
    assert_int_equal(zone_offset_s(z, utc("2060-07-01T00:00:00Z")), 3600);
    assert_int_equal(zone_offset_s(z, utc("2060-01-01T00:00:00Z")), 0);
    zone_free(z);
    /* 30 December 2011 did not exist in Apia: its start is the start of the next day. */
    z = open_zone("Pacific/Apia");
    assert_int_equal(zone_day(z, utc("2011-12-30T09:59:59Z")), day("2011-12-29"));
    assert_int_equal(zone_day(z, utc("2011-12-30T10:00:00Z")), day("2011-12-31"));
    assert_int_equal(zone_day_start_s(z, day("2011-12-30")), utc("2011-12-30T10:00:00Z"));
    assert_int_equal(zone_day_start_s(z, day("2011-12-31")), utc("2011-12-30T10:00:00Z"));
    zone_free(z);
    z = open_zone("UTC");
    assert_int_equal(zone_offset_s(z, utc("2017-01-01T00:00:00Z")), 0);
    zone_free(z);
}

static void offsets_equal_the_c_library(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Asia/Pyongyang",     "Asia/Seoul",
        "Asia/Tehran",        "Europe/London",
        "Europe/Moscow",      "Africa/Casablanca",
        "America/Caracas",    "America/St_Johns",
        "Asia/Kolkata",       "Pacific/Apia",
        "Pacific/Kiritimati", "Australia/Lord_Howe",
        "Antarctica/Troll",   "America/Nuuk",
        "Asia/Gaza",          "Africa/Monrovia",
        "Etc/GMT+12",         "EST5EDT",
        "Asia/Shanghai",      "America/Argentina/Buenos_Aires",
    };
    struct random r;
    random_init(&r, 1);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct zone *z = open_zone(names[n]);
        setenv("TZ", names[n], 1);
        tzset();
        for (int i = 0; i < 5000; i++) {
            time_t t = (time_t)random_below(&r, 4102444800u); /* 1970 to 2099 */
            struct tm tm;
            localtime_r(&t, &tm);
            if (zone_offset_s(z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, the C library has %ld", names[n], (long long)t,
                         zone_offset_s(z, t), tm.tm_gmtoff);
            int32_t d = zone_day(z, t);
            assert_int_equal(d, date_to_day(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday));
            assert_int_equal(day_weekday(d), (tm.tm_wday + 6) % 7);
            /* Back from local time: this moment, or an earlier one with the same clock. */
            int64_t local = t + tm.tm_gmtoff, back = zone_to_utc_s(z, local);
            assert_true(back <= t && back + zone_offset_s(z, back) == local);
            assert_true(zone_day_start_s(z, d) <= t);
        }
        zone_free(z);
    }
    unsetenv("TZ");
    tzset();
}

static void unknown_zones_are_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Asia/Pyongjang", "",      "../etc/passwd",
                                        "/etc/localtime", "Asia",  "zone1970.tab",
                                        "tzdata.zi",      "UTC+9 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct zone *z = NULL;
        struct error err = {0};
        assert_int_not_equal(zone_open(wrong[i], &z, &err), 0);
        assert_null(z);
        assert_non_null(strstr(err.text, wrong[i]));
    }
}

static void calendar_round_trip(void **state)
{
    (void)state;
    assert_int_equal(date_to_day(1970, 1, 1), 0);
    assert_int_equal(date_to_day(2017, 4, 1), 17257);
    assert_int_equal(date_to_day(2000, 2, 29) + 1, date_to_day(2000, 3, 1));
    assert_int_equal(date_to_day(1600, 12, 31) + 1, date_to_day(1601, 1, 1));
    assert_int_equal(day_weekday(date_to_day(2017, 4, 1)), 5); /* a Saturday */
    for (int32_t d = -800000; d < 800000; d += 7) {
        int y, m, dom;
        day_to_date(d, &y, &m, &dom);
        assert_int_equal(date_to_day(y, m, dom), d);
    }
}

static void times_read_and_print(void **state)
{
    (void)state;
    struct zone *z = open_zone("Asia/Pyongyang");
    const uint64_t now = 1491004800000u; /* 2017-04-01T00:00Z */
    static const struct {
        const char *text, *printed;
    } good[] = {
        {"2017-04-01T09:00:00Z", "2017-04-01T09:00:00.000Z"},
        {"2017-04-01T09:00:00.1239+08:30", "2017-04-01T00:30:00.123Z"},
        {"2017-04-01", "2017-03-31T15:30:00.000Z"},
        {"2017-04-01 08:30", "2017-04-01T00:00:00.000Z"},
        {"2017-04-01 08:30:01", "2017-04-01T00:00:01.000Z"},
        {"2017-04-01T24:00", "2017-04-01T15:30:00.000Z"},
        {"now", "2017-04-01T00:00:00.000Z"},
        {"now-24h", "2017-03-31T00:00:00.000Z"},
        {"now+1w", "2017-04-08T00:00:00.000Z"},
        {"1491004800", "2017-04-01T00:00:00.000Z"},
        {"1491004800123", "2017-04-01T00:00:00.123Z"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t ms;
        char text[TIME_TEXT_MAX];
        assert_int_equal(time_parse_ms(good[i].text, strlen(good[i].text), z, now, &ms), 0);
        time_print_ms(ms, text);
        assert_string_equal(text, good[i].printed);
    }
    static const char *const wrong[] = {"",
                                        "2017-02-29",
                                        "2017-04-01T25:00",
                                        "2017-04-01T09:00:00Zx",
                                        "2017-4-1",
                                        "now-",
                                        "now-5",
                                        "now-5y",
                                        "yesterday",
                                        "12a",
                                        "2017-04-01T",
                                        "2017-04-01T09:00:00.",
                                        "2017-04-01T24:01",
                                        "1969-12-31T23:59:59Z",
                                        "0000-01-01",
                                        "12345678901234567890"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t ms;
        if (time_parse_ms(wrong[i], strlen(wrong[i]), NULL, now, &ms) == 0)
            fail_msg("\"%s\" was taken for a time", wrong[i]);
    }
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pyongyang_has_its_own_history),
        cmocka_unit_test(gaps_and_doubles),
        cmocka_unit_test(odd_offsets),
        cmocka_unit_test(offsets_equal_the_c_library),
        cmocka_unit_test(the_second_of_a_change),
        cmocka_unit_test(unknown_zones_are_named),
        cmocka_unit_test(calendar_round_trip),
        cmocka_unit_test(times_read_and_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
