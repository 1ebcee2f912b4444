/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale reattribute`: what is stored, by today's catalogue, lists and geography. */
#include <inttypes.h>
#include <stdio.h>

#include "attribute/attribute.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "store/reattribute.h"

static const struct verb_option options[] = {{NULL, 0, NULL, NULL}};

struct doing {
    struct attribution *attribution;
    struct progress progress;
};

static void attribute(void *ctx, struct batch *flows)
{
    struct doing *d = ctx;
    attribution_batch(d->attribution, flows);
}

static void show(void *ctx, uint64_t done, uint64_t of)
{
    struct doing *d = ctx;
    progress_show(&d->progress, done, of, done);
}

static int reattribute(struct invocation *in, struct store *store, struct attribution *attribution,
                       struct error *err)
{
    struct doing d = {.attribution = attribution};
    struct reattribution sums;
    progress_start(&d.progress, "reattribute", "conversations", in->quiet);
    int status = store_reattribute(store, attribute, show, &d, &sums, err);
    progress_clear(&d.progress);
    if (status == 0 && !in->quiet)
        printf("%" PRIu64 " of %" PRIu64 " conversations on %" PRIu64 " of %" PRIu64
               " days are attributed anew\n",
               sums.changed, sums.conversations, sums.days_changed, sums.days);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    struct store *store = NULL;
    struct attribution *attribution = NULL;
    int status = study_load(in->directory, &study, err);
    if (status == 0)
        status = store_open(study, STORE_WRITE, &store, err);
    if (status == 0)
        status = attribution_open(study, store_symbols(store), &attribution, err);
    if (status == 0)
        status = reattribute(in, store, attribution, err);
    attribution_free(attribution);
    store_close(store);
    study_free(study);
    return status;
}

const struct verb verb_reattribute = {
    .name = "reattribute",
    .synopsis = "[-C DIR]",
    .summary = "attribute what is stored anew, by today's catalogue, lists and geography",
    .options = options,
    .arguments_max = 0,
    .run = run,
    .more =
        "Services, countries and owners are made again from what is stored of each conversation\n"
        "(names, payload protocol, addresses, ports), a day at a time; facts are not touched.\n"
        "Interrupted at any moment, it goes on when it is called again.\n",
};
