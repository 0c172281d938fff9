//! What an entry is about, and what that is called.

use schema::{Event, PartnerEvent, Personal, PlanEvent, Recorded, TenantEvent, UserEvent};

use crate::api::ERASED;
use crate::model::{Columns, Write};
use crate::parts::{maybe_text, shown, text};

/// Kind and id. What was seen in an outside system is about the tenant.
pub(super) fn of(recorded: &Recorded) -> (&'static str, String) {
    let key = recorded.stream.key().to_owned();
    match &recorded.event {
        Event::Platform(_) => ("platform", "platform".to_owned()),
        Event::Tenant(_) => ("tenant", key),
        Event::User(_) => ("user", key),
        Event::Partner(_) => ("partner", key),
        Event::Plan(_) => ("plan", key),
        Event::Subscription(_) => ("subscription", key),
        Event::Provisioning(_) => match recorded.stream.tenant() {
            Some(tenant) => ("tenant", tenant.to_string()),
            None => ("platform", "platform".to_owned()),
        },
    }
}

/// What an event says about its subject's name.
pub(super) fn named(table: &'static str, recorded: &Recorded) -> Option<Write> {
    let key = vec![text(recorded.stream.key())];
    let put = |slug: Option<String>, display: event_store::Value| {
        let mut columns = called(display);
        columns.push(("slug", maybe_text(slug)));
        Some(Write::Put { table, key: key.clone(), columns })
    };
    let set = |display| Some(Write::Set { table, key: key.clone(), columns: called(display) });
    match &recorded.event {
        Event::Tenant(TenantEvent::Created { slug, name, .. }) => put(Some(slug.to_string()), shown(name)),
        Event::Tenant(TenantEvent::Renamed { to, .. }) => set(shown(to)),
        Event::Partner(PartnerEvent::Registered { slug, name, .. }) => {
            put(Some(slug.to_string()), shown(name))
        }
        Event::User(UserEvent::Invited { email, name, .. } | UserEvent::Registered { email, name, .. }) => {
            let email = email.as_ref().map_or_else(|| ERASED.to_owned(), ToString::to_string);
            put(None, name.as_ref().map_or_else(|| text(email), shown))
        }
        Event::Partner(PartnerEvent::ProfileChanged { name: Some(name), .. })
        | Event::User(UserEvent::ProfileChanged { name: Some(name), .. }) => set(shown(name)),
        Event::Plan(PlanEvent::Created { key, name, .. }) => {
            put(Some(key.to_string()), shown(&Personal::from(name.clone())))
        }
        Event::Platform(_)
        | Event::Tenant(_)
        | Event::User(_)
        | Event::Partner(_)
        | Event::Subscription(_)
        | Event::Provisioning(_) => None,
    }
}

fn called(display: event_store::Value) -> Columns {
    let search = match &display {
        event_store::Value::Text(name) => text(name.to_lowercase()),
        event_store::Value::Null | event_store::Value::Int(_) => event_store::Value::Null,
    };
    vec![("display", display), ("search", search)]
}
