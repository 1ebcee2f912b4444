/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections share: the question's window, the days, tables of amounts by day, and the small
 * pieces of the model (estimates, evidence, texts). For src/analysis only. Everything lives in the
 * run's arena unless the function says otherwise; JSON is owned by whoever made it. */
#ifndef TELLTALE_ANALYSIS_SECTION_H
#define TELLTALE_ANALYSIS_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/analysis.h"
#include "analysis/phrase.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/ip.h"
#include "schema/values.h"
#include "stats/interval.h"

#define LEVEL 0.95
enum { ROLES = 5, TOP_HOURLY = 12, SLOTS_A_DAY = 48, SERIES_DAYS_MAX = 400, WARNINGS_MAX = 12 };

/* The population's own use: these roles, and not what was done through a pivot. Evidence of use in
 * a study with pivots says so too (evidence_json). */
#define USAGE          "role IN (1, 3) AND pivot = 0"
#define USAGE_OF_FLOWS "role IN (1, 3) AND bitAnd(marks, 512) = 0" /* MARK_PIVOT */
#define USAGE_FILTER   "(role consumed or role peer)"

struct amounts {
    double flows, packets, octets;
};

/* One row a key (service code, country code...), one cell a day of the study. */
struct table {
    size_t rows, days;
    uint32_t *keys;        /* ascending */
    struct amounts *cells; /* rows x days */
    struct amounts *sums;  /* by row, all days */
};

/* Pairs of a key and up to three numbers, keys ascending. */
struct counts {
    size_t rows;
    uint32_t *keys;
    uint64_t *a, *b, *c;
};

/* One combination of a day: table activity without its slots. */
struct cube_row {
    uint32_t day; /* of the study, 0.. */
    uint16_t service, category, country;
    uint8_t role, basis;
    bool ambiguous, pivot;
    struct amounts x;
};

/* Conversations of use that may be of any service of a list ("a|b|c"). */
struct doubt {
    uint32_t code, category; /* category code where all candidates agree, 0 else */
    const char *list;
    struct amounts *cells, sum; /* [day] */
};

struct service_slot {
    uint32_t start_s, service;
    double flows;
};

struct analysis {
    const struct analysis_input *in;
    const struct study *study;
    struct engine *engine;
    const struct symbols *symbols;
    struct arena *arena;
    json_t *model; /* borrowed: sections made so far */
    enum study_measure measure;
    const char *measure_why; /* NULL: the study's own choice */
    size_t days;
    uint32_t slot_s;
    char window[96];       /* SQL: the study's days */
    struct cube_row *cube; /* every role, pivots too; in no order */
    size_t cube_rows;
    struct amounts *by_role[ROLES]; /* [role][day], without pivots */
    struct amounts *everything;     /* [day], with pivots */
    struct amounts *usage;          /* [day]: consumed and peer */
    struct amounts total, usage_total, role_total[ROLES], pivot_total;
    /* Days of the series in the model, half-open: the study's, and of a period of over
     * SERIES_DAYS_MAX days those from the first to the last with data. */
    size_t series_from, series_to;
    struct phrase warnings[WARNINGS_MAX]; /* of fidelity */
    size_t warning_count;
    bool *used;           /* [day]: fidelity lets it count in shares and rhythm */
    uint32_t *slot_start; /* the window's slots with use, ascending */
    struct amounts *slots;
    size_t slot_count;
    struct service_slot *service_slots; /* ascending by start and service */
    size_t service_slot_count;
    struct doubt *doubts;
    size_t doubt_count;
    double *profile; /* days x SLOTS_A_DAY of local time, in the study's measure */
    struct table services, categories, countries;
};

/* --- questions --- */

/* Runs a query; the block is the caller's to free. */
int ask(struct analysis *a, struct block **ret, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int cube_load(struct analysis *a, struct error *err);
int slots_load(struct analysis *a, struct error *err);
/* Sums of the cube's rows by key and day; `key` is false for rows that are left out. */
typedef bool cube_key_fn(const void *ctx, const struct cube_row *r, uint32_t *ret_key);
void cube_table(struct analysis *a, cube_key_fn *key, const void *ctx, struct table *ret);
bool cube_is_use(const struct cube_row *r);
int doubts_load(struct analysis *a, struct error *err);
typedef bool doubt_is_fn(const struct analysis *a, const struct doubt *d, const char *id);
doubt_is_fn doubt_may_be_service, doubt_may_be_category;
/* Bounds of a share: as counted (`share`), and with all that may be of `id`; null without any. */
json_t *ambiguous_json(struct analysis *a, const struct amounts *certain, doubt_is_fn *is,
                       const char *id, struct estimate share);
/* Shares of conversations, octets and packets. */
json_t *shares_json(struct analysis *a, const struct amounts *cells);
/* Amounts by `key` (an SQL expression of the columns of `from`) and day. */
int day_table_ask(struct analysis *a, const char *from, const char *key, const char *where,
                  struct table *ret, struct error *err);
/* The same of table contact, which knows addresses and is large: for parts of a study. */
int contact_table_ask(struct analysis *a, const char *key, const char *where, struct table *ret,
                      struct error *err);
/* "SELECT key AS k, x AS a [, y AS b [, z AS c]] ..." ordered by k. */
int counts_ask(struct analysis *a, struct counts *ret, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A number of the store's summaries (docs/store.md), 0 when it is not there. */
int fact_ask(struct analysis *a, const char *name, double *ret, struct error *err);
/* Row of a key, SIZE_MAX when there is none. */
size_t table_row(const struct table *t, uint32_t key);
uint64_t counts_get(const uint64_t *column, const struct counts *c, uint32_t key);

/* The series' first moment, and their hours: 0 where they are too many to be told. */
uint64_t series_from_s(const struct analysis *a);
size_t series_hours(const struct analysis *a);
bool series_too_long(const struct analysis *a);

/* --- amounts --- */

double amount_of(const struct amounts *x, enum study_measure m);
void amounts_add(struct amounts *into, const struct amounts *x);
size_t days_with(const struct amounts *cells, size_t days); /* days with at least one flow */
/* Share of sum(part) in sum(whole) over the used days with anything in `whole`. */
struct estimate share_of_days(struct analysis *a, const struct amounts *part,
                              const struct amounts *whole, enum study_measure m);
/* The used days as arrays for stats; returns how many. Days empty in `whole` (may be NULL) are out.
 */
size_t used_days(struct analysis *a, const struct amounts *part, const struct amounts *whole,
                 enum study_measure m, int32_t *days, double *x, double *y);
/* Least and greatest ranks the data allow, rows in descending order of value; error[i * n + j] is
 * the standard error of value i less value j. */
void rank_ranges(const double *value, const double *error, size_t n, size_t *low, size_t *high);
/* Error matrix of the differences of shares, for rank_ranges. Rows are tables' cells. */
double *share_differences(struct analysis *a, const struct amounts *const *rows, size_t n);

/* --- pieces of the model --- */

json_t *number_json(double x); /* 7 significant digits; null when not finite */
json_t *count_json(double x);  /* a whole number */
json_t *estimate_json(const struct estimate *e);
/* In the reader's words. A fixed text belongs into glossary.def, one with numbers into
 * messages.def: then it is there in every language. */
json_t *unsupported(const char *why);
json_t *unsupported_phrase(struct phrase why);
json_t *time_json(uint64_t ms);
json_t *date_json(int32_t day);
/* Of the whole period; a role in `filter` is and-ed at its top: in a study with pivots "and not
 * pivot" follows it. */
json_t *evidence_json(const struct analysis *a, const char *filter, double flows);
json_t *evidence_between(const struct analysis *a, const char *filter, uint64_t from_ms,
                         uint64_t to_ms, double flows);
json_t *evidence_window(const char *filter, uint64_t from_ms, uint64_t to_ms, double flows);
/* A word of the filter language, quoted where it must be. */
const char *filter_word(struct analysis *a, const char *word);
const char *country_name(unsigned code); /* "India"; "" when unknown */
double country_blocks(unsigned code);    /* /24 blocks of address space */
double country_blocks_all(void);

/* --- words --- */

/* All in the run's arena. */
const char *text_percent(struct analysis *a, double x);              /* "14.2%" */
const char *ip_words(const struct analysis *a, const struct ip *ip); /* "198.51.100.7" */
const char *range_sql(const struct analysis *a, const char *column,
                      const struct prefix *p); /* "local >= unhex('..') AND local <= unhex('..')" */

/* --- sections, in the model's order; each returns its part or an error --- */

int window_load(struct analysis *a, struct error *err);
/* Parts of fidelity: exporter by exporter; copies and wrong clocks, as the sources count them. */
int exporters_add(struct analysis *a, json_t *fidelity, struct error *err);
void sources_add(struct analysis *a, json_t *fidelity);
int fidelity_section(struct analysis *a, json_t **ret, struct error *err);
int provenance_section(struct analysis *a, json_t **ret, struct error *err);
int totals_section(struct analysis *a, json_t **ret, struct error *err);
int activity_section(struct analysis *a, json_t **ret, struct error *err);
int services_section(struct analysis *a, json_t **ret, struct error *err);
int policies_section(struct analysis *a, json_t **ret, struct error *err);
int categories_section(struct analysis *a, json_t **ret, struct error *err);
int rhythm_section(struct analysis *a, json_t **ret, struct error *err);
int events_section(struct analysis *a, json_t **ret, struct error *err);
int presence_section(struct analysis *a, json_t **ret, struct error *err);
int concealment_section(struct analysis *a, json_t **ret, struct error *err);
int onsets_section(struct analysis *a, json_t **ret, struct error *err);
int timelines_section(struct analysis *a, json_t **ret, struct error *err);
int recon_section(struct analysis *a, json_t **ret, struct error *err);
int contacts_section(struct analysis *a, json_t **ret, struct error *err);
/* Findings about sections that are there; NULL says nothing. */
void recon_findings(struct analysis *a, const json_t *recon, json_t *findings);
void contacts_findings(struct analysis *a, const json_t *contacts, json_t *findings);
int findings_section(struct analysis *a, json_t **ret, struct error *err);
int texts_section(struct analysis *a, json_t **ret, struct error *err);

#endif
