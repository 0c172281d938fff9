//! What the simulated authentik knows: its tables, what a fresh installation contains, ids and time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Settings;
use super::events::Event;
use super::roles::PERMISSIONS;
use crate::journal::{Rows, Table, Tables};

pub(super) const ADMIN: &str = "akadmin";
const READ_ONLY: &str = "authentik Read-only";
const INSTALLATION: &str = "installation";
const BOOTSTRAP_TOKEN: &str = "authentik-bootstrap-token";
/// Ids are derived from a counter, so that the same requests get the same ids.
const IDS: Uuid = Uuid::from_u128(0x6b1f_6a52_3c05_4a37_9d0e_55b1_7c1a_4e10);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) is_superuser: bool,
    pub(super) parents: BTreeSet<Uuid>,
    pub(super) users: BTreeSet<i64>,
    pub(super) attributes: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) uuid: Uuid,
    pub(super) uid: String,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) is_active: bool,
    pub(super) attributes: Map<String, Value>,
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) last_login: Option<Timed>,
    pub(super) date_joined: Timed,
    pub(super) password_change_date: Timed,
    pub(super) last_updated: Timed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) pk: Uuid,
    pub(super) intent: String,
    pub(super) user: i64,
    pub(super) key: String,
    pub(super) description: String,
    pub(super) expires: Timed,
    pub(super) expiring: bool,
}

/// A browser session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) user: i64,
    pub(super) last_used: Timed,
    pub(super) expires: Timed,
}

/// An access or refresh token issued to an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OauthToken {
    pub(super) user: i64,
    /// Access tokens end with it, refresh tokens do not.
    pub(super) session: Uuid,
    pub(super) expires: Timed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) permissions: BTreeSet<String>,
    pub(super) users: BTreeSet<i64>,
    /// All members of these have it too.
    pub(super) groups: BTreeSet<Uuid>,
}

/// A moment as the API writes it: UTC with six digits, so that the order of the texts is the order in time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Timed(String);

impl Timed {
    pub(super) fn from(timestamp: Timestamp) -> Self {
        Self(format!("{timestamp:.6}"))
    }

    pub(super) fn json(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) groups: Table<Uuid, Group>,
    pub(super) users: Table<i64, User>,
    /// By identifier.
    pub(super) tokens: Table<String, Token>,
    pub(super) sessions: Table<Uuid, Session>,
    pub(super) access_tokens: Table<i64, OauthToken>,
    pub(super) refresh_tokens: Table<i64, OauthToken>,
    pub(super) roles: Table<Uuid, Role>,
    pub(super) events: Table<i64, Event>,
    counters: Table<String, i64>,
}

impl Tables for State {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        vec![
            ("groups", &mut self.groups),
            ("users", &mut self.users),
            ("tokens", &mut self.tokens),
            ("sessions", &mut self.sessions),
            ("access_tokens", &mut self.access_tokens),
            ("refresh_tokens", &mut self.refresh_tokens),
            ("roles", &mut self.roles),
            ("events", &mut self.events),
            ("counters", &mut self.counters),
        ]
    }
}

impl State {
    /// What a fresh installation contains, and the bootstrap token with the key of the settings.
    pub(super) fn bootstrap(&mut self, settings: &Settings) {
        let now = (settings.now)();
        if self.users.is_empty() {
            let installed = self.counters.get(&INSTALLATION.to_owned()).copied();
            let id = installed.unwrap_or_else(|| now.as_microsecond());
            self.counters.insert(INSTALLATION.to_owned(), id);
            let outpost = self.new_user("ak-outpost-simulator", now);
            self.change_user(outpost, |user| {
                "internal_service_account".clone_into(&mut user.kind);
                "goauthentik.io/outposts".clone_into(&mut user.path);
            });
            let admin = self.new_user(ADMIN, now);
            self.change_user(admin, |user| "authentik Default Admin".clone_into(&mut user.name));
            self.first_groups(admin);
        }
        let Some((admin, _)) = self.user_named(ADMIN) else {
            return;
        };
        let known = self.tokens.get(&BOOTSTRAP_TOKEN.to_owned()).map(|token| token.pk);
        let token = Token {
            pk: known.unwrap_or_else(|| self.next_uuid()),
            intent: "api".to_owned(),
            user: admin,
            key: settings.token.clone(),
            description: String::new(),
            expires: Timed::from(now),
            expiring: false,
        };
        self.tokens.insert(BOOTSTRAP_TOKEN.to_owned(), token);
    }

    fn first_groups(&mut self, admin: i64) {
        for (name, is_superuser) in [("authentik Admins", true), (READ_ONLY, false)] {
            let pk = self.next_uuid();
            let mut group = Group {
                name: name.to_owned(),
                is_superuser,
                parents: BTreeSet::new(),
                users: BTreeSet::new(),
                attributes: Map::new(),
            };
            if is_superuser {
                group.users.insert(admin);
            } else {
                group.attributes.insert("notes".to_owned(), Value::from("A group that may read everything."));
                let permissions = PERMISSIONS.iter().filter(|name| name.contains(".view_"));
                let role = Role {
                    name: name.to_owned(),
                    permissions: permissions.map(|name| (*name).to_owned()).collect(),
                    users: BTreeSet::new(),
                    groups: BTreeSet::from([pk]),
                };
                let pk = self.next_uuid();
                self.roles.insert(pk, role);
            }
            self.groups.insert(pk, group);
        }
    }

    /// An active internal user without groups, written at `now`.
    pub(super) fn new_user(&mut self, username: &str, now: Timestamp) -> i64 {
        let pk = self.next("user", 3);
        let uuid = self.next_uuid();
        let hash = self.next_hash();
        let moment = self.moment(now);
        let user = User {
            uuid,
            uid: hash,
            username: username.to_owned(),
            name: String::new(),
            email: String::new(),
            is_active: true,
            attributes: Map::new(),
            path: "users".to_owned(),
            kind: "internal".to_owned(),
            last_login: None,
            date_joined: moment.clone(),
            password_change_date: moment.clone(),
            last_updated: moment,
        };
        self.users.insert(pk, user);
        pk
    }

    pub(super) fn change_user(&mut self, pk: i64, change: impl FnOnce(&mut User)) {
        if let Some(user) = self.users.change(&pk) {
            change(user);
        }
    }

    /// Exactly this username, in this case.
    pub(super) fn user_named(&self, username: &str) -> Option<(i64, &User)> {
        self.users.iter().find(|(_, user)| user.username == username).map(|(pk, user)| (*pk, user))
    }

    pub(super) fn group_named(&self, name: &str) -> Option<(Uuid, &Group)> {
        self.groups.iter().find(|(_, group)| group.name == name).map(|(pk, group)| (*pk, group))
    }

    pub(super) fn groups_of(&self, user: i64) -> impl Iterator<Item = (&Uuid, &Group)> {
        self.groups.iter().filter(move |(_, group)| group.users.contains(&user))
    }

    pub(super) fn is_superuser(&self, user: i64) -> bool {
        self.groups_of(user).any(|(_, group)| group.is_superuser)
    }

    pub(super) fn may(&self, user: i64, permission: &str) -> bool {
        let has = |role: &Role| {
            role.users.contains(&user) || self.groups_of(user).any(|(pk, _)| role.groups.contains(pk))
        };
        self.is_superuser(user)
            || self.roles.values().any(|role| role.permissions.contains(permission) && has(role))
    }

    /// Replaces the groups a user is in.
    pub(super) fn set_groups(&mut self, user: i64, wanted: &BTreeSet<Uuid>) {
        let all: Vec<Uuid> = self.groups.iter().map(|(pk, _)| *pk).collect();
        for pk in all {
            let is_member = self.groups.get(&pk).is_some_and(|group| group.users.contains(&user));
            if is_member == wanted.contains(&pk) {
                continue;
            }
            if let Some(group) = self.groups.change(&pk)
                && !group.users.remove(&user)
            {
                group.users.insert(user);
            }
        }
    }

    /// Ends the browser sessions of a user and the access tokens issued in them.
    pub(super) fn end_sessions(&mut self, user: i64) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| session.user != user);
        let sessions = &self.sessions;
        self.access_tokens.retain(|_, token| sessions.contains(&token.session));
        before - self.sessions.len()
    }

    pub(super) fn revoke_tokens(&mut self, user: i64) {
        self.access_tokens.retain(|_, token| token.user != user);
        self.refresh_tokens.retain(|_, token| token.user != user);
    }

    /// `now`, or a little later if something was written at `now` before: no two writes at one moment.
    pub(super) fn moment(&mut self, now: Timestamp) -> Timed {
        let name = "microseconds".to_owned();
        let last = self.counters.get(&name).copied().unwrap_or_default();
        let microseconds = now.as_microsecond().max(last + 1);
        self.counters.insert(name, microseconds);
        Timed::from(Timestamp::from_microsecond(microseconds).unwrap_or(now))
    }

    pub(super) fn next(&mut self, counter: &str, first: i64) -> i64 {
        let next = self.counters.get(&counter.to_owned()).map_or(first, |last| last + 1);
        self.counters.insert(counter.to_owned(), next);
        next
    }

    pub(super) fn next_uuid(&mut self) -> Uuid {
        let number = self.next("object", 1);
        Uuid::from_u128(Uuid::new_v5(&IDS, &number.to_be_bytes()).as_u128() & !(0xf << 76) | (0x4 << 76))
    }

    /// What a user is known as: a hash of theirs with this installation's own id, 64 hexadecimal digits.
    fn next_hash(&mut self) -> String {
        let user = self.next_hex();
        let installation = self.counters.get(&INSTALLATION.to_owned()).copied().unwrap_or_default();
        let half = |part: u8| Uuid::new_v5(&IDS, format!("{part} {user} {installation}").as_bytes()).simple();
        format!("{}{}", half(0), half(1))
    }

    /// An installation beside the one there was: nothing in it, and another id.
    pub(super) fn replace(&mut self, settings: &Settings) {
        let id = self.next(INSTALLATION, 1);
        let objects = self.next("object", 1);
        for (_, rows) in self.tables() {
            rows.empty();
        }
        self.counters.insert(INSTALLATION.to_owned(), id);
        // No object of one installation has the id of one of another.
        self.counters.insert("object".to_owned(), objects);
        self.bootstrap(settings);
    }

    /// 60 characters, as the keys of tokens are.
    pub(super) fn next_key(&mut self) -> String {
        self.next_hex().chars().take(60).collect()
    }

    /// 64 hexadecimal digits.
    pub(super) fn next_hex(&mut self) -> String {
        format!("{}{}", self.next_uuid().simple(), self.next_uuid().simple())
    }
}

pub(super) fn later(now: Timestamp, by: SignedDuration) -> Timed {
    Timed::from(now.checked_add(by).unwrap_or(Timestamp::MAX))
}
