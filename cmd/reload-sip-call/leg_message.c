/* What a message of the other end says. */
#include "reload-sip-call/leg_internal.h"

#include "ident/aor.h"
#include "util/text.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The AOR of a URI; false when it is none. */
static bool aor_of(struct reload_aor *out, const url_t *url)
{
	char text[1024];
	bool sip = url && (url->url_type == url_sip || url->url_type == url_sips);
	if (!sip || !url->url_user || !url->url_host ||
		(size_t)snprintf(text, sizeof(text), "%s@%s", url->url_user, url->url_host) >=
			sizeof(text))
		return false;
	return !reload_aor_parse(out, span_str(text));
}

bool leg_names(const url_t *url, const char *user)
{
	struct reload_aor a, b;
	return aor_of(&a, url) && !reload_aor_parse(&b, span_str(user)) && !strcmp(a.name, b.name);
}

char *leg_aor_of(const url_t *url)
{
	struct reload_aor aor;
	return aor_of(&aor, url) ? reload_strdup(aor.name) : NULL;
}

char *leg_contact_of(const sip_t *sip)
{
	const url_t *url = sip->sip_contact ? sip->sip_contact->m_url : NULL;
	char text[2048];
	if (!url || (url->url_type != url_sip && url->url_type != url_sips) || !url->url_host)
		return NULL;
	int n = snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", url->url_user ? url->url_user : "",
		url->url_user ? "@" : "", url->url_host, url->url_port ? ":" : "",
		url->url_port ? url->url_port : "", url->url_params ? ";" : "",
		url->url_params ? url->url_params : "");
	bool good = n > 0 && (size_t)n < sizeof(text) && reload_utf8_valid(span_str(text));
	return good ? reload_strdup(text) : NULL;
}

char *leg_uri_of(const char *user)
{
	struct wr w;
	wr_init(&w);
	reload_aor_write(&w, user);
	wr_u8(&w, 0);
	return (char *)w.at;
}

const char *leg_tag_of(const char *tag)
{
	return tag ? tag : "";
}

static uint32_t seconds(unsigned long n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

struct reload_session_fields leg_session_of(const sip_t *sip)
{
	const sip_session_expires_t *x = sip->sip_session_expires;
	struct reload_session_fields f = { .supported =
						   sip_has_feature(sip->sip_supported, "timer") };
	if (sip->sip_min_se)
		f.min_s = seconds(sip->sip_min_se->min_delta);
	if (!x)
		return f;
	f.expires_s = seconds(x->x_delta);
	if (x->x_refresher && !strcasecmp(x->x_refresher, "uac"))
		f.refresher = RELOAD_REFRESHER_UAC;
	else if (x->x_refresher && !strcasecmp(x->x_refresher, "uas"))
		f.refresher = RELOAD_REFRESHER_UAS;
	return f;
}

bool leg_takes_update(const sip_t *sip)
{
	for (const sip_allow_t *a = sip->sip_allow; a; a = (const sip_allow_t *)a->k_next)
		for (size_t i = 0; a->k_items && a->k_items[i]; i++)
			if (!strcmp(a->k_items[i], "UPDATE"))
				return true;
	return false;
}

bool leg_take_route(struct leg *leg, const sip_t *sip, bool backwards)
{
	enum {
		HOPS = 16
	};
	const sip_record_route_t *hops[HOPS], *r;
	char value[LEG_ROUTE_MAX];
	size_t n = 0;
	leg->route.len = 0;
	for (r = sip->sip_record_route; r; r = r->r_next) {
		if (n == HOPS)
			return false;
		hops[n++] = r;
	}
	for (size_t i = 0; i < n; i++) {
		issize_t len = msg_header_field_e(value, sizeof(value),
			(const msg_header_t *)hops[backwards ? n - 1 - i : i], 0);
		if (len < 0 || (size_t)len >= sizeof(value) ||
			leg->route.len + (size_t)len > LEG_ROUTE_MAX)
			return false;
		wr_format(&leg->route, "Route: %.*s\r\n", (int)len, value);
	}
	return true;
}
