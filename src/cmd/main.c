/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/audit.h"
#include "cmd/verb.h"
#include "config.h"

static const struct verb *const verbs[] = {&verb_init,  &verb_import, &verb_report,
                                           &verb_flows, &verb_look,   &verb_simulate,
                                           &verb_collect, &verb_compare, &verb_doctor,
                                           &verb_list, &verb_tor, &verb_catalogue,
                                           &verb_verify, &verb_forget, &verb_audit, &verb_export,
                                           &verb_reattribute};
enum { VERB_COUNT = sizeof verbs / sizeof *verbs };

static const struct verb_option common_options[] = {
    {"directory", 'C', "DIR", "the study's folder (default: this one)"},
    {"quiet", 'q', NULL, "no progress, only errors"},
    {"help", 'h', NULL, "this text"},
    {NULL, 0, NULL, NULL},
};
enum { COMMON_DIRECTORY, COMMON_QUIET, COMMON_HELP, COMMON_COUNT };

static void print_option(const struct verb_option *o)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ',' : ' ', o->name, o->argument ? " " : "",
             o->argument ? o->argument : "");
    printf("  %-28s %s\n", left, o->help);
}

static void print_verb_help(const struct verb *v)
{
    printf("Usage: telltale %s %s\n\n%s\n\n", v->name, v->synopsis, v->summary);
    for (const struct verb_option *o = v->options; o->name; o++)
        print_option(o);
    for (const struct verb_option *o = common_options; o->name; o++)
        print_option(o);
    if (v->more)
        printf("\n%s", v->more);
}

static void print_help(void)
{
    printf("telltale %s: flow telemetry about a population of addresses in, a checkable report out\n\n"
           "Usage: telltale VERB [options] [arguments]\n\n",
           TELLTALE_VERSION);
    for (int i = 0; i < VERB_COUNT; i++)
        printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\n`telltale VERB --help` has a verb's options. Exit status: 0 done, 1 failed, 2 usage,\n"
           "3 too many rejected, 4 store busy or unreachable, 5 store damaged, 6 no match.\n");
}

/* The tables as getopt_long wants them. */
struct getopt_tables {
    struct option longs[VERB_OPTIONS_MAX + COMMON_COUNT + 1];
    char shorts[3 * (VERB_OPTIONS_MAX + COMMON_COUNT) + 3];
};

enum { LONG_BASE = 1000 };

static int add_options(struct getopt_tables *t, int count, const struct verb_option *options,
                       int base)
{
    for (int i = 0; options[i].name; i++) {
        t->longs[count++] = (struct option){
            .name = options[i].name,
            .has_arg = options[i].argument ? required_argument : no_argument,
            .val = LONG_BASE + base + i,
        };
        if (options[i].letter) {
            size_t len = strlen(t->shorts);
            t->shorts[len++] = options[i].letter;
            if (options[i].argument)
                t->shorts[len] = ':';
        }
    }
    return count;
}

static int option_of_letter(const struct verb_option *options, int letter)
{
    for (int i = 0; options[i].name; i++)
        if (options[i].letter == letter)
            return i;
    return -1;
}

/* 0 to go on, 1 when help was asked for, negative with `err`. */
static int parse(struct invocation *in, int argc, char **argv, struct error *err)
{
    struct getopt_tables t = {0};
    t.shorts[0] = ':';
    int count = add_options(&t, 0, in->verb->options, 0);
    add_options(&t, count, common_options, VERB_OPTIONS_MAX);
    opterr = 0;
    optind = 1;
    for (int got; (got = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1;) {
        if (got == '?' || got == ':') {
            const char *given = argv[optind - 1];
            char letter[3] = {'-', (char)optopt, 0};
            if (optopt > 0 && optopt < 256)
                given = letter;
            return error_set(err, ERROR_USAGE, got == ':' ? "%s: option %s needs an argument"
                                                          : "%s: there is no option %s",
                             in->verb->name, given);
        }
        int index = got - LONG_BASE;
        if (got < LONG_BASE) {
            index = option_of_letter(in->verb->options, got);
            if (index < 0)
                index = VERB_OPTIONS_MAX + option_of_letter(common_options, got);
        }
        if (index < VERB_OPTIONS_MAX)
            in->values[index] = optarg ? optarg : "";
        else if (index - VERB_OPTIONS_MAX == COMMON_DIRECTORY)
            in->directory = optarg;
        else if (index - VERB_OPTIONS_MAX == COMMON_QUIET)
            in->quiet = true;
        else
            return 1;
    }
    in->arguments = argv + optind;
    in->argument_count = argc - optind;
    if (in->argument_count < in->verb->arguments_min)
        return error_set(err, ERROR_USAGE, "%s: usage: telltale %s %s", in->verb->name,
                         in->verb->name, in->verb->synopsis);
    if (in->verb->arguments_max >= 0 && in->argument_count > in->verb->arguments_max)
        return error_set(err, ERROR_USAGE, "%s: one argument too many: '%s'", in->verb->name,
                         in->arguments[in->verb->arguments_max]);
    return 0;
}

static const struct verb *verb_find(const char *name)
{
    for (int i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int run_verb(int argc, char **argv, struct error *err)
{
    /* `telltale -C DIR VERB` as in git: the common options may stand before the verb. */
    struct invocation in = {.directory = "."};
    while (argc > 2 && strcmp(argv[1], "-C") == 0) {
        in.directory = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 2)
        return error_set(err, ERROR_USAGE, "which verb? `telltale --help` lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("telltale %s\n", TELLTALE_VERSION);
        return 0;
    }
    bool help = strcmp(argv[1], "help") == 0;
    in.verb = verb_find(argv[help ? 2 : 1]);
    if (!in.verb)
        return error_set(err, ERROR_USAGE, "there is no verb '%s'; `telltale --help` lists them",
                         argv[help ? 2 : 1]);
    int status = help ? 1 : parse(&in, argc - 1, argv + 1, err);
    if (status == 1) {
        print_verb_help(in.verb);
        return 0;
    }
    if (status == 0)
        audit_note(&in);
    return status < 0 ? status : in.verb->run(&in, err);
}

/* A reader that has enough (`| head`) is no failure; a full disk is. */
static int finish_stdout(struct error *err)
{
    bool failed = ferror(stdout);
    if (fflush(stdout) != 0)
        return errno == EPIPE ? 0 : error_errno(err, "stdout");
    return failed ? error_set(err, ERROR_FAILED, "stdout: not everything could be written") : 0;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    signal(SIGPIPE, SIG_IGN);
    /* Large tables come from mmap and go back there: of a zeroed table only what is used is ever
     * touched. glibc's own threshold grows with the first free, and then every file of an import
     * pays for clearing whole tables. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    int status = run_verb(argc, argv, &err);
    if (status == 0)
        status = finish_stdout(&err);
    if (status == 0)
        return 0;
    if (err.text[0])
        fprintf(stderr, "telltale: %s\n", err.text);
    return -status;
}
