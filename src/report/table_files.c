/* SPDX-License-Identifier: Apache-2.0 */
#include "report/table_files.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/text.h"

enum { NAME_MAX_OCTETS = 120, TEXT_LIMIT = 64 << 20 };

/* A name of a table or column; the report may come from anyone. */
static void add_name(char *name, const char *part)
{
    size_t len = strlen(name);
    if (len && len < NAME_MAX_OCTETS)
        name[len++] = '_';
    for (; *part && len < NAME_MAX_OCTETS; part++)
        name[len++] = isalnum((unsigned char)*part) ? *part : '_';
    name[len] = 0;
}

struct path {
    char name[NAME_MAX_OCTETS + 1];
};

static struct path below(struct path p, const char *part)
{
    add_name(p.name, part);
    return p;
}

static json_t *table(json_t *tables, const char *name)
{
    json_t *rows = json_object_get(tables, *name ? name : "report");
    if (!rows) {
        rows = json_array();
        json_object_set_new(tables, *name ? name : "report", rows);
    }
    return rows;
}

/* Where a row belongs: its parent's number and name, NULL at the top. */
struct parent {
    json_int_t number;
    const json_t *name;
};

static json_t *new_row(const struct parent *of)
{
    json_t *row = json_object();
    if (of) {
        json_object_set_new(row, "of", json_integer(of->number));
        if (of->name)
            json_object_set(row, "of_name", (json_t *)(uintptr_t)of->name);
    }
    return row;
}

static const json_t *name_of(const json_t *row)
{
    static const char *const keys[] = {"id",       "country", "name", "local",        "remote",
                                       "provider", "date",    "kind", "organisation", "day"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(row, keys[i]);
        if (json_is_string(value) || json_is_integer(value))
            return value;
    }
    return NULL;
}

static bool is_list_of_objects(const json_t *list)
{
    return json_is_object(json_array_get(list, 0));
}

/* Few texts or numbers within a row are one cell. */
static json_t *joined(const json_t *list)
{
    struct buf out;
    size_t i;
    json_t *value;
    buf_init(&out, TEXT_LIMIT);
    buf_text(&out, "");
    json_array_foreach((json_t *)(uintptr_t)list, i, value)
    {
        char *text = json_is_string(value)
                         ? strdup(json_string_value(value))
                         : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        buf_format(&out, "%s%s", i ? json_is_string(value) ? " | " : ";" : "", text ? text : "");
        free(text);
    }
    json_t *made = json_stringn(out.at ? out.at : "", out.len);
    buf_done(&out);
    return made;
}

static void take_list(json_t *tables, struct path name, const json_t *list,
                      const struct parent *of);

enum { JOINED_MAX = 64 };

/* Puts the value into the row's columns, or into a table of its own. */
static void take_value(json_t *tables, json_t *row, struct path column, struct path name,
                       const json_t *value, const struct parent *of)
{
    const char *key;
    json_t *inner;
    bool nested = json_is_array(value) &&
                  (is_list_of_objects(value) || json_is_array(json_array_get(value, 0)) ||
                   json_array_size(value) > JOINED_MAX);
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, inner)
            take_value(tables, row, below(column, key), below(name, key), inner, of);
    } else if (nested) {
        take_list(tables, name, value, of);
    } else if (json_is_array(value)) {
        json_object_set_new(row, column.name, joined(value));
    } else {
        json_object_set(row, column.name, (json_t *)(uintptr_t)value);
    }
}

static void take_row(json_t *tables, struct path name, json_t *rows, const json_t *object,
                     const struct parent *of)
{
    json_t *row = new_row(of);
    json_array_append_new(rows, row);
    struct parent self = {(json_int_t)json_array_size(rows), name_of(object)};
    take_value(tables, row, (struct path){""}, name, object, &self);
}

static void take_matrix(json_t *rows, size_t number, const json_t *list, const struct parent *of)
{
    size_t i;
    json_t *value;
    json_array_foreach((json_t *)(uintptr_t)list, i, value)
    {
        json_t *row = new_row(of);
        json_object_set_new(row, "row", json_integer((json_int_t)number));
        json_object_set_new(row, "index", json_integer((json_int_t)i));
        json_object_set(row, "value", value);
        json_array_append_new(rows, row);
    }
}

static void take_list(json_t *tables, struct path name, const json_t *list, const struct parent *of)
{
    json_t *rows = table(tables, name.name), *value;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, value)
    {
        if (json_is_object(value)) {
            take_row(tables, name, rows, value, of);
        } else if (json_is_array(value)) {
            take_matrix(rows, i, value, of);
        } else {
            json_t *row = new_row(of);
            json_object_set_new(row, "index", json_integer((json_int_t)i));
            json_object_set(row, "value", value);
            json_array_append_new(rows, row);
        }
    }
}

/* What is in no list: (path, value). */
static void take_top(json_t *tables, struct path name, const json_t *value)
{
    const char *key;
    json_t *inner;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, inner)
            take_top(tables, below(name, key), inner);
    } else if (json_is_array(value)) {
        take_list(tables, name, value, NULL);
    } else {
        char *text = json_is_string(value)
                         ? strdup(json_string_value(value))
                         : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        json_array_append_new(table(tables, "values"), json_pack("{s:s, s:s}", "path", name.name,
                                                                 "value", text ? text : ""));
        free(text);
    }
}

json_t *report_tables(const json_t *model)
{
    json_t *tables = json_object();
    take_top(tables, (struct path){""}, model);
    return tables;
}

json_t *report_table_columns(const json_t *rows)
{
    json_t *seen = json_object(), *columns = json_array(), *row, *value;
    const char *key;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        json_object_foreach(row, key, value)
        {
            if (!json_object_get(seen, key)) {
                json_object_set_new(seen, key, json_true());
                json_array_append_new(columns, json_string(key));
            }
        }
    }
    json_decref(seen);
    return columns;
}

/* --- CSV --- */

/* The analyst's own words have lines; they stay. */
static void add_inert(struct buf *out, struct bytes text)
{
    for (size_t at = 0; at <= text.len;) {
        const uint8_t *end = text.len > at ? memchr(text.at + at, '\n', text.len - at) : NULL;
        size_t len = end ? (size_t)(end - text.at) - at : text.len - at;
        text_utf8(out, bytes_slice(text, at, len), true);
        if (end)
            buf_u8(out, '\n');
        at += len + 1;
    }
}

static void add_cell(struct buf *line, const json_t *value)
{
    if (json_is_string(value)) {
        struct buf inert;
        buf_init(&inert, TEXT_LIMIT);
        add_inert(&inert, bytes_of(json_string_value(value), json_string_length(value)));
        text_csv(line, bytes_of(inert.at, inert.len));
        buf_done(&inert);
    } else if (value && !json_is_null(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        buf_text(line, text);
        free(text);
    }
}

void report_table_csv(const json_t *rows, FILE *out)
{
    json_t *columns = report_table_columns(rows), *column, *row;
    struct buf line;
    size_t i, n;
    buf_init(&line, TEXT_LIMIT);
    json_array_foreach(columns, i, column)
        buf_format(&line, "%s%s", i ? "," : "", json_string_value(column));
    buf_text(&line, "\r\n");
    json_array_foreach((json_t *)(uintptr_t)rows, n, row)
    {
        json_array_foreach(columns, i, column)
        {
            buf_text(&line, i ? "," : "");
            add_cell(&line, json_object_get(row, json_string_value(column)));
        }
        buf_text(&line, "\r\n");
        fwrite(line.at, 1, line.len, out);
        buf_clear(&line);
    }
    fwrite(line.at, 1, line.len, out); /* a table without rows has its header alone */
    buf_done(&line);
    json_decref(columns);
}

/* --- for the engine --- */

/* The type that holds every value of the column; one that is mixed is text. */
static const char *type_of(const json_t *rows, const char *column)
{
    bool integer = true, number = true, logical = true;
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        const json_t *value = json_object_get(row, column);
        if (!value || json_is_null(value))
            continue;
        integer &= json_is_integer(value);
        number &= json_is_number(value);
        logical &= json_is_boolean(value);
    }
    return logical && !number ? "Nullable(UInt8)"
           : integer          ? "Nullable(Int64)"
           : number           ? "Nullable(Float64)"
                              : "Nullable(String)";
}

void report_table_structure(const json_t *rows, struct buf *out)
{
    json_t *columns = report_table_columns(rows), *column;
    size_t i;
    json_array_foreach(columns, i, column)
    {
        const char *name = json_string_value(column);
        buf_format(out, "%s`%s` %s", i ? ", " : "", name, type_of(rows, name));
    }
    json_decref(columns);
}

static json_t *text_of(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_t *made = json_string(text);
    free(text);
    return made;
}

void report_table_json(const json_t *rows, FILE *out)
{
    json_t *columns = report_table_columns(rows), *column, *row;
    size_t i, n;
    bool *texts = memory_array(json_array_size(columns) + 1, sizeof *texts);
    json_array_foreach(columns, i, column) texts[i] =
        strcmp(type_of(rows, json_string_value(column)), "Nullable(String)") == 0;
    putc('[', out);
    json_array_foreach((json_t *)(uintptr_t)rows, n, row)
    {
        json_t *made = json_object();
        json_array_foreach(columns, i, column)
        {
            const char *name = json_string_value(column);
            json_t *value = json_object_get(row, name);
            bool as_text = texts[i] && value && !json_is_string(value) && !json_is_null(value);
            if (json_is_boolean(value) && !as_text)
                json_object_set_new(made, name, json_integer(json_is_true(value)));
            else if (as_text)
                json_object_set_new(made, name, text_of(value));
            else
                json_object_set_new(made, name, value ? json_incref(value) : json_null());
        }
        fputs(n ? ",\n" : "\n", out);
        json_dumpf(made, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
        json_decref(made);
    }
    fputs("\n]\n", out);
    free(texts);
    json_decref(columns);
}
