/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/facts.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

void facts_done(struct facts *f, size_t *budget)
{
    *budget += f->count;
    free(f->slots);
    *f = (struct facts){0};
}

/* The slot of that fact, or the free one where it belongs. The table is never more than half full.
 */
static struct fact *find(const struct facts *f, enum fact_kind kind, uint64_t id)
{
    size_t at = (size_t)hash_mix(id, kind) & (f->room - 1);
    while (f->slots[at].kind && (f->slots[at].kind != kind || f->slots[at].id != id))
        at = (at + 1) & (f->room - 1);
    return &f->slots[at];
}

static void grow(struct facts *f)
{
    struct facts old = *f;
    f->room = old.room ? old.room * 2 : 8;
    f->slots = memory_array(f->room, sizeof *f->slots);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].kind)
            *find(f, old.slots[i].kind, old.slots[i].id) = old.slots[i];
    free(old.slots);
}

bool facts_set(struct facts *f, enum fact_kind kind, uint64_t id, uint32_t value, size_t *budget)
{
    struct fact *slot = f->room ? find(f, kind, id) : NULL;
    if (slot && slot->kind) {
        slot->value = value;
        return false;
    }
    if (*budget == 0)
        return false;
    --*budget;
    if (2 * (f->count + 1) > f->room)
        grow(f);
    *find(f, kind, id) = (struct fact){.id = id, .value = value, .kind = kind};
    f->count++;
    return true;
}

bool facts_get(const struct facts *f, enum fact_kind kind, uint64_t id, uint32_t *ret)
{
    if (!f->room)
        return false;
    const struct fact *slot = find(f, kind, id);
    if (!slot->kind)
        return false;
    *ret = slot->value;
    return true;
}

void facts_reset(struct facts *f, enum fact_kind kind, uint32_t value)
{
    for (size_t i = 0; i < f->room; i++)
        if (f->slots[i].kind == kind)
            f->slots[i].value = value;
}
