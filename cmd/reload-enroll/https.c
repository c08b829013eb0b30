#include "reload-enroll/https.h"

#include "common/options.h"
#include "util/alloc.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* What a transfer under way collects. */
struct transfer {
	struct https_answer *answer;
	bool too_large;
};

static size_t receive(char *data, size_t one, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct bytes *body = &t->answer->body;
	size_t len = one * count;
	if (body->len + len > HTTPS_BODY_MAX) {
		t->too_large = true;
		return 0; /* ends the transfer */
	}
	body->at = reload_realloc(body->at, body->len + len + 1);
	memcpy(body->at + body->len, data, len);
	body->len += len;
	body->at[body->len] = 0;
	return len;
}

static void set_limits(CURL *c, const struct https_request *r)
{
	reload_ms now = cli_monotonic();
	reload_ms left = r->deadline > now ? r->deadline - now : 1;
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
		(long)(left < HTTPS_LIMIT_MS ? left : (reload_ms)HTTPS_LIMIT_MS));
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, r->form ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)HTTPS_REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (r->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file);
	if (r->pin) {
		curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, r->pin);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	}
}

static void add_text(curl_mime *form, const char *name, const char *value)
{
	if (!value)
		return;
	curl_mimepart *part = curl_mime_addpart(form);
	curl_mime_name(part, name);
	curl_mime_data(part, value, CURL_ZERO_TERMINATED);
}

/* R-11.3-05 R-11.3-10: the fields of RFC 6940 s11.3; csr has a file name, which many servers ask for (ENR-04). */
static curl_mime *make_form(CURL *c, const struct https_form *f)
{
	curl_mime *form = curl_mime_init(c);
	add_text(form, "username", f->user);
	add_text(form, "password", f->password);
	add_text(form, "nodeids", f->node_ids);
	add_text(form, "newpassword", f->new_password);
	curl_mimepart *part = curl_mime_addpart(form);
	curl_mime_name(part, "csr");
	curl_mime_filename(part, "request.p10");
	curl_mime_type(part, "application/pkcs10");
	curl_mime_data(part, (const char *)f->csr.at, f->csr.len);
	return form;
}

static void take_type(struct https_answer *a, CURL *c)
{
	char *type = NULL;
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	size_t len = type ? strcspn(type, "; \t") : 0;
	for (size_t i = 0; i < len && i < sizeof(a->type) - 1; i++)
		a->type[i] = (char)tolower((unsigned char)type[i]);
}

/* The host of an https URL, as [at, at + len). */
static const char *host_of(const char *url, size_t *len)
{
	const char *at = strstr(url, "://");
	at = at ? at + 3 : url;
	*len = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/?#");
	return at;
}

/* "URLHOST::HOST:PORT", as CURLOPT_CONNECT_TO takes it: whatever port the URL has. */
static struct curl_slist *connect_to(const char *url, const char *target)
{
	size_t len;
	const char *host = host_of(url, &len);
	size_t size = len + strlen(target) + 3;
	char *text = reload_alloc(size);
	snprintf(text, size, "%.*s::%s", (int)len, host, target);
	struct curl_slist *list = curl_slist_append(NULL, text);
	free(text);
	return list;
}

static enum reload_err explain(CURLcode code, const struct transfer *t, const char *detail,
	const struct https_request *r, struct reload_error_text *why)
{
	char what[256];
	enum reload_err err =
		t->too_large                       ? RELOAD_LIMIT
		: code == CURLE_OPERATION_TIMEDOUT ? RELOAD_TIMEOUT
		: code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH
			? RELOAD_CERT_UNTRUSTED
			: RELOAD_IO;
	snprintf(what, sizeof(what), "no answer from %.200s", r->url);
	reload_error_explain(why, err, what, "%s",
		t->too_large ? "the body is larger than 1 MiB"
		: *detail    ? detail
			     : curl_easy_strerror(code));
	if (err == RELOAD_CERT_UNTRUSTED && r->pin)
		reload_error_advise(why, "ask for a new invitation: the server has another key");
	else if (err == RELOAD_CERT_UNTRUSTED)
		reload_error_advise(why, "--ca-file FILE, with the authority of that server");
	else
		reload_error_advise(why, "curl -v %.200s", r->url);
	return err;
}

static CURLcode perform(struct transfer *t, const struct https_request *r, const char *url,
	const char *target, char detail[CURL_ERROR_SIZE])
{
	CURL *c = curl_easy_init();
	if (!c)
		return CURLE_OUT_OF_MEMORY;
	struct curl_slist *headers =
		curl_slist_append(NULL, r->form ? "Accept: application/pkix-cert" /* R-11.3-11 */
						: "Accept: application/p2p-overlay+xml, */*;q=0.5");
	struct curl_slist *connect = target ? connect_to(url, target) : NULL;
	curl_mime *form = r->form ? make_form(c, r->form) : NULL;
	long status = 0;
	headers = curl_slist_append(headers, "Expect:");
	set_limits(c, r);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_CONNECT_TO, connect);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (form)
		curl_easy_setopt(c, CURLOPT_MIMEPOST, form);
	CURLcode code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	t->answer->status = (unsigned)status;
	take_type(t->answer, c);
	curl_mime_free(form);
	curl_slist_free_all(headers);
	curl_slist_free_all(connect);
	curl_easy_cleanup(c);
	return code;
}

/* The URL with another host, and where to connect all the same (both owned). */
static char *with_host(const char *url, const char *name, char **target)
{
	size_t len;
	const char *host = host_of(url, &len);
	unsigned port = host[len] == ':' ? (unsigned)strtoul(host + len + 1, NULL, 10) : 443;
	size_t size = strlen(url) + strlen(name) + 8;
	char *out = reload_alloc(size);
	snprintf(out, size, "https://%s%s", name, host + len);
	*target = reload_alloc(len + 8);
	snprintf(*target, len + 8, "%.*s:%u", (int)len, host, port);
	return out;
}

static enum reload_err no_curl(struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(
		why, RELOAD_FAILED, "HTTPS cannot be spoken", "libcurl does not start");
	reload_error_advise(why, "curl --version, which shows whether it is installed well");
	return err;
}

enum reload_err https_do(
	struct https_answer *out, const struct https_request *r, struct reload_error_text *why)
{
	static bool begun;
	char detail[CURL_ERROR_SIZE] = "";
	struct https_answer answer = { 0 };
	struct transfer t = { .answer = &answer };
	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT))
		return no_curl(why);
	begun = true;
	CURLcode code = perform(&t, r, r->url, r->connect_to, detail);
	if (code == CURLE_PEER_FAILED_VERIFICATION && r->other_name) {
		/* ENR-02: nothing but the handshake has gone over that connection */
		char *target, again[CURL_ERROR_SIZE] = "";
		char *url = with_host(r->url, r->other_name, &target);
		CURLcode second =
			perform(&t, r, url, r->connect_to ? r->connect_to : target, again);
		code = second == CURLE_PEER_FAILED_VERIFICATION ? code : second;
		free(url);
		free(target);
	}
	if (!code) {
		*out = answer;
		return RELOAD_OK;
	}
	https_answer_clear(&answer);
	return explain(code, &t, detail, r, why);
}

void https_answer_clear(struct https_answer *a)
{
	bytes_free(&a->body);
	*a = (struct https_answer){ 0 };
}
