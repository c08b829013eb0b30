/* A request over HTTP, from its first line to its answer: callbacks of libmicrohttpd. */
#pragma once

#include "reload-enroll/serve.h"

/* An enrollment and what it came in; its connection is suspended while it is in serve.waiting. */
struct post {
	struct serve_enrollment enrollment;
	struct MHD_Connection *connection;
	struct MHD_PostProcessor *fields;
	size_t received;
	bool wrong;        /* a field is there twice, or too long */
	struct post *next; /* of serve.waiting: its connection is suspended */
};

/* serve_request() is the MHD_AccessHandlerCallback, serve_request_completed() the MHD_RequestCompletedCallback; arg: struct serve. */
enum MHD_Result serve_request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **state);
void serve_request_completed(
	void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code);
