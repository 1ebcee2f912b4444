/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/report.h"

static json_t *model_of(size_t findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings; i++) {
        json_t *share = json_pack("{s:f,s:f,s:f}", "value", 0.142, "low", 0.138, "high", 0.146);
        json_t *f = json_pack("{s:s,s:{s:o}}", "headline", "Facebook is the most used service",
                              "values", "share", share);
        json_object_set_new(f, "likelihood",
                            i + 1 == findings ? json_string("likely") : json_null());
        json_array_append_new(list, f);
    }
    return json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:o}", "schema", "telltale.report/1", "study",
                     "name", "Caf\xc3\xa9 \x1b[31m study", "from", "2017-04-01", "to", "2017-07-06",
                     "timezone", "Asia/Pyongyang", "findings", list);
}

static char *summary_of(const json_t *model, int width)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    report_print_summary(model, out, width);
    fclose(out);
    return text;
}

static void a_summary_names_the_study_and_each_finding_with_its_share(void **state)
{
    (void)state;
    json_t *model = model_of(2);
    char *text = summary_of(model, 100);
    assert_non_null(strstr(text, "2017-04-01 to 2017-07-06 (Asia/Pyongyang)\n"));
    assert_non_null(strstr(text, "  Facebook is the most used service: 14.2% (13.8 to 14.6)\n"));
    assert_null(strchr(text, 0x1b)); /* a name cannot colour the terminal */
    free(text);
    json_decref(model);
}

static void a_summary_keeps_to_the_width_and_to_about_ten_lines(void **state)
{
    (void)state;
    json_t *model = model_of(14);
    char *text = summary_of(model, 44);
    int lines = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        assert_true(end - line <= 44 + 3); /* the accent and a replaced octet take more octets */
        lines++;
    }
    assert_in_range(lines, 10, 12);
    assert_non_null(strstr(text, "...\n"));
    assert_non_null(strstr(text, "and 5 more"));
    free(text);
    json_decref(model);
}

static void json_is_written_short_and_reads_back_equal(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-report-XXXXXX";
    struct error err;
    json_error_t wrong;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    json_t *model = model_of(1);
    assert_int_equal(report_write_json(model, path, &err), 0);
    json_t *back = json_load_file(path, 0, &wrong);
    assert_true(json_equal(model, back));
    FILE *in = fopen(path, "r");
    char text[4096];
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    fclose(in);
    text[len] = 0;
    assert_non_null(strstr(text, "0.142,")); /* not 0.14199999999999999 */
    assert_true(len > 1 && text[len - 1] == '\n' && text[len - 2] == '}');
    json_decref(back);
    json_decref(model);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_names_the_study_and_each_finding_with_its_share),
        cmocka_unit_test(a_summary_keeps_to_the_width_and_to_about_ten_lines),
        cmocka_unit_test(json_is_written_short_and_reads_back_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
