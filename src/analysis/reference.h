/* SPDX-License-Identifier: Apache-2.0 */
/* Another population to compare with: the shares of another study's store, or of a table. Read
 * before the study's own store is opened, since the embedded engine has one store a time. */
#ifndef TELLTALE_ANALYSIS_REFERENCE_H
#define TELLTALE_ANALYSIS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "stats/interval.h"

enum reference_kind { REFERENCE_SERVICE, REFERENCE_CATEGORY, REFERENCE_COUNTRY, REFERENCE_KINDS };

struct reference;

struct reference_row {
    const char *id; /* "facebook", "social", "IN"; borrowed */
    struct estimate share;
};

/* `path`: the folder of a study (its whole period; shares of its own measure), or a CSV file
 * `service,share` (or category, country), with the columns low and high where they are known. */
int reference_load(const char *path, struct reference **ret, struct error *err);
void reference_free(struct reference *r);
/* The study's name, or the file's path; "study" or "table"; its measure, "" of a table. */
const char *reference_name(const struct reference *r);
const char *reference_kind(const struct reference *r);
const char *reference_measure(const struct reference *r);
/* False where the other study's shares are of another measure: conversations against packets. */
bool reference_comparable(const struct reference *r, const char *measure);
/* Rows with a share, ascending by id. */
size_t reference_rows(const struct reference *r, enum reference_kind kind);
struct reference_row reference_row(const struct reference *r, enum reference_kind kind, size_t i);
/* False where the reference does not know it: of a study that means a share of 0 with its bound. */
bool reference_find(const struct reference *r, enum reference_kind kind, const char *id,
                    struct estimate *ret);
/* a / b with an interval of 95% from their own (on the logarithm); no interval where b's is not
 * known. */
struct estimate reference_ratio(struct estimate a, struct estimate b);

#endif
