#include "link/ice_load_io.h"

#include <dlfcn.h>

enum reload_err reload_ice_load(
	const struct reload_ice_plugin **out, const char *path, struct reload_error_text *why)
{
	/* it stays until the process ends: its library has threads and types that cannot be unloaded */
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct reload_ice_plugin *plugin =
		object ? dlsym(object, RELOAD_ICE_PLUGIN_SYMBOL) : NULL;
	if (!plugin) {
		const char *reason = dlerror();
		reload_error_explain(why, RELOAD_FAILED, path,
			"the ICE plug-in cannot be opened: %s", reason ? reason : "it is empty");
		reload_error_advise(why, "apt-get install libnice10");
		return RELOAD_FAILED;
	}
	if (plugin->version == RELOAD_ICE_PLUGIN_VERSION && plugin->size == sizeof(*plugin)) {
		*out = plugin;
		return RELOAD_OK;
	}
	reload_error_explain(why, RELOAD_FAILED, path,
		"the ICE plug-in is of version %u, this agent uses version %d", plugin->version,
		RELOAD_ICE_PLUGIN_VERSION);
	reload_error_advise(why, "make install: agent and plug-in are installed together");
	return RELOAD_FAILED;
}
