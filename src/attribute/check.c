/* SPDX-License-Identifier: Apache-2.0 */
/* Facts are compared where they can meet: the same text by sorting; a name with the names above it
 * and a prefix with those around it through the look-up tables; port ranges by their ports. What
 * one file alone shows (unknown keys and categories, reversed dates, bad ids) its reader refuses
 * before this, with file and line. */
#include "attribute/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute/names.h"
#include "base/lpm.h"
#include "base/memory.h"

enum { TEXT_SIZE = 1024, PORTS = 65536 };

struct checking {
    const struct catalogue *c;
    const struct fact *facts;
    size_t count;
    struct check_counts counts;
    void (*say)(void *, const struct check_finding *);
    void *context;
    const struct fact *told; /* with whom the range of ports being looked at met */
};

static const char *id_of(const struct checking *k, const struct fact *f)
{
    return catalogue_service_id(k->c, f->subject);
}

__attribute__((format(printf, 4, 5))) static void
tell(struct checking *k, bool contradiction, const struct fact *f, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ++*(contradiction ? &k->counts.contradictions : &k->counts.notes);
    if (k->say)
        k->say(k->context, &(struct check_finding){contradiction, f->file, f->line, text});
}

static bool overlap(const struct fact *a, const struct fact *b)
{
    return a->from_day <= b->to_day && b->from_day <= a->to_day;
}

/* --- the same text --- */

static bool is_exclusive(enum fact_kind kind)
{
    return kind == FACT_NAME || kind == FACT_EXACT || kind == FACT_BRAND || kind == FACT_HOST ||
           kind == FACT_LABEL || kind == FACT_WORD || kind == FACT_MARK || kind == FACT_MISSPELT;
}

static int by_text(const void *left, const void *right)
{
    const struct fact *a = *(const struct fact *const *)left;
    const struct fact *b = *(const struct fact *const *)right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int text = strcasecmp(a->text, b->text);
    if (text)
        return text;
    return a->own != b->own ? (int)a->own - (int)b->own : a < b ? -1 : a > b;
}

static void check_pair(struct checking *k, const struct fact *a, const struct fact *b)
{
    bool same_service = a->subject == b->subject;
    if (!overlap(a, b) || a->protocol != b->protocol || a->port_first != b->port_first)
        return;
    if (same_service && b->own)
        tell(k, false, b, "%s of %s is said already in %s:%u", b->text, id_of(k, b), a->file,
             a->line);
    else if (!same_service && a->own == b->own && is_exclusive(a->kind))
        tell(k, true, b, "%s is %s here and %s in %s:%u", b->text, id_of(k, b), id_of(k, a),
             a->file, a->line);
    else if (!same_service && b->own && !a->own)
        tell(k, false, b, "%s is %s here and %s in %s:%u: yours wins", b->text, id_of(k, b),
             id_of(k, a), a->file, a->line);
    else if (!same_service && b->own)
        tell(k, false, b, "%s is of %s too (%s:%u): conversations there are ambiguous", b->text,
             id_of(k, a), a->file, a->line);
}

static void check_texts(struct checking *k)
{
    const struct fact **sorted = memory_array(k->count + 1, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < k->count; i++)
        if (k->facts[i].kind != FACT_PORT && k->facts[i].kind != FACT_ON)
            sorted[count++] = &k->facts[i];
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 1; i < count; i++) /* each with those of the same text before it */
        for (size_t j = i; j-- > 0 && sorted[j]->kind == sorted[i]->kind &&
                           strcasecmp(sorted[j]->text, sorted[i]->text) == 0;)
            check_pair(k, sorted[j], sorted[i]);
    free(sorted);
}

/* --- ports --- */

static void claim_port(struct checking *k, const struct fact **taken, const struct fact *f,
                       unsigned port)
{
    const struct fact *other = taken[port];
    /* A range that meets another is told of once, at its first port there. */
    bool told = port > f->port_first && k->told == other;
    if (other && other->subject != f->subject && overlap(other, f) && !told) {
        k->told = other;
        if (other->own == f->own)
            tell(k, true, f, "port %u of %s is %s's in %s:%u", port, id_of(k, f), id_of(k, other),
                 other->file, other->line);
        else
            tell(k, false, f, "port %u of %s is %s's in %s:%u: yours wins", port, id_of(k, f),
                 id_of(k, other), other->file, other->line);
    }
    taken[port] = f;
}

static void check_ports(struct checking *k)
{
    static const uint8_t PROTOCOLS[] = {6, 17};
    const struct fact **taken = memory_array(PORTS, sizeof *taken);
    for (size_t p = 0; p < sizeof PROTOCOLS; p++) {
        memset(taken, 0, PORTS * sizeof *taken);
        for (size_t i = 0; i < k->count; i++) {
            const struct fact *f = &k->facts[i];
            k->told = NULL;
            if (f->kind == FACT_PORT && f->protocol == PROTOCOLS[p] && f->port_last)
                for (unsigned port = f->port_first; port <= f->port_last; port++)
                    claim_port(k, taken, f, port);
        }
    }
    free(taken);
}

/* --- names below names, prefixes within prefixes --- */

static void check_name_above(struct checking *k, const struct names *n, const struct fact *f)
{
    uint32_t values[NAMES_MATCHES_MAX];
    const char *dot = strchr(f->text, '.');
    if (!dot) {
        tell(k, false, f, "%s of %s is a whole top-level domain", f->text, id_of(k, f));
        return;
    }
    const char *above = f->kind == FACT_EXACT ? f->text : dot + 1;
    if (!names_find(n, above, strlen(above), values))
        return;
    const struct fact *over = &k->facts[values[0]];
    if (over->kind != FACT_NAME || over == f)
        return;
    if (over->subject == f->subject)
        tell(k, false, f, "%s of %s is within %s already (%s:%u)", f->text, id_of(k, f), over->text,
             over->file, over->line);
    else
        tell(k, false, f, "%s of %s is below %s of %s (%s:%u): yours wins there", f->text,
             id_of(k, f), over->text, id_of(k, over), over->file, over->line);
}

static void check_names(struct checking *k)
{
    struct names *n = names_new();
    for (size_t i = 0; i < k->count; i++)
        if (k->facts[i].kind == FACT_NAME)
            names_add(n, NAMES_SUFFIX, k->facts[i].text, strlen(k->facts[i].text), (uint32_t)i);
    names_seal(n);
    for (size_t i = 0; i < k->count; i++)
        if (k->facts[i].own && (k->facts[i].kind == FACT_NAME || k->facts[i].kind == FACT_EXACT))
            check_name_above(k, n, &k->facts[i]);
    names_free(n);
}

static void check_prefix_around(struct checking *k, const struct lpm *table, const struct fact *f)
{
    struct prefix around;
    uint32_t number;
    if (!lpm_find(table, &f->prefix.ip, &around, &number) || around.len_bits > f->prefix.len_bits ||
        &k->facts[number] == f)
        return;
    const struct fact *over = &k->facts[number];
    if (around.len_bits == f->prefix.len_bits)
        return; /* the same prefix: check_texts() */
    if (over->subject == f->subject)
        tell(k, false, f, "%s of %s is within %s already (%s:%u)", f->text, id_of(k, f), over->text,
             over->file, over->line);
    else
        tell(k, false, f, "%s of %s is within %s of %s (%s:%u): yours wins there", f->text,
             id_of(k, f), over->text, id_of(k, over), over->file, over->line);
}

static struct lpm *prefixes_of(const struct checking *k, bool own)
{
    struct lpm *l = lpm_new();
    for (size_t i = 0; i < k->count; i++)
        if (k->facts[i].kind == FACT_PREFIX && k->facts[i].own == own)
            lpm_add(l, &k->facts[i].prefix, (uint32_t)i);
    lpm_seal(l);
    return l;
}

static void check_prefixes(struct checking *k)
{
    struct lpm *built_in = prefixes_of(k, false);
    for (size_t i = 0; i < k->count; i++)
        if (k->facts[i].own && k->facts[i].kind == FACT_PREFIX)
            check_prefix_around(k, built_in, &k->facts[i]);
    lpm_free(built_in);
}

struct check_counts catalogue_check(const struct catalogue *c,
                                    void (*say)(void *context, const struct check_finding *f),
                                    void *context)
{
    struct checking k = {.c = c, .say = say, .context = context};
    k.facts = catalogue_facts(c, &k.count);
    check_texts(&k);
    check_ports(&k);
    check_names(&k);
    check_prefixes(&k);
    return k.counts;
}
