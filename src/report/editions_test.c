/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include "base/random.h"
#include "report/editions.h"

static json_t *estimate(double value, double half)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "value", value, "low", value - half, "high",
                     value + half, "level", 0.95);
}

static json_t *service(const char *id, double share, double half, int flows)
{
    return json_pack("{s:s, s:s, s:o, s:i, s:{s:s, s:i}}", "id", id, "name", id, "share",
                     estimate(share, half), "flows", flows, "evidence", "filter", id, "flows",
                     flows);
}

static json_t *report(const char *definition, const char *measure, int sampling, json_t *services,
                      json_t *weekdays)
{
    return json_pack("{s:{s:s, s:s, s:s, s:s}, s:{s:{s:i, s:i}}, s:{s:[{s:[i]}]}, s:o, s:{s:o}, "
                     "s:{s:s, s:[]}, s:[], s:{s:s}}",
                     "study", "name", "a", "measure_used", measure, "from", "2017-04-01", "to",
                     "2017-04-30", "totals", "by_role", "consumed", 100000, "peer", 0, "fidelity",
                     "days", "sampling", sampling, "services", services, "rhythm", "weekdays",
                     weekdays, "concealment", "definition", definition, "techniques", "categories",
                     "devices", "unsupported", "no payload");
}

static json_t *weekday(const char *day, double mean, double half, int rank)
{
    return json_pack("{s:s, s:o, s:i}", "day", day, "mean", estimate(mean, half), "rank", rank);
}

static json_t *weekdays(double monday, double sunday, double half)
{
    return json_pack("[o, o, o]", weekday("Monday", monday, half, monday > sunday ? 1 : 3),
                     weekday("Wednesday", (monday + sunday) / 2, half, 2),
                     weekday("Sunday", sunday, half, monday > sunday ? 3 : 1));
}

static const char *change_of(const json_t *compared, const char *id)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(compared, "changes"), i,
                       c) if (strcmp(json_string_value(json_object_get(c, "id")), id) ==
                              0) return json_string_value(json_object_get(c, "change"));
    return "none";
}

static void what_changed_is_told(void **state)
{
    (void)state;
    json_t *a = report("2017", "conversations", 1,
                       json_pack("[o, o, o, o]", service("facebook", 0.30, 0.01, 30000),
                                 service("google", 0.20, 0.01, 20000),
                                 service("gone", 0.05, 0.005, 5000),
                                 service("rare", 0.00003, 0.00002, 3)),
                       weekdays(1000, 800, 50)),
           *b = report("2017", "conversations", 1,
                       json_pack("[o, o, o]", service("facebook", 0.22, 0.01, 22000),
                                 service("google", 0.205, 0.01, 20500),
                                 service("new", 0.04, 0.005, 4000)),
                       weekdays(990, 790, 50));
    json_t *c = editions_compare(a, b);
    assert_string_equal(change_of(c, "facebook"), "down");
    assert_string_equal(change_of(c, "google"), "same");
    assert_string_equal(change_of(c, "gone"), "gone");
    assert_string_equal(change_of(c, "new"), "new");
    assert_string_equal(change_of(c, "rare"), "same"); /* three conversations can be missed */
    assert_int_equal(json_array_size(json_object_get(c, "contradictions")), 0);
    assert_int_equal(json_array_size(json_object_get(c, "not_compared")),
                     2); /* presence, devices */
    json_decref(c);
    c = editions_compare(a, a);
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(c, "changes"), i, x)
        assert_string_equal(json_string_value(json_object_get(x, "change")), "same");
    json_decref(c);
    json_decref(a);
    json_decref(b);
}

/* "Monday and Tuesday" against "weekends". */
static void busiest_days_that_differ_are_a_contradiction(void **state)
{
    (void)state;
    json_t *a = report("2017", "conversations", 1, json_array(), weekdays(1000, 700, 60)),
           *b = report("2018-with-tls", "conversations", 1, json_array(), weekdays(700, 1000, 60)),
           *unsure = report("2017", "conversations", 1, json_array(), weekdays(700, 750, 200));
    json_t *c = editions_compare(a, b), *found = json_object_get(c, "contradictions");
    assert_int_equal(json_array_size(found), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(found, 0), "a_says")),
                        "Monday");
    assert_string_equal(json_string_value(json_object_get(json_array_get(found, 0), "b_says")),
                        "Sunday");
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_array_get(json_object_get(c, "not_compared"), 1), "why")),
                           "definitions differ"));
    json_decref(c);
    c = editions_compare(a, unsure);
    assert_int_equal(json_array_size(json_object_get(c, "contradictions")), 0);
    json_decref(c);
    json_decref(a);
    json_decref(b);
    json_decref(unsure);
}

static void what_does_not_compare_is_refused(void **state)
{
    (void)state;
    json_t *a = report("2017", "conversations", 1, json_pack("[o]", service("x", 0.3, 0.01, 30000)),
                       json_array()),
           *sampled = report("2017", "conversations", 1000,
                             json_pack("[o]", service("x", 0.5, 0.01, 50000)), json_array()),
           *octets = report("2017", "octets", 1, json_pack("[o]", service("x", 0.5, 0.01, 50000)),
                            json_array());
    json_t *c = editions_compare(a, sampled);
    assert_int_equal(json_array_size(json_object_get(c, "changes")), 0);
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_array_get(json_object_get(c, "not_compared"), 0), "why")),
                           "1 in 1000"));
    json_decref(c);
    c = editions_compare(a, octets);
    assert_int_equal(json_array_size(json_object_get(c, "changes")), 0);
    json_decref(c);
    json_decref(a);
    json_decref(sampled);
    json_decref(octets);
}

/* Two reports of one world: at most 5% of what is flagged may be chance; here all of it would be.
 */
static void two_reports_of_one_world_differ_seldom(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 8);
    int with = 0;
    for (int k = 0; k < 300; k++) {
        json_t *rows[2] = {json_array(), json_array()};
        for (int s = 0; s < 40; s++) {
            double share = 0.002 + 0.02 * random_unit(&r), error = 0.03 * share;
            for (int m = 0; m < 2; m++) {
                char id[8];
                snprintf(id, sizeof id, "s%d", s);
                json_array_append_new(
                    rows[m], service(id, share + error * random_normal(&r), 1.96 * error, 100));
            }
        }
        json_t *a = report("2017", "conversations", 1, rows[0], json_array()),
               *b = report("2017", "conversations", 1, rows[1], json_array()),
               *c = editions_compare(a, b), *x;
        size_t i;
        bool any = false;
        json_array_foreach(json_object_get(c, "changes"), i, x) any |=
            strcmp(json_string_value(json_object_get(x, "change")), "same") != 0;
        with += any;
        json_decref(a);
        json_decref(b);
        json_decref(c);
    }
    print_message("%d of 300 pairs of one world show a change\n", with);
    assert_true(with <= 24); /* 5% and its sampling error */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_told),
        cmocka_unit_test(busiest_days_that_differ_are_a_contradiction),
        cmocka_unit_test(what_does_not_compare_is_refused),
        cmocka_unit_test(two_reports_of_one_world_differ_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
