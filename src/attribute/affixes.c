/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of words, and how they are taken off a label. The technical ones are asked for every
 * host name that nobody claims, so the last two letters are looked at first. */
#include "attribute/affixes.h"

#include <stdint.h>
#include <string.h>

struct word {
    const char *text;
    uint8_t len;
};
#define WORD(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
/* clang-format off */
static const struct word TECHNICAL[] = {
    WORD("analytics"), WORD("api"), WORD("apis"), WORD("apm"), WORD("asset"), WORD("assets"),
    WORD("cache"), WORD("cdn"), WORD("cdns"), WORD("cloud"), WORD("content"), WORD("contents"),
    WORD("data"), WORD("dl"), WORD("dns"), WORD("download"), WORD("downloads"), WORD("edge"),
    WORD("file"), WORD("files"), WORD("glb"), WORD("gslb"), WORD("gtm"), WORD("image"),
    WORD("images"), WORD("img"), WORD("imgs"), WORD("lb"), WORD("live"), WORD("log"),
    WORD("logs"), WORD("media"), WORD("metrics"), WORD("monitor"), WORD("net"), WORD("ns"),
    WORD("objects"), WORD("pic"), WORD("pics"), WORD("push"), WORD("sdk"), WORD("stat"),
    WORD("static"), WORD("statics"), WORD("stats"), WORD("stream"), WORD("svc"), WORD("track"),
    WORD("tracking"), WORD("update"), WORD("updates"), WORD("upload"), WORD("usercontent"),
    WORD("video"), WORD("vod"), WORD("waf"),
};

/* Ascending. */
static const char *const NEUTRAL[] = {
    "a", "aa", "about", "academy", "access", "account", "accounts", "ad", "admin", "ads",
    "adservice", "adservices", "advertising", "affiliate", "affiliates", "africa", "agency", "ai",
    "air", "alert", "alerts", "all", "alpha", "america", "americas", "an", "analytics", "and",
    "android", "animation", "answers", "antilles", "api", "apis", "apm", "app", "apps", "arabia",
    "argentina", "articles", "asia", "ask", "asset", "assets", "at", "auction", "auctions", "aus",
    "australia", "austria", "auth", "auto", "autos", "award", "awards", "az", "azure", "back",
    "baidu", "bank", "banking", "bd", "be", "belgique", "belgium", "best", "beta", "bid", "bids",
    "billing", "bills", "biz", "blog", "blogs", "board", "bolivia", "brand", "brands", "brasil",
    "brazil", "browser", "bulgaria", "business", "businesses", "buy", "buyer", "buying", "buys",
    "by", "ca", "cache", "calendar", "call", "calls", "campus", "canada", "card", "cards", "care",
    "career", "careers", "case", "cases", "cash", "catalog", "cdn", "cdns", "cellphone", "center",
    "central", "centre", "centres", "challenge", "champions", "charity", "chat", "check",
    "checkout", "chile", "china", "class", "classes", "classic", "classified", "classifieds",
    "clean", "cleaner", "click", "client", "clients", "cloud", "club", "clubs", "cn", "co",
    "code", "codes", "collect", "college", "colombia", "com", "come", "communities", "community",
    "company", "compute", "computer", "computers", "computing", "conf", "conference", "connect",
    "connection", "connections", "consulting", "contact", "content", "contents", "contest",
    "control", "corp", "corporate", "costarica", "country", "coupon", "coupons", "create",
    "creative", "creator", "creators", "credit", "crm", "croatia", "cup", "customer", "customers",
    "cyprus", "czech", "daily", "danmark", "data", "day", "days", "de", "deal", "deals", "debit",
    "delivery", "demo", "denmark", "design", "designer", "desktop", "dev", "developer",
    "developers", "device", "devices", "digital", "direct", "directory", "discover", "discovery",
    "display", "dl", "dns", "domain", "domains", "download", "downloads", "drive", "driver",
    "drivers", "e", "earn", "econ", "ecuador", "edge", "edit", "edition", "edu", "education",
    "egypt", "elite", "email", "employee", "en", "end", "energy", "engine", "english",
    "enterprise", "entertainment", "epay", "es", "espana", "estonia", "eu", "euro", "europe",
    "event", "events", "exchange", "expert", "experts", "explore", "express", "factory", "family",
    "fan", "fanart", "fans", "fashion", "fashions", "fest", "festival", "fiber", "file", "files",
    "film", "films", "finance", "financial", "find", "finland", "first", "flow", "for", "form",
    "forms", "forum", "forums", "foundation", "founder", "fr", "france", "free", "freegame",
    "friend", "friends", "from", "fun", "fund", "funds", "future", "gallery", "game", "gamer",
    "games", "gaming", "german", "germany", "get", "gift", "giftcard", "giftcards", "gifts",
    "gis", "give", "giving", "glb", "global", "gmbh", "go", "good", "government", "graph",
    "greece", "group", "groups", "gslb", "gtm", "guarantee", "guard", "guide", "hack", "hacks",
    "health", "hello", "help", "helper", "hi", "high", "hire", "hk", "home", "hong", "hongkong",
    "host", "hosting", "how", "hr", "http", "https", "httpswww", "httpwww", "hub", "hungary",
    "id", "idea", "ideas", "identity", "imac", "image", "images", "img", "imgs", "in", "inc",
    "india", "indonesia", "info", "innovation", "insider", "insight", "insights", "insta",
    "install", "institute", "insurance", "int", "integration", "international", "intl", "invest",
    "investor", "investors", "invite", "ios", "ireland", "is", "israel", "it", "italia", "italy",
    "ja", "japan", "job", "jobs", "join", "journal", "jp", "jr", "junior", "key", "kids", "kong",
    "korea", "kr", "kz", "lab", "labs", "lanka", "latam", "latin", "launch", "law", "lb", "lead",
    "leads", "league", "learn", "learning", "legal", "level", "library", "life", "like", "likes",
    "line", "link", "links", "list", "lite", "live", "loan", "loans", "local", "log", "login",
    "logistics", "logo", "logos", "logs", "luxembourg", "mac", "magazine", "mail", "make",
    "makers", "malaysia", "mall", "manager", "map", "maps", "mark", "market", "marketing",
    "marketplace", "markets", "master", "masters", "max", "me", "media", "meet", "meeting",
    "member", "members", "merch", "merchant", "merchants", "metrics", "mexico", "mi",
    "middleeast", "mini", "ml", "mobi", "mobile", "model", "moment", "moments", "money",
    "monitor", "more", "moscow", "movie", "movies", "mp", "msk", "music", "my", "nation",
    "national", "nederland", "net", "netherlands", "network", "networks", "new", "news",
    "newsroom", "newzealand", "next", "nfl", "ng", "nigeria", "night", "nl", "nord", "norge",
    "norway", "now", "ns", "nz", "objects", "of", "offer", "offers", "office", "official", "on",
    "one", "online", "open", "order", "orders", "org", "osterreich", "outlet", "owner", "pack",
    "page", "pages", "pakistan", "panama", "paper", "park", "part", "partner", "partners",
    "parts", "pass", "passport", "pay", "payment", "payments", "peru", "phone", "phones", "photo",
    "photos", "pic", "pics", "pk", "plan", "planet", "platform", "play", "player", "players",
    "plus", "podcast", "points", "poland", "police", "policy", "polska", "portal", "porto",
    "portugal", "post", "preview", "prime", "print", "pro", "product", "products", "profile",
    "program", "programs", "project", "promo", "promos", "promotion", "protect", "protection",
    "public", "publishing", "puertorico", "push", "qa", "quick", "radio", "reach", "read",
    "ready", "real", "register", "rent", "rental", "rentals", "repair", "research", "reseller",
    "resource", "resources", "review", "reviews", "reward", "rewards", "ro", "romania", "ru",
    "rus", "russia", "s", "sa", "safe", "safety", "sale", "sales", "san", "saudi", "school",
    "schools", "schweiz", "science", "sdk", "se", "search", "secure", "security", "sell",
    "seller", "sellers", "selling", "send", "serve", "server", "servers", "service", "services",
    "sg", "share", "shares", "shield", "ship", "shipping", "shop", "shopper", "shopping", "shops",
    "show", "sign", "signin", "simple", "singapore", "site", "sites", "slovakia", "slovenia",
    "small", "soft", "software", "solution", "solutions", "source", "south", "southafrica",
    "space", "spain", "speech", "speed", "sport", "sports", "square", "srilanka", "sso", "stage",
    "staging", "start", "startup", "startups", "stat", "static", "statics", "station", "stats",
    "status", "stay", "storage", "store", "stores", "stories", "story", "stream", "street",
    "student", "students", "studio", "studios", "style", "suisse", "super", "supplier",
    "suppliers", "supplies", "support", "survey", "svc", "sverige", "swag", "sweden", "swiss",
    "switzerland", "sy", "system", "systems", "taiwan", "talent", "talk", "tam", "task", "tax",
    "team", "teams", "tech", "technologies", "technology", "tel", "telecom", "temp", "test",
    "testing", "tests", "thailand", "the", "theater", "theme", "themes", "ticket", "tickets",
    "time", "times", "tip", "tips", "to", "today", "together", "token", "tokyo", "tool", "tools",
    "top", "tour", "tours", "track", "tracking", "trade", "traders", "trading", "traffic",
    "train", "training", "transfer", "transit", "translate", "travel", "trial", "trust", "try",
    "tube", "turkey", "turkiye", "tv", "tw", "ua", "ug", "uk", "ukraine", "university", "up",
    "update", "updates", "upgrade", "upload", "us", "usa", "use", "user", "usercontent", "users",
    "vc", "venture", "ventures", "verify", "verse", "version", "vi", "video", "videos", "vietnam",
    "view", "views", "vip", "virtual", "vod", "voice", "vote", "vr", "waf", "wallet", "war",
    "watch", "watches", "we", "web", "webcam", "website", "websites", "weekly", "welcome",
    "wholesale", "wifi", "wireless", "work", "worker", "workers", "works", "workshop", "world",
    "worldwide", "ww", "www", "wwww", "x", "y", "you", "your", "youth", "zen", "zone", "zones",
};
/* clang-format on */

enum {
    TECHNICAL_COUNT = sizeof TECHNICAL / sizeof *TECHNICAL,
    NEUTRAL_COUNT = sizeof NEUTRAL / sizeof *NEUTRAL,
    LEFT_MIN = 2, /* a mark is not shorter */
};

/* The last octet but one of the technical words, by their last. */
static const char *const BEFORE[26] = {
    ['a' - 'a'] = "it",    ['b' - 'a'] = "l",  ['c' - 'a'] = "iv",  ['d' - 'a'] = "aou",
    ['e' - 'a'] = "ghltv", ['f' - 'a'] = "a",  ['g' - 'a'] = "mno", ['h' - 'a'] = "s",
    ['i' - 'a'] = "p",     ['k' - 'a'] = "cd", ['l' - 'a'] = "d",   ['m' - 'a'] = "apt",
    ['n' - 'a'] = "d",     ['o' - 'a'] = "e",  ['r' - 'a'] = "o",   ['s' - 'a'] = "cdegint",
    ['t' - 'a'] = "aen",
};

static bool may_end(char before, char last)
{
    return last >= 'a' && last <= 'z' && BEFORE[last - 'a'] && before &&
           strchr(BEFORE[last - 'a'], before) != NULL;
}

size_t affix_technical(const char *label, size_t len)
{
    size_t digits = len;
    while (digits > LEFT_MIN && label[digits - 1] >= '0' && label[digits - 1] <= '9')
        digits--;
    if (digits < len)
        return digits;
    if (len <= LEFT_MIN || !may_end(label[len - 2], label[len - 1]))
        return len;
    size_t best = len; /* the longest word: "usercontent" before "content" */
    for (size_t i = 0; i < TECHNICAL_COUNT; i++) {
        const struct word *w = &TECHNICAL[i];
        if (label[len - 1] == w->text[w->len - 1] && len >= (size_t)w->len + LEFT_MIN &&
            len - w->len < best && memcmp(label + len - w->len, w->text, w->len) == 0)
            best = len - w->len;
    }
    return best;
}

static bool is_neutral(const char *text, size_t len)
{
    size_t low = 0, high = NEUTRAL_COUNT, digits = 0;
    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    if (digits == len)
        return true;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(NEUTRAL[middle], text, len);
        if (order == 0 && NEUTRAL[middle][len] == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* `shorts`: how many parts of one or two letters may still come: "be" and "es" make no "bees". */
static bool all_neutral(const char *text, size_t len, int parts, int shorts)
{
    while (len && text[0] == '-')
        text++, len--;
    while (len && text[len - 1] == '-')
        len--;
    if (len == 0)
        return true;
    for (size_t first = parts > 0 ? len : 0; first > 0; first--) {
        bool is_short = first < 3 && !(text[0] >= '0' && text[0] <= '9');
        if ((!is_short || shorts > 0) && is_neutral(text, first) &&
            all_neutral(text + first, len - first, parts - 1, shorts - is_short))
            return true;
    }
    return false;
}

bool affix_neutral(const char *text, size_t len, int parts)
{
    return all_neutral(text, len, parts, 1);
}
