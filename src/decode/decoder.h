/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the decoder share. Inside src/decode only. */
#ifndef TELLTALE_DECODE_DECODER_H
#define TELLTALE_DECODE_DECODER_H

#include "decode/decode.h"
#include "decode/exporters.h"
#include "decode/held.h"
#include "decode/records.h"
#include "decode/templates.h"

/* sFlow's version is a 32-bit number; the key of its exporters is apart from NetFlow 5's. */
enum { SFLOW_VERSION = 5, SFLOW_KEY = 105 };

struct decoder {
    struct decode_setting setting;
    struct exporters *exporters;
    struct templates *templates;
    struct held *held;
    struct records *records;
    uint64_t dropped_sets; /* kept back for exporters that had to go, not yet in a tally */
    size_t facts_left;     /* how many more facts all exporters may have */
    struct template *legacy[LEGACY_COUNT]; /* NetFlow 1, 5 and 7 as templates */
};

/* One message on its way to rows. */
struct message {
    struct decoder *d;
    struct exporter_key key;
    struct exporter *e; /* NULL until the header is read */
    struct batch *out;
    struct tally *tally;
    uint64_t arrival_ms;
    uint64_t export_ms; /* the header's time; arrival where that cannot be right */
    uint32_t uptime_ms; /* of the header */
    bool has_uptime;
    uint32_t sampling; /* of the header (NetFlow 5); 0: not told */
};

/* What the sets of a message held. */
struct sets {
    uint32_t records;
    bool known; /* all of them could be told apart */
};

/* Sets export_ms from the header's time. */
void message_time(struct message *m, uint64_t header_ms);
/* Counts `count` records as read, for coverage. */
void message_records(const struct message *m, uint64_t count);
/* Counts `count` records as rejected, for coverage too. */
void message_reject(const struct message *m, enum reason reason, uint64_t count);
/* The exporter's template, or one of its kin's; it is marked as used. NULL: none. */
struct template *message_template(struct message *m, uint16_t id);
/* Marks the exporter as one that sends what we can read, and gives it its symbol. */
void message_good(const struct message *m);
/* Accounts for the message's number by its protocol's rule: `step` is what the next should differ
 * by; `known` is false when `step` could not be found out. Missing ones go to coverage. */
void message_sequence(const struct message *m, uint32_t number, uint32_t step, bool known);
/* The same for sFlow, whose data sources number their samples: message_uptime() first, for each
 * message, then each flow sample's number. */
void message_uptime(const struct message *m);
void message_sample(const struct message *m, uint64_t source, uint32_t number);
/* Notes a record's sampling interval, for coverage. */
void message_sampling(const struct message *m, uint32_t interval);
/* Is it a time between 1990 and 2106? */
bool time_is_sane(uint64_t ms);

/* The kinds of message. What follows a message in the same datagram is returned (empty:
 * none). */
struct bytes netflow5_decode(struct message *m, struct bytes in);
struct bytes flowset_decode(struct message *m, struct bytes in);

struct bytes sflow_decode(struct message *m, struct bytes in);
bool sflow_guess(struct bytes in);

/* Builds the decoder's templates of NetFlow 1, 5 and 7. */
void netflow5_prepare(struct decoder *d);

#endif
