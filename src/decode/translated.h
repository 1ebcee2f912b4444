/* SPDX-License-Identifier: Apache-2.0 */
/* When an end of a conversation counts as translated. Pure, any thread. */
#ifndef TELLTALE_DECODE_TRANSLATED_H
#define TELLTALE_DECODE_TRANSLATED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* Translators tell both ends of each session, and firewalls all sessions: an end that stayed what
 * it was, or of which nothing is told (zeros), was not translated. */
static inline bool is_translated(const struct ip *before, uint16_t port_before,
                                 const struct ip *after, uint16_t port_after)
{
    static const struct ip none;
    bool moved = !ip_equal(after, &none) && !ip_equal(after, before);
    return moved || (port_after && port_after != port_before);
}

#endif
