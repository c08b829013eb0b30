#include "reload-sip-adapter/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- options ------------------------------------------------------------------------------------------------------------------------- */

static enum reload_err refuse(struct reload_error_text *why, const char *text, const char *reason)
{
	char what[200];
	snprintf(what, sizeof(what), "--gateway %.150s", text);
	enum reload_err err = cli_refuse(why, what, reason);
	reload_error_advise(why, "--gateway +49=sip:trunk.example");
	return err;
}

static void insert(struct gateways *g, const struct gateway *new)
{
	size_t at = g->count++;
	for (; at > 0 && g->at[at - 1].prefix.len < new->prefix.len; at--)
		g->at[at] = g->at[at - 1];
	g->at[at] = *new;
}

enum reload_err gateway_add(struct gateways *g, const char *text, struct reload_error_text *why)
{
	struct gateway new;
	struct reload_locate_uri place;
	char host[MESSAGE_URI];
	const char *uri = strchr(text, '=');
	if (!uri || reload_tel_prefix_parse(&new.prefix, span_of(text, (size_t)(uri - text))))
		return refuse(
			why, text, "a prefix of numbers and the SIP URI of a trunk are wanted");
	if (!message_place(&place, host, ++uri) || strlen(uri) > MESSAGE_URI / 2)
		return refuse(why, text, "the trunk is no SIP URI, or not over UDP, TCP or TLS");
	if (g->count == GATEWAYS_MAX)
		return refuse(why, text, "there are places for 64 gateways");
	new.uri = reload_strdup(uri);
	insert(g, &new);
	return RELOAD_OK;
}

/* -- numbers -------------------------------------------------------------------------------------------------------------------------- */

bool gateway_number(struct reload_tel *out, const url_t *url)
{
	char text[MESSAGE_URI];
	if (url->url_type == url_tel)
		return message_uri(text, url) && !reload_tel_parse(out, span_str(text));
	return url->url_user && !reload_tel_parse(out, span_str(url->url_user));
}

bool gateway_serves(const struct gateways *g, const struct reload_tel *number)
{
	for (size_t i = 0; i < g->count; i++)
		if (reload_tel_has_prefix(number, &g->at[i].prefix))
			return true;
	return false;
}

void gateway_targets(struct fork *f, const struct reload_tel *number)
{
	const struct gateways *g = f->a->gateways;
	for (size_t i = 0; i < g->count; i++) {
		char uri[MESSAGE_URI];
		if (reload_tel_has_prefix(number, &g->at[i].prefix) &&
			message_number(uri, g->at[i].uri, number->number))
			(void)fork_target(f, &(struct fork_target){ .uri = uri,
						     .outside = g->at[i].uri,
						     .trunk = true,
						     .in_turn = true });
	}
}

/* -- services ------------------------------------------------------------------------------------------------------------------------- */

/* What an agent was asked about a service. */
struct gateway_ask {
	LIST_ENTRY(gateway_ask) entry;
	struct adapter *a;
	struct served *s;
	char service[RELOAD_TEL_SERVICE];
	bool offer;
};

static void ask_free(struct gateway_ask *k)
{
	LIST_REMOVE(k, entry);
	free(k);
}

static void on_done(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct gateway_ask *k = arg;
	(void)result;
	json_t *o = json_pack("{s:s, s:s, s:s}", "type",
		error      ? "not-offered"
		: k->offer ? "offered"
			   : "withdrawn",
		"aor", k->s->user, "service", k->service);
	if (error)
		json_object_set(o, "error", error->data);
	if (result || error)
		adapter_event(k->a, o);
	else
		json_decref(o); /* the agent is gone */
	ask_free(k);
}

static void ask(struct adapter *a, struct served *s, size_t gateway, bool offer)
{
	const struct reload_tel *prefix = &a->gateways->at[gateway].prefix;
	struct gateway_ask *k = RELOAD_NEW(gateway_ask);
	*k = (struct gateway_ask){ .a = a, .s = s, .offer = offer };
	LIST_INSERT_HEAD(&a->gateways->asks, k, entry);
	json_t *params = NULL;
	if (!reload_tel_service(k->service, s->overlay, prefix, prefix->len))
		params = json_pack("{s:s}", "service", k->service);
	if (!params || !served_ask(s, offer ? "service.register" : "service.remove", params,
			       on_done, NULL, k))
		ask_free(k);
}

void gateways_clear(struct gateways *g)
{
	while (g->count)
		free(g->at[--g->count].uri);
	while (!LIST_EMPTY(&g->asks))
		ask_free(LIST_FIRST(&g->asks));
}

/* One node of an overlay is enough: the others lead to the same trunks. */
static bool is_first_of_overlay(const struct adapter *a, const struct served *s)
{
	for (size_t i = 0; i < a->served_count; i++)
		if (!strcmp(a->served[i]->overlay, s->overlay))
			return a->served[i] == s;
	return true;
}

static void ask_all(struct adapter *a, struct served *s, bool offer)
{
	const struct gateways *g = a->gateways;
	for (size_t i = 0; is_first_of_overlay(a, s) && i < g->count; i++) {
		size_t before = 0;
		while (strcmp(g->at[before].prefix.number, g->at[i].prefix.number) != 0)
			before++;
		if (before == i) /* else another trunk of the same prefix */
			ask(a, s, i, offer);
	}
}

void gateway_offer(struct adapter *a, struct served *s)
{
	ask_all(a, s, true);
}

void gateway_withdraw(struct adapter *a, struct served *s)
{
	ask_all(a, s, false);
}
