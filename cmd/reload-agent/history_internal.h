/* What the files of the history share. */
#pragma once

#include "history.h"

#include "util/clock.h"

#include <bsd/sys/queue.h>

enum {
	RECENT_MAX = 256,
	NEAR_MAX = 32,
	TARGET_MAX = 256 /* bytes; longer ones are cut */
};

struct happened {
	reload_ms at;
	enum reload_event_type type;
	enum reload_err err;
	uint16_t code;
	uint32_t link;
	uint64_t transaction;
	struct reload_id node;
	char *text; /* owned; NULL: nothing more is known */
};

enum origin {
	ORIGIN_USER,  /* a request of the control socket */
	ORIGIN_AGENT, /* a join of its own */
	ORIGIN_ENGINE
};

struct record {
	uint64_t number; /* since the start; 0: free */
	enum origin origin;
	char method[32];
	char *target; /* owned; NULL: it has none */
	reload_utc began;
	reload_ms since, took;
	uint64_t transaction;
	enum reload_err err;
	uint16_t overlay_code;
	struct reload_id responder;
	unsigned hops, transmissions, times, sip_status;
	enum reload_cause cause;
	struct reload_error_text *why; /* owned; NULL: it succeeded */
	struct happened *events;       /* owned */
	size_t events_count;
};

struct open_record {
	TAILQ_ENTRY(open_record) entry;
	size_t method; /* enum reload_method_id */
	struct record r;
};

TAILQ_HEAD(open_list, open_record);

struct conflict {
	reload_utc at;
	struct reload_id resource, node;
	uint32_t kind;
	uint64_t count;
	const char *reason; /* static */
};

struct agent_history {
	const struct agent *agent;
	struct record records[HISTORY_MAX];
	size_t next;
	uint64_t number;
	struct happened recent[RECENT_MAX];
	size_t recent_next;
	struct open_list open;
	struct agent_history_counts counts;
	struct conflict conflicts[HISTORY_CONFLICTS];
	size_t conflicts_next;
	unsigned joins; /* open records of overlay.join */
};
