/* SPDX-License-Identifier: Apache-2.0 */
/* Host names as the wire gives them, made safe: lower case, no final dot, no port; labels of
 * letters, digits, hyphens and underscores (RFC 952, RFC 1123, RFC 8552; A-labels of RFC 5890 are
 * such labels). An address literal is not a name. */
#ifndef TELLTALE_METER_NAME_H
#define TELLTALE_METER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { NAME_TEXT_MAX = 253 }; /* RFC 1035 section 3.1: 255 octets on the wire */

struct name {
    uint8_t len;
    char text[NAME_TEXT_MAX]; /* not ended by NUL */
};

/* What a look at octets found. */
enum look {
    LOOK_NOT,  /* it is not this protocol */
    LOOK_MORE, /* it may be, later octets will tell */
    LOOK_NONE, /* it is, and there is no (valid) name in it */
    LOOK_NAME, /* it is, and the name is filled */
};

/* Copies a host name, an optional ":port" left out. False, and `ret` as it was, when it is none. */
bool name_set(struct name *ret, struct bytes text);

static inline bool name_equal(const struct name *a, const struct name *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

#endif
