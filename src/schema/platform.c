/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/platform.h"

#include <stdint.h>
#include <string.h>

enum { TEXT_MAX = 512 };

/* A word tells a platform where it stands in the text, in any case, not after another letter unless
 * it begins with ~ ("ios/" is not in "axios/", "bot/" is in "bingbot/"). The first that is found
 * counts, so what borrows another's words stands before it: phones of Windows call themselves
 * Android and iPhone, every iPhone says Mac OS X, every Android says Linux, crawlers say all. */
struct word {
    const char *text;
    uint8_t platform;
};

static const struct word agents[] = {
    {"~googlebot", PLATFORM_TOOL},
    {"~bot/", PLATFORM_TOOL},
    {"~bot;", PLATFORM_TOOL},
    {"~bot)", PLATFORM_TOOL},
    {"~crawler", PLATFORM_TOOL},
    {"~spider", PLATFORM_TOOL},
    {"windows phone", PLATFORM_WINDOWS_PHONE},
    {"windowsphone", PLATFORM_WINDOWS_PHONE},
    {"wpdesktop", PLATFORM_WINDOWS_PHONE},
    {"iemobile", PLATFORM_WINDOWS_PHONE},
    {"windows mobile", PLATFORM_WINDOWS_PHONE},
    {"windows ce", PLATFORM_WINDOWS_PHONE},
    {"xbox", PLATFORM_XBOX},
    {"playstation", PLATFORM_PLAYSTATION},
    {"nintendo", PLATFORM_NINTENDO},
    {"smart-tv", PLATFORM_SMART_TV},
    {"smarttv", PLATFORM_SMART_TV},
    {"smart tv", PLATFORM_SMART_TV},
    {"hbbtv", PLATFORM_SMART_TV},
    {"appletv", PLATFORM_SMART_TV},
    {"apple tv", PLATFORM_SMART_TV},
    {"tvos", PLATFORM_SMART_TV},
    {"googletv", PLATFORM_SMART_TV},
    {"android tv", PLATFORM_SMART_TV},
    {"androidtv", PLATFORM_SMART_TV},
    {"web0s", PLATFORM_SMART_TV},
    {"netcast", PLATFORM_SMART_TV},
    {"bravia", PLATFORM_SMART_TV},
    {"viera", PLATFORM_SMART_TV},
    {"vidaa", PLATFORM_SMART_TV},
    {"roku", PLATFORM_SMART_TV},
    {"crkey", PLATFORM_SMART_TV},
    {"fire tv", PLATFORM_SMART_TV},
    {"tizen tv", PLATFORM_SMART_TV},
    {"blackberry", PLATFORM_BLACKBERRY},
    {"(bb10;", PLATFORM_BLACKBERRY},
    {"playbook", PLATFORM_BLACKBERRY},
    {"rim tablet", PLATFORM_BLACKBERRY},
    {"symbian", PLATFORM_FEATURE_PHONE},
    {"series60", PLATFORM_FEATURE_PHONE},
    {"series40", PLATFORM_FEATURE_PHONE},
    {"sonyericsson", PLATFORM_FEATURE_PHONE},
    {"kaios", PLATFORM_FEATURE_PHONE},
    {"midp-", PLATFORM_FEATURE_PHONE},
    {"j2me", PLATFORM_FEATURE_PHONE},
    {"up.browser", PLATFORM_FEATURE_PHONE},
    {"bada/", PLATFORM_FEATURE_PHONE},
    {"iphone", PLATFORM_IOS},
    {"ipad", PLATFORM_IOS},
    {"ipod", PLATFORM_IOS},
    {"ios/", PLATFORM_IOS},
    {"ios ", PLATFORM_IOS},
    {"ios)", PLATFORM_IOS},
    {"ios;", PLATFORM_IOS},
    {"cros ", PLATFORM_CHROMEOS},
    {"macintosh", PLATFORM_MACOS},
    {"mac os x", PLATFORM_MACOS},
    {"mac os", PLATFORM_MACOS},
    {"macos", PLATFORM_MACOS},
    {"mac_powerpc", PLATFORM_MACOS},
    {"desktop:mac", PLATFORM_MACOS},
    {"darwin/", PLATFORM_APPLE}, /* or macOS: see is_mac_kernel() */
    {"(darwin", PLATFORM_MACOS},
    {"com.apple.", PLATFORM_APPLE},
    {"captivenetworksupport", PLATFORM_APPLE},
    {"cfnetwork", PLATFORM_APPLE},
    {"applecoremedia", PLATFORM_APPLE},
    {"android", PLATFORM_ANDROID},
    {"dalvik/", PLATFORM_ANDROID},
    {"; adr ", PLATFORM_ANDROID},
    {"nokia", PLATFORM_FEATURE_PHONE}, /* today's say Android */
    {"windows nt", PLATFORM_WINDOWS},
    {"win64", PLATFORM_WINDOWS},
    {"win32", PLATFORM_WINDOWS},
    {"winnt", PLATFORM_WINDOWS},
    {"windows", PLATFORM_WINDOWS},
    {"desktop:win", PLATFORM_WINDOWS},
    {"microsoft-cryptoapi", PLATFORM_WINDOWS},
    {"microsoft-wns", PLATFORM_WINDOWS},
    {"microsoft bits", PLATFORM_WINDOWS},
    {"microsoft ncsi", PLATFORM_WINDOWS},
    {"microsoft-delivery", PLATFORM_WINDOWS},
    {"microsoft-webdav", PLATFORM_WINDOWS},
    {"microsoft winrm", PLATFORM_WINDOWS},
    {"winhttp", PLATFORM_WINDOWS},
    {"wininet", PLATFORM_WINDOWS},
    {"trident/", PLATFORM_WINDOWS},
    {"msie ", PLATFORM_WINDOWS},
    {"freebsd", PLATFORM_BSD},
    {"openbsd", PLATFORM_BSD},
    {"netbsd", PLATFORM_BSD},
    {"uclient-fetch", PLATFORM_EMBEDDED},
    {"busybox", PLATFORM_EMBEDDED},
    {"esp8266", PLATFORM_EMBEDDED},
    {"esp32", PLATFORM_EMBEDDED},
    {"openwrt", PLATFORM_EMBEDDED},
    {"linux mips", PLATFORM_EMBEDDED},
    {"hikvision", PLATFORM_EMBEDDED},
    {"mikrotik", PLATFORM_EMBEDDED},
    {"synology", PLATFORM_EMBEDDED},
    {"linux", PLATFORM_LINUX},
    {"ubuntu", PLATFORM_LINUX},
    {"debian", PLATFORM_LINUX},
    {"fedora", PLATFORM_LINUX},
    {"curl/", PLATFORM_TOOL},
    {"wget/", PLATFORM_TOOL},
    {"python", PLATFORM_TOOL},
    {"go-http-client", PLATFORM_TOOL},
    {"java/", PLATFORM_TOOL},
    {"okhttp", PLATFORM_TOOL},
    {"httpclient", PLATFORM_TOOL},
    {"libwww", PLATFORM_TOOL},
    {"zgrab", PLATFORM_TOOL},
    {"masscan", PLATFORM_TOOL},
    {"nmap", PLATFORM_TOOL},
    {"nikto", PLATFORM_TOOL},
    {"sqlmap", PLATFORM_TOOL},
    {"axios/", PLATFORM_TOOL},
    {"node-fetch", PLATFORM_TOOL},
    {"aria2", PLATFORM_TOOL},
    {"postmanruntime", PLATFORM_TOOL},
};

static const struct word banners[] = {
    {"microsoft-iis", PLATFORM_WINDOWS},
    {"microsoft-httpapi", PLATFORM_WINDOWS},
    {"microsoft-windows", PLATFORM_WINDOWS},
    {"openssh_for_windows", PLATFORM_WINDOWS},
    {"(win32)", PLATFORM_WINDOWS},
    {"(win64)", PLATFORM_WINDOWS},
    {"winsshd", PLATFORM_WINDOWS},
    {"bitvise", PLATFORM_WINDOWS},
    {"putty", PLATFORM_WINDOWS},
    {"winscp", PLATFORM_WINDOWS},
    {"windows", PLATFORM_WINDOWS},
    {"playstation", PLATFORM_PLAYSTATION},
    {"xbox", PLATFORM_XBOX},
    {"smarttv", PLATFORM_SMART_TV},
    {"roku", PLATFORM_SMART_TV},
    {"bravia", PLATFORM_SMART_TV},
    {"android", PLATFORM_ANDROID},
    {"darwin", PLATFORM_APPLE},
    {"mac os x", PLATFORM_MACOS},
    {"freebsd", PLATFORM_BSD},
    {"openbsd", PLATFORM_BSD},
    {"netbsd", PLATFORM_BSD},
    {"dropbear", PLATFORM_EMBEDDED},
    {"rosssh", PLATFORM_EMBEDDED},
    {"cisco", PLATFORM_EMBEDDED},
    {"mikrotik", PLATFORM_EMBEDDED},
    {"huawei", PLATFORM_EMBEDDED},
    {"rompager", PLATFORM_EMBEDDED},
    {"goahead", PLATFORM_EMBEDDED},
    {"micro_httpd", PLATFORM_EMBEDDED},
    {"mini_httpd", PLATFORM_EMBEDDED},
    {"boa/", PLATFORM_EMBEDDED},
    {"hikvision", PLATFORM_EMBEDDED},
    {"uc-httpd", PLATFORM_EMBEDDED},
    {"miniupnpd", PLATFORM_EMBEDDED},
    {"openwrt", PLATFORM_EMBEDDED},
    {"synology", PLATFORM_EMBEDDED},
    {"vxworks", PLATFORM_EMBEDDED},
    {"ubuntu", PLATFORM_LINUX},
    {"debian", PLATFORM_LINUX},
    {"raspbian", PLATFORM_LINUX},
    {"centos", PLATFORM_LINUX},
    {"red hat", PLATFORM_LINUX},
    {"fedora", PLATFORM_LINUX},
    {"linux", PLATFORM_LINUX},
    {"(unix)", PLATFORM_UNKNOWN},
};

static size_t lower(const char *text, size_t len, char low[TEXT_MAX])
{
    if (len > TEXT_MAX)
        len = TEXT_MAX;
    for (size_t i = 0; i < len; i++)
        low[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    return len;
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool has(const char *text, size_t len, const char *word)
{
    bool anywhere = *word == '~';
    size_t word_len = strlen(word += anywhere);
    const char *at = text, *end = text + len;
    while ((at = memmem(at, (size_t)(end - at), word, word_len))) {
        if (anywhere || at == text || !is_letter(*word) || !is_letter(at[-1]))
            return true;
        at++;
    }
    return false;
}

/* Only Macs of before 2020 put their processor after the kernel's version. */
static bool is_mac_kernel(const char *low, size_t len)
{
    return has(low, len, "(x86_64)") || has(low, len, "(i386)") || has(low, len, "(power");
}

static enum platform first_word(const struct word *words, size_t count, const char *low, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (has(low, len, words[i].text))
            return words[i].platform;
    return PLATFORM_UNKNOWN;
}

enum platform platform_of_user_agent(const char *text, size_t len)
{
    char low[TEXT_MAX];
    len = lower(text, len, low);
    enum platform found = first_word(agents, sizeof agents / sizeof *agents, low, len);
    return found == PLATFORM_APPLE && is_mac_kernel(low, len) ? PLATFORM_MACOS : found;
}

enum platform platform_of_banner(const char *text, size_t len)
{
    char low[TEXT_MAX];
    len = lower(text, len, low);
    return first_word(banners, sizeof banners / sizeof *banners, low, len);
}
