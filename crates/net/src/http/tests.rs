//! Tests of the client against servers of their own.

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

async fn asked(server: &MockServer) -> Vec<String> {
    server.received_requests().await.unwrap().iter().map(|request| request.url.to_string()).collect()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = answering(ResponseTemplate::new(200)).await;
    let server = answering(ResponseTemplate::new(307).insert_header("location", other.uri())).await;
    let client = client(&HttpSettings::default()).unwrap();
    let answer = client.get(server.uri()).header("PRIVATE-TOKEN", "s3cr3t").send().await.unwrap();
    assert_eq!(answer.status(), 307);
    assert!(asked(&other).await.is_empty());
}

#[tokio::test]
async fn requests_go_through_the_proxy_except_to_the_hosts_named() {
    let proxy = answering(ResponseTemplate::new(204)).await;
    let server = answering(ResponseTemplate::new(200)).await;
    let proxies = Proxies {
        http: Some(ProxyUrl::parse(&proxy.uri()).unwrap()),
        https: None,
        except: Except::parse("direct.invalid:80").0,
    };
    let client = client(&HttpSettings { proxies, ..HttpSettings::default() }).unwrap();

    assert_eq!(client.get("http://forge.invalid/x").send().await.unwrap().status(), 204);
    assert_eq!(client.get(server.uri()).send().await.unwrap().status(), 200, "loopback is asked directly");
    let direct = client.get("http://direct.invalid/x").send().await;
    assert!(direct.unwrap_err().is_connect());
    assert_eq!(client.get("http://direct.invalid:81/x").send().await.unwrap().status(), 204, "another port");
    assert_eq!(asked(&proxy).await, ["http://forge.invalid/x", "http://direct.invalid:81/x"]);
}

#[test]
fn a_certificate_that_nobody_vouches_for_has_a_remedy() {
    let told = remedy("client error (Connect): invalid peer certificate: UnknownIssuer");
    assert!(told.is_some_and(|told| told.contains("ca-bundle")));
    assert_eq!(remedy("connection refused"), None);
}
