/* The table of methods (control/methods.def) and lookups in it. */
#pragma once

#include "control/fields.h"

enum reload_method_access {
	RELOAD_METHOD_READ,
	RELOAD_METHOD_WRITE
};

/* The number of a method is made from its handler's name: RELOAD_METHOD_rpc_store_fetch. */
enum reload_method_id {
#define X(method, access, handler, summary, params, result) RELOAD_METHOD_##handler,
#include "control/methods.def"
#undef X
	RELOAD_METHODS
};

enum {
	RELOAD_CONTROL_PROTOCOL = 1
};

struct reload_method {
	const char *name;
	enum reload_method_access access;
	const char *summary;
	const struct reload_field *params, *result;
};

extern const struct reload_method reload_methods[RELOAD_METHODS];

/* reload_method_find() returns the method of that name, also of a former one that is still accepted; NULL for none. */
const struct reload_method *reload_method_find(const char *name);

/* reload_method_nearest() returns a name that is like name, NULL when none is: for "did you mean". */
const char *reload_method_nearest(const char *name);

/* reload_method_schema() returns the JSON Schema (owned) of the result, or of the parameters. */
json_t *reload_method_schema(const struct reload_method *method, bool params);

/* reload_methods_json() returns the result of rpc.methods (owned). */
json_t *reload_methods_json(void);
