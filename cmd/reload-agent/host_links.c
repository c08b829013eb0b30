/* The links of the engine, as the host makes them. */
#include "host_links.h"

#include "capture.h"
#include "ice.h"
#include "log.h"

void host_link_open(void *host, uint32_t link, const struct reload_link_target *to, size_t count)
{
	reload_links_open(((struct host *)host)->links, link, to, count);
}

size_t host_link_mtu(void *host, uint32_t link)
{
	return reload_links_mtu(((struct host *)host)->links, link);
}

reload_ms host_link_heard(void *host, uint32_t link)
{
	return reload_links_heard(((struct host *)host)->links, link);
}

void host_link_certificate(void *host, uint32_t link, struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	reload_links_renew(((struct host *)host)->links, link, cert, others, others_count);
}

void host_link_send(void *host, uint32_t link, struct span message)
{
	struct host *h = host;
	agent_capture(&h->agent, link, false, message);
	if (!reload_links_send(h->links, link, message))
		agent_log(h->agent.log, "link", RELOAD_LEVEL_DEBUG,
			"message dropped link=%u bytes=%zu", link, message.len);
}

void host_link_close(void *host, uint32_t link)
{
	host_ice_forget(host, link);
	reload_links_close(((struct host *)host)->links, link);
}
