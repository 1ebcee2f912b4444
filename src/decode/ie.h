/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of information elements (ie.def). Pure functions, any thread. */
#ifndef TELLTALE_DECODE_IE_H
#define TELLTALE_DECODE_IE_H

#include <stdbool.h>
#include <stdint.h>

/* Private enterprise numbers: iana.org/assignments/enterprise-numbers */
enum {
    PEN_CISCO = 9,
    PEN_JUNIPER = 2636,
    PEN_IXIA = 3054,
    PEN_NETSCALER = 5951,
    PEN_CERT = 6871,
    PEN_CESNET = 8057,
    PEN_PLIXER = 13745,
    PEN_CESNET_HTTP = 16982,
    PEN_PALO_ALTO = 25461,
    PEN_GIGAMON = 26866,
    PEN_REVERSE = 29305, /* RFC 5103 section 6.1 */
    PEN_NTOP = 35632,
    PEN_FLOWMON = 39499,
};

enum { IE_VARIABLE = 65535 };  /* RFC 7011 section 7: the length stands before each value */
enum { CERT_LISTS = 338 };     /* YAF 3 gives each basicList a number of its own, from here on */
enum { NTOP_V9_BASE = 57472 }; /* nProbe in NetFlow 9: element 35632/n has the number 57472 + n */

enum ie_target {
    IE_NONE,
    IE_SRC_V4,
    IE_DST_V4,
    IE_SRC_V6,
    IE_DST_V6,
    IE_IP_VERSION,
    IE_PROTOCOL,
    IE_SRC_PORT,
    IE_DST_PORT,
    IE_FLAGS,
    IE_REVERSE_FLAGS,
    IE_ICMP_V4,
    IE_ICMP_V6,
    IE_ICMP_TYPE_V4,
    IE_ICMP_CODE_V4,
    IE_ICMP_TYPE_V6,
    IE_ICMP_CODE_V6,
    IE_OCTETS,
    IE_PACKETS,
    IE_REVERSE_OCTETS,
    IE_REVERSE_PACKETS,
    IE_POST_OCTETS,
    IE_POST_PACKETS,
    IE_BIFLOW_DIRECTION,
    IE_START,
    IE_END,
    IE_DURATION,
    IE_INIT_TIME,
    IE_SAMPLER,
    IE_INTERVAL,
    IE_PACKET_INTERVAL,
    IE_PACKET_SPACE,
    IE_SAMPLING_SIZE,
    IE_SAMPLING_POPULATION,
    IE_PROBABILITY,
    IE_APPLICATION_ID,
    IE_APPLICATION_NAME,
    IE_NAME,
    IE_FIREWALL_EVENT,
    IE_NAT_EVENT,
    IE_FRAME,
    IE_FRAME_OCTETS,
    IE_NAT_SRC_V4,
    IE_NAT_DST_V4,
    IE_NAT_SRC_V6,
    IE_NAT_DST_V6,
    IE_NAT_SRC_PORT,
    IE_NAT_DST_PORT,
    IE_LIST,
    IE_TARGETS
};

enum ie_form {
    FORM_UNSIGNED,
    FORM_ADDRESS,
    FORM_MS,       /* ms since 1970 */
    FORM_S,        /* s since 1970 */
    FORM_NTP,      /* RFC 7011 section 6.1.9: seconds since 1900 and a 32-bit fraction */
    FORM_UPTIME,   /* ms since the exporter's start, modulo 2^32 */
    FORM_DELTA_US, /* microseconds before the export time */
    FORM_US,
    FORM_FLOAT,
    FORM_TEXT,
    FORM_HOST,       /* a host name, perhaps with ":port" */
    FORM_CISCO_HOST, /* six octets that name application and field, then a host */
    FORM_FRAME,      /* the first octets of an Ethernet frame */
    FORM_PACKET,     /* the first octets of an IP packet */
    FORM_BASIC_LIST, /* RFC 6313 */
    FORM_SUB_LIST,
    FORM_MULTI_LIST,
};

struct ie {
    uint8_t target, form, rank;
};

/* What element `id` of `pen` says when it is `width` octets wide (IE_VARIABLE: varying), in
 * NetFlow 9 (`netflow9`) or IPFIX. The target is IE_NONE for elements that are skipped. */
struct ie ie_find(uint32_t pen, uint32_t id, uint32_t width, bool netflow9);

#endif
