/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/section.h"
#include "base/memory.h"

enum { LINE_MAX_OCTETS = 512 };
static const size_t ARENA_OCTETS = (size_t)1 << 30;
static const double Z = 1.959964;

struct reference {
    struct arena *arena;
    const char *name, *kind, *measure;
    struct reference_row *rows[REFERENCE_KINDS];
    size_t count[REFERENCE_KINDS];
    struct estimate none; /* of what a study never met */
};

static const char *const kind_names[REFERENCE_KINDS] = {"service", "category", "country"};

static int by_id(const void *a, const void *b)
{
    const struct reference_row *x = a, *y = b;
    return strcmp(x->id, y->id);
}

/* --- a study --- */

static void take(struct analysis *a, struct reference *r, enum reference_kind kind,
                 const struct table *t)
{
    r->rows[kind] = arena_array(r->arena, t->rows + 1, sizeof(*r->rows[kind]));
    for (size_t i = 0; i < t->rows; i++) {
        uint32_t code = t->keys[i];
        char country[3] = "";
        if (code == 0)
            continue;
        if (kind == REFERENCE_COUNTRY)
            country_text(code, country);
        const char *id = kind == REFERENCE_COUNTRY ? country
                         : kind == REFERENCE_SERVICE
                             ? symbols_text(a->symbols, SYMBOL_SERVICE, code)
                             : symbols_text(a->symbols, SYMBOL_CATEGORY, code);
        r->rows[kind][r->count[kind]++] = (struct reference_row){
            .id = arena_text(r->arena, id, strlen(id)),
            .share = share_of_days(a, t->cells + i * t->days, a->usage, a->measure)};
    }
    qsort(r->rows[kind], r->count[kind], sizeof(*r->rows[kind]), by_id);
}

/* As a report of that study would have it: its period, its used days, its measure. */
static int measure_study(struct analysis *a, struct reference *r, struct error *err)
{
    json_t *fidelity = NULL;
    int status = store_summary(a->in->store, err);
    if (status == 0)
        status = window_load(a, err);
    if (status == 0)
        status = fidelity_section(a, &fidelity, err); /* which days are used */
    json_decref(fidelity);
    if (status < 0)
        return status;
    take(a, r, REFERENCE_SERVICE, &a->services);
    take(a, r, REFERENCE_CATEGORY, &a->categories);
    take(a, r, REFERENCE_COUNTRY, &a->countries);
    struct amounts *nothing = arena_array(a->arena, a->days + 1, sizeof(*nothing));
    r->none = share_of_days(a, nothing, a->usage, a->measure);
    r->measure = study_measure_text(a->measure);
    return 0;
}

static int load_study(const char *path, struct reference *r, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct analysis_input in = {0};
    int status = study_load(path, &study, err);
    if (status == 0)
        status = store_open(study, STORE_READ, &store, err);
    if (status == 0) {
        in.study = study;
        in.store = store;
        struct analysis a = {.in = &in, .study = study, .engine = store_engine(store)};
        a.symbols = store_symbols(store);
        a.slot_s = store_slot_s(store);
        a.arena = arena_new(ARENA_OCTETS);
        a.model = json_object();
        a.days = (size_t)(study->to_day - study->from_day + 1);
        snprintf(a.window, sizeof(a.window), "day >= toDate(%d) AND day <= toDate(%d)",
                 study->from_day, study->to_day);
        a.used = arena_array(a.arena, a.days + 1, sizeof(*a.used));
        status = measure_study(&a, r, err);
        r->name = arena_text(r->arena, study->name, strlen(study->name));
        r->kind = "study";
        json_decref(a.model);
        arena_free(a.arena);
    }
    store_close(store);
    study_free(study);
    return status;
}

/* --- a table --- */

static bool read_row(struct reference *r, enum reference_kind kind, char *line)
{
    char id[128];
    struct estimate e = {.low = NAN, .high = NAN, .level = LEVEL, .error = NAN};
    int n = sscanf(line, " %127[^,] , %lf , %lf , %lf", id, &e.value, &e.low, &e.high);
    if (n < 1)
        return true;
    if (n == 1 || n == 3 || !(e.value >= 0 && e.value <= 1) ||
        (n == 4 && !(e.low <= e.value && e.value <= e.high)))
        return false;
    if (n == 4)
        e.error = (e.high - e.low) / (2 * Z);
    size_t len = strlen(id);
    while (len > 0 && strchr(" \t\"", id[len - 1]))
        len--;
    const char *at = id + strspn(id, "\" ");
    r->rows[kind] = memory_resize(r->rows[kind], r->count[kind] + 1, sizeof(*r->rows[kind]));
    r->rows[kind][r->count[kind]++] =
        (struct reference_row){.id = arena_text(r->arena, at, len - (size_t)(at - id)), .share = e};
    return true;
}

static int load_table(const char *path, struct reference *r, struct error *err)
{
    char line[LINE_MAX_OCTETS];
    int number = 0, status = 0, kind = REFERENCE_KINDS;
    FILE *in = fopen(path, "r");
    if (!in)
        return error_errno(err, "open reference %s", path);
    while (status == 0 && fgets(line, sizeof(line), in)) {
        line[strcspn(line, "\r\n")] = 0;
        number++;
        for (int k = 0; number == 1 && k < REFERENCE_KINDS; k++)
            if (strncmp(line, kind_names[k], strlen(kind_names[k])) == 0)
                kind = k;
        if (number == 1 && kind == REFERENCE_KINDS)
            status = error_set(err, ERROR_USAGE,
                               "%s:1: not \"service,share\", \"category,share\" or "
                               "\"country,share\"",
                               path);
        else if (number > 1 && !read_row(r, (enum reference_kind)kind, line))
            status = error_set(err, ERROR_USAGE,
                               "%s:%d: not \"ID,SHARE\" or \"ID,SHARE,LOW,HIGH\" with shares "
                               "from 0 to 1",
                               path, number);
    }
    fclose(in);
    r->name = arena_text(r->arena, path, strlen(path));
    r->kind = "table";
    r->measure = "";
    if (status == 0 && kind < REFERENCE_KINDS)
        qsort(r->rows[kind], r->count[kind], sizeof(*r->rows[kind]), by_id);
    return status;
}

/* --- */

int reference_load(const char *path, struct reference **ret, struct error *err)
{
    struct stat st;
    struct reference *r = memory_alloc(sizeof(*r));
    r->arena = arena_new(ARENA_OCTETS);
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int status = folder ? load_study(path, r, err) : load_table(path, r, err);
    if (status < 0) {
        struct error why = *err;
        reference_free(r);
        return error_set(err, why.code, "the population to compare with: %s", why.text);
    }
    *ret = r;
    return 0;
}

void reference_free(struct reference *r)
{
    if (!r)
        return;
    for (int k = 0; k < REFERENCE_KINDS && r->kind && strcmp(r->kind, "table") == 0; k++)
        free(r->rows[k]); /* a study's are the arena's */
    arena_free(r->arena);
    free(r);
}

const char *reference_name(const struct reference *r)
{
    return r->name;
}

const char *reference_kind(const struct reference *r)
{
    return r->kind;
}

const char *reference_measure(const struct reference *r)
{
    return r->measure;
}

bool reference_comparable(const struct reference *r, const char *measure)
{
    return strcmp(r->kind, "table") == 0 || strcmp(r->measure, measure) == 0;
}

size_t reference_rows(const struct reference *r, enum reference_kind kind)
{
    return r->count[kind];
}

struct reference_row reference_row(const struct reference *r, enum reference_kind kind, size_t i)
{
    return r->rows[kind][i];
}

bool reference_find(const struct reference *r, enum reference_kind kind, const char *id,
                    struct estimate *ret)
{
    struct reference_row key = {.id = id};
    const struct reference_row *row =
        r->count[kind] ? bsearch(&key, r->rows[kind], r->count[kind], sizeof(key), by_id) : NULL;
    *ret = row ? row->share : r->none;
    return row || strcmp(r->kind, "study") == 0;
}

/* Two shares of different populations are independent: the errors of their logarithms add up. A
 * share of nothing bounds the ratio on one side. */
struct estimate reference_ratio(struct estimate a, struct estimate b)
{
    struct estimate e = {.value = NAN, .low = 0, .high = INFINITY, .level = LEVEL};
    double spread = pow(a.error / a.value, 2) + pow(b.error / b.value, 2);
    if (b.value > 0)
        e.value = a.value / b.value;
    if (a.value > 0 && b.value > 0 && isfinite(spread)) {
        e.low = e.value * exp(-Z * sqrt(spread));
        e.high = e.value * exp(Z * sqrt(spread));
    } else if (a.value > 0 && b.value <= 0 && b.high > 0) {
        e.low = a.low / b.high;
    } else if (a.value <= 0 && b.low > 0) {
        e.high = a.high / b.low;
    } else {
        e.low = NAN;
        e.high = NAN;
    }
    return e;
}
