/* SPDX-License-Identifier: Apache-2.0 */
/* What companies put before and after a mark when they register further domains: "paypal" +
 * "objects", "my" + "apple" + "id", "ebay" + "australia". General to all of them. */
#ifndef TELLTALE_ATTRIBUTE_AFFIXES_H
#define TELLTALE_ATTRIBUTE_AFFIXES_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of `label` left when its last technical affix ("cdn", "static", "img") or its final digits
 * are taken away; `len` when it has none. A host name that only programs see ends so. */
size_t affix_technical(const char *label, size_t len);

/* Whether `text` is at most `parts` neutral words ("store", "-", "my", "germany", "24") and nothing
 * else. Hyphens are free. An empty text is. */
bool affix_neutral(const char *text, size_t len, int parts);

#endif
