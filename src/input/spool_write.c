/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/memory.h"
#include "input/spool_in.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are written as they lie");

struct spool_writer {
    int fd;
    uint64_t octets;
    uint32_t told[SYMBOL_KINDS]; /* highest code of each kind that is in the file */
    struct buf block;
    char *packed;
    size_t packed_size;
    char *path;
};

uint32_t block_crc(const struct block_head *head, const void *octets)
{
    uLong crc = crc32(0, (const Bytef *)head, offsetof(struct block_head, crc));
    return (uint32_t)crc32(crc, octets, head->stored);
}

/* All or nothing: what a full disk took in part is cut off again. */
static int put(struct spool_writer *w, const struct iovec *parts, int count, struct error *err)
{
    size_t want = 0;
    for (int i = 0; i < count; i++)
        want += parts[i].iov_len;
    ssize_t done = pwritev(w->fd, parts, count, (off_t)w->octets);
    if (done >= 0 && (size_t)done < want) { /* a second try says why */
        errno = ENOSPC;
        done = -1;
    }
    if (done < 0) {
        int why = errno;
        if (ftruncate(w->fd, (off_t)w->octets) < 0)
            why = errno;
        errno = why;
        return error_errno(err, "%s", w->path);
    }
    w->octets += want;
    return 0;
}

static int put_block(struct spool_writer *w, enum block_kind kind, size_t rows, struct error *err)
{
    if (w->block.failed)
        return error_set(err, ERROR_FAILED, "%s: a block of the spool grew too long", w->path);
    struct block_head head = {.kind = kind, .rows = (uint32_t)rows, .len = (uint32_t)w->block.len};
    size_t bound = (size_t)LZ4_compressBound((int)w->block.len);
    if (bound > w->packed_size) {
        w->packed = memory_resize(w->packed, bound, 1);
        w->packed_size = bound;
    }
    int packed = LZ4_compress_default(w->block.at, w->packed, (int)w->block.len, (int)bound);
    bool smaller = packed > 0 && (size_t)packed < w->block.len;
    head.stored = smaller ? (uint32_t)packed : head.len;
    void *octets = smaller ? w->packed : w->block.at;
    head.crc = block_crc(&head, octets);
    struct iovec parts[2] = {{&head, sizeof head}, {octets, head.stored}};
    return put(w, parts, 2, err);
}

int spool_create(const char *path, uint64_t number, struct spool_writer **ret, struct error *err)
{
    struct spool_writer *w = memory_alloc(sizeof *w);
    struct spool_head head = {.number = number};
    memcpy(head.magic, spool_magic, sizeof head.magic);
    buf_init(&w->block, SPOOL_BLOCK_MAX);
    w->path = memory_text(path, strlen(path));
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct iovec part = {&head, sizeof head};
    int status = w->fd < 0 ? error_errno(err, "%s", path) : put(w, &part, 1, err);
    if (status < 0) {
        spool_close(w, false, false, NULL);
        return status;
    }
    *ret = w;
    return 0;
}

/* --- columns --- */

static void head_of_column(struct buf *out, enum field f, enum column_form form, size_t octets)
{
    size_t len = strlen(field_infos[f].name);
    uint32_t size = (uint32_t)octets;
    buf_u8(out, (uint8_t)len);
    buf_add(out, field_infos[f].name, len);
    buf_u8(out, (uint8_t)field_infos[f].type);
    buf_u8(out, (uint8_t)form);
    buf_add(out, &size, sizeof size);
}

static bool is_constant(const char *at, size_t size, size_t count)
{
    return count < 2 || memcmp(at, at + size, size * (count - 1)) == 0;
}

static void put_offsets(struct buf *out, enum field f, const uint64_t *at, size_t count)
{
    uint64_t low = at[0], high = at[0];
    for (size_t i = 1; i < count; i++) {
        low = at[i] < low ? at[i] : low;
        high = at[i] > high ? at[i] : high;
    }
    if (high - low > UINT32_MAX) {
        head_of_column(out, f, FORM_PLAIN, count * sizeof *at);
        buf_add(out, at, count * sizeof *at);
        return;
    }
    head_of_column(out, f, FORM_OFFSETS, sizeof low + count * sizeof(uint32_t));
    buf_add(out, &low, sizeof low);
    char *to = buf_room(out, count * sizeof(uint32_t));
    for (size_t i = 0; to && i < count; i++) {
        uint32_t offset = (uint32_t)(at[i] - low);
        memcpy(to + i * sizeof offset, &offset, sizeof offset);
    }
    out->len += to ? count * sizeof(uint32_t) : 0;
}

static void put_addresses(struct buf *out, enum field f, const struct ip *at, size_t count)
{
    bool v4 = true;
    for (size_t i = 0; i < count && v4; i++)
        v4 = ip_is_v4(&at[i]);
    if (!v4) {
        head_of_column(out, f, FORM_PLAIN, count * sizeof *at);
        buf_add(out, at, count * sizeof *at);
        return;
    }
    head_of_column(out, f, FORM_IPV4, count * 4);
    char *to = buf_room(out, count * 4);
    for (size_t i = 0; to && i < count; i++)
        memcpy(to + i * 4, at[i].octet + 12, 4);
    out->len += to ? count * 4 : 0;
}

static void put_texts(struct buf *out, enum field f, const struct batch *b, size_t from,
                      size_t count)
{
    const struct text_ref *refs = (const struct text_ref *)b->columns[f] + from;
    size_t octets = 0;
    for (size_t i = 0; i < count; i++)
        octets += refs[i].len;
    head_of_column(out, f, octets ? FORM_TEXT : FORM_EMPTY, octets ? octets + 2 * count : 0);
    for (size_t i = 0; octets && i < count; i++) {
        uint16_t len = (uint16_t)refs[i].len; /* names have 255 octets at most */
        buf_add(out, &len, sizeof len);
    }
    for (size_t i = 0; octets && i < count; i++)
        buf_add(out, b->text + refs[i].at, (uint16_t)refs[i].len);
}

static void put_column(struct buf *out, enum field f, const struct batch *b, size_t from,
                       size_t count)
{
    enum field_type type = field_infos[f].type;
    size_t size = field_type_octets(type);
    const char *at = (const char *)b->columns[f] + from * size;
    if (type == TYPE_STR) {
        put_texts(out, f, b, from, count);
    } else if (is_constant(at, size, count)) {
        head_of_column(out, f, FORM_CONSTANT, size);
        buf_add(out, at, size);
    } else if (type == TYPE_U64) {
        put_offsets(out, f, (const uint64_t *)(const void *)at, count);
    } else if (type == TYPE_IP) {
        put_addresses(out, f, (const struct ip *)(const void *)at, count);
    } else {
        head_of_column(out, f, FORM_PLAIN, size * count);
        buf_add(out, at, size * count);
    }
}

/* --- blocks --- */

/* Texts of codes that are new since the last time. */
static int put_symbols(struct spool_writer *w, const struct symbols *symbols, struct error *err)
{
    static const enum symbol_kind kinds[] = {SYMBOL_EXPORTER, SYMBOL_APPLICATION};
    size_t rows = 0;
    buf_clear(&w->block);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (uint32_t code = w->told[kinds[k]] + 1; code <= symbols_count(symbols, kinds[k]);
             code++, rows++) {
            const char *text = symbols_text(symbols, kinds[k], code);
            uint16_t len = (uint16_t)strlen(text);
            buf_u8(&w->block, (uint8_t)kinds[k]);
            buf_add(&w->block, &code, sizeof code);
            buf_add(&w->block, &len, sizeof len);
            buf_add(&w->block, text, len);
        }
    if (rows == 0)
        return 0;
    int status = put_block(w, BLOCK_SYMBOLS, rows, err);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds && status == 0; k++)
        w->told[kinds[k]] = symbols_count(symbols, kinds[k]);
    return status;
}

int spool_records(struct spool_writer *w, const struct batch *b, size_t from, size_t count,
                  const struct symbols *symbols, struct error *err)
{
    assert(b->stage == STAGE_RECORD && count <= SPOOL_ROWS_MAX && from + count <= b->rows);
    if (count == 0)
        return 0;
    int status = put_symbols(w, symbols, err);
    if (status < 0)
        return status;
    buf_clear(&w->block);
    for (int f = 0; f < FIELD_COUNT; f++)
        if (b->columns[f])
            put_column(&w->block, (enum field)f, b, from, count);
    return put_block(w, BLOCK_RECORDS, count, err);
}

int spool_coverage(struct spool_writer *w, const struct coverage_row *rows, size_t count,
                   const struct symbols *symbols, struct error *err)
{
    int status = put_symbols(w, symbols, err);
    if (status < 0)
        return status;
    buf_clear(&w->block);
    buf_add(&w->block, rows, count * sizeof *rows);
    return put_block(w, BLOCK_COVERAGE, count, err);
}

int spool_tally(struct spool_writer *w, const struct tally *t, struct error *err)
{
    uint64_t sums[] = {t->records, t->kept, t->outside, t->duplicates, t->rejected};
    buf_clear(&w->block);
    buf_add(&w->block, sums, sizeof sums);
    for (int i = 0; i < REASON_COUNT; i++) { /* by name: the list may grow */
        if (t->reasons[i] == 0)
            continue;
        size_t len = strlen(reason_name((enum reason)i));
        buf_u8(&w->block, (uint8_t)len);
        buf_add(&w->block, reason_name((enum reason)i), len);
        buf_add(&w->block, &t->reasons[i], sizeof t->reasons[i]);
    }
    return put_block(w, BLOCK_TALLY, 1, err);
}

int spool_carry(struct spool_writer *w, struct bytes carry, struct error *err)
{
    int status = 0;
    size_t at = 0;
    do {
        struct bytes part = bytes_slice(carry, at, SPOOL_BLOCK_MAX);
        buf_clear(&w->block);
        buf_add(&w->block, part.at, part.len);
        status = put_block(w, BLOCK_CARRY, 1, err);
        at += part.len;
    } while (status == 0 && at < carry.len);
    return status;
}

int spool_sync(struct spool_writer *w, struct error *err)
{
    return fdatasync(w->fd) < 0 ? error_errno(err, "%s", w->path) : 0;
}

uint64_t spool_octets(const struct spool_writer *w)
{
    return w->octets;
}

int spool_close(struct spool_writer *w, bool end, bool last, struct error *err)
{
    int status = 0;
    if (!w)
        return 0;
    if (end) {
        buf_clear(&w->block);
        buf_u8(&w->block, last);
        status = put_block(w, BLOCK_END, 1, err);
        if (status == 0)
            status = spool_sync(w, err);
        if (status < 0) /* the caller may try again */
            return status;
    }
    if (w->fd >= 0)
        close(w->fd);
    buf_done(&w->block);
    free(w->packed);
    free(w->path);
    free(w);
    return 0;
}
