/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded engine's description of its tables: files *.sql below its folder. One damaged octet in
 * them makes the whole store unopenable, so a copy is kept beside them. For chdb.c only. */
#ifndef TELLTALE_ENGINE_METADATA_H
#define TELLTALE_ENGINE_METADATA_H

#include "base/error.h"

/* Copies them to PATH/metadata.copy/, each by way of a temporary file. */
int metadata_keep(const char *path, struct error *err);
/* ERROR_DAMAGED names the first that is not as its copy; 0 where there is no copy yet. */
int metadata_check(const char *path, struct error *err);

#endif
