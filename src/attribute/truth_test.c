/* SPDX-License-Identifier: Apache-2.0 */
/* Measures on captures of others (not in this repository: skipped without them). Their labels are
 * mapped to our ids in MAP, once. Three questions: is a named host given the right service; are
 * the domains of a service known; and, with names and payload thrown away, is what is still named
 * right? The floors hold today; the tables show where the rest is. */
#include "attribute/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
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
    {"IMAPS", "imap-pop"},
    {"POP3", "imap-pop"},
    {"POPS", "imap-pop"},
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
    {"Cloudflare", "cloudflare|cloudflare-dns"},
};

static bool in_list(const char *list, const char *id)
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

static struct score *score_of(struct scores *s, const char *label)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i].label, label) == 0)
            return &s->at[i];
    assert_true(s->count < SCORES_MAX);
    snprintf(s->at[s->count].label, sizeof s->at->label, "%s", label);
    return &s->at[s->count++];
}

static int by_rows(const void *left, const void *right)
{
    const struct score *a = left, *b = right;
    return a->rows == b->rows ? strcmp(a->label, b->label) : a->rows > b->rows ? -1 : 1;
}

static struct score print_scores(struct scores *s, const char *title)
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

static FILE *open_truth(const char *path)
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
static size_t split(char *line, char *fields[COLUMNS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at && count < COLUMNS_MAX; count++)
        fields[count] = strsep(&at, "\t");
    return count;
}

static size_t column(char *const names[COLUMNS_MAX], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

static struct catalogue *built_in(void)
{
    struct catalogue *c = NULL;
    struct error err = {0};
    if (catalogue_load(NULL, 0, &c, &err) != 0)
        fail_msg("%s", err.text);
    return c;
}

/* --- domains --- */

static void test_domains_of_services(void **state)
{
    (void)state;
    FILE *f = open_truth("lists/v2fly-domain-service.tsv");
    struct catalogue *c = built_in();
    struct tables *t = tables_new(c);
    struct scores scores = {0};
    char line[4096], *fields[COLUMNS_MAX];
    bool say = getenv("TELLTALE_VERBOSE") != NULL;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        size_t count = split(line, fields);
        const char *ids = count >= 3 ? ids_of(fields[2]) : NULL;
        if (!ids)
            continue;
        struct score *s = score_of(&scores, fields[2]);
        const struct fact *fact = tables_name(t, fields[0], strlen(fields[0]), 20000);
        bool known = fact != NULL;
        if (!fact)
            fact = tables_similar(t, fields[0], strlen(fields[0]), 20000);
        const char *id = fact ? catalogue_service_id(c, fact->subject) : "";
        bool right = fact && in_list(ids, id);
        s->rows++;
        s->right += right;
        s->likely += right && !known;
        s->wrong += fact && !right;
        if (say && !right)
            print_message("#   %s %s: %s\n", fields[2], fields[0], id);
    }
    fclose(f);
    struct score all = print_scores(&scores, "domains of services");
    print_message("# recall %.1f%% (%.1f%% as candidates: names like the mark), precision %.1f%%\n",
                  100.0 * all.right / all.rows, 100.0 * all.likely / all.rows,
                  100.0 * all.right / (all.right + all.wrong));
    assert_true(all.right * 1000 >= (all.right + all.wrong) * 975);
    assert_true(all.right * 100 >= all.rows * 79);
    tables_free(t);
    catalogue_free(c);
}

/* --- flows --- */

struct truth_row {
    const char *label, *host, *strength;
    struct ip client, server;
    uint16_t client_port, server_port;
    uint8_t protocol;
    uint64_t start_ms;
};

/* The next TCP or UDP row; false at the end. */
static bool next_row(FILE *f, char *line, size_t size, char *const names[COLUMNS_MAX],
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

static struct attribution *open_attribution(struct symbols *symbols)
{
    static const struct study STUDY = {0};
    struct attribution *a = NULL;
    struct error err = {0};
    if (attribution_open(&STUDY, symbols, &a, &err) != 0)
        fail_msg("%s", err.text);
    return a;
}

/* One flow of the client to the server, as the meter would give it. */
static const char *attribute_row(struct attribution *a, struct symbols *symbols, struct batch *b,
                                 const struct truth_row *row, const char *host)
{
    batch_clear(b);
    size_t i = batch_add(b);
    batch_start_ms(b)[i] = batch_end_ms(b)[i] = row->start_ms;
    batch_local(b)[i] = row->client;
    batch_remote(b)[i] = row->server;
    batch_local_port(b)[i] = row->client_port;
    batch_remote_port(b)[i] = row->server_port;
    batch_protocol(b)[i] = row->protocol;
    batch_role(b)[i] = ROLE_CONSUMED;
    if (*host) {
        batch_set_text(b, FIELD_server_name, i, host, strlen(host));
        batch_name_kind(b)[i] = NAME_SNI;
    }
    attribution_batch(a, b);
    return symbols_text(symbols, SYMBOL_SERVICE, batch_service(b)[i]);
}

static void each_flow(bool with_names, struct scores *scores, unsigned by_tier[8][2],
                      const char *strengths)
{
    FILE *f = open_truth("truth/ndpi_flows.tsv");
    struct symbols *symbols = symbols_new(1 << 20);
    struct attribution *a = open_attribution(symbols);
    struct batch *b = batch_new(STAGE_FLOW, 1);
    char head[4096], line[8192], *names[COLUMNS_MAX];
    bool say = getenv("TELLTALE_VERBOSE") != NULL;
    assert_non_null(fgets(head, sizeof head, f));
    size_t columns = split(head, names);
    struct truth_row row;
    while (next_row(f, line, sizeof line, names, columns, &row)) {
        const char *ids = ids_of(row.label);
        if (!ids || !strchr(strengths, row.strength[0]) || (with_names && !*row.host))
            continue;
        const char *id = attribute_row(a, symbols, b, &row, with_names ? row.host : "");
        struct score *s = score_of(scores, row.label);
        bool right = in_list(ids, id);
        s->rows++;
        s->right += right;
        s->wrong += !right && *id;
        if (*id)
            by_tier[batch_basis(b)[0]][right ? 0 : 1]++;
        if (say && ((!right && (*id || with_names)) || (right && !with_names)))
            print_message("#   %s %s: %s (%s)\n", row.label, row.host, id,
                          basis_text(batch_basis(b)[0]));
    }
    batch_free(b);
    attribution_free(a);
    symbols_free(symbols);
    fclose(f);
}

static void test_named_hosts(void **state)
{
    (void)state;
    struct scores scores = {0};
    unsigned by_tier[8][2] = {{0}};
    each_flow(true, &scores, by_tier, "A");
    struct score all = print_scores(&scores, "flows with a named host");
    print_message("# right %.1f%%\n", 100.0 * all.right / all.rows);
    assert_true(all.rows > 200);
    assert_true(all.right * 100 >= all.rows * 98);
}

/* Addresses, ports and times alone: what is named must be right; how much is named is printed. */
static void test_without_names_and_payload(void **state)
{
    (void)state;
    struct scores scores = {0};
    unsigned by_tier[8][2] = {{0}};
    each_flow(false, &scores, by_tier, "AB");
    struct score all = print_scores(&scores, "flows without names and payload");
    for (unsigned tier = BASIS_NAME; tier <= BASIS_PORT; tier++)
        if (by_tier[tier][0] + by_tier[tier][1])
            print_message("# %s: %u right, %u wrong\n", basis_text(tier), by_tier[tier][0],
                          by_tier[tier][1]);
    print_message("# precision %.1f%%, recall %.1f%%\n",
                  100.0 * all.right / (all.right + all.wrong), 100.0 * all.right / all.rows);
    assert_true(all.right * 100 >= (all.right + all.wrong) * 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains_of_services),
        cmocka_unit_test(test_named_hosts),
        cmocka_unit_test(test_without_names_and_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
