/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/fragments.h"

#include "base/hash.h"
#include "base/memory.h"

/* Sets of four: the hash chooses the set, age chooses the victim. No list to keep, no tombstones.
 * The seed is fixed, as the same capture must give the same records; what crafted input can choose
 * with it is which fragments lose their ports. */
enum { WAYS = 4, SEED = 0x66726167 };
#define BELIEVED_NS (30u * UINT64_C(1000000000))

struct entry {
    struct ip src, dst;
    uint64_t seen_ns; /* 0: empty */
    uint32_t id;
    uint16_t src_port, dst_port;
    uint8_t protocol;
};

struct fragments {
    size_t set_mask;
    struct entry *entries;
};

struct fragments *fragments_new(size_t count_max)
{
    struct fragments *f = memory_alloc(sizeof *f);
    size_t sets = 1;
    while (sets * WAYS < count_max)
        sets *= 2;
    f->set_mask = sets - 1;
    f->entries = memory_array(sets * WAYS, sizeof *f->entries);
    return f;
}

void fragments_free(struct fragments *f)
{
    if (!f)
        return;
    free(f->entries);
    free(f);
}

static struct entry *set_of(const struct fragments *f, const struct packet *p)
{
    uint64_t h = hash_bytes(&p->src, sizeof p->src, SEED);
    h = hash_bytes(&p->dst, sizeof p->dst, h);
    h = hash_mix(h, (uint64_t)p->ip_id << 8 | p->protocol);
    return f->entries + (h & f->set_mask) * WAYS;
}

static bool is_of(const struct entry *e, const struct packet *p)
{
    return e->seen_ns && e->id == p->ip_id && e->protocol == p->protocol &&
           ip_equal(&e->src, &p->src) && ip_equal(&e->dst, &p->dst);
}

static void remember(struct entry *set, uint64_t time_ns, const struct packet *p)
{
    struct entry *to = set;
    for (struct entry *e = set; e < set + WAYS; e++) {
        if (is_of(e, p)) {
            to = e;
            break;
        }
        if (e->seen_ns < to->seen_ns)
            to = e;
    }
    *to = (struct entry){.src = p->src,
                         .dst = p->dst,
                         .seen_ns = time_ns ? time_ns : 1,
                         .id = p->ip_id,
                         .src_port = p->src_port,
                         .dst_port = p->dst_port,
                         .protocol = p->protocol};
}

bool fragments_apply(struct fragments *f, uint64_t time_ns, struct packet *p)
{
    if (!p->fragment)
        return false;
    struct entry *set = set_of(f, p);
    if (!p->fragment_later) {
        remember(set, time_ns, p);
        return false;
    }
    for (struct entry *e = set; e < set + WAYS; e++) {
        if (!is_of(e, p))
            continue;
        uint64_t age_ns = time_ns > e->seen_ns ? time_ns - e->seen_ns : e->seen_ns - time_ns;
        if (age_ns > BELIEVED_NS)
            return false;
        p->src_port = e->src_port;
        p->dst_port = e->dst_port;
        return true;
    }
    return false;
}
