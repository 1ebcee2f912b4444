/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences in every language of a report, written from the same values.
 *
 * A sentence is a message of messages.def, a template for each language, and its words: typed
 * values that are printed as each language prints them. No number gets into a sentence another way,
 * so the languages cannot differ in one, and what is printed without its interval is known:
 *
 *     json_t *f = finding_new("service-first", "services", "high");
 *     finding_say(f, "headline", SAY(a, M_SERVICE_FIRST, word_name("Facebook")));
 *     finding_say(f, "statement", SAY(a, M_SERVICE_SHARE, word_name("Facebook"),
 * word_share(share))); finding_value(f, "share", share); finding_end(findings, f, evidence);
 *
 * In a template {1} is the first word; {1:day|days} is a count with its noun; {1?is|are} is the
 * first text where the word is one (or a flag that is set) and else the second. A template that
 * lacks a word, or names one that is not given, is a mistake that an assertion and phrase_test
 * find. Phrases live in the run's arena. */
#ifndef TELLTALE_ANALYSIS_PHRASE_H
#define TELLTALE_ANALYSIS_PHRASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum language { LANGUAGE_EN, LANGUAGE_JA, LANGUAGES };
extern const char *const language_codes[LANGUAGES]; /* "en", "ja" */

enum message {
#define MESSAGE(id, en, ja) M_##id,
#include "analysis/messages.def"
#undef MESSAGE
    MESSAGES
};

/* What a word is, and so what may be said of it: only WORD_ESTIMATE and WORD_MEAN stand for more
 * than what was recorded, and must show an interval once in a finding. */
enum word_kind {
    WORD_NONE,
    WORD_COUNT,    /* exact, of records */
    WORD_PART,     /* exact part of a count, as a percentage */
    WORD_FIGURE,   /* exact, of records or of the study: a score, a period */
    WORD_SETTING,  /* a method's own number: a threshold, a power */
    WORD_PERCENT,  /* the same as a percentage */
    WORD_BOUND,    /* a bound or a detectable effect, as a percentage: its own statement of doubt */
    WORD_SHARE,    /* an estimate of a share, with its interval */
    WORD_MEAN,     /* an estimate of anything else, with its interval */
    WORD_CHANGE,   /* an estimate of a log ratio, as a percentage, with its interval */
    WORD_P,        /* a test's p or q */
    WORD_DATE,     /* "2017-05-17" or RFC 3339 in UTC */
    WORD_HOUR,     /* of the day: 20.5 */
    WORD_OFFSET,   /* minutes east of UTC */
    WORD_DURATION, /* seconds */
    WORD_NAME,     /* the same in every language: what a service calls itself, an address */
    WORD_KNOWN,    /* English text whose other languages glossary.def knows */
    WORD_COUNTRY,  /* ISO 3166-1 code */
    WORD_FLAG,     /* only for {1?a|b} */
    WORD_PHRASE,   /* a phrase made before */
};

struct phrase_part; /* a value that a phrase prints */

struct phrase {
    const char *text[LANGUAGES];
    const struct phrase_part *parts;
    size_t part_count;
};

struct word {
    enum word_kind kind;
    bool bare; /* an estimate without its interval, for headlines: it must stand elsewhere */
    double value;
    const json_t *estimate;
    const char *text;
    struct phrase phrase;
};

struct word word_count(double n);
struct word word_part(double share);
struct word word_figure(double x);
struct word word_setting(double x);
struct word word_percent(double share);
struct word word_bound(double share);
struct word word_share(const json_t *estimate);
struct word word_mean(const json_t *estimate);
struct word word_change(const json_t *log_ratio);
/* The value of an estimate alone, for a headline: `w` is one of the three above. */
struct word word_bare(struct word w);
struct word word_p(double p);
struct word word_date(const char *date);
struct word word_hour(double hour);
struct word word_offset(double minutes);
struct word word_duration(double s);
struct word word_name(const char *text);
struct word word_known(const char *english);
struct word word_country(const char *code);
struct word word_flag(bool set);
struct word word_phrase(struct phrase p);

/* `words` has `count` words after an unused first one. */
struct phrase phrase_make(struct arena *arena, enum message id, const struct word *words,
                          size_t count);
#define SAY(a, id, ...)                                                                            \
    phrase_make((a)->arena, (id), WORDS(__VA_ARGS__),                                              \
                sizeof(WORDS(__VA_ARGS__)) / sizeof(struct word) - 1)
#define WORDS(...)                                                                                 \
    (const struct word[])                                                                          \
    {                                                                                              \
        {.kind = WORD_NONE}, __VA_ARGS__                                                           \
    }
/* Phrases one after the other: "a, b and c" with `last` M_AND, "a; b" with M_SEMICOLON... */
struct phrase phrase_list(struct arena *arena, const struct phrase *list, size_t count,
                          enum message between, enum message last);

/* {en: text, ja: text} */
json_t *phrase_json(const struct phrase *p);
/* What glossary.def has for an English text: {en, ja}; NULL where it has nothing. */
json_t *known_json(const char *english);
/* A template, for tests. */
const char *phrase_template(enum message id, enum language l);

/* --- findings: docs/report-model.md --- */

json_t *finding_new(const char *id, const char *section, const char *confidence);
/* `part`: "headline" and "statement" are set, "because", "caveats" and "alternatives" added to. */
void finding_say(json_t *finding, const char *part, struct phrase p);
/* Puts a finding's one sentence of a kind into another message's {1}: a headline into "{1}, on one
 * day". */
void finding_reword(struct arena *arena, json_t *finding, const char *part, enum message id);
/* A value the finding stands on; the first is the one its confidence is tempered by. */
void finding_value(json_t *finding, const char *name, const json_t *value);
void finding_end(json_t *findings, json_t *finding, const json_t *evidence);

#endif
