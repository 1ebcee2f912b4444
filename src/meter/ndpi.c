/* SPDX-License-Identifier: Apache-2.0 */
/* nDPI 4.2 (Debian 12) to 5.0. Its interface changed with most releases; meson.build tries what the
 * installed one takes (TELLTALE_NDPI_*), and the differences stay in the small functions below. */
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

/* ------------------------------------------------------------------ what differs by release */

static struct ndpi_detection_module_struct *module_new(void)
{
#ifdef TELLTALE_NDPI_CONTEXT /* 4.10 */
    struct ndpi_detection_module_struct *m = ndpi_init_detection_module(NULL);
    if (m)
        ndpi_set_config(m, "tor", "ip_list.load", "0");
#else
    struct ndpi_detection_module_struct *m = ndpi_init_detection_module(ndpi_dont_load_tor_hosts);
#endif
#ifdef TELLTALE_NDPI_BITMASK /* to 4.14; from 5.0 on all protocols are looked for anyway */
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    if (m)
        ndpi_set_protocol_detection_bitmask2(m, &all);
#endif
    return m;
}

static uint16_t master_of(const ndpi_protocol *p)
{
#ifdef TELLTALE_NDPI_NESTED /* 4.12 */
    return p->proto.master_protocol;
#else
    return p->master_protocol;
#endif
}

static uint16_t application_of(const ndpi_protocol *p)
{
#ifdef TELLTALE_NDPI_NESTED
    return p->proto.app_protocol;
#else
    return p->app_protocol;
#endif
}

static ndpi_protocol process(struct dpi *d, struct dpi_flow *f, struct bytes l3, uint64_t time_ms)
{
    uint16_t len = l3.len < UINT16_MAX ? (uint16_t)l3.len : UINT16_MAX;
#ifdef TELLTALE_NDPI_INPUT_INFO /* 4.6 */
    return ndpi_detection_process_packet(d->module, &f->flow, l3.at, len, time_ms, NULL);
#else
    return ndpi_detection_process_packet(d->module, &f->flow, l3.at, len, time_ms);
#endif
}

/* Whether there is nothing more to learn of a protocol that was found. */
static bool is_final(struct dpi *d, struct dpi_flow *f, const ndpi_protocol *found)
{
#ifdef TELLTALE_NDPI_EXTRA /* to 4.14 */
    (void)found;
    return !ndpi_extra_dissection_possible(d->module, &f->flow);
#else
    (void)d;
    return found->state == NDPI_STATE_MONITORING ||
           (found->state == NDPI_STATE_CLASSIFIED && !f->flow.extra_packets_func);
#endif
}

/* What is found when no more will come, without guesses from ports; false for a guess. */
static bool give_up(struct dpi *d, struct dpi_flow *f, ndpi_protocol *ret)
{
    uint8_t guessed = 0;
#if TELLTALE_NDPI_GIVEUP == 4
    *ret = ndpi_detection_giveup(d->module, &f->flow, 0, &guessed);
#elif TELLTALE_NDPI_GIVEUP == 3 /* 4.10 */
    *ret = ndpi_detection_giveup(d->module, &f->flow, &guessed);
#else                           /* 5.0: dpi_so_far() asks how sure it is */
    *ret = ndpi_detection_giveup(d->module, &f->flow);
#endif
    return !guessed;
}

static void name_of(struct dpi *d, uint16_t master, uint16_t application, char *text, u_int size)
{
#ifdef TELLTALE_NDPI_MASTER_APP
    ndpi_master_app_protocol p = {.master_protocol = master, .app_protocol = application};
#elif defined TELLTALE_NDPI_NESTED
    ndpi_protocol p = {.proto = {.master_protocol = master, .app_protocol = application}};
#else
    ndpi_protocol p = {.master_protocol = master, .app_protocol = application};
#endif
    ndpi_protocol2name(d->module, p, text, size);
}

/* ------------------------------------------------------------------ */

struct dpi *dpi_new(struct symbols *symbols)
{
    struct dpi *d = memory_alloc(sizeof *d);
    d->symbols = symbols;
    /* The list of Tor hosts is of one date, and an address is no evidence of a protocol. */
    d->module = module_new();
    if (!d->module)
        memory_exhausted(sizeof *d);
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
        name_of(d, master, application, text, sizeof text);
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
#ifdef TELLTALE_NDPI_C_ADDRESS /* 4.6 */
    if (owner_of(d, f->flow.c_address.v4, f->flow.c_port) != f->application &&
        owner_of(d, f->flow.s_address.v4, f->flow.s_port) != f->application)
#else
    if (owner_of(d, f->flow.saddr, f->flow.sport) != f->application &&
        owner_of(d, f->flow.daddr, f->flow.dport) != f->application)
#endif
        return false;
    return !names_say(d, f);
}

bool dpi_packet(struct dpi *d, struct dpi_flow *f, struct bytes l3, uint64_t time_ms)
{
    ndpi_protocol found = process(d, f, l3, time_ms);
    if (application_of(&found) == NDPI_PROTOCOL_UNKNOWN)
        return false;
    f->master = master_of(&found);
    f->application = application_of(&found);
    /* Both layers are known, or nDPI has nothing more to look for (a certificate, an answer). */
    bool both = f->master != NDPI_PROTOCOL_UNKNOWN && f->master != f->application;
    return (both && !is_from_address(d, f)) || is_final(d, f, &found);
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
        ndpi_protocol found;
        if (!give_up(d, f, &found))
            return 0;
        f->master = master_of(&found);
        f->application = application_of(&found);
    }
    return dpi_so_far(d, f);
}

bool dpi_is_quic(const struct dpi_flow *f)
{
    return f->master == NDPI_PROTOCOL_QUIC || f->application == NDPI_PROTOCOL_QUIC;
}
