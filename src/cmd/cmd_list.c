/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale list`: lists of addresses with dates into the study, and what of them is there. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attribute/dated.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/zone.h"
#include "cmd/verb.h"
#include "schema/values.h"
#include "study/study.h"

enum { OPTION_KIND, OPTION_LABEL, OPTION_DATE, OPTION_SINCE, OPTION_OWNER };
static const struct verb_option options[] = {
    {"kind", 'k', "KIND", "vpn, proxy, tor, cdn, cloud, hosting or owner"},
    {"label", 'l', "TEXT", "what the list is of: the provider's name"},
    {"date", 'd', "DATE", "when it was made (default: what the document says itself)"},
    {"since", 0, "DATE", "it held from this date on already, before the first edition"},
    {"owner", 0, "KIND", "with --kind owner: university, laboratory, government, military..."},
    {NULL, 0, NULL, NULL},
};

static int read_date(struct invocation *in, int option, int32_t *ret, struct error *err)
{
    const char *text = in->values[option];
    if (text && date_parse(text, strlen(text), ret) != 0)
        return error_set(err, ERROR_USAGE, "list: '%s' is no date (2017-05-01 would be)", text);
    return 0;
}

static int read_options(struct invocation *in, struct cidrlist *l, struct error *err)
{
    const char *kind = in->values[OPTION_KIND], *label = in->values[OPTION_LABEL];
    const char *owner = in->values[OPTION_OWNER];
    char slug[LIST_SLUG_MAX];
    if (!kind || list_kind_value(kind) < 0)
        return error_set(err, ERROR_USAGE,
                         "list add: --kind is one of vpn, proxy, tor, cdn, "
                         "cloud, hosting, owner");
    l->kind = (enum list_kind)list_kind_value(kind);
    list_slug(label ? label : "", slug);
    if (!slug[0] || strpbrk(label, "\r\n"))
        return error_set(err, ERROR_USAGE, "list add: --label is a name with letters or digits");
    int value = owner ? owner_value(owner, strlen(owner)) : -1;
    if (l->kind == LIST_OWNER && value <= 0)
        return error_set(err, ERROR_USAGE,
                         "list add: --kind owner needs --owner with a kind of organisation "
                         "(university, laboratory, government, military, bank...)");
    if (l->kind != LIST_OWNER && owner)
        return error_set(err, ERROR_USAGE, "list add: --owner goes with --kind owner");
    l->owner = l->kind == LIST_OWNER ? (unsigned)value : OWNER_UNKNOWN;
    l->label = memory_text(label, strlen(label));
    int status = read_date(in, OPTION_DATE, &l->day, err);
    return status ? status : read_date(in, OPTION_SINCE, &l->since, err);
}

static void say_count(uint64_t count, const char *what)
{
    if (count)
        fprintf(stderr, "  %" PRIu64 " %s\n", count, what);
}

static void say_counts(const struct cidr_counts *c, const struct cidrlist *l)
{
    char date[TIME_TEXT_MAX];
    date_print(l->day, date);
    fprintf(stderr,
            "telltale: %s list \"%s\", edition of %s: %zu prefixes of %" PRIu64 " lines (%s)\n",
            list_kind_text(l->kind), l->label, date, l->count, c->lines, c->format);
    say_count(c->no_address, "lines without an address: passed over");
    say_count(c->bad_address, "lines with an address that cannot be: passed over");
    say_count(c->whole_internet, "prefixes that are the whole Internet: passed over");
    say_count(c->too_long, "lines longer than 64 kB: passed over");
    say_count(c->host_bits, "addresses with a length, taken as their network");
    say_count(c->repeated, "said more than once");
}

/* Every file into one list; the date is the option's, or the latest that the files give. */
static int read_files(struct invocation *in, struct cidrlist *l, struct cidr_counts *counts,
                      struct error *err)
{
    struct buf names;
    int32_t told = CIDR_NO_DAY;
    int status = 0;
    buf_init(&names, 1 << 20);
    for (int i = 1; i < in->argument_count && status == 0; i++) {
        const char *slash = strrchr(in->arguments[i], '/');
        status = cidrlist_read_file(l, in->arguments[i], counts, err);
        told = counts->day > told ? counts->day : told;
        buf_format(&names, "%s%.200s", i > 1 ? ", " : "", slash ? slash + 1 : in->arguments[i]);
    }
    for (char *c = names.at; c && *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    l->from = names.at ? memory_text(names.at, names.len < 900 ? names.len : 900) : NULL;
    buf_done(&names);
    if (status)
        return status;
    l->day = l->day != CIDR_NO_DAY ? l->day : told;
    if (l->day == CIDR_NO_DAY)
        return error_set(err, ERROR_USAGE,
                         "list add: --date: when was the list made? "
                         "(the file does not say)");
    cidrlist_sort(l, counts);
    if (l->count == 0)
        return error_set(err, ERROR_REJECTS, "list add: no prefix in %s", in->arguments[1]);
    return 0;
}

static int save(const struct study *study, const struct cidrlist *l, bool quiet, struct error *err)
{
    char path[4096];
    if (mkdir(study->lists, 0777) != 0 && errno != EEXIST)
        return error_errno(err, "%s", study->lists);
    dated_list_path(study->lists, l, path, sizeof path);
    bool replaces = access(path, F_OK) == 0;
    int status = cidrlist_save(l, path, err);
    if (status == 0 && !quiet)
        fprintf(stderr,
                "telltale: %s %s\ntelltale: conversations stored before keep their attribution "
                "until `telltale reattribute`\n",
                replaces ? "replaced" : "wrote", path);
    return status;
}

static int add(struct invocation *in, const struct study *study, struct error *err)
{
    struct cidrlist l;
    struct cidr_counts counts = {0};
    cidrlist_init(&l);
    int status = read_options(in, &l, err);
    if (status == 0)
        status = read_files(in, &l, &counts, err);
    if (status == 0 && !in->quiet)
        say_counts(&counts, &l);
    if (status == 0)
        status = save(study, &l, in->quiet, err);
    cidrlist_done(&l);
    return status;
}

static int show(const struct study *study, struct error *err)
{
    struct dated *d;
    const struct dated_list *lists;
    int status = dated_open(study->lists, study->tor_age_s, &d, err);
    if (status)
        return status;
    size_t count = dated_lists(d, &lists);
    for (size_t i = 0; i < count; i++)
        for (size_t e = 0; e < lists[i].edition_count; e++) {
            const struct cidrlist *l = &lists[i].editions[e];
            char date[TIME_TEXT_MAX], since[TIME_TEXT_MAX] = "";
            date_print(l->day, date);
            if (l->since != CIDR_NO_DAY)
                date_print(l->since, since);
            printf("%-8s %-24s %s %8zu prefixes%s%s  %s\n", list_kind_text(l->kind), l->label, date,
                   l->count, since[0] ? ", since " : "", since, l->from ? l->from : "");
        }
    const struct tor_span *spans;
    size_t relays = tor_spans(dated_tor(d), &spans);
    if (relays)
        printf("%-8s %-24s %10s %8zu entries (telltale tor)\n", "tor", "Tor's relays", "", relays);
    if (count == 0 && relays == 0)
        printf("no lists: `telltale list add --kind KIND --label TEXT --date DATE FILE...`\n");
    dated_free(d);
    return 0;
}

static int run(struct invocation *in, struct error *err)
{
    struct study *study = NULL;
    bool adds = in->argument_count > 0 && strcmp(in->arguments[0], "add") == 0;
    if (in->argument_count > 0 && !adds)
        return error_set(err, ERROR_USAGE, "list: '%s' is not one of its words (add)",
                         in->arguments[0]);
    if (adds && in->argument_count < 2)
        return error_set(err, ERROR_USAGE, "list add: which files?");
    int status = study_load(in->directory, &study, err);
    if (status)
        return status;
    status = adds ? add(in, study, err) : show(study, err);
    study_free(study);
    return status;
}

const struct verb verb_list = {
    .name = "list",
    .synopsis = "[-C DIR] [add --kind KIND --label TEXT [--date DATE] FILE...]",
    .summary = "lists of addresses with dates: add an edition, or show what is there",
    .options = options,
    .arguments_max = -1,
    .run = run,
    .more = "FILE holds prefixes, addresses or ranges, one a line (comments, CSV and ipset are\n"
            "understood), or is a JSON document as AWS, Google, Azure and Oracle publish their\n"
            "ranges; plain or compressed. Several files make one edition. A flow is judged by the\n"
            "edition not newer than its date; a study's lists win over the catalogue.\n",
};
