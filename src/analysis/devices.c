/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices the population uses, as far as they tell. Each conversation in which a local host
 * showed what it runs carries the platform and the evidence; hosts are counted by platform, and how
 * many more there are than showed themselves is estimated from how often those who did, did. An
 * address is not a device: behind translation it may be many, so all numbers of hosts are lower
 * bounds of the numbers of devices. */
#include "analysis/devices.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/findings.h"
#include "stats/unseen.h"

enum { DAY_MS = 86400000, PLATFORMS = PLATFORM_TOOL + 1, OWN_WORDS = PLATFORM_BASIS_QUIC };

static const char NOT_PIVOTS[] = "bitAnd(marks, 512) = 0";

static const char *const names[PLATFORMS] = {
    [PLATFORM_WINDOWS] = "Windows",
    [PLATFORM_MACOS] = "macOS",
    [PLATFORM_IOS] = "iOS",
    [PLATFORM_ANDROID] = "Android",
    [PLATFORM_LINUX] = "Linux",
    [PLATFORM_CHROMEOS] = "ChromeOS",
    [PLATFORM_WINDOWS_PHONE] = "Windows Phone",
    [PLATFORM_BLACKBERRY] = "BlackBerry",
    [PLATFORM_PLAYSTATION] = "PlayStation",
    [PLATFORM_XBOX] = "Xbox",
    [PLATFORM_NINTENDO] = "Nintendo",
    [PLATFORM_SMART_TV] = "smart television",
    [PLATFORM_EMBEDDED] = "embedded device",
    [PLATFORM_FEATURE_PHONE] = "feature phone",
    [PLATFORM_BSD] = "BSD",
    [PLATFORM_APPLE] = "Apple (macOS or iOS)",
    [PLATFORM_TOOL] = "program without a platform",
};

static const char *const bases[] = {
    [PLATFORM_BASIS_USER_AGENT] = "User-Agents",
    [PLATFORM_BASIS_BANNER] = "what SSH and HTTP servers call themselves",
    [PLATFORM_BASIS_DISCOVERY] = "what devices call themselves on a local network",
    [PLATFORM_BASIS_QUIC] = "first messages of QUIC",
    [PLATFORM_BASIS_TLS] = "fingerprints of TLS libraries",
    [PLATFORM_BASIS_TCP] = "the form of SYN packets",
    [PLATFORM_BASIS_SERVICE] = "services that only such devices ask for",
};

/* What is known of one platform. */
struct kind {
    uint32_t platform;
    double flows, seen, once, twice, sure; /* hosts: in all, on one day, on two, by own words */
    double by_basis[PLATFORM_BASIS_SERVICE + 1];
};

struct devices {
    const char *where, *filter; /* conversations that count, in SQL and in words */
    bool whole;                 /* they are all but those of pivots */
    double active;              /* hosts that could have shown it */
    struct kind kind[PLATFORMS];
};

static const char *window_of_flows(struct analysis *a)
{
    const struct study *s = a->study;
    return arena_format(a->arena,
                        "day >= toDate(toUInt16(%" PRIu64 ")) AND day <= toDate(toUInt16(%" PRIu64
                        ")) AND start_ms >= %" PRIu64 " AND start_ms < %" PRIu64,
                        s->from_ms / DAY_MS, s->to_ms / DAY_MS, s->from_ms, s->to_ms);
}

/* ------------------------------------------------------------------ counts */

static int load_hosts(struct analysis *a, struct devices *d, const char *window, struct error *err)
{
    struct block *b = NULL;
    const char *rows =
        d->whole ? "SELECT toUInt32(platform) AS p, local, uniqExact(day) AS days, "
                   "min(platform_basis) AS least, sum(flows) AS n FROM device"
                 : arena_format(a->arena,
                                "SELECT toUInt32(platform) AS p, local, uniqExact(day) AS days, "
                                "min(platform_basis) AS least, count() AS n FROM flow PREWHERE "
                                "platform != 0 WHERE %s AND %s",
                                window, d->where);
    int status = ask(a, &b, err,
                     "SELECT p, count() AS hosts, sum(days = 1) AS once, sum(days = 2) AS twice, "
                     "sum(least <= %d) AS sure, sum(n) AS flows FROM (%s GROUP BY p, local) GROUP "
                     "BY p ORDER BY p",
                     OWN_WORDS, rows);
    for (size_t i = 0; status == 0 && i < block_rows(b); i++) {
        uint32_t p = (uint32_t)block_u64(b, 0, i);
        if (p >= PLATFORMS)
            continue;
        struct kind *k = &d->kind[p];
        k->platform = p;
        k->seen = block_f64(b, 1, i);
        k->once = block_f64(b, 2, i);
        k->twice = block_f64(b, 3, i);
        k->sure = block_f64(b, 4, i);
        k->flows = block_f64(b, 5, i);
    }
    block_free(b);
    return status;
}

static int load_basis(struct analysis *a, struct devices *d, const char *window, struct error *err)
{
    struct block *b = NULL;
    int status =
        d->whole
            ? ask(a, &b, err,
                  "SELECT toUInt32(platform) AS p, toUInt32(platform_basis) AS e, sum(flows) AS n "
                  "FROM device GROUP BY p, e ORDER BY p, e")
            : ask(a, &b, err,
                  "SELECT toUInt32(platform) AS p, toUInt32(platform_basis) AS e, count() AS n "
                  "FROM flow PREWHERE platform != 0 WHERE %s AND %s GROUP BY p, e ORDER BY p, e",
                  window, d->where);
    for (size_t i = 0; status == 0 && i < block_rows(b); i++) {
        uint64_t p = block_u64(b, 0, i), e = block_u64(b, 1, i);
        if (p < PLATFORMS && e <= PLATFORM_BASIS_SERVICE)
            d->kind[p].by_basis[e] += block_f64(b, 2, i);
    }
    block_free(b);
    return status;
}

/* Hosts of which one could have shown itself. The derived table knows them for the whole. */
static int load_active(struct analysis *a, struct devices *d, const char *window, struct error *err)
{
    struct block *b = NULL;
    int status =
        d->whole ? ask(a, &b, err, "SELECT uniqExact(local) AS l FROM daily WHERE %s AND pivot = 0",
                       a->window)
                 : ask(a, &b, err, "SELECT uniqExact(local) AS l FROM flow WHERE %s AND %s", window,
                       d->where);
    if (status == 0)
        d->active = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

/* ------------------------------------------------------------------ the section */

static json_t *kind_json(struct analysis *a, const struct devices *d, const struct kind *k)
{
    struct estimate hosts =
        unseen_estimate(k->seen, k->once, k->twice, (double)a->days, d->active, LEVEL);
    const char *filter =
        arena_format(a->arena, "platform %s%s", platform_text(k->platform), d->filter);
    json_t *basis = json_object();
    for (unsigned e = PLATFORM_BASIS_USER_AGENT; e <= PLATFORM_BASIS_SERVICE; e++)
        if (k->by_basis[e] > 0)
            json_object_set_new(basis, platform_basis_text(e), count_json(k->by_basis[e]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "platform",
                     platform_text(k->platform), "name", names[k->platform], "local_hosts",
                     estimate_json(&hosts), "hosts_seen", count_json(k->seen), "hosts_own_words",
                     count_json(k->sure), "flows", count_json(k->flows), "basis", basis, "evidence",
                     evidence_json(a, filter, k->flows));
}

static int more_hosts(const void *x, const void *y)
{
    const struct kind *a = x, *b = y;
    if ((a->platform == PLATFORM_TOOL) != (b->platform == PLATFORM_TOOL))
        return a->platform == PLATFORM_TOOL ? 1 : -1; /* no platform: last */
    if (a->seen != b->seen)
        return a->seen > b->seen ? -1 : 1;
    if (a->flows != b->flows)
        return a->flows > b->flows ? -1 : 1;
    return (a->platform > b->platform) - (a->platform < b->platform);
}

/* Nothing was told: was there anything that could have told? */
static int say_why(struct analysis *a, const struct devices *d, const char *window, json_t **ret,
                   struct error *err)
{
    struct block *b = NULL;
    double told = 0;
    int status = d->whole ? fact_ask(a, "told", &told, err)
                          : ask(a, &b, err,
                                "SELECT 1 AS one FROM flow WHERE %s AND %s AND (fingerprint != 0 "
                                "OR tls_faults != 0 OR name_kind != 0) LIMIT 1",
                                window, d->where);
    bool payload = status == 0 && (d->whole ? told > 0 : block_rows(b) > 0);
    block_free(b);
    if (status == 0)
        *ret = unsupported(
            payload ? "What was seen of the conversations' contents and names tells of no device: "
                      "that is no sign that there was none."
                    : "No payload and no server name was recorded: addresses, ports and sizes "
                      "alone do not tell which device speaks.");
    return status;
}

int devices_list(struct analysis *a, const char *where, const char *filter, json_t **ret,
                 struct error *err)
{
    struct devices d = {.where = where, .filter = filter, .whole = strcmp(where, NOT_PIVOTS) == 0};
    const char *window = window_of_flows(a);
    int status = load_hosts(a, &d, window, err);
    if (status == 0)
        status = load_basis(a, &d, window, err);
    qsort(d.kind, PLATFORMS, sizeof(*d.kind), more_hosts);
    bool any = d.kind[0].seen > 0;
    if (status == 0 && !any)
        return say_why(a, &d, window, ret, err);
    if (status == 0)
        status = load_active(a, &d, window, err);
    if (status < 0)
        return status;
    *ret = json_array();
    for (size_t i = 0; i < PLATFORMS; i++)
        if (d.kind[i].seen > 0)
            json_array_append_new(*ret, kind_json(a, &d, &d.kind[i]));
    return 0;
}

int devices_section(struct analysis *a, json_t **ret, struct error *err)
{
    bool pivots = a->study->pivot_count > 0;
    return devices_list(a, NOT_PIVOTS, pivots ? " and not pivot" : "", ret, err);
}

/* ------------------------------------------------------------------ sentences */

static struct phrase list_of(struct analysis *a, const json_t *rows)
{
    struct phrase list[PLATFORMS];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        if (strcmp(string_of(r, "platform"), "tool") != 0)
            list[count++] = SAY(a, M_DEVICES_ONE, word_known(string_of(r, "name")),
                                word_count(value_of(r, "hosts_seen")));
    }
    return phrase_list(a->arena, list, count, M_COMMA, M_AND);
}

static struct phrase basis_of(struct analysis *a, const json_t *rows)
{
    struct phrase list[PLATFORM_BASIS_SERVICE + 1];
    size_t count = 0;
    for (unsigned e = PLATFORM_BASIS_USER_AGENT; e <= PLATFORM_BASIS_SERVICE; e++) {
        double n = 0;
        for (size_t i = 0; i < json_array_size(rows); i++)
            n +=
                value_of(json_object_get(json_array_get(rows, i), "basis"), platform_basis_text(e));
        if (n > 0)
            list[count++] = SAY(a, M_DEVICES_BASIS_ONE, word_known(bases[e]), word_count(n));
    }
    return phrase_list(a->arena, list, count, M_COMMA, M_AND);
}

void devices_findings(struct analysis *a, const json_t *rows, json_t *findings)
{
    const json_t *first = json_array_get(rows, 0);
    if (!first || strcmp(string_of(first, "platform"), "tool") == 0)
        return;
    double own = 0, kinds = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        bool is = strcmp(string_of(r, "platform"), "tool") != 0;
        kinds += is;
        own += is ? value_of(r, "hosts_own_words") : 0;
    }
    struct word name = word_known(string_of(first, "name"));
    json_t *f = finding_new("devices", "devices", own > 0 ? "moderate" : "low");
    finding_say(f, "headline", SAY(a, M_DEVICES_HEAD, word_count(kinds), name));
    struct phrase all = list_of(a, rows);
    finding_say(f, "statement",
                SAY(a, M_DEVICES, word_phrase(all), name,
                    word_mean(json_object_get(first, "local_hosts"))));
    finding_say(f, "because", SAY(a, M_DEVICES_BECAUSE, word_phrase(basis_of(a, rows))));
    finding_say(f, "caveats", SAY(a, M_DEVICES_CAVEAT));
    finding_say(f, "caveats", SAY(a, M_DEVICES_CAVEAT_SILENT));
    if (own == 0)
        finding_say(f, "alternatives", SAY(a, M_DEVICES_ALTERNATIVE));
    finding_value(f, "local_hosts", json_object_get(first, "local_hosts"));
    finding_value(f, "hosts_seen", json_object_get(first, "hosts_seen"));
    finding_end(findings, f, json_object_get(first, "evidence"));
}
