/* SPDX-License-Identifier: Apache-2.0 */
/* A world as its file says it, shared by the reader (world_file.c), the simulation (world.c) and
 * the account of what is true of it (truth.c). */
#ifndef TELLTALE_WORLD_WORLD_IN_H
#define TELLTALE_WORLD_WORLD_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/ip.h"
#include "base/zone.h"
#include "study/events.h"
#include "world/world.h"

enum { CHUNK_S = 1800, CHUNKS_A_DAY = 48, NAME_TEXT_MAX = 254 };

enum world_role { WORLD_CONSUMED, WORLD_PEER, WORLD_SERVED, WORLD_UNANSWERED, WORLD_ROLES };
extern const char *const world_role_names[WORLD_ROLES];

struct world_host {
    struct ip ip;
    double weight;
    uint16_t port;    /* the last ephemeral port it used */
    uint8_t platform; /* index in world->platforms */
};

struct world_server {
    struct ip ip;
    const char *country;
};

/* One kind of conversation: a service, a group of web sites, scans. */
struct world_traffic {
    const char *service, *name, *category; /* "" for what belongs to no service */
    const char *label, *kind;              /* an institution's name and what it is; "" */
    const char *technique;                 /* of concealment; "" */
    enum world_role role;
    bool flat;      /* no rhythm: the same at every hour of every day */
    bool daily;     /* at least one conversation on every day */
    double per_day; /* mean of a mean day, before the weekend's factor */
    double weekend;
    double octets, spread, seconds, inbound, unnamed;
    uint8_t protocol;
    uint64_t *ports;
    size_t port_count;
    const char **names;
    size_t name_count;
    struct world_server *servers;
    double *server_until; /* cumulative weights, ending in 1 */
    size_t server_count;
    struct world_host **hosts;
    double *host_until; /* cumulative weights, ending in 1 */
    size_t host_count;
    int32_t from_day, to_day; /* the zone's dates, both included */
    const char *platform;     /* of the hosts that take part; "" any */
    size_t via;               /* index + 1 of the pivot it comes out of; 0: of the population */
    size_t relays;            /* index + 1 of the pivot that takes each of these one hop on; 0 */
    bool relayed;             /* made only as the second hop of another kind */
    double every_s, jitter_s; /* each host, at even times; 0: at random */
    double answered;          /* share of conversations that the other side takes up */
};

struct world_platform {
    const char *name;
    double until; /* cumulative share, the last is 1 */
};

struct world_pivot {
    struct prefix prefix;
    const char *label;
    int32_t from_day, to_day;
    struct world_host *hosts;
    size_t host_count;
};

struct world_prefix {
    struct prefix prefix;
    const char *label;
};

struct world_gap {
    uint64_t from_ms, to_ms;
};

struct world {
    struct arena *arena;
    const char *name, *path;
    struct zone *zone;
    uint64_t seed;
    int32_t from_day, to_day;
    struct world_prefix *population;
    size_t population_count;
    struct world_host *hosts; /* of all prefixes, then those that only serve */
    size_t host_count, people;
    double weekdays[7];             /* mean 1 over the week */
    double rhythm[2][CHUNKS_A_DAY]; /* weekday, weekend: sum 1 each */
    double busy_from_hour, busy_to_hour;
    double day_sigma, day_lasts, service_sigma, service_lasts;
    uint32_t sampling;
    struct world_platform *platforms;
    size_t platform_count;
    struct world_pivot *pivots;
    size_t pivot_count;
    struct world_traffic *traffic;
    size_t traffic_count;
    struct event_list events;
    double event_effect;
    struct world_gap *gaps;
    size_t gap_count;
};

/* Every problem is one line "FILE:LINE: what" (ERROR_USAGE). `seed` 0 takes the file's. */
int world_read(const char *path, uint64_t seed, double scale, struct world **ret,
               struct error *err);
int world_parse(const char *path, const char *text, size_t len, uint64_t seed, double scale,
                struct world **ret, struct error *err);
void world_free(struct world *w);

/* The population's own use: consumed or peer, and not through a pivot. */
bool world_is_use(const struct world_traffic *t);
/* Expected conversations of one kind in one half hour of a day, before the noise of days. `chunk`
 * counts half hours of local time. */
double world_expected(const struct world *w, const struct world_traffic *t, int32_t day,
                      unsigned chunk);

/* ---- what is true ---- */

struct conversation {
    uint64_t start_ms, end_ms;
    uint32_t traffic;
    uint32_t host, server; /* index in world->hosts, in the traffic's servers */
    uint64_t packets_out, packets_in, octets_out, octets_in; /* seen from the population */
    uint16_t local_port, remote_port;
    uint8_t flags_out, flags_in;
    int32_t name;    /* index in the traffic's names; -1 without */
    struct ip local; /* scans reach addresses without a host */
    uint64_t number; /* in order of making: breaks ties */
};

struct truth;

struct truth *truth_new(const struct world *w);
void truth_free(struct truth *t);
void truth_count(struct truth *t, const struct conversation *c);
/* A pivot took `first` on as `second`. */
void truth_chain(struct truth *t, const struct conversation *first,
                 const struct conversation *second);
/* The shape and names of the report model with true values in place of estimates. */
json_t *truth_json(struct truth *t);

#endif
