//! What representations say, from events to JSON.

use domain::acts::AddMember;
use schema::provisioning::{Access, Evidence, FailureClass, Reason, Resource, ResourceKind};
use schema::tenant::MemberSource;
use serde_json::{Value as Json, json};

use super::*;
use crate::{activity, facts, partners, provisioning, tenants, timers, users};

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

on_both_databases! {
    async fn ec_97_there_are_always_exactly_three_systems(world: World) {
        world.a_plan().await;
        world.a_tenant(1, "acme", Owner::None, None).await;
        world.wants(1, System::Stalwart, "first").await;
        world.settle().await;
        let view = tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().unwrap();
        let shown = serde_json::to_value(&view).unwrap();
        assert_eq!(shown["provisioningStatus"], json!({ "authentik": "pending", "stalwart": "pending", "ocis": "pending" }));
        assert_eq!(shown["provisioningErrors"], json!({ "authentik": null, "stalwart": null, "ocis": null }));
        let three = ["authentik", "ocis", "stalwart"];
        assert_eq!(keys(&shown["provisioning"]["accessRevoked"]), three);
        let view = provisioning::get(&mut world.at(&provisioning::MODEL).await, ten(1)).await.unwrap();
        assert_eq!(keys(&serde_json::to_value(&view).unwrap()["integrations"]), three);
    }

    async fn a_settled_tenant_has_every_field(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        world.a_settled_tenant(1, "acme", Some(1)).await;
        world.holds(1, None).await;
        world.settle().await;
        let view = tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().unwrap();
        let noon = "2026-11-22T12:00:00.000Z";
        assert_eq!(serde_json::to_value(&view).unwrap(), json!({
            "id": ten(1), "slug": "acme", "name": "Tenant acme", "status": "suspended", "lifecycle": "active",
            "plan": "complimentary", "subscriptionId": SubscriptionId::from_uuid(uuid(1)),
            "domains": ["acme.dk"], "primaryDomain": "acme.dk", "billingInfo": null, "contact": null,
            "locale": "da-DK", "timezone": null, "partnerId": par(1),
            "partner": { "id": par(1), "slug": "nordlys", "name": "Partner nordlys", "status": "active" },
            "provisioningStatus": { "authentik": "ok", "stalwart": "ok", "ocis": "ok" },
            "provisioningErrors": { "authentik": null, "stalwart": null, "ocis": null },
            "provisioning": { "summary": "ready", "paused": [], "accessRevoked": { "authentik": false, "stalwart": false, "ocis": false } },
            "handles": { "authentikGroupId": "authentik-1", "ocisSpaceId": "ocis-1", "stalwartDomainIds": ["stalwart-1"] },
            "holds": [{ "id": hld(1), "kind": "operator", "reason": "Owner asked for a pause",
                "customerMessage": "Your workspace is paused.",
                "placedBy": { "kind": "operator", "id": usr(900), "display": "Operations" }, "placedAt": noon, "until": null }],
            "termination": null, "members": { "active": 1, "invited": 0, "disabled": 0, "seats": null },
            "origin": "operator", "createdAt": noon, "activatedAt": noon, "version": view.version,
        }));
        assert_eq!(view.changed_position, world.store.read_head().await.unwrap());
        world.tenant(1, TenantCommand::Terminate { reason: None, grace_days: 30, confirm: None }).await;
        world.settle().await;
        let view = tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().unwrap();
        assert_eq!(view.status, "terminating");
        assert_eq!(view.termination.unwrap().grace_days, 30);
    }

    async fn a_reply_folded_from_events_equals_the_later_query(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        world.a_settled_tenant(1, "acme", Some(1)).await;
        world.settle().await;
        let mut rows = tenants::rows_of(&mut world.at(&tenants::MODEL).await, &[ten(1)]).await.unwrap();
        world.holds(1, None).await;
        let outcome = world.tenant(1, TenantCommand::Rename { name: "Acme two".parse().unwrap() }).await;
        for recorded in outcome.history.iter().chain(&outcome.news) {
            rows.project(recorded).unwrap();
        }
        let reply = tenants::assemble(&rows, ten(1)).unwrap().unwrap();
        world.settle().await;
        let queried = tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().unwrap();
        assert_eq!(reply, queried);
    }

    async fn conditions_tell_what_is_true_and_why(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        let failed = ProvisioningCommand::RecordFailed {
            generation: 2, class: FailureClass::Permanent, reason: Reason::OwnedByAnother, resource: None, consecutive: 1,
        };
        world.wants(1, System::Stalwart, "second").await;
        world.observes(1, System::Stalwart, failed).await;
        world.observes(1, System::Ocis, ProvisioningCommand::RecordDrift { paths: vec!["quota".to_owned()] }).await;
        world.holds(1, None).await;
        let evidence = vec![Evidence { check: "group".to_owned(), outcome: "empty".to_owned(), at: noon() }];
        world.observes(1, System::Authentik, ProvisioningCommand::RecordAccess { access: Access::Revoked, evidence }).await;
        world.settle().await;
        let view = provisioning::get(&mut world.at(&provisioning::MODEL).await, ten(1)).await.unwrap();
        let told = |system: System| -> Vec<String> {
            let conditions = &view.integrations.of(system).conditions;
            conditions.iter().map(|one| format!("{}={} {}", one.kind, one.status, one.reason)).collect()
        };
        assert_eq!(view.summary, "error");
        assert_eq!(told(System::Authentik), ["Ready=True Converged", "Synced=True Converged", "AccessRevoked=True Converged",
            "Paused=False NotRequested", "Drifted=False NotRequested"]);
        assert_eq!(told(System::Stalwart), ["Ready=False OwnedByAnother", "Synced=False OwnedByAnother",
            "AccessRevoked=False InProgress", "Paused=False NotRequested", "Drifted=False NotRequested"]);
        assert_eq!(told(System::Ocis), ["Ready=False InProgress", "Synced=False DriftDetected",
            "AccessRevoked=False InProgress", "Paused=False NotRequested", "Drifted=True DriftDetected"]);
        assert_eq!(view.integrations.stalwart.state, "error");
        assert_eq!((view.integrations.stalwart.desired_generation, view.integrations.stalwart.observed_generation), (2, 1));
        assert_eq!(view.integrations.ocis.state, "pending");

        let mut at = world.at(&tenants::MODEL).await;
        let tenant = tenants::get(&mut at, ten(1)).await.unwrap().unwrap();
        assert_eq!(tenant.provisioning.summary, "error");
        assert!(tenant.provisioning_errors.stalwart.unwrap().contains("not ours"));
        assert!(tenant.provisioning.access_revoked.authentik && !tenant.provisioning.access_revoked.ocis);
        drop(at);

        world.converges(1, System::Ocis, 1).await;
        world.converges(1, System::Stalwart, 2).await;
        world.settle().await;
        let view = provisioning::get(&mut world.at(&provisioning::MODEL).await, ten(1)).await.unwrap();
        assert_eq!(view.summary, "ready");
        assert_eq!(view.integrations.ocis.conditions[4].reason, "DriftCorrected");

        let theirs = ProvisioningCommand::RecordFailed {
            generation: 1, class: FailureClass::Permanent, reason: Reason::OwnedByAnother,
            resource: Some(Resource { kind: ResourceKind::User, key: usr(1).to_string() }), consecutive: 1,
        };
        world.observes(1, System::Authentik, theirs).await;
        world.settle().await;
        let view = provisioning::get(&mut world.at(&provisioning::MODEL).await, ten(1)).await.unwrap();
        let told: Vec<String> = view.integrations.authentik.conditions[..2].iter().map(|one| format!("{}={} {}", one.kind, one.status, one.reason)).collect();
        assert_eq!((view.summary, view.integrations.authentik.state), ("degraded", "ok"));
        assert_eq!(told, ["Ready=True Converged", "Synced=False OwnedByAnother"], "one person needs attention, everybody else is served");
    }

    async fn a_partner_counts_customers_and_shows_the_margin_of_the_day(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        world.a_settled_tenant(1, "acme", Some(1)).await;
        world.a_settled_tenant(2, "beta", Some(1)).await;
        world.a_tenant(3, "gamma", Owner::None, Some(1)).await;
        world.holds(2, None).await;
        let today = noon().date();
        let spring = "2027-03-01".parse().unwrap();
        world.one::<Partner>(par(1), PartnerCommand::SetMargin { margin: Bps::new(1500).unwrap(), effective_from: Some(spring) }).await;
        world.settle().await;
        let mut at = world.at(&partners::MODEL).await;
        let view = partners::get(&mut at, par(1), today).await.unwrap().unwrap();
        let shown = serde_json::to_value(&view).unwrap();
        assert_eq!(shown["customersByStatus"], json!({ "pending": 1, "active": 1, "suspended": 1, "terminating": 0 }));
        assert_eq!(shown["customers"], json!(3));
        assert_eq!(shown["marginPct"], json!(12.5));
        assert_eq!(shown["scheduledMargin"], json!({ "marginPct": 15, "effectiveFrom": "2027-03-01" }));
        assert_eq!(shown["mrr"], json!([{ "currency": "DKK", "gross": 0, "margin": 0, "net": 0, "atRisk": 0 }]));
        let later = partners::get(&mut at, par(1), spring).await.unwrap().unwrap();
        assert_eq!((later.margin_bps, later.scheduled_margin), (1500, None));
    }

    async fn facts_know_who_may_enter_and_when_a_door_closed(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_person(5, "guest@elsewhere.dk").await;
        world.does(AddMember { tenant_id: ten(1), user_id: usr(5), role: Role::Member, source: MemberSource::Operator, seats: None }).await;
        world.settle().await;
        let facts = facts::of_tenant(&mut world.at(&facts::MODEL).await, ten(1)).await.unwrap().unwrap();
        let person = |facts: &facts::TenantFacts, number| {
            facts.people.iter().find(|person| person.user_id == usr(number)).unwrap().clone()
        };
        let (owner, guest) = (person(&facts, 1), person(&facts, 5));
        assert!(owner.managed && owner.can_use && owner.entitled && owner.idp_enabled);
        assert_eq!(owner.identities, [("idp".to_owned(), "subject-1".to_owned())]);
        assert!(!guest.managed && guest.can_use);
        assert_eq!((owner.sessions_epoch, guest.sessions_epoch), (0, 0));
        assert_eq!(facts.systems[&System::Ocis].state, facts::SystemState::Converged);
        assert_eq!(facts.systems[&System::Ocis].bound.len(), 1);

        world.holds(1, None).await;
        world.settle().await;
        let held = facts::of_tenant(&mut world.at(&facts::MODEL).await, ten(1)).await.unwrap().unwrap();
        let (owner, guest) = (person(&held, 1), person(&held, 5));
        assert!(!owner.entitled && owner.idp_enabled, "an owner can still sign in and read why");
        assert!(owner.sessions_epoch > facts.position);
        assert_eq!(owner.sessions_epoch, guest.sessions_epoch);
        assert_eq!(facts::all(&mut world.at(&facts::MODEL).await).await.unwrap().tenants, [held]);
        world.releases(1).await;
        world.settle().await;
        let open = facts::of_tenant(&mut world.at(&facts::MODEL).await, ten(1)).await.unwrap().unwrap();
        assert_eq!(person(&open, 1).sessions_epoch, 0);
    }

    async fn the_audit_says_what_a_status_was_before(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.holds(1, None).await;
        world.renames(1, "Acme two").await;
        world.settle().await;
        let query = crate::list::ListQuery {
            filters: activity::Filters { tenant: Some(ten(1)), action: Some("tenant.*".to_owned()), ..Default::default() },
            sort: (),
            limit: 3,
            after: None,
            facets: crate::list::Facets::Omitted,
        };
        let page = activity::list(&mut world.at(&activity::MODEL).await, &query).await.unwrap();
        let told: Vec<(String, Json)> =
            page.rows.iter().map(|entry| (entry.action.clone(), serde_json::to_value(&entry.changes).unwrap())).collect();
        assert_eq!(told[0], ("tenant.renamed".to_owned(), json!([{ "path": "/name", "before": "Tenant acme", "after": "Acme two" }])));
        assert_eq!(told[1].0, "tenant.suspended");
        assert_eq!(told[2].0, "tenant.hold.placed");
        assert_eq!(told[2].1[0], json!({ "path": "/status", "before": "active", "after": "suspended" }));
        assert_eq!(page.rows[2].reason.as_deref(), Some("Owner asked for a pause"));
        assert_eq!(page.rows[2].subject.display.as_deref(), Some("Acme two"));
        assert!(page.next.is_some());
        let rest = activity::list(&mut world.at(&activity::MODEL).await, &crate::list::ListQuery { after: page.next, ..query }).await.unwrap();
        assert!(rest.rows[0].position < page.rows[2].position);
    }

    async fn timers_come_and_go_with_what_they_are_for(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_person(5, "invited@acme.dk").await;
        let later = noon().plus_days(100);
        world.holds(1, Some(noon().plus_days(1))).await;
        world.releases(1).await;
        world.does(InviteMember {
            tenant_id: ten(1), invitation_id: inv(1), user_id: usr(5), role: Role::Member,
            expires_at: noon().plus_days(14), seats: None,
        }).await;
        world.settle().await;
        let due = timers::due(&mut world.at(&timers::MODEL).await, later, 10).await.unwrap().timers;
        assert_eq!(due.iter().map(|timer| timer.due).collect::<Vec<_>>(), [timers::Due::InvitationExpiry(inv(1))]);
        let rows = users::rows_of(&mut world.at(&users::MODEL).await, &[usr(5)]).await.unwrap();
        assert_eq!(users::invitations(&rows, usr(5)).unwrap().len(), 1);
        let accepts = AcceptInvitation { tenant_id: ten(1), invitation_id: inv(1), user_id: usr(5) };
        let by_themselves = request(Actor::person(ActorKind::User, usr(5)));
        world.store.execute(Arc::new(accepts), by_themselves).await.unwrap();
        world.settle().await;
        assert!(timers::due(&mut world.at(&timers::MODEL).await, later, 10).await.unwrap().timers.is_empty());
        world.tenant(1, TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None }).await;
        world.settle().await;
        let due = timers::due(&mut world.at(&timers::MODEL).await, later, 10).await.unwrap().timers;
        assert_eq!((due[0].due, due[0].due_at), (timers::Due::Termination, noon()));
    }

    async fn a_person_shows_memberships_and_the_highest_role(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.holds(1, None).await;
        world.settle().await;
        users::note_sign_in(&world.views, usr(1), noon()).await.unwrap();
        users::note_sign_in(&world.views, usr(1), noon().plus_seconds(5)).await.unwrap();
        let mut at = world.at(&users::MODEL).await;
        assert_eq!(users::actor_by_identity(&mut at, "idp", "subject-1").await.unwrap(), Some(usr(1)));
        assert_eq!(users::actor_by_identity(&mut at, "other", "subject-1").await.unwrap(), None);
        let shown = serde_json::to_value(users::get(&mut at, usr(1)).await.unwrap().unwrap()).unwrap();
        assert_eq!(shown["lastLoginAt"], json!("2026-11-22T12:00:00.000Z"));
        assert_eq!((&shown["role"], &shown["status"], &shown["authentikSubjectId"]), (&json!("owner"), &json!("active"), &json!("subject-1")));
        assert_eq!(shown["memberships"][0], json!({ "tenantId": ten(1), "slug": "acme", "name": "Tenant acme", "role": "owner",
            "kind": "managed", "status": "active", "tenantStatus": "suspended", "canUse": false,
            "customerMessage": "Your workspace is paused." }));
    }

    async fn ec_74_without_personal_sections_everything_folds_and_shows_placeholders(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        world.a_settled_tenant(1, "acme", Some(1)).await;
        world.holds(1, None).await;
        world.renames(1, "Acme two").await;
        let mut batch = event_store::Batch::new();
        batch.run("update events set personal = null", vec![], event_store::Expect::Any);
        world.by_hand().await.write(batch).await.unwrap();
        // Another process reads what is stored.
        let store = world.another_store().await;
        world.projector = Projector::start(world.views.clone(), store).await.unwrap();
        world.settle().await;
        let view = tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().unwrap();
        assert_eq!((view.name.as_str(), view.status, view.partner.unwrap().name.as_str()), ("Erased", "suspended", "Erased"));
        // What nobody had to give is simply not there any more.
        assert_eq!((view.holds.len(), view.holds[0].reason.as_deref()), (1, None));
        let person = users::get(&mut world.at(&users::MODEL).await, usr(1)).await.unwrap().unwrap();
        assert_eq!((person.email.as_str(), person.name.as_deref(), person.authentik_subject_id), ("Erased", None, None));
        assert_eq!(person.memberships[0].role, "owner");
        let facts = facts::of_tenant(&mut world.at(&facts::MODEL).await, ten(1)).await.unwrap().unwrap();
        assert_eq!((facts.name.as_str(), facts.people[0].email.clone()), ("Erased", None));
        assert!(world.views.parked().await.unwrap().is_empty());
    }
}
