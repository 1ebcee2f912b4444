/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cmd/verb.h"
#include "study/study.h"

static int run(struct invocation *in, struct error *err)
{
    int status = study_init(in->arguments[0], err);
    if (status == 0 && !in->quiet)
        fprintf(stderr,
                "telltale: made %s/study.yaml; put your population, zone and period there, then:\n"
                "  telltale import -C %s FILE...\n  telltale report -C %s -o report.html\n",
                in->arguments[0], in->arguments[0], in->arguments[0]);
    return status;
}

static const struct verb_option options[] = {{NULL, 0, NULL, NULL}};

const struct verb verb_init = {
    .name = "init",
    .synopsis = "DIR",
    .summary = "make a study: a folder with a commented study.yaml",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
