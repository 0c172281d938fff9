//! What must exist before the first command: the plan everybody can have, our own tenant, and a first administrator.
//!
//! Every step is safe to repeat and to run twice at once: names are claimed, and a name that is taken means it is done.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use domain::acts::create_plan::{COMPLIMENTARY, complimentary};
use domain::acts::create_tenant::{CreateTenant, Owner, PlanChoice};
use domain::acts::sign_in::{Bootstrap, SignIn, SignedInAs, Trust};
use domain::claims::Claim;
use domain::plan::Plan;
use domain::{Act, Asked};
use event_store::{EventStore, ExecuteError, Request};
use schema::tenant::Origin;
use schema::{
    Actor, ActorKind, Currency, DisplayName, Email, PlanId, PriceId, Slug, StreamId, SubscriptionId,
    TenantId, UserId,
};
use uuid::Uuid;

use crate::clock;

const OUR_SLUG: &str = "dezky";
const OUR_NAME: &str = "Dezky";
const CURRENCY: &str = "DKK";

/// The first plan and our own tenant, unless they are there.
pub(crate) async fn seed(log: &EventStore) -> anyhow::Result<()> {
    let plan_key = Slug::of_the_platform(COMPLIMENTARY).context("the first plan's key")?;
    if resolve(log, Claim::plan_key(&plan_key)).await?.is_none() {
        let act = complimentary(
            PlanId::from_uuid(Uuid::now_v7()),
            PriceId::from_uuid(Uuid::now_v7()),
            Currency(CURRENCY.into()),
        )
        .context("make the first plan")?;
        once(log, Arc::new(act)).await.context("record the first plan")?;
    }
    if resolve(log, Claim::tenant_slug(&our_slug()?)).await?.is_some() {
        return Ok(());
    }
    let stream = resolve(log, Claim::plan_key(&plan_key)).await?.context("the first plan is there")?;
    let plan_id: PlanId = stream.key().parse().context("read the first plan's id")?;
    let (plan, _) = log.fold::<Plan>(&stream).await.context("read the first plan")?;
    let price_id = plan.prices().first().context("the first plan has a price")?.price_id;
    let act = CreateTenant {
        tenant_id: TenantId::from_uuid(Uuid::now_v7()),
        subscription_id: SubscriptionId::from_uuid(Uuid::now_v7()),
        slug: our_slug()?,
        name: OUR_NAME.parse::<DisplayName>().context("our own name")?,
        plan: PlanChoice { plan_id, price_id, quantity: 1 },
        domains: Vec::new(),
        billing_info: None,
        contact: None,
        locale: None,
        timezone: None,
        partner_id: None,
        owner: Owner::None,
        origin: Origin::Seed,
        self_service: None,
    };
    once(log, Arc::new(act)).await.context("record our own tenant")
}

/// Every tenant created without a plan would be refused.
pub(crate) async fn default_plan(log: &EventStore, key: &str) -> anyhow::Result<()> {
    let plan = Slug::of_the_platform(key).context("DEZKY_DEFAULT_PLAN")?;
    match resolve(log, Claim::plan_key(&plan)).await? {
        Some(_) => Ok(()),
        None => Err(anyhow!("DEZKY_DEFAULT_PLAN: there is no plan {key}; `{COMPLIMENTARY}` is always there")),
    }
}

/// The person of the development issuer who administers this installation, as if they had signed in.
pub(crate) async fn development_admin(log: &EventStore, email: &str) -> anyhow::Result<()> {
    let instance = crate::issuer::INSTANCE;
    let subject = crate::issuer::subject(email);
    let email: Email = email.parse().context("DEZKY_BOOTSTRAP_ADMIN_EMAIL")?;
    let found = match holder(log, Claim::identity(instance, &subject)).await? {
        Some(user_id) => SignedInAs::Identity(user_id),
        None => match holder(log, Claim::email(&email)).await? {
            Some(user_id) => SignedInAs::Address { user_id, trust: Trust::Trusted },
            None => SignedInAs::Nobody { user_id: UserId::from_uuid(Uuid::now_v7()), email: email.clone() },
        },
    };
    let tenant = resolve(log, Claim::tenant_slug(&our_slug()?)).await?;
    let act = SignIn {
        instance: instance.to_owned(),
        subject,
        audience: crate::issuer::Audience::Operator.client().to_owned(),
        name: crate::issuer::name(email.as_str()).parse().ok(),
        found,
        bootstrap: Some(Bootstrap { tenant_id: tenant.and_then(|stream| stream.tenant()) }),
    };
    once(log, Arc::new(act)).await.context("register the first operator")
}

/// Makes somebody who has signed in before the first platform administrator.
pub(crate) async fn bootstrap_admin(log: &EventStore, email: &str) -> anyhow::Result<()> {
    let email: Email = email.parse().context("the address")?;
    let user_id = holder(log, Claim::email(&email))
        .await?
        .ok_or_else(|| anyhow!("nobody with this address has signed in yet; sign in to a portal first"))?;
    let act = domain::One::<domain::platform::Platform> {
        stream: StreamId::platform(),
        command: schema::PlatformCommand::BootstrapAdmin { user_id },
    };
    match log.execute(Arc::new(act), request()).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Rejected(_)) => {
            Err(anyhow!("the platform has had an administrator; an administrator grants others the right"))
        }
        Err(error) => Err(error).context("record the first administrator"),
    }
}

fn our_slug() -> anyhow::Result<Slug> {
    Slug::of_the_platform(OUR_SLUG).context("our own slug")
}

async fn holder(log: &EventStore, claim: Claim) -> anyhow::Result<Option<UserId>> {
    Ok(resolve(log, claim).await?.and_then(|stream| stream.user()))
}

async fn resolve(log: &EventStore, claim: Claim) -> anyhow::Result<Option<StreamId>> {
    log.resolve(claim.scope, &claim.value).await.with_context(|| format!("look up a {}", claim.scope))
}

/// Runs an act; that somebody else has just done the same is success.
async fn once(log: &EventStore, act: Arc<dyn Act>) -> anyhow::Result<()> {
    match log.execute(act, request()).await {
        Ok(_) | Err(ExecuteError::Rejected(domain::Rejection::AlreadyExists { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn request() -> Request {
    let actor = Actor::service(ActorKind::Bootstrap);
    Request::new(Asked { actor, now: clock::now(), command_id: Uuid::now_v7() })
}
