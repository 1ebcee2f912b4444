/* SPDX-License-Identifier: Apache-2.0 */
/* Most names come whole in one packet and are read in place. Only a hello or request that is cut,
 * or a server's certificate that is, takes a buffer. A name may also come late in a stream
 * (STARTTLS in SMTP, IMAP, XMPP, an SSLRequest in MySQL and PostgreSQL, RDP, after SOCKS or
 * CONNECT), so every segment of either side is tested for a ClientHello or a request while the
 * probe lasts; the tests are a few octets. */
#include "meter/inspect.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "meter/dns.h"
#include "meter/http.h"
#include "meter/http2.h"
#include "meter/ndpi.h"
#include "meter/quic.h"
#include "meter/recognise.h"
#include "meter/tls.h"
#include "meter/told.h"
#include "schema/values.h"

enum {
    TCP = 6,
    UDP = 17,
    TCP_SYN = 2,
    HELLO_SCAN_MIN = 48,
    DNS_PORT = 53,
    SSDP_PORT = 1900,
    BANNER_MAX = 255,
    STRANGE_MAX = 4,
    FIELDS_PACKETS = 4
};

/* What is still to come when the name is known. */
enum wait {
    WAIT_NOTHING,
    WAIT_CLIENT, /* the rest of the hello or of the request's header fields */
    WAIT_ANSWER, /* the server's hello and certificate */
    WAIT_REPLY,  /* the server's first words: HTTP */
};

/* One direction of a TCP conversation, [0] of a UDP one. */
struct stream {
    uint32_t next; /* sequence number expected */
    bool known;    /* `next` is meaningful */
    uint32_t buffer;
};

struct probe {
    uint32_t flow;           /* 0: free */
    uint32_t older, younger; /* by the time of their start */
    uint16_t looked;
    bool named;          /* there is no more to find for the name */
    bool detected;       /* the same for the protocol */
    bool stun;           /* a STUN message was seen */
    const char *certain; /* what recognise() says; its text is static */
    uint8_t client;      /* direction: who sent the hello or request, or QUIC's first packet */
    uint8_t wait;        /* enum wait */
    uint8_t strange;     /* segments of the server that start no flight */
    struct stream stream[2];
    struct quic_keys keys;
};

/* A buffer's place in the pool; free ones are linked by `younger`. */
struct holder {
    uint32_t probe;
    uint8_t direction;
    uint32_t older, younger;
};

struct line { /* oldest and youngest of a pool in use */
    uint32_t oldest, youngest;
};

struct inspect {
    struct inspect_setting setting;
    struct dpi *dpi;
    struct quic *quic;
    struct teller *teller;
    struct probe *probes; /* [0] is not used */
    uint8_t *dpi_flows;   /* beside the probes: they are large and touched only for nDPI */
    size_t dpi_flow_octets;
    uint32_t probe_free, probe_fresh;
    struct line probe_line;
    struct assembly *buffers; /* [0] is the one to try in */
    struct holder *holders;
    uint32_t buffer_free, buffer_fresh;
    struct line buffer_line;
    struct inspect_counts counts;
    uint8_t scratch[ASSEMBLY_OCTETS];
};

struct inspect *inspect_new(const struct inspect_setting *setting)
{
    assert(setting->probes_max > 0 && setting->buffers_max > 0);
    struct inspect *in = memory_alloc(sizeof *in);
    in->setting = *setting;
    in->dpi = dpi_new(setting->symbols);
    in->quic = quic_new();
    in->teller = teller_new(setting->symbols);
    in->dpi_flow_octets = (dpi_flow_octets() + 63) / 64 * 64;
    in->probes = memory_array(setting->probes_max + 1, sizeof *in->probes);
    in->dpi_flows = memory_array(setting->probes_max + 1, in->dpi_flow_octets);
    in->buffers = memory_array(setting->buffers_max + 1, sizeof *in->buffers);
    in->holders = memory_array(setting->buffers_max + 1, sizeof *in->holders);
    in->probe_fresh = in->buffer_fresh = 1;
    return in;
}

static struct dpi_flow *dpi_flow_of(struct inspect *in, uint32_t probe)
{
    return (struct dpi_flow *)(in->dpi_flows + probe * in->dpi_flow_octets);
}

const struct inspect_counts *inspect_counts(const struct inspect *in)
{
    return &in->counts;
}

/* --- Buffers --- */

static void buffer_release(struct inspect *in, uint32_t index)
{
    struct holder *h = &in->holders[index];
    in->probes[h->probe].stream[h->direction].buffer = 0;
    *(h->older ? &in->holders[h->older].younger : &in->buffer_line.oldest) = h->younger;
    *(h->younger ? &in->holders[h->younger].older : &in->buffer_line.youngest) = h->older;
    h->probe = 0;
    h->younger = in->buffer_free;
    in->buffer_free = index;
}

static uint32_t buffer_take(struct inspect *in, uint32_t probe, unsigned direction)
{
    if (!in->buffer_free && in->buffer_fresh > in->setting.buffers_max) {
        buffer_release(in, in->buffer_line.oldest);
        in->counts.buffers_cut++;
    }
    uint32_t index = in->buffer_free ? in->buffer_free : in->buffer_fresh++;
    struct holder *h = &in->holders[index];
    if (in->buffer_free)
        in->buffer_free = h->younger;
    *h = (struct holder){.probe = probe, .direction = (uint8_t)direction};
    h->older = in->buffer_line.youngest;
    *(h->older ? &in->holders[h->older].younger : &in->buffer_line.oldest) = index;
    in->buffer_line.youngest = index;
    in->probes[probe].stream[direction].buffer = index;
    return index;
}

/* --- Probes --- */

static void probe_release(struct inspect *in, uint32_t index)
{
    struct probe *p = &in->probes[index];
    for (int i = 0; i < 2; i++)
        if (p->stream[i].buffer)
            buffer_release(in, p->stream[i].buffer);
    dpi_flow_end(dpi_flow_of(in, index));
    *(p->older ? &in->probes[p->older].younger : &in->probe_line.oldest) = p->younger;
    *(p->younger ? &in->probes[p->younger].older : &in->probe_line.youngest) = p->older;
    p->flow = 0;
    p->younger = in->probe_free;
    in->probe_free = index;
}

static uint32_t certain_code(struct inspect *in, const char *text)
{
    return symbols_code(in->setting.symbols, SYMBOL_APPLICATION, text, strlen(text));
}

void inspect_note(struct inspect *in, uint32_t index)
{
    struct flow *f = cache_at(in->setting.cache, index);
    if (f->probe)
        f->application = in->probes[f->probe].certain
                             ? certain_code(in, in->probes[f->probe].certain)
                             : dpi_so_far(in->dpi, dpi_flow_of(in, f->probe));
}

void inspect_end(struct inspect *in, uint32_t index)
{
    struct flow *f = cache_at(in->setting.cache, index);
    f->state |= FLOW_LOOKED;
    if (!f->probe)
        return;
    struct dpi_flow *state = dpi_flow_of(in, f->probe);
    f->application = dpi_application(in->dpi, state);
    const char *certain = in->probes[f->probe].certain;
    if (certain)
        f->application = certain_code(in, certain);
    else if (f->application == 0 && in->probes[f->probe].stun)
        f->application = symbols_code(in->setting.symbols, SYMBOL_APPLICATION, "STUN", 4);
    if (dpi_is_quic(state))
        f->marks |= MARK_QUIC;
    probe_release(in, f->probe);
    f->probe = 0;
}

static uint32_t probe_take(struct inspect *in, uint32_t flow)
{
    if (!in->probe_free && in->probe_fresh > in->setting.probes_max) {
        inspect_end(in, in->probes[in->probe_line.oldest].flow);
        in->counts.probes_cut++;
    }
    uint32_t index = in->probe_free ? in->probe_free : in->probe_fresh++;
    struct probe *p = &in->probes[index];
    if (in->probe_free)
        in->probe_free = p->younger;
    *p = (struct probe){.flow = flow, .older = in->probe_line.youngest};
    *(p->older ? &in->probes[p->older].younger : &in->probe_line.oldest) = index;
    in->probe_line.youngest = index;
    memset(dpi_flow_of(in, index), 0, in->dpi_flow_octets);
    return index;
}

void inspect_free(struct inspect *in)
{
    if (!in)
        return;
    while (in->probe_line.oldest)
        probe_release(in, in->probe_line.oldest);
    dpi_free(in->dpi);
    quic_free(in->quic);
    teller_free(in->teller);
    free(in->probes);
    free(in->dpi_flows);
    free(in->buffers);
    free(in->holders);
    free(in);
}

/* --- Names --- */

/* Keeps the first name; another one later is marked. */
static void name_found(struct inspect *in, uint32_t index, const struct name *name, uint8_t kind)
{
    struct flow *f = cache_at(in->setting.cache, index);
    struct name *kept = cache_name(in->setting.cache, index);
    if (f->name_kind == NAME_NONE) {
        f->name_kind = kind;
        kept->len = name->len;
        memcpy(kept->text, name->text, name->len);
    } else if (!name_equal(kept, name)) {
        f->marks |= MARK_NAME_CONFLICT;
    }
}

static struct told *told_of(struct inspect *in, uint32_t flow)
{
    struct flow *f = cache_at(in->setting.cache, flow);
    struct told *told = cache_told(in->setting.cache, flow);
    if (!(f->state & FLOW_TOLD)) {
        *told = (struct told){0};
        f->state |= FLOW_TOLD;
    }
    return told;
}

struct finding {
    enum look look;
    bool request; /* HTTP, and no name in it */
    uint8_t kind; /* enum name_kind, where look is LOOK_NAME */
    struct name name;
};

/* What a stream that starts here tells. */
static struct finding look_at_stream(struct inspect *in, struct bytes stream)
{
    struct finding f;
    f.kind = NAME_SNI;
    f.request = false;
    f.look = tls_stream(stream, in->scratch, &f.name);
    if (f.look == LOOK_NOT && http_may_be_request(stream)) {
        f.kind = NAME_HTTP;
        f.look = http_request(stream, &f.name);
        f.request = f.look == LOOK_NONE;
        if (f.request)
            f.look = LOOK_NOT; /* the connection's next request may have one */
        if (f.look == LOOK_NOT && stream.at[0] == 'P')
            f.look = http2_authority(stream, &f.name);
    }
    return f;
}

/* A ClientHello that follows other octets in the same segment. Where it starts, SIZE_MAX if none.
 */
static size_t find_hello(struct bytes b)
{
    for (size_t at = 1; at + HELLO_SCAN_MIN <= b.len; at++) {
        const uint8_t *hit = memchr(b.at + at, 22, b.len - HELLO_SCAN_MIN + 1 - at);
        if (!hit)
            break;
        at = (size_t)(hit - b.at);
        struct bytes rest = bytes_slice(b, at, SIZE_MAX);
        if (tls_is_client_hello(rest) && rest.at[6] == 0 && rest.at[9] == 3 && rest.at[10] <= 3 &&
            (rest.at[3] << 8 | rest.at[4]) == (rest.at[7] << 8 | rest.at[8]) + 4)
            return at;
    }
    return SIZE_MAX;
}

/* --- Devices and handshakes --- */

/* What a client's stream that starts here tells besides the name. False while it is not whole. */
static bool tell_client(struct inspect *in, struct probe *p, unsigned direction,
                        struct bytes stream)
{
    p->client = (uint8_t)direction;
    p->wait = WAIT_CLIENT;
    if (tls_is_client_hello(stream)) {
        struct bytes body = tls_hello_body(stream, in->scratch);
        if (body.len == 0 && stream.len < ASSEMBLY_OCTETS)
            return false;
        if (body.len)
            tell_hello(in->teller, told_of(in, p->flow), direction, body, 't');
        p->wait = WAIT_ANSWER;
    } else if (http_may_be_request(stream)) {
        struct bytes agent;
        enum look look = http_field(stream, "user-agent:", &agent);
        if (look == LOOK_MORE && stream.len < ASSEMBLY_OCTETS)
            return false;
        if (look == LOOK_NAME)
            tell_agent(in->teller, told_of(in, p->flow), direction, agent,
                       PLATFORM_BASIS_USER_AGENT);
        p->wait = WAIT_REPLY;
    } else {
        p->wait = WAIT_ANSWER; /* SSL 2's hello may be answered in TLS */
    }
    return true;
}

/* The name asked for in the hello, where it is sure to be of this connection. */
static const struct name *host_of(struct inspect *in, uint32_t flow)
{
    const struct flow *f = cache_at(in->setting.cache, flow);
    bool sure = f->name_kind == NAME_SNI && !(f->marks & MARK_NAME_CONFLICT);
    return sure ? cache_name(in->setting.cache, flow) : NULL;
}

static void tell_server(struct inspect *in, struct probe *p, const struct tls_answer *answer,
                        uint64_t time_ms)
{
    if (answer->version)
        tell_answer(told_of(in, p->flow), answer, host_of(in, p->flow), time_ms);
}

/* One segment of the server's first flight. */
static void look_at_answer(struct inspect *in, uint32_t probe, unsigned direction, uint32_t seq,
                           struct bytes payload, bool gap, uint64_t time_ms)
{
    struct probe *p = &in->probes[probe];
    struct stream *s = &p->stream[direction];
    struct tls_answer answer = {0};
    enum tls_look look = TLS_MORE;
    struct bytes head = payload;
    if (!s->buffer && s->known && (int32_t)(seq + (uint32_t)payload.len - s->next) <= 0)
        return; /* sent before, and again */
    if (!s->buffer && !gap)
        look = tls_server_stream(payload, in->scratch, &answer);
    /* Where the server's stream begins is not known: the first to come may be a later one. */
    bool keep = look == TLS_MORE || (look == TLS_NOT && !s->known);
    if (!s->buffer && keep) {
        struct assembly *a = &in->buffers[buffer_take(in, probe, direction)];
        assembly_start(a, gap ? s->next : seq);
        assembly_add(a, seq, payload);
    } else if (s->buffer) {
        struct assembly *a = &in->buffers[s->buffer];
        if (!assembly_add(a, seq, payload))
            return;
        head = assembly_head(a);
        look = tls_server_stream(head, in->scratch, &answer);
    }
    tell_server(in, p, &answer, time_ms);
    if (look == TLS_NOT && s->buffer && p->strange++ < STRANGE_MAX)
        return;
    if (look == TLS_MORE && head.len < ASSEMBLY_OCTETS)
        return;
    p->wait = WAIT_NOTHING;
    if (s->buffer)
        buffer_release(in, s->buffer);
}

static void look_at_reply(struct inspect *in, struct probe *p, unsigned direction,
                          struct bytes payload)
{
    struct bytes server;
    p->wait = WAIT_NOTHING;
    if (payload.len > 5 && memcmp(payload.at, "HTTP/", 5) == 0 &&
        http_field(payload, "server:", &server) == LOOK_NAME)
        tell_banner(told_of(in, p->flow), direction, server, PLATFORM_BASIS_BANNER);
}

/* RFC 4253 section 4.2: the identification of either side is its first line. */
static void look_at_ssh(struct inspect *in, struct probe *p, unsigned direction,
                        struct bytes payload)
{
    struct bytes line = bytes_slice(payload, 0, BANNER_MAX);
    const uint8_t *end = memchr(line.at, '\n', line.len);
    if (end)
        line.len = (size_t)(end - line.at);
    tell_banner(told_of(in, p->flow), direction, line, PLATFORM_BASIS_BANNER);
}

/* UPnP Device Architecture 1.1 section 1: who asks and who answers say what they are. */
static void look_at_ssdp(struct inspect *in, struct probe *p, unsigned direction,
                         struct bytes payload)
{
    struct bytes text;
    if (http_field(payload, "user-agent:", &text) == LOOK_NAME)
        tell_agent(in->teller, told_of(in, p->flow), direction, text, PLATFORM_BASIS_DISCOVERY);
    if (http_field(payload, "server:", &text) == LOOK_NAME)
        tell_banner(told_of(in, p->flow), direction, text, PLATFORM_BASIS_DISCOVERY);
}

/* Other protocols with HTTP's header fields: SIP (RFC 3261 section 20.41), RTSP, Gnutella. */
static void look_at_fields(struct inspect *in, struct probe *p, unsigned direction,
                           struct bytes payload)
{
    struct bytes text;
    if (http_may_be_request(payload) && http_field(payload, "user-agent:", &text) == LOOK_NAME)
        tell_agent(in->teller, told_of(in, p->flow), direction, text, PLATFORM_BASIS_USER_AGENT);
}

/* --- Streams --- */

/* Goes on with a client's stream of which the name is known and the rest is not. */
static void go_on_with_client(struct inspect *in, uint32_t probe, unsigned direction, uint32_t seq,
                              struct bytes payload)
{
    struct probe *p = &in->probes[probe];
    struct stream *s = &p->stream[direction];
    if (!s->buffer) {
        p->wait = WAIT_NOTHING; /* it lost its buffer to another */
        return;
    }
    struct assembly *a = &in->buffers[s->buffer];
    if (assembly_add(a, seq, payload) && tell_client(in, p, direction, assembly_head(a)))
        buffer_release(in, s->buffer);
}

/* Goes on with a stream that is being put together. */
static struct finding look_at_buffer(struct inspect *in, uint32_t probe, unsigned direction,
                                     uint32_t seq, struct bytes payload)
{
    struct probe *p = &in->probes[probe];
    struct stream *s = &p->stream[direction];
    struct finding f = {.look = LOOK_MORE};
    struct assembly *a = &in->buffers[s->buffer];
    if (!assembly_add(a, seq, payload))
        return f;
    struct bytes head = assembly_head(a);
    f = look_at_stream(in, head);
    if (f.look == LOOK_MORE && head.len == ASSEMBLY_OCTETS)
        f.look = LOOK_NOT;
    bool found = f.look == LOOK_NAME || f.look == LOOK_NONE;
    if (f.look != LOOK_MORE && (!found || tell_client(in, p, direction, head)))
        buffer_release(in, s->buffer);
    return f;
}

static struct finding look_at_segment(struct inspect *in, uint32_t probe, unsigned direction,
                                      const struct packet *p, uint32_t seq, bool gap)
{
    struct stream *s = &in->probes[probe].stream[direction];
    if (s->buffer) {
        struct finding f = look_at_buffer(in, probe, direction, seq, p->payload);
        if (f.look == LOOK_NAME || f.look == LOOK_NONE)
            return f;
    }
    struct bytes payload = p->payload;
    struct finding f = look_at_stream(in, payload);
    if (f.look == LOOK_NOT) {
        size_t at = find_hello(payload);
        if (at != SIZE_MAX) {
            payload = bytes_slice(payload, at, SIZE_MAX);
            seq += (uint32_t)at;
            f = look_at_stream(in, payload);
        }
    }
    bool keep = f.look == LOOK_MORE || (f.look == LOOK_NOT && gap);
    if (f.request && !tell_client(in, &in->probes[probe], direction, payload))
        in->probes[probe].wait = WAIT_NOTHING;
    else if (f.look == LOOK_NOT && !f.request && in->probes[probe].looked < FIELDS_PACKETS)
        look_at_fields(in, &in->probes[probe], direction, payload);
    if (f.look == LOOK_NAME || f.look == LOOK_NONE)
        keep = !tell_client(in, &in->probes[probe], direction, payload);
    if (keep && !s->buffer) {
        struct assembly *a = &in->buffers[buffer_take(in, probe, direction)];
        /* A segment that came before those in front of it waits for them. */
        assembly_start(a, f.look != LOOK_NOT ? seq : s->next);
        assembly_add(a, seq, payload);
    }
    return f;
}

/* What is awaited, or a name. */
static struct finding look_at_awaited(struct inspect *in, uint32_t probe, unsigned direction,
                                      const struct packet *p, uint32_t seq, bool gap,
                                      uint64_t time_ms)
{
    struct probe *pr = &in->probes[probe];
    struct finding none = {.look = LOOK_NOT};
    if (pr->wait == WAIT_NOTHING && !pr->named && tls_is_server_hello(p->payload)) {
        pr->client = !direction; /* its side was not captured, or came later */
        pr->wait = WAIT_ANSWER;
    }
    bool client = direction == pr->client;
    if (pr->wait == WAIT_CLIENT && client) {
        go_on_with_client(in, probe, direction, seq, p->payload);
        return none;
    }
    if (pr->wait == WAIT_ANSWER && !client) {
        look_at_answer(in, probe, direction, seq, p->payload, gap, time_ms);
        return none;
    }
    if (pr->wait == WAIT_REPLY && !client)
        look_at_reply(in, pr, direction, p->payload);
    if (p->payload.len > 8 && p->payload.at[0] == 'S' && memcmp(p->payload.at, "SSH-2.0-", 8) == 0)
        look_at_ssh(in, pr, direction, p->payload);
    if (pr->named && pr->detected)
        return none;
    return look_at_segment(in, probe, direction, p, seq, gap);
}

static struct finding look_at_tcp(struct inspect *in, uint32_t probe, const struct flow *flow,
                                  const struct packet *p, unsigned direction, uint64_t time_ms)
{
    struct stream *s = &in->probes[probe].stream[direction];
    uint32_t seq = p->tcp_seq + (p->tcp_flags & TCP_SYN ? 1 : 0); /* RFC 7413: data in a SYN */
    bool opener = (flow->opener == OPENER_SOURCE && direction == 0);
    if (!s->known && opener) {
        s->known = true;
        s->next = flow->isn + 1;
    }
    uint32_t ahead = seq - s->next;
    bool gap = s->known && ahead > 0 && ahead < ASSEMBLY_OCTETS && !p->snapped;
    struct finding f = look_at_awaited(in, probe, direction, p, seq, gap, time_ms);
    uint32_t end = seq + (uint32_t)p->payload.len;
    if (!s->known || (int32_t)(end - s->next) > 0) {
        if (!gap || !s->known)
            s->next = end;
        s->known = true;
    }
    return f;
}

/* DNS over TCP: the first answer, after its length (RFC 7766 section 8). */
static void look_at_tcp_dns(struct inspect *in, uint32_t probe, const struct packet *p,
                            unsigned direction, uint64_t time_ms, struct sightings *seen)
{
    struct probe *pr = &in->probes[probe];
    struct stream *s = &pr->stream[direction];
    if (!s->buffer)
        assembly_start(&in->buffers[buffer_take(in, probe, direction)], p->tcp_seq);
    struct assembly *a = &in->buffers[s->buffer];
    assembly_add(a, p->tcp_seq, p->payload);
    struct bytes head = assembly_head(a);
    size_t len = head.len < 2 ? SIZE_MAX : (size_t)head.at[0] << 8 | head.at[1];
    if (head.len < ASSEMBLY_OCTETS && (len == SIZE_MAX || head.len < len + 2))
        return;
    dns_read(bytes_slice(head, 2, len), time_ms, &p->dst, seen);
    buffer_release(in, s->buffer);
    pr->named = true;
}

/* What the datagrams so far tell besides the name. False while the hello is not whole. */
static bool tell_datagram(struct inspect *in, struct probe *p, unsigned direction,
                          struct bytes datagram, const struct assembly *a, bool quic)
{
    struct bytes body = quic ? tls_hello_in(assembly_head(a)) : dtls_hello_body(datagram, a);
    bool chlo = quic && a->pieces == 0; /* Google's own */
    p->client = (uint8_t)direction;
    if (body.len)
        tell_hello(in->teller, told_of(in, p->flow), direction, body, quic ? 'q' : 'd');
    if (chlo && quic_agent(in->quic).len)
        tell_agent(in->teller, told_of(in, p->flow), direction, quic_agent(in->quic),
                   PLATFORM_BASIS_QUIC);
    bool whole = body.len || chlo || assembly_head(a).len == ASSEMBLY_OCTETS;
    p->wait = !whole ? WAIT_CLIENT : quic ? WAIT_NOTHING : WAIT_ANSWER;
    return whole;
}

/* Runs the reader on the conversation's buffer, or on the one to try in, which is kept if it must.
 */
static struct finding look_at_datagram(struct inspect *in, uint32_t probe, unsigned direction,
                                       const struct packet *p, bool quic)
{
    struct probe *pr = &in->probes[probe];
    struct stream *s = &pr->stream[0];
    struct assembly *a = &in->buffers[s->buffer];
    if (!s->buffer)
        assembly_start(a, 0);
    struct finding f = {.kind = quic ? NAME_QUIC : NAME_SNI};
    f.look = quic ? quic_datagram(in->quic, p->payload, &pr->keys, a, &f.name)
                  : dtls_datagram(p->payload, a, &f.name);
    bool found = f.look == LOOK_NAME || f.look == LOOK_NONE;
    bool wanted =
        f.look == LOOK_MORE || (found && !tell_datagram(in, pr, direction, p->payload, a, quic));
    if (wanted && !s->buffer && a->pieces)
        assembly_copy(&in->buffers[buffer_take(in, probe, 0)], a);
    else if (found && !wanted && s->buffer)
        buffer_release(in, s->buffer);
    return f;
}

/* RFC 8489 section 5. nDPI settles a short STUN conversation only with its guesses on. */
static bool is_stun(struct bytes b)
{
    static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};
    return b.len >= 20 && b.at[0] < 0x40 && memcmp(b.at + 4, cookie, sizeof cookie) == 0 &&
           ((size_t)b.at[2] << 8 | b.at[3]) + 20 == b.len && b.len % 4 == 0;
}

static bool is_dtls_answer(const struct probe *p, unsigned direction, struct bytes b)
{
    return p->wait == WAIT_ANSWER && direction != p->client && b.len > 25 && b.at[0] == 22;
}

static struct finding look_at_udp(struct inspect *in, uint32_t probe, struct flow *flow,
                                  const struct packet *p, unsigned direction, uint64_t time_ms)
{
    struct probe *pr = &in->probes[probe];
    struct finding none = {.look = LOOK_NOT};
    bool ssdp = p->src_port == SSDP_PORT || p->dst_port == SSDP_PORT;
    if (ssdp)
        look_at_ssdp(in, pr, direction, p->payload);
    if (is_dtls_answer(pr, direction, p->payload)) {
        struct tls_answer answer;
        if (dtls_server_datagram(p->payload, &answer) != TLS_MORE)
            pr->wait = WAIT_NOTHING;
        tell_server(in, pr, &answer, time_ms);
        return none;
    }
    if (is_stun(p->payload)) {
        pr->stun = true;
        return none;
    }
    if (p->payload.len > 25 && p->payload.at[0] == 22 && p->payload.at[13] == 1)
        return look_at_datagram(in, probe, direction, p, false);
    if (!quic_is_long_header(p->payload)) {
        if (pr->looked < FIELDS_PACKETS && !ssdp)
            look_at_fields(in, pr, direction, p->payload);
        /* TLS inside a datagram protocol, as in RDP over UDP. */
        size_t at = find_hello(p->payload);
        return at == SIZE_MAX ? none : look_at_stream(in, bytes_slice(p->payload, at, SIZE_MAX));
    }
    flow->marks |= MARK_QUIC;
    if (pr->keys.version && pr->client != direction)
        return none;
    struct finding f = look_at_datagram(in, probe, direction, p, true);
    pr->client = (uint8_t)direction;
    return f;
}

static void look_for_name(struct inspect *in, uint32_t index, const struct packet *p,
                          unsigned direction, uint64_t time_ms, struct sightings *seen)
{
    struct flow *flow = cache_at(in->setting.cache, index);
    struct finding f = {.look = LOOK_NOT};
    if (p->protocol == TCP && p->src_port == DNS_PORT && seen && !in->probes[flow->probe].named)
        look_at_tcp_dns(in, flow->probe, p, direction, time_ms, seen);
    else if (p->protocol == TCP)
        f = look_at_tcp(in, flow->probe, flow, p, direction, time_ms);
    else if (p->protocol == UDP)
        f = look_at_udp(in, flow->probe, flow, p, direction, time_ms);
    if (f.look == LOOK_NAME)
        name_found(in, index, &f.name, f.kind);
    if (f.look == LOOK_NAME || f.look == LOOK_NONE)
        in->probes[flow->probe].named = true;
}

void inspect_packet(struct inspect *in, uint32_t index, const struct packet *p, unsigned direction,
                    uint64_t time_ms, struct sightings *seen)
{
    struct flow *flow = cache_at(in->setting.cache, index);
    if (!flow->probe)
        flow->probe = probe_take(in, index);
    struct probe *probe = &in->probes[flow->probe];
    in->counts.looked++;
    look_for_name(in, index, p, direction, time_ms, seen);
    if (!probe->detected)
        probe->detected = dpi_packet(in->dpi, dpi_flow_of(in, flow->probe), p->l3, time_ms);
    if (!probe->certain)
        probe->certain = recognise(p);
    probe->looked++;
    bool names = p->protocol == TCP || p->protocol == UDP;
    bool done = probe->detected && (probe->named || !names) && probe->wait == WAIT_NOTHING;
    if (probe->looked >= in->setting.packets || done)
        inspect_end(in, index);
}
