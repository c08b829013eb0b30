/* REGISTER of devices (RFC 3261 s10.3). */
#include "reload-sip-adapter/adapter.h"

#include <sofia-sip/msg_header.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONTACTS_MAX = 16, /* of one REGISTER */
	SHOWN_MAX = 4096,
	VARY = 100 /* thousandths */
};

/* The Contacts of a REGISTER, and what they borrow from. */
struct contacts {
	struct reload_sip_contact list[CONTACTS_MAX];
	char *texts[3 * CONTACTS_MAX]; /* owned */
	size_t count, texts_count;
	bool star;
};

static const char *keep(struct contacts *c, const char *text, size_t len)
{
	char *copy = reload_alloc(len + 1);
	memcpy(copy, text, len);
	c->texts[c->texts_count++] = copy;
	return copy;
}

static void contacts_clear(struct contacts *c)
{
	while (c->texts_count)
		free(c->texts[--c->texts_count]);
}

/* A number in a parameter; false: it is none. */
static bool number(uint32_t *out, const char *text)
{
	char *end;
	unsigned long v = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	if (!text || *text < '0' || *text > '9' || *end)
		return false;
	*out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	return true;
}

/* q=0.5 in thousandths; 1 when there is none. */
static unsigned q_of(const char *text)
{
	double q = text ? strtod(text, NULL) : 1;
	return q >= 1 ? 1000 : q > 0 ? (unsigned)(q * 1000) : 0;
}

/* The Contact as it was written, without expires, which is ours to grant. */
static bool show(struct contacts *c, struct reload_sip_contact *out, const sip_contact_t *m)
{
	char text[SHOWN_MAX];
	struct wr w = wr_fixed(text, sizeof(text) - 1);
	char uri[MESSAGE_URI];
	if (!message_uri(uri, m->m_url))
		return false;
	if (m->m_display && *m->m_display)
		wr_format(&w, "%s ", m->m_display);
	wr_format(&w, "<%s>", uri);
	for (size_t i = 0; m->m_params && m->m_params[i]; i++)
		if (strncasecmp(m->m_params[i], "expires=", 8) != 0)
			wr_format(&w, ";%s", m->m_params[i]);
	if (w.err)
		return false;
	out->uri = keep(c, uri, strlen(uri));
	out->shown = keep(c, text, w.len);
	return true;
}

/*
 * By which way the device is reached: that by which its request came, as behind a NAT no other leads to it.  Only where it names its own address, over UDP, another
 * port of it counts, unless it asks for the flow itself (RFC 5626 s4.2).
 */
static struct reload_sip_hop way_of(
	const struct reload_sip_contact *c, const url_t *url, const struct reload_sip_hop *from)
{
	struct reload_sip_hop hop = *from;
	struct reload_ip_port at;
	char text[MESSAGE_URI];
	snprintf(text, sizeof(text), "%s:%s", url->url_host,
		url->url_port && *url->url_port ? url->url_port : "5060");
	bool flow = c->instance && c->reg_id;
	if (from->transport == RELOAD_SIP_UDP && !flow && !reload_ip_port_parse(&at, text, 0) &&
		at.port && reload_ip_port_same_host(&at, &from->remote))
		hop.remote.port = at.port;
	return hop;
}

static bool read_contact(
	struct contacts *c, const sip_contact_t *m, const struct reload_sip_hop *from)
{
	struct reload_sip_contact *out = &c->list[c->count];
	const char *instance = msg_params_find(m->m_params, "+sip.instance=");
	bool sip = m->m_url->url_type == url_sip || m->m_url->url_type == url_sips;
	if (!sip || !m->m_url->url_host || !show(c, out, m))
		return false;
	if (instance)
		out->instance = keep(c, instance, strlen(instance));
	(void)number(&out->reg_id, msg_params_find(m->m_params, "reg-id="));
	out->q = q_of(m->m_q);
	/* RFC 3261 s20.10: a lifetime that is no number counts as 3600 */
	out->has_expires = m->m_expires != NULL;
	if (m->m_expires && !number(&out->expires_s, m->m_expires))
		out->expires_s = 3600;
	out->hop = way_of(out, m->m_url, from);
	c->count++;
	return true;
}

/* Returns a status, 0: they can be used. */
static int read_contacts(struct contacts *c, const struct message *m)
{
	for (const sip_contact_t *x = m->sip->sip_contact; x; x = x->m_next) {
		if (x->m_url->url_type == url_any)
			c->star = true;
		else if (c->count == CONTACTS_MAX)
			return 403;
		else if (!read_contact(c, x, &m->from))
			return 400;
	}
	return 0;
}

static int vary(void)
{
	char digits[MESSAGE_TAG];
	message_random(digits);
	return (int)(strtoul(digits + 8, NULL, 16) % (2 * VARY + 1)) - VARY;
}

static void answer_with_bindings(
	const struct served *s, const struct message *m, struct reload_sip_txn *t)
{
	struct wr w;
	const struct reload_sip_binding *x;
	reload_ms now = reload_poll_now();
	wr_init(&w);
	TAILQ_FOREACH (x, &s->bindings.list, entry)
		wr_format(&w, "Contact: %s;expires=%llu\r\n", x->shown,
			(unsigned long long)(x->expires_at > now
						     ? (x->expires_at - now + 999) / 1000
						     : 0));
	wr_u8(&w, 0);
	adapter_answer(t, m, 200, (const char *)w.at);
	wr_clear(&w);
}

static void report(struct adapter *a, const struct served *s, size_t before)
{
	if (s->bindings.count != before)
		adapter_event(a, json_pack("{s:s, s:s, s:I}", "type", "devices", "aor", s->user,
					 "devices", (json_int_t)s->bindings.count));
}

static void apply(struct adapter *a, struct served *s, const struct contacts *c, struct message *m,
	struct reload_sip_txn *t)
{
	char lines[64];
	size_t before = s->bindings.count;
	struct reload_sip_register r = {
		.contacts = c->list,
		.count = c->count,
		.star = c->star,
		.call_id = m->sip->sip_call_id->i_id,
		.cseq = m->sip->sip_cseq->cs_seq,
		.has_expires = m->sip->sip_expires != NULL,
		.expires_s = m->sip->sip_expires ? (uint32_t)m->sip->sip_expires->ex_delta : 0,
		.default_s = a->default_expires_s,
		.min_s = a->min_expires_s,
		.max_s = a->max_expires_s,
		.vary = vary(),
	};
	if (m->sip->sip_expires && m->sip->sip_expires->ex_delta > UINT32_MAX)
		r.expires_s = UINT32_MAX; /* a long time, and not none */
	int status = reload_sip_register(&s->bindings, &r, reload_poll_now());
	if (status == 200) {
		answer_with_bindings(s, m, t);
		served_mirror(s);
		report(a, s, before);
		return;
	}
	snprintf(lines, sizeof(lines), "Min-Expires: %u\r\n", a->min_expires_s);
	adapter_answer(t, m, status, status == 423 ? lines : NULL);
}

void registrar_take(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct connection *c)
{
	struct contacts contacts = { 0 };
	struct reload_aor aor;
	char text[MESSAGE_URI];
	a->counts.registers++;
	struct served *s =
		message_uri(text, m->sip->sip_to->a_url) && !reload_aor_parse(&aor, span_str(text))
			? adapter_served(a, aor.name)
			: NULL;
	if (!s) {
		adapter_reject(a, t, m, 404, NULL);
		return;
	}
	if (!auth_check(a, m, t, s->user, c))
		return;
	int status = read_contacts(&contacts, m);
	if (status)
		adapter_answer(t, m, status, NULL);
	else
		apply(a, s, &contacts, m, t);
	contacts_clear(&contacts);
}
