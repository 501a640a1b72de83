# Sculptor: carves samples out of noise.   `make help` lists the targets.
-include config.mk

BUILD ?= build
ARCH  ?= native
MPICC ?= mpicc
PKG_CONFIG ?= pkg-config
OPT   ?= -O3

WARN   = -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(or $(CI),$(WERROR)),-Werror)
# The same bits wherever it is built: fused multiply-adds only where the code says fma(), and none of
# -ffast-math. errno and traps of mathematical functions are not used; both flags keep every value.
MATH   = -ffp-contract=off -fno-math-errno -fno-trapping-math
PKGS   = hdf5-openmpi fftw3 gsl yaml-0.1
CPPFLAGS += -Iinclude -Isrc -D_POSIX_C_SOURCE=200809L -isystem $(patsubst -I%,%,$(firstword $(shell $(PKG_CONFIG) --cflags-only-I hdf5-openmpi)))
CFLAGS ?= -g
CFLAGS += -std=c11 $(OPT) -march=$(ARCH) $(MATH) $(WARN)
LDLIBS += $(shell $(PKG_CONFIG) --libs $(PKGS)) -lhdf5_openmpi_hl -lm

SRC  = $(filter-out src/programs/%,$(wildcard src/*/*.c))
PROG = $(wildcard src/programs/*.c)
LIB  = $(BUILD)/libsculptor.a
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(BUILD)/sculptor    ## build the program and the library

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(MPICC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(SRC:%.c=$(BUILD)/%.o)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/sculptor: $(PROG:%.c=$(BUILD)/%.o) $(LIB)
	$(MPICC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(MPICC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

unit: $(UNIT)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit
