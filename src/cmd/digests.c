/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/digests.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "input/stream.h"

enum { AHEAD = 2 };

struct file {
    const char *path;
    bool is_done, is_good;
    struct stat at; /* when it was read */
    uint8_t sha256[32];
};

struct digests {
    pthread_t thread;
    bool has_thread, stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct file *files;
    size_t count, room;
    size_t next;  /* to be computed */
    size_t asked; /* all before it were asked for */
};

struct digests *digests_new(void)
{
    struct digests *d = memory_alloc(sizeof *d);
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->changed, NULL);
    return d;
}

void digests_free(struct digests *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    if (d->has_thread)
        pthread_join(d->thread, NULL);
    pthread_mutex_destroy(&d->mutex);
    pthread_cond_destroy(&d->changed);
    free(d->files);
    free(d);
}

void digests_offer(struct digests *d, const char *path)
{
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->files = memory_resize(d->files, d->room, sizeof *d->files);
    }
    d->files[d->count++] = (struct file){.path = path};
}

static void *compute(void *at)
{
    struct digests *d = at;
    pthread_setname_np(pthread_self(), "digest");
    pthread_mutex_lock(&d->mutex);
    while (!d->stop && d->next < d->count) {
        if (d->next >= d->asked + AHEAD) {
            pthread_cond_wait(&d->changed, &d->mutex);
            continue;
        }
        struct file *file = &d->files[d->next++];
        pthread_mutex_unlock(&d->mutex);
        bool is_good = stat(file->path, &file->at) == 0 && S_ISREG(file->at.st_mode) &&
                       digest_file(file->path, file->sha256, NULL) == 0;
        pthread_mutex_lock(&d->mutex);
        file->is_good = is_good;
        file->is_done = true;
        pthread_cond_broadcast(&d->changed);
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static bool is_unchanged(const struct file *file)
{
    struct stat now;
    return stat(file->path, &now) == 0 && now.st_dev == file->at.st_dev &&
           now.st_ino == file->at.st_ino && now.st_size == file->at.st_size &&
           now.st_mtim.tv_sec == file->at.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == file->at.st_mtim.tv_nsec;
}

int digests_of(struct digests *d, const char *path, uint8_t ret[32], struct error *err)
{
    bool is_good = false;
    pthread_mutex_lock(&d->mutex);
    if (!d->has_thread && d->count)
        d->has_thread = pthread_create(&d->thread, NULL, compute, d) == 0;
    for (size_t i = d->asked; i < d->count && d->has_thread; i++) {
        struct file *file = &d->files[i];
        if (strcmp(file->path, path) != 0)
            continue;
        d->asked = i + 1;
        pthread_cond_broadcast(&d->changed);
        while (!file->is_done)
            pthread_cond_wait(&d->changed, &d->mutex);
        is_good = file->is_good && is_unchanged(file);
        memcpy(ret, file->sha256, sizeof file->sha256);
        break;
    }
    pthread_mutex_unlock(&d->mutex);
    return is_good ? 0 : digest_file(path, ret, err);
}
