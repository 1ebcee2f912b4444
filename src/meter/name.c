/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/name.h"

enum { LABEL_MAX = 63 };

static struct bytes without_port(struct bytes text)
{
    size_t digits = 0;
    while (digits < text.len && digits < 6 && text.at[text.len - 1 - digits] >= '0' &&
           text.at[text.len - 1 - digits] <= '9')
        digits++;
    if (digits < text.len && digits < 6 && text.at[text.len - 1 - digits] == ':')
        text.len -= digits + 1;
    return text;
}

/* The octet in lower case where a host name may have it, else 0. */
static char host_octet(uint8_t octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return (char)(octet - 'A' + 'a');
    bool ok = (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
              octet == '_';
    return ok ? (char)octet : 0;
}

bool name_set(struct name *ret, struct bytes text)
{
    text = without_port(text);
    if (text.len && text.at[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len > NAME_TEXT_MAX)
        return false;
    struct name name = {.len = (uint8_t)text.len};
    size_t label = 0;
    bool digits = true; /* in this label only digits so far */
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '.') {
            if (label == 0)
                return false;
            name.text[i] = '.';
            label = 0;
            digits = true;
            continue;
        }
        char c = host_octet(text.at[i]);
        if (c == 0 || ++label > LABEL_MAX)
            return false;
        name.text[i] = c;
        digits = digits && c >= '0' && c <= '9';
    }
    /* No top-level domain is a number (RFC 3696 section 2): that would be an IPv4 address. */
    if (label == 0 || digits)
        return false;
    *ret = name;
    return true;
}
