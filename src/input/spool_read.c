/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here trusts the file: every length is held against the block it is in, and a block that
 * is not what it should be ends the reading. */
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "input/spool_in.h"
#include "wire/cursor.h"

enum { CODES_MAX = 1 << 20, COVERAGE_MAX = 1 << 20 };

/* Codes of the file to codes of the caller, by kind. */
struct codes {
    uint32_t *at;
    size_t count;
};

struct spool {
    struct stream *in;
    uint64_t number, offset, group_end; /* offset: of the next block; group_end: after a TALLY */
    uint8_t *block;
    size_t block_size;
    struct bytes carried;
    struct codes codes[SYMBOL_KINDS];
    struct tally tally;
    struct coverage_row *coverage;
    size_t coverage_count;
    bool last;
};

bool spool_is(struct bytes head)
{
    return head.len >= 8 && memcmp(head.at, spool_magic, 8) == 0;
}

int spool_begin(struct stream *in, struct spool **ret, struct error *err)
{
    struct bytes octets = stream_read(in, sizeof(struct spool_head));
    struct spool_head head;
    if (octets.len < sizeof head || !spool_is(octets)) {
        stream_free(in);
        return error_set(err, ERROR_FAILED, "not a spool segment");
    }
    memcpy(&head, octets.at, sizeof head);
    struct spool *s = memory_alloc(sizeof *s);
    s->in = in;
    s->number = head.number;
    s->offset = s->group_end = sizeof head;
    *ret = s;
    return 0;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    stream_free(s->in);
    for (int k = 0; k < SYMBOL_KINDS; k++)
        free(s->codes[k].at);
    free(s->coverage);
    free(s->block);
    free(s);
}

static uint8_t *room(struct spool *s, size_t len)
{
    if (len > s->block_size) {
        s->block = memory_resize(s->block, len, 1);
        s->block_size = len;
    }
    return s->block;
}

/* Octets that may be more than one view holds. */
static bool read_all(struct spool *s, uint8_t *to, size_t len)
{
    while (len) {
        struct bytes part = stream_read(s->in, len < STREAM_VIEW_MAX ? len : STREAM_VIEW_MAX);
        if (part.len == 0)
            return false;
        memcpy(to, part.at, part.len);
        to += part.len;
        len -= part.len;
    }
    return true;
}

/* The next block, unpacked into `body`. SPOOL_RECORDS stands for: there is one. */
static enum spool_block read_block(struct spool *s, struct block_head *head, struct bytes *body)
{
    struct bytes octets = stream_read(s->in, sizeof *head);
    if (octets.len < sizeof *head)
        return stream_damaged(s->in) ? SPOOL_DAMAGED : SPOOL_CUT;
    memcpy(head, octets.at, sizeof *head);
    if (head->len > SPOOL_BLOCK_MAX || head->stored > head->len)
        return SPOOL_DAMAGED;
    bool packed = head->stored < head->len;
    uint8_t *stored = room(s, (size_t)head->stored + head->len);
    if (!read_all(s, stored, head->stored))
        return SPOOL_CUT;
    if (block_crc(head, stored) != head->crc)
        return SPOOL_DAMAGED;
    if (packed && LZ4_decompress_safe((const char *)stored, (char *)stored + head->stored,
                                      (int)head->stored, (int)head->len) != (int)head->len)
        return SPOOL_DAMAGED;
    *body = bytes_of(stored + (packed ? head->stored : 0), head->len);
    s->offset += sizeof *head + head->stored;
    return SPOOL_RECORDS;
}

static bool read_symbols(struct spool *s, struct cursor c, uint32_t rows, struct symbols *symbols)
{
    while (rows-- && !c.failed) {
        unsigned kind = cursor_u8(&c);
        uint32_t code = cursor_le32(&c);
        struct bytes text = cursor_take(&c, cursor_le16(&c));
        if (c.failed || (kind != SYMBOL_EXPORTER && kind != SYMBOL_APPLICATION) || code == 0 ||
            code >= CODES_MAX)
            return false;
        struct codes *k = &s->codes[kind];
        if (code >= k->count) {
            size_t more = (size_t)code + 64;
            k->at = memory_resize(k->at, more, sizeof *k->at);
            memset(k->at + k->count, 0, (more - k->count) * sizeof *k->at);
            k->count = more;
        }
        k->at[code] =
            symbols_code(symbols, (enum symbol_kind)kind, (const char *)text.at, text.len);
    }
    return !c.failed;
}

static uint32_t code_of(const struct spool *s, enum symbol_kind kind, uint32_t code)
{
    return code < s->codes[kind].count ? s->codes[kind].at[code] : 0;
}

/* --- columns --- */

static bool fill_texts(struct cursor *c, enum field f, struct batch *out, size_t first, size_t rows)
{
    struct cursor lengths = cursor_sub(c, 2 * rows);
    for (size_t i = 0; i < rows; i++) {
        struct bytes text = cursor_take(c, cursor_le16(&lengths));
        if (c->failed || lengths.failed)
            return false;
        batch_set_text(out, f, first + i, (const char *)text.at, text.len);
    }
    return true;
}

static bool fill_column(struct cursor c, enum field f, enum column_form form, struct batch *out,
                        size_t first, size_t rows)
{
    enum field_type type = field_infos[f].type;
    size_t size = field_type_octets(type);
    uint8_t *to = (uint8_t *)out->columns[f] + first * size;
    if ((type == TYPE_STR) != (form == FORM_TEXT || form == FORM_EMPTY))
        return false;
    if (form == FORM_EMPTY)
        return true;
    if (form == FORM_TEXT)
        return fill_texts(&c, f, out, first, rows);
    if (form == FORM_OFFSETS && type == TYPE_U64) {
        uint64_t low = cursor_le64(&c);
        for (size_t i = 0; i < rows; i++)
            ((uint64_t *)(void *)to)[i] = low + cursor_le32(&c);
        return !c.failed;
    }
    if (form == FORM_IPV4 && type == TYPE_IP) {
        struct bytes octets = cursor_take(&c, 4 * rows);
        for (size_t i = 0; i < rows && !c.failed; i++)
            ((struct ip *)(void *)to)[i] = ip_from_v4(octets.at + 4 * i);
        return !c.failed;
    }
    if (form != FORM_CONSTANT && form != FORM_PLAIN)
        return false;
    struct bytes octets = cursor_take(&c, form == FORM_PLAIN ? size * rows : size);
    if (c.failed)
        return false;
    for (size_t i = 0; form == FORM_CONSTANT && i < rows; i++)
        memcpy(to + i * size, octets.at, size);
    if (form == FORM_PLAIN)
        memcpy(to, octets.at, octets.len);
    return true;
}

static bool read_records(struct spool *s, struct cursor c, uint32_t rows, struct batch *out)
{
    if (rows == 0 || rows > SPOOL_ROWS_MAX)
        return false;
    size_t first = batch_add_rows(out, rows);
    bool good = true;
    while (good && cursor_left(&c)) {
        struct bytes name = cursor_take(&c, cursor_u8(&c));
        unsigned type = cursor_u8(&c), form = cursor_u8(&c);
        struct cursor column = cursor_sub(&c, cursor_le32(&c));
        int f = field_find((const char *)name.at, name.len);
        good = !c.failed;
        if (good && f >= 0 && out->columns[f] && field_infos[f].type == type)
            good = fill_column(column, (enum field)f, (enum column_form)form, out, first, rows);
    }
    if (!good) {
        batch_rewind(out, first);
        return false;
    }
    for (size_t i = first; i < first + rows; i++) {
        batch_exporter(out)[i] = code_of(s, SYMBOL_EXPORTER, batch_exporter(out)[i]);
        batch_application(out)[i] = code_of(s, SYMBOL_APPLICATION, batch_application(out)[i]);
    }
    return true;
}

static bool read_coverage(struct spool *s, struct bytes body, uint32_t rows)
{
    if (rows > COVERAGE_MAX || body.len != rows * sizeof *s->coverage)
        return false;
    s->coverage = memory_resize(s->coverage, rows + 1, sizeof *s->coverage);
    if (rows)
        memcpy(s->coverage, body.at, body.len);
    for (uint32_t i = 0; i < rows; i++)
        s->coverage[i].exporter = code_of(s, SYMBOL_EXPORTER, s->coverage[i].exporter);
    s->coverage_count = rows;
    return true;
}

static int reason_find(struct bytes name)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (bytes_equal(name, bytes_of_text(reason_name((enum reason)i))))
            return i;
    return -1;
}

static bool read_tally(struct spool *s, struct cursor c)
{
    struct tally t = {.records = cursor_le64(&c)};
    t.kept = cursor_le64(&c);
    t.outside = cursor_le64(&c);
    t.duplicates = cursor_le64(&c);
    t.rejected = cursor_le64(&c);
    while (cursor_left(&c)) {
        int reason = reason_find(cursor_take(&c, cursor_u8(&c)));
        uint64_t count = cursor_le64(&c);
        if (reason < 0)
            return false;
        t.reasons[reason] = count;
    }
    if (c.failed || !tally_balanced(&t))
        return false;
    s->tally = t;
    return true;
}

enum spool_block spool_next(struct spool *s, struct symbols *symbols, struct batch *out)
{
    for (;;) {
        struct block_head head;
        struct bytes body;
        enum spool_block got = read_block(s, &head, &body);
        if (got != SPOOL_RECORDS)
            return got;
        bool good = true;
        switch ((enum block_kind)head.kind) {
        case BLOCK_RECORDS:
            return read_records(s, cursor_of(body), head.rows, out) ? SPOOL_RECORDS : SPOOL_DAMAGED;
        case BLOCK_CARRY:
            s->carried = body;
            return SPOOL_CARRY;
        case BLOCK_END:
            s->last = body.len && body.at[0];
            return SPOOL_END;
        case BLOCK_SYMBOLS:
            good = read_symbols(s, cursor_of(body), head.rows, symbols);
            break;
        case BLOCK_COVERAGE:
            good = read_coverage(s, body, head.rows);
            break;
        case BLOCK_TALLY:
            good = read_tally(s, cursor_of(body));
            s->group_end = s->offset;
            break;
        default:
            good = false;
        }
        if (!good)
            return SPOOL_DAMAGED;
    }
}

uint64_t spool_number(const struct spool *s)
{
    return s->number;
}

struct bytes spool_carried(const struct spool *s)
{
    return s->carried;
}

bool spool_is_last(const struct spool *s)
{
    return s->last;
}

const struct tally *spool_account(const struct spool *s)
{
    return &s->tally;
}

const struct coverage_row *spool_coverage_rows(const struct spool *s, size_t *count)
{
    *count = s->coverage_count;
    return s->coverage;
}

/* --- recovery --- */

/* Where the last whole group ends; 0 where the file is closed already. */
static uint64_t good_until(struct spool *s)
{
    struct symbols *symbols = symbols_new(CODES_MAX);
    struct batch *rows = batch_new(STAGE_RECORD, SPOOL_ROWS_MAX);
    enum spool_block got;
    do {
        batch_clear(rows);
        got = spool_next(s, symbols, rows);
    } while (got == SPOOL_RECORDS || got == SPOOL_CARRY);
    batch_free(rows);
    symbols_free(symbols);
    return got == SPOOL_END ? 0 : s->group_end;
}

static int end_at(const char *path, uint64_t octets, struct error *err)
{
    struct block_head head = {.kind = BLOCK_END, .rows = 1, .len = 1, .stored = 1};
    uint8_t last = 0, end[sizeof head + 1];
    head.crc = block_crc(&head, &last);
    memcpy(end, &head, sizeof head);
    end[sizeof head] = last;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool failed = fd < 0 || ftruncate(fd, (off_t)octets) < 0 ||
                  pwrite(fd, end, sizeof end, (off_t)octets) != (ssize_t)sizeof end ||
                  fsync(fd) < 0;
    int status = failed ? error_errno(err, "%s", path) : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

int spool_recover(const char *path, bool *kept, struct error *err)
{
    struct stream *in;
    struct spool *s;
    bool dummy;
    kept = kept ? kept : &dummy;
    *kept = false;
    if (stream_open(path, &in, err) < 0)
        return err ? err->code : ERROR_FAILED;
    if (spool_begin(in, &s, NULL) < 0) /* not even a whole header */
        return unlink(path) < 0 ? error_errno(err, "%s", path) : 0;
    uint64_t until = good_until(s);
    bool empty = until == sizeof(struct spool_head);
    spool_free(s);
    if (empty)
        return unlink(path) < 0 ? error_errno(err, "%s", path) : 0;
    *kept = true;
    return until ? end_at(path, until, err) : 0;
}
