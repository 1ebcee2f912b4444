/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "schema/platform.h"

struct sample {
    const char *text;
    enum platform platform;
};

/* As browsers and programs write them (their makers' documentation). */
static const struct sample agents[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Firefox/91.0",
     PLATFORM_WINDOWS},
    {"Mozilla/4.0 (compatible; MSIE 6.0; Windows 98)", PLATFORM_WINDOWS},
    {"Microsoft-CryptoAPI/10.0", PLATFORM_WINDOWS},
    {"Windows-Update-Agent/10.0.10011.16384 Client-Protocol/1.40", PLATFORM_WINDOWS},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/77.0.3865.90 Safari/537.36",
     PLATFORM_MACOS},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_1 like Mac OS X) AppleWebKit/603.1.30 (KHTML, like "
     "Gecko) Version/10.0 Mobile/14E304 Safari/602.1",
     PLATFORM_IOS},
    {"Mozilla/5.0 (iPad; CPU OS 9_3 like Mac OS X)", PLATFORM_IOS},
    {"AppleCoreMedia/1.0.0.14E304 (iPhone; U; CPU OS 10_3_1 like Mac OS X; en_us)", PLATFORM_IOS},
    {"SomeApp/3 CFNetwork/720.5.7 Darwin/14.5.0 (x86_64)", PLATFORM_MACOS},
    {"SomeApp/3 CFNetwork/978.0.7 Darwin/18.7.0", PLATFORM_APPLE},
    {"Mozilla/5.0 (Linux; Android 7.0; SM-G930F) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/58.0.3029.83 Mobile Safari/537.36",
     PLATFORM_ANDROID},
    {"Dalvik/2.1.0 (Linux; U; Android 10; Redmi Note 9 Pro MIUI/V12.0.3.0.QJZMIXM)",
     PLATFORM_ANDROID},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:52.0) Gecko/20100101 Firefox/52.0", PLATFORM_LINUX},
    {"Debian APT-HTTP/1.3 (1.4.8)", PLATFORM_LINUX},
    {"Mozilla/5.0 (X11; CrOS x86_64 9334.72.0) AppleWebKit/537.36", PLATFORM_CHROMEOS},
    {"Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; "
     "IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like "
     "Gecko) Mobile Safari/537",
     PLATFORM_WINDOWS_PHONE},
    {"Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile "
     "Safari/537.10+",
     PLATFORM_BLACKBERRY},
    {"BlackBerry9700/5.0.0.862 Profile/MIDP-2.1 Configuration/CLDC-1.1", PLATFORM_BLACKBERRY},
    {"Mozilla/5.0 (PlayStation 4 4.71) AppleWebKit/601.2 (KHTML, like Gecko)",
     PLATFORM_PLAYSTATION},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36",
     PLATFORM_XBOX},
    {"Mozilla/5.0 (Nintendo WiiU) AppleWebKit/536.30 (KHTML, like Gecko)", PLATFORM_NINTENDO},
    {"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36", PLATFORM_SMART_TV},
    {"Roku/DVP-7.70 (297.70E04154A)", PLATFORM_SMART_TV},
    {"Nokia6230i/2.0 (03.25) Profile/MIDP-2.0 Configuration/CLDC-1.1", PLATFORM_FEATURE_PHONE},
    {"Mozilla/5.0 (X11; FreeBSD amd64; rv:54.0) Gecko/20100101 Firefox/54.0", PLATFORM_BSD},
    {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
     "Gecko) Chrome/41.0.2272.96 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
     "+http://www.google.com/bot.html)",
     PLATFORM_TOOL},
    {"curl/7.68.0", PLATFORM_TOOL},
    {"axios/0.21.1", PLATFORM_TOOL},
    {"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
     PLATFORM_TOOL},
    {"Mozilla/5.0 (Linux; Android 9; Nokia 6.1) AppleWebKit/537.36", PLATFORM_ANDROID},
    {"Weather/7 (iPhone OS 12.1)", PLATFORM_IOS},
    {"SomeApp/2.1 (iOS 13.3; Scale/2.00)", PLATFORM_IOS},
    {"uclient-fetch", PLATFORM_EMBEDDED},
    {"Chrome/85.0.4183.83 Windows NT 6.1; Win64; x64", PLATFORM_WINDOWS}, /* in QUIC */
    {"beta Chrome/57.0.2987.98 Intel Mac OS X 10_12_3", PLATFORM_MACOS},
    {"Chrome/83.0.4103.101 Android 8.0.0; LDN-L21", PLATFORM_ANDROID},
    {"Mozilla/5.0", PLATFORM_UNKNOWN},
    {"vBKbaQgjyvRRbcgfvlsc", PLATFORM_UNKNOWN},
    {"", PLATFORM_UNKNOWN},
};

static const struct sample banners[] = {
    {"SSH-2.0-OpenSSH_7.2p2 Ubuntu-4ubuntu2.2", PLATFORM_LINUX},
    {"SSH-2.0-OpenSSH_for_Windows_8.1", PLATFORM_WINDOWS},
    {"SSH-2.0-OpenSSH_7.2 FreeBSD-20160310", PLATFORM_BSD},
    {"SSH-2.0-dropbear_2014.63", PLATFORM_EMBEDDED},
    {"SSH-2.0-OpenSSH_7.4", PLATFORM_UNKNOWN},
    {"Microsoft-IIS/8.5", PLATFORM_WINDOWS},
    {"Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips PHP/5.4.16", PLATFORM_LINUX},
    {"Apache/2.4.25 (Win32)", PLATFORM_WINDOWS},
    {"RomPager/4.07 UPnP/1.0", PLATFORM_EMBEDDED},
    {"nginx/1.10.3 (Ubuntu)", PLATFORM_LINUX},
    {"nginx", PLATFORM_UNKNOWN},
};

static void words_tell_platforms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
        enum platform got = platform_of_user_agent(agents[i].text, strlen(agents[i].text));
        if (got != agents[i].platform)
            fail_msg("%s: %s", agents[i].text, platform_text(got));
    }
    for (size_t i = 0; i < sizeof banners / sizeof *banners; i++) {
        enum platform got = platform_of_banner(banners[i].text, strlen(banners[i].text));
        if (got != banners[i].platform)
            fail_msg("%s: %s", banners[i].text, platform_text(got));
    }
}

static void evidence_has_an_order(void **state)
{
    (void)state;
    assert_true(platform_goes_before(PLATFORM_IOS, PLATFORM_BASIS_USER_AGENT, PLATFORM_APPLE,
                                     PLATFORM_BASIS_TLS));
    assert_false(platform_goes_before(PLATFORM_APPLE, PLATFORM_BASIS_TLS, PLATFORM_IOS,
                                      PLATFORM_BASIS_USER_AGENT));
    assert_true(platform_goes_before(PLATFORM_APPLE, PLATFORM_BASIS_TLS, PLATFORM_TOOL,
                                     PLATFORM_BASIS_USER_AGENT));
    assert_false(platform_goes_before(PLATFORM_TOOL, PLATFORM_BASIS_USER_AGENT, PLATFORM_APPLE,
                                      PLATFORM_BASIS_TLS));
    assert_false(platform_goes_before(PLATFORM_UNKNOWN, 0, PLATFORM_UNKNOWN, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_tell_platforms),
        cmocka_unit_test(evidence_has_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
