# Conveniences; everything here is a plain cargo command.

# What there is
default:
    @just --list

# Build, start and wait for core-pod
up *ARGS:
    cargo run --release -- up -d core-pod {{ARGS}}

# Stop and remove core-pod
down:
    cargo run --release -- down core-pod

# Everything, the real engine included
test:
    cargo test --workspace

# podctl's own acceptance test of core-pod
acceptance:
    cargo run --release -- test acceptance core-pod

# What CI denies
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Rules for dependencies (needs cargo-deny)
deny:
    cargo deny check

# What CI runs
ci:
    bash .ci/run
