/* Writes configuration documents.  Layout and order are fixed: apart from signatures the same draft gives the same bytes. */
#include "config/write.h"

#include "config/internal.h"

#include "ident/cert.h"
#include "util/text.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define BAD(why, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, hint, __VA_ARGS__)

static void element(struct wr *w, const char *name, const char *text)
{
	wr_format(w, "    <%s>", name);
	reload_markup_put(w, text);
	wr_format(w, "</%s>\n", name);
}

/* Writes a number; 0 is left out, so that the default applies. */
static void number(struct wr *w, const char *name, uint32_t value)
{
	if (value)
		wr_format(w, "    <%s>%u</%s>\n", name, value, name);
}

static void base64(struct wr *w, struct span bytes)
{
	char *text = reload_base64(bytes);
	wr_text(w, text);
	free(text);
}

static void ids(struct wr *w, const char *name, const struct reload_id *list, size_t count)
{
	char hex[RELOAD_ID_HEX];
	for (size_t i = 0; i < count; i++)
		element(w, name, reload_id_hex(hex, &list[i]));
}

void reload_config_put_address(struct wr *w, const struct reload_ip_port *a)
{
	char text[64];
	const char *from = reload_ip_port_text(text, a);
	size_t len = strlen(from);
	const char *end = memrchr(from, ':', len);
	if (*from == '[')
		from++;
	size_t n = end ? (size_t)(end - from) : strlen(from);
	if (n && from[n - 1] == ']')
		n--;
	wr_format(w, "address=\"%.*s\" port=\"%u\"", (int)n, from, a->port);
}

static void addresses(
	struct wr *w, const char *name, const struct reload_ip_port *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		wr_format(w, "    <%s ", name);
		reload_config_put_address(w, &list[i]);
		wr_text(w, "/>\n");
	}
}

static void attributes(struct wr *w, const struct reload_config_draft *d)
{
	wr_text(w, "  <configuration instance-name=\"");
	reload_markup_put(w, d->instance_name ? d->instance_name : "");
	wr_format(w, "\" sequence=\"%u\"", d->sequence);
	if (d->expiration != RELOAD_NEVER) {
		char text[RELOAD_UTC_TEXT];
		wr_format(w, " expiration=\"%s\"", reload_utc_text(text, d->expiration));
	}
	wr_text(w, ">\n");
}

/* RFC 7363 s7: a node that lacks the extension must not join. */
static bool is_tuned(const struct reload_config_draft *d)
{
	return d->topology_plugin && !strcmp(d->topology_plugin, RELOAD_CHORD_SELF_TUNING);
}

static void parameters(struct wr *w, const struct reload_config_draft *d)
{
	element(w, "topology-plugin", d->topology_plugin ? d->topology_plugin : "CHORD-RELOAD");
	wr_format(w, "    <node-id-length>%u</node-id-length>\n",
		d->node_id_len ? d->node_id_len : 16u);
	for (size_t i = 0; i < d->roots_count; i++) {
		wr_text(w, "    <root-cert>");
		base64(w, d->roots[i]);
		wr_text(w, "</root-cert>\n");
	}
	for (size_t i = 0; i < d->enrollment_servers_count; i++)
		element(w, "enrollment-server", d->enrollment_servers[i]);
	if (d->self_signed_digest)
		wr_format(w,
			"    <self-signed-permitted digest=\"%s\">true</self-signed-permitted>\n",
			d->self_signed_digest == RELOAD_HASH_SHA1 ? "sha1" : "sha256");
	addresses(w, "bootstrap-node", d->bootstrap, d->bootstrap_count);
	addresses(w, "own:multicast-bootstrap", d->multicast, d->multicast_count);
	number(w, "turn-density", d->turn_density);
	if (d->no_turn)
		element(w, "turn-density", "0");
	if (d->no_clients)
		element(w, "clients-permitted", "false");
	if (d->no_ice)
		element(w, "no-ice", "true");
	number(w, "chord:chord-update-interval", d->chord_update_interval_s);
	number(w, "chord:chord-ping-interval", d->chord_ping_interval_s);
	if (d->no_reactive)
		element(w, "chord:chord-reactive", "false");
	if (d->shared_secret)
		element(w, "shared-secret", d->shared_secret);
	number(w, "max-message-size", d->max_message_size);
	number(w, "initial-ttl", d->initial_ttl);
	number(w, "overlay-reliability-timer", d->overlay_reliability_timer_ms);
	ids(w, "configuration-signer", d->signers, d->signers_count);
	ids(w, "kind-signer", d->signers, d->signers_count);
	ids(w, "bad-node", d->bad_nodes, d->bad_nodes_count);
	if (d->redir)
		element(w, "mandatory-extension", RELOAD_XMLNS_REDIR);
	if (!is_tuned(d))
		return;
	element(w, "mandatory-extension", RELOAD_XMLNS_SELF_TUNING);
	number(w, "self-tuning:number-of-peers-to-probe",
		d->peers_to_probe ? d->peers_to_probe : RELOAD_PEERS_TO_PROBE);
}

/* RFC 7851 s7 and s9.6: the extension, and for each Kind who may read it. */
static void grants(struct wr *w, const struct reload_config_draft *d)
{
	char hex[RELOAD_ID_HEX];
	if (d->grants_count)
		element(w, "mandatory-extension", RELOAD_XMLNS_DIAGNOSTICS);
	for (size_t i = 0; i < d->grants_count; i++) {
		const struct reload_diagnostic_grant *g = &d->grants[i];
		if (!i || g[-1].kind != g->kind)
			wr_format(w, "    <diag:diagnostic-kind kind=\"%04x\">\n", g->kind);
		wr_format(w, "      <diag:access-node>%s</diag:access-node>\n",
			reload_id_hex(hex, &g->node));
		if (i + 1 == d->grants_count || g[1].kind != g->kind)
			wr_text(w, "    </diag:diagnostic-kind>\n");
	}
}

enum reload_err reload_config_sign(struct wr *w, const struct reload_config_signer *signer,
	struct span bytes, struct reload_error_text *why)
{
	struct wire_ctx ctx = { .node_id_len = signer->node.len };
	struct reload_security_block block = { .certificates_count = signer->others_count + 1 };
	struct wr identity, value, out;
	wr_init(&identity);
	wr_init(&value);
	wr_init(&out);
	block.certificates =
		reload_alloc_array(block.certificates_count, sizeof(*block.certificates));
	block.certificates[0] =
		(struct reload_generic_certificate){ RELOAD_X509, signer->cert->der };
	for (size_t i = 0; i < signer->others_count; i++)
		block.certificates[i + 1] =
			(struct reload_generic_certificate){ RELOAD_X509, signer->others[i]->der };
	reload_cert_identity_write(&identity, signer->cert, &signer->node);
	enum reload_err err = reload_wire_decode(
		wr_done(&identity), &reload_signer_identity_wire, &ctx, &block.signature.identity);
	if (!err)
		err = signer->key->ops->sign(signer->key, bytes, &block.signature.hash_alg,
			&block.signature.sig_alg, &value);
	if (!err) {
		block.signature.value = wr_done(&value);
		reload_wire_write(&out, &reload_security_block_wire, &ctx, &block);
		err = out.err;
	}
	if (!err)
		base64(w, wr_done(&out));
	free(block.certificates);
	wr_clear(&identity);
	wr_clear(&value);
	wr_clear(&out);
	return err ? reload_error_explain(why, err, "the signature", "it cannot be made: %s",
			     reload_err_text(err))
		   : RELOAD_OK;
}

/* A kind element is signed as it is written: it has to be exactly one element, or the signature would cover other bytes. */
static enum reload_err check_kind_element(struct span text, struct reload_error_text *why)
{
	struct reload_xml xml;
	struct reload_error_text reason = { .reason = "it does not begin with <kind" };
	if (text.len > 5 && !memcmp(text.at, "<kind", 5) && !reload_xml_open(&xml, text, &reason)) {
		bool whole = span_eq(xml.root->bytes, text) && !strcmp(xml.root->name, "kind");
		reload_xml_clear(&xml);
		if (whole)
			return RELOAD_OK;
		(void)reload_error_explain(
			&reason, RELOAD_BAD_CONFIG, NULL, "there is something else beside it");
	}
	return BAD(why, "write <kind ...> ... </kind>",
		"a Kind is not given by one kind element: %s", reason.reason);
}

static enum reload_err kinds(struct wr *w, const struct reload_config_draft *d,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	if (!d->kind_elements_count)
		return RELOAD_OK;
	wr_text(w, "    <required-kinds>\n");
	for (size_t i = 0; i < d->kind_elements_count; i++) {
		struct span text = span_str(d->kind_elements[i]);
		enum reload_err err = check_kind_element(text, why);
		if (err)
			return err;
		wr_text(w, "      <kind-block>\n        ");
		wr_span(w, text);
		wr_text(w, "\n        <kind-signature>");
		err = reload_config_sign(w, signer, text, why);
		if (err)
			return err;
		wr_text(w, "</kind-signature>\n      </kind-block>\n");
	}
	wr_text(w, "    </required-kinds>\n");
	return RELOAD_OK;
}

static enum reload_err document(struct wr *w, const struct reload_config_draft *d,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	wr_text(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<overlay xmlns=\"" RELOAD_XMLNS_BASE "\"\n    xmlns:chord=\"" RELOAD_XMLNS_CHORD
		   "\"");
	if (d->grants_count)
		wr_text(w, "\n    xmlns:diag=\"" RELOAD_XMLNS_DIAGNOSTICS "\"");
	if (d->multicast_count)
		wr_text(w, "\n    xmlns:own=\"" RELOAD_XMLNS_OWN "\"");
	if (is_tuned(d))
		wr_text(w, "\n    xmlns:self-tuning=\"" RELOAD_XMLNS_SELF_TUNING "\"");
	wr_text(w, ">\n");
	size_t mark = w->len + 2; /* after the indentation of <configuration> */
	attributes(w, d);
	parameters(w, d);
	grants(w, d);
	enum reload_err err = kinds(w, d, signer, why);
	if (err)
		return err;
	wr_text(w, "  </configuration>");
	if (w->err)
		return reload_error_explain(
			why, w->err, "the overlay configuration", "it cannot be written");
	struct bytes element = bytes_copy(span_of(w->at + mark, w->len - mark));
	wr_text(w, "\n  <signature>");
	err = reload_config_sign(w, signer, bytes_span(element), why);
	bytes_free(&element);
	wr_text(w, "</signature>\n</overlay>\n");
	return err;
}

/* R-7.4.5-01, STO-13: a Kind-ID outside of the private range is accepted from others with a warning, but not written. */
static enum reload_err check_kind_ids(const struct reload_config *c, struct reload_error_text *why)
{
	for (size_t i = 0; i < c->kinds.count; i++) {
		const struct reload_kind *k = &c->kinds.at[i];
		if (k->block.len && !k->name && (k->id < 0xf0000001u || k->id > 0xfffffffdu))
			return BAD(why,
				"take an id from 0xf0000001 to 0xfffffffd, or a registered name",
				"the Kind-ID %u is not one to be handed out", k->id);
	}
	return RELOAD_OK;
}

static enum reload_err read_back(struct span text, const struct reload_config_draft *d,
	const struct reload_config_signer *signer, reload_utc now, struct reload_error_text *why)
{
	AUTO(reload_config) c = NULL;
	enum reload_err err =
		reload_config_parse(&c, text, d->instance_name, signer->cert->ops, now, why);
	if (!err)
		err = check_kind_ids(c, why);
	return err ? err : reload_config_verify(c, NULL, now, why);
}

enum reload_err reload_config_write(struct wr *w, const struct reload_config_draft *draft,
	const struct reload_config_signer *signer, reload_utc now, struct reload_error_text *why)
{
	struct wr out;
	wr_init(&out);
	enum reload_err err = RELOAD_OK;
	if (!reload_key_fits(signer->key, signer->cert))
		err = reload_error_explain(why, RELOAD_BAD_KEY, "the signature",
			"the signer's key and certificate do not belong together");
	if (!err)
		err = document(&out, draft, signer, why);
	if (!err)
		err = read_back(wr_done(&out), draft, signer, now, why);
	if (!err)
		wr_span(w, wr_done(&out));
	if (draft->shared_secret && out.len)
		OPENSSL_cleanse(out.at, out.len);
	wr_clear(&out);
	return err ? err : w->err;
}

/* RFC 7904 s3.4.  A restriction to the domain of the overlay name, whatever it is, is enable="false". */
static void put_domains(struct wr *w, const struct reload_kind *kind)
{
	struct span left = kind->domains;
	if (!kind->domains_restricted)
		return;
	wr_text(w,
		"          <domain-restriction xmlns=\"" RELOAD_XMLNS_SIP "\" enable=\"true\">\n");
	while (left.len) {
		const char *pattern = (const char *)left.at;
		size_t n = strlen(pattern) + 1;
		wr_text(w, "            <pattern>");
		reload_markup_put(w, pattern);
		wr_text(w, "</pattern>\n");
		left = span_of(left.at + n, left.len - n);
	}
	wr_text(w, "          </domain-restriction>\n");
}

char *reload_kind_element(const struct reload_kind *kind)
{
	struct wr w;
	wr_init(&w);
	if (kind->name)
		wr_format(&w, "<kind name=\"%s\">\n", kind->name);
	else
		wr_format(&w, "<kind id=\"%u\">\n", kind->id);
	if (kind->given[0])
		wr_format(&w, "          <name xmlns=\"" RELOAD_XMLNS_OWN "\">%s</name>\n",
			kind->given);
	wr_format(
		&w, "          <data-model>%s</data-model>\n", reload_data_model_name(kind->model));
	wr_format(&w, "          <access-control>%s</access-control>\n",
		reload_access_policy_name(kind->access));
	wr_format(&w, "          <max-count>%u</max-count>\n          <max-size>%u</max-size>\n",
		kind->max_count, kind->max_size);
	if (kind->access == RELOAD_ACCESS_NODE_MULTIPLE)
		wr_format(&w, "          <max-node-multiple>%u</max-node-multiple>\n",
			kind->max_node_multiple);
	if (kind->access == RELOAD_ACCESS_NODE_ID_MATCH && kind->branching_factor)
		wr_format(&w,
			"          <branching-factor xmlns=\"" RELOAD_XMLNS_REDIR
			"\">%u</branching-factor>\n",
			kind->branching_factor);
	put_domains(&w, kind);
	wr_text(&w, "        </kind>");
	wr_u8(&w, 0);
	return (char *)w.at;
}
