/* SPDX-License-Identifier: Apache-2.0 */
/* A user's list is asked before the catalogue's prefixes and ASes. One that names a VPN or proxy is
 * the service of that name; one of a cloud is the catalogue's provider where it knows it, else it
 * says only what kind of organisation holds the address. */
#include "attribute/dated_flow.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attribute/dated.h"
#include "base/memory.h"
#include "base/zone.h"
#include "schema/values.h"

enum { DAY_MS = 86400000, HOUR_S = 3600 };

/* What a list stands for. */
struct list_service {
    int service; /* of the catalogue, or catalogue_services() + place in `extra`; NO_SERVICE */
    bool shared;
};

struct listed_state {
    struct dated *dated;
    struct list_service *of; /* by list */
    const char **extra;      /* ids of services that the catalogue does not know */
    size_t extra_count;
    int tor;
    size_t category;
};

static int catalogue_service_of(const struct catalogue *c, const struct dated_list *list)
{
    int service = catalogue_find(c, list->slug, strlen(list->slug));
    for (size_t i = 0; service < 0 && i < catalogue_services(c); i++)
        if (strcasecmp(catalogue_service_name(c, i), list->label) == 0)
            service = (int)i;
    return service;
}

static struct list_service service_of(struct attribution *a, const struct dated_list *list)
{
    struct listed_state *s = a->listed;
    struct list_service none = {.service = NO_SERVICE};
    int service = catalogue_service_of(a->catalogue, list);
    if (list->kind == LIST_TOR || list->kind == LIST_OWNER)
        return none;
    if (list->kind == LIST_VPN || list->kind == LIST_PROXY) {
        if (service >= 0 &&
            catalogue_service_category_index(a->catalogue, (size_t)service) == s->category)
            return (struct list_service){.service = service};
        for (size_t i = 0; i < s->extra_count; i++)
            if (strcmp(s->extra[i], list->slug) == 0)
                return (struct list_service){.service =
                                                 (int)(catalogue_services(a->catalogue) + i)};
        s->extra[s->extra_count++] = list->slug;
        return (struct list_service){
            .service = (int)(catalogue_services(a->catalogue) + s->extra_count - 1)};
    }
    if (service < 0)
        return none;
    return (struct list_service){.service = service,
                                 .shared = catalogue_service_shared(a->catalogue, (size_t)service)};
}

int listed_open(struct attribution *a, const struct study *study, struct error *err)
{
    const struct dated_list *lists;
    struct listed_state *s = a->listed = memory_alloc(sizeof *s);
    int status = dated_open(study->lists, study->tor_age_s, &s->dated, err);
    if (status)
        return status;
    size_t count = dated_lists(s->dated, &lists);
    s->of = memory_array(count + 1, sizeof *s->of);
    s->extra = memory_array(count + 1, sizeof *s->extra);
    s->tor = catalogue_find(a->catalogue, "tor", 3);
    int category = catalogue_category_find(a->catalogue, "vpn", 3);
    s->category = category < 0 ? 0 : (size_t)category;
    for (size_t i = 0; i < count; i++)
        s->of[i] = service_of(a, &lists[i]);
    return 0;
}

void listed_done(struct attribution *a)
{
    if (!a->listed)
        return;
    dated_free(a->listed->dated);
    free(a->listed->of);
    free(a->listed->extra);
    free(a->listed);
}

size_t listed_services(const struct attribution *a)
{
    return a->listed->extra_count;
}

const char *listed_service_id(const struct attribution *a, size_t service)
{
    return a->listed->extra[service - catalogue_services(a->catalogue)];
}

size_t listed_category(const struct attribution *a)
{
    return a->listed->category;
}

bool listed_has(const struct attribution *a, const struct ip *ip)
{
    return dated_has(a->listed->dated, ip);
}

static unsigned owner_of_hit(const struct dated_hit *h)
{
    static const unsigned owners[LIST_KINDS] = {[LIST_VPN] = OWNER_VPN,
                                                [LIST_PROXY] = OWNER_VPN,
                                                [LIST_CLOUD] = OWNER_HOSTING,
                                                [LIST_HOSTING] = OWNER_HOSTING,
                                                [LIST_CDN] = OWNER_CDN};
    /* AWS says which of its ranges are its CDN's. */
    if (h->list->kind == LIST_CLOUD && strncmp(h->tag, "CLOUDFRONT", 10) == 0)
        return OWNER_CDN;
    return h->list->kind == LIST_OWNER ? h->edition->owner : owners[h->list->kind];
}

/* A relay's address without its port says less: other things may run on the machine. */
static bool may_be_relay_port(uint8_t protocol, uint16_t port)
{
    return protocol == 6 && (port == 80 || port == 443 || port >= 1024);
}

static void find_tor(const struct listed_state *s, const struct ip *remote, uint8_t protocol,
                     uint16_t port, uint64_t start_ms, struct listed *ret)
{
    if (protocol != 6 || s->tor < 0)
        return;
    struct tor_answer t =
        tor_find(dated_tor(s->dated), remote, port, start_ms, dated_tor_age_s(s->dated));
    if (t.state != TOR_LISTED)
        return;
    bool port_known = t.at->relay.or_port != 0;
    if (t.match == TOR_BY_ADDRESS && (port_known || !may_be_relay_port(protocol, port)))
        return;
    ret->service = s->tor;
    ret->address_only = t.match == TOR_BY_ADDRESS;
}

struct listed listed_find(struct attribution *a, const struct ip *remote, uint8_t protocol,
                          uint16_t port, uint64_t start_ms)
{
    const struct listed_state *s = a->listed;
    const struct dated_list *lists;
    struct dated_hit hits[DATED_HITS_MAX];
    struct listed ret = {.any = true, .service = NO_SERVICE};
    find_tor(s, remote, protocol, port, start_ms, &ret);
    dated_lists(s->dated, &lists);
    size_t count = dated_find(s->dated, remote, (int32_t)(start_ms / DAY_MS), hits);
    for (size_t i = 0; i < count; i++) {
        const struct dated_hit *h = &hits[i];
        struct list_service of = s->of[h->list - lists];
        /* What kind of organisation it is, a list of owners says best: it is asked last. */
        if (!ret.owner || h->list->kind == LIST_OWNER)
            ret.owner = owner_of_hit(h);
        if (ret.service != NO_SERVICE)
            continue;
        if (h->list->kind == LIST_TOR && may_be_relay_port(protocol, port) && s->tor >= 0)
            ret.service = s->tor, ret.address_only = true;
        else if (of.service != NO_SERVICE)
            ret.service = of.service, ret.shared = of.shared;
    }
    return ret;
}

/* ------------------------------------------------------------------ look */

static void date_of(uint64_t time_s, char text[TIME_TEXT_MAX])
{
    time_print_ms(time_s * 1000, text);
    memcpy(text + 16, "Z", 2); /* to the minute */
}

static void fact_add(json_t *look, const char *fact, const char *value, const char *source,
                     const char *date)
{
    json_array_append_new(json_object_get(look, "facts"),
                          json_pack("{s:s, s:s, s:s, s:s}", "fact", fact, "value", value, "source",
                                    source, "date", date));
}

static const char *tor_words(const struct tor_answer *t, uint32_t age_max_s, uint64_t at_s,
                             char *text, size_t size)
{
    char document[TIME_TEXT_MAX];
    date_of(t->document_s, document);
    const char *list = t->at->relay.document == TOR_EXIT_LIST ? "exit list" : "consensus";
    switch (t->state) {
    case TOR_LISTED:
        snprintf(text, size, "Tor relay, %s, in the %s of %s", tor_role_text(t), list, document);
        break;
    case TOR_STALE:
        snprintf(text, size,
                 "Tor relay on %s; the latest %s before then is %llu hours older (limit %u): its "
                 "role is not known",
                 document, list, (unsigned long long)(at_s - t->document_s) / HOUR_S,
                 age_max_s / HOUR_S);
        break;
    case TOR_LEFT:
        snprintf(text, size, "was a Tor relay, last listed in the %s of %s", list, document);
        break;
    default:
        text[0] = 0;
    }
    return text;
}

static void look_tor(const struct listed_state *s, json_t *look, const struct ip *ip,
                     uint64_t at_ms)
{
    static const char *const states[] = {"never", "listed", "stale", "left"};
    char text[256], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], document[TIME_TEXT_MAX];
    char fingerprint[41];
    uint32_t age = dated_tor_age_s(s->dated);
    struct tor_answer t = tor_find(dated_tor(s->dated), ip, 0, at_ms, age);
    if (t.state == TOR_NEVER)
        return;
    for (int i = 0; i < 20; i++)
        snprintf(fingerprint + 2 * i, 3, "%02X", t.at->relay.fingerprint[i]);
    date_of(t.at->from_s, from);
    date_of(t.at->to_s, to);
    date_of(t.document_s, document);
    tor_words(&t, age, at_ms / 1000, text, sizeof text);
    json_object_set_new(look, "tor",
                        json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s}", "state",
                                  states[t.state], "role", tor_role_text(&t), "fingerprint",
                                  fingerprint, "or_port", (int)t.at->relay.or_port, "dir_port",
                                  (int)t.at->relay.dir_port, "document", document, "listed_from",
                                  from, "listed_to", to, "words", text));
    fact_add(look, "Tor", text,
             t.at->relay.document == TOR_EXIT_LIST ? "Tor exit list (the study's lists)"
                                                   : "Tor consensus (the study's lists)",
             document);
}

void listed_look(struct attribution *a, json_t *look, const struct ip *ip, uint64_t at_ms)
{
    const struct listed_state *s = a->listed;
    struct dated_hit hits[DATED_HITS_MAX];
    size_t count = dated_find(s->dated, ip, (int32_t)(at_ms / DAY_MS), hits);
    json_t *list = json_array();
    look_tor(s, look, ip, at_ms);
    for (size_t i = 0; i < count; i++) {
        char prefix[PREFIX_TEXT_MAX], date[TIME_TEXT_MAX], value[512];
        prefix_print(&hits[i].prefix, prefix);
        date_print(hits[i].edition->day, date);
        snprintf(value, sizeof value, "%s: %s (%s%s%s)", list_kind_text(hits[i].list->kind),
                 hits[i].list->label, prefix, hits[i].tag[0] ? ", " : "", hits[i].tag);
        fact_add(look, "list", value, hits[i].edition->from ? hits[i].edition->from : "", date);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind",
                                              list_kind_text(hits[i].list->kind), "label",
                                              hits[i].list->label, "prefix", prefix, "tag",
                                              hits[i].tag, "date", date));
    }
    struct listed l = listed_find(a, ip, 0, 0, at_ms);
    if (l.owner)
        json_object_set_new(look, "owner", json_string(owner_text(l.owner)));
    json_object_set_new(look, "lists", list);
}

void listed_look_print(const json_t *look, FILE *out)
{
    const json_t *tor = json_object_get(look, "tor"), *lists = json_object_get(look, "lists");
    if (tor)
        fprintf(out, "Tor: %s.\n", json_string_value(json_object_get(tor, "words")));
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *l = json_array_get(lists, i);
        fprintf(out, "On the %s list \"%s\", edition of %s.\n",
                json_string_value(json_object_get(l, "kind")),
                json_string_value(json_object_get(l, "label")),
                json_string_value(json_object_get(l, "date")));
    }
}

/* ------------------------------------------------------------------ provenance */

json_t *listed_tor_provenance(const struct attribution *a)
{
    const struct tor_table *t = dated_tor(a->listed->dated);
    const uint32_t *times[TOR_DOCUMENTS];
    const struct tor_span *spans;
    size_t count[TOR_DOCUMENTS];
    uint32_t from_s = UINT32_MAX, to_s = 0;
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    for (int d = 0; d < TOR_DOCUMENTS; d++) {
        count[d] = tor_times(t, (enum tor_document)d, &times[d]);
        if (count[d] == 0)
            continue;
        from_s = times[d][0] < from_s ? times[d][0] : from_s;
        to_s = times[d][count[d] - 1] > to_s ? times[d][count[d] - 1] : to_s;
    }
    if (to_s == 0)
        return json_null();
    time_print_ms((uint64_t)from_s * 1000, from);
    time_print_ms((uint64_t)to_s * 1000, to);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "from", from, "to", to, "consensuses",
                     (json_int_t)count[TOR_CONSENSUS], "exit_lists",
                     (json_int_t)count[TOR_EXIT_LIST], "entries", (json_int_t)tor_spans(t, &spans),
                     "age_max_s", (json_int_t)dated_tor_age_s(a->listed->dated));
}

json_t *listed_provenance(const struct attribution *a)
{
    const struct dated_list *lists;
    size_t count = dated_lists(a->listed->dated, &lists);
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *editions = json_array();
        for (size_t e = 0; e < lists[i].edition_count; e++) {
            char date[TIME_TEXT_MAX];
            date_print(lists[i].editions[e].day, date);
            json_array_append_new(editions, json_pack("{s:s, s:I, s:s}", "date", date, "prefixes",
                                                      (json_int_t)lists[i].editions[e].count,
                                                      "from", lists[i].editions[e].from));
        }
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:o}", "kind", list_kind_text(lists[i].kind),
                                        "label", lists[i].label, "editions", editions));
    }
    return all;
}
