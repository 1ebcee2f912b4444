/* SPDX-License-Identifier: Apache-2.0 */
/* Key judgements: three to five findings, at most one a question, chosen by rule and never by how
 * striking a number is. Questions are asked in a fixed order of weight; what is said with low
 * confidence comes in only where there would be fewer than three without it. They are listed in the
 * order of the findings. */
#include <string.h>

#include "analysis/findings.h"

enum { FEWEST = 3, MOST = 5 };

/* Findings that answer a question, the first that there is; an id or the start of one ("onset-").
 */
static const char *const questions[][4] = {
    {"presence-"},                                    /* where it is, beyond ordinary use */
    {"events"},                                       /* whether activity tells the events */
    {"concealment", "tor-relay"},                     /* what it hides */
    {"service-first", "categories"},                  /* what it uses most */
    {"busy-hours", "clock"},                          /* when */
    {"onset-", "stop-", "shift-"},                    /* what is new */
    {"scans-out", "regular-pairs", "scans-out-none"}, /* what it does to others */
    {"entertainment", "service-ranking"},             /* what it spends its volume on */
    {"sensitive", "sensitive-none"},                  /* whom it meets */
    {"weekdays"},                                     /* which days */
    {"countries"},                                    /* where it goes */
    {"use"},                                          /* how much there is */
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static bool answers(const json_t *finding, const char *id)
{
    size_t len = strlen(id);
    const char *has = string_of(finding, "id");
    return strncmp(has, id, len) == 0 && (has[len] == 0 || id[len - 1] == '-');
}

/* The place of the finding that answers question `q`, the number of findings where none does. */
static size_t answer(const json_t *findings, size_t q, bool low)
{
    size_t n = json_array_size(findings);
    for (size_t k = 0; k < 4 && questions[q][k]; k++)
        for (size_t i = 0; i < n; i++) {
            const json_t *f = json_array_get(findings, i);
            if (answers(f, questions[q][k]) &&
                (strcmp(string_of(f, "confidence"), "low") == 0) == low)
                return i;
        }
    return n;
}

static size_t choose(const json_t *findings, bool *chosen, bool *asked, bool low, size_t count,
                     size_t most)
{
    for (size_t q = 0; q < QUESTIONS && count < most; q++) {
        size_t i = asked[q] ? json_array_size(findings) : answer(findings, q, low);
        if (i == json_array_size(findings) || chosen[i])
            continue;
        chosen[i] = asked[q] = true;
        count++;
    }
    return count;
}

json_t *judgements_json(struct analysis *a, const json_t *findings)
{
    size_t n = json_array_size(findings);
    bool *chosen = arena_array(a->arena, n + 1, sizeof(*chosen)), asked[QUESTIONS] = {0};
    json_t *ids = json_array();
    size_t count = choose(findings, chosen, asked, false, 0, MOST);
    count = choose(findings, chosen, asked, true, count, count < FEWEST ? FEWEST : count);
    if (count == 0 && n > 0)
        chosen[0] = true; /* that there is nothing */
    for (size_t i = 0; i < n; i++)
        if (chosen[i])
            json_array_append_new(ids, json_string(string_of(json_array_get(findings, i), "id")));
    struct phrase rule = SAY(a, M_JUDGEMENTS_RULE);
    return json_pack("{s:s, s:{s:{s:s}, s:{s:s}}, s:o}", "rule", rule.text[LANGUAGE_EN], "text",
                     "en", "rule", rule.text[LANGUAGE_EN], "ja", "rule", rule.text[LANGUAGE_JA],
                     "findings", ids);
}
