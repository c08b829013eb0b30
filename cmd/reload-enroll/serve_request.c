/*
 * Requests over HTTP.  libmicrohttpd has no limit on bodies, no idea of what belongs together, and takes both lengths of a body at
 * once: these limits are here.
 */
#include "reload-enroll/serve_request.h"

#include "common/files.h"
#include "link/sockaddr_io.h"

#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	FIELD_MAX = ACCOUNTS_PASSWORD_MAX
};

static const char document_path[] = "/.well-known/reload-config";

/* -- one POST ------------------------------------------------------------------------------------------------------------------ */

static char **field_of(struct serve_enrollment *e, const char *key)
{
	if (!strcmp(key, "username"))
		return &e->user;
	if (!strcmp(key, "password"))
		return &e->password;
	if (!strcmp(key, "newpassword"))
		return &e->new_password;
	return strcmp(key, "nodeids") ? NULL : &e->nodeids;
}

/* One part of one field; offset 0 begins it.  A text has no NUL in it. */
static enum MHD_Result field(void *arg, enum MHD_ValueKind kind, const char *key,
	const char *filename, const char *type, const char *encoding, const char *data,
	uint64_t offset, size_t len)
{
	struct post *p = arg;
	struct serve_enrollment *e = &p->enrollment;
	(void)kind, (void)filename, (void)type, (void)encoding;
	if (!key) { /* a part without a name */
		p->wrong = true;
		return MHD_NO;
	}
	char **text = field_of(e, key);
	if (!strcmp(key, "csr")) {
		p->wrong |= offset != e->csr.len || e->csr.len + len > SERVE_CSR_MAX;
		if (!p->wrong)
			wr_bytes(&e->csr, data, len);
	} else if (text) {
		size_t had = *text ? strlen(*text) : 0;
		p->wrong |= (*text && !offset) || offset != had || had + len > FIELD_MAX ||
			    memchr(data ? data : "", 0, len);
		if (!p->wrong) {
			*text = reload_realloc(*text, had + len + 1);
			memcpy(*text + had, data ? data : "", len);
			(*text)[had + len] = 0;
		}
	}
	return p->wrong ? MHD_NO : MHD_YES;
}

static void text_free(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void post_free(struct post *p)
{
	if (!p)
		return;
	if (p->fields)
		MHD_destroy_post_processor(p->fields);
	text_free(p->enrollment.user);
	text_free(p->enrollment.password);
	text_free(p->enrollment.nodeids);
	text_free(p->enrollment.new_password);
	wr_clear(&p->enrollment.csr);
	wr_clear(&p->enrollment.certificate);
	free(p);
}

/* -- answers --------------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result reply(
	struct MHD_Connection *c, unsigned status, const char *type, struct span body)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(body.len, (void *)body.at, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD, POST");
	if (status >= 400) /* what is left of a body is not read */
		MHD_add_response_header(r, "Connection", "close");
	enum MHD_Result result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return reply(c, status, "text/plain", span_str(text));
}

/* the document as it is on the disk now. */
static enum MHD_Result reply_document(struct serve *s, struct MHD_Connection *c)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct reload_error_text why = { 0 };
	if (cli_file_read(&bytes, &len, s->config_path, RELOAD_CONFIG_SIZE_MAX,
		    cli_monotonic() + RELOAD_SECOND, &why))
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "server_failure");
	enum MHD_Result result =
		reply(c, MHD_HTTP_OK, "application/p2p-overlay+xml", span_of(bytes, len));
	free(bytes);
	return result;
}

/* R-11.3-23: exactly one certificate, in DER (ENR-07). */
static enum MHD_Result reply_decided(struct post *p, struct MHD_Connection *c)
{
	const struct serve_enrollment *e = &p->enrollment;
	if (e->status == MHD_HTTP_OK)
		return reply(c, MHD_HTTP_OK, "application/pkix-cert",
			span_of(e->certificate.at, e->certificate.len));
	return reply_text(c, e->status, e->text);
}

/* -- requests -------------------------------------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* The text of an address without its port. */
static void put_address(char out[SERVE_ADDRESS], const struct reload_ip_port *a)
{
	char text[64];
	snprintf(out, SERVE_ADDRESS, "%s", reload_ip_port_text(text, a));
	char *colon = strrchr(out, ':');
	if (colon)
		*colon = 0;
}

static void take_address(struct serve_enrollment *e, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_storage from = { 0 };
	struct reload_ip_port a;
	if (info)
		memcpy(&from, info->client_addr,
			info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
								 : sizeof(struct sockaddr_in));
	reload_sockaddr_from(&a, &from);
	a.port = 0;
	put_address(e->address, &a);
	if (a.type == RELOAD_IPV6)
		memset(a.addr + 8, 0, 8);
	put_address(e->network, &a);
}

static enum MHD_Result count_length(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	unsigned *count = arg;
	(void)kind, (void)value;
	*count += !strcasecmp(key, "Content-Length") || !strcasecmp(key, "Transfer-Encoding");
	return MHD_YES;
}

static bool is_form(const char *type)
{
	static const char form[] = "multipart/form-data";
	size_t len = sizeof(form) - 1;
	return type && !strncasecmp(type, form, len) && type[len] && strchr("; \t", type[len]);
}

/* Why the POST is refused before its body is read; 0: it is not. */
static unsigned refuse_early(struct MHD_Connection *c, const char **text)
{
	const char *length = header(c, "Content-Length");
	unsigned lengths = 0;
	*text = "bad_request";
	MHD_get_connection_values(c, MHD_HEADER_KIND, count_length, &lengths);
	if (lengths > 1)
		return MHD_HTTP_BAD_REQUEST;
	if (length && (strlen(length) > 9 || strtoull(length, NULL, 10) > SERVE_BODY_MAX)) {
		*text = "too_large";
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	if (!is_form(header(c, "Content-Type")))
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	return 0;
}

static enum MHD_Result post_begin(struct serve *s, struct MHD_Connection *c, void **state)
{
	const char *text;
	unsigned status = refuse_early(c, &text);
	if (status)
		return reply_text(c, status, text);
	struct post *p = RELOAD_NEW(post);
	p->connection = c;
	p->enrollment.serve = s;
	wr_init(&p->enrollment.csr);
	wr_init(&p->enrollment.certificate);
	take_address(&p->enrollment, c);
	p->fields = MHD_create_post_processor(c, 4096, field, p);
	*state = p;
	/* no processor: a boundary that cannot be one */
	return p->fields ? MHD_YES : reply_text(c, MHD_HTTP_BAD_REQUEST, "bad_request");
}

static enum MHD_Result post_data(struct post *p, const char *data, size_t *len)
{
	p->received += *len;
	if (p->received > SERVE_BODY_MAX)
		return MHD_NO; /* its length was not announced: the connection ends */
	if (!p->wrong && p->fields && MHD_post_process(p->fields, data, *len) != MHD_YES)
		p->wrong = true;
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result post_end(struct post *p, struct MHD_Connection *c)
{
	if (p->enrollment.status)
		return reply_decided(p, c);
	if (p->fields && MHD_destroy_post_processor(TAKE(p->fields)) != MHD_YES)
		p->wrong = true;
	if (p->wrong)
		return reply_text(c, MHD_HTTP_BAD_REQUEST, "bad_request");
	if (!serve_enroll_begin(&p->enrollment))
		return reply_decided(p, c);
	p->next = p->enrollment.serve->waiting;
	p->enrollment.serve->waiting = p;
	serve_connection_hold(c, true);
	MHD_suspend_connection(c);
	return MHD_YES;
}

enum MHD_Result serve_request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **state)
{
	struct serve *s = arg;
	struct post *p = *state;
	(void)version;
	bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
	if (p)
		return *len ? post_data(p, data, len) : post_end(p, c);
	if (get && !strcmp(url, document_path))
		return reply_document(s, c);
	if (get)
		return reply_text(c, MHD_HTTP_NOT_FOUND, "not_found");
	if (!strcmp(method, "POST"))
		return post_begin(s, c, state);
	return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed");
}

void serve_request_completed(
	void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct post *p = *state;
	(void)arg, (void)code;
	serve_connection_hold(c, false);
	*state = NULL;
	post_free(p);
}
