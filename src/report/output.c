/* SPDX-License-Identifier: Apache-2.0 */
#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

static void output_done(struct output *o)
{
    free(o->path);
    free(o->temporary);
    *o = (struct output){0};
}

/* A new file beside `path`, with the mode that the umask gives. */
static int open_beside(struct output *o, struct error *err)
{
    static unsigned number;
    size_t size = strlen(o->path) + 40;
    o->temporary = memory_alloc(size);
    int fd = -1;
    for (int tries = 0; tries < 100 && fd < 0; tries++) {
        unsigned n = __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED);
        snprintf(o->temporary, size, "%s.%ld-%u.tmp", o->path, (long)getpid(), n);
        fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return error_errno(err, "create %s", o->path);
    o->file = fdopen(fd, "w");
    if (!o->file)
        memory_exhausted(sizeof *o->file);
    return 0;
}

int output_open(struct output *o, const char *path, struct error *err)
{
    *o = (struct output){.path = memory_text(path, strlen(path))};
    if (is_stdout(path)) {
        o->file = stdout;
        return 0;
    }
    struct stat st;
    int status = 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        o->file = fopen(path, "we");
        if (!o->file)
            status = error_errno(err, "open %s", path);
    } else {
        status = open_beside(o, err);
    }
    if (status)
        output_done(o);
    return status;
}

/* To the disk before the name, so that a crash leaves the old file or the new one. */
static int settle(struct output *o, struct error *err)
{
    bool regular = o->temporary != NULL;
    bool failed = ferror(o->file) || fflush(o->file) || (regular && fsync(fileno(o->file)));
    int error = errno;
    if (o->file != stdout && fclose(o->file)) {
        error = failed ? error : errno;
        failed = true;
    }
    o->file = NULL;
    if (failed) {
        errno = error;
        return error_errno(err, "write %s", is_stdout(o->path) ? "standard output" : o->path);
    }
    if (regular && rename(o->temporary, o->path))
        return error_errno(err, "rename to %s", o->path);
    return 0;
}

int output_commit(struct output *o, struct error *err)
{
    int status = settle(o, err);
    if (status && o->temporary)
        unlink(o->temporary);
    output_done(o);
    return status;
}

void output_abort(struct output *o)
{
    if (o->file && o->file != stdout)
        fclose(o->file);
    if (o->temporary)
        unlink(o->temporary);
    output_done(o);
}
