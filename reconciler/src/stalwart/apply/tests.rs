//! The gate beside rules of others.

use super::*;

#[test]
fn the_gate_goes_in_front_of_rules_that_were_there() {
    let theirs = |word: &str| json!({ "if": word, "then": "'x'" });
    let script = json!({ "match": { "10": theirs("b"), "2": theirs("a") }, "else": "'other'" });
    let made = with_our_rule(&script);
    assert_eq!(made["match"]["0"]["then"], "'dezky-refused'");
    assert_eq!((&made["match"]["1"], &made["match"]["2"]), (&theirs("a"), &theirs("b")));
    assert_eq!(made["else"], "'other'");
    assert_eq!(with_our_rule(&made), made, "twice is once");
    assert_eq!(with_our_rule(&Value::Null)["else"], "false");
}
