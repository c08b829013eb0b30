/* Whether the certificate of a link that is up still passes: when it ends, and when the trust has changed. */
#include "link/internal.h"

enum {
	VALIDITY_MS = 60000
};

static void validity_look(void *arg)
{
	struct reload_links *links = arg;
	struct reload_secure_link *l;
	reload_utc now = reload_poll_wall(), next = RELOAD_NEVER;
	for (l = reload_secure_link_first(links); l; l = reload_secure_link_next(l)) {
		if (l->state != RELOAD_SECURE_UP || !l->cert)
			continue;
		if (l->cert->not_after < now) { /* at that very time it is valid still */
			l->recheck = true;
			reload_secure_link_look(l);
		} else if (l->cert->not_after < next) {
			next = l->cert->not_after;
		}
	}
	if (next != RELOAD_NEVER)
		reload_links_validity(links, next);
}

/* Waits at most VALIDITY_MS, as the clock of the calendar may be set. */
void reload_links_validity(struct reload_links *links, reload_utc not_after)
{
	reload_utc wall = reload_poll_wall(), left = not_after > wall ? not_after - wall : 0;
	reload_ms due = reload_poll_now() + (left < VALIDITY_MS ? left + 1 : VALIDITY_MS);
	if (!links->validity.armed || due < links->validity.due)
		reload_timer_arm(links->timers, &links->validity, due, validity_look, links);
}

static void recheck(void *arg)
{
	struct reload_links *links = arg;
	struct reload_secure_link *l;
	for (l = reload_secure_link_first(links); l; l = reload_secure_link_next(l)) {
		l->recheck = l->state == RELOAD_SECURE_UP && l->cert;
		if (l->recheck)
			reload_secure_link_look(l);
	}
}

void reload_links_set_trust(struct reload_links *links, struct reload_trust *trust)
{
	reload_trust_free(links->trust);
	links->trust = reload_trust_ref(trust);
	reload_timer_arm(links->timers, &links->recheck, reload_poll_now() + RELOAD_RECHECK_MS,
		recheck, links);
}

void reload_links_renew(struct reload_links *links, uint32_t id, struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	struct reload_secure_link *l = reload_secure_link_find(links, id);
	if (!l || l->state != RELOAD_SECURE_UP)
		return;
	reload_secure_link_forget_peer(l);
	l->cert = reload_cert_ref(cert);
	l->others = reload_alloc_array(others_count, sizeof(*l->others));
	while (l->others_count < others_count) {
		l->others[l->others_count] = reload_cert_ref(others[l->others_count]);
		l->others_count++;
	}
	reload_links_validity(links, cert->not_after);
}

void reload_secure_link_check_trust(struct reload_secure_link *l)
{
	struct reload_error_text why;
	enum reload_err err = reload_trust_check(
		l->links->trust, l->cert, l->others, l->others_count, reload_poll_wall(), &why);
	l->recheck = false;
	if (err)
		reload_secure_link_fail(l, err, why.reason);
}
