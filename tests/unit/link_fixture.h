/* Two or more nodes of one overlay in one process: authorities, certificates, links on one loop, and what they told. */
#pragma once

#include "ident/key.h"
#include "ident/trust.h"
#include "link/ice_plugin.h"
#include "link/links_io.h"
#include "util/alloc.h"
#include "wire/codes.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define OVERLAY "link.example"

struct authority {
	struct reload_key *key;
	struct reload_cert *cert;
	struct reload_trust *trust;
};

struct identity {
	struct reload_key *key;
	struct reload_cert *cert;
	struct reload_id node;
};

/* One node: its links, and what they told last. */
struct node {
	struct reload_links *links;
	uint16_t port;
	struct reload_cert *owned[2];
	uint32_t up_link; /* the last one that came up; incoming ones have the top bit */
	struct reload_id up_node;
	struct reload_ip_port up_peer;
	unsigned ups, downs, refusals, messages, oversized, bads, goods;
	enum reload_err down_err, refused_err;
	char down_why[512], refused_why[512];
	uint8_t *last; /* owned copy of the last message */
	size_t last_len, bytes;
	uint8_t head[64];
	size_t head_len;
	bool echo; /* answer each message with itself */
	bool close_on_message;
	void (*on_message)(void); /* NULL: nothing */
	/* over ICE: what was gathered last, and how many pairs failed */
	unsigned gathers;
	char ufrag[64], password[64];
	struct reload_ice_item candidates[RELOAD_ICE_CANDIDATES_MAX];
	size_t candidates_count, failed_pairs;
	unsigned address_changes;
};

static inline struct span cert_der(struct wr *w)
{
	return span_of(w->at, w->len);
}

static inline struct reload_cert *fixture_cert(const struct reload_cert_request *req,
	const struct reload_key *key, const struct reload_cert *issuer,
	const struct reload_key *issuer_key)
{
	struct wr w;
	struct reload_error_text why;
	struct reload_cert *cert;
	wr_init(&w);
	assert_int_equal(reload_cert_make(&w, req, key, issuer, issuer_key), RELOAD_OK);
	assert_int_equal(
		reload_cert_parse(&cert, &reload_ident_openssl, cert_der(&w), &why), RELOAD_OK);
	wr_clear(&w);
	return cert;
}

static inline struct reload_trust *fixture_trust(
	const struct reload_cert *root, const struct reload_id *bad, size_t bad_count)
{
	struct reload_error_text why;
	struct reload_trust *trust;
	struct reload_trust_setup setup = {
		.ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.roots = &root->der,
		.roots_count = 1,
		.bad_nodes = bad,
		.bad_nodes_count = bad_count,
	};
	assert_int_equal(reload_trust_new(&trust, &setup, &why), RELOAD_OK);
	return trust;
}

static inline void authority_init(struct authority *a, const char *name)
{
	reload_utc now = reload_poll_wall();
	struct reload_cert_request req = {
		.overlay = OVERLAY,
		.authority_name = name,
		.not_before = now - 3600 * 1000,
		.not_after = now + 3600 * 1000,
		.serial = { 1 },
	};
	assert_int_equal(reload_key_new(&a->key, RELOAD_KEY_P256), RELOAD_OK);
	a->cert = fixture_cert(&req, a->key, NULL, NULL);
	a->trust = fixture_trust(a->cert, NULL, 0);
}

static inline void authority_clear(struct authority *a)
{
	reload_trust_free(a->trust);
	reload_cert_free(a->cert);
	reload_key_free(a->key);
}

/* identity_init() makes node number n of overlay, valid until `until` ms from now */
static inline void identity_init(struct identity *i, const struct authority *by, uint8_t n,
	const char *overlay, int64_t until)
{
	char user[64];
	reload_utc now = reload_poll_wall();
	snprintf(user, sizeof(user), "node%u@%s", n, overlay);
	i->node = (struct reload_id){ .len = 16 };
	memset(i->node.at, n, 16);
	struct reload_cert_request req = {
		.overlay = overlay,
		.user = user,
		.node_ids = &i->node,
		.node_ids_count = 1,
		.not_before = now - 7200 * 1000,
		.not_after = (reload_utc)((int64_t)now + until),
		.serial = { 1, n },
	};
	assert_int_equal(reload_key_new(&i->key, RELOAD_KEY_P256), RELOAD_OK);
	i->cert = fixture_cert(&req, i->key, by->cert, by->key);
}

static inline void identity_clear(struct identity *i)
{
	reload_cert_free(i->cert);
	reload_key_free(i->key);
}

static inline void node_up(void *arg, uint32_t link, struct reload_cert *cert,
	const struct reload_ip_port *peer, bool incoming)
{
	struct node *n = arg;
	assert_int_equal(incoming, link >> 31);
	n->ups++;
	n->up_link = link;
	n->up_node = cert->node_ids[0];
	n->up_peer = *peer;
}

static inline void node_message(void *arg, uint32_t link, struct span message)
{
	struct node *n = arg;
	free(n->last);
	n->last = reload_memdup(message.at, message.len);
	n->last_len = message.len;
	n->bytes += message.len;
	n->messages++;
	if (n->echo)
		reload_links_send(n->links, link, message);
	if (n->close_on_message)
		reload_links_close(n->links, link);
	if (n->on_message)
		n->on_message();
}

static inline void node_oversized(void *arg, uint32_t link, struct span head)
{
	struct node *n = arg;
	n->oversized++;
	n->head_len = head.len;
	memcpy(n->head, head.at, head.len < sizeof(n->head) ? head.len : sizeof(n->head));
	reload_links_send(n->links, link, span_str("too large"));
	reload_links_close(n->links, link);
}

static inline void node_health(void *arg, uint32_t link, bool good)
{
	struct node *n = arg;
	(void)link;
	if (good)
		n->goods++;
	else
		n->bads++;
}

static inline void node_down(
	void *arg, uint32_t link, enum reload_err err, const struct reload_error_text *why)
{
	struct node *n = arg;
	(void)link;
	n->downs++;
	n->down_err = err;
	snprintf(n->down_why, sizeof(n->down_why), "%s", why->reason);
}

static inline void node_refused(void *arg, const struct reload_ip_port *peer, enum reload_err err,
	const struct reload_error_text *why)
{
	struct node *n = arg;
	assert_int_equal(peer->type, RELOAD_IPV4);
	n->refusals++;
	n->refused_err = err;
	snprintf(n->refused_why, sizeof(n->refused_why), "%s", why->reason);
}

static inline void node_gathered(void *arg, uint32_t link, const struct reload_ice_found *found)
{
	struct node *n = arg;
	(void)link;
	n->gathers++;
	snprintf(n->ufrag, sizeof(n->ufrag), "%s", found->ufrag);
	snprintf(n->password, sizeof(n->password), "%s", found->password);
	n->candidates_count = reload_ice_choose(found->candidates, found->count, true, false);
	for (size_t i = 0; i < n->candidates_count; i++)
		n->candidates[i] = found->candidates[i].item;
}

static inline void node_pairs_failed(
	void *arg, uint32_t link, const struct reload_ice_pair *pairs, size_t count)
{
	struct node *n = arg;
	(void)link, (void)pairs;
	n->failed_pairs = count;
}

static inline void node_addresses_changed(void *arg, const struct reload_addresses *now)
{
	struct node *n = arg;
	(void)now;
	n->address_changes++;
}

static const struct reload_links_ops node_ops = { node_up, node_message, node_oversized,
	node_health, node_down, node_refused, node_gathered, node_pairs_failed,
	node_addresses_changed };

static inline struct reload_ip_port loopback(uint16_t port)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 127, 0, 0, 1 }, .port = port
	};
}

/* node_start() makes links; *tune may hold limits, its other fields are filled in here */
static inline void node_start(struct node *n, struct reload_poll *poll, const struct identity *who,
	struct reload_trust *trust, struct reload_links_setup tune)
{
	struct reload_error_text why = { 0 };
	tune.poll = poll;
	tune.ops = &node_ops;
	tune.arg = n;
	tune.cert = who->cert;
	tune.key = who->key;
	tune.trust = trust;
	if (!tune.max_message)
		tune.max_message = 5000;
	if (!tune.types)
		tune.types = RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE);
	if (reload_links_new(&n->links, &tune, &why))
		fail_msg("%s: %s", why.what, why.reason);
	struct reload_ip_port any = loopback(0);
	assert_int_equal(reload_links_listen(n->links, &any, &n->port, &why), RELOAD_OK);
	assert_int_not_equal(n->port, 0);
}

/* node_dial() opens a link to one of these addresses over any transport */
static inline void node_dial(
	struct reload_links *links, uint32_t link, const struct reload_ip_port *at, size_t count)
{
	struct reload_link_target to[20];
	assert_true(count <= COUNT_OF(to));
	for (size_t i = 0; i < count; i++)
		to[i] = (struct reload_link_target){ at[i], RELOAD_LINK_NO_ICE };
	reload_links_open(links, link, to, count);
}

static inline void node_stop(struct node *n)
{
	reload_links_free(n->links);
	free(n->last);
	*n = (struct node){ 0 };
}

/* turns the loop until the condition holds; fails after 10 s */
#define TURN_UNTIL(poll, condition)                                                                \
	do {                                                                                       \
		reload_ms limit_ = reload_poll_now() + 30000;                                      \
		while (!(condition) && reload_poll_now() < limit_)                                 \
			reload_poll_pass((poll), 100);                                             \
		assert_true(condition);                                                            \
	} while (0)

static inline void turn_for(struct reload_poll *poll, reload_ms ms)
{
	for (reload_ms end = reload_poll_now() + ms; reload_poll_now() < end;)
		reload_poll_pass(poll, 5);
}
