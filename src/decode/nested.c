/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/nested.h"

#include <string.h>

#include "decode/decoder.h"
#include "decode/texts.h"
#include "schema/values.h"
#include "wire/cursor.h"

/* Each level goes once through octets of the level above it, so the work is bounded by a message's
 * length times DEPTH_MAX. YAF nests three levels deep. */
enum { DEPTH_MAX = 5, BASES_MAX = 64, NO_RANK = 255, PROTOCOL_TCP = 6 };

struct nest {
    struct message *m;
    unsigned depth;
    uint8_t rank; /* of the name found; NO_RANK: none yet */
    size_t host_len;
    char host[HOST_MAX];
    uint8_t flags, reverse_flags;
};

static void list(struct nest *n, struct bytes content, enum ie_form form);

static uint8_t flags_of(struct bytes value)
{
    return value.len && value.len <= 8 ? value.at[value.len - 1] : 0;
}

static void take(struct nest *n, struct ie ie, struct bytes value)
{
    char host[HOST_MAX];
    size_t len;
    switch (ie.target) {
    case IE_NAME:
        if (ie.rank >= n->rank || !(len = host_normalise(value, (enum ie_form)ie.form, host)))
            break;
        memcpy(n->host, host, len);
        n->host_len = len;
        n->rank = ie.rank;
        break;
    case IE_FLAGS:
        n->flags |= flags_of(value);
        break;
    case IE_REVERSE_FLAGS:
        n->reverse_flags |= flags_of(value);
        break;
    case IE_LIST:
        list(n, value, (enum ie_form)ie.form);
        break;
    default:
        break;
    }
}

static struct bytes take_variable(struct cursor *c)
{
    size_t len = cursor_u8(c);
    if (len == 255)
        len = cursor_be16(c);
    return cursor_take(c, len);
}

/* RFC 6313 section 4.5.1: semantic, a field specifier, values of that element. */
static void basic_list(struct nest *n, struct cursor *c)
{
    uint32_t pen = 0, id = cursor_be16(c), width = cursor_be16(c);
    if (id & 0x8000) {
        id &= 0x7fff;
        pen = cursor_be32(c);
    }
    struct ie ie = ie_find(pen, id, width, false);
    if (c->failed || ie.target == IE_NONE || width == 0)
        return;
    while (cursor_left(c) && !c->failed) {
        struct bytes value = width == IE_VARIABLE ? take_variable(c) : cursor_take(c, width);
        if (!c->failed)
            take(n, ie, value);
    }
}

/* Moves `c` past one record and notes where its parts begin. */
static bool find_bases(const struct template *t, struct cursor *c, const uint8_t **bases)
{
    const uint16_t *gaps = template_gaps(t);
    bases[0] = c->at;
    for (size_t k = 0; k < t->variables; k++) {
        cursor_skip(c, gaps[k]);
        take_variable(c);
        bases[k + 1] = c->at;
    }
    cursor_skip(c, gaps[t->variables]);
    return !c->failed;
}

static struct bytes value_of(const struct step *s, const uint8_t *at)
{
    if (s->text_width)
        return bytes_of(at, s->text_width);
    return at[0] < 255 ? bytes_of(at + 1, at[0]) : bytes_of(at + 3, octets_be16(at + 1));
}

/* Records of template `id` up to the end of `c`. */
static void records_of(struct nest *n, uint16_t id, struct cursor *c)
{
    const uint8_t *bases[BASES_MAX];
    const struct template *t = message_template(n->m, id);
    if (!t || t->variables >= BASES_MAX)
        return;
    while (cursor_left(c) >= t->least && find_bases(t, c, bases)) {
        for (size_t i = 0; i < t->step_count; i++) {
            const struct step *s = &t->steps[i];
            take(n, (struct ie){.target = s->target, .form = s->form, .rank = s->rank},
                 value_of(s, bases[s->base] + s->offset));
        }
    }
}

/* RFC 6313 section 4.5.3: semantic, then for each template its number, the octets of all its
 * records (these four included) and the records. */
static void multi_list(struct nest *n, struct cursor *c)
{
    enum { HEADER = 4 };
    while (cursor_left(c) >= HEADER) {
        uint16_t id = cursor_be16(c), octets = cursor_be16(c);
        if (octets < HEADER)
            return;
        struct cursor part = cursor_sub(c, octets - (size_t)HEADER);
        if (c->failed)
            return;
        records_of(n, id, &part);
    }
}

static void list(struct nest *n, struct bytes content, enum ie_form form)
{
    struct cursor c = cursor_of(content);
    if (n->depth == DEPTH_MAX || content.len < 3)
        return;
    n->depth++;
    cursor_skip(&c, 1); /* semantic: any, all, ordered... */
    if (form == FORM_BASIC_LIST)
        basic_list(n, &c);
    else if (form == FORM_MULTI_LIST)
        multi_list(n, &c);
    else
        records_of(n, cursor_be16(&c), &c);
    n->depth--;
}

static void write_row(const struct nest *n, struct batch *out, size_t row)
{
    if (n->rank != NO_RANK && !batch_text(out, FIELD_server_name, row).len) {
        batch_set_text(out, FIELD_server_name, row, n->host, n->host_len);
        batch_name_kind(out)[row] = NAME_EXPORTER;
    }
    if (batch_protocol(out)[row] == PROTOCOL_TCP) {
        batch_tcp_flags(out)[row] |= n->flags;
        batch_reverse_tcp_flags(out)[row] |= n->reverse_flags;
    }
}

void nested_write(struct message *m, const struct records *r, const struct template *t,
                  size_t count, size_t row)
{
    if (!t->step_of[IE_LIST])
        return;
    for (size_t i = 0; i < count; i++) {
        struct nest n = {.m = m, .rank = NO_RANK};
        for (size_t k = t->step_of[IE_LIST] - 1u; k < t->step_count; k++)
            if (t->steps[k].target == IE_LIST)
                list(&n, records_text(r, &t->steps[k], i), (enum ie_form)t->steps[k].form);
        write_row(&n, m->out, row + i);
    }
}
