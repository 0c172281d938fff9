//! Claims follow from events: computed again from a log they are the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use schema::tenant::{DomainUse, Origin, VerifyMethod};
use schema::user::LinkedHow;
use schema::{Event, PartnerCommand, PartnerEvent, StreamId, TenantCommand, TenantEvent, TenantId};

use super::*;
use crate::acts::{SignIn, SignedInAs};
use crate::partner::Partner;
use crate::tenant::Tenant;
use crate::testing::*;
use crate::user::User;
use crate::{Act, One};

const INSTANCE: &str = "https://id.example/";

fn rebuilt(entries: &[(StreamId, Event)]) -> BTreeMap<Claim, StreamId> {
    let mut claims = BTreeMap::new();
    for (stream, event) in entries {
        for change in changes(stream, event) {
            match change {
                ClaimChange::Take(claim) => drop(claims.insert(claim, stream.clone())),
                ClaimChange::Release(claim) => drop(claims.remove(&claim)),
            }
        }
    }
    claims
}

#[derive(Debug)]
enum Wish {
    OfTenant(One<Tenant>),
    OfPartner(One<Partner>),
    OfUser(One<User>),
    SignIn(SignIn),
}

impl Wish {
    fn act(&self) -> &dyn Act {
        match self {
            Self::OfTenant(act) => act,
            Self::OfPartner(act) => act,
            Self::OfUser(act) => act,
            Self::SignIn(act) => act,
        }
    }
}

fn on_tenant(id: TenantId, command: TenantCommand) -> Wish {
    let stream = id.into();
    Wish::OfTenant(One { stream, command })
}

fn wish() -> impl Strategy<Value = Wish> {
    let id = 1_u128..4;
    let slugs = prop::sample::select(vec!["acme", "bolt"]);
    let names = prop::sample::select(vec!["acme.dk", "bolt.dk"]);
    prop_oneof![
        (id.clone(), slugs.clone()).prop_map(|(id, name)| on_tenant(
            tenant(id),
            TenantCommand::Create {
                slug: slug(name),
                name: named("A name"),
                origin: Origin::Operator,
                plan_id: plan(1),
                locale: None,
                timezone: None,
                created_by: None,
                ordinal: None,
            }
        )),
        (id.clone(), names.clone()).prop_map(|(id, name)| on_tenant(
            tenant(id),
            TenantCommand::ClaimDomain { domain: domain(name) }
        )),
        (id.clone(), names.clone()).prop_map(|(id, name)| on_tenant(
            tenant(id),
            TenantCommand::VerifyDomain {
                domain: domain(name),
                method: VerifyMethod::Operator,
                evidence: None
            }
        )),
        (id.clone(), names).prop_map(|(id, name)| on_tenant(
            tenant(id),
            TenantCommand::ReleaseDomain { domain: domain(name), in_use: DomainUse::Free }
        )),
        (id.clone(), slugs).prop_map(|(id, name)| -> Wish {
            let command = PartnerCommand::Register {
                slug: slug(name),
                name: named("A partner"),
                domain: None,
                margin: schema::Bps::ZERO,
                contact_info: None,
                billing_info: None,
            };
            Wish::OfPartner(One { stream: partner(id).into(), command })
        }),
        (id.clone(), 1_u8..4, 1_u8..4).prop_map(|(id, subject, address)| -> Wish {
            Wish::SignIn(SignIn {
                instance: INSTANCE.into(),
                subject: format!("s{subject}"),
                audience: "dezky-portal".into(),
                name: None,
                found: SignedInAs::Nobody { user_id: user(id), email: email(&format!("p{address}@acme.dk")) },
                bootstrap: None,
            })
        }),
        (id, 1_u8..4).prop_map(|(id, subject)| -> Wish {
            let command = schema::UserCommand::LinkIdentity {
                instance: INSTANCE.into(),
                subject: format!("s{subject}"),
                how: LinkedHow::Relink,
            };
            Wish::OfUser(One { stream: user(id).into(), command })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn ec_73_claims_computed_again_are_the_claims_that_were_taken(wishes in prop::collection::vec(wish(), 0..40)) {
        let mut log = Log::default();
        for wish in wishes {
            let _refused_or_not = log.execute(wish.act(), &operator_at(noon()));
        }
        prop_assert_eq!(&rebuilt(log.entries()), log.claims());
        for id in 1..4 {
            let state = log.state::<Tenant>(tenant(id));
            for name in state.verified_domains() {
                prop_assert_eq!(log.claims().get(&Claim::domain(name)), Some(&StreamId::from(tenant(id))));
            }
            for identity in log.state::<User>(user(id)).identities() {
                let claim = Claim::identity(INSTANCE, identity.subject.as_ref().unwrap());
                prop_assert_eq!(log.claims().get(&claim), Some(&StreamId::from(user(id))));
            }
        }
    }
}

#[test]
fn ec_10_slugs_of_tenants_and_partners_do_not_meet() {
    let registered =
        PartnerEvent::Registered { slug: slug("acme"), domain: None, name: named("Acme").into() };
    let created = TenantEvent::Created {
        slug: slug("acme"),
        origin: Origin::Operator,
        plan_id: plan(1),
        locale: None,
        timezone: None,
        created_by: None,
        ordinal: None,
        name: named("Acme").into(),
    };
    let log =
        Log::default().with(partner(1), [registered]).with(tenant(1), [created, TenantEvent::Terminated {}]);
    assert!(log.claims().contains_key(&Claim::tenant_slug(&slug("acme"))), "no slug is ever free again");
    assert!(log.claims().contains_key(&Claim::partner_slug(&slug("acme"))));
}

#[test]
fn a_claimed_domain_is_not_taken_until_it_is_verified() {
    let claimed = Event::from(TenantEvent::DomainClaimed { domain: domain("acme.dk") });
    assert_eq!(changes(&tenant(1).into(), &claimed), vec![]);
}

#[test]
fn addresses_are_compared_in_one_form() {
    assert_eq!(Claim::email(&email("Bo@ACME.dk")), Claim::email(&email("bo@acme.dk")));
}

#[test]
fn a_taken_claim_is_a_refusal_that_shows_nothing_personal() {
    assert_eq!(
        rejection(PARTNER_SLUG, "test-partner").to_string(),
        "A partner with slug 'test-partner' already exists"
    );
    assert_eq!(rejection(EMAIL, "").to_string(), "A user with this email already exists");
    assert_eq!(rejection(DOMAIN, "acme.dk").code(), "domain-verified-elsewhere");
    assert_eq!(rejection(IDENTITY, "").code(), "identity-conflict");
}
