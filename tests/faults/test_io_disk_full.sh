#!/bin/bash
# A full disk, met by the check before, by fallocate(), and by a rank's own pwrite(): status 3, one line
# with path and cause, no part left, the older checkpoint whole.
. "$(dirname "$0")/io_support.sh"

if [ -z "${inside:-}" ]; then
    unshare -Urm true 2>/dev/null || skip disk_full: this system lets users mount nothing
    mkdir -p "$scratch/disk"
    inside=1 scratch=$scratch unshare -Urm bash "$0"
    exit $?
fi

# full SIZE RANKS WAY
full() {
    local disk=$scratch/disk run=$scratch/disk/run found
    mount -t tmpfs -o "size=$1" none "$disk" || return 1
    WITHOUT_MPI=1 "$program" once "$run" 2000 2 || { echo "no first checkpoint"; umount "$disk"; return 1; }
    case $3 in
    before) $mpirun -n "$2" "$program" once "$run" 60000 2 ;;
    reserving) FAULT_ROOMY=1 $mpirun -n "$2" env LD_PRELOAD="$shim" "$program" once "$run" 60000 2 ;;
    writing)
        FAULT_ROOMY=1 FAULT_NO_FALLOCATE=1 $mpirun -n "$2" env LD_PRELOAD="$shim" "$program" once "$run" 60000 2
        ;;
    esac 2>"$scratch/errors"
    found=$?
    grep '^checkpoint: ' "$scratch/errors" >"$scratch/line"
    [ $found = 3 ] || echo "status $found"
    [ "$(wc -l <"$scratch/line")" = 1 ] || echo "not one line: $(cat "$scratch/errors")"
    grep -q "disk/run/.*No space left on device" "$scratch/line" || echo "no path or cause: $(cat "$scratch/line")"
    no_parts "$run" || echo "a part is left"
    WITHOUT_MPI=1 "$program" newest "$run" | grep -q '^whole .*_000000002000.h5$' || echo "the older one is gone"
    umount "$disk"
}

sizes=700k
[ -z "$long" ] || sizes="260k 300k 400k 500k 600k 700k 800k 900k"
for way in before reserving writing; do
    for ranks in 1 2 3 4; do
        for size in $sizes; do
            full "$size" $ranks $way >"$scratch/broken" 2>&1
            [ ! -s "$scratch/broken" ] || sed "s/^/$size: /" "$scratch/broken" >>"$scratch/broken.all"
        done
        claim "a_disk_full_${way}_with_${ranks}_ranks_loses_nothing" [ ! -s "$scratch/broken.all" ]
        [ ! -s "$scratch/broken.all" ] || cat "$scratch/broken.all"
        rm -f "$scratch/broken.all"
    done
done
exit $status
