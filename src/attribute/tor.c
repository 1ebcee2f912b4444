/* SPDX-License-Identifier: Apache-2.0 */
/* The table: spans by address, found through an index of addresses; and its file. */
#include "attribute/tor_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/memory.h"
#include "input/stream.h"

enum { FILE_TEXT_MAX = 1 << 30, LINE_MAX_OCTETS = 256, ZSTD_LEVEL = 9 };
static const char magic[] = "telltale-tor 1\n";

/* ------------------------------------------------------------------ moments */

void tor_moments_add(struct tor_moments *m, uint32_t time_s)
{
    if (m->count == m->room) {
        m->room = m->room ? m->room * 2 : 64;
        m->at = memory_resize(m->at, m->room, sizeof *m->at);
    }
    m->at[m->count++] = time_s;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void tor_moments_sort(struct tor_moments *m)
{
    size_t kept = 0;
    if (m->count == 0)
        return;
    qsort(m->at, m->count, sizeof *m->at, by_time);
    for (size_t i = 0; i < m->count; i++)
        if (kept == 0 || m->at[kept - 1] != m->at[i])
            m->at[kept++] = m->at[i];
    m->count = kept;
}

size_t tor_moments_last(const struct tor_moments *m, uint32_t time_s)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m->at[middle] <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : SIZE_MAX;
}

/* ------------------------------------------------------------------ making */

static int compare_relays(const struct tor_relay *x, const struct tor_relay *y)
{
    int order = memcmp(&x->ip, &y->ip, sizeof x->ip);
    if (order == 0)
        order = (int)x->document - (int)y->document;
    if (order == 0)
        order = (int)x->or_port - (int)y->or_port;
    if (order == 0)
        order = (int)x->dir_port - (int)y->dir_port;
    if (order == 0)
        order = memcmp(x->fingerprint, y->fingerprint, sizeof x->fingerprint);
    return order ? order : (int)x->flags - (int)y->flags;
}

bool tor_relay_same(const struct tor_relay *a, const struct tor_relay *b)
{
    return compare_relays(a, b) == 0;
}

static int by_relay(const void *a, const void *b)
{
    const struct tor_span *x = a, *y = b;
    int order = compare_relays(&x->relay, &y->relay);
    return order ? order : (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

static uint64_t address_hash(const struct ip *ip)
{
    return hash_bytes(ip, sizeof *ip, 11);
}

struct tor_table *tor_table_make(struct tor_span *spans, size_t count,
                                 struct tor_moments times[TOR_DOCUMENTS])
{
    struct tor_table *t = memory_alloc(sizeof *t);
    size_t slots = 64;
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        t->times[d] = times[d];
    t->spans = spans;
    t->count = count;
    if (count)
        qsort(spans, count, sizeof *spans, by_relay);
    while (slots < count * 2)
        slots *= 2;
    t->slots = memory_array(slots, sizeof *t->slots);
    t->mask = slots - 1;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && ip_equal(&spans[i].relay.ip, &spans[i - 1].relay.ip))
            continue;
        size_t at = address_hash(&spans[i].relay.ip) & t->mask;
        while (t->slots[at])
            at = (at + 1) & t->mask;
        t->slots[at] = (uint32_t)i + 1;
    }
    return t;
}

void tor_free(struct tor_table *t)
{
    if (!t)
        return;
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        free(t->times[d].at);
    free(t->spans);
    free(t->slots);
    free(t);
}

size_t tor_spans(const struct tor_table *t, const struct tor_span **ret)
{
    *ret = t->spans;
    return t->count;
}

size_t tor_times(const struct tor_table *t, enum tor_document document, const uint32_t **ret)
{
    *ret = t->times[document].at;
    return t->times[document].count;
}

/* ------------------------------------------------------------------ looking up */

static size_t first_span(const struct tor_table *t, const struct ip *ip)
{
    for (size_t at = address_hash(ip) & t->mask; t->slots[at]; at = (at + 1) & t->mask)
        if (ip_equal(&t->spans[t->slots[at] - 1].relay.ip, ip))
            return t->slots[at] - 1;
    return SIZE_MAX;
}

bool tor_has_address(const struct tor_table *t, const struct ip *ip)
{
    return first_span(t, ip) != SIZE_MAX;
}

static enum tor_match match_of(const struct tor_relay *r, uint16_t port)
{
    if (port && r->or_port == port)
        return TOR_BY_OR_PORT;
    return port && r->dir_port == port ? TOR_BY_DIR_PORT : TOR_BY_ADDRESS;
}

/* What one span says at a moment. */
static struct tor_answer answer_of(const struct tor_table *t, const struct tor_span *s,
                                   uint16_t port, uint32_t now_s, uint32_t age_max_s)
{
    const struct tor_moments *m = &t->times[s->relay.document];
    size_t last = tor_moments_last(m, now_s);
    struct tor_answer a = {.match = match_of(&s->relay, port)};
    if (last == SIZE_MAX || s->from_s > now_s)
        return a;
    uint32_t latest_s = m->at[last];
    a.at = s;
    a.document_s = s->to_s < latest_s ? s->to_s : latest_s;
    if (now_s - latest_s > age_max_s)
        a.state = s->to_s >= latest_s ? TOR_STALE : TOR_LEFT;
    else
        a.state = s->to_s >= latest_s || now_s - s->to_s < TOR_HELD_S ? TOR_LISTED : TOR_LEFT;
    return a;
}

/* Listed beats stale beats left; then the better match, the later document, a consensus. */
static bool is_better(const struct tor_answer *a, const struct tor_answer *b)
{
    static const int rank[] = {[TOR_NEVER] = 0, [TOR_LEFT] = 1, [TOR_STALE] = 2, [TOR_LISTED] = 3};
    if (rank[a->state] != rank[b->state])
        return rank[a->state] > rank[b->state];
    if (a->match != b->match)
        return a->match > b->match;
    if (!b->at || !a->at)
        return a->at != NULL;
    if (a->at->relay.document != b->at->relay.document)
        return a->at->relay.document == TOR_CONSENSUS;
    return a->document_s > b->document_s;
}

struct tor_answer tor_find(const struct tor_table *t, const struct ip *ip, uint16_t port,
                           uint64_t time_ms, uint32_t age_max_s)
{
    struct tor_answer best = {.state = TOR_NEVER};
    uint64_t time_s = time_ms / 1000;
    uint32_t now_s = time_s < UINT32_MAX ? (uint32_t)time_s : UINT32_MAX;
    size_t first = first_span(t, ip);
    for (size_t i = first; i < t->count && ip_equal(&t->spans[i].relay.ip, ip); i++) {
        struct tor_answer a = answer_of(t, &t->spans[i], port, now_s, age_max_s);
        if (a.state != TOR_NEVER && is_better(&a, &best))
            best = a;
    }
    return best;
}

const char *tor_role_text(const struct tor_answer *a)
{
    if (a->state != TOR_LISTED)
        return "unknown";
    if (a->match == TOR_BY_DIR_PORT)
        return "directory";
    if (a->at->relay.document == TOR_EXIT_LIST)
        return "exit";
    bool guard = a->at->relay.flags & TOR_GUARD, exits = a->at->relay.flags & TOR_EXIT;
    return guard && exits ? "guard and exit" : guard ? "guard" : exits ? "exit" : "middle";
}

/* ------------------------------------------------------------------ the file */

static void put_hex(struct buf *out, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_format(out, "%02X", octets[i]);
}

static void put_text(const struct tor_table *t, struct buf *out)
{
    char ip[IP_TEXT_MAX];
    buf_text(out, magic);
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        for (size_t i = 0; i < t->times[d].count; i++)
            buf_format(out, "t %d %" PRIu32 "\n", d, t->times[d].at[i]);
    for (size_t i = 0; i < t->count; i++) {
        const struct tor_span *s = &t->spans[i];
        ip_print(&s->relay.ip, ip);
        buf_format(out, "r %s %u %u ", ip, s->relay.or_port, s->relay.dir_port);
        put_hex(out, s->relay.fingerprint, sizeof s->relay.fingerprint);
        buf_format(out, " %u %u %" PRIu32 " %" PRIu32 "\n", s->relay.flags, s->relay.document,
                   s->from_s, s->to_s);
    }
    buf_text(out, "end\n");
}

static int write_octets(const char *path, const void *at, size_t len, struct error *err)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return error_set(err, ERROR_FAILED, "the path is too long: %.80s...", path);
    FILE *f = fopen(temporary, "wb");
    if (!f)
        return error_errno(err, "%s", temporary);
    bool written = fwrite(at, 1, len, f) == len && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (fclose(f) != 0 || !written || rename(temporary, path) != 0) {
        int status = error_errno(err, "write %s", path);
        unlink(temporary);
        return status;
    }
    return 0;
}

int tor_save(const struct tor_table *t, const char *path, struct error *err)
{
    struct buf text;
    buf_init(&text, FILE_TEXT_MAX);
    put_text(t, &text);
    if (text.failed) {
        buf_done(&text);
        return error_set(err, ERROR_FAILED, "the table of relays is longer than %d MB",
                         FILE_TEXT_MAX >> 20);
    }
    size_t room = ZSTD_compressBound(text.len);
    void *packed = memory_alloc(room);
    size_t len = ZSTD_compress(packed, room, text.at, text.len, ZSTD_LEVEL);
    int status = ZSTD_isError(len)
                     ? error_set(err, ERROR_FAILED, "%s: zstd: %s", path, ZSTD_getErrorName(len))
                     : write_octets(path, packed, len, err);
    free(packed);
    buf_done(&text);
    return status;
}

struct loading {
    struct tor_moments times[TOR_DOCUMENTS];
    struct tor_span *spans;
    size_t count, room;
    bool ended;
};

static bool hex_value(const char *text, uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < 2 * len; i++) {
        char c = text[i];
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (value < 0)
            return false;
        octets[i / 2] = (uint8_t)(octets[i / 2] << 4 | value);
    }
    return text[2 * len] == 0;
}

static bool load_span(struct loading *l, const char *line)
{
    char ip[48], fingerprint[41];
    unsigned or_port, dir_port, flags, document;
    struct tor_span s = {0};
    if (sscanf(line, "r %47s %u %u %40s %u %u %" SCNu32 " %" SCNu32, ip, &or_port, &dir_port,
               fingerprint, &flags, &document, &s.from_s, &s.to_s) != 8 ||
        or_port > 65535 || dir_port > 65535 || flags > 255 || document >= TOR_DOCUMENTS ||
        s.from_s > s.to_s || !ip_parse(ip, strlen(ip), &s.relay.ip) ||
        !hex_value(fingerprint, s.relay.fingerprint, sizeof s.relay.fingerprint))
        return false;
    s.relay.or_port = (uint16_t)or_port;
    s.relay.dir_port = (uint16_t)dir_port;
    s.relay.flags = (uint8_t)flags;
    s.relay.document = (uint8_t)document;
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 4096;
        l->spans = memory_resize(l->spans, l->room, sizeof *l->spans);
    }
    l->spans[l->count++] = s;
    return true;
}

static bool load_line(struct loading *l, const char *line)
{
    unsigned document;
    uint32_t time_s;
    if (line[0] == 'r')
        return load_span(l, line);
    if (sscanf(line, "t %u %" SCNu32, &document, &time_s) == 2 && document < TOR_DOCUMENTS) {
        tor_moments_add(&l->times[document], time_s);
        return true;
    }
    l->ended = strcmp(line, "end") == 0;
    return l->ended;
}

/* One line without its end; false at the end of the file. */
static bool next_line(struct stream *in, char line[LINE_MAX_OCTETS])
{
    struct bytes ahead = stream_peek(in, LINE_MAX_OCTETS);
    size_t room = ahead.len < LINE_MAX_OCTETS ? ahead.len : LINE_MAX_OCTETS;
    const uint8_t *end = room ? memchr(ahead.at, '\n', room) : NULL;
    if (!end)
        return false;
    size_t len = (size_t)(end - ahead.at);
    memcpy(line, ahead.at, len);
    line[len] = 0;
    stream_skip(in, len + 1);
    return true;
}

int tor_load(const char *path, struct tor_table **ret, struct error *err)
{
    struct loading l = {0};
    struct stream *in;
    char line[LINE_MAX_OCTETS];
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *ret = tor_table_make(NULL, 0, l.times);
        return 0;
    }
    if (stream_open(path, &in, err) < 0)
        return ERROR_FAILED;
    bool good = next_line(in, line) && strncmp(line, magic, sizeof magic - 2) == 0 &&
                line[sizeof magic - 2] == 0;
    while (good && !l.ended && next_line(in, line))
        good = load_line(&l, line);
    good = good && l.ended && !stream_damaged(in);
    stream_free(in);
    for (int d = 0; d < TOR_DOCUMENTS; d++)
        tor_moments_sort(&l.times[d]);
    struct tor_table *t = tor_table_make(l.spans, l.count, l.times);
    if (!good) {
        tor_free(t);
        return error_set(err, ERROR_DAMAGED,
                         "%s: not a whole table of relays: remove it and add the documents again",
                         path);
    }
    *ret = t;
    return 0;
}
