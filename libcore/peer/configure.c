#include "peer/internal.h"

#include <stdio.h>

/*
 * One configuration for all (RFC 6940 s6.3.2.1, s6.5.4): requests of nodes with another one are answered with an error,
 * the one behind gets the document, and a newer signed document changes the running node.
 */

/* A list of wire bytes as entries, at most max. */
static size_t entries(
	struct reload_peer *p, struct span list, struct reload_destination *out, size_t max)
{
	struct span rest;
	size_t count = 0;
	while (count < max && reload_list_first(&out[count], &rest, list, &p->engine->ctx)) {
		list = rest;
		count++;
	}
	return count;
}

enum {
	ROUTE_MAX = 32,
	KINDS_MAX = 63, /* that an Error_Unknown_Kind can list */
	ROOM = 1500
};

static void update_send_to(struct reload_peer *p, const struct reload_id *node, struct span list,
	const struct reload_config_update *update)
{
	struct reload_destination way[ROUTE_MAX];
	size_t count = entries(p, list, way, COUNT_OF(way));
	struct reload_request *r = NULL;
	if (count)
		r = reload_request_induced(p->exchange, RELOAD_CONFIG_UPDATE_REQ, node, way, count);
	if (r)
		reload_request_send(r, update);
}

/* RFC 6940 s6.5.4: a node that is behind is sent the configuration. */
void reload_configure_send(struct reload_peer *p, const struct reload_id *node, struct span list)
{
	/* CFG-15: a document above max-message-size is not sent; the node fetches it elsewhere */
	if (p->engine->config->document.len + ROOM > p->engine->config->max_message_size)
		return;
	struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = p->engine->config->document };
	update_send_to(p, node, list, &update);
}

void reload_configure_send_kinds(struct reload_peer *p, const struct reload_request *r,
	const struct reload_id *node, struct span error_info)
{
	struct rd info = rd_of(error_info), list = rd_open(&info, 1);
	struct reload_kind_description blocks[KINDS_MAX];
	struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_KIND, .kinds = blocks };
	uint32_t kinds[KINDS_MAX];
	size_t count = 0;
	while (rd_more(&list) && count < COUNT_OF(kinds))
		kinds[count++] = rd_u32(&list);
	count = list.err ? 0 : reload_request_named(r, kinds, count);
	for (size_t i = 0; i < count; i++) {
		const struct reload_kind *kind = reload_config_kind(p->engine->config, kinds[i]);
		if (kind && kind->block.len)
			blocks[update.kinds_count++].kind_block = kind->block;
	}
	if (update.kinds_count)
		update_send_to(p, node, wr_done((struct wr *)&r->list), &update); /* R-7.4.1.2-09 */
}

/* R-11.1-49: a node that cannot meet the configuration of the overlay leaves it. */
static void leave_unmet(
	struct reload_peer *p, enum reload_err err, const struct reload_error_text *why)
{
	snprintf(p->unmet, sizeof(p->unmet), "%.255s", *why->reason ? why->reason : why->what);
	reload_engine_event(p->engine,
		&(struct reload_event){
			.type = RELOAD_EV_CONFIG_UNMET, .err = err, .reason = p->unmet });
	reload_membership_leave(p->membership, false);
}

/* Whether this node can go on with the configuration that it has now. */
static enum reload_err fit(
	struct reload_peer *p, const struct reload_config *before, struct reload_error_text *why)
{
	const struct reload_credentials *own = reload_exchange_credentials(p->exchange);
	if (!reload_config_in_place(p->engine->config, before))
		return reload_error_explain(why, RELOAD_INCOMPATIBLE, "the new configuration",
			"links, Node-IDs or the overlay algorithm are others: join again");
	return reload_trust_check(p->engine->config->trust, own->cert, own->others,
		own->others_count, p->engine->wall, why);
}

/* -- links to bad nodes ------------------------------------------------------------------------------------------------- */

enum {
	REVOKED_MS = 1000 /* time for the document to reach a bad node before its link is closed */
};

static void revoked_notify(struct reload_peer *p, const struct reload_connection *con)
{
	struct reload_destination to = reload_dest_node(&con->node);
	struct wr list;
	wr_init(&list);
	reload_list_write(&list, &p->engine->ctx, &to, 1);
	reload_configure_send(p, &con->node, wr_done(&list));
	wr_clear(&list);
}

/* How the certificate at the other end fares by the new document; authorities above it are not known here. */
static enum reload_err judge(const struct reload_peer *p, const struct reload_connection *con)
{
	struct reload_error_text ignored;
	if (!con->cert)
		return RELOAD_OK;
	return reload_trust_check(
		p->engine->config->trust, con->cert, NULL, 0, p->engine->wall, &ignored);
}

static bool is_revoked(const struct reload_peer *p, const struct reload_connection *con)
{
	return judge(p, con) == RELOAD_CERT_REVOKED;
}

static void revoked_drop(void *arg)
{
	struct reload_peer *p = arg;
	struct reload_connection *con, *next;
	for (con = reload_connection_next(p->connections, NULL); con; con = next) {
		next = reload_connection_next(p->connections, con);
		if (is_revoked(p, con))
			reload_link_drop(p->connections, con, RELOAD_CERT_REVOKED);
	}
}

/*
 * A node that is listed as bad is sent the document that says so, because it then leaves with that reason and does not look for
 * neighbours for ever; its messages are not believed any more.  A little later its links are closed.  So is a node whose authority is no
 * longer trusted; its links are closed by the host, which knows the authorities above its certificate.
 */
static void revoked_start(struct reload_peer *p)
{
	struct reload_connection *con = NULL;
	bool any = false;
	while ((con = reload_connection_next(p->connections, con))) {
		enum reload_err err = judge(p, con);
		any |= err == RELOAD_CERT_REVOKED;
		if ((err == RELOAD_CERT_REVOKED || err == RELOAD_CERT_UNTRUSTED) && con->node.len)
			revoked_notify(p, con);
	}
	if (any)
		reload_timer_arm(&p->engine->timers, &p->revoked, p->engine->now + REVOKED_MS,
			revoked_drop, p);
}

/* -- a new document ------------------------------------------------------------------------------------------------------- */

static void configure(struct reload_peer *p, struct reload_config *config)
{
	struct reload_config *before = p->engine->config;
	struct reload_error_text why = { 0 };
	p->engine->config = reload_config_ref(config);
	p->engine->ctx = reload_config_wire_ctx(p->engine->config);
	reload_exchange_configured(p->exchange);
	reload_replica_configured(p->replica, before);
	p->route.topology->configure(p->route.plugin, p->engine->config);
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_CONFIG_CHANGED,
					       .count = p->engine->config->sequence });
	p->engine->ops->config_changed(p->engine->host, p->engine->config);
	enum reload_err err = fit(p, before, &why);
	reload_membership_hasten(p->membership);
	revoked_start(p);
	reload_config_free(before);
	if (err)
		leave_unmet(p, err, &why);
}

/*
 * A Ping with the new number over each link: whoever is behind answers an error and is sent the document, so that it, and a
 * node that it revokes, does not wait for the next request that happens to go that way.
 */
static void announce(struct reload_peer *p)
{
	struct reload_ping_req ping = { 0 };
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con))) {
		struct reload_destination to = reload_dest_node(&con->node);
		struct reload_request *r = NULL;
		if (con->node.len)
			r = reload_request_induced(
				p->exchange, RELOAD_PING_REQ, &con->node, &to, 1);
		if (!r)
			continue;
		r->over_link = con->link;
		reload_request_send(r, &ping);
	}
}

/* A whole new document; Kinds learned one by one stay as far as their signers do (CFG-17). */
static void configure_newer(struct reload_peer *p, struct reload_config *config)
{
	bool newer = config->sequence != p->engine->config->sequence;
	AUTO(reload_config)
	carried = reload_config_carry_kinds(config, p->engine->config, p->engine->wall);
	configure(p, carried);
	if (newer)
		announce(p);
}

/*
 * Reading a document costs far more than sending it, good or bad: documents of a node that sent REFUSED_IN_A_ROW bad ones, or
 * Kinds that are known already, are ignored for REFUSED_MS.
 */
enum {
	REFUSED_IN_A_ROW = 16,
	REFUSED_MS = 10000
};

static bool is_ignored(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	for (size_t i = 0; p->refused && !in->local && i < RELOAD_REFUSED_MAX; i++)
		if (p->refused[i].count >= REFUSED_IN_A_ROW &&
			p->engine->now - p->refused[i].since < REFUSED_MS &&
			reload_id_eq(&p->refused[i].node, &in->signer))
			return true;
	return false;
}

static void refused_note(struct reload_peer *p, const struct reload_id *node)
{
	size_t i = 0;
	if (!p->refused)
		p->refused = reload_alloc_array(RELOAD_REFUSED_MAX, sizeof(*p->refused));
	while (i < RELOAD_REFUSED_MAX && !reload_id_eq(&p->refused[i].node, node))
		i++;
	if (i == RELOAD_REFUSED_MAX) {
		i = p->next_refused;
		p->next_refused = (i + 1) % RELOAD_REFUSED_MAX;
		p->refused[i].node = *node;
		p->refused[i].count = 0;
	}
	if (!p->refused[i].count || p->engine->now - p->refused[i].since >= REFUSED_MS) {
		p->refused[i].since = p->engine->now;
		p->refused[i].count = 0;
	}
	p->refused[i].count++;
}

static void refuse(
	struct reload_incoming *in, enum reload_err err, const struct reload_error_text *why)
{
	refused_note(in->method->arg, &in->signer);
	struct reload_peer *p = in->method->arg;
	reload_engine_event(p->engine,
		&(struct reload_event){
			.type = RELOAD_EV_CONFIG_REFUSED, .err = err, .node = &in->signer });
	reload_answer_error(in, err, why->reason[0] ? why->reason : why->what);
}

/* CFG-16: which error says what. */
static enum reload_err document_error(enum reload_err err)
{
	return err == RELOAD_BAD_CONFIG || err == RELOAD_CONFIG_EXPIRED ? RELOAD_INVALID_MESSAGE
									: RELOAD_FORBIDDEN;
}

static void take_document(struct reload_incoming *in, const struct reload_config_update *u)
{
	struct reload_peer *p = in->method->arg;
	struct reload_error_text why = { 0 };
	AUTO(reload_config) config = NULL;
	if (span_eq(u->config, p->engine->config->document)) {
		reload_answer_bytes(in, RELOAD_CONFIG_UPDATE_ANS, span_of(NULL, 0));
		return;
	}
	enum reload_err err =
		reload_config_parse_any(&config, u->config, p->engine->config->instance_name,
			reload_trust_ops(p->engine->config->trust), p->engine->wall, &why);
	if (err) {
		refuse(in, document_error(err), &why);
	} else if (!reload_config_newer(config, p->engine->config)) {
		reload_error_explain(&why, err, NULL, "sequence %u is not newer than %u",
			config->sequence, p->engine->config->sequence);
		refuse(in, RELOAD_CONFIG_TOO_OLD, &why);
	} else if ((err = reload_config_verify(config, p->engine->config, p->engine->wall, &why))) {
		refuse(in, RELOAD_FORBIDDEN, &why);
	} else if ((err = reload_config_supported(config, &why))) {
		refuse(in, RELOAD_FORBIDDEN, &why);
		leave_unmet(p, err, &why);
	} else {
		/* answered, then reconfigured (CFG-16) */
		reload_answer_bytes(in, RELOAD_CONFIG_UPDATE_ANS, span_of(NULL, 0));
		configure_newer(p, config);
	}
}

static void take_kinds(struct reload_incoming *in, const struct reload_config_update *u)
{
	struct reload_peer *p = in->method->arg;
	struct reload_error_text why = { 0 };
	AUTO(reload_config) config = NULL;
	struct span *blocks = reload_arena_take(&in->msg->arena, u->kinds_count * sizeof(*blocks));
	for (size_t i = 0; i < u->kinds_count; i++)
		blocks[i] = u->kinds[i].kind_block;
	enum reload_err err = reload_config_with_kinds(
		&config, p->engine->config, blocks, u->kinds_count, p->engine->wall, &why);
	if (err) {
		refuse(in, err == RELOAD_INVALID_MESSAGE ? err : RELOAD_FORBIDDEN, &why);
		return;
	}
	if (why.reason[0]) /* it cost what a bad one costs */
		refused_note(p, &in->signer);
	reload_answer_bytes(in, RELOAD_CONFIG_UPDATE_ANS, span_of(NULL, 0));
	if (config != p->engine->config)
		configure(p, config);
}

void reload_configure_serve(struct reload_incoming *in)
{
	const struct reload_config_update *u = &in->msg->body.config_update;
	if (is_ignored(in)) {
		reload_incoming_drop(in, RELOAD_COUNT_DROP_LIMIT, "too many bad documents");
		return;
	}
	if (u->type == RELOAD_CONFIG_UPDATE_CONFIG)
		take_document(in, u);
	else
		take_kinds(in, u);
}

void reload_peer_configure(struct reload_peer *p, struct reload_config *config)
{
	struct reload_error_text why = { 0 };
	reload_engine_enter(p->engine);
	enum reload_err err = reload_config_supported(config, &why);
	if (err)
		leave_unmet(p, err, &why);
	else
		configure_newer(p, config);
	reload_engine_exit(p->engine);
}
