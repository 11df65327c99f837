//! A call ends once, whoever ends it, and then nothing happens any more.

use super::*;

const ALL: &str = "begin ring answer:8 fail:486 ack:- ack:8 offer:c:8 offer:a:- reanswer:a:8 reanswer:c:!488
     bye:c bye:a k:4111 a:*7 lost flow timer shutdown +5h
     secure unsecure collect:INV1:1250 take:9 cancel reask:pan more address:12,TD15 hangup";

#[test]
fn after_the_end_everything_is_harmless() {
    connected(
        &format!("bye:c {ALL}"),
        expect![[r#"
        bye:c => end agent, over customer_hung_up
        begin => nothing
        ring => nothing
        answer:8 => nothing
        fail:486 => nothing
        ack:- => nothing
        ack:8 => nothing
        offer:c:8 => refuse customer 481
        offer:a:- => refuse agent 481
        reanswer:a:8 => nothing
        reanswer:c:!488 => nothing
        bye:c => nothing
        bye:a => nothing
        keys => nothing
        a:*7 => nothing
        lost => nothing
        flow => nothing
        timer => nothing
        shutdown => nothing
        +5h => nothing
        secure => no: CallOver
        unsecure => no: CallOver
        collect:INV1:1250 => no: CallOver
        take:9 => no: CallOver
        cancel => no: CallOver
        reask:pan => no: CallOver
        more => no: CallOver
        address:12,TD15 => no: CallOver
        hangup => no: CallOver
    "#]],
    );
}

#[test]
fn after_every_kind_of_end() {
    for end in ["bye:c", "bye:a", "shutdown", "hangup", "+4h"] {
        let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
        run.run("begin answer:8 ack:-");
        assert!(run.word(end).contains("over "), "{end}");
        for word in ALL.split_whitespace() {
            let told = run.word(word);
            let harmless = told == "nothing" || told == "no: CallOver" || told.starts_with("refuse ");
            assert!(harmless, "{word} after {end}: {told}");
        }
        assert_eq!(run.call.next_timeout(), None);
    }
}

#[test]
fn a_payment_under_way_still_gets_its_news() {
    complete(
        "take:1 bye:c view paid:2:approved paid:1:approved view",
        expect![[r#"
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        bye:c => end agent, over customer_hung_up
        view => Ended(CustomerHungUp) secured, payment sending, 26 keys
        paid:2:approved => nothing
        paid:1:approved => changed
        view => Ended(CustomerHungUp) secured, payment approved, 26 keys
    "#]],
    );
}

#[test]
fn what_was_keyed_is_gone() {
    complete(
        "bye:c field take:1",
        expect![[r#"
        bye:c => end agent, over customer_hung_up
        field => closed
        take:1 => no: CallOver
    "#]],
    );
    connected(
        "collect:INV1:1250 k:4111 shutdown field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            shutdown => end customer, end agent, field closed, over shutdown
            field => closed
        "#]],
    );
}

#[test]
fn four_hours_are_enough() {
    connected(
        "+14399s view +1s view",
        expect![[r#"
        +14399s => nothing
        view => Connected open, payment none, 0 keys
        +1s => end customer, end agent, over too_long
        view => Ended(TooLong) open, payment none, 0 keys
    "#]],
    );
    connected(
        "collect:INV1:1250 +4h view",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            +4h => field closed, end customer, end agent, over too_long
            view => Ended(TooLong) secured, payment none, 0 keys
        "#]],
    );
}

#[test]
fn shutdown_at_every_stage() {
    route_1(
        "shutdown begin",
        expect![[r#"
        shutdown => over shutdown
        begin => nothing
    "#]],
    );
    route_1(
        "begin ring shutdown",
        expect![[r#"
        begin => dial[8,0]
        ring => ring
        shutdown => reject 480, end agent, over shutdown
    "#]],
    );
    connected(
        "shutdown",
        expect![[r#"
        shutdown => end customer, end agent, over shutdown
    "#]],
    );
    route_2(
        "begin shutdown",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        shutdown => end customer, end agent, over shutdown
    "#]],
    );
    route_2(
        "begin fail:486 shutdown +1s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:486 => changed
        shutdown => end customer, over shutdown
        +1s => nothing
    "#]],
    );
}
