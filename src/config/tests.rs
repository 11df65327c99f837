//! Tables of configurations: what comes of good ones, what is said of bad ones.

use super::*;
use crate::tenancy::tests::Folder;
use expect_test::{Expect, expect};

/// A password that no problem may repeat.
const CANARY: &str = "hunter2canary";

/// A key for evidence: the seed of RFC 8032 §7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn load(file: Option<&str>, variables: &[(&str, &str)], flags: &[&str]) -> Result<Config, Problems> {
    let folder = Folder::new("config");
    let config = file.map(|text| {
        folder.write("tonewall.toml", text.as_bytes());
        folder.path().join("tonewall.toml")
    });
    folder.write("evidence.key", SEED.as_bytes());
    folder.write("other.key", b"hunter2canary");
    folder.write("db-url", b"postgres://tw:pw@db.example/tonewall\n");
    let args = ConfigArgs { config, set: flags.iter().map(|flag| flag.to_string()).collect() };
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let secrets = Secrets::only_given()
        .with("DB_URL", "postgres://tw:pw@db.example/tonewall")
        .with("SMTP_PASSWORD", CANARY);
    Config::load(&args, variables, &secrets)
}

#[track_caller]
fn bad(file: Option<&str>, variables: &[(&str, &str)], flags: &[&str], expected: Expect) {
    expected.assert_eq(&told(file, variables, flags));
}

/// The problems, with the folder of this run cut off.
fn told(file: Option<&str>, variables: &[(&str, &str)], flags: &[&str]) -> String {
    let problems = load(file, variables, flags).expect_err("is bad").to_string();
    let cut = |line: &str| match line.split_once("tonewall.toml") {
        Some((_, rest)) => format!("tonewall.toml{rest}\n"),
        None => format!("{line}\n"),
    };
    assert!(!problems.contains(CANARY));
    problems.lines().map(cut).collect()
}

#[test]
fn the_defaults() {
    let config = load(None, &[], &[]).expect("good");
    expect![[r#"
        Config {
            sip: Sip {
                listen: 127.0.0.1:5060,
                advertised: None,
                t1: 500ms,
            },
            media: Media {
                bind: 127.0.0.1,
                advertised: None,
                ports: 20000..=29999,
                threads: 2,
            },
            http: Http {
                listen: 127.0.0.1:8080,
                secure_cookies: false,
                trusted_proxies: [],
            },
            metrics_listen: 127.0.0.1:9464,
            mail: None,
            database: Database {
                scheme: "sqlite",
                ..
            },
            evidence_key: None,
            tenants_dir: "tenants",
            tap_folder: None,
            calls_per_tenant_max: 500,
            arbiters: 16,
            log: Log {
                filter: "info,rsipstack=warn,sqlx=warn,sea_orm=warn,hyper=warn,h2=warn,reqwest=warn,rustls=warn,actix_http=warn",
                format: Text,
            },
            drain_grace: 120s,
        }"#]].assert_eq(&format!("{config:#?}"));
    assert_eq!(config.database.url.expose(), "sqlite://data/tonewall.db?mode=rwc");
}

#[test]
fn the_example_is_the_defaults_and_names_every_key() {
    let example = Config::example();
    let config = load(Some(&example), &[], &[]).expect("good");
    assert_eq!(format!("{config:?}"), format!("{:?}", load(None, &[], &[]).expect("good")));
    for key in keys::KEYS {
        let line = format!("\n{} = ", key.name);
        let unset = format!("\n# {} = \"{}\"\n", key.name, key.sample);
        assert!(example.contains(&line) || example.contains(&unset), "{}", key.path());
    }
    // What is commented out is right too.
    let is_unset = |line: &&str| {
        keys::KEYS.iter().any(|key| key.default.is_empty() && line.starts_with(&format!("{} = ", key.name)))
    };
    let all: String = example
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").filter(is_unset).unwrap_or(line)))
        .collect();
    let config = load(Some(&all), &[], &[]).expect("good");
    assert_eq!(config.evidence_key.expect("given").public().id(), "key_cbpodbnpkbfekcgb");
    let mail = config.mail.expect("given");
    let (username, password) = mail.credentials.expect("given");
    assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("smtp.example.org", 587, true));
    assert_eq!((mail.from.as_str(), username.as_str()), ("receipts@example.org", "tonewall"));
    assert!(password.matches(CANARY.as_bytes()));
    assert_eq!(config.http.trusted_proxies, [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])]);
    assert_eq!(config.sip.advertised, Some(IpAddr::from([203, 0, 113, 7])));
    assert_eq!(config.tap_folder, Some(PathBuf::from("data/taps")));
    assert_eq!(config.media.advertised, Some(IpAddr::from([203, 0, 113, 7])));
}

#[test]
fn the_key_of_evidence_is_a_reference() {
    let with = |value: &str| format!("[evidence]\nkey = \"{value}\"\n");
    let is_refused = |value: &str| told(Some(&with(value)), &[], &[]);
    assert!(load(Some(&with("file:evidence.key")), &[], &[]).expect("good").evidence_key.is_some());
    assert!(load(None, &[("TONEWALL_EVIDENCE_KEY", SEED)], &[]).expect("good").evidence_key.is_some());
    for value in [SEED, "hunter2canary"] {
        assert_eq!(
            is_refused(value),
            "tonewall.toml:2: evidence.key: must be a reference, env:NAME or file:PATH\n"
        );
    }
    assert_eq!(is_refused("file:none"), "tonewall.toml:2: evidence.key: the file cannot be opened\n");
    assert!(is_refused("file:other.key").contains("evidence.key: is no Ed25519 key"));
}

#[test]
fn the_last_layer_wins() {
    let file = "[sip]\nt1_ms = 0x64\nlisten = \"127.0.0.1:5070\"\n[drain]\ngrace_s = 5\n";
    let variables =
        [("TONEWALL_SIP_LISTEN", "127.0.0.1:5071"), ("TONEWALL_DRAIN_GRACE_S", "6"), ("HOME", "/")];
    let config = load(Some(file), &variables, &["drain.grace_s=7"]).expect("good");
    assert_eq!(config.sip.t1, Duration::from_millis(100));
    assert_eq!(config.sip.listen.port(), 5071);
    assert_eq!(config.drain_grace, Duration::from_secs(7));
}

#[test]
fn variables_of_the_test_runner_are_passed_by() {
    assert!(load(None, &[("TONEWALL_TEST_RUN", "x")], &[]).is_ok());
}

#[test]
fn a_database_url_with_a_password_comes_by_reference() {
    let url = |file: Option<&str>, variables: &[(&str, &str)], flags: &[&str]| {
        load(file, variables, flags).expect("good").database.url.expose().clone()
    };
    let expected = "postgres://tw:pw@db.example/tonewall";
    assert_eq!(url(Some("[database]\nurl = \"env:DB_URL\"\n"), &[], &[]), expected);
    assert_eq!(url(Some("[database]\nurl = \"file:db-url\"\n"), &[], &[]), expected);
    assert_eq!(url(None, &[("TONEWALL_DATABASE_URL", expected)], &[]), expected);
    assert_eq!(url(None, &[], &["database.url=env:DB_URL"]), expected);
    assert_eq!(url(None, &[], &["database.url=postgres://tw@db/x"]), "postgres://tw@db/x");
    let open = ["postgres://tw:hunter2canary@db/x", "postgresql://db/x?user=tw&Password=hunter2canary"];
    let expected =
        "tonewall.toml:2: database.url: holds a password: give it by reference, env:NAME or file:PATH\n";
    for open in open {
        assert_eq!(told(Some(&format!("[database]\nurl = \"{open}\"\n")), &[], &[]), expected);
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let file = "\
        colour = \"hunter2canary\"\n\
        http = 80\n\
        [sip]\n\
        listen = \"localhost\"\n\
        advertised = \"0.0.0.0\"\n\
        t1_ms = \"500\"\n\
        t2_ms = 4000\n\
        [media]\n\
        bind = \"\"\n\
        ports = \"29999-20000\"\n\
        threads = 99999999999999999999\n\
        [calls]\n\
        arbiters = 0\n\
        max_per_tenant = -1\n\
        [log]\n\
        level = \"info,sqlx=debug\"\n\
        format = \"xml\"\n\
        [hunter2canary-998877]\n\
        x = 1\n";
    let variables = [
        ("TONEWALL_SIP_PORT", "hunter2canary"),
        ("TONEWALL_HTTP_LISTEN", ""),
        ("TONEWALL_DRAIN_GRACE_S", "3601"),
    ];
    let flags = [
        "hunter2canary",
        "sip.t9=hunter2canary",
        "database.url=mysql://u:hunter2canary@db/x",
        "tenants.dir=",
    ];
    bad(
        Some(file),
        &variables,
        &flags,
        expect![[r#"
            --set: number 1 is not KEY=VALUE with a known key
            --set: number 2 is not KEY=VALUE with a known key
            --set: database.url: must begin with sqlite: or postgres:
            --set: tenants.dir: must not be empty
            tonewall.toml:1: unknown key; known here: sip, media, http, metrics, mail, database, evidence, tenants, tap, calls, log, drain
            tonewall.toml:2: http: must be a table
            tonewall.toml:4: sip.listen: must be IP:PORT
            tonewall.toml:5: sip.advertised: must be the IP address that peers use
            tonewall.toml:6: sip.t1_ms: must be a whole number
            tonewall.toml:7: sip: unknown key; known here: listen, advertised, t1_ms
            tonewall.toml:9: media.bind: must not be empty
            tonewall.toml:10: media.ports: must begin at 1024 or above and hold at least 4 ports
            tonewall.toml:11: media.threads: must be 1 to 256
            tonewall.toml:13: calls.arbiters: must be 1 to 256
            tonewall.toml:14: calls.max_per_tenant: must be 1 to 100000
            tonewall.toml:16: log.level: must not raise a library that sees cards, tokens or dial strings above warn
            tonewall.toml:17: log.format: must be text or json
            tonewall.toml:18: unknown key; known here: sip, media, http, metrics, mail, database, evidence, tenants, tap, calls, log, drain
            environment: TONEWALL_DRAIN_GRACE_S: must be 0 to 3600
            environment: TONEWALL_HTTP_LISTEN: must not be empty
            environment: TONEWALL_SIP_PORT: unknown variable; there is no such key
        "#]],
    );
}

#[test]
fn values_that_do_not_go_together() {
    bad(
        Some("[sip]\nlisten = \"0.0.0.0:5060\"\n[media]\nbind = \"::\"\n"),
        &[],
        &[],
        expect![[r#"
        tonewall.toml:2: sip.listen: listens on all addresses: sip.advertised must say which one peers use
        tonewall.toml:4: media.bind: binds to all addresses: media.advertised must say which one peers use
    "#]],
    );
    bad(
        None,
        &[],
        &["sip.listen=127.0.0.1:20000"],
        expect![[r#"
            --set: sip.listen: its port is one of media.ports
        "#]],
    );
}

#[test]
fn session_cookies_do_not_leave_the_machine_in_plain() {
    let words = "http.listen: other machines reach it, and session cookies would travel in plain: \
        name the TLS proxy in http.trusted_proxies, or set http.secure_cookies to always\n";
    for open in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:8080", "[::ffff:192.0.2.7]:8080"] {
        let listen = format!("http.listen={open}");
        assert_eq!(told(None, &[], &[&listen]), format!("--set: {words}"), "{open}");
        for key in ["http.secure_cookies=always", "http.trusted_proxies=192.0.2.1"] {
            assert!(load(None, &[], &[&listen, key]).is_ok(), "{open} {key}");
        }
    }
    for own in ["127.0.0.2:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
        assert!(load(None, &[], &[&format!("http.listen={own}")]).is_ok(), "{own}");
    }
}

#[test]
fn mail_keys_belong_together() {
    bad(
        None,
        &[],
        &["mail.smtp=smtp.example.org:587", "mail.tls=none", "mail.username=canary"],
        expect![[r#"
            --set: mail.smtp: mail.from must say from which address letters come
            --set: mail.tls: must be required: mail without TLS is for a server on this machine
            --set: mail.username: mail.password is missing
        "#]],
    );
    bad(
        None,
        &[],
        &["mail.from=Tonewall <a@b.example>", "mail.password=hunter2canary"],
        expect![[r#"
            --set: mail.from: must be a mail address such as receipts@example.org
            --set: mail.password: must be a reference, env:NAME or file:PATH
        "#]],
    );
    bad(
        None,
        &[],
        &["mail.password=env:SMTP_PASSWORD"],
        expect![[r#"
            --set: mail.password: mail.username is missing
        "#]],
    );
    for server in ["127.0.0.1:1025", "[::1]:1025", "localhost:1025"] {
        let flags = [&format!("mail.smtp={server}"), "mail.tls=none", "mail.from=a@b.example"];
        let mail = load(None, &[], &flags).expect("good").mail.expect("given");
        assert_eq!((mail.port, mail.tls, mail.credentials.is_none()), (1025, false, true), "{server}");
    }
    // What stands in the environment stands in no file.
    let variables = [("TONEWALL_MAIL_USERNAME", "tonewall"), ("TONEWALL_MAIL_PASSWORD", CANARY)];
    let flags = ["mail.smtp=smtp.example.org:465", "mail.from=a@b.example"];
    let config = load(None, &variables, &flags).expect("good");
    assert!(!format!("{config:?}").contains(CANARY));
    let (_, password) = config.mail.expect("given").credentials.expect("given");
    assert!(password.matches(CANARY.as_bytes()));
    // Other mail keys without a server switch nothing on.
    assert!(load(None, &[], &["mail.from=a@b.example", "mail.tls=none"]).expect("good").mail.is_none());
}

#[test]
fn bad_values_one_by_one() {
    let cases = [
        "media.ports=80-99",
        "media.ports=20000-20002",
        "media.ports=20000",
        "media.ports=20000-70000",
        "media.advertised=example.org",
        "database.url=sqlite::memory:",
        "database.url=env:NOT_SET",
        "database.url=file:not-there",
        "drain.grace_s=1.5",
        "calls.arbiters=257",
        "sip.t1_ms=99",
        "http.secure_cookies=yes",
        "http.trusted_proxies=192.0.2.1 192.0.2.2",
        "http.trusted_proxies=0.0.0.0",
        "metrics.listen=9464",
        "metrics.listen=127.0.0.1:8080",
        "mail.smtp=smtp.example.org",
        "mail.smtp=smtp_1:25",
        "mail.smtp=:25",
        "mail.smtp=::1:25",
        "mail.tls=starttls",
    ];
    let mut told = String::new();
    for case in cases {
        told += &load(None, &[], &[case]).expect_err(case).to_string();
    }
    expect![[r#"
        --set: media.ports: must begin at 1024 or above and hold at least 4 ports
        --set: media.ports: must begin at 1024 or above and hold at least 4 ports
        --set: media.ports: must be FIRST-LAST
        --set: media.ports: must be FIRST-LAST
        --set: media.advertised: must be the IP address that peers use
        --set: database.url: must name a file: a ledger in memory survives nothing
        --set: database.url: the environment variable is not set, or is not UTF-8
        --set: database.url: the file cannot be opened
        --set: drain.grace_s: must be 0 to 3600
        --set: calls.arbiters: must be 1 to 256
        --set: sip.t1_ms: must be 100 to 2000
        --set: http.secure_cookies: must be auto or always
        --set: http.trusted_proxies: must be IP addresses, separated by commas
        --set: http.trusted_proxies: must be IP addresses, separated by commas
        --set: metrics.listen: must be IP:PORT
        --set: metrics.listen: is the address of http.listen: agents must not reach it
        --set: mail.smtp: must be HOST:PORT
        --set: mail.smtp: must be HOST:PORT
        --set: mail.smtp: must be HOST:PORT
        --set: mail.smtp: must be HOST:PORT
        --set: mail.tls: must be required or none
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_is_no_toml_or_no_file() {
    bad(
        Some("[sip\nlisten = hunter2canary\nt1_ms = = 5\n"),
        &[],
        &[],
        expect![[r#"
            tonewall.toml:1: not valid TOML: unclosed table, expected `]`
            tonewall.toml:3: not valid TOML: extra `=`, expected nothing
            tonewall.toml:3: not valid TOML: unexpected key or value, expected newline, `#`
        "#]],
    );
    let args = ConfigArgs { config: Some("no-such-file.toml".into()), set: Vec::new() };
    let problems = Config::load(&args, [], &Secrets::only_given()).expect_err("is not there");
    assert_eq!(problems.to_string(), "no-such-file.toml: cannot be opened\n");
}
