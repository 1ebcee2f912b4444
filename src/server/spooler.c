/* SPDX-License-Identifier: Apache-2.0 */
#include "server/spooler.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum { GROUPS = 4, CODES_MAX = 1 << 20, SYMBOLS_OCTETS_MAX = 32 << 20 };

struct queue {
    struct spool_group *at[GROUPS];
    size_t first, count;
};

struct spooler {
    char dir[4096];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct queue empty, full; /* under `lock`, as `state`, `stopping` and `give_up` are */
    struct spooler_state state;
    bool stopping, give_up;
    /* the thread's own */
    struct spool_writer *out;
    struct symbols *symbols;
    uint64_t number;
    char part[4224];
};

static void push(struct queue *q, struct spool_group *g)
{
    q->at[(q->first + q->count++) % GROUPS] = g;
}

static struct spool_group *pop(struct queue *q)
{
    struct spool_group *g = q->at[q->first];
    q->first = (q->first + 1) % GROUPS;
    q->count--;
    return g;
}

static struct spool_group *group_new(void)
{
    struct spool_group *g = memory_alloc(sizeof *g);
    g->records = batch_new(STAGE_RECORD, GROUP_ROWS);
    buf_init(&g->symbols, SYMBOLS_OCTETS_MAX);
    return g;
}

static void group_free(struct spool_group *g)
{
    batch_free(g->records);
    buf_done(&g->symbols);
    free(g->coverage);
    free(g);
}

void spooler_symbol(struct spool_group *g, enum symbol_kind kind, uint32_t code, const char *text)
{
    uint16_t len = (uint16_t)strlen(text);
    buf_u8(&g->symbols, (uint8_t)kind);
    buf_add(&g->symbols, &code, sizeof code);
    buf_add(&g->symbols, &len, sizeof len);
    buf_add(&g->symbols, text, len);
}

/* --- the thread --- */

static void learn_symbols(struct spooler *s, struct buf *in)
{
    for (size_t at = 0; at < in->len;) {
        uint32_t code;
        uint16_t len;
        enum symbol_kind kind = (enum symbol_kind)(uint8_t)in->at[at];
        memcpy(&code, in->at + at + 1, sizeof code);
        memcpy(&len, in->at + at + 5, sizeof len);
        symbols_restore(s->symbols, kind, code, in->at + at + 7, len);
        at += 7u + len;
    }
    buf_clear(in);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int sync_dir(const struct spooler *s, struct error *err)
{
    int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 || fsync(fd) < 0 ? error_errno(err, "%s", s->dir) : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

static int begin_segment(struct spooler *s, struct error *err)
{
    uint64_t now = now_ms();
    s->number = now > s->number ? now : s->number + 1;
    snprintf(s->part, sizeof s->part, "%s/%016" PRIu64 ".part", s->dir, s->number);
    return spool_create(s->part, s->number, &s->out, err);
}

static int close_segment(struct spooler *s, bool last, struct error *err)
{
    char name[4224];
    if (s->out) {
        if (spool_close(s->out, true, last, err) < 0)
            return err->code;
        s->out = NULL;
    }
    snprintf(name, sizeof name, "%s/%016" PRIu64 ".spool", s->dir, s->number);
    if (rename(s->part, name) < 0)
        return error_errno(err, "%s", s->part);
    return sync_dir(s, err);
}

/* How far a group has come, so that a write that failed is tried again from there. */
struct progress {
    size_t rows;
    bool coverage, tally, synced, ended;
};

static int write_group(struct spooler *s, const struct spool_group *g, struct progress *at,
                       struct error *err)
{
    if (!s->out && !at->ended && begin_segment(s, err) < 0)
        return err->code;
    while (at->rows < g->records->rows) {
        size_t left = g->records->rows - at->rows;
        size_t count = left < SPOOL_ROWS_MAX ? left : SPOOL_ROWS_MAX;
        if (spool_records(s->out, g->records, at->rows, count, s->symbols, err) < 0)
            return err->code;
        at->rows += count;
    }
    if (!at->coverage &&
        spool_coverage(s->out, g->coverage, g->coverage_count, s->symbols, err) < 0)
        return err->code;
    at->coverage = true;
    if (!at->tally && spool_tally(s->out, &g->tally, err) < 0)
        return err->code;
    at->tally = true;
    if (!at->synced && spool_sync(s->out, err) < 0)
        return err->code;
    at->synced = true;
    if (!g->close)
        return 0;
    at->ended = true;
    return close_segment(s, g->last, err);
}

static void note(struct spooler *s, const struct spool_group *g, uint64_t octets,
                 const struct error *err)
{
    pthread_mutex_lock(&s->lock);
    if (err) {
        s->state.failures++;
        snprintf(s->state.error, sizeof s->state.error, "%.255s", err->text);
    } else {
        s->state.error[0] = 0;
        s->state.records += g->records->rows;
        s->state.octets += octets;
        s->state.segments += g->close;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool gives_up(struct spooler *s)
{
    pthread_mutex_lock(&s->lock);
    bool yes = s->give_up;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void handle(struct spooler *s, struct spool_group *g)
{
    struct progress at = {0};
    struct error err;
    learn_symbols(s, &g->symbols);
    uint64_t before = s->out ? spool_octets(s->out) : 0, after = before;
    while (write_group(s, g, &at, &err) < 0) {
        note(s, g, 0, &err);
        if (gives_up(s))
            return;
        struct timespec wait = {.tv_nsec = 500000000};
        nanosleep(&wait, NULL);
    }
    if (s->out)
        after = spool_octets(s->out);
    note(s, g, after - before, NULL);
}

static void *run(void *ctx)
{
    struct spooler *s = ctx;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (s->full.count == 0 && !s->stopping)
            pthread_cond_wait(&s->moved, &s->lock);
        struct spool_group *g = s->full.count ? pop(&s->full) : NULL;
        pthread_mutex_unlock(&s->lock);
        if (!g)
            return NULL;
        handle(s, g);
        batch_clear(g->records);
        g->close = g->last = false;
        pthread_mutex_lock(&s->lock);
        push(&s->empty, g);
        pthread_cond_broadcast(&s->moved);
        pthread_mutex_unlock(&s->lock);
    }
}

/* --- the receiver's side --- */

/* What a crash left open: closed at its last whole group. The numbers go on from the highest. */
static int recover(struct spooler *s, struct error *err)
{
    DIR *dir = opendir(s->dir);
    if (!dir)
        return error_errno(err, "%s", s->dir);
    int status = 0;
    for (struct dirent *d; status == 0 && (d = readdir(dir));) {
        char path[4400], closed[4400], *end;
        uint64_t number = strtoull(d->d_name, &end, 10);
        if (end == d->d_name || (strcmp(end, ".part") != 0 && strcmp(end, ".spool") != 0))
            continue;
        s->number = number > s->number ? number : s->number;
        if (strcmp(end, ".spool") == 0)
            continue;
        bool kept;
        snprintf(path, sizeof path, "%s/%s", s->dir, d->d_name);
        snprintf(closed, sizeof closed, "%s/%.*s.spool", s->dir, (int)(end - d->d_name), d->d_name);
        status = spool_recover(path, &kept, err);
        if (status == 0 && kept && rename(path, closed) < 0)
            status = error_errno(err, "%s", path);
    }
    closedir(dir);
    return status;
}

int spooler_start(const char *dir, struct spooler **ret, struct error *err)
{
    struct spooler *s = memory_alloc(sizeof *s);
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    if ((mkdir(dir, 0700) < 0 && access(dir, W_OK | X_OK) < 0) || recover(s, err) < 0) {
        if (access(dir, W_OK | X_OK) < 0)
            error_errno(err, "%s", dir);
        free(s);
        return err->code;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
    s->symbols = symbols_new(CODES_MAX);
    for (int i = 0; i < GROUPS; i++)
        push(&s->empty, group_new());
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        error_errno(err, "a thread for the spool");
        return err->code;
    }
    *ret = s;
    return 0;
}

struct spool_group *spooler_take(struct spooler *s, bool *waited)
{
    pthread_mutex_lock(&s->lock);
    *waited = s->empty.count == 0;
    while (s->empty.count == 0)
        pthread_cond_wait(&s->moved, &s->lock);
    struct spool_group *g = pop(&s->empty);
    pthread_mutex_unlock(&s->lock);
    return g;
}

void spooler_give(struct spooler *s, struct spool_group *g)
{
    pthread_mutex_lock(&s->lock);
    push(&s->full, g);
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

struct spooler_state spooler_state(struct spooler *s)
{
    pthread_mutex_lock(&s->lock);
    struct spooler_state state = s->state;
    pthread_mutex_unlock(&s->lock);
    return state;
}

/* The thread is given time for what is queued; then a write that fails is not tried again. */
static void wait_until_written(struct spooler *s, unsigned patience_s)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_s;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->moved);
    while (s->full.count && pthread_cond_timedwait(&s->moved, &s->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&s->lock);
    while (time(NULL) < until.tv_sec && spooler_state(s).error[0]) {
        struct timespec wait = {.tv_nsec = 100000000};
        nanosleep(&wait, NULL);
    }
    pthread_mutex_lock(&s->lock);
    s->give_up = true;
    pthread_mutex_unlock(&s->lock);
}

int spooler_stop(struct spooler *s, unsigned patience_s, struct error *err)
{
    int status = 0;
    if (!s)
        return 0;
    wait_until_written(s, patience_s);
    pthread_join(s->thread, NULL);
    if (s->state.error[0])
        status = error_set(err, ERROR_FAILED, "the spool could not be written: %s", s->state.error);
    if (s->out) /* no group closed it: the next start does */
        spool_close(s->out, false, false, NULL);
    while (s->empty.count)
        group_free(pop(&s->empty));
    while (s->full.count)
        group_free(pop(&s->full));
    symbols_free(s->symbols);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
    free(s);
    return status;
}
