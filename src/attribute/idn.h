/* SPDX-License-Identifier: Apache-2.0 */
/* Labels in other scripts: "xn--80ak6aa92e" is "аррӏе" in Cyrillic letters, which look like
 * "apple"; "xn--gtvz22d" is the Chinese for it. */
#ifndef TELLTALE_ATTRIBUTE_IDN_H
#define TELLTALE_ATTRIBUTE_IDN_H

#include <stdbool.h>
#include <stddef.h>

enum { IDN_TEXT_MAX = 256 };

/* The label ("xn--...") as UTF-8 with a NUL at the end (punycode, RFC 3492); its length, or 0 when
 * it is none or damaged. */
size_t idn_decode(const char *label, size_t len, char text[IDN_TEXT_MAX]);

/* `text` with letters of other alphabets replaced by the Latin ones that they look like, in lower
 * case: what a reader would take it for. Its length, or 0 when something in it looks like none. */
size_t idn_skeleton(const char *text, size_t len, char skeleton[IDN_TEXT_MAX]);

#endif
