//! The judge against a model that remembers everything and looks at nothing but versions.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
struct Asked {
    /// How many commits ago it was loaded.
    age: usize,
    read: BTreeSet<u8>,
    appended: BTreeSet<u8>,
    claim: Option<(u8, bool)>,
    key: Option<u8>,
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        0_usize..4,
        prop::collection::btree_set(0_u8..6, 0..3),
        prop::collection::btree_set(0_u8..6, 0..3),
        prop::option::of((0_u8..4, any::<bool>())),
        prop::option::of(0_u8..12),
    )
        .prop_map(|(age, read, appended, claim, key)| Asked { age, read, appended, claim, key })
}

/// The whole truth, at every head there ever was.
#[derive(Debug, Clone, Default)]
struct Truth {
    position: u64,
    versions: BTreeMap<StreamId, u64>,
    claims: BTreeMap<String, StreamId>,
    keys: BTreeSet<String>,
}

fn stream(number: u8) -> StreamId {
    StreamId::from_log(format!("tenant-{number}"))
}

fn facts(asked: &Asked, loaded: &Truth) -> Facts {
    let version = |stream: &StreamId| loaded.versions.get(stream).copied().unwrap_or_default();
    let owner = asked.appended.first().map(|number| stream(*number));
    let claims = asked.claim.zip(owner).and_then(|((value, release), owner)| {
        let value = value.to_string();
        let before = loaded.claims.get(&value).cloned();
        let after = if release { None } else { Some(owner.clone()) };
        // Taken at load is refused before the judge; only the holder releases.
        let possible = if release { before.as_ref() == Some(&owner) } else { before.is_none() };
        possible.then(|| ClaimMove { scope: "scope", value, shown: String::new(), before, after })
    });
    Facts {
        loaded_at: loaded.position,
        read: asked
            .read
            .union(&asked.appended)
            .map(|number| (stream(*number), version(&stream(*number))))
            .collect(),
        appended: asked
            .appended
            .iter()
            .map(|number| (stream(*number), version(&stream(*number)) + 1))
            .collect(),
        claims: claims.into_iter().collect(),
        key: asked.key.map(|key| key.to_string()),
    }
}

/// Whether a command may be recorded on top of the truth as it is now.
fn holds(facts: &Facts, now: &Truth) -> bool {
    facts
        .read
        .iter()
        .all(|(stream, version)| now.versions.get(stream).copied().unwrap_or_default() == *version)
        && facts.claims.iter().all(|claim| now.claims.get(&claim.value) == claim.before.as_ref())
        && facts.key.as_ref().is_none_or(|key| !now.keys.contains(key))
}

fn record(facts: &Facts, truth: &mut Truth) {
    for (stream, version) in &facts.appended {
        let before = truth.versions.insert(stream.clone(), *version);
        assert_eq!(before.unwrap_or_default() + 1, *version, "a version is skipped or repeated");
        truth.position += 1;
    }
    for claim in &facts.claims {
        let before = match &claim.after {
            Some(after) => truth.claims.insert(claim.value.clone(), after.clone()),
            None => truth.claims.remove(&claim.value),
        };
        assert_eq!(before, claim.before, "a claim had another holder");
    }
    if let Some(key) = &facts.key {
        assert!(truth.keys.insert(key.clone()), "a key was used twice");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_holds_and_what_holds_is_accepted(batches in prop::collection::vec(prop::collection::vec(asked(), 1..8), 1..12)) {
        let mut seen = Seen::from(0);
        let mut history = vec![Truth::default()];
        for batch in batches {
            let mut now = history.last().cloned().unwrap_or_default();
            let start = now.clone();
            let mut forming = Forming::default();
            let mut accepted = Vec::new();
            for asked in batch {
                let loaded = &history[history.len().saturating_sub(1 + asked.age)];
                let facts = facts(&asked, loaded);
                match seen.judge(&facts, &mut forming) {
                    Ruling::Accept => {
                        prop_assert!(holds(&facts, &start), "{facts:?} does not hold at {start:?}");
                        record(&facts, &mut now);
                        accepted.push(facts);
                    }
                    Ruling::Later => prop_assert!(!accepted.is_empty()),
                    Ruling::Conflict | Ruling::Claimed(_) => prop_assert!(!holds(&facts, &start), "{facts:?} holds at {start:?}"),
                }
            }
            for facts in &accepted {
                seen.note(facts, now.position);
            }
            history.push(now);
        }
    }

    #[test]
    fn one_batch_may_be_recorded_in_any_order(batch in prop::collection::vec(asked(), 1..10)) {
        let seen = Seen::from(0);
        let start = Truth::default();
        let mut forming = Forming::default();
        let accepted: Vec<Facts> = batch
            .iter()
            .map(|asked| facts(asked, &start))
            .filter(|facts| seen.judge(facts, &mut forming) == Ruling::Accept)
            .collect();
        let (mut forwards, mut backwards) = (start.clone(), start);
        for facts in &accepted {
            record(facts, &mut forwards);
        }
        for facts in accepted.iter().rev() {
            prop_assert!(holds(facts, &backwards));
            record(facts, &mut backwards);
        }
        prop_assert_eq!((forwards.versions, forwards.claims, forwards.keys), (backwards.versions, backwards.claims, backwards.keys));
    }
}

#[test]
fn a_command_loaded_before_what_is_remembered_is_loaded_again() {
    let facts = Facts { loaded_at: 4, ..Facts::default() };
    assert_eq!(Seen::from(5).judge(&facts, &mut Forming::default()), Ruling::Conflict);
    assert_eq!(Seen::from(4).judge(&facts, &mut Forming::default()), Ruling::Accept);
}

#[test]
fn what_is_forgotten_raises_the_floor() {
    let mut seen = Seen::from(0);
    for position in 1..=40_000 {
        seen.note_version(StreamId::from_log(format!("tenant-{position}")), 1, position);
    }
    seen.forget(40_000);
    let old = Facts { loaded_at: 30_000, ..Facts::default() };
    assert_eq!(seen.judge(&old, &mut Forming::default()), Ruling::Conflict);
    let stale =
        Facts { loaded_at: 39_000, read: vec![(StreamId::from_log("tenant-39500"), 0)], ..Facts::default() };
    assert_eq!(seen.judge(&stale, &mut Forming::default()), Ruling::Conflict);
    let fresh =
        Facts { loaded_at: 39_000, read: vec![(StreamId::from_log("tenant-38000"), 1)], ..Facts::default() };
    assert_eq!(seen.judge(&fresh, &mut Forming::default()), Ruling::Accept);
}
