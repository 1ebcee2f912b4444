/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_TEXT(name, number, text) [number] = text,
static const char *const role_texts[] = {ROLE_VALUES(VALUE_TEXT)};
static const char *const basis_texts[] = {BASIS_VALUES(VALUE_TEXT)};
static const char *const name_kind_texts[] = {NAME_KIND_VALUES(VALUE_TEXT)};
static const char *const opener_texts[] = {OPENER_VALUES(VALUE_TEXT)};
static const char *const owner_texts[] = {OWNER_VALUES(VALUE_TEXT)};
static const char *const platform_texts[] = {PLATFORM_VALUES(VALUE_TEXT)};
static const char *const platform_basis_texts[] = {PLATFORM_BASIS_VALUES(VALUE_TEXT)};

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

static int value_in(const char *const *texts, size_t count, const char *text, size_t len)
{
    for (size_t i = 1; i < count; i++)
        if (strlen(texts[i]) == len && strncasecmp(texts[i], text, len) == 0)
            return (int)i;
    return -1;
}

#define TEXT_OF(set)                                                                               \
    const char *set##_text(unsigned value)                                                         \
    {                                                                                              \
        return value < COUNT_OF(set##_texts) ? set##_texts[value] : "";                            \
    }
#define VALUE_OF(set)                                                                              \
    int set##_value(const char *text, size_t len)                                                  \
    {                                                                                              \
        return value_in(set##_texts, COUNT_OF(set##_texts), text, len);                            \
    }

TEXT_OF(role)
TEXT_OF(basis)
TEXT_OF(name_kind)
TEXT_OF(opener)
TEXT_OF(owner)
TEXT_OF(platform)
TEXT_OF(platform_basis)
VALUE_OF(role)
VALUE_OF(basis)
VALUE_OF(owner)
VALUE_OF(platform)
VALUE_OF(platform_basis)

#define BIT_TEXT(name, number, text) {number, text},
static const struct {
    unsigned bit;
    const char *text;
} tls_faults[] = {TLS_FAULT_VALUES(BIT_TEXT)};

const char *tls_fault_text(unsigned bit)
{
    for (size_t i = 0; i < COUNT_OF(tls_faults); i++)
        if (tls_faults[i].bit == bit)
            return tls_faults[i].text;
    return "";
}

int tls_fault_value(const char *text, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(tls_faults); i++)
        if (strlen(tls_faults[i].text) == len && strncasecmp(tls_faults[i].text, text, len) == 0)
            return (int)tls_faults[i].bit;
    return -1;
}

void tls_faults_text(unsigned faults, char text[TLS_FAULTS_TEXT_MAX])
{
    char *at = text;
    for (size_t i = 0; i < COUNT_OF(tls_faults); i++) {
        if (!(faults & tls_faults[i].bit))
            continue;
        if (at > text)
            *at++ = '|';
        size_t len = strlen(tls_faults[i].text);
        memcpy(at, tls_faults[i].text, len);
        at += len;
    }
    *at = 0;
}

/* RFC 8446 section 4.2.1, RFC 9147 section 5.3, RFC 6101; SSL 2's own numbering. */
static const struct {
    unsigned version;
    const char *text;
} tls_versions[] = {
    {0x0002, "SSL2"},    {0x0300, "SSL3"},    {0x0301, "TLS1.0"},
    {0x0302, "TLS1.1"},  {0x0303, "TLS1.2"},  {0x0304, "TLS1.3"},
    {0xfefc, "DTLS1.3"}, {0xfefd, "DTLS1.2"}, {0xfeff, "DTLS1.0"},
};

const char *tls_version_text(unsigned version)
{
    for (size_t i = 0; i < COUNT_OF(tls_versions); i++)
        if (tls_versions[i].version == version)
            return tls_versions[i].text;
    return "";
}

unsigned tls_version_at(unsigned index)
{
    return index < COUNT_OF(tls_versions) ? tls_versions[index].version : 0;
}

void country_text(unsigned code, char text[3])
{
    text[0] = (char)(code >> 8);
    text[1] = (char)(code & 0xff);
    text[2] = 0;
    if (code == 0)
        text[0] = 0;
}

void tcp_flags_text(unsigned flags, char text[9])
{
    static const char letters[] = "FSRPAUEC";
    for (int i = 0; i < 8; i++)
        if (flags & 1u << i)
            *text++ = letters[i];
    *text = 0;
}

/* https://www.iana.org/assignments/protocol-numbers: those that flow data shows. */
static const struct {
    uint8_t number;
    const char *name;
} protocols[] = {
    {1, "icmp"},   {2, "igmp"},   {4, "ipv4"},     {6, "tcp"},        {8, "egp"},
    {17, "udp"},   {27, "rdp"},   {33, "dccp"},    {41, "ipv6"},      {46, "rsvp"},
    {47, "gre"},   {50, "esp"},   {51, "ah"},      {58, "ipv6-icmp"}, {88, "eigrp"},
    {89, "ospf"},  {94, "ipip"},  {97, "etherip"}, {103, "pim"},      {108, "ipcomp"},
    {112, "vrrp"}, {115, "l2tp"}, {132, "sctp"},   {136, "udplite"},  {137, "mpls-in-ip"},
};

const char *protocol_text(unsigned protocol)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (protocols[i].number == protocol)
            return protocols[i].name;
    return NULL;
}

int protocol_value(const char *text, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (strlen(protocols[i].name) == len && strncasecmp(protocols[i].name, text, len) == 0)
            return protocols[i].number;
    if (len == 5 && strncasecmp(text, "icmp6", 5) == 0)
        return 58;
    int value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || value > 255)
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return len > 0 && value <= 255 ? value : -1;
}
