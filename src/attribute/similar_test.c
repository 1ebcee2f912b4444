/* SPDX-License-Identifier: Apache-2.0 */
/* Labels like a mark: its words, neutral words around it, misspellings; and what must stay away. */
#include "attribute/similar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attribute/affixes.h"
#include "base/random.h"

static struct fact fact(enum fact_kind kind, const char *text, uint32_t subject)
{
    return (struct fact){.kind = kind,
                         .text = text,
                         .subject = subject,
                         .from_day = FACT_DAY_MIN,
                         .to_day = FACT_DAY_MAX};
}

static void test_what_fits(void **state)
{
    (void)state;
    const struct fact facts[] = {
        fact(FACT_WORD, "youtube", 1),      fact(FACT_WORD, "skype*", 2),
        fact(FACT_MARK, "ebay", 3),         fact(FACT_MARK, "apple", 4),
        fact(FACT_MISSPELT, "facebook", 5), fact(FACT_MISSPELT, "google", 6),
        fact(FACT_MARK, "苹果", 7)};
    static const struct {
        const char *label;
        int subject;
    } CASES[] = {
        {"youtubers-club", 1},
        {"skypelab", 2},
        {"myskypelab", 0},
        {"ebayaustralia", 3},
        {"my-ebay24", 3},
        {"thebayshop", 0},
        {"ebayonne", 0},
        {"applestore", 4},
        {"myappleid", 4},
        {"pineapple", 0},
        {"applebees", 0},
        {"apple-store-online", 4},
        {"facbeok", 5},
        {"faceboook", 5},
        {"facewbook", 5},
        {"fakebooks", 5},
        {"notebook", 0},
        {"gooogle", 6},
        {"goggle", 6},
        {"boogie", 0},
        {"xn--ggle-5qa", 6},
        {"xn--ggle-55da", 6},
        {"xn--pple-43d", 4},
        {"xn--gtvz22d", 7},
        {"xn--", 0},
        {"xn--99999999", 0},
        {"faceb00k-login", 5},
        {"face-book-shop", 0},
        {"g", 0},
        {"", 0},
    };
    struct similar *s = similar_new(facts, sizeof facts / sizeof *facts);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct fact *f = similar_find(s, CASES[i].label, strlen(CASES[i].label), 0);
        if ((f ? (int)f->subject : 0) != CASES[i].subject)
            fail_msg("%s: %d", CASES[i].label, f ? (int)f->subject : 0);
    }
    similar_free(s);
}

/* Every one of many misspellings is known, however many a study adds. */
static void test_many_misspellings(void **state)
{
    (void)state;
    enum { MANY = 600 };
    static struct fact facts[MANY];
    static char texts[MANY][16];
    for (uint32_t i = 0; i < MANY; i++) { /* unlike each other by more than two edits */
        memset(texts[i], 'a' + (int)(i % 26), 12);
        memset(texts[i] + 4, 'a' + (int)(i / 26), 4);
        facts[i] = fact(FACT_MISSPELT, texts[i], i + 1);
    }
    struct similar *s = similar_new(facts, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        char label[16];
        memcpy(label, texts[i], sizeof label);
        label[1] = '0';
        const struct fact *f = similar_find(s, label, strlen(label), 0);
        assert_non_null(f);
        assert_int_equal(f->subject, i + 1);
    }
    similar_free(s);
}

static void test_dates_and_own(void **state)
{
    (void)state;
    struct fact facts[] = {fact(FACT_MISSPELT, "facebook", 1), fact(FACT_MISSPELT, "facebock", 2),
                           fact(FACT_WORD, "telegram", 3), fact(FACT_WORD, "telegram", 4)};
    facts[1].own = facts[3].own = true;
    facts[3].to_day = 99;
    struct similar *s = similar_new(facts, 4);
    assert_int_equal(similar_find(s, "faceboek", 8, 0)->subject, 2); /* as near: the study's own */
    assert_int_equal(similar_find(s, "facebooks", 9, 0)->subject, 1);
    assert_int_equal(similar_find(s, "telegrams", 9, 99)->subject, 4);
    assert_int_equal(similar_find(s, "telegrams", 9, 100)->subject, 3);
    similar_free(s);
}

/* The whole matrix, without limit. */
static unsigned plain_distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned d[20][20];
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned cost = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost = d[i - 1][j] + 1 < cost ? d[i - 1][j] + 1 : cost;
            cost = d[i][j - 1] + 1 < cost ? d[i][j - 1] + 1 : cost;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < cost)
                cost = d[i - 2][j - 2] + 1;
            d[i][j] = cost;
        }
    return d[n][m];
}

static void test_distance_against_plain(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 5);
    for (int round = 0; round < 20000; round++) {
        char a[16], b[16];
        size_t n = random_below(&r, 12), m = random_below(&r, 12);
        for (size_t i = 0; i < n; i++)
            a[i] = (char)('a' + random_below(&r, 3));
        for (size_t i = 0; i < m; i++)
            b[i] = (char)('a' + random_below(&r, 3));
        for (unsigned limit = 0; limit <= 2; limit++) {
            unsigned wanted = plain_distance(a, n, b, m);
            assert_int_equal(similar_distance(a, n, b, m, limit),
                             wanted > limit ? limit + 1 : wanted);
        }
    }
}

static void test_affixes(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        size_t left;
    } CASES[] = {{"tiktokcdn", 6},
                 {"googleusercontent", 6},
                 {"tdnsdl15", 6},
                 {"huoshanimg", 7},
                 {"paypalobjects", 6},
                 {"cdn", 3},
                 {"facebook", 8},
                 {"steamstatic", 5},
                 {"bytedns", 4},
                 {"alipaystatics", 6},
                 {"7", 1},
                 {"", 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(affix_technical(CASES[i].label, strlen(CASES[i].label)), CASES[i].left);
    assert_true(affix_neutral("", 0, 0));
    assert_true(affix_neutral("store-online", 12, 2));
    assert_false(affix_neutral("store-online", 12, 1));
    assert_true(affix_neutral("24", 2, 1));
    assert_false(affix_neutral("pine", 4, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits),     cmocka_unit_test(test_many_misspellings),
        cmocka_unit_test(test_dates_and_own), cmocka_unit_test(test_distance_against_plain),
        cmocka_unit_test(test_affixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
