/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_start(struct progress *p, const char *what, const char *unit, bool quiet)
{
    *p = (struct progress){.what = what, .unit = unit, .quiet = quiet, .width = 80};
    struct winsize size;
    p->terminal = isatty(STDERR_FILENO);
    if (p->terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        p->width = size.ws_col;
    p->started_s = p->shown_s = now_s();
}

double progress_seconds(const struct progress *p)
{
    return now_s() - p->started_s;
}

const char *number_short(double value, char text[16])
{
    static const char units[] = " kMGTP";
    int unit = 0;
    while (value >= 999.5 && unit < 5) {
        value /= 1000;
        unit++;
    }
    int digits = value >= 99.95 || unit == 0 ? 0 : value >= 9.995 ? 1 : 2;
    if (unit == 0)
        snprintf(text, 16, "%.0f", value);
    else
        snprintf(text, 16, "%.*f %c", digits, value, units[unit]);
    return text;
}

static void draw_bar(struct progress *p, double share, const char *tail)
{
    enum { BAR = 24 };
    char bar[BAR * 3 + 1] = "";
    int full = (int)(share * BAR + 0.5);
    for (int i = 0; i < BAR; i++)
        strcat(bar, i < full ? "━" : "─");
    char line[512];
    snprintf(line, sizeof line, "%s  %s", p->what, tail);
    int room = p->width - BAR - 8;
    if (room > 8)
        fprintf(stderr, "\r\033[K%s %3.0f%%  %.*s", bar, share * 100, room, line);
    else
        fprintf(stderr, "\r\033[K%3.0f%%", share * 100);
    fflush(stderr);
    p->drawn = true;
}

void progress_show(struct progress *p, uint64_t done, uint64_t of, uint64_t count)
{
    if (p->quiet)
        return;
    double now = now_s(), every = p->terminal ? 0.1 : 5.0;
    if (now - p->shown_s < every)
        return;
    p->shown_s = now;
    double elapsed = now - p->started_s, share = of ? (double)done / (double)of : 0;
    char number[16], rate[16], tail[256], left[64] = "";
    if (share > 1)
        share = 1;
    if (share > 0.02)
        snprintf(left, sizeof left, ", %.0f s left", elapsed * (1 - share) / share);
    snprintf(tail, sizeof tail, "%s %s, %s/s%s", number_short((double)count, number), p->unit,
             number_short((double)count / elapsed, rate), left);
    if (p->terminal)
        draw_bar(p, share, tail);
    else
        fprintf(stderr, "telltale: %s: %.0f%%, %s\n", p->what, share * 100, tail);
}

void progress_clear(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
