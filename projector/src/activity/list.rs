//! The audit list: filters, newest first, with names as they are now.

use std::collections::{BTreeMap, BTreeSet};

use event_store::Value;
use schema::{PartnerId, TenantId, Timestamp, UserId};
use serde_json::json;

use super::timeline::Timeline;
use super::{ActivityEntry, ActorView, Change, ENTRIES, MODEL, RequestView, SUBJECTS, SubjectView, TABLES};
use crate::api::Moment;
use crate::list::{Direction, ListQuery, Page};
use crate::memory::{Memory, RowError, RowRef};
use crate::parts::text;
use crate::select::{QueryError, Select, load};
use crate::views::At;

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// About this tenant.
    pub tenant: Option<TenantId>,
    /// About this partner.
    pub partner: Option<PartnerId>,
    /// About exactly this: its kind and its id.
    pub subject: Option<(String, String)>,
    /// By this person.
    pub actor: Option<UserId>,
    /// An action, or its beginning followed by `.*`.
    pub action: Option<String>,
    /// Of one request.
    pub request_id: Option<String>,
    /// Of one cause.
    pub correlation_id: Option<String>,
    /// Later than this.
    pub after: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
    /// Part of action, reason, a changed value, or the subject's name.
    pub q: Option<String>,
}

/// One page of entries, newest first.
pub async fn list(at: &mut At, query: &ListQuery<Filters, ()>) -> Result<Page<ActivityEntry>, QueryError> {
    let mut select = Select::new("activity a");
    filter(&mut select, &query.filters);
    let keys = select.page(at, "a.position", "a.position", Direction::Descending, query).await?;
    let positions = keys.column(0);
    let mut memory = Memory::new(TABLES);
    load(at, &MODEL, &mut memory, ENTRIES, "position", &positions).await?;
    let mentioned = mentioned(&memory);
    load(at, &MODEL, &mut memory, SUBJECTS, "id", &mentioned).await?;
    let timelines = timelines(at, &memory).await?;
    let mut entries = Vec::new();
    for position in &positions {
        if let Some(row) = memory.row(ENTRIES, std::slice::from_ref(position)) {
            entries.push(entry(&memory, &timelines, row)?);
        }
    }
    Ok(Page { rows: entries, next: keys.next, facets: None, as_of: at.as_of() })
}

fn filter(select: &mut Select, filters: &Filters) {
    let equal = [
        ("a.tenant_id", filters.tenant.map(text)),
        ("a.partner_id", filters.partner.map(text)),
        ("a.subject_kind", filters.subject.as_ref().map(|(kind, _)| text(kind))),
        ("a.subject_id", filters.subject.as_ref().map(|(_, id)| text(id))),
        ("a.actor_id", filters.actor.map(text)),
        ("a.request_id", filters.request_id.as_ref().map(text)),
        ("a.correlation_id", filters.correlation_id.as_ref().map(text)),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            let value = select.bind(value);
            select.and(format!("{column} = {value}"));
        }
    }
    match filters.action.as_deref().map(|action| (action, action.strip_suffix('*'))) {
        Some((_, Some(beginning))) => {
            let beginning = select.bind_beginning(beginning);
            select.and(format!("a.action like {beginning} escape '!'"));
        }
        Some((action, None)) => {
            let action = select.bind(text(action));
            select.and(format!("a.action = {action}"));
        }
        None => {}
    }
    if let Some(after) = filters.after {
        let after = select.bind(text(after));
        select.and(format!("a.at > {after}"));
    }
    if let Some(before) = filters.before {
        let before = select.bind(text(before));
        select.and(format!("a.at < {before}"));
    }
    if let Some(q) = &filters.q {
        let part = select.bind_part(q);
        select.and(format!(
            "(a.search like {part} escape '!' or exists (select 1 from activity_subjects s
             where s.id in (a.subject_id, a.actor_id) and s.search like {part} escape '!'))"
        ));
    }
}

fn mentioned(memory: &Memory) -> Vec<Value> {
    let ids: BTreeSet<Value> = memory
        .all(ENTRIES)
        .flat_map(|row| [row.maybe_text("subject_id"), row.maybe_text("actor_id")])
        .flatten()
        .map(text)
        .collect();
    ids.into_iter().collect()
}

async fn timelines(at: &mut At, memory: &Memory) -> Result<BTreeMap<String, Timeline>, QueryError> {
    let tenants: BTreeSet<&str> = memory
        .all(ENTRIES)
        .filter(|row| row.maybe_text("subject_kind") == Some("tenant"))
        .filter_map(|row| row.maybe_text("subject_id"))
        .collect();
    let mut timelines = BTreeMap::new();
    for tenant in tenants {
        let rows = at
            .query(
                "select position, step from activity_steps where tenant_id = $1 order by position",
                &[text(tenant)],
            )
            .await?;
        let steps = rows.iter().filter_map(|row| Some((row.count(0).ok()?, row.text(1).ok()?)));
        timelines.insert(tenant.to_owned(), Timeline::new(steps));
    }
    Ok(timelines)
}

fn entry(
    memory: &Memory,
    timelines: &BTreeMap<String, Timeline>,
    row: RowRef<'_>,
) -> Result<ActivityEntry, RowError> {
    let position = row.count("position");
    let subject_id = row.text("subject_id")?;
    let subject = memory.row(SUBJECTS, &[text(subject_id)]);
    let mut changes: Vec<Change> = row.maybe_json("changes")?.unwrap_or_default();
    if let Some((before, after)) = timelines.get(subject_id).and_then(|timeline| timeline.change_at(position))
    {
        changes.insert(0, Change { path: "/status".to_owned(), before: json!(before), after: json!(after) });
    }
    Ok(ActivityEntry {
        id: format!("aud_{position}"),
        position,
        at: Moment(row.parse("at")?),
        action: row.text("action")?.to_owned(),
        outcome: "applied",
        actor: actor(memory, row)?,
        subject: SubjectView {
            kind: row.text("subject_kind")?.to_owned(),
            id: subject_id.to_owned(),
            slug: subject.and_then(|subject| subject.maybe_text("slug")).map(str::to_owned),
            display: subject.and_then(|subject| subject.maybe_text("display")).map(str::to_owned),
        },
        tenant_id: row.maybe_parse("tenant_id")?,
        partner_id: row.maybe_parse("partner_id")?,
        reason: row.maybe_text("reason").map(str::to_owned),
        changes,
        request: RequestView {
            id: row.maybe_text("request_id").map(str::to_owned),
            ip: None,
            user_agent: None,
            idempotency_key: None,
        },
        correlation_id: row.text("correlation_id")?.to_owned(),
        causation_position: row.maybe_count("causation_position"),
    })
}

fn actor(memory: &Memory, row: RowRef<'_>) -> Result<ActorView, RowError> {
    let kind = row.text("actor_kind")?;
    let id = row.maybe_text("actor_id");
    let known =
        id.and_then(|id| memory.row(SUBJECTS, &[text(id)])).and_then(|found| found.maybe_text("display"));
    let display = known.unwrap_or(match kind {
        "operator" => "Operations",
        "user" => "A former user",
        _ => "Platform",
    });
    Ok(ActorView {
        kind: kind.to_owned(),
        id: row.maybe_parse("actor_id")?,
        display: display.to_owned(),
        audience: row.maybe_text("audience").map(str::to_owned),
    })
}
