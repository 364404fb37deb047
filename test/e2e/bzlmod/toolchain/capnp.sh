#!/bin/sh
# capnp with the libraries beside it, as toolchain.sh collects them.
set -eu
for host in "$0.runfiles"/*/toolchain/host; do
	LD_LIBRARY_PATH=$host exec "$host/capnp" "$@"
done
