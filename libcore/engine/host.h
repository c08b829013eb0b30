/* What the engine asks of its host, and what it reports to it.  None of these functions may call back into the engine. */
#pragma once

#include "config/config.h"
#include "ident/job.h"
#include "util/clock.h"
#include "util/id.h"
#include "wire/attach.h"

enum reload_event_type {
#define X(NAME, name, part, level, reason) RELOAD_EV_##NAME,
#include "engine/events.def"
#undef X
	RELOAD_EVENTS
};

enum reload_event_level {
	RELOAD_LEVEL_ERROR,
	RELOAD_LEVEL_WARN,
	RELOAD_LEVEL_INFO,
	RELOAD_LEVEL_DEBUG,
	RELOAD_LEVEL_TRACE
};

/* One thing that happened; fields that do not apply are zero or NULL. */
struct reload_event {
	enum reload_event_type type;
	enum reload_err err;
	uint32_t link;
	uint64_t transaction;
	uint16_t code; /* message code, or state for STATE */
	uint32_t kind;
	const struct reload_id *node; /* the other node */
	const struct reload_id *resource;
	uint64_t count;
	const char *reason; /* static reason */
};

/*
 * reload_event_name() returns "link_up" and the like, reload_event_part() the part of the log that the event belongs to,
 * reload_event_text() what happened, for people; all static.  reload_event_level() returns its level.
 */
const char *reload_event_name(enum reload_event_type type);
const char *reload_event_part(enum reload_event_type type);
const char *reload_event_text(enum reload_event_type type);
enum reload_event_level reload_event_level(enum reload_event_type type);

/* What a host sends of itself in an Attach with ICE (RFC 6940 s6.5.1.1). */
struct reload_ice_gathered {
	struct span ufrag, password;
	const struct reload_ice_candidate *candidates; /* of link type DTLS-UDP-SR */
	size_t count;
};

/* What a host knows of its machine and program, for diagnostics (RFC 7851 s5.3); RELOAD_FACT_UNKNOWN: it does not know. */
#define RELOAD_FACT_UNKNOWN UINT64_MAX
struct reload_host_facts {
	const char *software; /* ASCII, static; NULL: not known */
	uint64_t mips, upstream_kbps,
		downstream_kbps; /* the rates: of the network that the link goes over */
	uint64_t machine_uptime_s, memory_bytes;
	uint64_t
		load_percent; /* the most loaded of processor and memory, 0 to 100, over some seconds */
	uint64_t ip_hops;     /* to the other end of the link */
	uint64_t on_mains; /* 0: the machine runs on its battery; 1: it does not */
};

struct reload_host_ops {
	reload_ms (*now)(void *host);   /* monotonic; read once per entry */
	reload_utc (*wall)(void *host); /* ms since 1970: storage_time, Ping, validity */
	void (*random)(void *host, void *out, size_t len);
	void (*wake_at)(void *host,
		reload_ms
			when); /* call reload_peer_wake() then; the newest wins; RELOAD_NEVER: none */
	/* connect to one of the targets ((D)TLS client); link is chosen by the engine, its top bit is clear */
	void (*link_open)(
		void *host, uint32_t link, const struct reload_link_target *to, size_t count);
	/*
	 * Links by ICE (RFC 6940 s6.5.1); NULL: this host makes none.  link_gather() begins a link, whose number is chosen as for
	 * link_open(), and gathers candidates: reload_peer_gathered() brings them, reload_peer_link_down() says that there are none.
	 * controlling: this node sends the AttachReq, so it has that role in ICE and is the server of DTLS (R-6.5.1.9-01, LINK-08).
	 * link_check() then connects to what the other end sent, which is borrowed, its addresses and texts judged by reload_ice_candidate_fault();
	 * reload_peer_link_up() or reload_peer_link_down() tells the outcome.  link_close() ends it at any time.
	 */
	void (*link_gather)(void *host, uint32_t link, bool controlling);
	void (*link_check)(void *host, uint32_t link, struct span ufrag, struct span password,
		const struct reload_ice_candidate *candidates, size_t count);
	/*
	 * bytes of the largest message that a link that is up carries in one piece (LINK-20), 0: of any size; asked once.
	 * NULL: links carry all
	 */
	size_t (*link_mtu)(void *host, uint32_t link);
	/*
	 * The node at the other end of a link goes by this newer certificate of the same key, which others lead to a root: the link lasts as
	 * long as that one is good.  NULL: links last as long as the certificates of their handshakes.
	 */
	void (*link_certificate)(void *host, uint32_t link, struct reload_cert *cert,
		struct reload_cert *const *others, size_t others_count);
	/*
	 * when anything last came over a link that is up, also what is no message: an ACK, or what keeps a NAT open; monotonic.  NULL: this
	 * host knows of messages alone
	 */
	reload_ms (*link_heard)(void *host, uint32_t link);
	/* one RELOAD message or fragment; a link whose queue is full drops it (end-to-end repetition repairs) */
	void (*link_send)(void *host, uint32_t link, struct span message);
	/* send what is queued, then close; reload_peer_link_down() is not called for it */
	void (*link_close)(void *host, uint32_t link);
	/* run it (reload_job_run) on any thread, then reload_peer_job_done() on the engine's */
	void (*job)(void *host, struct reload_job *job);
	/* where this node listens, and for which links: its candidates; returns their number, at most max */
	size_t (*addresses)(void *host, struct reload_link_target *out, size_t max);
	/* a peer that listens at these addresses was reached: worth keeping for a later start; NULL: nothing is kept */
	void (*reached)(void *host, const struct reload_id *node,
		const struct reload_ip_port *addrs, size_t count);
	void (*event)(void *host, const struct reload_event *event);
	/* fills in what is known, of the machine and of a link (0: none in particular); NULL: nothing */
	void (*facts)(void *host, uint32_t link, struct reload_host_facts *out);
	/* a newer document was accepted: the host keeps it on disk and gives links the new trust */
	void (*config_changed)(void *host, const struct reload_config *config);
};
