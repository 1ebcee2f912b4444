/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool advises(const void *octets, size_t len, const char *tool)
{
    const char *advice = foreign_advice(bytes_of(octets, len));
    return advice && strstr(advice, tool);
}

static void files_are_told_by_their_first_octets(void **state)
{
    (void)state;
    assert_true(advises("\xde\xad\xbe\xef\0\x0b\x10\1", 8, "rwsilk2ipfix"));
    assert_true(advises("\x83\x10\0\x20\0\0\0\0\xe5\x71\x2d\xcb", 12, "ra -n"));
    assert_true(advises("snoop\0\0\0\0\0\0\2", 12, "editcap"));
    assert_null(foreign_advice(bytes_of("\x83\x10\0\x20\0\0\0\0\xe5\x71\x2d", 11)));
    assert_null(foreign_advice(bytes_of("ts,src_ip,dst_ip", 16)));
    assert_null(foreign_advice(bytes_of("", 0)));
}

static void files_of_the_test_data(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tool;
    } files[] = {{"silk/FT_RWIPV6-v1-c1-L.dat", "rwsilk2ipfix"}, {"argus/wow.argus", "ra -n"}};
    const char *source = getenv("TELLTALE_SOURCE");
    for (size_t i = 0; i < 2; i++) {
        char path[1024];
        uint8_t head[64];
        snprintf(path, sizeof path, "%s/../shared/data/captures/%s", source ? source : "",
                 files[i].name);
        FILE *f = fopen(path, "rb");
        if (!f)
            skip();
        size_t len = fread(head, 1, sizeof head, f);
        fclose(f);
        assert_true(advises(head, len, files[i].tool));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_told_by_their_first_octets),
        cmocka_unit_test(files_of_the_test_data),
    };
    return cmocka_run_group_tests_name("decode/foreign", tests, NULL, NULL);
}
