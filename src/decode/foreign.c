/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/foreign.h"

#include <stddef.h>
#include <string.h>

#define EDITCAP   "; convert it: editcap -F pcapng FILE out.pcapng"
#define RA_FIELDS "stime,ltime,proto,saddr,sport,dir,daddr,dport,state,spkts,dpkts,sbytes,dbytes"

static const struct {
    const char *octets;
    size_t at, len;
    const char *advice;
} known[] = {
    {"\xde\xad\xbe\xef", 0, 4,
     "this is a SiLK file; convert it: rwsilk2ipfix --ipfix-output=out.ipfix FILE"},
    /* A management record whose id is Argus's cookie begins every file (argus_def.h). */
    {"\xe5\x71\x2d\xcb", 8, 4,
     "this is an Argus file; convert it: ra -n -u -L 0 -c , -s " RA_FIELDS " -r FILE > out.csv"},
    {"\xcf\x10", 0, 2,
     "this is a flow-tools file; convert it: flow-export -f 2 < FILE > out.csv, and import that "
     "with --map"},
    {"snoop\0\0\0", 0, 8, "this is a snoop capture" EDITCAP},
    {"GMBU", 0, 4, "this is a Microsoft Network Monitor capture" EDITCAP},
    {"RTSS", 0, 4, "this is a Microsoft Network Monitor capture" EDITCAP},
    {"iptrace ", 0, 8, "this is an AIX iptrace capture" EDITCAP},
};

const char *foreign_advice(struct bytes head)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t at = known[i].at, len = known[i].len;
        if (head.len >= at + len && memcmp(head.at + at, known[i].octets, len) == 0)
            return known[i].advice;
    }
    return NULL;
}
