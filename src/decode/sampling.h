/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling: who told which interval, and which one a record has. From the record itself, else its
 * sampler's as the exporter's options told it, else the exporter's, else the study's. */
#ifndef TELLTALE_DECODE_SAMPLING_H
#define TELLTALE_DECODE_SAMPLING_H

#include <stddef.h>

#include "decode/records.h"

/* Fills column `sampling` of `count` rows from `row` on. */
void sampling_write(struct message *m, const struct records *r, const struct template *t,
                    size_t count, size_t row);
/* Takes what the i-th options record found tells. */
void sampling_note(struct message *m, const struct records *r, const struct template *t, size_t i);

#endif
