/* SPDX-License-Identifier: Apache-2.0 */
/* A report held against what is measured now. */
#ifndef TELLTALE_REPORT_VERIFY_H
#define TELLTALE_REPORT_VERIFY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "study/study.h"

/* Reads a report's JSON ("-": stdin). ERROR_FAILED for what is none. */
int report_read(const char *path, json_t **ret, struct error *err);

/* `pointer` is RFC 6901's; `was` or `is` is NULL where there is nothing. */
typedef void report_difference(void *ctx, const char *pointer, const json_t *was, const json_t *is);
/* Calls `each` for every value that differs, in the order of `was`; numbers differ when their
 * values do. provenance's generated, digest, engine and program_version do not count. Returns how
 * many. */
size_t report_compare(const json_t *was, const json_t *is, report_difference *each, void *ctx);

/* True when provenance.digest is the model's. */
bool report_is_whole(const json_t *model);

/* Puts the study's own files with their SHA-256 into provenance.inputs, [{path, sha256}], paths as
 * seen from the study's folder, and makes the digest anew. */
int report_add_inputs(json_t *model, const struct study *study, struct error *err);

enum report_input { INPUT_SAME, INPUT_CHANGED, INPUT_MISSING };
/* Calls `each` for every source and input that the model names a digest of. Relative paths lie in
 * the current folder or in the study's (inputs: the study's). "-" and what is no path is passed
 * over. */
void report_check_inputs(const json_t *model, const char *dir,
                         void (*each)(void *ctx, const char *path, enum report_input state),
                         void *ctx);

#endif
