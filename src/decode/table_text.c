/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/table_text.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "decode/table_value.h"

enum {
    VIEW_STEP = 256 << 10,
    HEAD_OCTETS = 4096,
    CELLS_MAX = 512,
    DEPTH_MAX = 4, /* of nested JSON objects whose keys are looked at */
    KEY_MAX = 128,
    KEYS_MAX = 1024, /* different JSON keys remembered */
    PATH_MAX_LEN = 31,
    SCRATCH_OCTETS = 4 * TABLE_LINE_MAX - 1,
};

struct key {
    char name[KEY_MAX];
    uint8_t len, column, rank;
};

struct table_text {
    struct stream *stream;
    struct bytes view; /* borrowed from the stream, `used` octets of it are done */
    size_t used;
    const struct table_map *map;
    enum table_kind kind;
    bool is_json, is_headless;
    bool has[TABLE_COLUMNS];
    char path[PATH_MAX_LEN + 1];
    char separator;
    size_t cells; /* of the header */
    uint8_t column[CELLS_MAX];
    struct bytes cell[CELLS_MAX];
    struct buf scratch; /* unquoted cells, numbers of JSON as text */
    json_t *line;
    struct key *keys; /* by first appearance; JSON's keys come in the same order line by line */
    size_t key_count, key_next;
    struct key once; /* one that was not remembered */
};

bool table_text_is(struct bytes head)
{
    size_t len = head.len < HEAD_OCTETS ? head.len : HEAD_OCTETS;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = head.at[i];
        if (c < ' ' && c != '\t' && c != '\r' && c != '\n')
            return false;
    }
    return len > 0;
}

/* ---- lines ---- */

enum line { LINE_END, LINE_READ, LINE_TOO_LONG };

static void refill(struct table_text *t, size_t want)
{
    stream_skip(t->stream, t->used);
    t->view = stream_peek(t->stream, want);
    t->used = 0;
}

/* Passes over what is left of a line without end in sight. */
static void skip_line(struct table_text *t)
{
    for (;;) {
        struct bytes rest = bytes_slice(t->view, t->used, t->view.len);
        const uint8_t *end = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
        if (end || rest.len == 0) {
            t->used += end ? (size_t)(end - rest.at) + 1 : 0;
            return;
        }
        t->used = t->view.len;
        refill(t, VIEW_STEP);
    }
}

/* The next line without its end. */
static enum line next_line(struct table_text *t, struct bytes *ret)
{
    size_t looked = 0;
    for (;;) {
        struct bytes rest = bytes_slice(t->view, t->used, t->view.len);
        const uint8_t *end =
            rest.len > looked ? memchr(rest.at + looked, '\n', rest.len - looked) : NULL;
        if (end || (rest.len && rest.len > TABLE_LINE_MAX)) {
            size_t len = end ? (size_t)(end - rest.at) : rest.len;
            if (len > TABLE_LINE_MAX) {
                skip_line(t);
                return LINE_TOO_LONG;
            }
            t->used += len + 1;
            *ret = bytes_slice(rest, 0, len);
            break;
        }
        looked = rest.len;
        refill(t, rest.len + VIEW_STEP);
        if (t->view.len == looked) { /* the file's end */
            t->used = looked;
            *ret = t->view;
            if (looked == 0)
                return LINE_END;
            break;
        }
    }
    if (ret->len && ret->at[ret->len - 1] == '\r')
        ret->len--;
    return LINE_READ;
}

/* ---- cells ---- */

/* A cell in quotes, from behind the first; moves `at` behind the last. Doubled quotes are one. */
static struct bytes quoted(struct table_text *t, struct bytes line, size_t *at)
{
    size_t from = t->scratch.len;
    while (*at < line.len) {
        uint8_t c = line.at[(*at)++];
        if (c == '"') {
            if (*at >= line.len || line.at[*at] != '"')
                break;
            (*at)++;
        }
        buf_u8(&t->scratch, c);
    }
    return bytes_of(t->scratch.at + from, t->scratch.len - from);
}

static size_t split(struct table_text *t, struct bytes line, char separator)
{
    size_t count = 0, at = 0;
    bool may_quote =
        separator != ' ' && t->kind != TABLE_ZEEK && line.len && memchr(line.at, '"', line.len);
    buf_clear(&t->scratch);
    while (count < CELLS_MAX) {
        struct bytes *cell = &t->cell[count++];
        if (may_quote && at < line.len && line.at[at] == '"') {
            at++;
            *cell = quoted(t, line, &at);
        } else {
            const uint8_t *end =
                at < line.len ? memchr(line.at + at, separator, line.len - at) : NULL;
            size_t len = (end ? (size_t)(end - line.at) : line.len) - at;
            *cell = bytes_of(line.at + at, len);
            at += len;
        }
        if (at >= line.len)
            break;
        if (line.at[at] != (uint8_t)separator)
            return 0; /* something behind a closing quote */
        at++;
    }
    return at < line.len ? 0 : count;
}

static size_t set_columns(struct table_text *t, size_t count)
{
    int rank_of[TABLE_COLUMNS];
    size_t known = 0, at[TABLE_COLUMNS];
    memset(t->has, 0, sizeof t->has);
    memset(t->column, TABLE_COLUMNS, sizeof t->column);
    t->cells = count;
    for (size_t i = 0; i < count; i++) {
        struct bytes name = value_trimmed(t->cell[i]);
        enum table_column column = table_column_of(t->map, name);
        int rank = table_rank(t->map, name);
        if (column == TABLE_COLUMNS || (t->has[column] && rank <= rank_of[column]))
            continue;
        if (t->has[column])
            t->column[at[column]] = TABLE_COLUMNS;
        known += !t->has[column];
        t->has[column] = true;
        rank_of[column] = rank;
        at[column] = i;
        t->column[i] = (uint8_t)column;
    }
    return known;
}

static bool header_has(const struct table_text *t, const char *name)
{
    for (size_t i = 0; i < t->cells; i++)
        if (bytes_equal(value_trimmed(t->cell[i]), bytes_of_text(name)))
            return true;
    return false;
}

/* ---- formats ---- */

/* The default fields of version 2, and with the time before them that CloudWatch puts there. */
static bool is_headless_vpc(struct table_text *t, struct bytes line)
{
    static const char *const fields[] = {"",         "version", "account-id", "interface-id",
                                         "srcaddr",  "dstaddr", "srcport",    "dstport",
                                         "protocol", "packets", "bytes",      "start",
                                         "end",      "action",  "log-status"};
    size_t count = split(t, line, ' ');
    if (count != 14 && count != 15)
        return false;
    size_t first = count == 14 ? 0 : 1;
    struct bytes version = t->cell[first], status = t->cell[first + 13];
    if (!bytes_equal(version, bytes_of_text("2")) ||
        !(bytes_equal(status, bytes_of_text("OK")) ||
          bytes_equal(status, bytes_of_text("NODATA")) ||
          bytes_equal(status, bytes_of_text("SKIPDATA"))))
        return false;
    for (size_t i = 0; i < count; i++)
        t->cell[i] = bytes_of_text(fields[i + 1 - first]);
    set_columns(t, count);
    return true;
}

static bool find_vpc(struct table_text *t, struct bytes line)
{
    t->kind = TABLE_VPC;
    t->separator = ' ';
    if (is_headless_vpc(t, line)) {
        t->is_headless = true;
        return true;
    }
    size_t count = split(t, line, ' ');
    if (count < 4)
        return false;
    set_columns(t, count);
    return (header_has(t, "srcaddr") || header_has(t, "pkt-srcaddr")) &&
           (header_has(t, "dstaddr") || header_has(t, "pkt-dstaddr"));
}

static void find_separated(struct table_text *t, struct bytes line)
{
    static const char separators[] = "\t,;|";
    size_t most = 0;
    t->kind = TABLE_CSV;
    t->separator = ',';
    for (const char *s = separators; *s; s++) {
        size_t count = split(t, line, *s);
        size_t known = count ? set_columns(t, count) : 0;
        if (known <= most)
            continue;
        most = known;
        t->separator = *s;
        t->kind = *s == '\t' ? TABLE_TSV : TABLE_CSV;
        if (header_has(t, "StartTime") && header_has(t, "SrcAddr") && header_has(t, "Dir"))
            t->kind = TABLE_ARGUS;
    }
    set_columns(t, split(t, line, t->separator));
}

/* "#fields\tts\tuid..." and its like; false at the first line that is none. */
static bool zeek_header(struct table_text *t, struct bytes line)
{
    line = value_trimmed(line);
    if (line.len == 0 || line.at[0] != '#')
        return false;
    size_t count = split(t, line, '\t');
    if (count > 1 && bytes_equal(t->cell[0], bytes_of_text("#fields"))) {
        memmove(t->cell, t->cell + 1, (count - 1) * sizeof *t->cell);
        set_columns(t, count - 1);
    } else if (count > 1 && bytes_equal(t->cell[0], bytes_of_text("#path"))) {
        snprintf(t->path, sizeof t->path, "%.*s", (int)t->cell[1].len, (const char *)t->cell[1].at);
    }
    return true;
}

static bool has_key(const json_t *o, const char *key)
{
    return json_object_get(o, key) != NULL;
}

/* Which of Zeek's logs an object without _path comes from. */
static const char *zeek_path_of(const json_t *o)
{
    const json_t *path = json_object_get(o, "_path");
    if (json_is_string(path))
        return json_string_value(path);
    if (has_key(o, "conn_state") || has_key(o, "orig_pkts") || has_key(o, "orig_ip_bytes"))
        return "conn";
    if (has_key(o, "certificate.subject") || has_key(o, "certificate.serial"))
        return "x509";
    if (has_key(o, "trans_id") || has_key(o, "qtype_name"))
        return "dns";
    if (has_key(o, "client_initial_dcid"))
        return "quic";
    if (has_key(o, "cipher") || has_key(o, "established") || has_key(o, "ssl_history"))
        return "ssl";
    return has_key(o, "trans_depth") ? "http" : "log";
}

/* ---- JSON ---- */

/* The key's column; keys come in the same order in most lines, so the next one is tried first. */
static const struct key *find_key(struct table_text *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->key_count; i++) {
        size_t at = (t->key_next + i) % t->key_count;
        if (t->keys[at].len == len && memcmp(t->keys[at].name, name, len) == 0) {
            t->key_next = at + 1;
            return &t->keys[at];
        }
    }
    struct key *k = t->key_count < KEYS_MAX ? &t->keys[t->key_count++] : &t->once;
    struct bytes text = bytes_of(name, len);
    memcpy(k->name, name, len);
    k->len = (uint8_t)len;
    k->column = (uint8_t)table_column_of(t->map, text);
    k->rank = (uint8_t)table_rank(t->map, text);
    return k;
}

static void add_scalar(struct buf *to, const json_t *value)
{
    if (json_is_string(value))
        buf_add(to, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_format(to, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        buf_format(to, "%.6f", json_real_value(value));
    else if (json_is_true(value))
        buf_text(to, "T");
}

/* Cells of numbers and lists point into the scratch. */
static struct bytes cell_text(struct table_text *t, const json_t *value)
{
    if (json_is_string(value))
        return bytes_of(json_string_value(value), json_string_length(value));
    size_t from = t->scratch.len;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i)
            buf_u8(&t->scratch, ',');
        add_scalar(&t->scratch, json_array_get(value, i));
    }
    add_scalar(&t->scratch, value);
    return bytes_of(t->scratch.at + from, t->scratch.len - from);
}

static void take_object(struct table_text *t, json_t *o, const char *prefix, int depth,
                        struct table_row *ret, uint8_t ranks[TABLE_COLUMNS])
{
    const char *name;
    json_t *value;
    json_object_foreach(o, name, value)
    {
        char key[KEY_MAX];
        int len = snprintf(key, sizeof key, "%s%s", prefix, name);
        if (len < 0 || (size_t)len >= sizeof key - 2)
            continue;
        if (json_is_object(value)) {
            key[len] = '.';
            key[len + 1] = 0;
            if (depth < DEPTH_MAX)
                take_object(t, value, key, depth + 1, ret, ranks);
            continue;
        }
        const struct key *k = find_key(t, key, (size_t)len);
        if (k->column == TABLE_COLUMNS || json_is_null(value) ||
            (ret->cell[k->column].at && ranks[k->column] >= k->rank))
            continue;
        ret->cell[k->column] = cell_text(t, value);
        ranks[k->column] = k->rank;
    }
}

/* What kind of lines they are, by the first; false where it is nothing of ours. */
static bool find_json(struct table_text *t, struct bytes line)
{
    struct table_row row = {0};
    uint8_t ranks[TABLE_COLUMNS] = {0};
    json_t *o = json_loadb((const char *)line.at, line.len, 0, NULL);
    bool found = json_is_object(o);
    t->is_json = true;
    t->kind = TABLE_JSONL;
    if (has_key(o, "event_type") && (has_key(o, "flow_id") || has_key(o, "timestamp"))) {
        t->kind = TABLE_EVE;
    } else if ((has_key(o, "uid") && has_key(o, "id.orig_h")) || has_key(o, "_path") ||
               has_key(o, "certificate.subject")) {
        t->kind = TABLE_ZEEK;
        snprintf(t->path, sizeof t->path, "%s", zeek_path_of(o));
    }
    if (found && t->kind == TABLE_JSONL) {
        /* Counters may be missing in one line; without time and addresses it is something else. */
        take_object(t, o, "", 0, &row, ranks);
        found = (row.cell[TABLE_start].len || row.cell[TABLE_end].len) &&
                (row.cell[TABLE_src_ip].len || row.cell[TABLE_inner_src_ip].len) &&
                (row.cell[TABLE_dst_ip].len || row.cell[TABLE_inner_dst_ip].len);
    }
    json_decref(o);
    return found;
}

static enum table_next json_row(struct table_text *t, struct bytes line, struct table_row *ret,
                                enum reason *wrong)
{
    uint8_t ranks[TABLE_COLUMNS] = {0};
    json_decref(t->line);
    t->line = json_loadb((const char *)line.at, line.len, 0, NULL);
    buf_clear(&t->scratch);
    if (!json_is_object(t->line)) {
        *wrong = REASON_bad_field;
        return TABLE_NEXT_BAD;
    }
    t->key_next = 0;
    take_object(t, t->line, "", 0, ret, ranks);
    if (t->scratch.failed) {
        *wrong = REASON_over_limit;
        return TABLE_NEXT_BAD;
    }
    if (t->kind == TABLE_ZEEK && ret->cell[TABLE_path].len == 0)
        ret->cell[TABLE_path] = bytes_of_text(zeek_path_of(t->line));
    return TABLE_NEXT_ROW;
}

/* ---- the table ---- */

static struct bytes without_mark(struct bytes line)
{
    bool mark = line.len >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0;
    return mark ? bytes_slice(line, 3, line.len) : line;
}

/* From the first line that is not blank; a line that holds rows already is not consumed. */
static bool find_format(struct table_text *t)
{
    struct bytes line;
    size_t before;
    do {
        before = 0;
        if (next_line(t, &line) != LINE_READ)
            return false;
        before = t->used;
        line = without_mark(line);
    } while (value_trimmed(line).len == 0);
    size_t start = (size_t)(line.at - t->view.at);
    if (value_trimmed(line).at[0] == '{') {
        t->used = start;
        return find_json(t, line);
    } else if (value_trimmed(line).at[0] == '#') {
        t->kind = TABLE_ZEEK;
        t->separator = '\t';
        zeek_header(t, line);
        while (t->cells == 0 && next_line(t, &line) == LINE_READ && zeek_header(t, line))
            ;
    } else if (find_vpc(t, line)) {
        t->used = t->is_headless ? start : before;
    } else {
        find_separated(t, line);
    }
    bool any = false;
    for (int c = 0; c < TABLE_COLUMNS; c++)
        any |= t->has[c];
    return any;
}

static bool is_flows(const struct table_text *t)
{
    return t->kind != TABLE_ZEEK || strcmp(t->path, "conn") == 0;
}

int table_text_open(struct stream *stream, const struct table_map *map, const char *shown,
                    struct table_text **ret, struct error *err)
{
    char missing[128] = "";
    struct table_text *t = memory_alloc(sizeof *t);
    t->stream = stream;
    t->map = map;
    t->keys = memory_array(KEYS_MAX, sizeof *t->keys);
    /* Cells point into the scratch: all its room is had at once, so that it never moves. */
    buf_init(&t->scratch, SCRATCH_OCTETS);
    buf_room(&t->scratch, SCRATCH_OCTETS);
    bool found = find_format(t);
    if (t->kind == TABLE_ZEEK && !t->path[0] && t->has[TABLE_conn_state])
        strcpy(t->path, "conn");
    if (!found || (!t->is_json && is_flows(t) && !table_suffices(t->has, missing))) {
        table_text_free(t);
        return error_set(err, ERROR_FAILED,
                         missing[0] ? "%s: a table without column %s (others' names: --map %s=NAME)"
                                    : "%s: no table of flows, and no log that is known",
                         shown, missing, missing);
    }
    *ret = t;
    return 0;
}

void table_text_free(struct table_text *t)
{
    if (!t)
        return;
    stream_free(t->stream);
    json_decref(t->line);
    buf_done(&t->scratch);
    free(t->keys);
    free(t);
}

enum table_kind table_text_kind(const struct table_text *t)
{
    return t->kind;
}

const bool *table_text_has(const struct table_text *t)
{
    return t->has;
}

const char *table_text_path(const struct table_text *t)
{
    return t->path;
}

const char *table_text_format(const struct table_text *t)
{
    static const char *const zeek[] = {"zeek conn", "zeek dns",  "zeek ssl",
                                       "zeek http", "zeek quic", "zeek x509"};
    if (t->kind != TABLE_ZEEK)
        return table_kind_text(t->kind);
    for (size_t i = 0; i < sizeof zeek / sizeof *zeek; i++)
        if (strcmp(zeek[i] + 5, t->path) == 0)
            return zeek[i];
    return "zeek log";
}

enum table_next table_text_next(struct table_text *t, struct table_row *ret, enum reason *wrong)
{
    struct bytes line;
    memset(ret, 0, sizeof *ret);
    for (;;) {
        enum line got = next_line(t, &line);
        if (got == LINE_END)
            return TABLE_NEXT_END;
        *wrong = REASON_over_limit;
        if (got == LINE_TOO_LONG)
            return TABLE_NEXT_BAD;
        line = without_mark(line);
        if (value_trimmed(line).len &&
            !(t->kind == TABLE_ZEEK && !t->is_json && zeek_header(t, line)))
            break;
    }
    if (t->is_json)
        return json_row(t, line, ret, wrong);
    size_t count = split(t, line, t->separator);
    *wrong = REASON_bad_field;
    if (count == 0)
        return TABLE_NEXT_BAD;
    for (size_t i = t->cells; i < count; i++)
        if (value_trimmed(t->cell[i]).len)
            return TABLE_NEXT_BAD;
    for (size_t i = 0; i < count && i < t->cells; i++)
        if (t->column[i] != TABLE_COLUMNS)
            ret->cell[t->column[i]] = t->cell[i];
    if (t->kind == TABLE_ZEEK)
        ret->cell[TABLE_path] = bytes_of_text(t->path);
    return TABLE_NEXT_ROW;
}

const json_t *table_text_json(const struct table_text *t)
{
    return t->line;
}

bool table_text_damaged(const struct table_text *t)
{
    return stream_damaged(t->stream);
}
