/* The groups in which nodes of the local network ask for a bootstrap node, an element of our own namespace (CFG-12). */
#include "config/internal.h"

#include <stdio.h>

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

/*
 * 224.0.0.0/24 and ff02::/16 stay on one link, 239.255.0.0/16 and ff05::/16 within one site (RFC 2365 s6.1, RFC 4291 s2.7).  The other bits of
 * the second byte of an IPv6 group may say that it is a temporary one.
 */
enum reload_group_scope reload_group_scope(const struct reload_ip_port *group)
{
	const uint8_t *a = group->addr;
	bool v6 = group->type == RELOAD_IPV6 && a[0] == 0xff && !(a[1] & 0xe0);
	if (v6)
		return (a[1] & 0xf) == 2   ? RELOAD_GROUP_LINK
		       : (a[1] & 0xf) == 5 ? RELOAD_GROUP_SITE
					   : RELOAD_GROUP_NONE;
	if (group->type != RELOAD_IPV4)
		return RELOAD_GROUP_NONE;
	return a[0] == 224 && !a[1] && !a[2] ? RELOAD_GROUP_LINK
	       : a[0] == 239 && a[1] == 255  ? RELOAD_GROUP_SITE
					     : RELOAD_GROUP_NONE;
}

static enum reload_err read_group(
	struct reload_config *c, const struct reload_xml_node *n, struct reload_error_text *why)
{
	struct reload_ip_port *out = &c->multicast[c->multicast_count];
	char *at = reload_xml_attr(n, "address"), *port = reload_xml_attr(n, "port");
	enum reload_err err = RELOAD_OK;
	uint64_t number = 0;
	if (!at || !reload_config_address(out, reload_text_trim(at)) || !reload_group_scope(out))
		err = BAD(why, n, "239.255.0.0/16 and ff05::/16 are groups of a site",
			"the address of multicast-bootstrap is \"%.60s\", it must be a multicast "
			"address that does not leave the link or the site",
			at ? at : "");
	else if (!port || !reload_text_number(&number, reload_text_trim(port), 1, UINT16_MAX))
		err = BAD(why, n, NULL,
			"the port of multicast-bootstrap is \"%.20s\", it must be from 1 to 65535",
			port ? port : "");
	free(at);
	free(port);
	out->port = (uint16_t)number;
	return err;
}

enum reload_err reload_multicast_read(struct reload_config *c,
	const struct reload_xml_node *element, struct reload_error_text *why)
{
	for (const struct reload_xml_node *n = element->children; n; n = n->next) {
		if (!reload_xml_is(n, RELOAD_XMLNS_OWN, "multicast-bootstrap"))
			continue;
		if (c->multicast_count == RELOAD_CONFIG_GROUPS_MAX)
			return BAD(why, n, "one for each of IPv4 and IPv6 is usual",
				"multicast-bootstrap is there more than %d times",
				RELOAD_CONFIG_GROUPS_MAX);
		enum reload_err err = read_group(c, n, why);
		if (err)
			return err;
		c->multicast_count++;
	}
	return RELOAD_OK;
}
