#!/bin/bash
# The job scripts under a real Slurm: a run that is told to stop saves itself, its job goes back into the queue,
# starts again and ends with the same bits as a run that was never stopped.
# time limit: 400 s
set -u
cd "$(dirname "$0")/../.." || exit 1
cases='mpirun_job_saves_itself_at_usr1 mpirun_job_is_queued_again_and_finishes mpirun_job_gives_the_bits_of_an_uninterrupted_run
       srun_job_saves_itself_at_usr1 srun_job_is_queued_again_and_finishes srun_job_gives_the_bits_of_an_uninterrupted_run'
slurm=$SCRATCH/slurm
export SCULPTOR=$BUILD/sculptor

stop_cluster() { tests/slurm/cluster.sh stop "$slurm"; }
trap stop_cluster EXIT
if ! why=$(tests/slurm/cluster.sh start "$slurm" 2>&1); then
        for name in $cases; do echo "skip $name Slurm does not start here: ${why##*cluster.sh: }"; done
        exit 0
fi
eval "$(tests/slurm/cluster.sh env "$slurm")"

# Long enough to be stopped on the way; the same input for all.
input=inputs/ncsn_toy_annealed.yaml
changes=(--set population.particles=20000 --set "sampler.steps_per_level=${STEPS:-4000}")

verdict() { if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "FAIL $2"; sed 's/^/# /' "$3"; fi; }
until_true() { # until_true SECONDS COMMAND
        local end=$((SECONDS + $1)); shift
        until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}
state_of() { scontrol -o show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'; }
has_ended() { case $(state_of "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) true ;; *) false ;; esac; }
payloads() { (cd "$1" && "$SCULPTOR" hash snapshot_*.h5); }

$MPIRUN -n 1 "$SCULPTOR" sample $input "${changes[@]}" --output "$SCRATCH/whole" --quiet || exit 1
payloads "$SCRATCH/whole" >"$SCRATCH/whole.hashes"

# job_survives KIND SCRIPT 'scancel options that send USR1 as --signal in SCRIPT does'
job_survives() {
        local kind=$1 script=$2 how=$3 job out=$SCRATCH/$1.out run=$SCRATCH/$1
        job=$(sbatch --parsable --ntasks=2 --ntasks-per-node=2 --time=10 --output="$out" "$script" $input "${changes[@]}" \
                --output "$run")
        until_true 60 test -e "$run/snapshot_0002.h5"
        # shellcheck disable=SC2086  # options
        scancel --signal=USR1 $how "$job"
        until_true 30 grep -q 'saved; back into the queue' "$out"
        verdict $? "${kind}_job_saves_itself_at_usr1" "$out"

        until_true 120 has_ended "$job"
        [ "$(state_of "$job")" = COMPLETED ] && grep -q 'start 2: done' "$out"
        verdict $? "${kind}_job_is_queued_again_and_finishes" "$out"

        payloads "$run" >"$run.hashes" 2>&1
        diff "$SCRATCH/whole.hashes" "$run.hashes" >"$run.difference"
        verdict $? "${kind}_job_gives_the_bits_of_an_uninterrupted_run" "$run.difference"
}
job_survives mpirun jobscripts/sample.sbatch --batch
if srun --mpi=list 2>&1 | grep -q pmix; then
        job_survives srun jobscripts/sample-srun.sbatch ''
else
        for name in $cases; do case $name in srun_*) echo "skip $name this Slurm has no PMIx" ;; esac; done
fi

# The same at a real time limit of a minute: minutes long, so only where time is given.
[ -n "${SCULPTOR_LONG:-}" ] || exit 0
out=$SCRATCH/limit.out
job=$(sbatch --parsable --ntasks=2 --ntasks-per-node=2 --time=1 --signal=B:USR1@20 --output="$out" jobscripts/sample.sbatch \
        $input "${changes[@]}" --set sampler.steps_per_level=$((10 * ${STEPS:-4000})) --output "$SCRATCH/limit")
until_true 600 has_ended "$job"
[ "$(state_of "$job")" = COMPLETED ] && grep -q 'saved; back into the queue' "$out"
verdict $? mpirun_job_longer_than_its_time_limit_finishes "$out"
