#!/bin/bash
# (beside others)
# The same bits from every processor the code is built for and from every optimisation: mathematical functions, random
# numbers, scores and samplers (tests/long/bits.c), as vectors of 2, 4 and 8 doubles and one by one, fused multiply-adds
# by an instruction and by the C library.
set -u
cd "$(dirname "$0")/../.." || exit 1
export SCRATCH=${SCRATCH:-$(mktemp -d)}
claims='sse_without_fma_gives_the_bits_of_avx2 hardly_optimised_gives_the_bits_of_avx2 avx512_gives_the_bits_of_avx2'
status=0

skip_all() { for claim in $claims; do echo "skip $claim $*"; done; exit 0; }

compare() { # CLAIM ARCH CFLAGS
        local program
        if program=$(tests/long/build_bits.sh "$SCRATCH" "$2" "$3") && "$program" >"$SCRATCH/bits" &&
                diff "$SCRATCH/avx2" "$SCRATCH/bits" >"$SCRATCH/difference"; then
                echo "ok $1"
        else
                echo "FAIL $1"
                sed 's/^/# /' "$SCRATCH/difference"
                status=1
        fi
}

[ "$(uname -sm)" = "Linux x86_64" ] || skip_all "this is no Linux on x86-64"
grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo || skip_all "this processor has no AVX2"
"${MPICC:-mpicc}" -march=x86-64-v4 -E -x c /dev/null >/dev/null 2>&1 || skip_all "the compiler does not know x86-64-v4"

avx2=$(tests/long/build_bits.sh "$SCRATCH" x86-64-v3 -O3) && "$avx2" >"$SCRATCH/avx2" && [ -s "$SCRATCH/avx2" ] || {
        echo "FAIL avx2_program_runs"
        exit 1
}
compare sse_without_fma_gives_the_bits_of_avx2 x86-64-v2 -O3
compare hardly_optimised_gives_the_bits_of_avx2 x86-64-v3 -O1
if grep -qw avx512vl /proc/cpuinfo || [ -n "${SCULPTOR_LONG:-}" ]; then
        tests/long/avx512_in_bochs.sh || status=1
else
        echo "skip avx512_gives_the_bits_of_avx2 this processor has no AVX-512; make test-long has Bochs emulate one"
fi
exit $status
