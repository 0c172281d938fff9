//! What may be recorded about a system, as sentences.

use proptest::prelude::*;
use schema::provisioning::{
    Access, Adopted, ConvergedReason, Counts, FailureClass, Mode, Reason, Resource, ResourceKind, Retained,
};
use schema::{ProvisioningCommand as C, ProvisioningEvent as E};

use super::{Phase, Provisioning, SystemStatus};
use crate::Decider;
use crate::testing::*;

fn spec(hash: &str, mode: Mode) -> C {
    C::RecordSpec { spec_hash: hash.into(), mode, cause_position: 1, counts: Counts::default() }
}

fn wanted(generation: u32, hash: &str, mode: Mode) -> E {
    let counts = Counts::default();
    E::SpecChanged { generation, spec_hash: hash.into(), mode, cause_position: 1, counts }
}

fn converge(generation: u32) -> C {
    C::RecordConverged { generation, reason: ConvergedReason::Converged }
}

fn converged(generation: u32) -> E {
    E::Converged { generation, reason: ConvergedReason::Converged }
}

fn fail(generation: u32, class: FailureClass, reason: Reason, consecutive: u32) -> C {
    C::RecordFailed { generation, class, reason, resource: None, consecutive }
}

fn failed(generation: u32, class: FailureClass, reason: Reason) -> E {
    E::Failed { generation, class, reason, resource: None }
}

fn drift(paths: &[&str]) -> C {
    C::RecordDrift { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

fn drifted(generation: u32, paths: &[&str]) -> E {
    E::DriftDetected { generation, paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

fn space() -> Resource {
    Resource { kind: ResourceKind::Space, key: tenant(1).to_string() }
}

fn bound(external_id: &str) -> E {
    E::ResourceBound { resource: space(), external_id: external_id.into(), adopted: Adopted::Made }
}

#[test]
fn another_wish_raises_the_generation() {
    given::<Provisioning>([]).when(spec("a", Mode::Enforce)).then([wanted(1, "a", Mode::Enforce)]);
    let first = [wanted(1, "a", Mode::Enforce)];
    given::<Provisioning>(first.clone()).when(spec("a", Mode::Enforce)).then_no_news();
    given::<Provisioning>(first.clone()).when(spec("b", Mode::Enforce)).then([wanted(2, "b", Mode::Enforce)]);
    let switched_off = [wanted(2, "a", Mode::DisabledByPlan)];
    given::<Provisioning>(first).when(spec("a", Mode::DisabledByPlan)).then(switched_off);
}

#[test]
fn ec_90_a_slow_worker_does_not_overwrite_newer_truth() {
    let newer = || given::<Provisioning>([wanted(1, "a", Mode::Enforce), wanted(2, "b", Mode::Enforce)]);
    newer().when(converge(1)).then_no_news();
    newer().when(fail(1, FailureClass::Permanent, Reason::Conflict, 1)).then_no_news();
    newer().when(converge(2)).then([converged(2)]);
    given::<Provisioning>([]).when(converge(0)).then_no_news();
}

#[test]
fn converged_is_said_once_per_generation() {
    let history = [wanted(1, "a", Mode::Enforce), converged(1)];
    given::<Provisioning>(history).when(converge(1)).then_no_news();
}

#[test]
fn ec_80_two_passing_failures_are_no_event() {
    let waiting = || given::<Provisioning>([wanted(1, "a", Mode::Enforce)]);
    let timeout = |count| fail(1, FailureClass::Transient, Reason::Timeout, count);
    waiting().when(timeout(1)).then_no_news();
    waiting().when(timeout(2)).then_no_news();
    waiting().when(timeout(3)).then([failed(1, FailureClass::Transient, Reason::Timeout)]);
}

#[test]
fn ec_79_a_failure_is_said_again_only_when_it_is_another_one() {
    let history =
        [wanted(1, "a", Mode::Enforce), failed(1, FailureClass::Transient, Reason::UpstreamUnavailable)];
    let same = fail(1, FailureClass::Transient, Reason::UpstreamUnavailable, 900);
    given::<Provisioning>(history.clone()).when(same).then_no_news();
    let other = fail(1, FailureClass::Auth, Reason::AuthFailed, 1);
    given::<Provisioning>(history.clone()).when(other).then([failed(
        1,
        FailureClass::Auth,
        Reason::AuthFailed,
    )]);
    given::<Provisioning>(history).when(converge(1)).then([converged(1)]);
}

#[test]
fn a_failure_under_a_new_wish_is_news() {
    let history = [
        wanted(1, "a", Mode::Enforce),
        failed(1, FailureClass::Permanent, Reason::OwnedByAnother),
        wanted(2, "b", Mode::Enforce),
    ];
    let again = fail(2, FailureClass::Permanent, Reason::OwnedByAnother, 1);
    given::<Provisioning>(history).when(again).then([failed(
        2,
        FailureClass::Permanent,
        Reason::OwnedByAnother,
    )]);
}

#[test]
fn ec_83_drift_is_said_once_and_ends_with_convergence() {
    let ready = [wanted(1, "a", Mode::Enforce), converged(1)];
    given::<Provisioning>(ready.clone()).when(drift(&["name"])).then([drifted(1, &["name"])]);
    let off = ready.into_iter().chain([drifted(1, &["name"])]).collect::<Vec<_>>();
    given::<Provisioning>(off.clone()).when(drift(&["name"])).then_no_news();
    given::<Provisioning>(off.clone()).when(drift(&["quota", "name"])).then([drifted(1, &["name", "quota"])]);
    given::<Provisioning>(off.clone()).when(converge(1)).then([converged(1)]);
    let back = fold::<Provisioning>(off.into_iter().chain([converged(1)]));
    assert!(back.drifted().is_empty());
    assert_eq!(back.status(), SystemStatus::Ok);
}

#[test]
fn drift_names_at_most_twenty_fields() {
    let names: Vec<String> = (0..30).map(|number| format!("field{number:02}")).collect();
    let paths: Vec<&str> = names.iter().map(String::as_str).collect();
    let ready = [wanted(1, "a", Mode::Enforce), converged(1)];
    given::<Provisioning>(ready).when(drift(&paths)).then([drifted(1, &paths[..20])]);
}

#[test]
fn an_object_is_bound_lost_and_released_once() {
    let ready = [wanted(1, "a", Mode::Enforce), converged(1)];
    let bind = |external_id: &str| C::RecordBound {
        resource: space(),
        external_id: external_id.into(),
        adopted: Adopted::Made,
    };
    let lost = E::ResourceLost { resource: space(), external_id: "x1".into() };
    given::<Provisioning>(ready.clone()).when(bind("x1")).then([bound("x1")]);
    given::<Provisioning>(ready.clone()).when(C::RecordLost { resource: space() }).then_no_news();
    let known = ready.into_iter().chain([bound("x1")]).collect::<Vec<_>>();
    given::<Provisioning>(known.clone()).when(bind("x1")).then_no_news();
    given::<Provisioning>(known.clone()).when(bind("x2")).then([bound("x2")]);
    given::<Provisioning>(known.clone()).when(C::RecordLost { resource: space() }).then([lost.clone()]);
    let without = fold::<Provisioning>(known.clone().into_iter().chain([lost]));
    assert_eq!(without.status(), SystemStatus::Pending);
    let release = C::RecordReleased { resource: space(), retained: Retained::Kept };
    given::<Provisioning>(known).when(release).then([E::ResourceReleased {
        resource: space(),
        external_id: "x1".into(),
        retained: Retained::Kept,
    }]);
}

#[test]
fn access_is_recorded_when_it_changes() {
    let record = |access| C::RecordAccess { access, evidence: vec![] };
    let revoked = E::AccessRevoked { generation: 1, evidence: vec![] };
    let ready = [wanted(1, "a", Mode::Enforce), converged(1)];
    given::<Provisioning>(ready.clone()).when(record(Access::Open)).then_no_news();
    given::<Provisioning>(ready.clone()).when(record(Access::Revoked)).then([revoked.clone()]);
    let shut = ready.into_iter().chain([revoked]).collect::<Vec<_>>();
    given::<Provisioning>(shut.clone()).when(record(Access::Revoked)).then_no_news();
    given::<Provisioning>(shut)
        .when(record(Access::Open))
        .then([E::AccessRestored { generation: 1, evidence: vec![] }]);
}

#[test]
fn what_is_switched_off_is_skipped_whatever_was_seen() {
    for mode in [Mode::DisabledByConfig, Mode::DisabledByPlan] {
        let off = fold::<Provisioning>([wanted(1, "a", mode)]);
        assert_eq!(off.status(), SystemStatus::Skipped);
    }
    assert_eq!(Provisioning::default().status(), SystemStatus::Pending);
    let broken = [wanted(1, "a", Mode::Enforce), failed(1, FailureClass::Auth, Reason::AuthFailed)];
    assert_eq!(fold::<Provisioning>(broken).status(), SystemStatus::Error);
}

fn command() -> impl Strategy<Value = C> {
    let reasons = prop::sample::select(vec![Reason::Timeout, Reason::Conflict]);
    let classes = prop::sample::select(vec![FailureClass::Transient, FailureClass::Permanent]);
    prop_oneof![
        prop::sample::select(vec!["a", "b"]).prop_map(|hash| spec(hash, Mode::Enforce)),
        (0_u32..4).prop_map(converge),
        (0_u32..4, classes, reasons, 1_u32..5)
            .prop_map(|(generation, class, reason, count)| fail(generation, class, reason, count)),
        Just(drift(&["name"])),
        Just(C::RecordLost { resource: space() }),
        Just(C::RecordBound { resource: space(), external_id: "x".into(), adopted: Adopted::Made }),
    ]
}

proptest! {
    #[test]
    fn generations_rise_by_one_and_outcomes_belong_to_the_current_one(
        commands in prop::collection::vec(command(), 0..50),
    ) {
        let mut state = Provisioning::default();
        for command in commands {
            let before = state.generation();
            for event in state.decide(command, &operator_at(noon())).unwrap() {
                if let E::SpecChanged { generation, .. } = &event {
                    prop_assert_eq!(*generation, before + 1);
                } else if let E::Converged { generation, .. }
                | E::Failed { generation, .. }
                | E::DriftDetected { generation, .. } = &event
                {
                    prop_assert_eq!(*generation, before);
                }
                let was_converged = matches!(state.phase(), Phase::Converged(_));
                prop_assert!(!(was_converged && event.kind() == "provisioning.converged"));
                state.evolve(&event);
            }
        }
    }
}

#[test]
fn one_person_who_cannot_be_served_leaves_the_system_in_place() {
    let fail = |kind| E::Failed {
        generation: 1,
        class: FailureClass::Permanent,
        reason: Reason::OwnedByAnother,
        resource: Some(Resource { kind, key: "one".into() }),
    };
    for (kind, status) in [
        (ResourceKind::User, SystemStatus::Ok),
        (ResourceKind::Account, SystemStatus::Ok),
        (ResourceKind::Group, SystemStatus::Error),
        (ResourceKind::Domain, SystemStatus::Error),
    ] {
        let mut state = Provisioning::default();
        state.evolve(&wanted(1, "a", Mode::Enforce));
        state.evolve(&fail(kind));
        assert_eq!(state.status(), status, "{kind:?}");
    }
}
