/* Parsing keys of dictionaries. */
#pragma once

#include "agent.h"

/*
 * agent_key_parse() reads a dictionary key: "hex:DIGITS", "node:HEX" (also a prefix) or "self" for a Node-ID, else the text
 * itself; "text:TEXT" for a text that looks like one of these.  *out is borrowed from arena.
 */
enum reload_err agent_key_parse(struct span *out, const struct agent *agent,
	struct reload_arena *arena, const char *text, struct reload_error_text *why) MUST_CHECK;
