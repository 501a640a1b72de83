#!/bin/sh
# Builds tests/long/bits.c and the parts of the library it calls, by the Makefile's own flags, as a static program.
#
#     tests/long/build_bits.sh DIRECTORY ARCH CFLAGS     makes DIRECTORY/ARCH/CFLAGS/bits and prints its path
#
# What reads the input file decides no bits and is compiled once for all programs in DIRECTORY.
set -eu
directory=$(mkdir -p "$1" && cd "$1" && pwd)
build=$directory/$2/$3
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MFLAGS MAKELEVEL # of a make that runs the tests
built=

# compile BUILD ARCH CFLAGS SOURCE...
compile() {
        into=$1 arch=$2 cflags=$3
        shift 3
        for source; do
                set -- "$@" "$into/${source%.c}.o"
                shift
        done
        mkdir -p "$into"
        make -s -j2 BUILD="$into" ARCH="$arch" CFLAGS="$cflags" SANITIZE= "$@" >"$into/log" 2>&1 || {
                cat "$into/log" >&2
                exit 1
        }
        built="$built $*"
}

compile "$directory/reading" x86-64-v2 -O1 src/base/memory.c src/base/params*.c src/base/yaml*.c
fields=
for source in src/field/*.c; do
        case $source in
        src/field/mesh.c | src/field/mesh_plan.c) ;; # MPI and FFTW: tests/long/bits_mesh.c stands in
        *) fields="$fields $source" ;;
        esac
done
# shellcheck disable=SC2086 # a list
compile "$build" "$2" "$3" tests/long/bits.c tests/long/bits_mesh.c src/base/rng.c src/base/tree_sum.c src/base/text.c src/base/log.c \
        src/population/population.c src/schedule/*.c src/score/*.c src/sampler/*.c src/network/*.c $fields
# shellcheck disable=SC2086 # a list
"${CC:-cc}" -static -o "$build/bits" $built -lyaml -lgsl -lgslcblas -lm
echo "$build/bits"
