/* The attributes of ICE (RFC 8839) and DTLS-SRTP (RFC 8122, RFC 4145, RFC 5763). */
#include "usage/sip_sdp_internal.h"

#include <ctype.h>

enum {
	UFRAG_MIN = 4,
	PASSWORD_MIN = 22
};

static const char *const types[] = { "host", "srflx", "prflx", "relay" };
static const char *const setups[] = {
	[RELOAD_SDP_ACTPASS] = "actpass",
	[RELOAD_SDP_ACTIVE] = "active",
	[RELOAD_SDP_PASSIVE] = "passive",
};

/* -- DTLS -------------------------------------------------------------------------------------------------------------------- */

static int digit(uint8_t c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

static bool read_fingerprint(uint8_t out[RELOAD_SDP_FINGERPRINT], struct span text)
{
	if (text.len != 3 * RELOAD_SDP_FINGERPRINT - 1)
		return false;
	for (size_t i = 0; i < RELOAD_SDP_FINGERPRINT; i++) {
		const uint8_t *p = text.at + 3 * i;
		int high = digit(p[0]), low = digit(p[1]);
		if (high < 0 || low < 0 || (i + 1 < RELOAD_SDP_FINGERPRINT && p[2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void reload_sdp_read_dtls(struct reload_sdp_dtls *out, struct span name, struct span value)
{
	struct span word = reload_sdp_word(&value);
	uint8_t bytes[RELOAD_SDP_FINGERPRINT];
	if (reload_sdp_is(name, "setup")) {
		out->setup = RELOAD_SDP_NO_SETUP;
		for (size_t i = RELOAD_SDP_ACTPASS; i < COUNT_OF(setups); i++)
			if (reload_sdp_is(word, setups[i]))
				out->setup = (enum reload_sdp_setup)i;
	} else if (!out->has && reload_sdp_is(word, "sha-256") &&
		   read_fingerprint(bytes, reload_sdp_word(&value))) {
		out->has = true;
		memcpy(out->fingerprint, bytes, sizeof(bytes));
	}
}

void reload_sdp_write_dtls(
	struct wr *w, const struct reload_sdp_dtls *dtls, enum reload_sdp_setup setup)
{
	wr_text(w, "a=fingerprint:sha-256 ");
	for (size_t i = 0; i < RELOAD_SDP_FINGERPRINT; i++)
		wr_format(w, "%s%02X", i ? ":" : "", dtls->fingerprint[i]);
	wr_format(w, "\r\na=setup:%s\r\n", setups[setup]);
}

enum reload_sdp_setup reload_sdp_setup_answer(enum reload_sdp_setup offered)
{
	return offered == RELOAD_SDP_ACTIVE ? RELOAD_SDP_PASSIVE : RELOAD_SDP_ACTIVE;
}

/* -- ICE --------------------------------------------------------------------------------------------------------------------- */

/* ice-char of RFC 8839 s5.1, min to size - 1 of them. */
static bool keep_token(char *out, struct span word, size_t min, size_t size)
{
	if (word.len < min || word.len >= size)
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum(word.at[i]) && word.at[i] != '+' && word.at[i] != '/')
			return false;
	memcpy(out, word.at, word.len);
	out[word.len] = 0;
	return true;
}

static bool read_type(enum reload_sdp_candidate_type *out, struct span word)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (reload_sdp_is(word, types[i])) {
			*out = (enum reload_sdp_candidate_type)i;
			return true;
		}
	return false;
}

/* FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE [raddr ADDRESS rport PORT] ... */
static void read_candidate(struct reload_sdp_ice *out, struct span value)
{
	struct reload_sdp_candidate c = { 0 };
	unsigned long component, priority, port;
	if (out->count == RELOAD_SDP_CANDIDATES_MAX ||
		!keep_token(c.foundation, reload_sdp_word(&value), 1, sizeof(c.foundation)) ||
		!reload_sdp_number(&component, reload_sdp_word(&value), 256) || component != 1 ||
		!reload_sdp_is(reload_sdp_word(&value), "udp") ||
		!reload_sdp_number(&priority, reload_sdp_word(&value), INT32_MAX) || !priority)
		return;
	struct span host = reload_sdp_word(&value);
	if (!reload_sdp_number(&port, reload_sdp_word(&value), UINT16_MAX) ||
		!reload_sdp_address(&c.at, host, port) ||
		!reload_sdp_is(reload_sdp_word(&value), "typ") ||
		!read_type(&c.type, reload_sdp_word(&value)))
		return;
	c.priority = (uint32_t)priority;
	if (reload_sdp_is(reload_sdp_word(&value), "raddr")) {
		host = reload_sdp_word(&value);
		if (!reload_sdp_is(reload_sdp_word(&value), "rport") ||
			!reload_sdp_number(&port, reload_sdp_word(&value), UINT16_MAX) ||
			!reload_sdp_address(&c.related, host, port))
			c.related = (struct reload_ip_port){ 0 };
	}
	out->candidates[out->count++] = c;
}

void reload_sdp_read_ice(struct reload_sdp_ice *out, struct span name, struct span value)
{
	if (reload_sdp_is(name, "candidate"))
		read_candidate(out, value);
	else if (reload_sdp_is(name, "ice-ufrag"))
		(void)keep_token(out->ufrag, value, UFRAG_MIN, sizeof(out->ufrag));
	else if (reload_sdp_is(name, "ice-pwd"))
		(void)keep_token(out->password, value, PASSWORD_MIN, sizeof(out->password));
}

void reload_sdp_write_ice(struct wr *w, const struct reload_sdp_ice *ice)
{
	char host[64];
	wr_format(w, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ice->ufrag, ice->password);
	for (size_t i = 0; i < ice->count; i++) {
		const struct reload_sdp_candidate *c = &ice->candidates[i];
		(void)reload_sdp_host(host, &c->at);
		wr_format(w, "a=candidate:%s 1 UDP %u %s %u typ %s", c->foundation, c->priority,
			host, c->at.port, types[c->type]);
		if (c->related.type) {
			(void)reload_sdp_host(host, &c->related);
			wr_format(w, " raddr %s rport %u", host, c->related.port);
		}
		wr_text(w, "\r\n");
	}
}
