/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sampling.h"

#include <string.h>

#include "decode/decoder.h"

static uint64_t number(const struct records *r, const struct template *t, enum ie_target target,
                       size_t i)
{
    const struct step *s = template_step(t, target);
    return s ? records_number(r, s, i) : 0;
}

static uint32_t rounded(double interval)
{
    if (!(interval >= 1)) /* also for what is no number */
        return 0;
    return interval < (double)UINT32_MAX ? (uint32_t)(interval + 0.5) : 0;
}

/* samplingProbability (311), a float of 4 or 8 octets. */
static uint32_t from_probability(const struct records *r, const struct template *t, size_t i)
{
    const struct step *s = template_step(t, IE_PROBABILITY);
    if (!s || (s->width != 4 && s->width != 8))
        return 0;
    uint64_t bits = records_number(r, s, i);
    double p;
    if (s->width == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &bits32, sizeof narrow);
        p = (double)narrow;
    } else {
        memcpy(&p, &bits, sizeof p);
    }
    return p > 0 ? rounded(1 / p) : 0;
}

static bool tells(const struct template *t)
{
    return t->step_of[IE_INTERVAL] || t->step_of[IE_PACKET_INTERVAL] ||
           t->step_of[IE_SAMPLING_POPULATION] || t->step_of[IE_PROBABILITY];
}

/* The interval that the record itself gives; 0 when it gives none. */
static uint32_t own_interval(const struct records *r, const struct template *t, size_t i)
{
    uint64_t interval = number(r, t, IE_INTERVAL, i);
    if (interval)
        return interval <= UINT32_MAX ? (uint32_t)interval : 0;
    /* RFC 5477 section 8.2.2: `taken` packets in a row, then `space` that are not. Alone, as some
     * routers give it, the first is an interval. */
    uint64_t taken = number(r, t, IE_PACKET_INTERVAL, i);
    if (taken && t->step_of[IE_PACKET_SPACE])
        return rounded(((double)taken + (double)number(r, t, IE_PACKET_SPACE, i)) / (double)taken);
    if (taken)
        return taken <= UINT32_MAX ? (uint32_t)taken : 0;
    uint64_t size = number(r, t, IE_SAMPLING_SIZE, i);
    if (size)
        return rounded((double)number(r, t, IE_SAMPLING_POPULATION, i) / (double)size);
    return from_probability(r, t, i);
}

/* Whose options hold: its own, or those of its kin on another port. */
static const struct exporter *teller(const struct message *m)
{
    if (m->e->sampling || m->e->sampler_count)
        return m->e;
    const struct exporter *kin = exporter_kin(m->d->exporters, m->e, NULL);
    return kin ? kin : m->e;
}

static uint32_t untold(const struct message *m)
{
    return m->d->setting.sampling ? m->d->setting.sampling : 1;
}

static uint32_t of_sampler(const struct message *m, const struct exporter *e, uint64_t id)
{
    uint32_t interval;
    if (facts_get(&e->facts, FACT_SAMPLER, id, &interval))
        return interval;
    if (e->sampling)
        return e->sampling;
    return id == 0 && e->sampler_count ? 1 : untold(m); /* 0: the packet met no sampler */
}

static uint32_t of_exporter(const struct message *m, const struct exporter *e)
{
    if (m->sampling)
        return m->sampling;
    if (e->sampling)
        return e->sampling;
    return e->sampler_count == 1 ? e->sampler_interval : untold(m);
}

static void cover(const struct message *m, const uint32_t *intervals, size_t count)
{
    uint32_t least = intervals[0], most = intervals[0];
    for (size_t i = 1; i < count; i++) {
        least = intervals[i] < least ? intervals[i] : least;
        most = intervals[i] > most ? intervals[i] : most;
    }
    message_sampling(m, least);
    if (most != least)
        message_sampling(m, most);
}

void sampling_write(struct message *m, const struct records *r, const struct template *t,
                    size_t count, size_t row)
{
    uint32_t *to = batch_sampling(m->out) + row;
    const struct exporter *e = teller(m);
    const struct step *sampler = template_step(t, IE_SAMPLER);
    const uint32_t common = of_exporter(m, e);
    for (size_t i = 0; i < count; i++)
        to[i] = common;
    if (sampler && !m->sampling)
        for (size_t i = 0; i < count; i++)
            to[i] = of_sampler(m, e, records_number(r, sampler, i));
    if (tells(t)) {
        for (size_t i = 0; i < count; i++) {
            uint32_t own = own_interval(r, t, i);
            to[i] = own ? own : to[i];
        }
    }
    cover(m, to, count);
}

void sampling_note(struct message *m, const struct records *r, const struct template *t, size_t i)
{
    uint32_t interval = tells(t) ? own_interval(r, t, i) : 0;
    if (!interval)
        return;
    struct exporter *e = m->e;
    const struct step *sampler = template_step(t, IE_SAMPLER);
    if (!sampler) {
        e->sampling = interval;
        return;
    }
    e->sampler_interval = interval;
    if (facts_set(&e->facts, FACT_SAMPLER, records_number(r, sampler, i), interval,
                  &m->d->facts_left))
        e->sampler_count++;
}
