/* Who takes part in most tests of links: alice and bob, with certificates of one root, and the loop they turn. */
#pragma once

#include "link_fixture.h"

static struct authority root;
static struct identity alice, bob;
static struct reload_poll *loop;

static inline int cast_begin(void **state)
{
	(void)state;
	loop = reload_poll_new();
	authority_init(&root, "Root");
	identity_init(&alice, &root, 1, OVERLAY, 3600 * 1000);
	identity_init(&bob, &root, 2, OVERLAY, 3600 * 1000);
	return 0;
}

static inline int cast_end(void **state)
{
	(void)state;
	identity_clear(&bob);
	identity_clear(&alice);
	authority_clear(&root);
	reload_poll_free(loop);
	return 0;
}
