# Short names for the commands of every day; each one is also written out in full here.

# Everything at once, nothing to install.
demo:
    cargo run --release -- demo

# All tests; installs what they need.
test:
    tests/run

# Format, unit tests, tidiness: before a commit.
quick:
    tests/run --quick

# Write the format.
fmt:
    cargo fmt --all

# Lints as the tests want them.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, bans, sources and advisories; needs cargo-deny.
deny:
    cargo deny check
