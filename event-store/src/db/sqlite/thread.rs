//! A thread that owns one connection and does one job after the other.

use std::path::Path;
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::statement;
use crate::db::DbError;
use crate::guard::caught_now;

const STATEMENTS_CACHED: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: std::thread::JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(path: &Path, settings: &str) -> Result<Self, DbError> {
        let mut connection =
            Connection::open(path).map_err(|error| statement::failed("open a database file", error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        connection
            .execute_batch(settings)
            .map_err(|error| statement::failed("set up a database connection", error))?;
        let (jobs, waiting) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                for job in waiting {
                    // The thread belongs to everybody. Unwinding rolled back what the job had open, and who waits for
                    // its answer hears that there is none.
                    if let Err(panicked) = caught_now(|| job(&mut connection)) {
                        drop(panicked.told("use a database", "one statement"));
                    }
                }
            })
            .map_err(|error| DbError::because("start a database thread", error))?;
        Ok(Self { jobs, thread })
    }

    /// Runs a job and waits for its answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let (answer, answered) = oneshot::channel();
        self.tell(move |connection| drop(answer.send(job(connection))));
        answered.await.map_err(|error| DbError::because("reach the database thread", error))
    }

    /// Runs a job nobody waits for. A job for a thread that is gone is dropped, and whoever waits for it hears so.
    pub(super) fn tell(&self, job: impl FnOnce(&mut Connection) + Send + 'static) {
        drop(self.jobs.send(Box::new(job)));
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }
}

#[cfg(test)]
mod tests;
