/*
 * What is changed on the way.  Devices get Record-Route, so that what they send later comes here; other nodes get the GRUU of the agent as the Contact,
 * since the addresses of devices mean nothing to them (RFC 7904 s5.1).
 */
#include "reload-sip-adapter/fork.h"
#include "reload-sip-adapter/outside.h"

#include "util/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	LINES = 300 /* bytes that are added on the way */
};

static bool is_device(const struct branch *b)
{
	return b->hop.transport != RELOAD_SIP_OVERLAY && !b->target;
}

/* -- addresses ------------------------------------------------------------------------------------------------------------------------- */

static void put_via(struct wr *w, const struct branch *b, const char *branch_id)
{
	struct reload_ip_port local;
	char text[64];
	if (b->hop.transport == RELOAD_SIP_OVERLAY) /* R7904-28 */
		wr_format(w, "Via: SIP/2.0/TLS %s;branch=%s\r\n", b->served->domain, branch_id);
	else if (transport_local(&b->fork->a->transport, &b->hop, &local))
		wr_format(w, "Via: SIP/2.0/%s %s;branch=%s;rport\r\n",
			transport_name(b->hop.transport), reload_ip_port_text(text, &local),
			branch_id);
	else
		wr_fail(w, RELOAD_IO);
}

/* A Record-Route by which a device that is reached by hop reaches this process. */
static void put_record_route(struct wr *w, const struct fork *f, const struct reload_sip_hop *hop)
{
	struct reload_ip_port local;
	char text[64], mark[MESSAGE_TAG];
	if (hop->transport == RELOAD_SIP_OVERLAY || !transport_local(&f->a->transport, hop, &local))
		return;
	adapter_mark(mark, f->a, &local);
	wr_format(w, "Record-Route: <sip:%s;transport=%s;lr;" ADAPTER_MARK "=%s>\r\n",
		reload_ip_port_text(text, &local),
		hop->transport == RELOAD_SIP_UDP   ? "udp"
		: hop->transport == RELOAD_SIP_TCP ? "tcp"
						   : "tls",
		mark);
}

static bool same_socket(const struct reload_sip_hop *a, const struct reload_sip_hop *b)
{
	return a->transport == b->transport &&
	       (a->transport != RELOAD_SIP_UDP || a->socket == b->socket);
}

static bool begins_dialog(const struct fork *f)
{
	return f->call && !f->in_dialog;
}

/*
 * How many Routes are left out: those on top that name this process.  Of a caller who is not asked for a password all are, as a server that trusts this
 * process would send to wherever it wants; what was recorded of the dialog takes their place.
 */
static unsigned dropped_routes(const struct fork *f)
{
	unsigned n = 0;
	if (!f->caller)
		return UINT_MAX;
	for (const sip_route_t *r = f->request->sip->sip_route; r; r = r->r_next, n++)
		if (!adapter_is_own(f->a, r->r_url, &f->request->from))
			break;
	return n;
}

static bool is_own(const void *arg, const url_t *url)
{
	const struct fork *f = arg;
	return adapter_is_own(f->a, url, &f->request->from);
}

/* The Contact that other nodes are given. */
static const char *contact_of(char *out, size_t size, const struct served *s, bool sips)
{
	snprintf(out, size, "<%s:%s>", sips ? "sips" : "sip", s->gruu);
	return out;
}

/* Whether the description in a message is an offer (RFC 3264, RFC 3261 s13.2.1). */
static bool is_offer(const struct fork *f, const struct message *m)
{
	return m->sip->sip_request ? !message_is(m, "ACK") : !message_body(f->request).len;
}

/* A description of the session that goes through a relay is written anew; one that cannot be relayed is RELOAD_BAD_VALUE. */
static enum reload_err relay_body(struct message_edit *e, struct wr *body, struct branch *b,
	const struct message *m, bool from_caller)
{
	struct relay *relay = b->relay ? b->relay : b->fork->call ? b->fork->call->relay : NULL;
	const sip_content_type_t *type = m->sip->sip_content_type;
	struct span text = message_body(m);
	if (!relay || !text.len || !type || !type->c_type ||
		strcasecmp(type->c_type, "application/sdp") != 0)
		return RELOAD_OK;
	enum reload_err err = relay_pass(
		relay, from_caller ? RELAY_CALLER : RELAY_CALLEE, is_offer(b->fork, m), text, body);
	e->replace_body = !err;
	e->body = wr_done(body);
	return err;
}

/* Whether the request of a fork comes from who made the call. */
static bool is_of_caller(const struct fork *f)
{
	return !f->in_dialog || (f->call && f->sender == &f->call->caller);
}

/* -- who it is ---------------------------------------------------------------------------------------------------------------------------- */

/* The address of a caller of another domain; NULL: From, or To, is of somebody else. */
static const char *foreign_from(const struct fork *f)
{
	if (!f->in_dialog)
		return f->foreign;
	return f->sender == &f->call->caller ? f->sender->foreign : NULL;
}

static const char *foreign_to(const struct fork *f)
{
	return f->in_dialog && f->receiver == &f->call->caller ? f->receiver->foreign : NULL;
}

/* Other nodes refuse a From that is not the user of the connection's certificate, so they get that one, and who calls as its name. */
static const char *shown_from(char out[MESSAGE_URI], const struct branch *b)
{
	const char *foreign = foreign_from(b->fork);
	struct wr w = wr_fixed(out, MESSAGE_URI - 1);
	if (!foreign || is_device(b))
		return NULL;
	wr_u8(&w, '"');
	for (; *foreign; foreign++)
		if (!strchr("<>\"\\", *foreign))
			wr_u8(&w, (uint8_t)*foreign);
	wr_format(&w, "\" <%s:", b->sips ? "sips" : "sip");
	reload_aor_write(&w, b->served->user);
	wr_text(&w, ">");
	if (w.err)
		return NULL;
	out[w.len] = 0;
	return out;
}

/*
 * Trunks are told who calls, with the caller's wish for privacy when there is one (RFC 3325 s6); servers of other domains are not when the caller does not
 * want it (s7).
 */
static void put_identity(struct wr *w, const struct branch *b)
{
	const struct fork *f = b->fork;
	if (!b->outside || !f->identity || !*f->identity || f->in_dialog)
		return;
	if (!b->outside->trunk && message_wants_privacy(f->request))
		return;
	wr_text(w, "P-Asserted-Identity: <sip:");
	reload_aor_write(w, f->identity);
	wr_text(w, ">\r\n");
}

/* -- messages --------------------------------------------------------------------------------------------------------------------------- */

void fork_write_request(struct wr *w, struct branch *b, const char *branch_id)
{
	struct fork *f = b->fork;
	struct wr top, body;
	char contact[MESSAGE_URI], from[MESSAGE_URI];
	wr_init(&top);
	wr_init(&body);
	put_via(&top, b, branch_id);
	put_identity(&top, b);
	if (is_device(b) && begins_dialog(f)) {
		put_record_route(&top, f, &b->hop);
		/* RFC 5658: both sides, where the transport changes */
		if (f->caller && !same_socket(&b->hop, &f->request->from))
			put_record_route(&top, f, &f->request->from);
	}
	if (!f->caller && f->receiver && f->receiver->routes)
		wr_text(&top, f->receiver->routes);
	if (top.err)
		wr_fail(w, top.err);
	wr_u8(&top, 0);
	struct message_edit e = {
		.uri = b->uri,
		.on_top = (const char *)top.at,
		.drop_routes = dropped_routes(f),
		.decrement = true,
		.drop_auth = f->caller ? f->caller->domain : NULL,
		.drop_identity = true,
		.from = shown_from(from, b),
		.to = is_device(b) && f->sender && f->sender->node ? foreign_to(f) : NULL,
	};
	if (!is_device(b) && f->request->sip->sip_contact)
		e.contact = contact_of(contact, sizeof(contact), b->served, b->sips);
	enum reload_err err = relay_body(&e, &body, b, f->request, is_of_caller(f));
	if (err)
		wr_fail(w, err);
	if (!w->err)
		message_forward(w, f->request, &e);
	wr_clear(&body);
	wr_clear(&top);
}

/* RFC 3261 s16.7 step 7: a caller who is asked for credentials is told of all who ask. */
static void put_other_challenges(struct wr *w, const struct branch *b)
{
	const struct branch *o;
	TAILQ_FOREACH (o, &b->fork->branches, entry)
		if (o != b && o->final && (o->status == 401 || o->status == 407))
			message_put_challenges(w, o->final);
}

void fork_write_response(struct wr *w, struct branch *b, const struct message *m)
{
	struct fork *f = b->fork;
	struct wr top, body;
	char contact[MESSAGE_URI], from[MESSAGE_URI], to[MESSAGE_URI];
	const sip_t *request = f->request->sip;
	bool to_device = f->request->from.transport != RELOAD_SIP_OVERLAY;
	int status = m->sip->sip_status->st_status;
	struct message_edit e = { .drop_vias = 1, .drop_identity = true };
	/* as the caller wrote them, where they were written anew */
	if (!is_device(b) && foreign_from(f) && message_address(from, request->sip_from))
		e.from = from;
	if (!to_device && foreign_to(f) && message_address(to, request->sip_to))
		e.to = to;
	wr_init(&top);
	wr_init(&body);
	if (to_device && !is_device(b) && begins_dialog(f) && status > 100 && status < 300)
		put_record_route(&top, f, &f->request->from);
	if (!to_device) {
		e.drop_record_route = is_own;
		e.own = f;
	}
	if (!to_device && status < 300 && m->sip->sip_contact && b->fork->side)
		e.contact = contact_of(contact, sizeof(contact), f->side, f->side_sips);
	if (status == 401 || status == 407)
		put_other_challenges(&top, b);
	wr_u8(&top, 0);
	e.on_top = (const char *)top.at;
	(void)relay_body(&e, &body, b, m, !is_of_caller(f)); /* else it goes as it is */
	message_forward(w, m, &e);
	wr_clear(&body);
	wr_clear(&top);
}

bool fork_request_large(const struct fork *f)
{
	struct wr w;
	wr_init(&w);
	message_forward(&w, f->request, &(struct message_edit){ 0 });
	bool large = w.err || w.len + LINES > OUTSIDE_LARGE;
	wr_clear(&w);
	return large;
}

size_t fork_write_contacts(struct wr *w, const struct fork *f)
{
	const struct branch *b;
	char asked[MESSAGE_URI];
	size_t n = 0;
	(void)message_uri(asked, f->request->sip->sip_request->rq_url);
	TAILQ_FOREACH (b, &f->branches, entry)
		if (b->uri && strcmp(b->uri, asked) != 0) {
			wr_format(w, "Contact: <%s>\r\n", b->uri);
			n++;
		}
	return n;
}

/* -- loops --------------------------------------------------------------------------------------------------------------------------------- */

bool fork_loops(struct fork *f)
{
	const sip_t *sip = f->request->sip;
	char uri[MESSAGE_URI], route[MESSAGE_URI] = "";
	struct wr w;
	(void)message_uri(uri, sip->sip_request->rq_url);
	if (sip->sip_route)
		(void)message_uri(route, sip->sip_route->r_url);
	wr_init(&w);
	wr_format(&w, "%s\n%s\n%s\n%s\n%s\n%lu\n", uri, route, sip->sip_call_id->i_id,
		sip->sip_from->a_tag ? sip->sip_from->a_tag : "",
		sip->sip_to->a_tag ? sip->sip_to->a_tag : "", (unsigned long)sip->sip_cseq->cs_seq);
	adapter_mac(f->loop, f->a, wr_done(&w));
	wr_clear(&w);
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		if (v->v_branch && !strncmp(v->v_branch, "z9hG4bK", 7) &&
			!strncmp(v->v_branch + 7, f->loop, strlen(f->loop)))
			return true;
	return false;
}

void fork_branch_id(char out[FORK_BRANCH_ID], const struct fork *f)
{
	char chance[MESSAGE_TAG];
	message_random(chance);
	snprintf(out, FORK_BRANCH_ID, "z9hG4bK%s%s", f->loop, chance);
}
