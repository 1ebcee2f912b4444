/* SPDX-License-Identifier: Apache-2.0 */
/* Options data: what exporters tell of themselves (RFC 3954 section 6, RFC 7011 section 3.4.2.2).
 */
#include "decode/decoder.h"
#include "decode/sampling.h"
#include "decode/texts.h"

size_t options_decode(struct message *m, const struct template *t, struct bytes data,
                      bool *ret_broken)
{
    struct records *r = m->d->records;
    const struct step *init = template_step(t, IE_INIT_TIME);
    size_t total = 0, count;
    while ((count = records_find(r, t, &data, ret_broken)) > 0) {
        total += count;
        for (size_t i = 0; i < count; i++) {
            sampling_note(m, r, t, i);
            texts_note(m, r, t, i);
            uint64_t init_ms = init ? records_number(r, init, i) : 0;
            if (time_is_sane(init_ms))
                m->e->init_ms = init_ms;
        }
        message_reject(m, REASON_not_a_flow, count);
    }
    if (*ret_broken)
        message_reject(m, REASON_bad_length, 1);
    return total;
}
