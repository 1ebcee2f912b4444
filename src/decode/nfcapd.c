/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and blocks. All integers are in the byte order of the machine that wrote them; the magic
 * tells, and nobody writes big-endian files any more.
 *
 * Layout 1: magic, version, flags u32, blocks u32, ident[128]; statistics of 136 octets; blocks.
 * Layout 2: magic, version, nfdump's version u32, created u64, compression u8, encryption u8,
 *           appendix blocks u16, creator u32, appendix offset u64, block size u32, blocks u32;
 * blocks; appendix blocks (ident, statistics). A block: records u32, octets u32, type u16, flags
 * u16, octets. */
#include "decode/nfcapd.h"

#include <bzlib.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "decode/lzo.h"
#include "decode/nfcapd_in.h"
#include "wire/cursor.h"

enum {
    MAGIC = 0xa50c,
    MAGIC_SWAPPED = 0x0ca5,
    HEADER_1 = 140 + 136,
    HEADER_2 = 40,
    BLOCK_HEADER = 12,
    FLAGS_1_LZO = 1,
    FLAGS_1_BZ2 = 8,
    FLAGS_1_LZ4 = 16,
    BLOCK_2_PLAIN = 1, /* flag of a block that is not compressed though the file is */
    BLOCK_1_FLOWS = 2, /* types of blocks */
    BLOCK_2_FLOWS = 3,
    BLOCK_1_OLD = 1, /* nfdump 1.5 */
};

enum packing { PACKING_NONE, PACKING_LZO, PACKING_BZ2, PACKING_LZ4, PACKING_ZSTD, PACKING_COUNT };

struct block_header {
    uint32_t records, octets;
    uint16_t type, flags;
};

struct nfcapd {
    struct stream *in;
    struct nfcapd_records *records;
    unsigned layout;
    enum packing packing;
    uint32_t blocks_left;    /* that the header states; 0 in files not yet closed */
    uint8_t *packed, *plain; /* NFCAPD_BLOCK_OCTETS_MAX each; pages never touched cost nothing */
    ZSTD_DCtx *zstd;
    struct bytes block;     /* not yet decoded */
    uint32_t block_records; /* stated by its header, not yet seen */
    bool cut;               /* the file ends within this block */
    bool over;
};

bool nfcapd_is(struct bytes head)
{
    if (head.len < 12)
        return false;
    uint16_t magic = octets_le16(head.at), version = octets_le16(head.at + 2);
    if (magic == MAGIC)
        return version == 1 || version == 2;
    return magic == MAGIC_SWAPPED && (version == 0x0100 || version == 0x0200);
}

static enum packing packing_1(uint32_t flags)
{
    if (flags & FLAGS_1_LZO)
        return PACKING_LZO;
    if (flags & FLAGS_1_BZ2)
        return PACKING_BZ2;
    return flags & FLAGS_1_LZ4 ? PACKING_LZ4 : PACKING_NONE;
}

static int read_header(struct nfcapd *f, struct error *err)
{
    struct bytes head = stream_peek(f->in, HEADER_1);
    if (!nfcapd_is(head))
        return error_set(err, ERROR_FAILED, "not an nfcapd file");
    if (octets_le16(head.at) != MAGIC)
        return error_set(err, ERROR_FAILED, "an nfcapd file of a big-endian machine is not read");
    f->layout = octets_le16(head.at + 2);
    size_t len = f->layout == 1 ? HEADER_1 : HEADER_2;
    if (head.len < len) {
        stream_skip(f->in, head.len);
        f->blocks_left = 1; /* counted as truncated at the end */
        return 0;
    }
    if (f->layout == 1) {
        f->packing = packing_1(octets_le32(head.at + 4));
        f->blocks_left = octets_le32(head.at + 8);
    } else {
        if (head.at[16] >= PACKING_COUNT)
            return error_set(err, ERROR_FAILED, "nfcapd compression %u is not known", head.at[16]);
        if (head.at[17])
            return error_set(err, ERROR_FAILED, "the nfcapd file is encrypted");
        f->packing = (enum packing)head.at[16];
        f->blocks_left = octets_le32(head.at + 36);
    }
    stream_skip(f->in, len);
    return 0;
}

int nfcapd_open(struct stream *in, const struct decode_setting *setting, struct nfcapd **ret,
                struct error *err)
{
    struct nfcapd *f = memory_alloc(sizeof *f);
    f->in = in;
    int status = read_header(f, err);
    if (status < 0) {
        nfcapd_free(f);
        return status;
    }
    f->records = nfcapd_records_new(setting);
    *ret = f;
    return 0;
}

void nfcapd_free(struct nfcapd *f)
{
    if (!f)
        return;
    nfcapd_records_free(f->records);
    stream_free(f->in);
    ZSTD_freeDCtx(f->zstd);
    free(f->packed);
    free(f->plain);
    free(f);
}

/* ---- blocks ---- */

static ptrdiff_t unpack_bz2(struct nfcapd *f, struct bytes packed)
{
    unsigned size = NFCAPD_BLOCK_OCTETS_MAX;
    int got = BZ2_bzBuffToBuffDecompress((char *)f->plain, &size, (char *)packed.at,
                                         (unsigned)packed.len, 0, 0);
    return got == BZ_OK ? (ptrdiff_t)size : -1;
}

static ptrdiff_t unpack_zstd(struct nfcapd *f, struct bytes packed)
{
    if (!f->zstd)
        f->zstd = ZSTD_createDCtx();
    if (!f->zstd)
        memory_exhausted(sizeof(void *));
    size_t got =
        ZSTD_decompressDCtx(f->zstd, f->plain, NFCAPD_BLOCK_OCTETS_MAX, packed.at, packed.len);
    return ZSTD_isError(got) ? -1 : (ptrdiff_t)got;
}

static ptrdiff_t unpack(struct nfcapd *f, struct bytes packed)
{
    if (!f->plain)
        f->plain = memory_resize(NULL, NFCAPD_BLOCK_OCTETS_MAX, 1);
    switch (f->packing) {
    case PACKING_LZO:
        return lzo_decompress(f->plain, NFCAPD_BLOCK_OCTETS_MAX, packed);
    case PACKING_LZ4:
        return LZ4_decompress_safe((const char *)packed.at, (char *)f->plain, (int)packed.len,
                                   NFCAPD_BLOCK_OCTETS_MAX);
    case PACKING_BZ2:
        return unpack_bz2(f, packed);
    default:
        return unpack_zstd(f, packed);
    }
}

/* The block's octets as they lie, fewer where the file ends; blocks larger than the stream shows at
 * once are put together. */
static struct bytes take_block(struct nfcapd *f, uint32_t octets)
{
    if (octets <= STREAM_VIEW_MAX)
        return stream_read(f->in, octets);
    if (!f->packed)
        f->packed = memory_resize(NULL, NFCAPD_BLOCK_OCTETS_MAX, 1);
    size_t got = 0;
    while (got < octets) {
        size_t want = octets - got < STREAM_VIEW_MAX ? octets - got : STREAM_VIEW_MAX;
        struct bytes part = stream_read(f->in, want);
        if (part.len)
            memcpy(f->packed + got, part.at, part.len);
        got += part.len;
        if (part.len < want)
            break;
    }
    return bytes_of(f->packed, got);
}

static void reject_block(struct nfcapd *f, const struct block_header *h, enum reason reason,
                         struct tally *tally)
{
    nfcapd_records_reject(f->records, reason, nfcapd_lost(h->records), tally);
}

static bool read_block_header(struct nfcapd *f, struct block_header *ret, struct tally *tally)
{
    struct bytes b = stream_read(f->in, BLOCK_HEADER);
    if (b.len == BLOCK_HEADER) {
        struct cursor c = cursor_of(b);
        ret->records = cursor_le32(&c);
        ret->octets = cursor_le32(&c);
        ret->type = cursor_le16(&c);
        ret->flags = cursor_le16(&c);
        return true;
    }
    if (stream_damaged(f->in))
        nfcapd_records_reject(f->records, REASON_bad_length, 1, tally);
    else if (b.len > 0 || f->blocks_left > 0)
        nfcapd_records_reject(f->records, REASON_truncated, 1, tally);
    return false;
}

static bool holds_flows(const struct nfcapd *f, const struct block_header *h)
{
    return h->type == (f->layout == 1 ? BLOCK_1_FLOWS : BLOCK_2_FLOWS) ||
           (f->layout == 2 && h->type == BLOCK_1_FLOWS);
}

/* Skips a block of something else: a catalogue, an array of table entries. */
static bool skip_block(struct nfcapd *f, const struct block_header *h, struct tally *tally)
{
    if (f->layout == 1 && h->type == BLOCK_1_OLD)
        reject_block(f, h, REASON_bad_version, tally);
    for (uint32_t left = h->octets; left > 0;) {
        uint32_t part = left < STREAM_VIEW_MAX ? left : STREAM_VIEW_MAX;
        if (stream_read(f->in, part).len < part) {
            nfcapd_records_reject(f->records, REASON_truncated, 1, tally);
            return false;
        }
        left -= part;
    }
    return true;
}

static void open_block(struct nfcapd *f, const struct block_header *h, struct tally *tally)
{
    bool plain = f->packing == PACKING_NONE ||
                 (f->layout == 1 ? h->flags == 1 : (h->flags & BLOCK_2_PLAIN) != 0);
    struct bytes block = take_block(f, h->octets);
    f->cut = block.len < h->octets;
    f->block_records = h->records;
    if (plain) {
        f->block = block;
        return;
    }
    ptrdiff_t len = f->cut ? -1 : unpack(f, block);
    if (len < 0) {
        bool truncated = f->cut && !stream_damaged(f->in);
        reject_block(f, h, truncated ? REASON_truncated : REASON_bad_length, tally);
        f->over = f->cut;
        f->cut = false;
        return;
    }
    f->block = bytes_of(f->plain, (size_t)len);
}

/* The records that the current block's header states and that are not there. */
static void end_block(struct nfcapd *f, struct tally *tally)
{
    if (f->cut) {
        enum reason reason = stream_damaged(f->in) ? REASON_bad_length : REASON_truncated;
        nfcapd_records_reject(f->records, reason, nfcapd_lost(f->block_records), tally);
        f->over = true;
    }
    f->cut = false;
    f->block_records = 0;
}

/* Makes the next block that holds records current. False at the end of the file. */
static bool next_block(struct nfcapd *f, struct tally *tally)
{
    struct block_header h;
    while (!f->over && f->block.len == 0) {
        if (!read_block_header(f, &h, tally)) {
            f->over = true;
            break;
        }
        if (f->blocks_left > 0)
            f->blocks_left--;
        if (h.octets > NFCAPD_BLOCK_OCTETS_MAX) { /* nothing to find the next block by */
            reject_block(f, &h, REASON_bad_length, tally);
            f->over = true;
        } else if (!holds_flows(f, &h)) {
            f->over = !skip_block(f, &h, tally);
        } else {
            open_block(f, &h, tally);
            if (f->block.len == 0)
                end_block(f, tally);
        }
    }
    return f->block.len > 0;
}

bool nfcapd_next(struct nfcapd *f, struct batch *out, struct tally *tally)
{
    if (!next_block(f, tally)) {
        nfcapd_records_finish(f->records);
        return false;
    }
    nfcapd_records_decode(f->records, &f->block, &f->block_records, f->cut, out, tally);
    if (f->block.len == 0)
        end_block(f, tally);
    return true;
}
