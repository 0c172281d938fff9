//! From the tail of the log to rows of who needs a look.

use std::collections::BTreeMap;
use std::time::Duration;

use event_store::Entry;
use projector::facts;
use schema::System;

use crate::due::Haste;
use crate::subject::Subject;
use crate::wanted::{self, Whom};
use crate::{Reconciler, WorkError};

/// Events taken in at once.
const BATCH: usize = 500;
/// How long facts may take before we ask whose tenants a person is in.
const FACTS_WAIT: Duration = Duration::from_secs(10);
/// Before the next try when the log or the views do not answer.
const TROUBLE: Duration = Duration::from_secs(1);

impl Reconciler {
    pub(crate) async fn follow_forever(&self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "following the log was interrupted"
                );
            }
            tokio::time::sleep(TROUBLE).await;
        }
    }

    async fn follow(&self) -> Result<(), WorkError> {
        let mut follower = self.0.store.follow(self.start().await?);
        loop {
            let entries = follower.next(BATCH).await?;
            self.absorb(&entries).await?;
        }
    }

    /// Takes in everything that is in the log now. How many events.
    pub async fn catch_up(&self) -> Result<usize, WorkError> {
        let mut follower = self.0.store.follow(self.start().await?);
        let mut taken = 0;
        loop {
            let entries = follower.available(BATCH).await?;
            if entries.is_empty() {
                return Ok(taken);
            }
            taken += entries.len();
            self.absorb(&entries).await?;
        }
    }

    /// Where we stand in the log. The first time everybody is asked for once, and history need not be read.
    async fn start(&self) -> Result<u64, WorkError> {
        if let Some(position) = self.0.due.position().await? {
            return Ok(position);
        }
        let head = self.0.store.read_head().await?;
        self.0.views.wait_for(&facts::MODEL, head, FACTS_WAIT).await?;
        self.refill(head).await?;
        Ok(head)
    }

    /// Asks for a look at everybody.
    async fn refill(&self, position: u64) -> Result<(), WorkError> {
        let mut at = self.0.views.snapshot(&facts::MODEL).await?;
        let tenants = facts::all(&mut at).await?.tenants;
        let everybody = tenants
            .iter()
            .map(|tenant| Subject::Tenant(tenant.tenant_id))
            .chain([Subject::Platform])
            .flat_map(|subject| subject.systems().into_iter().map(move |system| (subject, system)))
            .map(|one| (one, Haste::Usual));
        self.0.due.absorb(everybody.collect::<Vec<_>>(), position, self.now()).await?;
        self.0.woken.notify_one();
        Ok(())
    }

    async fn absorb(&self, entries: &[Entry]) -> Result<(), WorkError> {
        let Some(last) = entries.last().map(Entry::position) else {
            return Ok(());
        };
        let mut asked: BTreeMap<(Subject, System), Haste> = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Event(recorded) => {
                    let haste = wanted::haste_of(&recorded.event);
                    for (whom, systems) in wanted::because_of(recorded) {
                        for subject in self.subjects(whom, recorded.position).await? {
                            let systems =
                                subject.systems().into_iter().filter(|system| systems.contains(system));
                            for system in systems {
                                let known = asked.entry((subject, system)).or_insert(haste);
                                *known = haste.min(*known);
                            }
                        }
                    }
                }
                // Read models park its stream; there is no fact in it for us.
                Entry::Malformed { .. } => {}
            }
        }
        let is_news = !asked.is_empty();
        self.0.due.absorb(asked, last, self.now()).await?;
        if is_news {
            self.0.woken.notify_one();
        }
        Ok(())
    }

    async fn subjects(&self, whom: Whom, position: u64) -> Result<Vec<Subject>, WorkError> {
        match whom {
            Whom::Tenant(id) => Ok(vec![Subject::Tenant(id)]),
            Whom::Administrators => Ok(vec![Subject::Platform]),
            Whom::TenantsOf(user) => {
                self.0.views.wait_for(&facts::MODEL, position, FACTS_WAIT).await?;
                let mut at = self.0.views.snapshot(&facts::MODEL).await?;
                let tenants = facts::tenants_of_user(&mut at, user).await?;
                let is_admin =
                    facts::platform_admins(&mut at).await?.iter().any(|admin| admin.user_id == user);
                let platform = is_admin.then_some(Subject::Platform);
                Ok(tenants.into_iter().map(Subject::Tenant).chain(platform).collect())
            }
        }
    }

    /// Somebody asked by hand: at once, and as if nothing had failed before.
    pub async fn wake(&self, subject: Subject, systems: &[System]) -> Result<(), WorkError> {
        self.0.due.reset(subject, systems, self.now()).await?;
        self.0.woken.notify_one();
        Ok(())
    }

    /// Whether these systems have followed the log up to a position: nothing is left to do, or it was tried and failed.
    pub async fn is_settled(
        &self,
        subject: Subject,
        systems: &[System],
        position: u64,
    ) -> Result<bool, WorkError> {
        Ok(self.0.due.is_settled(subject, systems, position).await?)
    }
}
