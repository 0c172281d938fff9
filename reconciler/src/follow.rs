//! From the tail of the log to rows of who needs a look.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use event_store::Entry;
use event_store::guard::caught;
use event_store::trouble::Trouble;
use projector::facts;
use schema::{Recorded, System};

use crate::config::SystemMode;
use crate::due::Haste;
use crate::subject::Subject;
use crate::wanted::{self, Whom};
use crate::{Reconciler, WorkError};

/// Events taken in at once.
const BATCH: usize = 500;
/// How long facts may take before we ask whose tenants a person is in.
const FACTS_WAIT: Duration = Duration::from_secs(10);

impl Reconciler {
    pub(crate) async fn follow_forever(&self) {
        let mut trouble = Trouble::default();
        loop {
            let pause = match caught(self.follow(&mut trouble)).await {
                Ok(Ok(ended)) => match ended {},
                Ok(Err(error)) => self.tell(&mut trouble, "the log cannot be followed", &error),
                Err(panicked) => trouble.tell_panicked(&panicked, "follow", "the log"),
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn follow(&self, trouble: &mut Trouble) -> Result<Infallible, WorkError> {
        let mut follower = self.0.store.follow(self.start().await?);
        loop {
            let entries = follower.next(BATCH).await?;
            self.absorb(&entries).await?;
            trouble.tell_works("the log can be followed");
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
        let tenants = facts::tenant_ids(&mut at).await?;
        let everybody = tenants
            .into_iter()
            .map(Subject::Tenant)
            .chain([Subject::Platform])
            .flat_map(|subject| subject.systems().into_iter().map(move |system| (subject, system)))
            .map(|one| (one, Haste::Usual));
        self.0.due.absorb(everybody.collect::<Vec<_>>(), position, self.now()).await?;
        self.0.woken.all();
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
                    for one in self.asked_by(recorded).await? {
                        let known = asked.entry(one).or_insert(haste);
                        *known = haste.min(*known);
                    }
                }
                // Read models park its stream; there is no fact in it for us.
                Entry::Malformed { .. } => {}
            }
        }
        let is_news = !asked.is_empty();
        self.0.due.absorb(asked, last, self.now()).await?;
        if is_news {
            self.0.woken.all();
        }
        Ok(())
    }

    /// Who is to be looked at because of one event, and where. An event that ends in a fault of ours asks for nobody: it is
    /// said, and the sweep finds whoever differs.
    async fn asked_by(&self, recorded: &Recorded) -> Result<Vec<(Subject, System)>, WorkError> {
        match caught(self.asking(recorded)).await {
            Ok(Ok(asked)) => Ok(asked),
            Ok(Err(error)) if error.is_of_the_database() => Err(error),
            Ok(Err(error)) => {
                let position = recorded.position;
                tracing::error!(
                    position,
                    error = &error as &dyn std::error::Error,
                    "an event asks for nobody"
                );
                Ok(Vec::new())
            }
            Err(panicked) => {
                drop(panicked.told("follow", format_args!("the event at {}", recorded.position)));
                Ok(Vec::new())
            }
        }
    }

    async fn asking(&self, recorded: &Recorded) -> Result<Vec<(Subject, System)>, WorkError> {
        let mut asked = Vec::new();
        for (whom, systems) in wanted::because_of(recorded) {
            for subject in self.subjects(whom, recorded.position).await? {
                let systems = subject.systems().into_iter().filter(|system| systems.contains(system));
                asked.extend(systems.map(|system| (subject, system)));
            }
        }
        Ok(asked)
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
        self.0.woken.all();
        Ok(())
    }

    /// Whether these systems have followed the log up to a position: nothing is left to do, or it was tried and failed.
    pub async fn is_settled(
        &self,
        subject: Subject,
        systems: &[System],
        position: u64,
    ) -> Result<bool, WorkError> {
        // Where nothing is done for now there is nothing to wait for.
        let acting = |system: &System| self.0.systems.mode(*system) != SystemMode::Paused;
        let systems: Vec<System> = systems.iter().copied().filter(acting).collect();
        Ok(self.0.due.is_settled(subject, &systems, position).await?)
    }
}
