//! What is somebody else's in the mail server, whatever its number or its name: nothing of it is written.

use schema::provisioning::Reason;
use serde_json::{Value, json};

use super::of_many::{Mail, members};
use super::*;
use crate::integration::{Last, Settled, converge};

/// A tenant that bound a role by an id which is now another role's.
async fn with_a_role_of(stranger: Value) -> (Mail, Spec, String) {
    let mut mail = Mail::start().await;
    let spec = members(2, Switch::Open);
    let id = mail.by_hand("Role", stranger).await;
    mail.known.insert(spec.role_resource(), id.clone());
    (mail, spec, id)
}

/// As the second look after something was missing.
async fn made_again(mail: &mut Mail, spec: &Spec) {
    let desired = Desired { last: Last::Missing, ..mail.desired(spec) };
    let attempt = converge(&mail.system, &desired).await;
    assert!(matches!(attempt.outcome, Ok(Settled::Level)), "{:?}", attempt.outcome);
    mail.known = attempt.seen.unwrap().objects;
}

#[tokio::test]
async fn a_role_with_the_number_of_ours_is_not_ours_for_that() {
    let strangers = [
        json!({ "description": "Support staff" }),
        json!({ "description": "dezky 00000000000000000000000000000099" }),
        json!({ "description": "Help desk (dezky, 00000000000000000000000000000099)" }),
        json!({ "description": "-", "enabledPermissions": { "impersonate": true } }),
    ];
    for stranger in strangers {
        let (mut mail, spec, id) = with_a_role_of(stranger.clone()).await;
        let before = mail.read("Role", &id).await;
        made_again(&mut mail, &spec).await;
        assert_eq!(mail.read("Role", &id).await, before, "{stranger}");
        assert_ne!(mail.known[&spec.role_resource()], id, "{stranger}");
    }
}

#[tokio::test]
async fn a_role_of_ours_is_marked_again_when_its_mark_was_written_over() {
    let mut mail = Mail::start().await;
    let spec = members(2, Switch::Open);
    mail.level(&spec).await;
    let id = mail.known[&spec.role_resource()].clone();
    mail.change_by_hand("Role", &id, json!({ "description": "The people of Acme" })).await;
    assert_eq!(mail.level(&spec).await.1, 1);
    assert_eq!(mail.known[&spec.role_resource()], id);
    let role = mail.read("Role", &id).await;
    assert!(is_marked(role["description"].as_str(), &token(tenant())), "{role}");
}

#[tokio::test]
async fn a_role_nobody_holds_is_ours_without_a_mark_only_while_it_says_and_does_what_we_made() {
    let mail = Mail { known: BTreeMap::from([(spec().role_resource(), "f".into())]), ..Mail::start().await };
    let bound = |role: Value| {
        let mut observed = Observed { default_roles: set(&["b"]), ..Observed::default() };
        let row = serde_json::from_value(role).unwrap();
        ours::bind_role(vec![row], &mail.desired(&spec()), &token(tenant()), &mut observed);
        observed.role.is_some()
    };
    let wiped = json!({ "id": "f", "description": null, "roleIds": { "b": true } });
    let with = |name: &str, value: Value| {
        let mut role = wiped.clone();
        role[name] = value;
        role
    };
    assert!(bound(wiped.clone()));
    assert!(bound(with("disabledPermissions", json!({ "authenticate": true, "emailSend": true }))));
    assert!(!bound(with("id", json!("g"))), "not the one we bound");
    assert!(!bound(with("description", json!("Support"))));
    assert!(!bound(with("roleIds", json!({ "c": true }))));
    assert!(!bound(with("enabledPermissions", json!({ "impersonate": true }))));
    assert!(!bound(with("disabledPermissions", json!({ "emailReceive": true }))));
}

#[tokio::test]
async fn an_alias_of_another_domain_is_owned_by_another() {
    let mut mail = Mail::start().await;
    let theirs =
        mail.by_hand("Domain", json!({ "name": "theirs.test", "aliases": { "acme.test": true } })).await;
    let before = mail.read("Domain", &theirs).await;
    let error = mail.attempt(&members(2, Switch::Open)).await.outcome.unwrap_err();
    assert_eq!((error.reason, error.resource), (Reason::OwnedByAnother, Some(domain_resource("acme.test"))));
    assert_eq!(mail.read("Domain", &theirs).await, before);
}

#[tokio::test]
async fn a_domain_of_the_name_is_owned_by_another_unless_we_marked_or_bound_it() {
    let mut mail = Mail::start().await;
    let spec = members(2, Switch::Open);
    let theirs = mail.by_hand("Domain", json!({ "name": "acme.test", "description": "by hand" })).await;
    let before = mail.read("Domain", &theirs).await;
    let error = mail.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!((error.reason, error.resource), (Reason::OwnedByAnother, Some(domain_resource("acme.test"))));
    assert_eq!(mail.read("Domain", &theirs).await, before);

    mail.change_by_hand(
        "Domain",
        &theirs,
        json!({ "description": "ours? dezky 00000000000000000000000000000099" }),
    )
    .await;
    let before = mail.read("Domain", &theirs).await;
    mail.known.insert(domain_resource("acme.test"), theirs.clone());
    let desired = Desired { last: Last::Missing, ..mail.desired(&spec) };
    let error = converge(&mail.system, &desired).await.outcome.unwrap_err();
    assert_eq!(error.reason, Reason::OwnedByAnother, "another tenant's mark weighs more than our number");
    assert_eq!(mail.read("Domain", &theirs).await, before);
}

#[tokio::test]
async fn a_list_with_the_name_of_a_mailbox_is_owned_by_another_and_the_others_get_theirs() {
    let mut mail = Mail::start().await;
    mail.level(&members(0, Switch::Open)).await;
    let domain = mail.known[&domain_resource("acme.test")].clone();
    let list =
        mail.by_hand("MailingList", json!({ "name": "m1", "domainId": domain, "recipients": {} })).await;
    let before = mail.read("MailingList", &list).await;
    let spec = members(3, Switch::Open);
    let error = mail.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!(
        (error.reason, error.resource.clone()),
        (Reason::OwnedByAnother, Some(spec.accounts[1].resource()))
    );
    assert!(error.is_of_a_person());
    assert_eq!(mail.known.len(), 2 + 2);
    assert_eq!(mail.read("MailingList", &list).await, before);
}

#[tokio::test]
async fn a_released_domain_with_a_list_or_a_group_stays_and_is_no_failure() {
    let objects = [
        ("MailingList", json!({ "name": "all", "recipients": {} })),
        ("Account", json!({ "name": "staff", "@type": "Group" })),
    ];
    for (kind, mut object) in objects {
        let (mut mail, spec, old) = with_a_released_domain().await;
        object["domainId"] = json!(old);
        mail.by_hand(kind, object).await;
        assert_eq!(mail.level(&spec).await.1, 0, "{kind}");
        assert!(mail.known.contains_key(&domain_resource("old.test")));
    }
    let (mut mail, spec, _) = with_a_released_domain().await;
    mail.level(&spec).await;
    assert!(!mail.known.contains_key(&domain_resource("old.test")), "an empty one goes");
}

/// A tenant that has a domain it no longer wants; what it wants, and the id of that domain.
async fn with_a_released_domain() -> (Mail, Spec, String) {
    let mut mail = Mail::start().await;
    let spec = members(2, Switch::Open);
    let mut wider = spec.clone();
    wider.domains.insert("old.test".into());
    mail.level(&wider).await;
    let old = mail.known[&domain_resource("old.test")].clone();
    (mail, spec, old)
}
