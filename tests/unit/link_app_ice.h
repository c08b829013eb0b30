/* Two ends of a stream of an application over ICE, with a plug-in of the test. */
#pragma once

#include "link_fake_ice.h"

#include "link_app.h"

#include "link/app_stream.h"

static bool packets; /* what is made carries packets */

static inline void use_ice(struct end *e)
{
	struct reload_error_text why;
	assert_int_equal(reload_links_use_ice(e->node.links, &fake_plugin, &why), RELOAD_OK);
}

static inline int ends_start(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	packets = false;
	end_start(&a, &alice, root.trust, 0);
	end_start(&b, &bob, root.trust, 0);
	use_ice(&a);
	use_ice(&b);
	return 0;
}

static inline int ends_stop(void **state)
{
	(void)state;
	unsigned links = (unsigned)net.count;
	end_stop(&a);
	end_stop(&b);
	assert_int_equal(net.closes, links); /* the plug-in holds nothing any more */
	wr_clear(&net.delayed);
	return 0;
}

#define stream_test(f) cmocka_unit_test_setup_teardown(f, ends_start, ends_stop)

/* -- making a stream ------------------------------------------------------------------------------------------------------ */

static inline void gathers(struct end *e)
{
	unsigned before = e->node.gathers;
	reload_app_streams_gather(
		e->streams, APP, packets, &(struct reload_ice_gather){ .controlling = e == &a });
	TURN_UNTIL(loop, e->node.gathers > before);
}

static inline void checks(struct end *e, const struct node *to)
{
	reload_app_streams_check(e->streams, APP,
		&(struct reload_ice_remote){
			to->ufrag, to->password, to->candidates, to->candidates_count });
}

/* a asks, b answers: their programs are not there yet */
static inline void made(void)
{
	gathers(&a);
	gathers(&b);
	checks(&b, &a.node);
	checks(&a, &b.node);
}

static inline void taken(void)
{
	made();
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	take(&a);
	take(&b);
	reload_app_streams_end(a.streams, APP);
	reload_app_streams_end(b.streams, APP);
}

static inline void connected(void)
{
	taken();
	join(&a);
	join(&b);
}

static inline struct app_stream *stream_of(const struct end *e)
{
	return TAILQ_FIRST(&e->streams->list);
}
