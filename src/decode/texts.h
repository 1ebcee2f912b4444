/* SPDX-License-Identifier: Apache-2.0 */
/* Names in records: of servers (NAME_EXPORTER) and of applications. */
#ifndef TELLTALE_DECODE_TEXTS_H
#define TELLTALE_DECODE_TEXTS_H

#include <stddef.h>

#include "base/bytes.h"
#include "decode/records.h"

enum { HOST_MAX = 253 };

/* Fills server_name, name_kind and application of `count` rows from `row` on. */
void texts_write(struct message *m, const struct records *r, const struct template *t, size_t count,
                 size_t row);
/* Takes the application name that the i-th options record found tells. */
void texts_note(struct message *m, const struct records *r, const struct template *t, size_t i);

/* A host name as exporters give it (padded, mixed case, with a port) in its plain form; returns its
 * length, 0 when it is none (an address is none). */
size_t host_normalise(struct bytes in, enum ie_form form, char to[HOST_MAX]);

#endif
