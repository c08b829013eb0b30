#include "exchange/internal.h"

enum {
	MTU_MARGIN = 32 /* bytes */
};

/* Out: a header is put in front of contents and security block, and the message leaves over a link. */

struct reload_header reload_header_new(struct reload_exchange *x, uint64_t transaction)
{
	return (struct reload_header){ .relo_token = RELOAD_TOKEN,
		.overlay = x->engine->config->overlay_hash,
		.configuration_sequence = x->engine->config->sequence,
		.version = RELOAD_VERSION_BYTE,
		.ttl = x->engine->config->initial_ttl,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id = transaction };
}

struct fragment_to {
	struct reload_connections *connections;
	struct reload_connection *con;
};

static void fragment_send(void *arg, struct span fragment)
{
	struct fragment_to *to = arg;
	reload_link_send(to->connections, to->con, fragment);
}

/* R-6.7-06: fragments leave room for what the next links add. */
static size_t fragment_size(const struct reload_exchange *x, const struct reload_connection *con)
{
	size_t link = con->mtu > MTU_MARGIN ? con->mtu - MTU_MARGIN : 0,
	       own = x->policy.fragment_size;
	return link && (!own || link < own) ? link : own;
}

static void connection_send(
	struct reload_exchange *x, struct reload_connection *con, struct span message)
{
	struct fragment_to to = { x->connections, con };
	size_t size = con->mtu && message.len <= con->mtu ? con->mtu : fragment_size(x, con);
	reload_fragment_send(message, &x->engine->ctx, size, fragment_send, &to);
}

void reload_list_onward(
	struct wr *w, const struct reload_exchange *x, const struct reload_decision *d)
{
	if (d->head_replaced)
		reload_list_write(w, &x->engine->ctx, &d->head, 1);
	wr_span(w, d->list);
}

void reload_message_send(struct reload_exchange *x, struct reload_connection *con,
	struct reload_header *h, struct span tail)
{
	struct wr w;
	wr_init(&w);
	h->length = (uint32_t)(reload_header_size(h) + tail.len);
	reload_header_write(&w, h);
	wr_span(&w, tail);
	if (!w.err) {
		reload_traffic_sent(
			&x->traffic, reload_message_code(h, wr_done(&w)), w.len, x->engine->now);
		connection_send(x, con, wr_done(&w));
	}
	wr_clear(&w);
}

/* Options that the requester wants back, with all flags cleared (R-6.3.2.3-03, -06). */
void reload_options_copy(struct wr *w, const struct wire_ctx *ctx, struct span options)
{
	struct rd r = rd_of(options);
	struct reload_option o;
	while (reload_option_next(&r, &o))
		if (o.flags & RELOAD_RESPONSE_COPY) {
			o.flags = 0;
			reload_wire_write(w, &reload_option_wire, ctx, &o);
		}
}

/* What comes back only because it was asked for gives way; false: the response is too large even so. */
static bool response_fits(struct reload_exchange *x, struct reload_header *h, struct span tail)
{
	size_t max = x->engine->config->max_message_size;
	if (reload_header_size(h) + tail.len > max)
		h->options = span_of(NULL, 0);
	return reload_header_size(h) + tail.len <= max;
}

void reload_response_send(struct reload_exchange *x, uint64_t transaction, struct span back,
	struct span options, struct span tail, uint32_t link)
{
	struct reload_decision d = reload_route_decide(x->route, back);
	struct reload_connection *con = reload_connection_by_link(x->connections, link);
	struct wr copy;
	wr_init(&copy);
	reload_options_copy(&copy, &x->engine->ctx, options);
	struct reload_header h = reload_header_new(x, transaction);
	h.destination_list = back;
	h.options = span_of(copy.at, copy.len);
	/* back over the link that the request came over when it still stands, else as the list says */
	if (!con && d.action == RELOAD_FORWARD)
		con = d.connection;
	if (!response_fits(x, &h, tail)) {
		/* the next node would close the link */
		reload_engine_drop(
			x->engine, RELOAD_COUNT_DROP_LIMIT, link, transaction, "too large to send");
	} else if (d.action == RELOAD_FORWARD && d.head_replaced) {
		struct wr list;
		wr_init(&list);
		reload_list_onward(&list, x, &d);
		h.destination_list = wr_done(&list);
		reload_message_send(x, d.connection, &h, tail);
		wr_clear(&list);
	} else if (con && !copy.err) {
		reload_message_send(x, con, &h, tail);
	} else {
		reload_engine_drop(
			x->engine, RELOAD_COUNT_DROP_NO_ROUTE, link, transaction, "no way back");
	}
	wr_clear(&copy);
}
