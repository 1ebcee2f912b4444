/* SPDX-License-Identifier: Apache-2.0 */
#include "attribute/devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attribute/facts.h"
#include "schema/values.h"

enum { ROWS = 64 };

struct row {
    const char *name, *service, *remote;
    uint16_t port;
    unsigned basis, role, had; /* platform known before */
    unsigned platform, platform_basis;
};

static const struct row rows[] = {
    {"x.settings-win.data.microsoft.com", "microsoft", "10.0.0.1", 443, BASIS_NAME, ROLE_CONSUMED,
     0, PLATFORM_WINDOWS, PLATFORM_BASIS_SERVICE},
    {"notsettings-win.data.microsoft.com", "microsoft", "10.0.0.1", 443, BASIS_NAME, ROLE_CONSUMED,
     0, 0, 0},
    {"", "windows-update", "10.0.0.1", 80, BASIS_DNS, ROLE_CONSUMED, 0, PLATFORM_WINDOWS,
     PLATFORM_BASIS_SERVICE},
    {"", "windows-update", "10.0.0.1", 80, BASIS_ASN, ROLE_CONSUMED, 0, 0, 0},
    {"", "", "17.57.144.20", 5223, BASIS_NONE, ROLE_CONSUMED, 0, PLATFORM_APPLE,
     PLATFORM_BASIS_SERVICE},
    {"", "", "18.57.144.20", 5223, BASIS_NONE, ROLE_CONSUMED, 0, 0, 0},
    {"", "", "17.57.144.20", 443, BASIS_NONE, ROLE_CONSUMED, 0, 0, 0},
    {"", "", "206.51.26.9", 3101, BASIS_NONE, ROLE_CONSUMED, 0, PLATFORM_BLACKBERRY,
     PLATFORM_BASIS_SERVICE},
    /* What the device said itself stays; a program's own name does not. */
    {"mesu.apple.com", "apple", "17.1.1.1", 443, BASIS_NAME, ROLE_CONSUMED, PLATFORM_IOS,
     PLATFORM_IOS, PLATFORM_BASIS_USER_AGENT},
    {"changelogs.ubuntu.com", "ubuntu", "10.0.0.1", 80, BASIS_NAME, ROLE_CONSUMED, PLATFORM_TOOL,
     PLATFORM_LINUX, PLATFORM_BASIS_SERVICE},
    /* Who asks the population's own server is not the population. */
    {"mesu.apple.com", "own-web", "17.1.1.1", 443, BASIS_NAME, ROLE_SERVED, 0, 0, 0},
    {"mtalk.google.com", "google", "10.0.0.1", 5228, BASIS_NAME, ROLE_CONSUMED, 0, 0, 0},
};

static void services_tell_devices(void **state)
{
    (void)state;
    struct symbols *s = symbols_new(1000);
    struct batch *b = batch_new(STAGE_FLOW, ROWS);
    struct devices *d;
    struct error err = {0};
    size_t count = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < count; i++) {
        batch_add(b);
        batch_set_text(b, FIELD_server_name, i, rows[i].name, strlen(rows[i].name));
        batch_service(b)[i] =
            (uint16_t)symbols_code(s, SYMBOL_SERVICE, rows[i].service, strlen(rows[i].service));
        assert_true(ip_parse(rows[i].remote, strlen(rows[i].remote), &batch_remote(b)[i]));
        batch_remote_port(b)[i] = rows[i].port;
        batch_protocol(b)[i] = 6;
        batch_basis(b)[i] = (uint8_t)rows[i].basis;
        batch_role(b)[i] = (uint8_t)rows[i].role;
        batch_platform(b)[i] = (uint8_t)rows[i].had;
        batch_platform_basis(b)[i] = rows[i].had ? PLATFORM_BASIS_USER_AGENT : 0;
    }
    if (devices_open(s, &d, &err))
        fail_msg("%s", err.text);
    devices_batch(d, b);
    for (size_t i = 0; i < count; i++)
        if (batch_platform(b)[i] != rows[i].platform ||
            batch_platform_basis(b)[i] != rows[i].platform_basis)
            fail_msg("row %zu: %s, %s", i, platform_text(batch_platform(b)[i]),
                     platform_basis_text(batch_platform_basis(b)[i]));
    /* Attributed again under other rules: what rested on the old ones alone is gone. */
    devices_free(d);
    static const char other[] = "devices: [{platform: ios, source: x, names: [other.example]}]";
    if (devices_parse(other, sizeof other - 1, s, &d, &err))
        fail_msg("%s", err.text);
    devices_batch(d, b);
    for (size_t i = 0; i < count; i++) {
        bool words = rows[i].had == PLATFORM_IOS;
        assert_int_equal(batch_platform(b)[i], words ? rows[i].platform : 0);
        assert_int_equal(batch_platform_basis(b)[i], words ? rows[i].platform_basis : 0);
    }
    devices_free(d);
    batch_free(b);
    symbols_free(s);
}

/* Every service that the list names is one of the catalogue: a word that nothing has is dead. */
static void listed_services_exist(void **state)
{
    (void)state;
    struct catalogue *c;
    struct error err = {0};
    if (catalogue_load(NULL, 0, &c, &err))
        fail_msg("%s", err.text);
    static const char *const used[] = {"windows-update", "apple-push"};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        assert_true(catalogue_find(c, used[i], strlen(used[i])) >= 0);
        assert_non_null(strstr(devices_embedded[0].text, used[i]));
    }
    catalogue_free(c);
}

static void mistakes_name_their_place(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "devices: [{platform: toaster, source: x, names: [a.example]}]",
        "devices: [{platform: ios, names: [a.example]}]",
        "devices: [{platform: ios, source: x, networks: [{is: 17.0.0.0/33, port: tcp/1}]}]",
        "devices: [{platform: ios, source: x, networks: [{is: 17.0.0.0/8, port: 5223}]}]",
        "devices: [{platform: ios, source: x, networks: [{is: 17.0.0.0/8, port: tcp/0}]}]",
        "devices: [{platform: ios, source: x, hosts: [a.example]}]",
    };
    struct symbols *s = symbols_new(10);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct devices *d = NULL;
        struct error err = {0};
        assert_true(devices_parse(wrong[i], strlen(wrong[i]), s, &d, &err) < 0);
        assert_non_null(strstr(err.text, "catalogue/devices.yaml:1"));
    }
    symbols_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_tell_devices),
        cmocka_unit_test(listed_services_exist),
        cmocka_unit_test(mistakes_name_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
