/* DNS SRV records (RFC 2782): in which order their targets are tried. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	RELOAD_SRV_MAX = 32, /* records of one name that are used; further ones are dropped */
	RELOAD_SRV_TARGET_MAX = 254 /* characters of a host name, with its end */
};

struct reload_srv {
	char target[RELOAD_SRV_TARGET_MAX +
		    1]; /* without a final dot; "": the service is decidedly not there */
	uint16_t priority, weight, port;
};

/* Draws a number from 0 to below - 1, each as likely as the others; below is not 0. */
typedef uint32_t (*reload_srv_draw_fn)(void *arg, uint32_t below);

/*
 * reload_srv_order() sorts records by priority, and within one priority by chance, so that each comes first as often as its
 * weight is part of the sum.  Those of weight 0 come behind the others.
 */
void reload_srv_order(struct reload_srv *records, size_t count, reload_srv_draw_fn draw, void *arg);
