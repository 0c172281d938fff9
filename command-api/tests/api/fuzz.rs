//! Noise in every place a caller can write to: a refusal, never a failure. The seed is in the message of a failing run.

use axum::http::{HeaderValue, Method};

use crate::house::House;

const ROUNDS: u64 = 300;

/// A small generator with a seed of our own, so that a run can be repeated.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn bytes(&mut self, longest: u64) -> Vec<u8> {
        (0..self.below(longest)).map(|_| u8::try_from(self.below(256)).unwrap_or_default()).collect()
    }

    fn escaped(&mut self, longest: u64) -> String {
        let mut text = hex::encode(self.bytes(longest));
        for at in (0..text.len()).step_by(2).rev() {
            text.insert(at, '%');
        }
        text
    }

    fn header(&mut self) -> Vec<u8> {
        let bytes = self.bytes(60);
        let fits: Vec<u8> =
            bytes.into_iter().filter(|byte| HeaderValue::from_bytes(&[*byte]).is_ok()).collect();
        fits
    }
}

#[tokio::test]
async fn ec_109_noise_is_refused_and_harms_nobody() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT];
    for seed in 1..=ROUNDS {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let method = methods[usize::try_from(noise.below(5)).unwrap_or_default()].clone();
        let path = match noise.below(5) {
            0 => format!("/{}", noise.escaped(40)),
            1 => format!("/tenants/{}", noise.escaped(40)),
            2 => format!("/tenants?q={}&cursor={}", noise.escaped(30), noise.escaped(30)),
            3 => format!("/partners/{}/tenants?{}", noise.escaped(10), noise.escaped(20)),
            _ => "/tenants/acme/suspend".to_owned(),
        };
        let mut call = house.call(method, &path).by(&operator);
        let names = [
            "idempotency-key",
            "if-match",
            "if-none-match",
            "prefer",
            "dezky-min-position",
            "accept",
            "x-request-id",
        ];
        let name = names[usize::try_from(noise.below(7)).unwrap_or_default()];
        call = call.bytes(name, &noise.header());
        if noise.below(2) == 0 {
            let body = noise.bytes(200);
            call = call.raw("application/json", &body);
        }
        let answer = call.send().await;
        let status = answer.status.as_u16();
        assert!(status < 500, "seed {seed}: {status} {}", answer.text);
    }
    house.get("/health").send().await.expect(200);
    let random = house.get("/tenants").bytes("authorization", b"Bearer \xc3\xbf\xfe").send().await;
    random.refused(401, "token-invalid");
}
