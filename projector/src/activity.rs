//! The read model `activity`: one entry per event, for people who want to know who did what.
//!
//! What a tenant's status was before and after an entry is not in the event; it is folded from the tenant's few steps
//! when a page is read.

mod changes;
mod list;
mod refusals;
mod subject;
mod timeline;
mod view;

pub use list::{Filters, list};
pub use refusals::{Outcome, Refusal, note_refusal};
pub use view::{ActivityEntry, ActorView, Change, RequestView, SubjectView};

use event_store::Value;
use schema::{Event, Recorded};

use crate::model::{Column, ReadModel, Table, Write};
use crate::parts::{json, maybe_text, text};

const ENTRIES: &str = "activity";
const SUBJECTS: &str = "activity_subjects";
const STEPS: &str = "activity_steps";
const STREAMS: &str = "activity_streams";

const TABLES: &[Table] = &[
    Table {
        name: ENTRIES,
        key: &["position"],
        columns: &[
            Column::Int("position"),
            Column::Text("at"),
            Column::Text("action"),
            Column::Text("actor_kind"),
            Column::Text("actor_id"),
            Column::Text("audience"),
            Column::Text("subject_kind"),
            Column::Text("subject_id"),
            Column::Text("tenant_id"),
            Column::Text("partner_id"),
            Column::Text("reason"),
            Column::Text("changes"),
            Column::Text("search"),
            Column::Text("request_id"),
            Column::Text("correlation_id"),
            Column::Int("causation_position"),
        ],
        indexes: &[
            &["tenant_id", "position"],
            &["partner_id", "position"],
            &["subject_id", "position"],
            &["actor_id", "position"],
        ],
    },
    // What subjects and actors are called now.
    Table {
        name: SUBJECTS,
        key: &["id"],
        columns: &[Column::Text("id"), Column::Text("slug"), Column::Text("display"), Column::Text("search")],
        indexes: &[],
    },
    // What moves a tenant's status.
    Table {
        name: STEPS,
        key: &["tenant_id", "position"],
        columns: &[Column::Text("tenant_id"), Column::Int("position"), Column::Text("step")],
        indexes: &[],
    },
    // How long each stream is: a count that must equal the stream's version.
    Table {
        name: STREAMS,
        key: &["stream"],
        columns: &[Column::Text("stream"), Column::Int("events"), Column::Int("last_position")],
        indexes: &[],
    },
];

/// Who did what, when, and why.
pub const MODEL: ReadModel = ReadModel {
    name: "activity",
    version: 1,
    reads: &["platform", "tenant", "user", "partner", "plan", "subscription", "provisioning"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    let stream = vec![text(&recorded.stream)];
    let mut writes = vec![
        entry(recorded),
        Write::Add { table: STREAMS, key: stream.clone(), column: "events", by: 1 },
        Write::Set {
            table: STREAMS,
            key: stream,
            columns: vec![("last_position", recorded.position.into())],
        },
    ];
    writes.extend(subject::named(SUBJECTS, recorded));
    writes.extend(timeline::step(recorded).map(|step| Write::Put {
        table: STEPS,
        key: vec![text(recorded.stream.key()), recorded.position.into()],
        columns: vec![("step", text(step.as_str()))],
    }));
    writes
}

fn entry(recorded: &Recorded) -> Write {
    let (subject_kind, subject_id) = subject::of(recorded);
    let action = action(&recorded.event);
    let changes = changes::of(&recorded.event);
    let reason = changes::reason(&recorded.event);
    let mut search = format!("{action} {}", reason.as_deref().unwrap_or_default());
    for change in &changes {
        for value in [&change.before, &change.after] {
            search.push(' ');
            search.push_str(value.as_str().unwrap_or_default());
        }
    }
    let meta = &recorded.meta;
    Write::Put {
        table: ENTRIES,
        key: vec![recorded.position.into()],
        columns: vec![
            ("at", text(recorded.recorded_at)),
            ("action", text(action)),
            ("actor_kind", text(meta.actor.kind.as_str())),
            ("actor_id", maybe_text(meta.actor.id)),
            ("audience", maybe_text(meta.audience.as_ref())),
            ("subject_kind", text(subject_kind)),
            ("subject_id", text(subject_id)),
            ("tenant_id", maybe_text(meta.tenant_id.or_else(|| recorded.stream.tenant()))),
            ("partner_id", maybe_text(meta.partner_id.or_else(|| recorded.stream.partner()))),
            ("reason", maybe_text(reason)),
            ("changes", if changes.is_empty() { Value::Null } else { json(&changes) }),
            ("search", text(search.to_lowercase())),
            ("request_id", maybe_text(meta.request_id.as_ref())),
            ("correlation_id", text(meta.correlation_id)),
            ("causation_position", meta.causation_position.into()),
        ],
    }
}

const fn action(event: &Event) -> &'static str {
    match event {
        Event::Platform(event) => event.kind(),
        Event::Tenant(event) => event.kind(),
        Event::User(event) => event.kind(),
        Event::Partner(event) => event.kind(),
        Event::Plan(event) => event.kind(),
        Event::Subscription(event) => event.kind(),
        Event::Provisioning(event) => event.kind(),
    }
}
