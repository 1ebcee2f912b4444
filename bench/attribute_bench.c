/* SPDX-License-Identifier: Apache-2.0 */
/* Whole attribution of a flow, addresses looked up and names matched, a second on one core.
 * attribute_bench [DISTINCT_REMOTES] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attribute/inside.h"
#include "base/memory.h"
#include "base/random.h"
#include "schema/values.h"

enum { ROWS = 65536, ROUNDS = 16 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *const HOSTS[] = {"scontent.xx.fbcdn.net",
                                    "www.google.com",
                                    "r3---sn-npoe7n7z.googlevideo.com",
                                    "i.ytimg.com",
                                    "gateway.icloud.com",
                                    "unheard-of.example.org",
                                    "www.baidu.com",
                                    "static.licdn.com",
                                    "api.mobile.youku.com",
                                    "edge.microsoft.com",
                                    "cdn.some-site.co.uk",
                                    "a.b.c.d.e.example",
                                    "settings-win.data.microsoft.com",
                                    "www.worldoftanks.asia",
                                    "img.alicdn.com",
                                    "t.me"};
enum { HOST_COUNT = sizeof HOSTS / sizeof *HOSTS };

/* A third with a name, a third without in known networks, a third anywhere. */
static void fill(struct batch *b, struct random *r, const struct ip *remotes, size_t count)
{
    batch_clear(b);
    for (size_t i = 0; i < ROWS; i++) {
        batch_add(b);
        batch_start_ms(b)[i] = 1491004800000ull + i;
        batch_local(b)[i] = ip_from_v4((const uint8_t[4]){175, 45, 176, (uint8_t)i});
        batch_remote(b)[i] = remotes[random_below(r, count)];
        batch_remote_port(b)[i] = 443;
        batch_protocol(b)[i] = 6;
        batch_role(b)[i] = ROLE_CONSUMED;
        if (i % 3 == 0) {
            const char *host = HOSTS[random_below(r, HOST_COUNT)];
            batch_set_text(b, FIELD_server_name, i, host, strlen(host));
            batch_name_kind(b)[i] = NAME_SNI;
        }
    }
}

static void bench_flows(struct attribution *a, size_t distinct)
{
    struct random r;
    random_init(&r, distinct);
    struct ip *remotes = memory_array(distinct, sizeof *remotes);
    for (size_t i = 0; i < distinct; i++) {
        uint32_t v4 = (uint32_t)random_u64(&r);
        remotes[i] = ip_from_v4((const uint8_t *)&v4);
    }
    struct batch *b = batch_new(STAGE_FLOW, ROWS);
    double spent = 0;
    for (int round = 0; round < ROUNDS; round++) {
        fill(b, &r, remotes, distinct);
        double from = seconds();
        attribution_batch(a, b);
        spent += seconds() - from;
    }
    printf("whole attribution, %8zu remotes: %6.1f ns a flow\n", distinct,
           spent * 1e9 / ((double)ROWS * ROUNDS));
    batch_free(b);
    free(remotes);
}

/* The first addresses are looked up one by one; then the tables are compiled into one. */
static void bench_beginning(struct attribution *a)
{
    enum { FIRST = 400000, MANY = 512 };
    struct address found[MANY];
    struct random r;
    struct ip ips[MANY];
    double from = seconds();
    random_init(&r, 77);
    for (size_t done = 0; done < FIRST; done += MANY) {
        for (size_t i = 0; i < MANY; i++) {
            uint32_t v4 = (uint32_t)random_u64(&r);
            ips[i] = ip_from_v4((const uint8_t *)&v4);
        }
        addresses_find(a, ips, MANY, found);
    }
    printf(
        "the first %d addresses, and the tables made one: %.0f ms, %zu classes, %.1f MB\n", FIRST,
        (seconds() - from) * 1e3, a->class_count,
        ((double)lpm_memory_octets(a->classes) + (double)(a->class_count * sizeof *a->by_class)) /
            1e6);
}

static void bench_compile(struct geo *g)
{
    double from = seconds();
    geo_compile(g);
    printf("compiling the geography: %.0f ms\n", (seconds() - from) * 1e3);
}

enum { COUNT = 512, TIMES = 8000 };

static struct ip *random_addresses(size_t count)
{
    struct random r;
    struct ip *ips = memory_array(count, sizeof *ips);
    random_init(&r, 3);
    for (size_t i = 0; i < count; i++) {
        uint32_t v4 = (uint32_t)random_u64(&r);
        ips[i] = ip_from_v4((const uint8_t *)&v4);
    }
    return ips;
}

static void bench_geo(const struct geo *g)
{
    struct place places[COUNT];
    struct ip *ips = random_addresses((size_t)COUNT * TIMES);
    uint64_t sum = 0;
    double from = seconds();
    for (size_t time = 0; time < TIMES; time++) {
        geo_find_many(g, ips + time * COUNT, COUNT, places);
        sum += places[0].asn;
    }
    double spent = seconds() - from;
    printf("country and AS, random addresses: %.1f million a second (check %llu)\n",
           (double)COUNT * TIMES / spent / 1e6, (unsigned long long)sum);
    free(ips);
}

static void bench_names(const struct tables *t)
{
    enum { NAMES = 20000000 };
    size_t lens[HOST_COUNT], found = 0;
    for (size_t i = 0; i < HOST_COUNT; i++)
        lens[i] = strlen(HOSTS[i]);
    double from = seconds();
    for (size_t i = 0; i < NAMES; i++)
        found += tables_name(t, HOSTS[i % HOST_COUNT], lens[i % HOST_COUNT], 17257) != NULL;
    double spent = seconds() - from;
    printf("names: %.1f million a second (%zu found)\n", NAMES / spent / 1e6, found);
}

static void bench_prefixes(const struct tables *t)
{
    uint32_t own[COUNT], built_in[COUNT];
    struct ip *ips = random_addresses((size_t)COUNT * TIMES);
    uint64_t sum = 0;
    double from = seconds();
    for (size_t time = 0; time < TIMES; time++) {
        tables_prefixes(t, ips + time * COUNT, COUNT, own, built_in);
        sum += built_in[0];
    }
    double spent = seconds() - from;
    printf("catalogue prefixes (two tables): %.1f million a second (check %llu)\n",
           (double)COUNT * TIMES / spent / 1e6, (unsigned long long)sum);
    free(ips);
}

int main(int argc, char **argv)
{
    static const struct study STUDY = {0};
    struct symbols *symbols = symbols_new(65535);
    struct attribution *a = NULL;
    struct error err = {0};
    double from = seconds();
    if (attribution_open(&STUDY, symbols, &a, &err) != 0) {
        fprintf(stderr, "attribute_bench: %s\n", err.text);
        return 1;
    }
    printf("opening: %.1f ms\n", (seconds() - from) * 1e3);
    bench_geo(a->geo);
    bench_compile(a->geo);
    bench_geo(a->geo);
    geo_forget_compiled(a->geo);
    bench_beginning(a);
    bench_flows(a, argc > 1 ? strtoul(argv[1], NULL, 10) : 2000);
    bench_flows(a, 50000);
    bench_flows(a, 4000000);
    bench_names(a->tables);
    bench_prefixes(a->tables);
    attribution_free(a);
    symbols_free(symbols);
    return 0;
}
