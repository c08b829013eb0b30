#include "dns/locate.h"

#include "dns/name.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
	ID_NAPTR = 0,
	ID_SRV = 1,
	ID_HOST = ID_SRV + RELOAD_LOCATE_SERVICES
};

enum state {
	UNASKED,
	ASKED,
	ANSWERED, /* perhaps that there is nothing */
	FAILED
};

/* SRV records of one name. */
struct service {
	enum state state;
	unsigned transport;
	char name[RELOAD_SRV_TARGET_MAX + 1];
	struct reload_srv records[RELOAD_SRV_MAX];
	size_t count;
	bool no_service;
	uint16_t order, preference; /* of the NAPTR record that named it */
};

struct host {
	enum state state;
	char name[RELOAD_SRV_TARGET_MAX + 1];
	struct reload_ip_port addrs[RELOAD_LOCATE_ADDRESSES];
	size_t count;
};

enum stage {
	STAGE_NAPTR,
	STAGE_SRV,
	STAGE_ADDRESS,
	STAGE_DONE
};

struct reload_locate {
	char domain[RELOAD_SRV_TARGET_MAX + 1];
	struct reload_locate_uri uri; /* its host is domain */
	reload_srv_draw_fn draw;
	void *draw_arg;
	enum stage stage;
	enum state naptr;
	struct service services[RELOAD_LOCATE_SERVICES];
	size_t service_count;
	struct host hosts[RELOAD_LOCATE_HOSTS];
	size_t host_count;
	struct reload_locate_server servers[RELOAD_LOCATE_SERVERS];
	size_t count;
	bool unanswered; /* something that may have led further */
	bool refused;    /* the domain says that it has no such service */
};

/* -- what is in a URI ---------------------------------------------------------------------------------------------------- */

bool reload_locate_parse_transport(unsigned *out, const char *text)
{
	static const struct {
		const char *text;
		unsigned transport;
	} known[] = { { "udp", RELOAD_LOCATE_UDP }, { "tcp", RELOAD_LOCATE_TCP },
		{ "tls", RELOAD_LOCATE_TLS } };
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (!strcasecmp(text, known[i].text)) {
			*out = known[i].transport;
			return true;
		}
	return false;
}

static uint16_t port_of(const struct reload_locate_uri *uri, unsigned transport)
{
	if (uri->port)
		return uri->port;
	return transport == RELOAD_LOCATE_TLS ? SIPS_PORT : SIP_PORT;
}

/*
 * The transports for an address that no SRV record chose (RFC 3263 s4.1): the one that the URI says, TLS for "sips", else UDP.  When
 * the request is too large for UDP, TCP comes first; a caller without UDP uses what it has.  Returns their number, at least 1.
 */
static size_t default_transports(unsigned out[2], const struct reload_locate_uri *uri)
{
	size_t n = 0;
	if (uri->transport) {
		out[n++] = uri->transport;
		return n;
	}
	if (uri->large && uri->transports & RELOAD_LOCATE_TCP)
		out[n++] = RELOAD_LOCATE_TCP;
	if (uri->transports & RELOAD_LOCATE_UDP)
		out[n++] = RELOAD_LOCATE_UDP;
	if (!n)
		out[n++] =
			uri->transports & RELOAD_LOCATE_TCP ? RELOAD_LOCATE_TCP : RELOAD_LOCATE_TLS;
	return n;
}

static bool family_fits(const struct reload_locate *l, const struct reload_ip_port *a)
{
	return l->uri.families & (a->type == RELOAD_IPV4 ? RELOAD_LOCATE_IPV4 : RELOAD_LOCATE_IPV6);
}

static void server_add(
	struct reload_locate *l, struct reload_ip_port at, uint16_t port, unsigned transport)
{
	at.port = port;
	reload_ip_port_unmap(&at);
	if (l->count == RELOAD_LOCATE_SERVERS || !family_fits(l, &at) || reload_ip_port_fault(&at))
		return;
	for (size_t i = 0; i < l->count; i++)
		if (l->servers[i].transport == transport &&
			reload_ip_port_eq(&l->servers[i].at, &at))
			return;
	l->servers[l->count++] = (struct reload_locate_server){ at, transport };
}

/* -- hosts ---------------------------------------------------------------------------------------------------------------- */

static struct host *host_named(struct reload_locate *l, const char *name)
{
	for (size_t i = 0; i < l->host_count; i++)
		if (!strcasecmp(l->hosts[i].name, name))
			return &l->hosts[i];
	return NULL;
}

static void host_want(struct reload_locate *l, const char *name)
{
	if (l->host_count == RELOAD_LOCATE_HOSTS || host_named(l, name) ||
		!reload_host_name_valid(span_str(name)))
		return;
	struct host *h = &l->hosts[l->host_count++];
	memcpy(h->name, name, strlen(name) + 1);
}

/* Addresses of both families for each target, IPv6 first (RFC 7984 s4.1, RFC 6724). */
static void servers_of_host(
	struct reload_locate *l, const struct host *h, uint16_t port, unsigned transport)
{
	static const uint8_t order[] = { RELOAD_IPV6, RELOAD_IPV4 };
	l->unanswered |= h->state == FAILED;
	for (size_t f = 0; f < COUNT_OF(order); f++)
		for (size_t i = 0; i < h->count; i++)
			if (h->addrs[i].type == order[f])
				server_add(l, h->addrs[i], port, transport);
}

static void collect(struct reload_locate *l)
{
	unsigned transports[2];
	size_t n = default_transports(transports, &l->uri);
	bool records = false;
	for (size_t s = 0; s < l->service_count; s++) {
		const struct service *service = &l->services[s];
		l->unanswered |= service->state == FAILED;
		for (size_t i = 0; i < service->count; i++) {
			const struct reload_srv *r = &service->records[i];
			const struct host *h = host_named(l, r->target);
			records = true;
			if (h)
				servers_of_host(l, h, r->port, service->transport);
		}
	}
	for (size_t t = 0; !records && l->host_count && t < n; t++)
		servers_of_host(l, &l->hosts[0], port_of(&l->uri, transports[t]), transports[t]);
	l->stage = STAGE_DONE;
}

/* -- services ------------------------------------------------------------------------------------------------------------- */

static void service_add(struct reload_locate *l, const char *name, unsigned transport)
{
	if (l->service_count == RELOAD_LOCATE_SERVICES || strlen(name) > RELOAD_DNS_NAME_MAX)
		return;
	struct service *s = &l->services[l->service_count++];
	s->transport = transport;
	memcpy(s->name, name, strlen(name) + 1);
}

/* Without NAPTR records each transport that is possible has a name of its own (RFC 3263 s4.1, s4.2). */
static void services_by_transport(struct reload_locate *l)
{
	static const struct {
		unsigned transport;
		const char *prefix;
	} usual[] = { { RELOAD_LOCATE_UDP, "_sip._udp" }, { RELOAD_LOCATE_TCP, "_sip._tcp" },
		{ RELOAD_LOCATE_TLS, "_sips._tcp" } };
	static const unsigned of_large[] = { 1, 0, 2 };
	unsigned wanted = l->uri.transport ? l->uri.transport : l->uri.transports;
	for (size_t i = 0; i < COUNT_OF(usual); i++) {
		size_t which = l->uri.large ? of_large[i] : i;
		char name[sizeof(l->domain) + 16];
		snprintf(name, sizeof(name), "%s.%s", usual[which].prefix, l->domain);
		if (wanted & usual[which].transport)
			service_add(l, name, usual[which].transport);
	}
}

/* Its targets are asked for; false: there are none, and the domain itself is to be asked. */
static bool hosts_of_services(struct reload_locate *l)
{
	bool records = false, failed = false;
	for (size_t s = 0; s < l->service_count; s++) {
		const struct service *service = &l->services[s];
		for (size_t i = 0; i < service->count; i++)
			host_want(l, service->records[i].target);
		records |= service->count > 0;
		failed |= service->state == FAILED;
		l->refused |= service->no_service;
	}
	if (records)
		l->refused = false;
	/* records that are there but were not seen may lead elsewhere than the domain's own address */
	l->unanswered |= failed;
	return records || failed || l->refused;
}

/* -- from stage to stage --------------------------------------------------------------------------------------------------- */

static bool is_open(enum state s)
{
	return s == UNASKED || s == ASKED;
}

static bool stage_open(const struct reload_locate *l)
{
	if (l->stage == STAGE_NAPTR)
		return is_open(l->naptr);
	for (size_t i = 0; l->stage == STAGE_SRV && i < l->service_count; i++)
		if (is_open(l->services[i].state))
			return true;
	for (size_t i = 0; l->stage == STAGE_ADDRESS && i < l->host_count; i++)
		if (is_open(l->hosts[i].state))
			return true;
	return false;
}

static void advance(struct reload_locate *l)
{
	while (l->stage != STAGE_DONE && !stage_open(l)) {
		if (l->stage == STAGE_NAPTR) {
			if (!l->service_count)
				services_by_transport(l);
			l->stage = STAGE_SRV;
		} else if (l->stage == STAGE_SRV) {
			if (!hosts_of_services(l))
				host_want(l, l->domain);
			l->stage = STAGE_ADDRESS;
		} else {
			collect(l);
		}
	}
}

static enum state *state_of(struct reload_locate *l, unsigned id)
{
	if (id == ID_NAPTR)
		return &l->naptr;
	if (id < ID_HOST)
		return id - ID_SRV < l->service_count ? &l->services[id - ID_SRV].state : NULL;
	return id - ID_HOST < l->host_count ? &l->hosts[id - ID_HOST].state : NULL;
}

/* True: the question with this id, between both bounds, waits for its answer, which has come now. */
static bool answer(struct reload_locate *l, unsigned id, unsigned from, unsigned to)
{
	enum state *s = id >= from && id < to ? state_of(l, id) : NULL;
	if (!s || *s != ASKED || l->stage == STAGE_DONE)
		return false;
	*s = ANSWERED;
	return true;
}

void reload_locate_failed(struct reload_locate *l, unsigned id)
{
	if (!answer(l, id, 0, ID_HOST + RELOAD_LOCATE_HOSTS))
		return;
	*state_of(l, id) = FAILED;
	advance(l);
}

void reload_locate_expire(struct reload_locate *l)
{
	if (l->stage == STAGE_NAPTR)
		l->unanswered = true; /* names of SRV records were not even asked for */
	for (unsigned id = 0; id < ID_HOST + RELOAD_LOCATE_HOSTS; id++) {
		enum state *s = state_of(l, id);
		if (s && is_open(*s))
			*s = FAILED;
	}
	if (l->stage != STAGE_DONE)
		collect(l);
}

bool reload_locate_done(const struct reload_locate *l)
{
	return l->stage == STAGE_DONE;
}

/* -- answers --------------------------------------------------------------------------------------------------------------- */

/* The transport of a NAPTR record that can be followed, ANY: of none. */
static unsigned naptr_transport(const struct reload_locate *l, const struct reload_naptr *r)
{
	static const struct {
		const char *service;
		unsigned transport;
	} known[] = { { "SIP+D2U", RELOAD_LOCATE_UDP }, { "SIP+D2T", RELOAD_LOCATE_TCP },
		{ "SIPS+D2T", RELOAD_LOCATE_TLS } };
	if (strcasecmp(r->flags, "s") != 0 || r->has_regexp ||
		!reload_host_name_valid(span_str(r->replacement)))
		return RELOAD_LOCATE_ANY;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (!strcasecmp(r->service, known[i].service))
			return known[i].transport & l->uri.transports;
	return RELOAD_LOCATE_ANY;
}

/* UDP is moved behind the others for a request that it cannot carry; else as the domain prefers. */
static bool comes_before(
	const struct reload_locate *l, const struct service *a, const struct service *b)
{
	bool late_a = l->uri.large && a->transport == RELOAD_LOCATE_UDP;
	bool late_b = l->uri.large && b->transport == RELOAD_LOCATE_UDP;
	return late_a != late_b ? late_b : a->preference < b->preference;
}

static void service_sort_in(struct reload_locate *l)
{
	struct service *at = &l->services[l->service_count - 1];
	for (; at > l->services && comes_before(l, at, at - 1); at--) {
		struct service swap = at[-1];
		at[-1] = at[0];
		at[0] = swap;
	}
}

void reload_locate_naptr(
	struct reload_locate *l, unsigned id, const struct reload_naptr *records, size_t count)
{
	unsigned lowest = UINT16_MAX;
	if (!answer(l, id, ID_NAPTR, ID_SRV))
		return;
	for (size_t i = 0; i < count; i++)
		if (naptr_transport(l, &records[i]) && records[i].order < lowest)
			lowest = records[i].order;
	for (size_t i = 0; i < count; i++) {
		const struct reload_naptr *r = &records[i];
		size_t before = l->service_count;
		/* RFC 3403 s4.1: once one fits, those of a higher order are not looked at */
		if (!naptr_transport(l, r) || r->order != lowest)
			continue;
		service_add(l, r->replacement, naptr_transport(l, r));
		if (l->service_count == before)
			break;
		l->services[before].preference = r->preference;
		service_sort_in(l);
	}
	advance(l);
}

void reload_locate_srv(struct reload_locate *l, unsigned id, const struct reload_srv *records,
	size_t count, bool no_service)
{
	if (!answer(l, id, ID_SRV, ID_HOST))
		return;
	struct service *s = &l->services[id - ID_SRV];
	s->no_service = no_service;
	for (size_t i = 0; i < count && s->count < RELOAD_SRV_MAX; i++)
		if (records[i].port && reload_host_name_valid(span_str(records[i].target)))
			s->records[s->count++] = records[i];
	reload_srv_order(s->records, s->count, l->draw, l->draw_arg);
	advance(l);
}

void reload_locate_addresses(
	struct reload_locate *l, unsigned id, const struct reload_ip_port *addrs, size_t count)
{
	if (!answer(l, id, ID_HOST, ID_HOST + RELOAD_LOCATE_HOSTS))
		return;
	struct host *h = &l->hosts[id - ID_HOST];
	for (size_t i = 0; i < count && h->count < RELOAD_LOCATE_ADDRESSES; i++)
		if (family_fits(l, &addrs[i]))
			h->addrs[h->count++] = addrs[i];
	advance(l);
}

/* -- questions ------------------------------------------------------------------------------------------------------------- */

static bool ask(enum state *s, struct reload_locate_question *out, enum reload_locate_type type,
	const char *name, unsigned id)
{
	if (*s != UNASKED)
		return false;
	*s = ASKED;
	*out = (struct reload_locate_question){ type, name, id };
	return true;
}

bool reload_locate_next(struct reload_locate *l, struct reload_locate_question *out)
{
	if (l->stage == STAGE_NAPTR)
		return ask(&l->naptr, out, RELOAD_LOCATE_NAPTR, l->domain, ID_NAPTR);
	for (unsigned i = 0; l->stage == STAGE_SRV && i < l->service_count; i++)
		if (ask(&l->services[i].state, out, RELOAD_LOCATE_SRV, l->services[i].name,
			    ID_SRV + i))
			return true;
	for (unsigned i = 0; l->stage == STAGE_ADDRESS && i < l->host_count; i++)
		if (ask(&l->hosts[i].state, out, RELOAD_LOCATE_ADDRESS, l->hosts[i].name,
			    ID_HOST + i))
			return true;
	return false;
}

/* -- beginning and end ----------------------------------------------------------------------------------------------------- */

/* The transports are narrowed to what the URI allows. */
static enum reload_err check_transport(
	struct reload_locate_uri *uri, const char *what, struct reload_error_text *why)
{
	unsigned own = uri->transports;
	if (uri->sips && uri->transport == RELOAD_LOCATE_UDP)
		return reload_error_explain(
			why, RELOAD_BAD_VALUE, what, "sips: needs TLS, which UDP does not carry");
	if (uri->sips)
		uri->transport = RELOAD_LOCATE_TLS; /* also for transport=tcp (RFC 3261 s26.2.2) */
	uri->transports &= uri->transport ? uri->transport : ~0u;
	if (!uri->transports)
		return reload_error_explain(why, RELOAD_LIMIT, what,
			own ? "there is nothing here that sends over its transport"
			    : "there is nothing here that sends requests");
	return RELOAD_OK;
}

/* The host of a URI as an address; false: it is none. */
static bool read_numeric(struct reload_ip_port *out, const char *host)
{
	char text[64];
	size_t len = strlen(host);
	if (!len || len >= sizeof(text) - 2)
		return false;
	if (host[0] == '[')
		return host[len - 1] == ']' && !reload_ip_port_parse(out, host, SIP_PORT);
	snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]" : "%s", host);
	return !reload_ip_port_parse(out, text, SIP_PORT);
}

static enum reload_err begin_numeric(struct reload_locate *l, const struct reload_ip_port *a,
	const char *what, struct reload_error_text *why)
{
	unsigned transports[2];
	struct reload_ip_port at = *a;
	reload_ip_port_unmap(&at);
	const char *fault = reload_ip_port_fault(&at);
	if (fault)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what, "its host is %s", fault);
	if (!family_fits(l, &at))
		return reload_error_explain(why, RELOAD_LIMIT, what,
			"there is nothing here that sends over %s",
			at.type == RELOAD_IPV4 ? "IPv4" : "IPv6");
	size_t n = default_transports(transports, &l->uri);
	for (size_t i = 0; i < n; i++)
		server_add(l, at, port_of(&l->uri, transports[i]), transports[i]);
	l->stage = STAGE_DONE;
	return RELOAD_OK;
}

static void begin_named(struct reload_locate *l)
{
	l->stage = STAGE_NAPTR;
	if (l->uri.port) {
		host_want(l, l->domain);
		l->stage = STAGE_ADDRESS;
	} else if (l->uri.transport && !l->uri.sips) {
		services_by_transport(l);
		l->stage = STAGE_SRV;
	}
}

static enum reload_err begin(
	struct reload_locate *l, const char *host, struct reload_error_text *why)
{
	struct reload_ip_port numeric;
	char what[160];
	size_t len = strlen(host);
	snprintf(what, sizeof(what), "no request can go to %.100s", host);
	enum reload_err err = check_transport(&l->uri, what, why);
	if (err)
		return err;
	if (read_numeric(&numeric, host))
		return begin_numeric(l, &numeric, what, why);
	if (len > 1 && host[len - 1] == '.')
		len--;
	if (!reload_host_name_valid(span_of(host, len)))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"its host is neither a host name nor an address");
	memcpy(l->domain, host, len);
	begin_named(l);
	return RELOAD_OK;
}

enum reload_err reload_locate_new(struct reload_locate **out, const struct reload_locate_uri *uri,
	reload_srv_draw_fn draw, void *draw_arg, struct reload_error_text *why)
{
	struct reload_locate *l = RELOAD_NEW(reload_locate);
	l->uri = *uri;
	l->uri.host = l->domain;
	l->draw = draw;
	l->draw_arg = draw_arg;
	enum reload_err err = begin(l, uri->host, why);
	if (err)
		free(l);
	else
		*out = l;
	return err;
}

void reload_locate_free(struct reload_locate *l)
{
	free(l);
}

enum reload_err reload_locate_servers(const struct reload_locate *l,
	const struct reload_locate_server **out, size_t *count, struct reload_error_text *why)
{
	char what[300];
	if (l->count) {
		*out = l->servers;
		*count = l->count;
		return RELOAD_OK;
	}
	snprintf(what, sizeof(what), "no request can go to %s", l->domain);
	if (l->unanswered)
		return reload_error_explain(
			why, RELOAD_TIMEOUT, what, "the name servers gave no answer");
	if (l->refused)
		return reload_error_explain(why, RELOAD_NO_VALUE, what,
			"its domain says that it takes no calls: the target of its SRV record is "
			".");
	return reload_error_explain(
		why, RELOAD_NO_VALUE, what, "the name has no address that can be used from here");
}
