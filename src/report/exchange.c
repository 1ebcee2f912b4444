/* SPDX-License-Identifier: Apache-2.0 */
#include "report/exchange.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/zone.h"

const char *exchange_tlp(const char *name)
{
    static const char *const levels[] = {"clear", "green", "amber", "amber+strict", "red"};
    if (strncasecmp(name, "tlp:", 4) == 0)
        name += 4;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcasecmp(levels[i], name) == 0)
            return levels[i];
    return NULL;
}

const char *exchange_text(const json_t *model, const char *section, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(model, section), key));
    return text ? text : "";
}

const char *exchange_tlp_of(const json_t *model, const char *given, struct error *err)
{
    const char *stated = exchange_text(model, "study", "tlp");
    const char *wanted = given ? given : *stated ? stated : "amber", *level = exchange_tlp(wanted);
    if (!level)
        error_set(err, ERROR_USAGE,
                  "'%s' is no level of TLP 2.0 (clear, green, amber, amber+strict, red)", wanted);
    return level;
}

/* "2017-04-01" to the start (or the last millisecond) of that day in the zone; a time as it is. */
static json_t *moment(const json_t *when, const struct zone *zone, bool last,
                      const json_t *otherwise)
{
    char text[TIME_TEXT_MAX];
    const char *given = json_string_value(when);
    int32_t day;
    if (!given)
        return json_deep_copy(otherwise);
    if (date_parse(given, strlen(given), &day) < 0)
        return json_string(given);
    int64_t s = zone_day_start_s(zone, day + last);
    time_print_ms((uint64_t)s * 1000 - last, text);
    return json_string(text);
}

struct pairs {
    const json_t *model;
    struct zone *zone;
    json_t *list;
};

static void add_pair(struct pairs *p, const char *kind, const json_t *row, const char *remote,
                     const char *text)
{
    const json_t *evidence = json_object_get(row, "evidence");
    json_t *pair = json_object();
    json_object_set_new(pair, "kind", json_string(kind));
    json_object_set(pair, "local", json_object_get(row, "local"));
    json_object_set(pair, "remote", json_object_get(row, remote));
    json_object_set_new(pair, "text", json_string(text ? text : ""));
    json_object_set(pair, "flows", json_object_get(row, "flows"));
    json_object_set_new(
        pair, "first",
        moment(json_object_get(row, "first"), p->zone, false, json_object_get(evidence, "from")));
    json_object_set_new(
        pair, "last",
        moment(json_object_get(row, "last"), p->zone, true, json_object_get(evidence, "to")));
    json_object_set(pair, "evidence", (json_t *)(uintptr_t)evidence);
    json_array_append_new(p->list, pair);
}

/* A section that is unsupported is an object, and has no rows. */
static void add_pairs(struct pairs *p, const char *kind, json_t *rows, const char *remote,
                      const char *text)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
        add_pair(p, kind, row, remote, json_string_value(json_object_get(row, text)));
}

int exchange_pairs(const json_t *model, json_t **ret, struct error *err)
{
    struct pairs p = {.model = model};
    const char *zone = exchange_text(model, "study", "timezone");
    if (zone_open(*zone ? zone : "UTC", &p.zone, err) < 0)
        return err->code;
    p.list = json_array();
    add_pairs(&p, "contact", json_object_get(model, "contacts"), "remote", "service");
    add_pairs(&p, "tor", json_object_get(json_object_get(model, "concealment"), "tor"), "relay",
              "role");
    add_pairs(&p, "scanner", json_object_get(json_object_get(model, "recon"), "scanners"), "remote",
              "shape");
    zone_free(p.zone);
    *ret = p.list;
    return 0;
}
