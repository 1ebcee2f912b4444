/* SPDX-License-Identifier: Apache-2.0 */
/* Which countries stand out, and whether by more than what everyone there uses.
 *
 * A country's share of use is set against an expectation (baseline.h). Services that a fifth of the
 * population's hosts use are taken out for the adjusted share: a giant that is popular wherever the
 * population goes must not make its country stand out. What is left is tested, one-sided, and the
 * rate of false discoveries over all countries is held at 5%. Ratios on little data are shrunk
 * towards what the countries show together; the counts that go into that are effective ones, since
 * conversations of a day are not independent. Who is met there (governments, news, universities,
 * laboratories, carriers) is what tells presence from consumption. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/baseline.h"
#include "analysis/section.h"
#include "attribute/geo.h"
#include "stats/order.h"
#include "stats/shrink.h"

enum { INSTITUTIONS_A_COUNTRY = 8, HOSTS_MIN = 3 };
static const double POPULAR_HOSTS = 0.2, FALSE_DISCOVERY = 0.05, PROFILE_MIN = 0.01;
static const double DEFAULT_RATIO = 2;

/* Kinds of the local profile, by the remote's owner or the service's category. */
enum profile { GOVERNMENT = 1, NEWS, EDUCATION, RESEARCH, TELECOM, OTHER, PROFILES };
static const char *const profile_names[PROFILES] = {"",         "government", "news", "education",
                                                    "research", "telecom",    "other"};

struct country_row {
    uint32_t code;
    size_t row; /* in countries */
    double value, expected, expected_adjusted;
    struct estimate share, adjusted;
    double count, count_expected; /* effective, adjusted */
    double p, q;
    struct shrunk shrunk;
    bool own, flagged;
};

struct presence {
    struct baseline baseline;
    struct table left;          /* by country, without popular services */
    struct amounts *left_whole; /* by day */
    /* Default baseline: use of services that are no part of a local profile, by country; the same
     * of what is left; and their sums by day. Of other baselines nothing. */
    struct table mix, mix_left;
    struct amounts *mix_whole, *mix_left_whole;
    bool *is_mix; /* by service code */
    struct counts hosts, profile;
    struct block *institutions;
    struct geo *geo;
    json_t *popular;
    bool *is_popular; /* by service code */
    struct country_row *rows;
    size_t count;
};

static const char *profile_sql(struct analysis *a)
{
    uint32_t code[PROFILES];
    for (int k = GOVERNMENT; k < OTHER; k++) {
        uint32_t c =
            symbols_find(a->symbols, SYMBOL_CATEGORY, profile_names[k], strlen(profile_names[k]));
        code[k] = c ? c : 65535; /* no such category: matches nothing */
    }
    return arena_format(a->arena,
                        "multiIf(owner IN (%d, %d) OR category = %u, %d, owner = %d OR category = "
                        "%u, %d, owner IN (%d, %d) OR category = %u, %d, owner = %d OR category = "
                        "%u, %d, owner IN (%d, %d) OR category = %u, %d, %d)",
                        OWNER_GOVERNMENT, OWNER_MILITARY, code[GOVERNMENT], GOVERNMENT, OWNER_NEWS,
                        code[NEWS], NEWS, OWNER_EDUCATION, OWNER_UNIVERSITY, code[EDUCATION],
                        EDUCATION, OWNER_LABORATORY, code[RESEARCH], RESEARCH, OWNER_CARRIER,
                        OWNER_SATELLITE, code[TELECOM], TELECOM, OTHER);
}

/* Services of a fifth of the hosts and more, as an SQL list; their ids go to `popular`. A service
 * that is itself part of the local profile (a newspaper) stays. */
static int find_popular(struct analysis *a, struct presence *p, const char **list,
                        struct error *err)
{
    struct counts hosts, all, kind;
    struct buf b;
    int status =
        counts_ask(a, &hosts, err,
                   "SELECT toUInt32(service) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE
                   " AND service > 0 GROUP BY k ORDER BY k");
    if (status == 0)
        status = counts_ask(
            a, &all, err, "SELECT toUInt32(1) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE);
    if (status == 0)
        status = counts_ask(a, &kind, err,
                            "SELECT toUInt32(service) AS k, sumIf(flows, %s < %d) AS l, sum(flows) "
                            "AS m FROM reach WHERE " USAGE " AND service > 0 GROUP BY k ORDER BY k",
                            profile_sql(a), OTHER);
    if (status < 0)
        return status;
    p->popular = json_array();
    p->is_popular = arena_array(a->arena, 65536, sizeof(*p->is_popular));
    buf_init(&b, 1 << 20);
    buf_text(&b, "65535");
    for (size_t i = 0; i < hosts.rows; i++) {
        uint32_t code = hosts.keys[i];
        bool local = 2 * counts_get(kind.a, &kind, code) > counts_get(kind.b, &kind, code);
        if (local || (double)hosts.a[i] < POPULAR_HOSTS * (double)all.a[0] ||
            hosts.a[i] < HOSTS_MIN)
            continue;
        buf_format(&b, ", %u", code);
        p->is_popular[code & 0xffff] = true;
        json_array_append_new(p->popular,
                              json_string(symbols_text(a->symbols, SYMBOL_SERVICE, code)));
    }
    *list = arena_text(a->arena, b.at, b.len);
    buf_done(&b);
    return 0;
}

/* Institutions are told by the owner alone, so that a filter finds their conversations again. */
static const struct institution_kind {
    unsigned owner;
    const char *name;
} institution_kinds[] = {
    {OWNER_GOVERNMENT, "government"},
    {OWNER_MILITARY, "government"},
    {OWNER_NEWS, "news"},
    {OWNER_UNIVERSITY, "education"},
    {OWNER_EDUCATION, "education"},
    {OWNER_LABORATORY, "research"},
    {OWNER_CARRIER, "telecom"},
    {OWNER_SATELLITE, "telecom"},
};
enum { INSTITUTION_KINDS = sizeof(institution_kinds) / sizeof(institution_kinds[0]) };

/* Carriers come last: there are always some. */
static int load_institutions(struct analysis *a, struct presence *p, struct error *err)
{
    return ask(a, &p->institutions, err,
               "SELECT toUInt32(country) AS c, asn AS s, toUInt32(owner) AS k, flows AS n, "
               "local_hosts AS l, days AS d, remote AS r FROM met WHERE asn > 0 AND country > 0 "
               "AND owner IN (%d, %d, %d, %d, %d, %d, %d, %d) ORDER BY c, k IN (%d, %d), n DESC, "
               "s, k LIMIT %d BY c",
               OWNER_GOVERNMENT, OWNER_MILITARY, OWNER_NEWS, OWNER_UNIVERSITY, OWNER_EDUCATION,
               OWNER_LABORATORY, OWNER_CARRIER, OWNER_SATELLITE, OWNER_CARRIER, OWNER_SATELLITE,
               INSTITUTIONS_A_COUNTRY);
}

static const char *institution_name(unsigned owner)
{
    for (size_t i = 0; i < INSTITUTION_KINDS; i++)
        if (institution_kinds[i].owner == owner)
            return institution_kinds[i].name;
    return "";
}

/* "NOT (remote in an exclusion)": embassies and the carriers' own access points are no presence. */
static const char *exclusions_sql(struct analysis *a)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < a->study->exclusion_count; i++) {
        const struct prefix *p = &a->study->exclusions[i].prefix;
        buf_format(&b, " AND NOT (%s)", range_sql(a, "remote", p));
    }
    const char *text = arena_text(a->arena, b.at ? b.at : "", b.len);
    buf_done(&b);
    return text;
}

static bool left_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    const struct presence *p = ctx;
    *ret = r->country;
    return cube_is_use(r) && !p->is_popular[r->service];
}

/* What is left without popular services and excluded addresses, by country and day. Addresses are
 * in table contact only, which is larger: it is asked only where the study excludes some. */
static int load_left(struct analysis *a, struct presence *p, const char *popular, struct error *err)
{
    const char *excluded = exclusions_sql(a);
    if (!excluded[0]) {
        cube_table(a, left_key, p, &p->left);
        return 0;
    }
    return contact_table_ask(
        a, "country", arena_format(a->arena, USAGE " AND service NOT IN (%s)%s", popular, excluded),
        &p->left, err);
}

/* --- the default baseline --- */

/* A service that is itself a government, a newspaper, a school, a laboratory or a carrier is what
 * presence is made of, not what explains it. */
static bool explains(const struct analysis *a, uint32_t service)
{
    const struct catalogue *c = a->in->catalogue;
    const char *id = service ? symbols_text(a->symbols, SYMBOL_SERVICE, service) : "";
    int at = c && service ? catalogue_find(c, id, strlen(id)) : -1;
    const char *category = at >= 0 ? catalogue_service_category(c, (size_t)at) : "";
    for (int k = GOVERNMENT; k < OTHER; k++)
        if (strcmp(category, profile_names[k]) == 0)
            return false;
    return service != 0;
}

static bool mix_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    const struct presence *p = ctx;
    *ret = r->country;
    return cube_is_use(r) && p->is_mix[r->service];
}

static bool mix_left_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    const struct presence *p = ctx;
    return mix_key(ctx, r, ret) && !p->is_popular[r->service];
}

static struct amounts *by_day(struct analysis *a, const struct table *t)
{
    struct amounts *sums = arena_array(a->arena, a->days + 1, sizeof(*sums));
    for (size_t r = 0; r < t->rows; r++)
        for (size_t d = 0; d < a->days; d++)
            amounts_add(&sums[d], &t->cells[r * a->days + d]);
    return sums;
}

static void load_mix(struct analysis *a, struct presence *p)
{
    p->is_mix = arena_array(a->arena, 65536, sizeof(*p->is_mix));
    if (strcmp(p->baseline.kind, "default") == 0)
        for (size_t i = 0; i < a->services.rows; i++)
            p->is_mix[a->services.keys[i] & 0xffff] = explains(a, a->services.keys[i]);
    cube_table(a, mix_key, p, &p->mix);
    cube_table(a, mix_left_key, p, &p->mix_left);
    p->mix_whole = by_day(a, &p->mix);
    p->mix_left_whole = by_day(a, &p->mix_left);
}

static const struct amounts *cells_of(struct analysis *a, const struct table *t, uint32_t country)
{
    size_t row = table_row(t, country);
    return row == SIZE_MAX ? arena_array(a->arena, a->days + 1, sizeof(struct amounts))
                           : t->cells + row * a->days;
}

/* Sum over services of the part of use that is the service's, times the country's part of the
 * service: that is the mix's own amount there. What has no service is expected as `space` has it.
 */
static double expected_share(struct analysis *a, const struct amounts *mix,
                             const struct amounts *mix_whole, const struct amounts *whole,
                             double space)
{
    double in_mix = 0, of_mix = 0, all = 0;
    for (size_t d = 0; d < a->days; d++)
        if (a->used[d]) {
            in_mix += amount_of(&mix[d], a->measure);
            of_mix += amount_of(&mix_whole[d], a->measure);
            all += amount_of(&whole[d], a->measure);
        }
    if (all <= 0)
        return space;
    return (in_mix + fmax(0, all - of_mix) * space) / all;
}

static int load(struct analysis *a, struct presence *p, struct error *err)
{
    const char *popular = NULL;
    int status = find_popular(a, p, &popular, err);
    if (status == 0)
        status = load_left(a, p, popular, err);
    if (status == 0)
        status = counts_ask(
            a, &p->hosts, err,
            "SELECT toUInt32(country) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE
            " GROUP BY k ORDER BY k");
    if (status == 0)
        status = counts_ask(a, &p->profile, err,
                            "SELECT toUInt32(country) * 8 + %s AS k, sum(flows) AS n FROM reach "
                            "WHERE " USAGE " GROUP BY k ORDER BY k",
                            profile_sql(a));
    if (status == 0)
        status = load_institutions(a, p, err);
    if (status < 0)
        return status;
    p->left_whole = by_day(a, &p->left);
    load_mix(a, p);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    const struct country_row *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/* The same test of the country's part of all use. */
static double whole_p(struct analysis *a, const struct country_row *c)
{
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    double *y = arena_array(a->arena, a->days + 1, sizeof(*y));
    size_t n =
        used_days(a, a->countries.cells + c->row * a->days, a->usage, a->measure, days, x, y);
    return n > 0 ? share_exceeds_p(days, x, y, n, c->expected) : 1;
}

/* Is there more than expected of what no service explains? Both sides of the share lose the mix:
 * it is in the expectation as it is in the data, and would only dilute the test. */
static double excess_p(struct analysis *a, struct presence *p, const struct country_row *c,
                       const struct amounts *left)
{
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    double *y = arena_array(a->arena, a->days + 1, sizeof(*y));
    const struct amounts *mix = cells_of(a, &p->mix_left, c->code);
    size_t n = 0;
    for (size_t d = 0; d < a->days; d++) {
        double whole =
            amount_of(&p->left_whole[d], a->measure) - amount_of(&p->mix_left_whole[d], a->measure);
        if (!a->used[d] || whole <= 0)
            continue;
        days[n] = (int32_t)d;
        x[n] =
            fmin(whole, fmax(0, amount_of(&left[d], a->measure) - amount_of(&mix[d], a->measure)));
        y[n++] = whole;
    }
    return n == 0 ? 1 : share_exceeds_p(days, x, y, n, p->baseline.expected[c->code & 0xffff]);
}

/* The test and the effective counts of one country, from the days' adjusted amounts. */
static void measure_row(struct analysis *a, struct presence *p, struct country_row *c)
{
    const struct amounts *cells = cells_of(a, &p->left, c->code);
    double space = p->baseline.expected[c->code & 0xffff], left = 0;
    c->share = share_of_days(a, a->countries.cells + c->row * a->days, a->usage, a->measure);
    c->p = 1;
    for (size_t d = 0; d < a->days; d++)
        left += a->used[d] ? amount_of(&p->left_whole[d], a->measure) : 0;
    if (left <= 0)
        return;
    c->adjusted = share_of_days(a, cells, p->left_whole, a->measure);
    if (c->own || space <= 0)
        return;
    c->expected = expected_share(a, cells_of(a, &p->mix, c->code), p->mix_whole, a->usage, space);
    c->expected_adjusted = expected_share(a, cells_of(a, &p->mix_left, c->code), p->mix_left_whole,
                                          p->left_whole, space);
    /* Setting services aside makes all that is left larger parts of less: a country stands out only
     * where its part of all use passes the expectation too. */
    c->p = fmax(excess_p(a, p, c, cells), whole_p(a, c));
    double r = c->adjusted.value, e = c->adjusted.error;
    size_t row = table_row(&p->left, c->code);
    /* Every day alike (all or nothing of what is left): then conversations are the count. */
    c->count = r <= 0 ? 0 : e > 0 ? r / e * (r / e) : p->left.sums[row].flows;
    c->count_expected = r > 0 ? c->count * c->expected_adjusted / r : 0;
}

/* A country with nothing left has an effective expectation too: the whole's count over the factor
 * by which the other countries' conversations are fewer than they seem. */
static void fill_empty_counts(struct analysis *a, struct presence *p)
{
    double *factor = arena_array(a->arena, p->count + 1, sizeof(*factor)), whole = 0;
    size_t n = 0;
    for (size_t d = 0; d < a->days; d++)
        whole += p->left_whole[d].flows;
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].count > 0)
            factor[n++] = p->rows[i].adjusted.value * whole / p->rows[i].count;
    double typical = n > 0 ? fmax(1, median_of(factor, n)) : 1;
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].count <= 0)
            p->rows[i].count_expected = p->rows[i].expected_adjusted * whole / typical;
}

static double profile_flows(const struct presence *p, uint32_t country, int kind)
{
    return (double)counts_get(p->profile.a, &p->profile, country * 8 + (uint32_t)kind);
}

/* With an expectation that knows people's habits the test is enough. Address space does not know
 * them: there the ratio must be twice the expectation and the country met locally, through
 * institutions other than carriers. */
static bool is_flagged(const struct presence *p, const struct country_row *c)
{
    double local = 0, all = 0;
    if (c->expected <= 0 || c->q > FALSE_DISCOVERY || c->shrunk.low <= 1)
        return false;
    if (strcmp(p->baseline.kind, "default") != 0)
        return true;
    for (int k = GOVERNMENT; k < PROFILES; k++) {
        all += profile_flows(p, c->code, k);
        local += k < TELECOM ? profile_flows(p, c->code, k) : 0;
    }
    return c->shrunk.low > DEFAULT_RATIO && local >= PROFILE_MIN * all &&
           counts_get(p->hosts.a, &p->hosts, c->code) >= HOSTS_MIN;
}

static void judge(struct analysis *a, struct presence *p)
{
    double *values = arena_array(a->arena, 4 * (p->count + 1), sizeof(*values));
    double *q = values + p->count, *count = q + p->count, *expected = count + p->count;
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].expected > 0) {
            values[n] = p->rows[i].p;
            count[n] = p->rows[i].count;
            expected[n++] = fmax(1e-9, p->rows[i].count_expected);
        }
    false_discovery(values, n, q);
    struct shrink_prior prior = shrink_fit(count, expected, n);
    for (size_t i = 0, k = 0; i < p->count; i++) {
        struct country_row *c = &p->rows[i];
        if (c->expected <= 0)
            continue;
        c->q = q[k];
        c->shrunk = shrink_ratio(&prior, count[k], expected[k], (1 - LEVEL) / 2);
        c->shrunk.low = fmin(c->shrunk.low, c->shrunk.value); /* of a bimodal posterior */
        c->shrunk.high = fmax(c->shrunk.high, c->shrunk.value);
        c->flagged = is_flagged(p, c);
        k++;
    }
}

/* Where most of the population's addresses lie (prefixes leased abroad do not decide): its own
 * country is no presence, and gets no expectation. 0 when unknown. */
static uint32_t own_country(const struct analysis *a, const struct presence *p)
{
    double *addresses = arena_array(a->arena, 65536, sizeof(*addresses));
    uint32_t own = 0;
    for (size_t i = 0; p->geo && !a->study->everywhere && i < a->study->population_count; i++) {
        const struct prefix *prefix = &a->study->population[i].prefix;
        addresses[geo_find(p->geo, &prefix->ip).country] += ldexp(1, 128 - prefix->len_bits);
    }
    for (uint32_t code = 1; code < 65536; code++)
        if (addresses[code] > addresses[own] || (addresses[code] > 0 && own == 0))
            own = code;
    return own;
}

static void rows_fill(struct analysis *a, struct presence *p)
{
    uint32_t own_code = own_country(a, p);
    p->rows = arena_array(a->arena, a->countries.rows + 1, sizeof(*p->rows));
    for (size_t i = 0; i < a->countries.rows; i++) {
        uint32_t code = a->countries.keys[i];
        if (code == 0)
            continue;
        bool own = code == own_code;
        p->rows[p->count++] =
            (struct country_row){.code = code,
                                 .row = i,
                                 .own = own,
                                 .value = amount_of(&a->countries.sums[i], a->measure)};
    }
    qsort(p->rows, p->count, sizeof(*p->rows), by_value);
    for (size_t i = 0; i < p->count; i++)
        measure_row(a, p, &p->rows[i]);
    fill_empty_counts(a, p);
    judge(a, p);
}

static struct estimate scaled(const struct estimate *e, double by)
{
    return (struct estimate){
        .value = e->value * by, .low = e->low * by, .high = e->high * by, .level = e->level};
}

static const char *as_name(struct presence *p, uint32_t asn, struct bytes remote, char text[128])
{
    struct ip ip;
    text[0] = 0;
    memcpy(ip.octet, remote.at, remote.len < IP_OCTETS ? remote.len : IP_OCTETS);
    if (p->geo)
        geo_as_name(p->geo, asn, &ip, text, 128);
    json_t *valid = json_string(text); /* NULL where a database's text is not UTF-8 */
    if (!text[0] || !valid)
        snprintf(text, 128, "AS%u", asn);
    json_decref(valid);
    return text;
}

static json_t *institutions_json(struct analysis *a, struct presence *p, uint32_t country)
{
    json_t *list = json_array();
    char code[3], name[128];
    country_text(country, code);
    for (size_t i = 0; i < block_rows(p->institutions); i++) {
        if (block_u64(p->institutions, 0, i) != country)
            continue;
        uint32_t asn = (uint32_t)block_u64(p->institutions, 1, i);
        unsigned owner = (unsigned)block_u64(p->institutions, 2, i);
        double flows = block_f64(p->institutions, 3, i);
        const char *filter =
            arena_format(a->arena, "country %s and asn %u and owner %s and " USAGE_FILTER, code,
                         asn, filter_word(a, owner_text(owner)));
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:o}", "name",
                                        as_name(p, asn, block_bytes(p->institutions, 6, i), name),
                                        "asn", (json_int_t)asn, "kind", institution_name(owner),
                                        "flows", count_json(flows), "local_hosts",
                                        (json_int_t)block_u64(p->institutions, 4, i), "days",
                                        (json_int_t)block_u64(p->institutions, 5, i), "evidence",
                                        evidence_json(a, filter, flows)));
    }
    return list;
}

static void add_expected(struct country_row *c, json_t *j)
{
    struct estimate e = scaled(&c->share, 1 / c->expected);
    json_object_set_new(j, "expected", number_json(c->expected));
    json_object_set_new(j, "ratio", estimate_json(&e));
    json_object_set_new(j, "expected_adjusted", number_json(c->expected_adjusted));
    if (c->expected_adjusted > 0) { /* nothing is left to compare where all of it is set aside */
        e = scaled(&c->adjusted, 1 / c->expected_adjusted);
        json_object_set_new(j, "ratio_adjusted", estimate_json(&e));
    }
    e = (struct estimate){c->shrunk.value, c->shrunk.low, c->shrunk.high, LEVEL, 0, 0, 0};
    json_object_set_new(j, "shrunk_ratio", estimate_json(&e));
    json_object_set_new(
        j, "test",
        json_pack("{s:o, s:o, s:s, s:i}", "p", number_json(c->p), "q", number_json(c->q), "method",
                  "share of all and adjusted share above the expectation, one-sided, days as units",
                  "draws", 0));
}

static json_t *country_json(struct analysis *a, struct presence *p, struct country_row *c)
{
    const struct amounts *sum = &a->countries.sums[c->row];
    json_t *profile = json_object();
    char code[3];
    country_text(c->code, code);
    for (int k = GOVERNMENT; k < PROFILES; k++) /* parts of the country's conversations */
        json_object_set_new(
            profile, profile_names[k],
            number_json(sum->flows > 0 ? profile_flows(p, c->code, k) / sum->flows : 0));
    const char *filter = arena_format(a->arena, "country %s and " USAGE_FILTER, code);
    json_t *j = json_pack("{s:s, s:s, s:o, s:I, s:i, s:o, s:o, s:o, s:o, s:b, s:b, s:o}", "country",
                          code, "name", country_name(c->code), "flows", count_json(sum->flows),
                          "local_hosts", (json_int_t)counts_get(p->hosts.a, &p->hosts, c->code),
                          "days", (int)days_with(a->countries.cells + c->row * a->days, a->days),
                          "share", estimate_json(&c->share), "share_adjusted",
                          estimate_json(&c->adjusted), "local_profile", profile, "institutions",
                          institutions_json(a, p, c->code), "own", (int)c->own, "flagged",
                          (int)c->flagged, "evidence", evidence_json(a, filter, sum->flows));
    if (c->expected > 0)
        add_expected(c, j);
    return j;
}

static json_t *unknown_json(struct analysis *a)
{
    size_t row = table_row(&a->countries, 0);
    if (row == SIZE_MAX)
        return json_null();
    struct estimate e = share_of_days(a, a->countries.cells + row * a->days, a->usage, a->measure);
    double flows = a->countries.sums[row].flows;
    return json_pack("{s:o, s:o, s:o}", "flows", count_json(flows), "share", estimate_json(&e),
                     "evidence", evidence_json(a, "country unknown and " USAGE_FILTER, flows));
}

/* The country that the study says is known to stand out: does it here? */
static json_t *control_json(struct analysis *a, const struct presence *p)
{
    char code[3];
    if (!a->study->positive_control)
        return json_null();
    country_text(a->study->positive_control, code);
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].code == a->study->positive_control)
            return json_pack("{s:s, s:b}", "country", code, "found", (int)p->rows[i].flagged);
    return json_pack("{s:s, s:b}", "country", code, "found", 0);
}

static json_t *excluded_json(struct analysis *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->study->exclusion_count; i++) {
        char text[PREFIX_TEXT_MAX];
        prefix_print(&a->study->exclusions[i].prefix, text);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "prefix", text, "label", a->study->exclusions[i].label));
    }
    return list;
}

int presence_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct presence p = {0};
    int status = baseline_load(a, &p.baseline, err);
    if (status == 0)
        status = load(a, &p, err);
    if (status == 0) {
        /* Names of networks are an embellishment: without a database they are numbers. */
        if (geo_open(a->study->geo_country_mmdb, a->study->geo_asn_mmdb, &p.geo, NULL) < 0)
            p.geo = NULL;
        rows_fill(a, &p);
        json_t *countries = json_array();
        for (size_t i = 0; i < p.count; i++)
            json_array_append_new(countries, country_json(a, &p, &p.rows[i]));
        *ret = json_pack("{s:{s:s, s:s, s:s*}, s:O, s:f, s:o, s:o, s:o, s:o}", "baseline", "kind",
                         p.baseline.kind, "name", p.baseline.name, "date", p.baseline.date,
                         "adjusted_without", p.popular, "fdr", FALSE_DISCOVERY, "countries",
                         countries, "unknown", unknown_json(a), "positive_control",
                         control_json(a, &p), "excluded", excluded_json(a));
    }
    json_decref(p.popular);
    block_free(p.institutions);
    geo_free(p.geo);
    return status;
}
