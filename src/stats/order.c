/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_doubles(double *x, size_t n)
{
    qsort(x, n, sizeof(*x), ascending);
}

double quantile_sorted(const double *x, size_t n, double p)
{
    assert(n > 0);
    double at = p * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return x[n - 1];
    return x[low] + (at - (double)low) * (x[low + 1] - x[low]);
}

double median_of(double *x, size_t n)
{
    sort_doubles(x, n);
    return quantile_sorted(x, n, 0.5);
}

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void false_discovery(const double *p, size_t n, double *q)
{
    struct ranked *r = memory_array(n + 1, sizeof(*r));
    for (size_t i = 0; i < n; i++)
        r[i] = (struct ranked){p[i], i};
    qsort(r, n, sizeof(*r), by_p);
    double least = 1;
    for (size_t i = n; i-- > 0;) {
        least = fmin(least, r[i].p * (double)n / (double)(i + 1));
        q[r[i].index] = least;
    }
    free(r);
}
