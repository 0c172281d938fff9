//! When doors are seen shut: what people get in with is looked at, not what the platform says.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use schema::System;
use simulators::stalwart::Login;
use tokio::time::Instant;

use super::platform::Platform;
use super::upstreams::Upstreams;
use crate::quantile;

/// Suspensions asked for at a time.
const AT_ONCE: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(10);
const WITHIN: Duration = Duration::from_mins(5);

/// A tenant and the people in it.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    pub(super) slug: String,
    pub(super) emails: Vec<String>,
}

/// How long each door of each tenant took, from the acknowledgement on.
pub(super) struct Shut(Vec<(String, [Option<Duration>; 3])>);

impl Shut {
    fn ordered(&self, system: System) -> Vec<Duration> {
        let mut took: Vec<Duration> =
            self.0.iter().filter_map(|(_, doors)| doors.get(place(system)).copied().flatten()).collect();
        took.sort_unstable();
        took
    }

    /// At a share of them, not multiplied.
    pub(super) fn seconds(&self, system: System, share: f64) -> f64 {
        quantile(&self.ordered(system), share).as_secs_f64()
    }

    /// The middle one and the last, per door.
    pub(super) fn shown(&self, scale: u32) -> String {
        let door = |system| {
            if self.ordered(system).is_empty() {
                return "–".to_owned();
            }
            let at = |share| self.seconds(system, share) * f64::from(scale);
            format!("{:.1} / {:.1}", at(0.5), at(1.0))
        };
        System::ALL.map(door).join(" | ")
    }

    /// Those of one tenant.
    pub(super) fn of(&self, tenant: &Tenant, scale: u32) -> String {
        let doors = self.0.iter().find(|(slug, _)| *slug == tenant.slug).map(|(_, doors)| *doors);
        let shown = |took: Option<Duration>| {
            took.map_or_else(
                || "–".to_owned(),
                |took| format!("{:.1}", took.as_secs_f64() * f64::from(scale)),
            )
        };
        doors.unwrap_or_default().map(shown).join(" | ")
    }
}

fn place(system: System) -> usize {
    System::ALL.iter().position(|one| *one == system).unwrap_or_default()
}

/// Suspends them all, in order, and watches the doors of some systems until all are shut.
pub(super) async fn suspend(
    platform: &Platform,
    upstreams: &Upstreams,
    tenants: &[Tenant],
    systems: &[System],
) -> anyhow::Result<Shut> {
    let suspending = tenants.iter().map(|tenant| async move {
        platform.suspend(tenant).await?;
        anyhow::Ok(Instant::now())
    });
    let suspending: Vec<_> = suspending.collect();
    let asked = stream::iter(suspending).buffered(AT_ONCE).try_collect::<Vec<Instant>>();
    let (asked, shut) = tokio::try_join!(asked, watch(upstreams, tenants, systems))?;
    let took = tenants.iter().zip(asked).zip(shut).map(|((tenant, asked), shut)| {
        let took = shut.map(|at| at.map(|at| at.saturating_duration_since(asked)));
        (tenant.slug.clone(), took)
    });
    Ok(Shut(took.collect()))
}

/// Who is still let in at a tenant.
struct Open<'a> {
    slug: &'a str,
    emails: Vec<&'a str>,
    mail: Vec<&'a str>,
    shut: [Option<Instant>; 3],
}

async fn watch(
    upstreams: &Upstreams,
    tenants: &[Tenant],
    systems: &[System],
) -> anyhow::Result<Vec<[Option<Instant>; 3]>> {
    let started = Instant::now();
    let mut open: Vec<Open<'_>> = tenants
        .iter()
        .map(|tenant| {
            let emails: Vec<&str> = tenant.emails.iter().map(String::as_str).collect();
            Open { slug: &tenant.slug, mail: emails.clone(), emails, shut: [None; 3] }
        })
        .collect();
    loop {
        let spaces =
            if systems.contains(&System::Ocis) { upstreams.ocis.open_spaces() } else { BTreeSet::new() };
        let mut is_over = true;
        for one in &mut open {
            for system in systems {
                is_over &= one.look(upstreams, &spaces, *system);
            }
        }
        if is_over {
            return Ok(open.into_iter().map(|one| one.shut).collect());
        }
        if started.elapsed() > WITHIN {
            bail!("doors that never shut");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Open<'_> {
    /// Whether a door is shut; when it is seen so for the first time is noted.
    fn look(&mut self, upstreams: &Upstreams, spaces: &BTreeSet<String>, system: System) -> bool {
        let is_shut = match system {
            System::Authentik => {
                // Whoever was seen shut out is not let in again here.
                while self.emails.last().is_some_and(|email| is_out(upstreams, email)) {
                    self.emails.pop();
                }
                self.emails.is_empty()
            }
            System::Stalwart => {
                while self.mail.last().is_some_and(|email| upstreams.stalwart.login(email) != Login::Allowed)
                {
                    self.mail.pop();
                }
                self.mail.is_empty()
            }
            System::Ocis => !spaces.contains(self.slug),
        };
        let Some(seen) = self.shut.get_mut(place(system)) else { return true };
        if is_shut && seen.is_none() {
            *seen = Some(Instant::now());
        }
        seen.is_some()
    }
}

/// Neither the entitlement nor a session nor a token is left.
fn is_out(upstreams: &Upstreams, email: &str) -> bool {
    upstreams.authentik.door(email).is_none_or(|door| {
        let is_entitled = door.groups.iter().any(|group| group == "dezky-entitled");
        !is_entitled && door.sessions + door.access_tokens + door.refresh_tokens == 0
    })
}
