/* Whose a URI is, and answers of our own. */
#include "reload-sip-adapter/adapter.h"

#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
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

/* -- own addresses ------------------------------------------------------------------------------------------------------------------ */

void adapter_mac(char out[MESSAGE_TAG], const struct adapter *a, struct span text)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!HMAC(EVP_sha256(), a->secret, sizeof(a->secret), text.at, text.len, mac, &len))
		abort();
	reload_hex(out, span_of(mac, (MESSAGE_TAG - 1) / 2));
}

void adapter_mark(char out[MESSAGE_TAG], const struct adapter *a, const struct reload_ip_port *at)
{
	char address[64], text[80];
	/* a text with a blank is nothing else that there is a MAC of */
	snprintf(text, sizeof(text), "route %s", reload_ip_port_text(address, at));
	adapter_mac(out, a, span_str(text));
}

static bool is_marked(const struct adapter *a, const url_t *url, const struct reload_ip_port *at)
{
	char mark[MESSAGE_TAG], given[MESSAGE_URI];
	if (!message_param(given, url, ADAPTER_MARK))
		return false;
	adapter_mark(mark, a, at);
	return strlen(given) == strlen(mark) && !CRYPTO_memcmp(given, mark, strlen(mark));
}

bool adapter_is_own(const struct adapter *a, const url_t *url, const struct reload_sip_hop *from)
{
	struct reload_ip_port at, local;
	char text[MESSAGE_URI];
	if (!url || !url->url_host || (url->url_type != url_sip && url->url_type != url_sips))
		return false;
	snprintf(text, sizeof(text), "%s:%s", url->url_host,
		url->url_port && *url->url_port ? url->url_port
		: url->url_type == url_sips     ? "5061"
						: "5060");
	if (reload_ip_port_parse(&at, text, 0))
		return false;
	if (is_marked(a, url, &at))
		return true;
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
