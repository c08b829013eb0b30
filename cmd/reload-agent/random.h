/* Random bytes for the engine, fetched from the kernel in advance: most of what it asks for are Transaction IDs of 8 bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_RANDOM = 256 /* number of bytes that one system call fetches */
};

/* Zero-initialised is empty. */
struct agent_random {
	uint8_t bytes[AGENT_RANDOM];
	size_t left; /* bytes[0] to bytes[left - 1] are unused */
};

/* agent_chance() returns a random number, 0 when the kernel has none yet: for pauses, and choices that may be any. */
uint64_t agent_chance(void);

/* agent_random_take() fills out with len random bytes and erases them here.  Aborts when the kernel gives none. */
void agent_random_take(struct agent_random *r, void *out, size_t len);
