//! A second opinion: the whole log folded into plain maps, by rules written down a second time and in the simplest way.
//!
//! It shares no code with `domain` and `projector`: it reads kinds and JSON, and says what may never stand in a log.

mod tenant;

use std::collections::{BTreeMap, BTreeSet};

use event_store::{Entry, EventStore};
use schema::{ActorKind, Recorded, Timestamp};
use serde_json::{Map, Value};

pub(crate) use tenant::{Lifecycle, Member, Tenant};

/// A person.
#[derive(Debug, Default, Clone)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) is_active: bool,
}

/// A partner.
#[derive(Debug, Default, Clone)]
pub(crate) struct Partner {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) is_terminated: bool,
    pub(crate) version: u64,
}

/// What one command left in the log.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) command: uuid::Uuid,
    pub(crate) last: u64,
    /// The first version it gave to each stream.
    pub(crate) first_versions: BTreeMap<String, u64>,
}

/// Everything the log says.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) tenants: BTreeMap<String, Tenant>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) partners: BTreeMap<String, Partner>,
    pub(crate) admins: BTreeSet<String>,
    /// By the name of the request; more than one means that a command was recorded twice.
    pub(crate) traces: BTreeMap<String, Vec<Trace>>,
    pub(crate) events: u64,
    /// Since when somebody may see a tenant, by person and tenant.
    pub(crate) visible_since: BTreeMap<(String, String), u64>,
    /// The same for knowing that they were invited.
    pub(crate) invited_since: BTreeMap<(String, String), u64>,
    versions: BTreeMap<String, u64>,
    last_time: Option<Timestamp>,
    /// Operators' work by somebody whose right had been taken: which request, and which one had taken it.
    pub(crate) after_revocation: Vec<(String, String)>,
    revoked_by: BTreeMap<String, String>,
    /// What may never be in a log, and is.
    pub(crate) broken: Vec<String>,
}

/// One event, as the model reads it.
pub(super) struct Fact<'a> {
    pub(super) kind: &'a str,
    pub(super) data: &'a Map<String, Value>,
    pub(super) at: Timestamp,
    pub(super) position: u64,
    pub(super) actor: ActorKind,
    pub(super) actor_id: Option<String>,
    pub(super) request: String,
}

impl Fact<'_> {
    pub(super) fn text(&self, name: &str) -> String {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.data.get(name)?.as_str()?.parse().ok()
    }
}

impl Model {
    /// Folds the whole log as it is now.
    pub(crate) async fn of(store: &EventStore) -> Self {
        let mut model = Self::default();
        let mut follower = store.follow(0);
        loop {
            let entries = follower.available(1000).await.expect("the log can be read");
            if entries.is_empty() {
                return model;
            }
            for entry in entries.iter() {
                match entry {
                    Entry::Event(recorded) => model.take(recorded),
                    Entry::Malformed { position, .. } => {
                        model.broken.push(format!("{position} cannot be read"));
                    }
                }
            }
        }
    }

    fn take(&mut self, recorded: &Recorded) {
        self.events += 1;
        let stream = recorded.stream.as_str().to_owned();
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        if recorded.position != self.events || recorded.version != *version {
            self.broken.push(format!("{}: version {} of {stream}", recorded.position, recorded.version));
        }
        if self.last_time.is_some_and(|last| recorded.recorded_at < last) {
            self.broken.push(format!("{}: time runs backwards", recorded.position));
        }
        self.last_time = Some(recorded.recorded_at);
        self.trace(recorded, &stream);
        let encoded = recorded.event.encode().expect("JSON");
        let mut data: Map<String, Value> = serde_json::from_str(&encoded.data).expect("an object");
        if let Some(personal) = &encoded.personal {
            let personal: Map<String, Value> = serde_json::from_str(personal).expect("an object");
            data.extend(personal);
        }
        let fact = Fact {
            kind: &encoded.kind,
            data: &data,
            at: recorded.recorded_at,
            position: recorded.position,
            actor: recorded.meta.actor.kind,
            actor_id: recorded.meta.actor.id.map(|id| id.to_string()),
            request: recorded.meta.request_id.clone().unwrap_or_default(),
        };
        let key = recorded.stream.key().to_owned();
        self.must_be_operator(&fact);
        match fact.kind.split('.').next().unwrap_or_default() {
            "tenant" => self.take_tenant(&key, &fact),
            "user" => self.take_user(&key, &fact),
            "partner" => self.take_partner(&key, &fact),
            "platform" => self.take_platform(&fact),
            _ => {}
        }
    }

    fn trace(&mut self, recorded: &Recorded, stream: &str) {
        let Some(request) = &recorded.meta.request_id else { return };
        let traces = self.traces.entry(request.clone()).or_default();
        let known = traces.iter().position(|trace| trace.command == recorded.command_id);
        let place = known.unwrap_or(traces.len());
        if known.is_none() {
            traces.push(Trace { command: recorded.command_id, last: 0, first_versions: BTreeMap::new() });
        }
        let trace = &mut traces[place];
        trace.last = recorded.position;
        trace.first_versions.entry(stream.to_owned()).or_insert(recorded.version);
    }

    /// Whether an operator was one when their work was recorded. Rights are looked at when a request begins.
    fn must_be_operator(&mut self, fact: &Fact<'_>) {
        let Some(actor) = fact.actor_id.as_ref().filter(|_| fact.actor == ActorKind::Operator) else {
            return;
        };
        if self.admins.contains(actor) {
            return;
        }
        match self.revoked_by.get(actor) {
            Some(by) => self.after_revocation.push((fact.request.clone(), by.clone())),
            None => self
                .broken
                .push(format!("{}: {} by somebody who never administered", fact.position, fact.kind)),
        }
    }

    fn take_tenant(&mut self, key: &str, fact: &Fact<'_>) {
        if fact.kind == "tenant.partner.attached" {
            let partner = fact.text("partnerId");
            if self.partners.get(&partner).is_none_or(|partner| partner.is_terminated) {
                self.broken.push(format!("{}: attached to a partner that is not active", fact.position));
            }
        }
        if fact.kind == "tenant.domain.released" {
            self.must_be_unused(key, &fact.text("domain"), fact.position);
        }
        let tenant = self.tenants.entry(key.to_owned()).or_default();
        if let Err(what) = tenant.take(fact) {
            self.broken.push(format!("{}: {} of {key}: {what}", fact.position, fact.kind));
        }
        let pair = |user: &str| (user.to_owned(), key.to_owned());
        for (user, member) in &tenant.members {
            match member {
                Member::Active(_) => drop(self.visible_since.entry(pair(user)).or_insert(fact.position)),
                Member::Invited => drop(self.invited_since.entry(pair(user)).or_insert(fact.position)),
                Member::Gone => {}
            }
        }
        self.must_be_unique(key, fact);
    }

    /// Names that belong to one tenant alone.
    fn must_be_unique(&mut self, key: &str, fact: &Fact<'_>) {
        let name = match fact.kind {
            "tenant.created" => fact.text("slug"),
            "tenant.domain.verified" => fact.text("domain"),
            _ => return,
        };
        let others = self.tenants.iter().filter(|(other, _)| *other != key);
        let taken = others.filter(|(_, other)| other.slug == name || other.domains.get(&name) == Some(&true));
        for (other, _) in taken {
            self.broken.push(format!("{}: {name} belongs to {other} already", fact.position));
        }
    }

    /// A domain with somebody's address on it is not let go.
    fn must_be_unused(&mut self, key: &str, domain: &str, position: u64) {
        let Some(tenant) = self.tenants.get(key) else { return };
        let on_it = |user: &String| {
            self.users.get(user).is_some_and(|user| user.email.rsplit('@').next() == Some(domain))
        };
        let used = tenant.members.iter().any(|(user, member)| *member != Member::Gone && on_it(user));
        if used {
            self.broken.push(format!("{position}: {domain} of {key} was released with an address on it"));
        }
    }

    fn take_user(&mut self, key: &str, fact: &Fact<'_>) {
        match fact.kind {
            "user.invited" | "user.registered" => {
                let email = fact.text("email").to_lowercase();
                if self.users.values().any(|other| other.email == email) {
                    self.broken.push(format!("{}: an address has two people", fact.position));
                }
                self.users.insert(key.to_owned(), User { email, is_active: fact.kind == "user.registered" });
            }
            "user.activated" => {
                if let Some(user) = self.users.get_mut(key) {
                    user.is_active = true;
                }
            }
            _ => {}
        }
    }

    fn take_partner(&mut self, key: &str, fact: &Fact<'_>) {
        if fact.kind == "partner.registered"
            && self.partners.values().any(|one| one.slug == fact.text("slug"))
        {
            self.broken.push(format!("{}: a partner's short name twice", fact.position));
        }
        let partner = self.partners.entry(key.to_owned()).or_default();
        partner.version += 1;
        if partner.is_terminated && fact.kind != "partner.disposition.completed" {
            self.broken.push(format!("{}: {} after the end of a partner", fact.position, fact.kind));
        }
        if fact.data.contains_key("name") {
            partner.name = fact.text("name");
        }
        match fact.kind {
            "partner.registered" => partner.slug = fact.text("slug"),
            "partner.terminated" => partner.is_terminated = true,
            _ => {}
        }
    }

    fn take_platform(&mut self, fact: &Fact<'_>) {
        let user = fact.text("userId");
        match fact.kind {
            "platform.admin.granted" => drop(self.admins.insert(user)),
            "platform.admin.revoked" => {
                if fact.actor_id.as_ref() == Some(&user)
                    || !self.admins.remove(&user)
                    || self.admins.is_empty()
                {
                    self.broken.push(format!("{}: a right was taken that may not be", fact.position));
                }
                self.revoked_by.insert(user, fact.request.clone());
            }
            _ => {}
        }
    }

    /// Tenants of a partner that count as customers, by status.
    pub(crate) fn customers(&self, partner: &str) -> BTreeMap<&'static str, u64> {
        let mut counted = BTreeMap::new();
        let brought = self.tenants.values().filter(|tenant| tenant.partner.as_deref() == Some(partner));
        for tenant in brought.filter(|tenant| tenant.lifecycle != Lifecycle::Terminated) {
            *counted.entry(tenant.status()).or_default() += 1;
        }
        counted
    }

    pub(crate) fn user_by_email(&self, email: &str) -> Option<&String> {
        self.users.iter().find(|(_, user)| user.email == email).map(|(id, _)| id)
    }

    /// Whether somebody can use at least one tenant.
    pub(crate) fn is_entitled(&self, user: &str) -> bool {
        self.tenants.values().any(|tenant| tenant.is_open() && tenant.has_active(user))
    }

    /// Whether somebody's account in the identity system is to be enabled.
    pub(crate) fn has_account(&self, user: &str) -> bool {
        let is_new = self.users.get(user).is_some_and(|user| !user.is_active);
        let mine: Vec<&Tenant> = self.tenants.values().filter(|tenant| tenant.has_active(user)).collect();
        is_new
            || mine.is_empty()
            || self.admins.contains(user)
            || self.is_entitled(user)
            || mine.iter().any(|tenant| {
                let is_being_made = tenant.lifecycle == Lifecycle::Pending && tenant.holds.is_empty();
                let answers_for_it =
                    matches!(tenant.members.get(user), Some(Member::Active(role)) if role != "member");
                tenant.lifecycle != Lifecycle::Terminated && (is_being_made || answers_for_it)
            })
    }
}
