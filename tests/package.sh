#!/usr/bin/env bash
# Proves that the packages build without this repository around them: packs the crates, unpacks them elsewhere and
# builds podctl, podinit and podinit-deliver inside it, from what was unpacked.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo package --workspace --no-verify --allow-dirty --quiet --target-dir "$work/pack"
for crate in "$work"/pack/package/*.crate; do
    tar -xzf "$crate" -C "$work"
done
# The other crates are in no registry for this proof: they stand beside podctl, unpacked as well. A file, because
# podctl's build script calls cargo again, which must find them too.
mkdir "$work/.cargo"
cat >"$work/.cargo/config.toml" <<TOML
[patch.crates-io]
podinit = { path = "$(echo "$work"/podinit-[0-9]*)" }
podinit-deliver = { path = "$(echo "$work"/podinit-deliver-[0-9]*)" }
podinit-plan = { path = "$(echo "$work"/podinit-plan-*)" }
podinit-resolver = { path = "$(echo "$work"/podinit-resolver-*)" }
TOML
cd "$work"/podctl-[0-9]*/
cargo build --quiet --target-dir "$work/build"
"$work/build/debug/podctl" --version
echo "the packages build on their own"
