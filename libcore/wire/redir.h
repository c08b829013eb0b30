/*
 * ReDiR (RFC 7374): the tree over Node-IDs, the Resource Name of one of its nodes, and the record that a provider of a service
 * stores there.  They are needed by access control (NODE-ID-MATCH) as well as by providers and searchers.
 */
#pragma once

#include "util/id.h"
#include "wire/schema.h"

#define RELOAD_SERVICE_TURN "turn-server" /* the namespace of TURN servers (RFC 7374 s10.4) */

enum {
	RELOAD_REDIR_BRANCHING_MIN = 2,
	RELOAD_REDIR_BRANCHING_MAX = 65536,
	RELOAD_REDIR_BRANCHING = 10,      /* of a document that gives none */
	RELOAD_REDIR_LEVELS = 17,         /* with a branching factor of 2: 0 to 16 */
	RELOAD_REDIR_NAMESPACE_MAX = 255, /* bytes of a namespace */
	RELOAD_REDIR_NAME_MAX = RELOAD_REDIR_NAMESPACE_MAX + 4
};

/* A node of the tree: level 0 is the root, and level l has branching^l nodes, numbered from the one of the lowest Node-IDs. */
struct reload_redir_place {
	uint16_t level, node;
};

/* reload_redir_deepest() returns the deepest level, as node numbers have 16 bits.  branching is from 2 to 65536. */
unsigned reload_redir_deepest(uint32_t branching);

/* reload_redir_place() returns the tree node of that level, at most the deepest one, whose range contains id (RFC 7374 s3). */
struct reload_redir_place reload_redir_place(
	const struct reload_id *id, uint32_t branching, unsigned level);

/* reload_redir_interval() returns the number of the interval that contains id: each tree node of the level has `branching` of them. */
uint32_t reload_redir_interval(const struct reload_id *id, uint32_t branching, unsigned level);

/* reload_redir_name() appends the Resource Name of a tree node: the namespace, then level and node in two bytes each. */
void reload_redir_name(struct wr *w, struct span service, struct reload_redir_place place);

/* reload_redir_namespace_valid() returns whether s can be the namespace of a service: 1 to 255 bytes of UTF-8. */
bool reload_redir_namespace_valid(struct span s);

struct reload_redir_provider {
	uint8_t type; /* of the extension; 0: there is none */
	struct span
		destination_list; /* wire bytes: the route to the provider, whose last entry is the provider */
	struct span namespace;
	uint16_t level, node; /* of the tree node that the record is stored at */
	struct span extension;
};

extern const struct wire_type reload_redir_provider_wire;

/*
 * reload_redir_provider_read() reads a record and checks its form: entries in the Destination List, the namespace, nothing
 * behind the extension, which may be of any type.  *provider is the last entry of the list when that is a Node-ID, else its len is 0.  Spans borrow
 * from value.  RELOAD_BAD_VALUE, why (may be NULL) filled.
 */
enum reload_err reload_redir_provider_read(struct reload_redir_provider *out,
	struct reload_id *provider, struct span value, uint8_t node_id_len,
	struct reload_error_text *why) MUST_CHECK;

/* reload_redir_placed() returns whether the tree node of record p contains id; false for a level that the tree does not have. */
bool reload_redir_placed(
	const struct reload_redir_provider *p, const struct reload_id *id, uint32_t branching);

/* reload_redir_provider_write() appends the record with which node offers a service, for the tree node at place. */
void reload_redir_provider_write(struct wr *w, const struct reload_id *node, struct span service,
	struct reload_redir_place place);
