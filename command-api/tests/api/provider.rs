//! What stands behind the service outside: reports about systems go into the log as the reconciler would write them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use command_api::{Planned, Planner, Steps};
use domain::One;
use domain::acts::ActivateTenant;
use domain::provisioning::Provisioning;
use schema::provisioning::{Access, Adopted, ConvergedReason, Counts, Mode, Resource, ResourceKind};
use schema::{Event, ProvisioningCommand, StreamId, System, TenantId};

use crate::house::House;

/// Plans a word per system, is always settled, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Provider {
    pub(crate) asked: Mutex<Vec<(TenantId, Vec<System>)>>,
    pub(crate) is_busy: std::sync::atomic::AtomicBool,
    /// It panics when asked.
    pub(crate) is_broken: std::sync::atomic::AtomicBool,
}

impl Planner for Provider {
    fn plan(&self, _tenant: TenantId, news: Vec<(StreamId, Event)>) -> Planned<'_, Steps> {
        let step = |system: System| (system, vec![format!("look at {}", system.area())]);
        let steps =
            if news.is_empty() { BTreeMap::new() } else { System::ALL.into_iter().map(step).collect() };
        Box::pin(async move { Ok(steps) })
    }

    fn reconcile(&self, tenant: TenantId, systems: Vec<System>) -> Planned<'_, ()> {
        assert!(!self.is_broken.load(std::sync::atomic::Ordering::SeqCst), "a bug of ours");
        self.asked.lock().expect("a lock").push((tenant, systems));
        Box::pin(async { Ok(()) })
    }

    fn is_settled(&self, _tenant: TenantId, _systems: Vec<System>, _position: u64) -> Planned<'_, bool> {
        let is_busy = self.is_busy.load(std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move { Ok(!is_busy) })
    }
}

impl House {
    /// Every system is in place for a tenant, and it becomes active.
    pub(crate) async fn converge(&self, tenant: &str) {
        let tenant_id: TenantId = tenant.parse().expect("an id");
        for system in System::ALL {
            let spec = ProvisioningCommand::RecordSpec {
                spec_hash: "wanted".into(),
                mode: Mode::Enforce,
                cause_position: self.store.head(),
                counts: Counts::default(),
            };
            self.report(tenant_id, system, spec).await;
            let bound = ProvisioningCommand::RecordBound {
                resource: Resource { kind: kind_of(system), key: tenant.to_owned() },
                external_id: format!("external-id-of-{system}"),
                adopted: Adopted::Made,
            };
            self.report(tenant_id, system, bound).await;
            let converged =
                ProvisioningCommand::RecordConverged { generation: 1, reason: ConvergedReason::Converged };
            self.report(tenant_id, system, converged).await;
        }
        self.act(ActivateTenant { tenant_id }).await;
    }

    /// The doors were seen shut, or open again.
    pub(crate) async fn doors(&self, tenant: &str, access: Access) {
        let tenant_id: TenantId = tenant.parse().expect("an id");
        for system in System::ALL {
            self.report(tenant_id, system, ProvisioningCommand::RecordAccess { access, evidence: vec![] })
                .await;
        }
    }

    pub(crate) async fn report(&self, tenant: TenantId, system: System, command: ProvisioningCommand) {
        self.act(One::<Provisioning> { stream: StreamId::provisioning(tenant, system), command }).await;
    }
}

const fn kind_of(system: System) -> ResourceKind {
    match system {
        System::Authentik => ResourceKind::Group,
        System::Stalwart => ResourceKind::Role,
        System::Ocis => ResourceKind::Space,
    }
}
