#include "sofia/message.h"

#include "usage/sip_frame.h"
#include "usage/sip_head.h"

#include <ctype.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	BAD_REQUEST = 400,
	TOO_LARGE = 413,
	NOT_IMPLEMENTED = 501,
	OTHER_VERSION = 505
};

static const char version[] = "SIP/2.0";

/* -- the text, before it is parsed --------------------------------------------------------------------------------------------------- */

/*
 * A NUL would end a string of C: one that is quoted, as RFC 3261 allows, becomes a quoted space.  Any other one, and a CR or LF that ends no line, could be
 * read in two ways.  Returns whether there was none of these.
 */
static bool clean_head(uint8_t *at, size_t len)
{
	bool good = true;
	for (size_t i = 0; i < len; i++) {
		bool pair = at[i] == '\r' ? i + 1 < len && at[i + 1] == '\n'
					  : i > 0 && at[i - 1] == '\r';
		if ((at[i] == '\r' || at[i] == '\n') && !pair)
			good = false;
		if (!at[i]) {
			good &= i > 0 && at[i - 1] == '\\';
			at[i] = ' ';
		}
	}
	return good;
}

/* What is before the first space, which is taken away as well; without one everything. */
static struct span word(struct span *line)
{
	const uint8_t *space = line->len ? memchr(line->at, ' ', line->len) : NULL;
	struct span w = span_of(line->at, space ? (size_t)(space - line->at) : line->len);
	size_t used = w.len + (space != NULL);
	*line = span_of(line->at + used, line->len - used);
	return w;
}

static bool is_status(struct span s)
{
	return s.len == 3 && s.at[0] >= '1' && s.at[0] <= '6' && isdigit(s.at[1]) &&
	       isdigit(s.at[2]);
}

/* Method SP Request-URI SP SIP-Version, or SIP-Version SP Status-Code SP Reason-Phrase; returns the fault of it, 0: none. */
static int line_fault(struct span line)
{
	struct span first = word(&line), second = word(&line);
	if (first.len >= 4 && !strncasecmp((const char *)first.at, "SIP/", 4))
		return is_status(second) ? 0 : BAD_REQUEST;
	for (size_t i = 0; i < second.len; i++)
		if (second.at[i] <= ' ' || second.at[i] >= 0x7f ||
			memchr("<>\"\\", second.at[i], 4))
			return BAD_REQUEST;
	if (!reload_sip_is_token(first) || !second.len || !line.len ||
		memchr(line.at, ' ', line.len))
		return BAD_REQUEST;
	bool same = line.len == sizeof(version) - 1 &&
		    !strncasecmp((const char *)line.at, version, line.len);
	return same ? 0 : OTHER_VERSION;
}

/* -- what was parsed ----------------------------------------------------------------------------------------------------------------- */

/* A name in quotes ends where they do; one without them has no separators. */
static bool is_display(const char *name)
{
	if (!name || *name != '"')
		return !name || !strpbrk(name, ",<>\"@:;");
	size_t i = 1;
	while (name[i] && name[i] != '"')
		i += 1 + (name[i] == '\\' && name[i + 1]);
	return name[i] == '"' && !name[i + 1];
}

/* Parameters without a name are separators too many. */
static bool params_good(const msg_param_t *params)
{
	for (size_t i = 0; params && params[i]; i++)
		if (!*params[i] || *params[i] == '=')
			return false;
	return true;
}

static bool is_url_text(const char *s)
{
	for (; s && *s; s++)
		if ((uint8_t)*s <= ' ' || (uint8_t)*s >= 0x7f || strchr("<>\"\\", *s))
			return false;
	return true;
}

/* A port without a digit is none, and what the parser writes of it, it does not read again. */
static bool is_url(const url_t *u)
{
	return u->url_type != url_invalid && (!u->url_port || *u->url_port) &&
	       is_url_text(u->url_scheme) && is_url_text(u->url_user) &&
	       is_url_text(u->url_password) && is_url_text(u->url_host) &&
	       is_url_text(u->url_port) && is_url_text(u->url_path) && is_url_text(u->url_params) &&
	       is_url_text(u->url_headers) && is_url_text(u->url_fragment);
}

static bool is_address(const sip_addr_t *a)
{
	return is_url(a->a_url) && is_display(a->a_display) && params_good(a->a_params) &&
	       (!a->a_tag || reload_sip_is_token(span_str(a->a_tag)));
}

/* A Call-ID has no other characters (RFC 3261 s25.1); those that are not UTF-8 could not even be reported. */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((uint8_t)*text <= ' ' || (uint8_t)*text >= 0x7f)
			return false;
	return true;
}

static bool fields_good(const sip_t *sip)
{
	for (const sip_contact_t *c = sip->sip_contact; c; c = c->m_next)
		if (!is_url(c->m_url) || !is_display(c->m_display) || !params_good(c->m_params))
			return false;
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		if (!params_good(v->v_params))
			return false;
	return !sip->sip_error && is_visible(sip->sip_call_id->i_id) && is_address(sip->sip_from) &&
	       is_address(sip->sip_to) && sip->sip_cseq->cs_seq < UINT32_C(1) << 31;
}

static int fault_of(const sip_t *sip)
{
	const sip_request_t *line = sip->sip_request;
	if (!fields_good(sip))
		return BAD_REQUEST;
	if (line && (line->rq_url->url_headers ||
			    strcmp(sip->sip_cseq->cs_method_name, line->rq_method_name) != 0))
		return BAD_REQUEST;
	return 0;
}

static bool complete(const sip_t *sip)
{
	return sip && (sip->sip_status || sip->sip_request) && sip->sip_from && sip->sip_to &&
	       sip->sip_call_id && sip->sip_cseq && sip->sip_cseq->cs_method_name && sip->sip_via;
}

/* Whether the method is none that the parser has a name for. */
static bool is_unknown_method(struct span line)
{
	struct span method = word(&line);
	char *name = reload_alloc(method.len + 1);
	if (method.len)
		memcpy(name, method.at, method.len);
	bool unknown = sip_method_code(name) <= sip_method_unknown;
	free(name);
	return unknown;
}

static struct span first_line(struct span head)
{
	const uint8_t *end = memchr(head.at, '\r', head.len);
	return span_of(head.at, end ? (size_t)(end - head.at) : head.len);
}

void sip_message_read(struct sip_message *out, struct span text)
{
	struct span head = reload_sip_head(text);
	*out = (struct sip_message){ .fault = TOO_LARGE };
	if (head.len > RELOAD_SIP_HEAD_MAX || text.len - head.len > RELOAD_SIP_BODY_MAX)
		return;
	out->fault = BAD_REQUEST;
	if (!head.len)
		return;
	uint8_t *copy = reload_memdup(text.at, text.len);
	struct span line = first_line(head);
	bool clean = clean_head(copy, head.len);
	int fault = line_fault(line);
	msg_t *msg = msg_make(sip_default_mclass(), 0, copy, (ssize_t)text.len);
	sip_t *sip = msg ? sip_object(msg) : NULL;
	free(copy);
	if (complete(sip)) {
		out->msg = msg;
		out->sip = sip;
		out->fault = fault ? fault : clean ? fault_of(sip) : BAD_REQUEST;
		return;
	}
	bool unread = !fault && !(sip && sip->sip_request) && is_unknown_method(line);
	out->fault = fault ? fault : unread ? NOT_IMPLEMENTED : BAD_REQUEST;
	msg_destroy(msg);
}

void sip_message_clear(struct sip_message *m)
{
	msg_destroy(m->msg);
	*m = (struct sip_message){ 0 };
}

struct span sip_message_body(const sip_t *sip)
{
	return sip->sip_payload ? span_of(sip->sip_payload->pl_data, sip->sip_payload->pl_len)
				: span_of(NULL, 0);
}
