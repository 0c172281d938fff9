//! Tenants of many people: an operator brings them in bulk, some into domains of the tenant, some as guests.

use std::rc::Rc;
use std::sync::Arc;

use domain::access::Lifecycle;
use domain::claims::Claim;
use domain::tenant::Tenant;
use domain::user::User;
use domain::{Act, Asked, Board, One, Rejection};
use event_store::Request;
use futures::StreamExt as _;
use schema::tenant::{MemberSource, VerifyMethod};
use schema::{Actor, ActorKind, DomainName, Role, StreamId, TenantCommand, TenantId, UserCommand, UserId};
use uuid::Uuid;

use crate::clock;
use crate::people::SLUGS;
use crate::process::Process;
use crate::world::World;

/// People that one commit makes members: as many streams as a commit may guard, without the tenant's own.
const ADDED_AT_ONCE: usize = 60;
/// Registrations under way.
const REGISTERED_AT_ONCE: usize = 16;
/// One in so many is a guest, with an address elsewhere.
const GUESTS: usize = 5;

/// Crowds that are still to come.
pub(crate) struct Crowds<'w> {
    world: &'w World,
    rng: fastrand::Rng,
    sizes: Vec<usize>,
    number: usize,
}

impl<'w> Crowds<'w> {
    /// Mostly a handful; sometimes around what one commit holds; now and then hundreds.
    pub(crate) fn new(world: &'w World, mut rng: fastrand::Rng, members_max: usize) -> Self {
        let size = |rng: &mut fastrand::Rng| match rng.u8(..100) {
            0..72 => rng.usize(1..=5),
            72..88 => rng.usize(60..=70),
            88..97 => rng.usize(100..=160),
            _ => rng.usize(300..=500),
        };
        let sizes = (0..rng.usize(1..=3)).map(|_| size(&mut rng).min(members_max)).collect();
        Self { world, rng, sizes, number: 0 }
    }

    /// Crowds come between other people's commands, until it is dropped.
    pub(crate) async fn make(&mut self) {
        loop {
            let answers = self.rng.u64(5..40);
            self.world.more_answers(answers).await;
            let process = self.world.somebody(&mut self.rng).await;
            self.next(&process).await;
        }
    }

    /// Whoever has not come yet comes now.
    pub(crate) async fn the_rest(&mut self, process: &Rc<Process>) {
        for _ in 0..self.sizes.len() {
            self.next(process).await;
        }
    }

    async fn next(&mut self, process: &Rc<Process>) {
        let Some(size) = self.sizes.pop() else { return };
        match process.fuse.guard(self.bring(process, size)).await.flatten() {
            Some(added) => self.world.count(&format!("crowd of {}", scale(added))),
            None => self.sizes.push(size),
        }
    }

    /// How many became members; nothing when there is no tenant for them.
    pub(crate) async fn bring(&mut self, process: &Process, size: usize) -> Option<usize> {
        let (id, tenant) = self.tenant(process).await?;
        self.number += 1;
        let own = format!("crowd-{}-{}.test", self.number, self.rng.u16(..));
        let domain: DomainName = match tenant.verified_domains().next() {
            Some(domain) if self.rng.bool() => domain.clone(),
            Some(_) | None => own.parse().ok()?,
        };
        for command in [
            TenantCommand::ClaimDomain { domain: domain.clone() },
            TenantCommand::VerifyDomain {
                domain: domain.clone(),
                method: VerifyMethod::Operator,
                evidence: None,
            },
        ] {
            // It may be theirs already, or the tenant frozen: then they are guests.
            execute(process, One::<Tenant> { stream: id.into(), command }).await;
        }
        let people = (0..size).map(|number| {
            let at = if number % GUESTS == GUESTS - 1 { "guests.test" } else { domain.as_str() };
            register(process, format!("m{number}-{}@{at}", self.number))
        });
        let people: Vec<Option<UserId>> =
            futures::stream::iter(people).buffer_unordered(REGISTERED_AT_ONCE).collect().await;
        let people: Vec<UserId> = people.into_iter().flatten().collect();
        let mut added = 0;
        for some in people.chunks(ADDED_AT_ONCE) {
            if execute(process, Join { tenant_id: id, people: some.to_vec() }).await {
                added += some.len();
            }
        }
        Some(added)
    }

    /// A tenant that takes people in.
    async fn tenant(&mut self, process: &Process) -> Option<(TenantId, Tenant)> {
        let mut slugs: Vec<usize> = (0..SLUGS).collect();
        self.rng.shuffle(&mut slugs);
        for number in slugs {
            let slug = format!("acme-{number}").parse().ok()?;
            let claim = Claim::tenant_slug(&slug);
            let stream = process.store.resolve(claim.scope, &claim.value).await.ok()?;
            let Some(id) = stream.and_then(|stream| stream.tenant()) else { continue };
            let (tenant, _) = process.store.fold::<Tenant>(&id.into()).await.ok()?;
            if matches!(tenant.lifecycle(), Some(Lifecycle::Pending | Lifecycle::Active)) {
                return Some((id, tenant));
            }
        }
        None
    }
}

async fn register(process: &Process, address: String) -> Option<UserId> {
    let user_id = UserId::from_uuid(Uuid::now_v7());
    let command = UserCommand::RegisterFromSignIn {
        instance: "https://elsewhere.test/".into(),
        subject: address.clone(),
        email: address.parse().ok()?,
        name: Some("One of Many".parse().ok()?),
        audience: "dezky-portal".into(),
    };
    execute(process, One::<User> { stream: user_id.into(), command }).await.then_some(user_id)
}

/// Whether it is known to be so now.
pub(crate) async fn execute(process: &Process, act: impl Act + 'static) -> bool {
    let actor = Actor::service(ActorKind::Operator);
    let asked = Asked { actor, now: clock::now(), command_id: Uuid::now_v7() };
    let act: Arc<dyn Act> = Arc::new(act);
    process.store.execute(act, Request::new(asked)).await.is_ok()
}

/// Many become members in one commit.
struct Join {
    tenant_id: TenantId,
    people: Vec<UserId>,
}

impl Act for Join {
    fn streams(&self) -> Vec<StreamId> {
        let people = self.people.iter().map(|user_id| StreamId::from(*user_id));
        people.chain([self.tenant_id.into()]).collect()
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        for user_id in &self.people {
            let (role, source) = (Role::Member, MemberSource::Operator);
            let command = TenantCommand::AddMember { user_id: *user_id, role, source };
            board.run::<Tenant>(&self.tenant_id.into(), command, asked)?;
        }
        Ok(())
    }
}

const fn scale(size: usize) -> &'static str {
    match size {
        0 => "nobody",
        1..=9 => "a handful",
        10..=90 => "around 64",
        91..=200 => "100 to 160",
        _ => "300 to 500",
    }
}
