/* SPDX-License-Identifier: Apache-2.0 */
/* What in a catalogue contradicts itself, and what its author should know: `telltale catalogue
 * check`. */
#ifndef TELLTALE_ATTRIBUTE_CHECK_H
#define TELLTALE_ATTRIBUTE_CHECK_H

#include "attribute/facts.h"

struct check_finding {
    bool contradiction; /* else a note: allowed, but perhaps not meant */
    const char *file;
    unsigned line;
    const char *text; /* valid during the call */
};

struct check_counts {
    size_t contradictions, notes;
};

/* Contradictions, of facts of the same standing (built in, or a study's own): a name, brand, mark,
 * label or port that two services claim at the same time. Notes are about a study's own files
 * only: what they take from the built-in catalogue, what overlaps with others, what is said twice.
 */
struct check_counts catalogue_check(const struct catalogue *c,
                                    void (*say)(void *context, const struct check_finding *f),
                                    void *context);

#endif
