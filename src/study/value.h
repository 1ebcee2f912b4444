/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write them in a study, an event list or a world. */
#ifndef TELLTALE_STUDY_VALUE_H
#define TELLTALE_STUDY_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/zone.h"

/* "90s", "30m", "1h", "1d", "2w", "250ms", also "1h30m"; 0 or -1. "0" is no time at all. */
int duration_parse_ms(const char *text, size_t len, uint64_t *ret_ms);

/* A prefix without host bits, or what is wrong with it in `why`: 0 or -1. */
enum { VALUE_WHY_MAX = 240 };
int value_prefix(const char *text, struct prefix *ret, char why[VALUE_WHY_MAX]);

/* A date or a time of the zone ("2017-05-14", "2017-05-14T05:28"), or one with an offset.
 * 0 or -1; `date_only` says which it was. */
int value_time(const char *text, const struct zone *z, uint64_t *ret_ms, _Bool *date_only);

#endif
