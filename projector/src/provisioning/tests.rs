//! A statement's time is when it turned, whatever reasons it had since.

use schema::provisioning::{ConvergedReason, Counts, FailureClass, Mode, Reason};
use schema::{
    Actor, ActorKind, Event, Meta, ProvisioningEvent, Recorded, StreamId, System, TenantId, Timestamp,
};
use uuid::Uuid;

use super::assemble::assemble;
use super::work::Work;
use super::{MODEL, TABLES};
use crate::memory::Memory;

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn minute(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(60 * number)
}

/// Events of one system, a minute apart.
fn after(events: &[ProvisioningEvent]) -> Memory {
    let mut memory = Memory::new(TABLES);
    for (number, event) in (1..).zip(events) {
        let meta = Meta {
            actor: Actor::service(ActorKind::Reconciler),
            audience: None,
            request_id: None,
            correlation_id: Uuid::nil(),
            causation_position: None,
            tenant_id: Some(tenant()),
            partner_id: None,
        };
        let recorded = Recorded {
            position: number,
            stream: StreamId::provisioning(tenant(), System::Ocis),
            version: number,
            recorded_at: minute(i64::try_from(number).unwrap()),
            command_id: Uuid::nil(),
            meta,
            event: Event::from(event.clone()),
        };
        memory.project(&MODEL, &recorded).unwrap();
    }
    memory
}

/// Status and time of a condition of that system.
fn condition(memory: &Memory, kind: &str) -> (&'static str, Timestamp) {
    let view = assemble(memory, &Work::default(), tenant()).unwrap();
    let found = view.integrations.ocis.conditions.into_iter().find(|found| found.kind == kind).unwrap();
    (found.status, found.last_transition_at.unwrap().0)
}

fn wanted(generation: u32) -> ProvisioningEvent {
    let (mode, counts) = (Mode::Enforce, Counts::default());
    ProvisioningEvent::SpecChanged { generation, spec_hash: "wanted".into(), mode, cause_position: 1, counts }
}

fn reached(generation: u32) -> ProvisioningEvent {
    ProvisioningEvent::Converged { generation, reason: ConvergedReason::Converged }
}

fn failed(reason: Reason) -> ProvisioningEvent {
    ProvisioningEvent::Failed { generation: 2, class: FailureClass::Transient, reason, resource: None }
}

fn drifted(path: &str) -> ProvisioningEvent {
    ProvisioningEvent::DriftDetected { generation: 1, paths: vec![path.to_owned()] }
}

#[test]
fn another_reason_is_no_transition() {
    let mut events = vec![wanted(1), reached(1)];
    assert_eq!(condition(&after(&events), "Ready"), ("True", minute(2)));
    events.extend([wanted(2), failed(Reason::Timeout), failed(Reason::UpstreamUnavailable)]);
    assert_eq!(condition(&after(&events), "Ready"), ("False", minute(3)));
    assert_eq!(condition(&after(&events), "Synced"), ("False", minute(3)));
    events.push(reached(2));
    assert_eq!(condition(&after(&events), "Ready"), ("True", minute(6)));
}

#[test]
fn more_drift_is_the_same_drift() {
    let events = [wanted(1), reached(1), drifted("name"), drifted("quota")];
    assert_eq!(condition(&after(&events), "Drifted"), ("True", minute(3)));
    assert_eq!(condition(&after(&events), "Synced"), ("False", minute(3)));
}
