/* What the loop and the threads of the enrollment server share: an answer, and its entry in the audit log. */
#include "reload-enroll/serve_worker.h"

#include <stdlib.h>

void serve_enroll_decide(
	struct serve_enrollment *e, unsigned status, const char *text, const char *detail)
{
	e->status = status;
	e->text = text;
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
}

void serve_note_free(struct serve_note *n)
{
	free(n->user);
	free(n->detail);
	free(n);
}
