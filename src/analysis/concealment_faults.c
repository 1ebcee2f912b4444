/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of TLS in the population's own use that could be seen: what the server chose, and its
 * certificate up to TLS 1.2. Of TLS 1.3 nobody between can read a certificate, and a resumed
 * session shows none, so each fault is of the handshakes in which it could have shown. */
#include <inttypes.h>
#include <string.h>

#include "analysis/concealment.h"
#include "analysis/findings.h"

enum { DAY_MS = 86400000, PLACES = 12, FAULTS = 8 }; /* PLACES: bits of tls_faults in use */

static const struct fault {
    unsigned bit;
    bool of_certificate;
    const char *words;
} faults[FAULTS] = {
    {TLS_OBSOLETE, false, "an obsolete version"},
    {TLS_WEAK_CIPHER, false, "a weak cipher"},
    {TLS_EXPIRED, true, "an expired certificate"},
    {TLS_NOT_YET_VALID, true, "a certificate not yet valid"},
    {TLS_SELF_SIGNED, true, "a self-signed certificate"},
    {TLS_NAME_MISMATCH, true, "a certificate for another name"},
    {TLS_WEAK_CERTIFICATE, true, "a weak certificate"},
    {TLS_MALFORMED, true, "a damaged certificate"},
};

static int ask_faults(struct analysis *a, struct block **ret, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 1 << 16);
    buf_text(&sql, "SELECT sum(flows) AS n");
    for (unsigned i = 0; i < PLACES; i++)
        buf_format(&sql,
                   ", sumIf(flows, bitAnd(tls_faults, %u) != 0) AS n%u, "
                   "uniqExactIf(local, bitAnd(tls_faults, %u) != 0) AS l%u, "
                   "uniqExactIf((remote, remote_port), bitAnd(tls_faults, %u) != 0) AS r%u",
                   1u << i, i, 1u << i, i, 1u << i, i);
    buf_text(&sql, " FROM fault");
    int status = engine_query(a->engine, sql.at, ret, err);
    buf_done(&sql);
    return status;
}

static size_t column_of(unsigned bit)
{
    return 1 + 3 * (size_t)__builtin_ctz(bit);
}

static double flows_of(const struct block *b, unsigned bit)
{
    return block_rows(b) ? block_f64(b, column_of(bit), 0) : 0;
}

static json_t *fault_json(struct analysis *a, const struct block *b, const struct fault *f)
{
    const char *name = tls_fault_text(f->bit);
    const char *filter = arena_format(a->arena, "tls fault %s and " USAGE_FILTER, name);
    double of = flows_of(b, f->of_certificate ? TLS_CERTIFICATE : TLS_HELLO);
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o}", "fault", name, "flows",
                     count_json(flows_of(b, f->bit)), "local_hosts",
                     (json_int_t)block_u64(b, column_of(f->bit) + 1, 0), "servers",
                     (json_int_t)block_u64(b, column_of(f->bit) + 2, 0), "of", count_json(of),
                     "evidence", evidence_json(a, filter, flows_of(b, f->bit)));
}

static json_t *seen_json(const struct block *b)
{
    static const unsigned seen[] = {TLS_HELLO, TLS_CERTIFICATE, TLS_RESUMED, TLS_ENCRYPTED};
    json_t *j = json_object();
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        json_object_set_new(j, tls_fault_text(seen[i]), count_json(flows_of(b, seen[i])));
    return j;
}

/* Every fault that could have been seen has its row, also where none was. */
static json_t *tls_json(struct analysis *a, const struct block *b)
{
    bool certificates = flows_of(b, TLS_CERTIFICATE) > 0;
    json_t *list = json_array();
    for (int i = 0; i < FAULTS; i++)
        if (certificates || !faults[i].of_certificate)
            json_array_append_new(list, fault_json(a, b, &faults[i]));
    json_t *j = json_pack("{s:o, s:o}", "seen", seen_json(b), "faults", list);
    if (!certificates)
        json_object_set_new(
            j, "certificate_faults",
            unsupported("No certificate went in the clear: TLS 1.3 encrypts it, and a resumed "
                        "session sends none. Whether one had expired or was for another name "
                        "cannot be known."));
    return j;
}

int concealment_faults(struct analysis *a, json_t *section, struct error *err)
{
    struct block *b = NULL;
    int status = ask_faults(a, &b, err);
    if (status < 0)
        return status;
    bool seen = flows_of(b, TLS_HELLO) > 0;
    json_object_set_new(section, "tls",
                        seen
                            ? tls_json(a, b)
                            : unsupported("No TLS handshake of a server was captured: flow records "
                                          "hold no certificates, so whether TLS had faults cannot "
                                          "be known."));
    block_free(b);
    return 0;
}

/* ------------------------------------------------------------------ sentences */

static struct word words_of(const json_t *fault)
{
    const char *name = string_of(fault, "fault");
    int bit = tls_fault_value(name, strlen(name));
    for (int i = 0; i < FAULTS; i++)
        if ((int)faults[i].bit == bit)
            return word_known(faults[i].words);
    return word_known(name);
}

void concealment_faults_findings(struct analysis *a, const json_t *concealment, json_t *findings)
{
    const json_t *tls = json_object_get(concealment, "tls"), *seen = json_object_get(tls, "seen");
    const json_t *list = json_object_get(tls, "faults"), *largest = NULL;
    struct phrase said[FAULTS];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list) && count < FAULTS; i++) {
        const json_t *one = json_array_get(list, i);
        if (value_of(one, "flows") <= 0)
            continue;
        said[count++] = SAY(a, M_TLS_FAULT_ONE, words_of(one), word_count(value_of(one, "flows")),
                            word_count(value_of(one, "servers")));
        if (!largest || value_of(one, "flows") > value_of(largest, "flows"))
            largest = one;
    }
    if (!largest)
        return;
    json_t *f = finding_new("tls-faults", "concealment", "high");
    finding_say(
        f, "headline",
        SAY(a, M_TLS_FAULTS_HEAD, words_of(largest), word_count(value_of(largest, "flows"))));
    struct phrase all = phrase_list(a->arena, said, count, M_SEMICOLON, M_SEMICOLON);
    finding_say(f, "statement",
                SAY(a, M_TLS_FAULTS, word_count(value_of(seen, "hello")),
                    word_count(value_of(seen, "certificate")), word_phrase(all)));
    finding_say(f, "because", SAY(a, M_TLS_FAULTS_BECAUSE));
    finding_say(f, "caveats",
                SAY(a, M_TLS_FAULTS_CAVEAT, word_count(value_of(seen, "encrypted")),
                    word_count(value_of(seen, "resumed"))));
    finding_say(f, "alternatives", SAY(a, M_TLS_FAULTS_ALTERNATIVE));
    finding_value(f, "flows", json_object_get(largest, "flows"));
    finding_end(findings, f, json_object_get(largest, "evidence"));
}
