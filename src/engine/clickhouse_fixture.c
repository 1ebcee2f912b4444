/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/clickhouse_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

struct clickhouse {
    char folder[64];
    unsigned http_port, tcp_port;
    pid_t pid;
};

/* The zone is not UTC on purpose: no statement of ours may depend on the server's. */
static const char config_xml[] =
    "<?xml version=\"1.0\"?>\n<yandex>\n"
    "<logger><level>warning</level><log>%s/log</log><errorlog>%s/errors</errorlog></logger>\n"
    "<http_port>%u</http_port><tcp_port>%u</tcp_port><listen_host>127.0.0.1</listen_host>\n"
    "<max_connections>64</max_connections><keep_alive_timeout>10</keep_alive_timeout>\n"
    "<max_concurrent_queries>32</max_concurrent_queries>\n"
    "<uncompressed_cache_size>0</uncompressed_cache_size>\n"
    "<mark_cache_size>67108864</mark_cache_size>\n"
    "<path>%s/data/</path><tmp_path>%s/tmp/</tmp_path>\n"
    "<users_config>users.xml</users_config><default_profile>default</default_profile>\n"
    "<default_database>default</default_database><timezone>Asia/Pyongyang</timezone>\n"
    "</yandex>\n";

static const char users_xml[] =
    "<?xml version=\"1.0\"?>\n<yandex>\n<profiles><default></default></profiles>\n"
    "<quotas><default></default></quotas>\n<users>\n"
    "<default><password></password><networks><ip>127.0.0.1</ip></networks>"
    "<profile>default</profile><quota>default</quota></default>\n"
    "<keeper><password>p@ss:w/rd</password><networks><ip>127.0.0.1</ip></networks>"
    "<profile>default</profile><quota>default</quota></keeper>\n"
    "</users>\n</yandex>\n";

static int loopback(unsigned port, struct sockaddr_in *ret)
{
    *ret = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static unsigned free_port(void)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = loopback(0, &at);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        at.sin_port = 0;
    if (fd >= 0)
        close(fd);
    return ntohs(at.sin_port);
}

static int answers(unsigned port)
{
    static const char question[] = "GET /ping HTTP/1.0\r\n\r\n";
    char text[16] = {0};
    struct sockaddr_in at;
    int fd = loopback(port, &at);
    int is_up = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                write(fd, question, sizeof question - 1) > 0 && read(fd, text, 12) > 0 &&
                strstr(text, "200") != NULL;
    if (fd >= 0)
        close(fd);
    return is_up;
}

static int write_configuration(const struct clickhouse *c, struct error *err)
{
    char name[128];
    const char *f = c->folder;
    snprintf(name, sizeof name, "%s/config.xml", f);
    FILE *file = fopen(name, "we");
    if (!file)
        return error_errno(err, "write %s", name);
    fprintf(file, config_xml, f, f, c->http_port, c->tcp_port, f, f);
    fclose(file);
    snprintf(name, sizeof name, "%s/users.xml", f);
    file = fopen(name, "we");
    if (!file)
        return error_errno(err, "write %s", name);
    fputs(users_xml, file);
    fclose(file);
    return 0;
}

static void become_server(const struct clickhouse *c, pid_t parent)
{
    char option[128];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || chdir(c->folder) != 0)
        _exit(127);
    int out = open("output", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0) {
        dup2(out, 1);
        dup2(out, 2);
    }
    snprintf(option, sizeof option, "--config-file=%s/config.xml", c->folder);
    execlp("clickhouse-server", "clickhouse-server", option, (char *)NULL);
    execl("/usr/sbin/clickhouse-server", "clickhouse-server", option, (char *)NULL);
    _exit(127);
}

static int launch(struct clickhouse *c, struct error *err)
{
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid < 0)
        return error_errno(err, "start clickhouse-server");
    if (c->pid == 0)
        become_server(c, parent);
    for (int i = 0; i < 600; i++) {
        int status;
        if (answers(c->http_port))
            return 0;
        if (waitpid(c->pid, &status, WNOHANG) == c->pid) {
            c->pid = 0;
            return error_set(err, ERROR_FAILED, "clickhouse-server cannot be started (status %d)",
                             status);
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return error_set(err, ERROR_FAILED, "clickhouse-server did not answer in 30 s");
}

static void stop_process(struct clickhouse *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    c->pid = 0;
}

int clickhouse_start(struct clickhouse **ret, struct error *err)
{
    struct clickhouse *c = memory_alloc(sizeof *c);
    snprintf(c->folder, sizeof c->folder, "%s/telltale-clickhouse-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(c->folder)) {
        int status = error_errno(err, "make %s", c->folder);
        free(c);
        return status;
    }
    c->http_port = free_port();
    c->tcp_port = free_port();
    int status = write_configuration(c, err);
    if (status == 0)
        status = launch(c, err);
    if (status) {
        clickhouse_stop(c);
        return status;
    }
    *ret = c;
    return 0;
}

int clickhouse_restart(struct clickhouse *c, struct error *err)
{
    stop_process(c);
    return launch(c, err);
}

void clickhouse_stop(struct clickhouse *c)
{
    if (!c)
        return;
    stop_process(c);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", c->folder);
    if (system(command) != 0)
        fprintf(stderr, "could not remove %s\n", c->folder);
    free(c);
}

unsigned clickhouse_port(const struct clickhouse *c)
{
    return c->http_port;
}
