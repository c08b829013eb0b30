# reload: peer-to-peer SIP overlays (RFC 6940).  One Makefile, never recursive into folders.
#
#   make              all programs, into build/debug/
#   make check        every test; the one command that continuous integration runs (tests/run -k PATTERN: some)
#   make demo         the acceptance session with real processes on loopback
#   make sim SEED=n   one run of the simulator (NODES=100)
#   make mutants      do the tests find the faults of tests/mutants/table and tests/sim/mutations (MUTANTS="storage-* ...": these)
#   make plots        the pictures in examples/, anew (takes long)
#   make bench        figures as a table and as JSON
#   make soak         12 real agents through six minutes of trouble, under load (SOAK="--agents 25 ..."); then memory under
#                     a steady load for two minutes (MEMORY="--minutes 60"); then Pings under attack; 1,000 Stores on lossy links; links over ICE that idle for half an hour
#   make soak-deb     packages: built twice, installed, used, upgraded, removed and purged in a chroot
#   make soak-conform does reload-diag conform name the faults of tests/conform/faults
#   make soak-upgrade a ring of two versions, the older one built beside
#   make fuzz         every fuzz target for FUZZ_SECONDS each (default 60); FUZZ_TARGETS="wire config": only these
#   make lint         what the tests check in the text of the tree, and the format
#   make format       clang-format on every C file
#   make changelog    write CHANGELOG.md anew from the commit messages
#   make completions  write completions/ anew from the tables of the programs
#   make man          check the manual pages
#   make install      programs, the library, manual pages, completions and units of systemd, under $(DESTDIR)$(PREFIX); what only other programs run goes to
#                     $(DESTDIR)$(LIBEXECDIR)/reload (for another LIBEXECDIR than $(PREFIX)/libexec name it to make as well)
#   make uninstall    remove them
#   make deb          packages for Debian 12 of what is committed, in build/deb; DEB_REVISION=n: another revision of the same version
#   make clean
#
# MODE=debug|release|asan|fuzz|cov chooses flags; O=DIR the place of objects; V=1 shows commands.

MODE    ?= $(if $(filter fuzz,$(MAKECMDGOALS)),fuzz,$(if $(filter install bench soak soak-conform soak-deb soak-upgrade,$(MAKECMDGOALS)),release,debug))
O       ?= build/$(MODE)
PREFIX  ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec
LIBDIR  ?= $(PREFIX)/lib
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
SYSTEMDDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
VERSION := 1.0.0

# Rooms from low to high: a room includes only rooms to its left (tests/lint/rooms checks this).
ROOMS ?= util wire ident sip media config topology storage usage engine connection route exchange membership replica service peer link dns sim control
# Programs that other programs run: no manual page, no completion, in no PATH.
PRIVATE := reload-check-proof
PROGRAMS := $(filter-out common $(PRIVATE),$(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c))))

all: programs

# --- Debian packages: installed when missing and root, else named --------------------------------------------------
BUILD_DEPS := build-essential pkg-config libssl-dev libjansson-dev libexpat1-dev libxml2-dev libglib2.0-dev libbsd-dev libsqlite3-dev libc-ares-dev libnice-dev libmicrohttpd-dev libcurl4-openssl-dev libpq-dev libqrencode-dev libcrypt-dev \
	libsofia-sip-ua-dev libopus-dev libsrtp2-dev libavahi-client-dev libavahi-glib-dev libedit-dev
CHECK_DEPS := libcmocka-dev bats tshark clang libclang-rt-14-dev clang-format mandoc jq openssl python3 \
	libxml2-utils zsh fish iproute2 procps xxd nftables sqlite3 postgresql zbar-tools curl dnsmasq-base coturn conntrack sox strace sip-tester sipsak kamailio baresip-core avahi-daemon avahi-utils dbus-daemon python3-prometheus-client tmux systemd logrotate

define ensure
	@command -v dpkg-query >/dev/null || exit 0; \
	missing=$$(for p in $(1); do dpkg-query -W -f '$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || printf ' %s' $$p; done); \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then \
		echo "installing:$$missing" >&2; \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; } >&2; \
	else \
		echo "missing packages; as root: apt-get install --no-install-recommends$$missing" >&2; exit 1; \
	fi
endef

.PHONY: all programs deps check-deps check check-headers demo sim mutants plots soak bench bench-tools fuzz fuzz-targets replay lint format \
	changelog completions man install uninstall deb soak-conform soak-deb soak-upgrade clean unit lab-tools FORCE
deps:
	$(call ensure,$(BUILD_DEPS))
check-deps:
	$(call ensure,$(BUILD_DEPS) $(CHECK_DEPS))

# --- flags; pkg-config is asked once, after the packages are there ---------------------------------------------------
once = $(eval $(1) := $(shell $(2)))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags libxml-2.0 expat jansson)
GLIB_CFLAGS = $(call once,GLIB_CFLAGS,pkg-config --cflags glib-2.0)
# its headers are not ours to warn about
SOFIA_CFLAGS = $(call once,SOFIA_CFLAGS,pkg-config --cflags sofia-sip-ua | sed 's/-I/-isystem /g')
NICE_CFLAGS = $(call once,NICE_CFLAGS,pkg-config --cflags nice)
PQ_CFLAGS = $(call once,PQ_CFLAGS,pkg-config --cflags libpq)
AVAHI_CFLAGS = $(call once,AVAHI_CFLAGS,pkg-config --cflags avahi-glib avahi-client glib-2.0)

CFLAGS_debug   := -O1 -g
CFLAGS_release := -O2 -g
CFLAGS_asan    := -Og -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_cov     := -O0 -g --coverage
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-missing-field-initializers \
	$(if $(CI),-Werror)
ifeq ($(MODE),fuzz)
CC := clang
endif
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DRELOAD_VERSION='"$(VERSION)"' -DRELOAD_LIBEXECDIR='"$(LIBEXECDIR)"' $(WARN) $(CFLAGS_$(MODE)) -fstack-protector-strong \
	-Ilibcore -I. $(PKG_CFLAGS) $(CFLAGS)
# -Wconversion where bytes are taken apart: the pure rooms
PURE_WARN = $(if $(filter %_io.c,$<),,-Wconversion -Wno-sign-conversion)
# tests with sanitizers are many and large: gold links one in a fifth of the time
FAST_LD_asan = $(call once,FAST_LD_asan,command -v ld.gold >/dev/null && echo -fuse-ld=gold)
ALL_LDFLAGS = $(filter -fsanitize% --coverage,$(CFLAGS_$(MODE))) $(FAST_LD_$(MODE)) -Wl,--as-needed $(LDFLAGS)
# The linker keeps what a program uses (tests/lint/needed checks each binary).
LIBS := -lssl -lcrypto -lexpat -ljansson -lpthread -lm
MEDIA_LIBS := -lopus -lsrtp2 # of calls
# it and libnice have symbols of the same names: no program has both
SIP_LIBS := -lsofia-sip-ua $(MEDIA_LIBS)
SIP_PROGRAMS := reload-sip-call reload-sip-adapter
SCHEMA_LIBS := -lxml2 # RELAX NG: reload-enroll and tests alone
ENROLL_LIBS := $(SCHEMA_LIBS) -lmicrohttpd -lcurl -lcares -lsqlite3 -lpq -lqrencode -lcrypt
AGENT_LIBS := $(LIBS) -lglib-2.0 -lsqlite3 -lcares

# --- objects ---------------------------------------------------------------------------------------------------------
# libcore.a is in every program; the simulator is in an archive of its own, which reload-sim and tests link.
CORE_SRC := $(wildcard $(patsubst %,libcore/%/*.c,$(filter-out sim,$(ROOMS))))
CORE := $(CORE_SRC:%.c=$(O)/%.o)
SIM := $(patsubst %.c,$(O)/%.o,$(wildcard libcore/sim/*.c))
COMMON := $(patsubst %.c,$(O)/%.o,$(wildcard cmd/common/*.c))
SOFIA := $(patsubst %.c,$(O)/%.o,$(wildcard cmd/sofia/*.c))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard $(ROOMS:%=tests/unit/test_%_*.c)))
BINS = $(PROGRAMS:%=$(O)/%) $(PRIVATE:%=$(O)/%) $(O)/reload-ice.so $(O)/reload-mdns.so $(O)/$(SONAME)

Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-6s %s\n' $(1) $(2))

$(O)/libcore/%.o: libcore/%.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(PURE_WARN) $(if $(filter %_io.c,$<),$(GLIB_CFLAGS)) -MMD -MP -c -o $@ $<
$(O)/cmd/%.o: cmd/%.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(GLIB_CFLAGS) $(if $(filter cmd/sofia/% $(SIP_PROGRAMS:%=cmd/%/%),$<),$(SOFIA_CFLAGS)) $(if $(filter %/db_postgres.c,$<),$(PQ_CFLAGS)) -Icmd -MMD -MP -c -o $@ $<
$(O)/tests/%.o: tests/%.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(GLIB_CFLAGS) -Icmd -MMD -MP -c -o $@ $<

# what says the version is compiled again when it is another one
VERSIONED := $(patsubst %.c,$(O)/%.o,$(shell grep -rlw RELOAD_VERSION --include='*.c' cmd libcore libreload))
$(VERSIONED) $(VERSIONED:$(O)/%=$(O)/pic/%): $(O)/version-$(VERSION)
$(O)/version-$(VERSION): FORCE
	$(Q)[ -e $@ ] || { mkdir -p $(@D) && rm -f $(O)/version-* && touch $@; }
FORCE:

# what an archive holds is said here: it is made again when this file changes
$(O)/libcore.a: $(CORE)
$(O)/libsim.a: $(SIM)
$(O)/libcmd.a: $(COMMON)
$(O)/libsofia.a: $(SOFIA)
$(O)/lib%.a: Makefile
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

define program
$(O)/$(1): $(patsubst %.c,$(O)/%.o,$(wildcard cmd/$(1)/*.c)) $(O)/libcmd.a $(if $(filter $(SIP_PROGRAMS),$(1)),$(O)/libsofia.a) $(if $(filter reload-sim,$(1)),$(O)/libsim.a) $(O)/libcore.a
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(if $(filter reload-agent,$(1)),$(AGENT_LIBS),$(LIBS)) \
		$(if $(filter reload-enroll,$(1)),$(ENROLL_LIBS)) $(if $(filter $(SIP_PROGRAMS),$(1)),$(SIP_LIBS)) $(if $(filter reload-sip-adapter,$(1)),-lglib-2.0 -lcares) $(if $(filter reload-shell,$(1)),-ledit)
endef
$(foreach p,$(PROGRAMS) $(PRIVATE),$(eval $(call program,$(p))))

# What an agent opens at run time when its overlay uses ICE (link/ice_plugin.h): of this program it has types alone, no code.
ICE := $(patsubst %.c,$(O)/%.o,$(wildcard ice/*.c))
$(O)/ice/%.o: ice/%.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(NICE_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<
$(O)/reload-ice.so: $(ICE)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,defs -o $@ $^ -lnice -lgobject-2.0 -lglib-2.0
# The same for nodes on the local network (link/mdns_plugin.h).
MDNS := $(patsubst %.c,$(O)/%.o,$(wildcard mdns/*.c))
$(O)/mdns/%.o: mdns/%.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(AVAHI_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<
$(O)/reload-mdns.so: $(MDNS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,defs -o $@ $^ -lavahi-glib -lavahi-client -lavahi-common -lglib-2.0
$(O)/tests/lab/ice-pair: $(O)/tests/lab/ice-pair.o $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/lab/ice-links: $(O)/tests/lab/ice-links.o $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(AGENT_LIBS)

$(O)/tests/lab/sip-locate: $(O)/tests/lab/sip-locate.o $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(AGENT_LIBS)

# Experiment 4 of make sim-report
$(O)/tests/sim/services: $(O)/tests/sim/services.o $(O)/tests/sim/services_churn.o $(O)/tests/sim/services_ring.o $(O)/libsim.a $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The library for programs of others: objects of their own, as they stand at any address, and no name but those of libreload.map.
SONAME := libreload.so.0
LIBRELOAD := $(patsubst %.c,$(O)/pic/%.o,$(wildcard libreload/*.c libcore/util/*.c libcore/wire/*.c) \
	$(addprefix libcore/control/,client.c client_io.c failure.c json_write.c jsonrpc.c local_socket_io.c) cmd/common/home.c)
$(O)/pic/%.o: %.c | deps
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Icmd -fPIC -ffunction-sections -fdata-sections -MMD -MP -c -o $@ $<
$(O)/$(SONAME): $(LIBRELOAD) libreload/libreload.map
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=libreload/libreload.map -Wl,--gc-sections -Wl,-z,defs \
		-o $@ $(LIBRELOAD) -lcrypto -ljansson -lm

# An agent with faults for tests of diagnostics: the functions that tests/inject/inject.c replaces.
INJECTED := reload_peer_status reload_peer_leave reload_peer_links reload_chord_set_route reload_job_run
$(O)/tests/inject/reload-agent: $(patsubst %.c,$(O)/%.o,$(wildcard cmd/reload-agent/*.c)) $(O)/tests/inject/inject.o $(O)/libcmd.a $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(INJECTED:%=-Wl,--wrap=%) -o $@ $^ $(AGENT_LIBS)

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libsim.a $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(AGENT_LIBS) $(SCHEMA_LIBS) $(MEDIA_LIBS)

$(O)/unit/test_link_ice_plugin $(O)/unit/test_link_ice_path $(O)/unit/test_link_addresses: | $(O)/reload-ice.so

$(O)/bench/count.so: tests/bench/count.c | deps
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<
$(O)/bench/load: $(O)/tests/bench/load.o $(O)/libcore.a
$(O)/bench/micro: $(O)/tests/bench/micro.o $(O)/libsim.a $(O)/libcore.a
$(O)/bench/links: $(O)/tests/bench/links.o $(O)/libcore.a
$(O)/bench/links: LIBS += -lcmocka -lglib-2.0 -lcares
$(O)/bench/%:
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# A fuzz target as libFuzzer runs it, and as a test that reads the files of its corpus.
$(O)/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(O)/libsim.a $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lglib-2.0 $(MEDIA_LIBS)
$(O)/replay/%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(O)/libsim.a $(O)/libcore.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lglib-2.0 $(MEDIA_LIBS)

$(O)/fuzz/locate $(O)/replay/locate: LIBS += -lcares
$(O)/fuzz/enroll $(O)/replay/enroll: $(O)/cmd/reload-enroll/serve_request.o $(O)/libcmd.a $(O)/libcore.a
$(O)/fuzz/enroll $(O)/replay/enroll: LIBS := $(O)/libcore.a -lmicrohttpd $(LIBS)
$(O)/fuzz/sip_message $(O)/replay/sip_message: $(O)/libsofia.a
$(O)/fuzz/sip_message $(O)/replay/sip_message: LIBS += $(SIP_LIBS)
$(O)/tests/fuzz/fuzz_sip_message.o: CFLAGS += $(SOFIA_CFLAGS)

programs: $(BINS)
lab-tools: $(O)/tests/sim/services $(O)/tests/lab/ice-links $(O)/tests/lab/ice-pair $(O)/tests/lab/sip-locate $(O)/tests/inject/reload-agent
unit: $(UNIT)
replay: $(FUZZ:%=$(O)/replay/%)
fuzz-targets: $(FUZZ:%=$(O)/fuzz/%)

# --- tests -----------------------------------------------------------------------------------------------------------
check: check-deps
	$(Q)tests/run

lint: check-deps
	$(Q)tests/run -k '^lint '
	$(Q)tests/lint/format

check-headers: deps
	$(Q)tests/lint/headers

demo: programs
	$(Q)RELOAD_BIN=$(abspath $(O)) examples/acceptance.sh

SEED  ?= 1
NODES ?= 100
sim: $(O)/reload-sim
	$(Q)$< --seed $(SEED) --peers $(NODES)

# Overlays that set their own pace against fixed intervals: the tables in tests/sim/README.md.
sim-report: $(O)/reload-sim $(O)/tests/sim/services
	$(Q)tests/sim/report --sim $< --write
	$(Q)tests/sim/services-report --tool $(O)/tests/sim/services --write

mutants: check-deps
	$(Q)set -f; tests/mutants/run $(MUTANTS)

# Pictures of examples/, from the scenarios beside them.
plots: $(O)/reload-sim
	$(Q)$< --scenario examples/hops-over-n.scenario --sweep peers=100,300,1000,3000,10000 --plot examples/hops-over-n.svg
	$(Q)$< --scenario examples/traffic-over-churn.scenario --sweep session=10m,20m,30m,1h,2h,4h \
		--plot examples/traffic-over-churn.svg
	$(Q)$< --scenario examples/short-sessions.scenario --sweep session=121s,260s,519s,1039s,5194s --jobs 1 --plot build/plots
	$(Q)for picture in success traffic latency; do \
		cp build/plots/$$picture-over-session.svg examples/short-sessions-$$picture.svg || exit 1; done
	$(Q)$< --scenario examples/cost-of-upkeep.scenario --sweep update-interval=30s,1m,2m,5m,10m --jobs 1 \
		--plot examples/cost-of-upkeep.svg

# Figures, never asserted; BENCH_QUICK=1 for a short run, BENCH_PEER=opendht for OpenDHT beside us.
bench-tools: $(O)/bench/load $(O)/bench/micro $(O)/bench/links $(O)/bench/count.so
bench: check-deps programs bench-tools lab-tools
	$(Q)tests/bench/run $(O) build/bench.json

soak: check-deps programs lab-tools
	$(Q)RELOAD_BIN=$(abspath $(O)) tests/soak/soak $(SOAK)
	$(Q)RELOAD_BIN=$(abspath $(O)) tests/soak/memory $(or $(MEMORY),--minutes 2)
	$(Q)$(MAKE) --no-print-directory MODE=asan O=build/asan programs
	$(Q)RELOAD_BIN=$(abspath build/asan) tests/soak/attack $(ATTACK)
	$(Q)RELOAD_BIN=$(abspath $(O)) LOSS_STORES=1000 bats tests/cli/loss.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) NAT_MATRIX=all NAT_RING=1 bats -f 'each pair|eight peers' tests/cli/nat.bats tests/cli/nat-change.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) NAT_MATRIX=all NAT_LOSS=5 bats -f 'each pair' tests/cli/nat.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) ATTACH_TTL=20 ATTACH_IDLE=600 bats -f 'is idle' tests/cli/attach-ice.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) ADAPTER_SECONDS=60 bats tests/cli/adapter-nat.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) ADAPTER_CALLS=200 PHONE_SECONDS=900 bats -f 'calls in a row' tests/cli/sip-adapter.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) ATTACH_MEGABYTES=100 bats -f 'file each way' tests/cli/attach.bats tests/cli/attach-ice.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) SIP_IDLE=1 bats -f 'without calls' tests/cli/sip-peer.bats
	$(call ensure,chromium-driver python3-selenium)
	$(Q)RELOAD_BIN=$(abspath $(O)) bats -f 'in a browser' tests/cli/diag.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) AGENTS=25 PROVIDERS=8 KILLS=10 EVERY=60 LIFETIME=600 bats tests/cli/services-killed.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) TWELVE_ROUNDS=20 bats -f 'points at' tests/cli/twelve.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) SIM_REAL_SECONDS=600 SIM_REAL_ROUNDS=12 bats tests/cli/sim-real.bats
	$(Q)RELOAD_BIN=$(abspath $(O)) WHY_FAULTS_COUNT=27 bats -f 'names the cause' tests/cli/why.bats
	$(call ensure,valgrind)
	$(Q)tests/lab/ice-check $(O) long

# Packages through installation, upgrade and purge in a chroot; needs a mirror of Debian.
soak-deb: check-deps programs
	$(call ensure,debhelper lintian fakeroot mmdebstrap)
	$(Q)RELOAD_BIN=$(abspath $(O)) PACKAGES_LONG=1 bats tests/cli/packages.bats

# Agents with a fault each, which reload-diag conform has to name.
soak-conform: check-deps programs
	$(Q)tests/conform/run $(O)

# A ring of this version and of the one of tests/upgrade/commit, which is built beside.
soak-upgrade: check-deps programs
	$(Q)RELOAD_BIN=$(abspath $(O)) UPGRADE_LONG=1 bats tests/cli/upgrade.bats

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(FUZZ)
fuzz: check-deps fuzz-targets
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(O) $(FUZZ_TARGETS)

# --- what is written from other things, and what is put in place -----------------------------------------------------
format: check-deps
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

changelog:
	$(Q)tests/lint/changelog --write

completions: programs
	$(Q)for p in $(PROGRAMS); do \
		$(O)/$$p --completion bash >completions/$$p && $(O)/$$p --completion zsh >completions/_$$p && \
		$(O)/$$p --completion fish >completions/$$p.fish || exit 1; \
	done

man: check-deps programs
	$(Q)RELOAD_BIN=$(abspath $(O)) tests/lint/man

SHARE = $(DESTDIR)$(PREFIX)/share
EXAMPLES := $(wildcard examples/*)
UNITS := $(notdir $(wildcard units/*.service units/*.socket units/*.timer))
install: programs
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man7 $(SHARE)/man/man8 \
		$(SHARE)/man/man3 $(SHARE)/bash-completion/completions $(DESTDIR)$(ZSHDIR) $(SHARE)/fish/vendor_completions.d
	install -d $(DESTDIR)$(LIBEXECDIR)/reload
	install -m 755 $(PROGRAMS:%=$(O)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PRIVATE:%=$(O)/%) $(DESTDIR)$(LIBEXECDIR)/reload
	install -m 644 $(O)/reload-ice.so $(O)/reload-mdns.so $(DESTDIR)$(LIBEXECDIR)/reload
	for page in man/*.[1-8]; do install -m 644 $$page $(SHARE)/man/man$${page##*.}; done
	install -m 644 $(PROGRAMS:%=completions/%) $(SHARE)/bash-completion/completions
	install -m 644 $(PROGRAMS:%=completions/_%) $(DESTDIR)$(ZSHDIR)
	install -m 644 $(PROGRAMS:%=completions/%.fish) $(SHARE)/fish/vendor_completions.d
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(SHARE)/doc/reload/examples
	install -m 644 $(O)/$(SONAME) $(DESTDIR)$(LIBDIR)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libreload.so
	install -m 644 libreload/reload.h $(DESTDIR)$(PREFIX)/include
	sed 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@VERSION@,$(VERSION),' libreload/libreload.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libreload.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/libreload.pc
	install -m 644 README.md CHANGELOG.md $(SHARE)/doc/reload
	install -m 644 $(filter-out %.sh,$(EXAMPLES)) $(SHARE)/doc/reload/examples
	install -m 755 $(filter %.sh,$(EXAMPLES)) $(SHARE)/doc/reload/examples
	install -d $(DESTDIR)$(SYSTEMDDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for unit in $(UNITS); do \
		sed 's,@BINDIR@,$(PREFIX)/bin,g' units/$$unit >$(DESTDIR)$(SYSTEMDDIR)/$$unit && \
		chmod 644 $(DESTDIR)$(SYSTEMDDIR)/$$unit || exit 1; \
	done
	for users in reload reload-enroll; do install -m 644 units/sysusers-$$users.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/$$users.conf; done
	install -m 644 units/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/reload.conf
	install -d $(DESTDIR)$(SYSCONFDIR)/logrotate.d
	install -m 644 units/logrotate.conf $(DESTDIR)$(SYSCONFDIR)/logrotate.d/reload

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/libreload.so $(DESTDIR)$(PREFIX)/include/reload.h \
		$(DESTDIR)$(LIBDIR)/pkgconfig/libreload.pc
	rm -f $(SHARE)/doc/reload/README.md $(SHARE)/doc/reload/CHANGELOG.md $(EXAMPLES:examples/%=$(SHARE)/doc/reload/examples/%)
	rm -f $(PROGRAMS:%=$(DESTDIR)$(PREFIX)/bin/%) $(PRIVATE:%=$(DESTDIR)$(LIBEXECDIR)/reload/%) \
		$(DESTDIR)$(LIBEXECDIR)/reload/reload-ice.so $(DESTDIR)$(LIBEXECDIR)/reload/reload-mdns.so
	for page in man/*.[1-8]; do rm -f $(SHARE)/man/man$${page##*.}/$${page#man/}; done
	rm -f $(PROGRAMS:%=$(SHARE)/bash-completion/completions/%) $(PROGRAMS:%=$(DESTDIR)$(ZSHDIR)/_%) \
		$(PROGRAMS:%=$(SHARE)/fish/vendor_completions.d/%.fish)
	rm -f $(UNITS:%=$(DESTDIR)$(SYSTEMDDIR)/%) $(DESTDIR)$(PREFIX)/lib/sysusers.d/reload.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/reload-enroll.conf \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/reload.conf \
		$(DESTDIR)$(SYSCONFDIR)/logrotate.d/reload
	rmdir $(DESTDIR)$(LIBEXECDIR)/reload $(SHARE)/doc/reload/examples $(SHARE)/doc/reload 2>/dev/null || true

deb:
	$(Q)debian/build

clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
