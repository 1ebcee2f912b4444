/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones with their own history, from the system's TZif files (RFC 8536), and civil dates.
 * Any thread; nothing here uses the process's TZ. */
#ifndef TELLTALE_BASE_ZONE_H
#define TELLTALE_BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct zone;

/* `name` as IANA has it ("Asia/Pyongyang", "UTC"); an error names it when it is unknown. */
int zone_open(const char *name, struct zone **ret, struct error *err);
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z);
/* Seconds east of UTC at that moment. */
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);
/* The second at which the offset changes, between two moments with different offsets. */
int64_t zone_change_s(const struct zone *z, int64_t low_s, int64_t high_s);
/* UTC seconds at which the zone's date `day` (days since 1970-01-01) begins. Where midnight does
 * not exist, the first moment of the day; where it comes twice, the first. */
int64_t zone_day_start_s(const struct zone *z, int32_t day);
/* Local seconds (as if UTC) to UTC; in a gap the moment after it, when twice the first. */
int64_t zone_to_utc_s(const struct zone *z, int64_t local_s);
/* The zone's date at that moment, days since 1970-01-01. */
int32_t zone_day(const struct zone *z, int64_t utc_s);

/* Civil calendar (proleptic Gregorian). Weekday: 0 Monday .. 6 Sunday. */
int32_t date_to_day(int year, int month, int day_of_month);
void day_to_date(int32_t day, int *year, int *month, int *day_of_month);
int day_weekday(int32_t day);

enum { TIME_TEXT_MAX = 32 };
/* "2017-04-01T00:00:00.000Z", and "2017-04-01". Return the length. */
size_t time_print_ms(uint64_t ms, char text[TIME_TEXT_MAX]);
size_t date_print(int32_t day, char text[TIME_TEXT_MAX]);
/* "2017-04-01"; 0 or -1. */
int date_parse(const char *text, size_t len, int32_t *ret_day);
/* RFC 3339, "2017-04-01", "2017-04-01 12:30[:00]", "now", "now-24h", epoch s or ms. Without an offset the
 * time is the zone's (UTC when `z` is NULL). 0 or -1. */
int time_parse_ms(const char *text, size_t len, const struct zone *z, uint64_t now_ms,
                  uint64_t *ret_ms);

#endif
