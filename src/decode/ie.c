/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ie.h"

#include <stddef.h>

enum { V9 = 1, IPFIX = 2, BOTH = 3 };
#define FIXED(octets)  octets, octets
#define RANGE(low, up) low, up
#define INTEGER        1, 8
#define FLOATING       4, 8
#define TEXT           1, IE_VARIABLE

static const struct row {
    uint32_t pen;
    uint16_t id, low, up;
    uint8_t target, form, rank, protocols;
} rows[] = {
#define IE(pen, id, widths, target, form, rank, protocols)                                         \
    ROW(pen, id, widths, IE_##target, form, rank, protocols)
#define ROW(...) {__VA_ARGS__},
#include "decode/ie.def"
#undef IE
};

/* A template is compiled once and then used for thousands of records: a plain list will do. */
struct ie ie_find(uint32_t pen, uint32_t id, uint32_t width, bool netflow9)
{
    const unsigned protocol = netflow9 ? V9 : IPFIX;
    if (netflow9 && pen == 0 && id >= NTOP_V9_BASE && id < NTOP_V9_BASE + 1024) {
        pen = PEN_NTOP;
        id -= NTOP_V9_BASE;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        if (r->id != id || r->pen != pen || !(r->protocols & protocol))
            continue;
        /* Only integers and texts make sense with a varying length. */
        bool fits = width == IE_VARIABLE ? r->form == FORM_UNSIGNED || r->up == IE_VARIABLE
                                         : width >= r->low && width <= r->up;
        if (fits)
            return (struct ie){.target = r->target, .form = r->form, .rank = r->rank};
    }
    /* What is no basicList of elements we read ends at its header. */
    if (pen == PEN_CERT && id >= CERT_LISTS && width == IE_VARIABLE && !netflow9)
        return (struct ie){.target = IE_LIST, .form = FORM_BASIC_LIST};
    return (struct ie){.target = IE_NONE};
}
