/* SPDX-License-Identifier: Apache-2.0 */
/* The analyst's own words: Markdown in the study's folder text/, a file a part and language
 * (background.en.md). They come into the model as they are; the page renders them and gives raw
 * HTML in them no meaning. Pictures they name lie in the same folder and come along as data URIs,
 * so that a report stays one file. A part that is too large, no UTF-8 or names a picture that is
 * not there is an error: a report without it would not be the analyst's. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/memory.h"

enum {
    TEXT_OCTETS_MAX = 1 << 20,
    PICTURE_OCTETS_MAX = 8 << 20,
    PICTURES_MAX = 64,
    NAME_OCTETS_MAX = 100,
};

struct texts {
    struct analysis *a;
    const char *folder;
    json_t *parts, *pictures;
    struct error *err;
};

/* Reads a whole file into the heap; NULL and an error past `most` octets. */
static char *read_whole(struct texts *t, const char *name, size_t most, size_t *ret_len)
{
    const char *path = arena_format(t->a->arena, "%s/%s", t->folder, name);
    FILE *in = fopen(path, "rb");
    if (!in) {
        error_set(t->err, ERROR_FAILED, "open %s: %s", path, strerror(errno));
        return NULL;
    }
    struct buf b;
    char piece[65536];
    size_t got;
    buf_init(&b, most);
    while (!b.failed && (got = fread(piece, 1, sizeof(piece), in)) > 0)
        buf_add(&b, piece, got);
    bool wrong = ferror(in) != 0, large = b.failed;
    fclose(in);
    if (wrong || large) {
        buf_done(&b);
        error_set(t->err, ERROR_FAILED,
                  large ? "%s: larger than %zu octets" : "%s: cannot be read (limit %zu)", path,
                  most);
        return NULL;
    }
    *ret_len = b.len;
    return b.at ? buf_take(&b) : memory_text("", 0);
}

static const char *picture_type(const unsigned char *at, size_t len)
{
    static const struct {
        const char *start;
        size_t len;
        const char *type;
    } known[] = {{"\x89PNG\r\n\x1a\n", 8, "image/png"},
                 {"\xff\xd8\xff", 3, "image/jpeg"},
                 {"GIF87a", 6, "image/gif"},
                 {"GIF89a", 6, "image/gif"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (len >= known[i].len && memcmp(at, known[i].start, known[i].len) == 0)
            return known[i].type;
    return len >= 12 && memcmp(at, "RIFF", 4) == 0 && memcmp(at + 8, "WEBP", 4) == 0 ? "image/webp"
                                                                                     : NULL;
}

static int add_picture(struct texts *t, const char *name)
{
    size_t len;
    if (json_object_get(t->pictures, name))
        return 0;
    if (json_object_size(t->pictures) >= PICTURES_MAX)
        return error_set(t->err, ERROR_FAILED, "%s: more than %d pictures", t->folder,
                         PICTURES_MAX);
    char *at = read_whole(t, name, PICTURE_OCTETS_MAX, &len);
    if (!at)
        return -1;
    const char *type = picture_type((const unsigned char *)at, len);
    if (!type) {
        free(at);
        return error_set(t->err, ERROR_FAILED, "%s/%s: no PNG, JPEG, GIF or WebP picture",
                         t->folder, name);
    }
    const int variant = sodium_base64_VARIANT_ORIGINAL;
    size_t size = sodium_base64_ENCODED_LEN(len, variant), head = strlen(type) + 13;
    char *uri = memory_alloc(head + size + 1);
    snprintf(uri, head + 1, "data:%s;base64,", type);
    sodium_bin2base64(uri + strlen(uri), size, (const unsigned char *)at, len, variant);
    json_object_set_new(t->pictures, name, json_string(uri));
    free(uri);
    free(at);
    return 0;
}

/* A file of the folder by its plain name: no path leads out of it. */
static bool is_plain(const char *name, size_t len)
{
    if (len == 0 || len > NAME_OCTETS_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
            return false;
    return true;
}

/* Each "](name" that names a file of the folder by its ending: ![what it shows](map.png "source").
 */
static int add_pictures(struct texts *t, const char *text)
{
    int status = 0;
    for (const char *p = strstr(text, "!["); p && status == 0; p = strstr(p + 2, "![")) {
        const char *open = strstr(p, "](");
        if (!open)
            break;
        size_t len = strcspn(open + 2, " )\t\r\n\"");
        if (is_plain(open + 2, len))
            status = add_picture(t, arena_text(t->a->arena, open + 2, len));
    }
    return status;
}

/* "background.en.md": the part, and a language of reports. */
static bool part_of(const char *file, char *part, enum language *language)
{
    size_t len = strlen(file);
    if (len < 7 || !is_plain(file, len) || strcmp(file + len - 3, ".md") != 0 ||
        file[len - 6] != '.')
        return false;
    for (int l = 0; l < LANGUAGES; l++)
        if (strncmp(file + len - 5, language_codes[l], 2) == 0) {
            memcpy(part, file, len - 6);
            part[len - 6] = 0;
            *language = (enum language)l;
            return true;
        }
    return false;
}

static int add_text(struct texts *t, const char *file)
{
    char part[NAME_OCTETS_MAX + 1];
    enum language language;
    size_t len;
    if (!part_of(file, part, &language))
        return 0; /* pictures, notes, drafts */
    char *text = read_whole(t, file, TEXT_OCTETS_MAX, &len);
    if (!text)
        return -1;
    json_t *value = json_stringn(text, len), *of = json_object_get(t->parts, part);
    int status = value ? add_pictures(t, text)
                       : error_set(t->err, ERROR_FAILED, "%s/%s: not in UTF-8", t->folder, file);
    free(text);
    if (!value || status < 0) {
        json_decref(value);
        return -1;
    }
    if (!of)
        json_object_set_new(t->parts, part, of = json_object());
    json_object_set_new(of, language_codes[language], value);
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int texts_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct texts t = {.a = a,
                      .folder = arena_format(a->arena, "%s/text", a->study->dir),
                      .parts = json_object(),
                      .pictures = json_object(),
                      .err = err};
    struct dirent **files = NULL;
    int count = scandir(t.folder, &files, NULL, by_name), status = 0;
    if (count < 0 && errno != ENOENT)
        status = error_set(err, ERROR_FAILED, "open %s: %s", t.folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == 0)
            status = add_text(&t, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    if (status < 0) {
        json_decref(t.parts);
        json_decref(t.pictures);
        return status;
    }
    *ret = json_pack("{s:o, s:o}", "parts", t.parts, "pictures", t.pictures);
    return 0;
}
