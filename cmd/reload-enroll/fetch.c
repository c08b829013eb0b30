#include "reload-enroll/fetch.h"

#include "common/output.h"
#include "dns/srv_io.h"

#include <openssl/rand.h>
#include <stdlib.h>

static enum reload_err fetch(struct enroll_fetch *f, const char *url, const char *connect_to,
	struct reload_error_text *why)
{
	struct https_answer answer = { 0 };
	struct https_request r = { .url = url,
		.connect_to = connect_to,
		.ca_file = f->pin ? NULL : f->ca_file,
		.pin = f->pin,
		.deadline = f->cli->deadline };
	cli_step(f->cli, 1, "fetching %s%s%s", url, connect_to ? " from " : "",
		connect_to ? connect_to : "");
	snprintf(f->from, sizeof(f->from), "%s", url);
	enum reload_err err = https_do(&answer, &r, why);
	if (!err && answer.status != 200) {
		err = reload_error_explain(why, RELOAD_FAILED, "no configuration was fetched",
			"%.200s answered status %u", url, answer.status);
		reload_error_advise(why, "curl -v %.200s", url);
	}
	if (!err) {
		f->document = answer.body;
		answer.body = (struct bytes){ 0 };
	}
	https_answer_clear(&answer);
	return err;
}

enum reload_err enroll_fetch_url(
	struct enroll_fetch *f, const char *url, struct reload_error_text *why)
{
	return fetch(f, url, NULL, why);
}

static uint32_t draw(void *arg, uint32_t below)
{
	uint64_t number;
	(void)arg;
	if (RAND_bytes((uint8_t *)&number, sizeof(number)) != 1)
		abort();
	return (uint32_t)(number % below);
}

/*
 * R-11.2-03: the SRV records of the overlay say where to connect; name, Host and URL stay those of the overlay (ENR-01), and so the
 * certificate is checked for that name (R-11.2-06).  Without records that is where the name itself leads.
 */
enum reload_err enroll_fetch_overlay(
	struct enroll_fetch *f, const char *overlay, struct reload_error_text *why)
{
	char name[300], url[300], connect_to[300];
	struct reload_srv servers[RELOAD_SRV_MAX];
	size_t count = 0;
	snprintf(name, sizeof(name), "_reload-config._tcp.%s", overlay);
	snprintf(url, sizeof(url), "https://%s/.well-known/reload-config", overlay);
	enum reload_err err = reload_srv_query(servers, &count, name, f->cli->deadline, why);
	if (err || !count)
		return err ? err : fetch(f, url, NULL, why);
	reload_srv_order(servers, count, draw, NULL);
	bool again = true;
	for (size_t i = 0; i < count && again; i++) {
		snprintf(connect_to, sizeof(connect_to), "%.254s:%u", servers[i].target,
			servers[i].port);
		err = fetch(f, url, connect_to, why);
		again = err == RELOAD_IO || err == RELOAD_TIMEOUT;
	}
	return err;
}
