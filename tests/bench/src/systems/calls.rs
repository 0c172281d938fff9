//! How many calls it takes to put a tenant in place, to suspend and to resume it, by the number of its members.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use super::UNBRAKED;
use super::platform::Platform;
use super::upstreams::{Calls, Upstreams};
use crate::say;

const SIZES: [usize; 4] = [1, 10, 150, 500];
/// Nothing is asked for so long: what was begun is over.
const QUIET: Duration = Duration::from_millis(700);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const WITHIN: Duration = Duration::from_mins(2);

/// Each size in an installation of its own, without latencies.
pub(super) async fn measure() -> anyhow::Result<()> {
    say(
        "\ncalls of a tenant with a verified domain, reads + writes (to provision: with what every start reads)",
    );
    say("members |            | authentik | Stalwart | OCIS");
    for members in SIZES {
        of(members).await.with_context(|| format!("{members} members"))?;
    }
    Ok(())
}

async fn of(members: usize) -> anyhow::Result<()> {
    let upstreams = Upstreams::start().await?;
    // Everything is known before anything is done: else the count would tell how quickly people were added.
    let mut platform = Platform::start_as(&upstreams, UNBRAKED, "paused").await?;
    let tenants = platform.tenants("tenant", 1, members).await?;
    let tenant = tenants.first().context("a tenant")?;
    upstreams.forget_calls();
    platform.restart(UNBRAKED).await?;
    platform.is_in_place(tenant).await?;
    tell(members, "provision", &upstreams).await?;
    upstreams.sign_in(tenant)?;
    platform.suspend(tenant).await?;
    platform.is_shut(tenant).await?;
    tell(members, "suspend", &upstreams).await?;
    platform.resume(tenant).await?;
    platform.is_in_place(tenant).await?;
    tell(members, "resume", &upstreams).await
}

/// Waits until nothing is asked any more, says what was, and begins anew.
async fn tell(members: usize, what: &str, upstreams: &Upstreams) -> anyhow::Result<()> {
    let total = |calls: &[Calls]| calls.iter().map(|one| one.reads + one.writes).sum::<u64>();
    let started = Instant::now();
    let (mut calls, mut since) = (upstreams.calls(), Instant::now());
    while since.elapsed() < QUIET {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = upstreams.calls();
        if total(&now) != total(&calls) {
            (calls, since) = (now, Instant::now());
        }
        if started.elapsed() > WITHIN {
            bail!("calls do not end");
        }
    }
    let shown: Vec<String> =
        calls.iter().map(|one| format!("{:>4} + {:<4}", one.reads, one.writes)).collect();
    say(&format!("{members:>7} | {what:<10} | {}", shown.join(" | ")));
    upstreams.forget_calls();
    Ok(())
}
