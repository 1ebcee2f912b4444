/* SPDX-License-Identifier: Apache-2.0 */
/* JSON made safe to stand in a script element. report_write_html() is in report/report.h. */
#ifndef TELLTALE_REPORT_HTML_H
#define TELLTALE_REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

struct html_escaper {
    FILE *out;
    size_t held; /* octets that may be the start of a separator */
};

/* Text may come in any parts; html_escape_end() after the last. */
void html_escape(struct html_escaper *e, const char *at, size_t len);
void html_escape_end(struct html_escaper *e);

#endif
