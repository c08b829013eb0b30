#include "topology/topology.h"

enum {
	TR_MS = 15000, /* of STUN, the default of RFC 7363 */
	TR_MAX_MS = 50000,
	TR_SHARE = 12 /* of the chord-update-interval, within which Updates find failed peers */
};

reload_ms reload_topology_keepalive_ms(
	const struct reload_topology_ops *ops, const struct reload_config *config)
{
	reload_ms tr = config->chord_update_interval_s * (reload_ms)RELOAD_SECOND / TR_SHARE;
	if (ops->measures || tr < TR_MS)
		return TR_MS;
	return tr < TR_MAX_MS ? tr : TR_MAX_MS;
}
