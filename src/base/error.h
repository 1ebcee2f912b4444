/* SPDX-License-Identifier: Apache-2.0 */
/* A failed operation: what went wrong, in one line for the person who reads it.
 *
 * Functions that can fail return 0 or a negative enum error_code and fill `err` (which may be NULL)
 * once, where the failure is first seen. Callers may put context before it with error_context().
 * Bad input from a file or the network is not an error: it is counted (schema/tally.h). */
#ifndef TELLTALE_BASE_ERROR_H
#define TELLTALE_BASE_ERROR_H

#include <stdarg.h>

enum error_code {
    ERROR_NONE = 0,
    ERROR_FAILED = -1,  /* the operation failed; exit status 1 */
    ERROR_USAGE = -2,   /* a wrong option, study file or filter; exit status 2 */
    ERROR_REJECTS = -3, /* too much of the input was rejected; exit status 3 */
    ERROR_BUSY = -4,    /* the store is busy or cannot be reached; exit status 4 */
    ERROR_DAMAGED = -5, /* the store differs from its ledger; exit status 5 */
    ERROR_NOMATCH = -6, /* nothing matched, and --fail-empty was given; exit status 6 */
};

struct error {
    enum error_code code;
    char text[1024];
};

/* Sets `err` and returns `code`. A text too long for the room is cut and ends in "...". */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like error_set() with ERROR_FAILED, and ": " and strerror(errno) at the end. */
int error_errno(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text that is there. Returns err->code, or ERROR_FAILED without err. */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
