/* SPDX-License-Identifier: Apache-2.0 */
/* Data records to rows, by compiled templates. The hot path: nothing is allocated, and columns are
 * filled one after the other for up to RECORDS_AT_ONCE records, so that every loop is a plain one.
 *
 * The order of work: find the records, drop those outside the population, drop those that are
 * events, work out the times and drop the impossible, and only then write rows. */
#ifndef TELLTALE_DECODE_RECORDS_H
#define TELLTALE_DECODE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/templates.h"

enum { RECORDS_AT_ONCE = 256 };
enum legacy { LEGACY_V1, LEGACY_V5, LEGACY_V7, LEGACY_COUNT };

struct records;
struct message;

struct records *records_new(void);
void records_free(struct records *r);

/* Decodes the records of one data set and accounts for each. Returns how many there were, also
 * those that were rejected; octets after the last whole record are padding. `*ret_broken` is set
 * when a variable length leads outside: the rest is counted as one rejected record. */
size_t records_decode(struct message *m, const struct template *t, struct bytes data,
                      bool *ret_broken);

/* The same for options data: samplers, applications and start times are noted. */
size_t options_decode(struct message *m, const struct template *t, struct bytes data,
                      bool *ret_broken);

/* Finds up to RECORDS_AT_ONCE records of `t` at the start of `*data` and moves past them. */
size_t records_find(struct records *r, const struct template *t, struct bytes *data,
                    bool *ret_broken);
/* Value of a step of the i-th record found: integers (0 where it is too wide), texts. */
uint64_t records_number(const struct records *r, const struct step *s, size_t i);
struct bytes records_text(const struct records *r, const struct step *s, size_t i);

#endif
