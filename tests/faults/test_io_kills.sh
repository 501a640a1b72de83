#!/bin/bash
# kill -9 at each call that writes: the newest checkpoint that verifies is whole, and the next run in the
# directory cleans up and goes on.
. "$(dirname "$0")/io_support.sh"

base=$scratch/base
WITHOUT_MPI=1 "$program" once "$base" 100 2 || exit 1

# at CALL RANKS VICTIM: prints what broke, if anything; returns 2 where the call does not come any more
at() {
    local call=$1 ranks=$2 victim=$3 work=$scratch/work
    rm -rf "$work" "$scratch/newest"
    cp -r "$base" "$work"
    if [ "$ranks" = 0 ]; then
        WITHOUT_MPI=1 LD_PRELOAD=$shim FAULT_PATH=/work/ FAULT_MODE=kill FAULT_CALL=$call \
            "$program" once "$work" 200 2
    else
        FAULT_PATH=/work/ FAULT_MODE=kill FAULT_CALL=$call FAULT_RANK=$victim \
            $mpirun -n "$ranks" env LD_PRELOAD="$shim" "$program" once "$work" 200 2
    fi >"$scratch/out" 2>&1 && return 2
    WITHOUT_MPI=1 "$program" newest "$work" >"$scratch/newest" || { echo "no whole checkpoint"; return 1; }
    WITHOUT_MPI=1 "$program" once "$work" 300 2 || { echo "no run after it"; return 1; }
    no_parts "$work" || { echo "parts are left"; return 1; }
    WITHOUT_MPI=1 "$program" newest "$work" | grep -q '^whole .*_000000000300.h5$' || { echo "no new one"; return 1; }
}

# sweep NAME RANKS VICTIM STRIDE
sweep() {
    local name=$1 call=1 kills=0 result=0 verdict=0
    while [ $call -lt 500 ]; do
        at $call "$2" "$3"
        result=$?
        [ $result = 2 ] && break
        [ $result = 0 ] || { echo "killed at call $call of rank $3"; verdict=1; }
        kills=$((kills + 1))
        call=$((call + $4))
    done
    claim "$name" [ "$verdict" = 0 -a $kills -gt 2 ]
}

sweep nothing_is_lost_by_a_kill_at_any_call 0 0 1
if [ -n "$long" ]; then
    for victim in 0 1 2; do
        sweep nothing_is_lost_by_a_kill_of_rank_${victim}_of_3_at_any_call 3 $victim 1
    done
else
    sweep nothing_is_lost_by_a_kill_of_rank_0_of_2 2 0 19
    sweep nothing_is_lost_by_a_kill_of_rank_1_of_2 2 1 7
fi
exit $status
