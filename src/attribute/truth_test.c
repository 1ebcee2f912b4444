/* SPDX-License-Identifier: Apache-2.0 */
/* Measures on captures of others (not in this repository: skipped without them). Their labels are
 * mapped to our ids in truth.h, once. Three questions: is a named host given the right service; are
 * the domains of a service known; and, with names and payload thrown away, is what is still named
 * right? The floors hold today; the tables show where the rest is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attribute/truth.h"

/* --- domains --- */

static void test_domains_of_services(void **state)
{
    (void)state;
    FILE *f = open_truth("lists/v2fly-domain-service.tsv");
    struct catalogue *c = built_in();
    struct tables *t = tables_new(c);
    struct scores scores = {0};
    char line[4096], *fields[COLUMNS_MAX];
    bool say = getenv("TELLTALE_VERBOSE") != NULL;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        size_t count = split(line, fields);
        const char *ids = count >= 3 ? ids_of(fields[2]) : NULL;
        if (!ids)
            continue;
        struct score *s = score_of(&scores, fields[2]);
        const struct fact *fact = tables_name(t, fields[0], strlen(fields[0]), 20000);
        bool known = fact != NULL;
        if (!fact)
            fact = tables_similar(t, fields[0], strlen(fields[0]), 20000);
        const char *id = fact ? catalogue_service_id(c, fact->subject) : "";
        bool right = fact && in_list(ids, id);
        s->rows++;
        s->right += right;
        s->likely += right && !known;
        s->wrong += fact && !right;
        if (say && !right)
            print_message("#   %s %s: %s\n", fields[2], fields[0], id);
    }
    fclose(f);
    struct score all = print_scores(&scores, "domains of services");
    print_message("# recall %.1f%% (%.1f%% as candidates: names like the mark), precision %.1f%%\n",
                  100.0 * all.right / all.rows, 100.0 * all.likely / all.rows,
                  100.0 * all.right / (all.right + all.wrong));
    assert_true(all.right * 1000 >= (all.right + all.wrong) * 975);
    assert_true(all.right * 100 >= all.rows * 80);
    tables_free(t);
    catalogue_free(c);
}

/* --- flows --- */

/* One flow of the client to the server, as the meter would give it. */
static const char *attribute_row(struct attribution *a, struct symbols *symbols, struct batch *b,
                                 const struct truth_row *row, const char *host)
{
    batch_clear(b);
    size_t i = batch_add(b);
    batch_start_ms(b)[i] = batch_end_ms(b)[i] = row->start_ms;
    batch_local(b)[i] = row->client;
    batch_remote(b)[i] = row->server;
    batch_local_port(b)[i] = row->client_port;
    batch_remote_port(b)[i] = row->server_port;
    batch_protocol(b)[i] = row->protocol;
    batch_role(b)[i] = ROLE_CONSUMED;
    if (*host) {
        batch_set_text(b, FIELD_server_name, i, host, strlen(host));
        batch_name_kind(b)[i] = NAME_SNI;
    }
    attribution_batch(a, b);
    return symbols_text(symbols, SYMBOL_SERVICE, batch_service(b)[i]);
}

static void each_flow(bool with_names, struct scores *scores, unsigned by_tier[8][2],
                      const char *strengths)
{
    FILE *f = open_truth("truth/ndpi_flows.tsv");
    struct symbols *symbols = symbols_new(1 << 20);
    struct attribution *a = open_attribution(symbols);
    struct batch *b = batch_new(STAGE_FLOW, 1);
    char head[4096], line[8192], *names[COLUMNS_MAX];
    bool say = getenv("TELLTALE_VERBOSE") != NULL;
    assert_non_null(fgets(head, sizeof head, f));
    size_t columns = split(head, names);
    struct truth_row row;
    while (next_row(f, line, sizeof line, names, columns, &row)) {
        const char *ids = ids_of(row.label);
        if (!ids || !strchr(strengths, row.strength[0]) || (with_names && !*row.host))
            continue;
        const char *id = attribute_row(a, symbols, b, &row, with_names ? row.host : "");
        struct score *s = score_of(scores, row.label);
        bool right = in_list(ids, id);
        s->rows++;
        s->right += right;
        s->wrong += !right && *id;
        if (*id)
            by_tier[batch_basis(b)[0]][right ? 0 : 1]++;
        if (say && ((!right && (*id || with_names)) || (right && !with_names)))
            print_message("#   %s %s: %s (%s)\n", row.label, row.host, id,
                          basis_text(batch_basis(b)[0]));
    }
    batch_free(b);
    attribution_free(a);
    symbols_free(symbols);
    fclose(f);
}

static void test_named_hosts(void **state)
{
    (void)state;
    struct scores scores = {0};
    unsigned by_tier[8][2] = {{0}};
    each_flow(true, &scores, by_tier, "A");
    struct score all = print_scores(&scores, "flows with a named host");
    print_message("# right %.1f%%\n", 100.0 * all.right / all.rows);
    assert_true(all.rows > 200);
    assert_true(all.right * 100 >= all.rows * 98);
}

/* Addresses, ports and times alone: what is named must be right; how much is named is printed. */
static void test_without_names_and_payload(void **state)
{
    (void)state;
    struct scores scores = {0};
    unsigned by_tier[8][2] = {{0}};
    each_flow(false, &scores, by_tier, "AB");
    struct score all = print_scores(&scores, "flows without names and payload");
    for (unsigned tier = BASIS_NAME; tier <= BASIS_PORT; tier++)
        if (by_tier[tier][0] + by_tier[tier][1])
            print_message("# by %s: %u right, %u wrong, recall %.1f%%\n", basis_text(tier),
                          by_tier[tier][0], by_tier[tier][1],
                          100.0 * by_tier[tier][0] / all.rows);
    print_message("# precision %.1f%%, recall %.1f%%\n",
                  100.0 * all.right / (all.right + all.wrong), 100.0 * all.right / all.rows);
    assert_true(all.right * 100 >= (all.right + all.wrong) * 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains_of_services),
        cmocka_unit_test(test_named_hosts),
        cmocka_unit_test(test_without_names_and_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
