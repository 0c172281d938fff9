//! A panic ends the piece of work it happens in: never the process, never what runs beside it.
//!
//! # What always holds
//! * What panicked is not polled again, and everything it held is let go of.
//! * A caught panic is said once, by whoever caught it. A panic nobody catches is said as if this were not here.
//! * Its text may hold somebody's data: it is cut, and goes to the log alone. The place goes anywhere.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

/// Enough to find what is wrong, too little to copy somebody's data.
const MESSAGE_MAX: usize = 200;

thread_local! {
    /// How many scopes of [`caught`] this thread is in right now.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the panic on its way through this thread began.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught. Shown as its place, which holds nobody's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("panicked at {place}")]
pub struct Panicked {
    /// File and line.
    pub place: String,
    message: String,
}

impl Panicked {
    fn of(thrown: &(dyn Any + Send)) -> Self {
        let place = PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
        Self { place, message: message(thrown) }
    }

    /// Logs it and counts it: once, by whoever caught it. `subject` is whose work it was, as an id.
    #[must_use]
    pub fn told(self, task: &'static str, subject: impl fmt::Display) -> Self {
        count(task);
        self.log(task, subject);
        self
    }

    pub(crate) fn log(&self, task: &'static str, subject: impl fmt::Display) {
        let Self { place, message } = self;
        tracing::error!(task, %subject, place, message, "a piece of work panicked and is set aside");
    }
}

pub(crate) fn count(task: &'static str) {
    metrics::counter!("dezky_panics_total", "task" => task).increment(1);
}

/// Runs work to its end; a panic in it becomes an error.
pub async fn caught<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| match caught_now(|| work.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// The same for work that waits for nothing. Whoever shares something with the work puts it right after a panic.
pub fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    listen();
    let _scope = Scope::enter();
    catch_unwind(AssertUnwindSafe(work)).map_err(|thrown| Panicked::of(&*thrown))
}

struct Scope;

impl Scope {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// Panics that will be caught leave their place here, where no unwinding reaches; all others go on to the hook before.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if DEPTH.get() == 0 {
                before(panic);
            } else {
                PLACE.replace(Some(place(panic)));
            }
        }));
    });
}

/// File and line of a panic, for a hook.
pub fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(
        || "an unknown place".to_owned(),
        |location| format!("{}:{}", location.file(), location.line()),
    )
}

/// What a panic said, cut short. Only for the log.
pub fn message(thrown: &(dyn Any + Send)) -> String {
    let text = thrown.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| thrown.downcast_ref::<&str>().copied()).unwrap_or("no text");
    text.chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests;
