//! Lists: pages, filters, counts.

use serde_json::{Value, json};

use crate::house::{Answer, House};

fn slugs(answer: &Answer) -> Vec<&str> {
    let rows = answer.json["data"].as_array().expect("rows");
    rows.iter().map(|row| row["slug"].as_str().unwrap_or_default()).collect()
}

async fn three(house: &House, operator: &str) {
    for slug in ["one", "two", "three"] {
        house.tenant(operator, slug).await;
    }
    house.post("/tenants/two/suspend").by(operator).send().await.expect(200);
    house.catch_up().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let (house, operator) = House::with_operator().await;
    three(&house, &operator).await;
    let mut path = "/tenants?sort=slug&limit=1".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = house.get(&path).by(&operator).send().await.expect(200);
        seen.extend(slugs(&page).into_iter().map(str::to_owned));
        if page.json["page"]["hasMore"] == json!(false) {
            assert_eq!(page.header("link"), "");
            break;
        }
        let link = page.header("link").to_owned();
        path = link.trim_start_matches('<').split('>').next().expect("a link").to_owned();
        assert!(link.ends_with("; rel=\"next\""), "{link}");
    }
    assert_eq!(seen, ["one", "three", "two"]);
}

#[tokio::test]
async fn filters_search_and_counts_agree() {
    let (house, operator) = House::with_operator().await;
    three(&house, &operator).await;
    let list =
        async |query: &str| house.get(&format!("/tenants?{query}")).by(&operator).send().await.expect(200);
    assert_eq!(slugs(&list("status=suspended").await), ["two"]);
    assert_eq!(slugs(&list("q=T&sort=-slug").await), ["two", "three"]);
    assert_eq!(slugs(&list("hold=operator&partner=none&plan=complimentary").await), ["two"]);
    assert!(slugs(&list("plan=other").await).is_empty());
    let counted = list("include=facets&status=pending&sort=slug").await;
    assert_eq!(slugs(&counted), ["one", "three"]);
    let expected =
        json!({ "all": 3, "pending": 2, "active": 0, "suspended": 1, "terminating": 0, "terminated": 0 });
    assert_eq!(counted.json["facets"]["status"], expected);
}

#[tokio::test]
async fn ec_109_a_cursor_answers_only_its_own_question() {
    let (house, operator) = House::with_operator().await;
    three(&house, &operator).await;
    let page = house.get("/tenants?sort=slug&limit=1").by(&operator).send().await.expect(200);
    let cursor = page.json["page"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let mut altered = cursor.clone();
    altered.replace_range(0..1, if cursor.starts_with('A') { "B" } else { "A" });
    for query in [
        format!("sort=name&cursor={cursor}"),
        format!("sort=slug&status=pending&cursor={cursor}"),
        format!("sort=slug&cursor={altered}"),
        "sort=slug&cursor=nonsense".to_owned(),
        "sort=slug&cursor=".to_owned(),
    ] {
        let answer = house.get(&format!("/tenants?{query}")).by(&operator).send().await;
        answer.refused(400, "malformed-cursor");
    }
    house
        .get(&format!("/partners?cursor={cursor}"))
        .by(&operator)
        .send()
        .await
        .refused(400, "malformed-cursor");
    let elsewhere = House::with_operator().await;
    let answer =
        elsewhere.0.get(&format!("/tenants?sort=slug&cursor={cursor}")).by(&elsewhere.1).send().await;
    answer.refused(400, "malformed-cursor");
}

#[tokio::test]
async fn ec_97_the_three_systems_are_always_there() {
    let (house, operator) = House::with_operator().await;
    three(&house, &operator).await;
    let list = house.get("/tenants").by(&operator).send().await.expect(200);
    for tenant in list.json["data"].as_array().expect("rows") {
        for field in ["provisioningStatus", "provisioningErrors"] {
            let keys: Vec<&String> = tenant[field].as_object().expect("an object").keys().collect();
            assert_eq!(keys.len(), 3, "{keys:?}");
            for system in ["authentik", "stalwart", "ocis"] {
                assert!(tenant[field].get(system).is_some());
            }
        }
    }
}

#[tokio::test]
async fn what_happened_is_told_newest_first() {
    let (house, operator) = House::with_operator().await;
    three(&house, &operator).await;
    let audit = house.get("/tenants/two/audit").by(&operator).send().await.expect(200);
    let actions: Vec<&Value> =
        audit.json["data"].as_array().expect("rows").iter().map(|row| &row["action"]).collect();
    assert_eq!(actions.first(), Some(&&json!("tenant.suspended")));
    assert_eq!(actions.iter().filter(|action| ***action == json!("tenant.created")).count(), 1);
    let positions: Vec<u64> = audit.json["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["position"].as_u64())
        .collect();
    assert!(positions.is_sorted_by(|newer, older| newer > older), "{positions:?}");
    let holds = house.get("/tenants/two/audit?action=tenant.hold.*").by(&operator).send().await.expect(200);
    assert_eq!(holds.json["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(holds.json["data"][0]["actor"]["audience"], "dezky-operator");
}
