/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of a file in order, decompressed on the way (gzip, zstd, lz4 frame, bzip2, xz, each also as
 * several members one after the other; found by content). Memory does not grow with the file. */
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

/* Longest view: formats with longer blocks must take them in parts. */
enum { STREAM_VIEW_MAX = 4 << 20 };

/* At least `want` (at most STREAM_VIEW_MAX) octets ahead without consuming them, fewer at the end. */
struct bytes stream_peek(struct stream *s, size_t want);
void stream_skip(struct stream *s, uint64_t len);
/* Exactly `len` (at most STREAM_VIEW_MAX) octets as one view, valid until the next call; fewer at
 * the end. */
struct bytes stream_read(struct stream *s, size_t len);
/* The compressed data could not be read, ended within a member, or the file could not be read. */
bool stream_damaged(const struct stream *s);
uint64_t stream_file_octets_read(const struct stream *s); /* of the file as it lies: for progress */
const char *stream_compression(const struct stream *s);   /* "", "gzip", "zstd", "lz4", "bzip2", "xz" */

/* SHA-256 of a whole file as it lies (compressed octets). */
int digest_file(const char *path, uint8_t ret[32], struct error *err);

#endif
