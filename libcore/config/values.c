/* Values that several parts of a document hold: base64, names of overlays, sequence numbers. */
#include "config/internal.h"

#include "util/text.h"

#include <stdio.h>

enum reload_err reload_config_unbase64(struct span *out, struct reload_arena *arena,
	const struct reload_xml_node *node, struct reload_error_text *why)
{
	char *text = reload_xml_text(node);
	struct bytes bytes = { 0 };
	enum reload_err err = reload_unbase64(&bytes.at, &bytes.len, text, strlen(text));
	free(text);
	if (err)
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, node, NULL,
			"%s is not base64 (RFC 4648)", node->name);
	*out = reload_arena_copy(arena, bytes_span(bytes));
	bytes_free(&bytes);
	return RELOAD_OK;
}

bool reload_config_address(struct reload_ip_port *out, const char *text)
{
	char brackets[64];
	if (strlen(text) > sizeof(brackets) - 3 || strpbrk(text, "[]"))
		return false; /* CFG-12: an address without brackets */
	snprintf(brackets, sizeof(brackets), strchr(text, ':') ? "[%s]" : "%s", text);
	return reload_ip_port_parse(out, brackets, RELOAD_DEFAULT_PORT) == RELOAD_OK;
}

static bool label(const char *s, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	return len && len <= 63 && strchr(letters, s[0]) && strspn(s, all) >= len &&
	       s[len - 1] != '-';
}

bool reload_overlay_name_valid(const char *name)
{
	if (strlen(name) > 253)
		return false;
	for (;; name++) {
		size_t len = strcspn(name, ".");
		if (!label(name, len))
			return false;
		name += len;
		if (!*name)
			return true;
	}
}

bool reload_sequence_newer(uint16_t a, uint16_t b)
{
	uint32_t ahead = (a % RELOAD_SEQUENCE_ANY + RELOAD_SEQUENCE_ANY - b % RELOAD_SEQUENCE_ANY) %
			 RELOAD_SEQUENCE_ANY;
	return ahead >= 1 && ahead <= 32767;
}

bool reload_config_newer(const struct reload_config *config, const struct reload_config *present)
{
	return reload_sequence_newer(config->sequence, present->sequence) &&
	       (config->sequence > present->sequence || config->expiration >= present->expiration);
}

uint16_t reload_sequence_next(uint16_t sequence)
{
	return (uint16_t)((sequence + 1u) % RELOAD_SEQUENCE_ANY);
}

bool reload_config_same_secret(const struct reload_config *a, const struct reload_config *b)
{
	return !a->shared_secret == !b->shared_secret &&
	       (!a->shared_secret || !strcmp(a->shared_secret, b->shared_secret));
}

bool reload_config_in_place(const struct reload_config *config, const struct reload_config *before)
{
	return strcmp(config->topology_plugin, before->topology_plugin) == 0 &&
	       config->node_id_len == before->node_id_len && config->no_ice == before->no_ice &&
	       reload_config_same_secret(config, before);
}
