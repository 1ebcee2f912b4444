/* SPDX-License-Identifier: Apache-2.0 */
/* As much of an X.509 certificate (RFC 5280, DER: X.690) as tells its faults: validity, whether
 * issuer and subject are one, its names, how weak it is. Signatures are not verified and no chain
 * is built. Pure functions of their octets; any thread; nothing is allocated. */
#ifndef TELLTALE_METER_CERTIFICATE_H
#define TELLTALE_METER_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Parts are borrowed from the octets read. */
struct certificate {
    int64_t not_before_s, not_after_s; /* since 1970 UTC; both included (section 4.1.2.5) */
    struct bytes issuer, subject;      /* Name, with its DER header */
    struct bytes common_name;          /* the last of the subject; empty without one */
    struct bytes alt_names;            /* GeneralNames of subjectAltName; empty without one */
    bool self_issued;                  /* issuer and subject are equal and not empty */
    bool weak; /* signed with MD2, MD5 or SHA-1 (and not by itself), or an RSA key of < 2048 bits */
};

/* False when it is no certificate or damaged where this reads. */
bool certificate_read(struct bytes der, struct certificate *ret);

/* The certificate is for this host (RFC 9525 section 6; with no host name among the alternative
 * names, the common name counts as in RFC 6125 section 6.4.4). A wildcard stands for exactly one
 * whole label, the leftmost. `host` is in lower case, without final dot. */
bool certificate_is_for(const struct certificate *c, struct bytes host);

#endif
