//! Commands that were refused: no events, and yet entries of the audit. Rows of their own beside the read model.

use event_store::{Batch, Expect, Row, Value, WriteError};
use schema::{PartnerId, TenantId, Timestamp, UserId};

use super::list::Filters;
use super::{ActivityEntry, ActorView, RequestView, SubjectView};
use crate::api::Moment;
use crate::list::{Direction, Facets, ListQuery};
use crate::parts::{maybe_text, text};
use crate::select::{QueryError, Select};
use crate::views::{At, Views};

const DAYS_KEPT: i64 = 400;

/// How a command ended that changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was recorded.
    Applied,
    /// The caller may not.
    Denied,
    /// The rules or our machinery said no.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = &[Self::Applied, Self::Denied, Self::Failed];

    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// A command that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its id; that of a later one is greater.
    pub id: String,
    /// Where the log stood.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// What was asked for, for example `tenant.suspend`.
    pub action: String,
    /// Denied or failed.
    pub outcome: Outcome,
    /// Of the problem that was answered.
    pub code: &'static str,
    /// In which capacity.
    pub actor_kind: &'static str,
    /// Who.
    pub actor: UserId,
    /// The audience of their token.
    pub audience: Option<String>,
    /// About which tenant, as far as the caller may know of it.
    pub tenant: Option<TenantId>,
    /// About which partner.
    pub partner: Option<PartnerId>,
    /// In which request.
    pub request: String,
}

/// Writes a refusal down, and lets go of those that are too old.
pub async fn note_refusal(views: &Views, refusal: &Refusal) -> Result<(), WriteError> {
    let (kind, id) = match (refusal.tenant, refusal.partner) {
        (Some(tenant), _) => ("tenant", tenant.to_string()),
        (None, Some(partner)) => ("partner", partner.to_string()),
        (None, None) => ("platform", "platform".to_owned()),
    };
    let mut batch = Batch::new();
    batch.run(
        "insert into refusals (id, position, at, action, outcome, code, actor_kind, actor_id, audience, subject_kind,
           subject_id, tenant_id, partner_id, request_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        vec![
            text(&refusal.id),
            refusal.position.into(),
            text(refusal.at),
            text(&refusal.action),
            text(refusal.outcome.as_str()),
            text(refusal.code),
            text(refusal.actor_kind),
            text(refusal.actor),
            maybe_text(refusal.audience.as_ref()),
            text(kind),
            text(id),
            maybe_text(refusal.tenant),
            maybe_text(refusal.partner),
            text(&refusal.request),
        ],
        Expect::Any,
    );
    batch.run(
        "delete from refusals where at < $1",
        vec![text(refusal.at.plus_days(-DAYS_KEPT))],
        Expect::Any,
    );
    views.db().write(batch).await.map(drop)
}

/// One page of refusals behind a place, as entries without names yet, each with its place.
pub(super) async fn page(
    at: &mut At,
    query: &ListQuery<Filters, ()>,
) -> Result<Vec<(Vec<Value>, ActivityEntry)>, QueryError> {
    let filters = &query.filters;
    if filters.correlation_id.is_some() || !filters.wants_refusals() {
        return Ok(Vec::new());
    }
    let mut select = Select::new("refusals a");
    super::list::filter(&mut select, filters, "a.action || ' ' || a.code");
    let words = filters.outcome.iter().map(|outcome| text(outcome.as_str()));
    if !filters.outcome.is_empty() {
        select.and_in("a.outcome", words);
    }
    let places = ListQuery {
        filters: (),
        sort: (),
        limit: query.limit.saturating_add(1),
        after: query.after.clone(),
        facets: Facets::Omitted,
    };
    let keys = select.page(at, "a.position", "a.id", Direction::Descending, &places).await?;
    let mut entries = Vec::new();
    for key in keys.into_keys() {
        let Some(id) = key.last().cloned() else {
            continue;
        };
        let sql = "select id, position, at, action, outcome, code, actor_kind, actor_id, audience, subject_kind, subject_id,
                          tenant_id, partner_id, request_id
                     from refusals where id = $1";
        for row in at.query(sql, &[id]).await? {
            entries.push((key.clone(), entry(&row)?));
        }
    }
    Ok(entries)
}

fn entry(row: &Row) -> Result<ActivityEntry, QueryError> {
    let maybe =
        |place: usize| -> Result<Option<String>, QueryError> { Ok(row.opt_text(place)?.map(str::to_owned)) };
    let outcome = if row.text(4)? == Outcome::Denied.as_str() { Outcome::Denied } else { Outcome::Failed };
    let at: Timestamp = row.text(2)?.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(ActivityEntry {
        id: format!("aud_{}", row.text(0)?),
        position: row.count(1)?,
        at: Moment(at),
        action: row.text(3)?.to_owned(),
        outcome: outcome.as_str(),
        code: Some(row.text(5)?.to_owned()),
        actor: ActorView {
            kind: row.text(6)?.to_owned(),
            id: row.text(7)?.parse().ok(),
            display: String::new(),
            audience: maybe(8)?,
        },
        subject: SubjectView {
            kind: row.text(9)?.to_owned(),
            id: row.text(10)?.to_owned(),
            slug: None,
            display: None,
        },
        tenant_id: row.opt_text(11)?.and_then(|id| id.parse().ok()),
        partner_id: row.opt_text(12)?.and_then(|id| id.parse().ok()),
        reason: None,
        changes: Vec::new(),
        request: RequestView { id: maybe(13)?, ip: None, user_agent: None, idempotency_key: None },
        correlation_id: None,
        causation_position: None,
    })
}
