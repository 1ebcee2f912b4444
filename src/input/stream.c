/* SPDX-License-Identifier: Apache-2.0 */
#include "input/stream.h"

#include <assert.h>
#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <lz4frame.h>
#include <lzma.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

/* Octets as they lie go through `raw`, what the caller sees through `window`. The window grows to
 * the longest view asked for and no further. */
enum { RAW_SIZE = 1 << 17, WINDOW_SIZE = 1 << 19, HEAD_MAX = 16 };
/* xz -9 needs 65 MiB; a file may ask for 4 GiB. */
enum { XZ_MEMORY_MAX = 256 << 20 };

/* What a decompressor did with what it was given. */
enum step { STEP_GOES_ON, STEP_MEMBER_END, STEP_DAMAGED };

struct span {
    uint8_t *at;
    size_t len;
};

struct codec {
    const char *name;
    bool (*is)(struct bytes head);
    bool (*begin)(struct stream *s); /* also before each further member */
    /* Takes octets off `in` and puts octets into `out`, shortening both. */
    enum step (*step)(struct stream *s, struct bytes *in, struct span *out);
    void (*end)(struct stream *s);
};

struct stream {
    int fd; /* -1: `memory` */
    struct bytes memory;
    uint8_t *raw;
    size_t raw_at, raw_len;
    bool raw_end, damaged, end;
    uint64_t file_octets;
    uint8_t *window;
    size_t window_size, at, len; /* octets [at, len) are ahead */
    const struct codec *codec;   /* NULL: as it lies */
    bool in_member;
    z_stream gzip;
    bz_stream bzip2;
    ZSTD_DCtx *zstd;
    LZ4F_dctx *lz4;
    lzma_stream xz;
};

/* ------------------------------------------------------------------ the five formats */

static bool is_gzip(struct bytes head)
{
    return head.len >= 3 && memcmp(head.at, "\x1f\x8b\x08", 3) == 0;
}

static bool begin_gzip(struct stream *s)
{
    if (s->gzip.state)
        return inflateReset(&s->gzip) == Z_OK;
    return inflateInit2(&s->gzip, 15 + 16) == Z_OK;
}

static enum step step_gzip(struct stream *s, struct bytes *in, struct span *out)
{
    s->gzip.next_in = (Bytef *)in->at;
    s->gzip.avail_in = (uInt)in->len;
    s->gzip.next_out = out->at;
    s->gzip.avail_out = (uInt)out->len;
    int status = inflate(&s->gzip, Z_NO_FLUSH);
    *in = bytes_of(s->gzip.next_in, s->gzip.avail_in);
    *out = (struct span){s->gzip.next_out, s->gzip.avail_out};
    if (status == Z_STREAM_END)
        return STEP_MEMBER_END;
    return status == Z_OK || status == Z_BUF_ERROR ? STEP_GOES_ON : STEP_DAMAGED;
}

static void end_gzip(struct stream *s)
{
    if (s->gzip.state)
        inflateEnd(&s->gzip);
}

static bool is_bzip2(struct bytes head)
{
    return head.len >= 10 && memcmp(head.at, "BZh", 3) == 0 && head.at[3] >= '1' &&
           head.at[3] <= '9' &&
           (memcmp(head.at + 4, "1AY&SY", 6) == 0 || memcmp(head.at + 4, "\x17rE8P\x90", 6) == 0);
}

static void end_bzip2(struct stream *s)
{
    if (s->bzip2.state)
        BZ2_bzDecompressEnd(&s->bzip2);
    memset(&s->bzip2, 0, sizeof s->bzip2);
}

static bool begin_bzip2(struct stream *s)
{
    end_bzip2(s);
    return BZ2_bzDecompressInit(&s->bzip2, 0, 0) == BZ_OK;
}

static enum step step_bzip2(struct stream *s, struct bytes *in, struct span *out)
{
    s->bzip2.next_in = (char *)in->at;
    s->bzip2.avail_in = (unsigned)in->len;
    s->bzip2.next_out = (char *)out->at;
    s->bzip2.avail_out = (unsigned)out->len;
    int status = BZ2_bzDecompress(&s->bzip2);
    *in = bytes_of(s->bzip2.next_in, s->bzip2.avail_in);
    *out = (struct span){(uint8_t *)s->bzip2.next_out, s->bzip2.avail_out};
    if (status == BZ_STREAM_END)
        return STEP_MEMBER_END;
    return status == BZ_OK ? STEP_GOES_ON : STEP_DAMAGED;
}

/* Skippable frames (RFC 8878 section 3.1.2) may come first; they are common to zstd and lz4. */
static bool is_zstd(struct bytes head)
{
    return head.len >= 4 && (memcmp(head.at, "\x28\xb5\x2f\xfd", 4) == 0 ||
                             (head.at[0] >> 4 == 5 && memcmp(head.at + 1, "\x2a\x4d\x18", 3) == 0));
}

static bool begin_zstd(struct stream *s)
{
    if (!s->zstd)
        s->zstd = ZSTD_createDCtx();
    return s->zstd && !ZSTD_isError(ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only));
}

static enum step step_zstd(struct stream *s, struct bytes *in, struct span *out)
{
    ZSTD_inBuffer from = {in->at, in->len, 0};
    ZSTD_outBuffer to = {out->at, out->len, 0};
    size_t status = ZSTD_decompressStream(s->zstd, &to, &from);
    *in = bytes_of(in->at + from.pos, in->len - from.pos);
    *out = (struct span){out->at + to.pos, out->len - to.pos};
    if (ZSTD_isError(status))
        return STEP_DAMAGED;
    return status == 0 ? STEP_MEMBER_END : STEP_GOES_ON;
}

static void end_zstd(struct stream *s)
{
    ZSTD_freeDCtx(s->zstd);
}

static bool is_lz4(struct bytes head)
{
    return head.len >= 4 && memcmp(head.at, "\x04\x22\x4d\x18", 4) == 0;
}

static bool begin_lz4(struct stream *s)
{
    if (!s->lz4 && LZ4F_isError(LZ4F_createDecompressionContext(&s->lz4, LZ4F_VERSION)))
        return false;
    LZ4F_resetDecompressionContext(s->lz4);
    return true;
}

static enum step step_lz4(struct stream *s, struct bytes *in, struct span *out)
{
    size_t taken = in->len, made = out->len;
    size_t status = LZ4F_decompress(s->lz4, out->at, &made, in->at, &taken, NULL);
    if (LZ4F_isError(status))
        return STEP_DAMAGED;
    *in = bytes_of(in->at + taken, in->len - taken);
    *out = (struct span){out->at + made, out->len - made};
    return status == 0 ? STEP_MEMBER_END : STEP_GOES_ON;
}

static void end_lz4(struct stream *s)
{
    LZ4F_freeDecompressionContext(s->lz4);
}

static bool is_xz(struct bytes head)
{
    return head.len >= 6 && memcmp(head.at, "\xfd" "7zXZ\0", 6) == 0;
}

static void end_xz(struct stream *s)
{
    lzma_end(&s->xz);
    s->xz = (lzma_stream)LZMA_STREAM_INIT;
}

static bool begin_xz(struct stream *s)
{
    end_xz(s);
    return lzma_stream_decoder(&s->xz, XZ_MEMORY_MAX, 0) == LZMA_OK;
}

static enum step step_xz(struct stream *s, struct bytes *in, struct span *out)
{
    s->xz.next_in = in->at;
    s->xz.avail_in = in->len;
    s->xz.next_out = out->at;
    s->xz.avail_out = out->len;
    lzma_ret status = lzma_code(&s->xz, LZMA_RUN);
    *in = bytes_of(s->xz.next_in, s->xz.avail_in);
    *out = (struct span){s->xz.next_out, s->xz.avail_out};
    if (status == LZMA_STREAM_END)
        return STEP_MEMBER_END;
    return status == LZMA_OK || status == LZMA_BUF_ERROR ? STEP_GOES_ON : STEP_DAMAGED;
}

static const struct codec codecs[] = {
    {"gzip", is_gzip, begin_gzip, step_gzip, end_gzip},
    {"zstd", is_zstd, begin_zstd, step_zstd, end_zstd},
    {"lz4", is_lz4, begin_lz4, step_lz4, end_lz4},
    {"bzip2", is_bzip2, begin_bzip2, step_bzip2, end_bzip2},
    {"xz", is_xz, begin_xz, step_xz, end_xz},
};

/* ------------------------------------------------------------------ octets as they lie */

/* At most `room` octets of the file; 0 at its end and where it cannot be read. */
static size_t read_file(struct stream *s, uint8_t *at, size_t room)
{
    ssize_t got;
    if (s->fd < 0) {
        struct bytes part = bytes_slice(s->memory, (size_t)s->file_octets, room);
        if (part.len)
            memcpy(at, part.at, part.len);
        got = (ssize_t)part.len;
    } else {
        do
            got = read(s->fd, at, room);
        while (got < 0 && errno == EINTR);
    }
    if (got < 0)
        s->damaged = true;
    if (got <= 0) {
        s->raw_end = true;
        return 0;
    }
    s->file_octets += (uint64_t)got;
    return (size_t)got;
}

/* Moves what is left to the front and reads until `want` octets lie in `raw`, or the end. */
static void fill_raw(struct stream *s, size_t want)
{
    if (s->raw_len - s->raw_at >= want)
        return;
    memmove(s->raw, s->raw + s->raw_at, s->raw_len - s->raw_at);
    s->raw_len -= s->raw_at;
    s->raw_at = 0;
    while (s->raw_len < want && !s->raw_end)
        s->raw_len += read_file(s, s->raw + s->raw_len, RAW_SIZE - s->raw_len);
}

/* ------------------------------------------------------------------ octets as they are seen */

static void finish(struct stream *s, bool damaged)
{
    s->end = true;
    s->damaged |= damaged;
}

/* Between members: begins the next one, or ends the stream. Zeros after the last member are tape
 * blocks; anything else there is damage. */
static void next_member(struct stream *s)
{
    fill_raw(s, HEAD_MAX);
    struct bytes head = bytes_of(s->raw + s->raw_at, s->raw_len - s->raw_at);
    bool more = s->codec->is(head);
    if (!more) {
        bool zeros = true;
        for (size_t i = 0; i < head.len; i++)
            zeros &= head.at[i] == 0;
        finish(s, !zeros);
        return;
    }
    s->in_member = s->codec->begin(s);
    if (!s->in_member)
        finish(s, true);
}

/* Decompresses some octets into the window's free end. */
static void decompress(struct stream *s)
{
    if (!s->in_member) {
        next_member(s);
        return;
    }
    fill_raw(s, 1);
    struct bytes in = bytes_of(s->raw + s->raw_at, s->raw_len - s->raw_at);
    struct span out = {s->window + s->len, s->window_size - s->len};
    size_t in_before = in.len, out_before = out.len;
    enum step step = s->codec->step(s, &in, &out);
    if (step == STEP_DAMAGED) {
        finish(s, true);
        return;
    }
    s->raw_at += in_before - in.len;
    s->len += out_before - out.len;
    if (step == STEP_MEMBER_END)
        s->in_member = false;
    else if (in_before == in.len && out_before == out.len)
        finish(s, true); /* the file ended within a member */
}

static void copy_plain(struct stream *s)
{
    size_t left = s->raw_len - s->raw_at, room = s->window_size - s->len;
    if (left == 0) {
        size_t got = read_file(s, s->window + s->len, room);
        s->len += got;
        s->end = got == 0;
        return;
    }
    size_t part = left < room ? left : room;
    memcpy(s->window + s->len, s->raw + s->raw_at, part);
    s->raw_at += part;
    s->len += part;
}

/* Makes `want` octets lie ahead in the window, unless the stream ends. */
static void fill(struct stream *s, size_t want)
{
    assert(want <= STREAM_VIEW_MAX);
    if (s->len - s->at >= want)
        return;
    if (want > s->window_size) {
        while (s->window_size < want)
            s->window_size *= 2;
        s->window = memory_resize(s->window, s->window_size, 1);
    }
    memmove(s->window, s->window + s->at, s->len - s->at);
    s->len -= s->at;
    s->at = 0;
    while (s->len < want && !s->end) {
        if (s->codec)
            decompress(s);
        else
            copy_plain(s);
    }
}

static struct stream *stream_new(int fd, struct bytes memory)
{
    struct stream *s = memory_alloc(sizeof *s);
    s->fd = fd;
    s->memory = memory;
    s->raw = memory_alloc(RAW_SIZE);
    s->window_size = WINDOW_SIZE;
    s->window = memory_alloc(WINDOW_SIZE);
    fill_raw(s, HEAD_MAX);
    struct bytes head = bytes_of(s->raw, s->raw_len);
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (codecs[i].is(head))
            s->codec = &codecs[i];
    return s;
}

int stream_open_fd(int fd, const char *name, struct stream **ret, struct error *err)
{
    errno = 0;
    struct stream *s = stream_new(fd, bytes_of(NULL, 0));
    if (s->damaged) {
        int status = error_errno(err, "read %s", name);
        stream_free(s);
        return status;
    }
    *ret = s;
    return 0;
}

int stream_open(const char *path, struct stream **ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "open %s", path);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return stream_open_fd(fd, path, ret, err);
}

struct stream *stream_of_bytes(struct bytes octets)
{
    return stream_new(-1, octets);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    if (s->codec)
        s->codec->end(s);
    if (s->fd >= 0)
        close(s->fd);
    free(s->raw);
    free(s->window);
    free(s);
}

struct bytes stream_peek(struct stream *s, size_t want)
{
    fill(s, want);
    return bytes_of(s->window + s->at, s->len - s->at);
}

void stream_skip(struct stream *s, uint64_t len)
{
    while (len > 0) {
        fill(s, 1);
        size_t there = s->len - s->at;
        if (there == 0)
            return;
        if (there > len)
            there = (size_t)len;
        s->at += there;
        len -= there;
    }
}

struct bytes stream_read(struct stream *s, size_t len)
{
    fill(s, len);
    struct bytes view = bytes_slice(bytes_of(s->window + s->at, s->len - s->at), 0, len);
    s->at += view.len;
    return view;
}

bool stream_damaged(const struct stream *s)
{
    return s->damaged;
}

uint64_t stream_file_octets_read(const struct stream *s)
{
    return s->file_octets - (s->raw_len - s->raw_at);
}

const char *stream_compression(const struct stream *s)
{
    return s->codec ? s->codec->name : "";
}

/* ------------------------------------------------------------------ digest */

static void gcrypt_ready(void)
{
    gcry_check_version(NULL);
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
}

static int digest_fd(int fd, const char *path, gcry_md_hd_t md, struct error *err)
{
    uint8_t *part = memory_alloc(RAW_SIZE);
    ssize_t got;
    while ((got = read(fd, part, RAW_SIZE)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            gcry_md_write(md, part, (size_t)got);
    int status = got < 0 ? error_errno(err, "read %s", path) : 0;
    free(part);
    return status;
}

int digest_file(const char *path, uint8_t ret[32], struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, gcrypt_ready);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "open %s", path);
    gcry_md_hd_t md;
    if (gcry_md_open(&md, GCRY_MD_SHA256, 0)) {
        close(fd);
        return error_set(err, ERROR_FAILED, "SHA-256 of %s: libgcrypt is not available", path);
    }
    int status = digest_fd(fd, path, md, err);
    if (status == 0)
        memcpy(ret, gcry_md_read(md, GCRY_MD_SHA256), 32);
    gcry_md_close(md);
    close(fd);
    return status;
}
