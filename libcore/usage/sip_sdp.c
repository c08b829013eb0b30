#include "usage/sip_sdp.h"

#include "media/rtp.h"
#include "usage/sip_sdp_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const reload_sdp_directions[] = {
	[RELOAD_SDP_INACTIVE] = "inactive",
	[RELOAD_SDP_SENDONLY] = "sendonly",
	[RELOAD_SDP_RECVONLY] = "recvonly",
	[RELOAD_SDP_SENDRECV] = "sendrecv",
};

enum {
	FORMATS_MAX = 32, /* of a stream; more are not looked at */
	TYPES = 128,
	NO_CODEC = RELOAD_CODECS
};

/*
 * This reader is our own: the one of sofia-sip 1.12.11 takes memory without end for an m= line that names no format.
 */
struct stream {
	unsigned direction;
	struct span host, rtcp_host;
	unsigned long port, rtcp_port; /* rtcp_port 0: not said */
	bool usable, secure, rtcp_mux;
	size_t formats_count;
	uint8_t formats[FORMATS_MAX];
	uint8_t codecs[TYPES];  /* enum reload_codec_type, or NO_CODEC, by payload type */
	unsigned events[TYPES]; /* the clock of telephone-event; 0: it is none */
	struct reload_sdp_dtls dtls;
	struct reload_sdp_ice ice;
};

struct reader {
	struct reload_sdp_audio audio;
	struct stream session,
		stream; /* session: what holds for each stream that does not say it itself */
	bool found, in; /* in: behind an m= line */
};

/* The next line without its end; false: there is none. */
static bool next_line(struct span *text, struct span *line)
{
	if (!text->len)
		return false;
	const uint8_t *end = memchr(text->at, '\n', text->len);
	size_t n = end ? (size_t)(end - text->at) : text->len;
	*line = span_of(text->at, n);
	*text = end ? span_of(end + 1, text->len - n - 1) : span_of(NULL, 0);
	if (line->len && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool is(struct span s, const char *text)
{
	return span_eq(s, span_str(text));
}

/* c=IN IP4 ADDRESS[/TTL]; empty for anything else. */
static struct span connection_of(struct span value)
{
	struct span net = reload_sdp_word(&value), family = reload_sdp_word(&value),
		    host = reload_sdp_word(&value);
	const uint8_t *slash = host.len ? memchr(host.at, '/', host.len) : NULL;
	if (slash)
		host.len = (size_t)(slash - host.at);
	bool known = is(net, "IN") && (is(family, "IP4") || is(family, "IP6"));
	return known ? host : span_of(NULL, 0);
}

/* A word of an m= line as it is written into the answer. */
static void keep_word(char out[RELOAD_SDP_WORD], struct span word, const char *otherwise)
{
	bool plain = word.len && word.len < RELOAD_SDP_WORD;
	for (size_t i = 0; plain && i < word.len; i++)
		plain = isalnum(word.at[i]) || word.at[i] == '/' || word.at[i] == '-';
	snprintf(out, RELOAD_SDP_WORD, "%.*s", plain ? (int)word.len : (int)strlen(otherwise),
		plain ? (const char *)word.at : otherwise);
}

/* -- a stream at its end -------------------------------------------------------------------------------------------------- */

static bool choose_codec(struct reload_sdp_audio *a, const struct stream *s)
{
	size_t i = 0;
	while (i < s->formats_count && s->codecs[s->formats[i]] == NO_CODEC)
		i++;
	if (i == s->formats_count)
		return false;
	a->payload_type = s->formats[i];
	a->codec = (enum reload_codec_type)s->codecs[a->payload_type];
	a->dtmf_type = RELOAD_RTP_NO_TYPE;
	for (i = s->formats_count; i-- > 0;)
		if (s->events[s->formats[i]] == reload_codec_rows[a->codec].rate)
			a->dtmf_type = s->formats[i];
	return true;
}

static void choose_rtcp(struct reload_sdp_audio *a, const struct stream *s)
{
	unsigned long port = s->rtcp_port ? s->rtcp_port : s->port + 1;
	a->rtcp_mux = s->rtcp_mux;
	a->rtcp = a->at;
	if (s->rtcp_mux || !a->at.type)
		return;
	a->rtcp = (struct reload_ip_port){ 0 };
	if (port <= UINT16_MAX &&
		!reload_sdp_address(&a->rtcp, s->rtcp_host.len ? s->rtcp_host : s->host, port))
		a->rtcp = (struct reload_ip_port){ 0 };
}

/* RFC 8839 s4.2.5: where the default destination is no candidate, something on the way has changed it, and ICE would go past that. */
static bool ice_fits(const struct reload_sdp_audio *a)
{
	for (size_t i = 0; i < a->ice.count; i++)
		if (reload_ip_port_eq(&a->ice.candidates[i].at, &a->at))
			return *a->ice.ufrag && *a->ice.password;
	return false;
}

static void security_of(
	struct reload_sdp_audio *a, const struct stream *s, const struct stream *session)
{
	a->secure = s->secure;
	a->dtls = s->dtls.has ? s->dtls : session->dtls;
	a->dtls.setup = s->dtls.setup ? s->dtls.setup : session->dtls.setup;
	a->ice = s->ice;
	if (!*a->ice.ufrag) {
		memcpy(a->ice.ufrag, session->ice.ufrag, sizeof(a->ice.ufrag));
		memcpy(a->ice.password, session->ice.password, sizeof(a->ice.password));
	}
}

/* The present stream is at its end: the first that can be used is taken. */
static void stream_end(struct reader *r)
{
	struct stream *s = &r->stream;
	struct reload_sdp_audio a = { 0 };
	if (!r->in)
		return;
	s->host = s->host.len ? s->host : r->session.host;
	bool held = is(s->host, "0.0.0.0"); /* RFC 3264 s8.4: nothing is to be sent there */
	if (!r->found && s->usable && choose_codec(&a, s) &&
		(held || reload_sdp_address(&a.at, s->host, s->port))) {
		a.direction = s->direction & (held ? RELOAD_SDP_SENDONLY : RELOAD_SDP_SENDRECV);
		a.index = r->audio.streams;
		choose_rtcp(&a, s);
		security_of(&a, s, &r->session);
		if (!held && !ice_fits(&a))
			a.ice = (struct reload_sdp_ice){ 0 };
		r->found = !a.secure || a.dtls.has;
		if (r->found) {
			memcpy(a.types, r->audio.types, sizeof(a.types));
			memcpy(a.protos, r->audio.protos, sizeof(a.protos));
			a.streams = r->audio.streams;
			r->audio = a;
		}
	}
	r->audio.streams++;
}

/* -- lines ------------------------------------------------------------------------------------------------------------------ */

static void formats_begin(struct stream *s, struct span value)
{
	struct span format;
	unsigned long n;
	memset(s->codecs, NO_CODEC, sizeof(s->codecs));
	s->codecs[RELOAD_RTP_PCMU] = RELOAD_PCMU; /* RFC 3551: these need no rtpmap */
	s->codecs[RELOAD_RTP_PCMA] = RELOAD_PCMA;
	while (s->formats_count < FORMATS_MAX && (format = reload_sdp_word(&value)).len)
		if (reload_sdp_number(&n, format, TYPES - 1))
			s->formats[s->formats_count++] = (uint8_t)n;
}

/* m=TYPE PORT PROTO FORMAT... */
static bool stream_begin(struct reader *r, struct span value)
{
	static const char *const plain[] = { "RTP/AVP", "RTP/AVPF" };
	static const char *const secure[] = { "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF" };
	struct stream *s = &r->stream;
	struct span type = reload_sdp_word(&value), port = reload_sdp_word(&value),
		    proto = reload_sdp_word(&value);
	bool known = false;
	stream_end(r);
	r->in = true;
	*s = (struct stream){ .direction = r->session.direction };
	if (r->audio.streams == RELOAD_SDP_STREAMS_MAX ||
		!reload_sdp_number(&s->port, port, UINT16_MAX) || !proto.len)
		return false;
	keep_word(r->audio.types[r->audio.streams], type, "audio");
	keep_word(r->audio.protos[r->audio.streams], proto, "RTP/AVP");
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		known |= is(proto, plain[i]) || is(proto, secure[i]);
		s->secure |= is(proto, secure[i]);
	}
	s->usable = known && s->port && is(type, "audio");
	formats_begin(s, value);
	return true;
}

/* a=rtpmap:TYPE NAME/CLOCK[/CHANNELS] */
static void map(struct stream *s, struct span value)
{
	struct span type = reload_sdp_word(&value), encoding = reload_sdp_word(&value);
	const uint8_t *slash = encoding.len ? memchr(encoding.at, '/', encoding.len) : NULL;
	unsigned long n, rate;
	if (!reload_sdp_number(&n, type, TYPES - 1) || !slash)
		return;
	struct span name = span_of(encoding.at, (size_t)(slash - encoding.at));
	struct span clock = span_of(slash + 1, encoding.len - name.len - 1);
	s->codecs[n] = NO_CODEC;
	s->events[n] = 0;
	if (!reload_sdp_number(&rate, clock, UINT16_MAX))
		return;
	for (uint8_t c = 0; c < RELOAD_CODECS; c++)
		if (reload_sdp_is(name, reload_codec_rows[c].name) &&
			rate == reload_codec_rows[c].rate)
			s->codecs[n] = c;
	if (reload_sdp_is(name, "telephone-event"))
		s->events[n] = (unsigned)rate;
}

/* a=rtcp:PORT [IN IP4 ADDRESS] (RFC 3605) */
static void rtcp_at(struct stream *s, struct span value)
{
	struct span port = reload_sdp_word(&value);
	if (!reload_sdp_number(&s->rtcp_port, port, UINT16_MAX))
		s->rtcp_port = 0;
	s->rtcp_host = connection_of(value);
}

static void attribute(struct reader *r, struct span value)
{
	struct stream *s = r->in ? &r->stream : &r->session;
	const uint8_t *colon = value.len ? memchr(value.at, ':', value.len) : NULL;
	struct span name = span_of(value.at, colon ? (size_t)(colon - value.at) : value.len);
	struct span rest = colon ? span_of(colon + 1, value.len - name.len - 1)
				 : span_of(value.at + value.len, 0);
	for (unsigned d = RELOAD_SDP_INACTIVE; d <= RELOAD_SDP_SENDRECV; d++)
		if (is(value, reload_sdp_directions[d]))
			s->direction = d;
	if (is(name, "rtcp-mux"))
		s->rtcp_mux = true;
	else if (is(name, "rtpmap") && r->in)
		map(s, rest);
	else if (is(name, "rtcp"))
		rtcp_at(s, rest);
	else if (is(name, "fingerprint") || is(name, "setup"))
		reload_sdp_read_dtls(&s->dtls, name, rest);
	else
		reload_sdp_read_ice(&s->ice, name, rest);
}

static bool read_line(struct reader *r, struct span line)
{
	if (line.len < 2 || line.at[1] != '=')
		return false;
	struct span value = span_of(line.at + 2, line.len - 2);
	switch (line.at[0]) {
	case 'c':
		(r->in ? &r->stream : &r->session)->host = connection_of(value);
		return true;
	case 'm':
		return stream_begin(r, value);
	case 'a':
		attribute(r, value);
		return true;
	default:
		return true;
	}
}

enum reload_err reload_sdp_read(struct reload_sdp_audio *out, struct span text)
{
	struct reader r = { .session.direction = RELOAD_SDP_SENDRECV };
	struct span line;
	if (!next_line(&text, &line) || !is(line, "v=0"))
		return RELOAD_BAD_VALUE;
	while (next_line(&text, &line))
		if (line.len && !read_line(&r, line))
			return RELOAD_BAD_VALUE;
	stream_end(&r);
	if (!r.found && r.audio.streams)
		return RELOAD_NO_VALUE;
	r.audio.dtmf_type = r.found ? r.audio.dtmf_type : RELOAD_RTP_NO_TYPE;
	*out = r.audio;
	return RELOAD_OK;
}
