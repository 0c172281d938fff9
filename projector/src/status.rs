//! How far everything is: what `dezky status`, readiness and the operations page show.

use event_store::DbError;
use schema::Timestamp;

use crate::READ_MODELS;
use crate::copies;
use crate::views::Views;

/// How far one copy of a read model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// Which read model.
    pub name: &'static str,
    /// Of which definition.
    pub definition: u64,
    /// Which copy.
    pub copy: u32,
    /// Whether queries see it.
    pub is_live: bool,
    /// `live`, `retired`, `rebuilding` or `stopped`.
    pub state: String,
    /// The last event it contains. The head of the log minus this is its lag, exactly.
    pub position: u64,
    /// Streams it could not digest.
    pub parked_streams: u64,
    /// Why it stopped.
    pub note: Option<String>,
}

/// A stream that a live read model could not digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedStream {
    /// Which read model.
    pub model: String,
    /// Which stream.
    pub stream: String,
    /// The event it stumbled over.
    pub position: u64,
    /// Why.
    pub error: String,
    /// How many events wait.
    pub events: u64,
    /// How often a retry failed.
    pub attempts: u64,
    /// When it is tried again by itself; at the next occasion when it never was.
    pub next_try: Option<Timestamp>,
}

impl ParkedStream {
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next_try.is_none_or(|next_try| next_try <= now)
    }
}

impl Views {
    /// Every copy of every read model.
    pub async fn positions(&self) -> Result<Vec<ModelStatus>, DbError> {
        let mut all = Vec::new();
        for model in READ_MODELS {
            let (found, live) = copies::all(self.db(), model).await?;
            for copy in found {
                let details = self
                    .db()
                    .query(
                        "select c.note, (select count(distinct p.stream) from parked p
                                          where p.read_model = c.read_model and p.version = c.version)
                           from checkpoints c where c.read_model = $1 and c.version = $2",
                        &[model.name.into(), copy.number.into()],
                    )
                    .await?;
                let Some(row) = details.first() else { continue };
                all.push(ModelStatus {
                    name: model.name,
                    definition: copy.definition,
                    copy: copy.number,
                    is_live: live == Some(copy.number),
                    state: copy.state,
                    position: copy.position,
                    parked_streams: row.count(1)?,
                    note: row.opt_text(0)?.map(str::to_owned),
                });
            }
        }
        Ok(all)
    }

    /// Every stream a live read model could not digest.
    pub async fn parked(&self) -> Result<Vec<ParkedStream>, DbError> {
        let rows = self
            .db()
            .query(
                "select p.read_model, p.stream, p.position, p.error, p.attempts, p.next_try,
                        (select count(*) from parked q where q.read_model = p.read_model
                            and q.version = p.version and q.stream = p.stream)
                   from parked p join live l on l.read_model = p.read_model and l.version = p.version
                  where p.position = (select min(q.position) from parked q where q.read_model = p.read_model
                            and q.version = p.version and q.stream = p.stream)
                  order by p.read_model, p.stream",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ParkedStream {
                    model: row.text(0)?.to_owned(),
                    stream: row.text(1)?.to_owned(),
                    position: row.count(2)?,
                    error: row.text(3)?.to_owned(),
                    attempts: row.count(4)?,
                    next_try: row.opt_text(5)?.and_then(|text| text.parse().ok()),
                    events: row.count(6)?,
                })
            })
            .collect()
    }
}
