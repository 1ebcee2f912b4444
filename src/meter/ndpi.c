/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/ndpi.h"

#include <ndpi_api.h>
#include <stdlib.h>

#include "base/memory.h"

enum { CODES = 1024 };

struct dpi {
    struct ndpi_detection_module_struct *module;
    struct symbols *symbols;
    /* The text of a protocol pair is made once, not for each conversation. */
    struct {
        uint32_t pair, code;
    } codes[CODES];
};

struct dpi_flow {
    uint16_t master, application;
    struct ndpi_flow_struct flow;
};

struct dpi *dpi_new(struct symbols *symbols)
{
    struct dpi *d = memory_alloc(sizeof *d);
    d->symbols = symbols;
    /* The list of Tor hosts is of one date, and an address is no evidence of a protocol. */
    d->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts);
    if (!d->module)
        memory_exhausted(sizeof *d);
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(d->module, &all);
    ndpi_finalize_initialization(d->module);
    return d;
}

void dpi_free(struct dpi *d)
{
    if (!d)
        return;
    ndpi_exit_detection_module(d->module);
    free(d);
}

size_t dpi_flow_octets(void)
{
    return sizeof(struct dpi_flow);
}

void dpi_flow_end(struct dpi_flow *f)
{
    ndpi_free_flow_data(&f->flow);
}

static uint32_t pair_code(struct dpi *d, uint16_t master, uint16_t application)
{
    uint32_t pair = (uint32_t)master << 16 | application;
    size_t at = (pair ^ pair >> 11) % CODES;
    if (d->codes[at].pair != pair || !d->codes[at].code) {
        char text[96];
        ndpi_protocol p = {.master_protocol = master, .app_protocol = application};
        ndpi_protocol2name(d->module, p, text, sizeof text);
        d->codes[at].pair = pair;
        d->codes[at].code = symbols_code(d->symbols, SYMBOL_APPLICATION, text, strlen(text));
    }
    return d->codes[at].code;
}

static bool name_says(struct dpi *d, const char *name, size_t len, uint16_t application)
{
    char text[256];
    ndpi_protocol_match_result match;
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, name, len);
    text[len] = 0;
    if (text[0] == '*') /* a wildcard certificate: any host there */
        text[0] = 'w';
    return ndpi_match_string_subprotocol(d->module, text, (u_int)len, &match) == application;
}

/* The host asked for, or a name in the certificate, is one of this application. */
static bool names_say(struct dpi *d, const struct dpi_flow *f)
{
    const char *host = f->flow.host_server_name;
    if (name_says(d, host, strlen(host), f->application))
        return true;
    const char *at = f->master == NDPI_PROTOCOL_TLS ? f->flow.protos.tls_quic.server_names : NULL;
    while (at && *at) {
        size_t len = strcspn(at, ",");
        if (name_says(d, at, len, f->application))
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

static uint16_t owner_of(struct dpi *d, uint32_t address, uint16_t port)
{
    struct in_addr a = {.s_addr = address};
    return ndpi_network_port_ptree_match(d->module, &a, port);
}

/* nDPI puts the service that owns an address above the protocol it found ("TLS.Google" without any
 * name seen). That counts only where a name says the same. Its address lists are of IPv4. */
static bool is_from_address(struct dpi *d, const struct dpi_flow *f)
{
    if (f->master == NDPI_PROTOCOL_UNKNOWN || f->flow.is_ipv6)
        return false;
    if (owner_of(d, f->flow.saddr, f->flow.sport) != f->application &&
        owner_of(d, f->flow.daddr, f->flow.dport) != f->application)
        return false;
    return !names_say(d, f);
}

bool dpi_packet(struct dpi *d, struct dpi_flow *f, struct bytes l3, uint64_t time_ms)
{
    uint16_t len = l3.len < UINT16_MAX ? (uint16_t)l3.len : UINT16_MAX;
    ndpi_protocol found = ndpi_detection_process_packet(d->module, &f->flow, l3.at, len, time_ms);
    if (found.app_protocol == NDPI_PROTOCOL_UNKNOWN)
        return false;
    f->master = found.master_protocol;
    f->application = found.app_protocol;
    /* Both layers are known, or nDPI has nothing more to look for (a certificate, an answer). */
    bool both = f->master != NDPI_PROTOCOL_UNKNOWN && f->master != f->application;
    return (both && !is_from_address(d, f)) || !ndpi_extra_dissection_possible(d->module, &f->flow);
}

uint32_t dpi_so_far(struct dpi *d, const struct dpi_flow *f)
{
    if (f->application == NDPI_PROTOCOL_UNKNOWN ||
        (f->flow.confidence != NDPI_CONFIDENCE_DPI &&
         f->flow.confidence != NDPI_CONFIDENCE_DPI_CACHE))
        return 0;
    if (is_from_address(d, f))
        return pair_code(d, NDPI_PROTOCOL_UNKNOWN, f->master);
    return pair_code(d, f->master, f->application);
}

uint32_t dpi_application(struct dpi *d, struct dpi_flow *f)
{
    if (f->application == NDPI_PROTOCOL_UNKNOWN) {
        uint8_t guessed = 0;
        ndpi_protocol found = ndpi_detection_giveup(d->module, &f->flow, 0, &guessed);
        if (guessed)
            return 0;
        f->master = found.master_protocol;
        f->application = found.app_protocol;
    }
    return dpi_so_far(d, f);
}

bool dpi_is_quic(const struct dpi_flow *f)
{
    return f->master == NDPI_PROTOCOL_QUIC || f->application == NDPI_PROTOCOL_QUIC;
}
