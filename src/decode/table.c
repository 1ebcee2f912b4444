/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/table.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "decode/ie.h"
#include "decode/table_value.h"
#include "decode/texts.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58, TEXT_MAX = 64 };

static const struct {
    const char *name, *also;
} columns[TABLE_COLUMNS] = {
#define COLUMN(name, also) {#name, also},
#include "decode/table.def"
#undef COLUMN
};

const char *table_kind_text(enum table_kind kind)
{
    static const char *const texts[] = {
        [TABLE_CSV] = "csv",          [TABLE_TSV] = "tsv",
        [TABLE_JSONL] = "jsonl",      [TABLE_PARQUET] = "parquet",
        [TABLE_ZEEK] = "zeek conn",   [TABLE_EVE] = "suricata eve",
        [TABLE_VPC] = "vpc flow log", [TABLE_ARGUS] = "argus binetflow",
    };
    return texts[kind];
}

/* ---- names of columns ---- */

static bool same(struct bytes a, const char *text, size_t len)
{
    return a.len == len && strncasecmp((const char *)a.at, text, len) == 0;
}

static bool is_among(struct bytes name, const char *also)
{
    for (const char *at = also + 1; *at;) {
        const char *bar = strchr(at, '|');
        if (same(name, at, (size_t)(bar - at)))
            return true;
        at = bar + 1;
    }
    return false;
}

static enum table_column ours(struct bytes name)
{
    int c = 0;
    while (c < TABLE_COLUMNS && !same(name, columns[c].name, strlen(columns[c].name)))
        c++;
    return (enum table_column)c;
}

int table_map_add(struct table_map *map, const char *pair, struct error *err)
{
    const char *equals = strchr(pair, '=');
    enum table_column column =
        equals ? ours(bytes_of(pair, (size_t)(equals - pair))) : TABLE_COLUMNS;
    if (!equals || !equals[1])
        return error_set(err, ERROR_USAGE, "import: --map takes ours=theirs, not '%s'", pair);
    if (column == TABLE_COLUMNS)
        return error_set(err, ERROR_USAGE,
                         "import: --map: '%.*s' is no column (see docs/formats.md)",
                         (int)(equals - pair), pair);
    for (size_t i = 0; i < map->count; i++)
        if (map->pair[i].column == column)
            return error_set(err, ERROR_USAGE, "import: --map gives '%s' twice",
                             columns[column].name);
    map->pair[map->count].column = column;
    map->pair[map->count++].theirs = bytes_of_text(equals + 1);
    return 0;
}

static enum table_column mapped(const struct table_map *map, struct bytes name)
{
    for (size_t i = 0; map && i < map->count; i++)
        if (same(name, (const char *)map->pair[i].theirs.at, map->pair[i].theirs.len))
            return map->pair[i].column;
    return TABLE_COLUMNS;
}

static bool is_mapped_away(const struct table_map *map, enum table_column column)
{
    for (size_t i = 0; map && i < map->count; i++)
        if (map->pair[i].column == column)
            return true;
    return false;
}

enum table_column table_column_of(const struct table_map *map, struct bytes name)
{
    enum table_column column = mapped(map, name);
    if (column != TABLE_COLUMNS)
        return column;
    column = ours(name);
    for (int c = 0; column == TABLE_COLUMNS && c < TABLE_COLUMNS; c++)
        if (is_among(name, columns[c].also))
            column = (enum table_column)c;
    return is_mapped_away(map, column) ? TABLE_COLUMNS : column;
}

int table_rank(const struct table_map *map, struct bytes name)
{
    return mapped(map, name) != TABLE_COLUMNS ? 2 : ours(name) != TABLE_COLUMNS ? 1 : 0;
}

bool table_suffices(const bool has[TABLE_COLUMNS], char missing[128])
{
    const char *what = NULL;
    if (!has[TABLE_start] && !has[TABLE_end])
        what = "start";
    else if (!has[TABLE_src_ip] && !has[TABLE_inner_src_ip])
        what = "src_ip";
    else if (!has[TABLE_dst_ip] && !has[TABLE_inner_dst_ip])
        what = "dst_ip";
    else if (!has[TABLE_protocol])
        what = "protocol";
    else if (!has[TABLE_packets] && !has[TABLE_octets] && !has[TABLE_total_packets] &&
             !has[TABLE_total_octets])
        what = "packets or octets";
    if (what)
        snprintf(missing, 128, "%s", what);
    return !what;
}

/* ---- a row's values ---- */

struct values {
    const struct table_setting *t;
    const struct table_row *row;
    uint64_t start_ms, end_ms;
    struct ip src, dst;
    uint8_t protocol, flags, reverse_flags, opener;
    uint16_t src_port, dst_port;
    uint64_t packets, octets, reverse_packets, reverse_octets;
    uint32_t sampling, exporter;
    bool has_reverse;
};

static struct bytes cell(const struct values *v, enum table_column column)
{
    struct bytes b = value_trimmed(v->row->cell[column]);
    return value_absent(b) ? bytes_of(NULL, 0) : b;
}

static bool cell_is(const struct values *v, enum table_column column, const char *text)
{
    struct bytes b = cell(v, column);
    return same(b, text, strlen(text));
}

/* True where the cell is empty, and then `ret` is as it was. */
static bool number(const struct values *v, enum table_column column, uint64_t *ret)
{
    struct bytes b = cell(v, column);
    return b.len == 0 || value_number(b, ret);
}

static enum reason read_times(struct values *v)
{
    struct bytes start = cell(v, TABLE_start), end = cell(v, TABLE_end),
                 duration = cell(v, TABLE_duration);
    uint64_t ms = 0;
    if ((start.len == 0 && end.len == 0) || (start.len && !value_moment(start, &v->start_ms)) ||
        (end.len && !value_moment(end, &v->end_ms)) ||
        (duration.len && !value_duration(duration, &ms)))
        return REASON_bad_time;
    if (start.len == 0)
        v->start_ms = v->end_ms > ms ? v->end_ms - ms : 0;
    else if (end.len == 0)
        v->end_ms = v->start_ms + ms;
    if (v->end_ms < v->start_ms) {
        uint64_t later = v->start_ms;
        v->start_ms = v->end_ms;
        v->end_ms = later;
    }
    return REASON_COUNT;
}

/* Names that tools have for what IANA's list calls otherwise or not at all; 0 is no IP. */
static int other_protocol(struct bytes name)
{
    static const struct {
        const char *name;
        int number;
    } others[] = {
        {"icmpv6", 58}, {"ipv6-icmpv6", 58}, {"rtp", 17},   {"rtcp", 17}, {"udt", 17},
        {"ipip", 4},    {"ipnip", 4},        {"ip6ip", 41}, {"arp", 0},   {"rarp", 0},
        {"llc", 0},     {"eapol", 0},        {"lldp", 0},   {"stp", 0},   {"ipx", 0},
        {"loop", 0},    {"ether", 0},        {"pppoe", 0},  {"cdp", 0},   {"aarp", 0},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (same(name, others[i].name, strlen(others[i].name)))
            return others[i].number;
    return -1;
}

static enum reason read_protocol(struct values *v)
{
    struct bytes b = cell(v, TABLE_protocol);
    uint64_t code;
    int protocol = protocol_value((const char *)b.at, b.len);
    if (b.len == 0)
        return REASON_bad_field;
    if (protocol < 0)
        protocol = other_protocol(b);
    else if (protocol == 0 && v->t->kind == TABLE_ARGUS)
        protocol = -1;
    if (protocol < 0 && value_number(b, &code) && code < 256)
        protocol = (int)code; /* "6.0", "0x06" */
    if (v->t->kind == TABLE_ARGUS && same(b, "man", 3))
        return REASON_not_a_flow; /* what the probe says of itself */
    if (protocol == 0 && !(b.at[0] >= '0' && b.at[0] <= '9'))
        return REASON_not_ip;
    if (protocol < 0 && v->t->kind == TABLE_ARGUS && value_number(b, &code))
        return REASON_not_ip; /* an Ethernet type */
    if (protocol < 0)
        return REASON_bad_field;
    v->protocol = (uint8_t)protocol;
    return REASON_COUNT;
}

static enum reason read_address(const struct values *v, enum table_column inner,
                                enum table_column outer, struct ip *ret)
{
    struct bytes b = cell(v, inner);
    if (b.len == 0)
        b = cell(v, outer);
    if (b.len == 0)
        return REASON_no_address;
    const uint8_t *zone = memchr(b.at, '%', b.len);
    if (zone)
        b.len = (size_t)(zone - b.at);
    return ip_parse((const char *)b.at, b.len, ret) ? REASON_COUNT : REASON_bad_field;
}

static bool read_port(const struct values *v, enum table_column column, uint16_t *ret)
{
    uint64_t port = 0;
    if (!number(v, column, &port) || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* Zeek writes an ICMP message's type as one port and as the other the code, or for a question its
 * answer's type. */
static uint8_t zeek_icmp_code(uint8_t protocol, uint64_t type, uint64_t other)
{
    static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}};
    static const uint8_t v6[][2] = {{128, 129}, {130, 131}, {133, 134},
                                    {135, 136}, {139, 140}, {144, 145}};
    const uint8_t(*pairs)[2] = protocol == ICMP ? v4 : v6;
    size_t count = protocol == ICMP ? sizeof v4 / 2 : sizeof v6 / 2;
    for (size_t i = 0; i < count; i++)
        if ((type == pairs[i][0] && other == pairs[i][1]) ||
            (type == pairs[i][1] && other == pairs[i][0]))
            return 0;
    return (uint8_t)other;
}

/* ICMP: dst_port is type * 256 + code; how the tools write those two. */
static bool read_icmp(struct values *v)
{
    uint64_t type = 0, code = 0;
    struct bytes dst = cell(v, TABLE_dst_port), type_cell = cell(v, TABLE_icmp_type);
    const uint8_t *dot = dst.len ? memchr(dst.at, '.', dst.len) : NULL;
    if (type_cell.len || v->t->kind == TABLE_EVE) {
        if (!number(v, TABLE_icmp_type, &type) || !number(v, TABLE_icmp_code, &code))
            return false;
    } else if (v->t->kind == TABLE_ZEEK) {
        if (!number(v, TABLE_src_port, &type) || !number(v, TABLE_dst_port, &code))
            return false;
        code = zeek_icmp_code(v->protocol, type, code);
    } else if (v->t->kind == TABLE_ARGUS) {
        uint64_t both = 0;
        if (!number(v, TABLE_src_port, &both))
            return false;
        type = both & 0xff;
        code = both >> 8;
    } else if (dot) { /* nfdump's "8.0" */
        if (!value_number(bytes_of(dst.at, (size_t)(dot - dst.at)), &type) ||
            !value_number(bytes_slice(dst, (size_t)(dot - dst.at) + 1, dst.len), &code))
            return false;
    } else {
        return read_port(v, TABLE_src_port, &v->src_port) &&
               read_port(v, TABLE_dst_port, &v->dst_port);
    }
    v->dst_port = (uint16_t)(type << 8 | code);
    return type < 256 && code < 256;
}

/* Where only the sum of both directions is told, packets are shared out as equally as both
 * directions' octets allow (none where there are none). The sums stay exact. */
static void share_packets(struct values *v, uint64_t total)
{
    bool out = v->octets || !v->reverse_octets, back = v->reverse_octets;
    v->reverse_packets = back ? out ? total / 2 : total : 0;
    v->packets = total - v->reverse_packets;
}

static enum reason read_counters(struct values *v)
{
    bool has_packets = cell(v, TABLE_packets).len, has_octets = cell(v, TABLE_octets).len;
    uint64_t total_packets = 0, total_octets = 0;
    bool has_total_packets = cell(v, TABLE_total_packets).len,
         has_total_octets = cell(v, TABLE_total_octets).len;
    if (!number(v, TABLE_packets, &v->packets) ||
        !number(v, has_octets ? TABLE_octets : TABLE_payload_octets, &v->octets) ||
        !number(v, TABLE_reverse_packets, &v->reverse_packets) ||
        !number(v,
                cell(v, TABLE_reverse_octets).len ? TABLE_reverse_octets
                                                  : TABLE_reverse_payload_octets,
                &v->reverse_octets) ||
        !number(v, TABLE_total_packets, &total_packets) ||
        !number(v, TABLE_total_octets, &total_octets))
        return REASON_bad_field;
    if (!has_packets && !has_octets && !has_total_packets && !has_total_octets &&
        !cell(v, TABLE_payload_octets).len && !cell(v, TABLE_reverse_packets).len &&
        !cell(v, TABLE_reverse_octets).len)
        return REASON_no_counter;
    if (has_total_octets && !has_octets)
        v->octets = total_octets;
    else if (has_total_octets && !cell(v, TABLE_reverse_octets).len)
        v->reverse_octets = total_octets > v->octets ? total_octets - v->octets : 0;
    if (has_total_packets && !has_packets)
        share_packets(v, total_packets);
    else if (has_total_packets && !cell(v, TABLE_reverse_packets).len)
        v->reverse_packets = total_packets > v->packets ? total_packets - v->packets : 0;
    const bool *has = v->t->has;
    v->has_reverse = v->reverse_packets || v->reverse_octets || has[TABLE_reverse_packets] ||
                     has[TABLE_reverse_octets] || cell(v, TABLE_reverse_packets).len;
    return REASON_COUNT;
}

/* ---- flags, and who opened it ---- */

/* Zeek's history: what the originator sent in capitals. A SYN-ACK is 'h'; 'd' is data, which like
 * all that follows a handshake carries ACK. */
static void history_flags(struct values *v)
{
    static const struct {
        char letter;
        uint8_t flags;
    } means[] = {{'s', 0x02}, {'h', 0x12}, {'a', 0x10}, {'d', 0x10}, {'f', 0x01}, {'r', 0x04}};
    struct bytes history = cell(v, TABLE_history);
    for (size_t i = 0; i < history.len; i++)
        for (size_t k = 0; k < sizeof means / sizeof *means; k++)
            if ((history.at[i] | 0x20) == means[k].letter)
                *(history.at[i] & 0x20 ? &v->reverse_flags : &v->flags) |= means[k].flags;
}

/* Argus's state "FSPA_FSA": the source's flags, the destination's. */
static void state_flags(struct values *v)
{
    struct bytes state = cell(v, TABLE_state);
    const uint8_t *bar = state.len ? memchr(state.at, '_', state.len) : NULL;
    if (!bar)
        return;
    size_t len = (size_t)(bar - state.at);
    value_tcp_flags(bytes_of(state.at, len), false, &v->flags);
    value_tcp_flags(bytes_slice(state, len + 1, state.len), false, &v->reverse_flags);
}

static bool read_flags(struct values *v)
{
    bool is_hex = v->t->kind == TABLE_EVE;
    struct bytes flags = cell(v, TABLE_tcp_flags), reverse = cell(v, TABLE_reverse_tcp_flags);
    if (flags.len == 0 && !v->has_reverse)
        flags = cell(v, TABLE_any_tcp_flags);
    if (flags.len && !value_tcp_flags(flags, is_hex, &v->flags))
        return false;
    if (reverse.len && !value_tcp_flags(reverse, is_hex, &v->reverse_flags))
        return false;
    if (v->protocol != TCP)
        v->flags = v->reverse_flags = 0; /* nfdump prints dots, some exporters nonsense */
    else if (v->t->kind == TABLE_ZEEK)
        history_flags(v);
    else if (v->t->kind == TABLE_ARGUS)
        state_flags(v);
    return true;
}

static uint8_t argus_opener(const struct values *v)
{
    struct bytes dir = cell(v, TABLE_dir);
    bool sure = v->protocol == TCP;
    if (same(dir, "->", 2))
        return sure ? OPENER_SOURCE : OPENER_SOURCE_GUESS;
    if (same(dir, "<-", 2))
        return sure ? OPENER_DESTINATION : OPENER_DESTINATION_GUESS;
    return same(dir, "<?", 2) ? OPENER_DESTINATION_GUESS : OPENER_SOURCE_GUESS;
}

static void read_opener(struct values *v)
{
    if (!v->has_reverse)
        return;
    v->opener = OPENER_SOURCE_GUESS;
    if (v->t->kind == TABLE_ARGUS) {
        v->opener = argus_opener(v);
    } else if (v->t->kind == TABLE_ZEEK && v->protocol == TCP) {
        /* '^': Zeek itself turned the connection round, by its ports */
        struct bytes history = cell(v, TABLE_history);
        bool turned = history.len && memchr(history.at, '^', history.len);
        if (!turned && ((v->flags & 0x12) == 0x02 || (v->reverse_flags & 0x12) == 0x12))
            v->opener = OPENER_SOURCE;
    } else if (v->t->kind == TABLE_EVE && v->protocol == TCP) {
        if ((v->flags & 0x02) && (v->flags & 0x12) != 0x12)
            v->opener = OPENER_SOURCE;
    }
}

/* ---- texts ---- */

static uint32_t text_code(const struct values *v, enum symbol_kind kind, struct bytes text)
{
    if (text.len == 0 || text.len > TEXT_MAX)
        return 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < ' ' || text.at[i] > '~')
            return 0;
    return symbols_code(v->t->symbols, kind, (const char *)text.at, text.len);
}

/* Zeek's and Suricata's names of protocols, as nDPI spells them. */
static struct bytes application_of(struct bytes text)
{
    static const char *const names[][2] = {
        {"ssl", "TLS"},
        {"tls", "TLS"},
        {"http", "HTTP"},
        {"http2", "HTTP2"},
        {"dns", "DNS"},
        {"quic", "QUIC"},
        {"ssh", "SSH"},
        {"smtp", "SMTP"},
        {"ftp", "FTP_CONTROL"},
        {"ftp-data", "FTP_DATA"},
        {"imap", "IMAP"},
        {"pop3", "POP3"},
        {"smb", "SMBv23"},
        {"ntp", "NTP"},
        {"dhcp", "DHCP"},
        {"snmp", "SNMP"},
        {"rdp", "RDP"},
        {"sip", "SIP"},
        {"irc", "IRC"},
        {"krb5", "Kerberos"},
        {"krb_tcp", "Kerberos"},
        {"krb", "Kerberos"},
        {"mysql", "MySQL"},
        {"mqtt", "MQTT"},
        {"xmpp", "Jabber"},
        {"socks", "SOCKS"},
        {"syslog", "Syslog"},
        {"tftp", "TFTP"},
        {"bittorrent-dht", "BitTorrent"},
        {"bittorrent", "BitTorrent"},
        {"rfb", "VNC"},
        {"radius", "Radius"},
        {"ldap", "LDAP"},
        {"telnet", "Telnet"},
        {"modbus", "Modbus"},
        {"dnp3", "DNP3"},
        {"ayiya", "AYIYA"},
        {"teredo", "TEREDO"},
        {"gtpv1", "GTP"},
        {"stun", "STUN"},
        {"wireguard", "WireGuard"},
        {"openvpn", "OpenVPN"},
        {"failed", ""},
        {"unknown", ""},
        {"spicy_quic", "QUIC"},
    };
    const uint8_t *comma = text.len ? memchr(text.at, ',', text.len) : NULL;
    if (comma) /* Zeek lists analyzers: the first is the outermost */
        text.len = (size_t)(comma - text.at);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (same(text, names[i][0], strlen(names[i][0])))
            return bytes_of_text(names[i][1]);
    return text;
}

static uint32_t read_application(const struct values *v)
{
    struct bytes text = cell(v, TABLE_application);
    if (text.len == 0 && v->t->kind == TABLE_ZEEK)
        text = application_of(cell(v, TABLE_service));
    if (text.len == 0 && v->t->kind == TABLE_EVE)
        text = application_of(cell(v, TABLE_app_proto));
    return text_code(v, SYMBOL_APPLICATION, text);
}

void table_name_row(struct batch *out, struct bytes name, enum name_kind kind)
{
    char host[HOST_MAX];
    size_t len = host_normalise(name, FORM_HOST, host);
    if (len == 0)
        return;
    batch_set_text(out, FIELD_server_name, out->rows - 1, host, len);
    batch_name_kind(out)[out->rows - 1] = (uint8_t)kind;
}

static void write_name(const struct values *v, struct batch *out)
{
    struct bytes name = cell(v, TABLE_server_name);
    enum name_kind kind = NAME_EXPORTER;
    for (unsigned k = NAME_SNI; k <= NAME_HTTP; k++)
        if (cell_is(v, TABLE_name_kind, name_kind_text(k)))
            kind = (enum name_kind)k;
    if (name.len && !cell_is(v, TABLE_name_kind, name_kind_text(NAME_DNS)))
        table_name_row(out, name, kind);
}

/* ---- one row ---- */

static enum reason read_sampling(struct values *v)
{
    uint64_t sampling = v->t->sampling;
    if (!number(v, TABLE_sampling, &sampling) || sampling > UINT32_MAX)
        return REASON_bad_field;
    v->sampling = sampling ? (uint32_t)sampling : 1;
    struct bytes exporter = cell(v, TABLE_exporter);
    v->exporter = exporter.len ? text_code(v, SYMBOL_EXPORTER, exporter) : v->t->exporter;
    return REASON_COUNT;
}

/* What is wrong with a row that is no flow, whatever else it says. */
static enum reason read_ends(struct values *v)
{
    if (cell_is(v, TABLE_log_status, "NODATA") || cell_is(v, TABLE_log_status, "SKIPDATA"))
        return REASON_not_a_flow;
    enum reason wrong = read_protocol(v);
    if (wrong == REASON_COUNT)
        wrong = read_address(v, TABLE_inner_src_ip, TABLE_src_ip, &v->src);
    if (wrong == REASON_COUNT)
        wrong = read_address(v, TABLE_inner_dst_ip, TABLE_dst_ip, &v->dst);
    return wrong;
}

static enum reason read_rest(struct values *v)
{
    bool icmp = v->protocol == ICMP || v->protocol == ICMP6;
    if (icmp ? !read_icmp(v)
             : !read_port(v, TABLE_src_port, &v->src_port) ||
                   !read_port(v, TABLE_dst_port, &v->dst_port))
        return REASON_bad_field;
    enum reason wrong = read_counters(v);
    if (wrong == REASON_COUNT && !read_flags(v))
        wrong = REASON_bad_field;
    if (wrong == REASON_COUNT)
        read_opener(v);
    return wrong;
}

static void write_values(const struct values *v, struct batch *out)
{
    size_t row = batch_add(out);
    batch_start_ms(out)[row] = v->start_ms;
    batch_end_ms(out)[row] = v->end_ms;
    batch_src_ip(out)[row] = v->src;
    batch_dst_ip(out)[row] = v->dst;
    batch_src_port(out)[row] = v->src_port;
    batch_dst_port(out)[row] = v->dst_port;
    batch_protocol(out)[row] = v->protocol;
    batch_packets(out)[row] = v->packets;
    batch_octets(out)[row] = v->octets;
    batch_reverse_packets(out)[row] = v->reverse_packets;
    batch_reverse_octets(out)[row] = v->reverse_octets;
    batch_tcp_flags(out)[row] = v->flags;
    batch_reverse_tcp_flags(out)[row] = v->reverse_flags;
    batch_opener(out)[row] = v->opener;
    batch_marks(out)[row] = v->has_reverse ? MARK_BIFLOW : 0;
    batch_sampling(out)[row] = v->sampling;
    batch_exporter(out)[row] = v->exporter;
    batch_application(out)[row] = read_application(v);
    write_name(v, out);
}

static bool is_outside(const struct values *v)
{
    const struct lpm *population = v->t->population;
    return population && lpm_lookup(population, &v->src) == LPM_NONE &&
           lpm_lookup(population, &v->dst) == LPM_NONE;
}

static void note_coverage(const struct values *v, bool rejected)
{
    if (!v->t->coverage)
        return;
    struct coverage_row *row = coverage_at(v->t->coverage, v->start_ms, v->exporter);
    row->records++;
    row->rejected += rejected;
    if (rejected)
        return;
    if (row->sampling_min == 0 || v->sampling < row->sampling_min)
        row->sampling_min = v->sampling;
    if (v->sampling > row->sampling_max)
        row->sampling_max = v->sampling;
}

bool table_write(const struct table_setting *t, const struct table_row *row, struct batch *out,
                 struct tally *tally)
{
    struct values v = {.t = t, .row = row};
    enum reason wrong = read_ends(&v);
    if (wrong == REASON_COUNT)
        wrong = read_times(&v);
    bool has_time = wrong == REASON_COUNT;
    if (wrong == REASON_COUNT)
        wrong = read_sampling(&v);
    bool outside = wrong == REASON_COUNT && is_outside(&v);
    if (wrong == REASON_COUNT && !outside)
        wrong = read_rest(&v);
    if (has_time)
        note_coverage(&v, wrong != REASON_COUNT);
    if (wrong != REASON_COUNT) {
        tally_reject(tally, wrong, 1);
        return false;
    }
    if (outside) {
        tally_outside(tally, 1);
        return false;
    }
    tally_keep(tally, 1);
    write_values(&v, out);
    return true;
}
