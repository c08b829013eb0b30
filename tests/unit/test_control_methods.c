#include "control/methods.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Checks text as the parameters, or the result, of method; the reason has to name `names`. */
static void check(const char *method, bool params, const char *text, const char *names)
{
	const struct reload_method *m = reload_method_find(method);
	assert_non_null(m);
	json_t *j = json_loads(text, 0, NULL);
	assert_non_null(j);
	struct reload_error_text why = { 0 };
	enum reload_err err = reload_fields_check(params ? m->params : m->result, j, &why);
	json_decref(j);
	if (!names) {
		assert_string_equal(why.reason, "");
		assert_int_equal(err, RELOAD_OK);
		return;
	}
	assert_int_equal(err, RELOAD_USAGE);
	if (!strstr(why.reason, names))
		fail_msg("\"%s\" does not name %s", why.reason, names);
}

static void parameters_are_checked(void **state)
{
	(void)state;
	check("overlay.ping", true, "{\"target\":\"self\"}", NULL);
	check("overlay.ping", true, "{\"target\":\"self\",\"size_bytes\":null}", NULL);
	check("overlay.ping", true, "{}", "target is missing");
	check("overlay.ping", true, "{\"target\":5}", "target must be a string");
	check("overlay.ping", true, "{\"target\":null}", "target");
	check("overlay.ping", true, "{\"target\":\"self\",\"tarjet\":1}", "tarjet is unknown");
	check("overlay.ping", true, "{\"target\":\"self\",\"size_bytes\":65536}",
		"from 0 to 65535");
	check("overlay.ping", true, "{\"target\":\"self\",\"size_bytes\":-1}", "from 0 to 65535");
	check("overlay.ping", true, "{\"target\":\"self\",\"size_bytes\":1.5}", "size_bytes");
	check("overlay.ping", true, "{\"target\":\"self\",\"timeout_ms\":true}", "timeout_ms");
	check("overlay.wait", true, "{\"state\":\"joined\"}", NULL);
	check("overlay.wait", true, "{\"state\":\"join\"}", "one of: init");
	check("overlay.wait", true, "{\"state\":\"\"}", "one of: init");
	check("overlay.join", true, "{\"bootstrap\":[\"127.0.0.1:1\",2]}",
		"bootstrap[1] must be a string");
	check("overlay.join", true, "{\"wait\":1}", "true or false");
	check("store.put", true,
		"{\"target\":\"a@b\",\"kind\":1,\"values\":[{\"value\":\"AA==\"}]}", NULL);
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":-1,\"values\":[]}", "kind");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":4294967296,\"values\":[]}", "kind");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":\"\",\"values\":[]}", "kind");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":\"0x1\",\"values\":{}}",
		"values must be a list");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":1,\"values\":[{\"value\":\"A\"}]}",
		"values[0].value must be base64");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":1,\"values\":[{\"lifetime_s\":0}]}",
		"values[0].lifetime_s");
	check("store.put", true, "{\"target\":\"a@b\",\"kind\":1,\"values\":[7]}",
		"values[0] must be an object");
	check("store.put", true,
		"{\"target\":\"a@b\",\"kind\":1,\"values\":[],\"generation\":"
		"\"18446744073709551615\"}",
		NULL);
	check("store.put", true,
		"{\"target\":\"a@b\",\"kind\":1,\"values\":[],\"generation\":"
		"\"18446744073709551616\"}",
		"generation");
	check("store.put", true,
		"{\"target\":\"a@b\",\"kind\":1,\"values\":[],\"generation\":\"007\"}",
		"generation");
	check("store.fetch", true, "{\"target\":\"a@b\",\"kind\":1,\"index\":{\"first\":0}}",
		"index.last is missing");
	check("agent.status", true, "{\"x\":1}", "x is unknown");
	check("agent.status", true, "{\"links\":true}", NULL);
	check("agent.status", true, "{\"links\":1}", "links must be true or false");
}

static void lists_and_texts_have_limits(void **state)
{
	(void)state;
	struct reload_error_text why;
	const struct reload_method *m = reload_method_find("agent.events");
	json_t *types = json_array(), *o = json_pack("{s:o}", "types", types);
	for (int i = 0; i < 64; i++)
		json_array_append_new(types, json_string("x"));
	assert_int_equal(reload_fields_check(m->params, o, &why), RELOAD_OK);
	json_array_append_new(types, json_string("x"));
	assert_int_equal(reload_fields_check(m->params, o, &why), RELOAD_USAGE);
	json_decref(o);
	char *text = reload_alloc(4098);
	memset(text, 'x', 4097);
	o = json_pack("{s:s}", "target", text);
	assert_int_equal(reload_fields_check(reload_method_find("overlay.ping")->params, o, &why),
		RELOAD_USAGE);
	assert_non_null(strstr(why.reason, "too long"));
	json_decref(o);
	free(text);
}

static void results_are_checked(void **state)
{
	(void)state;
	check("overlay.wait", false, "{\"state\":\"joined\",\"waited_ms\":0.5}", NULL);
	check("overlay.wait", false, "{\"state\":\"joined\"}", "waited_ms is missing");
	static const char kinds[] =
		"{\"resource_id\":\"%s\",\"name\":null,\"kind\":\"x\",\"kind_id\":1,"
		"\"closest\":\"\",\"responsible\":null,\"hops\":0,\"transaction\":\"00\"}";
	char text[512];
	snprintf(text, sizeof(text), kinds, "00ff");
	check("store.find", false, text, NULL);
	snprintf(text, sizeof(text), kinds, "00f");
	check("store.find", false, text, "resource_id must be an even number");
	snprintf(text, sizeof(text), kinds, "00FF");
	check("store.find", false, text, "resource_id");
	check("log.tail", false,
		"{\"lines\":[{\"time\":\"2026-11-22T15:12:05.123Z\",\"level\":\"info\",\"part\":"
		"\"a\","
		"\"text\":\"b\",\"repeated\":0}]}",
		NULL);
	check("log.tail", false,
		"{\"lines\":[{\"time\":\"2026-11-22 15:12:05\",\"level\":\"info\",\"part\":\"a\","
		"\"text\":\"b\",\"repeated\":0}]}",
		"lines[0].time");
}

static void an_absent_object_counts_as_empty(void **state)
{
	(void)state;
	struct reload_error_text why;
	assert_int_equal(
		reload_fields_check(reload_method_find("agent.status")->params, NULL, &why),
		RELOAD_OK);
	assert_int_equal(
		reload_fields_check(reload_method_find("overlay.ping")->params, NULL, &why),
		RELOAD_USAGE);
}

static void names_are_noun_dot_verb(void **state)
{
	(void)state;
	for (size_t i = 0; i < RELOAD_METHODS; i++) {
		const char *name = reload_methods[i].name;
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz_.") == strlen(name));
		assert_true(strchr(name, '.') && strchr(name, '.') == strrchr(name, '.'));
		assert_ptr_equal(reload_method_find(name), &reload_methods[i]); /* once only */
		assert_true(strlen(reload_methods[i].summary) > 10);
	}
	assert_null(reload_method_find("no.such"));
	/* former names, accepted for one release */
	assert_ptr_equal(reload_method_find("store.kept"), reload_method_find("store.renewals"));
	assert_ptr_equal(reload_method_find("store.drop"), reload_method_find("store.renew_stop"));
	assert_string_equal(reload_method_nearest("value.fetch"), "store.fetch");
	assert_null(reload_method_nearest("xyz"));
}

static void changing_methods_are_not_for_reading_sockets(void **state)
{
	(void)state;
	static const char *const writes[] = { "agent.stop", "agent.refresh", "agent.log_level",
		"agent.capture", "config.publish", "overlay.join", "overlay.leave", "store.put",
		"store.renew_stop", "service.register", "service.remove", "app.attach",
		"app.listen", "sip.register", "sip.ended", "sip.unregister", "media.open",
		"media.check" };
	size_t count = 0;
	for (size_t i = 0; i < RELOAD_METHODS; i++)
		count += reload_methods[i].access == RELOAD_METHOD_WRITE;
	assert_int_equal(count, COUNT_OF(writes));
	for (size_t i = 0; i < COUNT_OF(writes); i++)
		assert_int_equal(reload_method_find(writes[i])->access, RELOAD_METHOD_WRITE);
}

static void schemas_tell_the_same(void **state)
{
	(void)state;
	json_t *s = reload_method_schema(reload_method_find("store.fetch"), false);
	assert_string_equal(json_string_value(json_object_get(s, "title")), "store.fetch");
	json_t *properties = json_object_get(s, "properties");
	json_t *value = json_object_get(
		json_object_get(json_object_get(properties, "values"), "items"), "properties");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(value, "value"), "contentEncoding")),
		"base64");
	assert_non_null(json_object_get(json_object_get(value, "key"), "anyOf"));
	json_decref(s);
	json_t *all = reload_methods_json();
	struct reload_error_text why = { 0 };
	assert_int_equal(reload_fields_check(reload_method_find("rpc.methods")->result, all, &why),
		RELOAD_OK);
	assert_int_equal(json_array_size(json_object_get(all, "methods")), RELOAD_METHODS);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_checked),
		cmocka_unit_test(lists_and_texts_have_limits),
		cmocka_unit_test(results_are_checked),
		cmocka_unit_test(an_absent_object_counts_as_empty),
		cmocka_unit_test(names_are_noun_dot_verb),
		cmocka_unit_test(changing_methods_are_not_for_reading_sockets),
		cmocka_unit_test(schemas_tell_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
