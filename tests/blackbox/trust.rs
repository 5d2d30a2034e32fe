//! Tests of private certificates and of proxies between the binary and an account.

use std::sync::{Arc, Mutex};

use faultgate_net::http;
use faultgate_net::http::HttpSettings;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, Finished, at_once};
use faultgate_testkit::lives::QUICK;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::task::AbortOnDropHandle;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A host that resolves nowhere, so that only a proxy can reach it.
const AFAR: &str = "aws.invalid";

/// Returns the address at which an account listens.
fn address(account: &EmbeddedAccount) -> String {
    account.url().trim_start_matches("http://").to_owned()
}

/// Serves every connection with a task of its own, and returns the address.
async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    (address, AbortOnDropHandle::new(serving))
}

/// A server that speaks TLS before an account, with a certificate of its own authority.
struct Tls {
    authority: String,
    address: String,
    _serving: AbortOnDropHandle<()>,
}

impl Tls {
    async fn before(account: &EmbeddedAccount) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), AFAR.to_owned()];
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let (acceptor, behind) = (TlsAcceptor::from(Arc::new(config)), address(account));
        let (address, serving) = listen(move |stream| {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            async move {
                // An error is dropped: a client that does not trust the certificate goes away.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut account = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut account).await;
                }
            }
        })
        .await;
        Self { authority: authority.pem(), address, _serving: serving }
    }

    fn run(&self, account: &EmbeddedAccount) -> Faultgate {
        account.run().env("AWS_ENDPOINT_URL", format!("https://{}", self.address))
    }
}

/// A proxy that leads to one server, whatever it is asked for.
struct Proxy {
    url: String,
    /// The first line of each connection.
    asked: Arc<Mutex<Vec<String>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn before(server: String) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        let (address, serving) = listen(move |mut client| {
            let (server, told) = (server.clone(), Arc::clone(&told));
            async move {
                let head = head(&mut client).await;
                let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
                let mut server = TcpStream::connect(server).await.unwrap();
                if line.starts_with("CONNECT ") {
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    server.write_all(&head).await.unwrap();
                }
                told.lock().unwrap().push(line);
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        })
        .await;
        // The URL holds a password, which must be in no output.
        Self { url: format!("http://user:s3cr3t@{address}"), asked, _serving: serving }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn head(client: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}

#[track_caller]
fn assert_without_password(ended: &Finished) {
    let reports = ended.files().into_iter().map(|file| std::fs::read_to_string(file).unwrap());
    for text in reports.chain([ended.stdout.clone(), ended.stderr.clone()]) {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn an_account_behind_a_private_authority_is_reached_with_its_certificate() {
    let account = EmbeddedAccount::living(QUICK).await;
    let tls = Tls::before(&account).await;
    at_once(["FAULTGATE_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"], |variable| {
        let faultgate = tls.run(&account).named_file(variable, "ca.pem", &tls.authority);
        async move { faultgate.finish().await.assert_code(0, variable) }
    })
    .await;
    account.assert_nothing_left("behind TLS");
}

#[tokio::test]
async fn the_client_of_forges_trusts_the_bundle_and_nobody_else() {
    let account = EmbeddedAccount::living(QUICK).await;
    let tls = Tls::before(&account).await;
    let ask = async |ca_bundle: Option<Vec<u8>>| {
        let client = http::client(&HttpSettings { ca_bundle, ..HttpSettings::default() }).unwrap();
        client.get(format!("https://{}/experiments", tls.address)).send().await
    };
    assert!(ask(Some(tls.authority.clone().into())).await.unwrap().status().is_success());
    let why = http::cause(&ask(None).await.unwrap_err());
    assert!(http::remedy(&why).is_some(), "{why}");
}

#[tokio::test]
async fn without_the_certificate_the_text_tells_what_to_do() {
    let account = EmbeddedAccount::living(QUICK).await;
    let tls = Tls::before(&account).await;
    let ended = tls.run(&account).finish().await;
    ended.assert_code(3, "nobody vouches for the server");
    let told = ended.summary();
    assert!(told.contains("UnknownIssuer") && told.contains("FAULTGATE\\_CA\\_BUNDLE"), "{told}");
    assert!(account.world.requests().is_empty(), "a request was sent to a server that is not trusted");
}

#[tokio::test]
async fn files_that_cannot_be_trusted_by_are_mistakes() {
    let account = EmbeddedAccount::living(QUICK).await;
    let tls = Tls::before(&account).await;
    let half = &tls.authority[..tls.authority.len() / 2];
    let not = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = ["FAULTGATE_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"]
        .into_iter()
        .flat_map(|variable| ["", "no certificate", half, not].map(|content| (variable, content)));
    at_once(cases, |(variable, content)| {
        let faultgate = tls.run(&account).file("ca.pem", content).env(variable, "ca.pem");
        async move {
            let ended = faultgate.finish().await;
            ended.assert_code(2, content);
            let told = &ended.stderr;
            assert!(told.contains("ca.pem") && told.contains(variable), "{told}");
            assert!(told.contains("nothing was launched"), "{told}");
            assert!(!ended.path(Faultgate::REPORTS).exists(), "reports were written");
        }
    })
    .await;
    assert!(account.world.requests().is_empty(), "a request was sent");
}

#[tokio::test]
async fn a_rehearsal_needs_neither_certificates_nor_proxies() {
    let ended = Faultgate::new(&["rehearse"])
        .env("SSL_CERT_FILE", "not-there.pem")
        .env("HTTPS_PROXY", "socks5://user:s3cr3t@proxy.invalid")
        .env("HTTP_PROXY", "http://user:s3cr3t@proxy.invalid")
        .finish()
        .await;
    ended.assert_code(0, "a rehearsal");
    for name in ["SSL_CERT_FILE", "HTTPS_PROXY"] {
        let log = &ended.stdout;
        assert!(log.contains(&format!("warning: {name}")), "{name} is not told: {log}");
    }
    assert_without_password(&ended);
}

#[tokio::test]
async fn the_proxy_of_each_scheme_is_taken() {
    let account = EmbeddedAccount::living(QUICK).await;
    let tls = Tls::before(&account).await;
    let (plain, tunnel) = (Proxy::before(address(&account)).await, Proxy::before(tls.address.clone()).await);
    let run = |scheme: &str| {
        tls.run(&account)
            .env("AWS_ENDPOINT_URL", format!("{scheme}://{AFAR}"))
            .env("http_proxy", &plain.url)
            .env("HTTPS_PROXY", &tunnel.url)
            .named_file("FAULTGATE_CA_BUNDLE", "ca.pem", &tls.authority)
    };
    for (scheme, proxy, first) in
        [("http", &plain, format!("POST http://{AFAR}/")), ("https", &tunnel, format!("CONNECT {AFAR}:443 "))]
    {
        let ended = run(scheme).finish().await;
        ended.assert_code(0, scheme);
        assert_without_password(&ended);
        let asked = proxy.asked();
        let same = |line: &String| line.starts_with(&first) || line.contains(&format!("{scheme}://{AFAR}/"));
        assert!(!asked.is_empty() && asked.iter().all(same), "{scheme}: {asked:?}");
    }
}

#[tokio::test]
async fn credentials_of_this_machine_do_not_go_through_the_proxy() {
    let account = EmbeddedAccount::living(QUICK).await;
    let proxy = Proxy::before(address(&account)).await;
    let agent = MockServer::start().await;
    let credentials = serde_json::json!({
        "AccessKeyId": "AKIDTEST", "SecretAccessKey": "not-a-secret", "Token": "t", "Expiration": "2099-01-01T00:00:00Z",
    });
    let answer = ResponseTemplate::new(200).set_body_json(credentials);
    Mock::given(any()).respond_with(answer).expect(1..).mount(&agent).await;
    let ended = account
        .run()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", agent.uri()))
        .env("AWS_ENDPOINT_URL", format!("http://{AFAR}"))
        .env("ALL_PROXY", &proxy.url)
        .finish()
        .await;
    ended.assert_code(0, "credentials of a container");
    let asked = proxy.asked();
    assert!(asked.iter().all(|line| line.contains(AFAR)), "{asked:?}");
}

#[tokio::test]
async fn hosts_that_are_excepted_are_asked_directly() {
    let account = EmbeddedAccount::living(QUICK).await;
    let proxy = Proxy::before(address(&account)).await;
    // The second name resolves nowhere, so a run that asks it directly ends in an error.
    for (url, code) in [(account.url().to_owned(), 0), (format!("http://{AFAR}"), 3)] {
        let ended = account
            .run()
            .env("AWS_ENDPOINT_URL", &url)
            .env("HTTP_PROXY", &proxy.url)
            .env("NO_PROXY", "*.invalid")
            .finish()
            .await;
        ended.assert_code(code, &url);
        assert_eq!(proxy.asked(), [""; 0], "{url}");
    }
}

#[tokio::test]
async fn a_host_is_excepted_at_its_port_alone() {
    let account = EmbeddedAccount::living(QUICK).await;
    // The name resolves nowhere, so a run that asks it directly ends in an error.
    for (entry, code) in [("aws.invalid:80", 3), ("aws.invalid:8080", 0), (".invalid.", 3), ("10.*", 0)] {
        let proxy = Proxy::before(address(&account)).await;
        let ended = account
            .run()
            .env("AWS_ENDPOINT_URL", format!("http://{AFAR}"))
            .env("HTTP_PROXY", &proxy.url)
            .env("NO_PROXY", entry)
            .finish()
            .await;
        ended.assert_code(code, entry);
        assert_eq!(proxy.asked().is_empty(), code == 3, "{entry}: {:?}", proxy.asked());
        let warned = ended.stdout.contains("warning: NO_PROXY: \"10.*\"");
        assert_eq!(warned, entry == "10.*", "{entry}: {}", ended.stdout);
    }
}
