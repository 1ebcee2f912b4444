/* SPDX-License-Identifier: Apache-2.0 */
/* Weights were set by what each piece of evidence means and checked on captures with known first
 * packets (flow_truth_test): a handshake cannot be wrong and outweighs all else; a service's port
 * opposite an ephemeral one beats the order of first packets, because a capture or an exporter's
 * cache may begin in the middle of a conversation; the order beats anything weaker about ports. */
#include "flow/role.h"

#include "base/memory.h"

enum {
    FIN = 1,
    SYN = 2,
    RST = 4,
    PSH = 8,
    ACK = 16,
    ICMP = 1,
    IGMP = 2,
    TCP = 6,
    UDP = 17,
    ICMPV6 = 58,
    SCTP = 132,
    SHORT_PACKETS = 20,
};

/* How strongly a port says "server". */
enum port_class {
    PORT_EPHEMERAL,
    PORT_FTP_DATA,     /* 20: a server opens data connections from it (RFC 959) */
    PORT_REGISTERED,   /* 1024 to 32767: may be a service's, may be an older system's ephemeral */
    PORT_SYSTEM,       /* below 1024 */
    PORT_SERVICE_HIGH, /* in the table, 1024 and above */
    PORT_SERVICE,      /* in the table, below 1024 */
    PORT_PEER,
    PORT_CLASSES
};

struct ports {
    uint8_t class[65536];
};

struct port_range {
    uint16_t from, to;
};

/* Services as found in IANA's registry and on today's networks. From 32768 on a port may as well be
 * ephemeral, so there the table makes it PORT_REGISTERED only. */
static const struct port_range services[] = {
    {21, 23},       {25, 25},       {37, 37},       {43, 43},       {49, 49},       {53, 53},
    {67, 67},       {69, 70},       {79, 81},       {88, 88},       {102, 102},     {106, 106},
    {109, 111},     {113, 113},     {119, 119},     {123, 123},     {135, 135},     {137, 139},
    {143, 143},     {161, 162},     {177, 179},     {194, 194},     {389, 389},     {427, 427},
    {443, 445},     {464, 465},     {500, 500},     {512, 515},     {520, 521},     {543, 548},
    {554, 554},     {563, 563},     {587, 587},     {593, 593},     {623, 623},     {631, 631},
    {636, 636},     {646, 646},     {800, 800},     {843, 843},     {853, 853},     {860, 860},
    {873, 873},     {902, 902},     {981, 981},     {989, 995},     {1080, 1080},   {1194, 1194},
    {1214, 1214},   {1241, 1241},   {1311, 1311},   {1352, 1352},   {1433, 1434},   {1494, 1494},
    {1521, 1521},   {1604, 1604},   {1645, 1646},   {1701, 1701},   {1718, 1723},   {1755, 1755},
    {1812, 1813},   {1863, 1863},   {1883, 1883},   {1900, 1900},   {1935, 1935},   {1985, 1985},
    {2000, 2000},   {2049, 2049},   {2055, 2055},   {2082, 2083},   {2086, 2087},   {2095, 2096},
    {2123, 2123},   {2152, 2152},   {2181, 2181},   {2222, 2222},   {2375, 2377},   {2404, 2404},
    {2427, 2427},   {2483, 2484},   {2598, 2598},   {2727, 2727},   {2944, 2945},   {3128, 3128},
    {3260, 3260},   {3268, 3269},   {3283, 3283},   {3306, 3306},   {3333, 3333},   {3389, 3389},
    {3478, 3481},   {3632, 3632},   {3690, 3690},   {3702, 3702},   {3724, 3725},   {4070, 4070},
    {4222, 4222},   {4369, 4369},   {4433, 4433},   {4444, 4444},   {4500, 4500},   {4567, 4567},
    {4739, 4740},   {4786, 4786},   {4789, 4789},   {4840, 4840},   {4899, 4899},   {5000, 5001},
    {5004, 5005},   {5038, 5038},   {5050, 5051},   {5060, 5061},   {5083, 5084},   {5190, 5190},
    {5201, 5201},   {5222, 5223},   {5228, 5230},   {5242, 5243},   {5269, 5269},   {5280, 5281},
    {5349, 5350},   {5351, 5351},   {5353, 5353},   {5355, 5355},   {5432, 5432},   {5555, 5555},
    {5601, 5601},   {5631, 5632},   {5666, 5667},   {5671, 5672},   {5683, 5684},   {5800, 5800},
    {5900, 5903},   {5938, 5938},   {5984, 5986},   {6000, 6001},   {6063, 6063},   {6081, 6081},
    {6343, 6343},   {6379, 6379},   {6443, 6443},   {6514, 6514},   {6566, 6566},   {6653, 6653},
    {6660, 6669},   {6697, 6697},   {7000, 7001},   {7070, 7070},   {7077, 7077},   {7547, 7547},
    {7680, 7680},   {8000, 8003},   {8006, 8010},   {8030, 8030},   {8060, 8060},   {8080, 8091},
    {8099, 8099},   {8118, 8118},   {8123, 8123},   {8140, 8140},   {8181, 8181},   {8191, 8191},
    {8222, 8222},   {8291, 8291},   {8332, 8333},   {8388, 8388},   {8443, 8444},   {8500, 8500},
    {8530, 8531},   {8554, 8554},   {8728, 8729},   {8801, 8810},   {8834, 8834},   {8883, 8883},
    {8888, 8889},   {8899, 8899},   {9000, 9002},   {9030, 9030},   {9042, 9043},   {9050, 9051},
    {9090, 9094},   {9100, 9100},   {9150, 9150},   {9200, 9200},   {9300, 9300},   {9339, 9339},
    {9418, 9418},   {9443, 9443},   {9527, 9527},   {9530, 9530},   {9696, 9696},   {9987, 9987},
    {9993, 9993},   {9995, 9999},   {10000, 10001}, {10050, 10051}, {10250, 10250}, {11211, 11211},
    {11371, 11371}, {12975, 12975}, {13000, 13000}, {14000, 14000}, {15672, 15672}, {16992, 16995},
    {17500, 17500}, {18080, 18081}, {19302, 19309}, {19999, 19999}, {20000, 20000}, {20880, 20880},
    {22222, 22222}, {23399, 23399}, {25565, 25565}, {25826, 25826}, {27015, 27030}, {27017, 27019},
    {28017, 28017}, {30303, 30303}, {32400, 32400}, {37777, 37777}, {44818, 44818}, {47808, 47808},
    {51820, 51820}, {61613, 61616}, {64738, 64738},
};

/* Where both sides are equals: BitTorrent and its DHT, eDonkey, Gnutella, Direct Connect, WinMX. */
static const struct port_range peers[] = {
    {411, 412},   {4661, 4665}, {4671, 4672}, {6257, 6257},
    {6346, 6347}, {6699, 6699}, {6881, 6999}, {51413, 51413},
};

struct ports *ports_new(void)
{
    struct ports *p = memory_alloc(sizeof *p);
    for (unsigned port = 1; port < 32768; port++)
        p->class[port] = port < 1024 ? PORT_SYSTEM : PORT_REGISTERED;
    p->class[20] = PORT_FTP_DATA;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        for (unsigned port = services[i].from; port <= services[i].to; port++)
            p->class[port] = port < 1024    ? PORT_SERVICE
                             : port < 32768 ? PORT_SERVICE_HIGH
                                            : PORT_REGISTERED;
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        for (unsigned port = peers[i].from; port <= peers[i].to; port++)
            p->class[port] = PORT_PEER;
    return p;
}

void ports_free(struct ports *p)
{
    free(p);
}

bool ports_serve(const struct ports *p, uint16_t port)
{
    return p->class[port] >= PORT_SYSTEM && p->class[port] <= PORT_SERVICE;
}

static bool has_ports(uint8_t protocol)
{
    return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == 33 ||
           protocol == 136;
}

/* Who opened, from the two ports: positive for end 0. Rows: the more server-like port's class. */
static int score_ports(const struct ports *p, uint8_t protocol, const uint16_t port[2])
{
    static const int8_t weights[PORT_CLASSES][PORT_CLASSES] = {
        [PORT_EPHEMERAL] = {[PORT_FTP_DATA] = 34},
        [PORT_REGISTERED] = {[PORT_EPHEMERAL] = 12, [PORT_FTP_DATA] = 34},
        [PORT_SYSTEM] = {[PORT_EPHEMERAL] = 42, [PORT_REGISTERED] = 34, [PORT_PEER] = 34},
        [PORT_SERVICE_HIGH] = {[PORT_EPHEMERAL] = 46, [PORT_REGISTERED] = 24, [PORT_PEER] = 24},
        [PORT_SERVICE] = {[PORT_EPHEMERAL] = 52,
                          [PORT_REGISTERED] = 42,
                          [PORT_SYSTEM] = 10,
                          [PORT_SERVICE_HIGH] = 15,
                          [PORT_PEER] = 42},
        [PORT_PEER] = {[PORT_EPHEMERAL] = 8},
    };
    if (!has_ports(protocol))
        return 0;
    int a = p->class[port[0]], b = p->class[port[1]];
    return weights[b][a] - weights[a][b];
}

bool role_wants_contacts(const struct ports *p, uint8_t protocol, const uint16_t port[2])
{
    int score = score_ports(p, protocol, port);
    return (protocol == TCP || protocol == UDP) && score < 40 && score > -40;
}

/* What TCP flags of one direction say about its sender having opened. */
static int score_flags(const struct role_evidence *e, int end)
{
    uint8_t flags = e->flags[end];
    if (e->packets[end] == 0 || flags == 0)
        return 0;
    if ((flags & (SYN | ACK)) == SYN)
        return 80; /* a connection request that was not taken up */
    if ((flags & RST) && (flags & (SYN | PSH | FIN)) == 0)
        return e->packets[!end] && (e->flags[!end] & SYN) == 0 ? 0 : -60; /* it refused */
    if ((flags & (SYN | ACK | PSH | FIN)) == (SYN | ACK) && e->packets[!end] == 0)
        return -40; /* an answer without what it answers */
    return 0;
}

static int score_time(const struct role_evidence *e)
{
    if (e->biflow || e->packets[0] == 0 || e->packets[1] == 0 || e->first_ms[0] == e->first_ms[1])
        return 0;
    /* With both SYNs seen, both directions were seen from their beginning. */
    int weight = (e->flags[0] & e->flags[1] & SYN) ? 60 : 30;
    if (!e->one_clock)
        weight /= 2;
    return e->first_ms[0] < e->first_ms[1] ? weight : -weight;
}

/* Who speaks without being answered has more likely asked than answered. That it was the first to
 * speak, as far as the source saw, is then no news. */
static int score_one_way(const struct role_evidence *e)
{
    if ((e->packets[0] == 0) == (e->packets[1] == 0))
        return e->guess * 25;
    int weight = e->protocol == TCP && !e->guess ? 15 : 25;
    return e->packets[0] ? weight : -weight;
}

/* Where nothing else tells: who opens a short TCP conversation also sends the last word of the
 * handshake and most often of the end, so more packets. */
static int score_packets(const struct role_evidence *e)
{
    uint64_t a = e->packets[0], b = e->packets[1];
    if (e->protocol != TCP || a == 0 || b == 0 || a == b || a + b > SHORT_PACKETS)
        return 0;
    return a > b ? 5 : -5;
}

/* One UDP socket that speaks first to many, none of them a service: a peer-to-peer node. */
static bool is_node(const struct role_evidence *e, int end)
{
    return e->protocol == UDP && e->begun[end] >= 8 && 2 * e->begun[end] >= e->asked[end];
}

/* An address and port that many speak to first is a server's. */
static int score_asked(const struct role_evidence *e)
{
    if (!has_ports(e->protocol))
        return 0;
    if (e->asked[1] >= 4 && e->asked[1] >= 4 * e->asked[0] && !is_node(e, 1))
        return 20;
    return e->asked[0] >= 4 && e->asked[0] >= 4 * e->asked[1] && !is_node(e, 0) ? -20 : 0;
}

static bool is_icmp(uint8_t protocol)
{
    return protocol == ICMP || protocol == ICMPV6;
}

int role_opener(const struct ports *p, const struct role_evidence *e, bool *ret_sure)
{
    int score = e->certain * 90 + e->first_record * 3 + score_time(e);
    if (e->protocol == TCP)
        score += score_flags(e, 0) - score_flags(e, 1);
    if (is_icmp(e->protocol) && e->port[0] != e->port[1])
        score += e->port[1] ? 60 : -60; /* the type lies at the end that was asked */
    score +=
        score_ports(p, e->protocol, e->port) + score_asked(e) + score_one_way(e) + score_packets(e);
    *ret_sure = score >= 60 || score <= -60;
    return score >= 0 ? 0 : 1;
}

/* ICMP errors answer somebody else's packet; they are nobody's use of anything. */
static bool is_icmp_error(const struct role_evidence *e)
{
    unsigned type = (e->port[0] | e->port[1]) >> 8;
    if (e->protocol == ICMP)
        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    return e->protocol == ICMPV6 && type >= 1 && type <= 4;
}

static bool is_peer(const struct ports *p, const struct role_evidence *e)
{
    if (e->peer_application)
        return true;
    if (!has_ports(e->protocol))
        return false;
    int a = p->class[e->port[0]], b = p->class[e->port[1]];
    if ((a == PORT_PEER && !ports_serve(p, e->port[1])) ||
        (b == PORT_PEER && !ports_serve(p, e->port[0])))
        return true;
    bool unknown = !ports_serve(p, e->port[0]) && !ports_serve(p, e->port[1]);
    return unknown && (is_node(e, 0) || is_node(e, 1));
}

/* The same where packets were sampled: that none of the local side's was among them is no news, and
 * a single packet speaks for its conversation. */
static bool is_half_sampled(const struct ports *p, const struct role_evidence *e, int local)
{
    int remote = !local;
    bool answer = ports_serve(p, e->port[remote]) && !ports_serve(p, e->port[local]);
    if (e->protocol == TCP && e->flags[remote])
        return (e->flags[remote] & ACK) &&
               ((e->flags[remote] & (PSH | FIN)) || !(e->flags[remote] & (SYN | RST)));
    if (e->protocol == TCP && e->octets[remote] / e->packets[remote] > 60)
        return true;
    return has_ports(e->protocol) ? answer : !is_icmp(e->protocol);
}

/* Packets that came without any from the local side: were they an exchange whose other half this
 * source does not show, or knocks and echoes of others' forgery? */
static bool is_half_seen(const struct ports *p, const struct role_evidence *e, int local)
{
    int remote = !local;
    if (e->sampled && is_half_sampled(p, e, local))
        return true;
    if (e->protocol == TCP && e->flags[remote])
        return (e->flags[remote] & ACK) && (e->flags[remote] & (PSH | FIN)) &&
               e->packets[remote] > 2;
    if (e->packets[remote] <= 3)
        return false;
    if (e->protocol == TCP)
        return e->octets[remote] / e->packets[remote] > 60;
    if (e->protocol == UDP)
        return ports_serve(p, e->port[remote]) && !ports_serve(p, e->port[local]);
    return !is_icmp(e->protocol);
}

static bool is_unanswered(const struct ports *p, const struct role_evidence *e, int local,
                          int opener)
{
    if (is_icmp_error(e))
        return true;
    if (e->packets[local] == 0)
        return !is_half_seen(p, e, local);
    if (opener == local || e->protocol != TCP)
        return false;
    /* Refused: the local side only ever said reset. */
    return (e->flags[local] & RST) && (e->flags[local] & (SYN | PSH | FIN)) == 0;
}

enum role role_of(const struct ports *p, const struct role_evidence *e, int local, int opener)
{
    if (is_unanswered(p, e, local, opener))
        return ROLE_UNANSWERED;
    if (e->group || e->protocol == IGMP || is_peer(p, e))
        return ROLE_PEER;
    return opener == local ? ROLE_CONSUMED : ROLE_SERVED;
}
