//! Becoming active and coming to an end.

use schema::ProvisioningEvent as E;
use schema::provisioning::{ConvergedReason, Counts, FailureClass, Mode, Reason};
use schema::{StreamId, System, TenantCommand};

use super::*;
use crate::One;
use crate::access::{Lifecycle, TenantStatus};
use crate::acts::{ActivateTenant, CompleteTermination};
use crate::provisioning::{Provisioning, SystemStatus};
use crate::subscription::Subscription;
use crate::tenant::Tenant;

const ACTIVATE: fn() -> ActivateTenant = || ActivateTenant { tenant_id: tenant(1) };

fn wanted(mode: Mode) -> E {
    E::SpecChanged {
        generation: 1,
        spec_hash: "a".into(),
        mode,
        cause_position: 1,
        counts: Counts::default(),
    }
}

fn seen(log: Log, system: System, events: impl IntoIterator<Item = E>) -> Log {
    log.with(StreamId::provisioning(tenant(1), system), events)
}

fn converged() -> [E; 2] {
    [wanted(Mode::Enforce), E::Converged { generation: 1, reason: ConvergedReason::Converged }]
}

fn lifecycle(log: &Log) -> Option<Lifecycle> {
    log.state::<Tenant>(tenant(1)).lifecycle()
}

#[test]
fn a_tenant_is_active_when_every_system_is_in_place() {
    let log = seen(with_tenant(&create()), System::Authentik, converged());
    let mut log = seen(log, System::Stalwart, converged());
    assert_eq!(log.execute(&ACTIVATE(), &asked(system(), noon())), Ok(vec![]), "files are missing");
    log = seen(log, System::Ocis, converged());
    assert_eq!(log.execute(&ACTIVATE(), &asked(system(), noon())), Ok(vec!["tenant.activated"]));
    assert_eq!(log.execute(&ACTIVATE(), &asked(system(), noon())), Ok(vec![]));
    assert_eq!(lifecycle(&log), Some(Lifecycle::Active));
}

#[test]
fn what_was_seen_of_the_systems_is_guarded() {
    let log =
        System::ALL.into_iter().fold(with_tenant(&create()), |log, system| seen(log, system, converged()));
    let parts = log.rehearse(&ACTIVATE(), &asked(system(), noon())).unwrap();
    let guards = parts.iter().filter(|part| part.events.is_empty() && part.expected_version == 2).count();
    assert_eq!(guards, 3);
}

#[test]
fn ec_12_with_every_system_switched_off_a_tenant_is_active_at_once() {
    let log = with_tenant(&create());
    let mut log =
        System::ALL.into_iter().fold(log, |log, system| seen(log, system, [wanted(Mode::DisabledByConfig)]));
    assert_eq!(log.execute(&ACTIVATE(), &asked(system(), noon())), Ok(vec!["tenant.activated"]));
    for system in System::ALL {
        let state = log.state::<Provisioning>(StreamId::provisioning(tenant(1), system));
        assert_eq!(state.status(), SystemStatus::Skipped);
    }
}

#[test]
fn ec_13_an_outage_does_not_make_an_active_tenant_pending() {
    let log =
        System::ALL.into_iter().fold(with_tenant(&create()), |log, system| seen(log, system, converged()));
    let mut log = log;
    log.execute(&ACTIVATE(), &asked(system(), noon())).unwrap();
    let failed = E::Failed {
        generation: 1,
        class: FailureClass::Transient,
        reason: Reason::UpstreamUnavailable,
        resource: None,
    };
    let mut log = seen(log, System::Ocis, [failed]);
    assert_eq!(log.execute(&ACTIVATE(), &asked(system(), noon())), Ok(vec![]));
    assert_eq!(log.state::<Tenant>(tenant(1)).standing().unwrap().status(), TenantStatus::Active);
}

#[test]
fn ec_8_a_tenant_ends_once_and_its_subscription_with_it() {
    let mut log = with_tenant(&create());
    let terminate = One::<Tenant> {
        stream: tenant(1).into(),
        command: TenantCommand::Terminate { reason: None, grace_days: 1, confirm: None },
    };
    log.execute(&terminate, &operator_at(noon())).unwrap();
    let complete = CompleteTermination { tenant_id: tenant(1), subscription_id: Some(subscription(1)) };
    let due = noon().plus_days(1);
    assert_eq!(log.execute(&complete, &asked(system(), noon())), Ok(vec![]), "grace is not over");
    assert!(log.state::<Subscription>(subscription(1)).is_open());
    let ended = log.execute(&complete, &asked(system(), due));
    assert_eq!(ended, Ok(vec!["subscription.cancelled", "tenant.terminated"]));
    assert_eq!(log.execute(&complete, &asked(system(), due)), Ok(vec![]));
    assert_eq!(lifecycle(&log), Some(Lifecycle::Terminated));
    assert!(!log.state::<Subscription>(subscription(1)).is_open());
}

#[test]
fn another_tenants_subscription_stays() {
    let mut log = with_tenant(&create());
    let other = CreateTenant {
        tenant_id: tenant(2),
        subscription_id: subscription(2),
        slug: slug("bolt"),
        ..create()
    };
    log.execute(&other, &operator_at(noon())).unwrap();
    let terminate = One::<Tenant> {
        stream: tenant(1).into(),
        command: TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None },
    };
    log.execute(&terminate, &operator_at(noon())).unwrap();
    let complete = CompleteTermination { tenant_id: tenant(1), subscription_id: Some(subscription(2)) };
    assert_eq!(log.execute(&complete, &asked(system(), noon())), Ok(vec!["tenant.terminated"]));
    assert!(log.state::<Subscription>(subscription(2)).is_open());
}
