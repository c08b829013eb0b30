/*
 * A program of somebody else against the installed libreload: library AGENT NAME FILE prints what it finds, a line each; FILE holds a
 * message.  What does not hold ends it with the line of the check.
 */
#include <poll.h>
#include <reload.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			fprintf(stderr, "line %d: %s\n", __LINE__, #c);                            \
			exit(99);                                                                  \
		}                                                                                  \
	} while (0)

static unsigned seen;

/* The second object ends the waiting. */
static bool on_event(void *arg, int64_t id, const char *object)
{
	CHECK(arg == &seen && id > 0 && object[0] == '{');
	seen++;
	return seen < 2;
}

static void requests(struct reload_session *s, const char *name)
{
	char *result = NULL;
	int64_t slow = 0, quick = 0, id = 0;
	CHECK(!reload_session_send(
		s, "overlay.wait", "{\"state\":\"isolated\",\"timeout_ms\":60000}", &slow));
	CHECK(!reload_session_send(s, "agent.status", NULL, &quick));
	CHECK(slow != quick);
	struct pollfd readable = { .fd = reload_session_fd(s), .events = POLLIN };
	CHECK(poll(&readable, 1, 20000) == 1);
	CHECK(!reload_session_next(s, &id, &result));
	CHECK(id == quick && strstr(result, "\"state\":\"joined\""));
	free(result);
	CHECK(!reload_session_cancel(s, slow));
	CHECK(!reload_session_send(s, "agent.status", "{}", &quick));
	CHECK(!reload_session_next(s, &id, &result) &&
		id == quick); /* what was cancelled is not answered */
	free(result);

	CHECK(reload_session_call(s, "agent.status", "[1]", &result) == RELOAD_STATUS_USAGE);
	CHECK(reload_session_call(s, "no.method", NULL, &result) == RELOAD_STATUS_AGENT);
	CHECK(strstr(reload_session_what(s), "no.method") && *reload_session_why(s));
	CHECK(strstr(reload_session_error(s), "\"name\":\"agent\""));

	reload_session_on_progress(s, on_event, &seen);
	CHECK(!reload_session_send(s, "agent.events", "{\"level\":\"debug\"}", &id));
	char params[200];
	snprintf(params, sizeof(params), "{\"target\":\"%s\",\"kind\":\"0xf0000001\"}", name);
	for (int i = 0; i < 3; i++) {
		int64_t other;
		CHECK(!reload_session_send(s, "store.stat", params, &other));
	}
	do { /* replies, also of what is not found, until on_event() ends the waiting */
		result = NULL;
		CHECK(reload_session_next(s, &id, &result) != RELOAD_STATUS_TIMEOUT);
		free(result);
	} while (id);
	CHECK(seen == 2);
	CHECK(reload_session_call(s, "agent.status", NULL, &result) == RELOAD_STATUS_AGENT);
}

static void values(struct reload_session *s, const char *name)
{
	static const char bytes[] = "a\0b";
	struct reload_values *v;
	size_t len;
	CHECK(reload_values_fetch(s, "0xf0000001", name, &v) == RELOAD_STATUS_NOT_FOUND);
	CHECK(reload_values_count(v) == 0 && *reload_session_what(s));
	reload_values_free(v);
	CHECK(!reload_value_store(s, "0xf0000001", name, bytes, sizeof(bytes), 60));
	CHECK(!reload_values_fetch(s, "0xf0000001", name, &v) && reload_values_count(v) == 1);
	CHECK(!memcmp(reload_value_bytes(v, 0, &len), bytes, sizeof(bytes)) &&
		len == sizeof(bytes));
	CHECK(!strcmp(reload_value_user(v, 0), name) && strlen(reload_value_node_id(v, 0)) == 32);
	CHECK(reload_value_index(v, 0) == -1 && !*reload_value_key(v, 0));
	CHECK(strlen(reload_value_expires(v, 0)) == strlen("2026-11-30T12:00:00.000Z"));
	reload_values_free(v);
	CHECK(!reload_value_remove(s, "0xf0000001", name));
	CHECK(reload_values_fetch(s, "0xf0000001", name, &v) == RELOAD_STATUS_NOT_FOUND);
	reload_values_free(v);
	CHECK(reload_value_store(s, "0xf0000001", "\xff", bytes, 1, 0) == RELOAD_STATUS_USAGE);
}

static void messages(const char *file)
{
	unsigned char message[4096];
	FILE *f = fopen(file, "rb");
	size_t len = f ? fread(message, 1, sizeof(message), f) : 0, size = 0;
	struct reload_codec *c;
	CHECK(f && len > 38 && !fclose(f));
	CHECK(!reload_codec_next_frame(&size, message, len) && size == len);
	CHECK(reload_codec_next_frame(&size, message, 10) == RELOAD_STATUS_LIMIT && size > 10);
	CHECK(reload_codec_next_frame(&size, "GET / HTTP/1.1\r\nHost: a\r\n\r\n            ", 40) ==
		RELOAD_STATUS_FAILED);
	CHECK(!reload_codec_decode(&c, message, len, 0) && !*reload_codec_fault(c));
	char *json = reload_codec_json(c), *text = reload_codec_text(c);
	printf("%u %s %016llx %u\n", reload_codec_code(c), reload_codec_name(c),
		(unsigned long long)reload_codec_transaction(c), reload_codec_ttl(c));
	printf("%s\n", json);
	CHECK(strstr(text, "message_code: ping_req\n"));
	CHECK(reload_codec_overlay(c) == reload_overlay_number("overlay.example.org"));
	void *again = NULL;
	char *fault = NULL;
	CHECK(!reload_codec_encode(json, 0, &again, &size, NULL));
	CHECK(size == len && !memcmp(again, message, len));
	CHECK(reload_codec_encode("{\"header\":{}}", 0, &again, &size, &fault) ==
		RELOAD_STATUS_FAILED);
	CHECK(!strcmp(fault, "relo_token: missing"));
	free(fault);
	CHECK(reload_codec_encode("{}", 21, &again, &size, &fault) == RELOAD_STATUS_USAGE &&
		*fault);
	free(fault);
	free(again);
	free(json);
	free(text);
	reload_codec_free(c);
	for (size_t n = 0; n < len; n++) {
		CHECK(reload_codec_decode(&c, message, n, 0) == RELOAD_STATUS_FAILED);
		CHECK(*reload_codec_fault(c));
		reload_codec_free(c);
	}
	CHECK(reload_codec_decode(&c, message, len, 15) == RELOAD_STATUS_USAGE);
	reload_codec_free(c);
}

int main(int argc, char **argv)
{
	struct reload_session *s;
	CHECK(argc == 4);
	messages(argv[3]);
	CHECK(reload_session_open(&s, "no/where.sock", 1000) == RELOAD_STATUS_AGENT);
	CHECK(reload_session_retry(s) && reload_session_fd(s) == -1);
	CHECK(reload_value_remove(s, "1", "x") == RELOAD_STATUS_AGENT);
	reload_session_close(s);
	CHECK(!reload_session_open(&s, argv[1], 30000));
	values(s, argv[2]);
	requests(s, argv[2]);
	reload_session_close(s);
	reload_session_close(NULL);
	return 0;
}
