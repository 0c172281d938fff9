//! What the simulated OCIS knows: accounts, groups, spaces and their members, and its own clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{HalfCreated, Role};
use crate::journal::{Rows, Table, Tables};

/// The simulator's clock starts here and moves one second with every change, so the same calls give the same answers.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

const TICKS: &str = "ticks";
const STORAGE: &str = "storage";
const APPLICATION: &str = "application";

#[derive(Default)]
pub(crate) struct State {
    counters: Table<String, u64>,
    identity: Table<String, Uuid>,
    pub(super) users: Table<Uuid, User>,
    pub(super) groups: Table<Uuid, Group>,
    pub(super) spaces: Table<Uuid, Space>,
    /// Not kept: after a restart a client sees 401 once and asks for a new token, as it must be able to.
    pub(super) tokens: BTreeMap<String, Holder>,
    pub(super) switches: Switches,
    requests: u64,
}

impl Tables for State {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        vec![
            ("counters", &mut self.counters),
            ("identity", &mut self.identity),
            ("users", &mut self.users),
            ("groups", &mut self.groups),
            ("spaces", &mut self.spaces),
        ]
    }
}

impl State {
    /// `instance` is the part of every id that tells one installation from another.
    pub(super) fn new(instance: Uuid) -> Self {
        let mut state = Self::default();
        state.identity.insert(STORAGE.to_owned(), instance);
        state.identity.insert(APPLICATION.to_owned(), Uuid::new_v5(&instance, APPLICATION.as_bytes()));
        state
    }

    pub(super) fn storage(&self) -> Uuid {
        self.identity.get(&STORAGE.to_owned()).copied().unwrap_or_default()
    }

    pub(super) fn application(&self) -> Uuid {
        self.identity.get(&APPLICATION.to_owned()).copied().unwrap_or_default()
    }

    pub(super) fn ticks(&self) -> u64 {
        self.counters.get(&TICKS.to_owned()).copied().unwrap_or_default()
    }

    /// One second later.
    pub(super) fn tick(&mut self) -> u64 {
        let ticks = self.ticks() + 1;
        self.counters.insert(TICKS.to_owned(), ticks);
        ticks
    }

    pub(super) fn next_id(&mut self) -> Uuid {
        let ticks = self.tick();
        Uuid::new_v5(&self.storage(), &ticks.to_be_bytes())
    }

    pub(super) fn next_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    pub(super) fn now(&self) -> Timestamp {
        time_of(self.ticks())
    }

    pub(super) fn user_named(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| user.username.eq_ignore_ascii_case(name))
    }

    pub(super) fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.name.eq_ignore_ascii_case(name))
    }

    /// The strongest role `user` has in `space`, by name or through a group, while the grant lasts.
    pub(super) fn role_in(&self, space: &Space, user: Uuid) -> Option<SpaceRole> {
        let now = self.now();
        let lasting = space.grants.iter().filter(|grant| grant.lasts_at(now));
        let mine = lasting.filter(|grant| match grant.to {
            Grantee::User(id) => id == user,
            Grantee::Group(id) => self.groups.get(&id).is_some_and(|group| group.members.contains(&user)),
        });
        mine.map(|grant| grant.role).max()
    }
}

pub(super) fn time_of(ticks: u64) -> Timestamp {
    let seconds = i64::try_from(ticks).unwrap_or(i64::MAX);
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[derive(Serialize, Deserialize)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) mail: Option<String>,
    /// Never written to disk.
    #[serde(skip)]
    pub(super) password: Option<String>,
    pub(super) enabled: bool,
    pub(super) assignment: Option<Assignment>,
    /// The subject at the identity provider, for an account that its first login created.
    pub(super) subject: Option<String>,
    /// When it last came with a token of the identity provider.
    pub(super) signed_in: Option<u64>,
    /// When its personal space appeared: at the first call.
    pub(super) personal: Option<u64>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) id: Uuid,
    pub(super) role: Role,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) members: BTreeSet<Uuid>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Space {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) alias: String,
    /// In bytes; 0 has no limit, and a negative one makes the space unreadable for good.
    pub(super) quota: i64,
    pub(super) disabled: bool,
    /// On disk and readable by its id, but in no index: the creating process was killed too early.
    pub(super) unlisted: bool,
    /// At most one for each grantee, oldest first; OCIS lists them in any order.
    pub(super) grants: Vec<Grant>,
    /// Contents in base64, by name.
    pub(super) files: BTreeMap<String, String>,
    pub(super) used: i64,
    /// When its eTag last changed.
    pub(super) touched: u64,
}

impl Space {
    pub(super) fn unreadable(&self) -> bool {
        self.quota < 0
    }

    /// By permission id, `u:…` or `g:…`.
    pub(super) fn grant(&self, id: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.to.permission_id() == id)
    }

    pub(super) fn managers(&self) -> usize {
        self.grants.iter().filter(|grant| grant.role == SpaceRole::Manager).count()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) to: Grantee,
    pub(super) role: SpaceRole,
    /// RFC 3339, as it was sent.
    pub(super) expires: Option<String>,
}

impl Grant {
    fn lasts_at(&self, now: Timestamp) -> bool {
        self.expires.as_ref().and_then(|text| text.parse::<Timestamp>().ok()).is_none_or(|end| now < end)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grantee {
    User(Uuid),
    Group(Uuid),
}

impl Grantee {
    pub(super) fn permission_id(self) -> String {
        match self {
            Self::User(id) => format!("u:{id}"),
            Self::Group(id) => format!("g:{id}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpaceRole {
    Viewer,
    Editor,
    Manager,
}

/// Whose token it is.
#[derive(Clone, Copy)]
pub(super) enum Holder {
    Service,
    User(Uuid),
}

/// How this installation deviates from a plain one, on request.
pub(super) struct Switches {
    /// More project spaces than this and the list is too large for one message.
    pub(super) listed_max: Option<usize>,
    pub(super) quota_default: i64,
    pub(super) quota_max: Option<i64>,
    /// What the process is killed in the middle of, oldest first.
    pub(super) half_created: Vec<HalfCreated>,
}

impl Default for Switches {
    fn default() -> Self {
        Self { listed_max: None, quota_default: 1_000_000_000, quota_max: None, half_created: Vec::new() }
    }
}
