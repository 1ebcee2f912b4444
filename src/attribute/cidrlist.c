/* SPDX-License-Identifier: Apache-2.0 */
/* A line gives at most one prefix or range: the first word of it that is one. A JSON document gives
 * every text that is a prefix, with the service or name of the object around it as its tag; the
 * four formats differ only in the keys that hold the date. */
#include "attribute/cidrlist.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/zone.h"
#include "input/stream.h"
#include "schema/values.h"

enum {
    FILE_OCTETS_MAX = 256 << 20,
    LINE_MAX_OCTETS = 1 << 16,
    JSON_DEPTH_MAX = 32,
    TAGS_MAX = 65535
};
static const char magic[] = "# telltale-list 1";

static const char *const kinds[] = {"vpn", "proxy", "tor", "cdn", "cloud", "hosting", "owner"};

const char *list_kind_text(enum list_kind kind)
{
    return kind < LIST_KINDS ? kinds[kind] : "";
}

int list_kind_value(const char *text)
{
    for (int k = 0; k < LIST_KINDS; k++)
        if (strcmp(kinds[k], text) == 0)
            return k;
    return -1;
}

void list_slug(const char *label, char text[LIST_SLUG_MAX])
{
    size_t len = 0;
    for (; *label && len < LIST_SLUG_MAX - 1; label++) {
        unsigned char c = (unsigned char)*label;
        if (isalnum(c) && c < 128)
            text[len++] = (char)tolower(c);
        else if (len && text[len - 1] != '-')
            text[len++] = '-';
    }
    while (len && text[len - 1] == '-')
        len--;
    text[len] = 0;
}

void cidrlist_init(struct cidrlist *l)
{
    *l = (struct cidrlist){.day = CIDR_NO_DAY, .since = CIDR_NO_DAY};
    l->tags = memory_array(1, sizeof *l->tags);
    l->tags[0] = memory_text("", 0);
    l->tag_count = 1;
}

void cidrlist_done(struct cidrlist *l)
{
    for (size_t i = 0; i < l->tag_count; i++)
        free(l->tags[i]);
    free(l->tags);
    free(l->at);
    free(l->label);
    free(l->from);
    *l = (struct cidrlist){0};
}

/* Tags come in long runs, so the last one is nearly always the one. */
static uint32_t tag_number(struct cidrlist *l, const char *text, size_t len)
{
    if (len == 0 || len > 200)
        return 0;
    for (size_t i = l->tag_count; i-- > 1;)
        if (strlen(l->tags[i]) == len && memcmp(l->tags[i], text, len) == 0)
            return (uint32_t)i;
    if (l->tag_count == TAGS_MAX)
        return 0;
    l->tags = memory_resize(l->tags, l->tag_count + 1, sizeof *l->tags);
    l->tags[l->tag_count] = memory_text(text, len);
    for (char *c = l->tags[l->tag_count]; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
    return (uint32_t)l->tag_count++;
}

static void add(struct cidrlist *l, struct cidr_counts *counts, const struct prefix *p,
                uint32_t tag)
{
    if (p->len_bits == 0 || (p->len_bits == 96 && ip_is_v4(&p->ip))) {
        counts->whole_internet++;
        return;
    }
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 1024;
        l->at = memory_resize(l->at, l->room, sizeof *l->at);
    }
    l->at[l->count++] = (struct cidr){*p, tag};
}

/* ------------------------------------------------------------------ one word */

static bool looks_like_address(const char *text, size_t len)
{
    size_t dots = 0, colons = 0, others = 0;
    for (size_t i = 0; i < len; i++) {
        dots += text[i] == '.';
        colons += text[i] == ':';
        others += !isxdigit((unsigned char)text[i]) && !strchr(".:/", text[i]);
    }
    return others == 0 && (dots == 3 || colons >= 2);
}

enum word { WORD_NONE, WORD_BAD, WORD_TAKEN };

/* A prefix or address, as it stands or as the network of its host bits. */
static enum word take_prefix(struct cidrlist *l, struct cidr_counts *counts, const char *text,
                             size_t len, uint32_t tag)
{
    struct prefix p;
    if (!looks_like_address(text, len))
        return WORD_NONE;
    if (!prefix_parse(text, len, true, &p)) {
        if (!prefix_parse(text, len, false, &p))
            return WORD_BAD;
        counts->host_bits++;
    }
    add(l, counts, &p, tag);
    counts->taken++;
    return WORD_TAKEN;
}

static unsigned __int128 number_of(const struct ip *ip)
{
    unsigned __int128 n = 0;
    for (int i = 0; i < IP_OCTETS; i++)
        n = n << 8 | ip->octet[i];
    return n;
}

/* The fewest prefixes that make up first..last, both of one family. */
static void add_range(struct cidrlist *l, struct cidr_counts *counts, const struct ip *first,
                      const struct ip *last, uint32_t tag)
{
    unsigned __int128 at = number_of(first), end = number_of(last);
    for (;;) {
        unsigned bits = 0;
        while (bits < 127 && (at >> bits & 1) == 0 &&
               (((unsigned __int128)2 << bits) - 1) <= end - at)
            bits++;
        struct prefix p = {.len_bits = (uint8_t)(128 - bits)};
        for (int i = 0; i < IP_OCTETS; i++)
            p.ip.octet[i] = (uint8_t)(at >> (8 * (IP_OCTETS - 1 - i)));
        add(l, counts, &p, tag);
        unsigned __int128 size = (unsigned __int128)1 << bits;
        if (end - at < size)
            return;
        at += size;
    }
}

static enum word take_range(struct cidrlist *l, struct cidr_counts *counts, const char *a,
                            size_t a_len, const char *b, size_t b_len, uint32_t tag)
{
    struct ip first, last;
    if (!looks_like_address(a, a_len) || !looks_like_address(b, b_len))
        return WORD_NONE;
    if (!ip_parse(a, a_len, &first) || !ip_parse(b, b_len, &last) ||
        ip_is_v4(&first) != ip_is_v4(&last) || memcmp(&first, &last, sizeof first) > 0)
        return WORD_BAD;
    add_range(l, counts, &first, &last, tag);
    counts->taken++;
    return WORD_TAKEN;
}

/* ------------------------------------------------------------------ text */

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '|' || c == '"' || c == '\'' ||
           c == '=' || c == '{' || c == '}' || c == '(' || c == ')' || c == '[' || c == ']';
}

struct word_at {
    const char *at;
    size_t len;
};

static size_t words_of(const char *line, size_t len, struct word_at *ret, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < len && count < max;) {
        while (i < len && is_separator(line[i]))
            i++;
        size_t from = i;
        while (i < len && !is_separator(line[i]))
            i++;
        if (i > from)
            ret[count++] = (struct word_at){line + from, i - from};
    }
    return count;
}

/* One word: "10.0.0.0/8", "10.0.0.0-10.0.0.255"; or two neighbours that are the ends of a range. */
static enum word take_word(struct cidrlist *l, struct cidr_counts *counts, const struct word_at *w,
                           bool has_next)
{
    const char *dash = memchr(w->at, '-', w->len);
    if (dash && dash > w->at)
        return take_range(l, counts, w->at, (size_t)(dash - w->at), dash + 1,
                          w->len - (size_t)(dash + 1 - w->at), 0);
    if (has_next && !memchr(w->at, '/', w->len)) {
        const struct word_at *next = w + 1;
        bool dashed = next->len == 1 && next->at[0] == '-';
        next += dashed;
        enum word got = take_range(l, counts, w->at, w->len, next->at, next->len, 0);
        if (got == WORD_TAKEN || (dashed && got == WORD_BAD))
            return got;
    }
    return take_prefix(l, counts, w->at, w->len, 0);
}

static size_t without_comment(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] == '#' || (line[i] == '/' && i + 1 < len && line[i + 1] == '/') ||
            (line[i] == ';' && (i == 0 || line[i - 1] == ' ')))
            return i;
    return len;
}

static void take_line(struct cidrlist *l, struct cidr_counts *counts, const char *line, size_t len)
{
    struct word_at words[16] = {{0}};
    while (len && isspace((unsigned char)line[len - 1]))
        len--;
    if (len > LINE_MAX_OCTETS) {
        counts->lines++;
        counts->too_long++;
        return;
    }
    size_t text = without_comment(line, len);
    size_t count = words_of(line, text, words, 14); /* two zero words follow */
    if (count == 0) {
        counts->comments += len > 0;
        return;
    }
    bool is_first = counts->lines++ == 0, bad = false;
    for (size_t i = 0; i < count; i++) {
        enum word got = take_word(l, counts, &words[i], i + 1 < count);
        if (got == WORD_TAKEN)
            return;
        bad |= got == WORD_BAD;
    }
    if (bad)
        counts->bad_address++;
    else if (is_first)
        counts->headers++;
    else
        counts->no_address++;
}

static void read_text(struct cidrlist *l, struct bytes octets, struct cidr_counts *counts)
{
    const char *at = (const char *)octets.at, *end = at + octets.len;
    if (octets.len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        take_line(l, counts, at, len);
        at += len + 1;
    }
}

/* ------------------------------------------------------------------ JSON */

static bool names_addresses(const char *key)
{
    static const char *const words[] = {"prefix", "cidr", "address", "range", "subnet", "network"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(key, words[i]))
            return true;
    return strcasecmp(key, "ip") == 0 || strcasecmp(key, "ips") == 0 ||
           strcasecmp(key, "ipv4") == 0 || strcasecmp(key, "ipv6") == 0;
}

/* What an object calls what is in it; a region only where there is nothing else. */
static uint32_t tag_of(struct cidrlist *l, const json_t *object, uint32_t around)
{
    static const char *const keys[] = {"service", "systemService", "name", "region"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys - (around != 0); i++) {
        const json_t *value = json_object_get(object, keys[i]);
        if (json_string_length(value) > 0)
            return tag_number(l, json_string_value(value), json_string_length(value));
    }
    return around;
}

static void walk(struct cidrlist *l, struct cidr_counts *counts, const json_t *j, const char *key,
                 uint32_t tag, int depth)
{
    const char *name;
    json_t *value;
    size_t i;
    if (depth == JSON_DEPTH_MAX)
        return;
    if (json_is_object(j)) {
        uint32_t own = tag_of(l, j, tag);
        json_object_foreach((json_t *)j, name, value) walk(l, counts, value, name, own, depth + 1);
    } else if (json_is_array(j)) {
        json_array_foreach(j, i, value) walk(l, counts, value, key, tag, depth + 1);
    } else if (json_is_string(j)) {
        enum word got = take_prefix(l, counts, json_string_value(j), json_string_length(j), tag);
        bool meant = names_addresses(key);
        counts->lines += got == WORD_TAKEN || meant;
        counts->bad_address += got == WORD_BAD && meant;
        counts->no_address += got == WORD_NONE && meant;
    }
}

/* "2017-05-01-12-30-00" (AWS), "2017-05-01T12:30:00.123" (Google, Oracle): the date is what counts.
 */
static int32_t date_of(const json_t *text)
{
    int32_t day;
    if (json_string_length(text) < 10 || date_parse(json_string_value(text), 10, &day) != 0)
        return CIDR_NO_DAY;
    return day;
}

static int read_json(struct cidrlist *l, struct bytes octets, struct cidr_counts *counts,
                     struct error *err)
{
    static const struct {
        const char *key, *format, *date; /* a document with `key` at the top is of that format */
    } known[] = {{"createDate", "aws", "createDate"},
                 {"creationTime", "google", "creationTime"},
                 {"changeNumber", "azure", NULL},
                 {"last_updated_timestamp", "oracle", "last_updated_timestamp"}};
    json_error_t why;
    json_t *j = json_loadb((const char *)octets.at, octets.len, 0, &why);
    if (!j)
        return error_set(err, ERROR_FAILED, "JSON, line %d: %s", why.line, why.text);
    counts->format = "json";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (json_object_get(j, known[i].key)) {
            counts->format = known[i].format;
            if (known[i].date)
                counts->day = date_of(json_object_get(j, known[i].date));
            break;
        }
    walk(l, counts, j, "", 0, 0);
    json_decref(j);
    return 0;
}

/* ------------------------------------------------------------------ either */

int cidrlist_read(struct cidrlist *l, struct bytes octets, struct cidr_counts *counts,
                  struct error *err)
{
    size_t at = 0;
    counts->day = CIDR_NO_DAY;
    while (at < octets.len && isspace(octets.at[at]))
        at++;
    if (at < octets.len && (octets.at[at] == '{' || octets.at[at] == '['))
        return read_json(l, octets, counts, err);
    counts->format = "text";
    if (octets.len)
        read_text(l, octets, counts);
    return 0;
}

static int read_whole(const char *path, struct buf *out, struct error *err)
{
    struct stream *in;
    if (stream_open(path, &in, err) < 0)
        return ERROR_FAILED;
    buf_init(out, FILE_OCTETS_MAX);
    for (struct bytes b; (b = stream_read(in, 1 << 20)).len > 0;)
        buf_add(out, b.at, b.len);
    bool damaged = stream_damaged(in);
    stream_free(in);
    if (!damaged && !out->failed)
        return 0;
    buf_done(out);
    return error_set(err, ERROR_FAILED,
                     damaged ? "%s: damaged" : "%s: larger than a list can be (256 MB)", path);
}

int cidrlist_read_file(struct cidrlist *l, const char *path, struct cidr_counts *counts,
                       struct error *err)
{
    struct buf text;
    if (read_whole(path, &text, err) < 0)
        return ERROR_FAILED;
    int status = cidrlist_read(l, bytes_of(text.at, text.len), counts, err);
    buf_done(&text);
    return status ? (error_context(err, "%s", path), status) : 0;
}

static int by_prefix(const void *a, const void *b)
{
    const struct cidr *x = a, *y = b;
    int order = memcmp(&x->prefix.ip, &y->prefix.ip, sizeof x->prefix.ip);
    if (order == 0)
        order = (int)x->prefix.len_bits - (int)y->prefix.len_bits;
    return order ? order : (x->tag > y->tag) - (x->tag < y->tag);
}

/* A prefix that is said twice keeps its last tag: AWS lists what is EC2's under AMAZON too. */
void cidrlist_sort(struct cidrlist *l, struct cidr_counts *counts)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->at, l->count, sizeof *l->at, by_prefix);
    for (size_t i = 0; i < l->count; i++) {
        bool again = kept && ip_equal(&l->at[kept - 1].prefix.ip, &l->at[i].prefix.ip) &&
                     l->at[kept - 1].prefix.len_bits == l->at[i].prefix.len_bits;
        counts->repeated += again;
        l->at[kept - again] = l->at[i];
        kept += !again;
    }
    l->count = kept;
}

/* ------------------------------------------------------------------ the study's form */

static void put_head(const struct cidrlist *l, struct buf *out)
{
    char date[TIME_TEXT_MAX];
    buf_format(out, "%s\n# kind: %s\n", magic, list_kind_text(l->kind));
    if (l->kind == LIST_OWNER)
        buf_format(out, "# owner: %s\n", owner_text(l->owner));
    date_print(l->day, date);
    buf_format(out, "# label: %s\n# date: %s\n", l->label, date);
    if (l->since != CIDR_NO_DAY) {
        date_print(l->since, date);
        buf_format(out, "# since: %s\n", date);
    }
    buf_format(out, "# from: %s\n# prefixes: %zu\n", l->from ? l->from : "", l->count);
}

int cidrlist_save(const struct cidrlist *l, const char *path, struct error *err)
{
    struct buf text;
    char prefix[PREFIX_TEXT_MAX], temporary[4096];
    buf_init(&text, FILE_OCTETS_MAX);
    put_head(l, &text);
    for (size_t i = 0; i < l->count; i++) {
        prefix_print(&l->at[i].prefix, prefix);
        buf_format(&text, "%s%s%s\n", prefix, l->at[i].tag ? " " : "", l->tags[l->at[i].tag]);
    }
    buf_text(&text, "# end\n");
    if (text.failed ||
        snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
        buf_done(&text);
        return error_set(err, ERROR_FAILED, "%.100s: the list is too long", path);
    }
    FILE *f = fopen(temporary, "wb");
    bool written =
        f && fwrite(text.at, 1, text.len, f) == text.len && fflush(f) == 0 && fsync(fileno(f)) == 0;
    int status = 0;
    if ((f && fclose(f) != 0) || !written || rename(temporary, path) != 0)
        status = error_errno(err, "write %s", path);
    buf_done(&text);
    return status;
}

/* "# key: value" */
static bool load_head(struct cidrlist *l, const char *key, size_t key_len, const char *value,
                      size_t len, uint64_t *prefixes)
{
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)(len < 1000 ? len : 1000), value);
#define IS(word) (key_len == sizeof word - 1 && memcmp(key, word, key_len) == 0)
    if (IS("kind"))
        return (int)(l->kind = (enum list_kind)list_kind_value(text)) >= 0;
    if (IS("owner"))
        return (int)(l->owner = (unsigned)owner_value(text, strlen(text))) >= 0;
    if (IS("label")) {
        free(l->label);
        l->label = memory_text(text, strlen(text));
    } else if (IS("from")) {
        free(l->from);
        l->from = memory_text(text, strlen(text));
    } else if (IS("date")) {
        return date_parse(text, strlen(text), &l->day) == 0;
    } else if (IS("since")) {
        return date_parse(text, strlen(text), &l->since) == 0;
    } else if (IS("prefixes")) {
        *prefixes = strtoull(text, NULL, 10);
    }
#undef IS
    return true;
}

static bool load_line(struct cidrlist *l, struct cidr_counts *counts, const char *line, size_t len,
                      uint64_t *prefixes)
{
    if (len >= 2 && memcmp(line, "# ", 2) == 0) {
        const char *colon = memchr(line, ':', len);
        if (!colon)
            return true;
        size_t value = (size_t)(colon - line) + 2;
        return load_head(l, line + 2, (size_t)(colon - line) - 2, line + value,
                         value < len ? len - value : 0, prefixes);
    }
    const char *space = memchr(line, ' ', len);
    size_t word = space ? (size_t)(space - line) : len;
    uint32_t tag = space ? tag_number(l, space + 1, len - word - 1) : 0;
    return take_prefix(l, counts, line, word, tag) == WORD_TAKEN;
}

int cidrlist_load(const char *path, struct cidrlist *ret, struct error *err)
{
    struct buf text;
    struct cidr_counts counts = {0};
    uint64_t prefixes = UINT64_MAX;
    bool ended = false;
    if (read_whole(path, &text, err) < 0)
        return ERROR_FAILED;
    cidrlist_init(ret);
    const char *at = text.at ? text.at : "", *end = at + text.len;
    bool good = text.len > sizeof magic && memcmp(at, magic, sizeof magic - 1) == 0;
    while (good && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        ended = len == 5 && memcmp(at, "# end", 5) == 0;
        good = len == 0 || load_line(ret, &counts, at, len, &prefixes);
        at += len + 1;
    }
    buf_done(&text);
    if (good && ended && ret->label && ret->day != CIDR_NO_DAY && ret->count == prefixes)
        return 0;
    cidrlist_done(ret);
    return error_set(err, ERROR_DAMAGED, "%s: not a whole list: remove it and add it again", path);
}
