/* What a storer answers to Fetch, Stat and Find (RFC 6940 s7.4.2 to s7.4.4). */
#pragma once

#include "storage/storage.h"
#include "wire/fetch.h"
#include "wire/find.h"

struct reload_fetch_work {
	const struct reload_config *config;
	struct reload_storage *storage;
	const struct reload_fetch_req *req;
	struct reload_id resource;
	bool responsible; /* else a replica answers, or RELOAD_NOT_FOUND (STO-04) */
	reload_utc now;
	/* in the stead of the responsible peer: RELOAD_NOT_FOUND unless all that is asked for is held */
	bool stands_in;
	struct reload_arena *arena;
	/* out; spans borrowed from the storage until its next commit */
	struct reload_fetch_ans fetch;
	struct reload_stat_ans stat;
	struct span *
		certificates; /* distinct GenericCertificate lists (wire form) of the values' signers */
	size_t certificates_count;
	uint32_t unknown_kinds[63];
	size_t unknown_kinds_count;
	const char *reason;
};

/*
 * reload_fetch_answer() and reload_stat_answer() fill the answer: one response per Kind, synthetic values where nothing is
 * (STO-04..08), generation match, ranges.  RELOAD_INVALID_MESSAGE, _UNKNOWN_KIND, _NOT_FOUND.
 */
enum reload_err reload_fetch_answer(struct reload_fetch_work *w) MUST_CHECK;
enum reload_err reload_stat_answer(struct reload_fetch_work *w) MUST_CHECK;

struct reload_find_work {
	const struct reload_config *config;
	struct reload_storage *storage;
	const struct reload_find_req *req;
	struct reload_id resource;
	struct reload_id range_to; /* this node is responsible for (.., range_to] */
	bool responsible;
	bool whole_ring; /* a lone peer */
	reload_utc now;
	struct reload_arena *arena;
	struct reload_find_ans answer;
	const char *reason;
};

/* reload_find_answer(): RELOAD_INVALID_MESSAGE for a repeated Kind, _NOT_FOUND when not responsible. */
enum reload_err reload_find_answer(struct reload_find_work *w) MUST_CHECK;
