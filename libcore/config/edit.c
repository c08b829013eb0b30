/*
 * A change is a list of places in the present document with the text that takes their place.  All else is copied, so that
 * what this program does not know (elements of other namespaces, Kinds that somebody else signed) survives it.
 */
#include "config/edit.h"

#include "config/internal.h"

#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(why, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, hint, __VA_ARGS__)

/* Text that takes the place of len bytes at an offset; several at one offset follow each other in the order in which they were made. */
struct splice {
	size_t at, len;
	struct wr text;
};

struct reload_config_edit {
	const struct reload_config *present;
	struct reload_xml xml;
	const struct reload_xml_node *element; /* configuration */
	bool prefixed;                         /* the base namespace is not the default one there */
	reload_utc expiration;
	struct splice *splices;
	size_t splices_count;
	struct wr kinds;                 /* kind-blocks to be added */
	struct reload_id_list bad_nodes; /* to be added */
};

/* -- splices ------------------------------------------------------------------------------------------------------------ */

static struct wr *splice(struct reload_config_edit *e, size_t at, size_t len)
{
	e->splices = reload_realloc(e->splices, (e->splices_count + 1) * sizeof(*e->splices));
	struct splice *s = &e->splices[e->splices_count++];
	*s = (struct splice){ .at = at, .len = len };
	wr_init(&s->text);
	return &s->text;
}

size_t reload_edit_offset(const struct reload_config_edit *e, const uint8_t *at)
{
	return (size_t)(at - e->present->document.at);
}

/* Removes an element and the white space in front of it. */
static void cut(struct reload_config_edit *e, const struct reload_xml_node *node)
{
	size_t at = reload_edit_offset(e, node->bytes.at), end = at + node->bytes.len;
	while (at && e->present->document.at[at - 1] &&
		strchr(" \t\r\n", e->present->document.at[at - 1]))
		at--;
	(void)splice(e, at, end - at);
}

/* The offset of the end tag of an element that has one; 0: it has none (<x/>). */
static size_t end_tag_of(const struct reload_config_edit *e, const struct reload_xml_node *node)
{
	struct span s = node->bytes;
	for (size_t i = s.len; i > 1; i--)
		if (s.at[i - 2] == '<' && s.at[i - 1] == '/')
			return reload_edit_offset(e, s.at) + i - 2;
	return 0;
}

/* Puts text where its last part stands, in front of the end tag of configuration. */
static struct wr *append(struct reload_config_edit *e)
{
	return splice(e, end_tag_of(e, e->element), 0);
}

/* -- for edit_grants.c and edit_trust.c ---------------------------------------------------------------------------------------------------- */

const struct reload_config *reload_edit_present(const struct reload_config_edit *e)
{
	return e->present;
}

const struct reload_xml_node *reload_edit_element(const struct reload_config_edit *e)
{
	return e->element;
}

struct wr *reload_edit_append(struct reload_config_edit *e)
{
	return append(e);
}

void reload_edit_cut(struct reload_config_edit *e, const struct reload_xml_node *node)
{
	cut(e, node);
}

struct wr *reload_edit_splice(struct reload_config_edit *e, size_t at, size_t len)
{
	return splice(e, at, len);
}

bool reload_edit_prefixed(const struct reload_config_edit *e)
{
	return e->prefixed;
}

/* -- elements ----------------------------------------------------------------------------------------------------------- */

/* "<name", with its namespace where it would not be in it */
static void put_open(
	const struct reload_config_edit *e, struct wr *w, const char *name, const char *ns)
{
	wr_format(w, "  <%s", name);
	if (e->prefixed || strcmp(ns, RELOAD_XMLNS_BASE) != 0)
		wr_format(w, " xmlns=\"%s\"", ns);
}

static void put_end(struct wr *w, const char *name)
{
	wr_format(w, "</%s>\n  ", name);
}

static void put_element(const struct reload_config_edit *e, struct wr *w, const char *name,
	const char *ns, const char *value)
{
	put_open(e, w, name, ns);
	wr_text(w, ">");
	reload_markup_put(w, value);
	put_end(w, name);
}

/* -- the parameters that can be set ------------------------------------------------------------------------------------- */

enum form {
	VALUE,
	CHORD_VALUE,
	VALUES,
	BOOTSTRAP,
	MULTICAST,
	SELF_SIGNED
};

static const struct key {
	const char *name;
	enum form form;
} keys[] = {
	{ "bootstrap-node", BOOTSTRAP },
	{ "chord-ping-interval", CHORD_VALUE },
	{ "chord-reactive", CHORD_VALUE },
	{ "chord-update-interval", CHORD_VALUE },
	{ "clients-permitted", VALUE },
	{ "enrollment-server", VALUES },
	{ "initial-ttl", VALUE },
	{ "max-message-size", VALUE },
	{ "multicast-bootstrap", MULTICAST },
	{ "no-ice", VALUE },
	{ "node-id-length", VALUE },
	{ "overlay-reliability-timer", VALUE },
	{ "self-signed-permitted", SELF_SIGNED },
	{ "topology-plugin", VALUE },
	{ "turn-density", VALUE },
};

const char *reload_config_edit_key(size_t i)
{
	return i < COUNT_OF(keys) ? keys[i].name : NULL;
}

static const char *namespace_of(const struct key *key)
{
	return key->form == CHORD_VALUE ? RELOAD_XMLNS_CHORD
	       : key->form == MULTICAST ? RELOAD_XMLNS_OWN
					: RELOAD_XMLNS_BASE;
}

static enum reload_err put_address(const struct reload_config_edit *e, struct wr *w,
	const struct key *key, const char *text, struct reload_error_text *why)
{
	struct reload_ip_port address;
	bool group = key->form == MULTICAST;
	if (reload_ip_port_parse(&address, text, group ? 0 : RELOAD_DEFAULT_PORT))
		return reload_error_explain(why, RELOAD_USAGE,
			group ? "multicast-bootstrap is not possible"
			      : "bootstrap-node is not possible",
			"%.80s is no address: %s", text,
			group ? "239.255.60.84:6090 or [ff05::6084]:6090"
			      : "192.0.2.1, 192.0.2.1:6084 or [2001:db8::1]:6084");
	put_open(e, w, key->name, namespace_of(key));
	wr_text(w, " ");
	reload_config_put_address(w, &address);
	wr_text(w, "/>\n  ");
	return RELOAD_OK;
}

static void put_self_signed(const struct reload_config_edit *e, struct wr *w, const char *value)
{
	if (!strcmp(value, "false"))
		return;
	put_open(e, w, "self-signed-permitted", RELOAD_XMLNS_BASE);
	wr_text(w, " digest=\"");
	reload_markup_put(w, value);
	wr_text(w, "\">true");
	put_end(w, "self-signed-permitted");
}

/* Each part of a list separated by commas. */
static enum reload_err put_list(const struct reload_config_edit *e, struct wr *w,
	const struct key *key, const char *value, struct reload_error_text *why)
{
	char *copy = reload_strdup(value), *rest = copy;
	enum reload_err err = RELOAD_OK;
	for (char *part; !err && (part = strsep(&rest, ","));) {
		if (key->form == VALUES)
			put_element(e, w, key->name, RELOAD_XMLNS_BASE, reload_text_trim(part));
		else
			err = put_address(e, w, key, reload_text_trim(part), why);
	}
	free(copy);
	return err;
}

void reload_edit_put(struct reload_config_edit *e, const char *name, const char *value)
{
	put_element(e, append(e), name, RELOAD_XMLNS_BASE, value);
}

static const struct key *key_of(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static bool is_key(const struct reload_xml_node *node, const struct key *key)
{
	const char *ns = namespace_of(key);
	return reload_xml_is(node, ns, key->name) ||
	       (!strcmp(key->name, "topology-plugin") &&
		       reload_xml_is(node, ns, "topology-plug-in")); /* CFG-01 */
}

enum reload_err reload_config_edit_set(struct reload_config_edit *e, const char *name,
	const char *value, struct reload_error_text *why)
{
	const struct key *key = key_of(name);
	if (!key) {
		char what[160];
		snprintf(what, sizeof(what), "%.100s is no parameter that can be set", name);
		return reload_error_explain(why, RELOAD_USAGE, what,
			"RFC 6940 s11.1 has the parameters of a configuration");
	}
	for (const struct reload_xml_node *n = e->element->children; n; n = n->next)
		if (is_key(n, key))
			cut(e, n);
	if (!*value)
		return RELOAD_OK;
	struct wr *w = append(e);
	switch (key->form) {
	case VALUES:
	case BOOTSTRAP:
	case MULTICAST:
		return put_list(e, w, key, value, why);
	case SELF_SIGNED:
		put_self_signed(e, w, value);
		return RELOAD_OK;
	case VALUE:
	case CHORD_VALUE:
		put_element(e, w, name, namespace_of(key), value);
		return RELOAD_OK;
	}
	return RELOAD_OK;
}

static void put_present(struct wr *w, const struct reload_config_edit *e, const struct key *key,
	const struct reload_xml_node *node)
{
	bool is_address = key->form == BOOTSTRAP || key->form == MULTICAST;
	char *port = is_address ? reload_xml_attr(node, "port") : NULL;
	char *text = is_address                 ? reload_xml_attr(node, "address")
		     : key->form == SELF_SIGNED ? reload_xml_attr(node, "digest")
						: reload_xml_text(node);
	if (key->form == SELF_SIGNED && !e->present->self_signed_digest) {
		free(text);
		text = reload_strdup("false");
	}
	bool brackets = is_address && text && strchr(text, ':');
	wr_text(w, w->len ? "," : "");
	wr_text(w, brackets ? "[" : "");
	wr_text(w, text ? reload_text_trim(text) : "");
	wr_text(w, brackets ? "]" : "");
	wr_text(w, port ? ":" : "");
	wr_text(w, port ? reload_text_trim(port) : "");
	free(text);
	free(port);
}

char *reload_config_edit_value(const struct reload_config_edit *e, const char *name)
{
	const struct key *key = key_of(name);
	struct wr w;
	wr_init(&w);
	for (const struct reload_xml_node *n = e->element->children; key && n; n = n->next)
		if (is_key(n, key))
			put_present(&w, e, key, n);
	if (!w.len)
		return NULL;
	wr_u8(&w, 0);
	return (char *)w.at;
}

/* -- Kinds and bad nodes ------------------------------------------------------------------------------------------------ */

/* The element of a Kind-ID in the present document, NULL when it has none. */
static const struct reload_xml_node *block_of(const struct reload_config_edit *e, uint32_t id)
{
	const struct reload_xml_node *required = reload_xml_child(e->element, "required-kinds");
	const struct reload_kind *kind = reload_config_kind(e->present, id);
	for (const struct reload_xml_node *n = required ? required->children : NULL; n; n = n->next)
		if (kind && kind->block.len && span_eq(n->bytes, kind->block))
			return n;
	return NULL;
}

enum reload_err reload_config_edit_add_kind(struct reload_config_edit *e, const char *element,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	struct reload_kind kind;
	struct wr *w = &e->kinds;
	enum reload_err err = reload_kind_file_read(&kind, span_str(element), why);
	if (err)
		return err;
	const struct reload_xml_node *old = block_of(e, kind.id);
	if (old)
		cut(e, old);
	if (e->prefixed)
		return BAD(why, "write the document anew, with init",
			"Kinds cannot be added where the elements of the document have a prefix");
	wr_text(w, "  <kind-block>\n        ");
	wr_text(w, element);
	wr_text(w, "\n        <kind-signature>");
	err = reload_config_sign(w, signer, span_str(element), why);
	wr_text(w, "</kind-signature>\n      </kind-block>\n    ");
	return err;
}

/* Puts the new kind-blocks into required-kinds, which is made when it is missing. */
static void place_kinds(struct reload_config_edit *e)
{
	const struct reload_xml_node *required = reload_xml_child(e->element, "required-kinds");
	if (!e->kinds.len)
		return;
	size_t end = required ? end_tag_of(e, required) : 0;
	struct wr *w = end        ? splice(e, end, 0)
		       : required ? splice(e, reload_edit_offset(e, required->bytes.at),
					    required->bytes.len)
				  : append(e);
	if (!end)
		wr_text(w, required ? "<required-kinds>\n    " : "  <required-kinds>\n    ");
	wr_span(w, wr_done(&e->kinds));
	if (!end)
		wr_text(w, required ? "</required-kinds>" : "</required-kinds>\n  ");
}

bool reload_config_edit_add_bad_node(struct reload_config_edit *e, const struct reload_id *node)
{
	struct reload_id_list *list = &e->bad_nodes;
	char hex[RELOAD_ID_HEX];
	if (reload_id_listed(e->present->bad_nodes.at, e->present->bad_nodes.count, node) ||
		reload_id_listed(list->at, list->count, node))
		return false;
	list->at = reload_realloc(list->at, (list->count + 1) * sizeof(*list->at));
	list->at[list->count++] = *node;
	put_element(e, append(e), "bad-node", RELOAD_XMLNS_BASE, reload_id_hex(hex, node));
	return true;
}

/* -- the start tag of configuration --------------------------------------------------------------------------------------- */

/* The length of the start tag at s: up to the > that is in no attribute value. */
static size_t start_tag_len(struct span s)
{
	char quote = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = (char)s.at[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return i + 1;
	}
	return s.len;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Finds the value of an attribute in a start tag, which is well-formed; false: it has none of that name. */
static bool find_value(struct span tag, const char *name, struct span *value)
{
	size_t len = strlen(name), i = 0;
	while (i < tag.len && !is_space(tag.at[i]))
		i++;
	while (i < tag.len) {
		while (i < tag.len && is_space(tag.at[i]))
			i++;
		size_t from = i;
		while (i < tag.len && tag.at[i] != '=' && !is_space(tag.at[i]))
			i++;
		bool ours = i - from == len && !memcmp(tag.at + from, name, len);
		while (i < tag.len && tag.at[i] != '"' && tag.at[i] != '\'')
			i++;
		const uint8_t *end =
			i < tag.len ? memchr(tag.at + i + 1, tag.at[i], tag.len - i - 1) : NULL;
		if (!end)
			return false;
		*value = span_of(tag.at + i + 1, (size_t)(end - (tag.at + i + 1)));
		if (ours)
			return true;
		i = (size_t)(end - tag.at) + 1;
	}
	return false;
}

static void set_attribute(struct reload_config_edit *e, const char *name, const char *value)
{
	struct span tag = span_of(e->element->bytes.at, start_tag_len(e->element->bytes)), old;
	bool there = find_value(tag, name, &old);
	struct wr *w = there ? splice(e, reload_edit_offset(e, old.at), old.len)
			     : splice(e, reload_edit_offset(e, tag.at) + tag.len - 1, 0);
	if (!there) {
		wr_text(w, " ");
		wr_text(w, name);
		wr_text(w, "=\"");
	}
	wr_text(w, value);
	if (!there)
		wr_text(w, "\"");
}

void reload_config_edit_expires(struct reload_config_edit *e, reload_utc expiration)
{
	e->expiration = expiration;
}

/* -- the new document ------------------------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
	const struct splice *x = *(const struct splice *const *)a,
			    *y = *(const struct splice *const *)b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Copies the document from offset `from` to offset `to`, with the splices there. */
static void copy_range(struct wr *w, struct reload_config_edit *e, struct splice *const *order,
	size_t from, size_t to)
{
	struct span d = e->present->document;
	for (size_t i = 0; i < e->splices_count; i++) {
		const struct splice *s = order[i];
		if (s->at < from || s->at >= to)
			continue;
		wr_bytes(w, d.at + from, s->at - from);
		wr_span(w, span_of(s->text.at, s->text.len));
		from = s->at + s->len;
	}
	wr_bytes(w, d.at + from, to - from);
}

/* The signatures of the present document go. */
static void cut_signatures(struct reload_config_edit *e)
{
	for (const struct reload_xml_node *n = e->element->next;
		n && !reload_xml_is(n, RELOAD_XMLNS_BASE, "configuration"); n = n->next)
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, "signature"))
			cut(e, n);
}

static void set_attributes(struct reload_config_edit *e)
{
	char text[RELOAD_UTC_TEXT];
	snprintf(text, sizeof(text), "%u", reload_sequence_next(e->present->sequence));
	set_attribute(e, "sequence", text);
	if (e->expiration)
		set_attribute(e, "expiration", reload_utc_text(text, e->expiration));
}

static enum reload_err compose(struct wr *w, struct reload_config_edit *e,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	place_kinds(e);
	set_attributes(e);
	cut_signatures(e);
	struct splice **order = reload_alloc_array(e->splices_count, sizeof(*order));
	for (size_t i = 0; i < e->splices_count; i++)
		order[i] = &e->splices[i];
	qsort(order, e->splices_count, sizeof(*order), by_place);
	size_t from = reload_edit_offset(e, e->element->bytes.at),
	       to = from + e->element->bytes.len;
	copy_range(w, e, order, 0, from);
	size_t mark = w->len;
	copy_range(w, e, order, from, to);
	struct bytes element = bytes_copy(span_of(w->at + mark, w->len - mark));
	wr_text(w, "\n");
	put_open(e, w, "signature", RELOAD_XMLNS_BASE);
	wr_text(w, ">");
	enum reload_err err = reload_config_sign(w, signer, bytes_span(element), why);
	wr_text(w, "</signature>");
	bytes_free(&element);
	copy_range(w, e, order, to, e->present->document.len);
	free(order);
	return err;
}

static enum reload_err read_back(struct span text, const struct reload_config_edit *e,
	const struct reload_config_signer *signer, reload_utc now, struct reload_error_text *why)
{
	AUTO(reload_config) c = NULL;
	enum reload_err err = reload_config_parse(
		&c, text, e->present->instance_name, signer->cert->ops, now, why);
	if (!err)
		err = reload_config_verify(c, e->present, now, why);
	if (!err && !reload_config_newer(c, e->present))
		err = BAD(why, "let it end no earlier than the present one",
			"no node would take sequence %u after %u", c->sequence,
			e->present->sequence);
	return err ? err : reload_config_verify(c, NULL, now, why);
}

enum reload_err reload_config_edit_write(struct wr *w, struct reload_config_edit *e,
	const struct reload_config_signer *signer, reload_utc now, struct reload_error_text *why)
{
	struct wr out;
	wr_init(&out);
	enum reload_err err = compose(&out, e, signer, why);
	if (!err && out.err)
		err = reload_error_explain(
			why, out.err, "the overlay configuration", "it cannot be written");
	if (!err)
		err = read_back(wr_done(&out), e, signer, now, why);
	if (!err)
		wr_span(w, wr_done(&out));
	wr_clear(&out);
	return err ? err : w->err;
}

/* -- beginning and end ------------------------------------------------------------------------------------------------------- */

static const struct reload_xml_node *element_of(
	const struct reload_xml *xml, const struct reload_config *present)
{
	for (const struct reload_xml_node *n = xml->root->children; n; n = n->next)
		if (n->bytes.at == present->element.at)
			return n;
	return NULL;
}

enum reload_err reload_config_edit_new(struct reload_config_edit **out,
	const struct reload_config *present, struct reload_error_text *why)
{
	static const char plain[] = "<configuration";
	struct reload_config_edit *e = RELOAD_NEW(reload_config_edit);
	enum reload_err err = reload_xml_open(&e->xml, present->document, why);
	if (err) {
		free(e);
		return err;
	}
	e->present = present;
	e->element = element_of(&e->xml, present);
	wr_init(&e->kinds);
	if (!e->element || !end_tag_of(e, e->element)) {
		reload_config_edit_free(e);
		return BAD(why, NULL, "the configuration element is empty");
	}
	e->prefixed = memcmp(e->element->bytes.at, plain, sizeof(plain) - 1) != 0;
	*out = e;
	return RELOAD_OK;
}

void reload_config_edit_free(struct reload_config_edit *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->splices_count; i++)
		wr_clear(&e->splices[i].text);
	free(e->splices);
	free(e->bad_nodes.at);
	wr_clear(&e->kinds);
	reload_xml_clear(&e->xml);
	free(e);
}
