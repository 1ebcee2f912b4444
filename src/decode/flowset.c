/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow 9 (RFC 3954) and IPFIX (RFC 7011): one road. They differ in the header, in the numbers of
 * the template sets, in enterprise elements and variable lengths (template.c), and in what the
 * sequence number counts. */
#include "decode/decoder.h"
#include "wire/cursor.h"

enum {
    V9_HEADER = 20,
    IPFIX_HEADER = 16,
    SET_HEADER = 4,
    FIRST_DATA_SET = 256,
    KIN_MOST = 8,
    ROWS_A_MESSAGE = 8192, /* 65,535 octets hold no more records that have two addresses */
};

static bool all_zero(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i])
            return false;
    return true;
}

static void decode_set(struct message *m, const struct template *t, struct bytes data,
                       struct sets *sets)
{
    bool broken = false;
    size_t count =
        t->options ? options_decode(m, t, data, &broken) : records_decode(m, t, data, &broken);
    sets->records += (uint32_t)count;
    sets->known &= !broken;
}

/* Decodes what was kept back for a template that is there now, as long as there is room for rows.
 */
static void release(struct message *m, const struct template *t, uint16_t id)
{
    struct held_set set;
    struct held_entry *entry;
    struct sets sets = {0};
    while (m->e->held_octets && (entry = held_find(m->d->held, m->e, id, &set))) {
        size_t most = set.data.len / t->least;
        if (batch_room(m->out) < most + ROWS_A_MESSAGE)
            return;
        message_good(m);
        struct message then = *m;
        then.arrival_ms = set.arrival_ms;
        then.export_ms = set.export_ms;
        then.uptime_ms = set.uptime_ms;
        then.has_uptime = set.has_uptime;
        decode_set(&then, t, set.data, &sets);
        held_drop(m->d->held, entry);
    }
}

static void on_defined(void *ctx, struct template *t)
{
    struct message *m = ctx;
    release(m, t, t->id);
}

static void keep_back(struct message *m, uint16_t id, struct bytes data)
{
    struct held_set set = {.arrival_ms = m->arrival_ms,
                           .export_ms = m->export_ms,
                           .uptime_ms = m->uptime_ms,
                           .has_uptime = m->has_uptime,
                           .id = id,
                           .data = data};
    size_t lost = held_add(m->d->held, m->e, &set);
    if (lost)
        message_reject(m, REASON_no_template, lost);
}

/* Line cards may send data from one port and templates from another, and a restarted exporter goes
 * on from a new one before it repeats its templates. */
static struct template *find_at_kin(struct message *m, uint16_t id)
{
    struct exporter *kin = NULL;
    struct template *t = NULL;
    for (int i = 0; i < KIN_MOST && !t; i++) {
        kin = exporter_kin(m->d->exporters, m->e, kin);
        if (!kin)
            break;
        t = templates_find(m->d->templates, kin, id);
    }
    return t;
}

struct template *message_template(struct message *m, uint16_t id)
{
    struct template *t = templates_find(m->d->templates, m->e, id);
    if (!t)
        t = find_at_kin(m, id);
    if (t)
        templates_used(m->d->templates, t);
    return t;
}

static void data_set(struct message *m, uint16_t id, struct bytes data, struct sets *sets)
{
    struct template *t = message_template(m, id);
    if (!t) {
        keep_back(m, id, data);
        sets->known = false;
        return;
    }
    message_good(m);
    release(m, t, id);
    decode_set(m, t, data, sets);
}

static void one_set(struct message *m, uint16_t id, struct bytes content, struct sets *sets)
{
    bool netflow9 = m->key.version == 9;
    bool templates = id == (netflow9 ? 0 : 2), options = id == (netflow9 ? 1 : 3);
    if (id >= FIRST_DATA_SET) {
        data_set(m, id, content, sets);
    } else if (templates || options) {
        enum reason wrong =
            templates_read(m->d->templates, m->d->exporters, m->e, content, options, on_defined, m);
        if (wrong != REASON_COUNT)
            message_reject(m, wrong, 1);
    } else {
        message_reject(m, REASON_not_a_flow, 1); /* reserved set numbers */
    }
}

/* NetFlow 9's header does not say how long the message is. Set numbers 2 to 255 are reserved, so
 * where one should stand and a header of about the same time stands, another message begins. */
static bool message_begins(const struct message *m, struct bytes rest)
{
    if (rest.len < V9_HEADER || octets_be16(rest.at) != 9)
        return false;
    uint64_t ms = (uint64_t)octets_be32(rest.at + 8) * 1000;
    uint64_t apart = ms > m->export_ms ? ms - m->export_ms : m->export_ms - ms;
    return apart <= 3600000;
}

/* Goes through the sets of one message. Stops at what cannot be a set; zeros at the end are
 * padding. */
static void all_sets(struct message *m, struct cursor *c, struct sets *sets)
{
    while (cursor_left(c) >= SET_HEADER) {
        struct bytes rest = cursor_rest(c);
        if (m->key.version == 9 && message_begins(m, rest))
            return;
        uint16_t id = cursor_be16(c), len = cursor_be16(c);
        if (len < SET_HEADER || len > rest.len) {
            if (!all_zero(rest)) {
                message_reject(m, len < SET_HEADER ? REASON_bad_length : REASON_truncated, 1);
                sets->known = false;
            }
            cursor_skip(c, cursor_left(c));
            return;
        }
        one_set(m, id, cursor_take(c, (size_t)len - SET_HEADER), sets);
    }
    cursor_skip(c, cursor_left(c)); /* up to three octets of padding */
}

static struct bytes netflow9(struct message *m, struct bytes in)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 4); /* version; the count of records of all kinds, which exporters get wrong */
    m->uptime_ms = cursor_be32(&c);
    m->has_uptime = true;
    message_time(m, (uint64_t)cursor_be32(&c) * 1000);
    uint32_t sequence = cursor_be32(&c);
    m->key.domain = cursor_be32(&c);
    if (c.failed) {
        message_reject(m, REASON_truncated, 1);
        return bytes_of(in.at, 0);
    }
    m->e = exporter_at(m->d->exporters, &m->key);
    struct sets sets = {.known = true};
    all_sets(m, &c, &sets);
    message_sequence(m, sequence, 1, true);
    return cursor_rest(&c);
}

static struct bytes ipfix(struct message *m, struct bytes in)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 2);
    size_t len = cursor_be16(&c);
    message_time(m, (uint64_t)cursor_be32(&c) * 1000);
    uint32_t sequence = cursor_be32(&c);
    m->key.domain = cursor_be32(&c);
    if (c.failed || len < IPFIX_HEADER) {
        message_reject(m, c.failed ? REASON_truncated : REASON_bad_length, 1);
        return bytes_of(in.at, 0);
    }
    m->e = exporter_at(m->d->exporters, &m->key);
    struct sets sets = {.known = true};
    bool cut = len > in.len;
    struct bytes whole = bytes_slice(in, 0, len);
    c = cursor_of(bytes_slice(whole, IPFIX_HEADER, whole.len));
    uint64_t counted = m->tally->reasons[REASON_truncated];
    all_sets(m, &c, &sets);
    if (cut && m->tally->reasons[REASON_truncated] == counted)
        message_reject(m, REASON_truncated, 1); /* between two sets */
    message_sequence(m, sequence, sets.records, sets.known && !cut);
    return bytes_slice(in, whole.len, in.len);
}

struct bytes flowset_decode(struct message *m, struct bytes in)
{
    return m->key.version == 9 ? netflow9(m, in) : ipfix(m, in);
}
