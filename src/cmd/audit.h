/* SPDX-License-Identifier: Apache-2.0 */
/* The study's audit log: one line for each verb that read or changed its data. audit.log is JSON
 * lines, {time, user, verb, arguments, previous}, appended only; `previous` is the SHA-256 of the
 * line before (without its line break), so that no line but the last can be changed or taken out
 * unseen. */
#ifndef TELLTALE_CMD_AUDIT_H
#define TELLTALE_CMD_AUDIT_H

#include "cmd/verb.h"

/* Appends the line of this run to DIR/audit.log, where DIR is a study. That it cannot be written is
 * said on stderr and does not stop the verb. */
void audit_note(const struct invocation *in);

#endif
