/* SPDX-License-Identifier: Apache-2.0 */
/* The three readings of a parsed filter: as SQL, on one row, and as text again. They stand side by
 * side so that what one means the others mean; filter_test.c and the engine's tests compare them.
 */
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "schema/values.h"
#include "store/filter_in.h"

const char *const filter_counter_names[] = {
    [COUNTER_PACKETS] = "packets",         [COUNTER_OCTETS] = "octets",
    [COUNTER_PACKETS_OUT] = "packets_out", [COUNTER_PACKETS_IN] = "packets_in",
    [COUNTER_OCTETS_OUT] = "octets_out",   [COUNTER_OCTETS_IN] = "octets_in",
    [COUNTER_DURATION] = "duration",       [COUNTER_SAMPLING] = "sampling"};

const char *const filter_compare_texts[] = {
    [COMPARE_EQ] = "=",  [COMPARE_NE] = "!=", [COMPARE_LT] = "<",
    [COMPARE_LE] = "<=", [COMPARE_GT] = ">",  [COMPARE_GE] = ">="};

/* Who opened: remote for these two values, local for all others (also where it is not known). */
#define SQL_REMOTE_OPENED "opener IN (2, 4)"
static bool remote_opened(unsigned opener)
{
    return opener == OPENER_DESTINATION || opener == OPENER_DESTINATION_GUESS;
}

/* ---- words ---- */

/* Does the text of a code answer to the word? Applications have parts: "tls" finds "TLS.Google". */
static bool word_fits(enum symbol_kind kind, const struct filter_word *w, const char *text)
{
    if (w->len == 0 || strcasecmp(text, w->text) == 0)
        return w->len > 0 || !*text;
    if (kind != SYMBOL_APPLICATION)
        return false;
    const char *dot = strchr(text, '.');
    return dot && (strcasecmp(dot + 1, w->text) == 0 ||
                   ((size_t)(dot - text) == w->len && strncasecmp(text, w->text, w->len) == 0));
}

static bool any_word_fits(const struct filter_node *n, const char *text)
{
    for (size_t i = 0; i < n->count; i++)
        if (word_fits(n->symbol, &n->words[i], text))
            return true;
    return false;
}

static enum field symbol_field(enum symbol_kind kind)
{
    switch (kind) {
    case SYMBOL_SERVICE:
        return FIELD_service;
    case SYMBOL_CATEGORY:
        return FIELD_category;
    case SYMBOL_APPLICATION:
        return FIELD_application;
    case SYMBOL_FINGERPRINT:
        return FIELD_fingerprint;
    default:
        return FIELD_exporter;
    }
}

/* ---- SQL ---- */

static void sql_unhex(struct buf *out, const void *at, size_t len)
{
    const uint8_t *octet = at;
    buf_text(out, "unhex('");
    for (size_t i = 0; i < len; i++)
        buf_format(out, "%02x", octet[i]);
    buf_text(out, "')");
}

/* The longest prefix that starts at `first` and does not go past `last`. */
static struct prefix largest_prefix(const struct ip *first, const struct ip *last)
{
    struct prefix p = {*first, 128}, larger;
    bool v4 = ip_is_v4(first) && ip_is_v4(last);
    while (p.len_bits > (v4 ? 96 : 0)) {
        struct ip low, high;
        larger = (struct prefix){*first, (uint8_t)(p.len_bits - 1)};
        prefix_range(&larger, &low, &high);
        unsigned bit = larger.len_bits;
        if ((first->octet[bit / 8] & (0x80u >> (bit % 8))) || memcmp(&high, last, sizeof high) > 0)
            break;
        p = larger;
    }
    return p;
}

/* ---- long lists ----
 * A comparison for each of ten thousand prefixes would be looked at for every row, and longer than
 * a statement may be. So the ranges are cut into prefixes again, and those of one length become one
 * set that the row's address, cut to that length, is looked up in. IPv4 as a UInt32, IPv6 as two
 * UInt64: what ClickHouse 18.16 can mask and put into sets. */

enum { PLAIN_RANGES = 32 };

struct prefixes {
    struct prefix *at;
    size_t count, room;
};

static uint64_t number_at(const uint8_t *octets, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | octets[i];
    return value;
}

static void cut_range(struct prefixes *all, struct filter_range r)
{
    for (;;) {
        struct ip low, high;
        struct prefix p = largest_prefix(&r.first, &r.last);
        if (all->count == all->room) {
            all->room = all->room ? all->room * 2 : 256;
            all->at = memory_resize(all->at, all->room, sizeof *all->at);
        }
        all->at[all->count++] = p;
        prefix_range(&p, &low, &high);
        if (ip_equal(&high, &r.last))
            return;
        for (int i = IP_OCTETS; i-- > 0 && ++high.octet[i] == 0;)
            ;
        r.first = high;
    }
}

static bool is_v4_prefix(const struct prefix *p)
{
    return p->len_bits >= 96 && ip_is_v4(&p->ip);
}

/* "bitAnd(<number of the column's octets>, mask)"; `from` counts octets from 1, as SQL does. */
static void sql_masked(struct buf *out, const char *column, unsigned from, unsigned octets,
                       unsigned keep_bits)
{
    uint64_t ones = octets == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * octets) - 1;
    uint64_t mask = keep_bits == 0 ? 0 : ones << (8 * octets - keep_bits) & ones;
    buf_format(out, "bitAnd(reinterpretAsUInt%u(reverse(substring(%s, %u, %u))), %llu)", octets * 8,
               column, from, octets, (unsigned long long)mask);
}

static void sql_set_v4(struct buf *out, const char *column, const struct prefixes *all,
                       unsigned len_bits)
{
    size_t n = 0;
    buf_format(out, "(substring(%s, 1, 12) = ", column);
    sql_unhex(out, IP_V4_MAPPED, sizeof IP_V4_MAPPED);
    buf_text(out, " AND ");
    sql_masked(out, column, 13, 4, len_bits - 96);
    buf_text(out, " IN (");
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].len_bits == len_bits && is_v4_prefix(&all->at[i]))
            buf_format(out, "%s%llu", n++ ? "," : "",
                       (unsigned long long)number_at(all->at[i].ip.octet + 12, 4));
    buf_text(out, "))");
}

static void sql_set_v6(struct buf *out, const char *column, const struct prefixes *all,
                       unsigned len_bits)
{
    size_t n = 0;
    unsigned low_bits = len_bits > 64 ? len_bits - 64 : 0;
    buf_text(out, "((");
    sql_masked(out, column, 1, 8, len_bits < 64 ? len_bits : 64);
    buf_text(out, ", ");
    sql_masked(out, column, 9, 8, low_bits);
    buf_text(out, ") IN (");
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].len_bits == len_bits && !is_v4_prefix(&all->at[i]))
            buf_format(out, "%s(%llu,%llu)", n++ ? "," : "",
                       (unsigned long long)number_at(all->at[i].ip.octet, 8),
                       (unsigned long long)number_at(all->at[i].ip.octet + 8, 8));
    buf_text(out, "))");
}

static void sql_long_list(struct buf *out, const char *column, const struct filter_node *n)
{
    struct prefixes all = {NULL, 0, 0};
    size_t terms = 0;
    bool present[2][129] = {{false}};
    for (size_t i = 0; i < n->count; i++)
        cut_range(&all, n->ranges[i]);
    for (size_t i = 0; i < all.count; i++)
        present[is_v4_prefix(&all.at[i])][all.at[i].len_bits] = true;
    buf_text(out, "(");
    for (int v4 = 0; v4 < 2; v4++)
        for (unsigned len_bits = 0; len_bits <= 128; len_bits++) {
            if (!present[v4][len_bits])
                continue;
            buf_text(out, terms++ ? " OR " : "");
            (v4 ? sql_set_v4 : sql_set_v6)(out, column, &all, len_bits);
        }
    buf_text(out, ")");
    free(all.at);
}

/* Single addresses go into one IN, which the engine keeps as a set; prefixes are ranges. */
static void sql_ranges(struct buf *out, const char *column, const struct filter_node *n)
{
    size_t hosts = 0, terms = 0;
    if (n->count > PLAIN_RANGES) {
        sql_long_list(out, column, n);
        return;
    }
    buf_text(out, "(");
    for (size_t i = 0; i < n->count; i++) {
        const struct filter_range *r = &n->ranges[i];
        if (!ip_equal(&r->first, &r->last))
            continue;
        if (hosts++)
            buf_text(out, ", ");
        else
            buf_format(out, "%s IN (", column);
        sql_unhex(out, &r->first, sizeof r->first);
    }
    if (hosts) {
        buf_text(out, ")");
        terms++;
    }
    for (size_t i = 0; i < n->count; i++) {
        const struct filter_range *r = &n->ranges[i];
        if (ip_equal(&r->first, &r->last))
            continue;
        buf_format(out, "%s(%s >= ", terms++ ? " OR " : "", column);
        sql_unhex(out, &r->first, sizeof r->first);
        buf_format(out, " AND %s <= ", column);
        sql_unhex(out, &r->last, sizeof r->last);
        buf_text(out, ")");
    }
    buf_text(out, terms ? ")" : "0)");
}

static void sql_spans(struct buf *out, const char *column, const struct filter_node *n)
{
    buf_text(out, "(");
    for (size_t i = 0; i < n->count; i++) {
        const struct filter_span *s = &n->spans[i];
        if (s->low == s->high)
            buf_format(out, "%s%s = %llu", i ? " OR " : "", column, (unsigned long long)s->low);
        else
            buf_format(out, "%s(%s >= %llu AND %s <= %llu)", i ? " OR " : "", column,
                       (unsigned long long)s->low, column, (unsigned long long)s->high);
    }
    buf_text(out, n->count ? ")" : "0)");
}

static void sql_flags(struct buf *out, const char *column, const struct filter_node *n)
{
    buf_format(out, "(bitAnd(%s, %u) = %u)", column, n->flags_mask, n->flags_set);
}

typedef void sql_column(struct buf *out, const char *column, const struct filter_node *n);

/* A condition about one side, or about either. */
static void sql_side(struct buf *out, const struct filter_node *n, const char *local,
                     const char *remote, sql_column *one)
{
    bool src = n->side == SIDE_SRC;
    switch (n->side) {
    case SIDE_LOCAL:
        one(out, local, n);
        return;
    case SIDE_REMOTE:
        one(out, remote, n);
        return;
    case SIDE_ANY:
        buf_text(out, "(");
        one(out, local, n);
        buf_text(out, " OR ");
        one(out, remote, n);
        buf_text(out, ")");
        return;
    case SIDE_SRC:
    case SIDE_DST:
        buf_text(out, "((" SQL_REMOTE_OPENED " AND ");
        one(out, src ? remote : local, n);
        buf_text(out, ") OR (NOT (" SQL_REMOTE_OPENED ") AND ");
        one(out, src ? local : remote, n);
        buf_text(out, "))");
        return;
    }
}

/* asn and country are of the remote side alone: for src and dst it must have been on that side. */
static void sql_remote(struct buf *out, const struct filter_node *n, const char *column)
{
    if (n->side == SIDE_SRC)
        buf_text(out, "(" SQL_REMOTE_OPENED " AND ");
    else if (n->side == SIDE_DST)
        buf_text(out, "(NOT (" SQL_REMOTE_OPENED ") AND ");
    sql_spans(out, column, n);
    if (n->side == SIDE_SRC || n->side == SIDE_DST)
        buf_text(out, ")");
}

static void sql_symbol(struct buf *out, const struct filter_node *n, const struct symbols *symbols)
{
    size_t found = 0;
    uint32_t last = symbols_count(symbols, n->symbol);
    for (uint32_t code = 0; code <= last; code++) {
        if (!any_word_fits(n, symbols_text(symbols, n->symbol, code)))
            continue;
        if (found++)
            buf_format(out, ", %u", code);
        else
            buf_format(out, "(%s IN (%u", field_infos[symbol_field(n->symbol)].name, code);
    }
    buf_text(out, found ? "))" : "0");
}

static void sql_names(struct buf *out, const struct filter_node *n)
{
    buf_text(out, "(");
    for (size_t i = 0; i < n->count; i++) {
        const struct filter_word *w = &n->words[i];
        char below[300];
        below[0] = '.';
        memcpy(below + 1, w->text, w->len);
        buf_text(out, i ? " OR server_name = " : "server_name = ");
        sql_unhex(out, w->text, w->len);
        if (w->len == 0)
            continue;
        buf_text(out, " OR endsWith(server_name, ");
        sql_unhex(out, below, w->len + 1);
        buf_text(out, ")");
    }
    buf_text(out, ")");
}

static void sql_counter(struct buf *out, const struct filter_node *n)
{
    static const char *const columns[] = {
        [COUNTER_PACKETS] = "(packets_out + packets_in)",
        [COUNTER_OCTETS] = "(octets_out + octets_in)",
        [COUNTER_PACKETS_OUT] = "packets_out",
        [COUNTER_PACKETS_IN] = "packets_in",
        [COUNTER_OCTETS_OUT] = "octets_out",
        [COUNTER_OCTETS_IN] = "octets_in",
        [COUNTER_DURATION] = "(end_ms - start_ms)",
        [COUNTER_SAMPLING] = "sampling",
    };
    buf_format(out, "(%s %s %llu)", columns[n->counter], filter_compare_texts[n->compare],
               (unsigned long long)n->value);
}

static void sql_family(struct buf *out, const struct filter_node *n)
{
    struct prefix v4 = {.ip = {{[10] = 0xff, [11] = 0xff}}, .len_bits = 96};
    struct filter_range range;
    prefix_range(&v4, &range.first, &range.last);
    struct filter_node all_v4 = {.ranges = &range, .count = 1};
    if (n->spans[0].low == 6)
        buf_text(out, "(NOT ");
    sql_ranges(out, "local", &all_v4);
    if (n->spans[0].low == 6)
        buf_text(out, ")");
}

static unsigned fault_mask(const struct filter_node *n)
{
    unsigned mask = 0;
    for (size_t i = 0; i < n->count; i++)
        for (uint64_t bit = n->spans[i].low; bit <= n->spans[i].high; bit++)
            mask |= (unsigned)bit;
    return mask;
}

static void sql_node(struct buf *out, const struct filter_node *n, const struct symbols *symbols);

/* Chains of the same operator lie on one level, so that the engine's parser is not nested. */
static void sql_chain(struct buf *out, const struct filter_node *n, enum filter_kind kind,
                      const struct symbols *symbols)
{
    if (n->left->kind == kind)
        sql_chain(out, n->left, kind, symbols);
    else
        sql_node(out, n->left, symbols);
    buf_text(out, kind == NODE_AND ? " AND " : " OR ");
    if (n->right->kind == kind)
        sql_chain(out, n->right, kind, symbols);
    else
        sql_node(out, n->right, symbols);
}

static void sql_node(struct buf *out, const struct filter_node *n, const struct symbols *symbols)
{
    switch (n->kind) {
    case NODE_TRUE:
        buf_text(out, "1");
        return;
    case NODE_AND:
    case NODE_OR:
        buf_text(out, "(");
        sql_chain(out, n, n->kind, symbols);
        buf_text(out, ")");
        return;
    case NODE_NOT:
        buf_text(out, "(NOT ");
        sql_node(out, n->left, symbols);
        buf_text(out, ")");
        return;
    case NODE_ADDRESS:
        sql_side(out, n, "local", "remote", sql_ranges);
        return;
    case NODE_PORT:
        sql_side(out, n, "local_port", "remote_port", sql_spans);
        return;
    case NODE_FLAGS:
        sql_side(out, n, "tcp_flags_out", "tcp_flags_in", sql_flags);
        return;
    case NODE_PROTOCOL:
        sql_spans(out, "protocol", n);
        return;
    case NODE_ASN:
        sql_remote(out, n, "asn");
        return;
    case NODE_COUNTRY:
        sql_remote(out, n, "country");
        return;
    case NODE_ROLE:
        sql_spans(out, "role", n);
        return;
    case NODE_BASIS:
        sql_spans(out, "basis", n);
        return;
    case NODE_OWNER:
        sql_spans(out, "owner", n);
        return;
    case NODE_SYMBOL:
        sql_symbol(out, n, symbols);
        return;
    case NODE_NAME:
        sql_names(out, n);
        return;
    case NODE_COUNTER:
        sql_counter(out, n);
        return;
    case NODE_FAMILY:
        sql_family(out, n);
        return;
    case NODE_MARK:
        buf_format(out, "(bitAnd(marks, %u) != 0)", (unsigned)n->spans[0].low);
        return;
    case NODE_AMBIGUOUS:
        buf_text(out, "(candidates != 0)");
        return;
    case NODE_PLATFORM:
        sql_spans(out, "platform", n);
        return;
    case NODE_PLATFORM_BASIS:
        sql_spans(out, "platform_basis", n);
        return;
    case NODE_TLS_VERSION:
        sql_spans(out, "tls_version", n);
        return;
    case NODE_TLS_FAULT:
        buf_format(out, "(bitAnd(tls_faults, %u) != 0)", fault_mask(n));
        return;
    }
}

void filter_sql(const struct filter *f, const struct symbols *symbols, struct buf *out)
{
    sql_node(out, f->root, symbols);
}

/* ---- one row ---- */

struct row {
    const struct batch *b;
    const struct symbols *symbols;
    size_t at;
};

static bool in_ranges(const struct filter_node *n, const struct ip *ip)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (memcmp(&n->ranges[mid].last, ip, sizeof *ip) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n->count && memcmp(&n->ranges[low].first, ip, sizeof *ip) <= 0;
}

static bool in_spans(const struct filter_node *n, uint64_t value)
{
    for (size_t i = 0; i < n->count; i++)
        if (value >= n->spans[i].low && value <= n->spans[i].high)
            return true;
    return false;
}

static bool fits_side(const struct filter_node *n, const struct row *r, bool local, bool remote)
{
    bool opened = remote_opened(batch_opener(r->b)[r->at]);
    switch (n->side) {
    case SIDE_LOCAL:
        return local;
    case SIDE_REMOTE:
        return remote;
    case SIDE_SRC:
        return opened ? remote : local;
    case SIDE_DST:
        return opened ? local : remote;
    case SIDE_ANY:
        break;
    }
    return local || remote;
}

static bool fits_remote(const struct filter_node *n, const struct row *r, uint64_t value)
{
    bool opened = remote_opened(batch_opener(r->b)[r->at]);
    if ((n->side == SIDE_SRC && !opened) || (n->side == SIDE_DST && opened))
        return false;
    return in_spans(n, value);
}

static bool fits_name(const struct filter_node *n, struct bytes name)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct filter_word *w = &n->words[i];
        if (name.len == w->len && (w->len == 0 || memcmp(name.at, w->text, w->len) == 0))
            return true;
        if (w->len && name.len > w->len && name.at[name.len - w->len - 1] == '.' &&
            memcmp(name.at + name.len - w->len, w->text, w->len) == 0)
            return true;
    }
    return false;
}

static bool fits_symbol(const struct filter_node *n, const struct row *r)
{
    uint32_t code = n->symbol == SYMBOL_SERVICE       ? batch_service(r->b)[r->at]
                    : n->symbol == SYMBOL_CATEGORY    ? batch_category(r->b)[r->at]
                    : n->symbol == SYMBOL_APPLICATION ? batch_application(r->b)[r->at]
                    : n->symbol == SYMBOL_FINGERPRINT ? batch_fingerprint(r->b)[r->at]
                                                      : batch_exporter(r->b)[r->at];
    return any_word_fits(n, symbols_text(r->symbols, n->symbol, code));
}

static uint64_t counter_value(enum filter_counter counter, const struct row *r)
{
    const struct batch *b = r->b;
    size_t i = r->at;
    switch (counter) {
    case COUNTER_PACKETS:
        return batch_packets_out(b)[i] + batch_packets_in(b)[i];
    case COUNTER_OCTETS:
        return batch_octets_out(b)[i] + batch_octets_in(b)[i];
    case COUNTER_PACKETS_OUT:
        return batch_packets_out(b)[i];
    case COUNTER_PACKETS_IN:
        return batch_packets_in(b)[i];
    case COUNTER_OCTETS_OUT:
        return batch_octets_out(b)[i];
    case COUNTER_OCTETS_IN:
        return batch_octets_in(b)[i];
    case COUNTER_DURATION:
        return batch_end_ms(b)[i] - batch_start_ms(b)[i];
    case COUNTER_SAMPLING:
        return batch_sampling(b)[i];
    }
    return 0;
}

static bool fits_counter(const struct filter_node *n, uint64_t value)
{
    switch (n->compare) {
    case COMPARE_EQ:
        return value == n->value;
    case COMPARE_NE:
        return value != n->value;
    case COMPARE_LT:
        return value < n->value;
    case COMPARE_LE:
        return value <= n->value;
    case COMPARE_GT:
        return value > n->value;
    case COMPARE_GE:
        return value >= n->value;
    }
    return false;
}

static bool fits_flags(const struct filter_node *n, unsigned flags)
{
    return (flags & n->flags_mask) == n->flags_set;
}

static bool fits(const struct filter_node *n, const struct row *r)
{
    const struct batch *b = r->b;
    size_t i = r->at;
    switch (n->kind) {
    case NODE_TRUE:
        return true;
    case NODE_AND:
        return fits(n->left, r) && fits(n->right, r);
    case NODE_OR:
        return fits(n->left, r) || fits(n->right, r);
    case NODE_NOT:
        return !fits(n->left, r);
    case NODE_ADDRESS:
        return fits_side(n, r, in_ranges(n, &batch_local(b)[i]), in_ranges(n, &batch_remote(b)[i]));
    case NODE_PORT:
        return fits_side(n, r, in_spans(n, batch_local_port(b)[i]),
                         in_spans(n, batch_remote_port(b)[i]));
    case NODE_FLAGS:
        return fits_side(n, r, fits_flags(n, batch_tcp_flags_out(b)[i]),
                         fits_flags(n, batch_tcp_flags_in(b)[i]));
    case NODE_PROTOCOL:
        return in_spans(n, batch_protocol(b)[i]);
    case NODE_ASN:
        return fits_remote(n, r, batch_asn(b)[i]);
    case NODE_COUNTRY:
        return fits_remote(n, r, batch_country(b)[i]);
    case NODE_ROLE:
        return in_spans(n, batch_role(b)[i]);
    case NODE_BASIS:
        return in_spans(n, batch_basis(b)[i]);
    case NODE_OWNER:
        return in_spans(n, batch_owner(b)[i]);
    case NODE_SYMBOL:
        return fits_symbol(n, r);
    case NODE_NAME:
        return fits_name(n, batch_text(b, FIELD_server_name, i));
    case NODE_COUNTER:
        return fits_counter(n, counter_value(n->counter, r));
    case NODE_FAMILY:
        return ip_is_v4(&batch_local(b)[i]) == (n->spans[0].low == 4);
    case NODE_MARK:
        return (batch_marks(b)[i] & n->spans[0].low) != 0;
    case NODE_AMBIGUOUS:
        return batch_candidates(b)[i] != 0;
    case NODE_PLATFORM:
        return in_spans(n, batch_platform(b)[i]);
    case NODE_PLATFORM_BASIS:
        return in_spans(n, batch_platform_basis(b)[i]);
    case NODE_TLS_VERSION:
        return in_spans(n, batch_tls_version(b)[i]);
    case NODE_TLS_FAULT:
        return (batch_tls_faults(b)[i] & fault_mask(n)) != 0;
    }
    return false;
}

bool filter_match(const struct filter *f, const struct symbols *symbols, const struct batch *flows,
                  size_t row)
{
    const struct row r = {flows, symbols, row};
    return fits(f->root, &r);
}

/* ---- text ---- */

/* Ranges were joined from prefixes: they print as the fewest prefixes that make them. */
static void print_range(struct buf *out, struct filter_range r, size_t *printed)
{
    for (;;) {
        char text[PREFIX_TEXT_MAX];
        struct ip low, high;
        struct prefix p = largest_prefix(&r.first, &r.last);
        if (p.len_bits == 128)
            ip_print(&p.ip, text);
        else
            prefix_print(&p, text);
        buf_format(out, "%s%s", (*printed)++ ? ", " : "", text);
        prefix_range(&p, &low, &high);
        if (ip_equal(&high, &r.last))
            return;
        for (int i = IP_OCTETS; i-- > 0 && ++high.octet[i] == 0;)
            ;
        r.first = high;
    }
}

static void print_word(struct buf *out, const struct filter_word *w)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-/*?+";
    if (w->len == 0)
        buf_text(out, "unknown");
    else if (strspn(w->text, plain) == w->len && strcasecmp(w->text, "unknown") != 0 &&
             strcasecmp(w->text, "in") != 0)
        buf_text(out, w->text);
    else
        buf_format(out, "\"%s\"", w->text);
}

static void print_span(struct buf *out, enum filter_kind kind, uint64_t low, uint64_t high)
{
    char country[3];
    const char *text = NULL;
    if (kind == NODE_COUNTRY) {
        country_text((unsigned)low, country);
        text = country;
    } else if (kind == NODE_ROLE || kind == NODE_BASIS || kind == NODE_OWNER) {
        text = kind == NODE_ROLE    ? role_text((unsigned)low)
               : kind == NODE_BASIS ? basis_text((unsigned)low)
                                    : owner_text((unsigned)low);
    } else if (kind == NODE_PLATFORM || kind == NODE_PLATFORM_BASIS) {
        text = kind == NODE_PLATFORM ? platform_text((unsigned)low)
                                     : platform_basis_text((unsigned)low);
    } else if (kind == NODE_TLS_VERSION || kind == NODE_TLS_FAULT) {
        text = kind == NODE_TLS_VERSION ? tls_version_text((unsigned)low)
                                        : tls_fault_text((unsigned)low);
    } else if (kind == NODE_PROTOCOL) {
        text = protocol_text((unsigned)low);
    }
    if (text && !*text)
        buf_text(out, "unknown");
    else if (text)
        buf_format(out, "%s%s%s", strchr(text, ' ') ? "\"" : "", text,
                   strchr(text, ' ') ? "\"" : "");
    else if (low == high)
        buf_format(out, "%llu", (unsigned long long)low);
    else
        buf_format(out, "%llu-%llu", (unsigned long long)low, (unsigned long long)high);
}

/* Spans of codes were joined where the numbers are neighbours: each code prints for itself. */
static void print_spans(struct buf *out, const struct filter_node *n)
{
    bool numbers = n->kind == NODE_PORT || n->kind == NODE_ASN;
    size_t printed = 0;
    for (size_t i = 0; i < n->count; i++)
        for (uint64_t v = n->spans[i].low; v <= n->spans[i].high; v++) {
            buf_text(out, printed++ ? ", " : "");
            print_span(out, n->kind, v, numbers ? n->spans[i].high : v);
            if (numbers)
                break;
        }
}

static bool is_single(const struct filter_node *n)
{
    if (n->ranges) {
        struct ip low, high;
        struct prefix p = largest_prefix(&n->ranges[0].first, &n->ranges[0].last);
        prefix_range(&p, &low, &high);
        return n->count == 1 && ip_equal(&high, &n->ranges[0].last);
    }
    if (n->words)
        return n->count == 1;
    bool numbers = n->kind == NODE_PORT || n->kind == NODE_ASN;
    return n->count == 1 && (numbers || n->spans[0].low == n->spans[0].high);
}

static void print_listed(struct buf *out, const struct filter_node *n, const char *word)
{
    bool single = is_single(n);
    size_t printed = 0;
    buf_format(out, "%s %s", word, single ? "" : "in [");
    for (size_t i = 0; i < n->count && n->ranges; i++)
        print_range(out, n->ranges[i], &printed);
    for (size_t i = 0; i < n->count && n->words; i++) {
        buf_text(out, i ? ", " : "");
        print_word(out, &n->words[i]);
    }
    if (n->spans)
        print_spans(out, n);
    buf_text(out, single ? "" : "]");
}

static void print_flags(struct buf *out, const struct filter_node *n)
{
    char set[9], mask[9];
    tcp_flags_text(n->flags_set, set);
    tcp_flags_text(n->flags_mask, mask);
    if (n->flags_mask == 0)
        buf_text(out, "flags 0");
    else if (n->flags_set == n->flags_mask)
        buf_format(out, "flags %s", set);
    else
        buf_format(out, "flags %s/%s", set, mask);
}

static void print_mark(struct buf *out, uint64_t mark)
{
    for (size_t i = 0; i < sizeof filter_marks / sizeof *filter_marks; i++)
        if (filter_marks[i].mark == mark)
            buf_text(out, filter_marks[i].name);
}

static const char *symbol_word(enum symbol_kind kind)
{
    return kind == SYMBOL_SERVICE       ? "service"
           : kind == SYMBOL_CATEGORY    ? "category"
           : kind == SYMBOL_APPLICATION ? "application"
           : kind == SYMBOL_FINGERPRINT ? "fingerprint"
                                        : "exporter";
}

static void print_node(struct buf *out, const struct filter_node *n);

/* `and` binds closer than `or`; only an `or` inside an `and`, or under a `not`, needs parentheses.
 */
static void print_child(struct buf *out, const struct filter_node *n, bool parentheses)
{
    buf_text(out, parentheses ? "(" : "");
    print_node(out, n);
    buf_text(out, parentheses ? ")" : "");
}

static void print_leaf(struct buf *out, const struct filter_node *n)
{
    static const char *const sides[] = {[SIDE_ANY] = "",
                                        [SIDE_LOCAL] = "local ",
                                        [SIDE_REMOTE] = "remote ",
                                        [SIDE_SRC] = "src ",
                                        [SIDE_DST] = "dst "};
    static const char *const words[] = {[NODE_ADDRESS] = "net",
                                        [NODE_PORT] = "port",
                                        [NODE_PROTOCOL] = "proto",
                                        [NODE_ASN] = "asn",
                                        [NODE_COUNTRY] = "country",
                                        [NODE_ROLE] = "role",
                                        [NODE_BASIS] = "basis",
                                        [NODE_OWNER] = "owner",
                                        [NODE_NAME] = "name",
                                        [NODE_PLATFORM] = "platform",
                                        [NODE_PLATFORM_BASIS] = "platform basis",
                                        [NODE_TLS_VERSION] = "tls version",
                                        [NODE_TLS_FAULT] = "tls fault"};
    buf_text(out, sides[n->side]);
    switch (n->kind) {
    case NODE_TRUE:
        buf_text(out, "any");
        return;
    case NODE_FLAGS:
        print_flags(out, n);
        return;
    case NODE_COUNTER:
        buf_format(out, "%s %s %llu", filter_counter_names[n->counter],
                   filter_compare_texts[n->compare], (unsigned long long)n->value);
        return;
    case NODE_FAMILY:
        buf_text(out, n->spans[0].low == 4 ? "ipv4" : "ipv6");
        return;
    case NODE_MARK:
        print_mark(out, n->spans[0].low);
        return;
    case NODE_AMBIGUOUS:
        buf_text(out, "ambiguous");
        return;
    case NODE_SYMBOL:
        print_listed(out, n, symbol_word(n->symbol));
        return;
    default:
        if (n->kind == NODE_PORT && n->count == 0)
            buf_text(out, "port < 0"); /* "port > 65535": nothing */
        else if (n->kind == NODE_ASN && n->count == 0)
            buf_text(out, "asn < 0");
        else
            print_listed(out, n, words[n->kind]);
    }
}

static void print_node(struct buf *out, const struct filter_node *n)
{
    switch (n->kind) {
    case NODE_AND:
        print_child(out, n->left, n->left->kind == NODE_OR);
        buf_text(out, " and ");
        print_child(out, n->right, n->right->kind == NODE_OR || n->right->kind == NODE_AND);
        return;
    case NODE_OR:
        print_child(out, n->left, false);
        buf_text(out, " or ");
        print_child(out, n->right, n->right->kind == NODE_OR);
        return;
    case NODE_NOT:
        buf_text(out, "not ");
        print_child(out, n->left, n->left->kind == NODE_AND || n->left->kind == NODE_OR);
        return;
    default:
        print_leaf(out, n);
    }
}

void filter_print(const struct filter *f, struct buf *out)
{
    print_node(out, f->root);
}

/* ---- names that are known ---- */

static const struct filter_node *check_node(const struct filter_node *n, filter_known *known,
                                            void *ctx, const struct filter_word **word)
{
    if (n->left) {
        const struct filter_node *found = check_node(n->left, known, ctx, word);
        if (found || !n->right)
            return found;
        return check_node(n->right, known, ctx, word);
    }
    if (n->kind != NODE_SYMBOL || (n->symbol != SYMBOL_SERVICE && n->symbol != SYMBOL_CATEGORY))
        return NULL;
    for (size_t i = 0; i < n->count; i++) {
        *word = &n->words[i];
        if ((*word)->len && !known(ctx, n->symbol, (*word)->text, (*word)->len))
            return n;
    }
    return NULL;
}

int filter_check(const struct filter *f, filter_known *known, void *ctx, struct error *err)
{
    const struct filter_word *word = NULL;
    const struct filter_node *n = check_node(f->root, known, ctx, &word);
    if (!n)
        return 0;
    return error_set(err, ERROR_USAGE, "filter:%zu: there is no %s '%s'", word->column,
                     symbol_word(n->symbol), word->text);
}
