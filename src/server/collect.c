/* SPDX-License-Identifier: Apache-2.0 */
#include "server/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "decode/decode.h"
#include "server/metrics.h"
#include "server/notify.h"
#include "server/status.h"
#include "server/tcp.h"
#include "study/study.h"
#include "wire/cursor.h"

enum {
    SENDERS = 16384,
    CODES_MAX = 1 << 20,
    COVERAGE_ROWS = 1 << 20,
    EVENTS = 64,
    ACCEPTS = 64, /* connections in one go */
    ROUNDS = 8,   /* takes from one socket before the others have their turn */
    WAIT_MS = 100,
    FLUSH_MS = 1000, /* how long what was read may wait for the disk */
    STATUS_MS = 1000,
    QUIET_MS = 2400000, /* after so long a silence open conversations are complete */
    SEGMENT_RECORDS = 8 << 20,
    DRAIN_MS = 2000, /* at the end: what the sockets still hold */
    PATIENCE_S = 30,
    FILES_OWN = 64, /* descriptors that are not sockets of exporters */
};

/* What an event of epoll belongs to. */
struct source {
    enum { SOURCE_SIGNAL, SOURCE_UDP, SOURCE_TCP, SOURCE_PEER } kind;
    struct listener *listener;
    struct peer *peer;
    uint64_t heard_ms;   /* of a peer: when it last sent, or came */
    struct source *next; /* of the peers */
};

struct collector {
    const struct collect_setting *setting;
    struct study *study;
    struct lpm *allowed;
    struct listener listeners[LISTENERS_MAX];
    struct source sources[LISTENERS_MAX], signals;
    size_t listener_count;
    struct source *peers, *gone;
    size_t peer_count, peer_max;
    int epoll, lock;
    struct receiver *receiver;
    struct gate *gate;
    struct symbols *symbols;
    uint32_t told[SYMBOL_KINDS]; /* codes that the spooler has */
    struct coverage *coverage;
    struct decoder *decoder;
    struct batch *records;
    struct tally segment, before; /* the account of the open segment; of those closed */
    uint64_t segment_records,
        given_records; /* rows of the segment; records it had at the last flush */
    bool may_be_open;  /* conversations wait for their end */
    uint64_t now_ms, heard_ms, flushed_ms, segment_ms, status_ms, end_ms;
    uint64_t datagrams, octets, stalls, refused;
    struct spooler *spooler;
    struct storer *storer;
    struct metrics *metrics;
    struct status *status;
    bool stop;
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- senders that are allowed --- */

static int allow_one(struct lpm *l, const char *text, size_t len, struct error *err)
{
    struct prefix p;
    while (len && strchr(" \t\r\n", text[0]))
        text++, len--;
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len == 0 || text[0] == '#')
        return 0;
    if (!prefix_parse(text, len, false, &p))
        return error_set(err, ERROR_USAGE, "collect: '%.*s' is not an address or prefix", (int)len,
                         text);
    lpm_add(l, &p, 1);
    return 0;
}

static int allow_file(struct lpm *l, const char *path, struct error *err)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int status = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return error_errno(err, "%s", path);
    while (status == 0 && (len = getline(&line, &size, f)) >= 0)
        status = allow_one(l, line, (size_t)len, err);
    free(line);
    fclose(f);
    return status < 0 ? error_context(err, "%s", path) : 0;
}

static int allow_read(const char *allow, struct lpm **ret, struct error *err)
{
    int status = 0;
    *ret = NULL;
    if (!allow)
        return 0;
    struct lpm *l = lpm_new();
    if (allow[0] == '@')
        status = allow_file(l, allow + 1, err);
    for (const char *at = allow; allow[0] != '@' && status == 0 && *at;) {
        size_t len = strcspn(at, ",");
        status = allow_one(l, at, len, err);
        at += len + (at[len] == ',');
    }
    lpm_seal(l);
    if (status == 0)
        *ret = l;
    else
        lpm_free(l);
    return status;
}

/* --- from datagrams to groups --- */

static void hand_symbols(struct collector *c, struct spool_group *g)
{
    static const enum symbol_kind kinds[] = {SYMBOL_EXPORTER, SYMBOL_APPLICATION};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        while (c->told[kinds[k]] < symbols_count(c->symbols, kinds[k])) {
            uint32_t code = ++c->told[kinds[k]];
            spooler_symbol(g, kinds[k], code, symbols_text(c->symbols, kinds[k], code));
        }
}

/* What was gathered goes to the spool. `close`: and the segment ends; `last`: for good. */
static void flush(struct collector *c, bool close, bool last)
{
    c->flushed_ms = c->now_ms;
    bool news = c->segment.records != c->given_records || c->records->rows;
    bool open = c->segment.records != 0;
    if (!news && !(close && open) && !(last && c->may_be_open))
        return;
    bool waited;
    struct spool_group *g = spooler_take(c->spooler, &waited);
    c->stalls += waited;
    struct batch *empty = g->records;
    g->records = c->records;
    c->records = empty;
    hand_symbols(c, g);
    size_t rows = coverage_count(c->coverage);
    if (rows > g->coverage_room) {
        g->coverage = memory_resize(g->coverage, rows, sizeof *g->coverage);
        g->coverage_room = rows;
    }
    g->coverage_count = rows;
    if (rows)
        memcpy(g->coverage, coverage_rows(c->coverage), rows * sizeof *g->coverage);
    g->tally = c->segment;
    g->close = close;
    g->last = last;
    c->segment_records += g->records->rows;
    c->may_be_open = last ? false : c->may_be_open || g->records->rows;
    spooler_give(c->spooler, g);
    c->given_records = c->segment.records;
    if (!close)
        return;
    tally_add(&c->before, &c->segment);
    c->segment = (struct tally){0};
    c->given_records = c->segment_records = 0;
    c->segment_ms = c->now_ms;
    coverage_clear(c->coverage);
}

/* Seconds that a datagram's header says, 0 where it has none (sFlow). RFC 3954, section 5.1; RFC
 * 7011, section 3.1. */
static uint32_t export_time_s(struct bytes payload)
{
    if (payload.len < 16)
        return 0;
    unsigned version = octets_be16(payload.at);
    return version == 10 ? octets_be32(payload.at + 4)
           : version == 1 || version == 5 || version == 7 || version == 9
               ? octets_be32(payload.at + 8)
               : 0;
}

static void note_clock(const struct collector *c, struct sender *s, struct bytes payload)
{
    uint32_t said_s = export_time_s(payload);
    int64_t behind_s = (int64_t)(c->now_ms / 1000) - (int64_t)said_s;
    if (said_s == 0)
        return;
    s->behind_min_s = behind_s < s->behind_min_s ? behind_s : s->behind_min_s;
    s->behind_max_s = behind_s > s->behind_max_s ? behind_s : s->behind_max_s;
}

/* What the records told of sampling, to whom it belongs. An exporter's text is "address#domain". */
static void note_sampling(struct collector *c)
{
    const struct coverage_row *row = coverage_rows(c->coverage);
    for (size_t i = 0; i < coverage_count(c->coverage); i++, row++) {
        const char *text = symbols_text(c->symbols, SYMBOL_EXPORTER, row->exporter);
        struct ip ip;
        if (!row->sampling_min || !ip_parse(text, strcspn(text, "#"), &ip))
            continue;
        struct sender *s = gate_find(c->gate, &ip);
        if (!s)
            continue;
        s->sampling_min = !s->sampling_min || row->sampling_min < s->sampling_min
                              ? row->sampling_min
                              : s->sampling_min;
        s->sampling_max = row->sampling_max > s->sampling_max ? row->sampling_max : s->sampling_max;
    }
}

static void take_datagram(struct collector *c, const struct ip *ip, uint16_t port,
                          struct bytes payload)
{
    struct sender *s = gate_pass(c->gate, ip, payload.len, c->now_ms);
    if (!s)
        return;
    if (batch_room(c->records) < DECODE_ROWS_MAX ||
        c->records->text_len > c->records->text_size / 2)
        flush(c, false, false);
    const struct tally *t = &c->segment;
    uint64_t records = t->records, kept = t->kept, rejected = t->rejected,
             no_template = t->reasons[REASON_no_template];
    struct datagram d = {
        .exporter = *ip, .exporter_port = port, .arrival_ms = c->now_ms, .payload = payload};
    decoder_datagram(c->decoder, &d, c->records, &c->segment);
    c->datagrams++;
    c->octets += payload.len;
    c->heard_ms = c->now_ms;
    note_clock(c, s, payload);
    s->records += t->records - records;
    s->kept += t->kept - kept;
    s->rejected += t->rejected - rejected;
    s->no_template += t->reasons[REASON_no_template] - no_template;
}

static bool take_udp(struct collector *c, struct listener *l)
{
    struct received got[RECEIVE_MANY];
    size_t count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        count = receiver_take(c->receiver, l, got);
        for (size_t k = 0; k < count; k++)
            take_datagram(c, &got[k].from, got[k].port, got[k].payload);
        if (count < RECEIVE_MANY)
            break;
        c->now_ms = clock_ms();
    }
    return count > 0;
}

/* --- TCP --- */

static void take_message(void *ctx, struct peer *p, struct bytes message)
{
    take_datagram(ctx, &p->ip, p->port, message);
}

static void peer_gone(struct collector *c, struct source *gone)
{
    struct source **at = &c->peers;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    c->peer_count--;
    peer_free(gone->peer);
    gone->peer = NULL;
    gone->next = c->gone;
    c->gone = gone;
}

/* Events that were taken from epoll together may name a peer that an earlier one of them ended. */
static void forget_gone(struct collector *c)
{
    while (c->gone) {
        struct source *s = c->gone;
        c->gone = s->next;
        free(s);
    }
}

/* With all places taken, one is made by the peer that never sent a message, or else was silent
 * longest: connections that are only held open keep no exporter out. */
static void make_place(struct collector *c)
{
    struct source *least = c->peers;
    for (struct source *s = c->peers; s; s = s->next) {
        bool idle = s->peer->messages == 0, least_idle = least->peer->messages == 0;
        if (idle != least_idle ? idle : s->heard_ms < least->heard_ms)
            least = s;
    }
    c->refused++;
    peer_gone(c, least);
}

/* False when nobody waits. */
static bool accept_peer(struct collector *c, int fd)
{
    struct peer *p = peer_accept(fd);
    if (!p)
        return false;
    uint32_t value = 0;
    if (c->allowed)
        lpm_lookup_many(c->allowed, &p->ip, 1, &value);
    if (value == LPM_NONE) {
        c->refused++;
        peer_free(p);
        return true;
    }
    if (c->peer_count == c->peer_max)
        make_place(c);
    struct source *s = memory_alloc(sizeof *s);
    *s = (struct source){.kind = SOURCE_PEER, .peer = p, .heard_ms = c->now_ms, .next = c->peers};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    c->peers = s;
    c->peer_count++;
    epoll_ctl(c->epoll, EPOLL_CTL_ADD, p->fd, &e);
    return true;
}

/* True when more may be there. */
static bool take_tcp(struct collector *c, struct source *s)
{
    enum peer_look look = peer_read(s->peer, take_message, c);
    s->heard_ms = c->now_ms;
    if (look == PEER_WAITS || look == PEER_GOES_ON)
        return look == PEER_GOES_ON;
    bool nonsense = look == PEER_NONSENSE;
    c->refused += nonsense;
    if (nonsense || s->peer->len) /* what is left is no whole message */
        tally_reject(&c->segment, nonsense ? REASON_bad_version : REASON_truncated, 1);
    peer_gone(c, s);
    return false;
}

/* --- status --- */

static int by_datagrams(const void *left, const void *right)
{
    const struct sender *const *a = left, *const *b = right;
    return ((*a)->datagrams < (*b)->datagrams) - ((*a)->datagrams > (*b)->datagrams);
}

static void status_take(struct collector *c)
{
    struct status *s = c->status;
    static const struct sender *senders[SENDERS * 2];
    c->status_ms = c->now_ms;
    note_sampling(c);
    s->now_ms = c->now_ms;
    memcpy(s->listeners, c->listeners, sizeof s->listeners);
    s->listener_count = c->listener_count;
    s->datagrams = c->datagrams;
    s->octets = c->octets;
    s->stalls = c->stalls;
    s->tcp_open = c->peer_count;
    s->tcp_refused = c->refused;
    s->tally = c->before;
    tally_add(&s->tally, &c->segment);
    s->gate = gate_counts(c->gate);
    s->sender_count = gate_senders(c->gate, senders, SENDERS * 2);
    qsort(senders, s->sender_count, sizeof *senders, by_datagrams);
    for (size_t i = 0; i < s->sender_count && i < STATUS_SENDERS_MAX; i++)
        s->senders[i] = *senders[i];
    s->spool = spooler_state(c->spooler);
    s->stores = c->storer != NULL;
    if (c->storer)
        s->store = storer_state(c->storer);
    char path[4400];
    struct error err;
    snprintf(path, sizeof path, "%s/status.json", c->setting->spool);
    status_write(s, path, &err); /* a full disk is told by the spool itself */
    metrics_set(c->metrics, s);
    notify("WATCHDOG=1");
}

static void say_end(const struct collector *c)
{
    struct tally t = c->before;
    tally_add(&t, &c->segment);
    uint64_t dropped = 0;
    for (size_t i = 0; i < c->listener_count; i++)
        dropped += c->listeners[i].dropped;
    fprintf(stderr,
            "telltale: %" PRIu64 " datagrams; %" PRIu64 " records read = %" PRIu64
            " kept + %" PRIu64 " outside the population + %" PRIu64 " rejected\n",
            c->datagrams, t.records, t.kept, t.outside, t.rejected);
    for (int i = 0; i < REASON_COUNT; i++)
        if (t.reasons[i])
            fprintf(stderr, "telltale:   %" PRIu64 " rejected: %s\n", t.reasons[i],
                    reason_text((enum reason)i));
    struct gate_counts g = gate_counts(c->gate);
    if (dropped || g.strangers || g.limited)
        fprintf(stderr,
                "telltale:   %" PRIu64 " datagrams dropped by the kernel, %" PRIu64
                " of senders not allowed, %" PRIu64 " past the rate limit\n",
                dropped, g.strangers, g.limited);
}

/* --- signals --- */

static void reload(struct collector *c)
{
    struct study *study;
    struct lpm *allowed;
    struct error err;
    notify("RELOADING=1");
    if (study_load(c->setting->study, &study, &err) < 0) {
        fprintf(stderr, "telltale: not read again: %s\n", err.text);
    } else if (allow_read(c->setting->allow, &allowed, &err) < 0) {
        fprintf(stderr, "telltale: not read again: %s\n", err.text);
        study_free(study);
    } else {
        decoder_population(c->decoder, study->kept_lpm, study->sampling);
        gate_allow(c->gate, allowed);
        study_free(c->study);
        lpm_free(c->allowed);
        c->study = study;
        c->allowed = allowed;
        if (!c->setting->quiet)
            fprintf(stderr, "telltale: the study was read again\n");
    }
    notify("READY=1");
}

static void take_signal(struct collector *c, int fd)
{
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(c);
        else
            c->stop = true;
    }
}

/* --- the loop --- */

static void handle(struct collector *c, struct source *s)
{
    switch (s->kind) {
    case SOURCE_UDP:
        take_udp(c, s->listener);
        break;
    case SOURCE_TCP:
        for (int i = 0; i < ACCEPTS && accept_peer(c, s->listener->fd); i++)
            ;
        break;
    case SOURCE_PEER:
        if (s->peer)
            take_tcp(c, s);
        break;
    case SOURCE_SIGNAL:
        take_signal(c, s->listener->fd);
        break;
    }
}

static void keep_time(struct collector *c)
{
    bool quiet = c->now_ms - c->heard_ms > QUIET_MS && c->may_be_open;
    if (quiet)
        flush(c, true, true);
    else if (c->now_ms - c->segment_ms >= (uint64_t)c->setting->rotate_s * 1000 ||
             c->segment_records >= SEGMENT_RECORDS) {
        flush(c, true, false);
        c->segment_ms = c->now_ms;
    } else if (c->now_ms - c->flushed_ms >= FLUSH_MS)
        flush(c, false, false);
    if (c->now_ms - c->status_ms >= STATUS_MS)
        status_take(c);
    if (c->end_ms && c->now_ms >= c->end_ms)
        c->stop = true;
}

static void loop(struct collector *c)
{
    while (!c->stop) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(c->epoll, events, EVENTS, WAIT_MS);
        c->now_ms = clock_ms();
        for (int i = 0; i < count; i++)
            handle(c, events[i].data.ptr);
        forget_gone(c);
        keep_time(c);
    }
}

/* What the sockets hold already was sent to us: it is taken, for a bounded while. */
static void drain(struct collector *c)
{
    uint64_t until = clock_ms() + DRAIN_MS;
    bool more = true;
    while (more && c->now_ms < until) {
        more = false;
        c->now_ms = clock_ms();
        for (size_t i = 0; i < c->listener_count; i++)
            more |= !c->listeners[i].tcp && take_udp(c, &c->listeners[i]);
    }
    while (c->peers) {
        struct source *s = c->peers;
        while (take_tcp(c, s) && (c->now_ms = clock_ms()) < until)
            ;
        if (s->peer)
            peer_gone(c, s);
    }
    forget_gone(c);
    decoder_finish(c->decoder, &c->segment);
    flush(c, true, true);
}

/* --- beginning and end --- */

/* Peers take no more descriptors than leaves some for the spool, the status and the imports. */
static void limit_peers(struct collector *c)
{
    struct rlimit files;
    c->peer_max = PEERS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    rlim_t wanted = PEERS_MAX + LISTENERS_MAX + FILES_OWN;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur < wanted)
        c->peer_max = files.rlim_cur > LISTENERS_MAX + FILES_OWN + 1
                          ? (size_t)files.rlim_cur - LISTENERS_MAX - FILES_OWN
                          : 1;
}

static int open_sockets(struct collector *c, struct error *err)
{
    const struct collect_setting *s = c->setting;
    int status = 0;
    c->listener_count = (size_t)listen_inherited(c->listeners, LISTENERS_MAX, s->buffer_octets);
    if (c->listener_count)
        return 0;
    for (int i = 0; i < s->udp_count && status == 0; i++) {
        status =
            listen_open(s->udp[i], false, s->buffer_octets, &c->listeners[c->listener_count], err);
        c->listener_count += status == 0;
    }
    for (int i = 0; i < s->tcp_count && status == 0; i++) {
        status = listen_open(s->tcp[i], true, 0, &c->listeners[c->listener_count], err);
        c->listener_count += status == 0;
    }
    return status;
}

static int become(const struct collect_setting *s, struct error *err)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!s->user)
        return 0;
    errno = 0;
    struct passwd *who = getpwnam(s->user);
    if (!who)
        return error_set(err, ERROR_USAGE, "collect: there is no user '%s'", s->user);
    if ((mkdir(s->spool, 0700) == 0 || geteuid() == 0) &&
        chown(s->spool, who->pw_uid, who->pw_gid) < 0)
        return error_errno(err, "%s", s->spool);
    if (initgroups(s->user, who->pw_gid) < 0 || setgid(who->pw_gid) < 0 || setuid(who->pw_uid) < 0)
        return error_errno(err, "collect: becoming user '%s'", s->user);
    return 0;
}

/* One collector a spool. */
static int take_lock(struct collector *c, struct error *err)
{
    char path[4400];
    if (mkdir(c->setting->spool, 0700) < 0 && errno != EEXIST)
        return error_errno(err, "%s", c->setting->spool);
    snprintf(path, sizeof path, "%s/lock", c->setting->spool);
    c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->lock < 0)
        return error_errno(err, "%s", path);
    if (flock(c->lock, LOCK_EX | LOCK_NB) < 0)
        return error_set(err, ERROR_BUSY, "%s: another collector writes to this spool",
                         c->setting->spool);
    return 0;
}

static int watch(struct collector *c, int signals, struct error *err)
{
    static struct listener of_signals;
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    of_signals.fd = signals;
    c->signals = (struct source){.kind = SOURCE_SIGNAL, .listener = &of_signals};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &c->signals};
    if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, signals, &e) < 0)
        return error_errno(err, "collect");
    for (size_t i = 0; i < c->listener_count; i++) {
        struct listener *l = &c->listeners[i];
        c->sources[i] = (struct source){.kind = l->tcp ? SOURCE_TCP : SOURCE_UDP, .listener = l};
        e.data.ptr = &c->sources[i];
        if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, l->fd, &e) < 0)
            return error_errno(err, "%s", l->text);
    }
    return 0;
}

static void make_decoder(struct collector *c)
{
    struct decode_setting setting = {.limits = decode_limits_default,
                                     .population = c->study->kept_lpm,
                                     .sampling = c->study->sampling,
                                     .symbols = c->symbols,
                                     .coverage = c->coverage};
    c->decoder = decoder_new(&setting);
}

static int begin(struct collector *c, int signals, struct error *err)
{
    const struct collect_setting *s = c->setting;
    char carry[4400];
    int status = study_load(s->study, &c->study, err);
    if (status == 0)
        status = allow_read(s->allow, &c->allowed, err);
    limit_peers(c);
    if (status == 0)
        status = open_sockets(c, err);
    if (status == 0 && s->metrics)
        status = metrics_start(s->metrics, &c->metrics, err);
    if (status == 0)
        status = become(s, err);
    if (status == 0)
        status = take_lock(c, err);
    if (status == 0)
        status = watch(c, signals, err);
    if (status == 0)
        status = spooler_start(s->spool, &c->spooler, err);
    if (status == 0 && s->store_s)
        status = storer_start(s->study, s->spool, s->store_s, &c->storer, err);
    if (status < 0)
        return status;
    snprintf(carry, sizeof carry, "%s/carry", s->spool);
    c->may_be_open = access(carry, F_OK) == 0;
    c->receiver = receiver_new();
    c->gate = gate_new(c->allowed, s->rate, SENDERS);
    c->symbols = symbols_new(CODES_MAX);
    c->coverage = coverage_new(COVERAGE_ROWS);
    c->records = batch_new(STAGE_RECORD, GROUP_ROWS);
    make_decoder(c);
    c->now_ms = c->heard_ms = c->flushed_ms = c->segment_ms = clock_ms();
    c->status = memory_alloc(sizeof *c->status);
    c->status->pid = (int)getpid();
    c->status->started_ms = c->now_ms;
    c->end_ms = s->seconds ? c->now_ms + (uint64_t)s->seconds * 1000 : 0;
    return 0;
}

static void done(struct collector *c)
{
    metrics_stop(c->metrics);
    for (size_t i = 0; i < c->listener_count; i++)
        close(c->listeners[i].fd);
    decoder_free(c->decoder);
    batch_free(c->records);
    coverage_free(c->coverage);
    symbols_free(c->symbols);
    gate_free(c->gate);
    receiver_free(c->receiver);
    lpm_free(c->allowed);
    study_free(c->study);
    free(c->status);
    if (c->epoll >= 0)
        close(c->epoll);
    if (c->lock >= 0)
        close(c->lock);
    free(c);
}

static void say_begin(const struct collector *c)
{
    for (size_t i = 0; i < c->listener_count; i++)
        fprintf(stderr, "telltale: listening on %s\n", c->listeners[i].text);
    for (size_t i = 0; i < c->listener_count; i++)
        if (!c->listeners[i].tcp && c->listeners[i].buffer_octets < c->setting->buffer_octets) {
            fprintf(stderr,
                    "telltale: the kernel granted receive buffers of %d KiB, not the %d KiB asked "
                    "for: raise "
                    "net.core.rmem_max\n",
                    c->listeners[i].buffer_octets / 1024, c->setting->buffer_octets / 1024);
            break;
        }
}

static int end(struct collector *c, struct error *err)
{
    notify("STOPPING=1");
    drain(c);
    status_take(c);
    int status = spooler_stop(c->spooler, PATIENCE_S, err);
    storer_stop(c->storer);
    if (!c->setting->quiet)
        say_end(c);
    return status;
}

int collect_run(const struct collect_setting *setting, struct error *err)
{
    struct collector *c = memory_alloc(sizeof *c);
    sigset_t told, before;
    c->setting = setting;
    c->epoll = c->lock = -1;
    sigemptyset(&told);
    sigaddset(&told, SIGTERM);
    sigaddset(&told, SIGINT);
    sigaddset(&told, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &told, &before);
    int signals = signalfd(-1, &told, SFD_NONBLOCK | SFD_CLOEXEC);
    int status = signals < 0 ? error_errno(err, "collect") : begin(c, signals, err);
    if (status == 0) {
        if (!setting->quiet)
            say_begin(c);
        status_take(c);
        notify("READY=1");
        loop(c);
        status = end(c, err);
    } else if (c->spooler) {
        spooler_stop(c->spooler, 0, NULL);
    }
    done(c);
    if (signals >= 0)
        close(signals);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
