//! Tests of headers, credentials and certificates of a probe.

use faultgate_core::model::{Check, Credentials, Hidden, Signing};

use super::tests::{mistake, read};

#[test]
fn who_is_asking_is_read() {
    let probes = read(
        r#"
      - name: a
        prometheus: { url: "http://p", query: up, expect: "< 1", bearer-token: "${T}", headers: { X-Scope-OrgID: shop } }
      - name: b
        http: { url: "http://a", username: chaos, password: " ${T:-} ", status: [200, "300 - 399"] }
      - name: c
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1", query: up, expect: "< 1" }
      - name: d
        prometheus: { url: "https://p", query: up, expect: "< 1", sigv4: { region: eu-west-1, role-arn: "arn:aws:iam::111122223333:role/m" } }
      - name: e
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com", query: up, expect: "< 1", sigv4: { role-arn: "arn:aws:iam::111122223333:role/m" } }
      - name: f
        prometheus: { url: "https://aps-workspaces.eu-west-1.amazonaws.com", query: up, expect: "< 1", bearer-token: "${T}", sigv4: }
"#,
        &[("T", "t0ken")],
    )
    .unwrap();
    let prometheus = |place: usize| match &probes[place].check {
        Check::Prometheus(check) => check.clone(),
        other => panic!("{other:?}"),
    };
    let bearer = Credentials::Bearer(Hidden("t0ken".to_owned()));
    assert_eq!(prometheus(0).access.credentials, Some(bearer.clone()));
    assert_eq!(prometheus(0).access.headers["X-Scope-OrgID"].0, "shop");
    let Check::Http(check) = &probes[1].check else { panic!("{probes:?}") };
    let basic = Credentials::Basic { username: "chaos".to_owned(), password: Hidden("t0ken".to_owned()) };
    assert_eq!(check.access.credentials, Some(basic));
    assert_eq!(check.statuses.to_string(), "200 or 300-399");
    let signing = |role: Option<&str>| {
        Some(Signing { region: "eu-west-1".to_owned(), role_arn: role.map(ToOwned::to_owned) })
    };
    let role = Some("arn:aws:iam::111122223333:role/m");
    assert_eq!(prometheus(0).signing, None);
    assert_eq!(
        [2, 3, 4].map(|place| prometheus(place).signing),
        [signing(None), signing(role), signing(role)]
    );
    assert_eq!((prometheus(5).signing, prometheus(5).access.credentials), (None, Some(bearer)));
    assert!(!format!("{probes:?}").contains("t0ken"));
}

#[test]
fn a_client_certificate_and_its_key_are_tried() {
    let own = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let both = file("both.pem", &format!("{key}\n{certificate}"));
    let certificate = file("certificate.pem", &certificate);
    let key = file("key.pem", &key);
    let other = file("other.pem", &other);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = file("encrypted.pem", encrypted);
    let with = |keys: &str| format!("{{ name: x, http: {{ url: 'https://a', {keys} }} }}");
    for keys in [
        format!("client-certificate: {both}"),
        format!("client-certificate: {certificate}, client-key: {key}"),
    ] {
        let probes = read(&format!("      - {}\n", with(&keys)), &[]).unwrap();
        let Check::Http(check) = &probes[0].check else { panic!("{probes:?}") };
        assert!(check.access.identity.is_some() && !format!("{check:?}").contains("BEGIN"));
    }
    for (keys, name, what) in [
        (format!("client-certificate: {certificate}"), "client-certificate", "holds no private key in PEM"),
        (format!("client-certificate: {key}"), "client-certificate", "holds no certificate in PEM"),
        (
            format!("client-certificate: {certificate}, client-key: {other}"),
            "client-key",
            "holds a private key that does not fit the certificate",
        ),
        (
            format!("client-certificate: {certificate}, client-key: {encrypted}"),
            "client-key",
            "holds a private key that is encrypted",
        ),
        (
            format!("client-certificate: {certificate}, client-key: {certificate}"),
            "client-key",
            "holds no private key",
        ),
        (format!("client-certificate: {certificate}, client-key: none.pem"), "client-key", "is not there"),
    ] {
        let told = mistake(&with(&keys));
        assert!(told.starts_with(&format!("P[0].http.{name}: ")) && told.contains(what), "{told}");
    }
}
