/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/texts.h"

#include "decode/decoder.h"
#include "schema/values.h"
#include "wire/cursor.h"

enum { CISCO_HTTP = 0x03000050, CISCO_HTTP_HOST = 0x3402, APPLICATION_MAX = 64 };

/* Without padding: ends at the first NUL, no spaces around. */
static struct bytes trimmed(struct bytes b)
{
    const uint8_t *nul = b.len ? memchr(b.at, 0, b.len) : NULL;
    if (nul)
        b.len = (size_t)(nul - b.at);
    while (b.len && b.at[0] == ' ')
        b.at++, b.len--;
    while (b.len && b.at[b.len - 1] == ' ')
        b.len--;
    return b;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static struct bytes without_port(struct bytes b)
{
    size_t len = b.len;
    while (len && is_digit(b.at[len - 1]))
        len--;
    if (len && len < b.len && b.at[len - 1] == ':')
        b.len = len - 1;
    return b;
}

size_t host_normalise(struct bytes in, enum ie_form form, char to[HOST_MAX])
{
    if (form == FORM_CISCO_HOST) {
        bool host = in.len > 6 && octets_be32(in.at) == CISCO_HTTP &&
                    octets_be16(in.at + 4) == CISCO_HTTP_HOST;
        in = host ? bytes_slice(in, 6, in.len) : bytes_of(in.at, 0);
    }
    in = without_port(trimmed(in));
    if (in.len && in.at[in.len - 1] == '.')
        in.len--;
    if (in.len == 0 || in.len > HOST_MAX)
        return 0;
    bool letter = false;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 'a' - 'A');
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && !is_digit(c) && c != '-' && c != '_' && c != '.')
            return 0;
        letter |= is_letter;
        to[i] = (char)c;
    }
    return letter ? in.len : 0; /* top-level domains have letters, IPv4 addresses none */
}

static uint32_t application_code(const struct message *m, struct bytes text)
{
    text = trimmed(text);
    if (text.len == 0 || text.len > APPLICATION_MAX)
        return 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < ' ' || text.at[i] > '~')
            return 0;
    return symbols_code(m->d->setting.symbols, SYMBOL_APPLICATION, (const char *)text.at, text.len);
}

static void write_names(struct message *m, const struct records *r, const struct step *s,
                        size_t count, size_t row)
{
    char host[HOST_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t len = host_normalise(records_text(r, s, i), (enum ie_form)s->form, host);
        if (!len)
            continue;
        batch_set_text(m->out, FIELD_server_name, row + i, host, len);
        batch_name_kind(m->out)[row + i] = NAME_EXPORTER;
    }
}

static void write_applications(struct message *m, const struct records *r, const struct template *t,
                               size_t count, size_t row)
{
    const struct step *name = template_step(t, IE_APPLICATION_NAME);
    const struct step *id = template_step(t, IE_APPLICATION_ID);
    const struct exporter *teller = m->e;
    if (id && !teller->facts.count) {
        const struct exporter *kin = exporter_kin(m->d->exporters, m->e, NULL);
        teller = kin ? kin : teller;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t code = name ? application_code(m, records_text(r, name, i)) : 0;
        if (!code && id)
            facts_get(&teller->facts, FACT_APPLICATION, records_number(r, id, i), &code);
        batch_application(m->out)[row + i] = code;
    }
}

void texts_write(struct message *m, const struct records *r, const struct template *t, size_t count,
                 size_t row)
{
    const struct step *host = template_step(t, IE_NAME);
    if (host)
        write_names(m, r, host, count, row);
    if (t->step_of[IE_APPLICATION_NAME] || t->step_of[IE_APPLICATION_ID])
        write_applications(m, r, t, count, row);
}

void texts_note(struct message *m, const struct records *r, const struct template *t, size_t i)
{
    const struct step *name = template_step(t, IE_APPLICATION_NAME);
    const struct step *id = template_step(t, IE_APPLICATION_ID);
    if (!name || !id)
        return;
    uint32_t code = application_code(m, records_text(r, name, i));
    if (code)
        facts_set(&m->e->facts, FACT_APPLICATION, records_number(r, id, i), code,
                  &m->d->facts_left);
}
