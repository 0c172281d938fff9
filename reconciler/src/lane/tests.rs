//! Who waits for whom.

use futures::FutureExt as _;

use super::*;

#[tokio::test]
async fn bulk_writes_hold_back_while_a_door_is_being_shut_and_go_on_afterwards() {
    let lane = Lane::new(8, None);
    let shutting = lane.shutting();
    let mut bulk = Box::pin(lane.enter(Pace::Bulk, Effect::Writes));
    assert!((&mut bulk).now_or_never().is_none());
    assert!(lane.enter(Pace::Bulk, Effect::Reads).now_or_never().is_some(), "reads change nothing");
    assert!(lane.enter(Pace::AtOnce, Effect::Writes).now_or_never().is_some(), "what shuts goes");
    drop(shutting);
    assert!(bulk.now_or_never().is_some());
}

#[tokio::test]
async fn doors_that_wait_for_a_hand_hold_bulk_writes_back_too() {
    let lane = Lane::new(8, None);
    lane.doors_due(3);
    assert!(lane.enter(Pace::Bulk, Effect::Writes).now_or_never().is_none());
    lane.doors_due(0);
    assert!(lane.enter(Pace::Bulk, Effect::Writes).now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn doors_that_cannot_be_shut_do_not_stop_everything_else_for_ever() {
    let lane = Lane::new(8, None);
    let _shutting = lane.shutting();
    let before = tokio::time::Instant::now();
    drop(lane.enter(Pace::Bulk, Effect::Writes).await);
    assert_eq!(before.elapsed(), HOLD_BACK_MAX);
}

#[tokio::test]
async fn bulk_leaves_calls_free_for_what_shuts() {
    let lane = Lane::new(4, None);
    let first = lane.enter(Pace::Bulk, Effect::Reads).await;
    let second = lane.enter(Pace::Bulk, Effect::Reads).await;
    assert!(lane.enter(Pace::Bulk, Effect::Reads).now_or_never().is_none());
    let third = lane.enter(Pace::AtOnce, Effect::Writes).await;
    let fourth = lane.enter(Pace::AtOnce, Effect::Writes).await;
    assert!(lane.enter(Pace::AtOnce, Effect::Writes).now_or_never().is_none(), "no more than it bears");
    drop((first, second, third, fourth));
}

#[tokio::test]
async fn a_bulk_write_that_waited_for_a_free_call_makes_room_for_a_door_that_came_meanwhile() {
    let lane = Lane::new(3, None);
    let under_way = lane.enter(Pace::Bulk, Effect::Writes).await;
    let mut in_line = Box::pin(lane.enter(Pace::Bulk, Effect::Writes));
    assert!((&mut in_line).now_or_never().is_none());
    let shutting = lane.shutting();
    drop(under_way);
    assert!((&mut in_line).now_or_never().is_none(), "it began before the door");
    assert!(lane.enter(Pace::Bulk, Effect::Reads).now_or_never().is_some(), "and keeps no call meanwhile");
    drop(shutting);
    assert!(in_line.now_or_never().is_some());
}
