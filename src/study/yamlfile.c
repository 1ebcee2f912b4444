/* SPDX-License-Identifier: Apache-2.0 */
#include "study/yamlfile.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"

struct yamlfile {
    char *path;
    yaml_document_t document;
    bool has_document;
    const cyaml_schema_value_t *schema;
    void *data;
};

/* One pass over the document: `seen` finds nodes that an alias leads to a second time. */
struct check {
    const struct yamlfile *y;
    bool *seen;
    struct error *err;
};

int yamlfile_read(const char *path, struct buf *ret, struct error *err)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_errno(err, "open %s", path);
    char part[65536];
    size_t n;
    buf_init(ret, YAMLFILE_MAX_OCTETS);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(ret, part, n);
    int status = 0;
    if (ferror(f))
        status = error_errno(err, "read %s", path);
    else if (ret->failed)
        status = error_set(err, ERROR_FAILED, "%s: larger than %d octets", path,
                           (int)YAMLFILE_MAX_OCTETS);
    fclose(f);
    if (status != 0)
        buf_done(ret);
    return status;
}

static yaml_node_t *node_of(const struct yamlfile *y, int index)
{
    /* The document is not changed: libyaml only lacks the const. */
    return yaml_document_get_node((yaml_document_t *)&y->document, index);
}

static bool scalar_is(const yaml_node_t *n, const char *text, size_t len)
{
    return n && n->type == YAML_SCALAR_NODE && n->data.scalar.length == len &&
           memcmp(n->data.scalar.value, text, len) == 0;
}

static int wrong_at(const struct check *c, const yaml_node_t *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int wrong_at(const struct check *c, const yaml_node_t *n, const char *format, ...)
{
    char what[600];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(c->err, ERROR_USAGE, "%s:%zu: %s", c->y->path, n->start_mark.line + 1, what);
}

/* Levenshtein's distance, for "did you mean"; keys are short. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[65];
    if (a_len > 64 || b_len > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t up = row[j], best = corner + (a[i - 1] != b[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = up;
            row[j] = best;
        }
    }
    return row[b_len];
}

static int unknown_key(const struct check *c, const cyaml_schema_field_t *fields,
                       const yaml_node_t *key)
{
    const char *text = (const char *)key->data.scalar.value;
    size_t len = key->data.scalar.length, best = 3;
    const char *near = NULL;
    char known[400] = "";
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        size_t d = distance(text, len, f->key, strlen(f->key));
        if (d < best && d < strlen(f->key)) {
            best = d;
            near = f->key;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", f->key);
    }
    if (near)
        return wrong_at(c, key, "unknown key '%.64s' (did you mean '%s'?)", text, near);
    return wrong_at(c, key, "unknown key '%.64s' (known here: %s)", text, known);
}

static int check_node(const struct check *c, const char *key, const cyaml_schema_value_t *schema,
                      int index);

static const cyaml_schema_field_t *field_of(const cyaml_schema_field_t *fields,
                                            const yaml_node_t *key)
{
    for (; fields->key; fields++)
        if (scalar_is(key, fields->key, strlen(fields->key)))
            return fields;
    return NULL;
}

static int check_pair(const struct check *c, const cyaml_schema_field_t *fields,
                      const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = node_of(c->y, pair->key);
    if (key->type != YAML_SCALAR_NODE)
        return wrong_at(c, key, "a key must be a word");
    const cyaml_schema_field_t *field = field_of(fields, key);
    if (!field)
        return unknown_key(c, fields, key);
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = node_of(c->y, p->key);
        if (scalar_is(other, field->key, strlen(field->key)))
            return wrong_at(c, key, "key '%s' is given twice (before in line %zu)", field->key,
                            other->start_mark.line + 1);
    }
    return check_node(c, field->key, &field->value, pair->value);
}

static int check_mapping(const struct check *c, const char *key, const cyaml_schema_value_t *schema,
                         const yaml_node_t *n)
{
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    if (n->type != YAML_MAPPING_NODE)
        return wrong_at(c, n, "%s: keys and values are needed here, as in '%s: ...'", key,
                        fields->key);
    const yaml_node_pair_t *first = n->data.mapping.pairs.start, *end = n->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = first; p < end; p++)
        if (check_pair(c, fields, n, p) != 0)
            return ERROR_USAGE;
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        bool found = f->value.flags & CYAML_FLAG_OPTIONAL;
        for (const yaml_node_pair_t *p = first; p < end && !found; p++)
            found = scalar_is(node_of(c->y, p->key), f->key, strlen(f->key));
        if (!found && *key)
            return wrong_at(c, n, "%s: key '%s' is missing", key, f->key);
        if (!found)
            return wrong_at(c, n, "key '%s' is missing", f->key);
    }
    return 0;
}

static int check_sequence(const struct check *c, const char *key,
                          const cyaml_schema_value_t *schema, const yaml_node_t *n)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return wrong_at(c, n, "%s: a list is needed ('[]' for an empty one)", key);
    const yaml_node_item_t *first = n->data.sequence.items.start, *end = n->data.sequence.items.top;
    if ((size_t)(end - first) < schema->sequence.min)
        return wrong_at(c, n, "%s: the list has %zu entries, at least %u are needed", key,
                        (size_t)(end - first), schema->sequence.min);
    if ((size_t)(end - first) > schema->sequence.max)
        return wrong_at(c, n, "%s: the list has %zu entries, at most %u are taken", key,
                        (size_t)(end - first), schema->sequence.max);
    for (const yaml_node_item_t *i = first; i < end; i++)
        if (check_node(c, key, schema->sequence.entry, *i) != 0)
            return ERROR_USAGE;
    return 0;
}

static bool is_unsigned(const char *text, size_t len, uint32_t octets)
{
    unsigned long long max = octets >= 8 ? UINT64_MAX : (1ull << octets * 8) - 1;
    if (len == 0 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
        return false;
    errno = 0;
    return strtoull(text, NULL, 10) <= max && errno == 0;
}

static bool is_number(const char *text, size_t len)
{
    char *end;
    if (len == 0 || strspn(text, "0123456789.eE+-") != len)
        return false;
    strtod(text, &end);
    return end == text + len;
}

static int check_enum(const struct check *c, const char *key, const cyaml_schema_value_t *schema,
                      const yaml_node_t *n)
{
    char known[300] = "";
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *text = schema->enumeration.strings[i].str;
        if (scalar_is(n, text, strlen(text)))
            return 0;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", text);
    }
    return wrong_at(c, n, "%s: '%.64s' is none of: %s", key, n->data.scalar.value, known);
}

static int check_scalar(const struct check *c, const char *key, const cyaml_schema_value_t *schema,
                        const yaml_node_t *n)
{
    if (n->type != YAML_SCALAR_NODE)
        return wrong_at(c, n, "%s: one value is needed, not a list or more keys", key);
    const char *text = (const char *)n->data.scalar.value;
    size_t len = n->data.scalar.length;
    switch (schema->type) {
    case CYAML_STRING:
        if (len < schema->string.min)
            return wrong_at(c, n, "%s: the value is empty", key);
        return 0;
    case CYAML_UINT:
        if (!is_unsigned(text, len, schema->data_size))
            return wrong_at(c, n, "%s: '%.64s' is not a whole number", key, text);
        return 0;
    case CYAML_FLOAT:
        if (!is_number(text, len))
            return wrong_at(c, n, "%s: '%.64s' is not a number", key, text);
        return 0;
    case CYAML_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return wrong_at(c, n, "%s: '%.64s' is neither true nor false", key, text);
        return 0;
    case CYAML_ENUM:
        return check_enum(c, key, schema, n);
    default:
        assert(false); /* a schema type that this function does not know */
        return 0;
    }
}

static int check_node(const struct check *c, const char *key, const cyaml_schema_value_t *schema,
                      int index)
{
    const yaml_node_t *n = node_of(c->y, index);
    if (c->seen[index])
        return wrong_at(c, n, "%s: anchors and aliases are not taken", key);
    c->seen[index] = true;
    if (schema->type == CYAML_MAPPING)
        return check_mapping(c, key, schema, n);
    if (schema->type == CYAML_SEQUENCE)
        return check_sequence(c, key, schema, n);
    return check_scalar(c, key, schema, n);
}

static int load_document(struct yamlfile *y, const char *text, size_t len, struct error *err)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        memory_exhausted(sizeof parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    y->has_document = yaml_parser_load(&parser, &y->document);
    int status = 0;
    if (!y->has_document && parser.error == YAML_READER_ERROR) {
        size_t line = 1;
        for (size_t i = 0; i < parser.problem_offset && i < len; i++)
            line += text[i] == '\n';
        status = error_set(err, ERROR_USAGE, "%s:%zu: %s", y->path, line, parser.problem);
    } else if (!y->has_document) {
        status = error_set(err, ERROR_USAGE, "%s:%zu: %s%s%s", y->path,
                           parser.problem_mark.line + 1, parser.problem ? parser.problem : "",
                           parser.context ? " " : "", parser.context ? parser.context : "");
    } else if (!yaml_document_get_root_node(&y->document)) {
        status = error_set(err, ERROR_USAGE, "%s:1: the file is empty", y->path);
    }
    yaml_parser_delete(&parser);
    return status;
}

struct log {
    char text[400];
};

/* Keeps libcyaml's first complaint: the others only say where. */
static void keep_first(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct log *log = ctx;
    if (level < CYAML_LOG_ERROR || log->text[0])
        return;
    vsnprintf(log->text, sizeof log->text, format, args);
    log->text[strcspn(log->text, "\n")] = 0;
}

static int load_data(struct yamlfile *y, const char *text, size_t len, struct error *err)
{
    struct log log = {""};
    const cyaml_config_t config = {.log_fn = keep_first,
                                   .log_ctx = &log,
                                   .mem_fn = cyaml_mem,
                                   .log_level = CYAML_LOG_ERROR,
                                   .flags = CYAML_CFG_NO_ALIAS};
    cyaml_err_t status =
        cyaml_load_data((const uint8_t *)text, len, &config, y->schema, &y->data, NULL);
    if (status != CYAML_OK || !y->data)
        return error_set(err, ERROR_USAGE, "%s:1: %s", y->path,
                         log.text[0] ? log.text : cyaml_strerror(status));
    return 0;
}

int yamlfile_parse(const char *path, const char *text, size_t len,
                   const cyaml_schema_value_t *schema, struct yamlfile **ret, struct error *err)
{
    struct yamlfile *y = memory_alloc(sizeof *y);
    y->path = memory_text(path, strlen(path));
    y->schema = schema;
    int status = load_document(y, text, len, err);
    if (status == 0) {
        size_t nodes = (size_t)(y->document.nodes.top - y->document.nodes.start);
        struct check c = {y, memory_array(nodes + 1, sizeof(bool)), err};
        status = check_node(&c, "", schema, 1);
        free(c.seen);
    }
    if (status == 0)
        status = load_data(y, text, len, err);
    if (status != 0) {
        yamlfile_free(y);
        return ERROR_USAGE;
    }
    *ret = y;
    return 0;
}

void yamlfile_free(struct yamlfile *y)
{
    if (!y)
        return;
    const cyaml_config_t config = {.mem_fn = cyaml_mem};
    if (y->data)
        cyaml_free(&config, y->schema, y->data, 0);
    if (y->has_document)
        yaml_document_delete(&y->document);
    free(y->path);
    free(y);
}

const void *yamlfile_data(const struct yamlfile *y)
{
    return y->data;
}

/* The child that the next part of a path names; NULL where there is none. */
static const yaml_node_t *step(const struct yamlfile *y, const yaml_node_t *n, const char **where)
{
    const char *at = *where;
    if (*at == '[') {
        size_t index = strtoull(at + 1, (char **)where, 10);
        *where += **where == ']';
        if (n->type != YAML_SEQUENCE_NODE ||
            index >= (size_t)(n->data.sequence.items.top - n->data.sequence.items.start))
            return NULL;
        return node_of(y, n->data.sequence.items.start[index]);
    }
    at += *at == '.';
    size_t len = strcspn(at, ".[");
    *where = at + len;
    if (n->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
         p++)
        if (scalar_is(node_of(y, p->key), at, len))
            return node_of(y, p->value);
    return NULL;
}

size_t yamlfile_line(const struct yamlfile *y, const char *where)
{
    const yaml_node_t *n = node_of(y, 1);
    while (*where) {
        const yaml_node_t *child = step(y, n, &where);
        if (!child)
            break;
        n = child;
    }
    return n->start_mark.line + 1;
}

int yamlfile_wrong(const struct yamlfile *y, struct error *err, const char *where,
                   const char *format, ...)
{
    char what[700];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(err, ERROR_USAGE, "%s:%zu: %s", y->path, yamlfile_line(y, where), what);
}
