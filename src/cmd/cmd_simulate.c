/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/progress.h"
#include "cmd/verb.h"
#include "world/world.h"

enum { OPTION_OUTPUT, OPTION_FORMAT, OPTION_SEED, OPTION_SCALE };
static const struct verb_option options[] = {
    {"output", 'o', "DIR", "where the files go (needed)"},
    {"format", 'f', "LIST", "ipfix, ipfix-pcap, netflow9, netflow5, csv (default: ipfix)"},
    {"seed", 0, "N", "instead of the world's own seed"},
    {"scale", 0, "X", "times the world's number of conversations (default 1)"},
    {NULL, 0, NULL, NULL},
};

static const struct {
    const char *name;
    enum world_format format;
} formats[] = {{"ipfix", WORLD_IPFIX_FILE},
               {"ipfix-pcap", WORLD_IPFIX_PCAP},
               {"netflow9", WORLD_NETFLOW9},
               {"netflow5", WORLD_NETFLOW5},
               {"csv", WORLD_CSV}};

static int parse_formats(const char *list, unsigned *ret, struct error *err)
{
    unsigned found = 0;
    while (*list) {
        size_t len = strcspn(list, ",");
        unsigned one = 0;
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
            if (strlen(formats[i].name) == len && memcmp(formats[i].name, list, len) == 0)
                one = formats[i].format;
        if (!one)
            return error_set(err, ERROR_USAGE, "simulate: there is no format '%.*s'", (int)len, list);
        found |= one;
        list += len + (list[len] == ',');
    }
    *ret = found;
    return 0;
}

static void show(void *ctx, uint64_t done, uint64_t of)
{
    progress_show(ctx, done, of, done);
}

static int run(struct invocation *in, struct error *err)
{
    struct progress progress;
    struct world_setting setting = {.formats = WORLD_IPFIX_FILE, .scale = 1};
    const char *output = in->values[OPTION_OUTPUT], *seed = in->values[OPTION_SEED];
    char *end = NULL;
    if (!output)
        return error_set(err, ERROR_USAGE, "simulate: where to? give -o DIR");
    if (in->values[OPTION_FORMAT] &&
        parse_formats(in->values[OPTION_FORMAT], &setting.formats, err) < 0)
        return ERROR_USAGE;
    if (seed && ((setting.seed = strtoull(seed, &end, 10)), *end || end == seed))
        return error_set(err, ERROR_USAGE, "simulate: '%s' is no seed", seed);
    const char *scale = in->values[OPTION_SCALE];
    if (scale && ((setting.scale = strtod(scale, &end)), *end || !(setting.scale > 0)))
        return error_set(err, ERROR_USAGE, "simulate: '%s' is no scale", scale);
    progress_start(&progress, "simulate", "conversations", in->quiet);
    setting.progress = show;
    setting.progress_ctx = &progress;
    int status = world_simulate(in->arguments[0], output, &setting, err);
    progress_clear(&progress);
    if (status == 0 && !in->quiet)
        fprintf(stderr, "telltale: simulated %s into %s in %.1f s\n", in->arguments[0], output,
                progress_seconds(&progress));
    return status;
}

const struct verb verb_simulate = {
    .name = "simulate",
    .synopsis = "WORLD.yaml -o DIR [--format LIST]",
    .summary = "a simulated population with known truth, in real wire formats",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
