/*
 * The engine: one node of one overlay as a function of its inputs.  Messages, link events, local requests, finished jobs
 * and time go in; messages, link orders, jobs, one deadline and typed events come out (engine/host.h).
 *
 * Never re-entrant: every function here but the questions runs between enter and leave; results of requests are called
 * last, from one loop, after what they concern is detached, and may call any function here.
 */
#pragma once

#include "engine/engine.h"
#include "exchange/exchange.h"
#include "membership/membership.h"
#include "replica/request.h"
#include "service/app_attach.h"
#include "service/diagnostics.h"
#include "storage/storage.h"
#include "topology/topology.h"
#include "wire/message.h"

struct reload_peer;
struct reload_request;

struct reload_peer_setup {
	const struct reload_host_ops *ops;
	void *host;
	const struct reload_app_ops *app_ops;         /* NULL: no connections for applications */
	struct reload_config *config;                 /* a reference is taken */
	const struct reload_credentials *credentials; /* borrowed */
	struct reload_storage *storage; /* borrowed; freed by the caller after the peer */
	enum reload_role role;
	struct reload_policy policy;
};

/* reload_peer_new() makes a detached node (owned); RELOAD_BAD_CONFIG when the topology plug-in is unknown. */
enum reload_err reload_peer_new(struct reload_peer **out, const struct reload_peer_setup *setup,
	struct reload_error_text *why) MUST_CHECK;

/* reload_peer_free() ends everything at once without a word to others; pending requests get RELOAD_CANCELLED. */
void reload_peer_free(struct reload_peer *p);
AUTO_DEFINE(reload_peer)

/* -- inputs ---------------------------------------------------------------------------------------------------------- */

/*
 * reload_peer_link_up() reports that a link's handshake is done and cert (and its chain) passed reload_trust_check(); NULL in an overlay with
 * a shared secret, where the handshake proves that and nothing else.  link
 * is that of link_open(), or one chosen by the host with the top bit set for an incoming one.  The peer closes what it
 * does not want.
 */
void reload_peer_link_up(struct reload_peer *p, uint32_t link, struct reload_cert *cert);

/* reload_peer_link_down() reports that a link failed or was never made; the number may not be used again. */
void reload_peer_link_down(struct reload_peer *p, uint32_t link, enum reload_err err);

/*
 * reload_peer_gathered() answers link_gather(): what this node sends of itself, borrowed for the call.  A link that is not needed any
 * more is closed.
 */
void reload_peer_gathered(
	struct reload_peer *p, uint32_t link, const struct reload_ice_gathered *found);

/* reload_peer_link_health() reports that a link stopped (false) or resumed (true) acknowledging (R-6.6-05). */
void reload_peer_link_health(struct reload_peer *p, uint32_t link, bool good);

/*
 * reload_peer_link_expired() reports that a datagram of a link that is up was given up on its way (ICMP Time Exceeded): whoever asked over it by
 * RFC 7851 is told.
 */
void reload_peer_link_expired(struct reload_peer *p, uint32_t link);

/* reload_peer_message() takes one message or fragment as a frame's payload; bytes are not kept. */
void reload_peer_message(struct reload_peer *p, uint32_t link, struct span message);

/*
 * reload_peer_oversized() reports that a frame announced more than max-message-size bytes; head is what has arrived of it
 * (R-6.6-01..03).  The engine answers where it must and closes the link.
 */
void reload_peer_oversized(struct reload_peer *p, uint32_t link, struct span head);

/*
 * reload_peer_app_up() reports a stream that was made for an AppAttach: its handshake is done and cert passed reload_trust_check(); the peer takes
 * or drops it.  reload_peer_app_down() reports that none could be made, or by ICE no candidates gathered.  reload_peer_app_gathered() gives the candidates that
 * the host has gathered for one, as reload_peer_gathered() does for a link.
 */
void reload_peer_app_gathered(
	struct reload_peer *p, uint32_t app, const struct reload_ice_gathered *found);
void reload_peer_app_up(
	struct reload_peer *p, uint32_t app, uint32_t stream, struct reload_cert *cert);
void reload_peer_app_down(struct reload_peer *p, uint32_t app, enum reload_err err);

/* reload_peer_job_done() hands a finished job back; the peer frees it. */
void reload_peer_job_done(struct reload_peer *p, struct reload_job *job);

/* reload_peer_wake() runs what is due. */
void reload_peer_wake(struct reload_peer *p);

/*
 * reload_peer_remember() adds addresses at which peers were reached before (newest first, 32 are kept): they are tried
 * before the configured bootstrap nodes (R-11.4-02), a few in each search.
 */
void reload_peer_remember(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count);

/* reload_peer_hasten() ends the pause before the next attempt to join, however many have failed: somebody knows that it may succeed now. */
void reload_peer_hasten(struct reload_peer *p);

/*
 * reload_peer_hint() adds addresses at which a node of the overlay listens, as somebody on the local network says (64 are kept): while
 * this node looks for a bootstrap node they are dialled beside the others, at most 3 at a time, and the certificate there decides.
 */
void reload_peer_hint(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count);

/*
 * reload_peer_addresses_changed() reports that this host has other addresses, or is behind others: in an overlay with ICE links get successors, and a node that
 * waits to join again tries soon.
 */
void reload_peer_addresses_changed(struct reload_peer *p);

/*
 * reload_peer_configure() swaps in a newer document that the caller verified (R-6.5.4-09); a document that this node
 * cannot meet makes it leave.  One of reload_config_parse_any() that is not supported only does that.
 */
void reload_peer_configure(struct reload_peer *p, struct reload_config *config);

/* -- local requests -------------------------------------------------------------------------------------------------- */

/*
 * reload_peer_ping(), reload_peer_store(), _fetch(), _stat(), _find(), _probe(), reload_peer_route_query(),
 * reload_peer_diagnostic_ping() and reload_peer_path_track() (RFC 7851) and reload_peer_config_update() start a request of this node.  Each returns a handle that stays valid until fn was called, or NULL with *err set when the request cannot even start
 * (RELOAD_NOT_JOINED, RELOAD_LIMIT, RELOAD_UNKNOWN_KIND ...); fn is then not called.  fn is called exactly once.
 */
struct reload_request *reload_peer_ping(struct reload_peer *p,
	const struct reload_request_target *target, size_t padding, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *reload_peer_store(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_store_item *items, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *reload_peer_fetch(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *reload_peer_stat(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *reload_peer_find(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const uint32_t *kinds, size_t count, reload_result_fn fn, void *arg, enum reload_err *err);
struct reload_request *reload_peer_probe(struct reload_peer *p,
	const struct reload_request_target *target, struct span types, reload_result_fn fn,
	void *arg, enum reload_err *err);
struct reload_request *reload_peer_route_query(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_destination *destination,
	bool send_update, reload_result_fn fn, void *arg, enum reload_err *err);
struct reload_request *reload_peer_diagnostic_ping(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_diagnostics_wish *wish,
	reload_result_fn fn, void *arg, enum reload_err *err);
struct reload_request *reload_peer_path_track(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_destination *destination,
	const struct reload_diagnostics_wish *wish, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *reload_peer_config_update(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_config_update *update,
	reload_result_fn fn, void *arg, enum reload_err *err);

/*
 * reload_peer_app_serve(), reload_peer_app_serve_end(), reload_peer_app_place_free(), reload_peer_app_ask() and reload_peer_app_cancel() are the functions of
 * these names in service/app_attach.h; reload_peer_app_ask() fails with RELOAD_NOT_JOINED as well.
 */
enum reload_err reload_peer_app_serve(
	struct reload_peer *p, uint16_t application, unsigned places) MUST_CHECK;
void reload_peer_app_serve_end(struct reload_peer *p, uint16_t application);
void reload_peer_app_place_free(struct reload_peer *p, uint16_t application);
enum reload_err reload_peer_app_ask(struct reload_peer *p, uint32_t app, uint16_t application,
	const struct reload_request_target *target) MUST_CHECK;
void reload_peer_app_cancel(struct reload_peer *p, uint32_t app);

/* reload_request_cancel() ends a request without a result; NULL is legal. */
void reload_request_cancel(struct reload_peer *p, struct reload_request *request);

/*
 * reload_peer_first() makes this node the whole ring.  reload_peer_join() connects to the bootstrap nodes given, or when
 * count is 0 to those of the configuration, and joins (peer) or stays attached to one of them (client); an attempt that fails
 * is repeated with growing pauses until reload_peer_leave().  Watch reload_peer_status() and the STATE events.
 * RELOAD_EXISTS when already on the way or joined, RELOAD_FORBIDDEN for a client where clients are not permitted,
 * RELOAD_UNREACHABLE when no bootstrap node is known, and no hint.
 */
enum reload_err reload_peer_first(struct reload_peer *p) MUST_CHECK;
enum reload_err reload_peer_join(struct reload_peer *p, enum reload_role role,
	const struct reload_ip_port *bootstrap, size_t count) MUST_CHECK;

/*
 * reload_peer_bootstrap() replaces the bootstrap nodes of reload_peer_join() for the searches to come, as their host names have
 * other addresses now; none (count 0) and a node that does not join are left as they are.
 */
void reload_peer_bootstrap(
	struct reload_peer *p, const struct reload_ip_port *bootstrap, size_t count);

/*
 * reload_peer_credentials() goes on with a newer certificate of the same Node-ID and user (borrowed; the former ones are used until no
 * job is under way), stores it in the overlay, and shows it over each link.  reload_peer_wants_overlay() returns whether the node is in the overlay or on its way.
 */
void reload_peer_credentials(struct reload_peer *p, const struct reload_credentials *credentials);
bool reload_peer_wants_overlay(const struct reload_peer *p);

/*
 * reload_peer_storage() looks whether the storage can be written: the host calls it when that has changed.  A peer that cannot
 * leaves the ring, to be a client until it can again.
 */
void reload_peer_storage(struct reload_peer *p);

/*
 * reload_peer_leave() hands data over, waits 2 s at most for that and for the answers to the host's requests, sends Leaves to the neighbours (s6.4.2.2)
 * and ends ENROLLED; now: without waiting.  From its call on new requests are refused with RELOAD_NOT_JOINED.
 */
void reload_peer_leave(struct reload_peer *p, bool now);

/* -- questions: no effect, any time outside of callbacks of the host -------------------------------------------------- */

struct reload_peer_link {
	uint32_t link;
	struct reload_id node;
	const char *user;
	bool incoming, client, good;
	bool listed; /* to a neighbour or finger */
	reload_ms since;
	uint64_t sent, received; /* messages */
};

struct reload_status {
	enum reload_state state; /* up to last_error as in struct reload_membership_status */
	enum reload_role role;
	bool returns;
	reload_ms state_since, started;
	struct reload_id node;
	struct reload_id bootstrap_peer, admitting_peer;
	reload_ms phase_ms[RELOAD_PHASES];
	enum reload_phase phase;
	enum reload_err last_error;
	bool is_tuned; /* it sets its own pace (RFC 7363); tuning: how */
	struct reload_topology_tuning tuning;
	struct reload_topology_tables tables;
	struct reload_id range_from, range_to; /* responsible for (from, to]; len 0: nothing */
	size_t links, requests, work, resources, values, value_bytes;
	uint32_t responsible_ppb;
};

/* reload_peer_status() fills out; what it points at is borrowed until the next input. */
void reload_peer_status(struct reload_peer *p, struct reload_status *out);

/*
 * reload_peer_requests() returns how many requests of this node are under way; oldest (NULL is legal) is when the first of them
 * began, by the host's clock, or RELOAD_NEVER.
 */
size_t reload_peer_requests(const struct reload_peer *p, reload_ms *oldest);

/* reload_peer_request_bytes() returns the bytes of memory held for the messages of this node's requests under way. */
size_t reload_peer_request_bytes(const struct reload_peer *p);

/* reload_peer_links() fills out with links that are up, at most max, and returns how many. */
size_t reload_peer_links(struct reload_peer *p, struct reload_peer_link *out, size_t max);

/* reload_peer_config() returns the document in force (borrowed). */
const struct reload_config *reload_peer_config(const struct reload_peer *p);

/* reload_peer_counter() returns what was counted since the start. */
uint64_t reload_peer_counter(const struct reload_peer *p, enum reload_counter counter);

/* reload_peer_traffic() lists what was sent and received since the start, by message code, as reload_traffic_counts() does. */
size_t reload_peer_traffic(
	const struct reload_peer *p, struct reload_traffic_count *out, size_t max);

/* reload_peer_resource_id() is the overlay's hash of a Resource Name. */
void reload_peer_resource_id(
	const struct reload_peer *p, struct reload_id *out, struct span resource_name);

/* reload_peer_known_nodes() lists nodes whose Node-ID begins with prefix_len hex digits of prefix: links and tables. */
size_t reload_peer_known_nodes(
	struct reload_peer *p, const char *prefix, struct reload_id *out, size_t max);
