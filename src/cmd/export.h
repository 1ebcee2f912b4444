/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of `telltale export`: conversations of the store, and a finished report. */
#ifndef TELLTALE_CMD_EXPORT_H
#define TELLTALE_CMD_EXPORT_H

#include "cmd/verb.h"
#include "report/pseudonym.h"

struct export_options {
    const char *what;   /* "ipfix", ..., "stix", ... */
    const char *output; /* NULL: not given */
    const char *from, *to, *format, *tlp;
    uint16_t community_seed;
    struct pseudonyms *pseudonyms; /* NULL: as they are */
    bool one_way;
    char **arguments; /* after WHAT */
    int argument_count;
};

int export_flows(const struct invocation *in, const struct export_options *o, struct error *err);
int export_report(const struct invocation *in, const struct export_options *o, struct error *err);

/* The report's model with pseudonyms; server names are those that the study's store knows. */
struct store;
int export_hide_model(struct store *store, struct pseudonyms *p, const json_t *model, json_t **ret,
                      struct error *err);

#endif
