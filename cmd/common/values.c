/* The values of options that were given, as text, times, sizes and numbers. */
#include "common/options.h"

#include "util/words.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct cli_given *given, const char *name)
{
	return !strcmp(given->opt->name, name);
}

size_t cli_count(const struct cli *cli, const char *name)
{
	size_t n = 0;
	assert(cli_opt_find(
		cli->program, NULL, name)); /* a bug otherwise: the option is in no table */
	for (size_t i = 0; i < cli->given_count; i++)
		n += is(&cli->given[i], name);
	return n;
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_count(cli, name) > 0;
}

const char *cli_value_at(const struct cli *cli, const char *name, size_t i)
{
	for (size_t k = 0; k < cli->given_count; k++)
		if (is(&cli->given[k], name) && !i--)
			return cli->given[k].value;
	return NULL;
}

const char *cli_value(const struct cli *cli, const char *name, const char *otherwise)
{
	size_t n = cli_count(cli, name);
	return n ? cli_value_at(cli, name, n - 1) : otherwise;
}

const char *cli_kind(const struct cli *cli)
{
	const char *env = getenv("RELOAD_KIND");
	return cli_value(cli, "kind", env && *env ? env : NULL);
}

enum reload_err cli_size_parse(uint64_t *out, const char *text)
{
	static const char units[] = "KMG";
	uint64_t n = 0;
	if (!reload_digits(&n, &text))
		return RELOAD_USAGE;
	const char *unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	if (*text && (!unit || text[1]))
		return RELOAD_USAGE;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (n > UINT64_MAX >> shift)
		return RELOAD_USAGE;
	*out = n << shift;
	return RELOAD_OK;
}

/* bad() reports an invalid value of an option. */
static enum reload_err bad(struct reload_error_text *why, const struct cli *cli, const char *name,
	const char *value, const char *expected)
{
	char what[192];
	snprintf(what, sizeof(what), "--%s %.128s is not possible", name, value);
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, what, "expected %s", expected);
	reload_error_advise(why, "%s --help", cli->program->name);
	return err;
}

enum reload_err cli_time(const struct cli *cli, const char *name, reload_ms otherwise,
	reload_ms *out, struct reload_error_text *why)
{
	const char *value = cli_value(cli, name, NULL);
	reload_ms t = otherwise;
	if (value && reload_time_parse(&t, value))
		return bad(why, cli, name, value, "a time such as 90, 500ms, 1h30m or 7d");
	*out = t;
	return RELOAD_OK;
}

enum reload_err cli_size(const struct cli *cli, const char *name, uint64_t otherwise, uint64_t *out,
	struct reload_error_text *why)
{
	const char *value = cli_value(cli, name, NULL);
	uint64_t n = otherwise;
	if (value && cli_size_parse(&n, value))
		return bad(why, cli, name, value, "a size in bytes such as 4096, 64K, 10M or 1G");
	*out = n;
	return RELOAD_OK;
}

enum reload_err cli_number(const struct cli *cli, const char *name, uint64_t otherwise,
	uint64_t min, uint64_t max, uint64_t *out, struct reload_error_text *why)
{
	const char *value = cli_value(cli, name, NULL), *rest = value;
	uint64_t n = otherwise;
	if (value && (!reload_digits(&n, &rest) || *rest || n < min || n > max)) {
		char expected[96];
		snprintf(expected, sizeof(expected), "a number from %llu to %llu",
			(unsigned long long)min, (unsigned long long)max);
		return bad(why, cli, name, value, expected);
	}
	*out = n;
	return RELOAD_OK;
}
