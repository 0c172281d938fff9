//! The platform against the three systems as slow as they were recorded: how soon doors shut, who waits for whom, and
//! how many calls it takes.
//!
//! Times of the systems are divided by a factor, and what was measured is multiplied by it. Our own work and the
//! machine's are not divided, yet multiplied too: the figures are above what they would be at full length, and the more
//! so the shorter they are. Pauses of the platform, such as the half second within which it looks for rows of other
//! processes, are not divided either.

mod calls;
mod doors;
mod platform;
mod upstreams;

use std::time::Duration;

use anyhow::Context as _;
use schema::System;

use crate::say;
use doors::Tenant;
use platform::Platform;
use upstreams::Upstreams;

const LARGE: usize = 150;
const BULK: usize = 200;
/// Suspended at the same time while one system is slow.
const FEW: usize = 24;
/// How long one answer of the slow system takes, before scaling.
const SLOW: Duration = Duration::from_secs(8);
/// What authentik digests, before scaling: the platform's default.
const WRITES_PER_SECOND: u32 = 3;
/// No brake while tenants are put in place.
const UNBRAKED: u32 = 1_000;

/// Everything, in a few minutes without optimisation.
pub(crate) async fn measure(scale: u32) -> anyhow::Result<()> {
    let scale = scale.max(1);
    say(&format!(
        "\nthe three systems at their recorded latencies, 1:{scale} and multiplied back: our own work is multiplied too\n{}",
        upstreams::MODEL
    ));
    doors(scale).await.context("measure doors")?;
    calls::measure().await.context("count calls")
}

async fn doors(scale: u32) -> anyhow::Result<()> {
    let upstreams = Upstreams::start().await?;
    let mut platform = Platform::start(&upstreams, UNBRAKED).await?;
    let small = platform.tenants("small", BULK, 1).await?;
    let large = platform.tenants("large", 2, LARGE).await?;
    for tenant in small.iter().chain(&large) {
        platform.is_in_place(tenant).await?;
        upstreams.sign_in(tenant)?;
    }
    platform.restart(WRITES_PER_SECOND * scale).await?;
    one_slow(&platform, &upstreams, &small, scale).await?;

    upstreams.quick();
    platform.restart(UNBRAKED).await?;
    let suspended = small.iter().take(FEW * (System::ALL.len() + 2));
    for tenant in suspended.clone() {
        platform.resume(tenant).await?;
    }
    for tenant in suspended {
        platform.is_in_place(tenant).await?;
        upstreams.sign_in(tenant)?;
    }
    platform.restart(WRITES_PER_SECOND * scale).await?;
    upstreams.as_recorded(scale);
    large_ones(&platform, &upstreams, &small, &large, scale).await
}

/// Suspensions while each of the systems in turn is slow, beside the same without slowness.
async fn one_slow(
    platform: &Platform,
    upstreams: &Upstreams,
    tenants: &[Tenant],
    scale: u32,
) -> anyhow::Result<()> {
    say(&format!(
        "\n{FEW} suspensions, one system at {} s per answer: seconds from acknowledgement until the door is seen shut",
        SLOW.as_secs()
    ));
    say(
        "slow system | identity p50 / last | mail p50 / last | files p50 / last | ratio to none: p50 / last of the others",
    );
    let mut groups = tenants.chunks(FEW);
    let mut next = || groups.next().context("enough tenants");
    upstreams.as_recorded(scale);
    // Whatever is slow only once is slow here.
    doors::suspend(platform, upstreams, next()?, &System::ALL).await?;
    let none = doors::suspend(platform, upstreams, next()?, &System::ALL).await?;
    say(&format!("       none | {} |", none.shown(scale)));
    for slow in System::ALL {
        upstreams.as_recorded(scale);
        upstreams.slow(slow, SLOW / scale);
        let others: Vec<System> = System::ALL.into_iter().filter(|system| *system != slow).collect();
        let found = doors::suspend(platform, upstreams, next()?, &others).await?;
        let ratios: Vec<String> = others
            .iter()
            .map(|other| {
                let ratio = |share| found.seconds(*other, share) / none.seconds(*other, share);
                format!("{other} {:.2} / {:.2}", ratio(0.5), ratio(1.0))
            })
            .collect();
        say(&format!("{:>11} | {} | {}", slow.as_str(), found.shown(scale), ratios.join(", ")));
    }
    Ok(())
}

/// A tenant of many people, alone and amid many others.
async fn large_ones(
    platform: &Platform,
    upstreams: &Upstreams,
    small: &[Tenant],
    large: &[Tenant],
    scale: u32,
) -> anyhow::Result<()> {
    let [alone, amid] = large else { anyhow::bail!("two tenants of many people") };
    say(&format!(
        "\nsuspension of a tenant with {LARGE} members: seconds from acknowledgement until all doors of it are shut"
    ));
    say("                 | identity | mail | files");
    let found = doors::suspend(platform, upstreams, std::slice::from_ref(alone), &System::ALL).await?;
    say(&format!("           alone | {}", found.of(alone, scale)));
    let (before, after) = small.split_at(small.len() / 2);
    let all = [before, std::slice::from_ref(amid), after].concat();
    let found = doors::suspend(platform, upstreams, &all, &System::ALL).await?;
    say(&format!("amid {BULK} others | {}", found.of(amid, scale)));
    say(&format!("the {BULK} others, p50 / last | {}", found.shown(scale)));
    Ok(())
}
