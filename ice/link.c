/*
 * One link: GATHERING --> GATHERED --> CHECKING --> CONNECTED, and from each of them FAILED and CLOSING.
 *
 * How libnice 0.1.21 has to be set, each of which was measured:
 * - Nomination is aggressive (RFC 5245 s8.1.1.2): regular nomination waits two seconds for pairs that cannot work.
 * - keepalive-conncheck, not consent: consent is lost after ten seconds, by requests that are never repeated, on a line with some loss.
 *   Each end sends a check every 4 to 6 seconds, so that the NATs between them keep their mappings (RFC 5245 s10 wants one in 15 seconds);
 *   it cannot be told to send fewer.  After 50 seconds without an answer the pair has failed.
 * - A STUN server is not set beside a TURN server, as gathering takes two seconds then; the relay tells the reflexive address, too.
 * - Addresses are named one by one: link-local ones cannot be sent.
 * - attach_recv comes before gathering, as sockets are read by nobody else.
 * - nice_agent_close_async() before the last reference is dropped, or the relay is kept by its server for minutes.  So it is all the same when the
 *   nonce has grown too old meanwhile: the Refresh that gives the relay back is answered with 438 and not repeated.
 *
 * What it does not do, and is done here:
 * - A pair is not changed for another one of the same priority.  So the other end, whose NAT has been started anew, is heard from its new
 *   address and answered, but what is sent goes to the old one until the pair has failed.  Then all checks are made again (on_recheck()), with the
 *   same user fragments and passwords, which the other end answers like any others; the old pair is used until one has succeeded.
 *   Where the other end chooses the pair, it does so by its next check, as libnice does.
 * - Of the checks that keep the pair it remembers each that was not answered, 200 at most, and sends no more then: the end of a link in three
 *   hours on a line that loses 5%.  To make all checks again forgets them.
 * - A relay that no pair uses is kept, but nothing that is sent keeps the way to it open.  When the NAT before it has forgotten that way, the
 *   server refuses the renewal of a channel after nine minutes, and libnice sends it again at once, without end.  So a relay is given back
 *   when the chosen pair has settled and does without.
 */
#include "link.h"

#include "convert.h"

#include <string.h>

enum ice_state {
	GATHERING,
	GATHERED,
	CHECKING,
	CONNECTED,
	FAILED,
	CLOSING
};

struct ice_link {
	struct ice_owner *owner;
	uint64_t key;
	NiceAgent *agent; /* owned */
	guint stream;
	enum ice_state state;
	gboolean relay_only, answered;
	struct reload_ice_gather how; /* owned copies of what it points to, while it gathers */
	gboolean again;               /* from other sockets */
	gint64 gather_by;             /* us */
	reload_ms wait_ms, others_ms; /* for the first answer of the server, and for others then */
	struct reload_ip_port server; /* of TURN; type 0: none */
	GSource *timer;               /* limit of gathering; settled; checks again; owned */
	gsize early_bytes;
	GQueue early; /* GBytes: datagrams of an end that was connected, or had the answer, before this one */
	const char *fault; /* of the server; NULL: none */
	/* what checks are made again with */
	reload_ms recheck_ms;
	gint64 checked;                  /* us: when they began last */
	struct reload_ice_remote to;     /* owned copies of what it points to */
	struct reload_ice_item selected; /* the other end's candidate of the chosen pair */
	gboolean relayed;                /* and this end's is of the relay */
	struct reload_ice_item heard;    /* the newest address that checks came from */
	guint heard_count;
};

enum {
	EARLY = 8,          /* datagrams of a link, together at most */
	EARLY_BYTES = 8192, /* of this size; others are lost */
	HEARD = 64, /* addresses that checks of the other end come from; libnice remembers each */
	REPEAT_MS = 500,    /* a check is sent again after this long, as libnice has it */
	REPEAT_MIN_MS = 20, /* it takes no less for anything */
	OTHERS_MS =
		700, /* for answers at other addresses, each of which is asked for once more after 500 ms */
	CHECKS_MS = 2000,   /* checks come from many addresses for this long */
	SETTLE_MS = 10000,  /* the pair is the best one after this long */
	APART_MS = 5000,    /* from one time that all checks are made to the next */
	NOMINATE_MS = 15000 /* the other end, if it chooses the pair, does so by its next check */
};

static void notify(struct ice_link *l, struct reload_ice_notice notice)
{
	notice.key = l->key;
	l->owner->notify(l->owner->arg, &notice);
}

static void end_timer(struct ice_link *l)
{
	if (l->timer) {
		g_source_destroy(l->timer);
		g_source_unref(l->timer);
	}
	l->timer = NULL;
}

static void start_timer(struct ice_link *l, reload_ms ms, GSourceFunc fn)
{
	end_timer(l);
	l->timer = g_timeout_source_new((guint)ms);
	g_source_set_callback(l->timer, fn, l, NULL);
	g_source_attach(l->timer, l->owner->context);
}

/* -- failure -------------------------------------------------------------------------------------------------------------- */

static void fail(struct ice_link *l, const char *why)
{
	struct reload_ice_pair pairs[RELOAD_ICE_PAIRS];
	if (l->state == FAILED || l->state == CLOSING)
		return;
	l->state = FAILED;
	end_timer(l);
	size_t count =
		l->agent && l->stream ? ice_pairs_of(pairs, l->agent, l->stream, &l->server) : 0;
	notify(l, (struct reload_ice_notice){ .type = RELOAD_ICE_FAILED,
			  .why = why,
			  .pairs = pairs,
			  .pairs_count = count });
}

/* -- gathering ------------------------------------------------------------------------------------------------------------- */

static gboolean has_relay(const struct reload_ice_local *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].item.type == RELOAD_ICE_RELAY)
			return TRUE;
	return FALSE;
}

static void report_candidates(
	struct ice_link *l, struct reload_ice_local *all, size_t count, gboolean late)
{
	gchar *ufrag = NULL, *password = NULL;
	gboolean no_relay = l->server.type && !has_relay(all, count);
	if (no_relay)
		l->fault =
			late ? "the TURN server does not answer" : "the TURN server gives no relay";
	else if (late)
		l->fault = "the STUN server does not answer";
	if (!count || (l->relay_only && no_relay)) {
		fail(l, l->fault ? l->fault : "no candidate was gathered");
		return;
	}
	if (!nice_agent_get_local_credentials(l->agent, l->stream, &ufrag, &password)) {
		fail(l, "libnice has no credentials");
		return;
	}
	l->state = GATHERED;
	ice_gather_clear(&l->how);
	notify(l, (struct reload_ice_notice){ .type = RELOAD_ICE_WAS_GATHERED,
			  .gathered = { ufrag, password, all, count, l->fault } });
	g_free(ufrag);
	g_free(password);
}

static gboolean on_again(gpointer arg);

/*
 * A server refuses an allocation where it has one already (437, RFC 5766 s6.4): of a run of this program that was killed, or of a host whose place a
 * NAT has given to this one.  libnice does not tell one refusal from another; from other sockets it is asked once more.
 */
static gboolean ask_again(struct ice_link *l, gboolean late, gboolean relayed)
{
	if (late || relayed || l->again || l->how.server.type != RELOAD_ICE_TURN_UDP)
		return FALSE;
	l->again = TRUE;
	start_timer(l, 0, on_again); /* libnice is at work on the old ones */
	return TRUE;
}

static void gathered(struct ice_link *l, gboolean late)
{
	struct reload_ice_local all[RELOAD_ICE_GATHERED] = { 0 };
	size_t count = 0;
	if (l->state != GATHERING)
		return;
	end_timer(l);
	GSList *local = nice_agent_get_local_candidates(l->agent, l->stream, ICE_COMPONENT);
	for (GSList *i = local; i && count < RELOAD_ICE_GATHERED; i = i->next)
		count += ice_candidate_from(&all[count].item, i->data) ? 1 : 0;
	ice_candidates_free(local);
	if (!ask_again(l, late, has_relay(all, count)))
		report_candidates(l, all, count, late);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	(void)agent, (void)stream;
	gathered(arg, FALSE);
}

static gboolean on_gather_end(gpointer arg)
{
	gathered(arg, FALSE);
	return G_SOURCE_REMOVE;
}

/* The server has answered at one address; of the others it is told nothing where no way leads to it, as from a bridge or a tunnel. */
static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer arg)
{
	(void)agent;
	struct ice_link *l = arg;
	if (l->state != GATHERING || l->answered || candidate->type == NICE_CANDIDATE_TYPE_HOST)
		return;
	l->answered = TRUE;
	start_timer(l, l->others_ms, on_gather_end);
}

static gboolean on_gather_late(gpointer arg)
{
	gathered(arg, TRUE);
	return G_SOURCE_REMOVE;
}

/* -- the pair --------------------------------------------------------------------------------------------------------------- */

/* Of the peer reflexive type libnice takes none that it has not found itself. */
static struct reload_ice_item item_of(const NiceCandidate *c)
{
	struct reload_ice_item item;
	(void)ice_candidate_from(&item, c);
	if (item.type == RELOAD_ICE_PRFLX)
		item.type = RELOAD_ICE_SRFLX;
	return item;
}

static gboolean has_address(const struct ice_link *l, const struct reload_ice_item *item)
{
	for (size_t i = 0; i < l->to.count; i++)
		if (!memcmp(&l->to.candidates[i].address, &item->address, sizeof(item->address)))
			return TRUE;
	return FALSE;
}

/* What the other end has sent, and where it was heard from. */
static GSList *remote_candidates(const struct ice_link *l)
{
	const struct reload_ice_item *const found[] = { &l->selected, &l->heard };
	GSList *list = NULL;
	for (size_t i = l->to.count; i-- > 0;)
		list = g_slist_prepend(list, ice_candidate_to(&l->to.candidates[i], l->stream));
	for (size_t i = 0; i < G_N_ELEMENTS(found); i++)
		if (found[i]->address.type && !has_address(l, found[i]))
			list = g_slist_prepend(list, ice_candidate_to(found[i], l->stream));
	return list;
}

static void check_all(struct ice_link *l)
{
	GSList *list = remote_candidates(l);
	l->checked = g_get_monotonic_time();
	if (!nice_agent_set_remote_credentials(l->agent, l->stream, l->to.ufrag, l->to.password))
		fail(l, "libnice refuses the credentials of the other end");
	else if (nice_agent_set_remote_candidates(l->agent, l->stream, ICE_COMPONENT, list) <= 0)
		fail(l, "no candidate of the other end is usable");
	ice_candidates_free(list);
}

static gboolean on_settled(gpointer arg);

/* Makes all checks, with the own user fragment and password as they are; those of the other end may be others. */
static void check_again(struct ice_link *l)
{
	gchar *ufrag, *password;
	if (!nice_agent_get_local_credentials(l->agent, l->stream, &ufrag, &password))
		return;
	g_object_set(l->agent, "idle-timeout", (guint)NOMINATE_MS, NULL);
	nice_agent_restart_stream(l->agent, l->stream);
	l->heard_count = 0; /* it remembers none of them */
	nice_agent_set_local_credentials(l->agent, l->stream, ufrag, password);
	g_free(ufrag);
	g_free(password);
	check_all(l);
}

static gboolean on_recheck(gpointer arg)
{
	struct ice_link *l = arg;
	start_timer(l, MIN(SETTLE_MS, l->recheck_ms), on_settled);
	check_again(l);
	return G_SOURCE_REMOVE;
}

static gboolean on_settled(gpointer arg)
{
	struct ice_link *l = arg;
	start_timer(l, l->recheck_ms, on_recheck);
	if (!l->relayed)
		nice_agent_forget_relays(l->agent, l->stream, ICE_COMPONENT);
	return G_SOURCE_REMOVE;
}

/* A check of the other end has come from an address that is new: after a change of its NAT the chosen pair leads nowhere. */
static void on_remote(NiceAgent *agent, NiceCandidate *candidate, gpointer arg)
{
	(void)agent;
	struct ice_link *l = arg;
	gint64 since = (g_get_monotonic_time() - l->checked) / 1000;
	if (candidate->type != NICE_CANDIDATE_TYPE_PEER_REFLEXIVE)
		return;
	if (++l->heard_count > HEARD) {
		fail(l, "the other end sends checks from too many addresses");
		return;
	}
	if (l->state != CONNECTED || since < CHECKS_MS)
		return;
	l->heard = item_of(candidate);
	start_timer(l, since < APART_MS ? (reload_ms)(APART_MS - since) : 1, on_recheck);
}

static void deliver(struct ice_link *l, struct span datagram)
{
	notify(l, (struct reload_ice_notice){ .type = RELOAD_ICE_DATAGRAM, .datagram = datagram });
}

static void deliver_early(struct ice_link *l)
{
	GBytes *bytes;
	while ((bytes = g_queue_pop_head(&l->early))) {
		gsize len;
		const void *at = g_bytes_get_data(bytes, &len);
		deliver(l, span_of(at, len));
		g_bytes_unref(bytes);
	}
}

/* The first pair, or another one. */
static void connected(struct ice_link *l, const NiceCandidate *local, const NiceCandidate *remote)
{
	struct reload_ice_pair pair;
	ice_pair_from(&pair, local, remote, &l->server);
	l->selected = item_of(remote);
	l->relayed = local->type == NICE_CANDIDATE_TYPE_RELAYED;
	if (l->state == CHECKING) {
		l->state = CONNECTED;
		start_timer(l, MIN(SETTLE_MS, l->recheck_ms), on_settled);
	}
	notify(l, (struct reload_ice_notice){
			  .type = RELOAD_ICE_CONNECTED, .pairs = &pair, .pairs_count = 1 });
	deliver_early(l);
}

static void no_pair(struct ice_link *l)
{
	g_autofree gchar *why = g_strconcat("no pair of candidates leads to the other end",
		l->fault ? "; " : "", l->fault, NULL);
	fail(l, why);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
	struct ice_link *l = arg;
	NiceCandidate *local, *remote;
	if (state == NICE_COMPONENT_STATE_FAILED && l->state == CONNECTED)
		fail(l, "the other end does not answer any more");
	else if (state == NICE_COMPONENT_STATE_FAILED && l->state == CHECKING)
		no_pair(l);
	else if ((state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY) &&
		 l->state == CHECKING &&
		 nice_agent_get_selected_pair(agent, stream, component, &local, &remote))
		connected(l, local, remote);
}

static void on_pair(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
	NiceCandidate *remote, gpointer arg)
{
	(void)agent, (void)stream, (void)component;
	struct ice_link *l = arg;
	if (l->state == CONNECTED)
		connected(l, local, remote);
}

static void on_datagram(
	NiceAgent *agent, guint stream, guint component, guint len, gchar *at, gpointer arg)
{
	(void)agent, (void)stream, (void)component;
	struct ice_link *l = arg;
	if (l->state == CONNECTED && len)
		deliver(l, span_of(at, len));
	else if ((l->state == GATHERED || l->state == CHECKING) && len && l->early.length < EARLY &&
		 len <= EARLY_BYTES - l->early_bytes) {
		l->early_bytes += len;
		g_queue_push_tail(&l->early, g_bytes_new(at, len));
	}
}

/* -- how a link begins -------------------------------------------------------------------------------------------------------- */

static void set_properties(struct ice_link *l, const struct reload_ice_gather *how)
{
	g_object_set(l->agent, "ice-tcp", FALSE, "upnp", FALSE, "controlling-mode",
		how->controlling, "keepalive-conncheck", TRUE, "force-relay", how->relay_only,
		NULL);
	l->wait_ms = RELOAD_ICE_GATHER_MS;
	l->others_ms = OTHERS_MS;
	if (how->server.type == RELOAD_ICE_STUN) {
		char at[NICE_ADDRESS_STRING_LEN];
		if (how->wait_ms > 0 && how->wait_ms < RELOAD_ICE_GATHER_MS) {
			l->wait_ms = how->wait_ms;
			l->others_ms = MIN(OTHERS_MS, how->wait_ms);
			g_object_set(l->agent, "stun-initial-timeout",
				(guint)MAX(how->wait_ms / 4, REPEAT_MIN_MS), NULL);
		}
		g_object_set(l->agent, "stun-server", ice_address_text(at, &how->server.at),
			"stun-server-port", (guint)how->server.at.port, NULL);
	}
	g_signal_connect(l->agent, "new-candidate-full", G_CALLBACK(on_candidate), l);
	g_signal_connect(l->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), l);
	g_signal_connect(l->agent, "component-state-changed", G_CALLBACK(on_state), l);
	g_signal_connect(l->agent, "new-selected-pair-full", G_CALLBACK(on_pair), l);
	g_signal_connect(l->agent, "new-remote-candidate-full", G_CALLBACK(on_remote), l);
}

static gboolean add_addresses(struct ice_link *l, const struct reload_ice_gather *how)
{
	gboolean any = FALSE;
	for (size_t i = 0; i < how->addresses_count; i++) {
		NiceAddress at;
		struct reload_ip_port named = how->addresses[i];
		named.port = 0;
		ice_address_to(&at, &named);
		if (!reload_ip_port_is_linklocal(&named) &&
			nice_agent_add_local_address(l->agent, &at))
			any = TRUE;
	}
	return any; /* without any, libnice takes all that it finds */
}

static gboolean add_relay(struct ice_link *l, const struct reload_ice_server *server)
{
	char at[NICE_ADDRESS_STRING_LEN];
	if (server->type != RELOAD_ICE_TURN_UDP && server->type != RELOAD_ICE_TURN_TCP)
		return TRUE;
	l->server = server->at;
	return nice_agent_set_relay_info(l->agent, l->stream, ICE_COMPONENT,
		ice_address_text(at, &server->at), server->at.port, server->user, server->password,
		server->type == RELOAD_ICE_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP
						    : NICE_RELAY_TYPE_TURN_UDP);
}

/* What is wrong; NULL: it gathers, or has done so already. */
static const char *begin(struct ice_link *l, const struct reload_ice_gather *how)
{
	if (!add_addresses(l, how))
		return "this host has no address that can be offered";
	l->stream = nice_agent_add_stream(l->agent, 1);
	if (!l->stream)
		return "libnice has no stream";
	if (!add_relay(l, &how->server))
		return "libnice refuses the TURN server";
	if (!nice_agent_attach_recv(
		    l->agent, l->stream, ICE_COMPONENT, l->owner->context, on_datagram, l))
		return "libnice does not receive";
	start_timer(l, MAX(1, (l->gather_by - g_get_monotonic_time()) / 1000), on_gather_late);
	return nice_agent_gather_candidates(l->agent, l->stream)
		       ? NULL
		       : "no socket can be opened at the addresses of this host";
}

static void gather(struct ice_link *l)
{
	l->agent = nice_agent_new_full(
		l->owner->context, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_NONE);
	set_properties(l, &l->how);
	if (!l->again)
		l->gather_by = g_get_monotonic_time() + l->wait_ms * 1000;
	const char *fault = begin(l, &l->how);
	if (fault)
		fail(l, fault);
}

static gboolean on_again(gpointer arg)
{
	struct ice_link *l = arg;
	g_signal_handlers_disconnect_by_data(l->agent, l);
	nice_agent_attach_recv(l->agent, l->stream, ICE_COMPONENT, l->owner->context, NULL, NULL);
	g_object_unref(l->agent);
	l->stream = 0;
	l->answered = FALSE;
	end_timer(l);
	gather(l);
	return G_SOURCE_REMOVE;
}

void ice_link_new(struct ice_owner *owner, uint64_t key, struct reload_ice_gather *how)
{
	struct ice_link *l = g_new0(struct ice_link, 1);
	l->owner = owner;
	l->key = key;
	l->how = *how;
	*how = (struct reload_ice_gather){ 0 };
	how = &l->how;
	l->relay_only = how->relay_only;
	l->recheck_ms = how->recheck_ms ? how->recheck_ms : RELOAD_ICE_RECHECK_MS;
	g_hash_table_insert(owner->links, &l->key, l);
	if (g_hash_table_size(owner->links) > RELOAD_ICE_LINKS) {
		fail(l, "too many links");
		return;
	}
	if (!ice_has_descriptors(how->addresses_count + ICE_SPARE)) {
		fail(l, "this process has no descriptors left");
		return;
	}
	gather(l);
}

/* -- what is asked of a link ---------------------------------------------------------------------------------------------------- */

struct ice_link *ice_link_find(const struct ice_owner *owner, uint64_t key)
{
	struct ice_link *l = g_hash_table_lookup(owner->links, &key);
	return l && l->state != CLOSING ? l : NULL;
}

void ice_link_start(struct ice_link *l, struct reload_ice_remote *to)
{
	gboolean first = l->state == GATHERED;
	if (!first && l->state != CHECKING && l->state != CONNECTED)
		return;
	end_timer(l);
	l->state = CHECKING;
	ice_remote_clear(&l->to);
	l->to = *to;
	*to = (struct reload_ice_remote){ 0 };
	l->selected = l->heard = (struct reload_ice_item){ 0 };
	if (first) {
		g_object_set(l->agent, "stun-initial-timeout", (guint)REPEAT_MS, NULL);
		check_all(l);
	} else {
		check_again(l);
	}
}

void ice_link_send(struct ice_link *l, struct span datagram)
{
	if (l->state == CONNECTED)
		(void)nice_agent_send(l->agent, l->stream, ICE_COMPONENT, (guint)datagram.len,
			(const gchar *)datagram.at); /* what a full socket does not take is lost */
}

/* -- how a link ends ------------------------------------------------------------------------------------------------------------ */

static void forget(struct ice_link *l)
{
	end_timer(l);
	g_queue_clear_full(&l->early, (GDestroyNotify)g_bytes_unref);
	if (l->agent) {
		g_signal_handlers_disconnect_by_data(l->agent, l);
		g_object_unref(l->agent);
	}
	g_hash_table_remove(l->owner->links, &l->key);
	notify(l, (struct reload_ice_notice){ .type = RELOAD_ICE_CLOSED });
	ice_remote_clear(&l->to);
	ice_gather_clear(&l->how);
	g_free(l);
}

static gboolean on_forget(gpointer arg)
{
	forget(arg);
	return G_SOURCE_REMOVE;
}

/* libnice calls this while it reads a socket, too, and may deliver a datagram to the link afterwards. */
static void on_closed(GObject *agent, GAsyncResult *result, gpointer arg)
{
	(void)agent, (void)result;
	start_timer(arg, 0, on_forget);
}

void ice_link_close(struct ice_link *l)
{
	if (l->state == CLOSING)
		return;
	l->state = CLOSING;
	end_timer(l);
	if (l->agent)
		nice_agent_close_async(l->agent, on_closed, l);
	else
		forget(l);
}

void ice_link_drop(struct ice_link *l)
{
	l->state = CLOSING;
	forget(l);
}
