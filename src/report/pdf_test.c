/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/report.h"

static json_t *model_of(void)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:[], s:[], s:s}}", "schema",
                     "telltale.report/1", "study", "name", "Paper", "timezone", "UTC", "from",
                     "2017-04-01", "to", "2017-04-02", "population", "events", "measure",
                     "conversations");
}

static void without_a_browser_it_says_what_to_do(void **state)
{
    char *path = strdup(getenv("PATH"));
    struct error err;
    (void)state;
    json_t *model = model_of();
    setenv("PATH", "/nowhere", 1);
    unsetenv("CHROMIUM");
    assert_int_equal(report_write_pdf(model, "en", "/nowhere/x.pdf", &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "apt install chromium"));
    setenv("CHROMIUM", "/nowhere/chromium", 1);
    assert_int_equal(report_write_pdf(model, "en", "/nowhere/x.pdf", &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/nowhere/chromium"));
    unsetenv("CHROMIUM");
    setenv("PATH", path, 1);
    free(path);
    json_decref(model);
}

/* A browser that fails leaves nothing at the report's place. */
static void a_browser_that_fails_leaves_nothing(void **state)
{
    char path[] = "/tmp/telltale-pdf-test-XXXXXX";
    struct error err;
    (void)state;
    assert_non_null(mkdtemp(path));
    char file[64];
    snprintf(file, sizeof(file), "%s/x.pdf", path);
    json_t *model = model_of();
    setenv("CHROMIUM", "/bin/false", 1);
    assert_int_equal(report_write_pdf(model, "en", file, &err), ERROR_FAILED);
    setenv("CHROMIUM", "/bin/true", 1);
    assert_int_equal(report_write_pdf(model, "en", file, &err), ERROR_FAILED);
    assert_int_equal(access(file, F_OK), -1);
    unsetenv("CHROMIUM");
    rmdir(path);
    json_decref(model);
}

static void a_browser_makes_a_pdf(void **state)
{
    char path[] = "/tmp/telltale-pdf-test-XXXXXX", file[64], head[5] = {0};
    struct error err = {.text = ""};
    (void)state;
    if (access("/usr/bin/chromium", X_OK) != 0)
        skip();
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof(file), "%s/x.pdf", path);
    json_t *model = model_of();
    if (report_write_pdf(model, "ja", file, &err) != 0)
        fail_msg("%s", err.text);
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    assert_int_equal(fread(head, 1, sizeof(head), in), sizeof(head));
    assert_memory_equal(head, "%PDF-", 5);
    fclose(in);
    unlink(file);
    rmdir(path);
    json_decref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_browser_it_says_what_to_do),
        cmocka_unit_test(a_browser_that_fails_leaves_nothing),
        cmocka_unit_test(a_browser_makes_a_pdf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
