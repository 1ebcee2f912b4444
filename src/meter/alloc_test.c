/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is allocated per packet: calls of the allocator are counted by who makes them. What nDPI
 * allocates inside is counted apart and bounded (it keeps texts and parts of messages while it
 * looks at a conversation, and gives them back when it is done). */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "meter/craft_tls.h"
#include "meter/meter.h"
#include "schema/values.h"

enum { WARM = 40, ROUNDS = 400, ROWS = 1 << 14 };

static volatile bool counting;
static size_t own_calls, foreign_calls;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool counted = false; /* a sanitizer brings its own allocator */
#else
static const bool counted = true;
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

/* Our folders are linked into the program itself; libgcrypt is called by us alone (nDPI has its
 * own copy). The rest is nDPI, directly or through the C library. */
static void count_call(void *caller)
{
    Dl_info info;
    if (!counting)
        return;
    counting = false;
    bool foreign = dladdr(caller, &info) && info.dli_fname &&
                   (strstr(info.dli_fname, "libndpi") || strstr(info.dli_fname, "libc."));
    *(foreign ? &foreign_calls : &own_calls) += 1;
    counting = true;
}

void *malloc(size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_realloc(old, size);
}
#endif

static struct meter *meter;
static struct batch *rows;
static struct sightings seen;
static struct tally tally;
static uint64_t now_ms, packets, names, told;

static void feed(const uint8_t *frame, size_t len)
{
    meter_frame(meter, now_ms * 1000000, CRAFT_RAW, bytes_of(frame, len), (uint32_t)len, rows,
                &seen, &tally);
    packets++;
}

static void tcp(struct craft_ends e, uint8_t flags, uint32_t seq, struct bytes payload)
{
    static uint8_t frame[4000];
    feed(frame, craft_tcp(frame, e, flags, seq, payload));
}

/* A hello and its answer in two segments each, a request, a QUIC flight of two datagrams, a DNS
 * answer. */
static struct {
    uint8_t hello[3000], answer[3000], quic[2][2000], dns[200];
    size_t hello_len, answer_len, quic_len[2], dns_len;
} made;

static void make(void)
{
    uint8_t hello[3000], frames[3000];
    struct quic *q = quic_new();
    struct quic_keys keys;
    const struct bytes dcid = bytes_of("abcdefgh", 8);
    quic_initial_keys(q, 1, dcid, QUIC_CLIENT, &keys);
    size_t len = craft_hello(hello, "quic.example.com", 1200, false);
    for (size_t i = 0; i < 2; i++) {
        size_t size =
            craft_crypto(frames, i * 700, bytes_slice(bytes_of(hello, len), i * 700, 700));
        made.quic_len[i] =
            craft_initial(made.quic[i], &keys, dcid, (uint32_t)i, bytes_of(frames, size));
    }
    quic_free(q);
    made.hello_len = craft_tls(made.hello, "tls.example.com", 1500, 900);
    static uint8_t der[2000];
    struct craft_certificate c = {.issuer = "Example CA",
                                  .subject = "tls.example.com",
                                  .not_before = "170101000000Z",
                                  .not_after = "171231235959Z",
                                  .alt_names = {"tls.example.com"},
                                  .key_bits = 2048};
    struct craft_answer a = {.version = 0x0303, .cipher = 0xc02f};
    a.certificate = bytes_of(der, craft_certificate(der, &c));
    made.answer_len = craft_answer(made.answer, &a, 400);
    made.dns_len = craft_hex(made.dns, "123481800001000100000000"
                                       "016101620000010001"
                                       "c00c0001000100000e100004c0000201");
}

static void round_of_conversations(uint16_t port)
{
    static uint8_t frame[4000];
    const struct craft_ends tls = {1, 2, port, 443}, web = {1, 3, port, 80};
    const struct craft_ends udp = {1, 4, port, 443}, dns = {5, 1, 53, port};
    struct bytes hello = bytes_of(made.hello, made.hello_len);
    struct bytes answer = bytes_of(made.answer, made.answer_len);
    now_ms += 1000;
    tcp(tls, CRAFT_SYN, 100, bytes_of(NULL, 0));
    tcp(tls, CRAFT_ACK, 101, bytes_slice(hello, 0, 800));
    tcp(tls, CRAFT_ACK, 901, bytes_slice(hello, 800, 3000));
    tcp(craft_back(tls), CRAFT_ACK, 500, bytes_slice(answer, 0, 300));
    tcp(craft_back(tls), CRAFT_ACK, 800, bytes_slice(answer, 300, 3000));
    tcp(web, CRAFT_ACK, 1,
        bytes_of_text("GET / HTTP/1.1\r\nHost: www.example.com\r\n"
                      "User-Agent: Mozilla/5.0 (Windows NT 6.1)\r\n\r\n"));
    tcp(craft_back(web), CRAFT_ACK, 1, bytes_of_text("HTTP/1.1 200 OK\r\nServer: a\r\n\r\n"));
    for (int i = 0; i < 2; i++)
        feed(frame, craft_udp(frame, udp, bytes_of(made.quic[i], made.quic_len[i])));
    feed(frame, craft_udp(frame, dns, bytes_of(made.dns, made.dns_len)));
    for (size_t i = 0; i < rows->rows; i++)
        names += batch_name_kind(rows)[i] != NAME_NONE;
    for (size_t i = 0; i < rows->rows; i++)
        told += batch_tls_faults(rows)[i] == (TLS_HELLO | TLS_CERTIFICATE);
    batch_clear(rows);
    seen.count = 0;
}

static void run(bool payload)
{
    struct meter_setting s = meter_setting_default;
    s.flows_max = 4000;
    s.idle_ms = 5000;
    s.payload = payload;
    s.symbols = symbols_new(1000);
    s.coverage = coverage_new(100);
    meter = meter_new(&s);
    rows = batch_new(STAGE_RECORD, ROWS);
    sightings_init(&seen, 1000);
    now_ms = 1491004800000;
    packets = names = told = 0;
    make();
    for (uint16_t i = 0; i < WARM; i++)
        round_of_conversations(i);
    packets = own_calls = foreign_calls = 0;
    counting = true;
    for (uint16_t i = 0; i < ROUNDS; i++)
        round_of_conversations((uint16_t)(1000 + i));
    counting = false;
    sightings_done(&seen);
    batch_free(rows);
    meter_free(meter);
    symbols_free(s.symbols);
    coverage_free(s.coverage);
}

static void test_headers(void **state)
{
    (void)state;
    if (!counted)
        skip();
    run(false);
    assert_int_equal(own_calls + foreign_calls, 0);
}

static void test_payload(void **state)
{
    (void)state;
    if (!counted)
        skip();
    run(true);
    assert_true(names > ROUNDS * 2);
    assert_true(told > ROUNDS / 2);
    fprintf(stderr, "# %zu packets: %zu allocations of ours, %zu of nDPI's\n", (size_t)packets,
            own_calls, foreign_calls);
    assert_int_equal(own_calls, 0);
    assert_true(foreign_calls < packets * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
