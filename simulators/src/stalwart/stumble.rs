//! Lost write races on request: a `/set` that ends in `serverUnavailable` with a part of it, or all, done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::MethodError;

/// The races to lose, oldest first; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Stumbles {
    asked: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Stumbles {
    pub(crate) fn add(&self, method: &str, after: usize) {
        self.lock().push((method.to_owned(), after));
    }

    /// What was asked for the next call of `method`, which this is.
    pub(crate) fn take(&self, method: &str) -> Stumble {
        let mut asked = self.lock();
        let place = asked.iter().position(|(of, _)| of == method);
        Stumble(place.map(|place| asked.remove(place).1))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, usize)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many more objects a call has before it stumbles, if it does.
pub(crate) struct Stumble(Option<usize>);

impl Stumble {
    /// Another object's turn.
    pub(crate) fn step(&mut self) -> Result<(), MethodError> {
        match &mut self.0 {
            None => Ok(()),
            Some(0) => Err(MethodError::ServerUnavailable),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// All objects had their turn.
    pub(crate) fn end(&self) -> Result<(), MethodError> {
        self.0.map_or(Ok(()), |_| Err(MethodError::ServerUnavailable))
    }
}
