/* SPDX-License-Identifier: Apache-2.0 */
/* The whole road on captures of others (not in this repository: skipped without them): packets
 * through the meter, DNS answers learned, every conversation attributed; then compared with nDPI's
 * newest labels and with the names on the wire. Labels are mapped to our ids in truth.h. */
#include "attribute/truth.h"

#include "base/memory.h"
#include "input/capture.h"
#include "meter/meter.h"

enum { ROWS = 1 << 15, SIGHTINGS = 20000, PATH_SIZE = 1024 };

struct road {
    struct symbols *symbols;
    struct attribution *attribution;
    struct batch *records, *flows;
    struct sightings seen;
    char capture[256]; /* whose conversations are in `flows` */
};

static void road_open(struct road *r)
{
    memset(r, 0, sizeof *r);
    r->symbols = symbols_new(1 << 20);
    r->attribution = open_attribution(r->symbols);
    r->records = batch_new(STAGE_RECORD, ROWS);
    r->flows = batch_new(STAGE_FLOW, ROWS);
    sightings_init(&r->seen, SIGHTINGS);
}

static void road_close(struct road *r)
{
    sightings_done(&r->seen);
    batch_free(r->records);
    batch_free(r->flows);
    attribution_free(r->attribution);
    symbols_free(r->symbols);
}

static void meter_file(struct road *r, const char *path)
{
    struct meter_setting setting = meter_setting_default;
    struct tally tally = {0};
    struct stream *in;
    struct capture *c;
    struct capture_packet p;
    struct error err = {0};
    setting.symbols = r->symbols;
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err))
        fail_msg("%s", err.text);
    struct meter *m = meter_new(&setting);
    batch_clear(r->records);
    r->seen.count = 0;
    while (capture_next(c, &p) == CAPTURE_PACKET) {
        meter_frame(m, p.time_ns, p.link_type, p.frame, p.original_len, r->records, &r->seen,
                    &tally);
        assert_true(batch_room(r->records) > METER_ROWS_MAX * 2);
    }
    while (meter_finish(m, r->records))
        ;
    meter_free(m);
    capture_free(c);
}

/* A record as the conversation of its first sender. */
static void add_flow(struct batch *flows, const struct batch *records, size_t from)
{
    size_t i = batch_add(flows);
    struct bytes name = batch_text(records, FIELD_server_name, from);
    batch_start_ms(flows)[i] = batch_start_ms(records)[from];
    batch_end_ms(flows)[i] = batch_end_ms(records)[from];
    batch_local(flows)[i] = batch_src_ip(records)[from];
    batch_remote(flows)[i] = batch_dst_ip(records)[from];
    batch_local_port(flows)[i] = batch_src_port(records)[from];
    batch_remote_port(flows)[i] = batch_dst_port(records)[from];
    batch_protocol(flows)[i] = batch_protocol(records)[from];
    batch_application(flows)[i] = batch_application(records)[from];
    batch_packets_out(flows)[i] = batch_packets(records)[from];
    batch_packets_in(flows)[i] = batch_reverse_packets(records)[from];
    batch_tcp_flags_out(flows)[i] = batch_tcp_flags(records)[from];
    batch_tcp_flags_in(flows)[i] = batch_reverse_tcp_flags(records)[from];
    batch_role(flows)[i] = ROLE_CONSUMED;
    if (name.len) {
        batch_set_text(flows, FIELD_server_name, i, (const char *)name.at, name.len);
        batch_name_kind(flows)[i] = batch_name_kind(records)[from];
    }
}

static void road_take(struct road *r, const char *capture)
{
    char path[PATH_SIZE];
    const char *source = getenv("TELLTALE_SOURCE");
    if (strcmp(r->capture, capture) == 0)
        return;
    snprintf(r->capture, sizeof r->capture, "%s", capture);
    snprintf(path, sizeof path, "%s/../shared/data/captures/pcap/%s", source ? source : ".",
             capture);
    meter_file(r, path);
    batch_clear(r->flows);
    for (size_t i = 0; i < r->records->rows; i++)
        add_flow(r->flows, r->records, i);
    attribution_learn(r->attribution, &r->seen);
    attribution_batch(r->attribution, r->flows);
}

static bool is_end(const struct ip *ip, uint16_t port, const struct ip *wanted,
                   uint16_t wanted_port)
{
    return port == wanted_port && ip_equal(ip, wanted);
}

/* The conversation of a line of the truth, whoever sent first; the named one when it was cut into
 * several. -1 when there is none. */
static int find_flow(const struct batch *b, const struct truth_row *t)
{
    int found = -1;
    for (size_t i = 0; i < b->rows; i++) {
        if (batch_protocol(b)[i] != t->protocol)
            continue;
        const struct ip *local = &batch_local(b)[i], *remote = &batch_remote(b)[i];
        uint16_t from = batch_local_port(b)[i], to = batch_remote_port(b)[i];
        if (!(is_end(local, from, &t->client, t->client_port) &&
              is_end(remote, to, &t->server, t->server_port)) &&
            !(is_end(local, from, &t->server, t->server_port) &&
              is_end(remote, to, &t->client, t->client_port)))
            continue;
        if (found < 0 || (!batch_service(b)[found] && batch_service(b)[i]))
            found = (int)i;
    }
    return found;
}

struct outcome {
    unsigned rows, named, absent;
    struct scores scores;
};

/* What is right for a label: by the table, or the service of which it is nDPI's own name. */
static const char *right_ids(struct road *r, const char *label)
{
    const char *ids = ids_of(label);
    int service = ids ? NO_SERVICE : tables_label(r->attribution->tables, label);
    return service == NO_SERVICE ? ids
                                 : catalogue_service_id(r->attribution->catalogue, (size_t)service);
}

static void judge_row(struct road *r, const struct truth_row *t, struct outcome *o)
{
    bool unknown = t->strength[0] == 'U', say = getenv("TELLTALE_VERBOSE") != NULL;
    const char *ids = unknown ? "" : right_ids(r, t->label);
    if (!ids)
        return; /* the catalogue knows no such service */
    road_take(r, t->capture);
    int at = find_flow(r->flows, t);
    if (at < 0) { /* inside a tunnel: the meter counts the outermost header */
        o->absent++;
        return;
    }
    const char *id = symbols_text(r->symbols, SYMBOL_SERVICE, batch_service(r->flows)[at]);
    bool right = in_list(ids, id), named = *id != 0;
    o->rows++;
    o->named += named;
    if (!unknown) {
        struct score *s = score_of(&o->scores, t->label);
        s->rows++, s->right += right, s->wrong += named && !right;
    }
    if (say && (unknown ? named : !right))
        print_message(
            "#   %s %s %s:%u %s [%s]: %s (%s, dpi %s)\n", t->capture, t->label, t->host,
            t->server_port, "", ids, id, basis_text(batch_basis(r->flows)[at]),
            symbols_text(r->symbols, SYMBOL_APPLICATION, batch_application(r->flows)[at]));
}

static struct outcome *run_all(char strength)
{
    FILE *f = open_truth("truth/ndpi_flows.tsv");
    struct outcome *o = memory_alloc(sizeof *o);
    struct road road;
    char head[4096], line[8192], *names[COLUMNS_MAX];
    road_open(&road);
    assert_non_null(fgets(head, sizeof head, f));
    size_t columns = split(head, names);
    struct truth_row row;
    while (next_row(f, line, sizeof line, names, columns, &row))
        if (row.strength[0] == strength)
            judge_row(&road, &row, o);
    road_close(&road);
    fclose(f);
    return o;
}

static void test_named_hosts(void **state)
{
    (void)state;
    struct outcome *o = run_all('A');
    struct score all = print_scores(&o->scores, "metered: flows with a named host");
    print_message("# right %.1f%%; %u lines of the truth are inside tunnels\n",
                  100.0 * all.right / all.rows, o->absent);
    assert_true(all.rows > 200);
    assert_true(all.right * 100 >= all.rows * 98);
    free(o);
}

static void test_payload_matches(void **state)
{
    (void)state;
    struct outcome *o = run_all('B');
    struct score all = print_scores(&o->scores, "metered: flows that the newest nDPI knows");
    print_message("# right %.1f%%; %u lines of the truth are inside tunnels\n",
                  100.0 * all.right / all.rows, o->absent);
    assert_true(all.rows > 1500);
    assert_true(all.right * 100 >= all.rows * 90);
    free(o);
}

/* What nDPI does not know, nobody named: then we name nothing either. */
static void test_unknown_stays_unknown(void **state)
{
    (void)state;
    struct outcome *o = run_all('U');
    print_message("# unknown to nDPI: %u flows, %u given a service\n", o->rows, o->named);
    assert_true(o->rows > 300);
    assert_true(o->named * 1000 <= o->rows * 5);
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_hosts),
        cmocka_unit_test(test_payload_matches),
        cmocka_unit_test(test_unknown_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
