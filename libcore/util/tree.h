/* Ordered trees (BSD sys/tree.h): every table that is iterated is ordered, so that equal inputs give equal outputs. */
#pragma once

#include <bsd/sys/tree.h>
#include <stddef.h>

/* RELOAD_TREE() defines the static functions of RB_HEAD(name, type). */
#define RELOAD_TREE(name, type, field, cmp)                                                        \
	RB_GENERATE_INTERNAL(name, type, field, cmp, __attribute__((unused)) static)
