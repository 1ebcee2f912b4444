/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID version 1 (https://github.com/corelight/community-id-spec): the same text for a
 * conversation in every tool that saw it, whichever way round. Any thread. */
#ifndef TELLTALE_REPORT_COMMUNITY_H
#define TELLTALE_REPORT_COMMUNITY_H

#include "base/ip.h"
#include "batch/batch.h"

enum { COMMUNITY_ID_MAX = 40 }; /* "1:", 28 characters, NUL */

/* Who sent to whom. ICMP as records have it: src_port 0, dst_port type * 256 + code. */
struct community_ends {
    struct ip src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol;
};

/* Returns the length. Tools can only be joined that use the same seed; most use 0. */
size_t community_id(uint16_t seed, const struct community_ends *ends, char ret[COMMUNITY_ID_MAX]);

/* The ends of a conversation: the source is who opened it. */
struct community_ends community_ends(struct ip local, struct ip remote, uint16_t local_port,
                                     uint16_t remote_port, uint8_t protocol, uint8_t opener,
                                     uint8_t role);

/* True where the side called local opened the conversation: by `opener`, where that is not known by
 * what its role and ICMP's port say. */
bool community_local_opened(uint8_t opener, uint8_t role, uint8_t protocol, uint16_t local_port,
                            uint16_t remote_port);

/* UUID version 5 (RFC 9562): SHA-1 of namespace and name, as text of 36 characters and NUL. */
enum { UUID_TEXT_MAX = 37 };
void uuid5(const char *name_space, const char *name, size_t len, char ret[UUID_TEXT_MAX]);

#endif
