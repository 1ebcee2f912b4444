/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over one token of look-ahead. Every refusal names the column of the token it
 * stopped at, and what would have been right there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "schema/values.h"
#include "store/filter_in.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_FILE, TOKEN_SIGN, TOKEN_WRONG };

struct token {
    enum token_kind kind;
    const char *at;
    size_t len, column;
};

struct parser {
    const char *start, *at, *end;
    struct token token; /* the one that is looked at */
    struct arena *arena;
    struct error *err;
    bool files;
    unsigned depth;
    size_t nodes, ranges;
};

/* ---- tokens ---- */

static bool is_word_octet(unsigned char c)
{
    return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("._:-/*?+", c));
}

static void take_quoted(struct parser *p)
{
    const char *close = memchr(p->at + 1, '"', (size_t)(p->end - p->at - 1));
    if (!close) {
        p->token.kind = TOKEN_WRONG;
        p->at = p->end;
        return;
    }
    p->token.kind = TOKEN_QUOTED;
    p->token.at = p->at + 1;
    p->token.len = (size_t)(close - p->at - 1);
    p->at = close + 1;
}

static void take_sign(struct parser *p)
{
    static const char *const signs[] = {"&&", "||", "==", "!=", ">=", "<=", "(", ")",
                                        "[",  "]",  ",",  "!",  "=",  ">",  "<"};
    p->token.kind = TOKEN_WRONG;
    p->token.len = 1;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t len = strlen(signs[i]);
        if ((size_t)(p->end - p->at) >= len && memcmp(p->at, signs[i], len) == 0) {
            p->token.kind = TOKEN_SIGN;
            p->token.len = len;
            break;
        }
    }
    p->at += p->token.len;
}

static void advance(struct parser *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at)
        p->at++;
    p->token = (struct token){TOKEN_END, p->at, 0, (size_t)(p->at - p->start) + 1};
    if (p->at == p->end)
        return;
    if (*p->at == '"') {
        take_quoted(p);
        return;
    }
    bool file = *p->at == '@';
    const char *from = p->at + file, *to = from;
    while (to < p->end &&
           (is_word_octet((unsigned char)*to) || (file && strchr("~=%@", *to) && *to)))
        to++;
    if (to == from) {
        take_sign(p);
        return;
    }
    p->token.kind = file ? TOKEN_FILE : TOKEN_WORD;
    p->token.at = from;
    p->token.len = (size_t)(to - from);
    p->at = to;
}

static bool is_sign(const struct parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.len == strlen(sign) &&
           memcmp(p->token.at, sign, p->token.len) == 0;
}

static bool token_is(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && t->len == strlen(word) && strncasecmp(t->at, word, t->len) == 0;
}

static bool is_word(const struct parser *p, const char *word)
{
    return token_is(&p->token, word);
}

static bool accept_word(struct parser *p, const char *word)
{
    if (!is_word(p, word))
        return false;
    advance(p);
    return true;
}

static bool accept_sign(struct parser *p, const char *sign)
{
    if (!is_sign(p, sign))
        return false;
    advance(p);
    return true;
}

static bool expected(struct parser *p, const char *what)
{
    const struct token *t = &p->token;
    if (t->kind == TOKEN_END)
        error_set(p->err, ERROR_USAGE, "filter:%zu: expected %s, the text ends here", t->column,
                  what);
    else if (t->kind == TOKEN_WRONG && t->len == 0)
        error_set(p->err, ERROR_USAGE, "filter:%zu: the quotes are not closed", t->column);
    else
        error_set(p->err, ERROR_USAGE, "filter:%zu: expected %s, not '%.*s'", t->column, what,
                  (int)(t->len < 60 ? t->len : 60), t->at);
    return false;
}

static struct filter_node *new_node(struct parser *p, enum filter_kind kind)
{
    if (++p->nodes > FILTER_NODES_MAX) {
        error_set(p->err, ERROR_USAGE, "filter:%zu: more than %d conditions", p->token.column,
                  FILTER_NODES_MAX);
        return NULL;
    }
    struct filter_node *n = arena_alloc(p->arena, sizeof *n);
    n->kind = kind;
    return n;
}

/* ---- lists of values ---- */

/* What one condition gathers while its list is read; copied to the arena at its end. */
struct gather {
    struct filter_range *ranges;
    struct filter_span *spans;
    struct filter_word *words;
    size_t count, room;
};

static void gather_done(struct gather *g)
{
    free(g->ranges);
    free(g->spans);
    free(g->words);
}

static void gather_span(struct gather *g, uint64_t low, uint64_t high)
{
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 8;
        g->spans = memory_resize(g->spans, g->room, sizeof *g->spans);
    }
    g->spans[g->count++] = (struct filter_span){low, high};
}

static void gather_word(struct parser *p, struct gather *g, const struct token *t, bool lower)
{
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 8;
        g->words = memory_resize(g->words, g->room, sizeof *g->words);
    }
    char *text = arena_text(p->arena, t->at, t->len);
    for (size_t i = 0; lower && i < t->len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] | 0x20);
    g->words[g->count++] = (struct filter_word){text, t->len, t->column};
}

static void gather_prefix(struct gather *g, const struct prefix *prefix)
{
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 8;
        g->ranges = memory_resize(g->ranges, g->room, sizeof *g->ranges);
    }
    prefix_range(prefix, &g->ranges[g->count].first, &g->ranges[g->count].last);
    g->count++;
}

typedef bool take_value(struct parser *p, struct gather *g);

/* One value, or `in [a, b c]`, or `[a, b]`. */
static bool take_values(struct parser *p, struct gather *g, take_value *take)
{
    const char *back = p->at;
    struct token first = p->token;
    if (is_word(p, "in")) {
        /* "country in" may be India: a list only where a bracket or a file follows. */
        advance(p);
        if (!is_sign(p, "[") && p->token.kind != TOKEN_FILE) {
            p->at = back;
            p->token = first;
        }
    }
    if (!accept_sign(p, "["))
        return take(p, g);
    while (!is_sign(p, "]")) {
        if (!take(p, g))
            return false;
        accept_sign(p, ",");
    }
    if (g->count == 0)
        return expected(p, "a value in the list");
    advance(p);
    return true;
}

static int by_span(const void *a, const void *b)
{
    const struct filter_span *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorted and joined, so that a filter prints the same however it was written. */
static void keep_spans(struct parser *p, struct filter_node *n, struct gather *g)
{
    if (g->count > 1)
        qsort(g->spans, g->count, sizeof *g->spans, by_span);
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++)
        if (kept && g->spans[i].low <= g->spans[kept - 1].high + 1) {
            if (g->spans[i].high > g->spans[kept - 1].high)
                g->spans[kept - 1].high = g->spans[i].high;
        } else {
            g->spans[kept++] = g->spans[i];
        }
    n->count = kept;
    n->spans = arena_array(p->arena, kept, sizeof *n->spans);
    if (kept)
        memcpy(n->spans, g->spans, kept * sizeof *n->spans);
}

static int by_word(const void *a, const void *b)
{
    const struct filter_word *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : x->column < y->column ? -1 : x->column > y->column;
}

static void keep_words(struct parser *p, struct filter_node *n, struct gather *g)
{
    if (g->count > 1)
        qsort(g->words, g->count, sizeof *g->words, by_word);
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++)
        if (!kept || strcmp(g->words[i].text, g->words[kept - 1].text) != 0)
            g->words[kept++] = g->words[i];
    n->count = kept;
    n->words = arena_array(p->arena, kept, sizeof *n->words);
    if (kept)
        memcpy(n->words, g->words, kept * sizeof *n->words);
}

static int by_range(const void *a, const void *b)
{
    const struct filter_range *x = a, *y = b;
    int order = memcmp(&x->first, &y->first, sizeof x->first);
    return order ? order : memcmp(&x->last, &y->last, sizeof x->last);
}

static bool follows(const struct ip *last, const struct ip *first)
{
    struct ip next = *last;
    for (int i = IP_OCTETS; i-- > 0;)
        if (++next.octet[i])
            return memcmp(first, &next, sizeof next) <= 0;
    return true; /* `last` is the last address there is */
}

static bool keep_ranges(struct parser *p, struct filter_node *n, struct gather *g)
{
    if (g->count > 1)
        qsort(g->ranges, g->count, sizeof *g->ranges, by_range);
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct filter_range *before = kept ? &g->ranges[kept - 1] : NULL;
        if (before && follows(&before->last, &g->ranges[i].first)) {
            if (memcmp(&g->ranges[i].last, &before->last, sizeof(struct ip)) > 0)
                before->last = g->ranges[i].last;
        } else {
            g->ranges[kept++] = g->ranges[i];
        }
    }
    p->ranges += kept;
    if (p->ranges > FILTER_RANGES_MAX) {
        error_set(p->err, ERROR_USAGE, "filter:%zu: more than %d addresses and prefixes",
                  p->token.column, FILTER_RANGES_MAX);
        return false;
    }
    n->count = kept;
    n->ranges = arena_array(p->arena, kept, sizeof *n->ranges);
    if (kept)
        memcpy(n->ranges, g->ranges, kept * sizeof *n->ranges);
    return true;
}

/* ---- numbers ---- */

/* Digits, then k, m, g or t (thousands). Base is decimal. */
static bool number_of(const struct token *t, bool suffix, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    if (t->kind != TOKEN_WORD)
        return false;
    for (; i < t->len && t->at[i] >= '0' && t->at[i] <= '9'; i++) {
        if (value > (UINT64_MAX / 2 - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(t->at[i] - '0');
    }
    if (i == 0)
        return false;
    if (i + 1 == t->len && suffix) {
        static const char units[] = "kmgt";
        const char *unit = strchr(units, t->at[i] | 0x20);
        for (const char *u = units; unit && u <= unit; u++) {
            if (value > UINT64_MAX / 2 / 1000)
                return false;
            value *= 1000;
        }
        i += unit && *unit;
    }
    *ret = value;
    return i == t->len;
}

static bool take_compare(struct parser *p, enum filter_compare *ret)
{
    static const struct {
        const char *sign, *word;
        enum filter_compare compare;
    } all[] = {{"==", "eq", COMPARE_EQ}, {"=", "eq", COMPARE_EQ},  {"!=", "ne", COMPARE_NE},
               {"<=", "le", COMPARE_LE}, {">=", "ge", COMPARE_GE}, {"<", "lt", COMPARE_LT},
               {">", "gt", COMPARE_GT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (accept_sign(p, all[i].sign) || accept_word(p, all[i].word)) {
            *ret = all[i].compare;
            return true;
        }
    return false;
}

/* The numbers of [0, max] that compare so with `value`. */
static void gather_compared(struct gather *g, enum filter_compare c, uint64_t value, uint64_t max)
{
    if ((c == COMPARE_NE || c == COMPARE_LT || c == COMPARE_LE) && value > 0)
        gather_span(g, 0, value - 1);
    if ((c == COMPARE_NE || c == COMPARE_GT || c == COMPARE_GE) && value < max)
        gather_span(g, value + 1, max);
    if (c == COMPARE_EQ || c == COMPARE_LE || c == COMPARE_GE)
        gather_span(g, value, value);
}

/* "443" or "6881-6999"; `what` is what should have stood there. */
static bool take_span(struct parser *p, struct gather *g, uint64_t max, const char *what)
{
    struct token low = p->token, high = p->token;
    const char *dash = low.kind == TOKEN_WORD ? memchr(low.at, '-', low.len) : NULL;
    uint64_t from, to;
    if (dash) {
        low.len = (size_t)(dash - low.at);
        high.at = dash + 1;
        high.len -= low.len + 1;
    }
    if (!number_of(&low, false, &from) || !number_of(&high, false, &to) || from > to || to > max)
        return expected(p, what);
    gather_span(g, from, to);
    advance(p);
    return true;
}

static bool take_port(struct parser *p, struct gather *g)
{
    return take_span(p, g, 65535, "a port number");
}

static bool take_asn(struct parser *p, struct gather *g)
{
    if (p->token.kind == TOKEN_WORD && p->token.len > 2 && strncasecmp(p->token.at, "AS", 2) == 0) {
        p->token.at += 2;
        p->token.len -= 2;
    }
    return take_span(p, g, UINT32_MAX, "an AS number");
}

static bool take_protocol(struct parser *p, struct gather *g)
{
    int number = p->token.kind == TOKEN_WORD ? protocol_value(p->token.at, p->token.len) : -1;
    if (number < 0)
        return expected(p, "a protocol (tcp, udp, icmp, 0-255)");
    gather_span(g, (uint64_t)number, (uint64_t)number);
    advance(p);
    return true;
}

/* ---- words ---- */

static bool take_country(struct parser *p, struct gather *g)
{
    const struct token *t = &p->token;
    if (token_is(t, "unknown")) {
        gather_span(g, 0, 0);
    } else {
        char code[2];
        if ((t->kind != TOKEN_WORD && t->kind != TOKEN_QUOTED) || t->len != 2)
            return expected(p, "a country of two letters, or unknown");
        for (int i = 0; i < 2; i++) {
            code[i] = (char)(t->at[i] & ~0x20);
            if (!((code[i] >= 'A' && code[i] <= 'Z') || (t->at[i] >= '0' && t->at[i] <= '9')))
                return expected(p, "a country of two letters, or unknown");
            if (t->at[i] >= '0' && t->at[i] <= '9')
                code[i] = t->at[i];
        }
        uint16_t value = country_code(code);
        gather_span(g, value, value);
    }
    advance(p);
    return true;
}

static bool take_listed(struct parser *p, struct gather *g, int (*value)(const char *, size_t),
                        const char *what)
{
    const struct token *t = &p->token;
    int number = t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED ? value(t->at, t->len) : -1;
    if (number < 0 && token_is(t, "unknown"))
        number = 0;
    if (number < 0)
        return expected(p, what);
    gather_span(g, (uint64_t)number, (uint64_t)number);
    advance(p);
    return true;
}

static bool take_role(struct parser *p, struct gather *g)
{
    return take_listed(p, g, role_value, "a role (consumed, served, peer, unanswered, unknown)");
}

static bool take_basis(struct parser *p, struct gather *g)
{
    return take_listed(p, g, basis_value, "a basis (name, dpi, dns, prefix, asn, port, unknown)");
}

static bool take_owner(struct parser *p, struct gather *g)
{
    return take_listed(p, g, owner_value,
                       "a kind of owner (hosting, \"vpn provider\", university, government, ...)");
}

static bool take_platform(struct parser *p, struct gather *g)
{
    return take_listed(p, g, platform_value,
                       "a platform (windows, macos, ios, android, linux, ..., unknown)");
}

static bool take_platform_basis(struct parser *p, struct gather *g)
{
    return take_listed(p, g, platform_basis_value,
                       "evidence of a platform (user-agent, banner, discovery, quic, tls, tcp)");
}

static int tls_version_value(const char *text, size_t len)
{
    for (unsigned i = 0; tls_version_at(i); i++) {
        const char *name = tls_version_text(tls_version_at(i));
        if (strlen(name) == len && strncasecmp(name, text, len) == 0)
            return (int)tls_version_at(i);
    }
    return -1;
}

static bool take_tls_version(struct parser *p, struct gather *g)
{
    return take_listed(p, g, tls_version_value, "a version (SSL3, TLS1.0, TLS1.2, ..., unknown)");
}

static bool take_tls_fault(struct parser *p, struct gather *g)
{
    const struct token *t = &p->token;
    int bit = t->kind == TOKEN_WORD ? tls_fault_value(t->at, t->len) : -1;
    if (bit < 0)
        return expected(p, "a fault (expired, self-signed, name-mismatch, obsolete-version, ...)");
    gather_span(g, (uint64_t)bit, (uint64_t)bit);
    advance(p);
    return true;
}

static bool take_text(struct parser *p, struct gather *g, bool lower)
{
    struct token t = p->token;
    if ((t.kind != TOKEN_WORD && t.kind != TOKEN_QUOTED) || t.len > 255 || memchr(t.at, 0, t.len))
        return expected(p, "a name");
    if (token_is(&t, "unknown"))
        t.len = 0;
    else if (t.len == 0)
        return expected(p, "a name, or unknown");
    gather_word(p, g, &t, lower);
    advance(p);
    return true;
}

static bool take_id(struct parser *p, struct gather *g)
{
    return take_text(p, g, true);
}

static bool take_any_text(struct parser *p, struct gather *g)
{
    return take_text(p, g, false);
}

/* "facebook.com", "*.facebook.com" and ".facebook.com" mean the name and all below it. */
static bool take_host_name(struct parser *p, struct gather *g)
{
    struct token *t = &p->token;
    if (t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED) {
        if (t->len > 2 && t->at[0] == '*' && t->at[1] == '.')
            t->at += 1, t->len -= 1;
        while (t->len > 1 && t->at[0] == '.')
            t->at += 1, t->len -= 1;
        while (t->len > 1 && t->at[t->len - 1] == '.')
            t->len--;
        if (memchr(t->at, '*', t->len))
            return expected(p, "a host name without a * inside");
    }
    return take_text(p, g, true);
}

/* ---- addresses ---- */

static bool read_list(struct parser *p, struct gather *g, const char *path, const char *text,
                      size_t len)
{
    size_t line = 1;
    for (const char *at = text, *end = text + len; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end;
        const char *hash = memchr(at, '#', (size_t)(next - at));
        const char *to = hash ? hash : stop ? stop : end;
        struct prefix prefix;
        while (to > at && strchr(" \t\r,;", to[-1]))
            to--;
        while (at < to && strchr(" \t", *at))
            at++;
        if (at < to && !prefix_parse(at, (size_t)(to - at), false, &prefix)) {
            error_set(p->err, ERROR_USAGE, "%s:%zu: '%.*s' is neither an address nor a prefix",
                      path, line, (int)(to - at < 60 ? to - at : 60), at);
            return false;
        }
        if (at < to)
            gather_prefix(g, &prefix);
        at = next;
    }
    return true;
}

static bool take_file(struct parser *p, struct gather *g)
{
    char path[4096];
    if (!p->files)
        return expected(p, "an address (lists from files are not taken here)");
    snprintf(path, sizeof path, "%.*s", (int)(p->token.len < 4095 ? p->token.len : 4095),
             p->token.at);
    FILE *f = fopen(path, "rb");
    if (!f) {
        error_set(p->err, ERROR_USAGE, "filter:%zu: open %s: %s", p->token.column, path,
                  strerror(errno));
        return false;
    }
    struct buf text;
    char part[65536];
    size_t n;
    buf_init(&text, FILTER_FILE_MAX_OCTETS);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&text, part, n);
    bool good = !ferror(f) && !text.failed;
    fclose(f);
    if (!good)
        error_set(p->err, ERROR_USAGE, "filter:%zu: %s cannot be read, or is larger than %d octets",
                  p->token.column, path, FILTER_FILE_MAX_OCTETS);
    size_t before = g->count;
    good = good && read_list(p, g, path, text.at ? text.at : "", text.len);
    buf_done(&text);
    if (good && g->count == before) {
        error_set(p->err, ERROR_USAGE, "filter:%zu: there is no address in %s", p->token.column,
                  path);
        good = false;
    }
    if (good)
        advance(p);
    return good;
}

static bool take_address(struct parser *p, struct gather *g)
{
    struct prefix prefix;
    if (p->token.kind == TOKEN_FILE)
        return take_file(p, g);
    if (p->token.kind != TOKEN_WORD || !prefix_parse(p->token.at, p->token.len, false, &prefix))
        return expected(p, "an address or a prefix");
    gather_prefix(g, &prefix);
    advance(p);
    return true;
}

/* nfdump's "net 10.0.0.0 255.0.0.0". */
static bool take_net(struct parser *p, struct gather *g)
{
    struct token t = p->token;
    if (!take_address(p, g))
        return false;
    struct ip mask, ip;
    if (t.kind != TOKEN_WORD || p->token.kind != TOKEN_WORD || memchr(t.at, '/', t.len) ||
        !ip_parse(p->token.at, p->token.len, &mask) || !ip_is_v4(&mask) ||
        !ip_parse(t.at, t.len, &ip) || !ip_is_v4(&ip))
        return true;
    uint32_t bits = (uint32_t)mask.octet[12] << 24 | (uint32_t)mask.octet[13] << 16 |
                    (uint32_t)mask.octet[14] << 8 | mask.octet[15];
    if ((~bits & (~bits + 1)) != 0)
        return expected(p, "a netmask");
    char text[PREFIX_TEXT_MAX];
    struct prefix prefix;
    int len = snprintf(text, sizeof text, "%.*s/%d", (int)t.len, t.at, __builtin_popcount(bits));
    if (!prefix_parse(text, (size_t)len, false, &prefix))
        return expected(p, "a netmask");
    g->count--;
    gather_prefix(g, &prefix);
    advance(p);
    return true;
}

/* ---- conditions ---- */

static struct filter_node *listed(struct parser *p, enum filter_kind kind, enum filter_side side,
                                  take_value *take)
{
    struct gather g = {0};
    struct filter_node *n = new_node(p, kind);
    bool good = n && take_values(p, &g, take);
    if (good) {
        n->side = side;
        if (g.ranges || kind == NODE_ADDRESS)
            good = keep_ranges(p, n, &g);
        else if (g.words)
            keep_words(p, n, &g);
        else
            keep_spans(p, n, &g);
    }
    gather_done(&g);
    return good ? n : NULL;
}

/* A port or AS number, which may also be compared: "port > 1024". */
static struct filter_node *compared(struct parser *p, enum filter_kind kind, enum filter_side side,
                                    take_value *take, uint64_t max)
{
    enum filter_compare c;
    if (!take_compare(p, &c))
        return listed(p, kind, side, take);
    struct gather g = {0}, one = {0};
    struct filter_node *n = new_node(p, kind);
    bool good = n && take(p, &one) && one.spans[0].low == one.spans[0].high;
    if (good) {
        gather_compared(&g, c, one.spans[0].low, max);
        n->side = side;
        keep_spans(p, n, &g);
    } else if (n && one.count) {
        expected(p, "one number after a comparison");
    }
    gather_done(&g);
    gather_done(&one);
    return good ? n : NULL;
}

static struct filter_node *symbol(struct parser *p, enum symbol_kind kind, take_value *take)
{
    struct filter_node *n = listed(p, NODE_SYMBOL, SIDE_ANY, take);
    if (n)
        n->symbol = kind;
    return n;
}

static bool flag_letters(const char *text, size_t len, uint8_t *ret)
{
    static const char letters[] = "FSRPAUEC";
    uint8_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        char c = (char)(text[i] & ~0x20);
        const char *at = c ? strchr(letters, c) : NULL;
        if (c == 'X') /* nfdump: all flags on */
            bits |= 0x3f;
        else if (!at || !*at)
            return false;
        else
            bits |= (uint8_t)(1u << (at - letters));
    }
    *ret = bits;
    return len > 0;
}

/* "flags SA": all of these are set. "flags S/SA": of these, exactly those. */
static struct filter_node *flags(struct parser *p, enum filter_side side)
{
    const struct token *t = &p->token;
    const char *slash = t->kind == TOKEN_WORD ? memchr(t->at, '/', t->len) : NULL;
    size_t first = slash ? (size_t)(slash - t->at) : t->len;
    uint64_t number;
    uint8_t set = 0, mask = 0;
    bool good = t->kind == TOKEN_WORD;
    if (good && number_of(t, false, &number) && number < 256) {
        set = mask = (uint8_t)number;
    } else if (good) {
        good = (slash && first == 0) || flag_letters(t->at, first, &set);
        mask = set;
        if (good && slash)
            good = flag_letters(slash + 1, t->len - first - 1, &mask);
    }
    struct filter_node *n = good ? new_node(p, NODE_FLAGS) : NULL;
    if (!n) {
        if (!good)
            expected(p, "TCP flags (letters of FSRPAUEC, as in S or S/SA)");
        return NULL;
    }
    n->side = side;
    n->flags_set = set;
    n->flags_mask = (uint8_t)(mask | set);
    advance(p);
    return n;
}

/* Milliseconds, as nfdump counts, or with a unit: 500ms, 90s, 5m, 2h. */
static bool duration_of(const struct token *t, uint64_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    struct token digits = *t;
    if (number_of(t, false, ret_ms))
        return true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t len = strlen(units[i].unit);
        if (t->kind != TOKEN_WORD || t->len <= len ||
            strncasecmp(t->at + t->len - len, units[i].unit, len) != 0)
            continue;
        digits.len = t->len - len;
        if (number_of(&digits, false, ret_ms) && *ret_ms < UINT64_MAX / 2 / units[i].ms) {
            *ret_ms *= units[i].ms;
            return true;
        }
    }
    return false;
}

static struct filter_node *counter(struct parser *p, enum filter_counter which)
{
    enum filter_compare c = COMPARE_EQ;
    uint64_t value;
    take_compare(p, &c); /* nfdump: without a sign, equal */
    bool good = which == COUNTER_DURATION ? duration_of(&p->token, &value)
                                          : number_of(&p->token, true, &value);
    if (!good) {
        expected(p, which == COUNTER_DURATION ? "a duration (500ms, 90s, 5m)"
                                              : "a number (with k, m or g)");
        return NULL;
    }
    struct filter_node *n = new_node(p, NODE_COUNTER);
    if (!n)
        return NULL;
    n->counter = which;
    n->compare = c;
    n->value = value;
    advance(p);
    return n;
}

static const struct {
    const char *word;
    enum filter_counter counter;
} counters[] = {
    {"packets", COUNTER_PACKETS},
    {"octets", COUNTER_OCTETS},
    {"bytes", COUNTER_OCTETS},
    {"duration", COUNTER_DURATION},
    {"packets_out", COUNTER_PACKETS_OUT},
    {"packets_in", COUNTER_PACKETS_IN},
    {"octets_out", COUNTER_OCTETS_OUT},
    {"octets_in", COUNTER_OCTETS_IN},
    {"bytes_out", COUNTER_OCTETS_OUT},
    {"bytes_in", COUNTER_OCTETS_IN},
    {"sampling", COUNTER_SAMPLING},
};

static struct filter_node *fixed(struct parser *p, enum filter_kind kind, uint64_t value)
{
    struct gather g = {0};
    struct filter_node *n = new_node(p, kind);
    if (!n)
        return NULL;
    gather_span(&g, value, value);
    keep_spans(p, n, &g);
    gather_done(&g);
    return n;
}

/* Conditions of one word that take no value; NULL without an error when it is none. */
static struct filter_node *bare(struct parser *p)
{
    static const struct {
        const char *word;
        enum filter_kind kind;
        uint64_t value;
    } all[] = {
        {"ipv4", NODE_FAMILY, 4},   {"inet", NODE_FAMILY, 4},     {"ipv6", NODE_FAMILY, 6},
        {"inet6", NODE_FAMILY, 6},  {"tcp", NODE_PROTOCOL, 6},    {"udp", NODE_PROTOCOL, 17},
        {"icmp", NODE_PROTOCOL, 1}, {"icmp6", NODE_PROTOCOL, 58}, {"sctp", NODE_PROTOCOL, 132}};
    if (accept_word(p, "any"))
        return new_node(p, NODE_TRUE);
    if (accept_word(p, "ambiguous"))
        return new_node(p, NODE_AMBIGUOUS);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (accept_word(p, all[i].word))
            return fixed(p, all[i].kind, all[i].value);
    for (size_t i = 0; i < sizeof filter_marks / sizeof *filter_marks; i++)
        if (accept_word(p, filter_marks[i].name))
            return fixed(p, NODE_MARK, filter_marks[i].mark);
    return NULL;
}

/* Conditions that may name a side; NULL without an error when it is none. */
static struct filter_node *sided(struct parser *p, enum filter_side side)
{
    struct prefix ignored;
    if (accept_word(p, "host") || accept_word(p, "ip"))
        return listed(p, NODE_ADDRESS, side, take_address);
    if (accept_word(p, "net"))
        return listed(p, NODE_ADDRESS, side, take_net);
    if (p->token.kind == TOKEN_WORD && prefix_parse(p->token.at, p->token.len, false, &ignored))
        return listed(p, NODE_ADDRESS, side, take_address);
    if (p->token.kind == TOKEN_FILE)
        return listed(p, NODE_ADDRESS, side, take_address);
    if (accept_word(p, "port"))
        return compared(p, NODE_PORT, side, take_port, 65535);
    if (accept_word(p, "flags"))
        return flags(p, side);
    if (accept_word(p, "asn") || accept_word(p, "as"))
        return compared(p, NODE_ASN, side, take_asn, UINT32_MAX);
    if (accept_word(p, "country"))
        return listed(p, NODE_COUNTRY, side, take_country);
    return NULL;
}

static struct filter_node *of_device(struct parser *p)
{
    if (accept_word(p, "basis"))
        return listed(p, NODE_PLATFORM_BASIS, SIDE_ANY, take_platform_basis);
    return listed(p, NODE_PLATFORM, SIDE_ANY, take_platform);
}

static struct filter_node *of_tls(struct parser *p)
{
    if (accept_word(p, "version"))
        return listed(p, NODE_TLS_VERSION, SIDE_ANY, take_tls_version);
    if (accept_word(p, "fault"))
        return listed(p, NODE_TLS_FAULT, SIDE_ANY, take_tls_fault);
    expected(p, "fault or version after tls (application tls finds the protocol)");
    return NULL;
}

static struct filter_node *worded(struct parser *p)
{
    if (accept_word(p, "platform"))
        return of_device(p);
    if (accept_word(p, "tls"))
        return of_tls(p);
    if (accept_word(p, "fingerprint"))
        return symbol(p, SYMBOL_FINGERPRINT, take_any_text);
    if (accept_word(p, "proto") || accept_word(p, "protocol"))
        return listed(p, NODE_PROTOCOL, SIDE_ANY, take_protocol);
    if (accept_word(p, "service"))
        return symbol(p, SYMBOL_SERVICE, take_id);
    if (accept_word(p, "category"))
        return symbol(p, SYMBOL_CATEGORY, take_id);
    if (accept_word(p, "application"))
        return symbol(p, SYMBOL_APPLICATION, take_any_text);
    if (accept_word(p, "exporter"))
        return symbol(p, SYMBOL_EXPORTER, take_any_text);
    if (accept_word(p, "name"))
        return listed(p, NODE_NAME, SIDE_ANY, take_host_name);
    if (accept_word(p, "role"))
        return listed(p, NODE_ROLE, SIDE_ANY, take_role);
    if (accept_word(p, "basis"))
        return listed(p, NODE_BASIS, SIDE_ANY, take_basis);
    if (accept_word(p, "owner"))
        return listed(p, NODE_OWNER, SIDE_ANY, take_owner);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (accept_word(p, counters[i].word))
            return counter(p, counters[i].counter);
    return NULL;
}

static struct filter_node *parse_or(struct parser *p);

static struct filter_node *parse_side(struct parser *p, enum filter_side side)
{
    size_t column = p->token.column;
    error_set(p->err, ERROR_NONE, "%s", "");
    struct filter_node *n = sided(p, side);
    if (!n && !p->err->text[0])
        expected(p, "host, net, port, flags, asn, country or an address after the side");
    if (n && side == SIDE_LOCAL && (n->kind == NODE_ASN || n->kind == NODE_COUNTRY)) {
        error_set(p->err, ERROR_USAGE,
                  "filter:%zu: asn and country are the remote side's: the local side is the "
                  "population",
                  column);
        return NULL;
    }
    return n;
}

static struct filter_node *parse_condition(struct parser *p)
{
    static const struct {
        const char *word;
        enum filter_side side;
    } sides[] = {
        {"src", SIDE_SRC}, {"dst", SIDE_DST}, {"local", SIDE_LOCAL}, {"remote", SIDE_REMOTE}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        if (accept_word(p, sides[i].word))
            return parse_side(p, sides[i].side);
    error_set(p->err, ERROR_NONE, "%s", "");
    struct filter_node *n = bare(p);
    if (!n && !p->err->text[0])
        n = sided(p, SIDE_ANY);
    if (!n && !p->err->text[0])
        n = worded(p);
    if (!n && !p->err->text[0])
        expected(p, "a condition (net, host, port, proto, service, country, role, name, ...)");
    return n;
}

static struct filter_node *parse_not(struct parser *p)
{
    struct filter_node *n = NULL;
    if (++p->depth > FILTER_DEPTH_MAX) {
        error_set(p->err, ERROR_USAGE, "filter:%zu: nested deeper than %d", p->token.column,
                  FILTER_DEPTH_MAX);
        return NULL;
    }
    if (accept_word(p, "not") || accept_sign(p, "!")) {
        struct filter_node *inner = parse_not(p);
        if (inner && inner->kind == NODE_NOT)
            n = inner->left;
        else if (inner && (n = new_node(p, NODE_NOT)))
            n->left = inner;
    } else if (accept_sign(p, "(")) {
        n = parse_or(p);
        if (n && !accept_sign(p, ")")) {
            expected(p, "and, or, or a closing parenthesis");
            n = NULL;
        }
    } else {
        n = parse_condition(p);
    }
    p->depth--;
    return n;
}

static struct filter_node *join(struct parser *p, enum filter_kind kind, struct filter_node *left,
                                struct filter_node *right)
{
    struct filter_node *n = left && right ? new_node(p, kind) : NULL;
    if (n) {
        n->left = left;
        n->right = right;
    }
    return n;
}

static struct filter_node *parse_and(struct parser *p)
{
    struct filter_node *n = parse_not(p);
    while (n && (accept_word(p, "and") || accept_sign(p, "&&")))
        n = join(p, NODE_AND, n, parse_not(p));
    return n;
}

static struct filter_node *parse_or(struct parser *p)
{
    struct filter_node *n = parse_and(p);
    while (n && (accept_word(p, "or") || accept_sign(p, "||")))
        n = join(p, NODE_OR, n, parse_and(p));
    return n;
}

int filter_parse_text(const char *text, size_t len, bool files, struct filter **ret,
                      struct error *err)
{
    struct error mine;
    struct parser p = {
        .start = text, .at = text, .end = text + len, .err = err ? err : &mine, .files = files};
    if (len > FILTER_TEXT_MAX_OCTETS)
        return error_set(err, ERROR_USAGE, "filter: longer than %d octets", FILTER_TEXT_MAX_OCTETS);
    p.arena = arena_new((size_t)256 << 20);
    advance(&p);
    struct filter_node *root = p.token.kind == TOKEN_END ? new_node(&p, NODE_TRUE) : parse_or(&p);
    if (root && p.token.kind != TOKEN_END) {
        expected(&p, "and, or, or the end");
        root = NULL;
    }
    if (!root) {
        arena_free(p.arena);
        return ERROR_USAGE;
    }
    struct filter *f = memory_alloc(sizeof *f);
    f->arena = p.arena;
    f->root = root;
    *ret = f;
    return 0;
}

int filter_parse(const char *text, struct filter **ret, struct error *err)
{
    return filter_parse_text(text, strlen(text), true, ret, err);
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    arena_free(f->arena);
    free(f);
}
