//! Shapes that several representations share: times with milliseconds, one value per system.

use schema::{System, Timestamp};
use serde::{Serialize, Serializer};

/// Stands where a personal value was before it was erased.
pub const ERASED: &str = "Erased";

/// A moment as the API shows it: RFC 3339 UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0.to_api())
    }
}

/// One value for each outside system; the three keys are always there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the systems' names")]
pub struct PerSystem<T> {
    pub authentik: T,
    pub stalwart: T,
    pub ocis: T,
}

impl<T> PerSystem<T> {
    /// A value per system.
    pub fn from_fn(mut make: impl FnMut(System) -> T) -> Self {
        Self {
            authentik: make(System::Authentik),
            stalwart: make(System::Stalwart),
            ocis: make(System::Ocis),
        }
    }

    /// Each system with its value.
    pub fn each_mut(&mut self) -> impl Iterator<Item = (System, &mut T)> {
        [
            (System::Authentik, &mut self.authentik),
            (System::Stalwart, &mut self.stalwart),
            (System::Ocis, &mut self.ocis),
        ]
        .into_iter()
    }

    /// The value of one system.
    pub const fn of(&self, system: System) -> &T {
        match system {
            System::Authentik => &self.authentik,
            System::Stalwart => &self.stalwart,
            System::Ocis => &self.ocis,
        }
    }
}

/// As of where in the log a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AsOf {
    /// The last event it contains.
    pub position: u64,
    /// When that event was recorded; absent while the log is empty.
    pub time: Option<Moment>,
}
