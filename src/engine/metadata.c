/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/metadata.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 5 };

static const char copy_folder[] = "metadata.copy";

static int read_file(const char *name, struct buf *out)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    buf_init(out, FILE_MAX);
    ssize_t n = 0;
    char piece[4096];
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_add(out, piece, (size_t)n);
    close(fd);
    if (n == 0 && !out->failed)
        return 0;
    buf_done(out);
    return -1;
}

static int write_file(const char *name, const struct buf *octets, struct error *err)
{
    char temporary[PATH_MAX * 2 + 8];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, "open %s", temporary);
    bool is_written = write(fd, octets->at, octets->len) == (ssize_t)octets->len && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written || rename(temporary, name) != 0)
        return error_errno(err, "write %s", name);
    return 0;
}

/* "store/757/757e.../flow.sql" is kept as "store+757+757e...+flow.sql". */
static void swap(char *text, char from, char to)
{
    for (; (text = strchr(text, from)); text++)
        *text = to;
}

static int keep_one(const char *path, const char *relative, struct error *err)
{
    char from[PATH_MAX * 2], to[PATH_MAX * 2], flat[PATH_MAX];
    struct buf octets;
    snprintf(flat, sizeof flat, "%s", relative);
    swap(flat, '/', '+');
    snprintf(from, sizeof from, "%s/%s", path, relative);
    snprintf(to, sizeof to, "%s/%s/%s", path, copy_folder, flat);
    if (read_file(from, &octets) != 0)
        return error_errno(err, "read %s", from);
    int status = write_file(to, &octets, err);
    buf_done(&octets);
    return status;
}

/* Every *.sql below `relative`; symbolic links are not followed. */
static int keep_below(const char *path, const char *relative, int depth, struct error *err)
{
    char name[PATH_MAX * 2], below[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", path, relative);
    DIR *dir = opendir(name);
    if (!dir)
        return errno == ENOENT ? 0 : error_errno(err, "open %s", name);
    int status = 0;
    for (struct dirent *e; status == 0 && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            snprintf(below, sizeof below, "%s/%s", relative, e->d_name) >= (int)sizeof below)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            status = keep_below(path, below, depth + 1, err);
        else if (S_ISREG(st.st_mode) && len > 4 && strcmp(e->d_name + len - 4, ".sql") == 0)
            status = keep_one(path, below, err);
    }
    closedir(dir);
    return status;
}

int metadata_keep(const char *path, struct error *err)
{
    char copy[PATH_MAX + 32];
    snprintf(copy, sizeof copy, "%s/%s", path, copy_folder);
    if (mkdir(copy, 0755) != 0 && errno != EEXIST)
        return error_errno(err, "make %s", copy);
    int status = keep_below(path, "metadata", 0, err);
    return status ? status : keep_below(path, "store", 0, err);
}

static int check_one(const char *path, const char *flat, struct error *err)
{
    char copy[PATH_MAX * 2], live[PATH_MAX * 2], relative[PATH_MAX];
    struct buf kept, now;
    snprintf(relative, sizeof relative, "%s", flat);
    swap(relative, '+', '/');
    snprintf(copy, sizeof copy, "%s/%s/%s", path, copy_folder, flat);
    snprintf(live, sizeof live, "%s/%s", path, relative);
    if (read_file(copy, &kept) != 0)
        return error_errno(err, "read %s", copy);
    bool is_there = read_file(live, &now) == 0;
    bool is_same = is_there && kept.len == now.len && memcmp(kept.at, now.at, now.len) == 0;
    buf_done(&kept);
    if (is_there)
        buf_done(&now);
    if (is_same)
        return 0;
    return error_set(err, ERROR_DAMAGED, "%s is %s; what it should be is in %s/%s", live,
                     is_there ? "damaged" : "gone", copy_folder, flat);
}

int metadata_check(const char *path, struct error *err)
{
    char name[PATH_MAX + 32];
    snprintf(name, sizeof name, "%s/%s", path, copy_folder);
    DIR *dir = opendir(name);
    if (!dir)
        return 0;
    int status = 0;
    for (struct dirent *e; status == 0 && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".sql") == 0)
            status = check_one(path, e->d_name, err);
    }
    closedir(dir);
    return status;
}
