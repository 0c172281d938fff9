//! Fields of bodies: what is taken, and what is refused.

use serde_json::{Value, json};

use super::{Body, Field, Fields, Kind, optional, required};
use crate::error::ApiError;
use crate::problem::Problem;
use crate::values::{self, string, whole};

#[derive(Debug, PartialEq)]
#[expect(clippy::option_option, reason = "absent, null and a value are three answers")]
struct Chair {
    colour: String,
    legs: Option<u64>,
    owner: Option<Option<String>>,
}

impl Body for Chair {
    const FIELDS: &'static [Field] = &[
        required("colour", Kind::String),
        optional("legs", Kind::Integer),
        optional("owner", Kind::String),
        optional("billingInfo", Kind::Object),
    ];

    fn read(fields: &mut Fields) -> Self {
        fields.object("billingInfo", values::BILLING_FIELDS, values::billing);
        Self {
            colour: fields.required("colour", string).unwrap_or_default(),
            legs: fields.optional("legs", |value| whole(value, 1, 8)),
            owner: fields.nullable("owner", string),
        }
    }
}

fn read(body: Value) -> Result<Chair, ApiError> {
    Fields::open::<Chair>(body)?.read()
}

fn problem(error: &ApiError) -> &Problem {
    let ApiError::Refused(problem) = error else { panic!("a refusal, not {error:?}") };
    problem
}

fn pointers(error: &ApiError) -> Vec<(String, String)> {
    let problem = problem(error);
    let errors = problem.fields.get("errors").and_then(Value::as_array).expect("errors");
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    errors.iter().map(|entry| (text(entry, "pointer"), text(entry, "code"))).collect()
}

#[test]
fn absent_null_and_a_value_are_three_answers() {
    let owner = |body| read(body).expect("valid").owner;
    assert_eq!(owner(json!({"colour": "red"})), None);
    assert_eq!(owner(json!({"colour": "red", "owner": null})), Some(None));
    assert_eq!(owner(json!({"colour": "red", "owner": "Ada"})), Some(Some("Ada".into())));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_pointer() {
    let error = read(json!({"legs": 9, "owner": 3})).expect_err("wrong");
    assert_eq!(problem(&error).code.as_str(), "validation-failed");
    let expected = [("/colour", "required"), ("/legs", "range"), ("/owner", "type")];
    assert_eq!(pointers(&error), expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
}

#[test]
fn an_unknown_name_is_refused_at_any_depth() {
    let error = read(json!({"colour": "red", "back/rest": 1})).expect_err("unknown");
    assert_eq!(problem(&error).code.as_str(), "unknown-field");
    assert_eq!(problem(&error).fields["pointer"], "/back~1rest");
    let billing = json!({"legalName": "A", "country": "DK", "iban": "x"});
    let error = read(json!({"colour": "red", "billingInfo": billing})).expect_err("unknown");
    assert_eq!(problem(&error).code.as_str(), "unknown-field");
    assert_eq!(problem(&error).fields["pointer"], "/billingInfo/iban");
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in [json!([]), json!("x"), json!(3), json!(null)] {
        assert_eq!(pointers(&read(body).expect_err("no object"))[0].1, "type");
    }
}
