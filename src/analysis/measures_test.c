/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements with a known truth, through a store: what is ambiguous is a range, pivots stand
 * apart, a giant's own country does not stand out while institutions do, an hour's silence of an
 * exporter is a gap and a quiet night is none, days of another sampling are not compared, a first
 * morning is told, and another population is compared with. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "analysis/reference.h"
#include "schema/values.h"

enum { DAYS = 28, HOUR_S = 3600, DAY_S = 86400, ROWS_MAX = 40000, SILENT_DAY = 10, RATE_DAY = 20 };
#define APRIL_S UINT64_C(1491004800) /* 2017-04-01, UTC */

static const char STUDY[] =
    "name: a test\n"
    "timezone: UTC\n"
    "period: {from: 2017-04-01, to: 2017-04-28}\n"
    "population:\n"
    "  - {prefix: 175.45.176.0/22}\n"
    "pivots:\n"
    "  - {prefix: 198.51.100.7/32}\n"
    "timelines:\n"
    "  - {net: 175.45.176.3, from: 2017-04-02T09:00, to: 2017-04-02T11:00, label: one host}\n"
    "store: \"%s\"\n";

static char folder[] = "/tmp/telltale-measures-XXXXXX", missing[1024];
static struct study *study;
static struct store *store;
static struct catalogue *catalogue;
static json_t *model;

/* Every day from eight to twenty, an hour alike: 12 conversations an hour, of which 4 youku (CN), 3
 * spotify (SE), 2 that may be spotify or vimeo (US), 2 with an institute in India, 1 unknown (US).
 */
enum { YOUKU = 4, SPOTIFY = 3, DOUBTFUL = 2, INDIA = 2, UNKNOWN = 1, AN_HOUR = 12 };

struct made {
    const char *service, *candidates, *country;
    unsigned owner, count;
};

static const struct made mix[] = {
    {"youku", NULL, "CN", OWNER_CONSUMER_SERVICE, YOUKU},
    {"spotify", NULL, "SE", OWNER_CONSUMER_SERVICE, SPOTIFY},
    {NULL, "spotify|vimeo", "US", OWNER_CDN, DOUBTFUL},
    {NULL, NULL, "IN", OWNER_UNIVERSITY, INDIA},
    {NULL, NULL, "US", OWNER_HOSTING, UNKNOWN},
};

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return ip_from_v4((const uint8_t[]){(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d});
}

static uint32_t code_of(enum symbol_kind kind, const char *text)
{
    return text ? symbols_code(store_symbols(store), kind, text, strlen(text)) : 0;
}

static void add(struct batch *b, uint64_t at_s, struct ip local, const struct made *m, bool pivot,
                unsigned last)
{
    size_t row = batch_add(b);
    batch_start_ms(b)[row] = (APRIL_S + at_s) * 1000;
    batch_end_ms(b)[row] = batch_start_ms(b)[row] + 500;
    batch_local(b)[row] = local;
    batch_remote(b)[row] = v4(203, 0, 113, last);
    batch_local_port(b)[row] = 50000;
    batch_remote_port(b)[row] = 443;
    batch_protocol(b)[row] = 6;
    batch_packets_out(b)[row] = batch_packets_in(b)[row] = 4;
    batch_octets_out(b)[row] = batch_octets_in(b)[row] = 400;
    batch_tcp_flags_out(b)[row] = batch_tcp_flags_in(b)[row] = 0x1b;
    batch_role(b)[row] = ROLE_CONSUMED;
    batch_service(b)[row] = (uint16_t)code_of(SYMBOL_SERVICE, m->service);
    batch_candidates(b)[row] = code_of(SYMBOL_CANDIDATES, m->candidates);
    batch_country(b)[row] = country_code(m->country);
    batch_owner(b)[row] = (uint8_t)m->owner;
    batch_asn(b)[row] = 64500 + m->owner;
    batch_sampling(b)[row] = 1;
    batch_marks(b)[row] = pivot ? MARK_PIVOT : 0;
}

static void add_all(struct batch *b, struct coverage *c)
{
    static const struct made pivot_use = {"youku", NULL, "CN", OWNER_CONSUMER_SERVICE, 1};
    for (uint64_t day = 0; day < DAYS; day++)
        for (uint64_t hour = 8; hour < 20; hour++) {
            uint64_t at = day * DAY_S + hour * HOUR_S;
            unsigned n = 0;
            if (day == SILENT_DAY && hour >= 10 && hour < 13)
                continue;
            for (size_t m = 0; m < sizeof mix / sizeof *mix; m++)
                for (unsigned k = 0; k < mix[m].count; k++, n++)
                    /* Which host depends on the day and hour: every host uses everything. */
                    add(b, at + n * 60, v4(175, 45, 176, (unsigned)(day + hour + k) % 8), &mix[m],
                        false, (unsigned)m);
            add(b, at, v4(198, 51, 100, 7), &pivot_use, true, 99);
            struct coverage_row *row = coverage_at(c, (APRIL_S + at) * 1000, 1);
            row->records = AN_HOUR + 1;
            row->sampling_min = row->sampling_max = day == RATE_DAY ? 100 : 1;
        }
}

static void fill(void)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct source source = {.path = "known.ipfix", .format = "test", .first_ms = APRIL_S * 1000};
    struct batch *b = batch_new(STAGE_FLOW, ROWS_MAX);
    struct coverage *c = coverage_new(10000);
    memset(source.sha256, 5, sizeof source.sha256);
    code_of(SYMBOL_EXPORTER, "192.0.2.1");
    add_all(b, c);
    tally_keep(&source.tally, b->rows);
    source.conversations = b->rows;
    if (import_begin(store, &source, &i, &seen, &err) || import_rows(i, b, &err) ||
        import_end(i, &source, c, &err) || store_derive(store, false, &err))
        fail_msg("%s", err.text);
    coverage_free(c);
    batch_free(b);
}

static json_t *measured(const struct reference *reference)
{
    struct error err;
    json_t *made = NULL;
    struct analysis_input in = {.study = study,
                                .store = store,
                                .catalogue = catalogue,
                                .reference = reference,
                                .generated_ms = 1};
    if (analysis_run(&in, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static int set_up(void **state)
{
    struct error err;
    char text[PATH_MAX + sizeof STUDY], place[PATH_MAX];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(place, sizeof place, "%s/store", folder);
    int len = snprintf(text, sizeof text, STUDY, place);
    if (study_parse(folder, "study.yaml", text, (size_t)len, &study, &err) ||
        catalogue_load(NULL, 0, &catalogue, &err))
        fail_msg("%s", err.text);
    if (store_open(study, STORE_WRITE, &store, &err)) {
        snprintf(missing, sizeof missing, "%s", err.text);
        return 0;
    }
    fill();
    model = measured(NULL);
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_MAX];
    (void)state;
    json_decref(model);
    store_close(store);
    catalogue_free(catalogue);
    study_free(study);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void need_engine(void)
{
    if (missing[0]) {
        print_message("skipped: %s\n", missing);
        skip();
    }
}

static const json_t *at(const json_t *j, const char *key)
{
    return json_object_get(j, key);
}

static double number(const json_t *j, const char *key)
{
    return json_number_value(at(j, key));
}

static const json_t *row_of(const char *section, const char *key, const char *text)
{
    const json_t *list = at(model, section);
    if (strcmp(section, "presence") == 0)
        list = at(list, "countries");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(at(json_array_get(list, i), key));
        if (s && strcmp(s, text) == 0)
            return json_array_get(list, i);
    }
    fail_msg("no %s in %s", text, section);
    return NULL;
}

static double count_of_use(void)
{
    return AN_HOUR * (12.0 * DAYS - 3);
}

static bool near(double x, double y)
{
    return fabs(x - y) < 1e-6;
}

static void what_is_ambiguous_is_a_range(void **state)
{
    (void)state;
    need_engine();
    const json_t *spotify = row_of("services", "id", "spotify"), *a = at(spotify, "ambiguous");
    assert_true(near(number(at(spotify, "share"), "value"), 3.0 / 12));
    assert_true(near(number(a, "low"), 3.0 / 12) && near(number(a, "high"), 5.0 / 12));
    assert_true(number(a, "flows") == DOUBTFUL * (12.0 * DAYS - 3));
    assert_true(number(at(a, "interval"), "low") <= 3.0 / 12);
    assert_true(number(at(a, "interval"), "high") >= 5.0 / 12);
    assert_true(json_is_null(at(row_of("services", "id", "youku"), "ambiguous")));
    const json_t *lists = at(at(at(model, "totals"), "unattributed"), "candidates");
    assert_int_equal(json_array_size(lists), 1);
    assert_int_equal(json_array_size(at(json_array_get(lists, 0), "services")), 2);
    /* Every conversation is as large as the others: three measures, one share. */
    const json_t *shares = at(spotify, "shares");
    assert_true(near(number(at(shares, "packets"), "value"), 3.0 / 12));
    assert_true(near(number(at(shares, "octets"), "value"), 3.0 / 12));
}

static void pivots_stand_apart(void **state)
{
    (void)state;
    need_engine();
    const json_t *totals = at(model, "totals"), *youku = row_of("services", "id", "youku");
    double pivot = 12.0 * DAYS - 3;
    assert_true(number(at(totals, "usage"), "flows") == count_of_use());
    assert_true(number(at(totals, "pivots"), "flows") == pivot);
    assert_true(number(totals, "flows") == count_of_use() + pivot);
    assert_true(number(totals, "local_hosts") == 8);
    assert_true(number(youku, "flows") == YOUKU * pivot); /* none of the pivot's */
    assert_non_null(strstr(json_string_value(at(at(youku, "evidence"), "filter")), "not pivot"));
}

static void a_giant_explains_its_country_and_institutions_are_left(void **state)
{
    (void)state;
    need_engine();
    const json_t *cn = row_of("presence", "country", "CN"),
                 *in = row_of("presence", "country", "IN");
    assert_false(json_is_true(at(cn, "flagged")));
    assert_true(number(at(cn, "ratio"), "value") < 1.01);
    assert_true(json_is_true(at(in, "flagged")));
    assert_true(number(at(in, "ratio_adjusted"), "low") > 2);
    /* expected(CN) is youku's own part and announced space for the 5 of 12 without a service. */
    double space = (number(cn, "expected") - 4.0 / 12) / (5.0 / 12);
    assert_true(space > 0.05 && space < 0.15);
}

static void a_silence_is_a_gap_and_a_night_is_none(void **state)
{
    (void)state;
    need_engine();
    const json_t *f = at(model, "fidelity");
    const json_t *e = json_array_get(at(f, "exporters"), 0), *gaps = at(e, "gaps");
    assert_int_equal(json_array_size(gaps), 1);
    const json_t *g = json_array_get(gaps, 0);
    assert_string_equal(json_string_value(at(g, "from")), "2017-04-11T10:00:00.000Z");
    assert_true(number(g, "hours") == 3 && number(g, "records_expected") > 30);
    assert_true(number(e, "days") == DAYS);
}

static void days_of_another_sampling_are_not_compared(void **state)
{
    (void)state;
    need_engine();
    const json_t *f = at(model, "fidelity"), *days = at(f, "days");
    assert_true(number(f, "days_used") == DAYS - 1);
    const json_t *other = json_array_get(days, RATE_DAY), *like = json_array_get(days, 0);
    assert_false(json_is_true(at(other, "used")));
    assert_string_equal(json_string_value(at(other, "unused_why")), "sampling");
    assert_true(json_is_true(at(like, "used")) && json_is_null(at(like, "unused_why")));
}

static void a_host_is_told_hour_by_hour(void **state)
{
    (void)state;
    need_engine();
    const json_t *t = json_array_get(at(model, "timelines"), 0), *rows = at(t, "rows");
    double flows = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        assert_string_equal(json_string_value(at(r, "local")), "175.45.176.3");
        assert_true(number(at(r, "evidence"), "flows") == number(r, "flows"));
        flows += number(r, "flows");
    }
    /* On 2 April (day 1) at nine host 3 has k = 1 of each (1 + 9 + k = 3 mod 8), at ten k = 0. */
    assert_true(flows == number(t, "flows") && flows == 4 + 5);
    assert_true(number(t, "rows_in_all") == (double)json_array_size(rows));
    assert_string_equal(json_string_value(at(json_array_get(rows, 0), "time")),
                        "2017-04-02T09:00:00.000Z");
}

static void another_population_is_compared_with(void **state)
{
    (void)state;
    need_engine();
    struct reference *r = NULL;
    struct error err;
    struct estimate e;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/others.csv", folder);
    FILE *out = fopen(path, "w");
    fputs("service,share,low,high\nspotify,0.05,0.04,0.06\nyouku,0.5\n", out);
    fclose(out);
    assert_int_equal(reference_load(path, &r, &err), 0);
    assert_true(reference_find(r, REFERENCE_SERVICE, "youku", &e) && e.value == 0.5);
    assert_false(reference_find(r, REFERENCE_SERVICE, "vimeo", &e));
    json_t *was = model;
    model = measured(r);
    const json_t *ratio = at(at(row_of("services", "id", "spotify"), "reference"), "ratio");
    assert_true(near(number(ratio, "value"), 5));
    assert_true(number(ratio, "low") > 4 && number(ratio, "low") < 4.3);
    assert_true(number(ratio, "high") > 5.8 && number(ratio, "high") < 6.3);
    /* Without an interval of the other's there is none of the ratio. */
    ratio = at(at(row_of("services", "id", "youku"), "reference"), "ratio");
    assert_true(json_is_null(at(ratio, "low")) && number(ratio, "value") > 0.6);
    json_decref(model);
    model = was;
    reference_free(r);
    out = fopen(path, "w");
    fputs("service,share\nspotify,1.5\n", out);
    fclose(out);
    assert_true(reference_load(path, &r, &err) < 0);
    assert_non_null(strstr(err.text, "others.csv:2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ambiguous_is_a_range),
        cmocka_unit_test(pivots_stand_apart),
        cmocka_unit_test(a_giant_explains_its_country_and_institutions_are_left),
        cmocka_unit_test(a_silence_is_a_gap_and_a_night_is_none),
        cmocka_unit_test(days_of_another_sampling_are_not_compared),
        cmocka_unit_test(a_host_is_told_hour_by_hour),
        cmocka_unit_test(another_population_is_compared_with),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
