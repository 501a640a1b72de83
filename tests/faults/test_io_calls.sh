#!/bin/bash
# Each call that writes fails once, on each rank: every rank tells the same failure, nothing is left
# behind, and the older checkpoint is whole. And files of any number of ranks are read by any other.
. "$(dirname "$0")/io_support.sh"

counts="1 3"
[ -z "$long" ] || counts="1 2 3 4"
for ranks in $counts; do
    mkdir -p "$scratch/calls$ranks"
    FAULT_PATH=/calls$ranks/ timeout 120 $mpirun -n "$ranks" env LD_PRELOAD="$shim" \
        "$program" faults "$scratch/calls$ranks"
    claim "no_failing_call_ends_or_stops_$ranks"_ranks [ $? = 0 ]
done

for files in "$program" "$build/tests/mpi/test_io_fields"; do
    for ranks in 1 2 3 4; do
        $mpirun -n $ranks "$files" write "$scratch/$(basename "$files")" | grep -v same-on-any || status=1
    done
    for ranks in 1 2 3 4; do
        $mpirun -n $ranks "$files" read "$scratch/$(basename "$files")" || status=1
    done
done
exit $status
