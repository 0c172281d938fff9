//! `dezky status` as text: what is loud first, then counts, then the first rows of each list.

use std::fmt::Write as _;

use projector::ParkedStream;
use reconciler::{KnownLeftover, Loss, LossWhy, Moded, SystemMode, Waiting};

use super::{Found, SHOWN_MAX, count_of, mode_setting, more, total};

/// Letters shown of a sentence that is as long as its cause.
const LETTERS_MAX: usize = 200;

impl Found {
    /// Writing to a String cannot fail.
    pub(super) fn text(&self) -> String {
        let mut text = format!("log            head {}\n", self.head);
        for model in &self.models {
            let lag = self.head.saturating_sub(model.position);
            let note = model.note.as_deref().map(|note| format!(": {}", cut(note))).unwrap_or_default();
            let _ = writeln!(
                text,
                "{:<14} v{} {} at {}, {lag} behind, {} streams parked{note}",
                model.name, model.copy, model.state, model.position, model.parked_streams
            );
        }
        text.push_str(&parked(self.parked.get(..SHOWN_MAX).unwrap_or(&self.parked)));
        text.push_str(&more(self.parked.len() as u64, ""));
        self.standing(&mut text);
        self.leftovers(&mut text);
        self.waiting(&mut text);
        text
    }

    /// Whatever keeps the reconciler from doing its work.
    fn standing(&self, text: &mut String) {
        let work = &self.work;
        let _ =
            writeln!(text, "reconciler     at {}, {} looks due", work.position, total(&work.waiting_counts));
        for moded in &work.modes {
            let differing = work.differences.iter().find(|(system, _)| *system == moded.system);
            text.push_str(&mode(moded, differing.map_or(0, |(_, count)| *count)));
        }
        for found in &work.losses {
            let _ = writeln!(text, "  {}", loss(found));
        }
        for left in &work.left_alone {
            let _ = writeln!(
                text,
                "  {} is left alone since {} ({}), next probe at {}",
                left.system,
                left.since.to_api(),
                left.why,
                left.until.to_api()
            );
        }
        for row in work.crashed.iter().take(SHOWN_MAX) {
            let _ = writeln!(
                text,
                "  {} {}: its last look crashed; next try at {}, {} failures",
                row.subject,
                row.system,
                row.due_at.to_api(),
                row.failures
            );
        }
        text.push_str(&more(count_of(&work.waiting_counts, "crashed"), "  "));
    }

    fn leftovers(&self, text: &mut String) {
        let work = &self.work;
        if work.leftover_counts.is_empty() {
            return;
        }
        let count: u64 = work.leftover_counts.iter().map(|found| found.count).sum();
        let _ = writeln!(text, "leftovers      {count} objects with our mark that are not in use");
        for found in work.leftover_counts.iter().take(SHOWN_MAX) {
            let why = found.why.as_str();
            let _ = writeln!(text, "  {} {}: {} ({why})", found.system, cut(&found.kind), found.count);
        }
        for found in work.leftovers.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "  {}", leftover(found));
        }
        text.push_str(&more(count, "  "));
    }

    fn waiting(&self, text: &mut String) {
        let work = &self.work;
        if work.waiting_counts.is_empty() {
            return;
        }
        text.push_str("due\n");
        for found in work.waiting_counts.iter().take(SHOWN_MAX) {
            let state = found.state.as_deref().unwrap_or("fresh");
            let reason =
                found.reason.as_deref().map(|reason| format!(" ({})", cut(reason))).unwrap_or_default();
            let _ = writeln!(text, "  {}: {} {}{reason}", found.system, found.count, cut(state));
        }
        text.push_str(&more(work.waiting_counts.len() as u64, "  "));
        for row in work.waiting.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "  {}", waiting(row));
        }
        text.push_str(&more(total(&work.waiting_counts), "  "));
    }
}

/// Streams that could not be digested.
pub(super) fn parked(all: &[ParkedStream]) -> String {
    let mut text = String::new();
    for parked in all {
        let next = parked.next_try.map_or_else(|| "soon".to_owned(), |next| format!("at {}", next.to_api()));
        let _ = writeln!(
            text,
            "parked         {} {} at {}: {}; {} events wait, {} retries failed, next {next}",
            parked.model,
            parked.stream,
            parked.position,
            cut(&parked.error),
            parked.events,
            parked.attempts
        );
    }
    text
}

/// Nothing about a system that is kept right as usual.
fn mode(moded: &Moded, differing: u64) -> String {
    let (system, setting, since) = (moded.system, mode_setting(moded.system), moded.since.to_api());
    match moded.mode {
        SystemMode::Enforce => String::new(),
        SystemMode::Observe => format!(
            "  {system} is only observed by {setting} since {since}: nothing is changed there; what is there differs for \
             {differing} of them (`dezky plan` and the tenant's provisioning say how)\n"
        ),
        SystemMode::Paused => {
            format!(
                "  {system} is paused by {setting} since {since}: nothing is done there, doors stay as they are\n"
            )
        }
        SystemMode::Disabled => {
            format!("  {system} is disabled by {setting} since {since}: it is no part of this installation\n")
        }
    }
}

fn loss(loss: &Loss) -> String {
    let Loss { system, missing, bound, .. } = loss;
    let since = loss.since.to_api();
    let what = match loss.why {
        LossWhy::Missing => format!("{missing} of {bound} objects of ours are missing since {since}"),
        LossWhy::AnotherInstallation => {
            format!("it is another installation than the one our {bound} objects are in, since {since}")
        }
    };
    match loss.confirmed_at {
        Some(at) => format!("{system}: {what}; confirmed at {}: they are made again", at.to_api()),
        None => format!(
            "{system}: {what}: nothing is made there until they are back or `dezky confirm-loss {system}`; doors still shut"
        ),
    }
}

fn leftover(found: &KnownLeftover) -> String {
    let leftover = &found.leftover;
    format!(
        "{} {} {} of {}: {} since {}",
        leftover.system,
        cut(&leftover.kind),
        cut(&leftover.external_id),
        cut(&leftover.owner),
        leftover.why.as_str(),
        found.since.to_api()
    )
}

fn waiting(row: &Waiting) -> String {
    let why = row.reason.as_deref().unwrap_or("fresh");
    format!(
        "{} {} at {}: {}, {} failures",
        row.subject,
        row.system,
        row.due_at.to_api(),
        cut(why),
        row.failures
    )
}

/// What an operator has just confirmed, and what follows.
pub(super) fn confirmed(found: &Loss) -> String {
    let Loss { system, missing, bound, .. } = found;
    let what = match found.why {
        LossWhy::Missing => {
            format!("{missing} of {bound} objects of ours are missing in {system} and count as gone")
        }
        LossWhy::AnotherInstallation => {
            format!("{system} as it is now counts as ours, without the {bound} objects of the one before")
        }
    };
    format!(
        "{what}: the running reconciler takes note within a minute, and whatever is missing there is made again, \
         empty. `dezky status` shows how far it is\n"
    )
}

fn cut(text: &str) -> String {
    text.chars().take(LETTERS_MAX).collect()
}
