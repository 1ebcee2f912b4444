/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on stderr: a bar on a terminal, a line every few seconds otherwise, nothing when quiet. */
#ifndef TELLTALE_CMD_PROGRESS_H
#define TELLTALE_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;   /* "import capture.pcap" */
    const char *unit;   /* what `count` counts: "packets" */
    bool quiet, terminal, drawn;
    int width;
    double started_s, shown_s;
};

void progress_start(struct progress *p, const char *what, const char *unit, bool quiet);
/* `done` of `of` decides the bar (of 0: unknown); `count` units have been handled. Cheap. */
void progress_show(struct progress *p, uint64_t done, uint64_t of, uint64_t count);
/* Removes the bar, so that messages start on an empty line. */
void progress_clear(struct progress *p);
double progress_seconds(const struct progress *p);

/* "1.23 M", "456": three significant digits; `text` holds at least 16. */
const char *number_short(double value, char text[16]);

#endif
