/* SPDX-License-Identifier: Apache-2.0 */
/* Files of flows and packets that are not read, and what turns them into one that is. */
#ifndef TELLTALE_DECODE_FOREIGN_H
#define TELLTALE_DECODE_FOREIGN_H

#include "base/bytes.h"

/* What a file that begins so is and how to convert it, in one line; NULL where it is none of those
 * that are known. 12 octets tell all of them. Valid for the program's life; any thread. */
const char *foreign_advice(struct bytes head);

#endif
