/* SPDX-License-Identifier: Apache-2.0 */
/* Captures made by others, against what nDPI's own result files say of the same conversations:
 * fingerprints, certificates, user agents. Needs the shared captures; skips without them. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "input/capture.h"
#include "meter/meter.h"
#include "schema/platform.h"
#include "schema/values.h"

enum { ROWS = 1 << 15, PATH_SIZE = 1024, LINE_SIZE = 1 << 16 };

static char captures[PATH_SIZE];
static struct symbols *symbols;
static struct batch *rows;

static struct {
    size_t prints, print_hashes, print_heads, certificates, self_signed, times, agents, platforms;
    size_t flows_not_ours;
} sum;

static bool have_captures(void)
{
    const char *source = getenv("TELLTALE_SOURCE");
    snprintf(captures, sizeof captures, "%s/../shared/data/captures", source ? source : ".");
    return access(captures, R_OK) == 0;
}

static bool run_capture(const char *path)
{
    struct error err;
    struct stream *in;
    struct capture *c;
    struct tally tally = {0};
    struct meter_setting s = meter_setting_default;
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err))
        return false;
    s.flows_max = 16384;
    s.symbols = symbols;
    struct meter *m = meter_new(&s);
    struct capture_packet p;
    batch_clear(rows);
    while (batch_room(rows) > METER_ROWS_MAX * 2 && capture_next(c, &p) == CAPTURE_PACKET)
        meter_frame(m, p.time_ns, p.link_type, p.frame, p.original_len, rows, NULL, &tally);
    while (meter_finish(m, rows))
        ;
    capture_free(c);
    meter_free(m);
    return true;
}

/* "[name: value]" of a line, copied; NULL without it. */
static const char *field(const char *line, const char *name, char *value, size_t size)
{
    char start[64];
    snprintf(start, sizeof start, "[%s: ", name);
    const char *at = strstr(line, start);
    if (!at)
        return NULL;
    at += strlen(start);
    size_t len = strcspn(at, "]");
    snprintf(value, size, "%.*s", (int)len, at);
    return value;
}

static bool end_of(const char *text, struct ip *ip, uint16_t *port)
{
    char address[64];
    const char *from = text[0] == '[' ? text + 1 : text;
    size_t len = text[0] == '[' ? strcspn(from, "]") : strcspn(from, ":");
    const char *colon = strchr(from + len, ':');
    if (len >= sizeof address || !colon)
        return false;
    memcpy(address, from, len);
    *port = (uint16_t)atoi(colon + 1);
    return ip_parse(address, len, ip);
}

/* Finds the conversation of a line: "TCP a:p <-> b:q [..". SIZE_MAX when we have none. */
static size_t row_of(const char *line, bool *ret_is_flow, bool *ret_turned)
{
    struct ip ip[2];
    uint16_t port[2];
    char a[128], b[128], arrow[8];
    const char *at = strstr(line, "\tTCP ") ? strstr(line, "\tTCP ") : strstr(line, "\tUDP ");
    *ret_is_flow = at && sscanf(at + 5, "%127s %7s %127s", a, arrow, b) == 3 &&
                   end_of(a, &ip[0], &port[0]) && end_of(b, &ip[1], &port[1]);
    for (size_t i = 0; *ret_is_flow && i < rows->rows; i++)
        for (int turned = 0; turned < 2; turned++)
            if (ip_equal(&batch_src_ip(rows)[i], &ip[turned]) &&
                ip_equal(&batch_dst_ip(rows)[i], &ip[!turned]) &&
                batch_src_port(rows)[i] == port[turned] &&
                batch_dst_port(rows)[i] == port[!turned] &&
                (batch_fingerprint(rows)[i] || batch_tls_faults(rows)[i] ||
                 batch_platform(rows)[i] || batch_reverse_platform(rows)[i])) {
                *ret_turned = turned;
                return i;
            }
    return SIZE_MAX;
}

/* That release of nDPI wrote "d" also without a server name, the first two letters of the protocol
 * for its first and last, and the hash of nothing for nothing; the rest must be equal. */
static void compare_print(const char *file, size_t row, const char *truth)
{
    char ours[40];
    snprintf(ours, sizeof ours, "%s",
             symbols_text(symbols, SYMBOL_FINGERPRINT, batch_fingerprint(rows)[row]));
    const char *theirs = strchr(truth, '_');
    assert_int_equal(strlen(ours), 36);
    bool empty = theirs && strstr(theirs, "_e3b0c44298fc") && strstr(ours, "_000000000000");
    bool hashes =
        theirs && (strcmp(ours + 10, theirs) == 0 || (empty && memcmp(ours + 10, theirs, 13) == 0));
    bool head = ours[0] == truth[0] && memcmp(ours + 4, truth + 4, 4) == 0;
    sum.prints++;
    sum.print_hashes += hashes;
    sum.print_heads += head;
    if (!hashes || !head)
        print_message("# %s: %s, not %s\n", file, ours, truth);
}

static int64_t time_of(const char *text)
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &t);
    return end ? (int64_t)timegm(&t) : INT64_MIN;
}

static void compare_certificate(const char *file, const char *line, size_t row)
{
    char issuer[1024], subject[1024], validity[128];
    unsigned faults = batch_tls_faults(rows)[row];
    if (strstr(line, "\tUDP ") || !field(line, "Issuer", issuer, sizeof issuer) ||
        !field(line, "Subject", subject, sizeof subject) ||
        !field(line, "Validity", validity, sizeof validity) || strlen(validity) < 41)
        return;
    sum.certificates++;
    bool self = strcmp(issuer, subject) == 0;
    sum.self_signed += self == ((faults & TLS_SELF_SIGNED) != 0) && (faults & TLS_CERTIFICATE);
    int64_t from = time_of(validity), to = time_of(validity + 22);
    int64_t now = (int64_t)(batch_start_ms(rows)[row] / 1000);
    bool right = (now > to) == ((faults & TLS_EXPIRED) != 0) &&
                 (now < from) == ((faults & TLS_NOT_YET_VALID) != 0);
    sum.times += right;
    if (!right || self != ((faults & TLS_SELF_SIGNED) != 0))
        print_message("# %s: %s; %s; %s: %x\n", file, issuer, subject, validity, faults);
}

static void compare_line(const char *file, const char *line)
{
    char text[4096];
    bool is_flow, turned = false;
    size_t row = row_of(line, &is_flow, &turned);
    bool says = is_flow && (strstr(line, "[JA4: ") || strstr(line, "[Issuer: "));
    if (row == SIZE_MAX) {
        sum.flows_not_ours += says;
        return;
    }
    if (field(line, "JA4", text, sizeof text) && batch_fingerprint(rows)[row])
        compare_print(file, row, text);
    compare_certificate(file, line, row);
    if (!field(line, "User-Agent", text, sizeof text))
        return;
    enum platform want = platform_of_user_agent(text, strlen(text));
    unsigned got[2] = {batch_platform(rows)[row], batch_reverse_platform(rows)[row]};
    if (want == PLATFORM_UNKNOWN || want == PLATFORM_TOOL)
        return;
    sum.agents++;
    sum.platforms += got[0] == want || got[1] == want;
    if (got[0] != want && got[1] != want)
        print_message("# %s: %s: %s\n", file, text, platform_text(got[turned]));
}

static void compare_file(const char *set, const char *name)
{
    char path[PATH_SIZE * 2];
    static char line[LINE_SIZE];
    snprintf(path, sizeof path, "%s/pcap/%s/%.*s", captures, set, (int)strlen(name) - 4, name);
    if (access(path, R_OK) != 0 || !run_capture(path))
        return;
    snprintf(path, sizeof path, "%s/truth/ndpi_raw/%s/%s", captures, set, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        compare_line(name, line);
    fclose(f);
}

static void test_told_as_ndpi_tells(void **state)
{
    (void)state;
    static const char *const sets[] = {"ndpi", "ndpi42"};
    if (!have_captures())
        skip();
    for (size_t s = 0; s < 2; s++) {
        char path[PATH_SIZE * 2];
        snprintf(path, sizeof path, "%s/truth/ndpi_raw/%s", captures, sets[s]);
        struct dirent **list;
        int count = scandir(path, &list, NULL, alphasort);
        assert_true(count > 0);
        for (int i = 0; i < count; i++) {
            if (strlen(list[i]->d_name) > 4)
                compare_file(sets[s], list[i]->d_name);
            free(list[i]);
        }
        free(list);
    }
    print_message("# JA4: %zu of %zu equal (heads %zu); %zu conversations not ours\n",
                  sum.print_hashes, sum.prints, sum.print_heads, sum.flows_not_ours);
    print_message("# certificates: %zu; self-signed as theirs %zu, validity %zu\n",
                  sum.certificates, sum.self_signed, sum.times);
    print_message("# user agents: %zu, platform found %zu\n", sum.agents, sum.platforms);
    assert_true(sum.prints > 300 && sum.print_hashes * 1000 >= sum.prints * 998);
    assert_true(sum.print_heads * 1000 >= sum.prints * 998);
    assert_true(sum.flows_not_ours * 50 <= sum.prints);
    assert_true(sum.certificates > 100 && sum.self_signed * 100 >= sum.certificates * 99);
    assert_true(sum.times * 100 >= sum.certificates * 99);
    assert_true(sum.agents > 100 && sum.platforms * 100 >= sum.agents * 98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_told_as_ndpi_tells)};
    symbols = symbols_new(10000);
    rows = batch_new(STAGE_RECORD, ROWS);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    batch_free(rows);
    symbols_free(symbols);
    return failed;
}
