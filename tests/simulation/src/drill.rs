//! What is tried one thing at a time, when everything else is at rest: doors shut whatever another system does, and
//! nothing is made in a system that has lost too much.

use std::time::Duration;

use domain::One;
use domain::provisioning::Provisioning;
use domain::tenant::Tenant;
use schema::tenant::{HoldKind, HoldRef};
use schema::{HoldId, StreamId, System, TenantCommand, TenantId};
use simulators::{Effect, Rule};
use uuid::Uuid;

use crate::crowd::{Crowds, execute};
use crate::model::{Lifecycle, Model};
use crate::outside::Part;
use crate::rest::Rest;
use crate::trouble::Trouble;

/// Passes within which a door is seen shut in a system that answers.
const PASSES_TO_SHUT: usize = 3;
/// Between them: longer than the pause after a first failure, which may meet any call.
const PAUSE_MILLIS: i64 = 3_000;
/// The answer never comes, and nobody gives up meanwhile.
const NEVER: Duration = Duration::from_hours(1);
/// For the machine the run is on, which may be slow; nothing is concluded from being quick.
const PATIENCE: Duration = Duration::from_mins(2);
/// So many lost ones are more than any limit lets pass, if they are also a share of this.
const SURELY_LOST: (usize, usize) = (10, 20);

/// Everything that is tried.
pub(crate) async fn all(rest: &mut Rest<'_>, trouble: &mut Trouble<'_>, crowds: &mut Crowds<'_>) {
    if trouble.rng.bool() {
        // Bulk work is waiting as well.
        let size = trouble.rng.usize(1..20);
        crowds.bring(&rest.process, size).await;
    }
    closing_waits_for_nobody(rest, trouble).await;
    if trouble.rng.u8(..3) == 0 {
        an_old_backup_is_put_back(rest, trouble, crowds).await;
    }
    nothing_is_made_during_a_loss(rest, trouble, crowds).await;
}

/// What was shut since then is open there, who came since then is not there, and all of it is put right.
async fn an_old_backup_is_put_back(rest: &mut Rest<'_>, trouble: &mut Trouble<'_>, crowds: &mut Crowds<'_>) {
    let system = System::ALL[trouble.rng.usize(..3)];
    let before = rest.world.outside.back_up(system);
    let tenant = some_open_tenant(rest, trouble).await;
    if let Some(tenant) = tenant {
        suspend(rest, tenant).await;
    }
    let size = trouble.rng.usize(1..15);
    crowds.bring(&rest.process, size).await;
    rest.converge().await;
    rest.world.outside.restore(&before);
    trouble.forget_lost();
    // Others come first, and get the numbers that were ours.
    for _ in 0..trouble.rng.usize(..8) {
        rest.world.outside.settle_stranger(&mut trouble.rng);
    }
    rest.world.outside.make_way();
    rest.world.pass(60_000).await;
    rest.sweep().await;
    rest.converge().await;
    rest.sweep_clean().await;
    crate::checks::strangers(rest.world);
    if let Some(tenant) = tenant {
        assert!(are_shut(rest, tenant, &System::ALL).await, "seed {}: {tenant} is shut", rest.world.seed);
        let model = Model::of(&rest.process.store).await;
        crate::checks::doors(rest, &model).await;
        resume(rest, tenant).await;
        rest.converge().await;
    }
    rest.world.count("drill old backup");
}

/// One system does not answer, or refuses; a tenant is suspended; the doors in the others are seen shut meanwhile.
async fn closing_waits_for_nobody(rest: &mut Rest<'_>, trouble: &mut Trouble<'_>) {
    let Some(tenant) = some_open_tenant(rest, trouble).await else {
        rest.world.count("drill without a tenant");
        return;
    };
    let broken = System::ALL[trouble.rng.usize(..3)];
    let others: Vec<System> = System::ALL.into_iter().filter(|system| *system != broken).collect();
    suspend(rest, tenant).await;
    if trouble.rng.bool() {
        rest.world.outside.stop(broken).await;
        rest.some_passes(PASSES_TO_SHUT, PAUSE_MILLIS).await;
        let shut = are_shut(rest, tenant, &others).await;
        let (seed, why) = (rest.world.seed, why_open(rest, tenant).await);
        assert!(shut, "seed {seed}: doors of {tenant} wait for {broken}, which is down: {why}");
        assert!(!are_shut(rest, tenant, &[broken]).await, "seed {}: nobody can know it", rest.world.seed);
        rest.world.outside.listen(broken).await;
        rest.world.count("drill closing, one system down");
    } else {
        let rules = [Rule::always(Effect::Latency(NEVER))];
        rest.world.outside.add_rules(broken, &rules);
        let seed = rest.world.seed;
        rest.process.catch_up().await;
        rest.process.reconciler.catch_up().await.expect("the log is taken in");
        let shut = async {
            tokio::select! {
                biased;
                () = until_shut(rest, tenant, &others) => true,
                _ = rest.process.reconciler.run_once() => are_shut(rest, tenant, &others).await,
            }
        };
        let shut = tokio::time::timeout(PATIENCE, shut).await.unwrap_or(false);
        let why = why_open(rest, tenant).await;
        assert!(shut, "seed {seed}: doors of {tenant} wait for {broken}, which does not answer: {why}");
        rest.world.outside.take_rules(broken, &rules);
        // What was in hand there is free again when its lease is over.
        rest.world.pass(60_000).await;
        rest.world.count("drill closing, one system silent");
    }
    rest.converge().await;
    assert!(are_shut(rest, tenant, &System::ALL).await, "seed {}: {tenant} is shut", rest.world.seed);
    resume(rest, tenant).await;
    rest.converge().await;
}

/// A system loses much; nothing is made there until it is back or an operator says that it is gone, and doors shut.
async fn nothing_is_made_during_a_loss(
    rest: &mut Rest<'_>,
    trouble: &mut Trouble<'_>,
    crowds: &mut Crowds<'_>,
) {
    let (world, seed) = (rest.world, rest.world.seed);
    let system = System::ALL[trouble.rng.usize(..3)];
    let before = world.outside.back_up(system);
    let all = world.outside.ours_in(system).len();
    let mut rules = Vec::new();
    let (how, lost) = match trouble.rng.u8(..6) {
        0 | 1 => ("wiped", world.outside.lose(system, Part::Everything, &mut trouble.rng).0),
        2 => {
            world.outside.swap(system, &mut trouble.rng);
            ("swapped", all)
        }
        3 => {
            let percent = Part::Percent(trouble.rng.usize(30..95));
            ("part lost", world.outside.lose(system, percent, &mut trouble.rng).0)
        }
        4 => ("few lost", world.outside.lose(system, Part::Few(4), &mut trouble.rng).0),
        _ => {
            rules = world.outside.empty_lists(system);
            ("lists empty", all)
        }
    };
    trouble.forget_lost();
    world.pass(60_000).await;
    rest.sweep().await;
    let is_lost = rest.is_lost(system).await;
    let (count, percent) = SURELY_LOST;
    if lost > count && lost * 100 > all * percent {
        assert!(is_lost, "seed {seed}: {system} {how}, {lost} of {all}, and it is believed");
    }
    if lost <= 5 && how != "swapped" {
        assert!(!is_lost, "seed {seed}: {system} {how}, {lost} of {all}, and it is not believed");
    }
    world.count(&format!("drill {system} {how}{}", if is_lost { "" } else { ", believed" }));
    if is_lost {
        stand_still(rest, trouble, crowds, system).await;
    }
    world.outside.take_rules(system, &rules);
    if trouble.rng.bool() {
        world.outside.restore(&before);
        trouble.forget_lost();
        world.pass(60_000).await;
        rest.sweep().await;
        assert!(!rest.is_lost(system).await, "seed {seed}: {system} is back as it was");
        world.count("drill loss restored");
    }
    rest.converge().await;
    rest.sweep_clean().await;
}

/// While a system is not believed: people come, a tenant is suspended, time passes.
async fn stand_still(
    rest: &mut Rest<'_>,
    trouble: &mut Trouble<'_>,
    crowds: &mut Crowds<'_>,
    system: System,
) {
    let seed = rest.world.seed;
    let there = rest.world.outside.ours_in(system);
    let tenant = some_open_tenant(rest, trouble).await;
    if let Some(tenant) = tenant {
        suspend(rest, tenant).await;
    }
    crowds.bring(&rest.process, 3).await;
    rest.some_passes(PASSES_TO_SHUT, PAUSE_MILLIS).await;
    let others: Vec<System> = System::ALL.into_iter().filter(|one| *one != system).collect();
    if let Some(tenant) = tenant {
        let shut = are_shut(rest, tenant, &others).await;
        let why = why_open(rest, tenant).await;
        assert!(shut, "seed {seed}: doors of {tenant} wait for {system}, which is not believed: {why}");
    }
    rest.some_passes(4, 20_000).await;
    rest.sweep().await;
    rest.some_passes(2, 5_000).await;
    if rest.is_lost(system).await {
        let now = rest.world.outside.ours_in(system);
        let made: Vec<_> = now.difference(&there).collect();
        assert!(made.is_empty(), "seed {seed}: made in {system} during a loss: {made:?}");
    }
    if let Some(tenant) = tenant {
        resume(rest, tenant).await;
    }
}

/// A tenant whose doors are open.
async fn some_open_tenant(rest: &Rest<'_>, trouble: &mut Trouble<'_>) -> Option<TenantId> {
    let model = Model::of(&rest.process.store).await;
    let open = model.tenants.iter().filter(|(_, one)| one.lifecycle == Lifecycle::Active && one.is_open());
    let mut open: Vec<(usize, TenantId)> =
        open.filter_map(|(id, one)| Some((one.members.len(), id.parse().ok()?))).collect();
    open.sort();
    // The largest is the hardest.
    if trouble.rng.bool() { open.pop().map(|(_, id)| id) } else { trouble.rng.choice(open).map(|(_, id)| id) }
}

async fn suspend(rest: &Rest<'_>, tenant: TenantId) {
    let command = TenantCommand::PlaceHold {
        hold_id: HoldId::from_uuid(Uuid::now_v7()),
        kind: HoldKind::Operator,
        reason: None,
        customer_message: None,
        until: None,
    };
    let placed = execute(&rest.process, One::<Tenant> { stream: tenant.into(), command }).await;
    assert!(placed, "seed {}: {tenant} is suspended", rest.world.seed);
}

async fn resume(rest: &Rest<'_>, tenant: TenantId) {
    let command = TenantCommand::ReleaseHold { hold: HoldRef::Kind(HoldKind::Operator), reason: None };
    let released = execute(&rest.process, One::<Tenant> { stream: tenant.into(), command }).await;
    assert!(released, "seed {}: {tenant} is resumed", rest.world.seed);
}

/// Why doors that should be shut are not, for whoever reads the finding.
async fn why_open(rest: &Rest<'_>, tenant: TenantId) -> String {
    let mut said = Vec::new();
    for system in System::ALL {
        let (known, _) = rest
            .process
            .store
            .fold::<Provisioning>(&StreamId::provisioning(tenant, system))
            .await
            .expect("a stream");
        said.push(format!("{system}: shut {} {:?}", known.access_revoked(), known.phase()));
    }
    let status = rest.process.reconciler.status().await.expect("a status");
    format!("{said:?} {:#?} {:#?} {:#?}", status.waiting, status.left_alone, status.losses)
}

async fn are_shut(rest: &Rest<'_>, tenant: TenantId, systems: &[System]) -> bool {
    for system in systems {
        let stream = StreamId::provisioning(tenant, *system);
        let (known, _) = rest.process.store.fold::<Provisioning>(&stream).await.expect("a stream");
        if !known.access_revoked() {
            return false;
        }
    }
    true
}

async fn until_shut(rest: &Rest<'_>, tenant: TenantId, systems: &[System]) {
    let mut news = rest.process.store.follow(rest.process.store.read_head().await.expect("a head"));
    while !are_shut(rest, tenant, systems).await {
        news.next(1000).await.expect("the log can be followed");
    }
}
