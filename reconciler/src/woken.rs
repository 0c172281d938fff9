//! Who is told that there may be something to do: the hands of one system, or of all.

use schema::System;
use tokio::sync::Notify;

/// One bell for each system.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    authentik: Notify,
    stalwart: Notify,
    ocis: Notify,
}

impl Woken {
    /// The bell of one system.
    pub(crate) fn of(&self, system: System) -> &Notify {
        match system {
            System::Authentik => &self.authentik,
            System::Stalwart => &self.stalwart,
            System::Ocis => &self.ocis,
        }
    }

    /// There may be something to do anywhere.
    pub(crate) fn all(&self) {
        for system in System::ALL {
            self.of(system).notify_one();
        }
    }
}
