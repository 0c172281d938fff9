//! `dezky status --json`: the same as the text, as one document of bounded size.

use projector::ParkedStream;
use reconciler::{KnownLeftover, Waiting};
use serde_json::{Map, Value, json};

use super::{Found, SHOWN_MAX, count_of, total};

/// Groups counted apart; there are fewer, unless somebody else wrote the rows.
const KINDS_MAX: usize = 100;

impl Found {
    pub(super) fn document(&self) -> Value {
        let models = self.models.iter().map(|model| {
            json!({
                "name": model.name, "definition": model.definition, "copy": model.copy, "live": model.is_live,
                "state": model.state, "position": model.position, "lag": self.head.saturating_sub(model.position),
                "parkedStreams": model.parked_streams, "note": model.note,
            })
        });
        json!({
            "head": self.head,
            "readModels": models.collect::<Vec<_>>(),
            "parkedTotal": self.parked.len(),
            "parked": self.parked.iter().take(SHOWN_MAX).map(parked).collect::<Vec<_>>(),
            "reconciler": self.reconciler(),
        })
    }

    fn reconciler(&self) -> Value {
        let work = &self.work;
        let modes: Map<String, Value> =
            work.modes.iter().map(|moded| (moded.system.to_string(), json!(moded.mode.as_str()))).collect();
        let differing: Map<String, Value> =
            work.differences.iter().map(|(system, count)| (system.to_string(), json!(count))).collect();
        let left_alone = work.left_alone.iter().map(|left| {
            json!({
                "system": left.system, "why": left.why, "since": left.since.to_api(), "until": left.until.to_api(),
            })
        });
        let losses = work.losses.iter().map(|loss| {
            json!({
                "system": loss.system, "why": loss.why.as_str(), "missing": loss.missing, "bound": loss.bound,
                "since": loss.since.to_api(), "confirmedAt": loss.confirmed_at.map(schema::Timestamp::to_api),
            })
        });
        let counts = work.waiting_counts.iter().take(KINDS_MAX).map(|found| {
            json!({
                "system": found.system, "state": found.state, "reason": found.reason, "count": found.count,
            })
        });
        json!({
            "position": work.position,
            "modes": modes,
            "differing": differing,
            "leftAlone": left_alone.collect::<Vec<_>>(),
            "losses": losses.collect::<Vec<_>>(),
            "crashed": {
                "total": count_of(&work.waiting_counts, "crashed"),
                "first": work.crashed.iter().take(SHOWN_MAX).map(waiting).collect::<Vec<_>>(),
            },
            "leftovers": self.leftovers_document(),
            "dueTotal": total(&work.waiting_counts),
            "dueCounts": counts.collect::<Vec<_>>(),
            "due": work.waiting.iter().take(SHOWN_MAX).map(waiting).collect::<Vec<_>>(),
        })
    }

    fn leftovers_document(&self) -> Value {
        let work = &self.work;
        let counts = work.leftover_counts.iter().take(KINDS_MAX).map(|found| {
            json!({
                "system": found.system, "kind": found.kind, "why": found.why.as_str(), "count": found.count,
            })
        });
        json!({
            "total": work.leftover_counts.iter().map(|found| found.count).sum::<u64>(),
            "counts": counts.collect::<Vec<_>>(),
            "first": work.leftovers.iter().take(SHOWN_MAX).map(leftover).collect::<Vec<_>>(),
        })
    }
}

/// A stream that could not be digested.
pub(super) fn parked(parked: &ParkedStream) -> Value {
    json!({
        "readModel": parked.model, "stream": parked.stream, "position": parked.position, "error": parked.error,
        "events": parked.events, "attempts": parked.attempts, "nextTry": parked.next_try.map(schema::Timestamp::to_api),
    })
}

fn waiting(row: &Waiting) -> Value {
    json!({
        "subject": row.subject.to_string(), "system": row.system, "dueAt": row.due_at.to_api(),
        "failures": row.failures, "state": row.state, "reason": row.reason,
    })
}

fn leftover(found: &KnownLeftover) -> Value {
    let leftover = &found.leftover;
    json!({
        "system": leftover.system, "kind": leftover.kind, "externalId": leftover.external_id,
        "owner": leftover.owner, "why": leftover.why.as_str(), "since": found.since.to_api(),
    })
}
