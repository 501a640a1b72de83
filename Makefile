# Sculptor: carves samples out of noise.   `make help` lists the targets.
#
# Settings, on the command line, in the environment or in config.mk (see config.mk.example):
#   ARCH=x86-64-v3|x86-64-v4|...  the processors to build for (native: this one)
#   BUILD=DIR  PREFIX=DIR  DESTDIR=DIR  CFLAGS  LDFLAGS  MPICC  PYTHON
#   HDF5_DIR FFTW_DIR GSL_DIR YAML_DIR   folders of libraries that pkg-config does not know
#   SANITIZE=1  address and undefined-behaviour sanitizers, in a build folder of their own
#   TORCH_DIR=DIR  libtorch, for make plugins
#   WERROR=1    warnings are errors (also with CI=true)
#   V=1         print whole command lines
-include config.mk

VERSION = 0.1.0

BUILD  ?= build$(if $(SANITIZE),-sanitize)
ARCH   ?= native
MPICC  ?= mpicc
PREFIX ?= /usr/local
CFLAGS ?= -g $(if $(SANITIZE),-O1,-O3)
RANKS  ?= 2
export MPICC CXX PYTHON TORCH_DIR PKG_CONFIG HDF5_DIR FFTW_DIR GSL_DIR YAML_DIR

# Evaluated at the first use, then kept: nothing is asked of the system by `make help` or `make demo`
# before what they need is installed.
once = $(eval $1 := $$(shell $2))$($1)
libraries = $(call once,libraries,scripts/find-libraries || echo missing)
wide      = $(call once,wide,$(MPICC) -march=$(ARCH) -dM -E - </dev/null | sed -n 's/.*__AVX512F__.*/-mprefer-vector-width=512/p')
python    = $(call once,python,scripts/find-python)

# The same bits wherever it is built: fused multiply-adds only where the code says fma(), nothing of
# -ffast-math. Nobody reads errno or traps of mathematical functions, and both options keep all values.
exact    = -fno-fast-math -ffp-contract=off -fno-math-errno -fno-trapping-math
warnings = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes $(if $(or $(WERROR),$(filter true 1,$(CI))),-Werror)
sanitize = $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
comma   := ,

includes = -Iinclude -Isrc -D_POSIX_C_SOURCE=200809L $(filter -isystem%,$(libraries))
compile  = $(MPICC) $(CPPFLAGS) $(includes) $(CFLAGS) -std=c11 -march=$(ARCH) $(wide) $(exact) $(warnings) $(sanitize)
link     = $(MPICC) $(CFLAGS) $(sanitize) $(LDFLAGS) -Wl,--as-needed
libs     = $(filter-out -isystem%,$(libraries)) $(LDLIBS)

headers   = $(wildcard include/sculptor/*.h)
sources   = $(filter-out src/programs/%,$(wildcard src/*/*.c))
programs  = $(wildcard src/programs/*.c)
library   = $(BUILD)/libsculptor.a
# tests/unit/test_x.c -> $(BUILD)/tests/test_x; tests/mpi/test_x.c -> $(BUILD)/tests/mpi/test_x;
# tests/faults/x.c -> $(BUILD)/tests/faults/x.so, loaded before the libraries it stands in for
unit_tests = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
mpi_tests  = $(patsubst tests/mpi/%.c,$(BUILD)/tests/mpi/%,$(wildcard tests/mpi/test_*.c))
# tests/cases/x_probe.c -> $(BUILD)/tests/x_probe: what tests of whole runs ask of the library
probes     = $(patsubst tests/cases/%.c,$(BUILD)/tests/%,$(wildcard tests/cases/*_probe.c))
shims      = $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/faults/*.c))
c_plugins  = $(patsubst %.c,$(BUILD)/%.so,$(wildcard plugins/*.c))
benchmarks = $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
objects    = $(patsubst %.c,$(BUILD)/%.o,$(sources) $(programs) $(wildcard tests/*/*.c bench/*.c))

quiet = $(if $(V),,@echo '  $(1)  $@';)
MAKEFLAGS += --no-builtin-rules

all: $(BUILD)/sculptor $(library)  ## build the program and the library

# ---- building ----

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC  )$(compile) $(for_this_file) -MMD -MP -c -o $@ $<

$(library): $(sources:%.c=$(BUILD)/%.o)
	$(call quiet,AR  )rm -f $@ && ar rcs $@ $^

$(BUILD)/sculptor: $(programs:%.c=$(BUILD)/%.o) $(library)
	$(call quiet,LINK)$(link) -o $@ $^ $(libs)

$(unit_tests): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(library)
	$(call quiet,LINK)$(link) -o $@ $^ -lcmocka $(libs)

$(mpi_tests): $(BUILD)/tests/mpi/%: $(BUILD)/tests/mpi/%.o $(library)
	$(call quiet,LINK)$(link) -o $@ $^ -lcmocka $(libs)

$(benchmarks): %: %.o $(library)
	$(call quiet,LINK)$(link) -o $@ $^ $(libs)

$(shims): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC  )$(compile) -fPIC -shared -o $@ $< -ldl

# What users compile by themselves: with the system's compilers, and this header alone.
$(c_plugins): $(BUILD)/%.so: %.c include/sculptor/plugin.h
	@mkdir -p $(@D)
	$(call quiet,CC  )$(CC) -O2 -fPIC -shared -std=c99 -ffp-contract=off $(warnings) -Iinclude -o $@ $< -lm

$(BUILD)/tests/test_plugin: | $(BUILD)/plugins/example_mixture.so

$(BUILD)/plugins/torchscript.so: plugins/torchscript.cpp include/sculptor/plugin.h
	@mkdir -p $(@D)
	$(call quiet,CXX )$(CXX) -O2 -fPIC -shared -std=c++17 -Wall -Wextra -Iinclude -o $@ $< $$(scripts/find-torch)

plugins: $(c_plugins)  ## build the example plugins: in C, and TorchScript's where libtorch is found (TORCH_DIR=DIR)
	@if scripts/find-torch >/dev/null; then $(MAKE) --no-print-directory $(BUILD)/plugins/torchscript.so; fi

$(probes): $(BUILD)/tests/%: $(BUILD)/tests/cases/%.o $(library)
	$(call quiet,LINK)$(link) -o $@ $^ $(libs)

unit: $(unit_tests)
tests: $(unit_tests) $(mpi_tests) $(probes) $(shims) $(c_plugins)

# What objects were compiled with, and which version they are of: files that change when those do.
$(BUILD)/flags: FORCE
	$(if $(filter missing,$(libraries)),$(error libraries are missing))
	@mkdir -p $(@D)
	@echo '$(compile)' | cmp -s - $@ || echo '$(compile)' >$@

$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo "$(VERSION) $$(scripts/source-commit)" >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

provenance = $(BUILD)/src/run/provenance.o
$(provenance): $(BUILD)/version
$(provenance): for_this_file = -DSCULPTOR_VERSION='"$(VERSION)"' -DSCULPTOR_COMMIT='"$(lastword $(shell cat $(BUILD)/version 2>/dev/null))"'

-include $(objects:.o=.d)

# ---- running ----

demo:  ## install what is missing, build, sample a toy and a cosmological field on 2 ranks and draw them (a minute or two)
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@BUILD='$(BUILD)' RANKS='$(RANKS)' scripts/run-demo

demo-train:  ## learn a density from a data set, sample it by reverse diffusion on 2 ranks and draw both (a minute)
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@BUILD='$(BUILD)' RANKS='$(RANKS)' scripts/run-demo-train

five-samplers:  ## draw one target by five reverse samplers at NFE=20 score evaluations a particle
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@BUILD='$(BUILD)' RANKS='$(RANKS)' scripts/run-pictures five_samplers

pictures:  ## draw reverse diffusion: five samplers, forward and reverse, likelihood maps, latent paths (a minute)
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@BUILD='$(BUILD)' RANKS='$(RANKS)' scripts/run-pictures

studies:  ## show the theory of learning by runs, with pictures: smeared modes, fields that are no gradients (some minutes)
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@. scripts/mpi-environment && '$(or $(PYTHON),$(python))' scripts/run-studies '$(BUILD)'

test:  ## install what is missing, build, run all tests; TESTS=pattern runs some
	@scripts/install-dependencies build post test
	@$(MAKE) --no-print-directory -j "$$(nproc)" all tests
	@scripts/run-tests --build '$(BUILD)' $(TESTS)

test-long: export SCULPTOR_LONG = 1
test-long: test  ## the same with the long forms of the tests (hours)

bench:  ## measure speed and accuracy beside PyTorch's: prints docs/performance.md; ONLY=diffusion prints a part
	@scripts/install-dependencies build post bench
	@$(MAKE) --no-print-directory -j "$$(nproc)" all $(benchmarks)
	@. scripts/mpi-environment && '$(or $(PYTHON),$(python))' bench/bench.py '$(BUILD)' $(if $(SHORT),--short) $(ONLY:%=--only=%)

accuracy:  ## run every reverse sampler on a mixture and a random field: draws distance against evaluations (some minutes)
	@scripts/install-dependencies build post
	@$(MAKE) --no-print-directory -j "$$(nproc)" all
	@. scripts/mpi-environment && '$(or $(PYTHON),$(python))' bench/accuracy.py '$(BUILD)'

lint:  ## check includes between folders, symbols and format; run clang-tidy and cppcheck
	@scripts/install-dependencies build post test lint
	@$(MAKE) --no-print-directory -j "$$(nproc)" all tests
	@$(MAKE) --no-print-directory -j "$$(nproc)" --output-sync=target -k lint-tree lint-format lint-cppcheck lint-tidy
	@echo "lint: nothing to complain of"

c_files = $(wildcard include/sculptor/*.h src/*/*.[ch] tests/*/*.[ch] plugins/*.c*)

lint-tree:
	@scripts/lint-tree --compile '$(compile)' --build '$(BUILD)'
lint-format:
	@scripts/format --check $(c_files)
lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	@cppcheck --quiet --enable=warning,performance,portability --std=c11 --error-exitcode=1 --inline-suppr \
	  --suppressions-list=scripts/cppcheck.suppressions '-D_Noreturn=__attribute__((noreturn))' \
	  --cppcheck-build-dir=$(BUILD)/lint/cppcheck -D_POSIX_C_SOURCE=200809L -D__GNUC__=12 -D__x86_64__ -Iinclude -Isrc src
lint-tidy: $(patsubst %.c,$(BUILD)/lint/%.tidy,$(sources) $(programs))

# The object is newer than all it includes, and so says when to look again.
$(BUILD)/lint/%.tidy: %.c $(BUILD)/%.o .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(includes) $(shell $(MPICC) --showme:compile 2>/dev/null) -std=c11 -march=$(ARCH) 2>$@.log \
	  || { grep -v 'warnings\? \(generated\|treated\)' $@.log; exit 1; }
	@touch $@

format:  ## rewrite the sources in the style of .clang-format
	scripts/format $(c_files)

docs: $(BUILD)/sculptor  ## write docs/parameters.md from the program's own tables
	$(BUILD)/sculptor help --markdown >docs/parameters.md

clean:  ## remove what was built
	rm -rf '$(BUILD)'

share = $(DESTDIR)$(PREFIX)/share/sculptor
install: all  ## install into PREFIX (/usr/local), under DESTDIR where given
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/sculptor
	install -d $(share)/inputs $(share)/jobscripts $(share)/postprocess $(share)/plugins
	install -m 755 $(BUILD)/sculptor $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(library) $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(headers) $(DESTDIR)$(PREFIX)/include/sculptor/
	install -m 644 inputs/*.yaml $(share)/inputs/
	install -m 644 jobscripts/* $(share)/jobscripts/
	install -m 644 plugins/* $(share)/plugins/
	cd postprocess && find . -name '*.py' -exec install -D -m 644 {} $(abspath $(share))/postprocess/{} \;
	printf '%s\n' 'prefix=$(PREFIX)' '' 'Name: sculptor' 'Description: samples carved out of noise by score fields' \
	  'Version: $(VERSION)' 'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -lsculptor $(libs)' \
	  >$(DESTDIR)$(PREFIX)/lib/pkgconfig/sculptor.pc

help:  ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@sed -n '/^# Settings/,/^[^#]/s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

FORCE:
.PHONY: all unit tests plugins demo demo-train studies five-samplers pictures test test-long bench accuracy lint lint-tree lint-format lint-cppcheck \
        lint-tidy format docs clean install help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
