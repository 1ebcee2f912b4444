/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation goes through the period half hour by half hour: each kind of conversation gets a
 * Poisson number in it, of a mean that weekday, hour, event and the noise of the day make. Rows
 * leave in the order of their end, as an exporter would send them; what has not ended yet waits,
 * so memory is that of the open conversations, however long the period. */
#include "world/world.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/random.h"
#include "schema/values.h"
#include "world/wire.h"
#include "world/world_in.h"

enum { BATCH_ROWS = 8192, FORMATS = 5, LONGEST_S = 10800 };

static const struct {
    enum world_format format;
    enum wire_format wire;
    const char *file;
} formats[FORMATS] = {{WORLD_IPFIX_FILE, WIRE_IPFIX_FILE, "flows.ipfix"},
                      {WORLD_IPFIX_PCAP, WIRE_IPFIX_PCAP, "ipfix.pcap"},
                      {WORLD_NETFLOW9, WIRE_NETFLOW9_PCAP, "netflow9.pcap"},
                      {WORLD_NETFLOW5, WIRE_NETFLOW5_PCAP, "netflow5.pcap"},
                      {WORLD_CSV, WIRE_CSV, "flows.csv"}};

/* Noise with mean 1: exp of a standard normal that remembers part of yesterday's. */
struct noise {
    double z;
    bool begun;
};

struct simulation {
    const struct world *w;
    const struct world_setting *setting;
    struct random *makers; /* one a kind of traffic */
    struct noise day, *services;
    struct random day_random, *service_random, sampler;
    double day_level, *service_levels;
    uint32_t *made_today; /* for kinds with `daily` */
    uint16_t *outside_ports;
    struct conversation *waiting;
    size_t waiting_count, waiting_room;
    uint64_t number, expected;
    struct batch *batch;
    struct wire *wires[FORMATS];
    struct truth *truth;
    struct {
        uint64_t flows, octets, packets;
    } written[WORLD_ROLES];
    uint64_t missed; /* fell into gaps, or sampling saw none of their packets */
};

bool world_is_use(const struct world_traffic *t)
{
    return (t->role == WORLD_CONSUMED || t->role == WORLD_PEER) && !t->via;
}

double world_expected(const struct world *w, const struct world_traffic *t, int32_t day,
                      unsigned chunk)
{
    int weekday = day_weekday(day);
    bool weekend = weekday >= 5;
    double level = 1;
    if (day < t->from_day || day > t->to_day)
        return 0;
    if (t->relayed)
        return 0;
    if (t->every_s > 0)
        return (double)t->host_count * CHUNK_S / t->every_s;
    if (t->flat)
        return t->per_day / CHUNKS_A_DAY;
    for (size_t i = 0; i < w->events.count && w->event_effect != 0; i++)
        if (zone_day(w->zone, (int64_t)(w->events.rows[i].time_ms / 1000)) == day)
            level = exp(w->event_effect);
    return t->per_day * level * w->weekdays[weekday] * (weekend ? t->weekend : 1) *
           w->rhythm[weekend][chunk];
}

static double noise_next(struct noise *n, struct random *r, double sigma, double lasts)
{
    double fresh = random_normal(r);
    n->z = n->begun ? lasts * n->z + sqrt(1 - lasts * lasts) * fresh : fresh;
    n->begun = true;
    return exp(sigma * n->z - sigma * sigma / 2);
}

static size_t pick(const double *until, size_t count, struct random *r)
{
    double u = random_unit(r);
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (until[mid] <= u)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static double lognormal(struct random *r, double mean, double spread)
{
    return mean * exp(spread * random_normal(r) - spread * spread / 2);
}

/* ---- one conversation ---- */

/* Octets to the side that opened and back, and packets that can have carried them. */
static void make_volume(const struct world_traffic *t, struct random *r, struct conversation *c)
{
    double total = lognormal(r, t->octets, t->spread);
    double part = t->inbound + (random_unit(r) - 0.5) * 0.06;
    if (total < 400)
        total = 400;
    part = part < 0.05 ? 0.05 : part > 0.98 ? 0.98 : part;
    uint64_t back = (uint64_t)(total * part), forth = (uint64_t)total - back;
    back = back < 60 ? 60 : back;
    forth = forth < 120 ? 120 : forth;
    uint64_t back_packets = back / 1250 + 1, forth_packets = forth / 1250 + 2;
    if (forth_packets < back_packets / 2)
        forth_packets = back_packets / 2;
    if (forth_packets > forth / 52)
        forth_packets = forth / 52;
    bool local_opened = t->role == WORLD_CONSUMED || t->role == WORLD_PEER;
    c->octets_in = local_opened ? back : forth;
    c->octets_out = local_opened ? forth : back;
    c->packets_in = local_opened ? back_packets : forth_packets;
    c->packets_out = local_opened ? forth_packets : back_packets;
}

/* Addresses of a prefix that scans reach: all of a network, the first 65,536 of a larger one. */
static uint64_t scanned(const struct prefix *p, bool v4)
{
    if (ip_is_v4(&p->ip) != v4)
        return 0;
    return p->len_bits > 112 ? (uint64_t)1 << (128 - p->len_bits) : 65536;
}

static void make_scan(const struct world *w, const struct ip *from, struct random *r,
                      struct conversation *c)
{
    bool v4 = ip_is_v4(from);
    uint64_t room = 0;
    for (size_t i = 0; i < w->population_count; i++)
        room += scanned(&w->population[i].prefix, v4);
    uint64_t at = random_below(r, room);
    for (size_t i = 0; i < w->population_count; i++) {
        const struct prefix *p = &w->population[i].prefix;
        if (at < scanned(p, v4)) {
            c->local = p->ip;
            c->local.octet[15] = (uint8_t)(c->local.octet[15] | (at & 0xff));
            c->local.octet[14] = (uint8_t)(c->local.octet[14] | (at >> 8 & 0xff));
            break;
        }
        at -= scanned(p, v4);
    }
    c->packets_in = 1 + (random_unit(r) < 0.3);
    c->octets_in = c->packets_in * (random_unit(r) < 0.5 ? 40 : 60);
    c->flags_in = 0x02;
    c->end_ms = c->start_ms + (c->packets_in - 1) * 1000;
}

static uint16_t next_port(uint16_t *last)
{
    *last = *last < 60999 && *last >= 32768 ? (uint16_t)(*last + 1) : 32768;
    return *last;
}

static void make_flags(const struct world_traffic *t, struct random *r, struct conversation *c)
{
    if (t->protocol != 6)
        return;
    c->flags_out = c->flags_in = 0x1b; /* FIN SYN PSH ACK */
    if (random_unit(r) < 0.06)
        c->flags_out |= 0x04;
}

/* Nobody answers: a few SYN packets, or datagrams, and nothing back. */
static void make_silence(const struct world_traffic *t, struct random *r, struct conversation *c)
{
    c->packets_out = 1 + random_below(r, 3);
    c->octets_out = c->packets_out * 60;
    c->packets_in = c->octets_in = 0;
    c->flags_out = t->protocol == 6 ? 0x02 : 0;
    c->flags_in = 0;
    c->end_ms = c->start_ms + (c->packets_out - 1) * 1000;
    c->name = -1;
}

static void wait_for_end(struct simulation *s, const struct conversation *c)
{
    if (s->waiting_count == s->waiting_room) {
        s->waiting_room = s->waiting_room ? s->waiting_room * 2 : 4096;
        s->waiting = memory_resize(s->waiting, s->waiting_room, sizeof *s->waiting);
    }
    s->waiting[s->waiting_count++] = *c;
}

static struct conversation make_one(struct simulation *s, uint32_t traffic, uint64_t start_ms,
                                    struct world_host *host);

/* The pivot takes a conversation one hop on: a moment later, for about as much and as long. */
static void make_hop(struct simulation *s, const struct conversation *first)
{
    const struct world *w = s->w;
    const struct world_traffic *t = &w->traffic[first->traffic];
    struct random *r = &s->makers[first->traffic];
    struct world_host *relay = &w->pivots[t->relays - 1].hosts[first->server];
    double sum = 0;
    for (uint32_t i = 0; i < w->traffic_count; i++)
        sum += w->traffic[i].relayed && w->traffic[i].via == t->relays ? w->traffic[i].per_day : 0;
    double at = random_unit(r) * sum;
    for (uint32_t i = 0; i < w->traffic_count; i++) {
        if (!w->traffic[i].relayed || w->traffic[i].via != t->relays)
            continue;
        at -= w->traffic[i].per_day;
        if (at >= 0)
            continue;
        struct conversation c = make_one(s, i, first->start_ms + 40 + random_below(r, 400), relay);
        double part = 0.9 + 0.08 * random_unit(r);
        c.octets_in = (uint64_t)((double)first->octets_in * part) + 60;
        c.octets_out = (uint64_t)((double)first->octets_out * part) + 120;
        c.packets_in = c.octets_in / 1250 + 1;
        c.packets_out = c.octets_out / 600 + 2;
        c.end_ms = first->end_ms > c.start_ms + 100 ? first->end_ms - 30 : c.start_ms + 100;
        wait_for_end(s, &c);
        truth_chain(s->truth, first, &c);
        return;
    }
}

/* By that host, or by one of those that take part. Not yet waiting for its end. */
static struct conversation make_one(struct simulation *s, uint32_t traffic, uint64_t start_ms,
                                    struct world_host *host)
{
    const struct world_traffic *t = &s->w->traffic[traffic];
    struct random *r = &s->makers[traffic];
    struct conversation c = {
        .traffic = traffic, .number = s->number++, .name = -1, .start_ms = start_ms};
    c.server = (uint32_t)pick(t->server_until, t->server_count, r);
    uint16_t port = (uint16_t)t->ports[random_below(r, t->port_count)];
    if (t->role == WORLD_UNANSWERED) {
        c.local_port = port;
        c.remote_port = next_port(&s->outside_ports[traffic]);
        c.host = UINT32_MAX;
        make_scan(s->w, &t->servers[c.server].ip, r, &c);
        return c;
    }
    size_t h = host ? 0 : pick(t->host_until, t->host_count, r);
    host = host ? host : t->hosts[h];
    bool served = t->role == WORLD_SERVED;
    double seconds = lognormal(r, t->seconds, 0.8);
    c.host = (uint32_t)(host - s->w->hosts);
    c.local = host->ip;
    c.local_port = served ? port : next_port(&host->port);
    c.remote_port = served ? next_port(&s->outside_ports[traffic]) : port;
    make_volume(t, r, &c);
    make_flags(t, r, &c);
    c.end_ms = c.start_ms + 20 + (uint64_t)(1000 * (seconds < LONGEST_S ? seconds : LONGEST_S));
    if (random_unit(r) >= t->unnamed)
        c.name = (int32_t)(served ? h % t->name_count : random_below(r, t->name_count));
    if (t->answered < 1 && random_unit(r) >= t->answered)
        make_silence(t, r, &c);
    return c;
}

static void make(struct simulation *s, uint32_t traffic, uint64_t from_ms, uint64_t room_ms)
{
    uint64_t start_ms = from_ms + random_below(&s->makers[traffic], room_ms);
    struct conversation c = make_one(s, traffic, start_ms, NULL);
    wait_for_end(s, &c);
    if (s->w->traffic[traffic].relays)
        make_hop(s, &c);
}

/* Each host calls at even times since the study's first midnight, at a phase of its own. */
static void make_calls(struct simulation *s, uint32_t traffic, uint64_t from_ms, uint64_t to_ms)
{
    const struct world_traffic *t = &s->w->traffic[traffic];
    struct random *r = &s->makers[traffic];
    uint64_t every = (uint64_t)(t->every_s * 1000);
    for (size_t h = 0; h < t->host_count; h++) {
        uint64_t phase = every * h / t->host_count;
        for (uint64_t at = (from_ms + every - 1 - phase) / every * every + phase; at < to_ms;
             at += every) {
            double late = t->jitter_s * 1000 * fabs(random_normal(r));
            uint64_t start = at + (uint64_t)late;
            struct conversation c =
                make_one(s, traffic, start < to_ms ? start : to_ms - 1, t->hosts[h]);
            wait_for_end(s, &c);
            s->made_today[traffic]++;
        }
    }
}

/* ---- out ---- */

static void flush_batch(struct simulation *s)
{
    for (int i = 0; i < FORMATS; i++)
        if (s->wires[i])
            wire_rows(s->wires[i], s->batch);
    batch_clear(s->batch);
}

/* An exporter that samples 1 of N packets: Poisson for binomial, at most what there was. */
static void thin(struct random *r, uint32_t sampling, uint64_t *packets, uint64_t *octets)
{
    uint64_t seen = random_poisson(r, (double)*packets / sampling);
    seen = seen < *packets ? seen : *packets;
    *octets = *packets ? (uint64_t)((double)*octets * ((double)seen / (double)*packets)) : 0;
    *packets = seen;
}

static bool in_gap(const struct world *w, uint64_t ms)
{
    for (size_t i = 0; i < w->gap_count; i++)
        if (ms >= w->gaps[i].from_ms && ms < w->gaps[i].to_ms)
            return true;
    return false;
}

static void add_row(struct simulation *s, const struct conversation *c)
{
    const struct world_traffic *t = &s->w->traffic[c->traffic];
    bool local_opened = t->role == WORLD_CONSUMED || t->role == WORLD_PEER;
    struct batch *b = s->batch;
    if (batch_room(b) == 0)
        flush_batch(s);
    size_t i = batch_add(b);
    const struct ip *remote = &t->servers[c->server].ip;
    batch_start_ms(b)[i] = c->start_ms;
    batch_end_ms(b)[i] = c->end_ms;
    batch_src_ip(b)[i] = local_opened ? c->local : *remote;
    batch_dst_ip(b)[i] = local_opened ? *remote : c->local;
    batch_src_port(b)[i] = local_opened ? c->local_port : c->remote_port;
    batch_dst_port(b)[i] = local_opened ? c->remote_port : c->local_port;
    batch_protocol(b)[i] = t->protocol;
    batch_packets(b)[i] = local_opened ? c->packets_out : c->packets_in;
    batch_octets(b)[i] = local_opened ? c->octets_out : c->octets_in;
    batch_reverse_packets(b)[i] = local_opened ? c->packets_in : c->packets_out;
    batch_reverse_octets(b)[i] = local_opened ? c->octets_in : c->octets_out;
    batch_tcp_flags(b)[i] = local_opened ? c->flags_out : c->flags_in;
    batch_reverse_tcp_flags(b)[i] = local_opened ? c->flags_in : c->flags_out;
    batch_opener(b)[i] = OPENER_SOURCE;
    batch_marks(b)[i] = MARK_BIFLOW;
    batch_sampling(b)[i] = s->w->sampling;
    if (c->name >= 0) {
        batch_set_text(b, FIELD_server_name, i, t->names[c->name], strlen(t->names[c->name]));
        batch_name_kind(b)[i] = NAME_EXPORTER;
    }
}

static void emit(struct simulation *s, struct conversation *c)
{
    enum world_role role = s->w->traffic[c->traffic].role;
    if (in_gap(s->w, c->start_ms)) {
        s->missed++;
        return;
    }
    truth_count(s->truth, c);
    if (s->w->sampling > 1) {
        thin(&s->sampler, s->w->sampling, &c->packets_out, &c->octets_out);
        thin(&s->sampler, s->w->sampling, &c->packets_in, &c->octets_in);
        if (c->packets_out + c->packets_in == 0) {
            s->missed++;
            return;
        }
    }
    s->written[role].flows++;
    s->written[role].octets += c->octets_out + c->octets_in;
    s->written[role].packets += c->packets_out + c->packets_in;
    add_row(s, c);
}

static int by_end(const void *a, const void *b)
{
    const struct conversation *x = a, *y = b;
    if (x->end_ms != y->end_ms)
        return x->end_ms < y->end_ms ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* What ended before `until_ms`: nothing that starts from then on can end earlier. */
static void emit_until(struct simulation *s, uint64_t until_ms)
{
    size_t done = 0;
    if (s->waiting_count > 1)
        qsort(s->waiting, s->waiting_count, sizeof *s->waiting, by_end);
    while (done < s->waiting_count && s->waiting[done].end_ms < until_ms)
        emit(s, &s->waiting[done++]);
    s->waiting_count -= done;
    if (done && s->waiting_count)
        memmove(s->waiting, s->waiting + done, s->waiting_count * sizeof *s->waiting);
}

/* ---- time ---- */

static void make_chunk(struct simulation *s, int32_t day, int64_t from_s, int64_t to_s, bool last)
{
    const struct world *w = s->w;
    int64_t local_s = from_s + zone_offset_s(w->zone, from_s) - (int64_t)day * 86400;
    unsigned chunk = local_s < 0        ? 0
                     : local_s >= 86400 ? CHUNKS_A_DAY - 1
                                        : (unsigned)(local_s / CHUNK_S);
    double part = (double)(to_s - from_s) / CHUNK_S;
    for (uint32_t i = 0; i < w->traffic_count; i++) {
        const struct world_traffic *t = &w->traffic[i];
        double mean = world_expected(w, t, day, chunk) * part * s->service_levels[i];
        if (t->every_s > 0 && mean > 0)
            make_calls(s, i, (uint64_t)from_s * 1000, (uint64_t)to_s * 1000);
        if (t->every_s > 0)
            continue;
        if (!t->flat)
            mean *= s->day_level;
        uint64_t n = random_poisson(&s->makers[i], mean);
        if (n == 0 && last && t->daily && s->made_today[i] == 0 && mean > 0)
            n = 1;
        s->made_today[i] += (uint32_t)n;
        for (uint64_t k = 0; k < n; k++)
            make(s, i, (uint64_t)from_s * 1000, (uint64_t)(to_s - from_s) * 1000);
    }
    emit_until(s, (uint64_t)to_s * 1000);
    if (s->setting->progress)
        s->setting->progress(s->setting->progress_ctx,
                             s->number < s->expected ? s->number : s->expected, s->expected);
}

static void simulate_day(struct simulation *s, int32_t day)
{
    const struct world *w = s->w;
    int64_t from_s = zone_day_start_s(w->zone, day), end_s = zone_day_start_s(w->zone, day + 1);
    s->day_level = noise_next(&s->day, &s->day_random, w->day_sigma, w->day_lasts);
    for (size_t i = 0; i < w->traffic_count; i++) {
        s->service_levels[i] =
            noise_next(&s->services[i], &s->service_random[i], w->service_sigma, w->service_lasts);
        s->made_today[i] = 0;
    }
    for (int64_t at = from_s; at < end_s; at += CHUNK_S) {
        int64_t to_s = at + CHUNK_S < end_s ? at + CHUNK_S : end_s;
        make_chunk(s, day, at, to_s, to_s == end_s);
    }
}

static void begin(struct simulation *s)
{
    const struct world *w = s->w;
    size_t n = w->traffic_count;
    double expected = 0;
    s->makers = memory_array(n, sizeof *s->makers);
    s->services = memory_array(n, sizeof *s->services);
    s->service_random = memory_array(n, sizeof *s->service_random);
    s->service_levels = memory_array(n, sizeof *s->service_levels);
    s->made_today = memory_array(n, sizeof *s->made_today);
    s->outside_ports = memory_array(n, sizeof *s->outside_ports);
    random_init_named(&s->day_random, w->seed, "days");
    random_init_named(&s->sampler, w->seed, "sampling");
    for (size_t i = 0; i < n; i++) {
        const struct world_traffic *t = &w->traffic[i];
        char stream[400];
        snprintf(stream, sizeof stream, "made by %zu %.150s %.150s", i, t->service, t->label);
        random_init_named(&s->makers[i], w->seed, stream);
        snprintf(stream, sizeof stream, "noise of %zu %.150s %.150s", i, t->service, t->label);
        random_init_named(&s->service_random[i], w->seed, stream);
        for (int32_t day = w->from_day; day <= w->to_day; day++)
            for (unsigned c = 0; c < CHUNKS_A_DAY; c++)
                expected += world_expected(w, t, day, c);
    }
    s->expected = (uint64_t)expected;
    s->batch = batch_new(STAGE_RECORD, BATCH_ROWS);
    s->truth = truth_new(w);
}

static int open_wires(struct simulation *s, const char *dir, struct error *err)
{
    for (int i = 0; i < FORMATS; i++) {
        char path[PATH_MAX];
        struct wire_options options = {.sampling = s->w->sampling};
        if (!(s->setting->formats & formats[i].format))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, formats[i].file);
        if (wire_open(path, formats[i].wire, &options, &s->wires[i], err) != 0)
            return ERROR_FAILED;
    }
    return 0;
}

static int close_wires(struct simulation *s, json_t *files, struct error *err)
{
    int status = 0;
    for (int i = 0; i < FORMATS; i++) {
        struct wire_counts counts = {0};
        if (!s->wires[i])
            continue;
        if (wire_close(s->wires[i], &counts, status == 0 ? err : NULL) != 0)
            status = ERROR_FAILED;
        json_object_set_new(files, formats[i].file,
                            json_pack("{s:I, s:I, s:I, s:I}", "rows", (json_int_t)counts.rows,
                                      "records", (json_int_t)counts.records, "messages",
                                      (json_int_t)counts.messages, "skipped",
                                      (json_int_t)counts.skipped));
    }
    return status;
}

static int write_truth(struct simulation *s, const char *dir, json_t *files, struct error *err)
{
    char path[PATH_MAX];
    json_t *truth = truth_json(s->truth), *written = json_object();
    for (int i = 0; i < WORLD_ROLES; i++)
        json_object_set_new(written, world_role_names[i],
                            json_pack("{s:I, s:I, s:I}", "flows", (json_int_t)s->written[i].flows,
                                      "octets", (json_int_t)s->written[i].octets, "packets",
                                      (json_int_t)s->written[i].packets));
    json_object_set_new(truth, "written",
                        json_pack("{s:o, s:O, s:I, s:I}", "by_role", written, "files", files,
                                  "missed", (json_int_t)s->missed, "sampling",
                                  (json_int_t)s->w->sampling));
    snprintf(path, sizeof path, "%s/truth.json", dir);
    int status =
        json_dump_file(truth, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    json_decref(truth);
    return status == 0 ? 0 : error_errno(err, "write %s", path);
}

static void end(struct simulation *s)
{
    batch_free(s->batch);
    truth_free(s->truth);
    free(s->makers);
    free(s->services);
    free(s->service_random);
    free(s->service_levels);
    free(s->made_today);
    free(s->outside_ports);
    free(s->waiting);
}

static int make_folder(const char *dir, struct error *err)
{
    struct stat st;
    if (strlen(dir) > PATH_MAX - 32)
        return error_set(err, ERROR_USAGE, "the folder's name is too long: %.80s...", dir);
    if (mkdir(dir, 0777) == 0 || (errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    return error_errno(err, "make folder %s", dir);
}

int world_simulate(const char *path, const char *dir, const struct world_setting *setting,
                   struct error *err)
{
    struct world *w;
    double scale = setting->scale > 0 ? setting->scale : 1;
    int status = world_read(path, setting->seed, scale, &w, err);
    if (status != 0)
        return status;
    struct simulation s = {.w = w, .setting = setting};
    json_t *files = json_object();
    status = make_folder(dir, err);
    if (status == 0)
        status = open_wires(&s, dir, err);
    if (status == 0) {
        begin(&s);
        for (int32_t day = w->from_day; day <= w->to_day; day++)
            simulate_day(&s, day);
        emit_until(&s, UINT64_MAX);
        flush_batch(&s);
    }
    int closed = close_wires(&s, files, status == 0 ? err : NULL);
    if (status == 0)
        status = closed;
    if (status == 0)
        status = write_truth(&s, dir, files, err);
    json_decref(files);
    end(&s);
    world_free(w);
    return status;
}
