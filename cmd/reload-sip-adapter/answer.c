/* Whose a URI is, and answers of our own. */
#include "reload-sip-adapter/adapter.h"

#include <stdio.h>
#include <string.h>

struct served *adapter_served(const struct adapter *a, const char *aor)
{
	for (size_t i = 0; i < a->served_count; i++)
		if (!strcmp(a->served[i]->user, aor))
			return a->served[i];
	return NULL;
}

struct served *adapter_host(const struct adapter *a, const char *domain)
{
	for (size_t i = 0; i < a->served_count; i++)
		if (!strcmp(a->served[i]->domain, domain))
			return a->served[i];
	return NULL;
}

/* -- answers --------------------------------------------------------------------------------------------------------------------- */

static void write_answer(struct wr *w, const struct message *m, int status, const char *lines)
{
	char tag[MESSAGE_TAG];
	message_random(tag);
	message_answer(
		w, m, &(struct message_answer){ .status = status, .tag = tag, .lines = lines });
}

void adapter_answer(
	struct reload_sip_txn *t, const struct message *m, int status, const char *lines)
{
	struct wr w;
	wr_init(&w);
	write_answer(&w, m, status, lines);
	if (!w.err)
		(void)reload_sip_txn_respond(t, status, wr_done(&w));
	wr_clear(&w);
}

void adapter_refuse(struct adapter *a, const struct message *m, int status, const char *lines)
{
	struct reload_sip_hop hop = m->from;
	struct wr w;
	if (message_is(m, "ACK"))
		return;
	wr_init(&w);
	write_answer(&w, m, status, lines);
	if (!w.err)
		(void)transport_send(&a->transport, &hop, wr_done(&w));
	wr_clear(&w);
}

void adapter_reject(struct adapter *a, struct reload_sip_txn *t, const struct message *m,
	int status, const char *lines)
{
	reload_sip_txn_free(t);
	adapter_refuse(a, m, status, lines);
}

bool adapter_is_own(const struct adapter *a, const url_t *url, const struct reload_sip_hop *from)
{
	struct reload_ip_port at, local;
	char text[MESSAGE_URI];
	if (!url || !url->url_host || (url->url_type != url_sip && url->url_type != url_sips))
		return false;
	if (url->url_params && strstr(url->url_params, ADAPTER_MARK))
		return true;
	snprintf(text, sizeof(text), "%s:%s", url->url_host,
		url->url_port && *url->url_port ? url->url_port
		: url->url_type == url_sips     ? "5061"
						: "5060");
	if (reload_ip_port_parse(&at, text, 0))
		return false;
	for (size_t i = 0; i < a->transport.sockets_count; i++) {
		const struct transport_socket *s = &a->transport.sockets[i];
		local = s->at;
		if (s->anywhere && !transport_local(&a->transport, from, &local))
			continue;
		if (at.port == s->at.port && at.type == local.type &&
			!memcmp(at.addr, local.addr, at.type == RELOAD_IPV4 ? 4 : 16))
			return true;
	}
	return false;
}
