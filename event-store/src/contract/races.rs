//! Rules that must hold when two people act at the same moment, in two processes.

use domain::access::Lifecycle;
use domain::acts::{CompleteTermination, SignIn, SignedInAs};
use domain::claims::Claim;
use domain::platform::Platform;
use domain::tenant::Tenant;
use schema::tenant::{Origin, VerifyMethod};
use schema::{DomainName, PlanId, PlatformCommand, TenantCommand, TenantId, UserId};

use super::*;

on_both_databases! {
    async fn ec_28_two_administrators_revoke_each_other_and_one_remains(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        left.execute(on_platform(PlatformCommand::BootstrapAdmin { user_id: user(1) })).await.unwrap();
        left.execute(on_platform(PlatformCommand::GrantAdmin { user_id: user(2), reason: None })).await.unwrap();
        let (a, b) = futures::join!(
            by(&left, user(1), PlatformCommand::RevokeAdmin { user_id: user(2), reason: None }),
            by(&right, user(2), PlatformCommand::RevokeAdmin { user_id: user(1), reason: None }),
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let (platform, version) = left.store.fold::<Platform>(&StreamId::platform()).await.unwrap();
        assert_eq!((platform.admins().len(), version), (1, 3));
    }

    async fn ec_37_two_first_sign_ins_at_once_make_one_person(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        let (a, b) = futures::join!(left.execute(first_sign_in(1)), right.execute(first_sign_in(2)));
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let winner = StreamId::from(user(if a.is_ok() { 1 } else { 2 }));
        let identity = Claim::identity("authentik", "ada");
        // The loser looks up again and finds whom the winner made.
        assert_eq!(right.store.resolve(identity.scope, &identity.value).await.unwrap(), Some(winner));
        assert_sound(&left).await;
    }

    async fn ec_105_a_domain_verified_twice_at_once_has_one_winner(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        let domain: DomainName = "acme.example".parse().unwrap();
        for number in [1, 2] {
            left.execute(create_tenant(number)).await.unwrap();
            left.execute(on_tenant(number, TenantCommand::ClaimDomain { domain: domain.clone() })).await.unwrap();
        }
        let verify = |number| {
            let (domain, method) = (domain.clone(), VerifyMethod::Operator);
            on_tenant(number, TenantCommand::VerifyDomain { domain, method, evidence: None })
        };
        let (a, b) = futures::join!(left.execute(verify(1)), right.execute(verify(2)));
        let refused = if a.is_ok() { b } else { a };
        assert!(matches!(refused, Err(ExecuteError::Rejected(Rejection::DomainVerifiedElsewhere))), "{refused:?}");
        assert_sound(&left).await;
    }

    async fn ec_44_two_tenants_made_for_oneself_at_once_have_one_winner(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        let (a, b) = futures::join!(left.execute(for_oneself(1, 1)), right.execute(for_oneself(2, 1)));
        let refused = if a.is_ok() { b } else { a };
        assert!(matches!(refused, Err(ExecuteError::Rejected(Rejection::TenantLimitReached))), "{refused:?}");
        left.execute(for_oneself(3, 2)).await.unwrap();
        assert_sound(&left).await;
    }

    async fn ec_9_a_restore_and_the_end_of_grace_have_one_winner(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        for number in 1..=6 {
            left.execute(create_tenant(number)).await.unwrap();
            let end = TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None };
            left.execute(on_tenant(number, end)).await.unwrap();
            let (restored, completed) = futures::join!(
                left.execute(on_tenant(number, TenantCommand::Restore { reason: None })),
                right.execute(CompleteTermination { tenant_id: tenant(number), subscription_id: None }),
            );
            let (folded, _) = left.store.fold::<Tenant>(&tenant(number).into()).await.unwrap();
            let lifecycle = folded.standing().unwrap().lifecycle;
            match restored {
                // The timer came too late and found nothing to do.
                Ok(_) => assert_eq!((lifecycle, completed.unwrap().news.len()), (Lifecycle::Pending, 0)),
                Err(ExecuteError::Rejected(rejection)) => {
                    assert_eq!((lifecycle, rejection.code()), (Lifecycle::Terminated, "invalid-transition"));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn on_platform(command: PlatformCommand) -> One<Platform> {
    One { stream: StreamId::platform(), command }
}

fn on_tenant(number: u128, command: TenantCommand) -> One<Tenant> {
    One { stream: tenant(number).into(), command }
}

fn create_tenant(number: u128) -> One<Tenant> {
    let command = TenantCommand::Create {
        slug: format!("tenant-{number}").parse().unwrap(),
        name: "Acme".parse().unwrap(),
        origin: Origin::Operator,
        plan_id: PlanId::from_uuid(Uuid::from_u128(1)),
        locale: None,
        timezone: None,
        created_by: None,
        ordinal: None,
    };
    on_tenant(number, command)
}

/// Somebody's own tenant, by their count.
fn for_oneself(number: u128, turn: u32) -> One<Tenant> {
    let mut act = create_tenant(number);
    if let TenantCommand::Create { created_by, ordinal, origin, .. } = &mut act.command {
        (*created_by, *ordinal, *origin) = (Some(user(1)), Some(turn), Origin::SelfService);
    }
    act
}

fn first_sign_in(number: u128) -> SignIn {
    SignIn {
        instance: "authentik".to_owned(),
        subject: "ada".to_owned(),
        audience: "dezky-portal".to_owned(),
        name: None,
        found: SignedInAs::Nobody { user_id: user(number), email: "ada@acme.example".parse().unwrap() },
        bootstrap: None,
    }
}

async fn by(log: &TestLog, who: UserId, command: PlatformCommand) -> Result<Outcome, ExecuteError> {
    let actor = Actor::person(ActorKind::Operator, who);
    let request = Request::new(Asked { actor, ..asked() });
    log.store.execute(Arc::new(on_platform(command)), request).await
}
