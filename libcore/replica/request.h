/* Requests for stored data that this node makes (RFC 6940 s7.4). */
#pragma once

#include "exchange/request.h"
#include "wire/stored.h"

/* A value of a FetchAns. */
struct reload_fetched {
	uint32_t kind;
	const struct reload_stored_data *data;
	enum reload_err err; /* RELOAD_OK: signature, certificate, access and Kind checks passed */
	bool synthetic;      /* exists is false, nobody signed it */
	const struct reload_cert *cert; /* signer's, NULL when not at hand */
	struct reload_id signer;
	bool rolled_back; /* older than one that was fetched before (STO-25) */
};

struct reload_store_item {
	uint32_t kind;
	uint64_t generation; /* 0: do not check; equal Kinds of one request use the first one's */
	struct reload_stored_value value;
	uint32_t lifetime_s;
	uint64_t storage_time; /* 0: now, but always later than the one before (R-13.5-04) */
};

enum {
	RELOAD_STORE_ITEMS_MAX = 256
};

/*
 * reload_store_own() signs items and sends r, a StoreReq for resource.  RELOAD_UNKNOWN_KIND: nothing is sent, and r is still the caller's.
 */
enum reload_err reload_store_own(struct reload_request *r, const struct reload_id *resource,
	const struct reload_store_item *items, size_t count) MUST_CHECK;

/* reload_fetch_own() prepares r, a FetchReq at resource: its result will have the values of the answer. */
void reload_fetch_own(struct reload_request *r, const struct reload_id *resource);

/*
 * reload_specifiers_own() fills own, of count entries, with specifiers and the data models of their Kinds.  RELOAD_UNKNOWN_KIND; RELOAD_USAGE for
 * ranges that are not apart from each other (R-7.4.2.1-04, -06).
 */
enum reload_err reload_specifiers_own(const struct reload_config *config,
	struct reload_specifier *own, const struct reload_specifier *specifiers,
	size_t count) MUST_CHECK;

/* reload_request_named() keeps of kinds those that r names, each once, and returns how many. */
size_t reload_request_named(const struct reload_request *r, uint32_t *kinds, size_t count);
