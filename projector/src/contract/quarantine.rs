//! Poison: one stream waits, in order and visibly; all others go on.

use super::*;
use crate::{Retried, retry, tenants};

on_both_databases! {
    async fn ec_67_a_stream_that_cannot_be_digested_waits_and_drains(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_settled_tenant(2, "beta", None).await;
        world.settle().await;
        let row = world.views.db().query("select * from tenants_v1 where slug = 'acme'", &[]).await.unwrap();
        let row = row.into_iter().next().unwrap().into_values();
        world.change_by_hand("delete from tenants_v1 where slug = 'acme'", vec![]).await;

        world.renames(1, "Acme two").await;
        world.renames(1, "Acme three").await;
        world.renames(2, "Beta two").await;
        world.settle().await;

        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(at.position(), world.store.read_head().await.unwrap());
        assert_eq!(at.parked_streams(), 1);
        assert_eq!(tenants::get(&mut at, ten(2)).await.unwrap().unwrap().name, "Beta two");
        drop(at);
        let parked = world.views.parked().await.unwrap();
        let found = parked.iter().map(|parked| (parked.model.as_str(), parked.stream.clone(), parked.events));
        assert_eq!(found.collect::<Vec<_>>(), [("tenants", StreamId::from(ten(1)).to_string(), 2)]);

        // Not repaired: it stays, and says so. By the clock it is tried less and less often.
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let stream = StreamId::from(ten(1));
        let still = retry(&world.views, &world.store, "tenants", &stream, now).await.unwrap();
        assert!(matches!(still, Retried::StillParked { .. }), "{still:?}");
        assert_eq!(world.views.parked().await.unwrap()[0].attempts, 1);
        let tried = crate::retry_due(&world.views, &world.store, now.plus_seconds(299)).await.unwrap();
        assert_eq!(tried, []);
        let tried = crate::retry_due(&world.views, &world.store, now.plus_seconds(300)).await.unwrap();
        assert!(matches!(&tried[..], [(_, Retried::StillParked { .. })]), "{tried:?}");
        let next = world.views.parked().await.unwrap()[0].next_try;
        assert_eq!(next, Some(now.plus_seconds(300 + 600)));

        // Repaired: everything that waited goes in at once, in order, and the stream is followed again.
        let places = (1..=row.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let mut batch = event_store::Batch::new();
        batch.run(format!("insert into tenants_v1 values ({places})"), row, event_store::Expect::Rows(1));
        world.views.db().write(batch).await.unwrap();
        let drained = retry(&world.views, &world.store, "tenants", &stream, now).await.unwrap();
        assert_eq!(drained, Retried::Drained { events: 2 });
        world.renames(1, "Acme four").await;
        world.settle().await;
        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(tenants::get(&mut at, ten(1)).await.unwrap().unwrap().name, "Acme four");
        assert_eq!(at.parked_streams(), 0);
        drop(at);
        world.assert_proved().await;
    }

    async fn an_event_that_does_not_decode_parks_its_stream_only(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_settled_tenant(2, "beta", None).await;
        let stream = StreamId::from(ten(1));
        let version = world.store.load(&stream).await.unwrap().len() as u64;
        world.appends_by_hand(stream.as_str(), version + 1, "tenant.partner.attached", r#"{"partnerId":7}"#).await;
        world.holds(2, None).await;
        world.settle().await;
        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(at.parked_streams(), 1);
        assert_eq!(tenants::get(&mut at, ten(2)).await.unwrap().unwrap().status, "suspended");
        drop(at);
        // A rebuild parks the same event and nothing else: both copies are equal.
        let replayed = crate::replay(&world.views, &world.store, "tenants", &|_| {}).await.unwrap();
        assert_eq!(replayed.proof, crate::Proof::Equal);
        assert_eq!(world.at(&tenants::MODEL).await.parked_streams(), 1);
    }
}
