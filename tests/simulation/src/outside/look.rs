//! What is in the outside systems, as somebody sees it who looks at them directly.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use schema::System;
use serde_json::{Value, json};
use simulators::ocis::Space;
use tower::ServiceExt as _;

use super::{MAIL_KEY, Outside};

/// A group in authentik.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) pk: String,
    pub(crate) name: String,
    /// Whose, by our mark.
    pub(crate) tenant: Option<String>,
}

/// How many of each thing carry the mark of each tenant.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Inventory {
    pub(crate) groups: BTreeMap<String, usize>,
    pub(crate) spaces: BTreeMap<String, Vec<Space>>,
    pub(crate) roles: BTreeMap<String, usize>,
    /// Accounts in identity by the person whose mark they carry.
    pub(crate) accounts: BTreeMap<String, usize>,
    /// Groups in files by their names.
    pub(crate) file_groups: BTreeMap<String, usize>,
    /// Names of mail domains with the mark they carry.
    pub(crate) domains: Vec<(String, String)>,
}

pub(super) fn is_ours(space: &Space) -> bool {
    space.description.starts_with("dezky:ten_")
}

impl Outside {
    pub(super) fn groups(&self) -> Vec<Group> {
        let (_, page) =
            self.identity(&Method::GET, "/core/groups/?page_size=1000&include_users=false", Value::Null);
        let all = page["results"].as_array().cloned().unwrap_or_default();
        let group = |group: &Value| {
            Some(Group {
                pk: group["pk"].as_str()?.to_owned(),
                name: group["name"].as_str()?.to_owned(),
                tenant: group["attributes"]["dezky"]["tenantId"].as_str().map(str::to_owned),
            })
        };
        all.iter().filter_map(group).collect()
    }

    /// Project spaces that a list shows. What a create that was cut left outside every list, nobody can find.
    fn spaces(&self) -> Vec<Space> {
        let (_, listed) = self.files(&Method::GET, "/graph/v1.0/drives", &Value::Null);
        let listed = listed["value"].as_array().cloned().unwrap_or_default();
        let is_listed = |space: &Space| listed.iter().any(|drive| drive["id"].as_str() == Some(&space.id));
        self.ocis.spaces().into_iter().filter(is_listed).collect()
    }

    /// Everything there is.
    pub(crate) async fn inventory(&self) -> Inventory {
        let mut seen = Inventory::default();
        for group in self.groups() {
            match group.tenant {
                Some(tenant) => *seen.groups.entry(tenant).or_default() += 1,
                None if group.name.starts_with("dezky-tenant-") => {
                    let is_strangers = self.is_strangers(System::Authentik, "groups", &group.pk);
                    assert!(is_strangers, "the group {} has no mark", group.name);
                }
                None => {}
            }
        }
        for space in self.spaces() {
            if is_ours(&space) {
                let tenant = space.description.trim_start_matches("dezky:").to_owned();
                seen.spaces.entry(tenant).or_default().push(space);
            }
        }
        for (_, row) in self.rows(System::Authentik).table("users") {
            if let Some(user) = row["attributes"]["dezky"]["userId"].as_str() {
                *seen.accounts.entry(user.to_owned()).or_default() += 1;
            }
        }
        for (_, row) in self.rows(System::Ocis).table("groups") {
            *seen.file_groups.entry(row["name"].as_str().unwrap_or_default().to_lowercase()).or_default() +=
                1;
        }
        for role in self.mail("Role").await {
            if let Some(mark) = role["description"].as_str().and_then(|text| text.strip_prefix("dezky ")) {
                *seen.roles.entry(mark.to_owned()).or_default() += 1;
            }
        }
        for domain in self.mail("Domain").await {
            let text = |name: &str| domain[name].as_str().unwrap_or_default().to_owned();
            seen.domains.push((text("name"), text("description").trim_start_matches("dezky ").to_owned()));
        }
        seen.domains.sort();
        seen
    }

    /// Every object of a kind in Stalwart.
    async fn mail(&self, kind: &str) -> Vec<Value> {
        let call = json!({ "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": [
            [format!("x:{kind}/query"), { "limit": 500 }, "q"],
            [format!("x:{kind}/get"), {
                "#ids": { "resultOf": "q", "name": format!("x:{kind}/query"), "path": "/ids" },
                "properties": ["id", "name", "description"],
            }, "g"],
        ] });
        let request = Request::post("/jmap/")
            .header("authorization", format!("Bearer {MAIL_KEY}"))
            .header("content-type", "application/json")
            .body(Body::from(call.to_string()))
            .expect("a request");
        let answer = self.stalwart.router().oneshot(request).await.expect("an answer");
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        let list = answer["methodResponses"][1][1]["list"].as_array();
        list.unwrap_or_else(|| panic!("a list of {kind}: {answer}")).clone()
    }
}
