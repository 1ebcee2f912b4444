/* SPDX-License-Identifier: Apache-2.0 */
/* YAML by schema: libcyaml makes the values, and every problem is one line "FILE:LINE: what".
 *
 * libcyaml's own messages name the place only roughly (an unknown key gets the line of the
 * mapping), so the document is checked against the same schema first. Aliases are not taken: they
 * are the way to make a small file large. */
#ifndef TELLTALE_STUDY_YAMLFILE_H
#define TELLTALE_STUDY_YAMLFILE_H

#include <cyaml/cyaml.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum { YAMLFILE_MAX_OCTETS = 16 << 20 };

struct yamlfile;

/* Reads a file of at most YAMLFILE_MAX_OCTETS. */
int yamlfile_read(const char *path, struct buf *ret, struct error *err);

/* `schema` is a mapping with CYAML_FLAG_POINTER. `path` is for messages, `text` is not kept.
 * ERROR_USAGE and a line where the text does not follow the schema. */
int yamlfile_parse(const char *path, const char *text, size_t len,
                   const cyaml_schema_value_t *schema, struct yamlfile **ret, struct error *err);
void yamlfile_free(struct yamlfile *y);

/* The structure that the schema describes; valid until yamlfile_free(). */
const void *yamlfile_data(const struct yamlfile *y);

/* Line of the value at "period.from" or "population[2].prefix", counted from 1; where the path ends
 * early (an optional key that is absent), the line of the last part that is there. */
size_t yamlfile_line(const struct yamlfile *y, const char *where);

/* ERROR_USAGE with "FILE:LINE: " before what `format` says. */
int yamlfile_wrong(const struct yamlfile *y, struct error *err, const char *where,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
