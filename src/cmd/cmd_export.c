/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/export.h"
#include "cmd/select.h"
#include "cmd/verb.h"

enum {
    OPTION_OUTPUT,
    OPTION_FROM,
    OPTION_TO,
    OPTION_FORMAT,
    OPTION_TLP,
    OPTION_PSEUDONYMS,
    OPTION_COMMUNITY_SEED,
    OPTION_ONE_WAY,
};
static const struct verb_option options[] = {
    {"output", 'o', "FILE", "where to (- for stdout; tables: a folder)"},
    {"from", 0, "TIME", "conversations that start at TIME or later"},
    {"to", 0, "TIME", "... and before TIME"},
    {"format", 'f', "FORMAT", "tables: csv or parquet (default: csv)"},
    {"tlp", 0, "LEVEL",
     "stix, misp: clear, green, amber, amber+strict or red (default: the report's, amber)"},
    {"pseudonyms", 0, "KEYFILE", "addresses and names as pseudonyms of this key (docs/privacy.md)"},
    {"community-seed", 0, "N", "seed of Community IDs (default: 0)"},
    {"one-way", 0, NULL, "ipfix: two records a conversation, no reverse elements (RFC 5103)"},
    {NULL, 0, NULL, NULL},
};

static const struct {
    const char *what;
    int (*run)(const struct invocation *in, const struct export_options *o, struct error *err);
} kinds[] = {
    {"ipfix", export_flows},   {"nfcapd", export_flows}, {"csv", export_flows},
    {"parquet", export_flows}, {"stix", export_report},  {"misp", export_report},
    {"tables", export_report},
};

static int run(struct invocation *in, struct error *err)
{
    struct export_options o = {
        .what = in->arguments[0],
        .output = in->values[OPTION_OUTPUT],
        .from = in->values[OPTION_FROM],
        .to = in->values[OPTION_TO],
        .format = in->values[OPTION_FORMAT],
        .tlp = in->values[OPTION_TLP],
        .one_way = in->values[OPTION_ONE_WAY] != NULL,
        .arguments = in->arguments + 1,
        .argument_count = in->argument_count - 1,
    };
    const char *seed = in->values[OPTION_COMMUNITY_SEED], *key = in->values[OPTION_PSEUDONYMS];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].what, o.what) != 0)
            continue;
        int status = select_seed("export", seed, &o.community_seed, err);
        if (status == 0 && key)
            status = pseudonyms_open(key, &o.pseudonyms, err);
        if (status == 0)
            status = kinds[i].run(in, &o, err);
        pseudonyms_free(o.pseudonyms);
        return status;
    }
    return error_set(err, ERROR_USAGE,
                     "export: what is '%s'? ipfix, nfcapd, csv, parquet, stix, misp or tables",
                     o.what);
}

const struct verb verb_export = {
    .name = "export",
    .synopsis = "[-C DIR] WHAT [-o FILE] [FILTER | REPORT.json]",
    .summary = "conversations as flow files, a report as STIX, MISP or tables",
    .options = options,
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
    .more =
        "WHAT is ipfix, nfcapd, csv or parquet with a FILTER (as in `telltale flows`): kept "
        "conversations for\n"
        "nfdump, SiLK (rwipfix2silk), Zeek-minded tools, and `telltale import`. Or stix, misp or "
        "tables with a\n"
        "REPORT.json: a STIX 2.1 bundle, a MISP event, every table of the report in a folder. See "
        "docs/export.md.\n",
};
