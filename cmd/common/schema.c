/* JSON Schemas made from lists of fields. */
#include "common/main.h"

#include <assert.h>
#include <string.h>

static json_t *object_schema(const char **at);

/* type_schema() reads a type with its [] and ?. */
static json_t *type_schema(const char **at)
{
	json_t *type;
	if (**at == '{') {
		(*at)++;
		type = object_schema(at);
		assert(**at == '}');
		(*at)++;
	} else {
		size_t n = strcspn(*at, " []?}");
		assert(n);
		type = json_pack("{s:s%}", "type", *at, n);
		*at += n;
	}
	if (!strncmp(*at, "[]", 2)) {
		*at += 2;
		type = json_pack("{s:s, s:o}", "type", "array", "items", type);
	}
	if (**at == '?') {
		(*at)++;
		type = json_pack("{s:[o, {s:s}]}", "anyOf", type, "type", "null");
	}
	return type;
}

static json_t *object_schema(const char **at)
{
	json_t *properties = json_object(), *required = json_array();
	for (;;) {
		char name[64];
		*at += strspn(*at, " ");
		if (!**at || **at == '}' || **at == '|')
			break;
		size_t n = strcspn(*at, ":");
		assert(n && n < sizeof(name) && (*at)[n] == ':');
		memcpy(name, *at, n);
		name[n] = 0;
		*at += n + 1;
		json_object_set_new(properties, name, type_schema(at));
		json_array_append_new(required, json_string(name));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
		required);
}

/* failure_schema() returns the schema of {"error":{...}}. */
static json_t *failure_schema(void)
{
	const char *error = "code:integer name:string reason:string reload_error:integer? "
			    "reload_error_name:string? what:string "
			    "why:string? try:string? retry:boolean transaction:string? "
			    "generation:string? values:object[]?";
	return json_pack("{s:s, s:{s:o}, s:[s]}", "type", "object", "properties", "error",
		object_schema(&error), "required", "error");
}

/* one_of() returns the schema of a program that prints one of the results (taken), or an error. */
static json_t *one_of(const char *title, json_t *results)
{
	json_array_append_new(results, failure_schema());
	return json_pack("{s:s, s:s, s:o}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", title, "oneOf", results);
}

json_t *cli_schema_of(const char *title, json_t *result)
{
	return one_of(title, json_pack("[o]", result));
}

json_t *cli_schema(const char *title, const char *fields)
{
	const char *at = fields ? fields : "";
	json_t *results = json_array();
	do {
		at += *at == '|';
		json_array_append_new(results, object_schema(&at));
	} while (*at == '|');
	assert(!*at);
	return one_of(title, results);
}
