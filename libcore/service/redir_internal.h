/* What registration and lookup share. */
#pragma once

#include "service/redir.h"

/* reload_redir_view_of() compares id with the entries of its tree node at level; entries of other tree nodes and that of self are ignored. */
struct reload_redir_view reload_redir_view_of(const struct reload_id *id,
	const struct reload_id *self, uint32_t branching, unsigned level,
	const struct reload_redir_entry *entries, size_t count);

/* reload_redir_entry_counts() returns whether e is in the tree node of id at level and is not that of self. */
bool reload_redir_entry_counts(const struct reload_redir_entry *e, const struct reload_id *id,
	const struct reload_id *self, uint32_t branching, unsigned level);

/* reload_redir_start() returns the starting level: at most the deepest one of the tree. */
unsigned reload_redir_start(uint32_t branching, unsigned start);
