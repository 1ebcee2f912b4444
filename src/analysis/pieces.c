/* SPDX-License-Identifier: Apache-2.0 */
/* The small pieces of the model and the words of its sentences. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"

/* What is past the seventh digit differs between compilers and says nothing to a reader. */
static double rounded(double x)
{
    char text[32];
    snprintf(text, sizeof(text), "%.7g", x);
    return strtod(text, NULL);
}

json_t *number_json(double x)
{
    if (!isfinite(x))
        return json_null();
    double r = rounded(x);
    return json_real(r == 0 ? 0 : r); /* no -0 */
}

json_t *count_json(double x)
{
    return json_integer((json_int_t)llround(x));
}

static const double FEW_DAYS = 8, STRONG_LEAN = 0.7;

/* Where days lean on each other so that few independent ones are left, the interval's own errors
 * are not small: the estimate says so. */
json_t *estimate_json(const struct estimate *e)
{
    json_t *j = json_pack("{s:o, s:o, s:o, s:f}", "value", number_json(e->value), "low",
                          number_json(e->low), "high", number_json(e->high), "level", e->level);
    if (e->days_effective > 0 && (e->days_effective < FEW_DAYS || e->lean > STRONG_LEAN))
        json_object_set_new(j, "days_effective", number_json(e->days_effective));
    return j;
}

json_t *unsupported(const char *why)
{
    json_t *known = known_json(why), *j = json_pack("{s:s}", "unsupported", why);
    if (known)
        json_object_set_new(j, "text",
                            json_pack("{s:{s:O}, s:{s:O}}", "en", "unsupported",
                                      json_object_get(known, "en"), "ja", "unsupported",
                                      json_object_get(known, "ja")));
    json_decref(known);
    return j;
}

json_t *unsupported_phrase(struct phrase why)
{
    return json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "unsupported", why.text[LANGUAGE_EN], "text",
                     "en", "unsupported", why.text[LANGUAGE_EN], "ja", "unsupported",
                     why.text[LANGUAGE_JA]);
}

json_t *time_json(uint64_t ms)
{
    char text[TIME_TEXT_MAX];
    size_t len = time_print_ms(ms, text);
    return json_stringn(text, len);
}

json_t *date_json(int32_t day)
{
    char text[TIME_TEXT_MAX];
    size_t len = date_print(day, text);
    return json_stringn(text, len);
}

json_t *evidence_window(const char *filter, uint64_t from_ms, uint64_t to_ms, double flows)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "filter", filter, "from", time_json(from_ms), "to",
                     time_json(to_ms), "flows", count_json(flows));
}

json_t *evidence_between(const struct analysis *a, const char *filter, uint64_t from_ms,
                         uint64_t to_ms, double flows)
{
    /* A role is the population's own: where the study has pivots, the filter leaves them out too.
     */
    if (a->study->pivot_count > 0 && strstr(filter, "role ") && !strstr(filter, "pivot"))
        filter = arena_format(a->arena, "%s and not pivot", filter);
    return evidence_window(filter, from_ms, to_ms, flows);
}

json_t *evidence_json(const struct analysis *a, const char *filter, double flows)
{
    return evidence_between(a, filter, a->study->from_ms, a->study->to_ms, flows);
}

const char *filter_word(struct analysis *a, const char *word)
{
    bool plain = word[0] != 0;
    for (const char *p = word; *p; p++)
        plain = plain && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                          (*p >= '0' && *p <= '9') || strchr("-_.", *p));
    return plain ? word : arena_format(a->arena, "\"%s\"", word);
}

static const struct country {
    char code[3];
    const char *name;
    uint32_t blocks;
} countries[] = {
#define COUNTRY(code, name, blocks) {code, name, blocks},
#include "analysis/countries.def"
#undef COUNTRY
};
enum { COUNTRIES = sizeof(countries) / sizeof(countries[0]) };

static const struct country *country_find(unsigned code)
{
    for (size_t i = 0; i < COUNTRIES; i++)
        if (country_code(countries[i].code) == code)
            return &countries[i];
    return NULL;
}

const char *country_name(unsigned code)
{
    const struct country *c = country_find(code);
    return c ? c->name : "";
}

double country_blocks(unsigned code)
{
    const struct country *c = country_find(code);
    return c ? c->blocks : 0;
}

double country_blocks_all(void)
{
    double sum = 0;
    for (size_t i = 0; i < COUNTRIES; i++)
        sum += countries[i].blocks;
    return sum;
}

/* One decimal; below 1% two significant digits, so that a small share does not become 0.0%. */
const char *text_percent(struct analysis *a, double x)
{
    double p = x * 100;
    if (p > 0 && p < 0.001)
        return "under 0.001%";
    if (p != 0 && fabs(p) < 0.095)
        return arena_format(a->arena, "%.2g%%", p);
    return arena_format(a->arena, fabs(p) < 0.95 ? "%.2f%%" : "%.1f%%", p);
}

const char *ip_words(const struct analysis *a, const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    size_t len = ip_print(ip, text);
    return arena_text(a->arena, text, len);
}

const char *range_sql(const struct analysis *a, const char *column, const struct prefix *p)
{
    struct ip first, last;
    char from[2 * IP_OCTETS + 1], to[2 * IP_OCTETS + 1];
    prefix_range(p, &first, &last);
    for (int i = 0; i < IP_OCTETS; i++) {
        snprintf(from + 2 * i, 3, "%02x", first.octet[i]);
        snprintf(to + 2 * i, 3, "%02x", last.octet[i]);
    }
    return arena_format(a->arena, "%s >= unhex('%s') AND %s <= unhex('%s')", column, from, column,
                        to);
}
