//! Everything the server remembers: its objects, its counters, and what its mail side has loaded of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::id::Id;
use super::index;
use super::kind::Kind;
use super::shelf::{Object, Shelf};
use crate::journal::{Rows, Table, Tables};

/// Where the server's own clock starts: 2026-11-22T16:20:24Z, when the contract was recorded. It advances by a
/// second with every request that is not served from memory alone, so that runs are repeatable.
const CLOCK_STARTS: u64 = 1_795_364_424;
/// Installations are up to so many seconds apart: ten years.
const AGES: u64 = 315_360_000;
/// The next installation on the same machine comes a day later.
const DAY: u64 = 86_400;
const CLOCK: &str = "clock";
/// Identifiers taken from the clock start here and are this far apart.
const FIRST_SNOWFLAKE: u64 = 0x0450_0000_0000_0000;
const SNOWFLAKE_STEP: u64 = 16_411;

/// What lies in one mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mailbox {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// One branch of the RCPT stage as it was last loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Branch {
    pub(crate) condition: String,
    pub(crate) script: String,
}

pub(crate) struct State {
    shelves: BTreeMap<Kind, Shelf>,
    counters: Table<String, u64>,
    /// `namespace key` to whether the key is a pattern, as of the last `ReloadLookupStores`.
    pub(crate) lookups: Table<String, bool>,
    /// Active scripts by name, as of the last `ReloadSettings`.
    pub(crate) scripts: Table<String, String>,
    /// The RCPT stage, as of the last `ReloadSettings`.
    pub(crate) branches: Table<u64, Branch>,
    /// Addresses remembered as absent.
    pub(crate) absent: Table<String, bool>,
    pub(crate) mailboxes: Table<Id, Mailbox>,
}

impl Tables for State {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        let mut tables: Vec<(&'static str, &mut dyn Rows)> = Vec::new();
        for (kind, shelf) in &mut self.shelves {
            tables.push((kind.name(), shelf));
        }
        tables.push(("counters", &mut self.counters));
        tables.push(("lookups", &mut self.lookups));
        tables.push(("scripts", &mut self.scripts));
        tables.push(("branches", &mut self.branches));
        tables.push(("absent", &mut self.absent));
        tables.push(("mailboxes", &mut self.mailboxes));
        tables
    }
}

impl State {
    /// A server after its headless bootstrap: default roles, a default domain, the service account that owns the
    /// API key.
    pub(crate) fn bootstrapped() -> Self {
        Self::bootstrapped_at(CLOCK_STARTS)
    }

    /// One that says other times of itself than any other.
    pub(crate) fn bootstrapped_sometime() -> Self {
        let (_, random) = Uuid::new_v4().as_u64_pair();
        Self::bootstrapped_at(CLOCK_STARTS + random % AGES)
    }

    /// The next one on this machine.
    pub(crate) fn bootstrapped_after(&self) -> Self {
        Self::bootstrapped_at(self.now() + DAY)
    }

    fn bootstrapped_at(clock: u64) -> Self {
        let mut state = Self {
            shelves: Kind::ALL.into_iter().map(|kind| (kind, Shelf::new(kind))).collect(),
            counters: Table::default(),
            lookups: Table::default(),
            scripts: Table::default(),
            branches: Table::default(),
            absent: Table::default(),
            mailboxes: Table::default(),
        };
        state.counters.insert(CLOCK.to_owned(), clock);
        super::seed::fill(&mut state);
        state
    }

    pub(crate) fn shelf(&self, kind: Kind) -> &Shelf {
        self.shelves.get(&kind).unwrap_or_else(|| panic!("every type has a shelf"))
    }

    pub(crate) fn shelf_mut(&mut self, kind: Kind) -> &mut Shelf {
        self.shelves.get_mut(&kind).unwrap_or_else(|| panic!("every type has a shelf"))
    }

    pub(crate) fn object(&self, kind: Kind, id: Id) -> Option<&Object> {
        self.shelf(kind).get(id)
    }

    /// The object that `text` names, if it names one.
    pub(crate) fn named(&self, kind: Kind, text: &str) -> Option<&Object> {
        self.object(kind, Id::parse(text)?)
    }

    pub(crate) fn singleton(&self, kind: Kind) -> Option<&Object> {
        self.object(kind, Id(0))
    }

    /// The next identifier of a type. None is ever given twice.
    pub(crate) fn next_id(&mut self, kind: Kind) -> Id {
        if kind.is_counted() {
            return Id(self.count(kind.name(), 0, 1));
        }
        Id(self.count("snowflake", FIRST_SNOWFLAKE, SNOWFLAKE_STEP))
    }

    fn count(&mut self, name: &str, start: u64, step: u64) -> u64 {
        let next = self.counters.get(&name.to_owned()).copied().unwrap_or(start) + step;
        self.counters.insert(name.to_owned(), next);
        next
    }

    pub(crate) fn tick(&mut self) {
        self.count(CLOCK, CLOCK_STARTS, 1);
    }

    /// The server's time in seconds.
    pub(crate) fn now(&self) -> u64 {
        self.counters.get(&CLOCK.to_owned()).copied().unwrap_or(CLOCK_STARTS)
    }

    pub(crate) fn timestamp(&self) -> String {
        let seconds = i64::try_from(self.now()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
    }

    /// Who has an address already: accounts, groups, lists and all their aliases share one space.
    pub(crate) fn holder(&self, domain: &str, local: &str) -> Option<(Kind, Id)> {
        let key = index::address(domain, local);
        [Kind::Account, Kind::MailingList]
            .into_iter()
            .find_map(|kind| Some((kind, self.shelf(kind).having(&key).next()?)))
    }

    /// The objects that would dangle without `id`, by type and number.
    pub(crate) fn referrers(&self, kind: Kind, id: Id) -> Vec<(Kind, Id)> {
        let key = index::referring(kind, &id.to_string());
        let mut found = Vec::new();
        for (by, shelf) in &self.shelves {
            found.extend(shelf.having(&key).map(|id| (*by, id)));
        }
        found
    }

    /// `alice@acme.test` of an account or a list.
    pub(crate) fn email_address(&self, object: &Object) -> Option<String> {
        let domain = self.named(Kind::Domain, index::text_of(object, "domainId")?)?;
        Some(format!("{}@{}", index::text_of(object, "name")?, index::text_of(domain, "name")?))
    }

    pub(crate) fn hostname(&self) -> String {
        let settings = self.singleton(Kind::SystemSettings);
        settings
            .and_then(|settings| index::text_of(settings, "defaultHostname"))
            .unwrap_or_default()
            .to_owned()
    }

    /// Work left to the background, as the task that a client sees until it is done.
    pub(crate) fn queue(&mut self, mut task: Object) {
        let now = self.timestamp();
        task.insert("status".to_owned(), json!({ "@type": "Pending", "createdAt": now, "due": now }));
        task.insert("due".to_owned(), Value::String(now));
        let id = self.next_id(Kind::Task);
        self.shelf_mut(Kind::Task).put(id, task);
    }
}
