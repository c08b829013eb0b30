/* init: the addresses of a new overlay, of its bootstrap nodes and of groups in which nodes ask for one. */
#include "reload-enroll/enroll.h"

#include <stdlib.h>

enum reload_err enroll_wrong(
	struct reload_error_text *why, const char *option, const char *value, const char *cause)
{
	char what[256];
	snprintf(what, sizeof(what), "%s %.150s is not possible", option, value);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "%s", cause);
	reload_error_advise(why, "man 1 reload-enroll");
	return err;
}

static enum reload_err read_bootstrap(struct enroll_bootstrap *b, const struct cli *cli,
	struct reload_config_draft *draft, struct reload_error_text *why)
{
	size_t n = cli_count(cli, "bootstrap");
	b->nodes = reload_alloc_array(n + 1, sizeof(*b->nodes));
	for (size_t i = 0; i < n; i++) {
		const char *text = cli_value_at(cli, "bootstrap", i);
		if (reload_ip_port_parse(&b->nodes[i], text, RELOAD_DEFAULT_PORT))
			return enroll_wrong(why, "--bootstrap", text,
				"expected an address: 192.0.2.1, 192.0.2.1:6084 or "
				"[2001:db8::1]:6084");
		const char *fault = reload_ip_port_fault(&b->nodes[i]);
		if (fault) {
			char cause[96];
			snprintf(cause, sizeof(cause), "this is %s, where nobody can be reached",
				fault);
			enum reload_err err = enroll_wrong(why, "--bootstrap", text, cause);
			reload_error_advise(why, "--bootstrap ADDR:PORT, where a peer will listen");
			return err;
		}
	}
	draft->bootstrap = b->nodes;
	draft->bootstrap_count = n;
	return RELOAD_OK;
}

static enum reload_err read_groups(struct enroll_bootstrap *b, const struct cli *cli,
	struct reload_config_draft *draft, struct reload_error_text *why)
{
	size_t n = cli_count(cli, "multicast-bootstrap");
	for (size_t i = 0; i < n; i++) {
		const char *text = cli_value_at(cli, "multicast-bootstrap", i);
		struct reload_ip_port group;
		enum reload_err err = RELOAD_OK;
		if (i == RELOAD_CONFIG_GROUPS_MAX)
			err = enroll_wrong(
				why, "--multicast-bootstrap", text, "there are four already");
		else if (reload_ip_port_parse(&group, text, 0) || !group.port ||
			 !reload_group_scope(&group))
			err = enroll_wrong(why, "--multicast-bootstrap", text,
				"expected a multicast address that does not leave the link or the "
				"site, and a port");
		if (err) {
			reload_error_advise(why,
				"--multicast-bootstrap 239.255.60.84:6090, or [ff05::6084]:6090");
			return err;
		}
		b->groups[i] = group;
	}
	draft->multicast = b->groups;
	draft->multicast_count = n;
	return RELOAD_OK;
}

enum reload_err enroll_bootstrap_read(struct enroll_bootstrap *b, const struct cli *cli,
	struct reload_config_draft *draft, struct reload_error_text *why)
{
	enum reload_err err = read_bootstrap(b, cli, draft, why);
	return err ? err : read_groups(b, cli, draft, why);
}
