/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one table of verbs, one table of options a verb, one file a verb. Help and
 * error lines are made from the tables. */
#ifndef TELLTALE_CMD_VERB_H
#define TELLTALE_CMD_VERB_H

#include <stdbool.h>

#include "base/error.h"

enum { VERB_OPTIONS_MAX = 24 };

struct verb_option {
    const char *name;     /* long name, without dashes; NULL ends the table */
    char letter;          /* 0 for none */
    const char *argument; /* NULL for a flag; otherwise what help calls it */
    const char *help;
};

/* What was given: values by the option's place in the verb's table; the last one counts. */
struct invocation {
    const struct verb *verb;
    const char *values[VERB_OPTIONS_MAX]; /* "" for a flag that was given, NULL for one not given */
    char **arguments;
    int argument_count;
    const char *directory; /* -C, "." when not given */
    bool quiet;            /* -q */
};

struct verb {
    const char *name, *synopsis, *summary;
    const struct verb_option *options;
    int arguments_min, arguments_max; /* -1: any number */
    /* 0, or an error code with `err` filled; main prints it and exits with its number. */
    int (*run)(struct invocation *in, struct error *err);
    const char *more; /* further lines of the help; NULL for none */
};

extern const struct verb verb_init, verb_import, verb_report, verb_flows, verb_look, verb_simulate;
extern const struct verb verb_collect, verb_compare, verb_doctor;
extern const struct verb verb_list, verb_tor;
extern const struct verb verb_catalogue;
extern const struct verb verb_forget, verb_audit, verb_verify, verb_export;
extern const struct verb verb_reattribute;

#endif
