/* SPDX-License-Identifier: Apache-2.0 */
/* Structured data in records (RFC 6313): basicList, subTemplateList and subTemplateMultiList, also
 * inside each other. What is read of them: server names and TCP flags, which YAF puts there. What
 * is damaged inside a list ends that list only: the record's end is known from its length. */
#ifndef TELLTALE_DECODE_NESTED_H
#define TELLTALE_DECODE_NESTED_H

#include <stddef.h>

#include "decode/records.h"

/* Fills what lists tell of `count` rows from `row` on: names where the record itself gave none,
 * flags or-ed. Call after the record's own columns. */
void nested_write(struct message *m, const struct records *r, const struct template *t,
                  size_t count, size_t row);

#endif
