# One line each; anything longer is Rust, or the script that CI runs.

# Everything that must hold before a change lands.
check:
    .ci/run

# The one command that runs every test, on SQLite and on Postgres.
test:
    cargo test --workspace

# The platform on embedded databases, with a development issuer and simulators for what is not configured.
up:
    cargo run --release

# Fifty kills with kill -9 under concurrent commands, on both databases.
chaos:
    cargo build --release && cargo run --release -p chaos

# The whole platform in one thread, under seeded load, faults and crashes: so many seeds, printed as they go.
simulate seeds="20":
    cargo run -p simulation -- --seeds {{seeds}}

# The ratios of the decision record on performance, measured in one run.
bench:
    cargo build --release && cargo run --release -p bench
