/* SPDX-License-Identifier: Apache-2.0 */
/* Why nothing arrives: each check is one line, what is wrong says what to do about it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/zone.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "schema/tally.h"
#include "server/listen.h"
#include "study/study.h"

enum { OPTION_SPOOL, OPTION_LISTEN, OPTION_JSON };
static const struct verb_option options[] = {
    {"spool", 0, "DIR", "the collector's spool (default: spool in the study's folder)"},
    {"listen", 'l', "WHERE,..",
     "ports to look at where no collector runs (default: 2055,4739,6343)"},
    {"json", 0, NULL, "the checks as JSON on stdout"},
    {NULL, 0, NULL, NULL},
};

enum grade { GRADE_OK, GRADE_NOTE, GRADE_WRONG };

enum {
    STALE_MS = 10000,     /* the collector writes its status every second */
    SILENT_MS = 600000,   /* an exporter that used to send */
    CLOCK_S = 120,        /* further off than this is a wrong clock: exports wait up to a minute */
    ROOM_LEAST = 1 << 30, /* octets free for the spool */
    SENDERS_SHOWN = 20,
};

struct doctor {
    json_t *checks;
    size_t wrong;
    bool json;
    uint64_t now_ms;
};

static void say(struct doctor *d, enum grade grade, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct doctor *d, enum grade grade, const char *about, const char *format, ...)
{
    static const char *const words[] = {"ok", "note", "wrong"};
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->wrong += grade == GRADE_WRONG;
    json_array_append_new(d->checks, json_pack("{s:s, s:s, s:s}", "check", about, "grade",
                                               words[grade], "text", text));
    if (!d->json)
        printf("%-5s  %-10s  %s\n", words[grade], about, text);
}

static uint64_t get(const json_t *j, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

static const char *get_text(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* --- the study and the spool --- */

static void check_study(struct doctor *d, const struct study *s)
{
    double addresses = 0;
    for (size_t i = 0; i < s->population_count; i++) {
        const struct prefix *p = &s->population[i].prefix;
        if (ip_is_v4(&p->ip) && p->len_bits >= 96)
            addresses += (double)(UINT64_C(1) << (128 - p->len_bits));
    }
    say(d, GRADE_OK, "study", "%s: %zu prefix%s, %.0f IPv4 addresses, %zu pivot%s", s->name,
        s->population_count, s->population_count == 1 ? "" : "es", addresses, s->pivot_count,
        plural(s->pivot_count));
    int64_t now = (int64_t)time(NULL) * 1000;
    if (now < (int64_t)s->from_ms || now >= (int64_t)s->to_ms)
        say(d, GRADE_NOTE, "study",
            "today lies outside the study's period: what is collected now is kept, "
            "but no report of this period counts it; see `period` in %s",
            s->file);
}

static bool check_spool(struct doctor *d, const char *spool)
{
    struct statvfs fs;
    if (access(spool, F_OK) < 0) {
        say(d, GRADE_NOTE, "spool", "%s is not there: no collector has run here", spool);
        return false;
    }
    if (access(spool, W_OK | X_OK) < 0) {
        say(d, GRADE_NOTE, "spool", "%s cannot be written by this user: %s", spool,
            strerror(errno));
    } else if (statvfs(spool, &fs) == 0) {
        double room = (double)fs.f_bavail * (double)fs.f_frsize;
        if (room < ROOM_LEAST)
            say(d, GRADE_WRONG, "spool",
                "only %.1f MiB are free where %s lies: the collector stops reading when it is full",
                room / 1048576, spool);
        else
            say(d, GRADE_OK, "spool", "%s, %.1f GiB free", spool, room / 1073741824);
    }
    return true;
}

/* The collector holds a lock as long as it runs. */
static bool is_running(const char *spool)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/lock", spool);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* --- no collector --- */

static void check_ports(struct doctor *d, const char *ports)
{
    char text[1024], *rest = NULL;
    snprintf(text, sizeof text, "%s", ports);
    for (char *port = strtok_r(text, ",", &rest); port; port = strtok_r(NULL, ",", &rest)) {
        struct listener l;
        struct error err;
        if (listen_open(port, false, 0, &l, &err) < 0) {
            say(d, GRADE_WRONG, "socket",
                "%s: another program has it, or it may not be bound; `ss -ulnp` says who",
                err.text);
            continue;
        }
        close(l.fd);
        say(d, GRADE_OK, "socket", "%s is free to listen on", l.text);
    }
}

/* --- a running one --- */

static void check_sockets(struct doctor *d, const json_t *status)
{
    size_t i;
    json_t *l;
    json_array_foreach(json_object_get(status, "listeners"), i, l)
    {
        uint64_t dropped = get(l, "dropped");
        if (dropped)
            say(d, GRADE_WRONG, "socket",
                "%s: the kernel dropped %" PRIu64 " datagram%s for want of room (buffer %" PRIu64
                " KiB): raise net.core.rmem_max and --buffer, or look why the spool is slow",
                get_text(l, "socket"), dropped, plural(dropped), get(l, "buffer_octets") / 1024);
        else
            say(d, GRADE_OK, "socket", "listening on %s, nothing dropped", get_text(l, "socket"));
    }
}

static void check_arrivals(struct doctor *d, const json_t *status)
{
    uint64_t datagrams = get(status, "datagrams"), strangers = get(status, "strangers"),
             limited = get(status, "limited");
    if (strangers)
        say(d, datagrams ? GRADE_NOTE : GRADE_WRONG, "senders",
            "%" PRIu64 " datagram%s of senders that --allow does not name", strangers,
            plural(strangers));
    if (limited)
        say(d, GRADE_WRONG, "senders", "%" PRIu64 " datagram%s past --rate were dropped", limited,
            plural(limited));
    if (datagrams == 0 && strangers == 0)
        say(d, GRADE_WRONG, "datagrams",
            "none has arrived in %.0f s: is the exporter's collector address this machine's, its "
            "port one of the above, and the firewall open? `tcpdump -ni any udp` shows what "
            "reaches the machine",
            (double)(d->now_ms - get(status, "started_ms")) / 1000);
    else if (datagrams)
        say(d, GRADE_OK, "datagrams", "%" PRIu64 " taken from %" PRIu64 " sender%s", datagrams,
            get(status, "exporters"), plural(get(status, "exporters")));
}

static void check_sender(struct doctor *d, const json_t *s)
{
    const char *who = get_text(s, "address");
    uint64_t records = get(s, "records"), rejected = get(s, "rejected"),
             no_template = get(s, "no_template");
    const json_t *clock = json_object_get(s, "behind_min_s");
    int64_t behind_min = json_integer_value(clock),
            behind_max = json_integer_value(json_object_get(s, "behind_max_s"));
    if (records == 0)
        say(d, GRADE_WRONG, "exporter",
            "%s: no record in %" PRIu64
            " datagrams; its template has not come yet (exporters repeat "
            "it every minute to half an hour), or it sends only options or counters",
            who, get(s, "datagrams"));
    else if (rejected == records)
        say(d, GRADE_WRONG, "exporter", "%s: all of %" PRIu64 " records were rejected%s", who,
            records,
            no_template ? " for want of a template: shorten the exporter's template refresh"
                        : "; see the reasons below");
    else
        say(d, GRADE_OK, "exporter",
            "%s: %" PRIu64 " records, %" PRIu64 " kept, %" PRIu64 " rejected", who, records,
            get(s, "kept"), rejected);
    if (json_is_integer(clock) && (behind_min > CLOCK_S || behind_max < -CLOCK_S))
        say(d, GRADE_WRONG, "clock",
            "%s: its clock is %" PRId64
            " s %s this machine's: set both by NTP, times in reports are the exporter's",
            who, behind_min > 0 ? behind_min : -behind_max, behind_min > 0 ? "behind" : "ahead of");
    if (records && get(s, "sampling_min") == 0)
        say(d, GRADE_NOTE, "sampling",
            "%s does not tell its sampling interval: set `sampling` in the study if it samples",
            who);
    else if (get(s, "sampling_max") > 1)
        say(d, GRADE_OK, "sampling", "%s: one of %" PRIu64 "%s packets", who,
            get(s, "sampling_max"),
            get(s, "sampling_min") != get(s, "sampling_max") ? " (it changes)" : "");
    if (d->now_ms > get(s, "last_ms") + SILENT_MS)
        say(d, GRADE_WRONG, "exporter", "%s: silent for %.0f minutes", who,
            (double)(d->now_ms - get(s, "last_ms")) / 60000);
}

static void check_records(struct doctor *d, const json_t *status)
{
    const json_t *r = json_object_get(status, "records");
    uint64_t read = get(r, "read"), kept = get(r, "kept");
    const char *name;
    json_t *count;
    if (read && kept == 0)
        say(d, GRADE_WRONG, "population",
            "none of %" PRIu64 " records is of the population: see `population` in study.yaml, and "
            "whether the exporter sees that traffic before or after translation (NAT)",
            read);
    else if (read)
        say(d, GRADE_OK, "population",
            "%" PRIu64 " of %" PRIu64 " records are of the population (%.2f%%)", kept, read,
            (double)kept * 100 / (double)read);
    json_object_foreach(json_object_get(r, "reasons"), name, count)
    {
        const char *text = name;
        for (int i = 0; i < REASON_COUNT; i++)
            if (strcmp(reason_name((enum reason)i), name) == 0)
                text = reason_text((enum reason)i);
        say(d, GRADE_NOTE, "rejected", "%" JSON_INTEGER_FORMAT ": %s", json_integer_value(count),
            text);
    }
}

static void check_store(struct doctor *d, const json_t *status)
{
    const json_t *spool = json_object_get(status, "spool"),
                 *store = json_object_get(status, "store");
    char at[TIME_TEXT_MAX], octets[16];
    if (*get_text(spool, "error"))
        say(d, GRADE_WRONG, "spool", "cannot be written: %s", get_text(spool, "error"));
    if (!json_is_true(json_object_get(store, "stores"))) {
        say(d, GRADE_NOTE, "store",
            "the collector runs with --no-store: import the spool yourself");
        return;
    }
    uint64_t waiting = get(store, "segments_waiting"), ok_ms = get(store, "last_ok_ms");
    number_short((double)get(store, "octets_waiting"), octets);
    time_print_ms(ok_ms, at);
    if (*get_text(store, "error"))
        say(d, GRADE_WRONG, "store",
            "the last import failed: %s; %" PRIu64 " segment%s (%s octets) wait in the spool",
            get_text(store, "error"), waiting, plural(waiting), octets);
    else if (ok_ms)
        say(d, GRADE_OK, "store", "last import %s; %" PRIu64 " segment%s wait", at, waiting,
            plural(waiting));
    else
        say(d, GRADE_OK, "store", "no import yet; %" PRIu64 " segment%s wait", waiting,
            plural(waiting));
}

static void check_running(struct doctor *d, const char *spool)
{
    char path[4400];
    size_t i;
    json_t *s;
    snprintf(path, sizeof path, "%s/status.json", spool);
    json_t *status = json_load_file(path, 0, NULL);
    if (!status || d->now_ms > get(status, "now_ms") + STALE_MS) {
        say(d, GRADE_WRONG, "collector",
            "it runs, but wrote no status for %d s: it hangs, or the disk is full",
            STALE_MS / 1000);
        json_decref(status);
        return;
    }
    say(d, GRADE_OK, "collector", "runs as process %" PRIu64, get(status, "pid"));
    check_sockets(d, status);
    check_arrivals(d, status);
    json_array_foreach(json_object_get(status, "senders"), i, s) if (i < SENDERS_SHOWN)
        check_sender(d, s);
    if (i > SENDERS_SHOWN)
        say(d, GRADE_NOTE, "exporter", "and %zu more (--metrics has them all)", i - SENDERS_SHOWN);
    check_records(d, status);
    check_store(d, status);
    json_decref(status);
}

static int run(struct invocation *in, struct error *err)
{
    struct doctor d = {.checks = json_array(),
                       .json = in->values[OPTION_JSON] != NULL,
                       .now_ms = (uint64_t)time(NULL) * 1000};
    struct study *study;
    char spool[4096];
    snprintf(spool, sizeof spool, "%s/spool", in->directory);
    const char *at = in->values[OPTION_SPOOL] ? in->values[OPTION_SPOOL] : spool;
    int status = study_load(in->directory, &study, err);
    if (status < 0) {
        json_decref(d.checks);
        return status;
    }
    check_study(&d, study);
    study_free(study);
    if (check_spool(&d, at) && is_running(at)) {
        check_running(&d, at);
    } else {
        say(&d, GRADE_WRONG, "collector", "does not run on this spool: start `telltale collect`");
        check_ports(&d, in->values[OPTION_LISTEN] ? in->values[OPTION_LISTEN] : "2055,4739,6343");
    }
    if (d.json) {
        json_dumpf(d.checks, stdout, JSON_INDENT(1));
        putchar('\n');
    }
    json_decref(d.checks);
    return d.wrong ? error_set(err, ERROR_FAILED, "doctor: %zu thing%s wrong", d.wrong,
                               d.wrong == 1 ? " is" : "s are")
                   : 0;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .synopsis = "[-C DIR] [options]",
    .summary = "why nothing arrives: looks at the study, the collector, its senders and the store",
    .options = options,
    .arguments_max = 0,
    .run = run,
    .more = "Exits with 0 when nothing is wrong, with 1 otherwise. It sends nothing and changes "
            "nothing.\n",
};
