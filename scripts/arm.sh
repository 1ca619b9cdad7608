#!/usr/bin/env bash
# Builds the native code and its tests for 64-bit Arm and runs them in an emulator (make arm).
# On Debian: apt-get install g++-aarch64-linux-gnu qemu-user
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
for tool in cmake aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" > /dev/null || { echo "arm: $tool is not installed" >&2; exit 2; }
done
cmake -S native/tests -B build/tests-arm -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
cmake --build build/tests-arm --parallel "$(nproc)"
# The emulator itself fails in a child forked from a process with threads.
qemu-aarch64 -L /usr/aarch64-linux-gnu build/tests-arm/recurra_tests -forked_child
