/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate.h"

#include <sys/random.h>

#include "base/hash.h"
#include "base/memory.h"

enum { PLACES = 8 }; /* where a sender may stand */

struct gate {
    const struct lpm *allowed;
    double rate;
    struct sender *senders;
    size_t mask;
    uint64_t seed;
    struct gate_counts counts;
};

struct gate *gate_new(const struct lpm *allowed, double rate, size_t senders_max)
{
    struct gate *g = memory_alloc(sizeof *g);
    size_t size = PLACES * 2;
    while (size < senders_max)
        size *= 2;
    g->allowed = allowed;
    g->rate = rate;
    g->senders = memory_array(size, sizeof *g->senders);
    g->mask = size - 1;
    if (getrandom(&g->seed, sizeof g->seed, GRND_NONBLOCK) != sizeof g->seed)
        g->seed = (uintptr_t)g;
    return g;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    free(g->senders);
    free(g);
}

void gate_allow(struct gate *g, const struct lpm *allowed)
{
    g->allowed = allowed;
}

/* Who has sent nothing that could be read goes first, then who was silent longest. */
static bool goes_before(const struct sender *a, const struct sender *b)
{
    if (!a->used || !b->used)
        return !a->used && b->used;
    if ((a->records == 0) != (b->records == 0))
        return a->records == 0;
    return a->last_ms < b->last_ms;
}

struct sender *gate_find(struct gate *g, const struct ip *ip)
{
    uint64_t at = hash_bytes(ip, sizeof *ip, g->seed);
    for (unsigned i = 0; i < PLACES; i++) {
        struct sender *s = &g->senders[(at + i) & g->mask];
        if (s->used && ip_equal(&s->ip, ip))
            return s;
    }
    return NULL;
}

static struct sender *find(struct gate *g, const struct ip *ip)
{
    uint64_t at = hash_bytes(ip, sizeof *ip, g->seed);
    struct sender *least = NULL;
    for (unsigned i = 0; i < PLACES; i++) {
        struct sender *s = &g->senders[(at + i) & g->mask];
        if (s->used && ip_equal(&s->ip, ip))
            return s;
        if (!least || goes_before(s, least))
            least = s;
    }
    g->counts.forgotten += least->used;
    *least = (struct sender){
        .ip = *ip, .tokens = g->rate, .behind_min_s = INT64_MAX, .behind_max_s = INT64_MIN};
    return least;
}

struct sender *gate_pass(struct gate *g, const struct ip *ip, size_t octets, uint64_t now_ms)
{
    uint32_t value;
    if (g->allowed) {
        lpm_lookup_many(g->allowed, ip, 1, &value);
        if (value == LPM_NONE) {
            g->counts.strangers++;
            return NULL;
        }
    }
    struct sender *s = find(g, ip);
    if (!s->used) {
        s->used = true;
        s->first_ms = s->last_ms = now_ms;
    }
    if (g->rate > 0) {
        double more = now_ms > s->last_ms ? (double)(now_ms - s->last_ms) / 1000 * g->rate : 0;
        s->tokens = s->tokens + more > g->rate ? g->rate : s->tokens + more;
    }
    s->last_ms = now_ms > s->last_ms ? now_ms : s->last_ms;
    if (g->rate > 0 && s->tokens < 1) {
        s->limited++;
        g->counts.limited++;
        return NULL;
    }
    s->tokens -= 1;
    s->datagrams++;
    s->octets += octets;
    return s;
}

struct gate_counts gate_counts(const struct gate *g)
{
    return g->counts;
}

size_t gate_senders(const struct gate *g, const struct sender **ret, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i <= g->mask; i++)
        if (g->senders[i].used) {
            if (count < room)
                ret[count] = &g->senders[i];
            count++;
        }
    return count;
}
