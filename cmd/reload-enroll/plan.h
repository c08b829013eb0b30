/* config plan and config publish: the document of the authority, that of a running agent, and what lies between them. */
#pragma once

#include "common/call.h"
#include "config/cost.h"
#include "reload-enroll/change.h"
#include "reload-enroll/ring_walk.h"

struct enroll_plan {
	struct cli *cli;
	struct cli_link *link;
	int stop_fd;
	char *path;                   /* of the document that is to be published */
	bool given;                   /* it is a file that was named, not that of the overlay */
	char *text;                   /* the document, with a NUL behind it */
	struct reload_config *config; /* the document */
	struct reload_config *before; /* what the agent goes by, with the Kinds that it learned */
	bool same;                    /* the agent has the document already */
	size_t update_size;           /* bytes of a ConfigUpdate with the document */
	bool too_large;               /* it is more than the max-message-size of before */
	json_t *costs;                /* list of {cost, what, why, consent} */
	bool rejoin, nodes, consent;  /* some cost is of that type, or needs consent */
};

/*
 * enroll_plan_open() reads the document of the first operand (a path, or an overlay; none: that of the only overlay), asks the agent for its
 * own, and compares them; *status is the exit status after a failure was reported, and 0 otherwise.  enroll_plan_close() ends it, zeroed is
 * legal.
 */
bool enroll_plan_open(struct enroll_plan *plan, struct cli *cli, int *status);
void enroll_plan_close(struct enroll_plan *plan);

/*
 * enroll_plan_size() refuses a document whose update fits no message of the overlay, with the numbers: RELOAD_LIMIT.
 * enroll_plan_consent() asks when a cost needs consent; RELOAD_USAGE when there is nobody to ask and --yes is missing.
 */
enum reload_err enroll_plan_size(
	const struct enroll_plan *plan, struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_plan_consent(
	const struct enroll_plan *plan, struct reload_error_text *why) MUST_CHECK;

/* enroll_plan_compare() fills in what follows from config and before. */
void enroll_plan_compare(struct enroll_plan *plan);

/* The two documents that take the place of one that is too large; zeroed is empty. */
struct enroll_raise {
	struct enroll_change change; /* holds the authority until it is released */
	struct wr first;             /* the agent's document with a larger max-message-size */
	struct wr
		last; /* the document of the plan with that limit and the sequence after its own */
	struct reload_config *first_config, *last_config;
};

/*
 * enroll_raise_make() makes both with the signer of the authority; the plan is one for the last of them then.  RELOAD_LIMIT with the
 * numbers when there is no authority here, or no limit would do; failures of enroll_change_open().  enroll_raise_save() writes
 * the last one over the overlay's document.
 */
enum reload_err enroll_raise_make(struct enroll_raise *out, struct enroll_plan *plan,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_raise_save(
	const struct enroll_plan *plan, struct reload_error_text *why) MUST_CHECK;
void enroll_raise_clear(struct enroll_raise *raise);
