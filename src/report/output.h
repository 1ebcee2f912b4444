/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is there whole or not at all: written beside its place under another name, moved into
 * place by output_commit(). "-" is stdout; what is there and no regular file (a pipe, /dev/null) is
 * written to as it is. */
#ifndef TELLTALE_REPORT_OUTPUT_H
#define TELLTALE_REPORT_OUTPUT_H

#include <stdio.h>

#include "base/error.h"

struct output {
    FILE *file; /* write here; its error flag is looked at by output_commit() */
    char *path;
    char *temporary; /* NULL where `file` is the place itself */
};

int output_open(struct output *o, const char *path, struct error *err);
/* Ends `o` in every case. On failure what was at `path` before is still there. */
int output_commit(struct output *o, struct error *err);
/* Ends `o`; nothing is left behind. */
void output_abort(struct output *o);

#endif
