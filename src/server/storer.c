/* SPDX-License-Identifier: Apache-2.0 */
#include "server/storer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

extern char **environ;

enum { SEGMENTS_AT_ONCE = 500, BACKOFF_MOST_S = 300, SAID_OCTETS = 2048, LAST_TRIES = 60 };

struct storer {
    char study[4096], spool[4096];
    unsigned every_s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct storer_state state;
    bool stopping;
};

static int is_segment(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return dot && strcmp(dot, ".spool") == 0 && d->d_name[0] != '.';
}

/* In ascending order: the numbers have the same width. */
static int list(const struct storer *s, struct dirent ***names)
{
    int count = scandir(s->spool, names, is_segment, alphasort);
    return count < 0 ? 0 : count;
}

static void names_free(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    if (count)
        free(names);
}

static void measure(struct storer *s)
{
    struct dirent **names = NULL;
    int count = list(s, &names);
    uint64_t octets = 0;
    for (int i = 0; i < count; i++) {
        char path[4400];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", s->spool, names[i]->d_name);
        octets += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    names_free(names, count);
    pthread_mutex_lock(&s->lock);
    s->state.segments = (uint64_t)count;
    s->state.octets = octets;
    pthread_mutex_unlock(&s->lock);
}

/* The last line of what it said on stderr. */
static void hear(int fd, char said[SAID_OCTETS])
{
    char part[SAID_OCTETS];
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, part, sizeof part)) > 0 || (got < 0 && errno == EINTR))
        for (ssize_t i = 0; i < got; i++) {
            if (len + 1 == SAID_OCTETS || (len && said[len - 1] == '\n'))
                len = 0;
            said[len++] = part[i];
        }
    while (len && said[len - 1] == '\n')
        len--;
    said[len] = 0;
}

static pid_t start(char **arguments, int *said)
{
    int ends[2];
    pid_t pid = -1;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], 2);
    posix_spawnattr_init(&how);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&how, &none);
    /* Of a process group of its own: what stops the collector from a terminal lets it finish. */
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (posix_spawn(&pid, "/proc/self/exe", &files, &how, arguments, environ) != 0)
        pid = -1;
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    *said = ends[0];
    if (pid < 0)
        close(ends[0]);
    return pid;
}

/* One import of what is there; "" in `said` when all went well. */
static void import(const struct storer *s, struct dirent **names, int count, char said[SAID_OCTETS])
{
    char **arguments = memory_array((size_t)count + 8, sizeof *arguments);
    static char program[] = "telltale", verb[] = "import", quiet[] = "-q", in[] = "-C",
                remove[] = "--remove-spool";
    int n = 0, status = 0, fd = -1;
    arguments[n++] = program;
    arguments[n++] = verb;
    arguments[n++] = quiet;
    arguments[n++] = remove;
    arguments[n++] = in;
    arguments[n++] = (char *)s->study;
    for (int i = 0; i < count; i++) {
        char path[4400];
        int len = snprintf(path, sizeof path, "%s/%s", s->spool, names[i]->d_name);
        arguments[n++] = memory_text(path, (size_t)len);
    }
    pid_t pid = start(arguments, &fd);
    if (pid < 0) {
        snprintf(said, SAID_OCTETS, "the import could not be started: %s", strerror(errno));
    } else {
        hear(fd, said);
        close(fd);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            said[0] = 0;
        else if (!said[0])
            snprintf(said, SAID_OCTETS, "the import ended with %s %d",
                     WIFSIGNALED(status) ? "signal" : "status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    for (int i = 6; i < n; i++)
        free(arguments[i]);
    free(arguments);
}

static bool run_once(struct storer *s)
{
    struct dirent **names = NULL;
    char said[SAID_OCTETS] = "";
    int count = list(s, &names);
    if (count == 0)
        return true;
    import(s, names, count < SEGMENTS_AT_ONCE ? count : SEGMENTS_AT_ONCE, said);
    names_free(names, count);
    pthread_mutex_lock(&s->lock);
    bool again = said[0] && strncmp(said, s->state.error, sizeof s->state.error - 1) == 0;
    s->state.runs++;
    s->state.failures += said[0] != 0;
    snprintf(s->state.error, sizeof s->state.error, "%.255s", said);
    if (!said[0])
        s->state.last_ok_ms = (uint64_t)time(NULL) * 1000;
    pthread_mutex_unlock(&s->lock);
    if (said[0] && !again) /* a line when it begins, not every time */
        fprintf(stderr, "%s (the spool keeps it; it is tried again)\n", said);
    return said[0] == 0;
}

static void *run(void *ctx)
{
    struct storer *s = ctx;
    unsigned wait_s = s->every_s;
    bool stopping = false;
    while (!stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += wait_s;
        pthread_mutex_lock(&s->lock);
        while (!s->stopping && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
            ;
        stopping = s->stopping;
        pthread_mutex_unlock(&s->lock);
        bool good = run_once(s);
        /* At the end a store that somebody else has open is waited for. */
        for (int i = 0; stopping && !good && i < LAST_TRIES; i++) {
            sleep(1);
            good = run_once(s);
        }
        wait_s = good || wait_s == 0 ? s->every_s : wait_s * 2;
        wait_s = wait_s > BACKOFF_MOST_S && wait_s > s->every_s ? BACKOFF_MOST_S : wait_s;
    }
    return NULL;
}

int storer_start(const char *study, const char *spool, unsigned every_s, struct storer **ret,
                 struct error *err)
{
    struct storer *s = memory_alloc(sizeof *s);
    snprintf(s->study, sizeof s->study, "%s", study);
    snprintf(s->spool, sizeof s->spool, "%s", spool);
    s->every_s = every_s;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        free(s);
        return error_errno(err, "a thread for the store");
    }
    *ret = s;
    return 0;
}

struct storer_state storer_state(struct storer *s)
{
    measure(s);
    pthread_mutex_lock(&s->lock);
    struct storer_state state = s->state;
    pthread_mutex_unlock(&s->lock);
    return state;
}

void storer_stop(struct storer *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}
