//! The state of one outside system as rows, for what nobody can do through its API: backups, losses, other people's things.

use std::collections::BTreeSet;

use schema::System;
use serde_json::{Value, json};

/// Tables that hold objects: those of ours and those of others.
pub(super) const fn tables(system: System) -> &'static [&'static str] {
    match system {
        System::Authentik => &["groups", "users", "roles"],
        System::Stalwart => &["Role", "Domain", "Account", "MailingList"],
        System::Ocis => &["users", "groups", "spaces"],
    }
}

/// Everything a system knows.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(super) system: System,
    pub(super) saved: Value,
}

impl Rows {
    pub(super) fn table(&self, name: &str) -> impl Iterator<Item = (&Value, &Value)> {
        self.saved[name].as_array().into_iter().flatten().map(|pair| (&pair[0], &pair[1]))
    }

    pub(super) fn get(&self, table: &str, key: &Value) -> Option<&Value> {
        self.table(table).find(|(known, _)| *known == key).map(|(_, row)| row)
    }

    pub(super) fn change(&mut self, table: &str, key: &Value) -> Option<&mut Value> {
        let rows = self.saved[table].as_array_mut()?;
        rows.iter_mut().find(|pair| pair[0] == *key).map(|pair| &mut pair[1])
    }

    pub(super) fn push(&mut self, table: &str, key: &Value, row: &Value) {
        self.saved[table].as_array_mut().expect("a table").push(json!([key, row]));
    }

    pub(super) fn retain(&mut self, table: &str, keep: impl Fn(&Value, &Value) -> bool) {
        self.saved[table].as_array_mut().expect("a table").retain(|pair| keep(&pair[0], &pair[1]));
    }

    pub(super) fn counter(&self, name: &str) -> u64 {
        self.get("counters", &json!(name)).and_then(Value::as_u64).unwrap_or_default()
    }

    pub(super) fn set_counter(&mut self, name: &str, value: u64) {
        match self.change("counters", &json!(name)) {
            Some(counter) => *counter = json!(value),
            None => self.push("counters", &json!(name), &json!(value)),
        }
    }

    /// The next number of a counter, which is taken by that.
    pub(super) fn next(&mut self, name: &str) -> u64 {
        let next = self.counter(name) + 1;
        self.set_counter(name, next);
        next
    }

    /// Ids of mail domains with our mark, as accounts name them.
    fn our_domains(&self) -> BTreeSet<String> {
        let domains = self.table("Domain").filter(|(_, row)| is_marked_mail(row));
        domains.map(|(key, _)| mail_id(key.as_u64().unwrap_or_default())).collect()
    }

    /// Objects of ours: table and key.
    pub(super) fn ours(&self) -> BTreeSet<(&'static str, String)> {
        let domains = if self.system == System::Stalwart { self.our_domains() } else { BTreeSet::new() };
        let is_ours = |table: &str, row: &Value| match (self.system, table) {
            (System::Authentik, "groups") => {
                row["attributes"]["dezky"].is_object()
                    || row["name"] == "dezky-entitled"
                    || row["name"] == "dezky-platform-admins"
            }
            (System::Authentik, "users") => row["attributes"]["dezky"].is_object(),
            (System::Ocis, "spaces") => {
                row["description"].as_str().is_some_and(|text| text.contains("dezky:ten_"))
            }
            (System::Ocis, "groups") => {
                row["name"].as_str().is_some_and(|name| name.starts_with("dezky-tenant-"))
            }
            (System::Stalwart, "Role" | "Domain") => is_marked_mail(row),
            (System::Stalwart, "Account") => row["domainId"].as_str().is_some_and(|id| domains.contains(id)),
            (System::Authentik | System::Stalwart | System::Ocis, _) => false,
        };
        let mut found = BTreeSet::new();
        for table in tables(self.system) {
            for (key, _) in self.table(table).filter(|(_, row)| is_ours(table, row)) {
                found.insert((*table, key.to_string()));
            }
        }
        found
    }

    /// Objects vanish, with whatever cannot be there without them.
    pub(super) fn remove(&mut self, gone: &BTreeSet<(&'static str, String)>) {
        for table in tables(self.system) {
            self.retain(table, |key, _| !gone.contains(&(*table, key.to_string())));
        }
        match self.system {
            System::Authentik => self.remove_what_dangles_in_identity(),
            System::Stalwart => self.remove_what_dangles_in_mail(),
            System::Ocis => {}
        }
    }

    fn remove_what_dangles_in_identity(&mut self) {
        let users: BTreeSet<String> = self.table("users").map(|(key, _)| key.to_string()).collect();
        for table in ["sessions", "access_tokens", "refresh_tokens"] {
            self.retain(table, |_, row| users.contains(&row["user"].to_string()));
        }
        let groups: BTreeSet<String> = self.table("groups").map(|(key, _)| key.to_string()).collect();
        for (table, field, there) in
            [("groups", "users", &users), ("roles", "users", &users), ("roles", "groups", &groups)]
        {
            for pair in self.saved[table].as_array_mut().into_iter().flatten() {
                if let Some(held) = pair[1][field].as_array_mut() {
                    held.retain(|key| there.contains(&key.to_string()));
                }
            }
        }
    }

    fn remove_what_dangles_in_mail(&mut self) {
        let ids = |rows: &Self, table: &str| -> BTreeSet<String> {
            rows.table(table).map(|(key, _)| mail_id(key.as_u64().unwrap_or_default())).collect()
        };
        let domains = ids(self, "Domain");
        for table in ["Account", "MailingList", "DkimSignature"] {
            self.retain(table, |_, row| row["domainId"].as_str().is_none_or(|id| domains.contains(id)));
        }
        for pair in self.saved["Account"].as_array_mut().into_iter().flatten() {
            if let Some(aliases) = pair[1]["aliases"].as_object_mut() {
                aliases.retain(|_, alias| alias["domainId"].as_str().is_none_or(|id| domains.contains(id)));
            }
        }
        let roles = ids(self, "Role");
        self.retain("Account", |_, row| {
            let held = row["roles"]["roleIds"].as_object();
            held.is_none_or(|held| held.keys().all(|id| roles.contains(id)))
        });
        let accounts: BTreeSet<String> = self.table("Account").map(|(key, _)| key.to_string()).collect();
        self.retain("mailboxes", |key, _| accounts.contains(&key.to_string()));
    }
}

fn is_marked_mail(row: &Value) -> bool {
    row["description"].as_str().is_some_and(|text| text.starts_with("dezky "))
}

/// A number as the mail server writes it.
pub(super) fn mail_id(mut number: u64) -> String {
    const DIGITS: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't',
        'u', 'v', 'w', 'x', 'y', 'z', '7', '9', '2', '0', '1', '3',
    ];
    let mut digits = Vec::new();
    loop {
        digits.push(DIGITS[usize::try_from(number & 31).expect("a digit")]);
        number >>= 5;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
