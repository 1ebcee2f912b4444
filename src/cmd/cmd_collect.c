/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/verb.h"
#include "server/collect.h"

enum {
    OPTION_LISTEN,
    OPTION_TCP,
    OPTION_ALLOW,
    OPTION_RATE,
    OPTION_BUFFER,
    OPTION_SPOOL,
    OPTION_ROTATE,
    OPTION_STORE_EVERY,
    OPTION_NO_STORE,
    OPTION_USER,
    OPTION_METRICS,
    OPTION_SECONDS,
};
static const struct verb_option options[] = {
    {"listen", 'l', "WHERE,..",
     "UDP: HOST:PORT or PORT (default: 2055,4739,6343 on every address)"},
    {"tcp", 0, "WHERE,..", "IPFIX over TCP: HOST:PORT or PORT (default: none)"},
    {"allow", 0, "PREFIX,..",
     "senders to listen to, or @FILE with one a line (default: everybody)"},
    {"rate", 0, "N", "datagrams a second from one sender; more are dropped and counted"},
    {"buffer", 0, "MIB", "receive buffer of each socket (default: 64)"},
    {"spool", 0, "DIR", "where records wait for the store (default: spool in the study's folder)"},
    {"rotate", 0, "SECONDS", "close a segment of the spool after so long (default: 60)"},
    {"store-every", 0, "SECONDS", "bring closed segments into the store so often (default: 60)"},
    {"no-store", 0, NULL, "only write the spool; import it later"},
    {"user", 0, "NAME", "become this user once the sockets are bound"},
    {"metrics", 0, "WHERE", "serve Prometheus metrics on HOST:PORT, or on a port of 127.0.0.1"},
    {"seconds", 0, "N", "end after so long"},
    {NULL, 0, NULL, NULL},
};

static int number(const struct invocation *in, int option, double least, double most,
                  double standard, double *ret, struct error *err)
{
    const char *text = in->values[option];
    char *end;
    *ret = standard;
    if (!text)
        return 0;
    *ret = strtod(text, &end);
    if (end == text || *end || !(*ret >= least && *ret <= most))
        return error_set(err, ERROR_USAGE, "collect: --%s takes a number from %g to %g, not '%s'",
                         options[option].name, least, most, text);
    return 0;
}

/* "a,b" into its parts, which point into `text`. */
static int split(char *text, const char *option, const char **ret, int *count, struct error *err)
{
    char *rest = NULL;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        if (*count == COLLECT_SOCKETS_MAX)
            return error_set(err, ERROR_USAGE, "collect: --%s takes %d addresses at most", option,
                             COLLECT_SOCKETS_MAX);
        ret[(*count)++] = part;
    }
    return 0;
}

static int read_numbers(const struct invocation *in, struct collect_setting *s, struct error *err)
{
    double rate, buffer, rotate, store, seconds;
    if (number(in, OPTION_RATE, 1, 1e9, 0, &rate, err) < 0 ||
        number(in, OPTION_BUFFER, 0.01, 1024, 64, &buffer, err) < 0 ||
        number(in, OPTION_ROTATE, 1, 86400, 60, &rotate, err) < 0 ||
        number(in, OPTION_STORE_EVERY, 1, 86400, 60, &store, err) < 0 ||
        number(in, OPTION_SECONDS, 1, 1e9, 0, &seconds, err) < 0)
        return err->code;
    s->rate = rate;
    s->buffer_octets = (int)(buffer * 1048576 * 0.999999);
    s->rotate_s = (unsigned)rotate;
    s->store_s = in->values[OPTION_NO_STORE] ? 0 : (unsigned)store;
    s->seconds = (unsigned)seconds;
    return 0;
}

static int run(struct invocation *in, struct error *err)
{
    struct collect_setting s = {.study = in->directory,
                                .allow = in->values[OPTION_ALLOW],
                                .user = in->values[OPTION_USER],
                                .metrics = in->values[OPTION_METRICS],
                                .quiet = in->quiet};
    const char *udp = in->values[OPTION_LISTEN], *tcp = in->values[OPTION_TCP];
    char spool[4096];
    udp = udp ? udp : tcp ? "" : "2055,4739,6343";
    char *udp_text = memory_text(udp, strlen(udp)),
         *tcp_text = memory_text(tcp ? tcp : "", tcp ? strlen(tcp) : 0);
    int status = read_numbers(in, &s, err);
    if (status == 0)
        status = split(udp_text, "listen", s.udp, &s.udp_count, err);
    if (status == 0)
        status = split(tcp_text, "tcp", s.tcp, &s.tcp_count, err);
    snprintf(spool, sizeof spool, "%s/spool", in->directory);
    s.spool = in->values[OPTION_SPOOL] ? in->values[OPTION_SPOOL] : spool;
    if (status == 0)
        status = collect_run(&s, err);
    free(udp_text);
    free(tcp_text);
    return status;
}

const struct verb verb_collect = {
    .name = "collect",
    .synopsis = "[-C DIR] [options]",
    .summary = "receive flow exports and keep the population's in the study's store",
    .options = options,
    .arguments_max = 0,
    .run = run,
    .more = "Hears NetFlow 1, 5, 7, 9, IPFIX and sFlow 5. What is of the population goes to the "
            "spool, on the\n"
            "disk within a second, and from there into the store by a process of its own: neither "
            "a slow\n"
            "nor a crashed engine loses what was read. SIGTERM ends it when all is stored; SIGHUP "
            "reads the\n"
            "study and the list of senders again. `telltale doctor` says why nothing arrives.\n",
};
