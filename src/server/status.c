/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_format(out, "# HELP telltale_%s %s\n# TYPE telltale_%s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(out, name, type, help);
    buf_format(out, "telltale_%s %" PRIu64 "\n", name, value);
}

static void records(const struct status *s, struct buf *out)
{
    const struct tally *t = &s->tally;
    head(out, "records_total", "counter", "Records read, by what became of them.");
    buf_format(out,
               "telltale_records_total{outcome=\"kept\"} %" PRIu64 "\n"
               "telltale_records_total{outcome=\"outside\"} %" PRIu64 "\n"
               "telltale_records_total{outcome=\"rejected\"} %" PRIu64 "\n",
               t->kept, t->outside, t->rejected);
    head(out, "rejected_total", "counter", "Records rejected, by reason.");
    for (int i = 0; i < REASON_COUNT; i++)
        if (t->reasons[i])
            buf_format(out, "telltale_rejected_total{reason=\"%s\"} %" PRIu64 "\n",
                       reason_name((enum reason)i), t->reasons[i]);
}

static void senders(const struct status *s, struct buf *out)
{
    static const struct {
        const char *name, *help;
        size_t at;
    } counters[] = {
        {"exporter_datagrams_total", "Datagrams taken from an exporter.",
         offsetof(struct sender, datagrams)},
        {"exporter_records_total", "Records read from an exporter.",
         offsetof(struct sender, records)},
        {"exporter_kept_total", "Records of the population from an exporter.",
         offsetof(struct sender, kept)},
        {"exporter_rejected_total", "Records rejected from an exporter.",
         offsetof(struct sender, rejected)},
        {"exporter_limited_total", "Datagrams dropped by the rate limit.",
         offsetof(struct sender, limited)},
        {"exporter_last_ms", "Arrival of an exporter's last datagram, ms since 1970.",
         offsetof(struct sender, last_ms)},
    };
    size_t shown = s->sender_count < STATUS_SENDERS_MAX ? s->sender_count : STATUS_SENDERS_MAX;
    for (size_t k = 0; k < sizeof counters / sizeof *counters; k++) {
        head(out, counters[k].name, k == 5 ? "gauge" : "counter", counters[k].help);
        for (size_t i = 0; i < shown; i++) {
            char text[IP_TEXT_MAX];
            uint64_t value;
            ip_print(&s->senders[i].ip, text);
            memcpy(&value, (const char *)&s->senders[i] + counters[k].at, sizeof value);
            buf_format(out, "telltale_%s{exporter=\"%s\"} %" PRIu64 "\n", counters[k].name, text,
                       value);
        }
    }
}

void status_prometheus(const struct status *s, struct buf *out)
{
    one(out, "start_time_ms", "gauge", "Start of the collector, ms since 1970.", s->started_ms);
    one(out, "datagrams_total", "counter", "Datagrams taken.", s->datagrams);
    one(out, "octets_total", "counter", "Octets of the datagrams taken.", s->octets);
    records(s, out);
    one(out, "strangers_total", "counter", "Datagrams of senders that are not allowed.",
        s->gate.strangers);
    one(out, "limited_total", "counter", "Datagrams past the rate limit.", s->gate.limited);
    one(out, "exporters", "gauge", "Senders heard.", s->sender_count);
    one(out, "stalls_total", "counter", "Times the receiver waited for the spool.", s->stalls);
    one(out, "tcp_connections", "gauge", "IPFIX connections open.", s->tcp_open);
    one(out, "tcp_refused_total", "counter",
        "IPFIX connections closed for too many or for nonsense.", s->tcp_refused);
    head(out, "socket_dropped_total", "counter",
         "Datagrams the kernel had no room for (SO_RXQ_OVFL).");
    for (size_t i = 0; i < s->listener_count; i++)
        if (!s->listeners[i].tcp)
            buf_format(out, "telltale_socket_dropped_total{socket=\"%s\"} %" PRIu32 "\n",
                       s->listeners[i].text, s->listeners[i].dropped);
    one(out, "spooled_records_total", "counter", "Records written to the spool.", s->spool.records);
    one(out, "spooled_octets_total", "counter", "Octets written to the spool.", s->spool.octets);
    one(out, "spool_failures_total", "counter", "Writes to the spool that were tried again.",
        s->spool.failures);
    one(out, "spool_segments", "gauge", "Closed segments that wait for the store.",
        s->store.segments);
    one(out, "spool_waiting_octets", "gauge", "Their octets.", s->store.octets);
    one(out, "store_runs_total", "counter", "Imports of the spool.", s->store.runs);
    one(out, "store_failures_total", "counter", "Those that failed.", s->store.failures);
    one(out, "store_last_ok_ms", "gauge", "End of the last that succeeded, ms since 1970.",
        s->store.last_ok_ms);
    senders(s, out);
}

static json_t *number(uint64_t x)
{
    return json_integer((json_int_t)x);
}

static json_t *senders_json(const struct status *s)
{
    json_t *all = json_array();
    size_t shown = s->sender_count < STATUS_SENDERS_MAX ? s->sender_count : STATUS_SENDERS_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct sender *x = &s->senders[i];
        char text[IP_TEXT_MAX];
        ip_print(&x->ip, text);
        bool clock = x->behind_min_s <= x->behind_max_s;
        json_array_append_new(
            all, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}",
                           "address", text, "datagrams", number(x->datagrams), "octets",
                           number(x->octets), "limited", number(x->limited), "records",
                           number(x->records), "kept", number(x->kept), "rejected",
                           number(x->rejected), "no_template", number(x->no_template), "first_ms",
                           number(x->first_ms), "last_ms", number(x->last_ms), "sampling_min",
                           (json_int_t)x->sampling_min, "sampling_max", (json_int_t)x->sampling_max,
                           "behind_min_s", clock ? json_integer(x->behind_min_s) : json_null(),
                           "behind_max_s", clock ? json_integer(x->behind_max_s) : json_null()));
    }
    return all;
}

static json_t *listeners_json(const struct status *s)
{
    json_t *all = json_array();
    for (size_t i = 0; i < s->listener_count; i++)
        json_array_append_new(all, json_pack("{s:s, s:i, s:o}", "socket", s->listeners[i].text,
                                             "buffer_octets", s->listeners[i].buffer_octets,
                                             "dropped", number(s->listeners[i].dropped)));
    return all;
}

json_t *status_json(const struct status *s)
{
    const struct tally *t = &s->tally;
    json_t *reasons = json_object();
    for (int i = 0; i < REASON_COUNT; i++)
        if (t->reasons[i])
            json_object_set_new(reasons, reason_name((enum reason)i), number(t->reasons[i]));
    return json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:{s:o, s:o, s:o, s:o, s:s}, s:{s:b, s:o, s:o, s:o, s:o, s:o, s:s}}",
        "pid", s->pid, "started_ms", number(s->started_ms), "now_ms", number(s->now_ms),
        "listeners", listeners_json(s), "datagrams", number(s->datagrams), "octets",
        number(s->octets), "records", "read", number(t->records), "kept", number(t->kept),
        "outside", number(t->outside), "rejected", number(t->rejected), "reasons", reasons,
        "strangers", number(s->gate.strangers), "limited", number(s->gate.limited), "exporters",
        number(s->sender_count), "stalls", number(s->stalls), "tcp_open", number(s->tcp_open),
        "senders", senders_json(s), "spool", "records", number(s->spool.records), "octets",
        number(s->spool.octets), "segments", number(s->spool.segments), "failures",
        number(s->spool.failures), "error", s->spool.error, "store", "stores", (int)s->stores,
        "runs", number(s->store.runs), "failures", number(s->store.failures), "last_ok_ms",
        number(s->store.last_ok_ms), "segments_waiting", number(s->store.segments),
        "octets_waiting", number(s->store.octets), "error", s->store.error);
}

int status_write(const struct status *s, const char *path, struct error *err)
{
    char fresh[4400];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    json_t *j = status_json(s);
    int failed = json_dump_file(j, fresh, JSON_INDENT(1));
    json_decref(j);
    if (failed || rename(fresh, path) < 0)
        return error_errno(err, "%s", path);
    return 0;
}
