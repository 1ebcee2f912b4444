/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cmd/verb.h"
#include "report/editions.h"
#include "report/verify.h"

enum { OPTION_JSON, OPTION_ALL };
static const struct verb_option options[] = {
    {"json", 0, NULL, "the comparison as JSON on stdout"},
    {"all", 0, NULL, "also what did not change"},
    {NULL, 0, NULL, NULL},
};

static const char *text(const json_t *j, const char *key)
{
    const char *t = json_string_value(json_object_get(j, key));
    return t ? t : "";
}

static void print_side(const char *what, const json_t *side)
{
    printf("%s  %s, %s to %s (%s)\n", what, text(side, "name"), text(side, "from"),
           text(side, "to"), text(side, "measure"));
}

/* "14.2% (13.8% to 14.6%)", or a count where it is above 1. */
static void print_estimate(const json_t *e, bool share, char room[64])
{
    double scale = share ? 100 : 1;
    const char *unit = share ? "%" : "";
    if (!json_is_object(e)) {
        snprintf(room, 64, "-");
        return;
    }
    snprintf(room, 64, "%.3g%s (%.3g to %.3g)",
             json_number_value(json_object_get(e, "value")) * scale, unit,
             json_number_value(json_object_get(e, "low")) * scale,
             json_number_value(json_object_get(e, "high")) * scale);
}

static void print_change(const json_t *c)
{
    char a[64], b[64];
    bool share = strcmp(text(c, "section"), "devices") != 0;
    print_estimate(json_object_get(c, "a"), share, a);
    print_estimate(json_object_get(c, "b"), share, b);
    printf("%-5s %-12s %-28.28s %-26s %-26s q %.2g\n", text(c, "change"), text(c, "section"),
           text(c, "name"), a, b,
           json_number_value(json_object_get(json_object_get(c, "test"), "q")));
}

static void print_all(const json_t *model, bool all)
{
    size_t i, same = 0;
    json_t *x;
    print_side("A", json_object_get(model, "a"));
    print_side("B", json_object_get(model, "b"));
    putchar('\n');
    json_array_foreach(json_object_get(model, "changes"), i, x)
    {
        bool changed = strcmp(text(x, "change"), "same") != 0;
        same += !changed;
        if (changed || all)
            print_change(x);
    }
    printf("%s%zu did not change by more than chance allows (false discovery rate 5%%)%s\n",
           i > same || all ? "\n" : "", same, all || same == 0 ? "" : "; --all shows them");
    json_array_foreach(json_object_get(model, "contradictions"), i, x) printf(
        "\ncontradiction: A has more on %s than on %s, B less (p %.2g)\n", text(x, "a_says"),
        text(x, "b_says"), json_number_value(json_object_get(json_object_get(x, "test"), "p")));
    json_array_foreach(json_object_get(model, "not_compared"), i, x)
        printf("\nnot compared: %s: %s\n", text(x, "section"), text(x, "why"));
    json_array_foreach(json_object_get(model, "definitions"), i, x)
        printf("\nmade differently: %s: a change may be the method's\n", text(x, "name"));
}

static int run(struct invocation *in, struct error *err)
{
    json_t *a = NULL, *b = NULL;
    int status = report_read(in->arguments[0], &a, err);
    if (status == 0)
        status = report_read(in->arguments[1], &b, err);
    if (status == 0) {
        json_t *model = editions_compare(a, b);
        if (in->values[OPTION_JSON]) {
            json_dumpf(model, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(7));
            putchar('\n');
        } else {
            print_all(model, in->values[OPTION_ALL] != NULL);
        }
        json_decref(model);
    }
    json_decref(a);
    json_decref(b);
    return status;
}

const struct verb verb_compare = {
    .name = "compare",
    .synopsis = "[options] A.json B.json",
    .summary = "two reports: what is new, gone or changed, with tests, and where they contradict",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .more = "A and B are what `telltale report --json` wrote: of two windows (--from, --to), two "
            "populations, or two\n"
            "editions of one study. Sections under different definitions are not compared, and it "
            "says so.\n",
};
