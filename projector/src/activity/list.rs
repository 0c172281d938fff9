//! The audit list: filters, newest first, with names as they are now.

use std::collections::{BTreeMap, BTreeSet};

use event_store::Value;
use schema::{PartnerId, TenantId, Timestamp, UserId};
use serde_json::json;

use super::refusals::{self, Outcome};
use super::timeline::Timeline;
use super::{ActivityEntry, ActorView, Change, ENTRIES, MODEL, RequestView, SUBJECTS, SubjectView, TABLES};
use crate::api::Moment;
use crate::list::{Direction, Facets, ListQuery, Page};
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
    /// How it ended; empty: in any way.
    pub outcome: Vec<Outcome>,
}

impl Filters {
    fn wants_events(&self) -> bool {
        self.outcome.is_empty() || self.outcome.contains(&Outcome::Applied)
    }

    pub(super) fn wants_refusals(&self) -> bool {
        self.outcome.is_empty() || self.outcome.iter().any(|outcome| *outcome != Outcome::Applied)
    }
}

/// One page of entries, newest first. A refusal stands behind the event at which the log stood.
pub async fn list(at: &mut At, query: &ListQuery<Filters, ()>) -> Result<Page<ActivityEntry>, QueryError> {
    let mut found: Vec<(Vec<Value>, Found)> = Vec::new();
    for (key, entry) in refusals::page(at, query).await? {
        found.push((key, Found::Refusal(Box::new(entry))));
    }
    if query.filters.wants_events() {
        let positions = positions(at, query).await?;
        found.extend(
            positions
                .into_iter()
                .map(|position| (vec![position.clone(), Value::Text(String::new())], Found::Event(position))),
        );
    }
    found.sort_by(|left, right| right.0.cmp(&left.0));
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| has_more).map(|(key, _)| key.clone());
    let rows = entries(at, found.into_iter().map(|(_, found)| found).collect()).await?;
    Ok(Page { rows, next, facets: None, as_of: at.as_of() })
}

/// What an entry is made of.
enum Found {
    Event(Value),
    Refusal(Box<ActivityEntry>),
}

/// The positions of events behind a place, one more than are asked for.
async fn positions(at: &mut At, query: &ListQuery<Filters, ()>) -> Result<Vec<Value>, QueryError> {
    let mut select = Select::new("activity a");
    filter(&mut select, &query.filters, "a.search");
    if let Some(id) = &query.filters.correlation_id {
        let id = select.bind(text(id));
        select.and(format!("a.correlation_id = {id}"));
    }
    // Behind a refusal comes the event it stands behind.
    let before = query.after.as_deref().and_then(|after| match after {
        [Value::Int(position), Value::Text(id)] => Some(if id.is_empty() { *position } else { position + 1 }),
        _ => None,
    });
    let places = ListQuery {
        filters: (),
        sort: (),
        limit: query.limit.saturating_add(1),
        after: before.map(|position| vec![Value::Int(position), Value::Int(position)]),
        facets: Facets::Omitted,
    };
    Ok(select.page(at, "a.position", "a.position", Direction::Descending, &places).await?.column(0))
}

async fn entries(at: &mut At, found: Vec<Found>) -> Result<Vec<ActivityEntry>, QueryError> {
    let positions: Vec<Value> = found
        .iter()
        .filter_map(|found| match found {
            Found::Event(position) => Some(position.clone()),
            Found::Refusal(_) => None,
        })
        .collect();
    let mut memory = Memory::new(TABLES);
    load(at, &MODEL, &mut memory, ENTRIES, "position", &positions).await?;
    let mut mentioned = mentioned(&memory);
    for found in &found {
        if let Found::Refusal(entry) = found {
            mentioned.insert(text(&entry.subject.id));
            mentioned.extend(entry.actor.id.map(text));
        }
    }
    load(at, &MODEL, &mut memory, SUBJECTS, "id", &mentioned.into_iter().collect::<Vec<_>>()).await?;
    let timelines = timelines(at, &memory).await?;
    let mut entries = Vec::new();
    for found in found {
        match found {
            Found::Event(position) => {
                if let Some(row) = memory.row(ENTRIES, std::slice::from_ref(&position)) {
                    entries.push(entry(&memory, &timelines, row)?);
                }
            }
            Found::Refusal(entry) => entries.push(named(&memory, *entry)),
        }
    }
    Ok(entries)
}

/// A refusal with what its actor and subject are called now.
fn named(memory: &Memory, mut entry: ActivityEntry) -> ActivityEntry {
    let called = |id: &str, column: &'static str| {
        memory.row(SUBJECTS, &[text(id)]).and_then(|row| row.maybe_text(column)).map(str::to_owned)
    };
    let actor = entry.actor.id.and_then(|id| called(&id.to_string(), "display"));
    entry.actor.display = actor.unwrap_or_else(|| "A former user".to_owned());
    entry.subject.slug = called(&entry.subject.id, "slug");
    entry.subject.display = called(&entry.subject.id, "display");
    entry
}

/// Conditions that events and refusals share.
pub(super) fn filter(select: &mut Select, filters: &Filters, searched: &str) {
    let equal = [
        ("a.tenant_id", filters.tenant.map(text)),
        ("a.partner_id", filters.partner.map(text)),
        ("a.subject_kind", filters.subject.as_ref().map(|(kind, _)| text(kind))),
        ("a.subject_id", filters.subject.as_ref().map(|(_, id)| text(id))),
        ("a.actor_id", filters.actor.map(text)),
        ("a.request_id", filters.request_id.as_ref().map(text)),
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
            "({searched} like {part} escape '!' or exists (select 1 from activity_subjects s
             where s.id in (a.subject_id, a.actor_id) and s.search like {part} escape '!'))"
        ));
    }
}

fn mentioned(memory: &Memory) -> BTreeSet<Value> {
    memory
        .all(ENTRIES)
        .flat_map(|row| [row.maybe_text("subject_id"), row.maybe_text("actor_id")])
        .flatten()
        .map(text)
        .collect()
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
        outcome: Outcome::Applied.as_str(),
        code: None,
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
        correlation_id: row.maybe_text("correlation_id").map(str::to_owned),
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
