/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive two-way queues for what must be dropped oldest first. */
#ifndef TELLTALE_DECODE_QUEUE_H
#define TELLTALE_DECODE_QUEUE_H

#include <stddef.h>

struct queue_link {
    struct queue_link *older, *younger;
};

struct queue {
    struct queue_link ends; /* ends.younger is the oldest, ends.older the youngest */
    size_t count;
};

static inline void queue_init(struct queue *q)
{
    q->ends.older = q->ends.younger = &q->ends;
    q->count = 0;
}

static inline void queue_push(struct queue *q, struct queue_link *l)
{
    l->older = q->ends.older;
    l->younger = &q->ends;
    l->older->younger = l;
    q->ends.older = l;
    q->count++;
}

static inline void queue_remove(struct queue *q, struct queue_link *l)
{
    l->older->younger = l->younger;
    l->younger->older = l->older;
    q->count--;
}

static inline void queue_renew(struct queue *q, struct queue_link *l)
{
    if (q->ends.older == l)
        return;
    queue_remove(q, l);
    queue_push(q, l);
}

static inline struct queue_link *queue_oldest(struct queue *q)
{
    return q->ends.younger == &q->ends ? NULL : q->ends.younger;
}

#define QUEUE_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#endif
