//! Events through the real log and the real loop to the public queries, on both databases.

mod following;
mod lists;
mod quarantine;
mod rebuilding;
mod robustness;
mod shapes;

use std::sync::Arc;

use domain::acts::create_plan::complimentary;
use domain::acts::{AcceptInvitation, CreateTenant, InviteMember, Owner, PlanChoice};
use domain::partner::Partner;
use domain::provisioning::Provisioning;
use domain::tenant::Tenant;
use domain::user::User;
use domain::{Act, Aggregate, Asked, One};
use event_store::{
    Config, Db, DbUrl, EventStore, Outcome, Purpose, Request, Value, migrate_log, migrate_views,
};
use schema::provisioning::{Adopted, ConvergedReason, Counts, Mode, Resource, ResourceKind};
use schema::tenant::{HoldKind, HoldRef, Origin, VerifyMethod};
use schema::user::{InviteSource, LinkedHow};
use schema::{
    Actor, ActorKind, Bps, Currency, HoldId, InvitationId, PartnerCommand, PartnerId, PlanId, PriceId,
    ProvisioningCommand, Role, StreamId, SubscriptionId, System, TenantCommand, TenantId, Timestamp,
    UserCommand, UserId,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{At, Projector, ReadModel, Step, Views};

/// Declares tests that run on both databases, as `…::sqlite::name` and `…::postgres::name`.
macro_rules! on_both_databases {
    ($(async fn $name:ident($world:ident: World) $body:block)*) => {
        $(async fn $name(mut $world: World) $body)*

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::World::on_sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(world) = super::World::on_postgres().await {
                    super::$name(world).await;
                }
            })*
        }
    };
}
use on_both_databases;

/// A running log, its read models, and the loop, stepped by hand.
struct World {
    log: DbUrl,
    store: EventStore,
    views: Views,
    projector: Projector,
    stop: CancellationToken,
    _directory: Option<tempfile::TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    async fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = DbUrl::sqlite(directory.path().join("log.db"));
        let views = DbUrl::sqlite(directory.path().join("views.db"));
        Self::on(log, views, Some(directory)).await
    }

    async fn on_postgres() -> Option<Self> {
        let url: DbUrl = test_postgres::TestPostgres::database().await?.parse().unwrap();
        Some(Self::on(url.clone(), url, None).await)
    }

    async fn on(log: DbUrl, views: DbUrl, directory: Option<tempfile::TempDir>) -> Self {
        migrate_log(&log, noon()).await.unwrap();
        let db = Db::open(&views, Purpose::Views).await.unwrap();
        migrate_views(&db, noon()).await.unwrap();
        let views = Views::with(db).await.unwrap();
        let stop = CancellationToken::new();
        let store = open_store(&log, &stop).await;
        let projector = Projector::start(views.clone(), store.clone()).await.unwrap();
        Self { log, store, views, projector, stop, _directory: directory }
    }

    /// Another process on the same log.
    async fn another_store(&self) -> EventStore {
        open_store(&self.log, &self.stop).await
    }

    async fn by_hand(&self) -> Db {
        Db::open(&self.log, Purpose::Log).await.unwrap()
    }

    async fn does(&self, act: impl Act + 'static) -> Outcome {
        self.store.execute(Arc::new(act), request(operator())).await.unwrap()
    }

    async fn one<D>(&self, stream: impl Into<StreamId>, command: D::Command) -> Outcome
    where
        D: Aggregate + 'static,
        D::Command: Clone + Send + Sync,
    {
        self.does(One::<D> { stream: stream.into(), command }).await
    }

    async fn tenant(&self, number: u128, command: TenantCommand) -> Outcome {
        self.one::<Tenant>(ten(number), command).await
    }

    async fn observes(&self, number: u128, system: System, command: ProvisioningCommand) -> Outcome {
        self.one::<Provisioning>(StreamId::provisioning(ten(number), system), command).await
    }

    /// Everything in the log is in the read models.
    async fn settle(&mut self) {
        settle(&mut self.projector).await;
    }

    async fn at(&self, model: &'static ReadModel) -> At {
        self.views.snapshot(model).await.unwrap()
    }

    async fn a_plan(&self) {
        self.does(complimentary(pln(1), prc(1), Currency("DKK".to_owned())).unwrap()).await;
    }

    async fn a_partner(&self, number: u128, slug: &str) {
        self.one::<Partner>(
            par(number),
            PartnerCommand::Register {
                slug: slug.parse().unwrap(),
                name: format!("Partner {slug}").parse().unwrap(),
                domain: None,
                margin: Bps::new(1250).unwrap(),
                contact_info: None,
                billing_info: None,
            },
        )
        .await;
    }

    async fn a_person(&self, number: u128, email: &str) {
        self.one::<User>(
            usr(number),
            UserCommand::Invite {
                email: email.parse().unwrap(),
                name: Some("Ada Holm".parse().unwrap()),
                source: InviteSource::Operator,
                tenant_id: None,
            },
        )
        .await;
    }

    async fn signs_in(&self, number: u128) {
        self.one::<User>(
            usr(number),
            UserCommand::LinkIdentity {
                instance: "idp".to_owned(),
                subject: format!("subject-{number}"),
                how: LinkedHow::SignIn,
            },
        )
        .await;
    }

    async fn a_tenant(&self, number: u128, slug: &str, owner: Owner, partner: Option<u128>) -> Outcome {
        self.does(CreateTenant {
            tenant_id: ten(number),
            subscription_id: SubscriptionId::from_uuid(uuid(number)),
            slug: slug.parse().unwrap(),
            name: format!("Tenant {slug}").parse().unwrap(),
            plan: PlanChoice { plan_id: pln(1), price_id: prc(1), quantity: 1 },
            domains: vec![format!("{slug}.dk").parse().unwrap()],
            billing_info: None,
            contact: None,
            locale: Some("da-DK".to_owned()),
            timezone: None,
            partner_id: partner.map(par),
            owner,
            origin: Origin::Operator,
            self_service: None,
        })
        .await
    }

    /// A tenant with an owner who has been seen, a verified domain, in place everywhere.
    async fn a_settled_tenant(&self, number: u128, slug: &str, partner: Option<u128>) {
        self.a_person(number, &format!("owner@{slug}.dk")).await;
        self.signs_in(number).await;
        self.a_tenant(number, slug, Owner::Creator(usr(number)), partner).await;
        let domain = format!("{slug}.dk").parse().unwrap();
        self.tenant(
            number,
            TenantCommand::VerifyDomain { domain, method: VerifyMethod::Operator, evidence: None },
        )
        .await;
        for system in System::ALL {
            self.wants(number, system, "first").await;
            self.binds(number, system).await;
            self.converges(number, system, 1).await;
        }
        self.tenant(number, TenantCommand::Activate { generations: schema::tenant::Generations::default() })
            .await;
    }

    async fn wants(&self, number: u128, system: System, spec: &str) {
        self.observes(
            number,
            system,
            ProvisioningCommand::RecordSpec {
                spec_hash: spec.to_owned(),
                mode: Mode::Enforce,
                cause_position: 1,
                counts: Counts::default(),
            },
        )
        .await;
    }

    async fn binds(&self, number: u128, system: System) {
        let kind = match system {
            System::Authentik => ResourceKind::Group,
            System::Stalwart => ResourceKind::Domain,
            System::Ocis => ResourceKind::Space,
        };
        self.observes(
            number,
            system,
            ProvisioningCommand::RecordBound {
                resource: Resource { kind, key: ten(number).to_string() },
                external_id: format!("{system}-{number}"),
                adopted: Adopted::Made,
            },
        )
        .await;
    }

    async fn converges(&self, number: u128, system: System, generation: u32) {
        let reason = ConvergedReason::Converged;
        self.observes(number, system, ProvisioningCommand::RecordConverged { generation, reason }).await;
    }

    async fn holds(&self, number: u128, until: Option<Timestamp>) {
        self.tenant(
            number,
            TenantCommand::PlaceHold {
                hold_id: hld(number),
                kind: HoldKind::Operator,
                reason: Some("Owner asked for a pause".parse().unwrap()),
                customer_message: Some("Your workspace is paused.".parse().unwrap()),
                until,
            },
        )
        .await;
    }

    async fn releases(&self, number: u128) {
        self.tenant(
            number,
            TenantCommand::ReleaseHold { hold: HoldRef::Kind(HoldKind::Operator), reason: None },
        )
        .await;
    }

    async fn renames(&self, number: u128, name: &str) {
        self.tenant(number, TenantCommand::Rename { name: name.parse().unwrap() }).await;
    }

    /// Puts a row into the log as only a person at the database, or another build, could.
    async fn appends_by_hand(&self, stream: &str, version: u64, kind: &str, data: &str) -> u64 {
        let db = self.by_hand().await;
        let position = self.store.read_head().await.unwrap() + 1;
        let mut batch = event_store::Batch::new();
        batch.run(
            "insert into events (position, stream, version, kind, data, meta, actor, command_id, recorded_at, personal, personal_digest)
             values ($1, $2, $3, $4, $5, $6, 'system', $7, $8, null, '')",
            vec![
                position.into(),
                stream.into(),
                version.into(),
                kind.into(),
                data.into(),
                format!(r#"{{"actor":{{"kind":"system"}},"correlationId":"{}"}}"#, Uuid::nil()).into(),
                Uuid::nil().to_string().into(),
                noon().to_string().into(),
            ],
            event_store::Expect::Rows(1),
        );
        batch.run(
            "insert into streams (id, version) values ($1, $2) on conflict (id) do update set version = excluded.version",
            vec![stream.into(), version.into()],
            event_store::Expect::Rows(1),
        );
        batch.run(
            "update log_head set position = $1 where id = 1",
            vec![position.into()],
            event_store::Expect::Rows(1),
        );
        db.write(batch).await.unwrap();
        // The store of this process polls for what others write.
        while self.store.head() < position {
            tokio::task::yield_now().await;
        }
        position
    }

    /// One number from the views database.
    async fn number(&self, sql: &str) -> i64 {
        self.views.db().query(sql, &[]).await.unwrap().first().unwrap().int(0).unwrap()
    }

    async fn change_by_hand(&self, sql: &'static str, params: Vec<Value>) {
        let mut batch = event_store::Batch::new();
        batch.run(sql, params, event_store::Expect::Rows(1));
        self.views.db().write(batch).await.unwrap();
    }

    /// Every stored row is what the log says.
    async fn assert_proved(&self) {
        for report in crate::verify(&self.views, &self.store).await.unwrap() {
            let listed: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
            assert!(report.is_equal(), "{}: {listed:?}", report.model);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test stops it by its token")]
async fn open_store(url: &DbUrl, stop: &CancellationToken) -> EventStore {
    let store = EventStore::open(Config { url: url.clone(), clock: noon }).await.unwrap();
    tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move { store.run(stop).await }
    });
    store
}

async fn settle(projector: &mut Projector) {
    while projector.run_once().await.unwrap() == Step::Moved {}
}

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn operator() -> Actor {
    Actor::person(ActorKind::Operator, usr(900))
}

fn request(actor: Actor) -> Request {
    Request::new(Asked { actor, now: noon(), command_id: Uuid::now_v7() })
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn ten(number: u128) -> TenantId {
    TenantId::from_uuid(uuid(number))
}

fn usr(number: u128) -> UserId {
    UserId::from_uuid(uuid(number))
}

fn par(number: u128) -> PartnerId {
    PartnerId::from_uuid(uuid(number))
}

fn pln(number: u128) -> PlanId {
    PlanId::from_uuid(uuid(number))
}

fn prc(number: u128) -> PriceId {
    PriceId::from_uuid(uuid(number))
}

fn hld(number: u128) -> HoldId {
    HoldId::from_uuid(uuid(number))
}

fn inv(number: u128) -> InvitationId {
    InvitationId::from_uuid(uuid(number))
}
