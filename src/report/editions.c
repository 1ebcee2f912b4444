/* SPDX-License-Identifier: Apache-2.0 */
/* docs/methods.md, Two reports. The numbers are the two models' own estimates with their intervals:
 * a standard error is half an interval's width over the normal quantile, on the scale of logits for
 * shares, so that nothing is compared which the reports do not show. */
#include "report/editions.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "stats/order.h"
#include "stats/special.h"

#define LEVEL           0.95
#define FALSE_DISCOVERY 0.05

/* One thing that both could have. */
struct change {
    const char *section, *id, *name;
    const json_t *a, *b; /* its rows, NULL where there is none */
    const json_t *a_estimate, *b_estimate;
    double difference, error; /* of logits (shares) or logarithms (means); error 0: not tested */
    double p, q;
    bool share;
};

struct comparison {
    const json_t *a, *b;
    struct change *list;
    size_t count, room;
    json_t *why_not; /* sections that cannot be compared: [{section, why}] */
};

static const json_t *get(const json_t *j, const char *key)
{
    return json_object_get(j, key);
}

static double number(const json_t *j, const char *key)
{
    return json_number_value(get(j, key));
}

static const char *text(const json_t *j, const char *key)
{
    const char *t = json_string_value(get(j, key));
    return t ? t : "";
}

/* --- two estimates --- */

static double on_scale(double x, bool share)
{
    const double least = 1e-9;
    x = x < least ? least : x;
    if (!share)
        return log(x);
    x = x > 1 - least ? 1 - least : x;
    return log(x / (1 - x));
}

/* Half an interval's width in standard errors; the wider half, so that a skewed one is not taken
 * for a narrow one. */
static double error_of(const json_t *e, bool share)
{
    double value = on_scale(number(e, "value"), share);
    double up = on_scale(number(e, "high"), share) - value,
           down = value - on_scale(number(e, "low"), share);
    return (up > down ? up : down) / normal_quantile(0.5 + LEVEL / 2);
}

static void test_change(struct change *c)
{
    double a = on_scale(number(c->a_estimate, "value"), c->share),
           b = on_scale(number(c->b_estimate, "value"), c->share);
    double ea = error_of(c->a_estimate, c->share), eb = error_of(c->b_estimate, c->share);
    c->difference = b - a;
    c->error = hypot(ea, eb);
    c->p = c->error > 0 ? 2 * normal_cdf(-fabs(c->difference) / c->error) : 1;
}

/* It is in one of them alone. Were its share in the other what the lower end of its interval says,
 * none of that report's conversations would be of it with probability exp(-share * n), n being the
 * conversations that its days are worth: as many as would give the interval's width. */
static void test_absent(struct change *c, double other_flows, double own_flows)
{
    const json_t *e = c->a_estimate ? c->a_estimate : c->b_estimate;
    double value = number(e, "value"), low = number(e, "low");
    double error = error_of(e, true) * value * (1 - value);
    double worth = error > 0 ? value * (1 - value) / (error * error) : own_flows;
    double n = own_flows > 0 ? other_flows * (worth < own_flows ? worth / own_flows : 1) : 0;
    c->p = exp(-low * n);
    c->difference = c->a_estimate ? -INFINITY : INFINITY;
}

/* --- what the models have --- */

static void add(struct comparison *x, struct change c)
{
    if (x->count == x->room) {
        x->room = x->room ? 2 * x->room : 256;
        x->list = memory_resize(x->list, x->room, sizeof *x->list);
    }
    x->list[x->count++] = c;
}

static const json_t *row_with(const json_t *rows, const char *key, const char *id)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i,
                       row) if (strcmp(text(row, key), id) == 0) return row;
    return NULL;
}

static double use_of(const json_t *model)
{
    const json_t *roles = get(get(model, "totals"), "by_role");
    return number(roles, "consumed") + number(roles, "peer");
}

/* Rows of one section with an estimate each, by their id. */
static void add_rows(struct comparison *x, const char *section, const json_t *a, const json_t *b,
                     const char *key, const char *estimate, bool share)
{
    size_t i;
    json_t *row;
    double flows_a = use_of(x->a), flows_b = use_of(x->b);
    if (!json_is_array(a) || !json_is_array(b)) {
        const json_t *why = json_is_array(a) ? b : a;
        json_array_append_new(x->why_not, json_pack("{s:s, s:s}", "section", section, "why",
                                                    *text(why, "unsupported")
                                                        ? text(why, "unsupported")
                                                        : "One of the reports does not have it."));
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)a, i, row)
    {
        const json_t *other = row_with(b, key, text(row, key));
        struct change c = {.section = section,
                           .id = text(row, key),
                           .name = text(row, "name"),
                           .a = row,
                           .b = other,
                           .a_estimate = get(row, estimate),
                           .share = share};
        c.b_estimate = other ? get(other, estimate) : NULL;
        if (!json_is_object(c.a_estimate) || (other && !json_is_object(c.b_estimate)))
            continue;
        if (other)
            test_change(&c);
        else
            test_absent(&c, flows_b, flows_a);
        add(x, c);
    }
    json_array_foreach((json_t *)(uintptr_t)b, i, row)
    {
        if (row_with(a, key, text(row, key)) || !json_is_object(get(row, estimate)))
            continue;
        struct change c = {.section = section,
                           .id = text(row, key),
                           .name = text(row, "name"),
                           .b = row,
                           .b_estimate = get(row, estimate),
                           .share = share};
        test_absent(&c, flows_a, flows_b);
        add(x, c);
    }
}

static bool same_definition(struct comparison *x)
{
    const char *a = text(get(x->a, "concealment"), "definition"),
               *b = text(get(x->b, "concealment"), "definition");
    if (strcmp(a, b) == 0)
        return true;
    char why[256];
    snprintf(why, sizeof why,
             "The definitions differ (%.60s and %.60s): replay one with `report --definition`.",
             *a ? a : "none", *b ? b : "none");
    json_array_append_new(x->why_not,
                          json_pack("{s:s, s:s}", "section", "concealment", "why", why));
    return false;
}

/* Conversations of a sampled study are the large ones: they do not compare with all of them. */
static bool same_sampling(struct comparison *x)
{
    double most[2] = {0, 0};
    const json_t *models[2] = {x->a, x->b};
    for (int m = 0; m < 2; m++) {
        size_t i, k;
        json_t *day, *n;
        json_array_foreach(get(get(models[m], "fidelity"), "days"), i, day)
            json_array_foreach(get(day, "sampling"), k, n) if (json_number_value(n) > most[m])
                most[m] = json_number_value(n);
    }
    bool same = most[0] <= 2 * most[1] && most[1] <= 2 * most[0];
    const char *used = text(get(x->a, "study"), "measure_used");
    if (same || strcmp(used, "packets") == 0)
        return true;
    char why[256];
    snprintf(why, sizeof why,
             "One report is of 1 in %.0f packets, the other of 1 in %.0f: shares of %.20s do not "
             "compare; take packets as the measure of both studies.",
             most[0] > 0 ? most[0] : 1, most[1] > 0 ? most[1] : 1, used);
    json_array_append_new(x->why_not, json_pack("{s:s, s:s}", "section", "all", "why", why));
    return false;
}

static bool same_measure(struct comparison *x)
{
    const char *a = text(get(x->a, "study"), "measure_used"),
               *b = text(get(x->b, "study"), "measure_used");
    if (strcmp(a, b) == 0)
        return true;
    char why[160];
    snprintf(why, sizeof why, "One report's shares are of %.20s, the other's of %.20s.", a, b);
    json_array_append_new(x->why_not, json_pack("{s:s, s:s}", "section", "all", "why", why));
    return false;
}

static const json_t *part(const json_t *model, const char *section, const char *list)
{
    const json_t *s = get(model, section);
    return json_is_object(s) && get(s, list) ? get(s, list) : s;
}

static void add_sections(struct comparison *x)
{
    if (!same_measure(x) || !same_sampling(x))
        return;
    add_rows(x, "services", get(x->a, "services"), get(x->b, "services"), "id", "share", true);
    add_rows(x, "categories", get(x->a, "categories"), get(x->b, "categories"), "id", "share",
             true);
    add_rows(x, "presence", part(x->a, "presence", "countries"),
             part(x->b, "presence", "countries"), "country", "share", true);
    if (same_definition(x))
        add_rows(x, "concealment", part(x->a, "concealment", "techniques"),
                 part(x->b, "concealment", "techniques"), "provider", "share", true);
    add_rows(x, "devices", get(x->a, "devices"), get(x->b, "devices"), "platform", "local_hosts",
             false);
}

/* --- contradictions --- */

/* Days a report calls its busiest: those that its own ranges allow among the first two. */
static bool is_top(const json_t *day)
{
    return number(day, "rank") <= 2 && json_is_object(get(day, "mean"));
}

/* P that a difference of this size and sign is chance, within one report. */
static double above(const json_t *more, const json_t *less)
{
    const json_t *m = get(more, "mean"), *l = get(less, "mean");
    double error = hypot(error_of(m, false), error_of(l, false));
    double difference = on_scale(number(m, "value"), false) - on_scale(number(l, "value"), false);
    return error > 0 ? normal_cdf(-difference / error) : difference > 0 ? 0 : 1;
}

static void add_weekdays(const struct comparison *x, json_t *list)
{
    const json_t *a = part(x->a, "rhythm", "weekdays"), *b = part(x->b, "rhythm", "weekdays");
    size_t i, k;
    json_t *first, *second;
    json_array_foreach((json_t *)(uintptr_t)a, i, first)
        json_array_foreach((json_t *)(uintptr_t)b, k, second)
    {
        const char *one = text(first, "day"), *other = text(second, "day");
        const json_t *one_in_b = row_with(b, "day", one), *other_in_a = row_with(a, "day", other);
        if (!is_top(first) || !is_top(second) || !one_in_b || !other_in_a || is_top(one_in_b) ||
            is_top(other_in_a) || !json_is_object(get(one_in_b, "mean")) ||
            !json_is_object(get(other_in_a, "mean")))
            continue;
        double p_a = above(first, other_in_a), p_b = above(second, one_in_b);
        double p = p_a > p_b ? p_a : p_b; /* both must hold */
        if (p < 0.05)
            json_array_append_new(
                list,
                json_pack("{s:s, s:s, s:s, s:{s:f, s:s}}", "section", "rhythm", "a_says", one,
                          "b_says", other, "test", "p", p, "method",
                          "in the first report the first day has more than the second, in the "
                          "second less; the larger of the two one-sided p"));
    }
}

/* --- the answer --- */

static const char *kind_of(const struct change *c)
{
    if (c->q > FALSE_DISCOVERY)
        return "same";
    return !c->a ? "new" : !c->b ? "gone" : c->difference > 0 ? "up" : "down";
}

static json_t *real_json(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *ratio_json(const struct change *c)
{
    if (!c->a || !c->b || c->error <= 0)
        return json_null();
    double a = number(c->a_estimate, "value"), b = number(c->b_estimate, "value");
    if (a <= 0 || b <= 0)
        return json_null();
    /* The logit's error is the share's relative one over (1 - share): back on the ratio's scale. */
    double ea = error_of(c->a_estimate, c->share) * (c->share ? 1 - a : 1),
           eb = error_of(c->b_estimate, c->share) * (c->share ? 1 - b : 1);
    double half = normal_quantile(0.5 + LEVEL / 2) * hypot(ea, eb);
    return json_pack("{s:f, s:f, s:f, s:f}", "value", b / a, "low", b / a * exp(-half), "high",
                     b / a * exp(half), "level", LEVEL);
}

static json_t *change_json(const struct change *c)
{
    json_t *null = json_null();
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:o, s:{s:o, s:o, s:s}, s:{s:O, s:O}}",
                     "section", c->section, "id", c->id, "name", c->name[0] ? c->name : c->id,
                     "change", kind_of(c), "a", c->a_estimate ? c->a_estimate : null, "b",
                     c->b_estimate ? c->b_estimate : null, "ratio", ratio_json(c), "test", "p",
                     real_json(c->p), "q", real_json(c->q), "method",
                     c->a && c->b ? "difference of the two estimates, normal, on the scale of "
                                    "logits (shares) or logarithms"
                                  : "none in one report, were its share there the lower end of the "
                                    "other's interval",
                     "evidence", "a", c->a && get(c->a, "evidence") ? get(c->a, "evidence") : null,
                     "b", c->b && get(c->b, "evidence") ? get(c->b, "evidence") : null);
}

static json_t *side_json(const json_t *model)
{
    const json_t *s = get(model, "study");
    return json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "name", get(s, "name"),
                     "timezone", get(s, "timezone"), "from", get(s, "from"), "to", get(s, "to"),
                     "population", get(s, "population"), "measure", get(s, "measure_used"),
                     "digest", get(get(model, "provenance"), "digest"));
}

/* What both were made by, where it is not the same: a change may be the method's. */
static json_t *definitions_json(const json_t *a, const json_t *b)
{
    const json_t *da = get(get(a, "provenance"), "definitions"),
                 *db = get(get(b, "provenance"), "definitions");
    json_t *list = json_array(), *value, *null = json_null();
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)da, key, value) if (!json_equal(value, get(db, key)))
        json_array_append_new(list, json_pack("{s:s, s:O, s:O}", "name", key, "a", value, "b",
                                              get(db, key) ? get(db, key) : null));
    json_object_foreach((json_t *)(uintptr_t)db, key, value) if (!get(da, key))
        json_array_append_new(list,
                              json_pack("{s:s, s:O, s:O}", "name", key, "a", null, "b", value));
    static const char *const facts[] = {"catalogue", "geo"};
    for (int i = 0; i < 2; i++) {
        const json_t *fa = get(get(a, "provenance"), facts[i]),
                     *fb = get(get(b, "provenance"), facts[i]);
        if (fa && fb && !json_equal(fa, fb))
            json_array_append_new(list,
                                  json_pack("{s:s, s:O, s:O}", "name", facts[i], "a", fa, "b", fb));
    }
    return list;
}

static int by_weight(const void *left, const void *right)
{
    const struct change *x = left, *y = right;
    int order = strcmp(x->section, y->section);
    if (order)
        return order;
    if (x->q != y->q)
        return x->q < y->q ? -1 : 1;
    return strcmp(x->id, y->id);
}

json_t *editions_compare(const json_t *a, const json_t *b)
{
    struct comparison x = {.a = a, .b = b, .why_not = json_array()};
    json_t *changes = json_array(), *contradictions = json_array();
    add_sections(&x);
    double *p = memory_array(x.count + 1, sizeof *p), *q = memory_array(x.count + 1, sizeof *q);
    for (size_t i = 0; i < x.count; i++)
        p[i] = x.list[i].p;
    false_discovery(p, x.count, q);
    for (size_t i = 0; i < x.count; i++)
        x.list[i].q = q[i];
    if (x.count)
        qsort(x.list, x.count, sizeof *x.list, by_weight);
    for (size_t i = 0; i < x.count; i++)
        json_array_append_new(changes, change_json(&x.list[i]));
    add_weekdays(&x, contradictions);
    free(p);
    free(q);
    free(x.list);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "schema", "telltale.compare/1",
                     "a", side_json(a), "b", side_json(b), "definitions", definitions_json(a, b),
                     "not_compared", x.why_not, "changes", changes, "contradictions",
                     contradictions, "fdr", FALSE_DISCOVERY);
}
