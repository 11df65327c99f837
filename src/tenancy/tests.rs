//! What comes of good manifests, and the lookups over them.

use super::*;
use expect_test::expect;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tonewall_model::ids::TenantId;
use tonewall_model::route::Called;
use tonewall_model::tenant::{
    AddressCheck, Agent, Brand, Branding, EndKey, MaskStyle, NumberRoute, Transport, TrunkRole,
};

/// A folder of one test, removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let turn = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tonewall-{name}-{}-{turn}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.0.join(name), content).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The manifests of the repository.
fn demo_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants")
}

/// A PNG of one pixel, as far as anybody looks.
pub(super) const LOGO: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01";

/// A good manifest that gives everything and holds no secret.
pub(super) const GOOD: &str = r##"id = "quay"
name = "Quay & Sons"
currency = "EUR"
time_zone = "Europe/Dublin"
api_token = "env:TOKEN"
mask = "comfort"
[branding]
colour = "#AbCdEf"
statement_name = "QUAY"
legal_name = "Quay and Sons Ltd"
address = "1 Custom House Quay, Dublin 1"
help = "Call 01 555 0100"
refund_policy = "Within 30 days, in full."
reply_to = "help@quay.example"
logo = "quay.png"
[capture]
end_key = "#"
first_key_s = 5
between_keys_s = 60
total_s = 1800
tries = 10
brands = ["jcb", "diners", "discover", "unionpay"]
address = "keyed"
[gateway]
kind = "sandbox"
url = "https://gateway.example/v2"
merchant = "quay-1"
secret = "env:GATEWAY"
timeout_s = 120
[crm]
kind = "rest"
url = "https://crm.example"
token = "env:CRM"
[[trunks]]
id = "sbc"
role = "carrier_edge"
peers = ["192.0.2.10", "2001:db8::10"]
address = "192.0.2.10:5060"
transport = "tcp"
nat = true
calls_per_s_max = 1000
credential = { username = "quay", password = "env:TRUNK" }
[[numbers]]
number = "9100"
route = "on_demand"
trunk = "sbc"
[[numbers]]
number = "+35315550100"
route = "in_path"
trunk = "sbc"
extension = "401"
[[agents]]
id = "eve"
name = "Eve"
extension = "401"
pin = "env:PIN"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
[[agents]]
id = "fay"
name = "Fay"
extension = "402"
pin = "env:PIN2"
"##;

pub(super) fn secrets() -> Secrets {
    Secrets::only_given()
        .with("TOKEN", "canary-token-0123456789")
        .with("GATEWAY", "canary-gateway")
        .with("CRM", "canary-crm")
        .with("TRUNK", "canary-trunk")
        .with("PIN", "918273")
        .with("PIN2", "564738")
        .with("WEAK_PIN", "123456")
        .with("SHORT", "canary")
        .with(
            "HASH",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        )
        .with("BLANK", "canary blank")
}

pub(super) fn load_texts(files: &[(&str, &str)]) -> Result<Vec<Arc<Tenant>>, Problems> {
    let folder = Folder::new("tenants");
    files.iter().for_each(|(name, text)| folder.write(name, text.as_bytes()));
    folder.write("quay.png", LOGO);
    load(folder.path(), &secrets())
}

#[track_caller]
pub(super) fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn everything_of_a_manifest_arrives() {
    let tenants =
        load_texts(&[("quay.toml", GOOD), ("notes.txt", "no manifest"), (".quay.toml", "nor this")]);
    let tenants = tenants.map_err(|problems| problems.to_string()).expect("good");
    assert_eq!(tenants.len(), 1);
    let quay = &tenants[0];
    assert_eq!((quay.id.as_str(), quay.name.as_str(), quay.currency.code()), ("quay", "Quay & Sons", "EUR"));
    assert!(quay.api_token.matches(b"canary-token-0123456789"));
    assert_eq!(quay.mask, MaskStyle::Comfort);
    expect![[r##"
        Branding { colour: "#AbCdEf", statement_name: "QUAY", legal_name: "Quay and Sons Ltd", address: "1 Custom House Quay, Dublin 1", help: "Call 01 555 0100", refund_policy: "Within 30 days, in full.", reply_to: "help@quay.example", logo: None }
        CapturePlan { end_key: Hash, first_key: 5s, between_keys: 60s, total: 1800s, tries: 10, brands: [Jcb, Diners, Discover, UnionPay], address: Keyed }"##]].assert_eq(&format!("{:?}\n{:?}", Branding { logo: None, ..quay.branding.clone() }, quay.capture));
    assert_eq!(quay.branding.logo.as_deref(), Some(LOGO));
    assert_eq!(quay.time_zone, "Europe/Dublin");
    let gateway = &quay.gateway;
    assert_eq!((gateway.url.as_str(), gateway.merchant.as_str()), ("https://gateway.example/v2", "quay-1"));
    assert!(gateway.secret.matches(b"canary-gateway"));
    assert_eq!(gateway.timeout.as_secs(), 120);
    assert!(
        matches!(&quay.crm, Crm::Rest { url, token } if url == "https://crm.example" && token.matches(b"canary-crm"))
    );
    let trunk = &quay.trunks[0];
    assert_eq!((trunk.role, trunk.transport, trunk.nat), (TrunkRole::CarrierEdge, Transport::Tcp, true));
    assert_eq!((trunk.calls_per_s_max, trunk.peers.len()), (1000, 2));
    assert_eq!(trunk.address.to_string(), "192.0.2.10:5060");
    let credential = trunk.credential.as_ref().expect("given");
    assert!(credential.username == "quay" && credential.password.matches(b"canary-trunk"));
    let routes: Vec<_> = quay.numbers.iter().map(|number| (number.number.as_str(), &number.route)).collect();
    expect![[r#"
        [
            (
                "9100",
                OnDemand {
                    trunk: "sbc",
                },
            ),
            (
                "+35315550100",
                InPath {
                    trunk: "sbc",
                    extension: "401",
                    secure_code: "",
                },
            ),
        ]"#]]
    .assert_eq(&format!("{routes:#?}"));
    let agents: Vec<_> =
        quay.agents.iter().map(|agent| (agent.id.0.as_str(), agent.extension.as_str())).collect();
    assert_eq!(agents, [("eve", "401"), ("fay", "402")]);
    assert!(quay.agents[0].pin.matches(b"918273") && quay.agents[1].pin.matches(b"564738"));
    let hashed = |agent: &Agent| agent.password_hash.as_ref().map(|hash| hash.expose().len());
    assert_eq!((hashed(&quay.agents[0]), hashed(&quay.agents[1])), (Some(97), None));
}

#[test]
fn mask_dial_tone_and_tap() {
    let of = |lines: &str| {
        let text = changed(&[("mask = \"comfort\"", lines)]);
        let tenants = load_texts(&[("quay.toml", &text)]).map_err(|problems| problems.to_string())?;
        Ok::<_, String>((tenants[0].mask, tenants[0].dial_tone_hz, tenants[0].tap))
    };
    let good = [
        ("", (MaskStyle::Tone, None, false)),
        ("mask = \"closed\"\ntap = true", (MaskStyle::Closed, None, true)),
        ("dial_tone_hz = [350, 450]\ntap = false", (MaskStyle::Tone, Some([350, 450]), false)),
        ("dial_tone_hz = [600, 300]", (MaskStyle::Tone, Some([600, 300]), false)),
    ];
    for (lines, expected) in good {
        assert_eq!(of(lines), Ok(expected), "{lines}");
    }
    let pair = "must be a list of two frequencies; one tone alone is written twice";
    let bad = [
        ("dial_tone_hz = [425]", "dial_tone_hz", pair),
        ("dial_tone_hz = [350, 440, 480]", "dial_tone_hz", pair),
        ("dial_tone_hz = []", "dial_tone_hz", "must not be empty"),
        ("dial_tone_hz = 425", "dial_tone_hz", "must be a list"),
        ("dial_tone_hz = [299, 440]", "dial_tone_hz[0]", "must be 300 to 600"),
        ("dial_tone_hz = [350, 601]", "dial_tone_hz[1]", "must be 300 to 600"),
        ("dial_tone_hz = [350, 440.5]", "dial_tone_hz[1]", "must be a whole number"),
        ("tap = \"yes\"", "tap", "must be true or false"),
    ];
    for (lines, key, told) in bad {
        let said = of(lines).expect_err(lines);
        assert_eq!(said.trim_end(), format!("quay.toml:6: {key}: {told}"), "{lines}");
    }
}

#[test]
fn the_demo_tenants_differ_in_everything() {
    let tenants =
        load(&demo_folder(), &Secrets::only_given()).map_err(|problems| problems.to_string()).expect("good");
    let [harbour, northwind] = &tenants[..] else { panic!("there are two") };
    assert_eq!((harbour.id.as_str(), northwind.id.as_str()), ("harbour", "northwind"));
    assert_eq!((harbour.trunks[0].role, northwind.trunks[0].role), (TrunkRole::Pbx, TrunkRole::CarrierEdge));
    assert!(matches!(&harbour.numbers[0].route, NumberRoute::OnDemand { trunk } if trunk == "pbx"));
    assert!(
        matches!(&northwind.numbers[0].route, NumberRoute::InPath { secure_code, .. } if secure_code == "*79")
    );
    assert_eq!((harbour.capture.end_key, northwind.capture.end_key), (EndKey::Star, EndKey::Hash));
    assert_eq!(
        (harbour.capture.address, northwind.capture.address),
        (AddressCheck::Typed, AddressCheck::Off)
    );
    assert_eq!((harbour.capture.tries, northwind.capture.tries), (3, 2));
    assert_eq!(harbour.capture.brands, [Brand::Visa, Brand::Mastercard, Brand::Amex]);
    assert_eq!(northwind.capture.brands, [Brand::Visa, Brand::Mastercard, Brand::Maestro]);
    assert_eq!((harbour.mask, northwind.mask), (MaskStyle::Tone, MaskStyle::Silence));
    assert!(matches!((&harbour.crm, &northwind.crm), (Crm::Rest { .. }, Crm::None)));
    assert_ne!(harbour.gateway.merchant, northwind.gateway.merchant);
    assert_ne!(harbour.gateway.secret.expose(), northwind.gateway.secret.expose());
    assert_ne!(harbour.branding.colour, northwind.branding.colour);
    assert!(harbour.branding.logo.is_some() && harbour.branding.logo != northwind.branding.logo);
}

#[test]
fn the_demo_agents_sign_in_with_the_published_passwords() {
    use argon2::PasswordVerifier;
    let tenants = load(&demo_folder(), &Secrets::only_given()).map_err(drop).expect("good");
    let mut agents = 0;
    for tenant in &tenants {
        for agent in &tenant.agents {
            let password = format!("{}-{}-demo", tenant.id, agent.id.0);
            let hash = agent.password_hash.as_ref().expect("every demo agent has one").expose();
            let right = argon2::Argon2::default().verify_password(password.as_bytes(), hash.as_str());
            assert!(right.is_ok(), "{password}");
            agents += 1;
        }
    }
    assert_eq!(agents, 4);
}

#[test]
fn overrides_replace_addresses_and_are_checked() {
    let free: SocketAddr = "127.0.0.1:41234".parse().expect("an address");
    let key = |tenant: &str, trunk: &str| (tenant.to_owned(), trunk.to_owned());
    let overrides = Overrides {
        trunk_address: BTreeMap::from([(key("harbour", "pbx"), free)]),
        gateway_url: Some("http://127.0.0.1:41235/".into()),
        crm_url: Some("http://127.0.0.1:41236".into()),
    };
    let tenants = load_with(&demo_folder(), &Secrets::only_given(), &overrides);
    let tenants = tenants.map_err(|problems| problems.to_string()).expect("good");
    assert_eq!(tenants[0].trunks[0].address, free);
    assert_eq!(tenants[1].trunks[0].address.port(), 5098);
    assert!(tenants.iter().all(|tenant| tenant.gateway.url == "http://127.0.0.1:41235"));
    assert!(matches!(&tenants[0].crm, Crm::Rest { url, .. } if url == "http://127.0.0.1:41236"));
    assert!(matches!(tenants[1].crm, Crm::None));
    let wrong = Overrides {
        trunk_address: BTreeMap::from([(key("harbour", "carrier"), free), (key("quay", "pbx"), free)]),
        gateway_url: Some("http://192.0.2.1".into()),
        crm_url: Some("crm".into()),
    };
    let problems = load_with(&demo_folder(), &Secrets::only_given(), &wrong).map(|_| ()).expect_err("bad");
    expect![[r#"
        overrides: crm_url: must begin with https:// (or http:// for a loopback address)
        overrides: gateway_url: must be https: http is for a loopback address only
        overrides: trunk_address: there is no such trunk
    "#]]
    .assert_eq(&problems.to_string());
}

#[test]
fn the_directory_finds_by_number_address_and_token() {
    let tenants = Tenants::new(load(&demo_folder(), &Secrets::only_given()).map_err(drop).expect("good"));
    let directory = tenants.snapshot();
    let whose = |dialled: &str| match directory.by_number(dialled) {
        Some((tenant, Called::InPath(_))) => format!("{} in path", tenant.id),
        Some((tenant, Called::OnDemand { number, trunk })) => {
            format!("{} on demand {number} {trunk}", tenant.id)
        }
        None => "nobody".to_owned(),
    };
    let cases = [
        ("8500482913", "harbour on demand 8500 pbx"),
        ("8500*482913", "harbour on demand 8500 pbx"),
        ("8500", "harbour on demand 8500 pbx"),
        ("850", "nobody"),
        ("+441134960200", "northwind in path"),
        ("+441134960201", "northwind in path"),
        ("+4411349602001", "nobody"),
        ("", "nobody"),
    ];
    for (dialled, expected) in cases {
        assert_eq!(whose(dialled), expected, "{dialled}");
    }
    let token = |token: &str| directory.by_token(token.as_bytes()).map(|tenant| tenant.id.to_string());
    assert_eq!(token("harbour-demo-api-token").as_deref(), Some("harbour"));
    assert_eq!(token("northwind-demo-api-token").as_deref(), Some("northwind"));
    for wrong in ["", "harbour", "harbour-demo-api-tokem", "harbour-demo-api-token "] {
        assert_eq!(token(wrong), None, "{wrong}");
    }
    assert!(directory.trunk_of([127, 0, 0, 1].into()).is_some_and(|(_, trunk)| trunk.id == "pbx"));
    assert!(directory.trunk_of([192, 0, 2, 1].into()).is_none());
    let northwind = TenantId::parse("northwind").expect("a slug");
    assert!(directory.tenant(&northwind).is_some_and(|tenant| tenant.name == "Northwind Energy"));
    // Whoever holds a snapshot keeps it.
    tenants.replace(Vec::new());
    assert_eq!((directory.tenants().len(), tenants.snapshot().tenants().len()), (2, 0));
    assert!(tenants.snapshot().by_number("8500").is_none());
}

#[test]
fn the_longest_number_wins_between_tenants() {
    let at = |number: &str| {
        let mut tenants =
            load_texts(&[("quay.toml", &changed(&[("9100", number)]))]).map_err(drop).expect("good");
        tenants.remove(0)
    };
    let directory = Directory::new(vec![at("91"), at("9100"), at("910")]);
    let number = |dialled: &str| match directory.by_number(dialled) {
        Some((_, Called::OnDemand { number, .. })) => number.to_owned(),
        _ => "none".to_owned(),
    };
    assert_eq!(["9100482913", "9101482913", "9200482913"].map(number), ["9100", "910", "none"]);
}
