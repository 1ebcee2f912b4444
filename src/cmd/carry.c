/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "input/spool.h"

enum { PATH_ROOM = 4200 };
/* A full table of 2^20 conversations, each with its translated ends and the longest of names, takes
 * half of it. */
#define CARRY_MAX ((size_t)1 << 30)

struct carry_paths {
    char dir[PATH_ROOM], now[PATH_ROOM + 32], next[PATH_ROOM + 48], unread[PATH_ROOM + 32];
};

static void paths_of(const char *segment, uint64_t number, struct carry_paths *ret)
{
    const char *slash = strrchr(segment, '/');
    snprintf(ret->dir, sizeof ret->dir, "%.*s", slash ? (int)(slash - segment) : 1,
             slash ? segment : ".");
    snprintf(ret->now, sizeof ret->now, "%s/carry", ret->dir);
    snprintf(ret->next, sizeof ret->next, "%s/carry.%016" PRIu64 ".new", ret->dir, number);
    snprintf(ret->unread, sizeof ret->unread, "%s/carry.unread", ret->dir);
}

/* What all its blocks hold, into `pairer`. */
static int read_open(struct spool *s, const char *path, struct pairer *pairer, struct error *err)
{
    struct symbols *none = symbols_new(2);
    struct batch *rows = batch_new(STAGE_RECORD, SPOOL_ROWS_MAX);
    struct buf open;
    enum spool_block got;
    buf_init(&open, CARRY_MAX);
    while ((got = spool_next(s, none, rows)) == SPOOL_CARRY)
        buf_add(&open, spool_carried(s).at, spool_carried(s).len);
    int status = got != SPOOL_END || open.failed
                     ? error_set(err, ERROR_FAILED, "%s: damaged", path)
                     : pairer_load(pairer, bytes_of(open.at, open.len), err);
    buf_done(&open);
    batch_free(rows);
    symbols_free(none);
    return status;
}

/* The carry's own number, and its octets when `pairer` is given. -1: it cannot be read. */
static int read_carry(const char *path, uint64_t *number, struct pairer *pairer, struct error *err)
{
    struct stream *in;
    struct spool *s;
    if (stream_open(path, &in, err) < 0 || spool_begin(in, &s, err) < 0)
        return err->code;
    *number = spool_number(s);
    int status = pairer ? read_open(s, path, pairer, err) : 0;
    spool_free(s);
    return status;
}

static int sync_dir(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) < 0 ? error_errno(err, "%s", dir) : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

int carry_load(const char *segment, uint64_t number, const struct flow_setting *setting,
               struct pairer **ret, struct error *err)
{
    struct carry_paths paths;
    struct error why;
    uint64_t of;
    paths_of(segment, number, &paths);
    *ret = pairer_new(setting);
    if (access(paths.now, F_OK) < 0 ||
        (read_carry(paths.now, &of, NULL, &why) == 0 && of >= number))
        return 0;
    if (read_carry(paths.now, &of, *ret, &why) == 0)
        return 0;
    /* It cannot be read now and would not be later: said once, kept for who wants to look. */
    fprintf(stderr,
            "telltale: %s: %s; set aside as carry.unread, its conversations are not counted\n",
            paths.now, why.text);
    pairer_free(*ret);
    *ret = pairer_new(setting);
    if (rename(paths.now, paths.unread) < 0)
        return error_errno(err, "%s", paths.now);
    return 0;
}

int carry_save(const char *segment, uint64_t number, struct pairer *p, struct error *err)
{
    struct carry_paths paths;
    struct spool_writer *w;
    struct buf open;
    paths_of(segment, number, &paths);
    unlink(paths.next);
    buf_init(&open, CARRY_MAX);
    pairer_save(p, &open);
    int status = open.failed ? error_set(err, ERROR_FAILED,
                                         "too many conversations are open to be carried on")
                             : spool_create(paths.next, number, &w, err);
    if (status == 0) {
        status = spool_carry(w, bytes_of(open.at, open.len), err);
        int closed = spool_close(w, status == 0, false, err);
        status = status < 0 ? status : closed;
    }
    buf_done(&open);
    return status < 0 ? status : sync_dir(paths.dir, err);
}

int carry_commit(const char *segment, uint64_t number, struct error *err)
{
    struct carry_paths paths;
    struct error why;
    uint64_t of;
    paths_of(segment, number, &paths);
    if (rename(paths.next, paths.now) == 0)
        return sync_dir(paths.dir, err);
    if (errno != ENOENT)
        return error_errno(err, "%s", paths.next);
    if (access(paths.now, F_OK) == 0 && read_carry(paths.now, &of, NULL, &why) == 0 &&
        of < number && unlink(paths.now) < 0)
        return error_errno(err, "%s", paths.now);
    return 0;
}
