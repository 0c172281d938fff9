//! A burst, then the rate.

use super::*;

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let throttle = Throttle::new(3);
    let now = Instant::now();
    for _ in 0..BURST {
        assert_eq!(throttle.reserve(now), Duration::ZERO);
    }
    let third = Duration::from_secs(1) / 3;
    assert_eq!(throttle.reserve(now), third);
    assert_eq!(throttle.reserve(now), third * 2);
    assert_eq!(throttle.reserve(now + Duration::from_mins(1)), Duration::ZERO);
}
