/* A configuration in memory: its lists of strings, its warnings, and its reference count. */
#include "config/internal.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

void reload_strings_add(struct reload_string_list *list, const char *text)
{
	list->at = reload_realloc(list->at, (list->count + 1) * sizeof(*list->at));
	list->at[list->count++] = reload_strdup(text);
}

void reload_strings_clear(struct reload_string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->at[i]);
	free(list->at);
	*list = (struct reload_string_list){ 0 };
}

void reload_config_warn(struct reload_config *config, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (config->warnings.count < RELOAD_CONFIG_WARNINGS_MAX)
		reload_strings_add(&config->warnings, text);
}

struct reload_config *reload_config_ref(const struct reload_config *config)
{
	struct reload_config *c = (struct reload_config *)config;
	c->refs++;
	return c;
}

static void free_all(struct reload_config *c)
{
	if (c->shared_secret) {
		OPENSSL_cleanse(c->shared_secret, strlen(c->shared_secret));
		OPENSSL_cleanse(c->text.at, c->text.len);
	}
	bytes_free(&c->text);
	free(c->instance_name);
	free(c->topology_plugin);
	free(c->roots);
	reload_strings_clear(&c->enrollment_servers);
	reload_strings_clear(&c->link_protocols);
	reload_strings_clear(&c->mandatory_extensions);
	free(c->bootstrap);
	free(c->shared_secret);
	free(c->kind_signers.at);
	free(c->configuration_signers.at);
	free(c->bad_nodes.at);
	reload_trust_free(c->trust);
	free(c->signatures);
	free(c->unsupported);
	free(c->grants);
}

void reload_config_free(struct reload_config *config)
{
	if (!config || --config->refs)
		return;
	free(config->kinds.at);
	free(config->superseded);
	reload_strings_clear(&config->warnings);
	if (config->base)
		reload_config_free(config->base);
	else
		free_all(config);
	reload_arena_clear(&config->arena);
	free(config);
}

struct wire_ctx reload_config_wire_ctx(const struct reload_config *config)
{
	return (struct wire_ctx){ .node_id_len = config->node_id_len,
		.model = reload_config_model,
		.model_arg = config };
}
