//! Tests of the SDK's client: built-in certificates, refusals that repeat credentials, and answers without
//! end.

use std::io;
use std::sync::Arc;

use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::http::client_trusting;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn connector(client: &SharedHttpClient) -> SharedHttpConnector {
    let components = RuntimeComponentsBuilder::for_tests().with_time_source(Some(SystemTimeSource::new()));
    client.http_connector(&HttpConnectorSettings::default(), &components.build().unwrap())
}

/// Asks a server with a certificate of this authority once. Returns the status, or why there is none.
async fn asked(client: &SharedHttpClient, authority: &Authority) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let acceptor = acceptor(authority);
    let serving = async {
        let (stream, _) = listener.accept().await?;
        let mut stream = acceptor.accept(stream).await?;
        let _ = stream.read(&mut [0; 1024]).await?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        io::Result::Ok(())
    };
    let asking = connector(client).call(HttpRequest::get(url).unwrap());
    let (_, answer) = tokio::join!(serving, asking);
    answer.map(|answer| answer.status().as_u16()).map_err(|error| crate::http::cause(&error))
}

#[tokio::test]
async fn built_in_certificates_take_the_place_of_the_systems() {
    let (ours, bundled, strange) = (authority("ours"), authority("bundled"), authority("strange"));
    let settings = HttpSettings { ca_bundle: Some(bundled.pem().into_bytes()), ..HttpSettings::default() };
    let client = client_trusting(&settings, &[ours.der().clone()], |builder| builder).unwrap();
    let client = wrap_client(OwnClient { client, further: None });

    assert_eq!(asked(&client, &ours).await, Ok(204));
    assert_eq!(asked(&client, &bundled).await, Ok(204));
    let refused = asked(&client, &strange).await.unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
}

#[test]
fn the_built_in_certificates_are_ones_that_the_client_can_read() {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    client_trusting(&HttpSettings::default(), roots, |builder| builder).unwrap();
}

#[tokio::test]
async fn a_refusal_does_not_repeat_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let body = r#"{"message":"POST x-amz-security-token:IQo+/s3cr3t== and eyJ.s3cr3t-\"x"}"#;
    let serving = async {
        for status in ["403 Forbidden", "200 OK"] {
            let (mut stream, _) = listener.accept().await?;
            let _ = stream.read(&mut [0; 4096]).await?;
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
        }
        io::Result::Ok(())
    };
    let client = http_client(&HttpSettings::default()).unwrap();
    let connector = connector(&client);
    let ask = async || {
        let mut request = HttpRequest::get(&url).unwrap();
        request.headers_mut().insert("x-amz-security-token", "IQo+/s3cr3t==");
        *request.body_mut() = "Action=A&WebIdentityToken=eyJ.s3cr3t-%22x".into();
        let answer = connector.call(request).await.unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    };
    let asking = async { (ask().await, ask().await) };
    let (served, (refused, granted)) = tokio::join!(serving, asking);
    served.unwrap();
    assert_eq!(refused, r#"{"message":"POST x-amz-security-token:*** and ***"}"#);
    assert_eq!(granted, body, "what is granted is as it came");
}

/// A server that answers without end sends less than twice the limit before the client gives up.
#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    for status in ["200 OK", "403 Forbidden"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serving = async {
            let (mut stream, _) = listener.accept().await?;
            let _ = stream.read(&mut [0; 4096]).await?;
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await?;
            let (piece, mut sent) = (vec![b' '; 1 << 20], 0);
            while stream.write_all(&piece).await.is_ok() {
                sent += piece.len();
            }
            io::Result::Ok(sent)
        };
        let client = http_client(&HttpSettings::default()).unwrap();
        let asking = async {
            let mut request = HttpRequest::get(&url).unwrap();
            request.headers_mut().insert("x-amz-security-token", "IQo+/s3cr3t==");
            let answer = connector(&client).call(request).await;
            drop(client);
            match answer {
                Ok(answer) => http_body_util::BodyExt::collect(answer.into_body()).await.map(drop).is_err(),
                Err(_) => true,
            }
        };
        let (sent, given_up) = tokio::join!(serving, asking);
        assert!(given_up, "{status}");
        assert!(sent.unwrap() < 2 * bounded::MAX_ANSWER_BYTES, "{status}");
    }
}
