/* SPDX-License-Identifier: Apache-2.0 */
/* Open conversations from one segment of a spool to the next: file `carry` in the segments' folder.
 *
 * Each step may be the last before a crash: the new one is written as carry.NUMBER.new before the
 * store takes the segment's end, and takes the old one's place after it. So a segment that is given
 * again finds the same carry as before, or its own waiting. */
#ifndef TELLTALE_CMD_CARRY_H
#define TELLTALE_CMD_CARRY_H

#include <stdint.h>

#include "base/error.h"
#include "flow/flow.h"

/* Loads what the segment before `number` left open, if there is any. One that another version of
 * the program left is set aside as carry.unread; `*ret` is the pairer to go on with. */
int carry_load(const char *segment, uint64_t number, const struct flow_setting *setting,
               struct pairer **ret, struct error *err);
/* Writes what is open; the pairer is empty after it. */
int carry_save(const char *segment, uint64_t number, struct pairer *p, struct error *err);
/* The store has the segment: what it left open is the carry now, and what it took is gone. */
int carry_commit(const char *segment, uint64_t number, struct error *err);

#endif
