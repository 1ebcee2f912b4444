/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/craft.h"
#include "meter/syn.h"

static size_t put_syn(uint8_t *out, bool v6, uint8_t hops, const char *options)
{
    size_t len = strlen(options) / 2, at;
    memset(out, 0, 120);
    if (v6) {
        out[0] = 0x60;
        craft_be(out + 4, 20 + len, 2);
        out[6] = 6;
        out[7] = hops;
        at = 40;
    } else {
        at = craft_ip(out, 1, 2, 6, 20 + len);
        out[8] = hops;
    }
    out[at + 12] = (uint8_t)((20 + len) / 4 << 4);
    out[at + 13] = 2;
    return at + 20 + craft_hex(out + at + 20, options);
}

/* As the systems send them. */
static const struct {
    uint8_t hops;
    const char *options;
    enum platform platform;
} syns[] = {
    {128, "020405b40103030801010402", PLATFORM_WINDOWS}, /* 7 to 11 */
    {113, "020405b40103030801010402", PLATFORM_WINDOWS}, /* 15 hops on */
    {128, "020405b401010402", PLATFORM_WINDOWS},         /* XP */
    {64,
     "020405b4010303060101080a0000000100000000"
     "04020000",
     PLATFORM_APPLE}, /* macOS, iOS */
    {51,
     "020405b4010303070101080a0000000100000000"
     "04020000",
     PLATFORM_APPLE},
    {64, "020405b40402080a000000010000000001030307", PLATFORM_UNKNOWN}, /* Linux, Android */
    {64, "020405b40103030801010402", PLATFORM_UNKNOWN}, /* Windows' form, not its hops */
    {255,
     "020405b4010303060101080a0000000100000000"
     "04020000",
     PLATFORM_UNKNOWN},
    {128, "020405b4", PLATFORM_UNKNOWN},
    {128, "", PLATFORM_UNKNOWN},
    {128, "0200", PLATFORM_UNKNOWN}, /* an option shorter than its own head */
};

static void forms_are_known(void **state)
{
    (void)state;
    uint8_t l3[160];
    for (size_t i = 0; i < sizeof syns / sizeof *syns; i++)
        for (int v6 = 0; v6 < 2; v6++) {
            size_t len = put_syn(l3, v6, syns[i].hops, syns[i].options);
            if (syn_platform(bytes_of(l3, len)) != syns[i].platform)
                fail_msg("SYN %zu, IPv%d", i, v6 ? 6 : 4);
        }
}

static void damage_is_survived(void **state)
{
    (void)state;
    struct random dice;
    uint8_t l3[160];
    size_t len = put_syn(l3, false, 128, syns[0].options);
    random_init(&dice, 9293);
    for (int round = 0; round < 10000; round++) {
        size_t cut = round < 100 ? (size_t)round % (len + 1) : len;
        uint8_t *copy = memory_alloc(cut ? cut : 1);
        memcpy(copy, l3, cut);
        for (int n = 0; n < 3 && cut && round >= 100; n++)
            copy[random_below(&dice, cut)] = (uint8_t)random_u64(&dice);
        enum platform p = syn_platform(bytes_of(copy, cut));
        assert_true(cut == len || p == PLATFORM_UNKNOWN);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_known),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
