/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "study/study.h"
#include "study/value.h"

#define HEAD                                                                                       \
    "name: N\n"                                                                                    \
    "timezone: Asia/Pyongyang\n"                                                                   \
    "period: {from: 2017-04-01, to: 2017-07-06}\n"
#define POPULATION "population:\n  - {prefix: 175.45.176.0/22, label: Star JV}\n"

static char folder[] = "/tmp/telltale-study-XXXXXX";

static struct study *parse(const char *text)
{
    struct study *s = NULL;
    struct error err = {0};
    if (study_parse(folder, "s.yaml", text, strlen(text), &s, &err) != 0)
        fail_msg("%s", err.text);
    return s;
}

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void the_worked_study_reads(void **state)
{
    (void)state;
    struct study *s = parse(HEAD "population:\n"
                                 "  - {prefix: 175.45.176.0/22, label: Star JV}\n"
                                 "  - {prefix: 210.52.109.0/24, label: KPTC through China Netcom}\n"
                                 "  - {prefix: 77.94.35.0/24,   label: SatGate}\n"
                                 "  - {prefix: \"2001:db8::/32\"}\n"
                                 "pivots: []\n"
                                 "baseline: default\n"
                                 "store: store/\n");
    assert_string_equal(s->name, "N");
    assert_string_equal(s->timezone, "Asia/Pyongyang");
    assert_int_equal(s->to_day - s->from_day + 1, 97);
    char text[TIME_TEXT_MAX];
    time_print_ms(s->from_ms, text);
    assert_string_equal(text, "2017-03-31T15:30:00.000Z");
    time_print_ms(s->to_ms, text);
    assert_string_equal(text, "2017-07-06T15:30:00.000Z");
    assert_int_equal(s->population_count, 4);
    assert_string_equal(s->population[1].label, "KPTC through China Netcom");
    assert_false(s->everywhere);
    struct ip ip;
    ip_parse("175.45.178.19", 13, &ip);
    assert_int_equal(lpm_lookup(s->population_lpm, &ip), 0);
    assert_int_equal(lpm_lookup(s->kept_lpm, &ip), 0);
    ip_parse("2001:db8::7", 11, &ip);
    assert_int_equal(lpm_lookup(s->population_lpm, &ip), 3);
    ip_parse("175.45.180.1", 12, &ip);
    assert_int_equal(lpm_lookup(s->kept_lpm, &ip), LPM_NONE);
    assert_int_equal(s->idle_ms, 60000);
    assert_int_equal(s->active_ms, 1800000);
    assert_int_equal(s->measure, MEASURE_FLOWS);
    assert_string_equal(study_concealment_text(s->concealment), "2017");
    assert_string_equal(s->baseline, "default");
    assert_string_equal(s->lists + strlen(s->lists) - 6, "/lists");
    assert_int_equal(s->tor_age_s, 86400);
    assert_int_equal(s->store[0], '/');
    assert_string_equal(s->store + strlen(s->store) - 6, "/store");
    assert_false(s->store_is_server);
    study_free(s);
}

static void every_key_reads(void **state)
{
    (void)state;
    put("a.mmdb", "x");
    put("b.csv", "country,share\nIN,0.1\n");
    put("e.csv", "time,zone,uncertainty,label,kind,source\n2017-05-14,,,b,test,s\n"
                 "2017-05-14T05:28,,1h,a,test,s\n");
    struct study *s = parse(
        HEAD POPULATION
        "pivots:\n  - {prefix: 198.51.100.7, from: 2017-05-01, to: 2017-05-20, label: p}\n"
        "events: [e.csv]\nbaseline: b.csv\nstore: clickhouse://u@h:8123/t\nmeasure: "
        "packets\nconcealment: 2018-with-tls\n"
        "sampling: 1000\nseed: 7\nmetering: {idle: 30s, active: 5m}\n"
        "geo: {country: a.mmdb, asn: a.mmdb}\n"
        "lists: dated\ntor_age: 3d\n"
        "policies: [{service: facebook, from: 2016-04-01, source: x}]\n"
        "exclusions: [{prefix: 203.0.113.0/24, label: carrier}]\n"
        "holidays: [{date: 2017-05-01}, {date: 2017-04-15, label: h}]\npositive_control: IN\ntlp: \"TLP:Amber+Strict\"\n");
    assert_int_equal(s->pivot_count, 1);
    assert_int_equal(s->pivots[0].to_ms - s->pivots[0].from_ms, 20u * 86400000u);
    struct ip ip;
    ip_parse("198.51.100.7", 12, &ip);
    assert_int_equal(lpm_lookup(s->kept_lpm, &ip), 1);
    assert_int_equal(lpm_lookup(s->population_lpm, &ip), LPM_NONE);
    assert_int_equal(s->event_count, 2);
    assert_true(s->events[0].date_only);
    assert_false(s->events[1].date_only);
    assert_int_equal(s->events[1].uncertainty_ms, 3600000);
    char text[TIME_TEXT_MAX];
    time_print_ms(s->events[1].time_ms, text);
    assert_string_equal(text, "2017-05-13T20:58:00.000Z");
    assert_true(s->store_is_server);
    assert_string_equal(study_measure_text(s->measure), "packets");
    assert_int_equal(s->concealment, CONCEALMENT_2018_WITH_TLS);
    assert_int_equal(s->sampling, 1000);
    assert_int_equal(s->seed, 7);
    assert_string_equal(s->lists + strlen(s->lists) - 6, "/dated");
    assert_int_equal(s->tor_age_s, 3 * 86400);
    assert_int_equal(s->idle_ms, 30000);
    assert_int_equal(s->active_ms, 300000);
    assert_int_equal(s->policies[0].to_ms == UINT64_MAX, 1);
    assert_string_equal(s->exclusions[0].label, "carrier");
    assert_string_equal(s->holidays[0].label, "h");
    assert_int_equal(s->positive_control, 'I' << 8 | 'N');
    assert_string_equal(s->tlp, "AMBER+STRICT");
    study_free(s);
    s = parse(HEAD "population: [{prefix: 0.0.0.0/0}, {prefix: '::/0'}]\n");
    assert_true(s->everywhere);
    study_free(s);
}

/* "an unknown key, a bad prefix, a bad zone or date each give one line with file and line number"
 */
static void problems_are_one_line_with_file_and_line(void **state)
{
    (void)state;
    put("bad-time.csv", "time,label\n\n# note\n14 May,x\n");
    put("bad-zone.csv", "time,zone,label\n2017-05-14,Asia/Nowhere,x\n");
    put("bad-head.csv", "date,label\n2017-05-14,x\n");
    put("bad-quote.csv", "time,label\n2017-05-14,\"x\n");
    put("bad-span.csv", "time,uncertainty,label\n2017-05-14,soon,x\n");
    put("empty.csv", "");
    static const struct {
        const char *text, *line, *has;
    } cases[] = {
        {HEAD POPULATION "populaton: 3\n", "s.yaml:6: ", "did you mean 'population'"},
        {HEAD POPULATION "zebra: 3\n", "s.yaml:6: ", "unknown key 'zebra'"},
        {HEAD "population:\n  - prefix: 1.2.3.0/24\n    lable: x\n", "s.yaml:6: ", "'label'"},
        {HEAD "population:\n  - prefix: 1.2.3.0/24\n\n  - prefix: 175.45.177.1/22\n",
         "s.yaml:7: ", "175.45.176.0/22 was probably meant (or 175.45.177.1 for"},
        {HEAD "population: [{prefix: 1.2.3/24}]\n", "s.yaml:4: ", "'1.2.3/24' is not a prefix"},
        {HEAD "population: []\n", "s.yaml:4: ", "0 entries, at least 1"},
        {HEAD "population:\n", "s.yaml:4: ", "a list is needed"},
        {HEAD, "s.yaml:1: ", "key 'population' is missing"},
        {HEAD "population:\n  - label: x\n", "s.yaml:5: ", "key 'prefix' is missing"},
        {HEAD "population:\n  - prefix: 1.2.3.0/24\n  - prefix: 1.2.3.0/24\n",
         "s.yaml:6: ", "given twice (before in line 5)"},
        {"name: N\ntimezone: Asia/Pyongjang\nperiod: {from: 2017-04-01, to: "
         "2017-07-06}\n" POPULATION,
         "s.yaml:2: ", "Asia/Pyongjang"},
        {"name: N\ntimezone: UTC\nperiod:\n  from: 2017-02-29\n  to: 2017-07-06\n" POPULATION,
         "s.yaml:4: ", "'2017-02-29' is not a date"},
        {"name: N\ntimezone: UTC\nperiod:\n  from: 2017-08-01\n  to: 2017-07-06\n" POPULATION,
         "s.yaml:4: ", "is after"},
        {"name: N\ntimezone: UTC\nperiod:\n  from: 2017-08-01\n" POPULATION,
         "s.yaml:4: ", "key 'to' is missing"},
        {HEAD POPULATION "name: again\n", "s.yaml:6: ", "given twice (before in line 1)"},
        {HEAD POPULATION "measure: bits\n", "s.yaml:6: ", "conversations, octets, packets"},
        {HEAD POPULATION "sampling: -1\n", "s.yaml:6: ", "not a whole number"},
        {HEAD POPULATION "sampling: 99999999999\n", "s.yaml:6: ", "not a whole number"},
        {HEAD POPULATION "seed: 010\n", "s.yaml:6: ", "not a whole number"},
        {HEAD POPULATION "metering: {idle: 1y}\n", "s.yaml:6: ", "not a duration"},
        {HEAD POPULATION "tor_age: 5m\n", "s.yaml:6: ", "from 1h to 366d"},
        {HEAD POPULATION "store: http://x\n", "s.yaml:6: ", "clickhouse://"},
        {HEAD POPULATION "baseline: none.csv\n", "s.yaml:6: ", "No such file"},
        {HEAD POPULATION "geo:\n  asn: none.mmdb\n", "s.yaml:7: ", "No such file"},
        {HEAD POPULATION "events: [none.csv]\n", "s.yaml:6: ", "No such file"},
        {HEAD POPULATION "events: [bad-time.csv]\n", "bad-time.csv:4: ", "'14 May' is not a time"},
        {HEAD POPULATION "events: [bad-zone.csv]\n", "bad-zone.csv:2: ", "Asia/Nowhere"},
        {HEAD POPULATION "events: [bad-head.csv]\n", "bad-head.csv:1: ", "the header is"},
        {HEAD POPULATION "events: [bad-quote.csv]\n", "bad-quote.csv:2: ", "quotes"},
        {HEAD POPULATION "events: [bad-span.csv]\n", "bad-span.csv:2: ", "'soon'"},
        {HEAD POPULATION "events: [empty.csv]\n", "empty.csv:1: ", "empty"},
        {HEAD POPULATION "pivots:\n  - {prefix: 1.2.3.4, from: 2017-05-02, to: 2017-05-01}\n",
         "s.yaml:7: ", "from is not before to"},
        {HEAD POPULATION "tlp: white\n", "s.yaml:6: ", "none of red"},
        {HEAD POPULATION "positive_control: India\n", "s.yaml:6: ", "two letters"},
        {HEAD POPULATION "holidays:\n  - date: 15 April\n", "s.yaml:7: ", "not a date"},
        {HEAD "population: &a [{prefix: 1.2.3.4}]\npivots: *a\n", "s.yaml:4: ", "aliases"},
        {HEAD "population: [\n", "s.yaml:5: ", ""},
        {"", "s.yaml:1: ", "empty"},
        {"- a\n", "s.yaml:1: ", "keys and values"},
        {"name: N\n\ttimezone: x\n", "s.yaml:2: ", ""},
        {"name: \"\xff\"\n", "s.yaml:1: ", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct study *s = NULL;
        struct error err = {0};
        assert_int_equal(
            study_parse(folder, "s.yaml", cases[i].text, strlen(cases[i].text), &s, &err),
            ERROR_USAGE);
        assert_null(s);
        assert_int_equal(err.code, ERROR_USAGE);
        if (!strstr(err.text, cases[i].line) || !strstr(err.text, cases[i].has) ||
            strchr(err.text, '\n'))
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void a_new_study_loads_and_is_not_overwritten(void **state)
{
    (void)state;
    char dir[128];
    struct error err = {0};
    struct study *s = NULL;
    snprintf(dir, sizeof dir, "%s/new", folder);
    assert_int_equal(study_load(dir, &s, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, "telltale init"));
    assert_int_equal(study_init(dir, &err), 0);
    if (study_load(dir, &s, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(s->population_count, 1);
    assert_int_equal(s->catalogue_file_count, 0);
    study_free(s);
    assert_int_not_equal(study_init(dir, &err), 0);
    assert_non_null(strstr(err.text, "already there"));
    put("new/catalogue/b.yaml", "");
    put("new/catalogue/a.yaml", "");
    assert_int_equal(study_load(dir, &s, &err), 0);
    assert_int_equal(s->catalogue_file_count, 2);
    assert_non_null(strstr(s->catalogue_files[0], "/new/catalogue/a.yaml"));
    study_free(s);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"90s", 90000}, {"1h30m", 5400000}, {"250ms", 250}, {"0", 0}, {"2w", 1209600000}};
    uint64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(duration_parse_ms(good[i].text, strlen(good[i].text), &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const wrong[] = {"", "1", "h", "-1h", "1 h", "1y", "1h3", "99999999999s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(duration_parse_ms(wrong[i], strlen(wrong[i]), &ms), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_study_reads),
        cmocka_unit_test(every_key_reads),
        cmocka_unit_test(problems_are_one_line_with_file_and_line),
        cmocka_unit_test(a_new_study_loads_and_is_not_overwritten),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
