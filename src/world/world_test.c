/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>

#include "base/memory.h"
#include "world/world_in.h"

static char folder[] = "/tmp/telltale-world-XXXXXX";

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

/* "tests/worlds/tiny.yaml" in the source tree. */
static const char *source_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("TELLTALE_SOURCE");
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    return path;
}

static json_t *simulate(const char *world, const char *to, unsigned formats, uint64_t seed,
                        double scale)
{
    char dir[256], path[300];
    struct error err = {0};
    const struct world_setting setting = {.formats = formats, .seed = seed, .scale = scale};
    snprintf(dir, sizeof dir, "%s/%s", folder, to);
    if (world_simulate(source_path(world), dir, &setting, &err) != 0)
        fail_msg("%s", err.text);
    snprintf(path, sizeof path, "%s/truth.json", dir);
    json_t *truth = json_load_file(path, 0, NULL);
    assert_non_null(truth);
    return truth;
}

static const json_t *at(const json_t *o, const char *path)
{
    char key[128];
    while (o && *path) {
        size_t len = strcspn(path, "/");
        memcpy(key, path, len);
        key[len] = 0;
        path += len + (path[len] == '/');
        o = json_is_array(o) ? json_array_get(o, (size_t)atoi(key)) : json_object_get(o, key);
    }
    if (!o)
        fail_msg("no %s in truth.json", path);
    return o;
}

static double number(const json_t *o, const char *path)
{
    return json_number_value(at(o, path));
}

static const char *text(const json_t *o, const char *path)
{
    return json_string_value(at(o, path));
}

struct sums {
    uint64_t rows, octets, packets, named;
    uint64_t before_end_ms; /* ends of rows never go back */
    bool ordered;
};

/* The CSV's rows added up, whoever opened. */
static struct sums sum_csv(const char *to)
{
    char path[300], line[1024];
    struct sums s = {.ordered = true};
    snprintf(path, sizeof path, "%s/%s/flows.csv", folder, to);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        char *cells[15], *rest = line;
        for (int i = 0; i < 15; i++)
            cells[i] = strsep(&rest, ",");
        uint64_t end_ms;
        assert_int_equal(time_parse_ms(cells[1], strlen(cells[1]), NULL, 0, &end_ms), 0);
        s.ordered &= end_ms >= s.before_end_ms;
        s.before_end_ms = end_ms;
        s.rows++;
        s.packets += strtoull(cells[7], NULL, 10) + strtoull(cells[10], NULL, 10);
        s.octets += strtoull(cells[8], NULL, 10) + strtoull(cells[11], NULL, 10);
        s.named += cells[14][0] != '\n';
    }
    fclose(f);
    return s;
}

static void what_is_written_is_what_truth_says(void **state)
{
    (void)state;
    json_t *truth = simulate("tests/worlds/tiny.yaml", "tiny", WORLD_CSV, 0, 1);
    struct sums s = sum_csv("tiny");
    assert_true(s.ordered);
    assert_int_equal(s.rows, (uint64_t)number(truth, "totals/flows"));
    assert_int_equal(s.octets, (uint64_t)number(truth, "totals/octets"));
    assert_int_equal(s.packets, (uint64_t)number(truth, "totals/packets"));
    assert_int_equal(s.rows, (uint64_t)number(truth, "written/files/flows.csv/rows"));
    /* Days, hours, roles and services add up to the same. */
    const json_t *daily = at(truth, "activity/daily"), *hourly = at(truth, "activity/hourly");
    double by_day = 0, by_hour = 0, by_role = 0, by_service = 0;
    size_t i;
    json_t *row;
    const char *key;
    assert_int_equal(json_array_size(daily), 21);
    assert_int_equal(json_array_size(hourly), 21 * 24 - 1); /* one day had 23 hours */
    json_array_foreach(daily, i, row) by_day += number(row, "flows");
    json_array_foreach(hourly, i, row) by_hour += number(row, "flows");
    json_object_foreach((json_t *)at(truth, "totals/by_role"), key, row) by_role +=
        json_number_value(row);
    json_array_foreach(at(truth, "services"), i, row) by_service += number(row, "flows");
    assert_true(by_day == number(truth, "totals/usage/flows"));
    assert_true(by_hour == by_day);
    assert_true(by_role == number(truth, "totals/flows"));
    assert_true(by_service + number(truth, "totals/unattributed/flows") == by_day);
    json_decref(truth);
}

static void truth_names_what_was_planted(void **state)
{
    (void)state;
    json_t *truth = simulate("tests/worlds/tiny.yaml", "planted", WORLD_CSV, 0, 1);
    assert_string_equal(text(truth, "services/0/id"), "facebook");
    assert_string_equal(text(truth, "rhythm/weekdays/0/day"), "Monday");
    assert_true(number(truth, "rhythm/weekdays/0/rank") == 1);
    assert_true(number(truth, "rhythm/busy/from_hour") == 9);
    assert_true(number(truth, "rhythm/busy/to_hour") == 17.5);
    assert_true(number(truth, "rhythm/utc_offset/minutes") == -300);
    assert_string_equal(text(truth, "onsets/0/subject/id"), "bitcoin");
    assert_string_equal(text(truth, "onsets/0/at"), "2017-03-11");
    assert_string_equal(text(truth, "concealment/tor/0/relay"), "171.25.193.77");
    assert_true(number(truth, "concealment/tor/0/longest_run") == 21);
    assert_string_equal(text(truth, "presence/countries/0/country"), "US");
    double shares = number(truth, "totals/unattributed/share");
    size_t i;
    json_t *row;
    json_array_foreach(at(truth, "services"), i, row) shares += number(row, "share");
    assert_true(fabs(shares - 1) < 1e-9);
    shares = 0;
    json_array_foreach(at(truth, "presence/countries"), i, row) shares += number(row, "share");
    assert_true(fabs(shares - 1) < 1e-9);
    json_decref(truth);
}

static char *whole_file(const char *to, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s/%s", folder, to, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *all = memory_alloc(1 << 24);
    size_t n = fread(all, 1, (1 << 24) - 1, f);
    assert_true(n > 1000);
    fclose(f);
    return all;
}

static void the_seed_decides(void **state)
{
    (void)state;
    json_decref(simulate("tests/worlds/tiny.yaml", "a", WORLD_CSV, 7, 1));
    json_decref(simulate("tests/worlds/tiny.yaml", "b", WORLD_CSV, 7, 1));
    json_decref(simulate("tests/worlds/tiny.yaml", "c", WORLD_CSV, 8, 1));
    char *a = whole_file("a", "flows.csv"), *b = whole_file("b", "flows.csv"),
         *c = whole_file("c", "flows.csv");
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    free(a);
    free(b);
    free(c);
}

/* Drawn shares lie around the true ones: no systematic error, over 40 worlds. */
static void shares_are_those_of_the_parameters(void **state)
{
    (void)state;
    enum { WORLDS = 40 };
    double sum[3] = {0}, squares[3] = {0}, truths[3] = {0};
    for (int w = 0; w < WORLDS; w++) {
        json_t *truth = simulate("tests/worlds/tiny.yaml", "many", WORLD_CSV, 100 + w, 1);
        for (int s = 0; s < 3; s++) {
            char path[64];
            snprintf(path, sizeof path, "services/%d/flows", s);
            double share = number(truth, path) / number(truth, "totals/usage/flows");
            snprintf(path, sizeof path, "services/%d/share", s);
            truths[s] = number(truth, path);
            sum[s] += share;
            squares[s] += share * share;
        }
        json_decref(truth);
    }
    for (int s = 0; s < 3; s++) {
        double mean = sum[s] / WORLDS, variance = squares[s] / WORLDS - mean * mean;
        double z = (mean - truths[s]) / sqrt(variance / WORLDS);
        if (fabs(z) > 4)
            fail_msg("service %d: mean share %f, true share %f, z %f", s, mean, truths[s], z);
    }
}

static void sampling_gaps_and_events(void **state)
{
    (void)state;
    json_t *truth = simulate("tests/worlds/sampled.yaml", "sampled", WORLD_CSV, 0, 10);
    struct sums s = sum_csv("sampled");
    double made = number(truth, "totals/packets"), written = (double)s.packets;
    assert_true(fabs(written * 100 / made - 1) < 0.02);
    assert_true((double)s.rows < number(truth, "totals/flows"));
    assert_true(number(truth, "events/tests/0/n") == 2);
    assert_true(number(truth, "events/tests/0/on/effect") == 0.405);
    /* 3 and 10 May are half as busy again; 5 May lost an hour of 24. */
    assert_true(fabs(number(truth, "activity/daily/2/flows") / 15000 - 1) < 0.05);
    assert_true(fabs(number(truth, "activity/daily/9/flows") / 15000 - 1) < 0.05);
    assert_true(number(truth, "activity/hourly/99/flows") == 0);
    assert_true(number(truth, "activity/hourly/98/flows") > 0);
    json_decref(truth);
}

static void problems_name_file_and_line(void **state)
{
    (void)state;
    static const char head[] =
        "name: N\nseed: 1\ntimezone: UTC\nperiod: {from: 2017-04-01, to: 2017-04-02}\n"
        "population: [{prefix: 192.0.2.0/24, hosts: 3}]\nconversations_per_day: 10\n"
        "rhythm: {weekday: [{from: \"00:00\", level: 1}], weekend: [{from: \"00:00\", level: 1}]}\n"
        "busy: {from: \"09:00\", to: \"17:00\"}\ntraffic:\n";
    static const struct {
        const char *entry, *has;
    } wrong[] = {
        {"  - {service: a, share: 1, servers: [{prefix: 10.0.0.0/8, country: US}]}\n", "category"},
        {"  - {label: a, servers: [{prefix: 10.0.0.0/8, country: US}]}\n", "share or per_day"},
        {"  - {label: a, share: 1, servers: [{prefix: 10.0.0.1/8, country: US}]}\n", "10.0.0.0/8"},
        {"  - {label: a, share: 1, servers: []}\n", "at least 1"},
        {"  - {label: a, share: 1, servers: [{prefix: 10.0.0.0/8, country: USA}]}\n", "letters"},
        {"  - {label: a, share: 1, rol: served, servers: [{prefix: 10.0.0.0/8, country: US}]}\n",
         "'role'"},
        {"  - {label: a, role: served, share: 1, servers: [{prefix: 10.0.0.0/8, country: US}]}\n",
         "take per_day"},
        {"  - {label: a, share: 1, local: [10.1.1.1], servers: [{prefix: 10.0.0.0/8, country: "
         "US}]}\n",
         "not an address of the population"},
        {"  - {label: a, share: 1, from: May, servers: [{prefix: 10.0.0.0/8, country: US}]}\n",
         "not a date"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char all[2000];
        struct world *w = NULL;
        struct error err = {0};
        snprintf(all, sizeof all, "%s%s", head, wrong[i].entry);
        assert_int_equal(world_parse("w.yaml", all, strlen(all), 0, 1, &w, &err), ERROR_USAGE);
        if (!strstr(err.text, "w.yaml:10: ") || !strstr(err.text, wrong[i].has))
            fail_msg("case %zu: %s", i, err.text);
    }
}

/* A world says where its servers are; a report asks libloc. They must agree. */
static void places_are_where_libloc_has_them(void **state)
{
    (void)state;
    static const char *const worlds[] = {"examples/dprk-2017/world.yaml", "tests/worlds/tiny.yaml",
                                         "tests/worlds/sampled.yaml"};
    struct loc_ctx *ctx = NULL;
    struct loc_database *database = NULL;
    FILE *f = fopen("/var/lib/location/database.db", "r");
    if (!f)
        skip();
    assert_int_equal(loc_new(&ctx), 0);
    assert_int_equal(loc_database_new(ctx, &database, f), 0);
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        struct world *w = NULL;
        struct error err = {0};
        if (world_read(source_path(worlds[i]), 0, 1, &w, &err) != 0)
            fail_msg("%s", err.text);
        for (size_t t = 0; t < w->traffic_count; t++)
            for (size_t s = 0; s < w->traffic[t].server_count; s++) {
                const struct world_server *server = &w->traffic[t].servers[s];
                struct loc_network *network = NULL;
                char address[IP_TEXT_MAX];
                ip_print(&server->ip, address);
                if (loc_database_lookup_from_string(database, address, &network) != 0 || !network)
                    fail_msg("%s: libloc does not know %s", worlds[i], address);
                if (strcmp(loc_network_get_country_code(network), server->country) != 0)
                    fail_msg("%s: %s is in %s, libloc has %s", worlds[i], address, server->country,
                             loc_network_get_country_code(network));
                loc_network_unref(network);
            }
        world_free(w);
    }
    loc_database_unref(database);
    loc_unref(ctx);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_truth_says),
        cmocka_unit_test(truth_names_what_was_planted),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(shares_are_those_of_the_parameters),
        cmocka_unit_test(sampling_gaps_and_events),
        cmocka_unit_test(problems_name_file_and_line),
        cmocka_unit_test(places_are_where_libloc_has_them),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
