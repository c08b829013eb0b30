/* What a thread of the enrollment server does: it has the authority and the accounts open for itself, and may wait for them. */
#pragma once

#include "reload-enroll/serve.h"

/* A decision for the audit log. */
struct serve_note {
	enum serve_job job;
	char address[SERVE_ADDRESS];
	char *user, *detail; /* owned */
	const char *decision;
};
void serve_note_free(struct serve_note *note);

/* The functions of struct worker_pool_setup; arg is the struct serve. */
void *serve_worker_begin(void *arg);
void serve_worker_end(void *state);
void serve_worker_work(void *state, void *job);
