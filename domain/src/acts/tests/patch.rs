//! Changing several things at once.

use std::collections::BTreeSet;

use schema::tenant::{AttachedWhy, VerifyMethod};
use schema::{Bps, DomainName, StreamId, TenantCommand, TenantEvent};

use super::*;
use crate::One;
use crate::acts::{AttachPartner, PatchPartner, PatchTenant};
use crate::tenant::Tenant;

fn patch() -> PatchTenant {
    PatchTenant {
        tenant_id: tenant(1),
        plan_id: Some(plan(1)),
        name: None,
        locale: None,
        timezone: None,
        contact: None,
        billing_info: None,
        domains: None,
        in_use: BTreeSet::new(),
        partner: None,
    }
}

fn names(names: &[&str]) -> BTreeSet<DomainName> {
    names.iter().map(|name| domain(name)).collect()
}

fn patch_kinds(log: &mut Log, act: &PatchTenant) -> Result<Vec<&'static str>, &'static str> {
    log.execute(act, &operator_at(noon())).map_err(|refusal| refusal.code())
}

fn with_domains() -> Log {
    let mut log =
        with_tenant(&CreateTenant { domains: vec![domain("acme.dk"), domain("acme.com")], ..create() });
    for name in ["acme.dk", "acme.com"] {
        let command = TenantCommand::VerifyDomain {
            domain: domain(name),
            method: VerifyMethod::Operator,
            evidence: None,
        };
        log.execute(&One::<Tenant> { stream: tenant(1).into(), command }, &operator_at(noon())).unwrap();
    }
    log
}

#[test]
fn ec_57_one_bad_field_changes_nothing() {
    let mut log = with_tenant(&create());
    let act = PatchTenant { name: Some(named("New name")), partner: Some(Some(partner(2))), ..patch() };
    assert_eq!(patch_kinds(&mut log, &act), Err("partner-not-active"));
    assert_eq!(log.state::<Tenant>(tenant(1)).name().as_ref(), Some(&named("Acme ApS")));
}

#[test]
fn ec_59_the_same_domains_in_another_order_are_no_news() {
    let mut log = with_domains();
    let same = PatchTenant { domains: Some(names(&["acme.com", "ACME.dk"])), ..patch() };
    assert_eq!(patch_kinds(&mut log, &same), Ok(vec![]));
}

#[test]
fn the_difference_of_domains_is_claimed_and_released() {
    let mut log = with_domains();
    let other = PatchTenant { domains: Some(names(&["acme.dk", "acme.org"])), ..patch() };
    assert_eq!(patch_kinds(&mut log, &other), Ok(vec!["tenant.domain.released", "tenant.domain.claimed"]));
    let none = PatchTenant { domains: Some(names(&[])), ..patch() };
    let left = vec!["tenant.domain.released", "tenant.domain.released", "tenant.domain.primaryChanged"];
    assert_eq!(patch_kinds(&mut log, &none), Ok(left), "the primary one goes last");
}

#[test]
fn a_primary_or_used_domain_stays() {
    let mut log = with_domains();
    let without_primary = PatchTenant { domains: Some(names(&["acme.com"])), ..patch() };
    assert_eq!(patch_kinds(&mut log, &without_primary), Err("domain-is-primary"));
    let used = PatchTenant { domains: Some(names(&["acme.dk"])), in_use: names(&["acme.com"]), ..patch() };
    assert_eq!(patch_kinds(&mut log, &used), Err("domain-in-use"));
}

#[test]
fn a_partner_is_attached_replaced_and_detached() {
    let mut log = with_tenant(&create()).with(partner(3), [partner_registered("third")]);
    let set = |wanted| PatchTenant { partner: Some(wanted), ..patch() };
    assert_eq!(patch_kinds(&mut log, &set(Some(partner(1)))), Ok(vec!["tenant.partner.attached"]));
    assert_eq!(patch_kinds(&mut log, &set(Some(partner(1)))), Ok(vec![]));
    let replaced = Ok(vec!["tenant.partner.detached", "tenant.partner.attached"]);
    assert_eq!(patch_kinds(&mut log, &set(Some(partner(3)))), replaced);
    assert_eq!(patch_kinds(&mut log, &set(None)), Ok(vec!["tenant.partner.detached"]));
    assert_eq!(patch_kinds(&mut log, &set(None)), Ok(vec![]));
    assert_eq!(patch_kinds(&mut log, &set(Some(partner(9)))), Err("partner-not-found"));
}

#[test]
fn ec_55_a_partner_that_ended_meanwhile_is_not_attached() {
    let attach = AttachPartner { tenant_id: tenant(1), partner_id: partner(1), why: AttachedWhy::Operator };
    let log = with_tenant(&create());
    let parts = log.rehearse(&attach, &operator_at(noon())).unwrap();
    let guard = parts.iter().find(|part| part.stream == StreamId::from(partner(1))).unwrap();
    assert!(guard.events.is_empty(), "the partner is guarded, so its end is a conflict");
    let mut later = log.with(partner(1), [partner_terminated()]);
    let refused = later.execute(&attach, &operator_at(noon())).map_err(|refusal| refusal.code());
    assert_eq!(refused, Err("partner-not-active"));
}

#[test]
fn saying_again_that_an_ended_partner_is_attached_is_no_news() {
    let log = with_tenant(&CreateTenant { partner_id: Some(partner(1)), ..create() });
    let mut log = log.with(partner(1), [partner_terminated()]);
    let same = PatchTenant { partner: Some(Some(partner(1))), ..patch() };
    assert_eq!(patch_kinds(&mut log, &same), Ok(vec![]));
}

#[test]
fn a_terminated_tenant_takes_no_patch() {
    let log = with_tenant(&create()).with(tenant(1), [TenantEvent::Terminated {}]);
    let mut log = log;
    let rename = PatchTenant { name: Some(named("New")), ..patch() };
    assert_eq!(patch_kinds(&mut log, &rename), Err("invalid-transition"));
    let unknown = PatchTenant { tenant_id: tenant(9), ..patch() };
    assert_eq!(patch_kinds(&mut log, &unknown), Err("tenant-not-found"));
}

#[test]
fn a_partner_is_changed_all_or_nothing() {
    let change = |margin| PatchPartner {
        partner_id: partner(1),
        name: Some(named("New name")),
        domain: None,
        margin: Some((Bps::new(500).unwrap(), margin)),
        contact_info: None,
        billing_info: None,
    };
    let mut log = world();
    let yesterday = noon().plus_days(-1).date();
    assert!(log.execute(&change(Some(yesterday)), &operator_at(noon())).is_err());
    let kinds = log.execute(&change(None), &operator_at(noon()));
    assert_eq!(kinds, Ok(vec!["partner.profile.changed", "partner.margin.set"]));
}
