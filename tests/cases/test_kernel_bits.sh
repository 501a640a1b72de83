#!/bin/bash
# (beside others)
# The kernels give the committed bits in every build: instruction sets up to the processor's own, vectors
# of 2, 4 and 8 doubles, optimised or hardly, fused multiply-add by hardware or by the C library.
cd "$(dirname "$0")/../.." || exit 1
scratch=${SCRATCH:-$(mktemp -d)}
sources="tests/cases/kernel_bits.c src/base/rng.c src/score/mixture.c src/score/mixture_level.c src/score/mixture_eval.c
        src/score/mixture_each.c src/network/gemm.c src/network/perceptron.c src/network/perceptron_weights.c
        src/network/particle_inputs.c src/network/spectral_norm.c src/network/conv.c src/network/conv_gradient.c
        src/network/unet_film.c src/network/unet_layers.c src/network/unet_levels.c src/network/unet_model.c
        src/network/unet_passes.c"
exact="-fno-fast-math -ffp-contract=off -fno-math-errno -fno-trapping-math"

try() { # NAME OPTIONS...
        local name=$1
        shift
        # shellcheck disable=SC2086
        if ! "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -Isrc $exact "$@" -o "$scratch/$name" $sources -lm; then
                echo "FAIL bits_of_$name does not compile"
        elif "$scratch/$name" >"$scratch/$name.out" && awk '$2 != $3 {exit 1}' "$scratch/$name.out"; then
                echo "ok bits_of_$name"
        else
                echo "FAIL bits_of_$name $(awk '$2 != $3 {print $1}' "$scratch/$name.out" | tr '\n' ' ')"
        fi
}

flags=" $(grep -m 1 '^flags' /proc/cpuinfo) "
has() {
        for flag in "$@"; do
                [[ $flags == *" $flag "* ]] || return 1
        done
}

if ! has sse4_2; then
        echo "skip bits_of_x86 not such a processor: tests/unit compare the build at hand"
        exit 0
fi
try sse2_O1 -O1 -march=x86-64
try sse4_O3 -O3 -march=x86-64-v2
if has avx2 fma bmi2; then
        try avx2_O0 -O0 -march=x86-64-v3
        try avx2_O1 -O1 -march=x86-64-v3
        try avx2_O3 -O3 -march=x86-64-v3
        try avx2_O3_128 -O3 -march=x86-64-v3 -mprefer-vector-width=128
else
        echo "skip bits_of_avx2 not on this processor"
fi
if has avx512f avx512bw avx512cd avx512dq avx512vl; then
        try avx512_O3_256 -O3 -march=x86-64-v4 -mprefer-vector-width=256
        try avx512_O3_512 -O3 -march=x86-64-v4 -mprefer-vector-width=512
else
        echo "skip bits_of_avx512 not on this processor"
fi
