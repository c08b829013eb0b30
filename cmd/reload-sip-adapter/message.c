#include "reload-sip-adapter/message.h"

#include "sofia/message.h"
#include "util/text.h"

#include <openssl/rand.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_status.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	HEADER_ROOM = 2048,
	HEADER_MAX = MESSAGE_MAX
};

/* -- reading --------------------------------------------------------------------------------------------------------------- */

/* Where a request came from is written into its topmost Via; rport is filled in when it was asked for. */
static void mark_source(struct message *m)
{
	char text[64], param[96];
	su_home_t *home = msg_home(m->msg);
	sip_via_t *v = m->sip->sip_via;
	if (m->from.transport == RELOAD_SIP_OVERLAY)
		return;
	(void)reload_ip_port_text(text, &m->from.remote);
	char *port = strrchr(text, ':');
	*port++ = 0;
	char *host = *text == '[' ? text + 1 : text;
	if (*text == '[')
		text[strlen(text) - 1] = 0;
	snprintf(param, sizeof(param), "received=%s", host);
	if (v->v_rport || strcasecmp(v->v_host ? v->v_host : "", text) != 0)
		msg_header_replace_param(home, v->v_common, su_strdup(home, param));
	if (v->v_rport) {
		snprintf(param, sizeof(param), "rport=%s", port);
		msg_header_replace_param(home, v->v_common, su_strdup(home, param));
	}
}

/* What a proxy cannot do with a request that can be read; 0: nothing. */
static int fault_of(const struct message *m)
{
	const sip_t *sip = m->sip;
	const url_t *url = sip->sip_request->rq_url;
	size_t vias = 0;
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		vias++;
	if (sip->sip_content_length && message_body(m).len < sip->sip_content_length->l_length)
		return 400;
	if ((url->url_type == url_sip || url->url_type == url_sips) && !url->url_host)
		return 400;
	return vias > MESSAGE_VIAS_MAX ? 483 : 0;
}

struct message *message_read(struct span bytes, const struct reload_sip_hop *from, int *fault)
{
	struct sip_message parsed;
	sip_message_read(&parsed, bytes);
	*fault = parsed.fault;
	if (!parsed.msg)
		return NULL;
	struct message *m = RELOAD_NEW(message);
	m->msg = parsed.msg;
	m->sip = parsed.sip;
	m->from = *from;
	m->refs = 1;
	if (m->sip->sip_request && !*fault)
		*fault = fault_of(m);
	if (m->sip->sip_request)
		mark_source(m);
	return m;
}

struct message *message_ref(struct message *m)
{
	m->refs++;
	return m;
}

void message_unref(struct message *m)
{
	if (!m || --m->refs)
		return;
	msg_destroy(m->msg);
	free(m);
}

struct span message_body(const struct message *m)
{
	const sip_payload_t *p = m->sip->sip_payload;
	size_t len = p ? p->pl_len : 0;
	if (m->sip->sip_content_length && m->sip->sip_content_length->l_length < len)
		len = m->sip->sip_content_length->l_length; /* a datagram may go on (s18.3) */
	return len ? span_of(p->pl_data, len) : span_of(NULL, 0);
}

const char *message_method(const struct message *m)
{
	return m->sip->sip_cseq->cs_method_name;
}

bool message_is(const struct message *m, const char *method)
{
	return !strcmp(message_method(m), method);
}

bool message_uri(char out[MESSAGE_URI], const url_t *url)
{
	issize_t n = url ? url_e(out, MESSAGE_URI, url) : -1;
	if (n < 0 || n >= MESSAGE_URI) {
		out[0] = 0;
		return false;
	}
	return true;
}

bool message_param(char out[MESSAGE_URI], const url_t *url, const char *name)
{
	isize_t n = url && url->url_params ? url_param(url->url_params, name, out, MESSAGE_URI) : 0;
	if (n && n <= MESSAGE_URI)
		return true;
	out[0] = 0;
	return false;
}

static bool uri_is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips;
}

bool message_place(struct reload_locate_uri *out, char host[MESSAGE_URI], const char *uri)
{
	char param[MESSAGE_URI];
	su_home_t home[1] = { SU_HOME_INIT(home) };
	url_t *url = url_make(home, uri);
	bool good = url && uri_is_sip(url) && url->url_host;
	if (good) {
		unsigned long port = url->url_port ? strtoul(url->url_port, NULL, 10) : 0;
		good = port <= UINT16_MAX;
		*out = (struct reload_locate_uri){
			.host = host, .port = (uint16_t)port, .sips = url->url_type == url_sips
		};
		if (!message_param(host, url, "maddr"))
			snprintf(host, MESSAGE_URI, "%s", url->url_host);
		if (message_param(param, url, "transport"))
			good &= reload_locate_parse_transport(&out->transport, param);
	}
	su_home_deinit(home);
	return good;
}

bool message_number(char out[MESSAGE_URI], const char *trunk, const char *number)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	url_t *url = url_make(home, trunk);
	bool good = url != NULL;
	if (good) {
		char params[MESSAGE_URI], user[3 * RELOAD_TEL_MAX];
		bool has = url->url_params && *url->url_params;
		struct wr w = wr_fixed(user, sizeof(user));
		for (; *number; number++)
			wr_format(&w, *number == '#' ? "%%23" : "%c", *number);
		wr_u8(&w, 0);
		url->url_user = user;
		url->url_password = NULL;
		snprintf(params, sizeof(params), "%s%suser=phone", has ? url->url_params : "",
			has ? ";" : "");
		url->url_params = params;
		good = message_uri(out, url);
	}
	su_home_deinit(home);
	return good;
}

bool message_address(char out[MESSAGE_URI], const sip_addr_t *a)
{
	char uri[MESSAGE_URI];
	int n = message_uri(uri, a->a_url) ? snprintf(out, MESSAGE_URI, "<%s>", uri) : -1;
	return n > 0 && n < MESSAGE_URI;
}

static void put_route(struct wr *w, const sip_record_route_t *r)
{
	char uri[MESSAGE_URI];
	if (!message_uri(uri, r->r_url))
		wr_fail(w, RELOAD_LIMIT);
	wr_format(w, "Route: <%s>", uri);
	for (size_t i = 0; r->r_params && r->r_params[i]; i++)
		wr_format(w, ";%s", r->r_params[i]);
	wr_text(w, "\r\n");
}

char *message_routes(const struct message *m, message_own_fn is_own, const void *arg)
{
	const sip_record_route_t *found[MESSAGE_ROUTES_MAX], *r = m->sip->sip_record_route;
	size_t n = 0;
	struct wr w;
	for (; r && !is_own(arg, r->r_url); r = r->r_next) {
		if (n == MESSAGE_ROUTES_MAX)
			return NULL;
		found[n++] = r;
	}
	wr_init(&w);
	for (size_t i = 0; i < n; i++) /* the one that is next to us is the last of a response */
		put_route(&w, found[m->sip->sip_status ? n - 1 - i : i]);
	wr_u8(&w, 0);
	if (n && !w.err && w.len <= MESSAGE_ROUTES)
		return (char *)w.at;
	wr_clear(&w);
	return NULL;
}

bool message_first_route(char out[MESSAGE_URI], const char *routes)
{
	const char *uri = routes ? strchr(routes, '<') + 1 : NULL;
	size_t len = uri ? strcspn(uri, ">") : MESSAGE_URI;
	if (len >= MESSAGE_URI)
		return false;
	memcpy(out, uri, len);
	out[len] = 0;
	return true;
}

void message_random(char out[MESSAGE_TAG])
{
	uint8_t random[(MESSAGE_TAG - 1) / 2];
	if (RAND_bytes(random, sizeof(random)) != 1)
		abort();
	reload_hex(out, span_of(random, sizeof(random)));
}

/* -- writing --------------------------------------------------------------------------------------------------------------- */

/* Appends a header field with its line end. */
static void put_header(struct wr *w, const msg_header_t *h)
{
	for (size_t room = HEADER_ROOM; room <= HEADER_MAX; room *= 4) {
		size_t before = w->len;
		uint8_t *to = wr_room(w, room);
		issize_t n = to ? msg_header_e((char *)to, room, h, 0) : -1;
		w->len = before;
		if (n >= 0 && (size_t)n < room) {
			w->len += (size_t)n;
			return;
		}
	}
	wr_fail(w, RELOAD_LIMIT);
}

static void put_body(struct wr *w, struct span body)
{
	wr_format(w, "Content-Length: %zu\r\n\r\n", body.len);
	wr_span(w, body);
}

const char *message_phrase(int status)
{
	const char *phrase = sip_status_phrase(status);
	return phrase ? phrase : "Refused";
}

static bool is_request_of_dialog(const struct message *m)
{
	return message_is(m, "INVITE") || message_is(m, "SUBSCRIBE") || message_is(m, "REFER");
}

void message_answer(struct wr *w, const struct message *request, const struct message_answer *a)
{
	const sip_t *sip = request->sip;
	wr_format(w, "SIP/2.0 %d %s\r\n", a->status,
		a->phrase ? a->phrase : message_phrase(a->status));
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		put_header(w, (const msg_header_t *)v);
	put_header(w, (const msg_header_t *)sip->sip_from);
	put_header(w, (const msg_header_t *)sip->sip_to);
	if (!sip->sip_to->a_tag && a->tag && a->status > 100) {
		w->len -= 2; /* before the line end */
		wr_format(w, ";tag=%s\r\n", a->tag);
	}
	put_header(w, (const msg_header_t *)sip->sip_call_id);
	put_header(w, (const msg_header_t *)sip->sip_cseq);
	if (is_request_of_dialog(request) && a->status > 100 && a->status < 300)
		for (const sip_record_route_t *r = sip->sip_record_route; r; r = r->r_next)
			put_header(w, (const msg_header_t *)r);
	if (sip->sip_timestamp && a->status == 100)
		put_header(w, (const msg_header_t *)sip->sip_timestamp);
	if (a->lines)
		wr_text(w, a->lines);
	put_body(w, span_of(NULL, 0));
}

/* Where a forwarded message is: how much was left out already. */
struct forwarding {
	const struct message *m;
	const struct message_edit *e;
	unsigned vias, routes;
	bool contact_done;
};

static bool has_realm(const msg_header_t *h, const char *realm)
{
	const msg_auth_t *auth = (const msg_auth_t *)h;
	const char *value = msg_params_find(auth->au_params, "realm=");
	char quoted[280];
	snprintf(quoted, sizeof(quoted), "\"%s\"", realm);
	return value && (!strcmp(value, quoted) || !strcmp(value, realm));
}

static const char *name_of(const msg_header_t *h)
{
	const char *unknown = ((const msg_unknown_t *)h)->un_name;
	return h->sh_class == sip_unknown_class && unknown ? unknown : h->sh_class->hc_name;
}

/* What says who somebody is, and is believed of nobody who is not asked for a password or a certificate (RFC 3325 s4, RFC 8224). */
static bool is_identity(const msg_header_t *h)
{
	static const char *const names[] = { "P-Asserted-Identity", "P-Preferred-Identity",
		"Remote-Party-ID", "Identity", "Identity-Info" };
	const char *name = name_of(h);
	for (size_t i = 0; name && i < COUNT_OF(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

bool message_wants_privacy(const struct message *m)
{
	for (const msg_header_t *h = *msg_chain_head(m->msg); h; h = h->sh_succ) {
		char line[HEADER_ROOM];
		const char *name = name_of(h);
		if (!name || strcasecmp(name, "Privacy") != 0)
			continue;
		issize_t n = msg_header_e(line, sizeof(line), h, 0);
		if (n < 0 || (size_t)n >= sizeof(line))
			return true;
		char *rest = strchr(line, ':') + 1;
		for (char *word; (word = strsep(&rest, " \t\r\n;"));)
			if (!strcasecmp(word, "id"))
				return true;
	}
	return false;
}

/* Whether a header field is left out. */
static bool is_dropped(struct forwarding *f, const msg_header_t *h)
{
	const sip_t *sip = f->m->sip;
	const struct message_edit *e = f->e;
	const msg_hclass_t *c = h->sh_class;
	if (c == sip_content_length_class || c == sip_payload_class || c == sip_separator_class ||
		(const void *)h == sip->sip_request || (const void *)h == sip->sip_status)
		return true; /* written apart */
	if (c == sip_via_class)
		return f->vias++ < e->drop_vias;
	if (c == sip_route_class)
		return f->routes++ < e->drop_routes;
	if (c == sip_max_forwards_class)
		return e->decrement;
	if (c == sip_contact_class)
		return e->contact != NULL;
	if (c == sip_proxy_authorization_class)
		return e->drop_auth && has_realm(h, e->drop_auth);
	if (c == sip_record_route_class && e->drop_record_route)
		return e->drop_record_route(e->own, ((const sip_record_route_t *)h)->r_url);
	return c == sip_error_class || (e->drop_identity && is_identity(h));
}

/* Writes the header field of an address anew, with its tag; false: it stays. */
static bool put_address(struct wr *w, const struct message_edit *e, const msg_header_t *h)
{
	bool from = h->sh_class == sip_from_class, to = h->sh_class == sip_to_class;
	const char *address = from ? e->from : to ? e->to : NULL;
	if (!address)
		return false;
	const char *tag = ((const sip_from_t *)h)->a_tag;
	wr_format(w, "%s: %s%s%s\r\n", from ? "From" : "To", address, tag ? ";tag=" : "",
		tag ? tag : "");
	return true;
}

static void put_start(struct wr *w, const struct message *m, const struct message_edit *e)
{
	const sip_request_t *line = m->sip->sip_request;
	char uri[MESSAGE_MAX / 8];
	if (!line) {
		wr_format(w, "SIP/2.0 %d %s\r\n", m->sip->sip_status->st_status,
			m->sip->sip_status->st_phrase ? m->sip->sip_status->st_phrase : "");
		return;
	}
	issize_t n = e->uri ? 0 : url_e(uri, sizeof(uri), line->rq_url);
	if (n < 0 || (size_t)n >= sizeof(uri))
		wr_fail(w, RELOAD_LIMIT);
	else
		wr_format(w, "%s %s SIP/2.0\r\n", line->rq_method_name, e->uri ? e->uri : uri);
}

void message_forward(struct wr *w, const struct message *m, const struct message_edit *e)
{
	struct forwarding f = { m, e, 0, 0, false };
	const sip_max_forwards_t *mf = m->sip->sip_max_forwards;
	put_start(w, m, e);
	if (e->on_top)
		wr_text(w, e->on_top);
	if (e->decrement)
		wr_format(w, "Max-Forwards: %lu\r\n", mf && mf->mf_count ? mf->mf_count - 1 : 70);
	for (msg_header_t *h = *msg_chain_head(m->msg); h; h = h->sh_succ) {
		if (h->sh_class == sip_contact_class && e->contact && !f.contact_done) {
			wr_format(w, "Contact: %s\r\n", e->contact);
			f.contact_done = true;
		}
		if (!is_dropped(&f, h) && !put_address(w, e, h))
			put_header(w, h);
	}
	put_body(w, e->replace_body ? e->body : message_body(m));
}

void message_put_challenges(struct wr *w, const struct message *m)
{
	const msg_auth_t *lists[] = { m->sip->sip_www_authenticate,
		m->sip->sip_proxy_authenticate };
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (const msg_auth_t *a = lists[i]; a; a = a->au_next)
			put_header(w, (const msg_header_t *)a);
}

/* -- what belongs to a request that was sent -------------------------------------------------------------------------------- */

/* Appends the header fields of one name of a message that was sent by us. */
static void put_of(struct wr *w, struct message *sent, const char *name)
{
	for (msg_header_t *h = *msg_chain_head(sent->msg); h; h = h->sh_succ)
		if (h->sh_class->hc_name && !strcasecmp(h->sh_class->hc_name, name)) {
			put_header(w, h);
			if (!strcmp(name, "Via"))
				return; /* the topmost one */
		}
}

/* What is different from the INVITE. */
struct like {
	const char *method, *uri; /* uri NULL: its own */
	const msg_header_t *to;   /* NULL: its own */
	const char *routes;       /* "": none, NULL: its own */
	unsigned more;            /* what is added to the number in CSeq */
};

static void put_like(struct wr *w, struct span invite, const struct like *l)
{
	struct reload_sip_hop nowhere = { .transport = RELOAD_SIP_OVERLAY };
	int fault;
	struct message *sent = message_read(invite, &nowhere, &fault);
	char uri[MESSAGE_MAX / 8];
	if (!sent ||
		url_e(uri, sizeof(uri), sent->sip->sip_request->rq_url) >= (issize_t)sizeof(uri)) {
		wr_fail(w, RELOAD_BUG);
		message_unref(sent);
		return;
	}
	wr_format(w, "%s %s SIP/2.0\r\n", l->method, l->uri ? l->uri : uri);
	put_of(w, sent, "Via");
	if (l->routes)
		wr_text(w, l->routes);
	else
		put_of(w, sent, "Route");
	wr_text(w, "Max-Forwards: 70\r\n");
	put_of(w, sent, "From");
	if (l->to)
		put_header(w, l->to);
	else
		put_of(w, sent, "To");
	put_of(w, sent, "Call-ID");
	wr_format(w, "CSeq: %lu %s\r\n", (unsigned long)sent->sip->sip_cseq->cs_seq + l->more,
		l->method);
	put_body(w, span_of(NULL, 0));
	message_unref(sent);
}

void message_ack(struct wr *w, struct span invite, const struct message *response)
{
	put_like(w, invite,
		&(struct like){
			.method = "ACK", .to = (const msg_header_t *)response->sip->sip_to });
}

void message_cancel(struct wr *w, struct span invite)
{
	put_like(w, invite, &(struct like){ .method = "CANCEL" });
}

void message_within(struct wr *w, struct span invite, const struct message *response,
	const char *method, const char *routes)
{
	const sip_contact_t *c = response->sip->sip_contact;
	char uri[MESSAGE_URI];
	put_like(w, invite,
		&(struct like){ .method = method,
			.uri = c && message_uri(uri, c->m_url) ? uri : NULL,
			.to = (const msg_header_t *)response->sip->sip_to,
			.routes = routes ? routes : "",
			.more = strcmp(method, "ACK") != 0 });
}
