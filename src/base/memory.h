/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory that is there or the program ends: what each caller asks for is bounded by a limit
 * stated at creation, so running out is the machine's state, not the input's. */
#ifndef TELLTALE_BASE_MEMORY_H
#define TELLTALE_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

void *memory_alloc(size_t size); /* zeroed */
void *memory_array(size_t count, size_t size); /* zeroed */
void *memory_resize(void *old, size_t count, size_t size); /* the new part is not zeroed */
char *memory_text(const char *text, size_t len); /* a copy that ends in NUL */

/* Says on stderr that `size` more octets could not be had, and ends the program (status 1). */
__attribute__((noreturn)) void memory_exhausted(size_t size);

#endif
