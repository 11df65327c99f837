//! The line is secured by the agent's wish or code, and stays so while a field is open.

use super::*;

fn code(code: &str, keys: &str, expected: Expect) {
    let mut run = Script::new(plan(RouteKind::InPath, code), "8,0");
    run.run("begin answer:8 ack:-");
    expected.assert_eq(&run.run(keys));
}

#[test]
fn by_wish() {
    route_1(
        "begin secure unsecure answer:8 secure secure view unsecure unsecure view",
        expect![[r#"
        begin => dial[8,0]
        secure => no: NotConnected
        unsecure => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        secure => SECURE
        secure => nothing
        view => Connected secured, payment none, 0 keys
        unsecure => OPEN
        unsecure => nothing
        view => Connected open, payment none, 0 keys
    "#]],
    );
}

#[test]
fn by_the_agent_s_keypad_code() {
    connected(
        "a:* a:7 view a:*7 unsecure a:*7",
        expect![[r#"
        a:* => nothing
        a:7 => SECURE
        view => Connected secured, payment none, 0 keys
        a:*7 => nothing
        unsecure => OPEN
        a:*7 => SECURE
    "#]],
    );
    route_1(
        "begin a:*7 answer:8 view a:*7",
        expect![[r#"
        begin => dial[8,0]
        a:*7 => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        view => Connected open, payment none, 0 keys
        a:*7 => SECURE
    "#]],
    );
}

#[test]
fn wrong_keys_before_the_code_do_not_hide_it() {
    connected(
        "a:7 a:1*7",
        expect![[r#"
        a:7 => nothing
        a:1*7 => SECURE
    "#]],
    );
    connected(
        "a:**7",
        expect![[r#"
        a:**7 => SECURE
    "#]],
    );
    connected(
        "a:*1 a:7 a:* a:7",
        expect![[r#"
        a:*1 => nothing
        a:7 => nothing
        a:* => nothing
        a:7 => SECURE
    "#]],
    );
    code(
        "112",
        "a:1112",
        expect![[r#"
        a:1112 => SECURE
    "#]],
    );
    code(
        "##1",
        "a:###1",
        expect![[r#"
        a:###1 => SECURE
    "#]],
    );
    code(
        "*1*12",
        "a:*1*1*12",
        expect![[r#"
        a:*1*1*12 => SECURE
    "#]],
    );
    code(
        "*1*12",
        "a:*1*112",
        expect![[r#"
        a:*1*112 => nothing
    "#]],
    );
    code(
        "12",
        "a:1122",
        expect![[r#"
        a:1122 => SECURE
    "#]],
    );
}

#[test]
fn without_a_code_no_key_secures() {
    code(
        "",
        "a:*7 a:0123456789*#ABCD",
        expect![[r#"
        a:*7 => nothing
        a:0123456789*#ABCD => nothing
    "#]],
    );
    code(
        "*7",
        "k:*7 view",
        expect![[r#"
        keys => changed
        view => Connected open, payment none, 2 keys
    "#]],
    );
}

#[test]
fn keys_on_an_open_line_reach_no_field() {
    connected(
        "k:4111 view collect:INV1:1250 field k:42 field view",
        expect![[r#"
            keys => changed
            view => Connected open, payment none, 4 keys
            collect:INV1:1250 => SECURE, field
            field => Pan 0
            keys => changed
            field => Pan 2
            view => Connected secured, payment none, 6 keys
        "#]],
    );
}

#[test]
fn collecting_secures_and_an_open_field_keeps_it_so() {
    connected(
        "collect:INV1:1250 unsecure k:4111 unsecure cancel unsecure view",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            unsecure => no: FieldOpen
            keys => changed
            unsecure => no: FieldOpen
            cancel => field closed
            unsecure => OPEN
            view => Connected open, payment none, 4 keys
        "#]],
    );
    complete(
        "field unsecure take:1 unsecure",
        expect![[r#"
        field => complete
        unsecure => no: FieldOpen
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        unsecure => OPEN
    "#]],
    );
}

#[test]
fn the_agent_s_keys_are_no_card_digits() {
    connected(
        "collect:INV1:1250 a:4111 field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            a:4111 => nothing
            field => Pan 0
        "#]],
    );
}

#[test]
fn a_lost_key_clears_its_field_alone() {
    connected(
        "lost collect:INV1:1250 k:4111 field lost field k:4111111111111111* k:12 lost field k:1230* field k:123* lost field take:1",
        expect![[r#"
            lost => changed
            collect:INV1:1250 => SECURE, field
            keys => changed
            field => Pan 4
            lost => changed
            field => Pan 0
            keys => changed
            keys => changed
            lost => changed
            field => Expiry 0
            keys => changed
            field => Code 0
            keys => field closed
            lost => changed
            field => complete
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        "#]],
    );
}

#[test]
fn when_the_line_was_first_secured_with_media_on_it() {
    route_1(
        "begin +2s answer:8 flow view +3s secure view unsecure +1s secure view",
        expect![[r#"
        begin => dial[8,0]
        +2s => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        flow => changed
        view => Connected open, payment none, 0 keys
        +3s => nothing
        secure => SECURE
        view => Connected secured after 5000 ms, payment none, 0 keys
        unsecure => OPEN
        +1s => nothing
        secure => SECURE
        view => Connected secured after 5000 ms, payment none, 0 keys
    "#]],
    );
    route_1(
        "begin +2s answer:8 secure view +1s flow view",
        expect![[r#"
        begin => dial[8,0]
        +2s => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        secure => SECURE
        view => Connected secured, payment none, 0 keys
        +1s => nothing
        flow => changed
        view => Connected secured after 3000 ms, payment none, 0 keys
    "#]],
    );
    route_1(
        "begin +2s answer:8 flow +1s a:*7 view",
        expect![[r#"
        begin => dial[8,0]
        +2s => nothing
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
        flow => changed
        +1s => nothing
        a:*7 => SECURE
        view => Connected secured after 3000 ms, payment none, 0 keys
    "#]],
    );
    route_1(
        "begin +2s answer:8 flow +500ms collect:INV1:1250 view",
        expect![[r#"
            begin => dial[8,0]
            +2s => nothing
            answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
            flow => changed
            +500ms => nothing
            collect:INV1:1250 => SECURE, field
            view => Connected secured after 2500 ms, payment none, 0 keys
        "#]],
    );
}

#[test]
fn a_key_that_was_lost_was_pressed() {
    connected(
        "lost view collect:INV1:1250 k:41 lost field view",
        expect![[r#"
            lost => changed
            view => Connected open, payment none, 1 keys
            collect:INV1:1250 => SECURE, field
            keys => changed
            lost => changed
            field => Pan 0
            view => Connected secured, payment none, 4 keys
        "#]],
    );
    complete(
        "lost view field",
        expect![[r#"
            lost => changed
            view => Connected secured, payment none, 27 keys
            field => complete
        "#]],
    );
}
