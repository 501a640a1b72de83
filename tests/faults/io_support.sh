# For the scripts that fail, kill, fill and trace the writing of files. Sourced; needs bash.
set -u
build=$(cd "${BUILD:-build}" && pwd)
program=$build/tests/mpi/test_io
shim=$build/tests/faults/failing_calls.so
[ -n "${MPIRUN:-}" ] || . "$(dirname "${BASH_SOURCE[0]}")/../../scripts/mpi-environment"
mpirun=${MPIRUN:-mpirun --oversubscribe}
# In memory where that can be: hundreds of files are made durable, and what is tested is who waits for whom.
if [ -z "${inside:-}" ]; then
    scratch=$(mktemp -d -p /dev/shm sculptor-io-XXXXXX 2>/dev/null || mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
fi
long=${SCULPTOR_LONG:-}
status=0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset FAULT_PATH FAULT_CALL FAULT_MODE FAULT_RANK

# claim NAME CONDITION...: the condition's status decides
claim() {
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
    else
        echo "FAIL $name: $*"
        status=1
    fi
}

skip() {
    echo "skip $*"
    exit 0
}

no_parts() { # DIRECTORY
    [ -z "$(find "$1" -name '*.part')" ]
}
