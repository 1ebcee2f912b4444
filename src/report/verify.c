/* SPDX-License-Identifier: Apache-2.0 */
#include "report/verify.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "base/buf.h"
#include "input/stream.h"

int report_read(const char *path, json_t **ret, struct error *err)
{
    json_error_t why;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file)
        return error_errno(err, "%s", path);
    json_t *model = json_loadf(file, JSON_REJECT_DUPLICATES, &why);
    if (!is_stdin)
        fclose(file);
    if (!model)
        return error_set(err, ERROR_FAILED, "%s:%d: no JSON: %s", path, why.line, why.text);
    const char *schema = json_string_value(json_object_get(model, "schema"));
    if (!schema || strcmp(schema, "telltale.report/1") != 0) {
        json_decref(model);
        return error_set(err, ERROR_FAILED, "%s is no report (its schema is not telltale.report/1)",
                         path);
    }
    *ret = model;
    return 0;
}

/* --- comparing --- */

struct comparing {
    report_difference *each;
    void *ctx;
    struct buf pointer;
    size_t count;
};

static size_t enter(struct comparing *c, const char *key)
{
    size_t before = c->pointer.len;
    buf_u8(&c->pointer, '/');
    for (; *key; key++)
        buf_text(&c->pointer, *key == '~' ? "~0" : *key == '/' ? "~1" : (char[2]){*key, 0});
    return before;
}

static void leave(struct comparing *c, size_t before)
{
    c->pointer.len = before;
    c->pointer.at[before] = 0;
}

static bool is_passed_over(const char *pointer)
{
    static const char *const list[] = {"/provenance/generated", "/provenance/digest",
                                       "/provenance/engine", "/provenance/program_version"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(pointer, list[i]) == 0)
            return true;
    return false;
}

static void compare(struct comparing *c, const json_t *was, const json_t *is);

static void compare_objects(struct comparing *c, const json_t *was, const json_t *is)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)was, key, value)
    {
        size_t before = enter(c, key);
        compare(c, value, json_object_get(is, key));
        leave(c, before);
    }
    json_object_foreach((json_t *)(uintptr_t)is, key, value)
    {
        size_t before = enter(c, key);
        if (!json_object_get(was, key))
            compare(c, NULL, value);
        leave(c, before);
    }
}

static void compare_arrays(struct comparing *c, const json_t *was, const json_t *is)
{
    size_t of_was = json_array_size(was), of_is = json_array_size(is);
    for (size_t i = 0; i < of_was || i < of_is; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        size_t before = enter(c, index);
        compare(c, json_array_get(was, i), json_array_get(is, i));
        leave(c, before);
    }
}

static void compare(struct comparing *c, const json_t *was, const json_t *is)
{
    if (is_passed_over(c->pointer.at ? c->pointer.at : ""))
        return;
    if (json_is_object(was) && json_is_object(is)) {
        compare_objects(c, was, is);
    } else if (json_is_array(was) && json_is_array(is)) {
        compare_arrays(c, was, is);
    } else {
        bool equal = json_is_number(was) && json_is_number(is)
                         ? json_number_value(was) == json_number_value(is)
                         : was && is && json_equal(was, is);
        if (equal)
            return;
        c->count++;
        c->each(c->ctx, c->pointer.at ? c->pointer.at : "", was, is);
    }
}

size_t report_compare(const json_t *was, const json_t *is, report_difference *each, void *ctx)
{
    struct comparing c = {.each = each, .ctx = ctx};
    buf_init(&c.pointer, 1 << 20);
    compare(&c, was, is);
    buf_done(&c.pointer);
    return c.count;
}

bool report_is_whole(const json_t *model)
{
    char digest[ANALYSIS_DIGEST_TEXT];
    const char *stated =
        json_string_value(json_object_get(json_object_get(model, "provenance"), "digest"));
    analysis_digest(model, digest);
    return stated && strcmp(stated, digest) == 0;
}

/* --- inputs --- */

static void hex_of(const uint8_t digest[32], char ret[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

/* A file in the study's folder is named from there, so that the report does not depend on where the
 * folder lies. */
static int add_input(json_t *inputs, const struct study *study, const char *path, struct error *err)
{
    uint8_t digest[32];
    char hex[65];
    size_t len = strlen(study->dir);
    if (digest_file(path, digest, err) < 0)
        return err->code;
    hex_of(digest, hex);
    if (strncmp(path, study->dir, len) == 0 && path[len] == '/')
        path += len + 1;
    json_array_append_new(inputs, json_pack("{s:s, s:s}", "path", path, "sha256", hex));
    return 0;
}

/* A table; another study's folder is no file. */
static int add_baseline(json_t *inputs, const struct study *study, struct error *err)
{
    char path[PATH_MAX];
    struct stat st;
    bool absolute = study->baseline[0] == '/';
    snprintf(path, sizeof path, "%s%s%s", absolute ? "" : study->dir, absolute ? "" : "/",
             study->baseline);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? add_input(inputs, study, path, err) : 0;
}

int report_add_inputs(json_t *model, const struct study *study, struct error *err)
{
    char digest[ANALYSIS_DIGEST_TEXT];
    json_t *inputs = json_array(), *provenance = json_object_get(model, "provenance");
    int status = add_input(inputs, study, study->file, err);
    for (size_t i = 0; i < study->event_file_count && status == 0; i++)
        status = add_input(inputs, study, study->event_files[i], err);
    for (size_t i = 0; i < study->catalogue_file_count && status == 0; i++)
        status = add_input(inputs, study, study->catalogue_files[i], err);
    if (status == 0 && strcmp(study->baseline, "default") != 0)
        status = add_baseline(inputs, study, err);
    json_object_set_new(provenance, "inputs", inputs);
    analysis_digest(model, digest);
    json_object_set_new(provenance, "digest", json_string(digest));
    return status;
}

static enum report_input state_of(const char *path, const char *dir, const char *wanted)
{
    char full[PATH_MAX], hex[65];
    uint8_t digest[32];
    struct error ignored;
    snprintf(full, sizeof full, "%s", path);
    if (dir && path[0] != '/')
        snprintf(full, sizeof full, "%s/%s", dir, path);
    if (access(full, F_OK) < 0)
        return INPUT_MISSING;
    if (digest_file(full, digest, &ignored) < 0)
        return INPUT_MISSING;
    hex_of(digest, hex);
    return strcmp(hex, wanted) == 0 ? INPUT_SAME : INPUT_CHANGED;
}

static void check_list(const json_t *list, const char *dir, bool here_too,
                       void (*each)(void *ctx, const char *path, enum report_input state),
                       void *ctx)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)list, i, row)
    {
        const char *path = json_string_value(json_object_get(row, "path")),
                   *sha256 = json_string_value(json_object_get(row, "sha256"));
        if (!path || !sha256 || strcmp(path, "-") == 0)
            continue;
        enum report_input state = here_too ? state_of(path, NULL, sha256) : INPUT_MISSING;
        if (state == INPUT_MISSING)
            state = state_of(path, dir, sha256);
        each(ctx, path, state);
    }
}

void report_check_inputs(const json_t *model, const char *dir,
                         void (*each)(void *ctx, const char *path, enum report_input state),
                         void *ctx)
{
    const json_t *provenance = json_object_get(model, "provenance");
    check_list(json_object_get(provenance, "sources"), dir, true, each, ctx);
    check_list(json_object_get(provenance, "inputs"), dir, false, each, ctx);
}
