#include "connection/link.h"

enum {
	LINKS_OF_ONE = 8 /* links that one certificate may have */
};

void reload_links_watch(struct reload_connections *c, struct reload_engine *engine,
	const struct reload_link_watch *watch, void *arg)
{
	c->engine = engine;
	c->watch = watch;
	c->watch_arg = arg;
}

static uint32_t next_link(struct reload_connections *c)
{
	do {
		c->next_link = c->next_link == INT32_MAX ? 1 : c->next_link + 1;
	} while (reload_connection_by_link(c, c->next_link));
	return c->next_link; /* top bit clear, never 0 */
}

uint32_t reload_link_open(
	struct reload_connections *c, const struct reload_link_target *to, size_t count)
{
	uint32_t link = next_link(c);
	c->engine->ops->link_open(c->engine->host, link, to, count);
	return link;
}

uint32_t reload_link_gather(struct reload_connections *c, bool controlling)
{
	uint32_t link = next_link(c);
	c->engine->ops->link_gather(c->engine->host, link, controlling);
	return link;
}

void reload_link_give_up(struct reload_connections *c, uint32_t link)
{
	c->engine->ops->link_close(c->engine->host, link);
}

void reload_link_gathered(
	struct reload_connections *c, uint32_t link, const struct reload_ice_gathered *found)
{
	if (!c->watch->gathered(c->watch_arg, link, found))
		reload_link_give_up(c, link);
}

/* -- up --------------------------------------------------------------------------------------------------------------------- */

static void bound(struct reload_connections *c, struct reload_connection *con)
{
	reload_engine_event(c->engine,
		&(struct reload_event){
			.type = RELOAD_EV_LINK_UP, .link = con->link, .node = &con->node });
	c->watch->bound(c->watch_arg, con);
}

void reload_link_bind(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node)
{
	reload_connection_bind(c, con, node);
	bound(c, con);
}

static bool same_node_ids(const struct reload_cert *a, const struct reload_cert *b)
{
	if (a->node_ids_count != b->node_ids_count)
		return false;
	for (size_t i = 0; i < a->node_ids_count; i++)
		if (!reload_cert_has_node(b, &a->node_ids[i]))
			return false;
	return true;
}

static bool is_newer_of_same(const struct reload_cert *cert, const struct reload_cert *old)
{
	bool newer = cert->not_before > old->not_before ||
		     (cert->not_before == old->not_before && cert->not_after > old->not_after);
	return newer && span_eq(cert->public_key_info, old->public_key_info) &&
	       same_node_ids(cert, old) && cert->user && old->user &&
	       !strcmp(cert->user, old->user);
}

void reload_link_renew(struct reload_connections *c, struct reload_connection *con,
	struct reload_cert *cert, const struct reload_chain *chain)
{
	if (!con->cert || cert == con->cert || !is_newer_of_same(cert, con->cert))
		return;
	struct reload_cert *old = con->cert;
	con->cert = reload_cert_ref(cert);
	reload_cert_free(old);
	if (c->engine->ops->link_certificate)
		c->engine->ops->link_certificate(c->engine->host, con->link, con->cert,
			chain ? chain->at : NULL, chain ? chain->count : 0);
}

static bool refused(struct reload_connections *c, uint32_t link, struct reload_cert *cert,
	bool expected, const struct reload_id *node)
{
	const char *reason = NULL;
	if (cert && expected && !reload_cert_has_node(cert, node))
		reason = "the certificate is not that of the node asked for"; /* R-6.5.1.13-03 */
	else if (cert && cert->node_ids_count == 1 &&
		 reload_id_eq(&cert->node_ids[0], &c->engine->self))
		reason = "own Node-ID at the other end";
	else if (!cert && !c->engine->config->shared_secret)
		reason = "no certificate at the other end";
	if (reason) {
		reload_engine_event(
			c->engine, &(struct reload_event){ .type = RELOAD_EV_LINK_REFUSED,
					   .err = RELOAD_BAD_CERT,
					   .link = link,
					   .node = node,
					   .reason = reason });
		return true;
	}
	return false;
}

/* Two nodes need one link, for a moment two; one certificate cannot take all there are: its oldest makes room. */
static void links_of_one(struct reload_connections *c, const struct reload_connection *fresh)
{
	struct reload_connection *con = NULL, *oldest = NULL;
	size_t count = 0;
	while ((con = reload_connection_next(c, con))) {
		if (!con->cert || !span_eq(con->cert->der, fresh->cert->der))
			continue;
		count++;
		if (con != fresh && con != c->default_connection &&
			(!oldest || con->order < oldest->order))
			oldest = con;
	}
	if (count > LINKS_OF_ONE && oldest)
		reload_link_drop(c, oldest, RELOAD_LIMIT);
}

/* The certificate of the link's other end is known; node: which of its Node-IDs is there, NULL: that is not known yet if it has several. */
static void identified(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node)
{
	c->watch->made(c->watch_arg, con);
	if (node && !con->node.len)
		reload_connection_bind(c, con, node);
	links_of_one(c, con);
	if (con->node.len)
		bound(c, con);
	c->watch->up(c->watch_arg, con);
}

static bool is_incoming(uint32_t link)
{
	return link >> 31;
}

void reload_link_up(struct reload_connections *c, uint32_t link, struct reload_cert *cert)
{
	struct reload_id node;
	struct reload_connection *con = NULL;
	if (cert && c->watch->probed(c->watch_arg, link, cert))
		return;
	if (is_incoming(link) && !c->watch->welcomes(c->watch_arg)) {
		reload_engine_event(
			c->engine, &(struct reload_event){ .type = RELOAD_EV_LINK_REFUSED,
					   .err = RELOAD_NOT_JOINED,
					   .link = link,
					   .reason = "this node is not part of the overlay" });
		reload_link_give_up(c, link);
		return;
	}
	bool expected = c->watch->expects(c->watch_arg, link, &node);
	if (!refused(c, link, cert, expected, expected ? &node : NULL)) {
		con = reload_connection_add(c, link, cert, c->engine->now);
		if (!con)
			reload_engine_event(
				c->engine, &(struct reload_event){
						   .type = RELOAD_EV_LINK_LIMIT, .link = link });
	}
	if (!con) {
		reload_link_give_up(c, link);
		c->watch->lost(c->watch_arg,
			&(struct reload_lost_link){ .link = link, .err = RELOAD_BAD_CERT });
		return;
	}
	con->incoming = is_incoming(link);
	if (c->engine->ops->link_mtu)
		con->mtu = c->engine->ops->link_mtu(c->engine->host, link);
	if (cert)
		identified(c, con, expected ? &node : NULL);
	else
		c->watch->unidentified(c->watch_arg, con);
}

void reload_link_identify(struct reload_connections *c, struct reload_connection *con,
	struct reload_cert *cert, const struct reload_chain *chain, const struct reload_id *node)
{
	struct reload_id wanted;
	if (con->cert)
		return;
	bool expected = c->watch->expects(c->watch_arg, con->link, &wanted);
	bool other =
		(expected && !reload_id_eq(&wanted, node)) || reload_id_eq(node, &c->engine->self);
	if (other || refused(c, con->link, cert, expected, expected ? &wanted : NULL)) {
		reload_link_drop(c, con, RELOAD_BAD_CERT);
		return;
	}
	con->cert = reload_cert_ref(cert);
	if (c->engine->ops->link_certificate)
		c->engine->ops->link_certificate(c->engine->host, con->link, con->cert,
			chain ? chain->at : NULL, chain ? chain->count : 0);
	identified(c, con, node);
}

void reload_link_health(struct reload_connections *c, uint32_t link, bool good)
{
	struct reload_connection *con = reload_connection_by_link(c, link);
	if (!con || con->good == good)
		return;
	con->good = good;
	con->bad_since = c->engine->now;
	if (!good)
		reload_engine_event(
			c->engine, &(struct reload_event){ .type = RELOAD_EV_LINK_UNRESPONSIVE,
					   .link = link,
					   .node = &con->node });
	c->watch->health(c->watch_arg, con);
}

void reload_link_send(
	struct reload_connections *c, struct reload_connection *con, struct span message)
{
	con->sent++;
	con->active = c->engine->now;
	reload_engine_count(c->engine, RELOAD_COUNT_SENT);
	c->engine->ops->link_send(c->engine->host, con->link, message);
}

/* -- down ------------------------------------------------------------------------------------------------------------------- */

void reload_link_close(struct reload_connections *c, struct reload_connection *con)
{
	c->engine->ops->link_close(c->engine->host, con->link);
	reload_connection_remove(c, con);
}

static void lost(struct reload_connections *c, struct reload_connection *con, enum reload_err err)
{
	struct reload_lost_link gone = {
		.link = con->link, .node = con->node, .since = con->since, .err = err
	};
	reload_engine_event(c->engine, &(struct reload_event){ .type = RELOAD_EV_LINK_DOWN,
					       .err = err,
					       .link = gone.link,
					       .node = &gone.node });
	reload_connection_remove(c, con);
	c->watch->lost(c->watch_arg, &gone);
}

void reload_link_drop(
	struct reload_connections *c, struct reload_connection *con, enum reload_err err)
{
	c->engine->ops->link_close(c->engine->host, con->link);
	lost(c, con, err);
}

void reload_link_down(struct reload_connections *c, uint32_t link, enum reload_err err)
{
	struct reload_connection *con = reload_connection_by_link(c, link);
	if (con)
		lost(c, con, err);
	else if (!c->watch->probed(c->watch_arg, link, NULL))
		c->watch->lost(
			c->watch_arg, &(struct reload_lost_link){ .link = link, .err = err });
}
