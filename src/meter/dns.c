/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/dns.h"

#include "meter/name.h"
#include "wire/cursor.h"

enum {
    FLAG_RESPONSE = 0x8000,
    OPCODE_MASK = 0x7800,
    RCODE_MASK = 0x000f,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    CLASS_IN = 1,
    POINTERS_MAX = 64,
};

/* A domain name in its wire form, lower case and without pointers. */
struct domain {
    uint8_t len;
    uint8_t octets[255];
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool add_label(struct domain *d, struct bytes label)
{
    if (d->len + 1 + label.len > sizeof d->octets)
        return false;
    d->octets[d->len++] = (uint8_t)label.len;
    for (size_t i = 0; i < label.len; i++)
        d->octets[d->len++] = lower(label.at[i]);
    return true;
}

/* Reads a name at `c` within `message`. A pointer must go back to before where its own run of
 * labels began, so that no chain of them can turn in a circle. */
static bool read_domain(struct bytes message, struct cursor *c, struct domain *ret)
{
    struct cursor at = *c;
    size_t start = (size_t)(c->at - message.at);
    bool followed = false;
    ret->len = 0;
    for (int pointers = 0;;) {
        uint8_t len = cursor_u8(&at);
        if (len >= 0xc0) {
            size_t target = (size_t)(len & 0x3f) << 8 | cursor_u8(&at);
            if (at.failed || target >= start || ++pointers > POINTERS_MAX)
                return false;
            if (!followed)
                *c = at;
            followed = true;
            start = target;
            at = cursor_of(bytes_slice(message, target, SIZE_MAX));
            continue;
        }
        if (at.failed || len > 63)
            return false;
        struct bytes label = cursor_take(&at, len);
        if (at.failed || !add_label(ret, label))
            return false;
        if (len == 0)
            break;
    }
    if (!followed)
        *c = at;
    return true;
}

static bool domain_name(const struct domain *d, struct name *ret)
{
    uint8_t text[255];
    size_t len = 0;
    for (size_t at = 0; at < d->len && d->octets[at];) {
        size_t label = d->octets[at++];
        memcpy(text + len, d->octets + at, label);
        len += label;
        text[len++] = '.';
        at += label;
    }
    /* A ':' would be read as a port: the wire form allows any octet in a label. */
    return len && !memchr(text, ':', len) && name_set(ret, bytes_of(text, len - 1));
}

struct record {
    struct domain owner;
    uint16_t type, class;
    uint32_t ttl_s;
    struct cursor data;
};

static bool read_record(struct bytes message, struct cursor *c, struct record *ret)
{
    if (!read_domain(message, c, &ret->owner))
        return false;
    ret->type = cursor_be16(c);
    ret->class = cursor_be16(c);
    ret->ttl_s = cursor_be32(c);
    if (ret->ttl_s > INT32_MAX) /* RFC 2181 section 8 */
        ret->ttl_s = 0;
    ret->data = cursor_sub(c, cursor_be16(c));
    return !c->failed;
}

/* The names that the one asked for leads to. */
struct chain {
    size_t count;
    struct domain name[DNS_ALIASES_MAX + 1];
    uint32_t ttl_s[DNS_ALIASES_MAX + 1];
};

static int chain_find(const struct chain *chain, const struct domain *d)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->name[i].len == d->len && memcmp(chain->name[i].octets, d->octets, d->len) == 0)
            return (int)i;
    return -1;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* One pass over the answers for CNAMEs; true when one was added. */
static bool chain_grow(struct chain *chain, struct bytes message, struct cursor c, unsigned answers)
{
    struct record r;
    bool grown = false;
    for (; answers && read_record(message, &c, &r); answers--) {
        if (r.type != TYPE_CNAME || r.class != CLASS_IN || chain->count > DNS_ALIASES_MAX)
            continue;
        int from = chain_find(chain, &r.owner);
        struct domain *to = &chain->name[chain->count];
        if (from < 0 || !read_domain(message, &r.data, to) || chain_find(chain, to) >= 0)
            continue;
        chain->ttl_s[chain->count++] = least(chain->ttl_s[from], r.ttl_s);
        grown = true;
    }
    return grown;
}

static bool record_address(struct record *r, struct ip *ret)
{
    size_t len = cursor_left(&r->data);
    if (r->type == TYPE_A && len == 4)
        *ret = cursor_ip4(&r->data);
    else if (r->type == TYPE_AAAA && len == IP_OCTETS)
        *ret = cursor_ip6(&r->data);
    else
        return false;
    return true;
}

size_t dns_read(struct bytes message, uint64_t time_ms, const struct ip *client,
                struct sightings *seen)
{
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 2);
    uint16_t flags = cursor_be16(&c), questions = cursor_be16(&c), answers = cursor_be16(&c);
    cursor_skip(&c, 4);
    if (c.failed || !(flags & FLAG_RESPONSE) || (flags & (OPCODE_MASK | RCODE_MASK)) ||
        questions != 1 || answers == 0)
        return 0;
    struct chain chain;
    struct name asked;
    if (!read_domain(message, &c, &chain.name[0]) || !domain_name(&chain.name[0], &asked))
        return 0;
    uint16_t type = cursor_be16(&c), class = cursor_be16(&c);
    if (c.failed || class != CLASS_IN || (type != TYPE_A && type != TYPE_AAAA && type != 255))
        return 0;
    chain.count = 1;
    chain.ttl_s[0] = UINT32_MAX;
    /* Each pass adds at least one of at most DNS_ALIASES_MAX names. */
    while (chain_grow(&chain, message, c, answers))
        ;
    struct record r;
    struct ip ip;
    size_t found = 0;
    for (unsigned i = 0; i < answers && read_record(message, &c, &r); i++) {
        int at = r.class == CLASS_IN ? chain_find(&chain, &r.owner) : -1;
        if (at < 0 || !record_address(&r, &ip))
            continue;
        sightings_add(seen, time_ms, client, &ip, least(chain.ttl_s[at], r.ttl_s), asked.text,
                      asked.len);
        found++;
    }
    return found;
}
