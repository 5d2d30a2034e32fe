//! The identity of the one who asks: client certificates against a server that wants one, and signatures
//! against those of other implementations.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use super::tests::{PATIENT, answering, connector, fails, http, passes, see, silent};
use super::*;
use faultgate_core::model::{Comparison, Expectation, Hidden, HttpCheck, Signing};

/// Starts a server with a certificate of its own, which wants a client certificate that `authority` has
/// signed.
fn wanting(listener: TcpListener, authority: &rcgen::Certificate) -> (String, tokio::task::JoinHandle<()>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    (own.cert.pem(), serving)
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_the_server() {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut client = rcgen::CertificateParams::new(vec!["chaos".to_owned()]).unwrap();
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let client = client.signed_by(&key, &issuer).unwrap();
    let foreign = rcgen::generate_simple_self_signed(["chaos".to_owned()]).unwrap();

    let (listener, address) = silent().await;
    let (server, serving) = wanting(listener, &root);
    let url = address.replace("127.0.0.1", "https://localhost");
    let showing = |identity: Option<String>| {
        let identity = identity.map(|pem| Hidden(pem.into_bytes()));
        let access = Access { identity, ca_bundle: Some(server.clone().into_bytes()), ..Access::default() };
        see(Check::Http(HttpCheck { access, ..http(&url) }))
    };
    passes(&showing(Some(format!("{}\n{}", client.pem(), key.serialize_pem()))).await);
    fails(&showing(None).await, "");
    let of_another = format!("{}\n{}", foreign.cert.pem(), foreign.signing_key.serialize_pem());
    fails(&showing(Some(of_another)).await, "");
    serving.abort();
}

fn account(token: Option<&str>) -> SdkConfig {
    let token = token.map(ToOwned::to_owned);
    let credentials =
        Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token, None, "test");
    SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

fn of_workspace(url: &str) -> Check {
    Check::Prometheus(PrometheusCheck {
        url: Hidden(url.to_owned()),
        query: "sum(rate(errors_total{job=\"a b\"}[1m])) + 1".to_owned(),
        expect: Expectation { comparison: Comparison::Less, value: 0.5 },
        access: Access::default(),
        signing: Some(Signing { region: "eu-west-1".to_owned(), role_arn: None }),
        within: PATIENT,
    })
}

#[tokio::test]
async fn requests_to_a_workspace_are_signed() {
    let server = answering(
        ResponseTemplate::new(403).set_body_string("{\"message\":\"no t0ken-of-the-session\\nGET /s3cr3t\"}"),
    )
    .await;
    let check = of_workspace(&format!("{}/workspaces/ws-1", server.uri()));
    let seen =
        connector().connect(&check, Some(&account(Some("t0ken-of-the-session")))).unwrap().evaluate().await;
    assert_eq!(seen.reason.as_deref(), Some("status 403: no ***"));
    fails(&seen, "");
    let request = &server.received_requests().await.unwrap()[0];
    let authorization = request.headers["authorization"].to_str().unwrap();
    let (_, date) = (
        request.headers["x-amz-date"].to_str().unwrap(),
        &request.headers["x-amz-date"].to_str().unwrap()[..8],
    );
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date}/eu-west-1/aps/aws4_request, SignedHeaders=host;"
    );
    assert!(authorization.starts_with(&scope), "{authorization}");
    assert_eq!(request.headers["x-amz-security-token"], "t0ken-of-the-session");
}

#[test]
fn nobody_signs_without_an_account() {
    assert!(connector().connect(&of_workspace("http://127.0.0.1:1"), None).is_err());
}
