/* SPDX-License-Identifier: Apache-2.0 */
/* What a device runs, from the words of its own software. Rules, not lists of products: they hold
 * for what they have not seen. Pure functions; any thread. */
#ifndef TELLTALE_SCHEMA_PLATFORM_H
#define TELLTALE_SCHEMA_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/values.h"

/* The User-Agent of a request (RFC 9110 section 10.1.5), also as QUIC and SSDP carry it. */
enum platform platform_of_user_agent(const char *text, size_t len);
/* What a server says of itself: the Server field of HTTP and SSDP (section 10.2.4), or the
 * identification of SSH (RFC 4253 section 4.2), of either side. */
enum platform platform_of_banner(const char *text, size_t len);

/* Whether one piece of evidence goes before another of the same host: a lower basis does, and
 * anything goes before a program that only names itself. */
static inline bool platform_goes_before(unsigned platform, unsigned basis, unsigned than_platform,
                                        unsigned than_basis)
{
    if (platform == PLATFORM_UNKNOWN)
        return false;
    if (than_platform == PLATFORM_UNKNOWN)
        return true;
    if ((platform == PLATFORM_TOOL) != (than_platform == PLATFORM_TOOL))
        return than_platform == PLATFORM_TOOL;
    return basis < than_basis;
}

#endif
