/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: one arena a study, report or request.
 * Allocation never returns NULL: past `limit` octets, or when the system has no more, the program
 * ends with a message (limits are set far above what valid input needs). Not shared by threads. */
#ifndef TELLTALE_BASE_ARENA_H
#define TELLTALE_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t limit);
void arena_free(struct arena *a);

/* Zeroed, aligned for any type, valid until arena_free(). */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_text(struct arena *a, const char *text, size_t len);
char *arena_format(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t arena_used(const struct arena *a);

#endif
