#include "membership/attempt.h"

/* Whether an Attach of another node may make a link now: both ends at once, addresses where nobody was, limits. */

/*
 * RFC 6940 s6.5.1.2: both ends asked at once.  True: this request, whose attempt is `own` or none, is to be answered with
 * Error_In_Progress.
 *
 * A node for whose Node-ID this one is responsible is in no ring yet: it joins, perhaps again, and the own request, made because others still list it,
 * ends here.  It does not decide the tie, or the node would wait for a link that nobody makes, and then find the next such request.
 */
static bool tie_lost_by_sender(
	struct reload_membership *m, const struct reload_id *sender, const struct attempt *own)
{
	struct attempt *a = reload_attempt_with(m, sender, own);
	if (!a)
		return false;
	bool unsent = a->phase == GATHERING && !a->served; /* nobody knows of it */
	if (!unsent && a->phase != ATTACH_SENT)
		return true; /* a link is on its way */
	if (!unsent && reload_id_cmp(&m->engine->self, sender) > 0 &&
		!m->route->topology->responsible(m->route->plugin, sender))
		return true;
	reload_attempt_yield(a); /* no further copies of the own request */
	return false;
}

/* Whether nothing is to be dialled for the sender now; an own Attach to it that goes on has an error of its own. */
static bool dial_refused(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	if (in->local || reload_attempt_may_dial(m, in->cert->fingerprint))
		return false;
	const struct attempt *a = reload_attempt_with(m, &in->signer, NULL);
	return !a || (a->phase == ATTACH_SENT && reload_id_cmp(&m->engine->self, &in->signer) < 0);
}

/* Whether the link to sender is silent for this node, too, and an Attach of its own is under way. */
static bool is_being_replaced(
	struct reload_membership *m, const struct reload_id *sender, const struct attempt *own)
{
	const struct attempt *a = reload_attempt_with(m, sender, own);
	return a && a->replaces;
}

bool reload_serve_attach_refused(struct reload_incoming *in, const struct attempt *own)
{
	struct reload_membership *m = in->method->arg;
	size_t others = reload_attempts_count(m) - (own != NULL);
	if (reload_connection_by_node(m->connections, &in->signer) &&
		!is_being_replaced(m, &in->signer, own))
		return false;
	if (!own && dial_refused(in))
		reload_answer_error(
			in, RELOAD_FORBIDDEN, "nobody was at the addresses named before, wait");
	else if (tie_lost_by_sender(m, &in->signer, own))
		reload_answer_error(in, RELOAD_IN_PROGRESS, "an Attach between us is under way");
	else if (m->connections->count + others >= m->connections->max || others >= ATTEMPTS_MAX)
		reload_answer_error(in, RELOAD_FORBIDDEN, "too many links"); /* R-6.5.1.2-06 */
	else
		return false;
	return true;
}
