/* The GRUU of the node of an agent (RFC 7904 s6). */
#pragma once

#include <jansson.h>

/*
 * cli_own_gruu() returns the GRUU of user at the node that status, a result of agent.status, is about (owned): by its Node-ID, and of a client by its
 * peer first, as others reach it.
 */
char *cli_own_gruu(const json_t *status, const char *user);
