/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/listen.h"
#include "server/tcp.h"

struct heard {
    size_t count, octets;
    uint8_t last;
};

static void hear(void *ctx, struct peer *p, struct bytes message)
{
    struct heard *h = ctx;
    (void)p;
    h->count++;
    h->octets += message.len;
    h->last = message.at[message.len - 1];
    for (size_t i = 4; i < message.len; i++)
        assert_int_equal(message.at[i], h->last);
}

/* A message of `len` octets that are all `fill` after the header's first four. */
static size_t put(uint8_t *at, size_t len, uint8_t fill)
{
    memset(at, fill, len);
    at[0] = 0;
    at[1] = 10;
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
    return len;
}

static struct peer *peer_of(int fd)
{
    struct peer *p = memory_alloc(sizeof *p);
    p->fd = fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return p;
}

static void messages_are_cut_out_however_they_come(void **state)
{
    (void)state;
    static uint8_t all[400000];
    static const size_t lengths[] = {16, 17, 1400, 65535, 16, 65535, 300};
    static const size_t pieces[] = {1, 3, 1000, 65536, 150000};
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        int ends[2];
        struct heard h = {0};
        size_t len = 0;
        for (size_t i = 0; i < 7; i++)
            len += put(all + len, lengths[i], (uint8_t)(i + 1));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        struct peer *p = peer_of(ends[0]);
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        for (size_t at = 0; at < len;) {
            size_t part = len - at < pieces[k] ? len - at : pieces[k];
            ssize_t sent = send(ends[1], all + at, part, 0);
            at += sent > 0 ? (size_t)sent : 0;
            assert_int_equal(peer_read(p, hear, &h), PEER_WAITS);
        }
        close(ends[1]);
        assert_int_equal(peer_read(p, hear, &h), PEER_CLOSED);
        assert_int_equal(h.count, 7);
        assert_int_equal(p->messages, 7);
        assert_int_equal(h.octets, len);
        assert_int_equal(h.last, 7);
        assert_int_equal(p->len, 0);
        peer_free(p);
    }
}

static void what_is_not_ipfix_ends_the_connection(void **state)
{
    (void)state;
    static const uint8_t wrong[][16] = {{0, 9, 0, 16}, {0, 10, 0, 15}, {0, 10, 0, 0}, "GET / HTTP"};
    for (size_t i = 0; i < 4; i++) {
        int ends[2];
        struct heard h = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        struct peer *p = peer_of(ends[0]);
        assert_int_equal(send(ends[1], wrong[i], 16, 0), 16);
        assert_int_equal(peer_read(p, hear, &h), PEER_NONSENSE);
        assert_int_equal(h.count, 0);
        peer_free(p);
        close(ends[1]);
    }
}

struct flood {
    int fd; /* the sender's end */
    size_t count;
};

static void send_more(void *ctx, struct peer *p, struct bytes message)
{
    static uint8_t next[PEER_MESSAGE_MAX];
    struct flood *f = ctx;
    (void)p, (void)message;
    f->count++;
    put(next, sizeof next, 1);
    assert_int_equal(send(f->fd, next, sizeof next, 0), (ssize_t)sizeof next);
}

/* A sender that is never done does not keep the others, and the end, waiting. */
static void a_peer_that_never_stops_gives_way(void **state)
{
    (void)state;
    int ends[2], size = 1 << 20;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct peer *p = peer_of(ends[0]);
    struct flood f = {.fd = ends[1]};
    send_more(&f, p, bytes_of(p->octets, 0));
    assert_int_equal(peer_read(p, send_more, &f), PEER_GOES_ON);
    assert_true(f.count > 1 && f.count < 1000);
    peer_free(p);
    close(ends[1]);
}

static void addresses_to_listen_on(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "*:0", "127.0.0.1:0", "[::1]:0"};
    static const char *const wrong[] = {
        "",    ":",    "127.0.0.1", "::1:0",       "[::1:0", "127.0.0.1:65536",
        "a:0", "0x10", "1 2",       "[127.0.0.1:0"};
    struct listener l;
    struct error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(listen_open(good[i], false, 65536, &l, &err), 0);
        assert_int_equal(strncmp(l.text, "udp ", 4), 0);
        assert_true(l.buffer_octets > 0);
        close(l.fd);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(listen_open(wrong[i], false, 65536, &l, &err) < 0);
}

/* Longer than the first part of a slot, and as long as can be. */
static void datagrams_of_every_length_arrive_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 2047, 2048, 2049, 9000, 65507};
    static uint8_t payload[65507];
    static struct received got[RECEIVE_MANY];
    struct listener l;
    struct error err;
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    assert_int_equal(listen_open("127.0.0.1:0", false, 1 << 20, &l, &err), 0);
    getsockname(l.fd, (struct sockaddr *)&at, &len);
    int out = socket(AF_INET, SOCK_DGRAM, 0);
    struct receiver *r = receiver_new();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(payload, (int)i + 1, sizeof payload);
        assert_int_equal(sendto(out, payload, lengths[i], 0, (struct sockaddr *)&at, len),
                         (ssize_t)lengths[i]);
        assert_int_equal(receiver_take(r, &l, got), 1);
        assert_int_equal(got[0].payload.len, lengths[i]);
        assert_memory_equal(got[0].payload.at, payload, lengths[i]);
        struct ip loopback = ip_from_v4((const uint8_t[]){127, 0, 0, 1});
        assert_true(ip_equal(&got[0].from, &loopback));
    }
    assert_int_equal(receiver_take(r, &l, got), 0);
    receiver_free(r);
    close(out);
    close(l.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_cut_out_however_they_come),
        cmocka_unit_test(what_is_not_ipfix_ends_the_connection),
        cmocka_unit_test(a_peer_that_never_stops_gives_way),
        cmocka_unit_test(addresses_to_listen_on),
        cmocka_unit_test(datagrams_of_every_length_arrive_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
