//! Things of others that have our names, and that nobody of ours may touch.

use reconciler::Orphan;
use schema::{System, TenantId};
use serde_json::{Value, json};

use super::Outside;
use super::losses::chance;
use super::rows::Rows;
use crate::people::{CUSTOMERS, DOMAINS, SLUGS};

/// What may become of something of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing, whoever asks.
    Untouched,
    /// Where addresses are trusted it may become the account of whoever has its address.
    Adoptable,
}

/// Something of others.
#[derive(Debug, Clone)]
pub(super) struct Stranger {
    pub(super) system: System,
    pub(super) table: &'static str,
    pub(super) key: Value,
    fate: Fate,
    /// Everything there is to see of it.
    fields: Value,
}

impl Outside {
    /// What stands beside ours from the beginning, some of it with names that we shall want.
    pub(crate) fn settle_strangers(&self, rng: &mut fastrand::Rng) {
        let group = json!({ "name": "accounting", "is_superuser": false, "parents": [], "users": [],
            "attributes": { "colour": "blue" } });
        self.settle(System::Authentik, "groups", json!(chance(rng)), &group, Fate::Untouched);
        self.settle_account("helper", "", "internal", false, Fate::Untouched, rng);
        self.settle_space("Old projects", rng);
        for _ in 0..rng.usize(..6) {
            self.settle_stranger(rng);
        }
    }

    /// One more thing of others with a name of ours, if the name is free.
    pub(crate) fn settle_stranger(&self, rng: &mut fastrand::Rng) -> &'static str {
        let slug = format!("acme-{}", rng.usize(..SLUGS));
        let number = rng.usize(..CUSTOMERS);
        let address = format!("p{number}@d{number}.test");
        match rng.u8(..16) {
            12 | 13 => self.settle_marked(rng),
            14 => self.settle_alias(&format!("d{number}.test"), &format!("p{number}"), rng),
            0 => {
                let name = format!("dezky-tenant-{slug}");
                if self.is_named(System::Authentik, "groups", &name) {
                    return "no room for a stranger";
                }
                let group = json!({ "name": name, "is_superuser": rng.u8(..3) == 0, "parents": [], "users": [],
                    "attributes": { "owner": "somebody else" } });
                self.settle(System::Authentik, "groups", json!(chance(rng)), &group, Fate::Untouched);
                "stranger's group in identity"
            }
            1 => self.settle_account(&address, &address, "internal", false, Fate::Adoptable, rng),
            2 => self.settle_account(&address, &address, "service_account", false, Fate::Untouched, rng),
            3 => self.settle_account(&address, "", "internal", true, Fate::Untouched, rng),
            4 => {
                let other = format!("P{number}@D{number}.test");
                self.settle_account(&other, &other, "internal", false, Fate::Adoptable, rng)
            }
            5 => {
                let name = format!("somebody-{number}");
                self.settle_account(&name, &address, "internal", false, Fate::Adoptable, rng)
            }
            6 => self.settle_file_group(&format!("dezky-tenant-{slug}"), rng),
            7 => self.settle_space(&format!("{slug} ApS"), rng),
            8 => self.settle_mail_domain(&format!("d{}.test", rng.usize(..DOMAINS))),
            9 => {
                let rows = self.rows(System::Stalwart);
                let like = rows.table("Role").next().expect("a role").1.clone();
                self.settle_mail("Role", like, &[("description", json!(format!("{slug} and others")))]);
                "stranger's role in mail"
            }
            10 => self.settle_list(&format!("d{number}.test"), &format!("p{number}")),
            _ => self.settle_account(&address, &address, "external", false, Fate::Adoptable, rng),
        }
    }

    /// Adds a row and keeps what it looks like.
    fn settle(&self, system: System, table: &'static str, key: Value, row: &Value, fate: Fate) {
        let mut rows = self.rows(system);
        rows.push(table, &key, row);
        self.load(&rows);
        self.know(system, table, key, fate);
    }

    fn know(&self, system: System, table: &'static str, key: Value, fate: Fate) {
        let fields = fields(&self.rows(system), table, &key).expect("it was put there");
        self.strangers.borrow_mut().push(Stranger { system, table, key, fate, fields });
    }

    fn is_named(&self, system: System, table: &str, name: &str) -> bool {
        let rows = self.rows(system);
        let fields = ["name", "username"];
        let is = |row: &Value, field: &str| {
            row[field].as_str().is_some_and(|text| text.eq_ignore_ascii_case(name))
        };
        rows.table(table).any(|(_, row)| fields.iter().any(|field| is(row, field)))
    }

    fn settle_account(
        &self,
        username: &str,
        email: &str,
        kind: &str,
        has_role: bool,
        fate: Fate,
        rng: &mut fastrand::Rng,
    ) -> &'static str {
        let mut rows = self.rows(System::Authentik);
        if rows.table("users").any(|(_, row)| row["username"] == username) {
            return "no room for a stranger";
        }
        let pk = json!(rows.next("user"));
        let moment = "2026-01-01T00:00:00.000000Z";
        let user = json!({
            "uuid": chance(rng), "uid": format!("{:032x}{:032x}", rng.u128(..), rng.u128(..)),
            "username": username, "name": "A Stranger", "email": email, "is_active": true,
            "attributes": { "colour": "red" }, "path": "users", "kind": kind, "last_login": null,
            "date_joined": moment, "password_change_date": moment, "last_updated": moment,
        });
        rows.push("users", &pk, &user);
        let mut untouched = fate;
        if has_role {
            let role = json!({ "name": format!("role of {pk}"), "permissions": ["authentik_core.view_user"],
                "users": [pk], "groups": [] });
            rows.push("roles", &json!(chance(rng)), &role);
        } else if fate == Fate::Adoptable && rng.u8(..3) == 0 {
            // Rights come by a group as well.
            let admins = rows.table("groups").find(|(_, row)| row["name"] == "authentik Admins");
            let key = admins.map(|(key, _)| key.clone()).expect("a group of administrators");
            let group = rows.change("groups", &key).expect("a group");
            group["users"].as_array_mut().expect("members").push(pk.clone());
            untouched = Fate::Untouched;
        }
        self.load(&rows);
        self.know(System::Authentik, "users", pk, untouched);
        "stranger's account in identity"
    }

    fn settle_file_group(&self, name: &str, rng: &mut fastrand::Rng) -> &'static str {
        if self.is_named(System::Ocis, "groups", name) {
            return "no room for a stranger";
        }
        let (user, group) = (chance(rng), chance(rng));
        let row = json!({ "id": user, "username": format!("stranger-{}", user.simple()), "display_name": "A Stranger",
            "mail": null, "enabled": true, "assignment": null, "subject": null, "signed_in": null, "personal": null });
        self.settle(System::Ocis, "users", json!(user), &row, Fate::Untouched);
        let row = json!({ "id": group, "name": name, "members": [user] });
        self.settle(System::Ocis, "groups", json!(group), &row, Fate::Untouched);
        "stranger's group in files"
    }

    fn settle_space(&self, name: &str, rng: &mut fastrand::Rng) -> &'static str {
        let id = chance(rng);
        let row = space(id, name, "");
        self.settle(System::Ocis, "spaces", json!(id), &row, Fate::Untouched);
        "stranger's space"
    }

    /// A mail domain nobody of ours made, with somebody in it.
    fn settle_mail_domain(&self, name: &str) -> &'static str {
        if self.is_named(System::Stalwart, "Domain", name) {
            return "no room for a stranger";
        }
        let rows = self.rows(System::Stalwart);
        let like = rows.table("Domain").next().expect("a domain").1.clone();
        let domain =
            self.settle_mail("Domain", like, &[("name", json!(name)), ("description", json!("theirs"))]);
        let like = rows.table("Account").next().expect("an account").1.clone();
        let changes =
            [("name", json!("office")), ("domainId", json!(domain)), ("roles", json!({ "@type": "User" }))];
        self.settle_mail("Account", like, &changes);
        "stranger's mail domain"
    }

    /// A mailing list that has an address in a domain of ours.
    fn settle_list(&self, domain: &str, local: &str) -> &'static str {
        let rows = self.rows(System::Stalwart);
        let Some(domain) = free_address(&rows, domain, local) else { return "no room for a stranger" };
        let like = json!({ "description": null, "aliases": {}, "memberTenantId": null, "recipients": {} });
        self.settle_mail("MailingList", like, &[("name", json!(local)), ("domainId", json!(domain))]);
        "stranger's list in our mail domain"
    }

    /// Somebody elsewhere whose mail for an address in a domain of ours comes to them as well.
    fn settle_alias(&self, domain: &str, local: &str, rng: &mut fastrand::Rng) -> &'static str {
        let rows = self.rows(System::Stalwart);
        let Some(domain) = free_address(&rows, domain, local) else { return "no room for a stranger" };
        let like = rows.table("Account").next().expect("an account").1.clone();
        let alias =
            json!({ "0": { "name": local, "domainId": domain, "enabled": true, "description": null } });
        let name = format!("holder-{}", rng.u32(..));
        let roles = json!({ "@type": "User" });
        self.settle_mail("Account", like, &[("name", json!(name)), ("aliases", alias), ("roles", roles)]);
        "stranger's alias in our mail domain"
    }

    /// Something that says it is a tenant's that nobody knows, and is not empty: listed, and left alone.
    fn settle_marked(&self, rng: &mut fastrand::Rng) -> &'static str {
        let unknown = TenantId::from_uuid(chance(rng));
        match rng.u8(..4) {
            0 => {
                let mark = json!({ "dezky": { "tenantId": unknown, "slug": "long-gone" } });
                let group = json!({ "name": format!("dezky-tenant-gone-{}", rng.u32(..)), "is_superuser": false,
                    "parents": [], "users": [], "attributes": mark });
                self.settle(System::Authentik, "groups", json!(chance(rng)), &group, Fate::Untouched);
            }
            1 => {
                let id = chance(rng);
                let mut row = space(id, "Gone", &format!("dezky:{unknown}"));
                row["disabled"] = json!(rng.bool());
                self.settle(System::Ocis, "spaces", json!(id), &row, Fate::Untouched);
            }
            of => {
                let table = if of == 2 { "Role" } else { "Domain" };
                let like = self.rows(System::Stalwart).table(table).next().expect("one").1.clone();
                let mark = json!(format!("dezky {}", unknown.uuid().simple()));
                let mut changes = vec![("description", mark)];
                if table == "Domain" {
                    changes.push(("name", json!(format!("gone-{}.test", rng.u32(..)))));
                }
                self.settle_mail(table, like, &changes);
            }
        }
        "mark of an unknown tenant"
    }

    /// An object like another one. Its id, as others name it.
    fn settle_mail(&self, table: &'static str, mut row: Value, changes: &[(&str, Value)]) -> String {
        let mut rows = self.rows(System::Stalwart);
        let id = rows.next(table);
        for (field, value) in changes {
            row[*field] = value.clone();
        }
        rows.push(table, &json!(id), &row);
        self.load(&rows);
        self.know(System::Stalwart, table, json!(id), Fate::Untouched);
        super::rows::mail_id(id)
    }

    /// What was done to others that may not be. Accounts that became somebody's are ours from now on.
    pub(crate) fn harm_to_strangers(&self, trusts_addresses: bool) -> Vec<String> {
        let mut harm = Vec::new();
        for system in System::ALL {
            let rows = self.rows(system);
            self.strangers.borrow_mut().retain(|one| {
                if one.system != system {
                    return true;
                }
                let found = fields(&rows, one.table, &one.key);
                let is_marked = found.as_ref().is_some_and(|row| row["attributes"]["dezky"].is_object());
                if trusts_addresses && one.fate == Fate::Adoptable && is_marked {
                    return false;
                }
                if found.as_ref() != Some(&one.fields) {
                    harm.push(format!("{system} {} {}: {} became {found:?}", one.table, one.key, one.fields));
                }
                true
            });
        }
        harm
    }

    /// Whether an object that says it is of a tenant is one that others put there.
    pub(crate) fn is_put_there(&self, orphan: &Orphan) -> bool {
        let strangers = self.strangers.borrow();
        strangers.iter().filter(|one| one.system == orphan.system).any(|one| match one.system {
            System::Stalwart => {
                one.key.as_u64().map(super::rows::mail_id).as_ref() == Some(&orphan.external_id)
            }
            System::Authentik | System::Ocis => {
                one.key.as_str().is_some_and(|key| orphan.external_id.ends_with(key))
            }
        })
    }

    /// From now on these are the strangers of a system.
    pub(super) fn forget_strangers(&self, system: System, instead: Vec<Stranger>) {
        let mut strangers = self.strangers.borrow_mut();
        strangers.retain(|one| one.system != system);
        strangers.extend(instead);
    }

    /// Others give up the names that we want: their owners call them otherwise.
    pub(crate) fn make_way(&self) {
        for system in System::ALL {
            let mut rows = self.rows(system);
            let mut strangers = self.strangers.borrow_mut();
            for one in strangers.iter_mut().filter(|one| one.system == system) {
                let Some(row) = rows.change(one.table, &one.key) else { continue };
                let name = format!("elsewhere-{}", one.key.to_string().trim_matches('"'));
                match (system, one.table) {
                    (System::Authentik, "users") => {
                        row["username"] = json!(name);
                        row["email"] = json!("");
                    }
                    (System::Stalwart, "Account") => row["aliases"] = json!({}),
                    (System::Stalwart, "Domain") => row["name"] = json!(format!("{name}.test")),
                    (System::Authentik | System::Ocis, "groups") | (System::Stalwart, "MailingList") => {
                        row["name"] = json!(name);
                    }
                    (System::Authentik | System::Stalwart | System::Ocis, _) => {}
                }
                one.fields = fields(&rows, one.table, &one.key).unwrap_or_default();
            }
            drop(strangers);
            self.load(&rows);
        }
    }

    /// What belonged to others may have gone with what was lost, or hang on to less of it. Harm done before stays harm.
    pub(super) fn take_note_of_losses(&self, before: &Rows, after: &Rows) {
        self.strangers.borrow_mut().retain_mut(|one| {
            let was_well = fields(before, one.table, &one.key).as_ref() == Some(&one.fields);
            if one.system != before.system || !was_well {
                return true;
            }
            let left = fields(after, one.table, &one.key);
            let is_there = left.is_some();
            one.fields = left.unwrap_or_default();
            is_there
        });
    }

    pub(super) fn is_strangers(&self, system: System, table: &str, key: &str) -> bool {
        let strangers = self.strangers.borrow();
        strangers.iter().any(|one| {
            one.system == system && one.table == table && one.key.to_string().trim_matches('"') == key
        })
    }
}

/// A space with a file in it.
fn space(id: uuid::Uuid, name: &str, description: &str) -> Value {
    json!({
        "id": id, "name": name, "description": description, "alias": format!("project/{}", id.simple()),
        "quota": 1_000_000, "disabled": false, "unlisted": false, "grants": [],
        "files": { "theirs.txt": "aGVsbG8=" }, "used": 5, "touched": 1,
    })
}

/// The id of a mail domain in which a name is free.
fn free_address(rows: &Rows, domain: &str, local: &str) -> Option<String> {
    let (key, _) = rows.table("Domain").find(|(_, row)| row["name"] == domain)?;
    let id = super::rows::mail_id(key.as_u64()?);
    let has = |row: &Value| row["domainId"] == id.as_str() && row["name"] == local;
    let holds =
        |row: &Value| has(row) || row["aliases"].as_object().is_some_and(|aliases| aliases.values().any(has));
    let is_taken = ["Account", "MailingList"].iter().any(|of| rows.table(of).any(|(_, row)| holds(row)));
    (!is_taken).then_some(id)
}

/// A row; of an account in identity, where it belongs, too.
fn fields(rows: &Rows, table: &str, key: &Value) -> Option<Value> {
    let mut row = rows.get(table, key)?.clone();
    if rows.system == System::Authentik && table == "users" {
        for of in ["groups", "roles"] {
            let holds = |row: &Value| row["users"].as_array().is_some_and(|users| users.contains(key));
            let held: Vec<&Value> =
                rows.table(of).filter(|(_, row)| holds(row)).map(|(key, _)| key).collect();
            row[format!("its {of}")] = json!(held);
        }
    }
    Some(row)
}
