/* SPDX-License-Identifier: Apache-2.0 */
/* What a report says of little: nothing at all, one day, two days that differ, a few days in many
 * empty years. Strong words need more. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "schema/values.h"

#define DAY_MS   INT64_C(86400000)
#define APRIL_MS UINT64_C(1491004800000) /* 2017-04-01 */

static char folder[] = "/tmp/telltale-few-XXXXXX";
static int places;
static char missing[1024];

struct place {
    struct study *study;
    struct store *store;
    struct catalogue *catalogue;
};

/* Conversations of one service on one day, an hour apart. */
struct group {
    int day; /* from 2017-04-01 */
    const char *service, *category;
    int count;
};

static void add_group(struct batch *b, struct symbols *symbols, const struct group *g)
{
    for (int i = 0; i < g->count; i++) {
        size_t row = batch_add(b);
        batch_start_ms(b)[row] =
            APRIL_MS + (uint64_t)(g->day * DAY_MS) + (uint64_t)(i % 24) * 3600000 + 60000;
        batch_end_ms(b)[row] = batch_start_ms(b)[row] + 1000;
        batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 176, 9});
        batch_remote(b)[row] = ip_from_v4((const uint8_t[]){198, 51, 100, 7});
        batch_protocol(b)[row] = 6;
        batch_packets_out(b)[row] = 4;
        batch_octets_out(b)[row] = 400;
        batch_role(b)[row] = ROLE_CONSUMED;
        batch_service(b)[row] =
            (uint16_t)symbols_code(symbols, SYMBOL_SERVICE, g->service, strlen(g->service));
        batch_category(b)[row] =
            (uint16_t)symbols_code(symbols, SYMBOL_CATEGORY, g->category, strlen(g->category));
        batch_basis(b)[row] = BASIS_NAME;
        batch_country(b)[row] = country_code("US");
        batch_sampling(b)[row] = 1;
    }
}

static void import(struct place *p, const struct group *groups, size_t count, uint64_t outside)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct batch *b = batch_new(STAGE_FLOW, 10000);
    struct coverage *c = coverage_new(10000);
    struct source source = {.path = "few.ipfix", .format = "test"};
    memset(source.sha256, 1, sizeof source.sha256);
    for (size_t k = 0; k < count; k++)
        add_group(b, store_symbols(p->store), &groups[k]);
    tally_keep(&source.tally, b->rows);
    tally_outside(&source.tally, outside);
    source.conversations = b->rows;
    for (size_t row = 0; row < b->rows; row++)
        coverage_at(c, batch_start_ms(b)[row], 0)->records++;
    if (b->rows > 0) {
        source.first_ms = batch_start_ms(b)[0];
        source.last_ms = batch_start_ms(b)[b->rows - 1];
    }
    if (import_begin(p->store, &source, &i, &seen, &err) || import_rows(i, b, &err) ||
        import_end(i, &source, c, &err) || store_derive(p->store, false, &err))
        fail_msg("%s", err.text);
    coverage_free(c);
    batch_free(b);
}

static json_t *model_of(const char *from, const char *to, const struct group *groups, size_t count,
                        uint64_t outside)
{
    char text[2 * PATH_MAX];
    struct error err;
    struct place p;
    json_t *model = NULL;
    if (missing[0]) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    int len = snprintf(text, sizeof text,
                       "name: few\ntimezone: Etc/UTC\nperiod: {from: %s, to: %s}\n"
                       "population:\n  - {prefix: 175.45.176.0/22, label: a net}\n"
                       "seed: 7\nstore: \"%s/%d\"\n",
                       from, to, folder, places++);
    if (study_parse(folder, "study.yaml", text, (size_t)len, &p.study, &err) ||
        store_open(p.study, STORE_WRITE, &p.store, &err) ||
        catalogue_load(NULL, 0, &p.catalogue, &err))
        fail_msg("%s", err.text);
    import(&p, groups, count, outside);
    struct analysis_input in = {
        .study = p.study, .store = p.store, .catalogue = p.catalogue, .generated_ms = 1};
    if (analysis_run(&in, &model, &err) < 0)
        fail_msg("%s", err.text);
    catalogue_free(p.catalogue);
    store_close(p.store);
    study_free(p.study);
    return model;
}

static const json_t *finding(const json_t *model, const char *id)
{
    const json_t *list = json_object_get(model, "findings");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "id")), id) == 0)
            return json_array_get(list, i);
    return NULL;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    if (!s)
        fail_msg("no text %s", key);
    return s;
}

static void check_schema(const json_t *model)
{
    char path[PATH_MAX], command[3 * PATH_MAX];
    const char *kept = getenv("TELLTALE_KEEP_REPORTS");
    snprintf(path, sizeof path, "%s/report-%d.json", kept ? kept : folder, places);
    assert_int_equal(json_dump_file(model, path, JSON_COMPACT), 0);
    if (!getenv("TELLTALE_SOURCE") || system("node --version >/dev/null 2>&1") != 0) {
        print_message("schema not checked: no node\n");
        return;
    }
    snprintf(command, sizeof command, "node '%s/tests/validate-report.mjs' '%s' >&2",
             getenv("TELLTALE_SOURCE"), path);
    assert_int_equal(system(command), 0);
}

static const struct group one_day[] = {{1, "facebook", "social", 3}, {1, "dns", "name", 1}};

static void one_day_is_said_to_be_one(void **state)
{
    static const char *const weak[] = {"service-first", "categories", "countries"};
    (void)state;
    json_t *model = model_of("2017-04-01", "2017-04-03", one_day, 2, 0);
    for (size_t i = 0; i < 3; i++) {
        const json_t *f = finding(model, weak[i]);
        assert_non_null(f);
        assert_string_equal(text_of(f, "confidence"), "low");
        assert_non_null(strstr(text_of(f, "headline"), "on one day"));
    }
    assert_null(finding(model, "presence-none"));
    assert_string_equal(text_of(finding(model, "data-quality"), "headline"),
                        "1 of 3 days holds data to be measured by");
    assert_string_equal(text_of(finding(model, "countries"), "headline"),
                        "Most conversations go to United States, on one day");
    const json_t *use = finding(model, "use");
    assert_string_equal(text_of(use, "headline"), "4 conversations by 1 address on 1 day");
    assert_non_null(strstr(text_of(use, "statement"), "by 1 address of its own with 1 address "));
    const json_t *sample = json_object_get(use, "sample");
    assert_int_equal(json_array_size(sample), 4); /* all that there are, the first first */
    assert_string_equal(text_of(json_array_get(sample, 0), "start"), "2017-04-02T00:01:00.000Z");
    assert_string_equal(text_of(json_array_get(sample, 0), "local"), "175.45.176.9");
    check_schema(model);
    json_decref(model);
}

/* Two days that have nothing in common: the interval is as wide as a share can be. */
static void a_wide_interval_is_no_high_confidence(void **state)
{
    static const struct group groups[] = {{1, "facebook", "social", 40}, {2, "dns", "name", 30}};
    (void)state;
    json_t *model = model_of("2017-04-01", "2017-04-03", groups, 2, 0);
    const json_t *f = finding(model, "categories");
    assert_string_equal(text_of(f, "confidence"), "low");
    assert_null(strstr(text_of(f, "headline"), "on one day"));
    assert_string_equal(text_of(finding(model, "service-first"), "confidence"), "low");
    /* Five at most, also where they lie in the second day looked at. */
    assert_int_equal(json_array_size(json_object_get(finding(model, "use"), "sample")), 5);
    json_decref(model);
}

static void an_empty_study_has_one_finding(void **state)
{
    (void)state;
    json_t *model = model_of("2018-01-01", "2018-01-03", one_day, 2, 17);
    const json_t *list = json_object_get(model, "findings"), *f = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(text_of(f, "headline"),
                        "No conversation of the population lies in this period");
    assert_string_equal(text_of(f, "statement"),
                        "Imported: 21 records of 1 source, 17 outside the population and 4 kept, "
                        "from 2 April 2017 00:01 UTC to 2 April 2017 00:01 UTC. The period is "
                        "1 January 2018 to 3 January 2018.");
    check_schema(model);
    json_decref(model);
}

/* A period of 24 years with four days of data has a report of four days. */
static void empty_years_take_no_room(void **state)
{
    static const struct group groups[] = {{0, "facebook", "social", 48},
                                          {1, "facebook", "social", 40},
                                          {2, "dns", "name", 24},
                                          {4, "dns", "name", 30}};
    (void)state;
    json_t *model = model_of("2000-01-01", "2023-12-31", groups, 4, 0);
    const json_t *activity = json_object_get(model, "activity");
    const json_t *fidelity = json_object_get(model, "fidelity");
    const json_t *hourly = json_object_get(activity, "hourly");
    assert_string_equal(text_of(activity, "from"), "2017-04-01");
    assert_string_equal(text_of(activity, "to"), "2017-04-05");
    assert_int_equal(json_array_size(json_object_get(activity, "daily")), 5);
    assert_int_equal(json_array_size(hourly), 5 * 24);
    assert_string_equal(text_of(json_array_get(hourly, 0), "time"), "2017-04-01T00:00:00.000Z");
    const json_t *service = json_array_get(json_object_get(model, "services"), 0);
    const json_t *hours = json_object_get(service, "hourly");
    assert_int_equal(json_array_size(hours), 5 * 24);
    assert_int_equal(json_integer_value(json_array_get(hours, 0)), 2);
    assert_int_equal(json_array_size(json_object_get(fidelity, "days")), 5);
    const json_t *empty = json_object_get(fidelity, "empty");
    assert_string_equal(text_of(json_array_get(empty, 0), "to"), "2017-03-31");
    assert_string_equal(text_of(json_array_get(empty, 1), "from"), "2017-04-06");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(fidelity, "warnings"), 0)),
        "8,762 of 8,766 days hold no record at all: 1 January 2000 to 31 March 2017, 4 April 2017, 6 "
        "April 2017 to 31 December 2023.");
    char *text = json_dumps(model, JSON_COMPACT);
    assert_true(strlen(text) < 100000);
    free(text);
    check_schema(model);
    json_decref(model);
}

static void data_years_apart_have_no_hours(void **state)
{
    static const struct group groups[] = {{-1000, "facebook", "social", 48},
                                          {0, "facebook", "social", 40}};
    (void)state;
    json_t *model = model_of("2000-01-01", "2023-12-31", groups, 2, 0);
    const json_t *activity = json_object_get(model, "activity");
    assert_non_null(json_object_get(json_object_get(activity, "hourly"), "unsupported"));
    assert_int_equal(json_array_size(json_object_get(activity, "daily")), 1001);
    assert_null(json_object_get(json_array_get(json_object_get(model, "services"), 0), "hourly"));
    check_schema(model);
    json_decref(model);
    model = model_of("2018-01-01", "2023-12-31", groups, 2, 0);
    assert_int_equal(json_array_size(json_object_get(json_object_get(model, "activity"), "daily")),
                     1);
    check_schema(model);
    json_decref(model);
}

static int set_up(void **state)
{
    struct engine *e;
    struct error err;
    char path[PATH_MAX];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/probe", folder);
    if (engine_open_chdb(path, NULL, &e, &err) == 0)
        engine_close(e);
    else
        snprintf(missing, sizeof missing, "%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_MAX];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_day_is_said_to_be_one),
        cmocka_unit_test(a_wide_interval_is_no_high_confidence),
        cmocka_unit_test(an_empty_study_has_one_finding),
        cmocka_unit_test(empty_years_take_no_room),
        cmocka_unit_test(data_years_apart_have_no_hours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
