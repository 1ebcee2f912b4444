/* SPDX-License-Identifier: Apache-2.0 */
/* A study: its folder's study.yaml, read and checked. docs/study.md has every key. */
#ifndef TELLTALE_STUDY_STUDY_H
#define TELLTALE_STUDY_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ip.h"
#include "base/lpm.h"
#include "base/zone.h"

struct study_prefix {
    struct prefix prefix;
    const char *label; /* "" when none */
};

struct study_pivot {
    struct prefix prefix;
    const char *label;
    uint64_t from_ms, to_ms; /* half-open, UTC */
};

struct study_event {
    uint64_t time_ms;       /* UTC */
    uint64_t uncertainty_ms;
    const char *label, *kind, *source;
    bool date_only;         /* the list gave a day, not an hour; time_ms is that day's start */
};

/* A service that the population is said to be kept from, from a date on. */
struct study_policy {
    const char *service; /* catalogue id */
    uint64_t from_ms, to_ms; /* half-open, UTC; to_ms is UINT64_MAX where no end is given */
    const char *source;
};

/* Remote addresses that are no sign of presence: embassies, the carriers' own access points. */
struct study_exclusion {
    struct prefix prefix;
    const char *label;
};

/* What a report tells hour by hour: a host or net (either end), a service, or both. */
struct study_timeline {
    struct prefix net;
    bool has_net;
    const char *service; /* catalogue id, "" for every one */
    uint64_t from_ms, to_ms; /* half-open, UTC */
    const char *label;
};

/* A series held against the events beside all activity: one of the four. */
struct study_event_series {
    const char *service, *category; /* catalogue ids; "" when not asked */
    uint16_t country;               /* values.h; 0 when not asked */
    struct prefix *hosts;           /* local addresses */
    size_t host_count;
    const char *label;
};

struct study_holiday {
    int32_t day; /* the zone's date, days since 1970-01-01 */
    const char *label;
};

enum study_measure { MEASURE_FLOWS, MEASURE_OCTETS, MEASURE_PACKETS };
/* What counts as concealed: docs/methods.md, Concealment. */
enum study_concealment { CONCEALMENT_2017, CONCEALMENT_2018_WITH_TLS };

struct study {
    const char *dir, *file; /* the folder and study.yaml's path */
    const char *name;
    const char *timezone;   /* IANA name */
    const struct zone *zone;
    int32_t from_day, to_day;  /* the zone's dates, days since 1970-01-01, both included */
    uint64_t from_ms, to_ms;   /* the same as a half-open window of UTC ms */
    struct study_prefix *population;
    size_t population_count;
    struct lpm *population_lpm; /* value: index in population; sealed */
    bool everywhere;            /* the population is the whole Internet: the client is local */
    struct study_pivot *pivots;
    size_t pivot_count;
    struct lpm *kept_lpm;       /* population and pivots together: what decoders keep; sealed */
    struct study_event *events; /* ascending */
    size_t event_count;
    struct study_event_series *event_series;
    size_t event_series_count;
    const char **event_files;   /* the lists they are from */
    size_t event_file_count;
    const char *baseline;       /* "default", or a path as given: a table, or a study's folder */
    const char *reference;      /* NULL, or the same: a population to compare services with */
    const char *store;          /* absolute path of the embedded store, or clickhouse://... */
    bool store_is_server;
    const char *geo_country_mmdb, *geo_asn_mmdb; /* NULL: libloc */
    const char **catalogue_files; /* own entries: files *.yaml of catalogue/ */
    size_t catalogue_file_count;
    const char *lists;  /* folder of lists with dates (docs/lists.md) */
    uint32_t tor_age_s; /* how old Tor's latest document may be; 0: a day */
    enum study_measure measure; /* what shares are of; default conversations */
    enum study_concealment concealment; /* default 2017 */
    uint32_t sampling;          /* of sources that do not tell; 0: unknown, taken as 1 */
    uint64_t seed;              /* of everything random in the report */
    uint32_t idle_ms, active_ms; /* metering timeouts */
    uint64_t retain_flow_ms, retain_coverage_ms; /* what `forget` keeps; 0: for ever */
    struct study_policy *policies;
    size_t policy_count;
    struct study_exclusion *exclusions;
    size_t exclusion_count;
    struct study_timeline *timelines;
    size_t timeline_count;
    struct study_holiday *holidays; /* ascending */
    size_t holiday_count;
    const char *tlp;           /* Traffic Light Protocol 2.0: "RED" ... "CLEAR"; NULL: not marked */
    uint16_t positive_control; /* country that is known to stand out (values.h), 0 for none */
};

/* Reads DIR/study.yaml and the files it names. Each problem is one line "FILE:LINE: what"; the
 * first is returned as the error (ERROR_USAGE). */
int study_load(const char *dir, struct study **ret, struct error *err);
/* The same from text; relative paths are taken from `dir`. For tests and fuzzing. */
int study_parse(const char *dir, const char *file, const char *text, size_t len,
                struct study **ret, struct error *err);
void study_free(struct study *s);
/* Makes DIR with a commented study.yaml, events/ and catalogue/; refuses to overwrite. */
int study_init(const char *dir, struct error *err);

/* Another period for the same study: the zone's dates, both included. For windows of a report; after
 * the store was opened. */
void study_set_period(struct study *s, int32_t from_day, int32_t to_day);
const char *study_measure_text(enum study_measure m);
const char *study_concealment_text(enum study_concealment c);

#endif
