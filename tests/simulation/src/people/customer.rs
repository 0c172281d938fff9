//! What customers do: their own tenants, their invitations, and doors that must stay shut for them.

use http::Method;
use serde_json::{Value, json};

use super::{DOMAINS, Person, domain, partner, slug};
use crate::history::Effect;

/// Paths below a tenant that a stranger must not see.
pub(crate) const BELOW: [&str; 9] = [
    "",
    "/users",
    "/members",
    "/domains",
    "/invitations",
    "/holds",
    "/provisioning",
    "/provisioning/ocis",
    "/audit",
];

impl Person<'_> {
    pub(super) async fn use_it(&mut self) {
        match self.caller.rng.u8(..100) {
            0..20 => drop(self.sign_in().await),
            20..32 => self.answer_invitation().await,
            32..42 => self.help_themselves().await,
            42..52 => self.change_own().await,
            52..60 => self.claim().await,
            60..68 => self.try_operators_work().await,
            68..84 => drop(self.caller.ask("/tenants").await),
            _ => {
                let path = format!(
                    "/tenants/{}{}",
                    slug(&mut self.caller.rng),
                    BELOW[self.caller.rng.usize(..BELOW.len())]
                );
                self.caller.ask(&path).await;
            }
        }
    }

    async fn answer_invitation(&mut self) {
        let Some(id) = self.caller.rng.choice(self.invitations.clone()) else { return };
        let verb = if self.caller.rng.u8(..3) == 0 { "decline" } else { "accept" };
        let path = format!("/invitations/{id}/{verb}");
        let command = self.caller.command(Method::POST, &path, json!({}), Effect::Possible);
        self.caller.give(command).await;
    }

    async fn help_themselves(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let mut body = json!({ "slug": slug, "name": format!("{slug} of our own") });
        if self.caller.rng.u8(..6) == 0 {
            body["partnerId"] = json!(partner(&mut self.caller.rng));
        }
        let command = self.caller.command(Method::POST, "/tenants", body, Effect::Certain);
        self.caller.give(command).await;
    }

    async fn change_own(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let name = format!("{slug} as {} calls it {}", self.caller.number, self.caller.rng.u32(..));
        let body = match self.caller.rng.u8(..4) {
            0 => {
                json!({ "billingInfo": { "legalName": name, "country": "DK", "addressLines": ["Havnegade 1"] } })
            }
            1 => json!({ "name": name, "partnerId": partner(&mut self.caller.rng) }),
            _ => json!({ "name": name }),
        };
        let command = self.caller.command(Method::PATCH, &format!("/tenants/{slug}"), body, Effect::Possible);
        self.caller.give(command).await;
    }

    async fn claim(&mut self) {
        let path = format!("/tenants/{}/domains", slug(&mut self.caller.rng));
        let body = json!({ "domain": domain(self.caller.rng.usize(..DOMAINS)) });
        let command = self.caller.command(Method::POST, &path, body, Effect::Possible);
        self.caller.give(command).await;
    }

    /// It is refused, whatever the state of anything.
    async fn try_operators_work(&mut self) {
        let verb = ["suspend", "resume", "terminate", "restore", "users"][self.caller.rng.usize(..5)];
        let path = format!("/tenants/{}/{verb}", slug(&mut self.caller.rng));
        let command = self.caller.command(Method::POST, &path, Value::Null, Effect::Possible);
        let answer = self.caller.give(command).await;
        assert!(answer.is_none(), "seed {}: a customer may {verb}: {answer:?}", self.caller.world.seed);
    }
}
