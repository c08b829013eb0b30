#include "usage/sip_sdp.h"

#include "media/rtp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {
	[RELOAD_SDP_INACTIVE] = "inactive",
	[RELOAD_SDP_SENDONLY] = "sendonly",
	[RELOAD_SDP_RECVONLY] = "recvonly",
	[RELOAD_SDP_SENDRECV] = "sendrecv",
};

/* -- reading -------------------------------------------------------------------------------------------------------------- */

/*
 * This reader is our own: the one of sofia-sip 1.12.11 takes memory without end for an m= line that names no format.  Of a description
 * it needs c=, m= and the direction alone.
 */
struct reader {
	struct reload_sdp_audio audio;
	struct span host;   /* c= of the session */
	unsigned direction; /* of the session */
	bool found;         /* a stream that can be used; it is the present one when `in` is set */
	bool in, candidate; /* candidate: the present stream can be used when its address can */
	struct reload_sdp_audio stream;
	struct span stream_host;
	unsigned long port;
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

/* The next of the words of a line, which are separated by blanks; empty: there is none. */
static struct span next_word(struct span *line)
{
	size_t n = 0;
	while (line->len && line->at[0] == ' ')
		*line = span_of(line->at + 1, line->len - 1);
	while (n < line->len && line->at[n] != ' ')
		n++;
	struct span word = span_of(line->at, n);
	*line = span_of(line->at + n, line->len - n);
	return word;
}

static bool is(struct span s, const char *text)
{
	return span_eq(s, span_str(text));
}

/* Decimal digits, with "/" and what comes after it left out; false for another text or a large number. */
static bool number(unsigned long *out, struct span word)
{
	unsigned long v = 0;
	size_t i = 0;
	for (; i < word.len && isdigit(word.at[i]); i++) {
		v = v * 10 + (unsigned long)(word.at[i] - '0');
		if (v > UINT16_MAX)
			return false;
	}
	*out = v;
	return i && (i == word.len || word.at[i] == '/');
}

/* c=IN IP4 ADDRESS[/TTL]; empty for anything else. */
static struct span connection_of(struct span value)
{
	struct span net = next_word(&value), family = next_word(&value), host = next_word(&value);
	const uint8_t *slash = host.len ? memchr(host.at, '/', host.len) : NULL;
	if (slash)
		host.len = (size_t)(slash - host.at);
	bool known = is(net, "IN") && (is(family, "IP4") || is(family, "IP6"));
	return known ? host : span_of(NULL, 0);
}

/* A numeric address that packets can be sent to; no name is ever looked up. */
static bool address(struct reload_ip_port *out, struct span host, unsigned long port)
{
	char text[80];
	if (!host.len || host.len > 45 || memchr(host.at, 0, host.len))
		return false;
	snprintf(text, sizeof(text), memchr(host.at, ':', host.len) ? "[%.*s]:%lu" : "%.*s:%lu",
		(int)host.len, (const char *)host.at, port);
	return !reload_ip_port_parse(out, text, 0) && !reload_ip_port_fault(out);
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

/* The present stream is at its end: the first that can be used is taken. */
static void stream_end(struct reader *r)
{
	struct span host = r->stream_host.len ? r->stream_host : r->host;
	if (!r->in)
		return;
	bool held = is(host, "0.0.0.0"); /* RFC 3264 s8.4: nothing is to be sent there */
	struct reload_ip_port at = { 0 };
	if (r->candidate && !r->found && (held || address(&at, host, r->port))) {
		r->found = true;
		r->audio.at = at;
		r->audio.payload_type = r->stream.payload_type;
		r->audio.direction =
			r->stream.direction & (held ? RELOAD_SDP_SENDONLY : RELOAD_SDP_SENDRECV);
		r->audio.index = r->audio.streams;
	}
	r->audio.streams++;
}

/* m=TYPE PORT PROTO FORMAT... */
static bool stream_begin(struct reader *r, struct span value)
{
	struct span type = next_word(&value), port = next_word(&value), proto = next_word(&value),
		    format;
	unsigned long n;
	bool codec = false;
	stream_end(r);
	r->in = true;
	r->stream = (struct reload_sdp_audio){ .direction = r->direction };
	r->stream_host = span_of(NULL, 0);
	if (r->audio.streams == RELOAD_SDP_STREAMS_MAX || !number(&r->port, port) || !proto.len)
		return false;
	keep_word(r->audio.types[r->audio.streams], type, "audio");
	keep_word(r->audio.protos[r->audio.streams], proto, "RTP/AVP");
	while (!codec && (format = next_word(&value)).len)
		if (number(&n, format) && (n == RELOAD_RTP_PCMU || n == RELOAD_RTP_PCMA)) {
			codec = true;
			r->stream.payload_type = (uint8_t)n;
		}
	r->candidate = codec && r->port && is(type, "audio") && is(proto, "RTP/AVP");
	return true;
}

static void attribute(struct reader *r, struct span value)
{
	unsigned *direction = r->in ? &r->stream.direction : &r->direction;
	for (unsigned d = RELOAD_SDP_INACTIVE; d <= RELOAD_SDP_SENDRECV; d++)
		if (is(value, directions[d]))
			*direction = d;
}

static bool read_line(struct reader *r, struct span line)
{
	if (line.len < 2 || line.at[1] != '=')
		return false;
	struct span value = span_of(line.at + 2, line.len - 2);
	switch (line.at[0]) {
	case 'c':
		*(r->in ? &r->stream_host : &r->host) = connection_of(value);
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
	struct reader r = { .direction = RELOAD_SDP_SENDRECV };
	struct span line;
	if (!next_line(&text, &line) || !is(line, "v=0"))
		return RELOAD_BAD_VALUE;
	while (next_line(&text, &line))
		if (line.len && !read_line(&r, line))
			return RELOAD_BAD_VALUE;
	stream_end(&r);
	if (!r.found)
		return RELOAD_NO_VALUE;
	*out = r.audio;
	return RELOAD_OK;
}

/* -- writing -------------------------------------------------------------------------------------------------------------- */

static void head(struct wr *w, const struct reload_ip_port *at, unsigned version, char host[64])
{
	const char *family = at->type == RELOAD_IPV6 ? "IP6" : "IP4";
	char text[64];
	snprintf(text, sizeof(text), "%s", reload_ip_port_text(host, at));
	char *end = strrchr(text, ':');
	if (end)
		*end = 0;
	if (*text == '[') {
		text[strlen(text) - 1] = 0;
		snprintf(host, 64, "%s", text + 1);
	} else {
		snprintf(host, 64, "%s", text);
	}
	wr_format(w, "v=0\r\no=- %u %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", at->port,
		version, family, host, family, host);
}

void reload_sdp_offer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	enum reload_sdp_direction direction)
{
	char host[64];
	head(w, at, version, host);
	wr_format(w,
		"m=audio %u RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
		"a=ptime:20\r\na=%s\r\n",
		at->port, directions[direction]);
}

/* What who answers does: it receives where the other end sends, and the other way around. */
static enum reload_sdp_direction turned(unsigned offered)
{
	return (offered & RELOAD_SDP_SENDONLY ? RELOAD_SDP_RECVONLY : 0) |
	       (offered & RELOAD_SDP_RECVONLY ? RELOAD_SDP_SENDONLY : 0);
}

void reload_sdp_answer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	const struct reload_sdp_audio *offer)
{
	char host[64];
	head(w, at, version, host);
	for (size_t i = 0; i < offer->streams; i++) {
		if (i != offer->index) {
			wr_format(w, "m=%s 0 %s 0\r\n", offer->types[i], offer->protos[i]);
			continue;
		}
		wr_format(w,
			"m=audio %u RTP/AVP %u\r\na=rtpmap:%u %s/8000\r\na=ptime:20\r\na=%s\r\n",
			at->port, offer->payload_type, offer->payload_type,
			offer->payload_type == RELOAD_RTP_PCMA ? "PCMA" : "PCMU",
			directions[turned(offer->direction)]);
	}
}
