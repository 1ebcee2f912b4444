/* SPDX-License-Identifier: Apache-2.0 */
/* The model in the forms people and programs read. */
#ifndef TELLTALE_REPORT_REPORT_H
#define TELLTALE_REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

/* Writes to `path` by way of a temporary file beside it ("-": stdout). Stable: sorted as made,
 * 17 significant digits at most, one final newline. */
int report_write_json(const json_t *model, const char *path, struct error *err);
/* One HTML file that needs nothing else: the web bundle with the model inside it. */
int report_write_html(const json_t *model, const char *path, struct error *err);
/* The findings in about ten lines for a terminal. */
void report_print_summary(const json_t *model, FILE *out, int width);

#endif
