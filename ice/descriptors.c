#include "link.h"

#include <sys/eventfd.h>
#include <unistd.h>

gboolean ice_has_descriptors(gsize count)
{
	int fds[RELOAD_ICE_ADDRESSES + ICE_SPARE];
	gsize n = 0;
	while (n < count && (fds[n] = eventfd(0, EFD_CLOEXEC)) >= 0)
		n++;
	gboolean enough = n == count;
	while (n > 0)
		close(fds[--n]);
	return enough;
}
