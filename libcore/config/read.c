/*
 * The parameters of a configuration element, one table row each.  The rules are those of RFC 6940 s11.1; they repeat a part
 * of the grammar so that the reason names the line, the value and the rule that it breaks.
 */
#include "config/internal.h"

#include "util/text.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

struct reader {
	struct reload_config *config;
	const struct reload_ident_ops *ops;
	struct reload_error_text *why;
};

struct param;
typedef enum reload_err (*read_fn)(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value);

struct param {
	const char *name;
	read_fn read;
	size_t field;            /* offset in struct reload_config */
	uint64_t min, max;       /* numbers */
	uint8_t width;           /* bytes of the field, for numbers */
	bool many, chord, parts; /* parts: may have child elements */
	const char *attributes;  /* allowed ones, separated by blanks; NULL: none */
};

#define BAD(r, node, hint, ...)                                                                    \
	reload_xml_fault((r)->why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

static void *field_of(const struct reader *r, const struct param *p)
{
	return (uint8_t *)r->config + p->field;
}

static void put_number(void *field, unsigned width, uint64_t v)
{
	if (width == 1)
		*(uint8_t *)field = (uint8_t)v;
	else
		*(uint32_t *)field = (uint32_t)v;
}

static enum reload_err read_number(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	uint64_t v;
	if (!reload_text_number(&v, value, p->min, p->max))
		return BAD(r, node, NULL, "%s is \"%s\", it must be a number from %llu to %llu",
			p->name, value, (unsigned long long)p->min, (unsigned long long)p->max);
	put_number(field_of(r, p), p->width, v);
	return RELOAD_OK;
}

static bool boolean(bool *out, const char *value)
{
	bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return false;
	*out = yes;
	return true;
}

static enum reload_err read_boolean(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	if (!boolean(field_of(r, p), value))
		return BAD(r, node, NULL, "%s is \"%s\", it must be true, false, 1 or 0", p->name,
			value);
	return RELOAD_OK;
}

static enum reload_err read_string(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	char **field = field_of(r, p);
	if (!*value)
		return BAD(r, node, "leave the element out", "%s is empty", p->name);
	if (*field) /* the parameter was given before, under the other spelling of its name */
		return BAD(r, node, NULL, "%s is there more than once", p->name);
	*field = reload_strdup(value);
	return RELOAD_OK;
}

static enum reload_err read_strings(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	if (!*value)
		return BAD(r, node, "leave the element out", "%s is empty", p->name);
	reload_strings_add(field_of(r, p), value);
	return RELOAD_OK;
}

static enum reload_err read_id(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	struct reload_id id;
	struct reload_id_list *list = field_of(r, p);
	if (reload_id_from_hex(&id, value) || id.len != r->config->node_id_len)
		return BAD(r, node, NULL, "%s is \"%s\", it must be a Node-ID of %u hex digits",
			p->name, value, 2u * r->config->node_id_len);
	if (reload_id_is_zero(&id) || reload_id_is_wildcard(&id))
		return BAD(r, node, NULL, "%s is \"%s\", which is no node's ID", p->name, value);
	list->at = reload_realloc(list->at, (list->count + 1) * sizeof(*list->at));
	list->at[list->count++] = id;
	return RELOAD_OK;
}

static enum reload_err read_root(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	(void)p, (void)value;
	struct reload_config *c = r->config;
	struct span der;
	enum reload_err err = reload_config_unbase64(&der, &c->arena, node, r->why);
	if (err)
		return err;
	c->roots = reload_realloc(c->roots, (c->roots_count + 1) * sizeof(*c->roots));
	c->roots[c->roots_count++] = der;
	struct reload_error_text why = { 0 };
	AUTO(reload_cert) cert = NULL;
	if (reload_cert_parse(&cert, r->ops, der, &why))
		return BAD(r, node, "root-cert holds one DER certificate in base64",
			"root-cert is not a certificate: %s", why.reason);
	return RELOAD_OK;
}

/* RFC 6940 s11.1: "This URL MUST be of type "https:"." */
static enum reload_err read_url(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("<>\"\\^`{|}", *c))
			return BAD(
				r, node, NULL, "%s is \"%s\", which is not a URL", p->name, value);
	if (strncasecmp(value, "https://", 8) != 0)
		return BAD(r, node, "write https://...", "%s is \"%s\", it must be an https URL",
			p->name, value);
	if (strspn(value + 8, "/?#:@") > 0 || !value[8])
		return BAD(r, node, NULL, "%s is \"%s\", which names no host", p->name, value);
	reload_strings_add(field_of(r, p), value);
	return RELOAD_OK;
}

static enum reload_err read_self_signed(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	char *digest = reload_xml_attr(node, "digest");
	bool permitted = false, good = boolean(&permitted, value), has = digest != NULL;
	uint8_t alg = has && strcmp(reload_text_trim(digest), "sha1") == 0 ? RELOAD_HASH_SHA1
		      : has && strcmp(digest, "sha256") == 0               ? RELOAD_HASH_SHA256
									   : RELOAD_HASH_NONE;
	char text[32];
	snprintf(text, sizeof(text), "%s", has ? digest : "");
	free(digest);
	if (!good)
		return BAD(r, node, NULL, "%s is \"%s\", it must be true, false, 1 or 0", p->name,
			value);
	if (!has || (permitted && !alg))
		return BAD(r, node, NULL, "the digest of %s is \"%s\", it must be sha1 or sha256",
			p->name, text);
	if (!permitted)
		reload_config_warn(
			r->config, "line %zu: %s false should be left out", node->line, p->name);
	r->config->self_signed_digest = permitted ? alg : RELOAD_HASH_NONE;
	return RELOAD_OK;
}

static enum reload_err read_bootstrap(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	(void)value;
	struct reload_config *c = r->config;
	struct reload_ip_port a = { 0 };
	char *at = reload_xml_attr(node, "address"), *port = reload_xml_attr(node, "port");
	enum reload_err err = RELOAD_OK;
	uint64_t number = RELOAD_DEFAULT_PORT;
	if (!at || !reload_config_address(&a, reload_text_trim(at)))
		err = BAD(r, node, "names and brackets are not possible there",
			"the address of %s is \"%s\", it must be an IPv4 or IPv6 address", p->name,
			at ? at : "");
	else if (reload_ip_port_fault(&a)) /* R-11.4-06: a multicast address is refused as well */
		err = BAD(r, node, "name the address of one node", "the address of %s is %s, %s",
			p->name, at, reload_ip_port_fault(&a));
	else if (port && !reload_text_number(&number, reload_text_trim(port), 1, UINT16_MAX))
		err = BAD(r, node, NULL, "the port of %s is \"%s\", it must be from 1 to 65535",
			p->name, port);
	free(at);
	free(port);
	if (err)
		return err;
	a.port = (uint16_t)number;
	c->bootstrap =
		reload_realloc(c->bootstrap, (c->bootstrap_count + 1) * sizeof(*c->bootstrap));
	c->bootstrap[c->bootstrap_count++] = a;
	return RELOAD_OK;
}

static enum reload_err read_kinds(struct reader *r, const struct param *p,
	const struct reload_xml_node *node, const char *value)
{
	(void)r, (void)p, (void)node,
		(void)value; /* Kinds are read after this, when the trust that verifies their signatures exists */
	return RELOAD_OK;
}

#define NUMBER(name, member, low, high)                                                            \
	{                                                                                          \
		name, read_number, offsetof(struct reload_config, member), low, high,              \
			sizeof(((struct reload_config *)0)->member)                                \
	}
#define ONE(name, fn, member)                                                                      \
	{                                                                                          \
		name, fn, offsetof(struct reload_config, member)                                   \
	}
#define MANY(name, fn, member)                                                                     \
	{                                                                                          \
		name, fn, offsetof(struct reload_config, member), .many = true                     \
	}

enum {
	NODE_ID_LENGTH = 0,
	INTERVAL_MAX_S = INT32_MAX,
	MESSAGE_SIZE_MIN = 256
};

static const struct param params[] = {
	/* clang-format off */
	[NODE_ID_LENGTH] = NUMBER("node-id-length", node_id_len, 16, 20), /* read before all others */
	ONE("topology-plugin", read_string, topology_plugin),
	ONE("topology-plug-in", read_string, topology_plugin), /* CFG-01 */
	{ "root-cert", read_root, .many = true },
	{ "enrollment-server", read_url, offsetof(struct reload_config, enrollment_servers), .many = true, .parts = true },
	{ "self-signed-permitted", read_self_signed, .attributes = "digest" },
	{ "bootstrap-node", read_bootstrap, .many = true, .attributes = "address port" },
	NUMBER("turn-density", turn_density, 0, 255),
	ONE("clients-permitted", read_boolean, clients_permitted),
	ONE("no-ice", read_boolean, no_ice),
	{ "chord-update-interval", read_number, offsetof(struct reload_config, chord_update_interval_s),
	  1, INTERVAL_MAX_S, 4, .chord = true },
	{ "chord-ping-interval", read_number, offsetof(struct reload_config, chord_ping_interval_s),
	  1, INTERVAL_MAX_S, 4, .chord = true },
	{ "chord-reactive", read_boolean, offsetof(struct reload_config, chord_reactive), .chord = true },
	ONE("shared-secret", read_string, shared_secret),
	NUMBER("max-message-size", max_message_size, MESSAGE_SIZE_MIN, UINT32_MAX),
	NUMBER("initial-ttl", initial_ttl, 1, 255),
	NUMBER("overlay-reliability-timer", overlay_reliability_timer_ms, 200, UINT32_MAX),
	MANY("overlay-link-protocol", read_strings, link_protocols),
	MANY("kind-signer", read_id, kind_signers),
	MANY("configuration-signer", read_id, configuration_signers),
	MANY("bad-node", read_id, bad_nodes),
	MANY("mandatory-extension", read_strings, mandatory_extensions),
	{ "required-kinds", read_kinds, 0, .parts = true },
	/* clang-format on */
};

static const struct param *param_of(const struct reload_xml_node *node)
{
	for (size_t i = 0; i < COUNT_OF(params); i++)
		if (reload_xml_is(node, params[i].chord ? RELOAD_XMLNS_CHORD : RELOAD_XMLNS_BASE,
			    params[i].name))
			return &params[i];
	return NULL;
}

static bool is_ours(const struct reload_xml_node *node)
{
	return !*node->ns || reload_xml_is(node, RELOAD_XMLNS_BASE, NULL) ||
	       reload_xml_is(node, RELOAD_XMLNS_CHORD, NULL);
}

/* Attributes in no namespace have to be among names, a list separated by blanks. */
static enum reload_err check_attributes(
	struct reader *r, const struct reload_xml_node *node, const char *names)
{
	for (size_t i = 0; i < node->attributes_count; i++) {
		const char *name = node->attributes[i].name, *at = strstr(names, name);
		size_t len = strlen(name);
		bool listed = at && (at == names || at[-1] == ' ') && (!at[len] || at[len] == ' ');
		if (!*node->attributes[i].ns && !listed)
			return BAD(
				r, node, NULL, "%s cannot have the attribute %s", node->name, name);
	}
	return RELOAD_OK;
}

static enum reload_err read_param(
	struct reader *r, const struct param *p, const struct reload_xml_node *node)
{
	const struct reload_xml_node *holder = node;
	enum reload_err err = check_attributes(r, node, p->attributes ? p->attributes : "");
	if (err)
		return err;
	for (const struct reload_xml_node *n = node->children; n; n = n->next) {
		if (!p->parts)
			return BAD(r, n, NULL, "%s cannot hold the element %s", p->name, n->name);
		if (p->read == read_url && reload_xml_is(n, RELOAD_XMLNS_BASE, "url"))
			holder = n; /* CFG-08 */
	}
	char *value = reload_xml_text(holder);
	err = p->read(r, p, node, value);
	free(value);
	return err;
}

static enum reload_err read_params(struct reader *r, const struct reload_xml_node *element)
{
	size_t seen[COUNT_OF(params)] = { 0 };
	for (int first = 1; first >= 0; first--)
		for (const struct reload_xml_node *n = element->children; n; n = n->next) {
			const struct param *p = param_of(n);
			if (!p && !is_ours(n))
				continue; /* elements of other namespaces are ignored (R-11.1-03) */
			if (!p && !first)
				return BAD(r, n, "see the grammar in RFC 6940 11.1.1",
					"the element %s is not known", n->name);
			if (!p || (p == &params[NODE_ID_LENGTH]) != first)
				continue;
			if (++seen[p - params] > (p->many ? RELOAD_CONFIG_LIST_MAX : 1u))
				return BAD(r, n, NULL, "%s is there more than %s", p->name,
					p->many ? "256 times" : "once");
			enum reload_err err = read_param(r, p, n);
			if (err)
				return err;
		}
	return RELOAD_OK;
}

static enum reload_err read_attributes(struct reader *r, const struct reload_xml_node *element)
{
	struct reload_config *c = r->config;
	uint64_t sequence = 0;
	enum reload_err err = RELOAD_OK;
	c->instance_name = reload_xml_attr(element, "instance-name");
	if (!c->instance_name)
		return BAD(r, element, NULL, "the configuration has no instance-name");
	if (!reload_overlay_name_valid(c->instance_name))
		return BAD(r, element,
			"use letters, digits, dots and inner hyphens; a label begins with a letter",
			"the instance-name \"%s\" is not a domain name (RFC 1035 2.3.1)",
			c->instance_name);
	char *text = reload_xml_attr(element, "sequence");
	if (text &&
		!reload_text_number(&sequence, reload_text_trim(text), 0, RELOAD_SEQUENCE_ANY - 1))
		err = BAD(r, element, NULL, "the sequence is \"%s\", it must be from 0 to 65534",
			text);
	free(text);
	text = reload_xml_attr(element, "expiration");
	if (!err && text && reload_utc_parse(&c->expiration, reload_text_trim(text)))
		err = BAD(r, element, "write it like 2044-01-01T00:00:00Z",
			"the expiration \"%s\" is not a time in UTC by RFC 3339", text);
	free(text);
	c->sequence = (uint16_t)sequence;
	return err;
}

/* The plug-ins, protocols and extensions that this program implements. */
static const char *const known_plugins[] = { "CHORD-RELOAD", RELOAD_CHORD_SELF_TUNING };
static const char *const known_protocols[] = { "TLS" };
static const char *const known_extensions[] = { RELOAD_XMLNS_BASE, RELOAD_XMLNS_CHORD,
	RELOAD_XMLNS_REDIR, RELOAD_XMLNS_DIAGNOSTICS, RELOAD_XMLNS_SELF_TUNING };

static bool known(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* R-11.1-34, R-11.1-49: what is unknown does not make the document wrong, but this node no member. */
static void check_support(struct reader *r, const struct reload_xml_node *element)
{
	struct reload_config *c = r->config;
	bool protocol = false;
	if (!c->topology_plugin)
		c->topology_plugin = reload_strdup(known_plugins[0]);
	if (!known(c->topology_plugin, known_plugins, COUNT_OF(known_plugins)))
		reload_config_unsupported(c, element, NULL,
			"the topology-plugin \"%s\" is not known to this program",
			c->topology_plugin);
	if (c->node_id_len != 16) /* CHORD-05 */
		reload_config_unsupported(c, element, "set node-id-length to 16 or leave it out",
			"node-id-length is %u, but CHORD-RELOAD works with 16 only, and so does "
			"CHORD-SELF-TUNING",
			c->node_id_len);
	for (size_t i = 0; i < c->mandatory_extensions.count; i++)
		if (!known(c->mandatory_extensions.at[i], known_extensions,
			    COUNT_OF(known_extensions)))
			reload_config_unsupported(c, element,
				"a node that lacks it must not join (RFC 6940 11.1)",
				"the mandatory-extension \"%s\" is not known to this program",
				c->mandatory_extensions.at[i]);
	if (!c->link_protocols.count)
		reload_strings_add(&c->link_protocols, known_protocols[0]);
	for (size_t i = 0; i < c->link_protocols.count; i++)
		protocol |=
			known(c->link_protocols.at[i], known_protocols, COUNT_OF(known_protocols));
	if (!protocol)
		reload_config_unsupported(c, element, "add TLS",
			"no overlay-link-protocol is known to this program: \"%s\"",
			c->link_protocols.at[0]);
}

static enum reload_err make_trust(struct reader *r, const struct reload_xml_node *element)
{
	struct reload_config *c = r->config;
	if (!c->roots_count && !c->self_signed_digest)
		return BAD(r, element, "add a root-cert, or self-signed-permitted true",
			"there is no root-cert, and self-signed certificates are not permitted");
	struct reload_trust_setup setup = {
		.ops = r->ops,
		.overlay = c->instance_name,
		.node_id_len = c->node_id_len,
		.roots = c->roots,
		.roots_count = c->roots_count,
		.self_signed_digest = c->self_signed_digest,
		.bad_nodes = c->bad_nodes.at,
		.bad_nodes_count = c->bad_nodes.count,
	};
	struct reload_error_text why = { 0 };
	if (reload_trust_new(&c->trust, &setup, &why))
		return BAD(r, element, NULL, "a root-cert cannot be used: %s", why.reason);
	return RELOAD_OK;
}

enum reload_err reload_config_read(struct reload_config *config,
	const struct reload_xml_node *element, const struct reload_ident_ops *ops,
	struct reload_error_text *why)
{
	struct reader r = { config, ops, why };
	config->expiration = RELOAD_NEVER;
	config->node_id_len = 16;
	config->turn_density = 1;
	config->clients_permitted = config->chord_reactive = true;
	config->chord_update_interval_s = 600;
	config->chord_ping_interval_s = 3600;
	config->peers_to_probe = RELOAD_PEERS_TO_PROBE;
	config->max_message_size = 5000;
	config->initial_ttl = 100;
	config->overlay_reliability_timer_ms = 3000;
	enum reload_err err = check_attributes(&r, element, "instance-name sequence expiration");
	if (!err)
		err = read_attributes(&r, element);
	if (!err)
		err = read_params(&r, element);
	if (!err)
		err = reload_branching_read(&config->branching_factor, element, why);
	if (!err)
		err = reload_multicast_read(config, element, why);
	if (!err)
		err = reload_grants_read(config, element, why);
	if (err)
		return err;
	check_support(&r, element);
	err = reload_self_tuning_read(config, element, why);
	if (err)
		return err;
	return make_trust(&r, element);
}
