/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of the files of a run, computed by a thread of its own one file ahead: a source is known
 * by its content before its first row is stored, and that shall not keep the reader waiting. */
#ifndef TELLTALE_CMD_DIGESTS_H
#define TELLTALE_CMD_DIGESTS_H

#include <stdint.h>

#include "base/error.h"

struct digests;

struct digests *digests_new(void);
void digests_free(struct digests *d);
/* Files in the order in which they will be asked for; `path` is borrowed. Before the first
 * digests_of(). */
void digests_offer(struct digests *d, const char *path);
/* The digest of a file, offered or not; one that changed since it was computed is computed again.
 */
int digests_of(struct digests *d, const char *path, uint8_t ret[32], struct error *err);

#endif
