/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for every host name that the catalogue does not know, so most labels must fail quickly:
 * words and marks by a bit for their first three octets at every place of the label; misspellings
 * by length and by the set of letters, of which an edit changes at most two. */
#include "attribute/similar.h"

#include <stdlib.h>
#include <string.h>

#include "attribute/affixes.h"
#include "attribute/idn.h"
#include "base/memory.h"

enum { BITS = 1 << 15, HEADS = 1 << 10, TEXT_MAX = 63, PARTS_MAX = 2, TWO_EDITS_LEN = 8 };

struct like {
    const char *text;
    uint32_t fact;
    uint32_t letters;
    enum fact_kind kind;
    uint8_t len;
    bool at_start; /* "ebay*" */
};

struct similar {
    const struct fact *facts;
    struct like *likes; /* words and marks, then misspellings */
    size_t parts, count;
    uint32_t *scripts; /* marks in other scripts: facts, a study's own first */
    size_t script_count;
    uint64_t filter[BITS / 64]; /* by the first three octets of words and marks ... */
    uint32_t heads[HEADS];      /* ... and the first of those in `likes`, + 1 */
    uint32_t *next;             /* the next one, + 1 */
    uint64_t lengths;           /* of labels that may be misspellings */
    uint32_t first[TEXT_MAX + 1]
                  [2]; /* misspellings that a label of that length may be, from and to */
};

static uint32_t bit_of(const char *text)
{
    uint32_t three = (uint32_t)(unsigned char)text[0] << 16 |
                     (uint32_t)(unsigned char)text[1] << 8 | (unsigned char)text[2];
    return three * 2654435761u >> 17; /* 15 bits */
}

/* One bit for each letter; digits and hyphens share the others. */
static uint32_t letters_of(const char *text, size_t len)
{
    uint32_t set = 0;
    for (size_t i = 0; i < len; i++)
        set |= 1u << (text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' : 26 + (text[i] & 3));
    return set;
}

static unsigned edits_of(size_t len)
{
    return len >= TWO_EDITS_LEN ? 2 : 1;
}

/* A study's own first, then words before marks, the longest first; misspellings last, by length. */
static int by_rank(const void *left, const void *right, void *context)
{
    const struct like *a = left, *b = right;
    const struct fact *facts = context;
    bool a_edit = a->kind == FACT_MISSPELT, b_edit = b->kind == FACT_MISSPELT;
    if (a_edit != b_edit)
        return a_edit ? 1 : -1;
    if (a_edit && a->len != b->len)
        return a->len < b->len ? -1 : 1;
    if (facts[a->fact].own != facts[b->fact].own)
        return facts[a->fact].own ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind == FACT_WORD ? -1 : 1;
    return a->len != b->len ? (int)b->len - (int)a->len : strcmp(a->text, b->text);
}

static void add_like(struct similar *s, const struct fact *f, uint32_t number)
{
    size_t len = strlen(f->text);
    bool star = f->text[len - 1] == '*';
    len -= star;
    s->likes[s->count++] = (struct like){.text = f->text,
                                         .fact = number,
                                         .letters = letters_of(f->text, len),
                                         .kind = f->kind,
                                         .len = (uint8_t)len,
                                         .at_start = star};
    if (f->kind == FACT_MISSPELT)
        return;
    s->parts++;
}

static void index_parts(struct similar *s)
{
    s->next = memory_array(s->parts + 1, sizeof *s->next);
    for (uint32_t i = 0; i < s->parts; i++) {
        uint32_t bit = bit_of(s->likes[i].text);
        s->filter[bit / 64] |= 1ull << bit % 64;
        s->next[i] = s->heads[bit % HEADS];
        s->heads[bit % HEADS] = i + 1;
    }
}

static void index_lengths(struct similar *s)
{
    for (size_t len = 1; len <= TEXT_MAX; len++) {
        size_t from = s->count, to = s->parts;
        for (size_t i = s->parts; i < s->count; i++) {
            size_t apart = s->likes[i].len > len ? s->likes[i].len - len : len - s->likes[i].len;
            if (apart > edits_of(s->likes[i].len))
                continue;
            from = i < from ? i : from;
            to = i + 1;
        }
        if (from < to)
            s->lengths |= 1ull << len;
        s->first[len][0] = (uint32_t)from;
        s->first[len][1] = (uint32_t)to;
    }
}

static bool in_other_script(const struct fact *f)
{
    return f->kind == FACT_MARK && (unsigned char)f->text[0] >= 0x80;
}

struct similar *similar_new(const struct fact *facts, size_t count)
{
    struct similar *s = memory_alloc(sizeof *s);
    s->facts = facts;
    s->likes = memory_array(count + 1, sizeof *s->likes);
    s->scripts = memory_array(count + 1, sizeof *s->scripts);
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < count; i++)
            if (in_other_script(&facts[i]) && facts[i].own == own)
                s->scripts[s->script_count++] = (uint32_t)i;
    for (size_t i = 0; i < count; i++) {
        if (in_other_script(&facts[i]))
            continue;
        if (facts[i].kind == FACT_MISSPELT || facts[i].kind == FACT_WORD ||
            facts[i].kind == FACT_MARK)
            add_like(s, &facts[i], (uint32_t)i);
    }
    qsort_r(s->likes, s->count, sizeof *s->likes, by_rank, (void *)facts);
    index_parts(s);
    index_lengths(s);
    return s;
}

void similar_free(struct similar *s)
{
    if (!s)
        return;
    free(s->likes);
    free(s->scripts);
    free(s->next);
    free(s);
}

unsigned similar_distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned limit)
{
    uint8_t rows[3][TEXT_MAX + 2]; /* two rows back, one back, this one */
    if (a_len > TEXT_MAX || b_len > TEXT_MAX ||
        (a_len > b_len ? a_len - b_len : b_len - a_len) > limit)
        return limit + 1;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a_len; i++) {
        uint8_t *now = rows[i % 3], *back = rows[(i + 2) % 3], *back2 = rows[(i + 1) % 3];
        uint8_t best = now[0] = (uint8_t)i;
        for (size_t j = 1; j <= b_len; j++) {
            uint8_t cost = (uint8_t)(back[j - 1] + (a[i - 1] != b[j - 1]));
            cost = back[j] + 1 < cost ? (uint8_t)(back[j] + 1) : cost;
            cost = now[j - 1] + 1 < cost ? (uint8_t)(now[j - 1] + 1) : cost;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                back2[j - 2] + 1 < cost)
                cost = (uint8_t)(back2[j - 2] + 1);
            now[j] = cost;
            best = cost < best ? cost : best;
        }
        if (best > limit)
            return limit + 1;
    }
    return rows[a_len % 3][b_len] <= limit ? rows[a_len % 3][b_len] : limit + 1;
}

/* Whether the word or mark stands at that place of the label. */
static bool fits_at(const struct like *l, const char *label, size_t len, size_t at)
{
    if (at + l->len > len || memcmp(label + at, l->text, l->len) != 0)
        return false;
    size_t end = at + l->len;
    if (l->kind == FACT_MARK)
        return affix_neutral(label, at, end == len ? PARTS_MAX : 1) &&
               affix_neutral(label + end, len - end, PARTS_MAX);
    return !l->at_start || at == 0;
}

static bool in_force(const struct fact *f, int32_t day)
{
    return day >= f->from_day && day <= f->to_day;
}

/* The best of all that stand anywhere in the label: the order of `likes` is that of rank. */
static const struct fact *by_part(const struct similar *s, const char *label, size_t len,
                                  int32_t day)
{
    uint32_t best = UINT32_MAX;
    for (size_t at = 0; at + 3 <= len; at++) {
        uint32_t bit = bit_of(label + at);
        if (!(s->filter[bit / 64] >> bit % 64 & 1))
            continue;
        for (uint32_t n = s->heads[bit % HEADS]; n; n = s->next[n - 1])
            if (n - 1 < best && fits_at(&s->likes[n - 1], label, len, at) &&
                in_force(&s->facts[s->likes[n - 1].fact], day))
                best = n - 1;
    }
    return best != UINT32_MAX ? &s->facts[s->likes[best].fact] : NULL;
}

/* The nearest, and of those as near a study's own. */
static const struct fact *by_edits(const struct similar *s, const char *label, size_t len,
                                   int32_t day)
{
    const struct fact *found = NULL;
    if (len > TEXT_MAX || !(s->lengths >> len & 1))
        return NULL;
    uint32_t letters = letters_of(label, len);
    unsigned nearest = UINT8_MAX;
    for (size_t i = s->first[len][0]; i < s->first[len][1]; i++) {
        const struct like *l = &s->likes[i];
        unsigned limit = edits_of(l->len);
        if ((unsigned)__builtin_popcount(letters ^ l->letters) > 2 * limit)
            continue;
        unsigned edits = similar_distance(label, len, l->text, l->len, limit);
        const struct fact *f = &s->facts[l->fact];
        if (edits <= limit && in_force(f, day) &&
            (edits < nearest || (edits == nearest && f->own && !found->own)))
            found = f, nearest = edits;
    }
    return found;
}

/* "paypa1-login": what stands between hyphens may be a mark misspelt. */
static const struct fact *by_edits_of_parts(const struct similar *s, const char *label, size_t len,
                                            int32_t day)
{
    const struct fact *f = NULL;
    for (size_t from = 0; from < len && !f;) {
        const char *hyphen = memchr(label + from, '-', len - from);
        size_t part = hyphen ? (size_t)(hyphen - label) - from : len - from;
        f = part < len ? by_edits(s, label + from, part, day) : NULL;
        from += part + 1;
    }
    return f;
}

static const struct fact *by_latin(const struct similar *s, const char *label, size_t len,
                                   int32_t day)
{
    const struct fact *f = by_part(s, label, len, day);
    if (!f)
        f = by_edits(s, label, len, day);
    return f ? f : by_edits_of_parts(s, label, len, day);
}

/* A mark in its own script anywhere in the label, or letters that look like a Latin one's. */
static const struct fact *by_script(const struct similar *s, const char *label, size_t len,
                                    int32_t day)
{
    char text[IDN_TEXT_MAX], latin[IDN_TEXT_MAX];
    size_t text_len = idn_decode(label, len, text);
    if (!text_len)
        return NULL;
    for (size_t i = 0; i < s->script_count; i++) {
        const struct fact *f = &s->facts[s->scripts[i]];
        if (in_force(f, day) && memmem(text, text_len, f->text, strlen(f->text)))
            return f;
    }
    size_t latin_len = idn_skeleton(text, text_len, latin);
    return latin_len ? by_latin(s, latin, latin_len, day) : NULL;
}

const struct fact *similar_find(const struct similar *s, const char *label, size_t len, int32_t day)
{
    return len > 4 && memcmp(label, "xn--", 4) == 0 ? by_script(s, label, len, day)
                                                    : by_latin(s, label, len, day);
}
