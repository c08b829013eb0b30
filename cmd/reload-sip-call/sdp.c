#include "reload-sip-call/sdp.h"

#include "media/rtp.h"

#include <ctype.h>
#include <sofia-sip/sdp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct wr *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct wr *w, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		wr_fail(w, RELOAD_LIMIT);
	else
		wr_bytes(w, line, (size_t)n);
}

/* -- reading -------------------------------------------------------------------------------------------------------------- */

static bool codec(uint8_t *out, const sdp_media_t *m)
{
	for (const sdp_rtpmap_t *r = m->m_rtpmaps; r; r = r->rm_next)
		if (r->rm_pt == RELOAD_RTP_PCMU || r->rm_pt == RELOAD_RTP_PCMA) {
			*out = (uint8_t)r->rm_pt;
			return true;
		}
	return false;
}

/* A numeric address that packets can be sent to; no name is ever looked up. */
static bool address(struct reload_ip_port *out, const sdp_connection_t *c, unsigned long port)
{
	char text[80];
	if (!c || !c->c_address || c->c_nettype != sdp_net_in || port > UINT16_MAX ||
		strlen(c->c_address) > 45)
		return false;
	snprintf(text, sizeof(text), strchr(c->c_address, ':') ? "[%s]:%lu" : "%s:%lu",
		c->c_address, port);
	return !reload_ip_port_parse(out, text, 0) && !reload_ip_port_fault(out);
}

static bool take(struct sdp_audio *out, const sdp_session_t *s, const sdp_media_t *m)
{
	return m->m_type == sdp_media_audio && m->m_proto == sdp_proto_rtp && m->m_port &&
	       !m->m_rejected && codec(&out->payload_type, m) &&
	       address(&out->at, m->m_connections ? m->m_connections : s->sdp_connection,
		       m->m_port);
}

/* A word of an m= line as it is written into the answer. */
static void keep_word(char out[SDP_WORD], const char *word, const char *otherwise)
{
	bool plain = word && *word && strlen(word) < SDP_WORD;
	for (const char *c = word; plain && *c; c++)
		plain = isalnum((unsigned char)*c) || *c == '/' || *c == '-';
	snprintf(out, SDP_WORD, "%s", plain ? word : otherwise);
}

enum reload_err sdp_read(struct sdp_audio *out, struct span text)
{
	struct sdp_audio a = { 0 };
	bool found = false;
	sdp_parser_t *parser =
		sdp_parse(NULL, (const char *)text.at, (issize_t)text.len, sdp_f_mode_0000);
	const sdp_session_t *s = parser ? sdp_session(parser) : NULL;
	enum reload_err err = s ? RELOAD_NO_VALUE : RELOAD_BAD_VALUE;
	for (const sdp_media_t *m = s ? s->sdp_media : NULL; m; m = m->m_next, a.streams++) {
		if (a.streams < SDP_STREAMS_MAX) {
			keep_word(a.types[a.streams], m->m_type_name, "audio");
			keep_word(a.protos[a.streams], m->m_proto_name, "RTP/AVP");
		}
		if (found || !take(&a, s, m))
			continue;
		found = true;
		a.index = a.streams;
		a.direction = (unsigned)m->m_mode & SDP_SENDRECV;
	}
	if (found && a.streams <= SDP_STREAMS_MAX) {
		*out = a;
		err = RELOAD_OK;
	}
	sdp_parser_free(parser);
	return err;
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
	put(w, "v=0\r\no=- %u %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", at->port, version,
		family, host, family, host);
}

static const char *const directions[] = {
	[SDP_INACTIVE] = "inactive",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_SENDRECV] = "sendrecv",
};

void sdp_offer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	enum sdp_direction direction)
{
	char host[64];
	head(w, at, version, host);
	put(w,
		"m=audio %u RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
		"a=ptime:20\r\na=%s\r\n",
		at->port, directions[direction]);
}

/* What who answers does: it receives where the other end sends, and the other way around. */
static enum sdp_direction turned(unsigned offered)
{
	return (offered & SDP_SENDONLY ? SDP_RECVONLY : 0) |
	       (offered & SDP_RECVONLY ? SDP_SENDONLY : 0);
}

void sdp_answer(struct wr *w, const struct reload_ip_port *at, unsigned version,
	const struct sdp_audio *offer)
{
	char host[64];
	head(w, at, version, host);
	for (size_t i = 0; i < offer->streams; i++) {
		if (i != offer->index) {
			put(w, "m=%s 0 %s 0\r\n", offer->types[i], offer->protos[i]);
			continue;
		}
		put(w, "m=audio %u RTP/AVP %u\r\na=rtpmap:%u %s/8000\r\na=ptime:20\r\na=%s\r\n",
			at->port, offer->payload_type, offer->payload_type,
			offer->payload_type == RELOAD_RTP_PCMA ? "PCMA" : "PCMU",
			directions[turned(offer->direction)]);
	}
}
