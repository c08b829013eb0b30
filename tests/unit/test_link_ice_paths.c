/* Paths by ICE for datagrams of others, beside links, with a plug-in of the test in place of one that uses the network. */
#include "link_cast.h"
#include "link_fake_ice.h"

#include "link/ice_link_io.h"
#include "link/ice_path_io.h"

static int clear_net(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	return 0;
}

static struct reload_links_setup tune = { .repeat_ms = 60000 };

/* One end, and what it was told. */
struct end {
	struct reload_ice_path *path;
	unsigned gathers, connects, datagrams, fails;
	char ufrag[64], password[64], why[64];
	struct reload_ice_item candidates[RELOAD_ICE_CANDIDATES_MAX];
	size_t count, pairs;
	enum reload_ice_type remote;
	char last[16];
	bool frees; /* in the operation that is called next */
};

static void maybe_free(struct end *e)
{
	if (e->frees)
		reload_ice_path_free(TAKE(e->path));
}

static void on_gathered(void *arg, const struct reload_ice_found *found)
{
	struct end *e = arg;
	e->gathers++;
	snprintf(e->ufrag, sizeof(e->ufrag), "%s", found->ufrag);
	snprintf(e->password, sizeof(e->password), "%s", found->password);
	for (e->count = 0; e->count < found->count; e->count++)
		e->candidates[e->count] = found->candidates[e->count].item;
	maybe_free(e);
}

static void on_connected(void *arg, const struct reload_ice_pair *pair)
{
	struct end *e = arg;
	e->connects++;
	e->remote = pair->remote_type;
	maybe_free(e);
}

static void on_datagram(void *arg, struct span datagram)
{
	struct end *e = arg;
	e->datagrams++;
	snprintf(e->last, sizeof(e->last), "%.*s", (int)datagram.len, (const char *)datagram.at);
	maybe_free(e);
}

static void on_failed(void *arg, const struct reload_ice_pair *pairs, size_t count, const char *why)
{
	struct end *e = arg;
	(void)pairs;
	e->fails++;
	e->pairs = count;
	snprintf(e->why, sizeof(e->why), "%s", why);
	maybe_free(e);
}

static const struct reload_ice_path_ops ops = { .gathered = on_gathered,
	.connected = on_connected,
	.datagram = on_datagram,
	.failed = on_failed };

static void start_node(struct node *n, const struct identity *who)
{
	struct reload_error_text why;
	node_start(n, loop, who, root.trust, tune);
	assert_int_equal(reload_links_use_ice(n->links, &fake_plugin, &why), RELOAD_OK);
}

static void gather(struct end *e, struct node *n, bool controlling)
{
	e->path = reload_ice_path_new(n->links, &ops, e);
	assert_non_null(e->path);
	reload_ice_path_gather(e->path, &(struct reload_ice_gather){ .controlling = controlling });
}

static void check(struct end *from, const struct end *to)
{
	reload_ice_path_check(from->path,
		&(struct reload_ice_remote){ to->ufrag, to->password, to->candidates, to->count });
}

static void datagrams_pass_as_they_are(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct end x = { 0 }, y = { 0 };
	start_node(&a, &alice);
	start_node(&b, &bob);
	gather(&x, &a, true);
	gather(&y, &b, false);
	assert_false(reload_ice_path_send(x.path, span_str("early")));
	TURN_UNTIL(loop, x.gathers && y.gathers);
	check(&x, &y);
	check(&y, &x);
	TURN_UNTIL(loop, x.connects && y.connects);
	assert_int_equal(x.remote, RELOAD_ICE_HOST);
	assert_true(reload_ice_path_send(x.path, span_str("hello")));
	assert_true(reload_ice_path_send(y.path, span_str("\x80you")));
	TURN_UNTIL(loop, x.datagrams && y.datagrams);
	assert_string_equal(y.last, "hello");
	assert_string_equal(x.last, "\x80you");
	/* the pair changes; then the other end is not there any more */
	say_pair(&net.links[0], RELOAD_ICE_RELAY, RELOAD_ICE_RELAY);
	TURN_UNTIL(loop, x.connects == 2);
	assert_int_equal(x.remote, RELOAD_ICE_RELAY);
	say_failed(&net.links[0]);
	TURN_UNTIL(loop, x.fails);
	assert_int_equal(x.pairs, 3);
	assert_false(reload_ice_path_send(x.path, span_str("late")));
	reload_ice_path_free(x.path);
	reload_ice_path_free(y.path);
	node_stop(&a);
	node_stop(&b);
	assert_int_equal(net.closes, 2);
}

/* A link and a path of one node: each is told what is its own. */
static void beside_a_link(void **state)
{
	(void)state;
	struct node a = { 0 };
	struct end x = { 0 };
	start_node(&a, &alice);
	reload_links_gather(a.links, 1, &(struct reload_ice_gather){ .controlling = true });
	gather(&x, &a, true);
	TURN_UNTIL(loop, x.gathers && a.gathers);
	assert_string_equal(a.ufrag, "fake0");
	assert_string_equal(x.ufrag, "fake1");
	say_failed(&net.links[1]);
	TURN_UNTIL(loop, x.fails);
	assert_int_equal(a.downs, 0);
	reload_ice_path_free(x.path);
	node_stop(&a);
}

static void an_owner_frees_it_when_it_is_told(void **state)
{
	(void)state;
	for (unsigned when = 0; when < 4; when++) {
		struct node a = { 0 }, b = { 0 };
		struct end x = { .frees = when == 0 }, y = { 0 };
		(void)clear_net(NULL);
		start_node(&a, &alice);
		start_node(&b, &bob);
		gather(&x, &a, true);
		gather(&y, &b, false);
		TURN_UNTIL(loop, x.gathers && y.gathers);
		x.frees = when == 1;
		if (when)
			check(&x, &y);
		if (when)
			check(&y, &x);
		if (when)
			TURN_UNTIL(loop, x.connects && y.connects);
		x.frees = true;
		if (when == 2)
			say_datagram(&net.links[0], span_str("x"));
		if (when == 3)
			say_failed(&net.links[0]);
		TURN_UNTIL(loop, !x.path);
		reload_ice_path_free(y.path);
		node_stop(&a);
		node_stop(&b);
	}
	reload_ice_path_free(NULL);
}

static void a_plug_in_that_says_nothing(void **state)
{
	(void)state;
	struct node a = { 0 }, plain = { 0 };
	struct end x = { 0 };
	net.silent = true;
	start_node(&a, &alice);
	gather(&x, &a, true);
	check(&x, &x); /* too early */
	assert_false(net.links[0].started);
	TURN_UNTIL(loop, x.fails);
	assert_string_equal(x.why, "no candidates were gathered in time");
	assert_int_equal(net.closes, 1);
	reload_ice_path_free(x.path);
	node_stop(&a);
	node_start(&plain, loop, &bob, root.trust, tune);
	assert_null(reload_ice_path_new(plain.links, &ops, &x));
	node_stop(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(datagrams_pass_as_they_are, clear_net),
		cmocka_unit_test_setup(beside_a_link, clear_net),
		cmocka_unit_test_setup(an_owner_frees_it_when_it_is_told, clear_net),
		cmocka_unit_test_setup(a_plug_in_that_says_nothing, clear_net),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
