#!/bin/bash
# Built for AVX-512, with vectors of 512 bits, the code computes the bits it computes with AVX2. Where the processor
# has no AVX-512, the program is the only one of a machine that Bochs emulates: a Linux kernel, its initial file
# system with two static programs, a compact disc to start from, and a serial port that is a file. A few minutes.
#
#     tests/long/avx512_in_bochs.sh        by hand; make test-long runs it through tests/cases/test_vector_width.sh
#
# As root or not. KERNEL=FILE: a kernel to start (else one of /boot, else Debian's cloud kernel is fetched).
# SCRATCH=DIR: where to work. Prints ok, FAIL or skip, the claim and why.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=${SCRATCH:-}
if [ -z "$work" ]; then
        work=$(mktemp -d) || exit 1
        trap 'rm -rf "$work"' EXIT
fi
machine=$work/machine
claim=avx512_gives_the_bits_of_avx2
packages="apt-get install --no-install-recommends bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso cpio"

skip() { echo "skip $claim $*"; exit 0; }
fail() { echo "FAIL $claim $*"; exit 1; }
has() { for flag; do grep -qw "$flag" /proc/cpuinfo || return 1; done; }
first_of() { for file; do [ -r "$file" ] && echo "$file" && return; done; return 1; }

kernel() {
        # shellcheck disable=SC2086 # KERNEL may be nothing
        first_of ${KERNEL:-} /boot/vmlinuz* && return
        local package
        package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}')
        [ -n "$package" ] || return 1
        (cd "$machine" && apt-get -qq download "$package" && dpkg-deb --fsys-tarfile "$package"_*.deb |
                tar -x --wildcards --strip-components=2 './boot/vmlinuz-*') >/dev/null 2>&1
        first_of "$machine"/vmlinuz-*
}

# Bochs reports XSAVES areas of another size than Linux computes, which then does without AVX: so no XSAVES. Few
# instructions a second of the machine's time, so that those it spends waiting cost us little.
make_machine() { # KERNEL PROGRAM
        mkdir -p "$machine/disc" "$machine/files"
        "${CC:-cc}" -static -O1 -o "$machine/files/init" tests/long/init.c && cp "$2" "$machine/files/bits" || return 1
        (cd "$machine/files" && printf 'init\nbits\n' | cpio --quiet -o -H newc | gzip) >"$machine/disc/initrd.gz"
        cp "$1" "$machine/disc/vmlinuz" && cp "$isolinux" "$ldlinux" "$machine/disc/" || return 1
        cat >"$machine/disc/isolinux.cfg" <<-EOF
		default bits
		label bits
		  kernel vmlinuz
		  append initrd=initrd.gz console=ttyS0 quiet loglevel=1 nokaslr mitigations=off clearcpuid=xsavec,xsaves
		EOF
        xorriso -as mkisofs -quiet -o "$machine/disc.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
                -boot-info-table "$machine/disc" >"$machine/xorriso.log" 2>&1 || return 1
        cat >"$machine/bochsrc" <<-EOF
		cpu: model=corei7_skylake_x, ips=20000000, reset_on_triple_fault=0
		memory: guest=256, host=256
		romimage: file=$bios
		vgaromimage: file=$vgabios
		ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
		ata0-master: type=cdrom, path=$machine/disc.iso, status=inserted
		boot: cdrom
		clock: sync=none
		com1: enabled=1, mode=file, dev=$machine/serial
		display_library: term
		speaker: enabled=0
		log: $machine/bochs.log
		panic: action=fatal
		EOF
        echo c >"$machine/continue" # a Bochs with a debugger in it waits for this
}

run_machine() {
        local command="bochs -q -f '$machine/bochsrc'"
        ! bochs -help 2>&1 | grep -q -- '-rc ' || command="$command -rc '$machine/continue'"
        # its screen needs a terminal, which script makes
        TERM=vt100 timeout 1500 script -qec "$command" /dev/null </dev/null >"$machine/screen" 2>&1
        tr -d '\r' <"$machine/serial" >"$work/avx512.all"
}

[ "$(uname -sm)" = "Linux x86_64" ] || skip "this is no Linux on x86-64"
has avx2 fma bmi2 || skip "this processor has no AVX2 to compare with"
"${MPICC:-mpicc}" -march=x86-64-v4 -E -x c /dev/null >/dev/null 2>&1 || skip "the compiler does not know x86-64-v4"
avx2=$(tests/long/build_bits.sh "$work" x86-64-v3 -O3) && avx512=$(tests/long/build_bits.sh "$work" x86-64-v4 -O3) ||
        fail "does not build"
"$avx2" >"$work/avx2" || fail "the AVX2 program ends with status $?"

if has avx512f avx512bw avx512cd avx512dq avx512vl; then
        "$avx512" >"$work/avx512.all"
else
        for command in bochs xorriso cpio script; do
                command -v $command >/dev/null || skip "there is no $command to emulate AVX-512 with: $packages"
        done
        bochs -help cpu 2>&1 | grep -q corei7_skylake_x || skip "this bochs does not know AVX-512"
        bios=$(first_of /usr/share/bochs/BIOS-bochs-latest) &&
                vgabios=$(first_of /usr/share/vgabios/vgabios.bin /usr/share/bochs/VGABIOS-lgpl-latest) &&
                isolinux=$(first_of /usr/lib/ISOLINUX/isolinux.bin /usr/share/syslinux/isolinux.bin) &&
                ldlinux=$(first_of /usr/lib/syslinux/modules/bios/ldlinux.c32 /usr/share/syslinux/ldlinux.c32) ||
                skip "the BIOS or isolinux is missing: $packages"
        mkdir -p "$machine"
        kernel=$(kernel) || skip "there is no kernel to read in /boot or to fetch: set KERNEL=FILE"
        make_machine "$kernel" "$avx512" || fail "the machine cannot be made: $(tail -n 1 "$machine/xorriso.log")"
        run_machine
        grep -q '^status' "$work/avx512.all" ||
                fail "the machine in $machine did not get to its end: $(tail -n 1 "$work/avx512.all")"
        ! grep -qE '^status 8?4$' "$work/avx512.all" || skip "this bochs was built without AVX-512 (illegal instruction)"
fi

grep -E '^(vecmath|rng|journey|fatal|end)' "$work/avx512.all" >"$work/avx512"
if cmp -s "$work/avx2" "$work/avx512"; then
        echo "ok $claim"
else
        diff "$work/avx2" "$work/avx512" | sed 's/^/# /'
        fail "AVX2 <, AVX-512 >"
fi
