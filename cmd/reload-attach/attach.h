/* The two forms of reload-attach, and what they print. */
#pragma once

#include "reload-attach/session.h"

/* attach_connect() and attach_listen() are run by main.c. */
int attach_connect(struct cli *cli);
int attach_listen(struct cli *cli);

/* attach_form() checks that --stream and --datagram are not both given; RELOAD_USAGE with why. */
enum reload_err attach_form(const struct cli *cli, struct reload_error_text *why) MUST_CHECK;

/* attach_application() reads the operand APP-ID; RELOAD_USAGE with why. */
enum reload_err attach_application(
	const struct cli *cli, uint16_t *out, struct reload_error_text *why) MUST_CHECK;

/*
 * attach_payload() sets standard output apart for the application's bytes: *in and *out are where they go and come from (owned), and what this program
 * says from now on goes to standard error.
 */
void attach_payload(int *in, int *out);

/* attach_print() prints what the agent said of a connection, or of a listener; the summary also adds it up. */
void attach_print(struct cli *cli, const json_t *object);

/* What went through all connections. */
struct attach_sum {
	json_int_t connections, sent, received;
};

/* attach_add() counts an object of type ended or summary; attach_summary() prints them. */
void attach_add(struct attach_sum *sum, const json_t *object);
void attach_summary(struct cli *cli, const struct attach_sum *sum);

/* attach_dry() says what would be done, when an agent is there; returns the exit status. */
int attach_dry(struct cli *cli, const struct attach_sum *sum, const char *action);
