/* SPDX-License-Identifier: Apache-2.0 */
/* Who exports: state by address, port, protocol and observation domain, bounded.
 *
 * Source addresses of datagrams can be forged, so the table is two queues (segmented LRU):
 * newcomers are on probation, those that sent decodable data in several datagrams are established.
 * When the table is full the stalest newcomer makes room, and an established one only when there is
 * none.
 *
 * Devices behind one translated address are told apart by their port. Line cards that send data
 * from another port than the templates are served by exporter_kin(). */
#ifndef TELLTALE_DECODE_EXPORTERS_H
#define TELLTALE_DECODE_EXPORTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "decode/facts.h"
#include "decode/queue.h"

struct template;

struct exporter_key {
    struct ip ip;
    uint32_t domain; /* NetFlow 1, 5, 7: engine type * 256 + engine */
    uint16_t port;
    uint16_t version; /* 5 stands for 1, 5 and 7 */
};

struct sequence {
    bool known;
    uint32_t expected;
    uint64_t missing; /* counted lost and not yet seen late */
    uint32_t uptime_ms;
};

struct exporter {
    struct queue_link age;
    struct exporter *bucket_next, *kin_next;
    struct exporter_key key;
    uint32_t symbol; /* 0 until it sent something decodable */
    bool established, in_kin;
    uint16_t good; /* datagrams with decodable data, up to ESTABLISHED_AFTER */
    struct template *templates, *last;
    size_t template_count;
    size_t held_octets; /* of data kept back for it (held.h) */
    struct sequence sequence;
    struct facts facts; /* what its options told */
    uint32_t sampling;  /* of the whole exporter, from its options; 0 not told */
    uint32_t sampler_count, sampler_interval; /* samplers told, and the last one's interval */
    uint32_t source_count;                    /* sFlow: data sources known */
    uint64_t init_ms; /* systemInitTimeMilliseconds from its options; 0 not told */
};

enum { ESTABLISHED_AFTER = 4 };

struct exporters;

/* `gone` is called before an exporter's state is dropped. */
struct exporters *exporters_new(size_t limit, uint64_t seed,
                                void (*gone)(void *ctx, struct exporter *e), void *ctx);
void exporters_free(struct exporters *x);
/* Finds or makes; moves it to the young end of its queue. Valid until the next call. */
struct exporter *exporter_at(struct exporters *x, const struct exporter_key *key);
/* It sent a datagram that could be decoded. */
void exporter_good(struct exporters *x, struct exporter *e);
/* It defined a template: others at its address and domain may use it. */
void exporter_defines(struct exporters *x, struct exporter *e);
/* Other ports' states at the same address, protocol and domain that have defined templates: the
 * first one, or the one after `after`; NULL when there is none (or too many were looked at). */
struct exporter *exporter_kin(struct exporters *x, const struct exporter *e,
                              const struct exporter *after);
size_t exporters_count(const struct exporters *x);

#endif
