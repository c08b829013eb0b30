/* reload-diag tuning: at what pace the ring is looked after, what was measured of it, and why (RFC 7363). */
#include "reload-diag/diag.h"

#include "common/call.h"

#include <string.h>

enum {
	DAY_S = 86400
};

const struct cli_opt diag_tuning_opts[] = {
	{ 0, "lifetime", "TIME", "of a value whose loss is estimated (default 1d)" },
	CLI_END,
};

static void put_estimates(FILE *out, const char *label, const json_t *e)
{
	fprintf(out, "%-11s%.1f peers, %.2f failures of each a day, %.0f joins a day\n", label,
		cli_get_real(e, "network_size"), cli_get_real(e, "failures_per_day"),
		cli_get_real(e, "joins_per_day"));
}

static void put_untuned(FILE *out, const json_t *o)
{
	if (strcmp(cli_get_text(o, "algorithm"), "CHORD-SELF-TUNING") != 0)
		fprintf(out,
			"interval   %lld s: chord-update-interval of the configuration, which "
			"measures nothing\n",
			cli_get_int(o, "update_interval_s"));
	else
		fprintf(out,
			"interval   none: this node is %s, and a peer that has joined has one\n",
			cli_get_text(o, "state"));
}

static void put_loss(FILE *out, const json_t *l)
{
	fprintf(out, "loss       %.3g%% of the values that are stored once and for %lld s are lost",
		100 * cli_get_real(l, "chance"), cli_get_int(l, "lifetime_s"));
	if (json_is_null(json_object_get(l, "halved_by_s")))
		fputs(": nobody fails\n", out);
	else
		fprintf(out, "; stored again every %.0f s, half of them\n",
			cli_get_real(l, "halved_by_s"));
}

static void print_tuning(FILE *out, const json_t *o, void *arg)
{
	const json_t *t = json_object_get(o, "tuning"), *e;
	size_t i;
	(void)arg;
	fprintf(out, "algorithm  %s\n", cli_get_text(o, "algorithm"));
	if (!json_is_object(t)) {
		put_untuned(out, o);
		return;
	}
	fprintf(out, "interval   %.1f s, the next one in %.1f s\n", cli_get_real(t, "interval_s"),
		cli_get_real(t, "left_s"));
	fprintf(out, "why        %s\n", cli_get_text(t, "why"));
	put_estimates(out, "in force", json_object_get(t, "in_force"));
	put_estimates(out, "own", json_object_get(t, "own"));
	json_array_foreach (json_object_get(t, "data"), i, e)
		if (i) /* the first one is its own */
			put_estimates(out, i == 1 ? "told" : "", e);
	fprintf(out,
		"measured   %lld of at most %lld failure%s (the own join is one), %lld age%s of "
		"%lld peer%s\n",
		cli_get_int(t, "failures"), cli_get_int(t, "failures_limit"),
		cli_plural(cli_get_int(t, "failures_limit")), cli_get_int(t, "ages"),
		cli_plural(cli_get_int(t, "ages")), cli_get_int(t, "members"),
		cli_plural(cli_get_int(t, "members")));
	fprintf(out,
		"tables     %lld neighbour%s on each side, %lld finger%s; %lld peer%s to probe\n",
		cli_get_int(t, "neighbours"), cli_plural(cli_get_int(t, "neighbours")),
		cli_get_int(t, "fingers"), cli_plural(cli_get_int(t, "fingers")),
		cli_get_int(t, "peers_to_probe"), cli_plural(cli_get_int(t, "peers_to_probe")));
	put_loss(out, json_object_get(t, "loss"));
}

int diag_tuning(struct cli *cli)
{
	struct reload_error_text why;
	reload_ms lifetime;
	json_t *o = NULL;
	enum reload_err err = cli_time(cli, "lifetime", DAY_S * RELOAD_SECOND, &lifetime, &why);
	if (!err && (lifetime < RELOAD_SECOND || lifetime / RELOAD_SECOND > UINT32_MAX))
		err = cli_refuse(
			&why, "--lifetime is out of range", "1s to 2^32 - 1 seconds can be stored");
	if (err)
		return cli_fail(cli, err, &why);
	int status = cli_request(cli, "node.tuning",
		json_pack("{s:I}", "lifetime_s", (json_int_t)(lifetime / RELOAD_SECOND)), &o);
	if (!status)
		cli_print(cli, o, print_tuning, NULL);
	json_decref(o);
	return status;
}
