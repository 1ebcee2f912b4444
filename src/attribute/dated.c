/* SPDX-License-Identifier: Apache-2.0 */
/* Each edition is a table of prefixes of its own, and one more of all of them together answers what
 * is asked most: that no list has the address. */
#include "attribute/dated.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lpm.h"
#include "base/memory.h"
#include "base/zone.h"

enum { PATH_ROOM = 4096, TOR_LIST_DAYS = 1 };

struct edition {
    struct cidrlist list;
    struct lpm *prefixes; /* value: index in list.at */
};

struct dated {
    uint32_t tor_age_max_s;
    struct tor_table *tor;
    struct edition *editions; /* by kind, slug, then date */
    struct cidrlist *shown;   /* the same as arrays of lists, for struct dated_list */
    size_t edition_count;
    struct dated_list *lists;
    char (*slugs)[LIST_SLUG_MAX];
    size_t list_count;
    struct lpm *any;
    char digest[2 * crypto_hash_sha256_BYTES + 1];
};

void dated_tor_path(const char *folder, char *path, size_t size)
{
    snprintf(path, size, "%s/tor.relays", folder);
}

void dated_list_path(const char *folder, const struct cidrlist *l, char *path, size_t size)
{
    char slug[LIST_SLUG_MAX], date[32];
    list_slug(l->label, slug);
    int year, month, day;
    day_to_date(l->day, &year, &month, &day);
    snprintf(date, sizeof date, "%04d-%02d-%02d", year, month, day);
    snprintf(path, size, "%s/%s.%s.%s.cidr", folder, list_kind_text(l->kind), slug, date);
}

static int is_list(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".cidr") == 0;
}

static int by_list(const void *a, const void *b)
{
    const struct edition *x = a, *y = b;
    char p[LIST_SLUG_MAX], q[LIST_SLUG_MAX];
    if (x->list.kind != y->list.kind)
        return x->list.kind < y->list.kind ? -1 : 1;
    list_slug(x->list.label, p);
    list_slug(y->list.label, q);
    int order = strcmp(p, q);
    return order ? order : (x->list.day > y->list.day) - (x->list.day < y->list.day);
}

static int load_lists(struct dated *d, const char *folder, struct error *err)
{
    struct dirent **names;
    char path[PATH_ROOM];
    int status = 0, count = scandir(folder, &names, is_list, alphasort);
    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, "%s", folder);
    d->editions = memory_array((size_t)count + 1, sizeof *d->editions);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (status == 0)
            status = cidrlist_load(path, &d->editions[d->edition_count].list, err);
        d->edition_count += status == 0;
        free(names[i]);
    }
    free(names);
    if (d->edition_count > 1)
        qsort(d->editions, d->edition_count, sizeof *d->editions, by_list);
    return status;
}

static void compile(struct dated *d)
{
    d->any = lpm_new();
    d->lists = memory_array(d->edition_count + 1, sizeof *d->lists);
    d->slugs = memory_array(d->edition_count + 1, sizeof *d->slugs);
    d->shown = memory_array(d->edition_count + 1, sizeof *d->shown);
    for (size_t i = 0; i < d->edition_count; i++) {
        struct edition *e = &d->editions[i];
        e->prefixes = lpm_new();
        for (size_t k = 0; k < e->list.count; k++) {
            lpm_add(e->prefixes, &e->list.at[k].prefix, (uint32_t)k);
            lpm_add(d->any, &e->list.at[k].prefix, 0);
        }
        lpm_seal(e->prefixes);
        d->shown[i] = e->list;
        char *slug = d->slugs[d->list_count];
        list_slug(e->list.label, slug);
        struct dated_list *last = d->list_count ? &d->lists[d->list_count - 1] : NULL;
        if (last && last->kind == e->list.kind && strcmp(last->slug, slug) == 0) {
            last->label = e->list.label; /* as its latest edition has it */
            last->edition_count++;
            continue;
        }
        d->lists[d->list_count++] = (struct dated_list){.kind = e->list.kind,
                                                        .label = e->list.label,
                                                        .slug = slug,
                                                        .editions = &d->shown[i],
                                                        .edition_count = 1};
    }
    lpm_seal(d->any);
}

/* Over what the answers rest on, so that one who has the digest can say that nothing changed. */
static void make_digest(struct dated *d)
{
    crypto_hash_sha256_state state;
    uint8_t octets[crypto_hash_sha256_BYTES];
    const struct tor_span *spans;
    const uint32_t *times;
    size_t span_count = tor_spans(d->tor, &spans);
    if (span_count == 0 && d->edition_count == 0)
        return;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < d->edition_count; i++) {
        const struct cidrlist *l = &d->editions[i].list;
        int32_t head[4] = {(int32_t)l->kind, (int32_t)l->owner, l->day, l->since};
        crypto_hash_sha256_update(&state, (const uint8_t *)head, sizeof head);
        crypto_hash_sha256_update(&state, (const uint8_t *)l->label, strlen(l->label) + 1);
        for (size_t k = 0; k < l->count; k++)
            crypto_hash_sha256_update(&state, (const uint8_t *)&l->at[k].prefix,
                                      sizeof l->at[k].prefix);
    }
    for (int t = 0; t < TOR_DOCUMENTS; t++) {
        size_t count = tor_times(d->tor, (enum tor_document)t, &times);
        if (count)
            crypto_hash_sha256_update(&state, (const uint8_t *)times, count * sizeof *times);
    }
    if (span_count)
        crypto_hash_sha256_update(&state, (const uint8_t *)spans, span_count * sizeof *spans);
    crypto_hash_sha256_final(&state, octets);
    sodium_bin2hex(d->digest, sizeof d->digest, octets, sizeof octets);
}

int dated_open(const char *folder, uint32_t tor_age_max_s, struct dated **ret, struct error *err)
{
    struct dated *d = memory_alloc(sizeof *d);
    char path[PATH_ROOM];
    d->tor_age_max_s = tor_age_max_s ? tor_age_max_s : TOR_AGE_DEFAULT_S;
    dated_tor_path(folder ? folder : "/dev/null", path, sizeof path);
    int status = folder ? load_lists(d, folder, err) : 0;
    compile(d);
    if (status == 0)
        status = tor_load(path, &d->tor, err);
    if (status) {
        dated_free(d);
        return status;
    }
    make_digest(d);
    *ret = d;
    return 0;
}

void dated_free(struct dated *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->edition_count; i++) {
        lpm_free(d->editions[i].prefixes);
        cidrlist_done(&d->editions[i].list);
    }
    tor_free(d->tor);
    lpm_free(d->any);
    free(d->editions);
    free(d->shown);
    free(d->lists);
    free(d->slugs);
    free(d);
}

size_t dated_lists(const struct dated *d, const struct dated_list **ret)
{
    *ret = d->lists;
    return d->list_count;
}

const struct tor_table *dated_tor(const struct dated *d)
{
    return d->tor;
}

uint32_t dated_tor_age_s(const struct dated *d)
{
    return d->tor_age_max_s;
}

const char *dated_digest(const struct dated *d)
{
    return d->digest;
}

bool dated_has(const struct dated *d, const struct ip *ip)
{
    return (d->edition_count && lpm_lookup(d->any, ip) != LPM_NONE) || tor_has_address(d->tor, ip);
}

/* Index of the edition in force, SIZE_MAX for none. Relays come and go: a plain list of them is
 * good for as long as a consensus is, in whole days. */
static size_t edition_at(const struct dated *d, const struct dated_list *list, int32_t day)
{
    size_t first = (size_t)(list->editions - d->shown), found = SIZE_MAX;
    for (size_t i = 0; i < list->edition_count; i++)
        if (list->editions[i].day <= day)
            found = first + i;
    if (found == SIZE_MAX && list->editions[0].since != CIDR_NO_DAY &&
        day >= list->editions[0].since)
        return first;
    int32_t age_max = (int32_t)(d->tor_age_max_s / 86400);
    age_max = age_max > TOR_LIST_DAYS ? age_max : TOR_LIST_DAYS;
    if (found != SIZE_MAX && list->kind == LIST_TOR && day - d->shown[found].day > age_max)
        return SIZE_MAX;
    return found;
}

static bool comes_before(const struct dated_hit *a, const struct dated_hit *b)
{
    if (a->list->kind != b->list->kind)
        return a->list->kind < b->list->kind;
    if (a->prefix.len_bits != b->prefix.len_bits)
        return a->prefix.len_bits > b->prefix.len_bits;
    return strcmp(a->list->slug, b->list->slug) < 0;
}

size_t dated_find(const struct dated *d, const struct ip *ip, int32_t day,
                  struct dated_hit ret[DATED_HITS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < d->list_count; i++) {
        size_t at = edition_at(d, &d->lists[i], day);
        uint32_t number = at == SIZE_MAX ? LPM_NONE : lpm_lookup(d->editions[at].prefixes, ip);
        if (number == LPM_NONE)
            continue;
        const struct cidrlist *l = &d->shown[at];
        struct dated_hit hit = {&d->lists[i], l, l->at[number].prefix, l->tags[l->at[number].tag]};
        if (count == DATED_HITS_MAX && !comes_before(&hit, &ret[count - 1]))
            continue;
        size_t place = count < DATED_HITS_MAX ? count++ : count - 1;
        for (; place > 0 && comes_before(&hit, &ret[place - 1]); place--)
            ret[place] = ret[place - 1];
        ret[place] = hit;
    }
    return count;
}
