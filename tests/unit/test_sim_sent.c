#include "sim/sent.h"

#include "util/owned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* What node 0 of a growing ring sent, and what the checker notes of it. */
enum {
	NODES = 24,
	SETTLE_MS = 60000,
	MESSAGES_MAX = 40960
};

struct message {
	struct bytes bytes;
	reload_ms at;
};

static struct reload_sim *s;
static struct message messages[MESSAGES_MAX];
static size_t count;

static void hook_sent(void *arg, const struct reload_sim_node *n, struct span message)
{
	(void)arg;
	if (n->index || !n->peer)
		return;
	assert_in_range(count, 0, MESSAGES_MAX - 1);
	messages[count++] =
		(struct message){ .bytes = bytes_copy(message), .at = reload_sim_now(s) };
}

static int grown(void **state)
{
	(void)state;
	static const struct reload_sim_hooks hooks = { .sent = hook_sent };
	const struct reload_sim_setup setup = { .seed = 8,
		.nodes = NODES,
		.latency = reload_sim_latency_find("lan"),
		.store_limit = 1 << 20 };
	s = reload_sim_new(&setup, &hooks);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < NODES; i++)
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_run(s, SETTLE_MS);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	for (size_t i = 0; i < count; i++)
		bytes_free(&messages[i].bytes);
	count = 0;
	reload_sim_free(s);
	return 0;
}

static bool agrees(const struct reload_sim_sent *sent)
{
	struct reload_sim_violation v;
	return reload_sim_sent_agrees(sent, reload_sim_node(s, 0), reload_sim_now(s), &v);
}

static void note(struct reload_sim_sent *sent, const struct message *m, reload_ms at)
{
	struct reload_sim_violation v;
	assert_true(
		reload_sim_sent_message(sent, reload_sim_node(s, 0), bytes_span(m->bytes), at, &v));
}

/* Gives the first n messages to the checker; returns whether the newest Update among them agrees with the tables. */
static bool agreed(struct reload_sim_sent *sent, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note(sent, &messages[i], messages[i].at);
	return agrees(sent);
}

/* R-10.7.1-01: the newest Update agrees with the tables of the node; an older one does not. */
static void the_newest_update_is_compared(void **state)
{
	(void)state;
	size_t differ = 0;
	for (size_t n = 1; n <= count; n++) {
		AUTO(reload_sim_sent) sent = reload_sim_sent_new(NODES);
		differ += !agreed(sent, n);
	}
	assert_in_range(differ, 1, count - 1);
}

/* With this seed another Update went out in the same second as the newest one; uptimes are in seconds. */
static void what_is_sent_again_is_not_the_newest(void **state)
{
	(void)state;
	reload_ms again =
		reload_peer_config(reload_sim_node(s, 0)->peer)->overlay_reliability_timer_ms;
	for (size_t n = 1; n <= count; n++) {
		AUTO(reload_sim_sent) sent = reload_sim_sent_new(NODES);
		if (!agreed(sent, n))
			continue;
		for (size_t i = 0; i < n; i++) {
			note(sent, &messages[i], messages[i].at + again);
			assert_true(agrees(sent));
		}
	}
}

/* Whom the node named before it, nearest first, and when last. */
static void what_it_said_is_remembered(void **state)
{
	(void)state;
	AUTO(reload_sim_sent) sent = reload_sim_sent_new(NODES);
	struct reload_status st;
	reload_ms last = 0;
	assert_true(agreed(sent, count));
	reload_peer_status(reload_sim_node(s, 0)->peer, &st);
	const struct reload_id *before = st.tables.predecessors;
	assert_true(reload_sim_sent_after(sent, 0, &before[0], NULL, 0));
	assert_false(reload_sim_sent_after(
		sent, 1, &before[0], NULL, 0)); /* node 1 was not listened to */
	while (reload_sim_sent_after(sent, 0, &before[0], NULL, last + 1))
		last++;
	assert_in_range(last, 1, reload_sim_now(s));
	assert_true(reload_sim_sent_after(sent, 0, &before[1], NULL, last));
	assert_false(reload_sim_sent_after(sent, 0, &before[2], NULL, last));
	assert_false(reload_sim_sent_after(sent, 0, &before[0], &before[1], last));
	assert_true(reload_sim_sent_after(sent, 0, &before[0], &before[2], last));
}

/* The index of the nearest node before it that the message names; NODES: the message is no Update with lists. */
static size_t named(const struct message *m)
{
	AUTO(reload_sim_sent) sent = reload_sim_sent_new(NODES);
	size_t i = 1;
	note(sent, m, m->at);
	while (i < NODES && !reload_sim_sent_after(sent, 0, &reload_sim_node(s, i)->id, NULL, 0))
		i++;
	return i;
}

/* A node on which others join and fail in turn says two things by turns, more often than the checker remembers different things. */
static void what_it_says_by_turns_is_two_things(void **state)
{
	(void)state;
	AUTO(reload_sim_sent) sent = reload_sim_sent_new(NODES);
	const struct message *turns[2];
	size_t at = 0, first;
	while ((first = named(&messages[at])) == NODES)
		at++;
	note(sent, &messages[at], messages[at].at);
	for (size_t found = 0; found < 2; at++) {
		assert_in_range(at, 0, count - 1);
		size_t other = named(&messages[at]);
		if (other != NODES && other != first && (!found || other != named(turns[0])))
			turns[found++] = &messages[at];
	}
	for (size_t i = 0; i < 100; i++)
		note(sent, turns[i % 2], SETTLE_MS + i);
	assert_true(reload_sim_sent_after(sent, 0, &reload_sim_node(s, first)->id, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_update_is_compared, grown, gone),
		cmocka_unit_test_setup_teardown(what_is_sent_again_is_not_the_newest, grown, gone),
		cmocka_unit_test_setup_teardown(what_it_said_is_remembered, grown, gone),
		cmocka_unit_test_setup_teardown(what_it_says_by_turns_is_two_things, grown, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
