/* SPDX-License-Identifier: Apache-2.0 */
/* The page holds the model, whatever its names hold, and is written whole or not at all. */
#include "report/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/report.h"

static char folder[] = "/tmp/telltale-html-XXXXXX";
static char path[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/report.html", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static char *read_all(const char *name, size_t *len)
{
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    char *text = calloc(1, (size_t)st.st_size + 1);
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    *len = fread(text, 1, (size_t)st.st_size, f);
    fclose(f);
    return text;
}

static char *escaped(const char *text, size_t part)
{
    char *out = NULL;
    size_t size = 0, len = strlen(text);
    struct html_escaper e = {.out = open_memstream(&out, &size)};
    for (size_t i = 0; i < len; i += part)
        html_escape(&e, text + i, len - i < part ? len - i : part);
    html_escape_end(&e);
    fclose(e.out);
    return out;
}

static void check_escaped(const char *text, const char *want)
{
    for (size_t part = 1; part < 5; part++) {
        char *got = escaped(text, part);
        assert_string_equal(got, want);
        free(got);
    }
}

static void escapes_in_any_parts(void **state)
{
    (void)state;
    check_escaped("", "");
    check_escaped("a<b", "a\\u003cb");
    check_escaped("</script><!--", "\\u003c/script>\\u003c!--");
    check_escaped("\xe2\x80\xa8|\xe2\x80\xa9", "\\u2028|\\u2029");
    /* Neighbours of the separators, and parts of them, stay as they are. */
    check_escaped("\xe2\x80\xa7\xe2\x80\xaa", "\xe2\x80\xa7\xe2\x80\xaa");
    check_escaped("\xe2\xe2\x80\xa8\xe2\x80", "\xe2\\u2028\xe2\x80");
    check_escaped("\xe2\x80<", "\xe2\x80\\u003c");
}

static json_t *hostile(void)
{
    const char name[] = "</script><script>alert(1)</script><!-- \xe2\x80\xae\xe2\x80\xa8 & \"'\0x";
    return json_pack("{s:s, s:{s:o}, s:[f]}", "schema", "telltale.report/1", "study", "name",
                     json_stringn(name, sizeof name - 1), "numbers", 0.1);
}

/* The text between the model's element and its end, as a browser would cut it. */
static char *model_in(char *page)
{
    static const char open[] = "<script id=\"model\" type=\"application/json\">";
    char *from = strstr(page, open);
    assert_non_null(from);
    from += sizeof open - 1;
    char *to = strstr(from, "</script");
    assert_non_null(to);
    *to = 0;
    return from;
}

static void holds_the_model_whatever_its_names(void **state)
{
    (void)state;
    json_t *model = hostile();
    assert_non_null(model);
    struct error err = {0};
    assert_int_equal(report_write_html(model, path, &err), 0);
    size_t len;
    char *page = read_all(path, &len);
    assert_int_equal(strncmp(page, "<!doctype html>", 15), 0);
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_null(strstr(page, "@MODEL@"));
    assert_string_equal(page + len - 8, "</html>\n");
    char *text = model_in(page);
    assert_null(strchr(text, '<'));
    assert_null(strstr(text, "\xe2\x80\xa8"));
    json_t *back = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(back);
    assert_true(json_equal(model, back));
    json_decref(back);
    json_decref(model);
    free(page);
}

static void is_whole_or_not_there(void **state)
{
    (void)state;
    struct error err = {0};
    unlink(path);
    /* A document is an object or an array; what was made for this one is gone again. */
    json_t *number = json_integer(1);
    json_t *broken = json_pack("{s:o}", "x", json_real(1));
    assert_int_equal(report_write_html(number, path, &err), ERROR_FAILED);
    assert_int_not_equal(access(path, F_OK), 0);
    json_decref(number);

    char none[sizeof path + 16];
    snprintf(none, sizeof none, "%s/no/report.html", folder);
    assert_int_equal(report_write_html(broken, none, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, none));

    /* A full disk: the error says so, nothing is left. */
    assert_int_equal(report_write_html(broken, "/dev/full", &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/dev/full"));
    json_decref(broken);
    assert_int_equal(rmdir(folder), 0); /* empty: no temporary file was left behind */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void replaces_what_was_there(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    fputs("old", f);
    fclose(f);
    json_t *model = json_pack("{s:s}", "schema", "x");
    assert_int_equal(report_write_html(model, path, NULL), 0);
    json_decref(model);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_in_any_parts),
        cmocka_unit_test(holds_the_model_whatever_its_names),
        cmocka_unit_test(is_whole_or_not_there),
        cmocka_unit_test(replaces_what_was_there),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
