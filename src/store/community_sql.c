/* SPDX-License-Identifier: Apache-2.0 */
#include "store/community_sql.h"

#include "schema/values.h"

/* Protocol * 256 + type of ICMP's messages that have a counterpart, and its type. */
#define ASKED                                                                                      \
    "[toUInt32(264),256,269,270,271,272,266,265,273,274,"                                          \
    "14976,14977,14981,14982,14983,14984,14978,14979,14987,14988,14992,14993]"
#define ANSWERED                                                                                   \
    "[toInt32(0),8,14,13,16,15,9,10,18,17,129,128,134,133,136,135,131,130,140,139,145,144]"

#define IS_ICMP "(f.protocol IN (1, 58))"
#define IS_V4   "unhex('00000000000000000000FFFF')"

/* The parts; each is named where it is written first and called by its name after. */
static void add_opened(struct buf *out)
{
    buf_format(
        out,
        "(multiIf(" IS_ICMP " AND f.local_port != f.remote_port, f.local_port = 0, "
        "f.opener IN (%d, %d), 1, f.opener IN (%d, %d), 0, f.role NOT IN (%d, %d)) AS c_opened)",
        OPENER_SOURCE, OPENER_SOURCE_GUESS, OPENER_DESTINATION, OPENER_DESTINATION_GUESS,
        ROLE_SERVED, ROLE_UNANSWERED);
}

static void add_swap(struct buf *out)
{
    buf_text(out, "((NOT (" IS_ICMP " AND (transform(toUInt32(f.protocol) * 256 + intDiv((if(");
    add_opened(out);
    buf_text(
        out,
        ", f.remote_port, f.local_port) AS c_to), 256), " ASKED ", " ANSWERED ", toInt32(-1)) AS "
        "c_answer) < 0) AND ((if(c_opened, f.local, f.remote) AS c_src) > (if(c_opened, f.remote, "
        "f.local) AS c_dst) OR (c_src = c_dst AND (toUInt16(if(" IS_ICMP ", intDiv(c_to, 256), "
        "if(c_opened, f.local_port, f.remote_port))) AS c_sport) > (toUInt16(if(" IS_ICMP
        ", if(c_answer < 0, c_to % 256, toUInt16(c_answer)), c_to)) AS c_dport)))) AS c_swap)");
}

void community_sql(struct buf *out, uint16_t seed)
{
    static const char address[] =
        "if(substring(%s, 1, 12) = " IS_V4 ", substring(%s, 13, 4), substring(%s, 1, 16)), ";
    static const char port[] = "char(intDiv(%s, 256)), char(%s %% 256)";
    buf_format(
        out,
        "concat('1:', base64Encode(substring(SHA1(concat(char(%u), char(%u), if(substring((if(",
        seed >> 8, seed & 0xff);
    add_swap(out);
    buf_text(out, ", c_dst, c_src) AS c_low), 1, 12) = " IS_V4
                  ", substring(c_low, 13, 4), substring(c_low, 1, 16)), ");
    buf_format(out, address, "(if(c_swap, c_src, c_dst) AS c_high)", "c_high", "c_high");
    buf_text(out, "char(f.protocol), char(0), if(f.protocol IN (1, 6, 17, 58, 132), concat(");
    buf_format(out, port, "(if(c_swap, c_dport, c_sport) AS c_low_port)", "c_low_port");
    buf_text(out, ", ");
    buf_format(out, port, "(if(c_swap, c_sport, c_dport) AS c_high_port)", "c_high_port");
    buf_text(out, "), ''))), 1, 20)))");
}
