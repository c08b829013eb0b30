/* ErrorResponse (RFC 6940 s6.3.3.1). */
#pragma once

#include "wire/schema.h"

struct reload_error_response {
	uint16_t error_code;
	struct span
		error_info; /* UTF-8 text, or a structure for two of the codes (interop MSG-09) */
};

extern const struct wire_type reload_error_response_wire;

/*
 * reload_error_info_json() returns (owned) the structure inside error_info: a StoreAns for Error_Generation_Counter_Too_Low
 * (RFC 6940 s7.4.1.2), the list of Kinds for Error_Unknown_Kind (s7.4.1.1).  NULL for a text, and for what does not decode.
 */
json_t *reload_error_info_json(const struct reload_error_response *e, const struct wire_ctx *ctx);

/* reload_error_code_name() returns the RFC's name ("Error_Forbidden"), NULL for an unknown code. */
const char *reload_error_code_name(uint16_t error_code);
