#include "usage/sip_sdp_relay.h"

#include "usage/sip_sdp_internal.h"

#include <string.h>
#include <strings.h>

/* A line of a description: its letter, and what is behind the equals sign. */
struct line {
	char type;                     /* 0: it is none */
	struct span value, name, rest; /* of an attribute: name and what is behind the colon */
};

static bool next_line(struct line *l, struct span *text)
{
	if (!text->len)
		return false;
	const uint8_t *end = memchr(text->at, '\n', text->len);
	size_t n = end ? (size_t)(end - text->at) : text->len;
	struct span s = span_of(text->at, n && text->at[n - 1] == '\r' ? n - 1 : n);
	size_t used = n + (end != NULL);
	*text = span_of(text->at + used, text->len - used);
	*l = (struct line){ 0 };
	if (s.len < 2 || s.at[1] != '=')
		return true;
	l->type = (char)s.at[0];
	l->value = span_of(s.at + 2, s.len - 2);
	const uint8_t *colon = l->value.len ? memchr(l->value.at, ':', l->value.len) : NULL;
	size_t name = colon ? (size_t)(colon - l->value.at) : l->value.len;
	l->name = span_of(l->value.at, name);
	l->rest = colon ? span_of(colon + 1, l->value.len - name - 1) : span_of(NULL, 0);
	return true;
}

/* What an end says of keys. */
static bool is_of_keys(struct span name)
{
	static const char *const names[] = { "fingerprint", "setup", "connection", "tls-id",
		"dtls-id", "crypto", "key-mgmt", "zrtp-hash" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (reload_sdp_is(name, names[i]))
			return true;
	return false;
}

/* "audio 5004 RTP/AVP 0": whether it is a stream of audio that is not refused, and its port. */
static bool is_audio(const struct line *l, unsigned long *port)
{
	struct span rest = l->value, kind = reload_sdp_word(&rest);
	return l->type == 'm' && reload_sdp_is(kind, "audio") &&
	       reload_sdp_number(port, reload_sdp_word(&rest), UINT16_MAX) && *port;
}

/* The host of "IN IP4 192.0.2.1"; false: it is no such line. */
static bool host_of(struct span *host, struct span value)
{
	(void)reload_sdp_word(&value);
	(void)reload_sdp_word(&value);
	*host = reload_sdp_word(&value);
	return host->len > 0;
}

static bool is_held(struct span host)
{
	return reload_sdp_is(host, "0.0.0.0") || reload_sdp_is(host, "::");
}

/* -- reading --------------------------------------------------------------------------------------------------------------- */

struct reading {
	struct reload_sdp_relayed *out;
	struct span host; /* of the stream, or of all */
	unsigned long port, rtcp;
	struct span rtcp_host;         /* empty: that of the stream */
	struct reload_sdp_dtls of_all; /* for a stream that says nothing else */
	enum {
		OF_ALL,    /* before the first stream */
		OF_STREAM, /* that is relayed */
		OF_OTHER   /* another stream, whose lines do not count */
	} section;
};

static void read_attribute(struct reading *r, const struct line *l)
{
	struct span rest = l->rest;
	if (reload_sdp_is(l->name, "rtcp-mux"))
		r->out->rtcp_mux |= r->section == OF_STREAM;
	else if (reload_sdp_is(l->name, "rtcp") && r->section == OF_STREAM &&
		 reload_sdp_number(&r->rtcp, reload_sdp_word(&rest), UINT16_MAX))
		(void)host_of(&r->rtcp_host, rest);
	else if (is_of_keys(l->name)) {
		r->out->keys = true;
		reload_sdp_read_dtls(
			r->section == OF_ALL ? &r->of_all : &r->out->dtls, l->name, l->rest);
	} else
		reload_sdp_read_ice(&r->out->ice, l->name, l->rest);
}

static void read_proto(struct reload_sdp_relayed *out, const struct line *l)
{
	struct span rest = l->value;
	(void)reload_sdp_word(&rest);
	(void)reload_sdp_word(&rest);
	struct span proto = reload_sdp_word(&rest);
	out->keys |= !reload_sdp_is(proto, "RTP/AVP") && !reload_sdp_is(proto, "RTP/AVPF");
	if (proto.len && proto.len < sizeof(out->proto))
		memcpy(out->proto, proto.at, proto.len);
}

static void read_line(struct reading *r, const struct line *l)
{
	struct span host;
	if (l->type == 'm') {
		unsigned long port;
		bool first = !r->port && is_audio(l, &port);
		r->section = first ? OF_STREAM : OF_OTHER;
		r->port = first ? port : r->port;
		if (first)
			read_proto(r->out, l);
		return;
	}
	if (r->section == OF_OTHER)
		return;
	if (l->type == 'c' && host_of(&host, l->value))
		r->host = host;
	else if (l->type == 'a')
		read_attribute(r, l);
}

enum reload_err reload_sdp_relayed_read(struct reload_sdp_relayed *out, struct span text)
{
	struct reading r = { .out = out };
	struct line l;
	*out = (struct reload_sdp_relayed){ 0 };
	while (next_line(&l, &text))
		read_line(&r, &l);
	if (!r.port)
		return RELOAD_OK; /* no audio: nothing is relayed */
	out->has = true;
	if (!out->dtls.has) {
		out->dtls.has = r.of_all.has;
		memcpy(out->dtls.fingerprint, r.of_all.fingerprint, sizeof(r.of_all.fingerprint));
	}
	if (!out->dtls.setup)
		out->dtls.setup = r.of_all.setup;
	if (!*out->ice.password)
		out->ice = (struct reload_sdp_ice){ 0 };
	if (!r.host.len)
		return RELOAD_BAD_VALUE;
	if (is_held(r.host))
		return RELOAD_OK;
	struct span rtcp_host = r.rtcp_host.len ? r.rtcp_host : r.host;
	unsigned long rtcp = out->rtcp_mux ? r.port : r.rtcp ? r.rtcp : r.port + 1;
	if (!reload_sdp_address(&out->at, r.host, r.port))
		return RELOAD_BAD_VALUE;
	if (rtcp > UINT16_MAX || !reload_sdp_address(&out->rtcp, rtcp_host, rtcp))
		out->rtcp = (struct reload_ip_port){ 0 };
	return RELOAD_OK;
}

/* -- writing ----------------------------------------------------------------------------------------------------------------- */

struct writing {
	struct wr *w;
	const struct reload_sdp_relay *r;
	bool relayed, done, mux; /* in the section of the stream; behind it; it has rtcp-mux */
};

static void put_line(struct writing *x, const struct line *l)
{
	wr_format(x->w, "%c=", l->type);
	wr_span(x->w, l->value);
	wr_text(x->w, "\r\n");
}

/* What belongs to the end of the section of the stream. */
static void end_section(struct writing *x)
{
	if (!x->relayed)
		return;
	x->relayed = false;
	x->done = true;
	if (x->r->mux == RELOAD_SDP_MUX_ADD && !x->mux)
		wr_text(x->w, "a=rtcp-mux\r\n");
	if (x->r->ice)
		reload_sdp_write_ice(x->w, x->r->ice);
	if (x->r->ends && x->r->dtls)
		reload_sdp_write_dtls(x->w, x->r->dtls, x->r->dtls->setup);
}

static void put_stream(struct writing *x, const struct line *l)
{
	unsigned long port;
	struct span rest = l->value, kind = reload_sdp_word(&rest);
	(void)reload_sdp_word(&rest);
	end_section(x);
	x->relayed = !x->done && is_audio(l, &port);
	wr_text(x->w, "m=");
	wr_span(x->w, kind);
	wr_format(x->w, " %u", x->relayed ? x->r->at.port : 0);
	if (x->relayed && x->r->proto && *x->r->proto) {
		(void)reload_sdp_word(&rest);
		wr_format(x->w, " %s", x->r->proto);
	}
	wr_span(x->w, rest);
	wr_text(x->w, "\r\n");
}

static void put_address(struct writing *x, const struct line *l)
{
	char host[64];
	struct span was;
	if (!host_of(&was, l->value) || is_held(was)) {
		put_line(x, l);
		return;
	}
	const char *family = reload_sdp_host(host, &x->r->at);
	wr_format(x->w, "c=IN %s %s\r\n", family, host);
}

static bool is_of_ice(struct span name)
{
	static const char *const names[] = { "candidate", "ice-ufrag", "ice-pwd", "ice-options",
		"ice-lite", "ice-mismatch", "ice-pacing", "remote-candidates", "end-of-candidates",
		"rtcp" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (reload_sdp_is(name, names[i]))
			return true;
	return false;
}

static void put_attribute(struct writing *x, const struct line *l)
{
	bool mux = reload_sdp_is(l->name, "rtcp-mux") || reload_sdp_is(l->name, "rtcp-mux-only");
	x->mux |= mux && x->relayed;
	bool dropped = is_of_ice(l->name) || (mux && x->r->mux == RELOAD_SDP_MUX_DROP) ||
		       (x->r->ends && is_of_keys(l->name));
	if (!dropped)
		put_line(x, l);
}

void reload_sdp_relay_write(struct wr *w, struct span text, const struct reload_sdp_relay *r)
{
	struct writing x = { .w = w, .r = r };
	struct line l;
	while (next_line(&l, &text)) {
		if (l.type == 'm')
			put_stream(&x, &l);
		else if (l.type == 'c')
			put_address(&x, &l);
		else if (l.type == 'a')
			put_attribute(&x, &l);
		else if (l.type)
			put_line(&x, &l);
	}
	end_section(&x);
}
