/* SPDX-License-Identifier: Apache-2.0 */
/* From field specifiers to a compiled template. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "decode/templates.h"
#include "wire/cursor.h"

/* Lists past LISTS_MAX of one template are passed over like elements that are not read. */
enum { LISTS_MAX = 32, STEPS_MAX = IE_TARGETS + 4 + LISTS_MAX, V9_SCOPES = 5 };

struct compiler {
    struct step steps[STEPS_MAX];
    uint8_t ranks[STEPS_MAX];
    uint32_t ids[STEPS_MAX];
    bool ip6_last; /* of the addresses of both families, IPv6's came later */
    size_t step_count;
    uint32_t offset, base; /* where the next value stands */
    uint32_t least;
};

static bool is_flags(unsigned target)
{
    return target == IE_FLAGS || target == IE_REVERSE_FLAGS;
}

/* A tunnel's record repeats elements, the outermost packet's first (RFC 7011 section 8). The
 * conversation is the innermost one: what tells who talks to whom is taken from the last. */
static bool is_innermost(unsigned target)
{
    return target <= IE_ICMP_CODE_V6 && !is_flags(target);
}

/* Where a step for this element goes: over a worse one, at the end, or nowhere. */
static size_t place(const struct compiler *c, struct ie ie, uint32_t id)
{
    size_t same = 0;
    for (size_t i = 0; i < c->step_count; i++) {
        if (c->steps[i].target != ie.target)
            continue;
        if (ie.target == IE_LIST) {
            same++;
        } else if (is_flags(ie.target)) {
            if (c->ids[i] == id)
                return i;
            same++;
        } else if (is_innermost(ie.target)) {
            return c->ranks[i] >= ie.rank ? i : STEPS_MAX;
        } else {
            return c->ranks[i] > ie.rank ? i : STEPS_MAX;
        }
    }
    /* Flags are or-ed: first and later packets' (CERT), at most three of them. */
    return same < (ie.target == IE_LIST ? LISTS_MAX : 3) ? c->step_count : STEPS_MAX;
}

static void add(struct compiler *c, struct ie ie, uint32_t id, uint32_t width)
{
    if (ie.target == IE_NONE || c->offset > UINT16_MAX)
        return;
    size_t at = place(c, ie, id);
    if (at >= STEPS_MAX)
        return;
    if (at == c->step_count)
        c->step_count++;
    bool variable = width == IE_VARIABLE;
    c->ranks[at] = ie.rank;
    c->ids[at] = id;
    if (ie.target == IE_SRC_V4 || ie.target == IE_SRC_V6)
        c->ip6_last = ie.target == IE_SRC_V6;
    c->steps[at] = (struct step){.target = ie.target,
                                 .form = ie.form,
                                 .rank = ie.rank,
                                 .width = variable || width > 16 ? 0 : (uint8_t)width,
                                 .text_width = variable ? 0 : (uint16_t)width,
                                 .base = (uint16_t)c->base,
                                 .offset = (uint16_t)c->offset};
}

static struct step *find(struct compiler *c, enum ie_target target)
{
    for (size_t i = 0; i < c->step_count; i++)
        if (c->steps[i].target == target)
            return &c->steps[i];
    return NULL;
}

/* NetFlow 9's 23 and 24: the opposite direction beside 1 and 2, else the counters. */
static bool settle_post(struct compiler *c)
{
    struct step *octets = find(c, IE_POST_OCTETS), *packets = find(c, IE_POST_PACKETS);
    bool forward = find(c, IE_OCTETS) || find(c, IE_PACKETS);
    bool reverse = find(c, IE_REVERSE_OCTETS) || find(c, IE_REVERSE_PACKETS);
    if (forward && reverse)
        return false;
    if (octets)
        octets->target = forward ? IE_REVERSE_OCTETS : IE_OCTETS;
    if (packets)
        packets->target = forward ? IE_REVERSE_PACKETS : IE_PACKETS;
    return forward && (octets || packets);
}

static enum reverse_kind reverse_of(struct compiler *c)
{
    bool post = settle_post(c);
    if (!find(c, IE_REVERSE_OCTETS) && !find(c, IE_REVERSE_PACKETS))
        return REVERSE_NONE;
    if (post)
        return REVERSE_POST;
    for (size_t i = 0; i < c->step_count; i++) {
        unsigned target = c->steps[i].target;
        bool reverse = target == IE_REVERSE_OCTETS || target == IE_REVERSE_PACKETS;
        if (reverse && c->ranks[i] == 0)
            return REVERSE_INITIATOR;
    }
    return REVERSE_BIFLOW;
}

static enum reason verdict(struct compiler *c, bool options)
{
    if (options)
        return REASON_not_a_flow;
    bool v4 = find(c, IE_SRC_V4) && find(c, IE_DST_V4);
    bool v6 = find(c, IE_SRC_V6) && find(c, IE_DST_V6);
    bool frame = find(c, IE_FRAME);
    if (!v4 && !v6 && !frame)
        return REASON_no_address;
    bool counter = find(c, IE_OCTETS) || find(c, IE_PACKETS) || find(c, IE_REVERSE_OCTETS) ||
                   find(c, IE_REVERSE_PACKETS);
    if (!counter && !frame && !find(c, IE_NAT_EVENT))
        return REASON_no_counter;
    return REASON_COUNT;
}

static struct template *finish(struct compiler *c, const uint16_t *gaps, size_t variables,
                               bool options)
{
    size_t gap_octets = (variables + 1) * sizeof(uint16_t);
    enum reverse_kind reverse = reverse_of(c);
    size_t octets = sizeof(struct template) + c->step_count * sizeof(struct step) + gap_octets;
    struct template *t = memory_alloc(octets);
    t->octets = (uint32_t)octets;
    t->options = options;
    t->ip6_last = c->ip6_last;
    t->reverse = (uint8_t)reverse;
    t->verdict = (uint8_t)verdict(c, options);
    t->least = (uint16_t)c->least;
    t->variables = (uint16_t)variables;
    t->step_count = (uint16_t)c->step_count;
    memcpy(t->steps, c->steps, c->step_count * sizeof(struct step));
    for (size_t i = c->step_count; i-- > 0;)
        t->step_of[c->steps[i].target] = (uint8_t)(i + 1);
    memcpy(&t->steps[t->step_count], gaps, gap_octets);
    return t;
}

/* One field specifier. Scope fields of NetFlow 9 have numbers of their own (RFC 3954 section 6.1).
 */
static struct ie element(struct cursor *c, bool scope, bool netflow9, uint32_t *ret_id,
                         uint32_t *width)
{
    uint32_t id = cursor_be16(c), pen = 0;
    *width = cursor_be16(c);
    if (!netflow9 && (id & 0x8000)) {
        id &= 0x7fff;
        pen = cursor_be32(c);
    }
    *ret_id = id;
    if (scope && netflow9 && id <= V9_SCOPES)
        return (struct ie){.target = IE_NONE};
    return ie_find(pen, id, *width, netflow9);
}

struct template *template_compile(struct bytes fields, size_t count, size_t scope, bool options,
                                  bool netflow9)
{
    struct compiler c = {0};
    size_t variables = 0;
    uint16_t *gaps = memory_array(count + 1, sizeof *gaps);
    struct cursor in = cursor_of(fields);
    for (size_t i = 0; i < count; i++) {
        uint32_t id, width;
        struct ie ie = element(&in, i < scope, netflow9, &id, &width);
        if (!netflow9 && width == IE_VARIABLE) {
            add(&c, ie, id, IE_VARIABLE);
            gaps[variables++] = (uint16_t)c.offset;
            c.base = (uint32_t)variables;
            c.offset = 0;
            c.least++;
        } else {
            if (width)
                add(&c, ie, id, width);
            c.offset += width;
            c.least += width;
        }
        if (c.least > UINT16_MAX)
            break;
    }
    gaps[variables] = (uint16_t)c.offset;
    struct template *t = NULL;
    if (!in.failed && c.least > 0 && c.least <= UINT16_MAX)
        t = finish(&c, gaps, variables, options);
    free(gaps);
    return t;
}
