/* SPDX-License-Identifier: Apache-2.0 */
/* AS names are written by thousands of hands: "UDEL-DCN", "Birzeit University", "PJSC Rostelecom".
 * They are folded to words in upper case, and each rule is a word, a phrase, or the beginning of a
 * word ("UNIV*") or a part of one ("*TELECOM*"). The first rule in the order of the files that fits
 * decides, so the narrow kinds (military, laboratory) stand before the wide ones (carrier). */
#include "attribute/owners.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attribute/names.h"
#include "base/lpm.h"
#include "base/memory.h"

struct asn_fact {
    uint32_t asn, fact;
};

/* "univ-*.fr" */
struct pattern {
    const char *start, *suffix;
    uint8_t start_len, suffix_len;
    uint32_t fact;
};

struct owners {
    const struct fact *facts;
    size_t count;
    struct lpm *prefixes;
    struct names *names;
    struct pattern *patterns;
    size_t pattern_count;
    struct asn_fact *by_asn; /* ascending by AS, the latest fact first */
    size_t asn_count;
    char (*words)[64]; /* folded, by index in `word_facts` */
    uint32_t *word_facts;
    size_t word_count;
};

/* " UDEL DCN " of "UDEL-DCN": one space between words and at both ends. Octets past ASCII stay. */
static void fold(const char *text, char *out, size_t size, bool keep_star)
{
    size_t len = 0;
    out[len++] = ' ';
    for (; *text && len + 2 < size; text++) {
        unsigned char c = (unsigned char)*text;
        bool part = isalnum(c) || c >= 0x80 || (keep_star && c == '*');
        if (part)
            out[len++] = (char)toupper(c);
        else if (out[len - 1] != ' ')
            out[len++] = ' ';
    }
    if (out[len - 1] != ' ')
        out[len++] = ' ';
    out[len] = 0;
}

static int by_asn(const void *left, const void *right)
{
    const struct asn_fact *a = left, *b = right;
    if (a->asn != b->asn)
        return a->asn < b->asn ? -1 : 1;
    return a->fact > b->fact ? -1 : 1;
}

static void add_word(struct owners *o, uint32_t fact)
{
    char folded[64];
    fold(o->facts[fact].text, folded, sizeof folded, true);
    char *star = strstr(folded + 2, "* ");
    if (star)
        *star = 0;
    bool inside = folded[1] == '*'; /* "*telecom": at the end of a word, or anywhere in one */
    memcpy(o->words[o->word_count], folded + (inside ? 2 : 0), sizeof folded - (inside ? 2 : 0));
    o->word_facts[o->word_count++] = fact;
}

static void add_pattern(struct owners *o, uint32_t fact)
{
    const char *text = o->facts[fact].text, *star = strchr(text, '*');
    o->patterns[o->pattern_count++] = (struct pattern){.start = text,
                                                       .suffix = star + 1,
                                                       .start_len = (uint8_t)(star - text),
                                                       .suffix_len = (uint8_t)strlen(star + 1),
                                                       .fact = fact};
}

struct owners *owners_new(const struct catalogue *c)
{
    struct owners *o = memory_alloc(sizeof *o);
    o->facts = catalogue_owner_facts(c, &o->count);
    o->prefixes = lpm_new();
    o->names = names_new();
    o->by_asn = memory_array(o->count + 1, sizeof *o->by_asn);
    o->patterns = memory_array(o->count + 1, sizeof *o->patterns);
    o->words = memory_array(o->count + 1, sizeof *o->words);
    o->word_facts = memory_array(o->count + 1, sizeof *o->word_facts);
    for (int own = 1; own >= 0; own--) /* a study's own words are asked first */
        for (uint32_t i = 0; i < o->count; i++)
            if (o->facts[i].kind == FACT_WORD && o->facts[i].own == own)
                add_word(o, i);
    for (uint32_t i = 0; i < o->count; i++) {
        const struct fact *f = &o->facts[i];
        if (f->kind == FACT_PREFIX)
            lpm_add(o->prefixes, &f->prefix, i);
        else if (f->kind == FACT_ASN)
            o->by_asn[o->asn_count++] = (struct asn_fact){f->asn, i};
        else if (f->kind == FACT_NAME && strchr(f->text, '*'))
            add_pattern(o, i);
        else if (f->kind == FACT_NAME || f->kind == FACT_EXACT)
            names_add(o->names, f->kind == FACT_NAME ? NAMES_SUFFIX : NAMES_EXACT, f->text,
                      strlen(f->text), i);
    }
    lpm_seal(o->prefixes);
    names_seal(o->names);
    qsort(o->by_asn, o->asn_count, sizeof *o->by_asn, by_asn);
    return o;
}

void owners_free(struct owners *o)
{
    if (!o)
        return;
    lpm_free(o->prefixes);
    names_free(o->names);
    free(o->patterns);
    free(o->by_asn);
    free(o->words);
    free(o->word_facts);
    free(o);
}

void owners_by_ip(const struct owners *o, const struct ip *ips, size_t count, uint32_t *facts)
{
    lpm_lookup_many(o->prefixes, ips, count, facts);
}

const struct lpm *owners_lpm(const struct owners *o)
{
    return o->prefixes;
}

const struct fact *owners_fact(const struct owners *o, uint32_t number)
{
    return &o->facts[number];
}

const struct fact *owners_by_asn(const struct owners *o, uint32_t asn)
{
    size_t low = 0, high = o->asn_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (o->by_asn[middle].asn < asn)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < o->asn_count && o->by_asn[low].asn == asn;
    return found ? &o->facts[o->by_asn[low].fact] : NULL;
}

const struct fact *owners_by_as_name(const struct owners *o, const char *as_name)
{
    char folded[512];
    fold(as_name, folded, sizeof folded, false);
    for (size_t i = 0; i < o->word_count; i++)
        if (strstr(folded, o->words[i]))
            return &o->facts[o->word_facts[i]];
    return NULL;
}

/* The last label before the suffix begins like the pattern. */
static bool pattern_fits(const struct pattern *p, const char *host, size_t len)
{
    if (len <= p->suffix_len || memcmp(host + len - p->suffix_len, p->suffix, p->suffix_len) != 0)
        return false;
    size_t end = len - p->suffix_len, start = end;
    while (start > 0 && host[start - 1] != '.')
        start--;
    return end - start > p->start_len && memcmp(host + start, p->start, p->start_len) == 0;
}

const struct fact *owners_by_host(const struct owners *o, const char *host, size_t len)
{
    uint32_t values[NAMES_MATCHES_MAX];
    if (names_find(o->names, host, len, values))
        return &o->facts[values[0]];
    for (size_t i = 0; i < o->pattern_count; i++)
        if (pattern_fits(&o->patterns[i], host, len))
            return &o->facts[o->patterns[i].fact];
    return NULL;
}
