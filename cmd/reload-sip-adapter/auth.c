/* Who a device is: digest authentication, by a connection once. */
#include "reload-sip-adapter/adapter.h"

#include <sofia-sip/url.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct check {
	struct adapter *a;
	struct message *m;
	struct reload_sip_txn *t;
	bool ends_here; /* a registrar or redirect server answers it: 401, else 407 */
	const char *realm;
	const struct user *user; /* NULL: not in the file */
};

/*
 * Each algorithm for which the user has a hash gets a nonce of its own, the better one first (RFC 8760 s2.4): some devices give up when they meet one that they do not
 * know, and their users have no hash of that.
 */
static void challenge(const struct check *k, bool stale)
{
	struct wr w;
	wr_init(&w);
	for (int i = 0; i < RELOAD_DIGEST_ALGORITHMS; i++) {
		char nonce[RELOAD_NONCE_TEXT];
		if (k->user && !*k->user->ha1[i])
			continue;
		reload_nonce_make(nonce, k->a->nonces, reload_poll_now());
		wr_format(&w,
			"%s: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s\r\n",
			k->ends_here ? "WWW-Authenticate" : "Proxy-Authenticate", k->realm, nonce,
			reload_digest_name((enum reload_digest_algorithm)i),
			stale ? ", stale=true" : "");
	}
	wr_u8(&w, 0);
	k->a->counts.challenges++;
	adapter_reject(k->a, k->t, k->m, k->ends_here ? 401 : 407, (const char *)w.at);
	wr_clear(&w);
}

/* The credentials of the request for our realm; false: it has none. */
static bool credentials(const struct check *k, struct reload_digest *out)
{
	const msg_auth_t *auth =
		k->ends_here ? k->m->sip->sip_authorization : k->m->sip->sip_proxy_authorization;
	for (; auth; auth = auth->au_next)
		if (auth->au_scheme && !strcasecmp(auth->au_scheme, "Digest") &&
			!reload_digest_read(out, auth->au_params) && !strcmp(out->realm, k->realm))
			return true;
	return false;
}

/* The URI that was signed is that of the request; some devices sign the address of this process instead, whatever the request is for. */
static bool is_for(const struct check *k, const struct reload_digest *d)
{
	char uri[MESSAGE_URI];
	if (message_uri(uri, k->m->sip->sip_request->rq_url) && !strcmp(uri, d->uri))
		return true;
	su_home_t *home = su_home_new(sizeof(*home));
	const url_t *url = home ? url_make(home, d->uri) : NULL;
	bool own = url && adapter_is_own(k->a, url, &k->m->from);
	su_home_unref(home);
	return own;
}

static bool is_right(const struct check *k, const struct reload_digest *d, const char *aor)
{
	const struct user *u = k->user;
	enum reload_digest_algorithm algorithm;
	size_t len = strlen(d->username);
	return u && reload_digest_algorithm(&algorithm, *d->algorithm ? d->algorithm : NULL) &&
	       *u->ha1[algorithm] && !strncmp(d->username, aor, len) && aor[len] == '@' &&
	       is_for(k, d) &&
	       reload_digest_right(d, algorithm, u->ha1[algorithm], message_method(k->m));
}

struct served *auth_named(
	const struct adapter *a, const struct message *m, const struct connection *c)
{
	const msg_auth_t *auth =
		a->redirect ? m->sip->sip_authorization : m->sip->sip_proxy_authorization;
	for (; auth; auth = auth->au_next) {
		struct reload_digest d;
		char aor[sizeof(d.username) + sizeof(d.realm)];
		if (!auth->au_scheme || strcasecmp(auth->au_scheme, "Digest") != 0 ||
			reload_digest_read(&d, auth->au_params))
			continue;
		snprintf(aor, sizeof(aor), "%s@%s", d.username, d.realm);
		struct served *s = adapter_served(a, aor);
		if (s)
			return s;
	}
	return c && c->user ? adapter_served(a, c->user) : NULL;
}

bool auth_check(struct adapter *a, struct message *m, struct reload_sip_txn *t, const char *aor,
	struct connection *c)
{
	struct check k = { a, m, t, message_is(m, "REGISTER") || a->redirect, strrchr(aor, '@') + 1,
		users_find(&a->users, aor) };
	struct reload_digest d;
	if (!a->users_path && reload_ip_port_is_loopback(&m->from.remote))
		return true;
	/* the connection of a proxy is that of many devices: whoever is behind it is asked each time */
	if (m->sip->sip_via->v_next)
		c = NULL;
	if (!message_is(m, "REGISTER") && c && c->user && !strcmp(c->user, aor))
		return true;
	if (!a->users_path) {
		adapter_reject(a, t, m, 403, NULL);
		return false;
	}
	if (!credentials(&k, &d) || !is_right(&k, &d, aor)) {
		challenge(&k, false);
		return false;
	}
	switch (reload_nonce_use(a->nonces, d.nonce, d.nc, reload_poll_now())) {
	case RELOAD_NONCE_GOOD:
		break;
	case RELOAD_NONCE_STALE:
		challenge(&k, true);
		return false;
	case RELOAD_NONCE_REPLAYED:
	case RELOAD_NONCE_FORGED:
		challenge(&k, false);
		return false;
	}
	if (c) {
		free(c->user);
		c->user = reload_strdup(aor);
	}
	return true;
}
