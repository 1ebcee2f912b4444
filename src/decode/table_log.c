/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/table_log.h"

#include <string.h>

#include "base/memory.h"
#include "decode/ie.h"
#include "decode/table_value.h"
#include "decode/texts.h"

enum { ANSWERS_MAX = 256, FLOW_KIND_UNKNOWN = 0, FLOW_KIND_BOTH_WAYS, FLOW_KIND_ONE_WAY };

struct table_log {
    struct table_text *text;
    struct table_log_setting s;
    int flow_kind; /* EVE: the first of flow and netflow that was seen */
    bool is_mixed; /* Zeek's JSON: lines of more than one log */
};

int table_log_open(struct stream *stream, const struct table_log_setting *setting,
                   const char *shown, struct table_log **ret, struct error *err)
{
    static const char *const exporters[] = {
        [TABLE_ZEEK] = "zeek",   [TABLE_EVE] = "suricata", [TABLE_VPC] = "vpc",
        [TABLE_ARGUS] = "argus", [TABLE_CSV] = "table",    [TABLE_TSV] = "table",
        [TABLE_JSONL] = "table", [TABLE_PARQUET] = "table"};
    struct table_text *text;
    if (table_text_open(stream, setting->map, shown, &text, err) < 0)
        return err ? err->code : ERROR_FAILED;
    struct table_log *l = memory_alloc(sizeof *l);
    l->text = text;
    l->s = *setting;
    struct table_setting *row = &l->s.row;
    row->kind = table_text_kind(text);
    memcpy(row->has, table_text_has(text), sizeof row->has);
    const char *exporter = exporters[row->kind];
    row->exporter = symbols_code(row->symbols, SYMBOL_EXPORTER, exporter, strlen(exporter));
    *ret = l;
    return 0;
}

void table_log_free(struct table_log *l)
{
    if (!l)
        return;
    table_text_free(l->text);
    free(l);
}

const char *table_log_format(const struct table_log *l)
{
    return table_text_format(l->text);
}

const char *table_log_path(const struct table_log *l)
{
    return table_text_path(l->text);
}

/* ---- values of a line ---- */

static struct bytes cell(const struct table_row *row, enum table_column column)
{
    struct bytes b = value_trimmed(row->cell[column]);
    return value_absent(b) ? bytes_of(NULL, 0) : b;
}

static bool is(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_of_text(text));
}

/* The next part of a list; false at its end. */
static bool next_part(struct bytes *list, char separator, struct bytes *ret)
{
    if (list->at == NULL)
        return false;
    const uint8_t *end = list->len ? memchr(list->at, separator, list->len) : NULL;
    size_t len = end ? (size_t)(end - list->at) : list->len;
    *ret = bytes_of(list->at, len);
    *list = end ? bytes_slice(*list, len + 1, list->len) : bytes_of(NULL, 0);
    return true;
}

static bool in_population(const struct table_log *l, struct bytes text, struct ip *ret)
{
    const struct lpm *population = l->s.row.population;
    return ip_parse((const char *)text.at, text.len, ret) &&
           (!population || lpm_lookup(population, ret) != LPM_NONE);
}

static bool concerns_population(const struct table_log *l, const struct table_row *row)
{
    struct ip ip;
    return in_population(l, cell(row, TABLE_src_ip), &ip) ||
           in_population(l, cell(row, TABLE_dst_ip), &ip);
}

static void set_name(struct table_names *names, struct bytes key, struct bytes name,
                     enum name_kind kind)
{
    char host[HOST_MAX];
    size_t len = name.len && key.len ? host_normalise(name, FORM_HOST, host) : 0;
    if (len)
        table_names_set(names, key, bytes_of(host, len), kind);
}

static void add_answer(struct sightings *seen, uint64_t ms, const struct ip *client,
                       struct bytes address, uint64_t ttl_s, struct bytes name)
{
    char host[HOST_MAX];
    struct ip ip;
    size_t len = host_normalise(name, FORM_HOST, host);
    if (seen && len && ip_parse((const char *)address.at, address.len, &ip))
        sightings_add(seen, ms, client, &ip, ttl_s < UINT32_MAX ? (uint32_t)ttl_s : UINT32_MAX,
                      host, len);
}

/* ---- Zeek ---- */

/* "*.example.org" and "www.example.org" as the name that they share. */
static struct bytes stem(struct bytes name)
{
    if (name.len > 2 && memcmp(name.at, "*.", 2) == 0)
        return bytes_slice(name, 2, name.len);
    if (name.len > 4 && memcmp(name.at, "www.", 4) == 0)
        return bytes_slice(name, 4, name.len);
    return name;
}

/* A certificate's name stands for its server only where it names but one: the certificates of
 * content networks list hundreds. */
static void learn_certificate(struct table_log *l, const struct table_row *row)
{
    struct bytes list = cell(row, TABLE_san_dns), name, first = {0};
    while (next_part(&list, ',', &name)) {
        if (first.len && !bytes_equal(stem(first), stem(name)))
            return;
        first = first.len ? first : name;
    }
    if (first.len == 0) {
        struct bytes subject = cell(row, TABLE_subject), part;
        while (next_part(&subject, ',', &part))
            if (part.len > 3 && memcmp(part.at, "CN=", 3) == 0)
                first = bytes_slice(part, 3, part.len);
    }
    set_name(l->s.certificates, cell(row, TABLE_certificate), stem(first), NAME_EXPORTER);
}

static void learn_tls(struct table_log *l, const struct table_row *row)
{
    struct bytes uid = cell(row, TABLE_uid), name = cell(row, TABLE_server_name);
    struct bytes chain = cell(row, TABLE_cert_chain), leaf;
    enum name_kind kind;
    if (name.len)
        set_name(l->s.names, uid, name, NAME_SNI);
    else if (next_part(&chain, ',', &leaf) &&
             table_names_get(l->s.certificates, leaf, &name, &kind))
        set_name(l->s.names, uid, name, NAME_EXPORTER);
}

static void learn_dns(struct table_log *l, const struct table_row *row, struct sightings *seen)
{
    struct bytes answers = cell(row, TABLE_answers), ttls = cell(row, TABLE_ttls), answer, ttl;
    struct ip client;
    uint64_t ms, ttl_ms;
    if (!in_population(l, cell(row, TABLE_src_ip), &client) ||
        !value_moment(cell(row, TABLE_start), &ms))
        return;
    uint64_t least_s = UINT32_MAX; /* of the chain of aliases up to here */
    for (int i = 0; i < ANSWERS_MAX && next_part(&answers, ',', &answer); i++) {
        uint64_t ttl_s = 0;
        if (next_part(&ttls, ',', &ttl) && value_duration(ttl, &ttl_ms))
            ttl_s = ttl_ms / 1000;
        struct ip address;
        bool is_address = ip_parse((const char *)answer.at, answer.len, &address);
        if (ttl_s < least_s && !is_address)
            least_s = ttl_s;
        add_answer(seen, ms, &client, answer, ttl_s < least_s ? ttl_s : least_s,
                   cell(row, TABLE_query));
    }
}

static void zeek_learn(struct table_log *l, const struct table_row *row, struct sightings *seen)
{
    struct bytes path = row->cell[TABLE_path];
    if (is(path, "x509")) {
        learn_certificate(l, row);
        return;
    }
    if (is(path, "dns")) {
        learn_dns(l, row, seen);
        return;
    }
    if (!concerns_population(l, row))
        return;
    if (is(path, "ssl"))
        learn_tls(l, row);
    else if (is(path, "quic"))
        set_name(l->s.names, cell(row, TABLE_uid), cell(row, TABLE_server_name), NAME_QUIC);
    else if (is(path, "http"))
        set_name(l->s.names, cell(row, TABLE_uid), cell(row, TABLE_host), NAME_HTTP);
}

/* ---- Suricata ---- */

static struct bytes json_text(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
                                 : bytes_of(NULL, 0);
}

static uint64_t json_number(const json_t *o, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(o, key));
    return value > 0 ? (uint64_t)value : 0;
}

/* Answers in the line's own fields (version 1: a line each) or in a list (2 and 3). */
static void eve_dns(struct table_log *l, const struct table_row *row, struct sightings *seen)
{
    const json_t *o = table_text_json(l->text), *dns = json_object_get(o, "dns");
    const json_t *answers = json_object_get(dns, "answers"), *queries = NULL;
    struct bytes type = json_text(dns, "type"), name = json_text(dns, "rrname");
    struct ip client;
    uint64_t ms;
    if (!is(type, "answer") && !is(type, "response"))
        return;
    /* Versions differ in whether an answer's source is the server or, as for all events, the client
     * of the flow: the end that is not port 53 asked. */
    bool from_server = is(cell(row, TABLE_src_port), "53");
    if (!in_population(l, cell(row, from_server ? TABLE_dst_ip : TABLE_src_ip), &client) ||
        !value_moment(json_text(o, "timestamp"), &ms))
        return;
    if (name.len == 0) {
        queries = json_object_get(dns, "queries");
        name = json_text(json_array_get(queries, 0), "rrname");
    }
    if (!json_is_array(answers)) {
        add_answer(seen, ms, &client, json_text(dns, "rdata"), json_number(dns, "ttl"), name);
        return;
    }
    uint64_t least_s = UINT32_MAX;
    for (size_t i = 0; i < json_array_size(answers) && i < ANSWERS_MAX; i++) {
        const json_t *answer = json_array_get(answers, i);
        uint64_t ttl_s = json_number(answer, "ttl");
        least_s = ttl_s < least_s ? ttl_s : least_s;
        add_answer(seen, ms, &client, json_text(answer, "rdata"), least_s, name);
    }
}

static void eve_learn(struct table_log *l, const struct table_row *row, struct sightings *seen)
{
    const json_t *o = table_text_json(l->text);
    struct bytes event = cell(row, TABLE_event_type), id = cell(row, TABLE_flow_id);
    if (is(event, "dns"))
        eve_dns(l, row, seen);
    if (!concerns_population(l, row))
        return;
    const json_t *tls = json_object_get(o, "tls"), *quic = json_object_get(o, "quic"),
                 *http = json_object_get(o, "http");
    set_name(l->s.names, id, json_text(tls, "sni"), NAME_SNI);
    set_name(l->s.names, id, json_text(quic, "sni"), NAME_QUIC);
    set_name(l->s.names, id, json_text(http, "hostname"), NAME_HTTP);
}

/* Whether the event counts a conversation. Where Suricata writes it both as one event of both
 * directions and as one for each, only the kind that came first in the file is taken; the other
 * kind's are copies. */
static bool eve_counts(struct table_log *l, const struct table_row *row, bool *ret_copy)
{
    struct bytes event = cell(row, TABLE_event_type);
    int kind = is(event, "flow")      ? FLOW_KIND_BOTH_WAYS
               : is(event, "netflow") ? FLOW_KIND_ONE_WAY
                                      : FLOW_KIND_UNKNOWN;
    if (kind && !l->flow_kind)
        l->flow_kind = kind;
    *ret_copy = kind && kind != l->flow_kind;
    return kind;
}

/* ---- lines ---- */

static void join_name(struct table_log *l, const struct table_row *row, struct batch *out)
{
    struct bytes name, key = cell(row, l->s.row.kind == TABLE_EVE ? TABLE_flow_id : TABLE_uid);
    enum name_kind kind;
    if (key.len && table_names_get(l->s.names, key, &name, &kind))
        table_name_row(out, name, kind);
}

static void count_row(struct table_log *l, const struct table_row *row, struct batch *out,
                      struct sightings *seen, struct tally *tally)
{
    bool counts = true, copy = false;
    enum table_kind kind = l->s.row.kind;
    if (kind == TABLE_EVE) {
        eve_learn(l, row, seen);
        counts = eve_counts(l, row, &copy);
    } else if (kind == TABLE_ZEEK) {
        counts = is(row->cell[TABLE_path], "conn");
        /* A log of its own is read beside its conn log; lines of several logs in one file here. */
        l->is_mixed |= !is(row->cell[TABLE_path], table_text_path(l->text));
        if (!counts && (l->is_mixed || is(bytes_of_text(table_text_path(l->text)), "conn")))
            zeek_learn(l, row, seen);
    }
    if (!counts) {
        tally_reject(tally, REASON_not_a_flow, 1);
    } else if (copy) {
        tally_keep(tally, 1);
        tally_duplicate(tally, 1);
    } else if (table_write(&l->s.row, row, out, tally)) {
        if (kind == TABLE_EVE || kind == TABLE_ZEEK)
            join_name(l, row, out);
    }
}

bool table_log_line(struct table_log *l, struct batch *out, struct sightings *seen,
                    struct tally *tally)
{
    struct table_row row;
    enum reason wrong;
    switch (table_text_next(l->text, &row, &wrong)) {
    case TABLE_NEXT_END:
        if (table_text_damaged(l->text))
            tally_reject(tally, REASON_truncated, 1);
        return false;
    case TABLE_NEXT_BAD:
        tally_reject(tally, wrong, 1);
        return true;
    default:
        count_row(l, &row, out, seen, tally);
        return true;
    }
}

bool table_log_learn(struct table_log *l, struct sightings *seen, uint64_t *ret_ms)
{
    struct table_row row;
    enum reason wrong;
    enum table_next got = table_text_next(l->text, &row, &wrong);
    *ret_ms = 0;
    if (got == TABLE_NEXT_END)
        return false;
    if (got == TABLE_NEXT_ROW && l->s.row.kind == TABLE_ZEEK) {
        zeek_learn(l, &row, seen);
        value_moment(cell(&row, TABLE_start), ret_ms);
    }
    return true;
}
