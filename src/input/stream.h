/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of a file in order, decompressed on the way (gzip, zstd, lz4 frame, bzip2; found by
 * content). Buffers are of fixed size. */
#ifndef TELLTALE_INPUT_STREAM_H
#define TELLTALE_INPUT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct stream;

int stream_open(const char *path, struct stream **ret, struct error *err);
/* Takes ownership of `fd`. `name` is for messages. */
int stream_open_fd(int fd, const char *name, struct stream **ret, struct error *err);
/* Reads `octets`, which must outlive the stream. For tests and fuzzing. */
struct stream *stream_of_bytes(struct bytes octets);
void stream_free(struct stream *s);

/* At least `want` (at most 256 KiB) octets ahead without consuming them, fewer at the end. */
struct bytes stream_peek(struct stream *s, size_t want);
void stream_skip(struct stream *s, size_t len);
/* Exactly `len` octets as one view, valid until the next call; fewer at the end. */
struct bytes stream_read(struct stream *s, size_t len);
bool stream_damaged(const struct stream *s); /* the compressed data could not be read */
uint64_t stream_file_octets_read(const struct stream *s); /* of the file as it lies: for progress */
const char *stream_compression(const struct stream *s);   /* "", "gzip", "zstd", "lz4", "bzip2" */

/* SHA-256 of a whole file as it lies (compressed octets). */
int digest_file(const char *path, uint8_t ret[32], struct error *err);

#endif
