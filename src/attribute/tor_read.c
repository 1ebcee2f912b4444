/* SPDX-License-Identifier: Apache-2.0 */
/* Documents line by line, out of files and tar archives. What a document lists is taken when its
 * end was seen: of a consensus that is cut nothing is, since a relay missing from it would count as
 * gone. Of a line only what is needed is read: dir-spec, "network status formats". */
#include "attribute/tor_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/zone.h"
#include "input/stream.h"

enum {
    LINE_OCTETS = 1 << 16, /* longer lines are none of ours */
    TAR_BLOCK = 512,
    FIELDS_MAX = 24,
    ENTRIES_MAX = 1 << 18, /* of one document; there are some 10,000 relays */
};

enum reading { READ_NOTHING, READ_CONSENSUS, READ_EXITS, READ_OTHER };

struct reader {
    struct tor_builder *b;
    struct tor_counts *count;
    struct stream *in;
    uint64_t left; /* octets of the member; UINT64_MAX: to the end of the file */
    enum reading reading;
    bool ended;      /* the consensus's footer was seen */
    uint16_t method; /* consensus-method: from 4 on only relays that run are listed */
    uint32_t time_s;
    uint32_t latest_s;                    /* of times an exit list has in it */
    struct tor_relay *entries;            /* of the document being read */
    size_t entry_count, entry_room, open; /* from `open` on: of the relay being read */
};

struct field {
    const char *at;
    size_t len;
};

/* ------------------------------------------------------------------ pieces of lines */

static size_t split(const char *line, size_t len, struct field ret[FIELDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < len && count < FIELDS_MAX;) {
        while (i < len && (line[i] == ' ' || line[i] == '\t'))
            i++;
        size_t from = i;
        while (i < len && line[i] != ' ' && line[i] != '\t')
            i++;
        if (i > from)
            ret[count++] = (struct field){line + from, i - from};
    }
    return count;
}

static bool is_word(struct field f, const char *word)
{
    return f.len == strlen(word) && memcmp(f.at, word, f.len) == 0;
}

/* "2012-07-12" and "10:00:00", UTC. */
static bool read_time(struct field date, struct field time, uint32_t *ret)
{
    char text[32];
    uint64_t ms;
    if (date.len != 10 || time.len != 8)
        return false;
    memcpy(text, date.at, 10);
    text[10] = ' ';
    memcpy(text + 11, time.at, 8);
    if (time_parse_ms(text, 19, NULL, 0, &ms) != 0 || ms / 1000 > UINT32_MAX)
        return false;
    *ret = (uint32_t)(ms / 1000);
    return true;
}

static bool read_port(struct field f, uint16_t *ret)
{
    unsigned value = 0;
    for (size_t i = 0; i < f.len; i++) {
        if (f.at[i] < '0' || f.at[i] > '9' || value > 65535)
            return false;
        value = value * 10 + (unsigned)(f.at[i] - '0');
    }
    *ret = (uint16_t)value;
    return f.len > 0 && value <= 65535;
}

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* 20 octets in 27 digits of base64 without padding. */
static bool read_identity(struct field f, uint8_t ret[20])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t count = 0;
    if (f.len != 27)
        return false;
    for (size_t i = 0; i < f.len; i++) {
        int value = base64_value(f.at[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8 && count < 20) {
            have -= 8;
            ret[count++] = (uint8_t)(bits >> have);
        }
    }
    return count == 20;
}

static bool read_hex(struct field f, uint8_t ret[20])
{
    for (size_t i = 0; i < 40 && f.len == 40; i++) {
        char c = f.at[i];
        int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                           : -1;
        if (value < 0)
            return false;
        ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | value);
    }
    return f.len == 40;
}

/* "198.51.100.7:9001" or "[2001:db8::7]:9001" */
static bool read_end(struct field f, struct ip *ip, uint16_t *port)
{
    const char *colon = memrchr(f.at, ':', f.len);
    if (!colon)
        return false;
    struct field address = {f.at, (size_t)(colon - f.at)};
    if (address.len > 2 && address.at[0] == '[' && address.at[address.len - 1] == ']') {
        address.at++;
        address.len -= 2;
    }
    return ip_parse(address.at, address.len, ip) &&
           read_port((struct field){colon + 1, f.len - (size_t)(colon + 1 - f.at)}, port) &&
           *port != 0;
}

/* ------------------------------------------------------------------ a document */

static struct tor_relay *entry_add(struct reader *r)
{
    if (r->entry_count == ENTRIES_MAX)
        return NULL;
    if (r->entry_count == r->entry_room) {
        r->entry_room = r->entry_room ? r->entry_room * 2 : 1024;
        r->entries = memory_resize(r->entries, r->entry_room, sizeof *r->entries);
    }
    struct tor_relay *e = &r->entries[r->entry_count++];
    memset(e, 0, sizeof *e);
    e->document = r->reading == READ_EXITS ? TOR_EXIT_LIST : TOR_CONSENSUS;
    return e;
}

/* A relay without flags that let clients use it goes again. */
static void drop_open(struct reader *r)
{
    r->entry_count = r->open;
}

/* A relay whose "s" line did not come cannot be placed. */
static void close_relay(struct reader *r)
{
    if (r->open == r->entry_count)
        return;
    r->count->bad_lines++;
    drop_open(r);
}

/* r NICKNAME IDENTITY [DIGEST] DATE TIME ADDRESS ORPORT DIRPORT */
static void take_router(struct reader *r, const struct field *f, size_t count)
{
    close_relay(r);
    struct tor_relay *e = entry_add(r);
    if (e && (count == 8 || count == 9) && read_identity(f[2], e->fingerprint) &&
        ip_parse(f[count - 3].at, f[count - 3].len, &e->ip) &&
        read_port(f[count - 2], &e->or_port) && read_port(f[count - 1], &e->dir_port) && e->or_port)
        return;
    r->count->bad_lines++;
    drop_open(r);
}

static void take_address(struct reader *r, const struct field *f, size_t count)
{
    struct ip ip;
    uint16_t port;
    if (r->open == r->entry_count)
        return; /* of a relay that could not be read */
    if (count < 2 || !read_end(f[1], &ip, &port)) {
        r->count->bad_lines++;
        return;
    }
    struct tor_relay *e = entry_add(r);
    if (!e)
        return;
    memcpy(e->fingerprint, r->entries[r->open].fingerprint, sizeof e->fingerprint);
    e->ip = ip;
    e->or_port = port;
}

static void take_flags(struct reader *r, const struct field *f, size_t count)
{
    static const struct {
        const char *word;
        uint8_t flag;
    } known[] = {{"Guard", TOR_GUARD},
                 {"Exit", TOR_EXIT},
                 {"V2Dir", TOR_V2DIR},
                 {"Authority", TOR_AUTHORITY},
                 {"BadExit", TOR_BAD_EXIT}};
    uint8_t flags = 0;
    bool running = false;
    if (r->open == r->entry_count)
        return;
    for (size_t i = 1; i < count; i++) {
        running |= is_word(f[i], "Running");
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (is_word(f[i], known[k].word))
                flags |= known[k].flag;
    }
    if (!running && r->method < 4) {
        r->count->not_running++;
        drop_open(r);
        return;
    }
    for (size_t i = r->open; i < r->entry_count; i++)
        r->entries[i].flags = flags;
    r->open = r->entry_count;
}

static void consensus_line(struct reader *r, const struct field *f, size_t count)
{
    if (is_word(f[0], "r"))
        take_router(r, f, count);
    else if (is_word(f[0], "a"))
        take_address(r, f, count);
    else if (is_word(f[0], "s"))
        take_flags(r, f, count);
    else if (is_word(f[0], "valid-after") && count >= 3)
        read_time(f[1], f[2], &r->time_s);
    else if (is_word(f[0], "consensus-method") && count >= 2)
        read_port(f[1], &r->method);
    else if (is_word(f[0], "vote-status") && count >= 2 && !is_word(f[1], "consensus"))
        r->reading = READ_OTHER;
    else if (is_word(f[0], "directory-footer") || is_word(f[0], "directory-signature"))
        r->ended = true;
}

static void exits_line(struct reader *r, const struct field *f, size_t count)
{
    uint32_t at = 0;
    if (is_word(f[0], "Downloaded") && count >= 3) {
        read_time(f[1], f[2], &r->time_s);
        return;
    }
    if (is_word(f[0], "ExitNode")) {
        drop_open(r); /* one without an address */
        struct tor_relay *e = entry_add(r);
        if (e && (count < 2 || !read_hex(f[1], e->fingerprint))) {
            r->count->bad_lines++;
            drop_open(r);
        }
        return;
    }
    if (!is_word(f[0], "ExitAddress") || r->open == r->entry_count)
        return;
    struct tor_relay e = r->entries[r->open];
    if (count < 4 || !ip_parse(f[1].at, f[1].len, &e.ip) || !read_time(f[2], f[3], &at)) {
        r->count->bad_lines++;
        return;
    }
    /* The open entry is this relay's pattern and moves behind what it gave. */
    e.flags = TOR_EXIT;
    r->latest_s = at > r->latest_s ? at : r->latest_s;
    struct tor_relay pattern = r->entries[r->open];
    r->entries[r->open++] = e;
    struct tor_relay *next = entry_add(r);
    if (next)
        *next = pattern;
}

static int finish_document(struct reader *r, bool whole, struct error *err)
{
    int status = 0;
    enum reading was = r->reading;
    bool is_exits = was == READ_EXITS;
    if (was == READ_CONSENSUS)
        close_relay(r);
    else
        drop_open(r);
    if (is_exits && !r->time_s)
        r->time_s = r->latest_s; /* made at that moment or a little later */
    if (was == READ_OTHER) {
        r->count->others++;
    } else if (was != READ_NOTHING && (is_exits ? !whole : !r->ended)) {
        r->count->cut++;
    } else if (was != READ_NOTHING && !r->time_s) {
        r->count->no_time++;
    } else if (was != READ_NOTHING) {
        enum tor_document document = is_exits ? TOR_EXIT_LIST : TOR_CONSENSUS;
        tor_builder_moment(r->b, document, r->time_s);
        for (size_t i = 0; i < r->entry_count && status == 0; i++)
            status = tor_builder_point(r->b, &r->entries[i], r->time_s, err);
        r->count->documents[document]++;
        r->count->relays += r->entry_count;
    }
    r->reading = READ_NOTHING;
    r->entry_count = r->open = 0;
    r->ended = false;
    r->method = 0;
    r->time_s = r->latest_s = 0;
    return status;
}

/* What kind of document a line begins; READ_NOTHING when it begins none. */
static enum reading begins(const struct field *f, size_t count)
{
    static const char *const others[] = {"router", "extra-info", "onion-key",
                                         "dir-key-certificate-version"};
    if (is_word(f[0], "@type") && count >= 2)
        return is_word(f[1], "network-status-consensus-3") ||
                       is_word(f[1], "network-status-microdesc-consensus-3")
                   ? READ_CONSENSUS
               : is_word(f[1], "tordnsel") ? READ_EXITS
                                           : READ_OTHER;
    if (is_word(f[0], "network-status-version"))
        return count >= 2 && is_word(f[1], "3") ? READ_CONSENSUS : READ_OTHER;
    if (is_word(f[0], "ExitNode"))
        return READ_EXITS;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_word(f[0], others[i]))
            return READ_OTHER;
    return READ_NOTHING;
}

static int take_line(struct reader *r, const char *line, size_t len, struct error *err)
{
    struct field f[FIELDS_MAX];
    size_t count = split(line, len, f);
    int status = 0;
    if (count == 0)
        return 0;
    /* "@type" begins a document; without it its first line does, where none of the kind is open. */
    enum reading kind = begins(f, count);
    bool is_annotation = is_word(f[0], "@type");
    bool restarts = kind == READ_CONSENSUS && (r->reading != READ_CONSENSUS || r->time_s);
    if (is_annotation || (kind != READ_NOTHING && r->reading == READ_NOTHING) ||
        (restarts && r->reading != READ_OTHER)) {
        status = finish_document(r, true, err);
        r->reading = kind;
    }
    if (r->reading == READ_CONSENSUS)
        consensus_line(r, f, count);
    else if (r->reading == READ_EXITS)
        exits_line(r, f, count);
    return status;
}

/* Lines of the member, or of the file. `ret_whole`: it ended where it should. */
static int read_lines(struct reader *r, bool *ret_whole, struct error *err)
{
    int status = 0;
    bool passing = false; /* the rest of a line that is too long */
    while (status == 0 && r->left > 0) {
        size_t want = r->left < LINE_OCTETS ? (size_t)r->left : LINE_OCTETS;
        struct bytes ahead = stream_peek(r->in, want);
        size_t room = ahead.len < want ? ahead.len : want;
        if (room == 0)
            break;
        const uint8_t *end = memchr(ahead.at, '\n', room);
        size_t len = end ? (size_t)(end - ahead.at) : room;
        size_t text = len && ahead.at[len - 1] == '\r' ? len - 1 : len;
        if (!passing && (end || room < LINE_OCTETS))
            status = take_line(r, (const char *)ahead.at, text, err);
        passing = !end && room == LINE_OCTETS;
        stream_skip(r->in, len + (end != NULL));
        if (r->left != UINT64_MAX)
            r->left -= len + (end != NULL);
    }
    *ret_whole = r->left == 0 || r->left == UINT64_MAX;
    return status;
}

/* ------------------------------------------------------------------ tar (POSIX.1-1988 ustar, pax)
 */

static bool tar_number(const uint8_t *at, size_t len, uint64_t *ret)
{
    uint64_t value = 0;
    if (at[0] & 0x80) { /* GNU: base 256 */
        for (size_t i = 0; i < len; i++)
            value = value << 8 | (i == 0 ? at[i] & 0x7fu : at[i]);
        *ret = value;
        return value < UINT64_MAX / 2;
    }
    size_t i = 0;
    while (i < len && at[i] == ' ')
        i++;
    for (; i < len && at[i] >= '0' && at[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(at[i] - '0');
    *ret = value;
    return i == len || at[i] == 0 || at[i] == ' ';
}

static bool is_tar(struct bytes head)
{
    uint64_t told, sum = 0;
    if (head.len < TAR_BLOCK || head.at[0] == 0 || !tar_number(head.at + 148, 8, &told))
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : head.at[i];
    return sum == told;
}

static int read_tar(struct reader *r, struct error *err)
{
    int status = 0;
    for (;;) {
        uint64_t size;
        bool whole = true;
        struct bytes head = stream_read(r->in, TAR_BLOCK);
        if (head.len < TAR_BLOCK || !is_tar(head) || !tar_number(head.at + 124, 12, &size))
            return 0;
        uint8_t type = head.at[156];
        uint64_t padding = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
        if (type == '0' || type == 0 || type == '7') {
            r->left = size;
            status = read_lines(r, &whole, err);
            if (status == 0)
                status = finish_document(r, whole, err);
            if (status || !whole)
                return status;
            stream_skip(r->in, padding);
        } else {
            stream_skip(r->in, size + padding);
        }
    }
}

static int read_stream(struct tor_builder *b, struct stream *in, struct error *err)
{
    struct reader r = {.b = b, .count = tor_builder_count(b), .in = in, .left = UINT64_MAX};
    bool whole = true;
    int status;
    r.count->files++;
    if (is_tar(stream_peek(in, TAR_BLOCK))) {
        status = read_tar(&r, err);
    } else {
        status = read_lines(&r, &whole, err);
        if (status == 0)
            status = finish_document(&r, !stream_damaged(in), err);
    }
    free(r.entries);
    return status;
}

int tor_builder_file(struct tor_builder *b, const char *path, struct error *err)
{
    struct stream *in;
    if (stream_open(path, &in, err) < 0)
        return ERROR_FAILED;
    int status = read_stream(b, in, err);
    stream_free(in);
    return status;
}

int tor_builder_octets(struct tor_builder *b, struct bytes octets, struct error *err)
{
    struct stream *in = stream_of_bytes(octets);
    int status = read_stream(b, in, err);
    stream_free(in);
    return status;
}
