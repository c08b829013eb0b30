#include "media/latch.h"

bool reload_latch_takes(struct reload_latch *l, const struct reload_ip_port *from)
{
	if (l->taken.type)
		return reload_ip_port_eq(from, &l->taken);
	bool of_call = (l->signalled.type && reload_ip_port_eq(from, &l->signalled)) ||
		       (l->host.type && reload_ip_port_same_host(from, &l->host));
	if (of_call)
		l->taken = *from;
	return of_call;
}

const struct reload_ip_port *reload_latch_to(const struct reload_latch *l)
{
	return l->taken.type ? &l->taken : &l->signalled;
}

void reload_latch_signal(struct reload_latch *l, const struct reload_ip_port *signalled)
{
	if (reload_ip_port_eq(signalled, &l->signalled))
		return;
	l->signalled = *signalled;
	l->taken = (struct reload_ip_port){ 0 };
}
