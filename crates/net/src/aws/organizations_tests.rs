//! Tests of the lists of AWS Organizations.

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::aws::connect_embedded;

fn organizations(server: &MockServer) -> Organizations {
    let sdk = connect_embedded(&server.uri(), None).unwrap();
    Organizations::new(&sdk, &HttpSettings::default()).unwrap()
}

async fn answer(server: &MockServer, operation: &str, input: Value, status: u16, body: Value) {
    Mock::given(method("POST"))
        .and(header("x-amz-target", format!("AWSOrganizationsV20161128.{operation}").as_str()))
        .and(header("content-type", "application/x-amz-json-1.1"))
        .and(body_partial_json(input))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .up_to_n_times(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn active_accounts_of_a_unit_and_the_units_below_it() {
    let server = MockServer::start().await;
    let account = |number: u32, state: &str| json!({"Id": format!("{number:012}"), "State": state});
    let old = json!({"Id": "000000000009", "Status": "ACTIVE"});
    let (top, below) = (json!({"ParentId": "ou-1"}), json!({"ParentId": "ou-2"}));
    let second = json!({"ParentId": "ou-1", "NextToken": "two"});
    let first_page = json!({"Accounts": [account(3, "ACTIVE"), account(4, "SUSPENDED")], "NextToken": "two"});
    answer(&server, "ListAccountsForParent", second, 200, json!({"Accounts": [account(1, "ACTIVE")]})).await;
    answer(&server, "ListAccountsForParent", top.clone(), 400, json!({"__type": "TooManyRequestsException"}))
        .await;
    answer(&server, "ListAccountsForParent", top.clone(), 200, first_page).await;
    answer(&server, "ListChildren", top, 200, json!({"Children": [{"Id": "ou-2"}, {"Id": "ou-1"}]})).await;
    answer(
        &server,
        "ListAccountsForParent",
        below.clone(),
        200,
        json!({"Accounts": [old, account(5, "CLOSED")]}),
    )
    .await;
    answer(&server, "ListChildren", below, 200, json!({"Children": []})).await;
    let listed = organizations(&server).list_active_accounts("ou-1").await.unwrap();
    assert_eq!(listed, ["000000000001", "000000000003", "000000000009"]);
    let requests = server.received_requests().await.unwrap();
    let signed = requests[0].headers["authorization"].to_str().unwrap();
    assert!(signed.contains("/us-east-1/organizations/aws4_request"), "{signed}");
}

#[tokio::test]
async fn what_is_no_whole_list_is_a_failure() {
    for (status, body, want, remedy) in [
        (
            400,
            json!({"__type": "x#AccessDeniedException", "Message": "no"}),
            "AccessDeniedException: no",
            "organizations:ListAccountsForParent",
        ),
        (
            400,
            json!({"__type": "ParentNotFoundException", "message": "none"}),
            "ParentNotFoundException: none",
            "correct the id",
        ),
        (200, json!({}), "holds no list", ""),
        (200, json!({"Accounts": [{"Id": "000000000001"}]}), "without its id or its state", ""),
        (200, json!({"Accounts": [{"Id": "1", "State": "ACTIVE"}]}), "without its id or its state", ""),
        (404, json!("page"), "HTTP 404 with an answer", ""),
    ] {
        let server = MockServer::start().await;
        answer(&server, "ListAccountsForParent", json!({}), status, body).await;
        let failure = organizations(&server).list_active_accounts("ou-1").await.unwrap_err();
        assert!(failure.to_string().starts_with("could not list the accounts of ou-1: "), "{failure}");
        assert!(failure.why.contains(want), "{failure}");
        assert!(failure.remedy.unwrap_or_default().contains(remedy), "{want}");
    }
}

#[test]
fn each_partition_has_its_home() {
    assert_eq!(home("eu-west-1").0, "us-east-1");
    assert_eq!(home("cn-north-1").1, "organizations.cn-northwest-1.amazonaws.com.cn");
    assert_eq!(home("us-gov-east-1").0, "us-gov-west-1");
}
