/* SPDX-License-Identifier: Apache-2.0 */
#include "report/pseudonym.h"

#include <ctype.h>
#include <errno.h>
#include <gcrypt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/hash.h"
#include "base/memory.h"

enum { AES_OCTETS = 16, REMEMBERED = 1 << 14 };

struct remembered {
    struct ip from, to;
    bool used;
};

struct pseudonyms {
    gcry_cipher_hd_t aes;
    uint8_t pad[AES_OCTETS];
    uint8_t name_key[crypto_generichash_KEYBYTES];
    struct remembered *slots; /* by hash of the address; a later one takes the place */
};

static void encrypt(struct pseudonyms *p, const uint8_t in[AES_OCTETS], uint8_t out[AES_OCTETS])
{
    gcry_cipher_encrypt(p->aes, out, AES_OCTETS, in, AES_OCTETS);
}

/* The first half of the key is AES-128's, the second, encrypted, is the padding. The key of names
 * is made from all of it. */
struct pseudonyms *pseudonyms_new(const uint8_t key[PSEUDONYM_KEY_OCTETS])
{
    static const char names[] = "telltale names 1";
    struct pseudonyms *p = memory_alloc(sizeof *p);
    gcry_check_version(NULL);
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    if (gcry_cipher_open(&p->aes, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) ||
        gcry_cipher_setkey(p->aes, key, AES_OCTETS))
        memory_exhausted(AES_OCTETS);
    encrypt(p, key + AES_OCTETS, p->pad);
    crypto_generichash(p->name_key, sizeof p->name_key, (const uint8_t *)names, sizeof names - 1,
                       key, PSEUDONYM_KEY_OCTETS);
    p->slots = memory_array(REMEMBERED, sizeof *p->slots);
    return p;
}

void pseudonyms_free(struct pseudonyms *p)
{
    if (!p)
        return;
    gcry_cipher_close(p->aes);
    sodium_memzero(p->name_key, sizeof p->name_key);
    free(p->slots);
    free(p);
}

static int take_key(const char *path, const uint8_t *text, size_t len, struct pseudonyms **ret,
                    struct error *err)
{
    uint8_t key[PSEUDONYM_KEY_OCTETS];
    size_t got = 0;
    size_t bare = len && text[len - 1] == '\n' ? len - 1 : len;
    bare = bare && bare < len && text[bare - 1] == '\r' ? bare - 1 : bare;
    if (len == sizeof key || bare == sizeof key)
        memcpy(key, text, sizeof key);
    else if (bare != 2 * sizeof key ||
             sodium_hex2bin(key, sizeof key, (const char *)text, bare, "", &got, NULL) != 0 ||
             got != sizeof key)
        return error_set(
            err, ERROR_USAGE,
            "%s: a key is 32 octets or 64 hexadecimal digits, as `openssl rand -hex 32` "
            "makes them",
            path);
    *ret = pseudonyms_new(key);
    sodium_memzero(key, sizeof key);
    return 0;
}

int pseudonyms_open(const char *path, struct pseudonyms **ret, struct error *err)
{
    uint8_t text[2 * PSEUDONYM_KEY_OCTETS + 3];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_errno(err, "key %s", path);
    errno = 0;
    size_t len = fread(text, 1, sizeof text, file);
    int status =
        ferror(file) ? error_errno(err, "key %s", path) : take_key(path, text, len, ret, err);
    fclose(file);
    sodium_memzero(text, sizeof text);
    return status;
}

/* Bit i of the mask is the first bit of AES over the first i bits of the address and the rest of
 * the padding. */
static void cryptopan(struct pseudonyms *p, uint8_t *octets, size_t count)
{
    uint8_t mask[IP_OCTETS] = {0}, in[AES_OCTETS], out[AES_OCTETS];
    for (size_t bit = 0; bit < 8 * count; bit++) {
        size_t whole = bit / 8;
        uint8_t part = (uint8_t)(0xff00 >> (bit % 8));
        memcpy(in, p->pad, sizeof in);
        memcpy(in, octets, whole);
        in[whole] = (uint8_t)((octets[whole] & part) | (p->pad[whole] & ~part));
        encrypt(p, in, out);
        mask[whole] |= (uint8_t)((out[0] >> 7) << (7 - bit % 8));
    }
    for (size_t i = 0; i < count; i++)
        octets[i] ^= mask[i];
}

struct ip pseudonym_ip(struct pseudonyms *p, const struct ip *ip)
{
    struct remembered *r = &p->slots[hash_bytes(ip->octet, IP_OCTETS, 1) % REMEMBERED];
    if (r->used && ip_equal(&r->from, ip))
        return r->to;
    *r = (struct remembered){.from = *ip, .to = *ip, .used = true};
    size_t from = ip_is_v4(ip) ? 12 : 0;
    cryptopan(p, r->to.octet + from, IP_OCTETS - from);
    return r->to;
}

/* A prefix's bits depend on these bits alone. */
struct prefix pseudonym_prefix(struct pseudonyms *p, const struct prefix *prefix)
{
    struct prefix made = {pseudonym_ip(p, &prefix->ip), prefix->len_bits};
    for (unsigned bit = made.len_bits; bit < 128; bit++)
        made.ip.octet[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
    return made;
}

size_t pseudonym_name(struct pseudonyms *p, struct bytes name, const char *kind,
                      char ret[PSEUDONYM_NAME_MAX])
{
    enum { HASH_OCTETS = 12 };
    uint8_t hash[crypto_generichash_BYTES_MIN];
    char hex[2 * HASH_OCTETS + 1];
    ret[0] = 0;
    if (!name.len)
        return 0;
    crypto_generichash(hash, sizeof hash, name.at, name.len, p->name_key, sizeof p->name_key);
    sodium_bin2hex(hex, sizeof hex, hash, HASH_OCTETS);
    return (size_t)snprintf(ret, PSEUDONYM_NAME_MAX, "%s-%s%s", kind ? kind : "n", hex,
                            kind ? "" : ".invalid");
}

/* --- addresses in texts --- */

static bool is_v4_char(uint8_t c)
{
    return isdigit(c) || c == '.';
}

static bool is_v6_char(uint8_t c)
{
    return isxdigit(c) || c == ':' || c == '.';
}

/* A number does not begin in a number's middle, nor an IPv6 address in a longer word of its own
 * characters. Whatever else stands before, an address is one: file names hold them, too. */
static bool may_begin(struct bytes text, size_t at, bool v6)
{
    uint8_t before = at ? text.at[at - 1] : ' ';
    if (v6)
        return (isxdigit(text.at[at]) || text.at[at] == ':') && !isxdigit(before) && before != ':';
    return isdigit(text.at[at]) && !isdigit(before);
}

/* The longest address or prefix that starts here; its length, 0 for none. */
static size_t find_address(struct bytes text, size_t at, bool v6, struct prefix *ret,
                           bool *is_prefix)
{
    size_t end = at, digits;
    while (end < text.len && end - at < IP_TEXT_MAX - 1 &&
           (v6 ? is_v6_char(text.at[end]) : is_v4_char(text.at[end])))
        end++;
    for (; end - at >= 2; end--) {
        const char *from = (const char *)text.at + at;
        if (!ip_parse(from, end - at, &ret->ip))
            continue;
        for (digits = end + 1; digits < text.len && digits < end + 4 && isdigit(text.at[digits]);)
            digits++;
        *is_prefix = end < text.len && text.at[end] == '/' && digits > end + 1 &&
                     prefix_parse(from, digits - at, false, ret);
        return *is_prefix ? digits - at : end - at;
    }
    return 0;
}

static size_t take_address(struct pseudonyms *p, struct bytes text, size_t at, struct buf *out)
{
    struct prefix found;
    bool is_prefix = false;
    char made[PREFIX_TEXT_MAX];
    size_t len = 0;
    for (int v6 = 1; v6 >= 0 && len == 0; v6--)
        if (may_begin(text, at, v6))
            len = find_address(text, at, v6, &found, &is_prefix);
    if (len == 0)
        return 0;
    if (is_prefix) {
        struct prefix prefix = pseudonym_prefix(p, &found);
        buf_add(out, made, prefix_print(&prefix, made));
    } else {
        struct ip ip = pseudonym_ip(p, &found.ip);
        buf_add(out, made, ip_print(&ip, made));
    }
    return len;
}

void pseudonym_text(struct pseudonyms *p, struct bytes text, struct buf *out)
{
    for (size_t at = 0, len; at < text.len; at += len ? len : 1) {
        len = take_address(p, text, at, out);
        if (!len)
            buf_u8(out, text.at[at]);
    }
}

/* --- words that may be host names --- */

static bool is_word_char(uint8_t c)
{
    return isalnum(c) || c == '-' || c == '_' || c == '.' || c >= 0x80;
}

/* The length of the word at `at`, without dots at its end; `is_host` when it has a dot inside and a
 * letter. */
static size_t word_at(struct bytes text, size_t at, bool *is_host)
{
    size_t end = at;
    bool letter = false;
    while (end < text.len && is_word_char(text.at[end]))
        letter |= isalpha(text.at[end++]) != 0;
    while (end > at && text.at[end - 1] == '.')
        end--;
    *is_host = letter && memchr(text.at + at, '.', end - at) != NULL;
    return end - at;
}

struct walk {
    struct pseudonyms *p;
    pseudonym_is_name *is_name;
    void (*each)(void *ctx, const char *word, size_t len);
    void *ctx;
    char **labels, **stand_ins;
    size_t label_count;
    struct buf out, word;
};

static void lower(struct buf *out, struct bytes word)
{
    buf_clear(out);
    for (size_t i = 0; i < word.len; i++)
        buf_u8(out, (uint8_t)tolower(word.at[i]));
}

/* Appends the text with host names that may not stand replaced; those that are none go to `each`.
 */
static void replace_names(struct walk *w, struct bytes text, struct buf *out)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        bool is_host = false;
        char made[PSEUDONYM_NAME_MAX];
        len = word_at(text, at, &is_host);
        if (is_host) {
            lower(&w->word, bytes_slice(text, at, len));
            if (w->each)
                w->each(w->ctx, w->word.at, w->word.len);
            is_host = w->is_name && w->is_name(w->ctx, w->word.at, w->word.len);
        }
        len = len ? len : 1;
        if (is_host)
            buf_add(out, made, pseudonym_name(w->p, bytes_of(w->word.at, w->word.len), NULL, made));
        else
            buf_add(out, text.at + at, len);
    }
}

/* --- labels of the study's networks --- */

enum {
    LABEL_LEAST = 4
}; /* shorter ones may be any word; their own fields are replaced all the same */

static void note_label(struct walk *w, const char *label)
{
    char made[PSEUDONYM_NAME_MAX];
    pseudonym_name(w->p, bytes_of_text(label), "network", made);
    w->labels = memory_resize(w->labels, w->label_count + 1, sizeof *w->labels);
    w->stand_ins = memory_resize(w->stand_ins, w->label_count + 1, sizeof *w->stand_ins);
    w->labels[w->label_count] = memory_text(label, strlen(label));
    w->stand_ins[w->label_count++] = memory_text(made, strlen(made));
}

static void note_labels(struct walk *w, const json_t *list)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)list, i, row)
    {
        const char *label = json_string_value(json_object_get(row, "label"));
        if (label && *label)
            note_label(w, label);
    }
}

static size_t label_at(const struct walk *w, struct bytes text, size_t at, size_t *which)
{
    size_t best = 0;
    if (at && isalnum(text.at[at - 1]))
        return 0;
    for (size_t i = 0; i < w->label_count; i++) {
        size_t len = strlen(w->labels[i]);
        if (len >= LABEL_LEAST && len > best && text.len - at >= len &&
            memcmp(text.at + at, w->labels[i], len) == 0 &&
            (at + len == text.len || !isalnum(text.at[at + len]))) {
            best = len;
            *which = i;
        }
    }
    return best;
}

static void replace_labels(struct walk *w, struct bytes text, struct buf *out)
{
    for (size_t at = 0, len, which; at < text.len; at += len ? len : 1) {
        len = label_at(w, text, at, &which);
        if (len)
            buf_text(out, w->stand_ins[which]);
        else
            buf_u8(out, text.at[at]);
    }
}

/* --- the model --- */

enum { TEXT_LIMIT = 64 << 20 };

/* Labels, then host names (they may hold addresses), then addresses; what stands in for the first
 * two holds none. */
static json_t *changed_text(struct walk *w, const char *text)
{
    struct buf labels, names;
    buf_init(&labels, TEXT_LIMIT);
    buf_init(&names, TEXT_LIMIT);
    buf_clear(&w->out);
    buf_text(&w->out, "");
    replace_labels(w, bytes_of_text(text), &labels);
    replace_names(w, bytes_of(labels.at, labels.len), &names);
    pseudonym_text(w->p, bytes_of(names.at, names.len), &w->out);
    json_t *made = json_stringn(w->out.at ? w->out.at : "", w->out.len);
    buf_done(&labels);
    buf_done(&names);
    return made;
}

static json_t *named(struct walk *w, const char *text, const char *kind)
{
    char made[PSEUDONYM_NAME_MAX];
    pseudonym_name(w->p, bytes_of_text(text), kind, made);
    return json_string(made);
}

static bool is_one_of(const char *key, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(key, *list) == 0)
            return true;
    return false;
}

/* What a key alone decides: versions have the form of addresses and are none. */
static const char *const kept_keys[] = {"schema",          "generated", "engine", "definitions",
                                        "program_version", "sha256",    "digest", NULL};

static json_t *changed(struct walk *w, const json_t *old, const char *parent, const char *key)
{
    const char *text = json_string_value(old), *inner;
    json_t *made, *value;
    size_t i;
    if (text && strcmp(key, "path") == 0)
        return named(w, text, "source");
    if (text && strcmp(key, "label") == 0 && strcmp(parent, "events") != 0 &&
        strcmp(parent, "holidays") != 0)
        return named(w, text, "network");
    if (text)
        return changed_text(w, text);
    if (json_is_array(old)) {
        made = json_array();
        json_array_foreach((json_t *)(uintptr_t)old, i, value)
            json_array_append_new(made, changed(w, value, key, ""));
        return made;
    }
    if (!json_is_object(old))
        return json_deep_copy(old);
    made = json_object();
    const char *of = *key ? key : parent;
    json_object_foreach((json_t *)(uintptr_t)old, inner, value)
    {
        json_t *name = changed_text(w, inner);
        json_object_set_new(made, json_string_value(name),
                            is_one_of(inner, kept_keys) ? json_deep_copy(value)
                                                        : changed(w, value, of, inner));
        json_decref(name);
    }
    return made;
}

static void walk_done(struct walk *w)
{
    for (size_t i = 0; i < w->label_count; i++) {
        free(w->labels[i]);
        free(w->stand_ins[i]);
    }
    free(w->labels);
    free(w->stand_ins);
    buf_done(&w->out);
    buf_done(&w->word);
}

static struct walk walk_of(struct pseudonyms *p)
{
    struct walk w = {.p = p};
    buf_init(&w.out, TEXT_LIMIT);
    buf_init(&w.word, TEXT_LIMIT);
    return w;
}

json_t *pseudonym_model(struct pseudonyms *p, const json_t *model, pseudonym_is_name *is_name,
                        void *ctx)
{
    struct walk w = walk_of(p);
    w.is_name = is_name;
    w.ctx = ctx;
    note_labels(&w, json_object_get(json_object_get(model, "study"), "population"));
    note_labels(&w, json_object_get(json_object_get(model, "presence"), "excluded"));
    note_labels(&w, json_object_get(model, "pivots"));
    json_t *made = changed(&w, model, "", "");
    walk_done(&w);
    json_t *provenance = json_object_get(made, "provenance");
    if (provenance) {
        char digest[ANALYSIS_DIGEST_TEXT];
        json_object_set_new(provenance, "pseudonyms", json_string("crypto-pan/1"));
        analysis_digest(made, digest);
        json_object_set_new(provenance, "digest", json_string(digest));
    }
    return made;
}

static void words_of(struct walk *w, const json_t *old)
{
    const char *text = json_string_value(old), *key;
    json_t *value;
    size_t i;
    if (text) {
        buf_clear(&w->out);
        replace_names(w, bytes_of_text(text), &w->out);
    }
    json_array_foreach((json_t *)(uintptr_t)old, i, value) words_of(w, value);
    json_object_foreach((json_t *)(uintptr_t)old, key, value) words_of(w, value);
}

void pseudonym_words(const json_t *model, void (*each)(void *ctx, const char *word, size_t len),
                     void *ctx)
{
    struct walk w = walk_of(NULL);
    w.each = each;
    w.ctx = ctx;
    words_of(&w, model);
    walk_done(&w);
}
