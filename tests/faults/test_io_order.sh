#!/bin/bash
# The order that makes a file durable, seen by strace: all writes, then fsync on every rank, then the
# rename, then fsync of the directory; a checkpoint's manifest after the checkpoint.
. "$(dirname "$0")/io_support.sh"

strace -qq -o /dev/null true 2>/dev/null || skip durability_order: strace cannot trace here

# Puts a number before each event of a file: 1 write, 2 fsync, 3 rename, 4 fsync of the directory.
events() { # NAME, of the traces of all ranks, in order of time
    sort -n "$scratch"/trace.* | awk -v name="$1" -v directory="/order$ranks>" '
        /pwrite64\(/ && index($0, "/." name ".part>") { print 1 }
        /fsync\(/ && index($0, "/." name ".part>")    { print 2 }
        /rename\(/ && index($0, "/" name "\"")        { print 3; renamed = 1 }
        /fsync\(/ && index($0, directory) && renamed  { print 4; exit }'
}

sorted() { # NAME RANKS: every step there, and none before its turn
    local found
    found=$(events "$1")
    [ "$found" = "$(sort -n <<<"$found")" ] && [ "$(grep -c 2 <<<"$found")" = "$2" ] &&
        [ "$(uniq <<<"$found" | tr -d '\n')" = 1234 ]
}

for ranks in 1 2; do
    rm -f "$scratch"/trace.*
    $mpirun -n $ranks sh -c 'exec strace -qq -y -ttt -e trace=pwrite64,fsync,rename \
        -o "$0.${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}" "$@"' "$scratch/trace" \
        "$program" once "$scratch/order$ranks" 1000 2 || status=1
    claim "a_snapshot_of_${ranks}_ranks_is_durable_before_it_has_its_name" sorted snapshot_0001.h5 $ranks
    claim "a_checkpoint_of_${ranks}_ranks_is_durable_before_it_has_its_name" sorted checkpoint_000000001000.h5 $ranks
    claim "a_manifest_of_${ranks}_ranks_is_durable_before_it_has_its_name" sorted checkpoint_000000001000.manifest 1
    renames=$(sort -n "$scratch"/trace.* | grep -o 'rename(.*' | grep -o 'checkpoint_[0-9]*[.][a-z0-9]*"' | tr -d '\n')
    claim "the_manifest_of_${ranks}_ranks_comes_last" \
        [ "$renames" = 'checkpoint_000000001000.h5"checkpoint_000000001000.manifest"' ]
done
exit $status
