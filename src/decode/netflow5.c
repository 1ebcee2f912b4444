/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow 1, 5 and 7: fixed layouts, written down as field lists and compiled like templates, so
 * that the same code reads all exports. Layouts: Cisco, NetFlow Export Datagram Formats. */
#include <assert.h>

#include "decode/decoder.h"
#include "wire/cursor.h"

enum { SKIP = 0x7000 }; /* an element that nobody reads */
enum { V1_HEADER = 16, V5_HEADER = 24, V1_RECORD = 48, V1_RECORD_MOST = 52 };

struct legacy_field {
    uint16_t id, width;
};

#define COMMON                                                                                     \
    {8, 4}, {12, 4}, {15, 4}, {10, 2}, {14, 2}, {2, 4}, {1, 4}, {22, 4}, {21, 4}, {7, 2},          \
    {                                                                                              \
        11, 2                                                                                      \
    }

static const struct legacy_field v1[] = {COMMON, {SKIP, 2}, {4, 1}, {5, 1}, {6, 1}, {SKIP, 7}};
static const struct legacy_field v5[] = {COMMON, {SKIP, 1}, {6, 1}, {4, 1}, {5, 1}, {SKIP, 8}};
static const struct legacy_field v7[] = {COMMON, {SKIP, 1}, {6, 1}, {4, 1}, {5, 1}, {SKIP, 12}};

static struct template *compile(const struct legacy_field *fields, size_t count)
{
    uint8_t octets[4 * 32];
    assert(count <= 32);
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = octets + 4 * i;
        at[0] = (uint8_t)(fields[i].id >> 8);
        at[1] = (uint8_t)fields[i].id;
        at[2] = (uint8_t)(fields[i].width >> 8);
        at[3] = (uint8_t)fields[i].width;
    }
    return template_compile(bytes_of(octets, 4 * count), count, 0, false, true);
}

void netflow5_prepare(struct decoder *d)
{
    d->legacy[LEGACY_V1] = compile(v1, sizeof v1 / sizeof v1[0]);
    d->legacy[LEGACY_V5] = compile(v5, sizeof v5 / sizeof v5[0]);
    d->legacy[LEGACY_V7] = compile(v7, sizeof v7 / sizeof v7[0]);
    assert(d->legacy[LEGACY_V1]->least == 48 && d->legacy[LEGACY_V5]->least == 48 &&
           d->legacy[LEGACY_V7]->least == 52);
}

/* Version 1 is found with records of 48 and of 52 octets; the rest of the latter is reserved. */
static size_t record_octets(unsigned version, size_t count, size_t body)
{
    if (version == 7)
        return 52;
    if (version == 1 && count && body == count * V1_RECORD_MOST)
        return V1_RECORD_MOST;
    return 48;
}

struct header {
    unsigned version, count;
    uint32_t sequence;
    uint32_t engine;
};

static struct header read_header(struct message *m, struct cursor *c)
{
    struct header h = {.version = cursor_be16(c), .count = cursor_be16(c)};
    m->uptime_ms = cursor_be32(c);
    m->has_uptime = true;
    uint64_t s = cursor_be32(c);
    message_time(m, s * 1000 + cursor_be32(c) / 1000000);
    if (h.version == 1)
        return h;
    h.sequence = cursor_be32(c);
    if (h.version == 5) {
        h.engine = cursor_be16(c);
        /* Two bits of mode, 14 of interval. Exporters that leave the mode at 0 mean it too. */
        m->sampling = cursor_be16(c) & 0x3fff;
    } else {
        cursor_skip(c, 4);
    }
    return h;
}

struct bytes netflow5_decode(struct message *m, struct bytes in)
{
    struct cursor c = cursor_of(in);
    struct header h = read_header(m, &c);
    if (c.failed) {
        message_reject(m, REASON_truncated, 1);
        return bytes_of(in.at, 0);
    }
    m->key.version = 5;
    m->key.domain = h.engine;
    m->e = exporter_at(m->d->exporters, &m->key);
    size_t width = record_octets(h.version, h.count, cursor_left(&c));
    if (h.count * width > cursor_left(&c)) {
        message_reject(m, REASON_bad_length, 1);
        return bytes_of(in.at, 0);
    }
    message_good(m);
    if (h.version != 1)
        message_sequence(m, h.sequence, h.count, true);
    const struct template *t = m->d->legacy[h.version == 1   ? LEGACY_V1
                                            : h.version == 5 ? LEGACY_V5
                                                             : LEGACY_V7];
    bool broken = false;
    struct bytes records = cursor_take(&c, h.count * width);
    for (size_t i = 0; width != t->least && i < h.count; i++)
        records_decode(m, t, bytes_slice(records, i * width, t->least), &broken);
    if (width == t->least)
        records_decode(m, t, records, &broken);
    return cursor_rest(&c);
}
