//! Lists: filters, order, pages, counts.

use domain::access::TenantStatus;

use super::*;
use crate::list::{Direction, Facets, ListQuery};
use crate::tenants::members::{Kind, MemberFilters, MemberSort};
use crate::tenants::{Filters, Health, PartnerFilter, Sort, SortKey};
use crate::{partners, tenants};

async fn slugs(world: &World, filters: Filters, sort: Sort) -> Vec<String> {
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let query = ListQuery { filters: filters.clone(), sort, limit: 2, after, facets: Facets::Omitted };
        let page = tenants::list(&mut world.at(&tenants::MODEL).await, &query).await.unwrap();
        found.extend(page.rows.into_iter().map(|tenant| tenant.slug));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn by(key: SortKey, direction: Direction) -> Sort {
    Sort { key, direction }
}

on_both_databases! {
    async fn tenants_are_filtered_sorted_paged_and_counted(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        world.a_settled_tenant(1, "delta", Some(1)).await;
        world.a_settled_tenant(2, "alfa", None).await;
        world.a_tenant(3, "charlie", Owner::None, None).await;
        world.a_settled_tenant(4, "bravo", Some(1)).await;
        world.holds(4, None).await;
        world.tenant(2, TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None }).await;
        world.settle().await;

        let slug = by(SortKey::Slug, Direction::Ascending);
        assert_eq!(slugs(&world, Filters::default(), slug).await, ["alfa", "bravo", "charlie", "delta"]);
        let backwards = by(SortKey::Name, Direction::Descending);
        assert_eq!(slugs(&world, Filters::default(), backwards).await, ["delta", "charlie", "bravo", "alfa"]);
        assert_eq!(slugs(&world, Filters::default(), Sort::default()).await.len(), 4);
        let status = by(SortKey::Status, Direction::Ascending);
        assert_eq!(slugs(&world, Filters::default(), status).await, ["delta", "charlie", "bravo", "alfa"]);
        let filtered = [
            (Filters { status: vec![TenantStatus::Suspended, TenantStatus::Pending], ..Default::default() }, vec!["bravo", "charlie"]),
            (Filters { partner: vec![PartnerFilter::Slug("nordlys".to_owned())], ..Default::default() }, vec!["bravo", "delta"]),
            (Filters { partner: vec![PartnerFilter::Nobody], ..Default::default() }, vec!["alfa", "charlie"]),
            (Filters { health: vec![Health::Progressing], ..Default::default() }, vec!["charlie"]),
            (Filters { hold: vec![HoldKind::Operator], ..Default::default() }, vec!["bravo"]),
            (Filters { domain: vec!["delta.dk".to_owned()], ..Default::default() }, vec!["delta"]),
            (Filters { plan: vec!["complimentary".to_owned()], q: Some("RAV".to_owned()), ..Default::default() }, vec!["bravo"]),
            (Filters { q: Some("100%".to_owned()), ..Default::default() }, vec![]),
            (Filters { member: Some(usr(1)), ..Default::default() }, vec!["delta"]),
            (Filters { created_after: Some(noon()), ..Default::default() }, vec![]),
        ];
        for (filters, expected) in filtered {
            assert_eq!(slugs(&world, filters.clone(), slug).await, expected, "{filters:?}");
        }

        let query = ListQuery { filters: Filters { status: vec![TenantStatus::Active], ..Default::default() }, sort: slug, limit: 10, after: None, facets: Facets::Counted };
        let facets = tenants::list(&mut world.at(&tenants::MODEL).await, &query).await.unwrap().facets.unwrap();
        let counts: Vec<(&str, u64)> = facets["status"].iter().map(|(word, count)| (word.as_str(), *count)).collect();
        assert_eq!(counts, [("active", 1), ("all", 4), ("pending", 1), ("suspended", 1), ("terminated", 0), ("terminating", 1)]);
        assert_eq!(facets["health"]["ready"], 1);
    }

    async fn partners_are_sorted_by_customers_and_margin(world: World) {
        world.a_plan().await;
        for (number, slug) in [(1, "one"), (2, "two-x"), (3, "three")] {
            world.a_partner(number, slug).await;
        }
        world.a_tenant(1, "acme", Owner::None, Some(3)).await;
        world.a_tenant(2, "beta", Owner::None, Some(3)).await;
        world.a_tenant(3, "gamma", Owner::None, Some(1)).await;
        world.one::<Partner>(par(2), PartnerCommand::SetMargin { margin: Bps::new(2000).unwrap(), effective_from: None }).await;
        world.one::<Partner>(par(3), PartnerCommand::Terminate { reason: None, disposition: schema::partner::Disposition::Retain }).await;
        world.settle().await;
        let today = noon().date();
        let list = async |key, direction, status: &[partners::PartnerStatus]| {
            let filters = partners::Filters { status: status.to_vec(), q: None };
            let query = ListQuery { filters, sort: partners::Sort { key, direction }, limit: 10, after: None, facets: Facets::Counted };
            partners::list(&mut world.at(&partners::MODEL).await, &query, today).await.unwrap()
        };
        let all = partners::PartnerStatus::ALL;
        let slugs = |page: &crate::list::Page<partners::PartnerView>| -> Vec<String> { page.rows.iter().map(|row| row.slug.clone()).collect() };
        let page = list(partners::SortKey::Customers, Direction::Descending, all).await;
        assert_eq!(slugs(&page), ["three", "one", "two-x"]);
        assert_eq!(page.rows[0].margin_bps, 0, "a terminated partner earns nothing");
        assert_eq!(page.rows[0].disposition.as_ref().unwrap().kind, "retain");
        let page = list(partners::SortKey::Margin, Direction::Descending, all).await;
        assert_eq!(slugs(&page), ["two-x", "one", "three"]);
        let page = list(partners::SortKey::Name, Direction::Ascending, &[]).await;
        assert_eq!(slugs(&page), ["one", "two-x"]);
        assert_eq!(page.facets.unwrap()["status"]["all"], 2);
    }

    async fn members_are_listed_with_kind_and_mailbox(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_person(5, "guest@elsewhere.dk").await;
        world.does(InviteMember {
            tenant_id: ten(1), invitation_id: inv(1), user_id: usr(5), role: Role::Admin,
            expires_at: noon().plus_days(14), seats: None,
        }).await;
        world.settle().await;
        let list = async |filters: MemberFilters| {
            let query = ListQuery { filters, sort: MemberSort::default(), limit: 10, after: None, facets: Facets::Omitted };
            let page = tenants::members::list(&mut world.at(&tenants::MODEL).await, ten(1), &query).await.unwrap();
            page.rows
        };
        assert_eq!(list(MemberFilters::default()).await.len(), 2);
        let guests = list(MemberFilters { kind: vec![Kind::Guest], ..Default::default() }).await;
        assert_eq!((guests[0].user_id, guests[0].status, guests[0].invitation_id), (usr(5), "invited", Some(inv(1))));
        assert_eq!((guests[0].mailbox.as_deref(), guests[0].provisioning.stalwart), (None, "skipped"));
        let owners = list(MemberFilters { role: vec![Role::Owner], q: Some("ADA".to_owned()), ..Default::default() }).await;
        assert_eq!(owners[0].mailbox.as_deref(), Some("owner@acme.dk"));
    }
}
