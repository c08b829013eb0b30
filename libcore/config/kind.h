/* Kinds: what may be stored, under which data model, by whom (RFC 6940 s7.4.5, s11.1). */
#pragma once

#include "util/id.h"
#include "wire/codes.h"

/* The access control policies of RFC 6940 s7.3 and RFC 7374 s5; storage/access.c has the rule of each. */
enum reload_access_policy {
	RELOAD_ACCESS_USER_MATCH,
	RELOAD_ACCESS_NODE_MATCH,
	RELOAD_ACCESS_USER_NODE_MATCH,
	RELOAD_ACCESS_NODE_MULTIPLE,
	RELOAD_ACCESS_NODE_ID_MATCH, /* of REDIR */
};

enum {
	RELOAD_KIND_NAME_MAX = 32
};

struct reload_kind {
	uint32_t id;
	const char *name; /* registered name, NULL for a private Kind */
	char given[RELOAD_KIND_NAME_MAX +
		   1]; /* name of a private Kind in the document, "": it has none */
	enum reload_data_model model;
	enum reload_access_policy access;
	uint32_t max_count, max_size, max_node_multiple;
	uint32_t branching_factor; /* of the tree, for NODE-ID-MATCH (RFC 7374 s8); else 0 */
	struct reload_id
		signer; /* kind-signer whose signature was verified; len 0: none, as the Kind is registered */
	struct span block;       /* the kind-block element as it came; empty: the Kind has none */
	bool domains_restricted; /* only names of certain domains are stored (RFC 7904 s3.4) */
	struct span domains; /* if so: patterns, each ended by a NUL; they lie where block does */
	bool learned;        /* received in a ConfigUpdate, not with the document */
};

enum {
	RELOAD_DOMAIN_PATTERN_MAX = 256, /* characters */
	RELOAD_DOMAIN_PATTERNS_MAX = 64
};

/*
 * reload_kind_domain_allowed() returns whether names of that domain may be stored under the Kind: it has no restriction, or a
 * pattern matches the whole domain, without regard to case (RFC 7904 s3.4).
 */
bool reload_kind_domain_allowed(const struct reload_kind *kind, const char *domain);

/*
 * reload_domain_pattern_fault() returns why text cannot be a pattern, a text such as "it is empty"; NULL: it is a POSIX Extended
 * Regular Expression, without what could make matching expensive: back-references, and more than one number of repetitions.
 */
const char *reload_domain_pattern_fault(const char *text);

/* reload_kind_name() returns the registered or given name of the Kind (borrowed), NULL when it has only a number. */
const char *reload_kind_name(const struct reload_kind *kind);

/*
 * reload_kind_name_valid() returns whether name can be that of a private Kind: a letter, then letters, digits, - and _.
 * reload_kind_name_reserved(): it is, in whatever case, one of the registry, also of a Kind that this program
 * does not know.
 */
bool reload_kind_name_valid(const char *name);
bool reload_kind_name_reserved(const char *name);

/* reload_data_model_name(), reload_access_policy_name() return the registry's words: "SINGLE", "USER-MATCH". */
const char *reload_data_model_name(enum reload_data_model model);
const char *reload_access_policy_name(enum reload_access_policy access);

/* reload_access_dictionary_only() returns whether the policy is for Kinds with the data model DICTIONARY only. */
bool reload_access_dictionary_only(enum reload_access_policy access);

/* reload_data_model_parse(), reload_access_policy_parse() are the inverse; RELOAD_BAD_VALUE for an unknown word. */
enum reload_err reload_data_model_parse(enum reload_data_model *out, const char *name) MUST_CHECK;
enum reload_err reload_access_policy_parse(
	enum reload_access_policy *out, const char *name) MUST_CHECK;

/* reload_kind_registered() returns the registered Kind with that id, or with that name when name is not NULL; or NULL. */
const struct reload_kind *reload_kind_registered(uint32_t id, const char *name);
