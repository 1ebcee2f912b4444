/* SPDX-License-Identifier: Apache-2.0 */
/* udp_send PORT VERSION RATE SECONDS: NetFlow 5 (30 records) or 9 (30 records, template every
 * 4,096th datagram) to 127.0.0.1 at RATE datagrams a second, or as near as it comes. Prints how
 * many were sent. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    AT_ONCE = 32,
    RECORDS = 30,
    V5_HEADER = 24,
    V5_RECORD = 48,
    V9_HEADER = 20,
    V9_RECORD = 37,
    ROOM = 2048
};

static void put(uint8_t *at, size_t len, uint64_t value)
{
    while (len--) {
        at[len] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

static size_t make_v5(uint8_t *at, uint64_t number, uint64_t *x)
{
    memset(at, 0, V5_HEADER + RECORDS * V5_RECORD);
    put(at, 2, 5);
    put(at + 2, 2, RECORDS);
    put(at + 4, 4, 1000000);
    put(at + 8, 4, (uint64_t)time(NULL));
    put(at + 16, 4, number * RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        uint8_t *r = at + V5_HEADER + i * V5_RECORD;
        put(r, 4, 0x0a000000 | (next(x) & 0xffff));
        put(r + 4, 4, next(x) & 0xffffffff);
        put(r + 16, 4, 1 + (*x >> 32) % 100);
        put(r + 20, 4, 40 + (*x >> 24) % 100000);
        put(r + 24, 4, 990000);
        put(r + 28, 4, 999000);
        put(r + 32, 2, *x >> 16);
        put(r + 34, 2, 443);
        r[37] = 0x1b;
        r[38] = 6;
    }
    return V5_HEADER + RECORDS * V5_RECORD;
}

/* sourceIPv4Address, destination, ports, protocol, flags, packets, octets, first and last switched.
 */
static size_t make_v9(uint8_t *at, uint64_t number, uint64_t *x)
{
    static const uint16_t fields[][2] = {{8, 4}, {12, 4}, {7, 2},  {11, 2}, {4, 1}, {6, 1}, {2, 4},
                                         {1, 4}, {22, 4}, {21, 4}, {10, 4}, {5, 1}, {14, 2}};
    size_t count = sizeof fields / sizeof *fields, len = V9_HEADER;
    bool template = number % 4096 == 0;
    memset(at, 0, ROOM);
    put(at, 2, 9);
    put(at + 2, 2, RECORDS + template);
    put(at + 4, 4, 1000000);
    put(at + 8, 4, (uint64_t)time(NULL));
    put(at + 12, 4, number);
    if (template) {
        put(at + len + 2, 2, 8 + 4 * count);
        put(at + len + 4, 2, 260);
        put(at + len + 6, 2, count);
        for (size_t i = 0; i < count; i++) {
            put(at + len + 8 + 4 * i, 2, fields[i][0]);
            put(at + len + 10 + 4 * i, 2, fields[i][1]);
        }
        len += 8 + 4 * count;
    }
    put(at + len, 2, 260);
    put(at + len + 2, 2, 4 + RECORDS * V9_RECORD);
    len += 4;
    for (int i = 0; i < RECORDS; i++, len += V9_RECORD) {
        uint8_t *r = at + len;
        put(r, 4, 0x0a000000 | (next(x) & 0xffff));
        put(r + 4, 4, next(x) & 0xffffffff);
        put(r + 8, 2, *x >> 16);
        put(r + 10, 2, 443);
        r[12] = 6;
        r[13] = 0x1b;
        put(r + 14, 4, 1 + (*x >> 32) % 100);
        put(r + 18, 4, 40 + (*x >> 24) % 100000);
        put(r + 22, 4, 990000);
        put(r + 26, 4, 999000);
    }
    return len;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static uint8_t octets[AT_ONCE][ROOM];
    struct mmsghdr messages[AT_ONCE] = {0};
    struct iovec parts[AT_ONCE];
    uint64_t sent = 0, x = 88172645463325252u;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return 1;
    double begin = now_s(), at;
    while ((at = now_s() - begin) < seconds) {
        if ((double)sent > at * rate) {
            struct timespec wait = {.tv_nsec = 50000};
            nanosleep(&wait, NULL);
            continue;
        }
        for (int i = 0; i < AT_ONCE; i++) {
            size_t len = atoi(argv[2]) == 5 ? make_v5(octets[i], sent + (uint64_t)i, &x)
                                            : make_v9(octets[i], sent + (uint64_t)i, &x);
            parts[i] = (struct iovec){octets[i], len};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int done = sendmmsg(fd, messages, AT_ONCE, 0);
        sent += done > 0 ? (uint64_t)done : 0;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}
