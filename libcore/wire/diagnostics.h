/*
 * Overlay diagnostics (RFC 7851): the request and the response that a Ping carries as an extension, PathTrack, and the values of the diagnostic
 * Kinds.
 */
#pragma once

#include "wire/destination.h"

struct reload_diagnostic_extension {
	uint16_t kind;
	struct span contents;
};

struct reload_diagnostics_request {
	uint64_t expiration, timestamp_initiated;       /* ms since 1970 */
	uint64_t flags;                                 /* dMFlags: 1 << Kind */
	struct reload_diagnostic_extension *extensions; /* Kinds without a flag */
	size_t extensions_count;
};

struct reload_diagnostic_info {
	uint16_t kind;
	struct span contents;
};

struct reload_diagnostics_response {
	uint64_t expiration, timestamp_initiated, timestamp_received; /* ms since 1970 */
	uint8_t hop_counter; /* the ttl with which the request arrived */
	struct reload_diagnostic_info *info;
	size_t info_count;
};

struct reload_path_track_req {
	struct reload_destination destination; /* to which the path is traced */
	struct reload_diagnostics_request request;
};

struct reload_path_track_ans {
	struct reload_destination next_hop;
	struct reload_diagnostics_response response;
};

extern const struct wire_type reload_diagnostics_request_wire, reload_diagnostics_response_wire,
	reload_path_track_req_wire, reload_path_track_ans_wire;

/* All flags set: every base Kind is asked for (RFC 7851 s5.3). */
#define RELOAD_DIAGNOSTICS_ALL UINT64_MAX

/* reload_diagnostic_flag() returns the flag of a Kind below RELOAD_DIAGNOSTIC_FLAGS. */
static inline uint64_t reload_diagnostic_flag(uint16_t kind)
{
	return UINT64_C(1) << kind;
}

/*
 * reload_diagnostics_kinds() returns the flags of the assigned Kinds that are asked for: all of them when every flag is set; else the reserved
 * first and last flag and flags without a Kind do not count (RFC 7851 s5.3).
 */
uint64_t reload_diagnostics_kinds(uint64_t flags);

/* reload_diagnostic_name() returns "STATUS_INFO" and the like, reload_diagnostic_unit() the unit of a number, "" for none; NULL: no such Kind. */
const char *reload_diagnostic_name(uint16_t kind);
const char *reload_diagnostic_unit(uint16_t kind);

/* reload_diagnostic_named() finds a Kind by its name, in whatever case, or its number in decimal or 0x hexadecimal digits. */
bool reload_diagnostic_named(uint16_t *out, const char *text);

/*
 * reload_diagnostic_value() returns (owned) what the contents of a Kind say: a number (a decimal string when it has 64 bits), a text, or a
 * list of objects.  NULL: the Kind is not known, or the contents do not fit it (RFC 7851 s5.3).
 */
json_t *reload_diagnostic_value(uint16_t kind, struct span contents);

/* reload_diagnostics_json() adds name, unit and value to each entry of "info" of a response in the form of reload_wire_json(). */
void reload_diagnostics_json(
	json_t *response_json, const struct reload_diagnostics_response *response);
