/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences about hours, weekdays and the population's clock. */
#include <math.h>

#include "analysis/findings.h"

static void find_busy(struct analysis *a, json_t *findings)
{
    const json_t *busy = json_object_get(section_of(a, "rhythm"), "busy");
    if (!json_object_get(busy, "from_hour"))
        return;
    struct word from = word_hour(value_of(busy, "from_hour"));
    struct word to = word_hour(value_of(busy, "to_hour")), zone = word_name(a->study->timezone);
    const json_t *contrast = json_object_get(busy, "contrast");
    bool firm = low_of(busy, "contrast") > 1 && value_of(busy, "found_share") >= 0.5;
    json_t *f = finding_new("busy-hours", "rhythm", firm ? "high" : "moderate");
    finding_say(f, "headline", SAY(a, M_BUSY_HEAD, from, to));
    finding_say(f, "statement",
                contrast ? SAY(a, M_BUSY, from, to, zone, word_mean(contrast))
                         : SAY(a, M_BUSY_ALL, from, to, zone));
    finding_say(f, "because", SAY(a, M_BUSY_BECAUSE, word_percent(value_of(busy, "found_share"))));
    finding_say(f, "alternatives", SAY(a, M_BUSY_ALTERNATIVE));
    finding_value(f, "from_hour", json_object_get(busy, "from_hour"));
    finding_value(f, "to_hour", json_object_get(busy, "to_hour"));
    finding_value(f, "contrast", contrast);
    finding_end(findings, f, evidence_of_use(a));
}

static const json_t *weekday_of_rank(const json_t *weekdays, int rank)
{
    for (size_t i = 0; i < json_array_size(weekdays); i++)
        if (value_of(json_array_get(weekdays, i), "rank") == rank)
            return json_array_get(weekdays, i);
    return NULL;
}

static struct word day_word(const json_t *weekday)
{
    return word_known(string_of(weekday, "day"));
}

static struct word mean_word(const json_t *weekday)
{
    return word_mean(json_object_get(weekday, "mean"));
}

static void find_weekdays(struct analysis *a, json_t *findings)
{
    const json_t *weekdays = json_object_get(section_of(a, "rhythm"), "weekdays");
    const json_t *one = weekday_of_rank(weekdays, 1), *two = weekday_of_rank(weekdays, 2);
    const json_t *three = weekday_of_rank(weekdays, 3), *last = weekday_of_rank(weekdays, 7);
    if (!one || !two || !three || !last || value_of(last, "days") < 2)
        return;
    bool tops = value_of(three, "rank_low") > 2;
    bool ends = value_of(one, "rank_high") < value_of(last, "rank_low");
    json_t *f = finding_new("weekdays", "rhythm", tops ? "high" : ends ? "moderate" : "low");
    finding_say(
        f, "headline",
        SAY(a, tops || ends ? M_WEEKDAYS_HEAD : M_WEEKDAYS_LEAD, day_word(one), day_word(two)));
    finding_say(f, "statement",
                SAY(a, M_WEEKDAYS, day_word(one), mean_word(one), day_word(two), mean_word(two),
                    day_word(last), mean_word(last), word_units(a)));
    struct phrase told = SAY(a, tops ? M_WEEKDAYS_TOPS : ends ? M_WEEKDAYS_ENDS : M_WEEKDAYS_NONE);
    finding_say(f, "because",
                SAY(a, M_WEEKDAYS_COMPARED, word_count(value_of(one, "days")),
                    word_count(value_of(last, "days")), word_phrase(told)));
    for (size_t i = 0; i < json_array_size(weekdays); i++)
        finding_value(f, string_of(json_array_get(weekdays, i), "day"),
                      json_object_get(json_array_get(weekdays, i), "mean"));
    finding_end(findings, f, evidence_of_use(a));
}

static void find_zone(struct analysis *a, json_t *findings)
{
    static const char *const names[] = {"minutes", "low", "high", "declared_minutes"};
    const json_t *offset = json_object_get(section_of(a, "rhythm"), "utc_offset");
    if (!json_object_get(offset, "minutes"))
        return;
    double low = value_of(offset, "low"), high = value_of(offset, "high");
    double declared = value_of(offset, "declared_minutes");
    bool agrees = fabs(remainder(declared - (low + high) / 2, 1440)) <= (high - low) / 2;
    json_t *f = finding_new("clock", "rhythm", agrees ? "moderate" : "low");
    finding_say(f, "headline", SAY(a, agrees ? M_CLOCK_FITS : M_CLOCK_DIFFERS));
    finding_say(f, "statement",
                SAY(a, M_CLOCK, word_offset(value_of(offset, "minutes")), word_offset(low),
                    word_offset(high), word_offset(declared)));
    finding_say(f, "because", SAY(a, M_CLOCK_BECAUSE, word_known(string_of(offset, "method"))));
    finding_say(f, "caveats", SAY(a, M_CLOCK_CAVEAT));
    for (int i = 0; i < 4; i++)
        finding_value(f, names[i], json_object_get(offset, names[i]));
    finding_end(findings, f, evidence_of_use(a));
}

void rhythm_findings(struct analysis *a, json_t *findings)
{
    find_busy(a, findings);
    find_weekdays(a, findings);
    find_zone(a, findings);
}
