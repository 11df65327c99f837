//! A line that cannot be vouched for: no field is open on it, and none is opened.

use super::*;

#[test]
fn media_hears_of_every_field() {
    connected(
        &format!("collect:INV1:1250 {CARD} reask:code k:123* take:1 paid:1:declined/code reask:code cancel"),
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            keys => changed
            keys => field closed
            reask:code => field
            keys => field closed
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined/code => changed
            reask:code => field
            cancel => field closed
        "#]],
    );
    connected(
        "collect:INV1:1250 bye:c",
        expect![[r#"
        collect:INV1:1250 => SECURE, field
        bye:c => end agent, field closed, over customer_hung_up
    "#]],
    );
    connected(
        "collect:INV1:1250 +700s",
        expect![[r#"
        collect:INV1:1250 => SECURE, field
        +700s => field closed
    "#]],
    );
}

#[test]
fn while_the_agent_types_the_address_no_field_is_open() {
    let mut own = tenant();
    own.capture.address = AddressCheck::Typed;
    let mut run = Script::of(own, plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8 ack:-");
    expect![[r#"
        collect:INV1:1250 => SECURE, field
        keys => changed
        keys => changed
        keys => field closed
        field => Address 0
        unwell:source => changed
        reask:address => changed
        address:12,TD15 => changed
        field => complete
        well => changed
        field => complete
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
    "#]]
    .assert_eq(&run.run(&format!(
        "collect:INV1:1250 {CARD} field unwell:source reask:address address:12,TD15 field well field take:1"
    )));
}

#[test]
fn a_field_is_keyed_again_when_the_line_is_clear() {
    connected(
        "collect:INV1:1250 k:41111 field unwell:source field k:11* view field reask:pan collect:INV1:1250 \
        unwell:clock unwell:clock well field k:4111111111111111* field well field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            field => Pan 5
            unwell:source => changed
            field => Pan 0
            keys => changed
            view => Connected secured, payment none, 8 keys
            field => Pan 0
            reask:pan => no: Unwell(Source)
            collect:INV1:1250 => no: Unwell(Source)
            unwell:clock => changed
            unwell:clock => nothing
            well => changed
            field => Pan 0
            keys => changed
            field => Expiry 0
            well => nothing
            field => Expiry 0
        "#]],
    );
    // A field that was closed before stays closed.
    connected(
        "collect:INV1:1250 k:4111111111111111* k:12 unwell:storm k:30* reask:pan more well k:1230* k:123* field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            keys => changed
            unwell:storm => changed
            keys => changed
            reask:pan => no: Unwell(Storm)
            more => changed
            well => changed
            keys => changed
            keys => field closed
            field => complete
        "#]],
    );
}

#[test]
fn nothing_is_asked_for_on_an_unclear_line() {
    for why in Unwell::ALL {
        let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
        run.run(&format!("begin answer:8 ack:- secure unwell:{}", why.as_str()));
        assert_eq!(run.word("collect:INV1:1250"), format!("no: Unwell({why:?})"));
        assert_eq!(run.word("well"), "changed");
        assert_eq!(run.word("collect:INV1:1250"), "field");
    }
    // An open line is nobody's promise: securing it is the first step of asking.
    connected(
        "unwell:storm collect:INV1:1250 view",
        expect![[r#"
        unwell:storm => changed
        collect:INV1:1250 => SECURE, field
        view => Connected secured, payment none, 0 keys
    "#]],
    );
    complete(
        "take:1 paid:1:declined/code unwell:detector reask:code collect:INV1:1250 well reask:code",
        expect![[r#"
            take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
            paid:1:declined/code => changed
            unwell:detector => changed
            reask:code => no: Unwell(Detector)
            collect:INV1:1250 => no: Unwell(Detector)
            well => changed
            reask:code => field
        "#]],
    );
}

#[test]
fn a_complete_card_can_be_taken_on_an_unclear_line_and_after_a_leak() {
    complete(
        "unwell:source reask:code field take:1",
        expect![[r#"
        unwell:source => changed
        reask:code => no: Unwell(Source)
        field => complete
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
    "#]],
    );
    complete(
        "leaked reask:code field take:1 paid:1:declined/code reask:code collect:INV1:1250",
        expect![[r#"
        leaked => changed
        reask:code => no: Leaked
        field => complete
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        paid:1:declined/code => changed
        reask:code => no: Leaked
        collect:INV1:1250 => no: Leaked
    "#]],
    );
}

#[test]
fn after_a_leak_nothing_more_is_keyed_on_this_call() {
    connected(
        "collect:INV1:1250 k:41111 leaked field leaked k:1* reask:pan collect:INV1:1250 unsecure secure \
        collect:INV2:900 well collect:INV1:1250 view",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            leaked => field closed
            field => failed Leaked
            leaked => nothing
            keys => changed
            reask:pan => no: Capture(NotOpen)
            collect:INV1:1250 => no: Leaked
            unsecure => OPEN
            secure => SECURE
            collect:INV2:900 => no: Leaked
            well => nothing
            collect:INV1:1250 => no: Leaked
            view => Connected secured, payment none, 7 keys
        "#]],
    );
    // What was kept of a card is wiped: its code would have to be keyed.
    complete(
        "take:1 paid:1:declined/code leaked reask:code",
        expect![[r#"
        take:1 => AUTHORISE at1 pm1 INV1 12.50 GBP visa ..1111 code:3
        paid:1:declined/code => changed
        leaked => changed
        reask:code => no: Leaked
    "#]],
    );
}

#[test]
fn slow_keys_hold_for_the_call() {
    connected(
        "fast slow slow collect:INV1:1250 k:4 fast slow cancel bye:c slow",
        expect![[r#"
            fast => nothing
            slow => slow keys
            slow => nothing
            collect:INV1:1250 => SECURE, field
            keys => changed
            fast => usual keys
            slow => slow keys
            cancel => field closed
            bye:c => end agent, over customer_hung_up
            slow => no: CallOver
        "#]],
    );
}

#[test]
fn what_is_shown_of_it() {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin answer:8 ack:- unwell:source");
    let told = |run: &Script| {
        let view = run.call.view();
        (view.unwell.map(Unwell::as_str), view.leaked, view.slow_keys)
    };
    assert_eq!(told(&run), (None, false, false), "nothing is promised of an open line");
    run.run("secure slow");
    assert_eq!(told(&run), (Some("source"), false, true));
    run.run("leaked unwell:storm");
    assert_eq!(told(&run), (Some("storm"), true, true));
    run.run("bye:c");
    assert_eq!(told(&run), (None, true, true));
}
