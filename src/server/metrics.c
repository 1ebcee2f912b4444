/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { TEXT_MAX = 4 << 20, CONNECTIONS = 16, TIMEOUT_S = 10 };

struct metrics {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    struct buf text; /* under `lock` */
};

static enum MHD_Result answer(void *ctx, struct MHD_Connection *to, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state)
{
    struct metrics *m = ctx;
    struct MHD_Response *r;
    unsigned status = MHD_HTTP_OK;
    (void)version, (void)upload, (void)upload_len, (void)state;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
        r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    } else if (strcmp(url, "/metrics") == 0) {
        pthread_mutex_lock(&m->lock);
        r = MHD_create_response_from_buffer(m->text.len, m->text.at ? m->text.at : "",
                                            MHD_RESPMEM_MUST_COPY);
        pthread_mutex_unlock(&m->lock);
        MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    } else if (strcmp(url, "/health") == 0) {
        r = MHD_create_response_from_buffer(3, "ok\n", MHD_RESPMEM_PERSISTENT);
    } else {
        status = MHD_HTTP_NOT_FOUND;
        r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    }
    enum MHD_Result result = MHD_queue_response(to, status, r);
    MHD_destroy_response(r);
    return result;
}

int metrics_start(const char *where, struct metrics **ret, struct error *err)
{
    char on[96];
    struct listener l;
    bool port_alone = strchr(where, ':') == NULL;
    snprintf(on, sizeof on, "%s%s", port_alone ? "127.0.0.1:" : "", where);
    if (listen_open(on, true, 0, &l, err) < 0)
        return error_context(err, "metrics");
    struct metrics *m = memory_alloc(sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    buf_init(&m->text, TEXT_MAX);
    m->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, m,
                                 MHD_OPTION_LISTEN_SOCKET, l.fd, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (!m->daemon) {
        close(l.fd);
        buf_done(&m->text);
        free(m);
        return error_set(err, ERROR_FAILED, "metrics: the HTTP server could not be started on %s",
                         on);
    }
    *ret = m;
    return 0;
}

void metrics_set(struct metrics *m, const struct status *s)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    buf_clear(&m->text);
    status_prometheus(s, &m->text);
    pthread_mutex_unlock(&m->lock);
}

void metrics_stop(struct metrics *m)
{
    if (!m)
        return;
    MHD_stop_daemon(m->daemon);
    pthread_mutex_destroy(&m->lock);
    buf_done(&m->text);
    free(m);
}
