/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/phrase.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 10 };

struct holder {
    struct arena *arena;
};

static struct holder holder(void)
{
    return (struct holder){.arena = arena_new(64 << 20)};
}

/* Which words a template prints (not those it only chooses by), and the digits of its own. */
static void read_template(const char *t, bool *printed, char *digits, size_t size)
{
    size_t n = 0;
    for (const char *p = t; *p; p++) {
        if (*p != '{') {
            if (isdigit((unsigned char)*p) && n + 1 < size)
                digits[n++] = *p;
            continue;
        }
        char *after;
        unsigned long i = strtoul(p + 1, &after, 10);
        assert_in_range(i, 1, WORDS - 1);
        assert_non_null(strchr(p, '}'));
        if (*after != '?')
            printed[i] = true;
        if (*after != '}')
            assert_non_null(memchr(p, '|', (size_t)(strchr(p, '}') - p)));
        p = strchr(p, '}');
    }
    digits[n] = 0;
}

static int by_digit(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* "Equal numbers in every language": each template prints the same words and the same constants. */
static void every_message_prints_the_same_words_in_every_language(void **state)
{
    (void)state;
    for (int m = 0; m < MESSAGES; m++) {
        bool printed[LANGUAGES][WORDS] = {0};
        char digits[LANGUAGES][64];
        for (int l = 0; l < LANGUAGES; l++) {
            const char *t = phrase_template((enum message)m, (enum language)l);
            read_template(t, printed[l], digits[l], sizeof(digits[l]));
            qsort(digits[l], strlen(digits[l]), 1, by_digit);
        }
        for (int l = 1; l < LANGUAGES; l++) {
            if (memcmp(printed[0], printed[l], sizeof(printed[0])) != 0 ||
                strcmp(digits[0], digits[l]) != 0)
                fail_msg("%s", phrase_template((enum message)m, LANGUAGE_EN));
        }
    }
}

static void the_japanese_is_japanese(void **state)
{
    (void)state;
    for (int m = 0; m < MESSAGES; m++) {
        const char *ja = phrase_template((enum message)m, LANGUAGE_JA);
        size_t run = 0, words = 0;
        for (const char *p = ja; *p; p++) {
            run = islower((unsigned char)*p) ? run + 1 : 0;
            words += run == 4 && (p[1] == ' ' || islower((unsigned char)p[1]));
        }
        if (words > 2)
            fail_msg("left in English: %s", ja);
    }
}

static void values_print_as_each_language_prints_them(void **state)
{
    struct holder h = holder();
    json_t *share = json_pack("{s:f, s:f, s:f, s:f}", "value", 0.1206, "low", 0.116, "high", 0.125,
                              "level", 0.95);
    json_t *bounded =
        json_pack("{s:i, s:n, s:f, s:f}", "value", 0, "low", "high", 0.034, "level", 0.95);
    (void)state;
    struct phrase p = SAY(&h, M_PAIR, word_country("JP"), word_share(share));
    assert_string_equal(p.text[LANGUAGE_EN], "Japan 12.1% (95% interval 11.6% to 12.5%)");
    assert_string_equal(p.text[LANGUAGE_JA], "日本 12.1%（95%信頼区間11.6%〜12.5%）");
    p = SAY(&h, M_ONE, word_share(bounded));
    assert_string_equal(p.text[LANGUAGE_EN], "0% (95% bound: at most 3.4%)");
    p = SAY(&h, M_ONE, word_bare(word_share(share)));
    assert_string_equal(p.text[LANGUAGE_EN], "12.1%");
    p = SAY(&h, M_PAIR, word_date("2017-05-17"), word_p(1e-12));
    assert_string_equal(p.text[LANGUAGE_EN], "17 May 2017 p < 0.0001");
    assert_string_equal(p.text[LANGUAGE_JA], "2017年5月17日 p < 0.0001");
    p = SAY(&h, M_PAIR, word_date("2017-05-17T03:04:05.000Z"), word_duration(5400));
    assert_string_equal(p.text[LANGUAGE_JA], "2017年5月17日 03:04（UTC） 90分");
    p = SAY(&h, M_PAIR, word_figure(1234567), word_setting(0.00012));
    assert_string_equal(p.text[LANGUAGE_EN], "1,234,567 0.00012");
    p = SAY(&h, M_PAIR, word_offset(510), word_hour(20.5));
    assert_string_equal(p.text[LANGUAGE_EN], "UTC+08:30 20:30");
    p = SAY(&h, M_USE_HEAD, word_count(1), word_count(2), word_count(1));
    assert_string_equal(p.text[LANGUAGE_EN], "1 conversation by 2 addresses on 1 day");
    assert_string_equal(p.text[LANGUAGE_JA], "1日間に2個のアドレスによる1件の通信");
    json_decref(share);
    json_decref(bounded);
    arena_free(h.arena);
}

/* Small and large, of either sign: never an exponent, and three digits. */
static void figures_have_no_exponents(void **state)
{
    static const struct {
        double x;
        const char *text;
    } rows[] = {{0, "0"},
                {5.3, "5.3"},
                {30845.4, "30,845"},
                {1e-9, "0.000000001"},
                {999.4, "999"},
                {999.6, "1,000"},
                {-12.34, "-12.3"},
                {100, "100"},
                {0.0651, "0.0651"},
                {1e15, "1,000,000,000,000,000"}};
    struct holder h = holder();
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct phrase p = SAY(&h, M_ONE, word_figure(rows[i].x));
        assert_string_equal(p.text[LANGUAGE_EN], rows[i].text);
    }
    arena_free(h.arena);
}

static void a_finding_notes_every_number(void **state)
{
    struct holder h = holder();
    json_t *share =
        json_pack("{s:f, s:f, s:f, s:f}", "value", 0.5, "low", 0.4, "high", 0.6, "level", 0.95);
    (void)state;
    json_t *f = finding_new("x", "totals", "high");
    finding_say(f, "headline", SAY(&h, M_ENTERTAINMENT_HEAD, word_bare(word_share(share))));
    finding_say(f, "because", SAY(&h, M_SCANS_OUT_MISSED, word_setting(14)));
    json_t *numbers = json_object_get(f, "numbers");
    assert_int_equal(json_array_size(numbers), 3); /* and the 50 of the template */
    assert_true(json_is_false(json_object_get(json_array_get(numbers, 0), "interval_shown")));
    const json_t *text = json_object_get(f, "text");
    for (int l = 0; l < LANGUAGES; l++)
        assert_int_equal(
            json_array_size(json_object_get(json_object_get(text, language_codes[l]), "because")),
            1);
    finding_reword(h.arena, f, "headline", M_ON_ONE_DAY);
    assert_string_equal(json_string_value(json_object_get(f, "headline")),
                        "Games and streaming are 50.0% of the volume, on one day");
    assert_string_equal(json_string_value(json_object_get(json_object_get(text, "ja"), "headline")),
                        "ゲームとストリーミングが通信量の50.0%を占める（一日のみのデータ）");
    json_decref(share);
    json_decref(f);
    arena_free(h.arena);
}

/* A name of the telemetry can be 64 kB; its beginning ends between characters. */
static void long_names_are_cut_between_characters(void **state)
{
    struct holder h = holder();
    char name[65536];
    (void)state;
    name[0] = 'x';
    for (size_t i = 1; i + 3 < sizeof(name); i += 3)
        memcpy(name + i, "国", 3);
    name[sizeof(name) - 3] = 0;
    struct phrase p = SAY(&h, M_ONE, word_name(name));
    assert_in_range(strlen(p.text[LANGUAGE_EN]), 100, 200);
    json_t *j = phrase_json(&p); /* valid UTF-8 */
    assert_non_null(json_object_get(j, "en"));
    json_decref(j);
    arena_free(h.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_prints_the_same_words_in_every_language),
        cmocka_unit_test(the_japanese_is_japanese),
        cmocka_unit_test(values_print_as_each_language_prints_them),
        cmocka_unit_test(figures_have_no_exponents),
        cmocka_unit_test(a_finding_notes_every_number),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
