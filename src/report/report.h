/* SPDX-License-Identifier: Apache-2.0 */
/* The model in the forms people and programs read. */
#ifndef TELLTALE_REPORT_REPORT_H
#define TELLTALE_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* Writes to `path` by way of a temporary file beside it ("-": stdout). Stable: sorted as made,
 * 17 significant digits at most, one final newline. */
int report_write_json(const json_t *model, const char *path, struct error *err);
/* One HTML file that needs nothing else: the web bundle with the model inside it. */
int report_write_html(const json_t *model, const char *path, struct error *err);
/* The same, opening in a language of reports ("en", "ja"): every page holds all of them. */
int report_write_page(const json_t *model, const char *language, const char *path,
                      struct error *err);
/* The page as PDF on A4, by a Chromium that is installed: the program CHROMIUM names, or the first
 * of chromium, chromium-browser, google-chrome in PATH. It is started without a network, reads the
 * page from a folder of its own and is waited for (two minutes at most); without one, an error says
 * so. */
int report_write_pdf(const json_t *model, const char *language, const char *path,
                     struct error *err);
/* Whether reports exist in this language. */
bool report_has_language(const char *language);
/* The findings in about ten lines for a terminal, in English or the language given. */
void report_print_summary(const json_t *model, FILE *out, int width);
void report_print_summary_in(const json_t *model, const char *language, FILE *out, int width);

#endif
