/* SPDX-License-Identifier: Apache-2.0 */
/* ClickHouse inside our process (chDB). What was measured of it, and why each rule below is there,
 * is in docs/engine.md. One library, and one path at a time, a process: hence the one static. */
#include "engine/engine_in.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "config.h"
#include "engine/chdb_abi.h"
#include "engine/metadata.h"

#define MEMBER(result, name, arguments) result(*name) arguments;
struct abi {
    CHDB_ABI(MEMBER)
};
#undef MEMBER

enum { LOCK_WAIT_MS = 2000 };

static struct {
    pthread_mutex_t mutex;
    struct abi abi;
    void *handle;
    bool stdin_moved;
    int stdin_fd;
    char path[PATH_MAX]; /* of the engines that are open */
    int lock_fd;
    unsigned open;
} chdb = {.mutex = PTHREAD_MUTEX_INITIALIZER, .lock_fd = -1};

struct chdb_engine {
    struct engine base;
    chdb_handle *connection;
};

/* --- the library --- */

static int bind_functions(void *handle, const char *path, struct error *err)
{
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
#define NAME(result, name, arguments) {"chdb_" #name, offsetof(struct abi, name)},
        CHDB_ABI(NAME)
#undef NAME
    };
    struct abi abi;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *at = dlsym(handle, functions[i].name);
        if (!at)
            return error_set(err, ERROR_FAILED,
                             "%s is not chDB " CHDB_ABI_VERSION " (no %s): run ./setup", path,
                             functions[i].name);
        memcpy((char *)&abi + functions[i].at, &at, sizeof at);
        /* version comes first: another library's functions of the same names are not trusted. */
        if (i == 0 && strcmp(abi.version(), CHDB_ABI_VERSION) != 0)
            return error_set(err, ERROR_FAILED,
                             "%s is chDB %s, and only " CHDB_ABI_VERSION " will do: run ./setup",
                             path, abi.version());
    }
    chdb.abi = abi;
    return 0;
}

static int load_from(const char *path, struct error *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return error_set(err, ERROR_FAILED, "cannot load the embedded engine: %s: run ./setup",
                         dlerror());
    int status = bind_functions(handle, path, err);
    if (status == 0)
        chdb.handle = handle;
    return status;
}

static int load(struct error *err)
{
    if (chdb.handle)
        return 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return error_set(err, ERROR_FAILED,
                     "the embedded engine cannot be loaded into a sanitized program");
#endif
    const char *named = getenv("TELLTALE_CHDB");
    if (named)
        return load_from(named, err);
    static const char *const places[] = {TELLTALE_CHDB_INSTALLED, TELLTALE_CHDB_BUILD};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0)
            return load_from(places[i], err);
    return error_set(err, ERROR_FAILED,
                     "the embedded engine is not installed (no %s, no %s): run ./setup", places[0],
                     places[1]);
}

/* --- what chDB does to a process --- */

int engine_stdin(void)
{
    return chdb.stdin_moved ? chdb.stdin_fd : STDIN_FILENO;
}

/* chDB takes lines of stdin for rows of an INSERT (chdb-core issue 239). */
static int move_stdin(struct error *err)
{
    if (chdb.stdin_moved)
        return 0;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return error_errno(err, "open /dev/null");
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); /* -1 where it was closed: stays so */
    if (null != STDIN_FILENO) {
        if (dup2(null, STDIN_FILENO) < 0) {
            int status = error_errno(err, "move stdin");
            close(null);
            return status;
        }
        close(null);
    }
    chdb.stdin_fd = fd;
    chdb.stdin_moved = true;
    return 0;
}

/* A write that fails (EFBIG, ENOSPC, EIO) is not noticed by chDB 26.7.3: the INSERT succeeds and
 * the rows are gone (measured: docs/engine.md). A limit on file sizes would do that for certain, so
 * it is lifted, or the store stays shut; SIGXFSZ, which would kill, is ignored all the same. */
static int lift_file_limit(struct error *err)
{
    struct sigaction now;
    struct rlimit limit;
    if (sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max == RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &limit) == 0)
        return 0;
    return error_set(
        err, ERROR_FAILED,
        "files may not grow past %llu octets here (ulimit -f), and the embedded engine "
        "would lose rows by that: lift the limit",
        (unsigned long long)limit.rlim_max);
}

/* --- one owner a folder --- */

static int busy(int fd, const char *path, struct error *err)
{
    char text[32] = {0};
    if (pread(fd, text, sizeof text - 1, 0) < 0)
        text[0] = 0;
    text[strspn(text, "0123456789")] = 0;
    return error_set(err, ERROR_BUSY, "the store %s is in use by process %s", path,
                     text[0] ? text : "(unknown)");
}

/* flock, not fcntl: it goes with the descriptor, and so with the process however that ends. One
 * that was killed holds it until the kernel has taken its memory apart, so it is worth waiting for
 * a moment. */
static bool lock_within(int fd, unsigned wait_ms)
{
    enum { EVERY_MS = 20 };
    for (unsigned waited = 0;; waited += EVERY_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK || waited >= wait_ms)
            return false;
        usleep(EVERY_MS * 1000);
    }
}

static int take_lock(const char *path, int *ret, struct error *err)
{
    char name[PATH_MAX + 32], text[32];
    snprintf(name, sizeof name, "%s/telltale.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, "open %s", name);
    if (!lock_within(fd, LOCK_WAIT_MS)) {
        int status = errno == EWOULDBLOCK ? busy(fd, path, err) : error_errno(err, "lock %s", name);
        close(fd);
        return status;
    }
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        int status = error_errno(err, "write %s", name);
        close(fd);
        return status;
    }
    *ret = fd;
    return 0;
}

static int make_folder(const char *path, char real[PATH_MAX], struct error *err)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return error_errno(err, "make %s", path);
    if (!realpath(path, real))
        return error_errno(err, "open %s", path);
    return 0;
}

/* --- connections --- */

static int connect_to(const char *path, const struct engine_limits *limits, chdb_handle **ret,
                      struct error *err)
{
    enum { ARG_COUNT = 20, ARG_SIZE = PATH_MAX + 64 };
    char(*args)[ARG_SIZE] = memory_array(ARG_COUNT, ARG_SIZE);
    char *argv[ARG_COUNT];
    int argc = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const char *told = getenv("TELLTALE_THREADS");
    unsigned threads = limits->threads ? limits->threads : cores > 0 ? (unsigned)cores : 1;
    if (!limits->threads && told && atoi(told) > 0)
        threads = (unsigned)atoi(told);
#define ARG(...) snprintf(args[argc++], ARG_SIZE, __VA_ARGS__)
    ARG("clickhouse");
    ARG("--path=%s", path);
    ARG("--max_server_memory_usage=%zu", limits->memory_octets);
    ARG("--mark_cache_size=%u", 256u << 20);
    ARG("--index_mark_cache_size=%u", 64u << 20);
    ARG("--max_memory_usage=%zu", limits->memory_octets / 10 * 9);
    ARG("--max_bytes_before_external_group_by=%zu", limits->memory_octets / 3);
    ARG("--max_bytes_before_external_sort=%zu", limits->memory_octets / 3);
    ARG("--max_threads=%u", threads);
    ARG("--max_insert_threads=1");
    ARG("--max_execution_time=%u", limits->seconds);
    ARG("--async_insert=0");
    ARG("--max_query_size=%u",
        ENGINE_QUERY_MAX); /* ten thousand prefixes of a filter, spelled out */
    ARG("--max_ast_elements=%u", ENGINE_AST_MAX);
    ARG("--max_expanded_ast_elements=%u", ENGINE_AST_MAX);
    ARG("--session_timezone=UTC");
    ARG("--memory_worker_use_cgroup=0"); /* says so at length on stderr where there are no cgroups
                                          */
#undef ARG
    for (int i = 0; i < argc; i++)
        argv[i] = args[i];
    *ret = chdb.abi.connect(argc, argv);
    free(args);
    return *ret ? 0
                : error_set(err, ERROR_FAILED,
                            "the embedded engine does not open %s (its metadata may be damaged)",
                            path);
}

static int chdb_result_status(struct chdb_result *r, struct error *err)
{
    const char *text = r ? chdb.abi.result_error(r) : "no answer";
    return text ? engine_error(err, text, strlen(text)) : 0;
}

static int chdb_run(struct engine *e, const char *sql, struct error *err)
{
    struct chdb_engine *c = (struct chdb_engine *)e;
    struct chdb_result *r = chdb.abi.query_n(*c->connection, sql, strlen(sql), "Null", 4);
    int status = chdb_result_status(r, err);
    chdb.abi.destroy_query_result(r);
    return status;
}

/* --- what the disk really took --- */

/* Files of a part that its checksums, and so bytes_on_disk, do not count. */
static bool is_uncounted(const char *name)
{
    static const char *const names[] = {"checksums.txt",
                                        "columns.txt",
                                        "columns_substreams.txt",
                                        "default_compression_codec.txt",
                                        "metadata_version.txt",
                                        "txn_version.txt",
                                        "uuid.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return name[0] == '.';
}

/* False where the folder is gone: the part was merged into another. */
static bool folder_octets(const char *path, uint64_t *ret)
{
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    uint64_t sum = 0;
    struct stat st;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!is_uncounted(entry->d_name) && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    closedir(dir);
    *ret = sum;
    return true;
}

struct short_part {
    char table[64], name[128];
    bool is_found;
};

/* The first part whose files hold less than they should. `table` NULL: of all, whatever their age;
 * else those made at `since_s` (s since 1970) or later. */
static int find_short_part(struct engine *e, const char *table, int64_t since_s,
                           struct short_part *ret, struct error *err)
{
    char sql[512], path[PATH_MAX];
    struct block *b;
    int len = snprintf(sql, sizeof sql,
                       "SELECT table, name, path, bytes_on_disk FROM system.parts "
                       "WHERE database = 'telltale' AND active");
    if (table)
        snprintf(sql + len, sizeof sql - (size_t)len,
                 " AND table = '%s' AND modification_time >= toDateTime(%lld)", table,
                 (long long)since_s);
    int status = engine_query(e, sql, &b, err);
    if (status)
        return status;
    ret->is_found = false;
    for (size_t row = 0; row < block_rows(b) && !ret->is_found; row++) {
        struct bytes at = block_bytes(b, 2, row);
        uint64_t octets;
        snprintf(path, sizeof path, "%.*s", (int)at.len, (const char *)at.at);
        if (!folder_octets(path, &octets) || octets >= block_u64(b, 3, row))
            continue;
        struct bytes t = block_bytes(b, 0, row), n = block_bytes(b, 1, row);
        snprintf(ret->table, sizeof ret->table, "%.*s", (int)t.len, (const char *)t.at);
        snprintf(ret->name, sizeof ret->name, "%.*s", (int)n.len, (const char *)n.at);
        ret->is_found = true;
    }
    block_free(b);
    return 0;
}

static int chdb_check_files(struct engine *e, struct error *err)
{
    struct short_part part;
    int status = find_short_part(e, NULL, 0, &part, err);
    if (status || !part.is_found)
        return status;
    return error_set(err, ERROR_DAMAGED,
                     "files of table %s are shorter than they should be (part %s)", part.table,
                     part.name);
}

/* Rows of a failed write were acknowledged all the same: what came of them is taken out again. */
static int check_insert(struct engine *e, const char *table, int64_t since_s, struct error *err)
{
    struct short_part part;
    char sql[256];
    int status = find_short_part(e, table, since_s, &part, err);
    if (status || !part.is_found)
        return status;
    snprintf(sql, sizeof sql, "ALTER TABLE %s DROP PART '%s'", part.table, part.name);
    status = chdb_run(e, sql, err);
    if (status)
        return status;
    return error_set(err, ERROR_FAILED, "the disk did not take the rows of table %s: is it full?",
                     table);
}

/* Appending is asynchronous: what went wrong may be known only when the stream is done. */
static int insert_stream(chdb_handle h, const struct buf *sql, struct bytes native,
                         struct error *err)
{
    struct chdb_insert *stream = chdb.abi.stream_insert_n(h, sql->at, sql->len, "Native", 6);
    const char *text = chdb.abi.stream_insert_error(stream);
    int status = text ? engine_error(err, text, strlen(text)) : 0;
    if (status == 0) {
        chdb.abi.stream_append(stream, native.at, native.len);
        struct chdb_result *r = chdb.abi.stream_done(stream);
        status = chdb_result_status(r, err);
        chdb.abi.destroy_query_result(r);
    }
    chdb.abi.destroy_insert_stream(stream);
    return status;
}

static int chdb_insert(struct engine *e, const char *table, const char *columns,
                       struct bytes native, struct error *err)
{
    struct chdb_engine *c = (struct chdb_engine *)e;
    struct buf sql;
    int64_t since_s = (int64_t)time(NULL) - 1;
    buf_init(&sql, 65536);
    buf_format(&sql, "INSERT INTO %s (%s)", table, columns);
    int status = insert_stream(*c->connection, &sql, native, err);
    buf_done(&sql);
    return status ? status : check_insert(e, table, since_s, err);
}

static int query_at_once(chdb_handle h, const char *sql, const char *format, engine_sink *sink,
                         void *ctx, struct error *err)
{
    struct chdb_result *r = chdb.abi.query_n(h, sql, strlen(sql), format, strlen(format));
    int status = chdb_result_status(r, err);
    if (status == 0 && chdb.abi.result_length(r) > 0)
        status = sink(ctx, chdb.abi.result_buffer(r), chdb.abi.result_length(r));
    chdb.abi.destroy_query_result(r);
    return status;
}

static int query_in_pieces(chdb_handle h, const char *sql, const char *format, engine_sink *sink,
                           void *ctx, struct error *err)
{
    struct chdb_result *stream =
        chdb.abi.stream_query_n(h, sql, strlen(sql), format, strlen(format));
    int status = chdb_result_status(stream, err);
    for (bool more = true; more && status == 0;) {
        struct chdb_result *piece = chdb.abi.stream_fetch_result(h, stream);
        status = chdb_result_status(piece, err);
        size_t len = status == 0 ? chdb.abi.result_length(piece) : 0;
        more = len > 0;
        if (more && (status = sink(ctx, chdb.abi.result_buffer(piece), len)) != 0)
            chdb.abi.stream_cancel_query(h, stream);
        chdb.abi.destroy_query_result(piece);
    }
    chdb.abi.destroy_query_result(stream);
    return status;
}

/* Only a SELECT can be had in pieces. */
static int chdb_query(struct engine *e, const char *sql, const char *format, engine_sink *sink,
                      void *ctx, struct error *err)
{
    chdb_handle h = *((struct chdb_engine *)e)->connection;
    bool is_select = strncmp(sql, "SELECT", 6) == 0;
    return (is_select ? query_in_pieces : query_at_once)(h, sql, format, sink, ctx, err);
}

static int chdb_query_to_fd(struct engine *e, const char *sql, const char *format, int fd,
                            struct error *err)
{
    struct buf whole;
    buf_init(&whole, 65536);
    buf_format(&whole, "%s INTO OUTFILE '/proc/self/fd/%d' APPEND FORMAT %s", sql, fd, format);
    int status = chdb_run(e, whole.at, err);
    buf_done(&whole);
    return status;
}

static void chdb_close(struct engine *e)
{
    struct chdb_engine *c = (struct chdb_engine *)e;
    pthread_mutex_lock(&chdb.mutex);
    chdb.abi.close_conn(c->connection);
    if (--chdb.open == 0) {
        close(chdb.lock_fd);
        chdb.lock_fd = -1;
    }
    pthread_mutex_unlock(&chdb.mutex);
    free(c);
}

static int chdb_keep_metadata(struct engine *e, struct error *err)
{
    (void)e;
    return metadata_keep(chdb.path, err);
}

static const struct engine_ops chdb_ops = {
    .kind = "chdb",
    .run = chdb_run,
    .insert = chdb_insert,
    .query = chdb_query,
    .query_to_fd = chdb_query_to_fd,
    .check_files = chdb_check_files,
    .keep_metadata = chdb_keep_metadata,
    .close = chdb_close,
};

/* A path that chDB does not take is silently replaced by a temporary folder: ask where it is, and
 * see that what it makes lies there. */
static int check_place(struct engine *e, const char *path, struct error *err)
{
    struct block *b;
    int status = engine_query(e, "SELECT path FROM system.disks WHERE name = 'default'", &b, err);
    if (status)
        return status;
    struct bytes told = block_rows(b) ? block_bytes(b, 0, 0) : bytes_of("", 0);
    while (told.len > 1 && told.at[told.len - 1] == '/')
        told.len--;
    bool is_right = bytes_equal(told, bytes_of_text(path));
    block_free(b);
    status = engine_run(e, "CREATE DATABASE IF NOT EXISTS telltale ENGINE = Atomic", err);
    if (status == 0)
        status = engine_run(e, "USE telltale", err);
    if (status)
        return status;
    char mark[PATH_MAX + 32];
    snprintf(mark, sizeof mark, "%s/metadata/telltale.sql", path);
    if (!is_right || access(mark, F_OK) != 0)
        return error_set(err, ERROR_FAILED, "the embedded engine did not open %s", path);
    return 0;
}

static int open_locked(const char *path, const struct engine_limits *limits, struct engine **ret,
                       struct error *err)
{
    int status = load(err), lock = -1;
    if (status == 0)
        status = lift_file_limit(err);
    if (status == 0)
        status = move_stdin(err);
    if (status == 0 && chdb.open && strcmp(chdb.path, path) != 0)
        status = error_set(err, ERROR_BUSY, "this process has the store %s open", chdb.path);
    if (status == 0 && !chdb.open)
        status = take_lock(path, &lock, err);
    if (status)
        return status;
    chdb.abi.set_signal_handlers_enabled(0);
    if (!chdb.open && (status = metadata_check(path, err)) != 0) {
        close(lock);
        return status;
    }
    struct chdb_engine *c = memory_alloc(sizeof *c);
    c->base.ops = &chdb_ops;
    c->base.limits = *limits;
    status = connect_to(path, limits, &c->connection, err);
    if (status) {
        if (lock >= 0)
            close(lock);
        free(c);
        return status;
    }
    if (chdb.open++ == 0) {
        snprintf(chdb.path, sizeof chdb.path, "%s", path);
        chdb.lock_fd = lock;
    }
    *ret = &c->base;
    return 0;
}

int engine_open_chdb(const char *path, const struct engine_limits *limits, struct engine **ret,
                     struct error *err)
{
    char real[PATH_MAX];
    struct engine *e = NULL;
    int status = make_folder(path, real, err);
    if (status)
        return status;
    pthread_mutex_lock(&chdb.mutex);
    status = open_locked(real, limits ? limits : &engine_limits_default, &e, err);
    pthread_mutex_unlock(&chdb.mutex);
    if (status)
        return status;
    status = check_place(e, real, err);
    if (status == 0)
        status = engine_ask_version(e, err);
    if (status) {
        engine_close(e);
        return status;
    }
    *ret = e;
    return 0;
}
