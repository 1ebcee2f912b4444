/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of engine.h.
 *
 * The same cases on both engines: chDB in this process and Debian's ClickHouse 18.16 over HTTP;
 * then what only one of them has. Cases that would leave the process changed run in a child: this
 * program again, with the case's name as its argument. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/clickhouse_fixture.h"
#include "engine/engine.h"

/* In memory where it can be: what the disk does is not in question here. */
static char folder[64];

static bool make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/telltale-engine-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    return mkdtemp(folder) != NULL;
}
static struct clickhouse *server; /* NULL: no clickhouse-server here */
static char server_missing[1024];
static bool have_chdb;
static char chdb_missing[1024];

/* --- opening --- */

static struct engine *open_with(const char *kind, const struct engine_limits *limits)
{
    char where[PATH_MAX];
    struct engine *e = NULL;
    struct error err;
    if (strcmp(kind, "chdb") == 0) {
        if (!have_chdb) {
            print_message("# skipped, no chDB: %s\n", chdb_missing);
            skip();
        }
        snprintf(where, sizeof where, "%s/store", folder);
    } else {
        if (!server) {
            print_message("# skipped, no clickhouse-server: %s\n", server_missing);
            skip();
        }
        snprintf(where, sizeof where, "clickhouse://default@127.0.0.1:%u/engine_test",
                 clickhouse_port(server));
    }
    if (engine_open(where, limits, &e, &err))
        fail_msg("%s", err.text);
    return e;
}

static struct engine *open_kind(void **state)
{
    return open_with(*state, NULL);
}

static void run(struct engine *e, const char *sql)
{
    struct error err;
    if (engine_run(e, sql, &err))
        fail_msg("%s", err.text);
}

static uint64_t ask_u64(struct engine *e, const char *sql)
{
    struct error err;
    struct block *b;
    if (engine_query(e, sql, &b, &err))
        fail_msg("%s", err.text);
    assert_int_equal(block_rows(b), 1);
    uint64_t value = block_u64(b, 0, 0);
    block_free(b);
    return value;
}

/* --- on both engines --- */

static struct block *all_types(size_t rows)
{
    struct block *b = block_new();
    static const char *const types[] = {"UInt8",  "UInt16", "UInt32",  "UInt64",  "Int8",
                                        "Int16",  "Int32",  "Int64",   "Float64", "FixedString(16)",
                                        "String", "Date",   "DateTime"};
    char name[8];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(name, sizeof name, "c%zu", i);
        block_column(b, name, types[i]);
    }
    for (uint64_t i = 0; i < rows; i++) {
        for (int u = 0; u < 4; u++)
            block_put_u64(b, UINT64_MAX - i);
        for (int s = 0; s < 4; s++)
            block_put_i64(b, -(int64_t)(i % 100) - 1);
        block_put_f64(b, (double)i / 3);
        block_put_bytes(b, "\0\1sixteen octets", 16);
        block_put_bytes(b, "quote ' and NUL \0 and \xff", 10 + i % 13);
        block_put_u64(b, 17257 + i % 97);
        block_put_u64(b, 1491004800 + i);
    }
    return b;
}

static const char all_columns[] = "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12";

static void types_come_back_as_they_went(void **state)
{
    struct engine *e = open_kind(state);
    struct error err;
    run(e, "DROP TABLE IF EXISTS every_type");
    run(e, "CREATE TABLE every_type (c0 UInt8, c1 UInt16, c2 UInt32, c3 UInt64, c4 Int8, c5 Int16, "
           "c6 Int32, c7 Int64, c8 Float64, c9 FixedString(16), c10 String, c11 Date, c12 DateTime)"
           " ENGINE = MergeTree PARTITION BY tuple() ORDER BY c12");
    struct block *in = all_types(1000), *back;
    struct buf sent, got;
    buf_init(&sent, 1 << 20);
    buf_init(&got, 1 << 20);
    native_encode_block(&sent, in);
    if (engine_insert(e, "every_type", all_columns, bytes_of(sent.at, sent.len), &err))
        fail_msg("%s", err.text);
    if (engine_query(e, "SELECT * FROM every_type ORDER BY c12", &back, &err))
        fail_msg("%s", err.text);
    assert_int_equal(block_rows(back), 1000);
    native_encode_block(&got, back);
    assert_int_equal(got.len, sent.len);
    assert_memory_equal(got.at, sent.at, got.len);
    block_free(back);
    if (engine_query(
            e,
            "SELECT groupArray(c2) AS a, groupArray(c10) AS s, quantileExact(0.5)(c8) AS q, "
            "sumMap([c0], [c3]) AS m FROM (SELECT * FROM every_type ORDER BY c12 LIMIT 3)",
            &back, &err))
        /* sumMap gives a Tuple, which is not in block.h's list: a clear error, then without it. */
        assert_non_null(strstr(err.text, "type"));
    else
        fail_msg("a Tuple was decoded");
    if (engine_query(
            e,
            "SELECT groupArray(c2) AS a, groupArray(c10) AS s, quantileExact(0.5)(c8) AS q "
            "FROM (SELECT * FROM every_type ORDER BY c12 LIMIT 3)",
            &back, &err))
        fail_msg("%s", err.text);
    assert_int_equal(block_array_len(back, 0, 0), 3);
    assert_int_equal(block_array_u64(back, 0, 0, 2), UINT32_MAX - 2);
    assert_int_equal(block_array_bytes(back, 1, 0, 1).len, 11);
    block_free(back);
    block_free(in);
    buf_done(&sent);
    buf_done(&got);
    run(e, "DROP TABLE every_type");
    engine_close(e);
}

struct seen {
    uint64_t rows, sum, blocks, stop_after;
};

static int see(void *ctx, const struct block *b)
{
    struct seen *s = ctx;
    for (size_t row = 0; row < block_rows(b); row++)
        s->sum += block_u64(b, 0, row);
    s->rows += block_rows(b);
    return ++s->blocks == s->stop_after ? 77 : 0;
}

static void large_results_come_in_blocks(void **state)
{
    struct engine *e = open_kind(state);
    struct error err;
    struct seen s = {0};
    if (engine_query_each(e,
                          "SELECT number, toString(number) AS t FROM system.numbers LIMIT 300000",
                          see, &s, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.rows, 300000);
    assert_int_equal(s.sum, UINT64_C(299999) * 150000);
    assert_true(s.blocks > 1);
    s = (struct seen){.stop_after = 2};
    assert_int_equal(
        engine_query_each(e, "SELECT number FROM system.numbers LIMIT 3000000", see, &s, &err), 77);
    assert_int_equal(s.blocks, 2);
    assert_int_equal(ask_u64(e, "SELECT toUInt64(1) AS one"), 1);
    struct block *b;
    assert_int_equal(engine_query(e, "SELECT 1 AS one WHERE 0", &b, &err), 0);
    assert_int_equal(block_rows(b), 0);
    block_free(b);
    engine_close(e);
}

/* A failed statement is an error with the engine's words in one line, and the next one runs. */
static void errors_are_told_and_passed(void **state)
{
    struct engine *e = open_kind(state);
    struct error err;
    struct block *b;
    assert_int_equal(engine_query(e, "SELECT x FROM no_such_table", &b, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "no_such_table"));
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(engine_run(e, "CREATE NONSENSE", &err), ERROR_FAILED);
    /* The error comes after blocks were sent: they must not pass for the answer. */
    assert_int_equal(engine_query(e,
                                  "SELECT throwIf(number = 500000) AS x FROM "
                                  "(SELECT number FROM system.numbers LIMIT 600000)",
                                  &b, &err),
                     ERROR_FAILED);
    static const uint8_t cut[] = {1, 2, 1, 'a', 5, 'U', 'I', 'n', 't', '8', 7};
    run(e, "CREATE TABLE IF NOT EXISTS cut (a UInt8) ENGINE = MergeTree PARTITION BY tuple() ORDER "
           "BY a");
    assert_int_equal(engine_insert(e, "cut", "a", bytes_of(cut, sizeof cut), &err),
                     ERROR_FAILED);
    assert_int_equal(engine_insert(e, "no_such_table", "a", bytes_of(cut, sizeof cut), &err),
                     ERROR_FAILED);
    assert_non_null(strstr(err.text, "no_such_table"));
    assert_int_equal(ask_u64(e, "SELECT count() AS n FROM cut"), 0);
    run(e, "DROP TABLE cut");
    engine_close(e);
}

static void limits_are_enforced(void **state)
{
    struct engine_limits limits = {.memory_octets = (size_t)256 << 20, .threads = 1, .seconds = 2};
    struct engine *e = open_with(*state, &limits);
    struct error err;
    struct block *b;
    assert_int_equal(engine_query(e,
                                  "SELECT length(groupArray(number)) AS n FROM "
                                  "(SELECT number FROM system.numbers LIMIT 200000000)",
                                  &b, &err),
                     ERROR_FAILED);
    assert_non_null(strstr(err.text, "emory limit"));
    assert_int_equal(engine_query(e, "SELECT count() AS n FROM system.numbers", &b, &err),
                     ERROR_FAILED);
    assert_non_null(strcasestr(err.text, "timeout"));
    assert_int_equal(ask_u64(e, "SELECT toUInt64(1) AS one"), 1);
    engine_close(e);
}

static void *reads(void *arg)
{
    uint64_t sum = 0;
    for (int i = 0; i < 20; i++)
        sum += ask_u64(arg, "SELECT sum(a) AS s FROM threads");
    return (void *)(uintptr_t)sum;
}

/* An engine is one thread's; several on one store work at once. */
static void threads_have_their_own_engines(void **state)
{
    struct engine *e[3];
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        e[i] = open_kind(state);
    run(e[0], "DROP TABLE IF EXISTS threads");
    run(e[0], "CREATE TABLE threads (a UInt64) ENGINE = MergeTree PARTITION BY tuple() ORDER BY a");
    run(e[0], "INSERT INTO threads SELECT number FROM system.numbers LIMIT 1000");
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, reads, e[i]), 0);
    for (int i = 0; i < 3; i++) {
        void *sum;
        pthread_join(thread[i], &sum);
        assert_int_equal((uintptr_t)sum, 20 * 499500);
        engine_close(e[i]);
    }
    e[0] = open_kind(state);
    assert_int_equal(ask_u64(e[0], "SELECT count() AS n FROM threads"), 1000);
    run(e[0], "DROP TABLE threads");
    engine_close(e[0]);
}

/* --- the embedded engine's own --- */

/* Runs this program with `arguments`, `input` on its stdin; its stdout in `output`. Exit status. */
static int child(const char *mode, const char *argument, const char *library, const char *input,
                 char *output, size_t output_size)
{
    int in[2], out[2], status;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        if (library)
            setenv("TELLTALE_CHDB", library, 1);
        execl("/proc/self/exe", "engine_test", mode, argument, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
    close(in[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(out[0], output + len, output_size - 1 - len)) > 0)
        len += (size_t)n;
    output[len] = 0;
    close(out[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void need_chdb(void)
{
    if (!have_chdb) {
        print_message("# skipped, no chDB: %s\n", chdb_missing);
        skip();
    }
}

static void a_wrong_library_is_named(void **state)
{
    (void)state;
    need_chdb();
    char out[2048];
    assert_int_equal(child("open", folder, "/lib/x86_64-linux-gnu/libm.so.6", "", out, sizeof out),
                     1);
    assert_non_null(strstr(out, "libm.so.6 is not chDB 26.7.3"));
    assert_non_null(strstr(out, "./setup"));
    assert_int_equal(child("open", folder, "/nowhere/libchdb.so", "", out, sizeof out), 1);
    assert_non_null(strstr(out, "/nowhere/libchdb.so"));
    assert_non_null(strstr(out, "./setup"));
}

static void a_path_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    need_chdb();
    struct engine *e = NULL;
    struct error err;
    assert_int_equal(engine_open_chdb("/dev/null/store", NULL, &e, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "/dev/null/store"));
    assert_null(e);
}

static void one_path_a_process(void **state)
{
    (void)state;
    struct engine *e = open_with("chdb", NULL), *other = NULL;
    struct error err;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/other", folder);
    assert_int_equal(engine_open_chdb(path, NULL, &other, &err), ERROR_BUSY);
    assert_non_null(strstr(err.text, "/store"));
    engine_close(e);
    if (engine_open_chdb(path, NULL, &other, &err))
        fail_msg("%s", err.text);
    engine_close(other);
}

/* One owner: the second process is told who it is; a killed owner's lock is gone with it. */
static void a_second_process_is_told_who_has_it(void **state)
{
    (void)state;
    need_chdb();
    char path[PATH_MAX], out[2048], pid_text[32];
    snprintf(path, sizeof path, "%s/busy", folder);
    int in[2], ready[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(ready[1], 1);
        close(in[1]);
        close(ready[0]);
        execl("/proc/self/exe", "engine_test", "hold", path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(ready[1]);
    char go;
    assert_int_equal(read(ready[0], &go, 1), 1);
    assert_int_equal(child("open", path, NULL, "", out, sizeof out), -ERROR_BUSY);
    snprintf(pid_text, sizeof pid_text, "in use by process %d", (int)pid);
    assert_non_null(strstr(out, pid_text));
    assert_non_null(strstr(out, path));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(child("open", path, NULL, "", out, sizeof out), 0);
    close(in[1]);
    close(ready[0]);
}

static void stdin_is_left_to_the_program(void **state)
{
    (void)state;
    need_chdb();
    char path[PATH_MAX], out[2048];
    snprintf(path, sizeof path, "%s/stdin", folder);
    assert_int_equal(child("stdin", path, NULL, "7\n8\n9\n", out, sizeof out), 0);
    assert_string_equal(out, "2 rows\n7\n8\n9\n");
}

static void signals_stay_the_programs(void **state)
{
    (void)state;
    need_chdb();
    char path[PATH_MAX], out[2048];
    snprintf(path, sizeof path, "%s/signals", folder);
    assert_int_equal(child("signals", path, NULL, "", out, sizeof out), 0);
    assert_string_equal(out, "");
}

/* chDB does not notice failed writes, so it must not run where they are certain. */
static void a_file_limit_shuts_the_store(void **state)
{
    (void)state;
    need_chdb();
    char path[PATH_MAX], out[2048];
    snprintf(path, sizeof path, "%s/limit", folder);
    assert_int_equal(child("limit", path, NULL, "", out, sizeof out), 1);
    assert_non_null(strstr(out, "ulimit -f"));
    assert_int_equal(child("soft-limit", path, NULL, "", out, sizeof out), 0);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    need_chdb();
    char path[PATH_MAX], out[2048];
    snprintf(path, sizeof path, "%s/full", folder);
    assert_int_equal(child("full-disk", path, NULL, "", out, sizeof out), 0);
    assert_non_null(strstr(out, "refused: the disk did not take the rows of table t"));
    assert_non_null(strstr(out, "2000 rows, and readable"));
    assert_non_null(strstr(out, "truncated: files of table t are shorter"));
}

static void parquet_comes_from_chdb(void **state)
{
    struct engine *e = open_kind(state);
    struct error err;
    char path[PATH_MAX], head[4] = {0}, tail[4] = {0};
    snprintf(path, sizeof path, "%s/out", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int status = engine_query_format(e, "SELECT number AS n FROM system.numbers LIMIT 100000",
                                     "Parquet", fd, &err);
    if (engine_is_modern(e)) {
        assert_int_equal(status, 0);
        off_t end = lseek(fd, 0, SEEK_END);
        assert_int_equal(pread(fd, head, 4, 0), 4);
        assert_int_equal(pread(fd, tail, 4, end - 4), 4);
        assert_memory_equal(head, "PAR1", 4);
        assert_memory_equal(tail, "PAR1", 4);
    } else {
        assert_int_equal(status, ERROR_FAILED);
        assert_non_null(strstr(err.text, "Parquet"));
    }
    close(fd);
    engine_close(e);
}

/* --- the server's own --- */

static void need_server(void)
{
    if (!server) {
        print_message("# skipped, no clickhouse-server: %s\n", server_missing);
        skip();
    }
}

static int open_url(const char *format, unsigned port, struct engine **e, struct error *err)
{
    char url[512];
    snprintf(url, sizeof url, format, port);
    return engine_open(url, NULL, e, err);
}

static void addresses_are_read(void **state)
{
    static const struct {
        const char *url, *what;
    } bad[] = {
        {"clickhouse://host", "name of a database"},
        {"clickhouse://host/", "name of a database"},
        {"clickhouse://host/a-b", "name of a database"},
        {"clickhouse://host/a;DROP", "name of a database"},
        {"clickhouse:///telltale", "no host"},
        {"clickhouse://user@/telltale", "no host"},
        {"clickhouse://host/telltale?x=1", "option"},
        {"clickhouse://host/telltale?cluster=c", "cluster"},
        {"clickhouse://us%0d%0aer@host/telltale", "line break"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct engine *e = NULL;
        struct error err;
        assert_int_equal(engine_open(bad[i].url, NULL, &e, &err), ERROR_USAGE);
        if (!strstr(err.text, bad[i].what))
            fail_msg("%s: %s", bad[i].url, err.text);
        assert_null(e);
    }
}

static void passwords_are_decoded_and_checked(void **state)
{
    (void)state;
    need_server();
    struct engine *e;
    struct error err;
    unsigned port = clickhouse_port(server);
    if (open_url("clickhouse://keeper:p%%40ss%%3Aw%%2Frd@127.0.0.1:%u/engine_test", port, &e, &err))
        fail_msg("%s", err.text);
    engine_close(e);
    assert_int_equal(open_url("clickhouse://keeper:wrong@127.0.0.1:%u/engine_test", port, &e, &err),
                     ERROR_FAILED);
    assert_null(strstr(err.text, "wrong@"));
}

static void an_absent_server_is_busy(void **state)
{
    (void)state;
    struct engine *e;
    struct error err;
    assert_int_equal(open_url("clickhouse://127.0.0.1:%u/engine_test", 1, &e, &err), ERROR_BUSY);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
}

/* A read goes on after the server was restarted under it; so does a statement that got no
 * connection. */
static void a_restart_is_passed(void **state)
{
    (void)state;
    need_server();
    struct engine *e = open_with("http", NULL);
    struct error err;
    run(e, "CREATE TABLE IF NOT EXISTS restart (a UInt8) ENGINE = MergeTree PARTITION BY tuple() "
           "ORDER BY a");
    if (clickhouse_restart(server, &err))
        fail_msg("%s", err.text);
    assert_int_equal(ask_u64(e, "SELECT count() AS n FROM restart"), 0);
    run(e, "DROP TABLE restart");
    engine_close(e);
}

static void a_read_cannot_write(void **state)
{
    (void)state;
    need_server();
    struct engine *e = open_with("http", NULL);
    struct error err;
    struct block *b;
    run(e, "CREATE TABLE IF NOT EXISTS safe (a UInt8) ENGINE = MergeTree PARTITION BY tuple() "
           "ORDER BY a");
    assert_int_equal(engine_query(e, "DROP TABLE safe", &b, &err), ERROR_FAILED);
    assert_int_equal(engine_query(e, "INSERT INTO safe SELECT 1", &b, &err), ERROR_FAILED);
    assert_int_equal(ask_u64(e, "SELECT count() AS n FROM safe"), 0);
    run(e, "DROP TABLE safe");
    engine_close(e);
}

/* --- the child's side --- */

static int say(const struct error *err)
{
    printf("%s\n", err->text);
    fflush(stdout);
    return -err->code;
}

static int child_stdin(struct engine *e)
{
    struct error err;
    struct block *b;
    char text[100];
    static const uint8_t two[] = {1, 2, 1, 'a', 5, 'U', 'I', 'n', 't', '8', 1, 2};
    if (engine_run(e, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", &err) ||
        engine_insert(e, "t", "a", bytes_of(two, sizeof two), &err) ||
        engine_query(e, "SELECT count() AS n FROM t", &b, &err))
        return say(&err);
    printf("%d rows\n", (int)block_u64(b, 0, 0));
    block_free(b);
    ssize_t n = read(engine_stdin(), text, sizeof text);
    printf("%.*s", (int)n, text);
    return 0;
}

static const int watched[] = {SIGSEGV, SIGABRT, SIGBUS,  SIGILL,  SIGFPE,  SIGTSTP, SIGINT,
                              SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE, SIGUSR1, SIGCHLD};
enum { WATCHED = sizeof watched / sizeof *watched };

static int child_signals(void)
{
    struct sigaction now;
    for (size_t i = 0; i < WATCHED; i++)
        if (sigaction(watched[i], NULL, &now) != 0 || now.sa_handler != SIG_DFL)
            printf("signal %d has a handler\n", watched[i]);
    if (sigaction(SIGXFSZ, NULL, &now) != 0 || now.sa_handler != SIG_IGN)
        printf("SIGXFSZ kills\n");
    return 0;
}

/* Stands before libc's for the whole program, chDB too: a disk that fills up in the middle. */
static _Atomic bool disk_is_full;

ssize_t write(int fd, const void *at, size_t len)
{
    if (disk_is_full && len > 10000) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, at, len);
}

static int insert_random(struct engine *e, uint64_t rows, struct error *err)
{
    struct block *b = block_new();
    struct buf native;
    uint64_t x = 1;
    block_column(b, "a", "UInt64");
    for (uint64_t i = 0; i < rows; i++)
        block_put_u64(b, x = x * UINT64_C(6364136223846793005) + 1442695040888963407);
    buf_init(&native, 1 << 26);
    native_encode_block(&native, b);
    int status = engine_insert(e, "t", "a", bytes_of(native.at, native.len), err);
    buf_done(&native);
    block_free(b);
    return status;
}

static int child_full_disk(struct engine *e, const char *path)
{
    struct error err;
    struct block *b;
    char command[PATH_MAX + 64];
    if (engine_run(e, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a", &err) ||
        insert_random(e, 1000, &err))
        return say(&err);
    disk_is_full = true;
    if (insert_random(e, 300000, &err))
        printf("refused: %s\n", err.text);
    disk_is_full = false;
    if (engine_check_files(e, &err) || insert_random(e, 1000, &err) ||
        engine_query(e, "SELECT count() AS n, sum(a) AS s FROM t", &b, &err))
        return say(&err);
    printf("%d rows, and readable\n", (int)block_u64(b, 0, 0));
    block_free(b);
    snprintf(command, sizeof command, "find '%s/store' -name data.bin -exec truncate -s 100 {} +",
             path);
    if (system(command) == 0 && engine_check_files(e, &err) == ERROR_DAMAGED)
        printf("truncated: %s\n", err.text);
    return 0;
}

static int child_main(const char *mode, const char *path)
{
    struct engine *e;
    struct error err;
    bool is_soft = strcmp(mode, "soft-limit") == 0;
    if (is_soft || strcmp(mode, "limit") == 0)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4 << 20, is_soft ? RLIM_INFINITY : 4 << 20});
    /* Who started the tests may ignore some: a shell does so for what runs in its background. */
    for (size_t i = 0; strcmp(mode, "signals") == 0 && i < WATCHED; i++)
        signal(watched[i], SIG_DFL);
    if (engine_open_chdb(path, NULL, &e, &err))
        return say(&err);
    int status = 0;
    if (strcmp(mode, "hold") == 0) {
        printf("!");
        fflush(stdout);
        char c;
        status = read(engine_stdin(), &c, 1) != 0;
    } else if (strcmp(mode, "stdin") == 0) {
        status = child_stdin(e);
    } else if (strcmp(mode, "signals") == 0) {
        status = child_signals();
    } else if (strcmp(mode, "full-disk") == 0) {
        status = child_full_disk(e, path);
    }
    fflush(stdout);
    engine_close(e);
    return status;
}

/* --- */

static int set_up(void **state)
{
    (void)state;
    struct error err;
    struct engine *e;
    char path[PATH_MAX];
    if (!make_folder())
        return -1;
    snprintf(path, sizeof path, "%s/store", folder);
    have_chdb = engine_open_chdb(path, NULL, &e, &err) == 0;
    if (have_chdb)
        engine_close(e);
    else
        snprintf(chdb_missing, sizeof chdb_missing, "%s", err.text);
    if (clickhouse_start(&server, &err))
        snprintf(server_missing, sizeof server_missing, "%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clickhouse_stop(server);
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#define BOTH(test)                                                                                 \
    {#test " (chdb)", test, NULL, NULL, "chdb"},                                                   \
    {                                                                                              \
#test " (clickhouse)", test, NULL, NULL, "http"                                            \
    }

int main(int argc, char **argv)
{
    if (argc == 3)
        return child_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        BOTH(types_come_back_as_they_went),
        BOTH(large_results_come_in_blocks),
        BOTH(errors_are_told_and_passed),
        BOTH(limits_are_enforced),
        BOTH(threads_have_their_own_engines),
        BOTH(parquet_comes_from_chdb),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(passwords_are_decoded_and_checked),
        cmocka_unit_test(an_absent_server_is_busy),
        cmocka_unit_test(a_restart_is_passed),
        cmocka_unit_test(a_read_cannot_write),
        cmocka_unit_test(a_wrong_library_is_named),
        cmocka_unit_test(a_path_that_cannot_be_is_an_error),
        cmocka_unit_test(one_path_a_process),
        cmocka_unit_test(a_second_process_is_told_who_has_it),
        cmocka_unit_test(stdin_is_left_to_the_program),
        cmocka_unit_test(signals_stay_the_programs),
        cmocka_unit_test(a_file_limit_shuts_the_store),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
