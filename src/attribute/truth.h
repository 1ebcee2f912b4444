/* SPDX-License-Identifier: Apache-2.0 */
/* For tests on captures and lists of others: their labels in our ids, the reader of their tables,
 * and the tables that the tests print. */
#ifndef TELLTALE_ATTRIBUTE_TRUTH_H
#define TELLTALE_ATTRIBUTE_TRUTH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attribute/inside.h"
#include "schema/values.h"

/* Label of the truth (v2fly list, or nDPI application), and which of our services are right. */
static const struct {
    const char *label, *ids;
} MAP[] = {
    {"google", "google|google-ads|google-play|gmail|google-cloud|youtube|push-notifications|"
               "google-meet|google-dns|snapchat|connectivity-check|certificate-authorities"},
    {"youtube", "youtube"},
    {"facebook", "facebook|messenger|instagram|whatsapp"},
    {"facebook-dev", "facebook"},
    {"instagram", "instagram"},
    {"whatsapp", "whatsapp"},
    {"twitter", "twitter"},
    {"reddit", "reddit"},
    {"snap", "snapchat"},
    {"linkedin", "linkedin"},
    {"pinterest", "pinterest"},
    {"vk", "vk"},
    {"telegram", "telegram"},
    {"signal", "signal"},
    {"viber", "viber"},
    {"line", "line"},
    {"kakao", "kakaotalk|daum"},
    {"naver", "naver|naver-cloud|line"},
    {"discord", "discord"},
    {"slack", "slack"},
    {"zoom", "zoom"},
    {"webex", "webex"},
    {"dingtalk", "dingtalk"},
    {"tencent", "tencent|qq|wechat|qq-mail|qq-music|tencent-video|tencent-cloud|tencent-games|"
                "mail-ru|ringcentral"},
    {"sina", "sina|weibo"},
    {"netease", "netease|netease-mail|netease-music|netease-games"},
    {"baidu", "baidu|pan-baidu|advertising|doubleverify"},
    {"alibaba", "alibaba|taobao|alipay|dingtalk|youku"},
    {"aliyun", "alibaba-cloud|alibaba|public-dns"},
    {"youku", "youku"},
    {"iqiyi", "iqiyi"},
    {"bilibili", "bilibili"},
    {"bytedance", "bytedance|douyin|tiktok|feishu"},
    {"douyin", "douyin|bytedance"},
    {"tiktok", "tiktok"},
    {"jd", "jd"},
    {"pinduoduo", "pinduoduo"},
    {"meituan", "meituan"},
    {"ctrip", "ctrip"},
    {"sohu", "sohu"},
    {"cctv", "cctv"},
    {"huawei", "huawei"},
    {"xiaomi", "xiaomi"},
    {"xiaomi-iot", "xiaomi"},
    {"apple", "apple|icloud|itunes|apple-music|apple-push|apple-siri|apple-tv-plus|ntp|"
              "certificate-authorities"},
    {"icloud", "icloud"},
    {"itunes", "itunes|apple-music|apple-tv-plus"},
    {"connectivity-check", "connectivity-check|apple|google|mozilla|steam"},
    {"microsoft", "microsoft|windows-update|microsoft-365|microsoft-teams|skype|outlook|msn|azure|"
                  "bing|xbox|linkedin|github"},
    {"microsoft-pki", "certificate-authorities|microsoft"},
    {"azure", "azure"},
    {"bing", "bing|microsoft|microsoft-365"}, /* the list holds other domains of Microsoft too */
    {"xbox", "xbox"},
    {"github", "github"},
    {"amazon", "amazon|prime-video|doubleverify|twitch"},
    {"aws", "aws|amazon-cloudfront"},
    {"ebay", "ebay"},
    {"paypal", "paypal"},
    {"adobe", "adobe"},
    {"mozilla", "mozilla"},
    {"netflix", "netflix"},
    {"twitch", "twitch"},
    {"spotify", "spotify"},
    {"dazn", "dazn"},
    {"steam", "steam|valve"},
    {"blizzard", "battle-net"},
    {"riot", "league-of-legends"},
    {"epicgames", "epic-games"},
    {"nintendo", "nintendo|niantic"},
    {"playstation", "playstation"},
    {"roblox", "roblox"},
    {"wargaming", "wargaming|world-of-tanks"},
    {"wikimedia", "wikipedia"},
    {"yandex", "yandex|yandex-cloud|public-dns"},
    {"dropbox", "dropbox"},
    {"kaspersky", "kaspersky"},
    {"cloudflare", "cloudflare|cloudflare-dns|speedtest"},
    {"akamai", "akamai"},
    {"fastly", "fastly"},
    {"binance", "binance"},
    {"category-cryptocurrency",
     "crypto-exchanges|crypto-networks|coinbase|binance|bitcoin|ethereum"},
    {"category-speedtest", "speedtest"},
    {"ookla-speedtest", "speedtest"},
    {"tor", "tor"},
    {"google-play", "google-play"},
    {"googlefcm", "push-notifications"},
    {"amp", "google"},
    {"salesforce", "salesforce"},
    {"nvidia", "nvidia|geforce-now"},
    {"actalis", "certificate-authorities"},
    {"digicert", "certificate-authorities"},
    {"sectigo", "certificate-authorities"},
    {"entrust", "certificate-authorities"},
    {"letsencrypt", "certificate-authorities"},
    {"globalsign", "certificate-authorities"},
    {"amazontrust", "certificate-authorities"},
    {"synology", "software-vendors"},
    {"qualcomm", "software-vendors"},
    /* nDPI's applications */
    {"BitTorrent", "bittorrent"},
    {"DNS", "dns|google-dns|cloudflare-dns|quad9|opendns|public-dns"},
    {"DNScrypt", "public-dns|dns|google-dns|cloudflare-dns|quad9|opendns"},
    {"DoH_DoT", "public-dns|dns|google-dns|cloudflare-dns|quad9|opendns|cloudflare"},
    {"MDNS", "mdns"},
    {"LLMNR", "mdns"},
    {"NetBIOS", "mdns"},
    {"SSDP", "ssdp"},
    {"WSD", "ssdp"},
    {"NAT-PMP", "ssdp"},
    {"DHCP", "dhcp"},
    {"DHCPV6", "dhcp"},
    {"NTP", "ntp"},
    {"SNMP", "snmp"},
    {"SSH", "ssh"},
    {"Telnet", "telnet"},
    {"RDP", "rdp"},
    {"VNC", "vnc"},
    {"SMBv1", "smb|mdns"},
    {"SMBv23", "smb"},
    {"Radius", "ldap-kerberos"},
    {"Kerberos", "ldap-kerberos"},
    {"LDAP", "ldap-kerberos"},
    {"SIP", "sip"},
    {"H323", "h323"},
    {"IPSec", "ipsec"},
    {"OpenVPN", "openvpn"},
    {"WireGuard", "wireguard"},
    {"PPTP", "pptp"},
    {"L2TP", "l2tp"},
    {"Tor", "tor"},
    {"SOCKS", "socks-proxy"},
    {"Gnutella", "gnutella"},
    {"eDonkey", "edonkey"},
    {"ETHEREUM", "ethereum"},
    {"Mining", "mining-pool"},
    {"SMTP", "smtp"},
    {"SMTPS", "smtp"},
    {"IMAP", "imap-pop"},
    {"IMAPS", "imap-pop|webmail-others"},
    {"POP3", "imap-pop"},
    {"POPS", "imap-pop|webmail-others"},
    {"FTP_CONTROL", "ftp"},
    {"MySQL", "database"},
    {"PostgreSQL", "database"},
    {"MongoDB", "database"},
    {"RESP", "database"},
    {"BACnet", "industrial-protocols"},
    {"Modbus", "industrial-protocols"},
    {"IEC60870", "industrial-protocols"},
    {"EthernetIP", "industrial-protocols"},
    {"S7Comm", "industrial-protocols"},
    {"Usenet", "usenet"},
    {"Jabber", "xmpp"},
    {"IRC", "irc"},
    {"TeamViewer", "teamviewer"},
    {"WhatsApp", "whatsapp"},
    {"WhatsAppCall", "whatsapp"},
    {"WhatsAppFiles", "whatsapp"},
    {"Facebook", "facebook|messenger|instagram"},
    {"FacebookVoip", "facebook|messenger"},
    {"Discord", "discord"},
    {"Zoom", "zoom"},
    {"Webex", "webex"},
    {"Telegram", "telegram"},
    {"Google", "google|google-ads|google-play|gmail|youtube"},
    {"GoogleCall", "google-meet"},
    {"GoogleServices", "google|google-ads"},
    {"YouTube", "youtube"},
    {"GMail", "gmail"},
    {"Apple", "apple|icloud|itunes|ntp"},
    {"ApplePush", "apple-push"},
    {"AppleiTunes", "itunes|apple-music"},
    {"AppleiCloud", "icloud"},
    {"KakaoTalk", "kakaotalk"},
    {"Skype_TeamsCall", "skype|microsoft-teams"},
    {"Outlook", "outlook"},
    {"Steam", "steam|valve"},
    {"Source_Engine", "steam|valve"},
    {"SteamDatagramRelay", "steam|valve"},
    {"RiotGames", "league-of-legends"},
    {"WorldOfWarcraft", "battle-net"},
    {"Heroes_of_the_Storm", "battle-net"},
    {"Spotify", "spotify"},
    {"Dropbox", "dropbox"},
    {"SD-RTN", "agora"},
    {"TunnelBear", "tunnelbear"},
    {"NordVPN", "nordvpn"},
    {"Mullvad", "mullvad|wireguard"},
    {"Wikipedia", "wikipedia"},
    {"Threema", "threema"},
    {"Line", "line"},
    {"LineCall", "line|naver"}, /* LINE was Naver's, and is on its network */
    {"RakNet", "paradox|roblox|minecraft"},
    {"Cloudflare", "cloudflare|cloudflare-dns"},
};

static inline bool in_list(const char *list, const char *id)
{
    size_t len = strlen(id);
    for (const char *at = list; len && (at = strstr(at, id)); at += len)
        if ((at == list || at[-1] == '|') && (at[len] == 0 || at[len] == '|'))
            return true;
    return false;
}

static const char *ids_of(const char *label)
{
    for (size_t i = 0; i < sizeof MAP / sizeof *MAP; i++)
        if (strcmp(MAP[i].label, label) == 0)
            return MAP[i].ids;
    return NULL;
}

/* --- tables --- */

enum { COLUMNS_MAX = 32, SCORES_MAX = 256 };

struct score {
    char label[64];
    unsigned rows, right, wrong;
    unsigned likely; /* of the right: a candidate only, for the name is like the mark */
};

struct scores {
    struct score at[SCORES_MAX];
    size_t count;
};

static inline struct score *score_of(struct scores *s, const char *label)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i].label, label) == 0)
            return &s->at[i];
    assert_true(s->count < SCORES_MAX);
    snprintf(s->at[s->count].label, sizeof s->at->label, "%s", label);
    return &s->at[s->count++];
}

static inline int by_rows(const void *left, const void *right)
{
    const struct score *a = left, *b = right;
    return a->rows == b->rows ? strcmp(a->label, b->label) : a->rows > b->rows ? -1 : 1;
}

static inline struct score print_scores(struct scores *s, const char *title)
{
    struct score all = {.label = "all"};
    qsort(s->at, s->count, sizeof *s->at, by_rows);
    print_message("# %s\n# %-26s %6s %6s %6s %6s\n", title, "truth", "rows", "right", "likely",
                  "wrong");
    for (size_t i = 0; i < s->count; i++) {
        print_message("# %-26s %6u %6u %6u %6u\n", s->at[i].label, s->at[i].rows, s->at[i].right,
                      s->at[i].likely, s->at[i].wrong);
        all.rows += s->at[i].rows, all.right += s->at[i].right, all.wrong += s->at[i].wrong;
        all.likely += s->at[i].likely;
    }
    print_message("# %-26s %6u %6u %6u %6u\n", all.label, all.rows, all.right, all.likely,
                  all.wrong);
    return all;
}

static inline FILE *open_truth(const char *path)
{
    const char *source = getenv("TELLTALE_SOURCE");
    char full[1024];
    snprintf(full, sizeof full, "%s/../shared/data/captures/%s", source ? source : ".", path);
    FILE *f = fopen(full, "re");
    if (!f)
        skip();
    return f;
}

/* One line into its fields; how many. The first line's are the columns' names. */
static inline size_t split(char *line, char *fields[COLUMNS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at && count < COLUMNS_MAX; count++)
        fields[count] = strsep(&at, "\t");
    return count;
}

static inline size_t column(char *const names[COLUMNS_MAX], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

static inline struct catalogue *built_in(void)
{
    struct catalogue *c = NULL;
    struct error err = {0};
    if (catalogue_load(NULL, 0, &c, &err) != 0)
        fail_msg("%s", err.text);
    return c;
}

struct truth_row {
    const char *capture, *label, *host, *strength;
    struct ip client, server;
    uint16_t client_port, server_port;
    uint8_t protocol;
    uint64_t start_ms;
};

/* The next TCP or UDP row; false at the end. */
static inline bool next_row(FILE *f, char *line, size_t size, char *const names[COLUMNS_MAX],
                            size_t columns, struct truth_row *ret)
{
    char *v[COLUMNS_MAX];
    while (fgets(line, (int)size, f)) {
        if (split(line, v) != columns)
            continue;
        const char *l4 = v[column(names, columns, "l4")];
        const char *a = v[column(names, columns, "a_ip")], *b = v[column(names, columns, "b_ip")];
        *ret = (struct truth_row){
            .protocol = strcmp(l4, "TCP") == 0   ? 6
                        : strcmp(l4, "UDP") == 0 ? 17
                                                 : 0,
            .client_port = (uint16_t)atoi(v[column(names, columns, "a_port")]),
            .server_port = (uint16_t)atoi(v[column(names, columns, "b_port")]),
            .capture = v[column(names, columns, "pcap")],
            .strength = v[column(names, columns, "strength")],
            .start_ms = (uint64_t)(atof(v[column(names, columns, "ts_first")]) * 1000),
        };
        static const char *const HOSTS[] = {"ts_sni", "ts_http_host", "ndpi_hostname"};
        for (size_t i = 0; i < 3 && (!ret->host || !*ret->host); i++)
            ret->host = v[column(names, columns, HOSTS[i])];
        const char *listed = v[column(names, columns, "v2fly_service")];
        const char *proto = v[column(names, columns, "ndpi_proto")];
        ret->label = *listed ? listed : v[column(names, columns, "ndpi_app")];
        /* A query or a proxy's flow is DNS or SOCKS, whatever name it carries. */
        if (strncmp(proto, "DNS", 3) == 0 || strncmp(proto, "SOCKS", 5) == 0)
            ret->label = *proto == 'D' ? "DNS" : "SOCKS", ret->host = "";
        if (ret->protocol && ip_parse(a, strlen(a), &ret->client) &&
            ip_parse(b, strlen(b), &ret->server))
            return true;
    }
    return false;
}

static inline struct attribution *open_attribution(struct symbols *symbols)
{
    static const struct study STUDY = {0};
    struct attribution *a = NULL;
    struct error err = {0};
    if (attribution_open(&STUDY, symbols, &a, &err) != 0)
        fail_msg("%s", err.text);
    return a;
}

#endif
