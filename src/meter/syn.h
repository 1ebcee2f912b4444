/* SPDX-License-Identifier: Apache-2.0 */
/* Whose TCP opened a connection, by the form of its SYN: the order of its options (RFC 9293 section
 * 3.1) and the hop limit it left with. Two systems have a form that nothing else has; Linux and
 * Android share one kernel and are not told apart, so neither is said. Any thread. */
#ifndef TELLTALE_METER_SYN_H
#define TELLTALE_METER_SYN_H

#include "base/bytes.h"
#include "schema/values.h"

/* `l3` is a SYN from its IP header on. PLATFORM_WINDOWS, PLATFORM_APPLE or PLATFORM_UNKNOWN. */
enum platform syn_platform(struct bytes l3);

#endif
