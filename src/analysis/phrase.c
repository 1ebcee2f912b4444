/* SPDX-License-Identifier: Apache-2.0 */
/* A value is printed once for every language, by its kind, and noted beside the text: the linter
 * (tests/lint_findings.py) takes what is noted out of a text and allows no digit in what is left.
 */
#include "analysis/phrase.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"

enum { PARTS_MAX = 160, NAME_MAX_OCTETS = 160, TEXT_LIMIT = 1 << 20 };

const char *const language_codes[LANGUAGES] = {"en", "ja"};

static const char *const templates[MESSAGES][LANGUAGES] = {
#define MESSAGE(id, en, ja) {en, ja},
#include "analysis/messages.def"
#undef MESSAGE
};

static const char *const known[][LANGUAGES] = {
#define WORD(en, ja) {en, ja},
#include "analysis/glossary.def"
#undef WORD
};

static const struct {
    char code[3];
    const char *name;
} countries_ja[] = {
#define COUNTRY(code, name) {code, name},
#include "analysis/countries_ja.def"
#undef COUNTRY
};

struct phrase_part {
    enum word_kind kind;
    bool bare;
    double value;
    struct estimate estimate;
    const char *text[LANGUAGES];
};

struct word word_count(double n)
{
    return (struct word){.kind = WORD_COUNT, .value = n};
}

struct word word_part(double share)
{
    return (struct word){.kind = WORD_PART, .value = share};
}

struct word word_figure(double x)
{
    return (struct word){.kind = WORD_FIGURE, .value = x};
}

struct word word_setting(double x)
{
    return (struct word){.kind = WORD_SETTING, .value = x};
}

struct word word_percent(double share)
{
    return (struct word){.kind = WORD_PERCENT, .value = share};
}

struct word word_bound(double share)
{
    return (struct word){.kind = WORD_BOUND, .value = share};
}

struct word word_share(const json_t *estimate)
{
    return (struct word){.kind = WORD_SHARE, .estimate = estimate};
}

struct word word_mean(const json_t *estimate)
{
    return (struct word){.kind = WORD_MEAN, .estimate = estimate};
}

struct word word_change(const json_t *log_ratio)
{
    return (struct word){.kind = WORD_CHANGE, .estimate = log_ratio};
}

struct word word_bare(struct word w)
{
    w.bare = true;
    return w;
}

struct word word_p(double p)
{
    return (struct word){.kind = WORD_P, .value = p};
}

struct word word_date(const char *date)
{
    return (struct word){.kind = WORD_DATE, .text = date};
}

struct word word_hour(double hour)
{
    return (struct word){.kind = WORD_HOUR, .value = hour};
}

struct word word_offset(double minutes)
{
    return (struct word){.kind = WORD_OFFSET, .value = minutes};
}

struct word word_duration(double s)
{
    return (struct word){.kind = WORD_DURATION, .value = s};
}

struct word word_name(const char *text)
{
    return (struct word){.kind = WORD_NAME, .text = text ? text : ""};
}

struct word word_known(const char *english)
{
    return (struct word){.kind = WORD_KNOWN, .text = english ? english : ""};
}

struct word word_country(const char *code)
{
    return (struct word){.kind = WORD_COUNTRY, .text = code ? code : ""};
}

struct word word_flag(bool set)
{
    return (struct word){.kind = WORD_FLAG, .value = set};
}

struct word word_phrase(struct phrase p)
{
    return (struct word){.kind = WORD_PHRASE, .phrase = p};
}

/* --- values as text --- */

static void put_count(struct buf *b, double x)
{
    char digits[400];
    int len = snprintf(digits, sizeof(digits), "%.0f", x);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            buf_u8(b, ',');
        buf_u8(b, (uint8_t)digits[i]);
    }
}

static void put_figure(struct buf *b, double x)
{
    char text[64];
    if (fabs(x) >= 999.5) {
        put_count(b, x);
        return;
    }
    /* Three digits, and no exponent: 0.0000123, not 1.23e-05. */
    int places = x == 0 || !isfinite(x) ? 0 : 2 - (int)floor(log10(fabs(x)));
    snprintf(text, sizeof(text), "%.*f", places < 0 ? 0 : places > 12 ? 12 : places, x);
    if (strchr(text, '.'))
        for (size_t n = strlen(text); text[n - 1] == '0' || text[n - 1] == '.';) {
            bool point = text[n - 1] == '.';
            text[--n] = 0;
            if (point)
                break;
        }
    buf_text(b, text);
}

/* One decimal; below 1% two significant digits, so that a small share does not become 0.0%. */
static void put_percent(struct buf *b, double x)
{
    double p = x * 100;
    if (p == 0)
        buf_text(b, "0%");
    else if (fabs(p) < 0.001)
        buf_text(b, p < 0 ? "-0.001%" : "0.001%");
    else if (fabs(p) < 0.0995)
        buf_format(b, "%.*f%%", fabs(p) < 0.00995 ? 4 : 3, p);
    else
        buf_format(b, fabs(p) < 0.995 ? "%.2f%%" : "%.1f%%", p);
}

static void put_change(struct buf *b, double log_ratio)
{
    double p = expm1(log_ratio);
    if (p > 0)
        buf_u8(b, '+');
    put_percent(b, p);
}

static void put_p(struct buf *b, double p)
{
    if (p < 0.0001)
        buf_text(b, "p < 0.0001");
    else
        buf_format(b, "p = %.*f", p < 0.001 ? 4 : p < 0.1 ? 3 : 2, p);
}

typedef void putter(struct buf *b, double x);

static void put_interval(struct buf *b, const struct estimate *e, putter *put, enum language l)
{
    static const char *const open[][LANGUAGES] = {{" (%.0f%% interval ", "（%.0f%%信頼区間"},
                                                  {" (%.0f%% bound: at least ", "（%.0f%%の下限 "},
                                                  {" (%.0f%% bound: at most ", "（%.0f%%の上限 "}};
    bool low = isfinite(e->low), high = isfinite(e->high);
    const char *const between = l == LANGUAGE_JA ? "〜" : " to ";
    char text[64];
    if (!low && !high) {
        buf_text(b, l == LANGUAGE_JA ? "（区間は定まらない）" : " (the data set no interval)");
        return;
    }
    snprintf(text, sizeof(text), open[low && high ? 0 : low ? 1 : 2][l], 100 * e->level);
    buf_text(b, text);
    if (low)
        put(b, e->low);
    if (low && high)
        buf_text(b, between);
    if (high)
        put(b, e->high);
    buf_text(b, l == LANGUAGE_JA ? "）" : ")");
}

/* "2017-05-17", or "2017-05-17T21:00:00.000Z" with its time. */
static void put_date(struct buf *b, const char *text, enum language l)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    int year, month, day, hour, minute;
    int n = sscanf(text, "%4d-%2d-%2dT%2d:%2d", &year, &month, &day, &hour, &minute);
    if (n < 3 || month < 1 || month > 12) {
        buf_text(b, text);
        return;
    }
    if (l == LANGUAGE_JA)
        buf_format(b, "%d年%d月%d日", year, month, day);
    else
        buf_format(b, "%d %s %d", day, months[month - 1], year);
    if (n == 5)
        buf_format(b, l == LANGUAGE_JA ? " %02d:%02d（UTC）" : " %02d:%02d UTC", hour, minute);
}

static void put_hour(struct buf *b, double hour)
{
    int minutes = (int)lround(hour * 60);
    buf_format(b, "%02d:%02d", minutes / 60, minutes % 60);
}

static void put_duration(struct buf *b, double s, enum language l)
{
    static const struct {
        double below, unit;
        const char *name[LANGUAGES];
    } units[] = {{120, 1, {" seconds", "秒"}},
                 {7200, 60, {" minutes", "分"}},
                 {172800, 3600, {" hours", "時間"}},
                 {INFINITY, 86400, {" days", "日"}}};
    size_t i = 0;
    while (s >= units[i].below)
        i++;
    put_figure(b, i < 2 ? round(s / units[i].unit) : round(s / units[i].unit * 10) / 10);
    buf_text(b, units[i].name[l]);
}

/* A name from the telemetry can be 64 kB; a sentence holds its beginning. */
static void put_name(struct buf *b, const char *text)
{
    size_t len = strlen(text), cut = NAME_MAX_OCTETS;
    if (len <= cut) {
        buf_text(b, text);
        return;
    }
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    buf_add(b, text, cut);
    buf_text(b, "…");
}

static const char *known_text(const char *english, enum language l)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i][LANGUAGE_EN], english) == 0)
            return known[i][l];
    return english;
}

static const char *country_said(const char *code, enum language l)
{
    if (strlen(code) != 2)
        return code;
    for (size_t i = 0; l == LANGUAGE_JA && i < sizeof(countries_ja) / sizeof(countries_ja[0]); i++)
        if (strcmp(countries_ja[i].code, code) == 0)
            return countries_ja[i].name;
    const char *name = country_name(country_code(code));
    return name[0] ? name : code;
}

static struct estimate estimate_of(const json_t *j)
{
    const json_t *low = json_object_get(j, "low"), *high = json_object_get(j, "high");
    const json_t *level = json_object_get(j, "level");
    return (struct estimate){
        .value = json_number_value(json_object_get(j, "value")),
        .low = json_is_number(low) ? json_number_value(low) : NAN,
        .high = json_is_number(high) ? json_number_value(high) : NAN,
        .level = json_is_number(level) ? json_number_value(level) : LEVEL,
    };
}

static void put_word(struct buf *b, const struct word *w, enum language l)
{
    putter *put = w->kind == WORD_SHARE  ? put_percent
                  : w->kind == WORD_MEAN ? put_figure
                                         : put_change;
    struct estimate e;
    switch (w->kind) {
    case WORD_COUNT:
        put_count(b, w->value);
        break;
    case WORD_PART:
    case WORD_BOUND:
        put_percent(b, w->value);
        break;
    case WORD_PERCENT:
        put_figure(b, 100 * w->value);
        buf_u8(b, '%');
        break;
    case WORD_FIGURE:
    case WORD_SETTING:
        put_figure(b, w->value);
        break;
    case WORD_SHARE:
    case WORD_MEAN:
    case WORD_CHANGE:
        e = estimate_of(w->estimate);
        put(b, e.value);
        if (!w->bare)
            put_interval(b, &e, put, l);
        break;
    case WORD_P:
        put_p(b, w->value);
        break;
    case WORD_DATE:
        put_date(b, w->text, l);
        break;
    case WORD_HOUR:
        put_hour(b, w->value);
        break;
    case WORD_OFFSET:
        buf_format(b, "UTC%c", w->value < 0 ? '-' : '+');
        put_hour(b, fabs(w->value) / 60);
        break;
    case WORD_DURATION:
        put_duration(b, w->value, l);
        break;
    case WORD_NAME:
        put_name(b, w->text);
        break;
    case WORD_KNOWN:
        buf_text(b, known_text(w->text, l));
        break;
    case WORD_COUNTRY:
        buf_text(b, country_said(w->text, l));
        break;
    case WORD_PHRASE:
        buf_text(b, w->phrase.text[l]);
        break;
    case WORD_NONE:
    case WORD_FLAG:
        break;
    }
}

/* --- templates --- */

struct maker {
    struct arena *arena;
    struct phrase_part parts[PARTS_MAX];
    size_t count;
};

static void note_phrase(struct maker *m, const struct phrase *p)
{
    for (size_t i = 0; i < p->part_count; i++) {
        assert(m->count < PARTS_MAX);
        m->parts[m->count++] = p->parts[i];
    }
}

/* A digit that stands in a template or a known text itself is a number of the method. */
static void note_literal(struct maker *m, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        size_t from = i;
        while (i < len &&
               (isdigit((unsigned char)at[i]) || (i > from && strchr(".,", at[i]) && i + 1 < len &&
                                                  isdigit((unsigned char)at[i + 1]))))
            i++;
        if (i == from)
            continue;
        assert(m->count < PARTS_MAX);
        const char *text = arena_text(m->arena, at + from, i - from);
        m->parts[m->count++] = (struct phrase_part){
            .kind = WORD_SETTING, .value = strtod(text, NULL), .text = {text, text}};
    }
}

static void note_word(struct maker *m, const struct word *w)
{
    if (w->kind == WORD_PHRASE) {
        note_phrase(m, &w->phrase);
        return;
    }
    if (w->kind == WORD_KNOWN)
        note_literal(m, w->text, strlen(w->text));
    if (w->kind == WORD_FLAG || w->kind == WORD_KNOWN || w->kind == WORD_COUNTRY)
        return;
    assert(m->count < PARTS_MAX);
    struct phrase_part *part = &m->parts[m->count++];
    *part = (struct phrase_part){.kind = w->kind, .bare = w->bare, .value = w->value};
    if (w->estimate)
        part->estimate = estimate_of(w->estimate);
    for (int l = 0; l < LANGUAGES; l++) {
        struct buf b;
        buf_init(&b, TEXT_LIMIT);
        put_word(&b, w, (enum language)l);
        part->text[l] = arena_text(m->arena, b.at ? b.at : "", b.len);
        buf_done(&b);
    }
}

/* "{2:day|days}" or "{2?is|are}" after its number; `at` is past the ':' or '?'. */
static void put_choice(struct maker *m, struct buf *b, const char *at, const char *end,
                       const struct word *w, enum language l)
{
    const char *bar = memchr(at, '|', (size_t)(end - at));
    assert(bar);
    bool one = w->value == 1;
    const char *from = one ? at : bar + 1, *to = one ? bar : end;
    buf_add(b, from, (size_t)(to - from));
    if (l == LANGUAGE_EN)
        note_literal(m, from, (size_t)(to - from));
}

static void put_template(struct maker *m, struct buf *b, const char *template,
                         const struct word *words, size_t count, enum language l)
{
    for (const char *p = template; *p;) {
        const char *open = strchr(p, '{');
        size_t len = open ? (size_t)(open - p) : strlen(p);
        buf_add(b, p, len);
        if (l == LANGUAGE_EN)
            note_literal(m, p, len);
        if (!open)
            break;
        const char *end = strchr(open, '}');
        char *after;
        size_t i = (size_t)strtoul(open + 1, &after, 10);
        assert(end && i >= 1 && i <= count);
        (void)count;
        const struct word *w = &words[i];
        if (*after != '?') {
            put_word(b, w, l);
            if (l == LANGUAGE_EN)
                note_word(m, w);
        }
        if (*after == ':')
            buf_u8(b, ' ');
        if (*after != '}')
            put_choice(m, b, after + 1, end, w, l);
        p = end + 1;
    }
}

static struct phrase taken(struct maker *m, struct buf *texts)
{
    struct phrase p = {.part_count = m->count};
    struct phrase_part *parts = arena_array(m->arena, m->count + 1, sizeof(*parts));
    memcpy(parts, m->parts, m->count * sizeof(*parts));
    p.parts = parts;
    for (int l = 0; l < LANGUAGES; l++) {
        p.text[l] = arena_text(m->arena, texts[l].at ? texts[l].at : "", texts[l].len);
        buf_done(&texts[l]);
    }
    return p;
}

struct phrase phrase_make(struct arena *arena, enum message id, const struct word *words,
                          size_t count)
{
    struct maker m = {.arena = arena};
    struct buf texts[LANGUAGES];
    for (int l = 0; l < LANGUAGES; l++) {
        buf_init(&texts[l], TEXT_LIMIT);
        put_template(&m, &texts[l], templates[id][l], words, count, (enum language)l);
    }
    return taken(&m, texts);
}

struct phrase phrase_list(struct arena *arena, const struct phrase *list, size_t count,
                          enum message between, enum message last)
{
    struct maker m = {.arena = arena};
    struct buf texts[LANGUAGES];
    for (int l = 0; l < LANGUAGES; l++)
        buf_init(&texts[l], TEXT_LIMIT);
    for (size_t i = 0; i < count; i++) {
        for (int l = 0; l < LANGUAGES; l++) {
            if (i > 0)
                buf_text(&texts[l], templates[i + 1 == count ? last : between][l]);
            buf_text(&texts[l], list[i].text[l]);
        }
        note_phrase(&m, &list[i]);
    }
    return taken(&m, texts);
}

const char *phrase_template(enum message id, enum language l)
{
    return templates[id][l];
}

json_t *phrase_json(const struct phrase *p)
{
    json_t *j = json_object();
    for (int l = 0; l < LANGUAGES; l++)
        json_object_set_new(j, language_codes[l], json_string(p->text[l]));
    return j;
}

json_t *known_json(const char *english)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i][LANGUAGE_EN], english) == 0)
            return json_pack("{s:s, s:s}", "en", english, "ja", known[i][LANGUAGE_JA]);
    return NULL;
}

/* --- findings --- */

static const char *const parts_of_a_finding[] = {"because", "caveats", "alternatives"};

json_t *finding_new(const char *id, const char *section, const char *confidence)
{
    json_t *text = json_object();
    for (int l = 0; l < LANGUAGES; l++)
        json_object_set_new(text, language_codes[l],
                            json_pack("{s:s, s:s, s:[], s:[], s:[]}", "headline", "", "statement",
                                      "", "because", "caveats", "alternatives"));
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:[], s:[], s:[], s:o, s:[], s:{}}", "id", id,
                     "section", section, "headline", "", "statement", "", "likelihood",
                     "confidence", confidence, "because", "caveats", "alternatives", "text", text,
                     "numbers", "values");
}

static const char *kind_name(enum word_kind kind)
{
    switch (kind) {
    case WORD_COUNT:
        return "count";
    case WORD_PART:
        return "part";
    case WORD_SETTING:
    case WORD_PERCENT:
        return "setting";
    case WORD_BOUND:
        return "bound";
    case WORD_SHARE:
    case WORD_MEAN:
    case WORD_CHANGE:
        return "estimate";
    case WORD_P:
        return "p";
    case WORD_DATE:
    case WORD_HOUR:
    case WORD_OFFSET:
        return "time";
    case WORD_NAME:
        return "name";
    default:
        return "figure";
    }
}

static json_t *part_json(const char *where, const struct phrase_part *part)
{
    json_t *j = json_pack("{s:s, s:s}", "in", where, "kind", kind_name(part->kind));
    bool estimate =
        part->kind == WORD_SHARE || part->kind == WORD_MEAN || part->kind == WORD_CHANGE;
    if (estimate) {
        json_object_set_new(j, "value", number_json(part->estimate.value));
        json_object_set_new(j, "low", number_json(part->estimate.low));
        json_object_set_new(j, "high", number_json(part->estimate.high));
        json_object_set_new(j, "level", number_json(part->estimate.level));
        json_object_set_new(j, "interval_shown", json_boolean(!part->bare));
    } else if (part->kind != WORD_NAME && part->kind != WORD_DATE) {
        json_object_set_new(j, "value", number_json(part->value));
    }
    json_object_set_new(
        j, "text",
        json_pack("{s:s, s:s}", "en", part->text[LANGUAGE_EN], "ja", part->text[LANGUAGE_JA]));
    return j;
}

static bool is_list(const char *part)
{
    for (size_t i = 0; i < 3; i++)
        if (strcmp(part, parts_of_a_finding[i]) == 0)
            return true;
    return false;
}

static void put_text(json_t *into, const char *part, const char *text)
{
    json_t *value = json_string(text);
    if (!value)
        value =
            json_string("?"); /* no valid UTF-8: the telemetry's names are, before they get here */
    if (is_list(part))
        json_array_append_new(json_object_get(into, part), value);
    else
        json_object_set_new(into, part, value);
}

void finding_say(json_t *finding, const char *part, struct phrase p)
{
    json_t *text = json_object_get(finding, "text");
    put_text(finding, part, p.text[LANGUAGE_EN]);
    for (int l = 0; l < LANGUAGES; l++)
        put_text(json_object_get(text, language_codes[l]), part, p.text[l]);
    for (size_t i = 0; i < p.part_count; i++)
        json_array_append_new(json_object_get(finding, "numbers"), part_json(part, &p.parts[i]));
}

void finding_reword(struct arena *arena, json_t *finding, const char *part, enum message id)
{
    const json_t *text = json_object_get(finding, "text");
    struct phrase said = {.part_count = 0};
    for (int l = 0; l < LANGUAGES; l++)
        said.text[l] =
            json_string_value(json_object_get(json_object_get(text, language_codes[l]), part));
    const struct word words[] = {{.kind = WORD_NONE}, word_phrase(said)};
    finding_say(finding, part, phrase_make(arena, id, words, 1));
}

void finding_value(json_t *finding, const char *name, const json_t *value)
{
    if (value)
        json_object_set(json_object_get(finding, "values"), name, (json_t *)value);
}

void finding_end(json_t *findings, json_t *finding, const json_t *evidence)
{
    if (evidence)
        json_object_set(finding, "evidence", (json_t *)evidence);
    json_array_append_new(findings, finding);
}
