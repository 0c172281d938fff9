//! Revenue per month: whole minor units, rounded half to even, summed per currency.

use std::collections::BTreeMap;

use schema::plan::{Interval, Price, PriceModel};

use super::Mrr;

const MONTHS_PER_YEAR: i128 = 12;
const BPS: i128 = 10_000;

/// What a price brings per month for a number of seats.
pub fn monthly(price: &Price, quantity: u64) -> i64 {
    let amount = match price.model {
        PriceModel::Flat => i128::from(price.unit_amount),
        PriceModel::PerSeat => i128::from(price.unit_amount) * i128::from(quantity),
    };
    narrow(match price.interval {
        Interval::Month => amount,
        Interval::Year => half_even(amount, MONTHS_PER_YEAR),
    })
}

/// A partner's share of an amount.
pub(super) fn share(gross: i64, bps: u16) -> i64 {
    narrow(half_even(i128::from(gross) * i128::from(bps), BPS))
}

/// Nearest whole number; the even one when two are equally near.
fn half_even(amount: i128, by: i128) -> i128 {
    let (whole, rest) = (amount.div_euclid(by), amount.rem_euclid(by));
    let up = rest * 2 > by || (rest * 2 == by && whole % 2 != 0);
    whole + i128::from(up)
}

/// Amounts beyond 9·10¹⁸ minor units do not occur.
fn narrow(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Sums per currency, rounded part by rounded part.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<String, Mrr>);

impl Totals {
    pub(super) fn add(&mut self, currency: &str, gross: i64, margin: i64, at_risk: i64) {
        let sum = self.0.entry(currency.to_owned()).or_insert_with(|| Mrr {
            currency: currency.to_owned(),
            gross: 0,
            margin: 0,
            net: 0,
            at_risk: 0,
        });
        sum.gross += gross;
        sum.margin += margin;
        sum.net += gross - margin;
        sum.at_risk += at_risk;
    }

    pub(super) fn into_list(self) -> Vec<Mrr> {
        self.0.into_values().collect()
    }
}
