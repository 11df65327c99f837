//! Tables of manifests: each case changes a good one and names every problem that has to come of it.

use super::tests::{Folder, GOOD, LOGO, changed, load_texts, secrets};
use super::*;
use expect_test::{Expect, expect};

/// What no problem may repeat.
const SECRETS: &[&str] = &["canary", "918273", "564738", "123456"];

#[track_caller]
fn told(files: &[(&str, &str)]) -> String {
    let Err(problems) = load_texts(files) else { panic!("is taken for good") };
    let told = problems.to_string();
    assert!(!SECRETS.iter().any(|secret| told.contains(secret)), "repeats a secret: {told}");
    told
}

/// What is said of the good manifest with these replacements, each of which must apply.
#[track_caller]
fn bad(changes: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&told(&[("quay.toml", &changed(changes))]));
}

#[test]
fn secrets_in_plain_are_for_demos() {
    let all = [
        ("env:TOKEN", "canary-token-0123456789"),
        ("env:GATEWAY", "canary"),
        ("env:CRM", "canary"),
        ("env:TRUNK", "canary"),
        ("env:PIN\"", "918273\""),
    ];
    bad(
        &all,
        expect![[r#"
            quay.toml:5: api_token: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
            quay.toml:28: gateway.secret: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
            quay.toml:33: crm.token: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
            quay.toml:42: trunks[0].credential.password: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
            quay.toml:56: agents[0].pin: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
        "#]],
    );
    bad(
        &[("id = \"quay\"", "demo = false\nid = \"quay\""), all[4]],
        expect![[r#"
            quay.toml:57: agents[0].pin: must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value
        "#]],
    );
    let demo = format!("demo = true\n{}", changed(&all));
    assert!(load_texts(&[("quay.toml", &demo)]).is_ok());
}

#[test]
fn secrets_that_are_missing_or_unfit() {
    bad(
        &[
            ("env:TOKEN", "env:SHORT"),
            ("env:GATEWAY", "env:BLANK"),
            ("env:CRM", "env:canary-no-name"),
            ("env:TRUNK", "file:canary"),
            ("env:PIN\"", "env:WEAK_PIN\""),
            ("env:PIN2", "env:GATEWAY"),
        ],
        expect![[r#"
            quay.toml:5: api_token: must be 20 to 1024 printable ASCII characters without blanks
            quay.toml:28: gateway.secret: must be 1 to 1024 printable ASCII characters without blanks
            quay.toml:33: crm.token: the name of an environment variable has letters, digits and _ only
            quay.toml:42: trunks[0].credential.password: the file cannot be opened
            quay.toml:56: agents[0].pin: is guessed too easily: digits in sequence or repeated
            quay.toml:62: agents[1].pin: must be 6 to 12 digits
        "#]],
    );
    bad(
        &[("env:PIN2", "env:PIN")],
        expect![[r#"
            quay.toml:62: agents[1].pin: the same as at quay.toml:56: agents[0].pin
        "#]],
    );
    bad(
        &[("\"env:PIN2\"", "918273")],
        expect![[r#"
            quay.toml:62: agents[1].pin: must be text
        "#]],
    );
}

#[test]
fn an_empty_manifest_lacks_everything() {
    expect![[r#"
        quay.toml: agents: missing
        quay.toml: api_token: missing
        quay.toml: branding: missing
        quay.toml: capture: missing
        quay.toml: crm: missing
        quay.toml: currency: missing
        quay.toml: gateway: missing
        quay.toml: id: missing
        quay.toml: name: missing
        quay.toml: numbers: missing
        quay.toml: trunks: missing
    "#]]
    .assert_eq(&told(&[("quay.toml", "")]));
    expect![[r#"
        quay.toml: api_token: missing
        quay.toml: currency: missing
        quay.toml: id: missing
        quay.toml: name: missing
        quay.toml:1: branding.address: missing
        quay.toml:1: branding.colour: missing
        quay.toml:1: branding.help: missing
        quay.toml:1: branding.legal_name: missing
        quay.toml:1: branding.refund_policy: missing
        quay.toml:1: branding.reply_to: missing
        quay.toml:1: branding.statement_name: missing
        quay.toml:2: capture.brands: missing
        quay.toml:3: gateway.kind: missing
        quay.toml:3: gateway.merchant: missing
        quay.toml:3: gateway.secret: missing
        quay.toml:3: gateway.url: missing
        quay.toml:4: crm.kind: missing
        quay.toml:5: trunks[0].address: missing
        quay.toml:5: trunks[0].id: missing
        quay.toml:5: trunks[0].peers: missing
        quay.toml:5: trunks[0].role: missing
        quay.toml:6: trunks[0].credential.password: missing
        quay.toml:6: trunks[0].credential.username: missing
        quay.toml:7: numbers[0].number: missing
        quay.toml:7: numbers[0].route: missing
        quay.toml:7: numbers[0].trunk: missing
        quay.toml:8: agents[0].extension: missing
        quay.toml:8: agents[0].id: missing
        quay.toml:8: agents[0].name: missing
        quay.toml:8: agents[0].pin: missing
    "#]]
    .assert_eq(&told(&[(
        "quay.toml",
        "[branding]\n[capture]\n[gateway]\n[crm]\n[[trunks]]\n[trunks.credential]\n[[numbers]]\n[[agents]]\n",
    )]));
}

#[test]
fn unknown_keys_at_every_depth() {
    bad(
        &[
            ("mask = ", "colour = 1\nmask = "),
            ("tries = 10", "tries = 10\nretries = 10"),
            ("nat = true", "nat = true\nNAT = true"),
            ("username =", "user = \"canary\", username ="),
            // `secure_code` belongs to the other route.
            ("route = \"on_demand\"", "route = \"on_demand\"\nsecure_code = \"*79\""),
            (
                "kind = \"rest\"\nurl = \"https://crm.example\"\ntoken = \"env:CRM\"",
                "kind = \"none\"\nurl = 5",
            ),
            ("[[agents]]\nid = \"fay\"", "[[agents]]\n918273 = \"pin\"\nid = \"fay\""),
        ],
        expect![[r#"
            quay.toml:6: unknown key; known here: demo, id, name, currency, time_zone, mask, dial_tone_hz, tap, api_token, branding, capture, gateway, crm, trunks, numbers, agents
            quay.toml:23: capture: unknown key; known here: end_key, first_key_s, between_keys_s, total_s, tries, address, brands
            quay.toml:34: crm: unknown key; known here: kind
            quay.toml:42: trunks[0]: unknown key; known here: id, role, peers, address, transport, nat, calls_per_s_max, credential
            quay.toml:44: trunks[0].credential: unknown key; known here: username, password
            quay.toml:48: numbers[0]: unknown key; known here: number, route, trunk
            quay.toml:62: agents[1]: unknown key; known here: id, name, extension, pin, password_hash
        "#]],
    );
}

#[test]
fn values_of_another_type() {
    bad(
        &[
            ("\"Quay & Sons\"", "5"),
            ("\"comfort\"", "true"),
            ("first_key_s = 5", "first_key_s = 5.0"),
            ("tries = 10", "tries = \"10\""),
            ("[\"jcb\", \"diners\", \"discover\", \"unionpay\"]", "[\"jcb\", 3, []]"),
            ("nat = true", "nat = 1"),
            ("peers = [\"192.0.2.10\", \"2001:db8::10\"]", "peers = \"192.0.2.10\""),
            ("credential = { username = \"quay\", password = \"env:TRUNK\" }", "credential = 1979-05-27"),
            ("[crm]\nkind = \"rest\"\nurl = \"https://crm.example\"\ntoken = \"env:CRM\"", "[[crm]]"),
        ],
        expect![[r#"
            quay.toml:2: name: must be text
            quay.toml:6: mask: must be text
            quay.toml:18: capture.first_key_s: must be a whole number
            quay.toml:21: capture.tries: must be a whole number
            quay.toml:22: capture.brands[1]: must be text
            quay.toml:22: capture.brands[2]: must be text
            quay.toml:30: crm: must be a table
            quay.toml:34: trunks[0].peers: must be a list
            quay.toml:37: trunks[0].nat: must be true or false
            quay.toml:39: trunks[0].credential: must be a table
        "#]],
    );
}

// One table of values and what is said of each: it is as long as the table.
#[allow(clippy::too_many_lines)]
#[test]
fn values_out_of_bounds() {
    bad(
        &[
            ("\"quay\"", "\"Quay\""),
            ("\"Quay & Sons\"", "\" \""),
            ("EUR", "EURO"),
            ("comfort", "music"),
            ("#AbCdEf", "teal"),
            ("\"QUAY\"", "\"QUAY AND SONS OF DUBLIN\""),
            ("end_key = \"#\"", "end_key = \"0\""),
            ("first_key_s = 5", "first_key_s = 4"),
            ("between_keys_s = 60", "between_keys_s = 61"),
            ("total_s = 1800", "total_s = -1"),
            ("tries = 10", "tries = 0"),
            ("discover", "jcb"),
            ("unionpay", "laser"),
            ("keyed", "asked"),
            ("kind = \"sandbox\"", "kind = \"stripe\""),
            ("https://gateway.example/v2", "http://gateway.example/v2"),
            ("quay-1", ""),
            ("timeout_s = 120", "timeout_s = 121"),
            ("kind = \"rest\"", "kind = \"soap\""),
            ("https://crm.example", "https://canary:canary@crm.example"),
            ("\"carrier_edge\"", "\"carrier\""),
            ("\"2001:db8::10\"", "\"sbc.example\", \"0.0.0.0\""),
            ("192.0.2.10:5060", "192.0.2.10"),
            ("\"tcp\"", "\"tls\""),
            ("calls_per_s_max = 1000", "calls_per_s_max = 0"),
            ("+35315550100", "+353 1 555 0100"),
            ("extension = \"401\"\n[[agents]]", "extension = \"\"\nsecure_code = \"*A9\"\n[[agents]]"),
            ("extension = \"402\"", "extension = \"\""),
            ("\"on_demand\"", "\"both\""),
        ],
        expect![[r#"
            quay.toml:1: id: must be 2 to 32 of a-z, 0-9 and -, first a letter
            quay.toml:2: name: must be 1 to 80 characters, no control characters, no blanks around it
            quay.toml:3: currency: must be the ISO 4217 code of a currency that payments can be taken in
            quay.toml:6: mask: must be one of: tone, silence, comfort, closed
            quay.toml:8: branding.colour: must be # and six hexadecimal digits
            quay.toml:9: branding.statement_name: must be 1 to 22 printable ASCII characters, no blanks around it
            quay.toml:17: capture.end_key: must be one of: *, #
            quay.toml:18: capture.first_key_s: must be 5 to 300
            quay.toml:19: capture.between_keys_s: must be 2 to 60
            quay.toml:20: capture.total_s: must be 60 to 1800
            quay.toml:21: capture.tries: must be 1 to 10
            quay.toml:22: capture.brands[2]: is in the list already
            quay.toml:22: capture.brands[3]: must be one of: visa, mastercard, amex, discover, diners, jcb, unionpay, maestro
            quay.toml:23: capture.address: must be one of: off, typed, keyed
            quay.toml:25: gateway.kind: must be one of: sandbox
            quay.toml:26: gateway.url: must be https: http is for a loopback address only
            quay.toml:27: gateway.merchant: must be 1 to 64 printable ASCII characters without blanks
            quay.toml:29: gateway.timeout_s: must be 1 to 120
            quay.toml:31: crm.kind: must be one of: none, rest
            quay.toml:36: trunks[0].role: must be one of: carrier_edge, pbx
            quay.toml:37: trunks[0].peers[1]: must be an IP address
            quay.toml:37: trunks[0].peers[2]: must be an IP address
            quay.toml:38: trunks[0].address: must be IP:PORT
            quay.toml:39: trunks[0].transport: must be one of: udp, tcp
            quay.toml:41: trunks[0].calls_per_s_max: must be 1 to 1000
            quay.toml:45: numbers[0].route: must be one of: in_path, on_demand
            quay.toml:48: numbers[1].number: must be 1 to 64 of letters, digits and + * . _ -
            quay.toml:51: numbers[1].extension: must be 1 to 64 of letters, digits and + * . _ -
            quay.toml:52: numbers[1].secure_code: must be 2 to 8 of 0-9 * #, or empty for none
            quay.toml:62: agents[1].extension: must be 1 to 64 of letters, digits and + * . _ -
        "#]],
    );
    bad(
        &[("total_s = 1800", "total_s = 60"), ("first_key_s = 5", "first_key_s = 61")],
        expect![[r#"
            quay.toml:16: capture: total_s must not be less than first_key_s
        "#]],
    );
    bad(
        &[("[\"jcb\", \"diners\", \"discover\", \"unionpay\"]", "[]")],
        expect![[r#"
            quay.toml:22: capture.brands: must not be empty
        "#]],
    );
}

#[test]
fn what_receipts_and_sign_ins_need() {
    bad(
        &[
            ("Europe/Dublin", "Dublin"),
            ("Quay and Sons Ltd", ""),
            ("1 Custom House Quay, Dublin 1", "1 Custom House Quay\\nDublin 1"),
            ("Call 01 555 0100", " Call 01 555 0100"),
            ("Within 30 days, in full.", &"x".repeat(501)),
            ("help@quay.example", "Quay <help@quay.example>"),
            ("quay.png", "../quay.png"),
            ("m=19456", "m=4096"),
            ("env:PIN2\"", "env:PIN2\"\npassword_hash = \"canary\""),
        ],
        expect![[r#"
            quay.toml:4: time_zone: must be the IANA name of a time zone, such as Europe/London
            quay.toml:10: branding.legal_name: must be 1 to 80 characters, no control characters, no blanks around it
            quay.toml:11: branding.address: must be 1 to 200 characters in one line, no blanks around it
            quay.toml:12: branding.help: must be 1 to 200 characters in one line, no blanks around it
            quay.toml:13: branding.refund_policy: must be 1 to 500 characters in one line, no blanks around it
            quay.toml:14: branding.reply_to: must be a mail address such as receipts@example.org
            quay.toml:15: branding.logo: must be the path of a file within this folder
            quay.toml:57: agents[0].password_hash: must have m from 19456 to 262144, t from 2 to 10 and p from 1 to 4
            quay.toml:63: agents[1].password_hash: must be an Argon2id hash as `tonewall password` prints it
        "#]],
    );
    // Without a zone it is London's; without a logo there is none.
    let least = changed(&[("time_zone = \"Europe/Dublin\"\n", ""), ("logo = \"quay.png\"\n", "")]);
    let tenants =
        load_texts(&[("quay.toml", &least)]).map_err(|problems| problems.to_string()).expect("good");
    assert_eq!((tenants[0].time_zone.as_str(), tenants[0].branding.logo.is_none()), ("Europe/London", true));
    // A hash may come by reference too.
    let hash =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    assert!(load_texts(&[("quay.toml", &changed(&[(hash, "env:HASH")]))]).is_ok());
    bad(
        &[(hash, "env:SHORT")],
        expect![[r#"
            quay.toml:57: agents[0].password_hash: must be an Argon2id hash as `tonewall password` prints it
        "#]],
    );
}

#[test]
fn what_must_be_unique_or_exist_within_a_tenant() {
    bad(
        &[
            (
                "[[numbers]]",
                "[[trunks]]\nid = \"sbc\"\nrole = \"pbx\"\npeers = [\"2001:db8:0::10\"]\naddress = \"192.0.2.11:5060\"\n[[numbers]]",
            ),
            ("trunk = \"sbc\"", "trunk = \"pbx\""),
            ("+35315550100", "91001"),
            ("\"fay\"", "\"eve\""),
        ],
        expect![[r#"
            quay.toml:44: trunks[1].id: the same as at quay.toml:35: trunks[0].id
            quay.toml:46: trunks[1].peers[0]: the same as at quay.toml:37: trunks[0].peers[1]
            quay.toml:51: numbers[0].trunk: there is no such trunk
            quay.toml:53: numbers[1].number: begins with the on-demand number at quay.toml:49: numbers[0].number
            quay.toml:64: agents[1].id: the same as at quay.toml:58: agents[0].id
        "#]],
    );
    // A reference may be to a trunk whose own name is what is wrong.
    bad(
        &[("id = \"sbc\"", "id = \"S B C\"")],
        expect![[r#"
            quay.toml:35: trunks[0].id: must be 2 to 32 of a-z, 0-9 and -, first a letter
        "#]],
    );
}

#[test]
fn what_must_be_unique_between_tenants() {
    let other = |id: &str, number: &str| {
        let changes = [
            ("quay\"\nname", &*format!("{id}\"\nname")),
            ("9100", number),
            ("+35315550100", &format!("+353155502{number}")),
            ("env:TOKEN", &format!("file:token-{number}")),
        ];
        changed(&changes.map(|(from, to)| (from, to)))
    };
    let folder = Folder::new("tenants");
    folder.write("quay.png", LOGO);
    folder.write("quay.toml", GOOD.as_bytes());
    for (name, number) in [("pier", "9100"), ("slip", "910"), ("dock", "91007"), ("mole", "8100")] {
        folder.write(&format!("{name}.toml"), other(name, number).as_bytes());
        folder.write(&format!("token-{number}"), format!("canary-token-9876543210-{number}").as_bytes());
    }
    folder.write("wharf.toml", other("mole", "7100").as_bytes());
    folder.write("token-7100", b"canary-token-0123456789\n");
    let Err(problems) = load(folder.path(), &secrets()) else { panic!("is taken for good") };
    let told = problems.to_string();
    assert!(!told.contains("canary"));
    expect![[r#"
        dock.toml:44: numbers[0].number: begins with the on-demand number at pier.toml:44: numbers[0].number
        dock.toml:44: numbers[0].number: begins with the on-demand number at quay.toml:44: numbers[0].number
        dock.toml:44: numbers[0].number: begins with the on-demand number at slip.toml:44: numbers[0].number
        quay.toml:44: numbers[0].number: begins with the on-demand number at slip.toml:44: numbers[0].number
        quay.toml:44: numbers[0].number: the same as at pier.toml:44: numbers[0].number
        wharf.toml:1: id: the same as at mole.toml:1: id
        wharf.toml:5: api_token: the same as at quay.toml:5: api_token
    "#]]
    .assert_eq(&told);
}

#[test]
fn all_files_are_told_at_once_also_those_that_are_no_toml() {
    let cut = &GOOD[..GOOD.find("secret = \"env:GATEWAY\"").expect("is there")];
    let files: &[(&str, &str)] = &[
        ("a.toml", "id = \"canary\nname = canary canary\n[gateway\nsecret = \"canary\""),
        ("b.toml", &format!("{cut}secret = \"canary\"canary\n")),
        ("c.toml", "id = \"c\"\nid = \"canary\"\n"),
        ("d.toml", "x = 2026-13-45\n"),
    ];
    expect![[r#"
        a.toml:1: not valid TOML: invalid basic string, expected `"`
        a.toml:2: not valid TOML: string values must be quoted, expected literal string
        a.toml:3: not valid TOML: unclosed table, expected `]`
        b.toml:28: not valid TOML: unexpected key or value, expected newline, `#`
        c.toml:2: not valid TOML: duplicate key
        d.toml:1: not valid TOML: invalid date, expected month between 01 and 12
    "#]]
    .assert_eq(&told(files));
}

#[test]
fn folders_and_files_that_cannot_be_read() {
    let folder = Folder::new("tenants");
    let cut =
        |problems: Problems| problems.to_string().replace(&folder.path().display().to_string(), "FOLDER");
    let error = |path: &Path| load(path, &secrets()).map(|_| "good").map_err(cut);
    assert_eq!(error(folder.path()), Err("FOLDER: there is no manifest (*.toml) in this folder\n".into()));
    let none = folder.path().join("none");
    assert_eq!(error(&none), Err("FOLDER/none: the folder of manifests cannot be read\n".into()));
    folder.write("latin1.toml", b"name = \"caf\xe9\"\n");
    folder.write("long.toml", &vec![b'#'; (1 << 20) + 1]);
    std::fs::create_dir(folder.path().join("folder.toml")).expect("a folder");
    let expected = "folder.toml: cannot be read as UTF-8\nlatin1.toml: cannot be read as UTF-8\nlong.toml: is larger than 1 MiB\n";
    assert_eq!(error(folder.path()), Err(expected.into()));
}

/// A secret in the wrong place: as a value, as a key, in the middle of the syntax.
#[test]
fn no_slip_of_the_pen_brings_a_secret_into_a_problem() {
    let folder = Path::new("no-such-folder");
    let mut told = 0;
    let mut check = |text: &str| {
        let (_, claims, mut problems) = read("quay.toml", text, &secrets(), folder);
        problems.extend(check::within(&claims));
        problems.extend(check::across(&[claims]));
        told += problems.len();
        for problem in problems {
            let shown = problem.to_string();
            assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{shown}\n{text}");
        }
    };
    let slips =
        ["\"canary 918273\"", "canary", "918273", "\"canary", "= canary", "[\"canary\"]", "{ k918273 = 1 }"];
    for demo in [GOOD.to_owned(), format!("demo = true\n{GOOD}")] {
        let lines: Vec<&str> = demo.lines().collect();
        for index in 0..lines.len() {
            let (key, value) = lines[index].split_once(" = ").unwrap_or((lines[index], "1"));
            let values = slips.iter().map(|slip| format!("{key} = {slip}"));
            let keys = slips.iter().map(|slip| format!("{slip} = {value}"));
            let wholes = slips.iter().map(|slip| (*slip).to_owned());
            for line in
                values.chain(keys).chain(wholes).chain([format!("k918273 = {value}"), "[x918273]".into()])
            {
                let mut changed = lines.clone();
                changed[index] = &line;
                check(&changed.join("\n"));
            }
        }
    }
    for end in 0..GOOD.len() {
        check(&GOOD.replace("env:", "canary")[..end]);
    }
    assert!(told > 5_000, "{told}");
}
