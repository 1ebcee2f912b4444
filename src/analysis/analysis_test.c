/* SPDX-License-Identifier: Apache-2.0 */
/* The whole model from a small store with known rows, on chDB and on Debian's ClickHouse 18.16:
 * every exact number against this file's own counts, every evidence against the filter language. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/random.h"
#include "engine/clickhouse_fixture.h"
#include "schema/values.h"
#include "store/filter.h"

enum { DAYS = 28, HOURS = 24 * DAYS, LOCALS = 12, ONSET_DAY = 14, ROWS_MAX = 200000 };
#define DAY_MS UINT64_C(86400000)
/* 2017-04-01, a Saturday, 00:00 in Pyongyang (+08:30). */
#define APRIL_MS UINT64_C(1490974200000)

enum { FACEBOOK, GOOGLE, STEAM, BITCOIN, NOTHING, SERVED, SERVICES };
static const struct service {
    const char *id, *category, *country;
    uint8_t role, owner;
    uint32_t asn;
} services[SERVICES] = {
    [FACEBOOK] = {"facebook", "social", "US", ROLE_CONSUMED, OWNER_CONSUMER_SERVICE, 32934},
    [GOOGLE] = {"google", "search", "US", ROLE_CONSUMED, OWNER_CONSUMER_SERVICE, 15169},
    [STEAM] = {"steam", "gaming", "NL", ROLE_CONSUMED, OWNER_CONSUMER_SERVICE, 32590},
    [BITCOIN] = {"bitcoin", "cryptocurrency", "DE", ROLE_PEER, OWNER_HOSTING, 24940},
    [NOTHING] = {"", "", "IN", ROLE_CONSUMED, OWNER_UNIVERSITY, 55824},
    [SERVED] = {"", "", "FR", ROLE_SERVED, OWNER_UNKNOWN, 3215},
};

static const char STUDY[] = "name: a test\n"
                            "timezone: Asia/Pyongyang\n"
                            "period: {from: 2017-04-01, to: 2017-04-28}\n"
                            "population:\n"
                            "  - {prefix: 175.45.176.0/22, label: Star JV}\n"
                            "policies:\n"
                            "  - {service: facebook, from: 2017-04-11, source: a test}\n"
                            "holidays:\n"
                            "  - {date: 2017-04-15, label: a day}\n"
                            "seed: 7\n"
                            "store: \"%s\"\n";

static char folder[] = "/tmp/telltale-analysis-XXXXXX";
static struct clickhouse *server;
static char server_missing[1024], chdb_missing[1024];

/* What the rows say, counted while they were made. */
static struct known {
    uint64_t service[SERVICES], by_role[5], hourly[SERVICES][HOURS], daily[DAYS];
    bool local[DAYS][LOCALS];
    uint64_t from_policy;
} known;

static void add_row(struct batch *b, struct symbols *symbols, struct random *r, int which, int day,
                    uint64_t in_day_ms)
{
    const struct service *s = &services[which];
    size_t row = batch_add(b);
    uint64_t start = APRIL_MS + (uint64_t)day * DAY_MS + in_day_ms;
    uint8_t host = (uint8_t)random_below(r, LOCALS);
    batch_start_ms(b)[row] = start;
    batch_end_ms(b)[row] = start + random_below(r, 4000);
    batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 176, host});
    batch_remote(b)[row] =
        ip_from_v4((const uint8_t[]){198, 51, (uint8_t)which, (uint8_t)random_below(r, 9)});
    batch_local_port(b)[row] = 50000;
    batch_remote_port(b)[row] = 443;
    batch_protocol(b)[row] = 6;
    batch_packets_out(b)[row] = 4;
    batch_packets_in(b)[row] = 6;
    batch_octets_out(b)[row] = 400;
    batch_octets_in(b)[row] = 6000;
    batch_role(b)[row] = s->role;
    batch_service(b)[row] = (uint16_t)symbols_code(symbols, SYMBOL_SERVICE, s->id, strlen(s->id));
    batch_category(b)[row] =
        (uint16_t)symbols_code(symbols, SYMBOL_CATEGORY, s->category, strlen(s->category));
    batch_basis(b)[row] = s->id[0] ? BASIS_NAME : BASIS_NONE;
    batch_country(b)[row] = country_code(s->country);
    batch_asn(b)[row] = s->asn;
    batch_owner(b)[row] = s->owner;
    batch_sampling(b)[row] = 1;
    known.service[which]++;
    known.by_role[s->role]++;
    known.hourly[which][day * 24 + (int)(in_day_ms / 3600000)]++;
    if (s->role != ROLE_SERVED) {
        known.daily[day]++;
        known.local[day][host] = true;
    }
    known.from_policy += which == FACEBOOK && day >= 10;
}

/* Busy from 09:00 to 20:30, Mondays and Tuesdays double; bitcoin from the 15th day on. */
static struct batch *make_rows(struct symbols *symbols)
{
    struct batch *b = batch_new(STAGE_FLOW, ROWS_MAX);
    struct random r;
    random_init(&r, 42);
    memset(&known, 0, sizeof known);
    for (int day = 0; day < DAYS; day++)
        for (int slot = 0; slot < 48; slot++) {
            int weekday = (day + 5) % 7; /* 0 Monday */
            double rate = (slot >= 18 && slot < 41 ? 30 : 6) * (weekday < 2 ? 2 : 1);
            for (uint64_t n = random_poisson(&r, rate); n > 0; n--) {
                double u = random_unit(&r);
                int which = u < 0.4    ? FACEBOOK
                            : u < 0.65 ? GOOGLE
                            : u < 0.8  ? STEAM
                            : u < 0.93 ? NOTHING
                                       : SERVED;
                add_row(b, symbols, &r, which, day,
                        (uint64_t)slot * 1800000 + random_below(&r, 1800000));
            }
            for (uint64_t n = day >= ONSET_DAY ? random_poisson(&r, 0.7) : 0; n > 0; n--)
                add_row(b, symbols, &r, BITCOIN, day, (uint64_t)slot * 1800000);
        }
    return b;
}

/* One conversation of a host that hides, at a time of a day. */
static void add_hidden(struct batch *b, struct symbols *symbols, const struct service *s, int day,
                       int half_hour, uint8_t host, uint8_t remote)
{
    size_t row = batch_add(b);
    batch_start_ms(b)[row] = APRIL_MS + (uint64_t)day * DAY_MS + (uint64_t)half_hour * 1800000;
    batch_end_ms(b)[row] = batch_start_ms(b)[row] + 1000;
    batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 177, host});
    batch_remote(b)[row] = ip_from_v4((const uint8_t[]){203, 0, 113, remote});
    batch_protocol(b)[row] = 6;
    batch_packets_out(b)[row] = 4;
    batch_octets_out(b)[row] = 400;
    batch_role(b)[row] = s->role;
    batch_service(b)[row] = (uint16_t)symbols_code(symbols, SYMBOL_SERVICE, s->id, strlen(s->id));
    batch_category(b)[row] =
        (uint16_t)symbols_code(symbols, SYMBOL_CATEGORY, s->category, strlen(s->category));
    batch_basis(b)[row] = s->id[0] ? BASIS_PORT : BASIS_NONE;
    batch_asn(b)[row] = s->asn;
    batch_owner(b)[row] = s->owner;
    batch_sampling(b)[row] = 1;
}

/* Host 10: Tor through one relay every day. Host 11: Tor on half of the days, at no regular ones,
 * each time through another relay, with torrents half an hour later. Host 5: OpenVPN, host 6: the
 * address of a VPN provider. Neither a visit to a web site nor what is served is counted. */
static struct batch *make_hidden(struct symbols *symbols)
{
    static const struct service tor = {"tor", "tor", "SE", ROLE_CONSUMED, OWNER_HOSTING, 7},
                                torrent = {"bittorrent", "p2p", "SE", ROLE_PEER, OWNER_CARRIER, 7},
                                openvpn = {"openvpn", "vpn", "SE", ROLE_CONSUMED, OWNER_HOSTING, 8},
                                holder = {"", "", "SE", ROLE_CONSUMED, OWNER_VPN, 9},
                                site = {"vpn-website", "security", "SE",
                                        ROLE_CONSUMED, OWNER_CDN,  9},
                                served = {"tor", "tor", "SE", ROLE_SERVED, OWNER_CARRIER, 7};
    static const uint32_t days = 0x96A53C6; /* 14 of 28 */
    struct batch *b = batch_new(STAGE_FLOW, 1000);
    for (int day = 0; day < DAYS; day++) {
        add_hidden(b, symbols, &tor, day, 20, 10, 1);
        add_hidden(b, symbols, &tor, day, 21, 10, 1);
        if (days >> day & 1) {
            add_hidden(b, symbols, &tor, day, 40, 11, (uint8_t)(100 + day));
            add_hidden(b, symbols, &torrent, day, 41, 11, 2);
        }
        for (int i = 0; i < 3; i++)
            add_hidden(b, symbols, &openvpn, day, 20 + i, 5, 3);
        add_hidden(b, symbols, &holder, day, 20, 6, 4);
        add_hidden(b, symbols, &site, day, 20, 7, 5);
        add_hidden(b, symbols, &served, day, 20, 8, 6);
    }
    return b;
}

static void import(struct store *s, struct batch *b, unsigned char which)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct source source = {.path = "known.ipfix",
                            .format = "test",
                            .first_ms = APRIL_MS,
                            .last_ms = APRIL_MS + DAYS * DAY_MS};
    struct coverage *c = coverage_new(10000);
    memset(source.sha256, which, sizeof source.sha256);
    tally_keep(&source.tally, b->rows);
    source.conversations = b->rows;
    for (size_t row = 0; row < b->rows; row++)
        coverage_at(c, batch_start_ms(b)[row], 0)->records++;
    if (import_begin(s, &source, &i, &seen, &err) ||
        (seen == STORE_NEW && (import_rows(i, b, &err) || import_end(i, &source, c, &err) ||
                               store_derive(s, false, &err))))
        fail_msg("%s", err.text);
    coverage_free(c);
    batch_free(b);
}

struct place {
    struct study *study;
    struct store *store;
    struct catalogue *catalogue;
};

static void place_open(struct place *p, bool is_chdb)
{
    char text[PATH_MAX + sizeof STUDY], store[PATH_MAX];
    struct error err;
    if (*(is_chdb ? chdb_missing : server_missing)) {
        print_message("skipped: %s\n", is_chdb ? chdb_missing : server_missing);
        skip();
    }
    if (is_chdb)
        snprintf(store, sizeof store, "%s/store", folder);
    else
        snprintf(store, sizeof store, "clickhouse://default@127.0.0.1:%u/analysis",
                 clickhouse_port(server));
    int len = snprintf(text, sizeof text, STUDY, store);
    if (study_parse(folder, "study.yaml", text, (size_t)len, &p->study, &err) ||
        store_open(p->study, STORE_WRITE, &p->store, &err) ||
        catalogue_load(NULL, 0, &p->catalogue, &err))
        fail_msg("%s", err.text);
    import(p->store, make_rows(store_symbols(p->store)), 1);
}

static void place_close(struct place *p)
{
    catalogue_free(p->catalogue);
    store_close(p->store);
    study_free(p->study);
}

static json_t *model_of(struct place *p, uint64_t generated_ms)
{
    struct error err;
    json_t *model = NULL;
    struct analysis_input in = {.study = p->study,
                                .store = p->store,
                                .catalogue = p->catalogue,
                                .generated_ms = generated_ms};
    if (analysis_run(&in, &model, &err) < 0)
        fail_msg("%s", err.text);
    return model;
}

static const json_t *with(const json_t *list, const char *key, const char *value)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(list, i), key));
        if (s && strcmp(s, value) == 0)
            return json_array_get(list, i);
    }
    fail_msg("no row with %s %s", key, value);
    return NULL;
}

static uint64_t whole(const json_t *j, const char *key)
{
    assert_true(json_is_integer(json_object_get(j, key)));
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

static double value(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_number_value(json_is_object(v) ? json_object_get(v, "value") : v);
}

static uint64_t usage(void)
{
    return known.by_role[ROLE_CONSUMED] + known.by_role[ROLE_PEER];
}

static void check_totals(const json_t *model)
{
    const json_t *totals = json_object_get(model, "totals");
    const json_t *roles = json_object_get(totals, "by_role");
    for (unsigned r = 1; r < 5; r++)
        assert_int_equal(whole(roles, role_text(r)), known.by_role[r]);
    assert_int_equal(whole(totals, "flows"), usage() + known.by_role[ROLE_SERVED]);
    assert_int_equal(whole(totals, "octets"), 6400 * (usage() + known.by_role[ROLE_SERVED]));
    assert_int_equal(whole(totals, "local_hosts"), LOCALS);
    assert_int_equal(whole(totals, "remote_hosts"), 9 * 5);
    const json_t *open = json_object_get(totals, "unattributed");
    assert_int_equal(whole(open, "flows"), known.service[NOTHING]);
}

static void check_activity(const json_t *model)
{
    const json_t *activity = json_object_get(model, "activity");
    const json_t *daily = json_object_get(activity, "daily");
    const json_t *hourly = json_object_get(activity, "hourly");
    assert_int_equal(json_array_size(daily), DAYS);
    assert_int_equal(json_array_size(hourly), HOURS);
    for (int d = 0; d < DAYS; d++) {
        uint64_t hosts = 0;
        for (int h = 0; h < LOCALS; h++)
            hosts += known.local[d][h];
        assert_int_equal(whole(json_array_get(daily, (size_t)d), "flows"), known.daily[d]);
        assert_int_equal(whole(json_array_get(daily, (size_t)d), "local_hosts"), hosts);
    }
    for (size_t h = 0; h < HOURS; h++) {
        uint64_t sum = 0;
        for (int s = 0; s < SERVED; s++)
            sum += known.hourly[s][h];
        assert_int_equal(whole(json_array_get(hourly, h), "flows"), sum);
    }
    assert_string_equal(json_string_value(json_object_get(json_array_get(hourly, 0), "time")),
                        "2017-03-31T15:30:00.000Z");
}

static void check_services(const json_t *model)
{
    const json_t *list = json_object_get(model, "services");
    assert_int_equal(json_array_size(list), 4);
    for (int s = FACEBOOK; s <= BITCOIN; s++) {
        const json_t *row = with(list, "id", services[s].id);
        assert_int_equal(whole(row, "flows"), known.service[s]);
        assert_int_equal(whole(row, "rank"), s + 1);
        assert_int_equal(whole(json_object_get(row, "basis"), "name"), known.service[s]);
        assert_true(fabs(value(row, "share") - (double)known.service[s] / (double)usage()) < 1e-6);
        for (size_t h = 0; h < HOURS; h++)
            assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "hourly"), h)),
                             known.hourly[s][h]);
    }
    const json_t *first = json_array_get(list, 0);
    assert_true(whole(first, "rank_low") == 1 && whole(first, "rank_high") == 1);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "Facebook");
    const json_t *policy = json_array_get(json_object_get(model, "policies"), 0);
    assert_int_equal(whole(policy, "flows"), known.from_policy);
}

static void check_rhythm(const json_t *model)
{
    const json_t *rhythm = json_object_get(model, "rhythm");
    const json_t *busy = json_object_get(rhythm, "busy");
    assert_true(value(busy, "from_hour") == 9 && value(busy, "to_hour") == 20.5);
    assert_true(fabs(value(busy, "contrast") - 5) < 0.5);
    double monday = 0;
    for (int d = 2; d < DAYS; d += 7)
        monday += (double)known.daily[d] / 4;
    const json_t *weekdays = json_object_get(rhythm, "weekdays");
    assert_true(fabs(value(with(weekdays, "day", "Monday"), "mean") - monday) < 1e-3 * monday);
    assert_true(whole(with(weekdays, "day", "Monday"), "rank") <= 2);
    assert_true(whole(with(weekdays, "day", "Tuesday"), "rank") <= 2);
    double cell = 0;
    for (int d = 2; d < DAYS; d += 7)
        for (int s = 0; s < SERVED; s++)
            cell += (double)known.hourly[s][d * 24 + 11] / 4;
    const json_t *row = json_array_get(json_object_get(rhythm, "matrix"), 0);
    assert_true(fabs(json_number_value(json_array_get(row, 11)) - cell) < 1e-3 * cell);
    assert_true(value(json_object_get(rhythm, "utc_offset"), "minutes") == 510);
}

static void check_the_rest(const json_t *model)
{
    const json_t *presence = json_object_get(model, "presence");
    const json_t *india = with(json_object_get(presence, "countries"), "country", "IN");
    assert_int_equal(whole(india, "flows"), known.service[NOTHING]);
    assert_true(json_is_true(json_object_get(india, "flagged")));
    assert_true(value(json_object_get(india, "local_profile"), "education") == 1);
    const json_t *school = json_array_get(json_object_get(india, "institutions"), 0);
    assert_int_equal(whole(school, "flows"), known.service[NOTHING]);
    assert_int_equal(whole(school, "asn"), 55824);
    const json_t *us = with(json_object_get(presence, "countries"), "country", "US");
    assert_false(json_is_true(json_object_get(us, "flagged")));
    const json_t *onsets = json_object_get(model, "onsets");
    assert_true(json_array_size(onsets) >= 1 && json_array_size(onsets) <= 3);
    for (size_t i = 0; i < json_array_size(onsets);
         i++) /* the service, its category, its country */
        assert_string_equal(json_string_value(json_object_get(json_array_get(onsets, i), "at")),
                            "2017-04-15");
    assert_non_null(json_object_get(json_object_get(model, "events"), "unsupported"));
    const json_t *fidelity = json_object_get(model, "fidelity");
    assert_int_equal(whole(fidelity, "days_used"), DAYS);
    /* Nothing is concealed: a bound, and no finding out of nothing. */
    const json_t *concealment = json_object_get(model, "concealment");
    assert_int_equal(whole(concealment, "flows"), 0);
    assert_int_equal(json_array_size(json_object_get(concealment, "techniques")), 0);
    assert_int_equal(json_array_size(json_object_get(concealment, "tor")), 0);
    assert_true(value(concealment, "share") == 0);
    double bound =
        json_number_value(json_object_get(json_object_get(concealment, "share"), "high"));
    assert_true(fabs(bound - 2.995732 / (double)usage()) < 1e-3 * bound);
    json_t *finding;
    size_t i;
    json_array_foreach(json_object_get(model, "findings"), i, finding) assert_string_not_equal(
        json_string_value(json_object_get(finding, "section")), "concealment");
}

/* What `telltale flows FILTER --from --to` would return. */
static uint64_t rows_of(struct place *p, const json_t *evidence)
{
    struct error err;
    struct filter *f;
    struct block *block;
    struct buf sql;
    uint64_t from, to;
    const char *filter = json_string_value(json_object_get(evidence, "filter"));
    const char *a = json_string_value(json_object_get(evidence, "from"));
    const char *b = json_string_value(json_object_get(evidence, "to"));
    assert_int_equal(time_parse_ms(a, strlen(a), NULL, 0, &from), 0);
    assert_int_equal(time_parse_ms(b, strlen(b), NULL, 0, &to), 0);
    if (filter_parse(filter, &f, &err) < 0)
        fail_msg("%s: %s", filter, err.text);
    buf_init(&sql, 1 << 20);
    buf_format(&sql,
               "SELECT count() AS n FROM flow WHERE start_ms >= %llu AND start_ms < %llu AND (",
               (unsigned long long)from, (unsigned long long)to);
    filter_sql(f, store_symbols(p->store), &sql);
    buf_text(&sql, ")");
    if (engine_query(store_engine(p->store), sql.at, &block, &err) < 0)
        fail_msg("%s: %s", sql.at, err.text);
    uint64_t rows = block_u64(block, 0, 0);
    block_free(block);
    buf_done(&sql);
    filter_free(f);
    return rows;
}

static size_t check_evidence(struct place *p, json_t *j)
{
    size_t count = 0, index;
    const char *key;
    json_t *inner;
    if (json_is_object(j) && json_object_get(j, "filter") && json_object_get(j, "flows")) {
        uint64_t rows = rows_of(p, j);
        if (rows != whole(j, "flows"))
            fail_msg("%s: %llu rows, evidence says %llu",
                     json_string_value(json_object_get(j, "filter")), (unsigned long long)rows,
                     (unsigned long long)whole(j, "flows"));
        return 1;
    }
    if (json_is_object(j))
        json_object_foreach(j, key, inner) count += check_evidence(p, inner);
    if (json_is_array(j))
        json_array_foreach(j, index, inner) count += check_evidence(p, inner);
    return count;
}

static bool have_node(void)
{
    return system("node --version >/dev/null 2>&1") == 0 && getenv("TELLTALE_SOURCE");
}

static void check_schema(const json_t *model)
{
    char path[PATH_MAX], command[3 * PATH_MAX];
    snprintf(path, sizeof path, "%s/report.json", folder);
    assert_int_equal(json_dump_file(model, path, JSON_COMPACT), 0);
    if (!have_node()) {
        print_message("schema not checked: no node\n");
        return;
    }
    snprintf(command, sizeof command, "node '%s/tests/validate-report.mjs' '%s' >&2",
             getenv("TELLTALE_SOURCE"), path);
    assert_int_equal(system(command), 0);
}

static json_t *without_clock(json_t *model)
{
    json_object_del(json_object_get(model, "provenance"), "generated");
    return model;
}

/* Kept from the first engine to be compared with the second's. */
static json_t *first_model;

static void the_model_says_what_the_rows_say(void **state)
{
    struct place p;
    place_open(&p, strcmp(*state, "chdb") == 0);
    json_t *model = model_of(&p, 1500000000000);
    check_totals(model);
    check_activity(model);
    check_services(model);
    check_rhythm(model);
    check_the_rest(model);
    check_schema(model);
    assert_true(check_evidence(&p, model) >= 20);

    /* The same store, study and seed: the same bytes, but for the clock. */
    json_t *again = without_clock(model_of(&p, 1600000000000));
    char *a = json_dumps(without_clock(model), 0), *b = json_dumps(again, 0);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(again);

    /* And on both engines, but for their names. */
    const char *const differ[] = {"engine", "digest", "sources"};
    for (size_t i = 0; i < 3; i++)
        json_object_del(json_object_get(model, "provenance"), differ[i]);
    if (!first_model) {
        first_model = model;
    } else {
        a = json_dumps(first_model, 0), b = json_dumps(model, 0);
        assert_string_equal(a, b);
        free(a);
        free(b);
        json_decref(model);
    }
    place_close(&p);
}

/* Nothing in the period: the report says so, and nothing looks like 'none found'. */
static void an_empty_store_is_said_to_be_empty(void **state)
{
    struct place p;
    place_open(&p, strcmp(*state, "chdb") == 0);
    p.study->from_day += 365; /* a year later */
    p.study->to_day += 365;
    p.study->from_ms += 365 * DAY_MS;
    p.study->to_ms += 365 * DAY_MS;
    json_t *model = model_of(&p, 1500000000000);
    assert_non_null(json_object_get(json_object_get(model, "services"), "unsupported"));
    assert_non_null(json_object_get(json_object_get(model, "rhythm"), "unsupported"));
    assert_int_equal(whole(json_object_get(model, "totals"), "flows"), 0);
    check_schema(model);
    check_evidence(&p, model);
    json_decref(model);
    place_close(&p);
}

static bool is_normal(const json_t *pair)
{
    return json_is_true(json_object_get(json_object_get(pair, "guard_policy"), "normal"));
}

static void what_hides_is_counted_and_nothing_else(void **state)
{
    struct place p;
    const uint64_t hidden = 2 * DAYS + 14 + 3 * DAYS + DAYS;
    place_open(&p, strcmp(*state, "chdb") == 0);
    import(p.store, make_hidden(store_symbols(p.store)), 2);
    json_t *model = model_of(&p, 1500000000000);
    const json_t *c = json_object_get(model, "concealment"), *share = json_object_get(c, "share");
    assert_int_equal(whole(c, "flows"), hidden);
    assert_int_equal(whole(c, "local_hosts"), 4);
    assert_int_equal(whole(c, "days"), DAYS);
    double want = (double)hidden / (double)(usage() + hidden + 14 + DAYS);
    assert_true(fabs(value(c, "share") - want) < 1e-6);
    assert_true(json_number_value(json_object_get(share, "low")) < want &&
                json_number_value(json_object_get(share, "high")) > want);
    const json_t *techniques = json_object_get(c, "techniques");
    assert_int_equal(json_array_size(techniques), 3);
    assert_int_equal(whole(with(techniques, "technique", "tor"), "flows"), 2 * DAYS + 14);
    assert_int_equal(whole(with(techniques, "technique", "vpn-protocol"), "flows"), 3 * DAYS);
    assert_int_equal(whole(with(techniques, "technique", "vpn-provider"), "flows"), DAYS);
    assert_int_equal(
        whole(with(json_object_get(c, "not_counted"), "technique", "website-visit"), "flows"),
        DAYS);
    assert_non_null(json_object_get(json_object_get(c, "subscriptions"), "unsupported"));

    const json_t *tor = json_object_get(c, "tor"), *first = json_array_get(tor, 0);
    assert_int_equal(whole(c, "tor_pairs"), 15);
    assert_string_equal(json_string_value(json_object_get(first, "local")), "175.45.177.10");
    assert_string_equal(json_string_value(json_object_get(first, "relay")), "203.0.113.1");
    assert_int_equal(whole(first, "longest_run"), DAYS);
    assert_true(is_normal(first));
    assert_false(is_normal(with(tor, "local", "175.45.177.11")));
    const json_t *after = json_object_get(c, "tor_then_torrents");
    assert_int_equal(json_array_size(after), 1);
    assert_int_equal(whole(json_array_get(after, 0), "followed_days"), 14);
    assert_true(value(json_object_get(json_array_get(after, 0), "test"), "p") <= 1.001 / DAYS);
    with(json_object_get(model, "findings"), "id", "concealment");
    with(json_object_get(model, "findings"), "id", "tor-relay");
    check_schema(model);
    check_evidence(&p, model);
    json_decref(model);

    /* The sequel's definition on the same rows: all of the first source went to port 443. */
    p.study->concealment = CONCEALMENT_2018_WITH_TLS;
    model = model_of(&p, 1500000000000);
    c = json_object_get(model, "concealment");
    assert_string_equal(json_string_value(json_object_get(c, "definition")), "2018-with-tls");
    assert_int_equal(whole(c, "flows"), hidden + usage());
    techniques = json_object_get(c, "techniques");
    assert_int_equal(whole(with(techniques, "technique", "tls"), "flows"), usage());
    check_schema(model);
    check_evidence(&p, model);
    json_decref(model);
    place_close(&p);
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
        snprintf(chdb_missing, sizeof chdb_missing, "%s", err.text);
    if (clickhouse_start(&server, &err))
        snprintf(server_missing, sizeof server_missing, "%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_MAX];
    (void)state;
    json_decref(first_model);
    clickhouse_stop(server);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#define BOTH(test)                                                                                 \
    {#test " (chdb)", test, NULL, NULL, "chdb"},                                                   \
    {                                                                                              \
#test " (clickhouse)", test, NULL, NULL, "http"                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(the_model_says_what_the_rows_say),
        BOTH(an_empty_store_is_said_to_be_empty),
        BOTH(what_hides_is_counted_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
