/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols that one packet's payload shows beyond doubt, by fixed octets and lengths that must
 * agree, and that libndpi 4.2 (2022) does not know or takes for others. */
#ifndef TELLTALE_METER_RECOGNISE_H
#define TELLTALE_METER_RECOGNISE_H

#include "wire/packet.h"

/* nDPI's name of the application in newer versions ("Gnutella"), or NULL. Looks at the payload of
 * one TCP segment or UDP datagram; keeps nothing, any thread. */
const char *recognise(const struct packet *p);

#endif
