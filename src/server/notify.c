/* SPDX-License-Identifier: Apache-2.0 */
#include "server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char text[256];
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A reload is told with its time (sd_notify(3)). */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int len = strncmp(state, "RELOADING=1", 11) == 0
                  ? snprintf(text, sizeof text, "%s\nMONOTONIC_USEC=%lld", state,
                             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000)
                  : snprintf(text, sizeof text, "%s", state);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0) {
        /* Whether anybody hears it does not matter here. */
    }
    close(fd);
}
