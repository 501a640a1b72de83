#!/bin/bash
# A Slurm cluster of one node on this machine, for tests: munge, slurmctld and slurmd of one's own, on the
# loopback interface, with all their files in one folder.
#
#     cluster.sh start DIR    0: up; otherwise why not, on standard error
#     cluster.sh env DIR      exports for clients: eval "$(cluster.sh env DIR)"
#     cluster.sh stop DIR     cancels all jobs and ends the daemons
#
# Needs Debian's slurmctld slurmd slurm-client munge; no root, cgroups, systemd or data base. DIR must be short:
# it holds a socket.
set -u
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
command=${1:-} dir=${2:-}
export SLURM_CONF=$dir/slurm.conf

fail() { echo "cluster.sh: $*" >&2; exit 1; }

# A process by its number and the time it began, so that a number used again is never mistaken for it.
began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'; }
begin() {
        local name=$1; shift
        setsid "$@" </dev/null >>"$dir/$name.log" 2>&1 &
        echo "$! $(began $!)" >"$dir/$name.process"
}
is_up() {
        local process since
        read -r process since 2>/dev/null <"$dir/$1.process" && [ -n "$since" ] && [ "$(began "$process")" = "$since" ] &&
                echo "$process"
}
end() {
        local process i
        if process=$(is_up "$1"); then
                kill -TERM "$process"
                for ((i = 0; i < 50; i++)); do is_up "$1" >/dev/null || break; sleep 0.1; done
                process=$(is_up "$1") && kill -KILL "$process"
        fi
        rm -f "$dir/$1.process"
}
# until SECONDS COMMAND: true as soon as the command is
until_true() {
        local end=$((SECONDS + $1)); shift
        while ! "$@" >/dev/null 2>&1; do
                [ $SECONDS -lt $end ] || return 1
                sleep 0.1
        done
}

write_configuration() {
        local host me port=$((20000 + $$ % 20000))
        host=$(hostname -s) me=$(id -un)
        cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
CredType=cred/munge
# a job put back in the queue waits until its credential has expired: 120 s unless told, 5 s at least
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
KillWait=5
JobRequeue=1
ReturnToService=1
NodeName=node1 NodeAddr=127.0.0.1 NodeHostname=$host Port=$((port + 1)) CPUs=4 RealMemory=1000
PartitionName=test Nodes=ALL Default=YES State=UP MaxTime=60 DefaultTime=10
CONF
        echo "PMIxCliTmpDirBase=$dir/pmix" >"$dir/mpi.conf"
        # No part of this cluster uses cgroups, yet slurmd looks for them. Version 1 needs nothing mounted; later
        # releases can be told to leave them.
        case $(slurmd -V) in
        *' '[0-9].* | *' '1[0-9].* | *' '20.* | *' '21.* | *' '22.*) echo "CgroupPlugin=cgroup/v1" >"$dir/cgroup.conf" ;;
        *) echo "CgroupPlugin=disabled" >"$dir/cgroup.conf" ;;
        esac
}

start() {
        for program in munged slurmctld slurmd sbatch; do
                command -v $program >/dev/null || fail "$program is not installed"
        done
        mkdir -p "$dir/state" "$dir/spool" "$dir/pmix" "$dir/ompi" && chmod 755 "$dir" || fail "cannot write $dir"
        dir=$(realpath "$dir")
        [ ${#dir} -lt 80 ] || fail "$dir is too long a name for a socket"
        write_configuration
        # with nothing but 127.0.0.1 configured the C library finds no address at all
        if command -v ip >/dev/null && ! ip -o -4 addr | grep -qv ' 127\.0\.0\.1/'; then
                ip addr add 127.0.0.2/8 dev lo 2>/dev/null
        fi
        (umask 077 && head -c 128 /dev/urandom >"$dir/munge.key")
        begin munged munged --foreground --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" \
                --pid-file="$dir/munge.pid" --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
        until_true 10 munge -n -S "$dir/munge.socket" || { tail -n 5 "$dir/munged.log" >&2; stop; fail "munged did not start"; }
        begin slurmctld slurmctld -D -f "$SLURM_CONF"
        begin slurmd slurmd -D -f "$SLURM_CONF" -N node1
        until_true 30 node_is_idle_or_lost
        node_is_idle || { why=$(grep -h error "$dir"/slurm*.log | tail -n 1); stop; fail "no node is up: ${why:-after 30 s}"; }
}
node_is_idle_or_lost() { ! is_up slurmctld || ! is_up slurmd || node_is_idle; }
node_is_idle() {
        [ "$(timeout 5 sinfo -h -o %t)" = idle ]
}

stop() {
        if is_up slurmctld >/dev/null; then
                timeout 10 scancel --quiet --full --user="$(id -un)"
                until_true 10 queue_is_empty
        fi
        end slurmd
        end slurmctld
        end munged
}
queue_is_empty() { [ -z "$(timeout 5 squeue -h -t running,completing,pending)" ]; }

print_environment() {
        cat <<ENV
export SLURM_CONF=$SLURM_CONF OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_orte_tmpdir_base=$dir/ompi
export OMPI_MCA_btl_vader_single_copy_mechanism=none
ENV
}

[ -n "$dir" ] || fail "usage: cluster.sh start|env|stop DIR"
case $command in
start) start ;;
env) print_environment ;;
stop) stop ;;
*) fail "no such command: $command" ;;
esac
