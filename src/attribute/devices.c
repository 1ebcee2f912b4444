/* SPDX-License-Identifier: Apache-2.0 */
#include "attribute/devices.h"

#include <stdlib.h>
#include <string.h>

#include "attribute/facts.h"
#include "attribute/names.h"
#include "base/memory.h"
#include "schema/values.h"
#include "study/yamlfile.h"

enum { LIST_MAX = 4096, SERVICES = 1 << 16, NOT_ASKED = UINT8_MAX };

/* ------------------------------------------------------------------ the file */

struct network_text {
    const char *is, *port;
};

struct device_text {
    const char *platform, *source;
    const char **names, **services;
    struct network_text *networks;
    uint32_t names_count, services_count, networks_count;
};

struct devices_text {
    struct device_text *devices;
    uint32_t devices_count;
};

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t network_fields[] = {
    TEXT("is", struct network_text, is), TEXT("port", struct network_text, port), CYAML_FIELD_END};
static const cyaml_schema_value_t network_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct network_text, network_fields)};

static const cyaml_schema_field_t device_fields[] = {
    TEXT("platform", struct device_text, platform),
    TEXT("source", struct device_text, source),
    CYAML_FIELD_SEQUENCE("names", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct device_text,
                         names, &text_schema, 0, LIST_MAX),
    CYAML_FIELD_SEQUENCE("services", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct device_text,
                         services, &text_schema, 0, LIST_MAX),
    CYAML_FIELD_SEQUENCE("networks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct device_text,
                         networks, &network_schema, 0, LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t device_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct device_text, device_fields)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER, struct devices_text, devices,
                         &device_schema, 0, LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct devices_text, file_fields)};

/* ------------------------------------------------------------------ compiled */

struct network {
    struct prefix prefix;
    uint16_t port;
    uint8_t protocol, platform;
};

struct service {
    char *id;
    uint8_t platform;
};

struct devices {
    const struct symbols *symbols;
    struct names *names;
    struct network *networks; /* few, and asked only for their ports */
    struct service *services;
    size_t network_count, service_count;
    uint8_t by_code[SERVICES]; /* platform by symbols code of the service, NOT_ASKED at first */
    uint64_t ports[(UINT16_MAX + 1) / 64];
};

void devices_free(struct devices *d)
{
    if (!d)
        return;
    names_free(d->names);
    for (size_t i = 0; i < d->service_count; i++)
        free(d->services[i].id);
    free(d->services);
    free(d->networks);
    free(d);
}

static int add_network(struct devices *d, const struct yamlfile *y, const struct network_text *n,
                       uint8_t platform, struct error *err)
{
    struct network made = {.platform = platform};
    const char *slash = strchr(n->port, '/');
    int protocol = slash ? protocol_value(n->port, (size_t)(slash - n->port)) : -1;
    char *end = NULL;
    unsigned long port = slash ? strtoul(slash + 1, &end, 10) : 0;
    if (!prefix_parse(n->is, strlen(n->is), true, &made.prefix))
        return yamlfile_wrong(y, err, "devices", "'%s' is no prefix", n->is);
    if (protocol < 0 || port == 0 || port > UINT16_MAX || *end)
        return yamlfile_wrong(y, err, "devices", "'%s' is no port (tcp/5223)", n->port);
    made.protocol = (uint8_t)protocol;
    made.port = (uint16_t)port;
    d->ports[port / 64] |= UINT64_C(1) << port % 64;
    d->networks = memory_resize(d->networks, d->network_count + 1, sizeof *d->networks);
    d->networks[d->network_count++] = made;
    return 0;
}

static void add_service(struct devices *d, const char *id, uint8_t platform)
{
    char *copy = memory_alloc(strlen(id) + 1);
    memcpy(copy, id, strlen(id) + 1);
    d->services = memory_resize(d->services, d->service_count + 1, sizeof *d->services);
    d->services[d->service_count++] = (struct service){copy, platform};
}

static int add_device(struct devices *d, const struct yamlfile *y, const struct device_text *t,
                      struct error *err)
{
    int platform = platform_value(t->platform, strlen(t->platform));
    if (platform < 0)
        return yamlfile_wrong(y, err, "devices", "'%s' is no platform", t->platform);
    for (uint32_t i = 0; i < t->names_count; i++)
        names_add(d->names, NAMES_SUFFIX, t->names[i], strlen(t->names[i]), (uint32_t)platform);
    for (uint32_t i = 0; i < t->services_count; i++)
        add_service(d, t->services[i], (uint8_t)platform);
    int status = 0;
    for (uint32_t i = 0; i < t->networks_count && status == 0; i++)
        status = add_network(d, y, &t->networks[i], (uint8_t)platform, err);
    return status;
}

int devices_parse(const char *text, size_t len, const struct symbols *symbols, struct devices **ret,
                  struct error *err)
{
    struct yamlfile *y;
    int status = yamlfile_parse("catalogue/devices.yaml", text, len, &file_schema, &y, err);
    if (status < 0)
        return status;
    const struct devices_text *t = yamlfile_data(y);
    struct devices *d = memory_alloc(sizeof *d);
    d->symbols = symbols;
    d->names = names_new();
    memset(d->by_code, NOT_ASKED, sizeof d->by_code);
    for (uint32_t i = 0; i < t->devices_count && status == 0; i++)
        status = add_device(d, y, &t->devices[i], err);
    names_seal(d->names);
    yamlfile_free(y);
    if (status < 0)
        devices_free(d);
    else
        *ret = d;
    return status;
}

int devices_open(const struct symbols *symbols, struct devices **ret, struct error *err)
{
    return devices_parse(devices_embedded[0].text, devices_embedded[0].len, symbols, ret, err);
}

/* ------------------------------------------------------------------ asked */

static uint8_t of_service(struct devices *d, uint16_t code)
{
    if (d->by_code[code] != NOT_ASKED)
        return d->by_code[code];
    const char *id = symbols_text(d->symbols, SYMBOL_SERVICE, code);
    uint8_t platform = PLATFORM_UNKNOWN;
    for (size_t i = 0; i < d->service_count; i++)
        if (strcmp(d->services[i].id, id) == 0)
            platform = d->services[i].platform;
    d->by_code[code] = platform;
    return platform;
}

static uint8_t of_network(const struct devices *d, const struct batch *b, size_t i)
{
    uint16_t port = batch_remote_port(b)[i];
    if (!(d->ports[port / 64] & UINT64_C(1) << port % 64))
        return PLATFORM_UNKNOWN;
    for (size_t n = 0; n < d->network_count; n++) {
        const struct network *w = &d->networks[n];
        if (w->port == port && w->protocol == batch_protocol(b)[i] &&
            prefix_contains(&w->prefix, &batch_remote(b)[i]))
            return w->platform;
    }
    return PLATFORM_UNKNOWN;
}

/* A service that is itself only likely (by its AS or port) says nothing of a device. */
static bool is_sure(unsigned basis)
{
    return basis == BASIS_NAME || basis == BASIS_DPI || basis == BASIS_DNS || basis == BASIS_PREFIX;
}

static uint8_t platform_of_row(struct devices *d, const struct batch *b, size_t i)
{
    uint32_t values[NAMES_MATCHES_MAX];
    struct bytes host = batch_text(b, FIELD_server_name, i);
    if (host.len && names_find(d->names, (const char *)host.at, host.len, values))
        return (uint8_t)values[0];
    uint8_t platform = is_sure(batch_basis(b)[i]) ? of_service(d, batch_service(b)[i]) : 0;
    return platform ? platform : of_network(d, b, i);
}

void devices_batch(struct devices *d, struct batch *flows)
{
    for (size_t i = 0; i < flows->rows; i++) {
        /* What was found here before is found anew. */
        if (batch_platform_basis(flows)[i] == PLATFORM_BASIS_SERVICE)
            batch_platform(flows)[i] = batch_platform_basis(flows)[i] = 0;
        uint8_t known = batch_platform(flows)[i];
        if (batch_role(flows)[i] != ROLE_CONSUMED || (known && known != PLATFORM_TOOL))
            continue;
        uint8_t platform = platform_of_row(d, flows, i);
        if (!platform)
            continue;
        batch_platform(flows)[i] = platform;
        batch_platform_basis(flows)[i] = PLATFORM_BASIS_SERVICE;
    }
}
