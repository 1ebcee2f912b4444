/* SPDX-License-Identifier: Apache-2.0 */
/* IANA's registries of special-purpose addresses (RFC 6890 and its successors), in our words. The
 * narrow come before the wide. */
#include "attribute/scope.h"

#include <string.h>

static const struct scope SCOPES[] = {
    {"broadcast", "255.255.255.255/32", "every host of the local network", "RFC 919"},
    {"multicast", "224.0.0.1/32", "all hosts of the local network", "RFC 1112"},
    {"multicast", "224.0.0.251/32", "names of the local network (mDNS)", "RFC 6762"},
    {"multicast", "224.0.0.252/32", "names of the local network (LLMNR)", "RFC 4795"},
    {"multicast", "239.255.255.250/32", "device discovery (SSDP)", "RFC 2365, UPnP"},
    {"multicast", "224.0.0.0/24", "groups of the local network", "RFC 5771"},
    {"multicast", "239.0.0.0/8", "groups within an organisation", "RFC 2365"},
    {"multicast", "224.0.0.0/4", "a group of receivers, not a host", "RFC 5771"},
    {"loopback", "127.0.0.0/8", "the host itself", "RFC 1122"},
    {"unspecified", "0.0.0.0/32", "no address yet, as in DHCP", "RFC 1122"},
    {"unspecified", "0.0.0.0/8", "\"this network\", never a destination", "RFC 1122"},
    {"private", "10.0.0.0/8", "used inside networks, the same in thousands of them", "RFC 1918"},
    {"private", "172.16.0.0/12", "used inside networks, the same in thousands of them", "RFC 1918"},
    {"private", "192.168.0.0/16", "used inside networks, the same in thousands of them",
     "RFC 1918"},
    {"carrier NAT", "100.64.0.0/10", "between a carrier's translator and its customers",
     "RFC 6598"},
    {"link-local", "169.254.0.0/16", "one cable or radio cell; also clouds' metadata hosts",
     "RFC 3927"},
    {"documentation", "192.0.2.0/24", "examples in texts; in traffic a mistake or a test",
     "RFC 5737"},
    {"documentation", "198.51.100.0/24", "examples in texts; in traffic a mistake or a test",
     "RFC 5737"},
    {"documentation", "203.0.113.0/24", "examples in texts; in traffic a mistake or a test",
     "RFC 5737"},
    {"benchmark", "198.18.0.0/15", "measuring network devices, and fake answers of proxies",
     "RFC 2544"},
    {"6to4 relay", "192.88.99.0/24", "the anycast way into 6to4, withdrawn in 2015", "RFC 7526"},
    {"protocol", "192.0.0.0/24", "the machinery of IPv6 transition", "RFC 6890"},
    {"reserved", "240.0.0.0/4", "no use so far; in traffic forged or broken", "RFC 1112"},
    {"unspecified", "::/128", "no address yet", "RFC 4291"},
    {"loopback", "::1/128", "the host itself", "RFC 4291"},
    {"multicast", "ff02::fb/128", "names of the local network (mDNS)", "RFC 6762"},
    {"multicast", "ff02::1/128", "all hosts of the link", "RFC 4291"},
    {"multicast", "ff00::/8", "a group of receivers, not a host", "RFC 4291"},
    {"link-local", "fe80::/10", "one link", "RFC 4291"},
    {"private", "fc00::/7", "used inside networks (unique local)", "RFC 4193"},
    {"documentation", "2001:db8::/32", "examples in texts; in traffic a mistake or a test",
     "RFC 3849"},
    {"documentation", "3fff::/20", "examples in texts; in traffic a mistake or a test", "RFC 9637"},
    {"Teredo", "2001::/32", "IPv6 through an IPv4 NAT: the IPv4 address is inside it", "RFC 4380"},
    {"6to4", "2002::/16", "IPv6 over IPv4: the IPv4 address is inside it", "RFC 3056"},
    {"NAT64", "64:ff9b::/96", "an IPv4 host seen from IPv6: its address is the last 32 bits",
     "RFC 6052"},
    {"discard", "100::/64", "traffic thrown away", "RFC 6666"},
};

const struct scope *scope_of(const struct ip *ip)
{
    for (size_t i = 0; i < sizeof SCOPES / sizeof *SCOPES; i++) {
        struct prefix p;
        if (prefix_parse(SCOPES[i].prefix, strlen(SCOPES[i].prefix), true, &p) &&
            prefix_contains(&p, ip))
            return &SCOPES[i];
    }
    return NULL;
}
