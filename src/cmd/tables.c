/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/tables.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "decode/table_log.h"
#include "input/stream.h"
#include "store/table_file.h"

enum { NAMES = 4 << 20, CERTIFICATES = 1 << 18, PATH_ROOM = 4096 };

struct list {
    char **path;
    size_t count;
};

struct table_inputs {
    const struct study *study;
    struct store *store;
    struct coverage *coverage;
    const struct table_map *map;
    struct table_names *names, *certificates;
    struct list offered;
    char learned[PATH_ROOM]; /* the folder whose names are in `names` */
};

struct table_inputs *table_inputs_new(const struct study *study, struct store *store,
                                      struct coverage *coverage)
{
    struct table_inputs *t = memory_alloc(sizeof *t);
    t->study = study;
    t->store = store;
    t->coverage = coverage;
    return t;
}

static void list_add(struct list *l, const char *path)
{
    l->path = memory_resize(l->path, l->count + 1, sizeof *l->path);
    l->path[l->count++] = memory_text(path, strlen(path));
}

static void list_done(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->path[i]);
    free(l->path);
    *l = (struct list){0};
}

void table_inputs_free(struct table_inputs *t)
{
    if (!t)
        return;
    table_names_free(t->names);
    table_names_free(t->certificates);
    list_done(&t->offered);
    free(t);
}

void table_inputs_map(struct table_inputs *t, const struct table_map *map)
{
    t->map = map;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Zeek's logs begin with what they are: "ssl.log", "ssl.10:00:00-11:00:00.log.gz". */
static bool is_named(const char *path, const char *log)
{
    const char *base = base_of(path);
    size_t len = strlen(log);
    return strncmp(base, log, len) == 0 && strchr("._-", base[len]) && base[len];
}

static bool may_tell_names(const char *path)
{
    static const char *const logs[] = {"dns", "http", "quic", "ssl", "x509"};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        if (is_named(path, logs[i]))
            return true;
    return false;
}

void table_inputs_offer(struct table_inputs *t, const char *path)
{
    if (may_tell_names(path))
        list_add(&t->offered, path);
}

static bool is_parquet(struct bytes head)
{
    return head.len >= 4 && memcmp(head.at, "PAR1", 4) == 0;
}

bool table_inputs_is(struct bytes head)
{
    return is_parquet(head) || table_text_is(head);
}

/* ---- text ---- */

static struct table_log_setting setting_of(struct table_inputs *t)
{
    if (!t->names) {
        t->names = table_names_new(NAMES);
        t->certificates = table_names_new(CERTIFICATES);
    }
    return (struct table_log_setting){
        .row = {.population = t->study->kept_lpm,
                .symbols = store_symbols(t->store),
                .coverage = t->coverage,
                .sampling = t->study->sampling},
        .map = t->map,
        .names = t->names,
        .certificates = t->certificates,
    };
}

static int open_log(struct table_inputs *t, const char *path, const char *shown,
                    struct stream **ret_stream, struct table_log **ret, struct error *err)
{
    struct table_log_setting setting = setting_of(t);
    if (stream_open(path, ret_stream, err) < 0)
        return err->code;
    return table_log_open(*ret_stream, &setting, shown, ret, err);
}

/* ---- the logs that go with a conn log ---- */

/* "dns.10:00-11:00.log" beside "conn.10:00-11:00.log": the part after the log's name, without what
 * says how it is compressed. */
static bool same_rotation(const char *a, const char *b)
{
    a = strpbrk(base_of(a), "._-");
    b = strpbrk(base_of(b), "._-");
    const char *a_end = a ? strstr(a, ".log") : NULL, *b_end = b ? strstr(b, ".log") : NULL;
    return a_end && b_end && a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && may_tell_names(entry->d_name);
}

/* Those in its folder; where there are none, those given in the same run. */
static struct list companions_of(const struct table_inputs *t, const char *path)
{
    struct list found = {0};
    char folder[PATH_ROOM], one[PATH_ROOM + 256];
    struct dirent **names;
    size_t len = (size_t)(base_of(path) - path);
    if (len >= sizeof folder - 2)
        return found;
    snprintf(folder, sizeof folder, "%.*s", (int)len, path);
    int count = scandir(len ? folder : ".", &names, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(one, sizeof one, "%s%s", folder, names[i]->d_name);
        list_add(&found, one);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    bool alone = found.count == 0;
    for (size_t i = 0; alone && i < t->offered.count; i++)
        list_add(&found, t->offered.path[i]);
    return found;
}

/* A companion that cannot be read is said and does without: it is an import of its own as well. */
static void learn_log(struct table_inputs *t, const char *path)
{
    struct stream *stream;
    struct table_log *log;
    struct error err;
    uint64_t ms;
    if (open_log(t, path, path, &stream, &log, &err) < 0) {
        fprintf(stderr, "telltale: names are not read from %s\n", err.text);
        return;
    }
    while (table_log_learn(log, NULL, &ms))
        ;
    table_log_free(log);
}

/* Certificates first, since TLS lines ask for them. Names of a folder are read once for all of its
 * conn logs: a connection may be in a later log than its handshake. */
static void learn_names(struct table_inputs *t, const char *path, const struct list *companions)
{
    char folder[PATH_ROOM];
    snprintf(folder, sizeof folder, "%.*s", (int)(base_of(path) - path), path);
    if (t->learned[0] && strcmp(t->learned + 1, folder) == 0)
        return;
    snprintf(t->learned, sizeof t->learned, "/%.*s", PATH_ROOM - 2, folder);
    table_names_clear(t->names);
    table_names_clear(t->certificates);
    for (int certificates = 1; certificates >= 0; certificates--)
        for (size_t i = 0; i < companions->count; i++)
            if (!is_named(companions->path[i], "dns") &&
                is_named(companions->path[i], "x509") == certificates)
                learn_log(t, companions->path[i]);
    uint64_t forgotten = table_names_forgotten(t->names);
    if (forgotten)
        fprintf(stderr, "telltale: %s: names of %" PRIu64 " connections did not fit in memory\n",
                path, forgotten);
}

/* DNS answers in the order of time beside the conn log. */
struct answers {
    struct table_inputs *t;
    struct list logs;
    size_t next;
    struct table_log *log;
    uint64_t ms; /* of the line read last */
};

static bool answers_next_log(struct answers *a)
{
    struct stream *stream;
    struct error err;
    table_log_free(a->log);
    a->log = NULL;
    while (!a->log && a->next < a->logs.count) {
        const char *path = a->logs.path[a->next++];
        if (open_log(a->t, path, path, &stream, &a->log, &err) < 0) {
            fprintf(stderr, "telltale: names are not read from %s\n", err.text);
            a->log = NULL;
        }
    }
    return a->log;
}

static void answers_open(struct answers *a, struct table_inputs *t, const char *path,
                         const struct list *companions)
{
    *a = (struct answers){.t = t};
    for (int same = 1; same >= 0 && a->logs.count == 0; same--)
        for (size_t i = 0; i < companions->count; i++)
            if (is_named(companions->path[i], "dns") &&
                same_rotation(path, companions->path[i]) == same)
                list_add(&a->logs, companions->path[i]);
    answers_next_log(a);
}

static void answers_close(struct answers *a)
{
    table_log_free(a->log);
    list_done(&a->logs);
}

/* Answers up to `until_ms`, before the rows that ended then. */
static int answers_give(struct answers *a, uint64_t until_ms, const struct table_sink *sink,
                        struct error *err)
{
    while (a->log && a->ms <= until_ms) {
        uint64_t ms = 0;
        if (!table_log_learn(a->log, sink->seen, &ms)) {
            answers_next_log(a);
            continue;
        }
        a->ms = ms ? ms : a->ms;
        if (sink->seen->capacity - sink->seen->count < 512 && sink->room(sink->ctx, 0, err) < 0)
            return err->code;
    }
    return 0;
}

static int import_log(struct table_inputs *t, const char *path, const char *shown,
                      const struct table_sink *sink, struct error *err)
{
    struct stream *stream;
    struct table_log *log;
    struct answers answers = {0};
    if (open_log(t, path, shown, &stream, &log, err) < 0)
        return err->code;
    if (strcmp(table_log_path(log), "conn") == 0) {
        struct list companions = companions_of(t, path);
        learn_names(t, path, &companions);
        answers_open(&answers, t, path, &companions);
        list_done(&companions);
    } else {
        t->learned[0] = 0;
        table_names_clear(t->names);
        table_names_clear(t->certificates);
    }
    int status = 0;
    size_t before = sink->records->rows;
    while (status == 0 && table_log_line(log, sink->records, sink->seen, sink->tally)) {
        size_t rows = sink->records->rows;
        if (answers.log && rows > before)
            status = answers_give(&answers, batch_end_ms(sink->records)[rows - 1], sink, err);
        if (status == 0)
            status = sink->room(sink->ctx, stream_file_octets_read(stream), err);
        before = sink->records->rows;
    }
    answers_close(&answers);
    table_log_free(log);
    return status;
}

/* ---- Parquet ---- */

/* An embedded engine for reading only: the store's own, or where that is a server one in a folder
 * of its own, which goes with it. */
struct reader {
    struct engine *engine;
    int fd;
    char folder[64];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void reader_close(struct reader *r)
{
    engine_close(r->engine);
    if (r->fd >= 0)
        close(r->fd);
    if (r->folder[0])
        nftw(r->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int reader_open(const struct table_inputs *t, const char *path, const char *shown,
                       struct reader *ret, struct error *err)
{
    *ret = (struct reader){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (ret->fd < 0)
        return error_errno(err, "%s", shown);
    const char *store = t->study->store;
    if (t->study->store_is_server) {
        snprintf(ret->folder, sizeof ret->folder, "/var/tmp/telltale-reader-XXXXXX");
        if (!mkdtemp(ret->folder)) {
            ret->folder[0] = 0;
            reader_close(ret);
            return error_errno(err, "a folder in /var/tmp");
        }
        store = ret->folder;
    }
    int status = engine_open_chdb(store, &engine_limits_default, &ret->engine, err);
    if (status < 0)
        reader_close(ret);
    return status;
}

struct parquet {
    struct table_setting setting;
    const struct table_sink *sink;
    struct error *err;
};

static int take_row(void *ctx, const struct table_row *row)
{
    struct parquet *p = ctx;
    table_write(&p->setting, row, p->sink->records, p->sink->tally);
    return p->sink->room(p->sink->ctx, 0, p->err);
}

static int import_parquet(struct table_inputs *t, const char *path, const char *shown,
                          const struct table_sink *sink, struct error *err)
{
    struct reader reader;
    struct table_file *file = NULL;
    int status = reader_open(t, path, shown, &reader, err);
    if (status < 0)
        return status;
    status = table_file_open(reader.engine, reader.fd, t->map, shown, &file, err);
    if (status == 0) {
        struct parquet p = {.setting = setting_of(t).row, .sink = sink, .err = err};
        p.setting.kind = table_file_kind(file);
        memcpy(p.setting.has, table_file_has(file), sizeof p.setting.has);
        p.setting.exporter = symbols_code(p.setting.symbols, SYMBOL_EXPORTER, "table", 5);
        status = table_file_read(file, take_row, &p, err);
    }
    table_file_free(file);
    reader_close(&reader);
    return status;
}

/* ---- either ---- */

static int look(const char *path, const char *shown, bool *ret_parquet, struct error *err)
{
    struct stream *stream;
    if (stream_open(path, &stream, err) < 0)
        return err->code;
    *ret_parquet = is_parquet(stream_peek(stream, 4));
    bool packed = *ret_parquet && stream_compression(stream)[0];
    stream_free(stream);
    return packed ? error_set(err, ERROR_FAILED, "%s: a Parquet file is read only unpacked", shown)
                  : 0;
}

int table_inputs_format(struct table_inputs *t, const char *path, const char *shown,
                        const char **ret, struct error *err)
{
    bool parquet;
    struct stream *stream;
    struct table_log *log;
    if (look(path, shown, &parquet, err) < 0)
        return err->code;
    *ret = table_kind_text(TABLE_PARQUET);
    if (parquet)
        return 0;
    if (open_log(t, path, shown, &stream, &log, err) < 0)
        return err->code;
    *ret = table_log_format(log);
    table_log_free(log);
    return 0;
}

int table_inputs_import(struct table_inputs *t, const char *path, const char *shown,
                        const struct table_sink *sink, struct error *err)
{
    bool parquet;
    if (look(path, shown, &parquet, err) < 0)
        return err->code;
    return parquet ? import_parquet(t, path, shown, sink, err)
                   : import_log(t, path, shown, sink, err);
}
