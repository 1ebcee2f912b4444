/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX files (RFC 5655): messages one after the other, read by their length field.
 * There is nothing to resynchronise on: where no message begins, the rest cannot be read. */
#ifndef TELLTALE_DECODE_IPFIX_FILE_H
#define TELLTALE_DECODE_IPFIX_FILE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "input/capture.h"
#include "input/stream.h"

struct ipfix_file;

/* True when these first octets (at least 20 of them, better more) begin an IPFIX message with a
 * set. */
bool ipfix_file_is(struct bytes head);

/* Takes ownership of `in` also when it fails. An error when no message begins there. */
int ipfix_file_open(struct stream *in, struct ipfix_file **ret, struct error *err);
void ipfix_file_free(struct ipfix_file *f);

/* The next message, for decoder_datagram(); valid until the next call. CAPTURE_CUT: the file ends
 * inside a message, and what there is of it is in `ret`: give that to the decoder too, which counts
 * the missing part. CAPTURE_DAMAGED: no message begins here. Padding of zeros at the end is an end.
 */
enum capture_status ipfix_file_next(struct ipfix_file *f, struct bytes *ret);

#endif
