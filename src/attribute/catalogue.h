/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of services: what the files of catalogue/ say (built into the program), and a
 * study's own files after it. Read-only once loaded. */
#ifndef TELLTALE_ATTRIBUTE_CATALOGUE_H
#define TELLTALE_ATTRIBUTE_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct catalogue;

/* `files` are a study's own; NULL and 0 for none. */
int catalogue_load(const char *const *files, size_t file_count, struct catalogue **ret,
                   struct error *err);
void catalogue_free(struct catalogue *c);

size_t catalogue_services(const struct catalogue *c);
/* By index: id ("facebook"), name ("Facebook"), category id ("social"). */
const char *catalogue_service_id(const struct catalogue *c, size_t index);
const char *catalogue_service_name(const struct catalogue *c, size_t index);
const char *catalogue_service_category(const struct catalogue *c, size_t index);
/* -1 when there is none of that id. */
int catalogue_find(const struct catalogue *c, const char *id, size_t len);

size_t catalogue_categories(const struct catalogue *c);
const char *catalogue_category_id(const struct catalogue *c, size_t index);
const char *catalogue_category_name(const struct catalogue *c, size_t index);
int catalogue_category_find(const struct catalogue *c, const char *id, size_t len);

#endif
