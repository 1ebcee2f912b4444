/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the catalogue's YAML with libyaml's document loader, which keeps the line of every node, so
 * that each complaint can name one. The program's own files go through the same code as a study's:
 * an entry a study cannot write, we cannot write either. */
#include "attribute/facts.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/zone.h"
#include "schema/values.h"

enum {
    FILE_OCTETS_MAX = 64 << 20,
    SERVICES_MAX = 60000, /* a service code is 16 bits */
    ARENA_OCTETS_MAX = 1 << 30,
};

struct service {
    const char *id, *name, *note;
    size_t category;
    unsigned owner;
    bool shared, shared_said, protocol, own;
};

struct named {
    const char *id, *name, *note;
    unsigned kind;
};

struct facts {
    struct fact *at;
    size_t count, room;
};

struct catalogue {
    struct arena *arena;
    struct service *services;
    size_t service_count, service_room;
    uint32_t *slots; /* id to service index + 1; power of two */
    size_t slot_count;
    struct named *categories, *owners;
    size_t category_count, owner_count;
    struct facts facts, owner_facts;
    char sha256[65];
    int32_t day;
};

/* One file being read. */
struct reading {
    struct catalogue *c;
    yaml_document_t *doc;
    const char *file;
    bool own;
    const char *sources[FACT_KINDS]; /* the file's default for each kind of fact */
    struct error *err;
};

/* Key in the YAML, and what kind of fact its items are. Owners use `words` too. */
static const struct {
    const char *key;
    enum fact_kind kind;
} FACT_KEYS[] = {
    {"hosts", FACT_HOST},        {"names", FACT_NAME},
    {"brands", FACT_BRAND},      {"prefixes", FACT_PREFIX},
    {"asns", FACT_ASN},          {"ports", FACT_PORT},
    {"ndpi", FACT_LABEL},        {"on", FACT_ON},
    {"words", FACT_WORD},        {"marks", FACT_MARK},
    {"misspelt", FACT_MISSPELT},
};
enum { FACT_KEY_COUNT = sizeof FACT_KEYS / sizeof *FACT_KEYS };

static int fact_key(const char *key)
{
    for (int i = 0; i < FACT_KEY_COUNT; i++)
        if (strcmp(FACT_KEYS[i].key, key) == 0)
            return i;
    return -1;
}

/* --- nodes --- */

__attribute__((format(printf, 3, 4))) static int wrong(struct reading *r, const yaml_node_t *n,
                                                       const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(r->err, ERROR_USAGE, "%s:%zu: %s", r->file, n->start_mark.line + 1, text);
}

static yaml_node_t *node_at(struct reading *r, int index)
{
    return yaml_document_get_node(r->doc, index);
}

static const char *scalar(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static const char *keep(struct reading *r, const char *text)
{
    return arena_text(r->c->arena, text, strlen(text));
}

/* Calls each(r, key, value) for every pair; stops at the first error. */
#define EACH_PAIR(n, pair)                                                                         \
    for (yaml_node_pair_t *pair = (n)->data.mapping.pairs.start;                                   \
         pair < (n)->data.mapping.pairs.top; pair++)
#define EACH_ITEM(n, item)                                                                         \
    for (yaml_node_item_t *item = (n)->data.sequence.items.start;                                  \
         item < (n)->data.sequence.items.top; item++)

static int read_text(struct reading *r, const yaml_node_t *value, const char *what,
                     const char **ret)
{
    const char *text = scalar(value);
    if (!text || !*text)
        return wrong(r, value, "%s is not a text", what);
    *ret = keep(r, text);
    return 0;
}

static int read_flag(struct reading *r, const yaml_node_t *value, const char *what, bool *ret)
{
    const char *text = scalar(value);
    if (!text || (strcmp(text, "true") && strcmp(text, "false")))
        return wrong(r, value, "%s is true or false", what);
    *ret = text[0] == 't';
    return 0;
}

static int read_day(struct reading *r, const yaml_node_t *value, int32_t *ret)
{
    const char *text = scalar(value);
    if (!text || date_parse(text, strlen(text), ret) != 0)
        return wrong(r, value, "\"%s\" is not a date like 2017-04-01", text ? text : "");
    return 0;
}

/* --- facts --- */

static bool number(const char **at, unsigned long max, unsigned long *ret)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *ret = strtoul(*at, &end, 10);
    *at = end;
    return errno == 0 && *ret <= max;
}

/* "tcp/443", "udp/6881-6889", "esp". */
static bool parse_port(const char *text, struct fact *f)
{
    const char *slash = strchrnul(text, '/');
    int protocol = protocol_value(text, (size_t)(slash - text));
    if (protocol < 1)
        return false;
    f->protocol = (uint8_t)protocol;
    if (!*slash)
        return true;
    unsigned long first, last;
    const char *at = slash + 1;
    if (!number(&at, 65535, &first) || first == 0)
        return false;
    last = first;
    if (*at == '-') {
        at++;
        if (!number(&at, 65535, &last) || last < first)
            return false;
    }
    f->port_first = (uint16_t)first, f->port_last = (uint16_t)last;
    return *at == 0;
}

static bool domain_valid(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 253 || text[0] == '.' || text[len - 1] == '.' || strstr(text, ".."))
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

/* A part of a label: five octets at least, or four with a star (at the beginning only). */
static bool word_valid(const char *text)
{
    size_t len = strlen(text), plain = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len <= 63 && (plain == len ? len >= 5 : plain >= 4 && strcmp(text + plain, "*") == 0);
}

/* Owners only: "univ-*.fr", a registered label by its beginning under one suffix. */
static bool pattern_valid(const char *text)
{
    const char *star = strchr(text, '*');
    size_t start = star ? (size_t)(star - text) : 0;
    return start >= 2 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == start &&
           star[1] == '.' && domain_valid(star + 2);
}

/* A mark in another script than Latin, in UTF-8: 苹果. */
static bool other_script(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x80)
            return false;
    return len >= 4 && len <= 63;
}

static bool plain_label(const char *text)
{
    size_t len = strlen(text);
    return len <= 63 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int check_fact(struct reading *r, const yaml_node_t *n, struct fact *f, bool into_services)
{
    const char *text = f->text;
    bool good = true;
    switch (f->kind) {
    case FACT_NAME:
    case FACT_EXACT:
        if (text[0] == '=')
            f->kind = FACT_EXACT, f->text = ++text;
        good = domain_valid(text) || (!into_services && pattern_valid(text));
        break;
    case FACT_BRAND:
    case FACT_HOST:
        good = domain_valid(text) && !strchr(text, '.');
        break;
    case FACT_MARK:
        good = (plain_label(text) && strlen(text) >= 3) || other_script(text);
        break;
    case FACT_MISSPELT:
        good = plain_label(text) && strlen(text) >= 6;
        break;
    case FACT_WORD:
        good = !into_services || word_valid(text);
        break;
    case FACT_PREFIX:
        good = prefix_parse(text, strlen(text), true, &f->prefix);
        break;
    case FACT_ASN: {
        unsigned long asn;
        good = number(&text, UINT32_MAX, &asn) && *text == 0 && asn > 0;
        f->asn = (uint32_t)asn;
        break;
    }
    case FACT_PORT:
        good = parse_port(text, f);
        break;
    default:
        break;
    }
    static const char *const NOUNS[FACT_KINDS] = {[FACT_HOST] = "label",
                                                  [FACT_PREFIX] = "prefix",
                                                  [FACT_ASN] = "AS number",
                                                  [FACT_PORT] = "port like tcp/443",
                                                  [FACT_NAME] = "domain in lower case",
                                                  [FACT_EXACT] = "host name",
                                                  [FACT_BRAND] = "label",
                                                  [FACT_WORD] = "word of five letters or more",
                                                  [FACT_MARK] = "mark of three letters or more",
                                                  [FACT_MISSPELT] = "word of six letters or more"};
    return good ? 0 : wrong(r, n, "\"%s\" is not a %s", text, NOUNS[f->kind]);
}

static void facts_add(struct facts *list, const struct fact *f)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 256;
        list->at = memory_resize(list->at, list->room, sizeof *list->at);
    }
    list->at[list->count++] = *f;
}

/* {is: 31.13.64.0/18, port: tcp/443, source: .., from: .., to: ..} */
static int read_long_fact(struct reading *r, const yaml_node_t *n, struct fact *f)
{
    f->text = NULL;
    EACH_PAIR(n, pair)
    {
        const char *key = scalar(node_at(r, pair->key));
        const yaml_node_t *value = node_at(r, pair->value);
        int rc = 0;
        if (key && strcmp(key, "is") == 0)
            rc = read_text(r, value, key, &f->text);
        else if (key && strcmp(key, "source") == 0)
            rc = read_text(r, value, key, &f->source);
        else if (key && strcmp(key, "from") == 0)
            rc = read_day(r, value, &f->from_day);
        else if (key && strcmp(key, "to") == 0)
            rc = read_day(r, value, &f->to_day);
        else if (key && strcmp(key, "port") == 0 &&
                 (f->kind == FACT_PREFIX || f->kind == FACT_ASN)) {
            if (!scalar(value) || !parse_port(scalar(value), f))
                rc = wrong(r, value, "not a port like tcp/443");
        } else
            rc = wrong(r, node_at(r, pair->key), "unknown key \"%s\"", key ? key : "");
        if (rc)
            return rc;
    }
    if (f->from_day > f->to_day)
        return wrong(r, n, "\"%s\" ends before it begins", f->text ? f->text : "");
    return f->text ? 0 : wrong(r, n, "a fact without \"is\"");
}

static int read_fact(struct reading *r, const yaml_node_t *n, struct fact f, struct facts *into)
{
    int rc = n->type == YAML_MAPPING_NODE ? read_long_fact(r, n, &f)
                                          : read_text(r, n, "a fact", &f.text);
    if (rc == 0)
        rc = check_fact(r, n, &f, into == &r->c->facts);
    if (rc)
        return rc;
    if (!f.source && r->own)
        f.source = r->file;
    if (!f.source)
        return wrong(r, n, "\"%s\" has no source", f.text);
    f.line = (unsigned)n->start_mark.line + 1;
    facts_add(into, &f);
    return 0;
}

static int read_facts(struct reading *r, const yaml_node_t *list, enum fact_kind kind,
                      uint32_t subject, const char *source, struct facts *into)
{
    if (list->type != YAML_SEQUENCE_NODE)
        return wrong(r, list, "not a list");
    struct fact f = {.kind = kind,
                     .own = r->own,
                     .subject = subject,
                     .file = r->file,
                     .from_day = FACT_DAY_MIN,
                     .to_day = FACT_DAY_MAX,
                     .source = source};
    EACH_ITEM(list, item)
    {
        int rc = read_fact(r, node_at(r, *item), f, into);
        if (rc)
            return rc;
    }
    return 0;
}

/* `sources: {names: text, asns: text}` of a file or an entry, over what is in `sources`. */
static int read_sources(struct reading *r, const yaml_node_t *n, const char *sources[FACT_KINDS])
{
    if (n->type != YAML_MAPPING_NODE)
        return wrong(r, n, "sources is not a mapping of fact lists to texts");
    EACH_PAIR(n, pair)
    {
        const yaml_node_t *key = node_at(r, pair->key);
        int i = scalar(key) ? fact_key(scalar(key)) : -1;
        if (i < 0)
            return wrong(r, key, "unknown list \"%s\"", scalar(key) ? scalar(key) : "");
        int rc = read_text(r, node_at(r, pair->value), "a source", &sources[FACT_KEYS[i].kind]);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- services --- */

static uint32_t *service_slot(const struct catalogue *c, const char *id, size_t len)
{
    size_t mask = c->slot_count - 1;
    for (size_t i = hash_bytes(id, len, 0) & mask;; i = (i + 1) & mask) {
        uint32_t s = c->slots[i];
        if (s == 0 ||
            (strlen(c->services[s - 1].id) == len && memcmp(c->services[s - 1].id, id, len) == 0))
            return &c->slots[i];
    }
}

static void services_grow(struct catalogue *c)
{
    c->service_room = c->service_room ? c->service_room * 2 : 512;
    c->services = memory_resize(c->services, c->service_room, sizeof *c->services);
    free(c->slots);
    c->slot_count = c->service_room * 2;
    c->slots = memory_array(c->slot_count, sizeof *c->slots);
    for (uint32_t i = 0; i < c->service_count; i++)
        *service_slot(c, c->services[i].id, strlen(c->services[i].id)) = i + 1;
}

/* The service of that id: a new one, or (in a study's own file) one that is there already. */
static int service_at(struct reading *r, const yaml_node_t *n, const char *id, uint32_t *ret)
{
    struct catalogue *c = r->c;
    size_t len = strlen(id);
    if (len == 0 || len > 64 || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len ||
        id[0] == '-' || id[len - 1] == '-' || strstr(id, "--"))
        return wrong(r, n, "\"%s\" is not an id in lower case and dashes", id);
    int known = catalogue_find(c, id, len);
    if (known >= 0 && !r->own)
        return wrong(r, n, "service %s is there twice", id);
    if (known < 0) {
        if (c->service_count >= SERVICES_MAX)
            return wrong(r, n, "more than %d services", SERVICES_MAX);
        if (c->service_count == c->service_room)
            services_grow(c);
        known = (int)c->service_count++;
        c->services[known] = (struct service){
            .id = keep(r, id), .name = keep(r, id), .category = SIZE_MAX, .own = r->own};
        *service_slot(c, id, len) = (uint32_t)known + 1;
    }
    *ret = (uint32_t)known;
    return 0;
}

static int read_category(struct reading *r, const yaml_node_t *value, struct service *s)
{
    const char *text = scalar(value);
    int i = text ? catalogue_category_find(r->c, text, strlen(text)) : -1;
    if (i < 0)
        return wrong(r, value, "unknown category \"%s\"", text ? text : "");
    s->category = (size_t)i;
    return 0;
}

static int read_owner_kind(struct reading *r, const yaml_node_t *value, unsigned *ret)
{
    const char *text = scalar(value);
    int kind = text ? owner_value(text, strlen(text)) : -1;
    if (kind < 0)
        return wrong(r, value, "unknown kind of owner \"%s\"", text ? text : "");
    *ret = (unsigned)kind;
    return 0;
}

/* The plain keys of a service; *taken is false for keys that are not of this sort. */
static int read_service_key(struct reading *r, const char *key, const yaml_node_t *value,
                            struct service *s, bool *taken)
{
    *taken = true;
    if (strcmp(key, "id") == 0 || strcmp(key, "source") == 0 || strcmp(key, "sources") == 0)
        return 0;
    if (strcmp(key, "name") == 0)
        return read_text(r, value, key, &s->name);
    if (strcmp(key, "note") == 0)
        return read_text(r, value, key, &s->note);
    if (strcmp(key, "category") == 0)
        return read_category(r, value, s);
    if (strcmp(key, "owner") == 0)
        return read_owner_kind(r, value, &s->owner);
    if (strcmp(key, "shared") == 0) {
        s->shared_said = true;
        return read_flag(r, value, key, &s->shared);
    }
    if (strcmp(key, "protocol") == 0)
        return read_flag(r, value, key, &s->protocol);
    *taken = false;
    return 0;
}

/* The entry's own sources over the file's: `source: text` stands for all its facts. */
static int entry_sources(struct reading *r, const yaml_node_t *n, const char *sources[FACT_KINDS])
{
    memcpy(sources, r->sources, sizeof r->sources);
    EACH_PAIR(n, pair)
    {
        const char *key = scalar(node_at(r, pair->key));
        const yaml_node_t *value = node_at(r, pair->value);
        const char *text;
        int rc = 0;
        if (key && strcmp(key, "source") == 0) {
            rc = read_text(r, value, key, &text);
            for (int i = 0; rc == 0 && i < FACT_KINDS; i++)
                sources[i] = text;
        } else if (key && strcmp(key, "sources") == 0) {
            rc = read_sources(r, value, sources);
        }
        if (rc)
            return rc;
    }
    return 0;
}

/* An entry begins with its id: it is what a reader looks for. */
static int entry_id(struct reading *r, const yaml_node_t *n, const char **ret)
{
    if (n->type != YAML_MAPPING_NODE || n->data.mapping.pairs.start == n->data.mapping.pairs.top)
        return wrong(r, n, "an entry is a mapping that begins with id");
    const yaml_node_pair_t *first = n->data.mapping.pairs.start;
    const char *key = scalar(node_at(r, first->key));
    if (!key || strcmp(key, "id"))
        return wrong(r, n, "an entry begins with id");
    return read_text(r, node_at(r, first->value), "id", ret);
}

static int read_service(struct reading *r, const yaml_node_t *n)
{
    const char *id, *sources[FACT_KINDS];
    uint32_t index = 0;
    int rc = entry_id(r, n, &id);
    if (rc || (rc = service_at(r, n, id, &index)) || (rc = entry_sources(r, n, sources)))
        return rc;
    EACH_PAIR(n, pair)
    {
        const yaml_node_t *key_node = node_at(r, pair->key), *value = node_at(r, pair->value);
        const char *key = scalar(key_node);
        bool taken = false;
        if (key && (rc = read_service_key(r, key, value, &r->c->services[index], &taken)))
            return rc;
        int i = key ? fact_key(key) : -1;
        if (!taken && i < 0)
            return wrong(r, key_node, "unknown key \"%s\"", key ? key : "");
        if (!taken && (rc = read_facts(r, value, FACT_KEYS[i].kind, index,
                                       sources[FACT_KEYS[i].kind], &r->c->facts)))
            return rc;
    }
    struct service *s = &r->c->services[index];
    return s->category == SIZE_MAX ? wrong(r, n, "%s has no category", id) : 0;
}

/* --- categories and owners --- */

static struct named *named_add(struct named **list, size_t *count, const char *id)
{
    *list = memory_resize(*list, *count + 1, sizeof **list);
    (*list)[*count] = (struct named){.id = id, .name = id};
    return &(*list)[(*count)++];
}

static int read_category_entry(struct reading *r, const yaml_node_t *n)
{
    const char *id;
    int rc = entry_id(r, n, &id);
    if (rc)
        return rc;
    if (catalogue_category_find(r->c, id, strlen(id)) >= 0)
        return wrong(r, n, "category %s is there twice", id);
    struct named *entry = named_add(&r->c->categories, &r->c->category_count, id);
    EACH_PAIR(n, pair)
    {
        const char *key = scalar(node_at(r, pair->key));
        if (key && strcmp(key, "name") == 0)
            rc = read_text(r, node_at(r, pair->value), key, &entry->name);
        else if (!key || strcmp(key, "id"))
            rc = wrong(r, node_at(r, pair->key), "unknown key \"%s\"", key ? key : "");
        if (rc)
            return rc;
    }
    return 0;
}

static int read_owner_entry(struct reading *r, const yaml_node_t *n)
{
    const char *id, *sources[FACT_KINDS];
    int rc = entry_id(r, n, &id);
    if (rc || (rc = entry_sources(r, n, sources)))
        return rc;
    struct named *entry = named_add(&r->c->owners, &r->c->owner_count, id);
    uint32_t index = (uint32_t)r->c->owner_count - 1;
    EACH_PAIR(n, pair)
    {
        const yaml_node_t *key_node = node_at(r, pair->key), *value = node_at(r, pair->value);
        const char *key = scalar(key_node) ? scalar(key_node) : "";
        int i = fact_key(key);
        if (strcmp(key, "id") == 0 || strcmp(key, "source") == 0 || strcmp(key, "sources") == 0)
            continue;
        if (strcmp(key, "name") == 0)
            rc = read_text(r, value, key, &entry->name);
        else if (strcmp(key, "note") == 0)
            rc = read_text(r, value, key, &entry->note);
        else if (strcmp(key, "kind") == 0)
            rc = read_owner_kind(r, value, &entry->kind);
        else if (i >= 0 && (FACT_KEYS[i].kind == FACT_NAME || FACT_KEYS[i].kind == FACT_PREFIX ||
                            FACT_KEYS[i].kind == FACT_ASN || FACT_KEYS[i].kind == FACT_WORD))
            rc = read_facts(r, value, FACT_KEYS[i].kind, index, sources[FACT_KEYS[i].kind],
                            &r->c->owner_facts);
        else
            rc = wrong(r, key_node, "unknown key \"%s\"", key);
        if (rc)
            return rc;
    }
    return entry->kind ? 0 : wrong(r, n, "%s has no kind", id);
}

/* --- files --- */

static int read_entries(struct reading *r, const yaml_node_t *list,
                        int (*read)(struct reading *, const yaml_node_t *))
{
    if (list->type != YAML_SEQUENCE_NODE)
        return wrong(r, list, "not a list of entries");
    EACH_ITEM(list, item)
    {
        int rc = read(r, node_at(r, *item));
        if (rc)
            return rc;
    }
    return 0;
}

static int read_root_key(struct reading *r, const char *key, const yaml_node_t *value)
{
    int32_t day;
    if (strcmp(key, "sources") == 0)
        return read_sources(r, value, r->sources);
    if (strcmp(key, "services") == 0)
        return read_entries(r, value, read_service);
    if (strcmp(key, "categories") == 0)
        return read_entries(r, value, read_category_entry);
    if (strcmp(key, "owners") == 0)
        return read_entries(r, value, read_owner_entry);
    if (strcmp(key, "date"))
        return wrong(r, value, "unknown key \"%s\"", key);
    int rc = read_day(r, value, &day);
    if (rc == 0 && day > r->c->day)
        r->c->day = day;
    return rc;
}

static int read_root(struct reading *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);
    if (!root)
        return 0; /* an empty file */
    if (root->type == YAML_SEQUENCE_NODE)
        return read_entries(r, root, read_service);
    if (root->type != YAML_MAPPING_NODE)
        return wrong(r, root, "neither a list of services nor a mapping");
    EACH_PAIR(root, pair)
    {
        const yaml_node_t *key = node_at(r, pair->key);
        int rc = scalar(key) ? read_root_key(r, scalar(key), node_at(r, pair->value))
                             : wrong(r, key, "a key is not a text");
        if (rc)
            return rc;
    }
    return 0;
}

static int read_file(struct catalogue *c, const struct catalogue_file *file, bool own,
                     struct error *err)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    if (!yaml_parser_initialize(&parser))
        return error_set(err, ERROR_FAILED, "no memory to read %s", file->name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)file->text, file->len);
    int rc = 0;
    if (!yaml_parser_load(&parser, &doc)) {
        rc = error_set(err, ERROR_USAGE, "%s:%zu: %s", file->name, parser.problem_mark.line + 1,
                       parser.problem ? parser.problem : "not YAML");
    } else {
        struct reading r = {.c = c,
                            .doc = &doc,
                            .own = own,
                            .err = err,
                            .file = arena_text(c->arena, file->name, strlen(file->name))};
        rc = read_root(&r);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* A CDN, cloud or hosting provider is shared unless its entry says otherwise; every `on` must name
 * one. Done last, for entries may come in any order. */
static int finish(struct catalogue *c, struct error *err)
{
    for (size_t i = 0; i < c->facts.count; i++) {
        const struct fact *f = &c->facts.at[i];
        if (f->kind != FACT_ON)
            continue;
        int on = catalogue_find(c, f->text, strlen(f->text));
        if (on < 0 || !catalogue_service_shared(c, (size_t)on))
            return error_set(err, ERROR_USAGE, "%s:%u: \"%s\" is no shared provider", f->file,
                             f->line, f->text);
    }
    return 0;
}

static void digest(struct catalogue *c, const struct catalogue_file *files, size_t count)
{
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++)
        crypto_hash_sha256_update(&state, (const unsigned char *)files[i].text, files[i].len);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(c->sha256, sizeof c->sha256, hash, sizeof hash);
}

int catalogue_parse(const struct catalogue_file *files, size_t count, size_t own_from,
                    struct catalogue **ret, struct error *err)
{
    struct catalogue *c = memory_alloc(sizeof *c);
    c->arena = arena_new(ARENA_OCTETS_MAX);
    services_grow(c);
    digest(c, files, count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_file(c, &files[i], i >= own_from, err);
    if (rc == 0)
        rc = finish(c, err);
    if (rc)
        catalogue_free(c);
    else
        *ret = c;
    return rc;
}

static int slurp(const char *path, struct catalogue_file *ret, struct error *err)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_errno(err, "open %s", path);
    size_t room = 1 << 16, len = 0, got;
    char *text = memory_array(room, 1);
    while ((got = fread(text + len, 1, room - len, f)) > 0) {
        len += got;
        if (len == room && room < FILE_OCTETS_MAX)
            text = memory_resize(text, room *= 2, 1);
    }
    bool bad = ferror(f);
    fclose(f);
    if (bad || len >= FILE_OCTETS_MAX) {
        free(text);
        return error_set(err, ERROR_FAILED, "%s: %s", path,
                         bad ? "cannot be read" : "larger than 64 MB");
    }
    *ret = (struct catalogue_file){.name = path, .text = text, .len = len};
    return 0;
}

int catalogue_load(const char *const *files, size_t file_count, struct catalogue **ret,
                   struct error *err)
{
    size_t built_in = catalogue_embedded_count, count = built_in;
    struct catalogue_file *all = memory_array(built_in + file_count, sizeof *all);
    memcpy(all, catalogue_embedded, built_in * sizeof *all);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < file_count; i++)
        if ((rc = slurp(files[i], &all[count], err)) == 0)
            count++;
    if (rc == 0)
        rc = catalogue_parse(all, count, built_in, ret, err);
    for (size_t i = built_in; i < count; i++)
        free((char *)all[i].text);
    free(all);
    return rc;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    free(c->services);
    free(c->slots);
    free(c->categories);
    free(c->owners);
    free(c->facts.at);
    free(c->owner_facts.at);
    arena_free(c->arena);
    free(c);
}

/* --- answers --- */

size_t catalogue_services(const struct catalogue *c)
{
    return c->service_count;
}

const char *catalogue_service_id(const struct catalogue *c, size_t index)
{
    return c->services[index].id;
}

const char *catalogue_service_name(const struct catalogue *c, size_t index)
{
    return c->services[index].name;
}

const char *catalogue_service_category(const struct catalogue *c, size_t index)
{
    return c->categories[c->services[index].category].id;
}

size_t catalogue_service_category_index(const struct catalogue *c, size_t index)
{
    return c->services[index].category;
}

unsigned catalogue_service_owner(const struct catalogue *c, size_t index)
{
    return c->services[index].owner;
}

bool catalogue_service_shared(const struct catalogue *c, size_t index)
{
    const char *category = catalogue_service_category(c, index);
    if (c->services[index].shared_said)
        return c->services[index].shared;
    return strcmp(category, "cdn") == 0 || strcmp(category, "cloud") == 0 ||
           strcmp(category, "hosting") == 0;
}

bool catalogue_service_is_protocol(const struct catalogue *c, size_t index)
{
    return c->services[index].protocol;
}

int catalogue_find(const struct catalogue *c, const char *id, size_t len)
{
    return (int)*service_slot(c, id, len) - 1;
}

size_t catalogue_categories(const struct catalogue *c)
{
    return c->category_count;
}

const char *catalogue_category_id(const struct catalogue *c, size_t index)
{
    return c->categories[index].id;
}

const char *catalogue_category_name(const struct catalogue *c, size_t index)
{
    return c->categories[index].name;
}

int catalogue_category_find(const struct catalogue *c, const char *id, size_t len)
{
    for (size_t i = 0; i < c->category_count; i++)
        if (strlen(c->categories[i].id) == len && memcmp(c->categories[i].id, id, len) == 0)
            return (int)i;
    return -1;
}

size_t catalogue_owners(const struct catalogue *c)
{
    return c->owner_count;
}

const char *catalogue_owner_name(const struct catalogue *c, size_t index)
{
    return c->owners[index].name;
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

const char *catalogue_service_note(const struct catalogue *c, size_t index)
{
    return text_or_empty(c->services[index].note);
}

const char *catalogue_owner_note(const struct catalogue *c, size_t index)
{
    return text_or_empty(c->owners[index].note);
}

unsigned catalogue_owner_kind(const struct catalogue *c, size_t index)
{
    return c->owners[index].kind;
}

const struct fact *catalogue_facts(const struct catalogue *c, size_t *count)
{
    *count = c->facts.count;
    return c->facts.at;
}

const struct fact *catalogue_owner_facts(const struct catalogue *c, size_t *count)
{
    *count = c->owner_facts.count;
    return c->owner_facts.at;
}

const char *catalogue_sha256(const struct catalogue *c)
{
    return c->sha256;
}

int32_t catalogue_day(const struct catalogue *c)
{
    return c->day;
}
