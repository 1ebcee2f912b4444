/* SPDX-License-Identifier: Apache-2.0 */
/* `derive_bench STUDY`: remakes the derived tables of the study's store and says how long each took. */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "store/store.h"

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    struct study *study;
    struct store *store;
    struct error err;
    uint64_t flows;
    if (argc != 2) {
        fprintf(stderr, "derive_bench STUDY\n");
        return 2;
    }
    double opening = wall_s();
    if (study_load(argv[1], &study, &err) < 0 || store_open(study, STORE_WRITE, &store, &err) < 0 ||
        store_flow_count(store, "", &(struct store_window){.to_ms = UINT64_MAX}, &flows, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double wall = wall_s(), cpu = cpu_s();
    printf("opened in %.1f s\n", wall - opening);
    int status = store_derive(store, true, &err);
    wall = wall_s() - wall;
    cpu = cpu_s() - cpu;
    if (status < 0)
        fprintf(stderr, "%s\n", err.text);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("%.0f flows derived in %.1f s, %.1f core-s: %.3f million flows/core-s, %ld MiB\n",
           (double)flows, wall, cpu, (double)flows / cpu / 1e6, u.ru_maxrss / 1024);
    store_close(store);
    study_free(study);
    return status < 0;
}
