/* SPDX-License-Identifier: Apache-2.0 */
/* A ClickHouse server over HTTP (18.16 or later). Each statement is one POST; with
 * wait_end_of_query=1 the server has finished it before it sends a status, so that an error cannot
 * hide behind a good one. Still the answer's length and its end are looked at. */
#include "engine/engine_in.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"

enum { ERROR_TEXT_MAX = 4096, CONNECT_TIMEOUT_S = 10, RETRIES = 3 };

struct http_engine {
    struct engine base;
    CURL *curl;
    char *url;                        /* http://host:port/ */
    char *user, *password, *database; /* URL-decoded */
    struct curl_slist *headers;
};

/* One exchange: where the answer goes and what was seen of it. */
struct exchange {
    struct http_engine *http;
    engine_sink *sink; /* NULL: nobody wants it */
    void *ctx;
    int answer;                /* of the sink, when not 0 */
    bool is_exception;         /* the server says so in a header */
    bool has_begun;            /* octets of a good answer came */
    char text[ERROR_TEXT_MAX]; /* of a bad one */
    size_t text_len;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- the address --- */

static char *decoded(CURL *curl, const char *at, size_t len)
{
    int out_len = 0;
    char *raw = curl_easy_unescape(curl, at, (int)len, &out_len);
    char *text = memory_text(raw ? raw : "", raw ? (size_t)out_len : 0);
    curl_free(raw);
    return text;
}

/* The name goes into SQL: letters, digits and _ only. */
static bool is_name(const char *text)
{
    return *text && strlen(text) < 64 && !strchr("0123456789", *text) &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] ==
               0;
}

static int bad_url(struct error *err, const char *what)
{
    return error_set(err, ERROR_USAGE,
                     "%s; a server is named clickhouse://[user[:password]@]host[:port]/database",
                     what);
}

static void parse_user(struct http_engine *h, const char *at, size_t len)
{
    const char *colon = memchr(at, ':', len);
    size_t user_len = colon ? (size_t)(colon - at) : len;
    h->user = decoded(h->curl, at, user_len);
    if (colon)
        h->password = decoded(h->curl, colon + 1, len - user_len - 1);
}

/* The last '@' before the path ends the user's part, so that a password may hold one undecoded. */
static int parse_url(struct http_engine *h, const char *url, struct error *err)
{
    const char *at = url + strlen("clickhouse://");
    const char *slash = strrchr(at, '/'), *user_end = NULL;
    if (strstr(at, "?cluster="))
        return bad_url(err, "clusters are not built yet");
    if (strchr(at, '?'))
        return bad_url(err, "the store's address has an option that is not known");
    if (!slash || !is_name(slash + 1))
        return bad_url(err, "the store's address must end in the name of a database");
    for (const char *p = at; p < slash; p++)
        if (*p == '@')
            user_end = p;
    if (user_end) {
        parse_user(h, at, (size_t)(user_end - at));
        at = user_end + 1;
    }
    if (at == slash)
        return bad_url(err, "the store's address has no host");
    struct buf out;
    buf_init(&out, 4096);
    buf_format(&out, "http://%.*s", (int)(slash - at), at);
    const char *port = memchr(at, ']', (size_t)(slash - at)); /* [2001:db8::1]:8123 */
    port = port ? port + 1 : at;
    if (!memchr(port, ':', (size_t)(slash - port)))
        buf_text(&out, ":8123");
    buf_text(&out, "/");
    h->database = memory_text(slash + 1, strlen(slash + 1));
    h->url = buf_take(&out);
    return 0;
}

/* --- one exchange --- */

static size_t on_header(char *at, size_t size, size_t count, void *arg)
{
    static const char name[] = "X-ClickHouse-Exception-Code:";
    struct exchange *x = arg;
    if (size * count > sizeof name && strncasecmp(at, name, sizeof name - 1) == 0)
        x->is_exception = true;
    return size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(x->http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || x->is_exception) {
        size_t room = sizeof x->text - 1 - x->text_len, some = len < room ? len : room;
        memcpy(x->text + x->text_len, at, some);
        x->text_len += some;
        return len;
    }
    x->has_begun = true;
    if (x->sink && !x->answer)
        x->answer = x->sink(x->ctx, at, len);
    return x->answer ? 0 : len;
}

static void add_parameter(struct buf *url, CURL *curl, const char *name, const char *value)
{
    char *safe = curl_easy_escape(curl, value, 0);
    buf_format(url, "%c%s=%s", strchr(url->at, '?') ? '&' : '?', name, safe ? safe : "");
    curl_free(safe);
}

static void add_number(struct buf *url, CURL *curl, const char *name, size_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", value);
    add_parameter(url, curl, name, text);
}

enum access { READS, WRITES, WRITES_ANYWHERE /* no database yet */ };

/* readonly comes last: no setting may follow it. */
static void statement_url(struct buf *url, struct http_engine *h, enum access access,
                          const char *sql, const char *format)
{
    const struct engine_limits *l = &h->base.limits;
    buf_text(url, h->url);
    if (access != WRITES_ANYWHERE)
        add_parameter(url, h->curl, "database", h->database);
    if (sql)
        add_parameter(url, h->curl, "query", sql);
    if (format)
        add_parameter(url, h->curl, "default_format", format);
    add_number(url, h->curl, "wait_end_of_query", 1);
    add_number(url, h->curl, "output_format_json_quote_64bit_integers", 1);
    add_number(url, h->curl, "max_memory_usage", l->memory_octets);
    add_number(url, h->curl, "max_bytes_before_external_group_by", l->memory_octets / 3);
    add_number(url, h->curl, "max_bytes_before_external_sort", l->memory_octets / 3);
    add_number(url, h->curl, "max_query_size", ENGINE_QUERY_MAX);
    add_number(url, h->curl, "max_ast_elements", ENGINE_AST_MAX);
    add_number(url, h->curl, "max_expanded_ast_elements", ENGINE_AST_MAX);
    if (l->seconds)
        add_number(url, h->curl, "max_execution_time", l->seconds);
    if (l->threads)
        add_number(url, h->curl, "max_threads", l->threads);
    if (access == READS)
        add_number(url, h->curl, "readonly", 1);
}

static int status_error(struct exchange *x, CURLcode code, long status, struct error *err)
{
    char *host = x->http->url;
    if (x->text_len)
        return engine_error(err, x->text, x->text_len);
    if (code == CURLE_OK)
        return error_set(err, ERROR_FAILED, "the server %s answers with status %ld", host, status);
    bool is_away = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    return error_set(err, is_away ? ERROR_BUSY : ERROR_FAILED, "the server %s: %s", host,
                     curl_easy_strerror(code));
}

static void set_up(struct exchange *x, const char *url, struct bytes body)
{
    CURL *curl = x->http->curl;
    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, x->http->headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    /* The server keeps the time of a statement; this is for a server that went away. */
    unsigned seconds = x->http->base.limits.seconds;
    if (seconds)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)seconds + 60);
}

/* A statement may run again when it surely did not run (no connection), or changes nothing and no
 * octet of its answer was passed on. An INSERT never: its caller knows what is there (the ledger).
 */
static bool may_retry(const struct exchange *x, CURLcode code, enum access access)
{
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return true;
    bool is_cut = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING;
    return is_cut && access == READS && !x->has_begun;
}

static int exchange(struct http_engine *h, enum access access, const char *sql, const char *format,
                    struct bytes body, engine_sink *sink, void *ctx, struct error *err)
{
    struct buf url;
    buf_init(&url, 1 << 20);
    statement_url(&url, h, access, sql, format);
    int status = 0;
    for (unsigned attempt = 0;; attempt++) {
        struct exchange x = {.http = h, .sink = sink, .ctx = ctx};
        set_up(&x, url.at, body);
        CURLcode code = curl_easy_perform(h->curl);
        long http_status = 0;
        curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &http_status);
        if (code != CURLE_OK && attempt < RETRIES && may_retry(&x, code, access)) {
            usleep(100000u << attempt);
            continue;
        }
        if (x.answer)
            status = x.answer;
        else if (code != CURLE_OK || http_status != 200 || x.is_exception)
            status = status_error(&x, code, http_status, err);
        break;
    }
    buf_done(&url);
    return status;
}

/* --- the engine --- */

static int http_run(struct engine *e, const char *sql, struct error *err)
{
    return exchange((struct http_engine *)e, WRITES, NULL, "Native", bytes_of_text(sql), NULL, NULL,
                    err);
}

static int http_insert(struct engine *e, const char *table, const char *columns,
                       struct bytes native, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 65536);
    buf_format(&sql, "INSERT INTO %s (%s)", table, columns);
    buf_text(&sql, " FORMAT Native");
    int status = exchange((struct http_engine *)e, WRITES, sql.at, NULL, native, NULL, NULL, err);
    buf_done(&sql);
    return status;
}

static int http_query(struct engine *e, const char *sql, const char *format, engine_sink *sink,
                      void *ctx, struct error *err)
{
    return exchange((struct http_engine *)e, READS, NULL, format, bytes_of_text(sql), sink, ctx,
                    err);
}

struct to_fd {
    int fd;
    struct error *err;
};

static int fd_sink(void *ctx, const void *at, size_t len)
{
    struct to_fd *t = ctx;
    while (len) {
        ssize_t n = write(t->fd, at, len);
        if (n < 0)
            return error_errno(t->err, "write the result");
        at = (const char *)at + n;
        len -= (size_t)n;
    }
    return 0;
}

static int http_query_to_fd(struct engine *e, const char *sql, const char *format, int fd,
                            struct error *err)
{
    bool is_table = strcmp(format, "Parquet") == 0 || strncmp(format, "Arrow", 5) == 0;
    if (is_table && !e->is_modern)
        return error_set(err, ERROR_FAILED, "ClickHouse %s cannot write %s", e->version, format);
    struct to_fd t = {.fd = fd, .err = err};
    return http_query(e, sql, format, fd_sink, &t, err);
}

static void http_close(struct engine *e)
{
    struct http_engine *h = (struct http_engine *)e;
    curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->headers);
    free(h->url);
    free(h->user);
    if (h->password)
        explicit_bzero(h->password, strlen(h->password));
    free(h->password);
    free(h->database);
    free(h);
}

static const struct engine_ops http_ops = {
    .kind = "clickhouse",
    .run = http_run,
    .insert = http_insert,
    .query = http_query,
    .query_to_fd = http_query_to_fd,
    .close = http_close,
};

/* User and password go in headers, where no log of addresses shows them. A line break in one would
 * make another header of it. */
static int add_header(struct http_engine *h, const char *name, const char *value, struct error *err)
{
    if (!value)
        return 0;
    if (strpbrk(value, "\r\n"))
        return bad_url(err, "the user or the password of the store's address has a line break");
    struct buf line;
    buf_init(&line, 65536);
    buf_format(&line, "%s: %s", name, value);
    h->headers = curl_slist_append(h->headers, line.at);
    explicit_bzero(line.at, line.len);
    buf_done(&line);
    return 0;
}

static int prepare(struct http_engine *h, const char *url, struct error *err)
{
    int status = parse_url(h, url, err);
    if (status == 0)
        status = add_header(h, "X-ClickHouse-User", h->user, err);
    if (status == 0)
        status = add_header(h, "X-ClickHouse-Key", h->password, err);
    if (status)
        return status;
    /* No "Expect: 100-continue": a second's wait for each statement on servers that ignore it. */
    h->headers = curl_slist_append(h->headers, "Expect:");
    h->headers = curl_slist_append(h->headers, "Content-Type: application/octet-stream");
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE DATABASE IF NOT EXISTS %s", h->database);
    status = exchange(h, WRITES_ANYWHERE, NULL, NULL, bytes_of_text(sql), NULL, NULL, err);
    return status ? status : engine_ask_version(&h->base, err);
}

int engine_open_http(const char *url, const struct engine_limits *limits, struct engine **ret,
                     struct error *err)
{
    pthread_once(&once, init_curl);
    struct http_engine *h = memory_alloc(sizeof *h);
    h->base.ops = &http_ops;
    h->base.limits = limits ? *limits : engine_limits_default;
    h->curl = curl_easy_init();
    int status =
        h->curl ? prepare(h, url, err) : error_set(err, ERROR_FAILED, "libcurl cannot be started");
    if (status) {
        http_close(&h->base);
        return status;
    }
    *ret = &h->base;
    return 0;
}
